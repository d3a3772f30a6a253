/* SPDX-License-Identifier: MIT */
/* What the help says about this system. unix/ has a header of the same name, and the build
 * chooses one. */
#ifndef CLI_HELP_WORDS_H
#define CLI_HELP_WORDS_H

#define WORDS_STORE                                              \
    "%ProgramData%\\rdvtask\\rdvtask.db as administrator, else " \
    "%LOCALAPPDATA%\\rdvtask\\rdvtask.db"
#define WORDS_CONFIG                                             \
    "%ProgramData%\\rdvtask\\agent.json as administrator, else " \
    "%LOCALAPPDATA%\\rdvtask\\agent.json"
#define WORDS_IS_FILE   "ends in .json or has a '\\' or '/'"
#define WORDS_LISTENS   "a named pipe"
#define WORDS_INTERRUPT "Ctrl-C, Ctrl-Break"

/* Windows has nothing like SIGHUP. */
#define WORDS_RUN_RELOADS     ""
#define WORDS_RELOAD_LIKEWISE ""

#endif
