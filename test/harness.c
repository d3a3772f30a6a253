/* SPDX-License-Identifier: MIT */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system.h"

/* On standard error: that is what meson shows of a test program that failed. */
static void tell_failures(SRunner *runner, int count)
{
    TestResult **failures = srunner_failures(runner);
    for (int i = 0; failures && i < count; i++)
        fprintf(stderr, "%s:%d: %s: %s\n", tr_lfile(failures[i]), tr_lno(failures[i]),
                tr_tcname(failures[i]), tr_msg(failures[i]));
    free(failures); /* the array only */
}

int rdv_test_main(Suite *suite)
{
    rdv_test_prepare();
    SRunner *runner = srunner_create(suite);
    if (getenv("RDV_TEST_SHARE") && getenv("RDV_TEST_MAY_SHARE"))
        srunner_set_fork_status(runner, CK_NOFORK);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);

    int ran = srunner_ntests_run(runner);
    int failed = srunner_ntests_failed(runner);
    tell_failures(runner, failed);
    srunner_free(runner);

    /* A report without tests would pass as one big skip. */
    if (ran == 0)
        printf("Bail out! no test was run\n");
    return ran > 0 && failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

bool rdv_test_slowly(void)
{
    return getenv("RDVTASK_TEST_PATIENCE") != NULL;
}

bool rdv_test_system_slowly(void)
{
#ifdef _WIN32
    return true;
#else
    return false;
#endif
}

void rdv_test_add_fixture(TCase *tcase, SFun set_up, SFun usual, SFun tear_down)
{
    if (rdv_test_slowly()) {
        tcase_add_unchecked_fixture(tcase, set_up, NULL);
        if (usual)
            tcase_add_unchecked_fixture(tcase, usual, NULL);
        tcase_add_unchecked_fixture(tcase, tear_down, NULL);
    }
    tcase_add_checked_fixture(tcase, set_up, tear_down);
}

static void skipped(int i)
{
    (void)i;
}

const char *rdv_test_under_valgrind(const char *reason)
{
    const char *preload = getenv("LD_PRELOAD");
    return preload && strstr(preload, "vgpreload") ? reason : NULL;
}

void rdv_test_add_unless(TCase *tcase, const TTest *test, const char *reason)
{
    /* Check keeps the pointers that it is given. */
    static struct stand_in {
        TTest test;
        char name[256];
    } stand_ins[RDV_TEST_SKIPS];
    static size_t count;

    if (!reason) {
        tcase_add_test(tcase, test);
        return;
    }
    if (count == RDV_TEST_SKIPS) {
        fprintf(stderr, "RDV_TEST_SKIPS is too small\n");
        abort();
    }

    /*
     * Check knows no skips, but it prints a test's name into a line of TAP, where "# SKIP" is what makes a skip. It adds its
     * own ": Passed", hence the last words.
     */
    struct stand_in *stand_in = &stand_ins[count++];
    snprintf(stand_in->name, sizeof stand_in->name, "%s # SKIP %s; stand-in", test->name, reason);
    stand_in->test = (TTest){stand_in->name, skipped, test->file, test->line};
    tcase_add_test(tcase, &stand_in->test);
}
