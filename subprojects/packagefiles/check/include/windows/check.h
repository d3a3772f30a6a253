/*
 * Check's header for mingw-w64, whose compiler takes the format attribute "printf" for Microsoft's conversions. What formats
 * here is C99's, as everywhere else.
 */
#include <stdio.h>
#define printf gnu_printf
#include "../../src/check.h"
#undef printf
