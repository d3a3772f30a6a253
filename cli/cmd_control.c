/* SPDX-License-Identifier: MIT */
/* The verbs `pause`, `resume`, `reload` and `explain`: each is one request of a session, and a
 * line that shows its result. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "display_text.h"
#include "json_text.h"
#include "messages.h"
#include "options.h"
#include "session.h"
#include "system.h"

/* Carry out a verb that is a request without parameters, and whose result is only that it is
 * done. */
static int run_plain_verb(const struct options *options, enum session_fallback otherwise,
                          const char *doing, const char *done)
{
    struct session *session = NULL;
    rdv_response *response = NULL;
    int code = session_open(options, otherwise, &session);
    if (code)
        return code;
    int result = session_request(session, options->verb, NULL, &response);
    if (result)
        code = session_report_failure(session, doing, result);
    else if (options->json)
        printf("{\"%s\":true}\n", done);
    else if (!options->quiet)
        puts(done);
    rdv_response_free(response);
    session_close(session);
    return code;
}

int command_pause(const struct options *options)
{
    return run_plain_verb(options, SESSION_MAKE_STORE, "pause", "paused");
}

int command_resume(const struct options *options)
{
    return run_plain_verb(options, SESSION_MAKE_STORE, "resume", "resumed");
}

int command_reload(const struct options *options)
{
    return run_plain_verb(options, SESSION_NEED_AGENT, "reload", "reloaded");
}

static int print_explanation(const struct options *options, const char *identifier,
                             const rdv_response *response)
{
    char buffer[TEXT_TIME_SIZE];
    rdv_time next;
    if (options->json) {
        const char *json = rdv_response_result(response);
        system_print(stdout, json, strlen(json));
        fputc('\n', stdout);
        return EXIT_OK;
    }
    cJSON *explanation = session_parse_result(response);
    const char *words = json_get_string(explanation, "words");
    if (words) {
        text_print(stdout, identifier);
        fputs(": ", stdout);
        text_print(stdout, words);
        fputc('\n', stdout);
        if (json_get_time(explanation, "next", &next))
            printf("it is looked at next at %s\n", text_time(next, buffer));
    } else {
        report_error("the answer can't be read: is another version of rdvtask running?");
    }
    cJSON_Delete(explanation);
    return words ? EXIT_OK : EXIT_FAILED;
}

int command_explain(const struct options *options)
{
    struct session *session = NULL;
    rdv_response *response = NULL;
    const char *identifier;
    int code = session_open_task(options, SESSION_CHANGE_STORE, &session, &identifier);
    if (code)
        return code;
    int result = session_request_task(session, "explain", identifier, &response);
    if (result == RDV_ENOTFOUND) {
        report_error("no task '%s' is pending or running: 'rdvtask show' tells how one has ended",
                     identifier);
        code = EXIT_NOTHING;
    } else if (result) {
        code = session_report_failure(session, "explain it", result);
    } else {
        code = print_explanation(options, identifier, response);
    }
    rdv_response_free(response);
    session_close(session);
    return code;
}
