/* SPDX-License-Identifier: MIT */
/**
 * @file control.h
 * Talking to a running trigger agent: JSON-RPC 2.0, one object a line, over a Unix socket or, on
 * Windows, a named pipe.
 *
 * One dispatch function does every method. A running agent calls it for the requests that come
 * through its socket; a program that finds no running agent opens the store itself and calls the
 * function directly. doc/control.md describes the methods and the protocol; rdvtask-control(7) is
 * for administrators.
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
 * The longest line, request or answer, in bytes; a whole schedule document fits. A longer request
 * is answered with an error and skipped. An answer that would be longer is replaced by an error.
 */
#define RDV_CONTROL_LINE_MAX RDV_DOCUMENT_MAX

/**
 * The most values of a request. Only `schedule` may have more, as many as a document:
 * RDV_DOCUMENT_VALUES. Of these no task has more than RDV_CONTROL_VALUES, apart from what is in a
 * context that is given as JSON.
 */
#define RDV_CONTROL_VALUES 10000

/** The longest request line of a client that may only read, in bytes. */
#define RDV_CONTROL_READER_LINE_MAX (64 * 1024)

/**
 * The longest answer to a client that may only read, in bytes. It can ask for less with `limit`.
 */
#define RDV_CONTROL_READER_ANSWER_MAX (4 * 1024 * 1024)

/**
 * The most memory that all clients together can make the agent use, whatever they do, in bytes:
 * lines, answers, changes that wait to be read, and what a line needs while it is being done.
 */
#define RDV_CONTROL_MEMORY_MAX (512 * 1024 * 1024)

/** The share of RDV_CONTROL_MEMORY_MAX for clients that may only read, in bytes. */
#define RDV_CONTROL_READER_MEMORY_MAX (16 * 1024 * 1024)

/** How many clients may be connected at once. Any more are told that the agent is busy. */
#define RDV_CONTROL_CLIENTS 256

/** How many of the clients may be such that may only read, so that places are left for others. */
#define RDV_CONTROL_READERS 192

/**
 * How many bytes of changes may wait for a client that watches and does not read. A client with
 * more gets a last line, the notification `late`, and is disconnected. A client is also
 * disconnected if it has read nothing of what waits for it for half a minute.
 */
#define RDV_CONTROL_QUEUE_MAX (4 * 1024 * 1024)

/**
 * The version of the methods, `protocol` in the answer of `status`. Members may be added within a
 * version.
 */
#define RDV_CONTROL_VERSION 1

/** The side of the agent: it listens, and answers requests for a trigger agent. */
typedef struct rdv_control rdv_control;

/** How a control is set up. */
typedef struct rdv_control_options {
    /** sizeof(rdv_control_options); rdv_control_options_init() sets it. */
    size_t size;
    /**
     * Where to listen: a file, on Windows also a pipe. NULL = nowhere; only rdv_control_call() can
     * be used then.
     */
    const char *socket;
    /** The name of a group whose members may call the methods that only read. NULL = none. */
    const char *reader_group;
    /** What the method `reload` does. NULL = it is not supported. */
    int (*reload)(void *user, struct rdv_error *error);
    /** Handed to reload. */
    void *user;
    /** Where log lines go. Default: nowhere. */
    rdv_log log;
} rdv_control_options;

/** Set the size and the defaults. Any thread. */
RDV_API void rdv_control_options_init(rdv_control_options *options);

/**
 * Make a control for a trigger agent, and listen. The socket is made with mode 0600, or 0660 and
 * the reader group if there is one. A socket that a killed process left behind is replaced; one
 * that answers is not. The file SOCKET.lock says which process listens; there is none for a pipe
 * that is given by its own name.
 *
 * Root (on Windows: administrators and the system itself) and the effective user of the process may
 * call every method. Members of the reader group may call the methods that only read. Nobody else
 * may call any.
 *
 * @param trigger      must outlive the control.
 * @param loop         the trigger's loop; must outlive the control.
 * @param store        the trigger's store; must outlive the control.
 * @param options      copied; NULL = defaults.
 * @param ret_control  owned by the caller, who gives it to rdv_control_free().
 * @param error        may be NULL.
 * @return 0; RDV_EINVAL, also for a name that is too long for a socket; RDV_ESTATE if the store is
 *   used on another loop; RDV_ENOTFOUND for an unknown group or directory; RDV_ELOCKED if another
 *   process listens there; RDV_EEXISTS if a file that is not a socket is there; RDV_EACCES,
 *   RDV_EREADONLY, RDV_ENOSPC, RDV_EIO, RDV_ENOMEM.
 * Owner thread.
 */
