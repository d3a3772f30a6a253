/* SPDX-License-Identifier: MIT */
/* What the program needs from Windows. Conversions, and the rules of trust, are those of the
 * library (lib/platform/win). */
#include "../system.h"

#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <stdlib.h>
#include <string.h>

#include <windows.h>

#include <knownfolders.h>
#include <shlobj.h>

#include "platform/platform.h"
#include "platform/win/win.h"

/* How many bytes are written to a console at a time. The buffer between it and the process is
 * small. */
#define CONSOLE_PIECE 4096

/* How many bytes are written to a file or pipe at a time. */
#define WRITE_PIECE ((size_t)1024 * 1024)

void system_prepare(void)
{
    /* Lines end with \n for every reader, and input is taken as it is. */
    for (int fd = 0; fd <= 2; fd++)
        _setmode(fd, _O_BINARY);
    /* There may be nobody to answer a message box about a drive without a disk, or about a crash
     * of this program or of a step, which inherits this mode. And no DLL is taken from the
     * current folder. */
    SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX | SEM_NOOPENFILEERRORBOX);
    SetDllDirectoryW(L"");
}

/* ------------------------------------------------------------ places */

static bool is_administrator(void)
{
    union rdv__win_sid administrators;
    DWORD size = sizeof(administrators);
    BOOL is = FALSE;
    return CreateWellKnownSid(WinBuiltinAdministratorsSid, NULL, &administrators.sid, &size) &&
           CheckTokenMembership(NULL, &administrators.sid, &is) && is;
}

static char *no_place(struct rdv_error *error, int code, const char *words)
{
    *error = (struct rdv_error){.code = code};
    snprintf(error->text, sizeof(error->text), "%s", words);
    return NULL;
}

/* The folder of rdvtask: the machine's, or the user's own. It is not read from variables, since
 * the user can set those for programs that run as administrator, too. */
static char *find_folder(bool machine, struct rdv_error *error)
{
    static const char name[] = "\\rdvtask";
    PWSTR wide = NULL;
    char *path = NULL;
    const HRESULT found = SHGetKnownFolderPath(
        machine ? &FOLDERID_ProgramData : &FOLDERID_LocalAppData, KF_FLAG_DEFAULT, NULL, &wide);
    char *folder = SUCCEEDED(found) ? rdv__win_utf8(wide) : NULL;
    CoTaskMemFree(wide);
    if (FAILED(found))
        return no_place(error, RDV_ENOTFOUND,
                        machine ? "there is no folder for the machine's data"
                                : "there is no folder for the user's data");
    if (folder)
        path = realloc(folder, strlen(folder) + sizeof(name));
    if (!path) {
        free(folder);
        return no_place(error, RDV_ENOMEM, rdv_strerror(RDV_ENOMEM));
    }
    memcpy(path + strlen(path), name, sizeof(name));
    return path;
}

/* Find a file in that folder. Every user may make folders in the machine's one, so the
 * administrator uses none that another user has made, or may put files in. */
static char *find_file(const char *name, struct rdv_error *error)
{
    const bool machine = is_administrator();
    char *folder = find_folder(machine, error);
    if (!folder)
        return NULL;
    char *path = NULL;
    const size_t length = strlen(folder);
    if (!machine || !system_exists(folder) || rdv__plat_check_trusted(folder, error) == 0) {
        path = realloc(folder, length + 1 + strlen(name) + 1);
        if (!path)
            no_place(error, RDV_ENOMEM, rdv_strerror(RDV_ENOMEM));
    }
    if (!path) {
        free(folder);
        return NULL;
    }
    path[length] = '\\';
    memcpy(path + length + 1, name, strlen(name) + 1);
    return path;
}

char *system_store(struct rdv_error *error)
{
    return find_file("rdvtask.db", error);
}

char *system_config(struct rdv_error *error)
{
    return find_file("agent.json", error);
}

bool system_exists(const char *path)
{
    wchar_t *wide = rdv__win_path(path);
    const bool exists = wide && GetFileAttributesW(wide) != INVALID_FILE_ATTRIBUTES;
    free(wide);
    return exists;
}

bool system_separates(char character)
{
    return character == '\\' || character == '/';
}

FILE *system_open(const char *path)
{
    FILE *file = NULL;
    wchar_t *wide = rdv__win_path(path);
    if (wide)
        file = _wfopen(wide, L"rb");
    else
        errno = GetLastError() == ERROR_NOT_ENOUGH_MEMORY ? ENOMEM : ENOENT;
    free(wide);
    return file;
}

int system_read_start(const char *path, char *buffer, size_t room)
{
    FILE *file = system_open(path);
    if (!file)
        return errno;
    buffer[fread(buffer, 1, room - 1, file)] = '\0';
    const int number = ferror(file) ? EIO : 0;
    fclose(file);
    return number;
}

/* Make a folder, and first those that are missing above it. Returns 0, or the error of Windows. */
static DWORD make_folder(wchar_t *path, SECURITY_ATTRIBUTES *attributes)
{
    if (CreateDirectoryW(path, attributes))
        return 0;
    DWORD number = GetLastError();
    wchar_t *last = wcsrchr(path, L'\\');
    if (number == ERROR_ALREADY_EXISTS)
        return 0;
    if (number != ERROR_PATH_NOT_FOUND || !last || last == path)
        return number;
    *last = L'\0';
    number = make_folder(path, attributes);
    *last = L'\\';
    if (number == 0 && !CreateDirectoryW(path, attributes))
        number = GetLastError();
    return number;
}

