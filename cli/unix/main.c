/* SPDX-License-Identifier: MIT */
/* main() on Unix, where the command line is UTF-8 already. */
#include "../commands.h"
#include "first_process.h"

int main(int argc, char **argv)
{
    int code;
    if (first_process(&code))
        return code;
    return command_main(argc, argv);
}
