/* SPDX-License-Identifier: MIT */
/*
 * The part of the shell's language, and of the usual commands, that the tests are written in, for Windows, which has no
 * such shell. Under the name sh it runs "sh -c TEXT"; under another name, or as "worker NAME ...", it is that one command.
 * Anything that it does not know fails with a message and exit code 127.
 *
 * Variables are those of the environment. Whatever runs beside the shell (&, |, parentheses, $()) is another process of this
 * program. The descriptors are four handles; 3 is the pipe that RDV_NOTIFY names. TERM is Ctrl+Break.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <windows.h>
/* after windows.h */
#include <shellapi.h>

#define WORD_MAX      65536
#define WORDS_MAX     512
#define CHILDREN_MAX  64
#define FDS           4
#define NOT_FOUND     127
#define ENDED_BY_KILL 0xE7FFFFF7u

static HANDLE fds[FDS];
static int status;
static HANDLE children[CHILDREN_MAX];
static int child_count;
static DWORD last_child;

static _Noreturn void fail(const char *what, const char *name)
{
    fprintf(stderr, "worker: %s: %s (%lu)\n", name, what, GetLastError());
    fflush(stderr);
    ExitProcess(NOT_FOUND);
}

/* -------------------------------------------------------------------- text */

static wchar_t *wide(const char *text)
{
    int count = MultiByteToWideChar(CP_UTF8, 0, text, -1, NULL, 0);
    wchar_t *result = malloc((size_t)count * sizeof *result);
    MultiByteToWideChar(CP_UTF8, 0, text, -1, result, count);
    return result;
}

static char *narrow(const wchar_t *text)
{
    int count = WideCharToMultiByte(CP_UTF8, 0, text, -1, NULL, 0, NULL, NULL);
    char *result = malloc((size_t)count);
    WideCharToMultiByte(CP_UTF8, 0, text, -1, result, count, NULL, NULL);
    return result;
}

/* Return the value of a variable, or "" if there is none. The caller frees it. */
static char *variable(const char *name)
{
    wchar_t *key = wide(name);
    DWORD size = GetEnvironmentVariableW(key, NULL, 0);
    wchar_t *value = calloc(size + 1, sizeof *value);
    GetEnvironmentVariableW(key, value, size + 1);
    char *result = narrow(value);
    free(value);
    free(key);
    return result;
}

static void set_variable(const char *name, const char *value)
{
    wchar_t *key = wide(name), *text = wide(value);
    SetEnvironmentVariableW(key, text);
    free(text);
    free(key);
}

static bool put(HANDLE file, const void *data, size_t size)
{
    const char *at = data;
    while (size > 0) {
        DWORD written, part = size > 65536 ? 65536 : (DWORD)size;
        if (!WriteFile(file, at, part, &written, NULL))
            return false;
        at += written;
        size -= written;
    }
    return true;
}

static bool say(const char *text)
{
    return put(fds[1], text, strlen(text));
}

/* ------------------------------------------------------------------- files */

static HANDLE open_file(const char *name, DWORD access, DWORD how)
{
    wchar_t *path = wide(strcmp(name, "/dev/null") == 0 ? "NUL" : name);
    HANDLE file = CreateFileW(path, access, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                              NULL, how, 0, NULL);
    free(path);
    return file;
}

/* Return descriptor 3, which is opened when it is first used. */
static HANDLE notices(void)
{
    if (fds[3])
        return fds[3];
    char *name = variable("RDV_NOTIFY");
    wchar_t *path = wide(name);
    HANDLE pipe;
    while ((pipe = CreateFileW(path, GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL)) ==
               INVALID_HANDLE_VALUE &&
           GetLastError() == ERROR_PIPE_BUSY)
        WaitNamedPipeW(path, 1000);
    if (pipe == INVALID_HANDLE_VALUE)
        fail("can't be opened", name);
    free(path);
    free(name);
    return fds[3] = pipe;
}

/* ------------------------------------------------------------------ signals */

static char trap_text[1024];
static bool trap_set;
static volatile LONG asked;

static BOOL WINAPI asked_to_end(DWORD event)
{
    if (event != CTRL_BREAK_EVENT || !trap_set)
        return FALSE;
    InterlockedExchange(&asked, 1);
    return TRUE;
}

