/* SPDX-License-Identifier: MIT */
/**
 * @file rdvtask.h
 * All of rdvtask. base.h has the conventions, plugin.h the contract between the two roles,
 * trigger.h the trigger agent and agent.h a ready-made task agent.
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
