/* SPDX-License-Identifier: MIT */
/*
 * Where a link leads, read from the data that the file system has for it. trust.c calls this for
 * each link on a way. The data comes from the disk, so every offset in it is checked.
 */
#include "platform/win/win.h"

#include <stdlib.h>
#include <string.h>

/* The layout of that data, which is only in the headers for drivers. */
struct link {
    ULONG tag;
    USHORT size, reserved;
    /* In bytes, counted from `path` on. */
    USHORT target_offset, target_size, shown_offset, shown_size;
    union {
        struct {
            ULONG flags;
            WCHAR path[1];
        } symbolic;
        struct {
            WCHAR path[1];
        } mounted;
    } as;
};

/* A flag in symbolic.flags. */
#define LINK_RELATIVE 1ul

/*
 * What the kernel writes before an absolute path, where programs write the prefix for long paths,
 * which has the same length.
 */
#define KERNEL_ROOT L"\\??\\"
#define PREFIX      L"\\\\?\\"
#define PREFIX_SIZE 4

DWORD rdv__win_target(const void *data, size_t size, wchar_t **ret_target, bool *ret_relative)
{
    const struct link *link = data;
    bool relative = false;
    size_t begin;
    if (size < offsetof(struct link, as) + sizeof link->as.symbolic.flags)
        return ERROR_INVALID_REPARSE_DATA;
    switch (link->tag) {
    case IO_REPARSE_TAG_SYMLINK:
        begin = offsetof(struct link, as.symbolic.path);
        relative = (link->as.symbolic.flags & LINK_RELATIVE) != 0;
        break;
    case IO_REPARSE_TAG_MOUNT_POINT:
        begin = offsetof(struct link, as.mounted.path);
        break;
    default:
        return ERROR_CANT_ACCESS_FILE;
    }
    begin += link->target_offset;
    if (begin + link->target_size > size || link->target_size < sizeof(WCHAR))
        return ERROR_INVALID_REPARSE_DATA;

    size_t length = link->target_size / sizeof(WCHAR);
    wchar_t *target = malloc((length + 1) * sizeof *target);
    if (!target)
        return ERROR_NOT_ENOUGH_MEMORY;
    memcpy(target, (const char *)data + begin, length * sizeof *target);
    target[length] = L'\0';
    if (!relative && wcsncmp(target, KERNEL_ROOT, PREFIX_SIZE) != 0) {
        free(target);
        return ERROR_INVALID_REPARSE_DATA;
    }
    if (!relative)
        memcpy(target, PREFIX, PREFIX_SIZE * sizeof *target);
    *ret_target = target;
    *ret_relative = relative;
    return 0;
}
