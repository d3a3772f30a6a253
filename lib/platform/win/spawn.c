/* SPDX-License-Identifier: MIT */
/*
 * Children on Windows: their start, their supervision by a job, and their end. agent/process.c
 * calls this; child.h has the parts that are put together here.
 *
 *     prepare_launch() --> create_inside()         Windows 10 and later: created in its job
 *                      `-> create_in_job()         before: created suspended, put into the job,
 *                                                  and then let go
 *
 * So nothing that a child starts is ever outside its job. A job ends with its last handle, which
 * this process has: whatever becomes of this process, none of its children is left, except for one
 * that the older way has just created and not put into its job yet.
 *
 * Handles that are to be inherited can be so only at the moment of the start, and the child is
 * given a list of them. A host that starts processes of its own at that moment, from another thread
 * and without such a list, hands them down, too. The only effect is that the pipe stays open, and
 * nobody waits for its end.
 */
#include "platform/win/child.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/error.h"

/* The names of a child's two pipes are these and a number that nobody can guess. */
#define OUTPUT_PIPE L"\\\\.\\pipe\\rdvtask-output-"
#define NOTIFY_PIPE L"\\\\.\\pipe\\rdvtask-notify-"
#define PIPE_NAME   64
#define RANDOM_SIZE 16

/* The most that one call writes. */
#define WRITE_SIZE (1 << 20)

/* PROC_THREAD_ATTRIBUTE_JOB_LIST, which not every SDK has. Windows before 10 refuses it. */
#define JOB_LIST 0x0002000D

/* ERROR_ELEVATION_REQUIRED, which not every SDK has. */
#define NEEDS_ELEVATION 740

/* A number below this can't be taken for an RDV_E… code. */
#define CODE_NO_ERROR (-4096)

/* ------------------------------------------------------------- supervision */

static int not_here(struct rdv_error *error, const char *key, const char *words)
{
    return rdv__fail(error, RDV_ENOTSUP, "\"%s\" of the handler is not on Windows: %s", key, words);
}

int rdv__plat_check_supervision(const struct rdv__supervision *supervision, struct rdv_error *error)
{
    if (supervision->program)
        return rdv__fail(error, RDV_ENOTSUP,
                         "there is no supervisor on Windows: a job object does its work");
    if (supervision->user)
        return not_here(error, "user", "commands run as the user that rdvtask runs as");
    for (size_t i = 0; i < supervision->limit_count; i++) {
        const char *name = supervision->limits[i].name;
        if (strcmp(name, "files") == 0)
            return not_here(error, "limits.files", "it has no limit for open files");
        if (strcmp(name, "file-size") == 0)
            return not_here(error, "limits.file_size", "it has no limit for the size of a file");
    }
    if (supervision->record)
        return not_here(error, "on_stop\": \"leave",
                        "a command ends with the process that has started it");
    return 0;
}

/* ------------------------------------------------------------------ launch */

/* What a start takes. All zero means that it has none of it yet. */
struct launch {
    wchar_t *path, *line, *environment, *directory;
    wchar_t notify[PIPE_NAME];
    /* The child's ends. */
    HANDLE input, output;
    HANDLE job;
    struct rdv__win_stream *said, *notices;
    struct rdv__source *end;
    LPPROC_THREAD_ATTRIBUTE_LIST attributes;
    HANDLE inherited[2];
    /* The job is among the attributes, so the child is created in it. */
    bool job_listed;
    bool at_console;
    PROCESS_INFORMATION process;
};

static void close_handle(HANDLE *handle)
{
    if (*handle)
        CloseHandle(*handle);
    *handle = NULL;
}

static void free_attributes(struct launch *launch)
{
    if (launch->attributes) {
        DeleteProcThreadAttributeList(launch->attributes);
        free(launch->attributes);
    }
    launch->attributes = NULL;
}

static void launch_free(struct launch *launch)
{
    free_attributes(launch);
    close_handle(&launch->process.hThread);
    close_handle(&launch->process.hProcess);
    close_handle(&launch->input);
    close_handle(&launch->output);
    close_handle(&launch->job);
    rdv__win_stream_close(launch->said);
    rdv__win_stream_close(launch->notices);
    free(launch->end);
    free(launch->path);
    free(launch->line);
    free(launch->environment);
    free(launch->directory);
}

