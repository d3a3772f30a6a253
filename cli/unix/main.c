/* SPDX-License-Identifier: MIT */
#include "../command.h"
#include "first.h"

int main(int argc, char **argv)
{
    int code;
    if (first_process(&code))
        return code;
    return command_main(argc, argv);
}
