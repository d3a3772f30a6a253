/* SPDX-License-Identifier: MIT */
/*
 * A trigger agent for tests: a sink that writes down what it is told, and can be made to behave badly. It has no marshaler
 * of its own unless it is asked to have one, so it belongs to the apartment in which it is first handed out.
 */
#ifndef RDV_TEST_CLIENT_H
#define RDV_TEST_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include <windows.h>

#include <objbase.h>

#include "rdvtask_idl.h"

/* How long a test waits for what must come, in milliseconds: longer than Wine for its services. */
#define CLIENT_PATIENCE 120000

enum client_call { CLIENT_SCHEDULE, CLIENT_DELETE, CLIENT_STATE, CLIENT_TERMINATED };

/* What it was told. */
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
    volatile LONG refs; /* 1 is the test's own */

    /* How it behaves: set before it is handed out, but for the gate. */
    bool free_threaded;     /* with COM's marshaler for that */
    bool refuses_marshal;   /* with one of its own, which fails */
    bool refuses_interface; /* QueryInterface knows IUnknown only */
    HRESULT answer;         /* of all calls */
    HANDLE gate;            /* each call waits until it is set */
    void (*called)(struct client *client,
                   const struct client_notice *notice); /* inside each call */
    void *user;

    HANDLE changed; /* something has come, or has gone */
    HANDLE entered; /* a call has come to the gate */
    IUnknown *marshaler;
    CRITICAL_SECTION lock;
    size_t count;
    struct client_notice notices[CLIENT_NOTICES];
};

struct client *client_new(void);

/* Frees it, after having waited until nobody else has a reference. */
void client_free(struct client *client);

/*
 * Whether a call that was begun then has failed because Wine 8 has given up one of its own services, which it does when that has
 * not answered for 30 seconds: seen once on a busy machine, and no fault of who was called. It may be made once more.
 */
bool client_gave_up(HRESULT result, ULONGLONG since);

/* Give it to a plug-in, by Initialize; once more if the first time was such a call. */
HRESULT client_initialize(struct client *client, IRDVTaskPlugin *plugin);

/* Wait until it was told so many things, or until so many references are left; messages of the thread are dispatched meanwhile. */
void client_wait(struct client *client, size_t count);
void client_wait_refs(struct client *client, LONG refs);

/* The same for any object of Windows. */
void client_wait_for(HANDLE object);

/* The same for a moment, whatever comes. */
void client_pause(void);

/* The last notice is a state with this identifier and status. */
bool client_last_is(struct client *client, const char *identifier, int status);

#endif
