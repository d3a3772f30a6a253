/* SPDX-License-Identifier: MIT */
/*
 * Which functions a task agent has. If it was built with an earlier version, its table ends sooner
 * than rdv_plugin_ops. A task agent of this library may have functions behind the public ones, for
 * the trigger agent that keeps the same store.
 */
#ifndef RDV__PLUGIN_TABLE_H
#define RDV__PLUGIN_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rdvtask/plugin.h>
#include <rdvtask/store.h>
#include <rdvtask/task.h>

/* The size that every table has: check_label and what follows it came later. */
#define RDV__PLUGIN_OPS_SIZE offsetof(rdv_plugin_ops, check_label)

/* Whether the table has this function, which is one of those that came later. */
#define RDV__PLUGIN_HAS(ops, function) \
    ((ops)->size >= offsetof(rdv_plugin_ops, function) + sizeof(ops)->function && (ops)->function)

/* What a process of the agent that has ended has left of a run. */
struct rdv__left_of_run {
    /* Something was under way, and was cut short. */
    bool under_way;
    /* The run only waited for a reboot. */
    bool asked_for_reboot;
    /* The step that the run was at; 0 for a run without steps. */
    int64_t step;
};

/* The table of a task agent that can work in the store of its trigger agent. Each function is given
 * that store, and does nothing if the task agent keeps another one. */
struct rdv__store_plugin_ops {
    /* Its size is that of the whole table. */
    rdv_plugin_ops ops;

    /* The table itself: a copy that someone has made of it is not one of these. */
    const struct rdv__store_plugin_ops *self;

    /*
     * The start of a task has been staged in the store. What the task agent has to put on disk
     * before it begins is staged too, in the same batch; StartTask finds it then, and needs no
     * commit of its own. Nothing is begun before that. If the batch fails, or StartTask does not
     * come, nothing is left of it in memory. A failure may have failed the batch.
     */
    int (*prepare_start)(rdv_plugin *plugin, const rdv_store *store, rdv_task *task);

    /* Tell what is left of a run that the task agent is to go on with. If it keeps another store,
     * *ret_left is left as it is. Returns 0 or an error of the store. */
    int (*read_left)(rdv_plugin *plugin, const rdv_store *store, const rdv_task *task,
                     struct rdv__left_of_run *ret_left);

    /*
     * The plug-in was initialized. What its journal has of runs that the trigger agent does not
     * know any more is cleaned up: nobody will ever start them again. Their identifiers are busy
     * until that is done.
     */
    void (*clean_up)(rdv_plugin *plugin, const rdv_store *store);
};

/* The plug-in's table, if it is one of these; else NULL. */
static inline const struct rdv__store_plugin_ops *rdv__plugin_store_ops(const rdv_plugin *plugin)
{
    const struct rdv__store_plugin_ops *ops = (const void *)plugin->ops;
    return plugin->ops->size == sizeof *ops && ops->self == ops ? ops : NULL;
}

#endif
