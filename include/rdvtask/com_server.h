/* SPDX-License-Identifier: MIT */
/**
 * @file com_server.h
 * A program's own COM class whose objects are task agents (IRDVTaskPlugin): the same shim as that of rdvtask-com.dll.
 *
 * Only on Windows, and linked statically (librdvtask-com.a): the program's DLL has the shim, the core and its handlers inside. It
 * describes its class once, and its four exports are one call each; examples/com-plugin.c is all of it. In this header a class
 * and an interface are pointers to GUIDs, and results are HRESULTs, so that it needs no header of Windows.
 *
 * What an object does:
 *  - It may be called from any thread of any apartment, also by several at once; it is free-threaded.
 *  - PluginName always works: before Initialize it is the class's name, from then on the agent's.
 *  - Initialize makes the agent, on a loop with a thread of its own, with class->open(). A sink that COM can carry to another
 *    apartment neither by itself nor with a proxy is refused with what COM says. A failed Initialize leaves nothing behind and may be
 *    tried again; after one that has worked, another is E_UNEXPECTED, also while the first is still under way, and also after
 *    Terminate. No sink: E_INVALIDARG.
 *  - StartTask returns when the start is in the store and the task is taken, and never waits for the work. Before Initialize:
 *    E_UNEXPECTED; after Terminate: HRESULT_FROM_WIN32(ERROR_SHUTDOWN_IN_PROGRESS); bad values: E_INVALIDARG, or
 *    HRESULT_FROM_WIN32(ERROR_FILE_TOO_LARGE) past a limit; else what stands for the agent's error, see rdv_error_to_hresult().
 *  - Terminate takes no new tasks and ends what runs; when that is done, OnTerminated is called with S_OK, or with what stands
 *    for the failure that Terminate was given. Before Initialize, and a second time: E_UNEXPECTED.
 *  - The last Release ends what runs, as rdv_agent_free() does, and closes the store. It does not wait for the sink. Not from
 *    inside a handler.
 *  - The sink is called from one thread, in the multi-threaded apartment or, where it belongs to another, by that one's; in
 *    order, and never from inside a call that the client has made. OnTaskStateChange is called for each change of status; of
 *    equal ones for a task that wait behind a slow sink, one. UNKNOWN and TIMEOUT are not sent. A sink may call back. One
 *    that fails is logged; one that blocks holds up nothing but its own calls, of which RDV_COM_WAITING_MAX wait at most: what comes
 *    after them is lost but for the ends of tasks and OnTerminated. It is released from that thread, maybe after the last Release:
 *    a single-threaded apartment that it belongs to has to stay, and turn its messages, until then.
 *  - Once Initialize was called for an object, its module stays loaded until the process ends, also if that failed.
 *  - The last reference is not to be given back while the process ends, as from a DllMain: the loop's thread is gone by then, and
 *    nobody would answer.
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

/** How many calls of a sink wait at most. @since 0.1.0 */
#define RDV_COM_WAITING_MAX 4096

/** A class. All of it must live as long as the process. @since 0.1.0 */
typedef struct rdv_com_class {
    size_t size;
    const void *clsid; /**< its CLSID */
    /** What people know it by: PluginName before Initialize, its key when it is registered. UTF-8 without backslash, at most 255
     * bytes. */
    const char *name;
    /**
     * Make the store and the agent of an object, with handlers. Called for each Initialize, on the loop's owner thread, and once more
     * for one that is tried again. On success both are the object's, which frees them; on failure it has left nothing.
     * @return 0 or an RDV_E… constant, which Initialize returns as an HRESULT.
     */
    int (*open)(void *user, rdv_loop *loop, rdv_store **ret_store, rdv_agent **ret_agent);
    void *user;  /**< handed to open */
    rdv_log log; /**< what goes wrong with a sink; from any thread. Agents have their own log */
} rdv_com_class;

/**
 * DllGetClassObject: the class object, of which IClassFactory makes objects. Also for CoRegisterClassObject().
 *
 * @param clsid       which class is asked for.
 * @param iid         which interface of the class object.
 * @param ret_object  NULL on failure.
 * @return an HRESULT: CLASS_E_CLASSNOTAVAILABLE for another class; E_NOINTERFACE for an interface that class objects don't have;
 * E_POINTER; E_INVALIDARG, also for a description that lacks something; E_OUTOFMEMORY.
 * Any thread. @since 0.1.0
 */
int32_t rdv_com_class_object(const rdv_com_class *described, const void *clsid, const void *iid,
                             void **ret_object);

/**
 * DllCanUnloadNow.
 * @return S_OK if there is no object or class object, no lock, and no object was ever initialized; else S_FALSE.
 * Any thread. @since 0.1.0
 */
int32_t rdv_com_can_unload(void);

/**
 * DllRegisterServer: have this module as the class's server, for all users and for any apartment (ThreadingModel Both), and the class
 * as a task agent. A task agent that is new is enabled; one that is registered already stays enabled or not, as it is.
 * What fails half-way leaves none of it that was not there before.
 *
 * Writes HKLM\\Software\\Classes\\CLSID\\{…} with InprocServer32, and the key NAME with CLSID and IsEnabled where the API says that task
 * agents are registered; keys above that one are made if they are missing.
 * @return an HRESULT: E_INVALIDARG for a name that can't be; E_ACCESSDENIED for who is no administrator;
 * HRESULT_FROM_WIN32(ERROR_ALREADY_EXISTS) if another class has the name; else what the registry has said, likewise.
 * Any thread. @since 0.1.0
 */
int32_t rdv_com_register(const rdv_com_class *described);

/**
 * DllUnregisterServer: take away what rdv_com_register() has written; the name only if it is this class's. What is gone already is no
 * failure.
 * @return an HRESULT: E_INVALIDARG, E_ACCESSDENIED, or what the registry has said, as for rdv_com_register().
 * Any thread. @since 0.1.0
 */
int32_t rdv_com_unregister(const rdv_com_class *described);

#ifdef __cplusplus
}
#endif

#endif