static void run_text(const char *text);

static void check_trap(void)
{
    if (InterlockedExchange(&asked, 0))
        run_text(trap_text);
}

static void pause_for(DWORD milliseconds)
{
    ULONGLONG end = GetTickCount64() + milliseconds;
    for (;;) {
        check_trap();
        ULONGLONG now = GetTickCount64();
        if (now >= end)
            return;
        Sleep(end - now < 10 ? (DWORD)(end - now) : 10);
    }
}

/* --------------------------------------------------------------- processes */

/* Start this program again, as a shell with this text. */
static HANDLE start(const char *text, HANDLE in, HANDLE out)
{
    static wchar_t line[32768];
    wchar_t path[1024], *script = wide(text), *to = line;
    PROCESS_INFORMATION process;
    GetModuleFileNameW(NULL, path, 1024);
    to += swprintf(line, 2048, L"sh -c \"");
    size_t backslashes = 0;
    for (const wchar_t *c = script; *c; c++) {
        if (*c == L'"')
            for (size_t i = 0; i <= backslashes; i++)
                *to++ = L'\\';
        backslashes = *c == L'\\' ? backslashes + 1 : 0;
        *to++ = *c;
    }
    while (backslashes-- > 0)
        *to++ = L'\\';
    *to++ = L'"';
    *to = L'\0';
    HANDLE given[3] = {in, out, fds[2]};
    STARTUPINFOW how = {.cb = sizeof how, .dwFlags = STARTF_USESTDHANDLES};
    for (int i = 0; i < 3; i++)
        if (given[i])
            SetHandleInformation(given[i], HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
    how.hStdInput = given[0];
    how.hStdOutput = given[1];
    how.hStdError = given[2];
    BOOL started = CreateProcessW(path, line, NULL, NULL, TRUE, 0, NULL, NULL, &how, &process);
    /* Once in some thousands of times a busy Wine 8 says this. */
    if (!started && GetLastError() == ERROR_INTERNAL_ERROR)
        started = CreateProcessW(path, line, NULL, NULL, TRUE, 0, NULL, NULL, &how, &process);
    if (!started)
        fail("can't be started", text);
    if (given[0] != fds[0])
        SetHandleInformation(given[0], HANDLE_FLAG_INHERIT, 0);
    if (given[1] != fds[1])
        SetHandleInformation(given[1], HANDLE_FLAG_INHERIT, 0);
    free(script);
    CloseHandle(process.hThread);
    last_child = process.dwProcessId;
    return process.hProcess;
}

static int wait_for(HANDLE process)
{
    DWORD code;
    while (WaitForSingleObject(process, 10) == WAIT_TIMEOUT)
        check_trap();
    GetExitCodeProcess(process, &code);
    CloseHandle(process);
    return (int)code;
}

/* Run a text, and return all that it prints, without newlines at its end. The caller frees it. */
static char *output_of(const char *text)
{
    HANDLE reading, writing;
    char *all = calloc(1, WORD_MAX);
    size_t size = 0;
    DWORD got;
    if (!CreatePipe(&reading, &writing, NULL, 0))
        fail("no pipe", text);
    HANDLE process = start(text, fds[0], writing);
    CloseHandle(writing);
    while (size < WORD_MAX - 1 &&
           ReadFile(reading, all + size, (DWORD)(WORD_MAX - 1 - size), &got, NULL) && got > 0)
        size += got;
    CloseHandle(reading);
    status = wait_for(process);
    while (size > 0 && (all[size - 1] == '\n' || all[size - 1] == '\r'))
        size--;
    all[size] = '\0';
    return all;
}

/* ---------------------------------------------------------------- commands */

/* Read one character of a format, or what a backslash stands for. */
static char unescape(const char **at)
{
    const char *c = *at;
    if (*c != '\\') {
        *at = c + 1;
        return *c;
    }
    c++;
    if (*c >= '0' && *c <= '7') {
        int number = 0;
        for (int i = 0; i < 3 && *c >= '0' && *c <= '7'; i++)
            number = 8 * number + (*c++ - '0');
        *at = c;
        return (char)number;
    }
    *at = c + 1;
    return *c == 'n' ? '\n' : *c == 'r' ? '\r' : *c == 't' ? '\t' : *c;
}

static int do_printf(int argc, char **argv)
{
    static char all[WORD_MAX];
    size_t used = 0;
    int next = 2;
    do {
        for (const char *c = argv[1]; *c && used < sizeof all - 1;) {
            if (c[0] == '%' && c[1] == 's') {
                const char *word = next < argc ? argv[next] : "";
                used += (size_t)snprintf(all + used, sizeof all - used, "%s", word);
                next++;
                c += 2;
            } else {
                all[used++] = unescape(&c);
            }
        }
    } while (next > 2 && next < argc);
    return !put(fds[1], all, used);
}

static int do_echo(int argc, char **argv)
{
    static char line[WORD_MAX];
    size_t used = 0;
    for (int i = 1; i < argc; i++)
        used +=
            (size_t)snprintf(line + used, sizeof line - used, "%s%s", i > 1 ? " " : "", argv[i]);
    snprintf(line + used, sizeof line - used, "\n");
    return say(line) ? 0 : 1;
}

static bool is_file(HANDLE file)
{
    return GetFileType(file) == FILE_TYPE_DISK;
}

static int do_test(int argc, char **argv)
{
    if (strcmp(argv[0], "[") == 0)
        argc--;
    if (argc > 1 && strcmp(argv[1], "!") == 0)
        return !do_test(argc - 1, argv + 1);
    if (argc == 3 && strcmp(argv[2], "/dev/stdin") == 0)
        return is_file(fds[0]) ? 0 : 1;
    if (argc == 3 && argv[1][0] == '-' && strchr("ef", argv[1][1])) {
        wchar_t *path = wide(argv[2]);
        DWORD attributes = GetFileAttributesW(path);
        free(path);
        return attributes == INVALID_FILE_ATTRIBUTES;
    }
    if (argc == 4 && strcmp(argv[2], "=") == 0)
        return strcmp(argv[1], argv[3]) != 0;
    if (argc == 4 && strcmp(argv[2], "-gt") == 0)
        return atoi(argv[1]) <= atoi(argv[3]);
    fail("not known here", "test");
}

static int copy(HANDLE file)
{
    static char data[65536];
    DWORD size;
    while (ReadFile(file, data, sizeof data, &size, NULL) && size > 0)
        if (!put(fds[1], data, size))
            return 1;
    return 0;
}

static int do_cat(int argc, char **argv)
{
    if (argc == 1)
        return copy(fds[0]);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "/dev/stdin") == 0) {
            /* Opening it there starts at the beginning again. */
            SetFilePointer(fds[0], 0, NULL, FILE_BEGIN);
            copy(fds[0]);
            continue;
        }
        HANDLE file = open_file(argv[i], GENERIC_READ, OPEN_EXISTING);
        if (file == INVALID_HANDLE_VALUE)
            return 1;
        copy(file);
        CloseHandle(file);
    }
    return 0;
}