RDV_API int rdv_control_new(rdv_loop *loop, rdv_store *store, rdv_trigger *trigger,
                            const rdv_control_options *options, rdv_control **ret_control,
                            struct rdv_error *error);

/**
 * Called with the line that answers a request.
 * @param line  JSON without a line end; valid during the call.
 */
typedef void (*rdv_control_reply_fn)(void *user, const char *line);

/**
 * The dispatch function: do one request, as if the user that runs the agent had sent it through the
 * socket. What it changes is durable before fn is called, which happens inside this function.
 * `watch` can't be done this way, and nothing can while a batch is open (rdv_trigger_begin()): the
 * answer is an error then.
 *
 * @return 0 if the request was done or refused; fn was called then, unless the request has no id.
 *   RDV_EINVAL for NULL; RDV_ENOMEM.
 * Owner thread, but not from inside a callback.
 */
RDV_API int rdv_control_call(rdv_control *control, const char *request, rdv_control_reply_fn fn,
                             void *user);

/**
 * Stop listening, remove the socket, disconnect all clients, and free the control. Requests that
 * were not answered yet may be done or not. NULL is allowed. Must not be called from inside
 * `reload` or the log's write.
 * Owner thread.
 */
RDV_API void rdv_control_free(rdv_control *control);

/* ------------------------------------------------------------------ client */

/**
 * A connection to a running agent. It belongs to one thread, the client's, which may change while
 * no function of it is being called. Its functions block. It needs no loop, but can use one:
 * rdv_client_attach().
 */
typedef struct rdv_client rdv_client;

/**
 * Connect to an agent, and wait until it accepts the connection. Nothing is sent to a stranger: the
 * process that listens must run as root, as the caller's effective user, or as the owner of the
 * socket's folder if nobody else may write to that folder; on Windows as the caller's user, an
 * administrator or the system itself.
 *
 * @param socket      where the agent listens.
 * @param ret_client  owned by the caller, who gives it to rdv_client_close().
 * @param error       may be NULL.
 * @return 0; RDV_ENOTFOUND if no process listens there; RDV_EACCES, also for a stranger; RDV_EBUSY
 *   if there are too many clients, or if the agent has not answered for ten seconds; RDV_ESYNTAX or
 *   RDV_ELIMIT if what answers is not an agent; the error that the agent answers with; RDV_EINVAL,
 *   also for a name that is too long for a socket; RDV_EIO; RDV_ENOMEM.
 * Any thread, which becomes the client's thread.
 */
RDV_API int rdv_client_open(const char *socket, rdv_client **ret_client, struct rdv_error *error);

/**
 * Send a request line. This waits while the agent does not read; lines that arrive meanwhile are
 * kept for rdv_client_receive().
 *
 * @param line  without a line end, and with none inside.
 * @return 0, RDV_EINVAL, RDV_ESHUTDOWN if the agent has gone, RDV_EIO, RDV_ENOMEM.
 * The client's thread.
 */
RDV_API int rdv_client_send(rdv_client *client, const char *line);

/**
 * Wait for the next line.
 *
 * @param wait      how long at most; negative = for ever.
 * @param ret_line  without a line end; belongs to the client, valid until the next call on it.
 * @return 0; RDV_ETIMEDOUT; RDV_ESHUTDOWN if the agent has gone; RDV_ELIMIT for a line that is too
 *   long; RDV_EINVAL, RDV_EIO, RDV_ENOMEM.
 * The client's thread.
 */
