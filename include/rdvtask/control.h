/* SPDX-License-Identifier: MIT */
/**
 * @file control.h
 * Talking to a running trigger agent: JSON-RPC 2.0, one object a line, over a Unix socket or, on Windows, a named pipe.
 *
 * Every method is done by one dispatch function. A running agent calls it for what comes through its socket; a program that
 * finds no agent running opens the store itself and calls it directly. rdvtask-control(7) describes the methods.
 */
#ifndef RDVTASK_CONTROL_H
#define RDVTASK_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rdvtask/base.h>
#include <rdvtask/document.h>
#include <rdvtask/loop.h>
#include <rdvtask/store.h>
#include <rdvtask/trigger.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The longest line, request or answer, in bytes: a whole schedule document fits. A longer request is answered with an error and
 * left out; where an answer would be longer, there is an error in its place. @since 0.1.0
 */
#define RDV_CONTROL_LINE_MAX RDV_DOCUMENT_MAX

/** The most values of a request other than `schedule`, which may be as large as a document: RDV_DOCUMENT_VALUES. @since 0.1.0 */
#define RDV_CONTROL_VALUES 10000

/** The longest request line of a client that may only read, in bytes. @since 0.1.0 */
#define RDV_CONTROL_READER_LINE_MAX (64 * 1024)

/** The longest answer to a client that may only read, in bytes: ask for less with `limit`. @since 0.1.0 */
#define RDV_CONTROL_READER_ANSWER_MAX (4 * 1024 * 1024)

/**
 * The memory that all clients together can make the agent take, whatever they do, in bytes: lines, answers, changes that wait to
 * be read, and what a line takes while it is being done.
 * @since 0.1.0
 */
#define RDV_CONTROL_MEMORY_MAX (640 * 1024 * 1024)

/** The share of RDV_CONTROL_MEMORY_MAX of clients that may only read, in bytes. @since 0.1.0 */
#define RDV_CONTROL_READER_MEMORY_MAX (16 * 1024 * 1024)

/** How many clients may be connected at once; more are told that it is busy. @since 0.1.0 */
#define RDV_CONTROL_CLIENTS 256

/** How many of them may be clients that may only read: they leave places for the others. @since 0.1.0 */
#define RDV_CONTROL_READERS 192

/**
 * How many bytes of changes may wait for a client that watches and does not read. Past that the client gets a last line, the
 * notification `late`, and is cut off. A client is also cut off when it has left what waits for it unread for half a minute.
 * @since 0.1.0
 */
#define RDV_CONTROL_QUEUE_MAX (4 * 1024 * 1024)

/** The version of the methods: `protocol` in the answer of `status`. Members may be added within a version. @since 0.1.0 */
#define RDV_CONTROL_VERSION 1

/** What talks for a trigger agent. @since 0.1.0 */
typedef struct rdv_control rdv_control;

/** How a control is set up. @since 0.1.0 */
typedef struct rdv_control_options {
    size_t size;
    const char *
        socket; /**< where to listen: a file, on Windows also a pipe; NULL = nowhere: only rdv_control_call() */
    const char *
        reader_group; /**< the name of a group whose members may call what only reads; NULL = none */
    int (*reload)(
        void *user,
        struct rdv_error *error); /**< what the method `reload` does; NULL = not supported */
    void *user;                   /**< of reload */
    rdv_log log;
} rdv_control_options;

/** Set the size and the defaults. Any thread. @since 0.1.0 */
RDV_API void rdv_control_options_init(rdv_control_options *options);

