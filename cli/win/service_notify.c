/* SPDX-License-Identifier: MIT */
/* There is nothing to notify: the service manager of Windows does not start this program as a
 * service. */
#include "../service_notify.h"

#include <stddef.h>

int notify_new(rdv_loop *loop, struct notify **ret_notify)
{
    (void)loop;
    *ret_notify = NULL;
    return 0;
}

void notify_ready(struct notify *notify, const rdv_trigger *trigger)
{
    (void)notify;
    (void)trigger;
}

void notify_changed(struct notify *notify)
{
    (void)notify;
}

void notify_reloading(struct notify *notify)
{
    (void)notify;
}

void notify_stopping(struct notify *notify)
{
    (void)notify;
}

void notify_free(struct notify *notify)
{
    (void)notify;
}