/* Make a name that ends with a number that nobody can guess. */
static DWORD make_name(const wchar_t *begin, wchar_t *buffer, size_t room)
{
    static const wchar_t digits[] = L"0123456789abcdef";
    unsigned char random[RANDOM_SIZE];
    wchar_t number[2 * RANDOM_SIZE + 1];
    if (rdv__plat_random(random, sizeof random) != 0)
        return ERROR_GEN_FAILURE;
    for (size_t i = 0; i < RANDOM_SIZE; i++) {
        number[2 * i] = digits[random[i] >> 4];
        number[2 * i + 1] = digits[random[i] & 15];
    }
    number[2 * RANDOM_SIZE] = L'\0';
    return swprintf(buffer, room, L"%ls%ls", begin, number) < 0 ? ERROR_BUFFER_OVERFLOW : 0;
}

static DWORD write_all(HANDLE file, const unsigned char *data, size_t size)
{
    while (size > 0) {
        DWORD written;
        if (!WriteFile(file, data, size < WRITE_SIZE ? (DWORD)size : WRITE_SIZE, &written, NULL))
            return GetLastError();
        data += written;
        size -= written;
    }
    return 0;
}

/*
 * Make a file with these bytes, positioned at its beginning, that can't be changed through the
 * handle, and that nobody else can open. It is gone when the last handle is closed, even if that
 * happens because this process is killed.
 */
static DWORD open_input(const void *data, size_t size, HANDLE *ret_file)
{
    wchar_t folder[MAX_PATH + 1], begin[MAX_PATH + 16], name[MAX_PATH + PIPE_NAME];
    SECURITY_ATTRIBUTES attributes = {0};
    HANDLE reading = INVALID_HANDLE_VALUE;
    DWORD length = GetTempPathW(MAX_PATH + 1, folder);
    if (length == 0 || length > MAX_PATH)
        return length == 0 ? GetLastError() : ERROR_BAD_PATHNAME;
    swprintf(begin, sizeof begin / sizeof *begin, L"%lsrdvtask-input-", folder);
    DWORD number = make_name(begin, name, sizeof name / sizeof *name);
    if (number == 0)
        number = rdv__win_private(&attributes);
    if (number != 0)
        return number;
    HANDLE file = CreateFileW(
        name, GENERIC_WRITE | DELETE, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
        &attributes, CREATE_NEW, FILE_ATTRIBUTE_TEMPORARY | FILE_FLAG_DELETE_ON_CLOSE, NULL);
    number = file == INVALID_HANDLE_VALUE ? GetLastError() : 0;
    rdv__win_private_free(&attributes);
    if (number != 0)
        return number;

    number = write_all(file, data, size);
    if (number == 0) {
        reading =
            CreateFileW(name, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                        NULL, OPEN_EXISTING, 0, NULL);
        number = reading == INVALID_HANDLE_VALUE ? GetLastError() : 0;
    }
    /* From here on it has no name for others to open it by. */
    CloseHandle(file);
    if (number == 0)
        *ret_file = reading;
    return number;
}

static DWORD open_pipes(struct launch *launch)
{
    wchar_t name[PIPE_NAME];
    DWORD number = make_name(OUTPUT_PIPE, name, PIPE_NAME);
    if (number == 0)
        number = make_name(NOTIFY_PIPE, launch->notify, PIPE_NAME);
    if (number == 0)
        number = rdv__win_stream_open(name, false, &launch->said);
    if (number == 0)
        number = rdv__win_stream_open(launch->notify, true, &launch->notices);
    if (number != 0)
        return number;
    HANDLE output =
        CreateFileW(name, GENERIC_WRITE | FILE_READ_ATTRIBUTES, 0, NULL, OPEN_EXISTING, 0, NULL);
    if (output == INVALID_HANDLE_VALUE)
        return GetLastError();
    launch->output = output;
    return 0;
}

/*
 * List the handles that the child gets, so that it gets no others; and, if wanted and if Windows
 * takes it, its job.
 */
