/* SPDX-License-Identifier: MIT */
/*
 * Arguments and environments, each of which Windows takes as one text. spawn.c calls this for each
 * child. Text is built in buffers that grow; the first failure sticks, and is reported at the end.
 */
#include "platform/win/child.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/error.h"

/* The longest command line, with its NUL. */
#define LINE_ROOM 32767

/* ------------------------------------------------------------- command line */

/* A text that grows. Once there is no memory for it, it stays as it is. */
struct text {
    wchar_t *begin;
    size_t size, room;
    bool failed;
};

static void add_characters(struct text *text, wchar_t c, size_t times)
{
    if (text->failed)
        return;
    if (times > text->room - text->size) {
        size_t room = 2 * (text->size + times) + 64;
        wchar_t *larger = realloc(text->begin, room * sizeof *larger);
        if (!larger) {
            text->failed = true;
            return;
        }
        text->begin = larger;
        text->room = room;
    }
    while (times-- > 0)
        text->begin[text->size++] = c;
}

/*
 * Add an argument. Programs split their command lines by the rules of CommandLineToArgvW() and the
 * C runtimes: backslashes count only before a quote, where each of them needs another one, and so
 * does a quote that is part of the text. Only arguments that need quotes get them, as programs with
 * rules of their own (msiexec, cmd) expect; arguments with wildcards need them, because some
 * runtimes replace wildcards by names of files.
 */
static void add_argument(struct text *text, const wchar_t *argument)
{
    const bool quoted = *argument == L'\0' || wcspbrk(argument, L" \t\n\v\"*?") != NULL;
    size_t backslashes = 0;
    if (quoted)
        add_characters(text, L'"', 1);
    for (; *argument; argument++) {
        if (*argument == L'"')
            add_characters(text, L'\\', backslashes + 1);
        backslashes = *argument == L'\\' ? backslashes + 1 : 0;
        add_characters(text, *argument, 1);
    }
    if (quoted) {
        add_characters(text, L'\\', backslashes);
        add_characters(text, L'"', 1);
    }
}

/*
 * Add the program's own name, for which there are simpler rules: a quote ends it, and a backslash
 * is an ordinary character. A quote can't be written at all, but no file has one in its name.
 */
static void add_program(struct text *text, const wchar_t *name)
{
    add_characters(text, L'"', 1);
    for (; *name; name++)
        add_characters(text, *name, 1);
    add_characters(text, L'"', 1);
}

int rdv__win_command_line(const char *const *argv, wchar_t **ret_line, struct rdv_error *error)
{
    struct text text = {NULL, 0, 0, false};
    char buffer[RDV__WIN_WORDS];
    int result = 0;
    for (size_t i = 0; result == 0 && argv[i]; i++) {
        wchar_t *argument = rdv__win_wide(argv[i]);
        if (!argument) {
            DWORD number = GetLastError();
            result = rdv__fail(
                error, number == ERROR_NO_UNICODE_TRANSLATION ? RDV_EINVAL : rdv__win_error(number),
                "cannot run '%s': its argument %zu: %s", argv[0], i,
                rdv__win_words(number, buffer));
            break;
        }
        if (i == 0) {
            add_program(&text, argument);
        } else {
            add_characters(&text, L' ', 1);
            add_argument(&text, argument);
        }
        free(argument);
        if (text.size >= LINE_ROOM)
            result = rdv__fail(error, RDV_ELIMIT,
                               "cannot run '%s': its command line is longer than the %d characters "
                               "that Windows takes",
                               argv[0], LINE_ROOM - 1);
    }
    add_characters(&text, L'\0', 1);
    if (result == 0 && text.failed)
        result =
            rdv__fail(error, RDV_ENOMEM, "cannot run '%s': %s", argv[0], rdv_strerror(RDV_ENOMEM));
    if (result == 0)
        *ret_line = text.begin;
    else
        free(text.begin);
    return result;
}

/* -------------------------------------------------------------- environment */

/* A variable, and its position in the list: of two with the same name, the later one counts. */
struct variable {
    wchar_t *text;
    size_t order;
};

static int compare_names(const wchar_t *a, const wchar_t *b)
{
    return CompareStringOrdinal(a, (int)wcscspn(a, L"="), b, (int)wcscspn(b, L"="), TRUE) -
           CSTR_EQUAL;
}

static int compare_variables(const void *a, const void *b)
{
    const struct variable *one = a, *two = b;
    int order = compare_names(one->text, two->text);
    if (order != 0)
        return order;
    return one->order < two->order ? -1 : one->order > two->order;
}

/* Make "name=value". Returns NULL if there is no memory. */
static wchar_t *join_variable(const wchar_t *name, const wchar_t *value)
{
    size_t room = wcslen(name) + wcslen(value) + 2;
    wchar_t *text = malloc(room * sizeof *text);
    if (text)
        swprintf(text, room, L"%ls=%ls", name, value);
    return text;
}

/*
 * Make the variable SystemRoot, without which sockets and cryptography fail in most programs, and
 * .NET doesn't start.
 */
static wchar_t *system_root(void)
{
    wchar_t folder[MAX_PATH + 1];
    UINT length = GetSystemWindowsDirectoryW(folder, MAX_PATH + 1);
    return length > 0 && length <= MAX_PATH ? join_variable(L"SystemRoot", folder) : NULL;
}

