/* SPDX-License-Identifier: MIT */
/* The trigger agent's rules, each on a clock of the test's own: nothing here sleeps. The tests are in test_trigger_*.c. */
#include "harness.h"
#include "trigger_bench.h"

int main(void)
{
    Suite *suite = suite_create("trigger");
    TCase *rules = tcase_create("rules");
    tcase_set_timeout(rules, 60);
    tcase_add_checked_fixture(rules, set_up, tear_down);
    add_schedule_tests(rules);
    add_clock_tests(rules);
    add_report_tests(rules);
    add_limit_tests(rules);
    add_cancel_tests(rules);
    add_restart_tests(rules);
    add_contract_tests(rules);
    suite_add_tcase(suite, rules);
    return rdv_test_main(suite);
}
