/* SPDX-License-Identifier: MIT */
/**
 * @file com_server.h
 * A program's own COM class whose objects are task agents (IRDVTaskPlugin).
 *
 * Only on Windows, and linked statically (librdvtask-com.a): the program's DLL contains the shim,
 * the core and its handlers. It describes its class once, and each of its four exports is one call;
 * examples/com-plugin.c is a whole DLL. In this header a class and an interface are pointers to
 * GUIDs, and results are HRESULTs, so that it needs no header of Windows.
 *
 * doc/com.md says what an object of the class does: from which threads it may be called, what each
 * method returns when, and how it calls its sink.
 */
#ifndef RDVTASK_COM_SERVER_H
#define RDVTASK_COM_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include <rdvtask/agent.h>
#include <rdvtask/base.h>
#include <rdvtask/loop.h>
#include <rdvtask/store.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How many calls of one sink can wait at the same time. */
#define RDV_COM_WAITING_MAX 4096

/** A class. It must live as long as the process, and so must all that it points to. */
typedef struct rdv_com_class {
    /** sizeof(rdv_com_class) */
    size_t size;
    /** Its CLSID. */
    const void *clsid;
    /**
     * What people know it by: PluginName before Initialize, and its key when it is registered.
     * UTF-8 without a backslash, at most 255 bytes.
     */
    const char *name;
    /**
     * Make the store and the agent of an object, with its handlers. It is called for each
     * Initialize, on the loop's owner thread, and again when a failed one is repeated. On success
     * the object owns both and frees them; on failure nothing may be left of them.
     * @return 0 or an RDV_E… constant, which Initialize returns as an HRESULT.
     */
    int (*open)(void *user, rdv_loop *loop, rdv_store **ret_store, rdv_agent **ret_agent);
    /** Handed to open. */
    void *user;
    /** Hears what goes wrong with a sink, from any thread. An agent has a log of its own. */
    rdv_log log;
} rdv_com_class;

/**
 * DllGetClassObject: give out the class object, whose IClassFactory makes objects. A program may
 * also hand it to CoRegisterClassObject().
 *
 * @param clsid       the class that is asked for.
 * @param iid         the interface of the class object that is asked for.
 * @param ret_object  NULL on failure.
 * @return an HRESULT: S_OK; CLASS_E_CLASSNOTAVAILABLE for another class; E_NOINTERFACE for an
 *   interface that class objects don't have; E_POINTER; E_INVALIDARG, also for a description that
 *   lacks something; E_OUTOFMEMORY.
 * Any thread.
 */
int32_t rdv_com_class_object(const rdv_com_class *described, const void *clsid, const void *iid,
                             void **ret_object);

/**
 * DllCanUnloadNow.
 *
 * @return S_OK if there is no object, no class object and no lock, and Initialize was never called
 *   for an object; else S_FALSE.
 * Any thread.
 */
int32_t rdv_com_can_unload(void);

/**
 * DllRegisterServer: register this module as the class's server, for all users and for any
 * apartment (ThreadingModel Both), and the class as a task agent. A task agent that is new is
 * enabled; one that is registered already stays enabled or disabled, as it is. If the call fails
 * half-way, it takes away again what it has added.
 *
 * It writes HKLM\\Software\\Classes\\CLSID\\{…} with InprocServer32, and the key NAME with CLSID
 * and IsEnabled where the API says that task agents are registered. Keys above that one are made if
 * they are missing.
 *
 * @return an HRESULT: S_OK; E_INVALIDARG for a name that can't be a key; E_ACCESSDENIED for callers
 *   who aren't administrators; HRESULT_FROM_WIN32(ERROR_ALREADY_EXISTS) if another class has the
 *   name; else what the registry returned.
 * Any thread.
 */
int32_t rdv_com_register(const rdv_com_class *described);

/**
 * DllUnregisterServer: remove what rdv_com_register() has written; the key NAME only if it belongs
 * to this class. Keys that are gone already are no failure.
 *
 * @return an HRESULT: S_OK, E_INVALIDARG, E_ACCESSDENIED, or what the registry returned.
 * Any thread.
 */
int32_t rdv_com_unregister(const rdv_com_class *described);

#ifdef __cplusplus
}
#endif

#endif