static DWORD list_attributes(struct launch *launch, bool with_job)
{
    SIZE_T size = 0;
    InitializeProcThreadAttributeList(NULL, 2, 0, &size);
    LPPROC_THREAD_ATTRIBUTE_LIST attributes = malloc(size);
    if (!attributes)
        return ERROR_NOT_ENOUGH_MEMORY;
    if (!InitializeProcThreadAttributeList(attributes, 2, 0, &size)) {
        DWORD number = GetLastError();
        free(attributes);
        return number;
    }
    free_attributes(launch);
    launch->attributes = attributes;
    launch->inherited[0] = launch->input;
    /* It is also standard error, but is in the list only once. */
    launch->inherited[1] = launch->output;
    if (!UpdateProcThreadAttribute(attributes, 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST,
                                   launch->inherited, sizeof launch->inherited, NULL, NULL))
        return GetLastError();
    launch->job_listed =
        with_job && UpdateProcThreadAttribute(attributes, 0, JOB_LIST, &launch->job,
                                              sizeof launch->job, NULL, NULL);
    return 0;
}

static DWORD create(struct launch *launch, DWORD more_flags)
{
    STARTUPINFOEXW how;
    memset(&how, 0, sizeof how);
    how.StartupInfo.cb = sizeof how;
    how.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
    how.StartupInfo.hStdInput = launch->input;
    how.StartupInfo.hStdOutput = how.StartupInfo.hStdError = launch->output;
    how.lpAttributeList = launch->attributes;
    /*
     * If this process has a console, the child shares it, and can be asked to end by means of it;
     * otherwise the child would be given a console window of its own.
     */
    DWORD flags = CREATE_SUSPENDED | CREATE_UNICODE_ENVIRONMENT | CREATE_NEW_PROCESS_GROUP |
                  EXTENDED_STARTUPINFO_PRESENT | more_flags |
                  (launch->at_console ? 0 : CREATE_NO_WINDOW);
    if (!SetHandleInformation(launch->input, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT) ||
        !SetHandleInformation(launch->output, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT) ||
        !CreateProcessW(launch->path, launch->line, NULL, NULL, TRUE, flags, launch->environment,
                        launch->directory, &how.StartupInfo, &launch->process))
        return GetLastError();
    return 0;
}

/* Create the child in its job, if that can be done in one step. */
static bool create_inside(struct launch *launch)
{
    BOOL inside = FALSE;
    if (!launch->job_listed || create(launch, 0) != 0)
        return false;
    if (IsProcessInJob(launch->process.hProcess, launch->job, &inside) && inside)
        return true;
    /* Windows has taken the attribute, and ignored it. */
    TerminateProcess(launch->process.hProcess, (UINT)RDV__KILLED);
    close_handle(&launch->process.hThread);
    close_handle(&launch->process.hProcess);
    return false;
}

/* Create the child suspended, and put it into its job. */
static DWORD create_in_job(struct launch *launch, bool *ret_nested)
{
    if (create_inside(launch))
        return 0;
    DWORD number = launch->job_listed ? list_attributes(launch, false) : 0;
    if (number == 0)
        number = create(launch, 0);
    if (number != 0 || AssignProcessToJobObject(launch->job, launch->process.hProcess))
        return number;

    /*
     * Before Windows 8 a process is in one job only. If this process is in a job, that job has to
     * let the child out first.
     */
    number = GetLastError();
    TerminateProcess(launch->process.hProcess, (UINT)RDV__KILLED);
    close_handle(&launch->process.hThread);
    close_handle(&launch->process.hProcess);
    BOOL in_job = FALSE;
    if (number != ERROR_ACCESS_DENIED || !IsProcessInJob(GetCurrentProcess(), NULL, &in_job) ||
        !in_job)
        return number;
    number = create(launch, CREATE_BREAKAWAY_FROM_JOB);
    if (number == 0 && !AssignProcessToJobObject(launch->job, launch->process.hProcess)) {
        number = GetLastError();
        TerminateProcess(launch->process.hProcess, (UINT)RDV__KILLED);
    }
    *ret_nested = number == ERROR_ACCESS_DENIED;
    return number;
}

static int fail_to_run(const struct rdv__plat_spawn *spawn, DWORD number, struct rdv_error *error)
{
    char buffer[RDV__WIN_WORDS];
    const char *words = rdv__win_words(number, buffer);
    int result = rdv__win_error(number);
    if (number == ERROR_BAD_EXE_FORMAT || number == ERROR_EXE_MACHINE_TYPE_MISMATCH) {
        words = "it is no program for this Windows";
    } else if (number == NEEDS_ELEVATION) {
        words = "it has to be run as an administrator";
        result = RDV_EACCES;
    }
    return rdv__fail(error, result, "cannot run '%s': %s", spawn->argv[0], words);
}