/**
 * Make a control for a trigger agent, and listen. The socket is made with mode 0600 (0660 with a reader group, which it is given
 * to); one that a killed process left behind is replaced, one that answers is not. A file SOCKET.lock says who listens, but for
 * a pipe that is given by its own name.
 *
 * Whoever runs as root (on Windows: as administrator or the system itself) or as our own effective user may call every method, a
 * member of the reader group those that only read, and nobody else any.
 *
 * @param trigger  must outlive the control, and so must store and loop, which are the trigger's.
 * @param options  NULL = defaults; copied.
 * @param ret_control  owned by the caller: rdv_control_free().
 * @param error  optional.
 * @return 0; RDV_EINVAL (also a name too long for a socket); RDV_ESTATE if the store is used on another loop; RDV_ENOTFOUND for an
 * unknown group or directory; RDV_ELOCKED if another process listens there; RDV_EEXISTS if something else than a socket is there;
 * RDV_EACCES, RDV_EREADONLY, RDV_ENOSPC, RDV_EIO, RDV_ENOMEM.
 * Owner thread. @since 0.1.0
 */
RDV_API int rdv_control_new(rdv_loop *loop, rdv_store *store, rdv_trigger *trigger,
                            const rdv_control_options *options, rdv_control **ret_control,
                            struct rdv_error *error);

/**
 * Called with the line that answers a request.
 * @param line  JSON without line end; valid during the call.
 * @since 0.1.0
 */
typedef void (*rdv_control_reply_fn)(void *user, const char *line);

/**
 * The dispatch function: do one request, as if it had come through the socket from the user that runs the agent. What it
 * changes is durable before fn is called, from inside this function. `watch` is not possible this way, and nothing is while a
 * batch is open (rdv_trigger_begin()): the answer is an error then.
 *
 * @return 0 if it was done or refused, and fn was called unless the request has no id; RDV_EINVAL for NULL; RDV_ENOMEM.
 * Owner thread; not from inside a callback. @since 0.1.0
 */
RDV_API int rdv_control_call(rdv_control *control, const char *request, rdv_control_reply_fn fn,
                             void *user);

/**
 * Stop listening, remove the socket, cut off all clients, and free it. What was asked for and not answered yet may be done or not.
 * NULL is fine. Not from inside `reload` or a line of the log. Owner thread. @since 0.1.0
 */
RDV_API void rdv_control_free(rdv_control *control);

/* ------------------------------------------------------------------ client */

/**
 * A connection to a running agent; belongs to one thread, the client's, which may change while nobody calls it. Blocks: no loop
 * is needed, and one can be used.
 * @since 0.1.0
 */
typedef struct rdv_client rdv_client;

/**
 * Connect, and hear whether the agent takes us. Nothing is said to a stranger: who listens has to be root, our effective user, or
 * whoever owns the folder of the socket and may alone write to it; on Windows our user, an administrator or the system itself.
 *
 * @param socket      where it listens.
 * @param ret_client  owned by the caller: rdv_client_close().
 * @param error       optional.
 * @return 0; RDV_ENOTFOUND if nobody listens there; RDV_EACCES, also for a stranger; RDV_EBUSY if there
 * are too many clients, or if the agent has not answered for ten seconds; RDV_ESYNTAX or RDV_ELIMIT if what answers is no agent, or
 * the error that it answers; RDV_EINVAL (also a name too long for a socket), RDV_EIO, RDV_ENOMEM.
 * Any thread, whose the client is then. @since 0.1.0
 */
RDV_API int rdv_client_open(const char *socket, rdv_client **ret_client, struct rdv_error *error);

/**
 * Send a request line (without line end, and with none inside). Waits while the agent does not read; what comes in meanwhile is
 * kept for rdv_client_receive().
 * @return 0, RDV_EINVAL, RDV_ESHUTDOWN if the agent has gone, RDV_EIO, RDV_ENOMEM.
 * The client's thread. @since 0.1.0
 */
RDV_API int rdv_client_send(rdv_client *client, const char *line);

/**
 * Wait for the next line.
 * @param wait      how long at most; negative = for ever.
 * @param ret_line  without line end; belongs to the client, valid until the next call on it.
 * @return 0; RDV_ETIMEDOUT; RDV_ESHUTDOWN if the agent has gone; RDV_ELIMIT for a line that is too long; RDV_EINVAL, RDV_EIO,
 * RDV_ENOMEM.
 * The client's thread. @since 0.1.0
 */
