/* SPDX-License-Identifier: MIT */
/* The verbs of the program, and what it ends with. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

struct options;

/* Fixed and documented: scripts depend on them. */
enum exit_code {
    EXIT_OK = 0,
    EXIT_FAILED = 1,
    EXIT_NOTHING = 2, /* not found, or nothing to do */
    EXIT_REBOOT = 3,
    EXIT_UNRECORDED = 4, /* done, but not on disk yet */
    EXIT_USAGE = 64,
    EXIT_BUSY = 75, /* try later */
    EXIT_TIMED_OUT = 124,
    EXIT_CANCELLED = 130
};

/* All of the program, once the system has given us its command line in UTF-8. Returns its exit code. */
int command_main(int argc, char **argv);

/* Each does one verb, prints what there is to print, and returns an exit code. */
int command_run(const struct options *options);
int command_start(const struct options *options);
int command_schedule(const struct options *options);
int command_delete(const struct options *options);
int command_list(const struct options *options);
int command_show(const struct options *options);
int command_history(const struct options *options);
int command_validate(const struct options *options);
int command_cancel(const struct options *options);
int command_watch(const struct options *options);
int command_explain(const struct options *options);
int command_reload(const struct options *options);
int command_pause(const struct options *options);
int command_resume(const struct options *options);

/* These are only on Windows; elsewhere they say so. */
int command_plugins(const struct options *options);
int command_check_plugin(const struct options *options);

#endif
