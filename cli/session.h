/* SPDX-License-Identifier: MIT */
/*
 * Requests, to whoever has the store: the agent that runs on it, through its socket; or, where none runs, this process itself, by
 * the same dispatch function. What only lists is then read from the store without that, so that it needs no writer lock.
 */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rdvtask/control.h>

#include "display_text.h"

struct options;
struct session;

/* What to do where no agent runs. */
enum session_fallback {
    SESSION_READ_STORE, /* read the store: only session_list_entries(), session_show_entry() and session_is_paused() are possible */
    SESSION_CHANGE_STORE, /* change the store, if there is one */
    SESSION_MAKE_STORE,   /* change the store, and make it if there is none */
    SESSION_NEED_AGENT,   /* only an agent can do it: say so */
    SESSION_ONLY_AGENT    /* only an agent can do it: *ret_ask is NULL */
};

/*
 * Find out who is to be asked. *ret_ask is NULL, with EXIT_OK, if no agent runs and there is no store either. Says what is wrong and
 * returns an exit code.
 */
int session_open(const struct options *options, enum session_fallback otherwise,
                 struct session **ret_ask);

/* NULL is fine. */
void session_close(struct session *session);

/*
 * Ask. `params` is a JSON object on one line, or NULL. Returns 0 and a response, which the caller frees; or an RDV_E…, with
 * the words for it in session_error_text().
 */
int session_request(struct session *session, const char *method, const char *params,
                    rdv_response **ret_response);
const char *session_error_text(const struct session *session);

/*
 * If no agent runs, be the task agent, too, so that what a former agent has left of a run can be ended; it starts nothing. The first
 * function says what is wrong and returns an exit code. The second one, after such a request, waits until the task has ended, if it
 * was running, and shuts down; it returns 0 or an RDV_E…. Both do nothing if an agent is asked.
 */
int session_become_agent(struct session *session);
int session_wait_for_end(struct session *session, const char *identifier, bool *ret_waited);

/* Say that `doing` something has failed, and why. Returns the exit code. */
int session_report_failure(const struct session *session, const char *doing, int code);

/*
 * Call fn for the entries of `list` or `history`, of which the filter must be. May be called more than once: an agent is only
 * asked the first time. Returns 0, what fn returns, or an RDV_E….
 */
int session_list_entries(struct session *session, const char *method, const rdv_filter *filter,
                         rdv_entry_fn fn, void *user);

/* The same for the one entry of `show`; RDV_ENOTFOUND if there is none. */
int session_show_entry(struct session *session, const char *identifier, rdv_entry_fn fn,
                       void *user);

/* Whether tasks are paused; false also where that can't be told. */
bool session_is_paused(struct session *session);

/* Take the connection to the agent, for what comes without being asked for. */
rdv_client *session_take_client(struct session *session);

/* Write {"identifier":"…"}. False if no task can be called that: then none is. */
bool ask_add_identifier(struct text *params, const char *identifier);

/* The members of a result that is one object. False if there is no such member, or it is null. */
bool result_number(const rdv_response *response, const char *name, int64_t *ret_number);
bool result_text(const rdv_response *response, const char *name, struct text *text);
bool result_time(const rdv_response *response, const char *name, rdv_time *ret_time);
bool result_is_true(const rdv_response *response, const char *name);

#endif
