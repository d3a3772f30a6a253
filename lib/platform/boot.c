/* SPDX-License-Identifier: MIT */
/*
 * Which boot of the machine this is: the system's own answer, or the first line of a file that the
 * caller names instead (for machines whose boots are counted by something else, and for tests). The
 * agent compares it with what the journal has, to tell whether a reboot has happened.
 */
#include "platform/boot.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/utf8.h"
#include "platform/platform.h"

#define FILE_MAX 65536

int rdv__boot_id(const char *file, char buffer[RDV__BOOT_ID_ROOM], struct rdv_error *error)
{
    if (!file) {
        int result = rdv__plat_boot_id(buffer);
        return result ? rdv__fail(error, result, "the system does not say which boot this is") : 0;
    }
    char *text;
    size_t size;
    int result = rdv__plat_read_file(file, FILE_MAX, &text, &size, error);
    if (result)
        return result;
    size = strcspn(text, "\r\n");
    if (size == 0 || size >= RDV__BOOT_ID_ROOM || !rdv__utf8_valid(text, size)) {
        result =
            rdv__fail(error, RDV_EINVAL,
                      "'%s' should have the boot's name in its first line, of at most %d bytes",
                      file, RDV__BOOT_ID_ROOM - 1);
    } else {
        memcpy(buffer, text, size);
        buffer[size] = '\0';
    }
    free(text);
    return result;
}
