/* SPDX-License-Identifier: MIT */
#include "model/window.h"

#include <stdlib.h>

#include "harness.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

static const struct checked {
    rdv_window window;
    int result;
} checks[] = {
    {{0, 0, 0, 0}, 0},
    {{100, 200, 50, 10}, 0}, /* the deadline only orders: it may lie anywhere */
    {{100, 200, 300, 10}, 0},
    {{100, 100, 0, 0}, 0}, /* one tick */
    {{100, 0, 0, 0}, 0},   /* no end */
    {{0, 100, 0, 0}, 0},   /* no start */
    {{RDV_TIME_MAX, RDV_TIME_MAX, RDV_TIME_MAX, RDV_LIMIT_MAX}, 0},
    {{100, 99, 0, 0}, RDV_EINVAL},
    {{-1, 0, 0, 0}, RDV_EINVAL},
    {{0, -1, 0, 0}, RDV_EINVAL},
    {{0, 0, -1, 0}, RDV_EINVAL},
    {{0, 0, 0, -1}, RDV_EINVAL},
    {{INT64_MIN, INT64_MIN, 0, 0}, RDV_EINVAL},
    {{RDV_TIME_MAX + 1, 0, 0, 0}, RDV_EINVAL},
    {{0, RDV_TIME_MAX + 1, 0, 0}, RDV_EINVAL},
    {{0, 0, RDV_TIME_MAX + 1, 0}, RDV_EINVAL},
    {{0, 0, 0, RDV_LIMIT_MAX + 1}, RDV_EINVAL},
};

START_TEST(a_window_has_times_in_range_and_no_end_before_its_start)
{
    ck_assert_int_eq(rdv_window_check(&checks[_i].window), checks[_i].result);
}
END_TEST

START_TEST(no_window_is_no_good_window)
{
    ck_assert_int_eq(rdv_window_check(NULL), RDV_EINVAL);
}
END_TEST

static const struct moment {
    rdv_window window;
    rdv_time now;
    bool open, passed;
} moments[] = {
    {{0, 0, 0, 0}, 1, true, false},
    {{0, 0, 0, 0}, RDV_TIME_MAX, true, false},
    {{100, 0, 0, 0}, 99, false, false},
    {{100, 0, 0, 0}, 100, true, false},
    {{100, 0, 0, 0}, RDV_TIME_MAX, true, false},
    {{100, 200, 0, 0}, 99, false, false},
    {{100, 200, 0, 0}, 100, true, false},
    {{100, 200, 0, 0},
     200,
     true,
     false}, /* the end is the latest start, not the first moment past it */
    {{100, 200, 0, 0}, 201, false, true},
    {{0, 200, 0, 0}, 1, true, false},
    {{100, 100, 0, 0}, 100, true, false},
    {{100, 100, 0, 0}, 101, false, true},
    {{100, 200, 150, 0}, 180, true, false}, /* past the deadline */
    {{0, RDV_TIME_MAX, 0, 0}, RDV_TIME_MAX, true, false},
};

START_TEST(rule_2_a_window_is_open_from_start_to_end_both_included)
{
    ck_assert(rdv__window_open(&moments[_i].window, moments[_i].now) == moments[_i].open);
    ck_assert(rdv__window_passed(&moments[_i].window, moments[_i].now) == moments[_i].passed);
}
END_TEST

/* In the order in which they start. */
static const struct ordered {
    rdv_window window;
    int64_t number;
} order[] = {
    {{900, 0, 1, 0}, 9},                      /* the earliest deadline, whatever else */
    {{5, 0, 100, 0}, 8},                      /* the same deadline: by start */
    {{6, 1, 100, 0}, 1}, {{6, 0, 100, 0}, 2}, /* and the same start: by number */
    {{6, 0, 100, 0}, 3}, {{6, 0, 100, 0}, INT64_MAX},  {{0, 0, RDV_TIME_MAX, 0}, 7},
    {{0, 0, 0, 0}, 6}, /* no deadline is last */
    {{1, 0, 0, 0}, 4},   {{RDV_TIME_MAX, 0, 0, 0}, 5},
};

static int sign(int number)
{
    return (number > 0) - (number < 0);
}

START_TEST(rule_2_earliest_deadline_first_then_start_then_arrival)
{
    int count = (int)COUNT_OF(order);

    for (int a = 0; a < count; a++)
        for (int b = 0; b < count; b++)
            ck_assert_int_eq(
                sign(rdv__order(order[a].window.deadline, order[a].window.start, order[a].number,
                                order[b].window.deadline, order[b].window.start, order[b].number)),
                sign(a - b));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("window");
    TCase *tcase = tcase_create("window");

    tcase_add_loop_test(tcase, a_window_has_times_in_range_and_no_end_before_its_start, 0,
                        (int)COUNT_OF(checks));
    tcase_add_test(tcase, no_window_is_no_good_window);
    tcase_add_loop_test(tcase, rule_2_a_window_is_open_from_start_to_end_both_included, 0,
                        (int)COUNT_OF(moments));
    tcase_add_test(tcase, rule_2_earliest_deadline_first_then_start_then_arrival);
    suite_add_tcase(suite, tcase);
    return rdv_test_main(suite);
}