int system_make_directory(const char *path, struct rdv_error *error)
{
    SECURITY_ATTRIBUTES attributes = {0};
    char words[RDV__WIN_WORDS];
    wchar_t *wide = rdv__win_path(path);
    DWORD number = wide ? rdv__win_private(&attributes) : GetLastError();
    if (number == 0)
        number = make_folder(wide, &attributes);
    rdv__win_private_free(&attributes);
    free(wide);
    if (number == 0)
        return 0;
    *error = (struct rdv_error){.code = rdv__win_error(number)};
    snprintf(error->text, sizeof(error->text), "%s", rdv__win_words(number, words));
    return error->code;
}

/* ------------------------------------------------------------ what only Unix has */

char *system_link_target(const char *path)
{
    (void)path; /* the lock file is beside the link, too */
    return NULL;
}

char *system_barred_folder(const char *path, const char *group)
{
    /* A pipe is in no folder. */
    (void)path;
    (void)group;
    return NULL;
}

int system_supervisor(char **ret_path)
{
    *ret_path = NULL; /* a job object holds the whole tree of processes */
    return 0;
}

/* ------------------------------------------------------------ waiting */

void system_pause(rdv_duration duration)
{
    Sleep((DWORD)(duration / RDV_MILLISECOND));
}

/* ------------------------------------------------------------ the terminal */

/* The console that a stream goes to; NULL if it goes elsewhere. */
static HANDLE console_of(FILE *file)
{
    const HANDLE handle = (HANDLE)_get_osfhandle(_fileno(file));
    DWORD mode;
    return GetConsoleMode(handle, &mode) ? handle : NULL;
}

/* How many of these bytes to write next without cutting a character in two. */
static size_t piece_of(const char *bytes, size_t size)
{
    size_t piece = size < CONSOLE_PIECE ? size : CONSOLE_PIECE;
    while (piece < size && piece > 0 && ((unsigned char)bytes[piece] & 0xc0) == 0x80)
        piece--;
    return piece > 0 ? piece : size;
}

static bool write_console(HANDLE console, const char *bytes, size_t size)
{
    wchar_t wide[CONSOLE_PIECE];
    while (size > 0) {
        const size_t piece = piece_of(bytes, size);
        const int length = MultiByteToWideChar(CP_UTF8, 0, bytes, (int)piece, wide, CONSOLE_PIECE);
        DWORD written = 0;
        if (length <= 0)
            return false;
        for (DWORD at = 0; at < (DWORD)length; at += written)
            if (!WriteConsoleW(console, wide + at, (DWORD)length - at, &written, NULL) ||
                written == 0)
                return false;
        bytes += piece;
        size -= piece;
    }
    return true;
}

void system_print(FILE *file, const char *bytes, size_t size)
{
    /* What bytes mean on a console depends on its code page, and old consoles count bytes
     * wrongly in that of UTF-8. */
    const HANDLE console = console_of(file);
    if (!console || fflush(file) != 0 || !write_console(console, bytes, size))
        fwrite(bytes, 1, size, file);
}

int system_write(bool error, const char *bytes, size_t size, size_t *ret_written)
{
    /* This avoids stdio: a write that is stuck would keep its lock, and the end of the program
     * takes that lock to flush. */
    FILE *file = error ? stderr : stdout;
    const HANDLE console = console_of(file);
    *ret_written = 0;
    if (console && !write_console(console, bytes, size))
        return EIO;
    if (console)
        *ret_written = size;
    while (*ret_written < size) {
        const size_t left = size - *ret_written;
        const int written = _write(_fileno(file), bytes + *ret_written,
                                   (unsigned)(left < WRITE_PIECE ? left : WRITE_PIECE));
        if (written <= 0)
            return written < 0 ? errno : ENOSPC;
        *ret_written += (size_t)written;
    }
    return 0;
}

bool system_one_output(void)
{
    const HANDLE output = (HANDLE)_get_osfhandle(_fileno(stdout)),
                 error = (HANDLE)_get_osfhandle(_fileno(stderr));
    BY_HANDLE_FILE_INFORMATION one, other;
    if (output == error || (console_of(stdout) && console_of(stderr)))
        return true;
    return GetFileType(output) == FILE_TYPE_DISK && GetFileType(error) == FILE_TYPE_DISK &&
           GetFileInformationByHandle(output, &one) && GetFileInformationByHandle(error, &other) &&
           one.dwVolumeSerialNumber == other.dwVolumeSerialNumber &&
           one.nFileIndexHigh == other.nFileIndexHigh && one.nFileIndexLow == other.nFileIndexLow;
}

bool system_reader_gone(void)
{
    const HANDLE output = (HANDLE)_get_osfhandle(_fileno(stdout));
    DWORD written;
    if (GetFileType(output) != FILE_TYPE_PIPE || WriteFile(output, "", 0, &written, NULL))
        return false;
    const DWORD number = GetLastError();
    return number == ERROR_BROKEN_PIPE || number == ERROR_NO_DATA;
}

bool system_live_terminal(void)
{
    DWORD mode;
    const HANDLE output = GetStdHandle(STD_OUTPUT_HANDLE);
    return GetConsoleMode(output, &mode) && (mode & ENABLE_VIRTUAL_TERMINAL_PROCESSING);
}

void system_terminal_size(size_t *ret_columns, size_t *ret_rows)
{
    CONSOLE_SCREEN_BUFFER_INFO info;
    *ret_columns = 80;
    *ret_rows = 24;
    if (!GetConsoleScreenBufferInfo(GetStdHandle(STD_OUTPUT_HANDLE), &info))
        return;
    if (info.srWindow.Right > info.srWindow.Left)
        *ret_columns = (size_t)(info.srWindow.Right - info.srWindow.Left) + 1;
    if (info.srWindow.Bottom > info.srWindow.Top)
        *ret_rows = (size_t)(info.srWindow.Bottom - info.srWindow.Top) + 1;
}
