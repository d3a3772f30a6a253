/* SPDX-License-Identifier: MIT */
/* A shared library that is no plug-in. */
#include <rdvtask/module.h>

RDV_MODULE_EXPORT int something_else(void);

int something_else(void)
{
    return 0;
}