/* Make everything that the start takes, except for the parts that report their own errors. */
static DWORD prepare_launch(const struct rdv__plat_spawn *spawn, struct launch *launch)
{
    const char *directory = spawn->supervision ? spawn->supervision->directory : NULL;
    launch->at_console = GetConsoleCP() != 0;
    launch->end = calloc(1, sizeof *launch->end);
    if (!launch->end)
        return ERROR_NOT_ENOUGH_MEMORY;
    if (directory && !(launch->directory = rdv__win_path(directory)))
        return GetLastError();
    DWORD number = rdv__win_job_new(spawn->supervision, &launch->job);
    if (number == 0)
        number = open_input(spawn->input, spawn->input_size, &launch->input);
    if (number == 0)
        number = open_pipes(launch);
    if (number == 0)
        number = list_attributes(launch, true);
    return number;
}

int rdv__plat_spawn(const struct rdv__plat_spawn *spawn, struct rdv__plat_child *ret_child,
                    struct rdv_error *error)
{
    const struct rdv__supervision *supervision = spawn->supervision;
    struct launch launch = {0};
    bool nested = false;
    DWORD number = 0;
    assert(spawn->argv[0]);

    int result = supervision ? rdv__plat_check_supervision(supervision, error) : 0;
    if (result == 0)
        result = rdv__win_find_program(spawn, supervision ? supervision->directory : NULL,
                                       &launch.path, error);
    if (result == 0)
        result = rdv__win_command_line(spawn->argv, &launch.line, error);
    if (result != 0)
        goto out;
    number = prepare_launch(spawn, &launch);
    if (number != 0)
        goto failed;
    result = rdv__win_environment(spawn->environment, launch.notify, &launch.environment, error);
    if (result != 0)
        goto out;
    number = create_in_job(&launch, &nested);
    if (number != 0)
        goto failed;
    if (ResumeThread(launch.process.hThread) == (DWORD)-1) {
        number = GetLastError();
        TerminateJobObject(launch.job, (UINT)RDV__KILLED);
        goto failed;
    }

    launch.end->readable = launch.process.hProcess;
    *ret_child = (struct rdv__plat_child){
        .pid = launch.process.dwProcessId,
        .end = launch.end,
        .output = &launch.said->source,
        .notices = &launch.notices->source,
        .monitor = -1,
        .job = launch.job,
        .at_console = launch.at_console,
    };
    launch.process.hProcess = launch.job = NULL;
    launch.end = NULL;
    launch.said = launch.notices = NULL;
    goto out;

failed:
    if (nested)
        result =
            rdv__fail(error, RDV_EACCES,
                      "cannot run '%s': this process is in a job object that lets no child out, "
                      "and before Windows 8 a child can't be in one more",
                      spawn->argv[0]);
    else
        result = fail_to_run(spawn, number, error);
out:
    launch_free(&launch);
    return result;
}

/* --------------------------------------------------------------------- end */

void rdv__plat_child_end(struct rdv__plat_child *child, bool kill)
{
    if (child->pid <= 0)
        return;
    if (kill) {
        TerminateJobObject(child->job, (UINT)RDV__KILLED);
        return;
    }
    /*
     * The child leads a process group of the console. If it has ended, it doesn't, and at worst
     * Windows finds no such group.
     */
    if (child->at_console && !rdv__plat_child_wait(child, 0))
        GenerateConsoleCtrlEvent(CTRL_BREAK_EVENT, (DWORD)child->pid);
}

bool rdv__plat_child_wait(const struct rdv__plat_child *child, rdv_duration wait)
{
    return WaitForSingleObject(child->end->readable, (DWORD)(wait / RDV_MILLISECOND)) ==
           WAIT_OBJECT_0;
}

int rdv__plat_child_reap(struct rdv__plat_child *child, struct rdv__plat_end *ret_end)
{
    assert(child->pid > 0);
    DWORD code = 0;
    WaitForSingleObject(child->end->readable, INFINITE);
    rdv__win_job_clear(child->job);
    child->pid = 0;
    if (child->output)
        ((struct rdv__win_stream *)child->output)->last = true;
    if (child->notices)
        ((struct rdv__win_stream *)child->notices)->last = true;
    if (!GetExitCodeProcess(child->end->readable, &code))
        return RDV_EIO;
    *ret_end = (struct rdv__plat_end){.code = (int)code};
    return 0;
}

