/* SPDX-License-Identifier: MIT */
/* There is no COM on Unix: `run --com`, `plugins` and `check-plugin` report that, and fail. */
#include "../com_agent.h"

#include <assert.h>
#include <stddef.h>

#include "../commands.h"
#include "../messages.h"
#include "../options.h"

int com_open(const struct options *options, rdv_loop *loop, const rdv_log *log,
             struct com **ret_com)
{
    (void)options;
    (void)loop;
    (void)log;
    (void)ret_com;
    report_error(
        "task agents of COM are only on Windows: --config or --plugin gives one that runs here");
    return EXIT_FAILED;
}

rdv_plugin *com_plugin(struct com *com)
{
    (void)com;
    return NULL; /* com_open() never succeeds */
}

void com_close(struct com *com)
{
    assert(!com);
    (void)com;
}

static int only_on_windows(const struct options *options)
{
    report_error("'%s' is about COM task agents, which exist only on Windows", options->verb);
    return EXIT_FAILED;
}

int command_plugins(const struct options *options)
{
    return only_on_windows(options);
}

int command_check_plugin(const struct options *options)
{
    return only_on_windows(options);
}