RDV_API int rdv_client_receive(rdv_client *client, rdv_duration wait, const char **ret_line);

/**
 * The descriptor to poll for reading; -1 on Windows, where there is none: see rdv_client_attach(). Several lines may come at once:
 * poll when rdv_client_receive() with a wait of 0 has said RDV_ETIMEDOUT.
 * The client's thread. @since 0.1.0
 */
RDV_API int rdv_client_fd(const rdv_client *client);

/**
 * Have a loop wait for what comes, on every system: fn is called from inside rdv_loop_run() or rdv_loop_dispatch() when there is
 * something, or the agent has gone. It then calls rdv_client_receive() with a wait of 0 until that says something else than 0. What
 * has come before is not told: do the same once after attaching. After RDV_ESHUTDOWN fn is not called any more. It may close
 * the client, or attach it elsewhere.
 *
 * @param loop  its owner thread is the client's from now on; closing the client detaches it, which has to be done before the loop is
 * freed. NULL = detach it.
 * @return 0; RDV_EINVAL; RDV_ESTATE if it is attached already; RDV_EIO, RDV_ENOMEM.
 * Owner thread of the loop, or the client's thread to detach it. @since 0.1.0
 */
RDV_API int rdv_client_attach(rdv_client *client, rdv_loop *loop, void (*fn)(void *user),
                              void *user);

/** Close and free. NULL is fine. The client's thread. @since 0.1.0 */
RDV_API void rdv_client_close(rdv_client *client);

/* ---------------------------------------------------------------- messages */

/**
 * Write a request line. The caller frees it with rdv_free().
 * @param params  a JSON object as text, on one line, or NULL for none; not checked.
 * @return 0, RDV_EINVAL for NULL, or RDV_ENOMEM.
 * Any thread. @since 0.1.0
 */
RDV_API int rdv_request_new(int64_t id, const char *method, const char *params, char **ret_line);

/** A line that came from an agent, read. Its functions may be called from any thread, by one at a time. @since 0.1.0 */
typedef struct rdv_response rdv_response;

/**
 * Read a line.
 * @param ret_response  owned by the caller: rdv_response_free().
 * @return 0, RDV_EINVAL for NULL, RDV_ESYNTAX for what is no JSON-RPC, RDV_ENOMEM.
 * Any thread. @since 0.1.0
 */
RDV_API int rdv_response_parse(const char *line, rdv_response **ret_response);

/**
 * 0, or the RDV_E… code of an error response, RDV_EFAILED for one that has none; ret_words (optional) gets its message, which
 * lives as long as the response.
 * Any thread. @since 0.1.0
 */
RDV_API int rdv_response_error(const rdv_response *response, const char **ret_words);

/** The id of a response: the number that the request had; -1 if it is none, and for a notification. Any thread. @since 0.1.0 */
RDV_API int64_t rdv_response_id(const rdv_response *response);

/**
 * The result (of a notification: its params) as compact JSON; NULL for an error. Lives as long as the response.
 * Any thread. @since 0.1.0
 */
RDV_API const char *rdv_response_result(const rdv_response *response);

/** The method of a notification ("change"), NULL for a response. Lives as long as the response. Any thread. @since 0.1.0 */
RDV_API const char *rdv_response_method(const rdv_response *response);

/**
 * Call fn for each entry in the result (an array of entries, or one). fn's result ends it if not 0.
 * @return 0, fn's result, RDV_ESYNTAX if the result holds something else, RDV_EINVAL, RDV_ENOMEM.
 * Any thread. @since 0.1.0
 */
RDV_API int rdv_response_entries(const rdv_response *response, rdv_entry_fn fn, void *user);

/** Free it. NULL is fine. Any thread. @since 0.1.0 */
RDV_API void rdv_response_free(rdv_response *response);

#ifdef __cplusplus
}
#endif

#endif
