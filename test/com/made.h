/* SPDX-License-Identifier: MIT */
/*
 * A class for tests, whose agents have handlers in C and a store in memory, and what tests do with
 * its objects.
 */
#ifndef RDV_TEST_MADE_H
#define RDV_TEST_MADE_H

#include <stddef.h>

#include <rdvtask/com_server.h>

#include "client.h"

/* PluginName before Initialize; after it, it is the agent's own, "rdvtask". */
#define MADE_NAME "made for a test"

/*
 * Its labels: quick    ends at once, well failing  ends at once, with 3 steps    says searching,
 * downloading and applying, and ends well, before StartTask returns held     says searching, and
 * ends when made_let_go() says so waiting  on a thread of its own: says searching, and ends with
 * RDV_ECANCELLED once it is cancelled
 */
extern const rdv_com_class made_class;

/* 0, or the error with which its next agent can't be made. */
extern int made_open_result;

/* How often a handler was called, and the context of the last call. */
extern volatile LONG made_calls;
extern char made_context[64];
extern size_t made_context_size;

/* Set when a handler of "held" or "waiting" is called. */
extern HANDLE made_held;

/* Before and after each test. */
void made_begin(void);
void made_end(void);

/* End the runs of "held", in the order in which they have come. */
void made_let_go(int result);

/* Whether the run of "held" that came first should end. */
bool made_is_cancelled(void);

/* An object, not initialized. */
IRDVTaskPlugin *made_new(void);

/* One that is, with this client. */
IRDVTaskPlugin *made_started(struct client *client);

/* StartTask without a context. */
HRESULT made_start(IRDVTaskPlugin *plugin, const wchar_t *label, const wchar_t *identifier);

/* Lines of the class's log since made_begin(), and whether one of them has these words. */
bool made_logged(const char *words);

#endif
