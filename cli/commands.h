/* SPDX-License-Identifier: MIT */
/* The verbs of the program, and its exit codes. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

struct options;

/* The exit codes. They are documented and never change, since scripts depend on them. */
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

/* The whole program, from its command line in UTF-8 to its exit code. */
int command_main(int argc, char **argv);

/* Each function carries out one verb, prints its result and returns an exit code. */
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

/* These two verbs exist only on Windows. Elsewhere they report that, and fail. */
int command_plugins(const struct options *options);
int command_check_plugin(const struct options *options);

#endif
