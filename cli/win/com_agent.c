/* SPDX-License-Identifier: MIT */
/* The COM task agent of `run --com`: a thin cover over rdvtask/com_host.h. struct com is an
 * rdv_com_host by another name. */
#include "../com_agent.h"

#include <rdvtask/com_host.h>

#include "../commands.h"
#include "../messages.h"
#include "../options.h"

int com_open(const struct options *options, rdv_loop *loop, const rdv_log *log,
             struct com **ret_com)
{
    rdv_com_host_options how;
    rdv_com_host *host;
    struct rdv_error error = {0};
    rdv_com_host_options_init(&how);
    how.log = *log;
    if (rdv_com_host_open(loop, options->com, &how, &host, &error) != 0) {
        report_error("%s", error.text);
        return EXIT_FAILED;
    }
    if (!options->verbose) /* with --verbose, the log has this line */
        print_note(options->quiet, "the task agent is '%s', of class %s", rdv_com_host_name(host),
                   rdv_com_host_clsid(host));
    *ret_com = (struct com *)host;
    return EXIT_OK;
}

rdv_plugin *com_plugin(struct com *com)
{
    return rdv_com_host_plugin((rdv_com_host *)com);
}

void com_close(struct com *com)
{
    rdv_com_host_close((rdv_com_host *)com);
}