RDV_API int rdv_client_receive(rdv_client *client, rdv_duration wait, const char **ret_line);

/**
 * The descriptor to poll for reading; -1 on Windows, where there is none: see rdv_client_attach().
 * Several lines may arrive at once, so call rdv_client_receive() with a wait of 0 until it returns
 * RDV_ETIMEDOUT before polling again.
 * The client's thread.
 */
RDV_API int rdv_client_fd(const rdv_client *client);

/**
 * Have a loop wait for lines, on every system. fn is called from inside rdv_loop_run() or
 * rdv_loop_dispatch() when lines have arrived or the agent has gone. It then calls
 * rdv_client_receive() with a wait of 0 until that returns anything but 0. There is no call of fn
 * for lines that arrived earlier, so the program does the same once after attaching. After
 * RDV_ESHUTDOWN fn is not called any more. fn may close the client, or attach it elsewhere.
 *
 * @param loop  its owner thread becomes the client's thread. Closing the client detaches it, which
 *   must be done before the loop is freed. NULL = detach the client.
 * @param fn    called from the loop.
 * @param user  handed to fn; must live as long as the client is attached.
 * @return 0; RDV_EINVAL; RDV_ESTATE if the client is attached already; RDV_EIO, RDV_ENOMEM.
 * Owner thread of the loop, or the client's thread to detach it.
 */
RDV_API int rdv_client_attach(rdv_client *client, rdv_loop *loop, void (*fn)(void *user),
                              void *user);

/** Close and free a client. NULL is allowed. The client's thread. */
RDV_API void rdv_client_close(rdv_client *client);

/* ---------------------------------------------------------------- messages */

/**
 * Write a request line.
 *
 * @param params    a JSON object as text, on one line, or NULL for none; not checked.
 * @param ret_line  owned by the caller, who gives it to rdv_free().
 * @return 0, RDV_EINVAL for NULL, or RDV_ENOMEM.
 * Any thread.
 */
RDV_API int rdv_request_new(int64_t id, const char *method, const char *params, char **ret_line);

/**
 * A line from an agent, parsed: a response or a notification. Its functions may be called from any
 * thread, by one thread at a time.
 */
typedef struct rdv_response rdv_response;

/**
 * Parse a line.
 *
 * @param ret_response  owned by the caller, who gives it to rdv_response_free().
 * @return 0, RDV_EINVAL for NULL, RDV_ESYNTAX for a line that is not JSON-RPC, RDV_ENOMEM.
 * Any thread.
 */
RDV_API int rdv_response_parse(const char *line, rdv_response **ret_response);

/**
 * The error of a response.
 *
 * @param ret_words  its message, which lives as long as the response; may be NULL.
 * @return 0 if the response is not an error; its RDV_E… code, or RDV_EFAILED if it has none.
 * Any thread.
 */
RDV_API int rdv_response_error(const rdv_response *response, const char **ret_words);

/**
 * The id of a response, which is the number that the request had; -1 for a notification, and for an
 * id that is not a number.
 * Any thread.
 */
RDV_API int64_t rdv_response_id(const rdv_response *response);

/**
 * The result of a response, or the params of a notification, as compact JSON; NULL for an error. It
 * lives as long as the response.
 * Any thread.
 */
RDV_API const char *rdv_response_result(const rdv_response *response);

/**
 * The method of a notification, such as "change"; NULL for a response. It lives as long as the
 * response.
 * Any thread.
 */
RDV_API const char *rdv_response_method(const rdv_response *response);

/**
 * Call fn for each entry in the result, which is one entry or an array of them. A result of fn
 * other than 0 ends this.
 * @return 0, fn's result, RDV_ESYNTAX if the result holds something else, RDV_EINVAL, RDV_ENOMEM.
 * Any thread.
 */
RDV_API int rdv_response_entries(const rdv_response *response, rdv_entry_fn fn, void *user);

/** Free a response. NULL is allowed. Any thread. */
RDV_API void rdv_response_free(rdv_response *response);

#ifdef __cplusplus
}
#endif

#endif
