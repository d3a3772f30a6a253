/* SPDX-License-Identifier: MIT */
/*
 * Tests that start processes up to a user's limit: what counts there are all of that user's, those of another test program, too. So
 * there is one such test at a time on a machine.
 */
#ifndef RDV_TEST_CROWD_H
#define RDV_TEST_CROWD_H

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <check.h>

/* Wait until no other such test runs; until this is closed or the process ends, none will. */
static inline int rdv_test_crowd_begin(void)
{
    const int lock = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result;
    ck_assert_int_ge(lock, 0);
    do
        result = flock(lock, LOCK_EX);
    while (result < 0 && errno == EINTR);
    ck_assert_int_eq(result, 0);
    return lock;
}

static inline void rdv_test_crowd_end(int lock)
{
    close(lock);
}

#endif
