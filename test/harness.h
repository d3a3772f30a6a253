/* SPDX-License-Identifier: MIT */
/*
 * What every test program needs around Check: one call for main(), and skips that say why.
 *
 *     int main(void)
 *     {
 *         Suite *suite = suite_create("queue");
 *         TCase *order = tcase_create("order");
 *         tcase_add_test(order, the_earliest_deadline_comes_first);
 *         rdv_test_add_unless(order, a_full_disk_is_reported, getuid() == 0 ? NULL : "needs root");
 *         suite_add_tcase(suite, order);
 *         return rdv_test_main(suite);
 *     }
 *
 * The build defines RDV_TEST_DATA, a string: the path of test/data.
 */
#ifndef RDV_TEST_HARNESS_H
#define RDV_TEST_HARNESS_H

#include <stdbool.h>

#include <check.h>

/*
 * Run the suite, which is freed, and write TAP to stdout. Returns main()'s result: 0 if all tests passed, 1 if one failed
 * or if none ran. Check's own variables count: CK_FORK=no, CK_RUN_CASE, CK_TIMEOUT_MULTIPLIER.
 *
 * Check starts a process for each test, so that one that crashes is only one that failed. That takes longer than most tests do, above
 * all under a sanitizer, Valgrind and gcov. With RDV_TEST_SHARE in the environment, which scripts/variant sets, the tests of a program
 * share its process, if the program may do so: the build sets RDV_TEST_MAY_SHARE for those. A program that crashes then can be run by
 * itself, without these variables, to see in which test it does.
 */
int rdv_test_main(Suite *suite);

/* Whether everything takes many times as long as usual, as under Valgrind: then a million may be fewer. */
bool rdv_test_slowly(void);

/* Whether processes and files take many times as long as usual, as under Wine. */
bool rdv_test_system_slowly(void);

/* The reason, in a process that runs under Valgrind, else NULL. */
const char *rdv_test_under_valgrind(const char *reason);

/* Valgrind counts descriptors by itself: socketpair() succeeds above the limit, with two that are not there. */
#define RDV_TEST_VALGRIND_DESCRIPTORS "Valgrind has its own idea of the limit to descriptors"

/*
 * Add the fixture of each of the case's tests. Valgrind translates all code that a process runs, and so the same code again
 * in each test's own process; what was run before they part is translated once. So under it usual(), which does what most of
 * the tests do, runs once before them, between set_up() and tear_down(); NULL if these two do enough.
 */
void rdv_test_add_fixture(TCase *tcase, SFun set_up, SFun usual, SFun tear_down);

/*
 * Add the test to the case if reason is NULL; else it doesn't run, and shows in the report as skipped for that reason (one
 * line, no '#'). At most RDV_TEST_SKIPS in a program.
 */
void rdv_test_add_unless(TCase *tcase, const TTest *test, const char *reason);

#define RDV_TEST_SKIPS 32

#endif