/* There is nothing to free, as no supervisor reports more than the code. */
void rdv__plat_end_free(struct rdv__plat_end *end)
{
    (void)end;
}

/*
 * Return the words for a status that Windows or a runtime ends a process with, as programmers know
 * them.
 */
static const char *status_words(DWORD status)
{
    static const struct {
        DWORD status;
        const char *words;
    } known[] = {
        {0x80000003u, "a breakpoint"},
        {0xC0000005u, "access violation"},
        {0xC0000017u, "no memory"},
        {0xC000001Du, "illegal instruction"},
        {0xC0000022u, "access denied"},
        {0xC0000044u, "a limit was reached"},
        {0xC000007Bu, "a DLL is not for this kind of program"},
        {0xC0000094u, "division by zero"},
        {0xC00000FDu, "stack overflow"},
        {0xC000012Du, "no memory left to commit"},
        {0xC0000135u, "a DLL was not found"},
        {0xC0000138u, "a DLL lacks a function"},
        {0xC0000139u, "a DLL lacks a function"},
        {0xC000013Au, "Ctrl+C or Ctrl+Break"},
        {0xC0000142u, "a DLL failed to start"},
        {0xC0000374u, "heap corruption"},
        {0xC0000409u, "abort, or stack corruption"},
        {0xE0434352u, "a .NET exception"},
        {0xE06D7363u, "a C++ exception"},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].status == status)
            return known[i].words;
    return NULL;
}

int rdv__plat_end_words(int code, char *buffer, size_t size)
{
    const DWORD status = (DWORD)code;
    const char *words = status_words(status);
    assert(code < 0);
    if (code == RDV__KILLED) {
        snprintf(buffer, size, "killed");
        /* As on every other system. */
        return 137;
    }
    if (words)
        snprintf(buffer, size, "ended with 0x%08lX (%s)", (unsigned long)status, words);
    else
        snprintf(buffer, size, "exit code %d (0x%08lX)", code, (unsigned long)status);
    return code < CODE_NO_ERROR ? code : RDV_EFAILED;
}

/* This never is so, as there is no supervisor. */
bool rdv__plat_end_is_lost(int code)
{
    (void)code;
    return false;
}

/* These codes are those of Windows Installer, which most installers and updates have adopted. */
enum rdv__plat_exit rdv__plat_exit_means(int code)
{
    switch (code) {
    case ERROR_SUCCESS_REBOOT_REQUIRED:
        return RDV__EXIT_MEANS_REBOOT;
    case ERROR_SUCCESS_REBOOT_INITIATED:
        return RDV__EXIT_MEANS_REBOOTING;
    default:
        return RDV__EXIT_MEANS_NOTHING;
    }
}

void rdv__plat_child_deafen(struct rdv__plat_child *child)
{
    rdv__win_stream_close((struct rdv__win_stream *)child->output);
    rdv__win_stream_close((struct rdv__win_stream *)child->notices);
    child->output = child->notices = RDV__NO_DESCRIPTOR;
}

void rdv__plat_child_close(struct rdv__plat_child *child)
{
    rdv__plat_child_deafen(child);
    if (child->end) {
        CloseHandle(child->end->readable);
        free(child->end);
        child->end = RDV__NO_DESCRIPTOR;
    }
    /* This kills what is in it. */
    if (child->job)
        CloseHandle(child->job);
    child->job = NULL;
}

/* ---------------------------------- what an earlier process of rdvtask has left */

/* There are none: the jobs of a process that is killed end with it, and everything in them. */
int rdv__plat_end_orphans(const char *const *marks, bool anyone, rdv_duration grace)
{
    (void)marks;
    (void)anyone;
    (void)grace;
    return 0;
}

/* Nobody leaves a record, as rdv__plat_check_supervision() has refused it. */
int rdv__plat_adopt(const char *record, struct rdv__plat_child *ret_child)
{
    (void)record;
    (void)ret_child;
    return RDV_ENOTFOUND;
}

int rdv__plat_record_read(const char *path, struct rdv__plat_record *ret_record)
{
    (void)path;
    (void)ret_record;
    return RDV_ENOTFOUND;
}

void rdv__plat_record_delete(const char *path)
{
    (void)path;
}