static int do_touch(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        HANDLE file = open_file(argv[i], GENERIC_WRITE, OPEN_ALWAYS);
        if (file == INVALID_HANDLE_VALUE)
            return 1;
        CloseHandle(file);
    }
    return 0;
}

static int do_mv(int argc, char **argv)
{
    (void)argc;
    wchar_t *from = wide(argv[1]), *to = wide(argv[2]);
    BOOL done = MoveFileExW(from, to, MOVEFILE_REPLACE_EXISTING);
    free(from);
    free(to);
    return !done;
}

static int do_sleep(int argc, char **argv)
{
    (void)argc;
    pause_for((DWORD)(atof(argv[1]) * 1000));
    return 0;
}

static int do_seq(int argc, char **argv)
{
    char line[16];
    (void)argc;
    for (int i = atoi(argv[1]); i <= atoi(argv[2]); i++) {
        snprintf(line, sizeof line, "%d\n", i);
        say(line);
    }
    return 0;
}

static int do_yes(int argc, char **argv)
{
    static char lines[65536];
    size_t used = 0;
    const char *word = argc > 1 ? argv[1] : "y";
    while (used + strlen(word) + 2 < sizeof lines)
        used += (size_t)sprintf(lines + used, "%s\n", word);
    while (put(fds[1], lines, used))
        check_trap();
    return 1;
}

