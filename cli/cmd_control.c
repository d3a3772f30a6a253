/* SPDX-License-Identifier: MIT */
/* The verbs about the agent as a whole, and what it thinks: `pause`, `resume`, `reload` and `explain`. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "messages.h"
#include "options.h"
#include "session.h"
#include "system.h"

/* Have something done that has neither parameters nor a result. */
static int command(const struct options *options, enum ask_else otherwise, const char *doing,
                   const char *done)
{
    struct ask *asked = NULL;
    rdv_response *response = NULL;
    int code = ask_open(options, otherwise, &asked);
    if (code)
        return code;
    int result = ask(asked, options->verb, NULL, &response);
    if (result)
        code = ask_failed(asked, doing, result);
    else if (options->json)
        printf("{\"%s\":true}\n", done);
    else if (!options->quiet)
        puts(done);
    rdv_response_free(response);
    ask_close(asked);
    return code;
}

int command_pause(const struct options *options)
{
    return command(options, ASK_MAKE, "pause", "paused");
}

int command_resume(const struct options *options)
{
    return command(options, ASK_MAKE, "resume", "resumed");
}

int command_reload(const struct options *options)
{
    return command(options, ASK_AGENT, "reload", "reloaded");
}

static int print_explanation(const struct options *options, const char *identifier,
                             const rdv_response *response)
{
    struct text words = {0};
    char buffer[TEXT_TIME_SIZE];
    rdv_time next;
    if (options->json) {
        const char *json = rdv_response_result(response);
        system_print(stdout, json, strlen(json));
        fputc('\n', stdout);
        return EXIT_OK;
    }
    if (!ask_member_text(response, "words", &words)) {
        text_finish(&words);
        say_error("the answer can't be read: is another version running?");
        return EXIT_FAILED;
    }
    text_print(stdout, identifier);
    fputs(": ", stdout);
    text_print(stdout, words.data ? words.data : "");
    fputc('\n', stdout);
    if (ask_member_time(response, "next", &next))
        printf("it is looked at next at %s\n", text_time(next, buffer));
    text_finish(&words);
    return EXIT_OK;
}

int command_explain(const struct options *options)
{
    struct text params = {0};
    struct ask *asked = NULL;
    rdv_response *response = NULL;
    const char *identifier = options->arguments[0];
    if (!identifier[0])
        return say_usage(options->verb, "an identifier can't be empty");
    int code = ask_open(options, ASK_WRITE, &asked);
    if (code)
        return code;
    if (!asked)
        return EXIT_NOTHING;
    int result = RDV_ENOTFOUND;
    if (ask_add_identifier(&params, identifier))
        result = ask(asked, "explain", params.data, &response);
    text_finish(&params);
    if (result == RDV_ENOTFOUND) {
        say_error("no task '%s' is pending or running: 'rdvtask show' tells how one has ended",
                  identifier);
        code = EXIT_NOTHING;
    } else if (result) {
        code = ask_failed(asked, "explain it", result);
    } else {
        code = print_explanation(options, identifier, response);
    }
    rdv_response_free(response);
    ask_close(asked);
    return code;
}
