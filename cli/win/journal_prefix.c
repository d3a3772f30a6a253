/* SPDX-License-Identifier: MIT */
/* Windows has no journal that reads priorities from standard error. */
#include "../journal_prefix.h"

const char *journal_prefix(int priority)
{
    (void)priority;
    return "";
}