/* head -c COUNT [/dev/zero] */
static int do_head(int argc, char **argv)
{
    static char data[65536];
    for (size_t left = (size_t)atoll(argv[2]); left > 0;) {
        DWORD size = left < sizeof data ? (DWORD)left : (DWORD)sizeof data;
        if (argc > 3)
            memset(data, 0, size);
        else if (!ReadFile(fds[0], data, size, &size, NULL) || size == 0)
            break;
        if (!put(fds[1], data, size))
            return 1;
        left -= size;
    }
    return 0;
}

/* Replace one character with another. */
static int do_tr(int argc, char **argv)
{
    static char data[65536];
    DWORD size;
    (void)argc;
    const char *words = argv[1];
    char from = unescape(&words), to = argv[2][0];
    while (ReadFile(fds[0], data, sizeof data, &size, NULL) && size > 0) {
        for (DWORD i = 0; i < size; i++)
            if (data[i] == from)
                data[i] = to;
        put(fds[1], data, size);
    }
    return 0;
}

/* wc -c */
static int do_wc(int argc, char **argv)
{
    static char data[65536];
    DWORD size;
    unsigned long long count = 0;
    (void)argc;
    (void)argv;
    while (ReadFile(fds[0], data, sizeof data, &size, NULL) && size > 0)
        count += size;
    snprintf(data, sizeof data, "%llu\n", count);
    say(data);
    return 0;
}

static int do_env(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    wchar_t *block = GetEnvironmentStringsW();
    for (const wchar_t *at = block; *at; at += wcslen(at) + 1) {
        char *line = narrow(at);
        say(line);
        say("\n");
        free(line);
    }
    return 0;
}

/* Print the current folder, as Windows writes it. */
static int do_pwd(int argc, char **argv)
{
    wchar_t path[1024];
    (void)argc;
    (void)argv;
    GetCurrentDirectoryW(1024, path);
    char *text = narrow(path);
    say(text);
    say("\n");
    free(text);
    return 0;
}

/* Read one line of standard input. */
static int do_read(int argc, char **argv)
{
    char line[1024];
    size_t size = 0;
    DWORD got;
    while (size < sizeof line - 1 && ReadFile(fds[0], line + size, 1, &got, NULL) && got == 1 &&
           line[size] != '\n')
        size++;
    line[size] = '\0';
    if (argc > 1)
        set_variable(argv[1], line);
    return size == 0;
}

/* kill -NAME $$ */
static int do_kill(int argc, char **argv)
{
    (void)argc;
    /* This looks like a crash, but no debugger is told of it. */
    TerminateProcess(GetCurrentProcess(),
                     strcmp(argv[1], "-SEGV") == 0 ? STATUS_ACCESS_VIOLATION : ENDED_BY_KILL);
    return 1;
}

static int do_trap(int argc, char **argv)
{
    (void)argc;
    snprintf(trap_text, sizeof trap_text, "%s", argv[1]);
    trap_set = true;
    return 0;
}

static int do_wait(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    while (child_count > 0)
        wait_for(children[--child_count]);
    return 0;
}

static int do_exit(int argc, char **argv)
{
    unsigned code = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 0) : (unsigned)status;
    fflush(NULL);
    ExitProcess(code);
}

static int do_nothing(int argc, char **argv)
{
    (void)argc;
    return strcmp(argv[0], "false") == 0;
}

/* Not a command of the shell: print the arguments, as the rules of Windows split them. */
static int do_args(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        say("<");
        say(argv[i]);
        say(">");
    }
    return 0;
}

/* Not a command of the shell: return how many of the handles with these numbers are pipes here. */
static int do_handles(int argc, char **argv)
{
    int count = 0;
    for (int i = 1; i < argc; i++) {
        DWORD flags;
        HANDLE handle = (HANDLE)(uintptr_t)strtoull(argv[i], NULL, 0);
        count += GetHandleInformation(handle, &flags) && GetFileType(handle) == FILE_TYPE_PIPE;
    }
    return count;
}

