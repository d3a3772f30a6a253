/* SPDX-License-Identifier: MIT */
/* What the io.c of each system needs of the loop beneath ours. */
#ifndef RDV__UV_LOOP_H
#define RDV__UV_LOOP_H

#include <uv.h>

#include <rdvtask/loop.h>

uv_loop_t *rdv__uv_loop(rdv_loop *loop);

/* What is watched is another from now on: libuv tells the kernel in its next poll, which has to come. Owner thread. */
void rdv__uv_changed(rdv_loop *loop);

#endif
