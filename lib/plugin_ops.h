/* SPDX-License-Identifier: MIT */
/* Which functions a task agent has: its table may be of an earlier time, and end sooner than ours. */
#ifndef RDV__PLUGIN_OPS_H
#define RDV__PLUGIN_OPS_H

#include <stddef.h>

#include <rdvtask/plugin.h>

/* What every table has; check_label and what follows it came later. */
#define RDV__PLUGIN_OPS_SIZE offsetof(rdv_plugin_ops, check_label)

/* Whether the table has this function, which came later. */
#define RDV__PLUGIN_HAS(ops, function) \
    ((ops)->size >= offsetof(rdv_plugin_ops, function) + sizeof(ops)->function && (ops)->function)

#endif
