/* SPDX-License-Identifier: MIT */
/* What the help says about this system. win/ has a header of the same name, and the build
 * chooses one. */
#ifndef CLI_HELP_WORDS_H
#define CLI_HELP_WORDS_H

#define WORDS_STORE     "/var/lib/rdvtask/store.db as root, else ~/.local/state/rdvtask/store.db"
#define WORDS_CONFIG    "/etc/rdvtask/agent.json as root, else ~/.config/rdvtask/agent.json"
#define WORDS_IS_FILE   "ends in .json or has a '/'"
#define WORDS_LISTENS   "a socket"
#define WORDS_INTERRUPT "Ctrl-C, SIGTERM"

/* These are whole sentences. */
#define WORDS_RUN_RELOADS     "SIGHUP: reads the agent document again, as 'rdvtask reload' does.\n"
#define WORDS_RELOAD_LIKEWISE " SIGHUP does the same."

#endif