/* Not a command of the shell: start a process outside this one's job, which should fail. */
static int do_break_away(int argc, char **argv)
{
    wchar_t path[1024], line[] = L"sleep 60";
    STARTUPINFOW how = {.cb = sizeof how};
    PROCESS_INFORMATION process;
    (void)argc;
    (void)argv;
    GetModuleFileNameW(NULL, path, 1024);
    if (!CreateProcessW(path, line, NULL, NULL, FALSE, CREATE_BREAKAWAY_FROM_JOB, NULL, NULL, &how,
                        &process))
        return GetLastError() == ERROR_ACCESS_DENIED ? 0 : 2;
    TerminateProcess(process.hProcess, 0);
    return 1;
}

/* Not a command of the shell: fail if standard input can be written to. */
static int do_spoil(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return put(fds[0], "x", 1);
}

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {
    {":", do_nothing},       {"true", do_nothing},  {"false", do_nothing},
    {"echo", do_echo},       {"printf", do_printf}, {"test", do_test},
    {"[", do_test},          {"cat", do_cat},       {"touch", do_touch},
    {"mv", do_mv},           {"sleep", do_sleep},   {"seq", do_seq},
    {"yes", do_yes},         {"head", do_head},     {"tr", do_tr},
    {"wc", do_wc},           {"env", do_env},       {"pwd", do_pwd},
    {"read", do_read},       {"kill", do_kill},     {"trap", do_trap},
    {"wait", do_wait},       {"exit", do_exit},     {"args", do_args},
    {"handles", do_handles}, {"spoil", do_spoil},   {"break-away", do_break_away},
};

/* Run a whole script. */
static char *text_of(const char *name)
{
    HANDLE file = open_file(name, GENERIC_READ, OPEN_EXISTING);
    char *text = calloc(1, WORD_MAX);
    DWORD size;
    if (file == INVALID_HANDLE_VALUE || !ReadFile(file, text, WORD_MAX - 1, &size, NULL))
        fail("can't be read", name);
    CloseHandle(file);
    return text;
}

static int run_command(int argc, char **argv)
{
    if (strcmp(argv[0], "sh") == 0 && argc > 1) {
        run_text(argc > 2 ? argv[2] : text_of(argv[1]));
        return status;
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(commands[i].name, argv[0]) == 0)
            return commands[i].run(argc, argv);
    fail("not known here", argv[0]);
}

/* ---------------------------------------------------------------- language */

/* Where the text is read. With `dry` it is read only to find the end of a part. */
static const char *at;
static int dry;

static void run_list(void);

static void skip_blanks(void)
{
    while (*at == ' ' || *at == '\t')
        at++;
}

/* Skip what stands between commands. */
static void skip_ends(void)
{
    while (*at == ' ' || *at == '\t' || *at == ';' || *at == '\n')
        at++;
}

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool ends_word(char c)
{
    return c == '\0' || strchr(" \t\n;&|<>()", c) != NULL;
}

/* If this word of the language comes next, read it and return true. */
static bool keyword(const char *word)
{
    size_t size = strlen(word);
    if (strncmp(at, word, size) != 0 || !ends_word(at[size]))
        return false;
    at += size;
    return true;
}

struct word {
    char *text; /* WORD_MAX */
    size_t size;
};

static void add(struct word *word, const char *text)
{
    size_t size = strlen(text);
    if (dry)
        return;
    if (word->size + size >= WORD_MAX)
        fail("too long", "word");
    memcpy(word->text + word->size, text, size + 1);
    word->size += size;
}

static void add_char(struct word *word, char c)
{
    const char text[2] = {c, '\0'};
    add(word, text);
}

/* Return the text of $( ... ), whose beginning has been read. The caller frees it. */
static char *inner_text(void)
{
    const char *begin = at;
    for (int depth = 1; depth > 0; at++) {
        if (*at == '\0')
            fail("without its end", "$(");
        depth += (*at == '(') - (*at == ')');
    }
    size_t size = (size_t)(at - begin) - 1;
    char *text = malloc(size + 1);
    memcpy(text, begin, size);
    text[size] = '\0';
    return text;
}