static wchar_t *make_block(struct variable *variables, size_t count)
{
    size_t size = 2;
    qsort(variables, count, sizeof *variables, compare_variables);
    for (size_t i = 0; i < count; i++)
        size += wcslen(variables[i].text) + 1;
    wchar_t *block = malloc(size * sizeof *block), *at = block;
    if (!block)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if (i + 1 < count && compare_names(variables[i].text, variables[i + 1].text) == 0)
            continue;
        size_t length = wcslen(variables[i].text) + 1;
        memcpy(at, variables[i].text, length * sizeof *at);
        at += length;
    }
    /* An empty block has two NULs as well. */
    at[0] = at[1] = L'\0';
    return block;
}

int rdv__win_environment(const char *const *environment, const wchar_t *notify, wchar_t **ret_block,
                         struct rdv_error *error)
{
    size_t given = 0, count = 0;
    DWORD number = 0;
    wchar_t *block = NULL;
    char buffer[RDV__WIN_WORDS];
    while (environment[given])
        given++;
    struct variable *variables = calloc(given + 2, sizeof *variables);
    if (!variables)
        return rdv__fail(error, RDV_ENOMEM, "%s", rdv_strerror(RDV_ENOMEM));

    /* It comes first, so that a variable that is given takes precedence. */
    variables[0].text = system_root();
    for (count = 1; number == 0 && count <= given; count++) {
        variables[count].order = count;
        variables[count].text = rdv__win_wide(environment[count - 1]);
        if (!variables[count].text)
            number = GetLastError();
    }
    if (number == 0) {
        variables[count].order = count;
        variables[count++].text = join_variable(L"RDV_NOTIFY", notify);
        if (!variables[0].text || !variables[count - 1].text)
            number = ERROR_NOT_ENOUGH_MEMORY;
    }
    if (number == 0) {
        block = make_block(variables, count);
        number = block ? 0 : ERROR_NOT_ENOUGH_MEMORY;
    }
    for (size_t i = 0; i < count; i++)
        free(variables[i].text);
    free(variables);
    if (number != 0)
        return rdv__fail(
            error, number == ERROR_NO_UNICODE_TRANSLATION ? RDV_EINVAL : rdv__win_error(number),
            "a variable of the environment: %s", rdv__win_words(number, buffer));
    *ret_block = block;
    return 0;
}

/* ---------------------------------------------- what every child may count on */

/*
 * Variables of the machine, not of a user: services have them, too. Their values are those of this
 * process, and variables that it doesn't have are left out.
 */
static const wchar_t *const machine_names[] = {
    L"ALLUSERSPROFILE",        L"CommonProgramFiles", L"CommonProgramFiles(x86)",
    L"CommonProgramW6432",     L"COMPUTERNAME",       L"NUMBER_OF_PROCESSORS",
    L"PROCESSOR_ARCHITECTURE", L"ProgramData",        L"ProgramFiles",
    L"ProgramFiles(x86)",      L"ProgramW6432",
};
#define MACHINE_NAMES (sizeof machine_names / sizeof *machine_names)

/* Variables that are made from the folder of Windows, which %ls stands for. */
static const struct {
    const wchar_t *name, *format;
} system_names[] = {
    {L"PATH", L"%ls\\System32;%ls;%ls\\System32\\Wbem;%ls\\System32\\WindowsPowerShell\\v1.0"},
    {L"SystemRoot", L"%ls"},
    {L"windir", L"%ls"},
    {L"ComSpec", L"%ls\\System32\\cmd.exe"},
    {L"SystemDrive", L"%.2ls"},
    {L"OS", L"Windows_NT"},
    {L"PATHEXT", L".COM;.EXE;.BAT;.CMD"},
};
#define SYSTEM_NAMES (sizeof system_names / sizeof *system_names)

#define VALUE_ROOM (5 * MAX_PATH)

struct list {
    char **texts;
    size_t count;
    bool failed;
};

static void put_variable(struct list *list, const wchar_t *name, const wchar_t *value)
{
    wchar_t *text = join_variable(name, value);
    char *narrow = text ? rdv__win_utf8(text) : NULL;
    free(text);
    if (narrow)
        list->texts[list->count++] = narrow;
    else
        list->failed = true;
}

int rdv__plat_environment(char ***ret_list, size_t *ret_count)
{
    wchar_t folder[MAX_PATH + 1], value[VALUE_ROOM];
    UINT size = GetSystemWindowsDirectoryW(folder, MAX_PATH + 1);
    if (size == 0 || size > MAX_PATH)
        return RDV_EIO;
    struct list list = {calloc(SYSTEM_NAMES + MACHINE_NAMES + 3, sizeof *list.texts), 0, false};
    if (!list.texts)
        return RDV_ENOMEM;

    for (size_t i = 0; i < SYSTEM_NAMES; i++) {
        swprintf(value, VALUE_ROOM, system_names[i].format, folder, folder, folder, folder);
        put_variable(&list, system_names[i].name, value);
    }
    for (size_t i = 0; i < MACHINE_NAMES; i++) {
        DWORD length = GetEnvironmentVariableW(machine_names[i], value, VALUE_ROOM);
        if (length > 0 && length < VALUE_ROOM)
            put_variable(&list, machine_names[i], value);
    }
    DWORD length = GetTempPathW(VALUE_ROOM, value);
    if (length > 1 && length < VALUE_ROOM) {
        /* Remove a backslash. */
        value[length - 1] = L'\0';
        put_variable(&list, L"TEMP", value);
        put_variable(&list, L"TMP", value);
    }
    if (list.failed) {
        for (size_t i = 0; i < list.count; i++)
            free(list.texts[i]);
        free(list.texts);
        return RDV_ENOMEM;
    }
    *ret_list = list.texts;
    *ret_count = list.count;
    return 0;
}
