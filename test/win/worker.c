/* SPDX-License-Identifier: MIT */
/*
 * What tasks run in the tests of the program on Windows. It does what its arguments say, one after the other.
 *
 *     worker.exe print "in work" notice PROGRESS=40 wait go.txt exit 3
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

#include <fcntl.h>
#include <io.h>
#include <windows.h>

#define STEP        50 /* milliseconds between two looks */
#define COMMAND_MAX 1024

int wmain(int argc, wchar_t **argv);

static void print(FILE *file, const wchar_t *words)
{
    char text[COMMAND_MAX] = "";
    WideCharToMultiByte(CP_UTF8, 0, words, -1, text, sizeof(text), NULL, NULL);
    fprintf(file, "%s\n", text);
    fflush(file);
}

static bool append(const wchar_t *path, const wchar_t *words)
{
    FILE *file = _wfopen(path, L"ab");
    if (!file)
        return false;
    print(file, words);
    fclose(file);
    return true;
}

/* Copy standard input to a file, unchanged. */
static bool copy_input(const wchar_t *path)
{
    FILE *file = _wfopen(path, L"wb");
    int byte;
    if (!file)
        return false;
    while ((byte = getchar()) != EOF)
        fputc(byte, file);
    fclose(file);
    return true;
}

static bool print_variable(const wchar_t *name)
{
    const wchar_t *value = _wgetenv(name);
    print(stdout, value ? value : L"(not set)");
    return true;
}

static bool notify(const wchar_t *notice)
{
    const wchar_t *name = _wgetenv(L"RDV_NOTIFY");
    return name && append(name, notice);
}

static bool wait_for(const wchar_t *path)
{
    while (GetFileAttributesW(path) == INVALID_FILE_ATTRIBUTES)
        Sleep(STEP);
    return true;
}

/* Add to a file every now and then, which shows that this process is alive. */
static bool beat(const wchar_t *path)
{
    while (append(path, L"alive"))
        Sleep(STEP);
    return false;
}

/* Start another worker that does that, and don't wait for it. */
static bool leave_child(const wchar_t *path)
{
    STARTUPINFOW startup = {.cb = sizeof(startup)};
    PROCESS_INFORMATION process;
    wchar_t self[MAX_PATH], line[COMMAND_MAX];
    GetModuleFileNameW(NULL, self, MAX_PATH);
    _snwprintf(line, COMMAND_MAX, L"\"%ls\" beat \"%ls\"", self, path);
    line[COMMAND_MAX - 1] = L'\0';
    if (!CreateProcessW(self, line, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &process))
        return false;
    CloseHandle(process.hThread);
    CloseHandle(process.hProcess);
    return true;
}

static bool act(const wchar_t *verb, const wchar_t *value)
{
    if (wcscmp(verb, L"print") == 0)
        print(stdout, value);
    else if (wcscmp(verb, L"error") == 0)
        print(stderr, value);
    else if (wcscmp(verb, L"copy") == 0)
        return copy_input(value);
    else if (wcscmp(verb, L"append") == 0)
        return append(value, _wgetenv(L"RDV_IDENTIFIER"));
    else if (wcscmp(verb, L"variable") == 0)
        return print_variable(value);
    else if (wcscmp(verb, L"notice") == 0)
        return notify(value);
    else if (wcscmp(verb, L"wait") == 0)
        return wait_for(value);
    else if (wcscmp(verb, L"beat") == 0)
        return beat(value);
    else if (wcscmp(verb, L"child") == 0)
        return leave_child(value);
    else if (wcscmp(verb, L"shell") == 0)
        exit(_wsystem(value));
    else if (wcscmp(verb, L"exit") == 0)
        exit(_wtoi(value));
    else
        return false;
    return true;
}

int wmain(int argc, wchar_t **argv)
{
    for (int fd = 0; fd <= 2; fd++)
        _setmode(fd, _O_BINARY);
    for (int i = 1; i + 1 < argc; i += 2)
        if (!act(argv[i], argv[i + 1])) {
            fprintf(stderr, "argument %d can't be done\n", i);
            return 99;
        }
    return 0;
}
