/* SPDX-License-Identifier: MIT */
/* The rules that a task agent is held to. */
#ifndef RDV__COM_RULES_H
#define RDV__COM_RULES_H

#include <windows.h>

#include <objbase.h>

#include <rdvtask/com_host.h>

#include "conformance/recorder.h"
#include "shim-com/host/registry.h"

/* What is checked, and how. */
struct rdv__check_subject {
    CLSID clsid;
    struct rdv__class class;
    rdv_com_apartment apartment;
    /* NULL if no task is to be started. */
    rdv_task *task;
    rdv_duration run_limit, call_limit;
};

/* Try every rule, in the calling thread's apartment, and give each check a verdict. */
void rdv__rules_try(struct rdv__recorder *recorder, const struct rdv__check_subject *subject);

#endif