/* Only $((NAME+1)) is known. */
static void add_sum(struct word *word)
{
    char name[64], number[16];
    size_t size = 0;
    while (is_name(*at) && size < sizeof name - 1)
        name[size++] = *at++;
    name[size] = '\0';
    int more = atoi(at + 1);
    at = strstr(at, "))") + 2;
    char *value = variable(name);
    snprintf(number, sizeof number, "%d", atoi(value) + more);
    add(word, number);
    free(value);
}

/* Expand what stands after a '$'. */
static void expand(struct word *word)
{
    char text[256];
    if (strncmp(at, "((", 2) == 0) {
        at += 2;
        add_sum(word);
    } else if (*at == '(') {
        at++;
        char *inner = inner_text(), *output = dry ? NULL : output_of(inner);
        if (output)
            add(word, output);
        free(output);
        free(inner);
    } else if (*at == '$' || *at == '!') {
        snprintf(text, sizeof text, "%lu", *at == '$' ? GetCurrentProcessId() : last_child);
        at++;
        add(word, text);
    } else if (is_name(*at)) {
        size_t size = 0;
        while (is_name(*at) && size < sizeof text - 1)
            text[size++] = *at++;
        text[size] = '\0';
        char *value = variable(text);
        add(word, value);
        free(value);
    } else {
        add(word, "$");
    }
}

static void read_quoted(struct word *word)
{
    for (at++; *at != '"';) {
        if (*at == '\0')
            fail("without its end", "\"");
        if (*at == '$') {
            at++;
            expand(word);
        } else {
            at += *at == '\\' && strchr("\\\"$`", at[1]);
            add_char(word, *at++);
        }
    }
    at++;
}

/* Return the next word, or "" if there is none. The caller frees it. */
static char *read_word(bool *ret_any)
{
    struct word word = {calloc(1, WORD_MAX), 0};
    skip_blanks();
    *ret_any = !ends_word(*at);
    while (!ends_word(*at)) {
        if (*at == '\'') {
            for (at++; *at != '\''; at++)
                add_char(&word, *at);
            at++;
        } else if (*at == '"') {
            read_quoted(&word);
        } else if (*at == '$') {
            at++;
            expand(&word);
        } else {
            at += *at == '\\' && at[1] != '\0';
            add_char(&word, *at++);
        }
    }
    return word.text;
}

/* Read a redirection if one comes next. Files that it opens stay open until the command is over. */
static bool read_redirection(HANDLE *opened)
{
    skip_blanks();
    int fd = *at == '<' ? 0 : 1;
    const char *sign = at;
    if (*sign >= '0' && *sign <= '3' && (sign[1] == '<' || sign[1] == '>'))
        fd = *sign++ - '0';
    if (*sign != '<' && *sign != '>')
        return false;
    bool reads = *sign == '<', appends = sign[1] == '>', copies = sign[1] == '&', any;
    at = sign + 1 + (appends || copies);
    char *name = read_word(&any);
    if (!dry && copies) {
        fds[fd] = name[0] == '-' ? NULL : name[0] == '3' ? notices() : fds[name[0] - '0'];
    } else if (!dry) {
        *opened = open_file(name,
                            reads     ? GENERIC_READ
                            : appends ? FILE_APPEND_DATA
                                      : GENERIC_WRITE,
                            reads     ? OPEN_EXISTING
                            : appends ? OPEN_ALWAYS
                                      : CREATE_ALWAYS);
        if (*opened == INVALID_HANDLE_VALUE)
            fail("can't be opened", name);
        fds[fd] = *opened;
    }
    free(name);
    return true;
}

/* The redirections that come next hold for what `run` does, and are undone after it. */
static void with_redirections(void (*run)(void *user), void *user)
{
    HANDLE before[FDS], opened[8] = {NULL};
    int count = 0;
    memcpy(before, fds, sizeof fds);
    while (count < 8 && read_redirection(&opened[count]))
        count++;
    HANDLE pipe = fds[3];
    if (!dry)
        run(user);
    memcpy(fds, before, sizeof fds);
    if (!fds[3]) /* it was opened meanwhile, and stays open */
        fds[3] = pipe;
    while (count-- > 0)
        if (opened[count])
            CloseHandle(opened[count]);
}

/* The text of a compound command is run once the redirections behind it are known. */
struct part {
    const char *begin, *end;
};

