/* SPDX-License-Identifier: MIT */
/* main() on Windows: makes the command line UTF-8, and prepares the terminal. */
#include <stdio.h>
#include <stdlib.h>

#include <windows.h>

#include "../commands.h"
#include "../messages.h"
#include "platform/win/win.h"

int wmain(int argc, wchar_t **argv);

static void free_arguments(char **arguments)
{
    for (char **argument = arguments; argument && *argument; argument++)
        free(*argument);
    free(arguments);
}

/* Make the command line UTF-8. Returns an exit code. */
static int read_arguments(int argc, wchar_t **argv, char ***ret_arguments)
{
    char **arguments = calloc((size_t)argc + 1, sizeof(*arguments));
    for (int i = 0; arguments && i < argc; i++) {
        arguments[i] = rdv__win_utf8(argv[i]);
        if (!arguments[i] && GetLastError() == ERROR_NO_UNICODE_TRANSLATION) {
            free_arguments(arguments);
            return report_usage_error(NULL, "argument %d is not valid Unicode", i);
        }
        if (!arguments[i]) {
            free_arguments(arguments);
            arguments = NULL;
        }
    }
    if (!arguments) {
        report_error("%s", rdv_strerror(RDV_ENOMEM));
        return EXIT_FAILED;
    }
    *ret_arguments = arguments;
    return EXIT_OK;
}

/* Have a terminal follow escape sequences, if it can. Returns its mode before that; 0 if the
 * output is no terminal. */
static DWORD prepare_terminal(HANDLE output)
{
    DWORD mode = 0;
    if (!GetConsoleMode(output, &mode))
        return 0;
    SetConsoleMode(output, mode | ENABLE_VIRTUAL_TERMINAL_PROCESSING);
    return mode;
}

int wmain(int argc, wchar_t **argv)
{
    const HANDLE output = GetStdHandle(STD_OUTPUT_HANDLE);
    char **arguments = NULL;
    int code = read_arguments(argc, argv, &arguments);
    if (code)
        return code;
    const DWORD mode = prepare_terminal(output);
    code = command_main(argc, arguments);
    if (mode)
        SetConsoleMode(output, mode);
    free_arguments(arguments);
    /* exit() would wait for the lock of the loader. If a task agent hangs while its library is
     * loaded, it holds that lock for good. All other libraries were unloaded already, and
     * nothing of this program waits for the end of the process. */
    fflush(NULL);
    TerminateProcess(GetCurrentProcess(), (UINT)code);
    return code;
}
