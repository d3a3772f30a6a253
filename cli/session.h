/* SPDX-License-Identifier: MIT */
/*
 * A session with whatever has the store. If an agent runs on it, requests go through its socket. If
 * none runs, this process answers them itself, by the same dispatch function. A verb that only
 * lists reads the store directly, so that it needs no writer lock.
 */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include <rdvtask/control.h>

struct options;
struct session;

/* What to do if no agent runs. */
enum session_fallback {
    /* Read the store. Only session_list_entries(), session_show_entry() and session_is_paused()
     * are possible. */
    SESSION_READ_STORE,
    /* Change the store, if there is one. */
    SESSION_CHANGE_STORE,
    /* Change the store, and make it if there is none. */
    SESSION_MAKE_STORE,
    /* Fail, and report that only an agent can do this. */
    SESSION_NEED_AGENT,
    /* Open no session. This is no failure: the caller goes on without one. */
    SESSION_ONLY_AGENT
};

/*
 * Open a session. *ret_session is NULL, with EXIT_OK, if no agent runs and there is no store
 * either. On failure this reports what is wrong. Returns an exit code.
 */
int session_open(const struct options *options, enum session_fallback fallback,
                 struct session **ret_session);

/*
 * Open a session for a verb whose first argument is an identifier, which *ret_identifier is then.
 * If there is no agent and no store either, this returns EXIT_NOTHING.
 */
int session_open_task(const struct options *options, enum session_fallback fallback,
                      struct session **ret_session, const char **ret_identifier);

/* NULL is fine. */
void session_close(struct session *session);

/*
 * Send a request and wait for its answer. `params` is an object, or NULL for none; it belongs to
 * this function from then on, whatever comes of it. Returns 0 and a response, which the caller
 * frees; or an RDV_E…, with the words for it in session_error_text().
 */
int session_request(struct session *session, const char *method, cJSON *params,
                    rdv_response **ret_response);

/* Send a request about one task. RDV_ENOTFOUND if no task can have that identifier. */
int session_request_task(struct session *session, const char *method, const char *identifier,
                         rdv_response **ret_response);

/* Send a request for a list of entries: those with an identifier (NULL = all), and at most
 * `limit` of them (0 = no limit). */
int session_request_list(struct session *session, const char *method, const char *identifier,
                         int64_t limit, rdv_response **ret_response);

/* The words for the last failure: "" if there are none. */
const char *session_error_text(const struct session *session);

/* The result of a response, parsed; the caller deletes it. NULL if there is no memory. */
cJSON *session_parse_result(const rdv_response *response);

/*
 * If no agent runs, make this process the task agent as well, so that what a former agent has left
 * of a run can be ended. It starts nothing. Returns an exit code, and reports what is wrong.
 */
int session_become_agent(struct session *session);

/*
 * After session_become_agent() and a request that ends a task: wait until the task has ended, if it
 * was running, and shut down. *ret_waited tells whether it was. Does nothing if an agent answers
 * the requests. Returns 0 or an RDV_E….
 */
int session_wait_for_end(struct session *session, const char *identifier, bool *ret_waited);

/* Report that something ("record the task") could not be done, and why. Returns the exit code. */
int session_report_failure(const struct session *session, const char *doing, int code);

/*
 * Call fn for the entries of the method `list` or `history`; the filter must ask for the same ones.
 * If this is called more than once, an agent is only asked the first time. Returns 0, what fn
 * returns, or an RDV_E….
 */
int session_list_entries(struct session *session, const char *method, const rdv_filter *filter,
                         rdv_entry_fn fn, void *user);

/* Call fn for the one entry that the method `show` gives. RDV_ENOTFOUND if there is none. */
int session_show_entry(struct session *session, const char *identifier, rdv_entry_fn fn,
                       void *user);

/* Whether tasks are paused. Also false if that is not known. */
bool session_is_paused(struct session *session);

/* Take the connection to the agent out of the session, to receive what the agent sends without
 * being asked. The caller closes it. */
rdv_client *session_take_client(struct session *session);

#endif