static void run_part(void *user)
{
    const struct part *part = user;
    const char *after = at;
    at = part->begin;
    run_list();
    at = after;
}

static void start_part(void *user)
{
    const struct part *part = user;
    size_t size = (size_t)(part->end - part->begin);
    char *text = malloc(size + 1);
    memcpy(text, part->begin, size);
    text[size] = '\0';
    status = wait_for(start(text, fds[0], fds[1]));
    free(text);
}

static void group(char closing, void (*run)(void *user))
{
    struct part part = {++at, NULL};
    dry++;
    run_list();
    dry--;
    if (*at != closing)
        fail("without its end", "{ or (");
    part.end = at++;
    with_redirections(run, &part);
}

static void run_body(const char *begin)
{
    at = begin;
    run_list();
    if (!keyword("done"))
        fail("without its end", "do");
}

static void loop(bool until)
{
    const char *condition = at;
    for (;;) {
        at = condition;
        run_list();
        bool ends = dry || (status == 0) == until;
        check_trap();
        if (!keyword("do"))
            fail("without do", "while");
        const char *body = at;
        dry += ends;
        run_body(body);
        dry -= ends;
        if (ends)
            break;
    }
    if (!dry)
        status = 0;
}

static void loop_for(void)
{
    bool any;
    char *name = read_word(&any), *words[WORDS_MAX];
    size_t count = 0;
    skip_blanks();
    if (!keyword("in"))
        fail("without in", "for");
    while (count < WORDS_MAX) {
        words[count] = read_word(&any);
        if (!any) {
            free(words[count]);
            break;
        }
        count++;
    }
    skip_ends();
    if (!keyword("do"))
        fail("without do", "for");
    const char *body = at;
    for (size_t i = 0; !dry && i < count; i++) {
        set_variable(name, words[i]);
        run_body(body);
    }
    if (dry || count == 0) {
        dry++;
        run_body(body);
        dry--;
    }
    while (count-- > 0)
        free(words[count]);
    free(name);
}

struct simple {
    char *words[WORDS_MAX];
    int count;
};

static void run_simple(void *user)
{
    struct simple *simple = user;
    char **words = simple->words;
    int count = simple->count;
    bool exec = count > 0 && strcmp(words[0], "exec") == 0;
    if (exec) {
        words++;
        count--;
    }
    if (count > 0)
        status = run_command(count, words);
    if (exec && count > 0)
        ExitProcess((UINT)status);
}

/* The redirections of an exec without a command stay. */
static bool is_lasting(const struct simple *simple)
{
    return simple->count == 1 && strcmp(simple->words[0], "exec") == 0;
}

/* Close the handles that were descriptors before, and are not any more. */
static void close_replaced(const HANDLE before[FDS])
{
    for (int i = 0; i < FDS; i++) {
        bool used = before[i] == NULL;
        for (int k = 0; k < FDS; k++)
            used = used || before[i] == fds[k] || (k < i && before[i] == before[k]);
        if (!used)
            CloseHandle(before[i]);
    }
}

static void run_simple_command(void)
{
    struct simple simple = {{NULL}, 0};
    HANDLE before[FDS], opened[8] = {NULL};
    int files = 0;
    memcpy(before, fds, sizeof fds);
    for (;;) {
        bool any;
        if (files < 8 && read_redirection(&opened[files])) {
            files++;
            continue;
        }
        skip_blanks();
        const char *sign = at;
        while (is_name(*sign))
            sign++;
        bool assigns = simple.count == 0 && sign > at && *sign == '=';
        char *word = read_word(&any);
        if (!any || simple.count == WORDS_MAX - 1) {
            free(word);
            break;
        }
        if (assigns && !dry) {
            char *value = strchr(word, '=');
            *value = '\0';
            set_variable(word, value + 1);
            status = 0;
        }
        if (assigns)
            free(word);
        else
            simple.words[simple.count++] = word;
    }
    if (!dry) {
        run_simple(&simple);
        if (!is_lasting(&simple)) {
            HANDLE pipe = fds[3];
            memcpy(fds, before, sizeof fds);
            fds[3] = pipe;
            while (files-- > 0)
                if (opened[files])
                    CloseHandle(opened[files]);
        } else {
            close_replaced(before);
        }
        check_trap();
    }
    while (simple.count-- > 0)
        free(simple.words[simple.count]);
}

