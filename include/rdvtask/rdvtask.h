/* SPDX-License-Identifier: MIT */
/**
 * @file rdvtask.h
 * All of rdvtask. See base.h for the conventions, trigger.h and agent.h for the two roles.
 */
#ifndef RDVTASK_RDVTASK_H
#define RDVTASK_RDVTASK_H

#include <rdvtask/agent.h>
#include <rdvtask/base.h>
#include <rdvtask/control.h>
#include <rdvtask/document.h>
#include <rdvtask/loop.h>
#include <rdvtask/module.h>
#include <rdvtask/plugin.h>
#include <rdvtask/store.h>
#include <rdvtask/task.h>
#include <rdvtask/trigger.h>

#endif
