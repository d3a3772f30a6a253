/* SPDX-License-Identifier: MIT */
/*
 * A trigger agent for tests: a sink that records what it is told, and can be made to misbehave.
 * Unless it is asked to be free-threaded it has no marshaler of its own, so it belongs to the
 * apartment in which it is first handed out.
 */
#ifndef RDV_TEST_CLIENT_H
#define RDV_TEST_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include <windows.h>

#include <objbase.h>

#include "rdvtask_idl.h"

/*
 * How long a test waits for what must come, in milliseconds: longer than Wine waits for its
 * services.
 */
#define CLIENT_PATIENCE 120000

enum client_call { CLIENT_SCHEDULE, CLIENT_DELETE, CLIENT_STATE, CLIENT_TERMINATED };

/* A call that it got. */
struct client_notice {
    enum client_call call;
    char identifier[32], label[32];
    int status;     /* of CLIENT_STATE */
    HRESULT reason; /* of CLIENT_TERMINATED */
    FILETIME times[3];
    size_t context_size;
    DWORD thread;
};

#define CLIENT_NOTICES 16384

struct client {
    IRDVTaskPluginNotifySink sink;
    volatile LONG refs; /* one of them is the test's */

    /* How it behaves. All of this except the gate is set before it is handed out. */
    bool free_threaded;     /* it has COM's free-threaded marshaler */
    bool refuses_marshal;   /* it has a marshaler that fails */
    bool refuses_interface; /* QueryInterface gives IUnknown only */
    HRESULT answer;         /* of all calls */
    HANDLE gate;            /* each call waits until it is set */
    void (*called)(struct client *client,
                   const struct client_notice *notice); /* inside each call */
    void *user;

    HANDLE changed; /* a call has come, or a reference was given back */
    HANDLE entered; /* a call has come to the gate */
    IUnknown *marshaler;
    CRITICAL_SECTION lock;
    size_t count;
    struct client_notice notices[CLIENT_NOTICES];
};

struct client *client_new(void);

/* Wait until nobody else has a reference to it, and free it. */
void client_free(struct client *client);

/*
 * Whether a call that began at `since` has failed because one of Wine's own services has not
 * answered for 30 seconds, when Wine 8 gives up. That was seen once on a busy machine, and is not
 * the fault of the object that was called: the test may repeat the call.
 */
bool client_gave_up(HRESULT result, ULONGLONG since);

/* Hand it to a plug-in by Initialize, and repeat that if client_gave_up(). */
HRESULT client_initialize(struct client *client, IRDVTaskPlugin *plugin);

/*
 * Wait until it has got so many calls, or until so many references are left. The thread dispatches
 * its messages meanwhile.
 */
void client_wait(struct client *client, size_t count);
void client_wait_refs(struct client *client, LONG refs);

/* Wait until an object is signalled. The thread dispatches its messages meanwhile. */
void client_wait_for(HANDLE object);

/* Wait for a moment. The thread dispatches its messages meanwhile. */
void client_pause(void);

/* Whether the last call was OnTaskStateChange with this identifier and status. */
bool client_last_is(struct client *client, const char *identifier, int status);

#endif
