/* SPDX-License-Identifier: MIT */
/*
 * Requests, to whoever has the store: the agent that runs on it, through its socket; or, where none runs, this process itself, by
 * the same dispatch function. What only lists is then read from the store without that, so that it needs no writer lock.
 */
#ifndef CLI_ASK_H
#define CLI_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rdvtask/control.h>

#include "display_text.h"

struct options;
struct ask;

/* What to do where no agent runs. */
enum ask_else {
    ASK_READ,  /* read the store: only ask_entries(), ask_entry() and ask_paused() are possible */
    ASK_WRITE, /* change the store, if there is one */
    ASK_MAKE,  /* change the store, and make it if there is none */
    ASK_AGENT, /* only an agent can do it: say so */
    ASK_NOBODY /* only an agent can do it: *ret_ask is NULL */
};

/*
 * Find out who is to be asked. *ret_ask is NULL, with EXIT_OK, if no agent runs and there is no store either. Says what is wrong and
 * returns an exit code.
 */
int ask_open(const struct options *options, enum ask_else otherwise, struct ask **ret_ask);

/* NULL is fine. */
void ask_close(struct ask *asked);

/*
 * Ask. `params` is a JSON object on one line, or NULL. Returns 0 and a response, which the caller frees; or an RDV_E…, with
 * the words for it in ask_words().
 */
int ask(struct ask *asked, const char *method, const char *params, rdv_response **ret_response);
const char *ask_words(const struct ask *asked);

/*
 * If no agent runs, be the task agent, too, so that what a former agent has left of a run can be ended; it starts nothing. The first
 * function says what is wrong and returns an exit code. The second one, after such a request, waits until the task has ended, if it
 * was running, and shuts down; it returns 0 or an RDV_E…. Both do nothing if an agent is asked.
 */
int ask_be_agent(struct ask *asked);
int ask_wait_end(struct ask *asked, const char *identifier, bool *ret_waited);

/* Say that `doing` something has failed, and why. Returns the exit code. */
int ask_failed(const struct ask *asked, const char *doing, int code);

/*
 * Call fn for the entries of `list` or `history`, of which the filter must be. May be called more than once: an agent is only
 * asked the first time. Returns 0, what fn returns, or an RDV_E….
 */
int ask_entries(struct ask *asked, const char *method, const rdv_filter *filter, rdv_entry_fn fn,
                void *user);

/* The same for the one entry of `show`; RDV_ENOTFOUND if there is none. */
int ask_entry(struct ask *asked, const char *identifier, rdv_entry_fn fn, void *user);

/* Whether tasks are paused; false also where that can't be told. */
bool ask_paused(struct ask *asked);

/* Take the connection to the agent, for what comes without being asked for. */
rdv_client *ask_take_client(struct ask *asked);

/* Write {"identifier":"…"}. False if no task can be called that: then none is. */
bool ask_add_identifier(struct text *params, const char *identifier);

/* The members of a result that is one object. False if there is no such member, or it is null. */
bool ask_member_number(const rdv_response *response, const char *name, int64_t *ret_number);
bool ask_member_text(const rdv_response *response, const char *name, struct text *text);
bool ask_member_time(const rdv_response *response, const char *name, rdv_time *ret_time);
bool ask_member_true(const rdv_response *response, const char *name);

#endif
