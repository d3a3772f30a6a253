/* SPDX-License-Identifier: MIT */
/*
 * A DLL whose COM class is a task agent with handlers in C, for a trigger agent of Windows or for
 * `rdvtask run --com`. It is registered with `regsvr32 com-plugin.dll`. Link it with
 * librdvtask-com.a and librdvtask.a, and with a .def file that names its four exports. Use a CLSID
 * and a name of your own.
 */
#include <initguid.h>
#include <windows.h>
/* after windows.h */
#include <objbase.h>

#include <rdvtask/com_server.h>

DEFINE_GUID(CLSID_Greeter, 0x3f1c7a52, 0x84e9, 0x4d0b, 0x9c, 0x35, 0x6b, 0xd2, 0x1e, 0x70, 0xa4,
            0xf8);

/* regsvr32 calls these functions, which no header declares. */
STDAPI DllRegisterServer(void);
STDAPI DllUnregisterServer(void);

/* A handler with a thread of its own, so it may take its time. */
static void greet(rdv_run *run, void *user)
{
    (void)user;
    rdv_report report = RDV_REPORT_INIT;
    report.status = RDV_STATUS_APPLYING;
    for (report.progress = 0; report.progress < 100; report.progress += 50) {
        if (rdv_run_cancelled(run)) {
            rdv_run_finish(run, RDV_ECANCELLED, "not everybody was greeted");
            return;
        }
        rdv_run_report(run, &report);
    }
    rdv_run_finish(run, 0, "everybody was greeted");
}

/* C handlers keep nothing in the store, so it can be in memory; the steps of a document need a
 * file. */
static int open_agent(void *user, rdv_loop *loop, rdv_store **ret_store, rdv_agent **ret_agent)
{
    (void)user;
    rdv_store *store;
    rdv_agent *agent = NULL;
    int result = rdv_store_open(NULL, NULL, &store, NULL);
    if (result)
        return result;
    result = rdv_agent_new(loop, store, NULL, &agent);
    if (!result)
        result = rdv_agent_add_handler(agent, "greet", greet, NULL, RDV_HANDLER_THREAD);
    if (result) {
        rdv_agent_free(agent);
        rdv_store_close(store);
        return result;
    }
    *ret_store = store;
    *ret_agent = agent;
    return 0;
}

static const rdv_com_class greeter = {
    .size = sizeof greeter,
    .clsid = &CLSID_Greeter,
    .name = "Greeter",
    .open = open_agent,
};

STDAPI DllGetClassObject(REFCLSID clsid, REFIID iid, void **object)
{
    return rdv_com_class_object(&greeter, clsid, iid, object);
}

STDAPI DllCanUnloadNow(void)
{
    return rdv_com_can_unload();
}

STDAPI DllRegisterServer(void)
{
    return rdv_com_register(&greeter);
}

STDAPI DllUnregisterServer(void)
{
    return rdv_com_unregister(&greeter);
}
