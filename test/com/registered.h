/* SPDX-License-Identifier: MIT */
/* Classes and task agents in the registry, for as long as a test lasts. */
#ifndef RDV_TEST_REGISTERED_H
#define RDV_TEST_REGISTERED_H

#include <stdbool.h>
#include <wchar.h>

#include <windows.h>

/*
 * Whether tests may register classes and task agents here and delete those that there are; if not,
 * they are skipped.
 */
bool registered_possible(void);
#define REGISTERED_REASON \
    "the registry is not ours to change: that needs Wine, and an administrator"

/*
 * Register a class whose DLL is beside this program. model NULL = no ThreadingModel. Aborts where
 * that fails.
 */
void registered_class(const wchar_t *clsid, const wchar_t *dll, const wchar_t *model);
void registered_class_gone(const wchar_t *clsid);

/* Register a task agent, without a CLSID or without IsEnabled if that is NULL or below 0. */
void registered_agent(const wchar_t *name, const wchar_t *clsid, int enabled);
void registered_agent_gone(const wchar_t *name);

/* Remove all task agents that a killed test may have left. */
void registered_no_agents(void);

#endif