static void run_one(void)
{
    skip_blanks();
    if (*at == '{' && ends_word(at[1]))
        group('}', run_part);
    else if (*at == '(')
        group(')', start_part);
    else if (keyword("while"))
        loop(false);
    else if (keyword("until"))
        loop(true);
    else if (keyword("for"))
        loop_for();
    else
        run_simple_command();
    skip_blanks();
}

static char *text_from(const char *begin)
{
    size_t size = (size_t)(at - begin);
    char *text = malloc(size + 1);
    memcpy(text, begin, size);
    text[size] = '\0';
    return text;
}

/* a | b: each of them is a process. */
static void run_pipeline(void)
{
    HANDLE in = fds[0], processes[8];
    int count = 0;
    for (;;) {
        const char *begin = at;
        dry++;
        run_one();
        dry--;
        bool more = at[0] == '|' && at[1] != '|';
        if (!more && count == 0) {
            at = begin;
            run_one();
            return;
        }
        char *text = text_from(begin);
        at += more;
        HANDLE reading = NULL, writing = fds[1];
        if (!dry) {
            if (more && !CreatePipe(&reading, &writing, NULL, 0))
                fail("no pipe", text);
            processes[count] = start(text, in, writing);
            if (in != fds[0])
                CloseHandle(in);
            if (more)
                CloseHandle(writing);
            in = reading;
        }
        count++;
        free(text);
        if (!more)
            break;
    }
    for (int i = 0; !dry && i < count; i++)
        status = wait_for(processes[i]);
}

static void run_and_or(void)
{
    run_pipeline();
    while ((at[0] == '&' && at[1] == '&') || (at[0] == '|' && at[1] == '|')) {
        bool skips = dry || (at[0] == '&') != (status == 0);
        at += 2;
        dry += skips;
        run_pipeline();
        dry -= skips;
    }
}

/* Whether a list ends here. */
static bool ends_list(void)
{
    const char *begin = at;
    bool ends = *at == '\0' || *at == '}' || *at == ')' || keyword("do") || keyword("done");
    at = begin;
    return ends;
}

static void run_list(void)
{
    for (skip_ends(); !ends_list(); skip_ends()) {
        const char *begin = at;
        dry++;
        run_and_or();
        dry--;
        if (*at == '&') {
            char *text = text_from(begin);
            at++;
            if (!dry && child_count < CHILDREN_MAX)
                children[child_count++] = start(text, fds[0], fds[1]);
            free(text);
        } else {
            at = begin;
            run_and_or();
        }
    }
}

static void run_text(const char *text)
{
    const char *before = at;
    at = text;
    run_list();
    if (*at != '\0')
        fail("not known here", at);
    at = before;
}

/* -------------------------------------------------------------------- main */

/* "C:/tools/sleep.exe" -> "sleep" */
static char *own_name(void)
{
    wchar_t path[1024];
    GetModuleFileNameW(NULL, path, 1024);
    wchar_t *begin = wcsrchr(path, L'\\'), *dot = wcsrchr(path, L'.');
    if (dot)
        *dot = L'\0';
    return narrow(begin ? begin + 1 : path);
}

int main(void)
{
    int count;
    wchar_t **given = CommandLineToArgvW(GetCommandLineW(), &count);
    char **argv = calloc((size_t)count + 1, sizeof *argv);
    for (int i = 0; i < count; i++)
        argv[i] = narrow(given[i]);
    fds[0] = GetStdHandle(STD_INPUT_HANDLE);
    fds[1] = GetStdHandle(STD_OUTPUT_HANDLE);
    fds[2] = GetStdHandle(STD_ERROR_HANDLE);
    SetConsoleCtrlHandler(asked_to_end, TRUE);

    char *name = own_name();
    if (count > 1 && strcmp(name, "worker") == 0) {
        argv++;
        count--;
    } else {
        argv[0] = name;
    }
    /* A process that the shell starts is a shell, too, whatever its name is. */
    if (count > 2 && strcmp(argv[1], "-c") == 0)
        argv[0] = "sh";
    return run_command(count, argv);
}
