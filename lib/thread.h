/* SPDX-License-Identifier: MIT */
/* Threads and locks, for handlers that have a thread each and for what they share with the loop. */
#ifndef RDV__THREAD_H
#define RDV__THREAD_H

struct rdv__thread;
int rdv__thread_new(void (*fn)(void *user), void *user,
                    struct rdv__thread **ret_thread); /* RDV_ENOMEM */
void rdv__thread_join(struct rdv__thread *thread);    /* joins and frees; NULL is fine */

struct rdv__mutex;
int rdv__mutex_new(struct rdv__mutex **ret_mutex); /* RDV_ENOMEM */
void rdv__mutex_free(struct rdv__mutex *mutex);    /* NULL is fine */
void rdv__mutex_lock(struct rdv__mutex *mutex);
void rdv__mutex_unlock(struct rdv__mutex *mutex);

#endif
