/* SPDX-License-Identifier: MIT */
/*
 * The characters that are shown as escapes: control characters, characters that order or break
 * text, and invisible ones. Each of them can make text read as something else. The library and the
 * program show text in different ways, but both go by this table, which is in ascending order.
 *
 * One of the invisible characters is the joiner of emojis (U+200D), so emojis that it would join
 * are shown side by side.
 */
#ifndef RDV__BASE_HIDDEN_H
#define RDV__BASE_HIDDEN_H

/* clang-format off */
#define RDV__HIDDEN_RANGES \
    {0x0000, 0x001F}, {0x007F, 0x009F}, {0x00AD, 0x00AD}, {0x034F, 0x034F}, {0x061C, 0x061C}, \
    {0x115F, 0x1160}, {0x17B4, 0x17B5}, {0x180B, 0x180F}, {0x200B, 0x200F}, {0x2028, 0x202E}, \
    {0x2060, 0x206F}, {0x3164, 0x3164}, {0xFEFF, 0xFEFF}, {0xFFA0, 0xFFA0}, {0xFFF9, 0xFFFB}, \
    {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF}
/* clang-format on */

#endif
