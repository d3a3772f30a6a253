/* SPDX-License-Identifier: MIT */
/* Between the loop and the io.c of each system: the loop polls through io.c, which has libuv do it, or asks libuv among others. */
#ifndef RDV__UV_LOOP_H
#define RDV__UV_LOOP_H

#include <stdbool.h>

#include <uv.h>

#include <rdvtask/loop.h>

/* ---- what the loop has for io.c; its data is for io.c ---- */
uv_loop_t *rdv__uv_loop(rdv_loop *loop);

/* What is watched is another from now on: libuv tells the kernel in its next poll, which has to come. Owner thread. */
void rdv__uv_changed(rdv_loop *loop);

/* ---- what io.c has for the loop ---- */

/* uv_loop_init(), the first that is asked of libuv, which leaves the process as it is. */
int rdv__poll_init(uv_loop_t *uv);

/* Before anything is watched, and after; libuv's loop is there. RDV_ENOMEM, RDV_EIO. */
int rdv__poll_open(rdv_loop *loop);
void rdv__poll_close(rdv_loop *loop); /* fine where it was not opened */

/* What rdv_loop_fd() is. */
int rdv__poll_fd(rdv_loop *loop);

/* Handle what is ready; with `wait`, wait until something is. */
void rdv__poll(rdv_loop *loop, bool wait);

#endif
