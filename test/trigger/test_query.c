/* SPDX-License-Identifier: MIT */
/* Listings in slices: they find what the store lists, and no slice costs more than another, however much there is. */
#define _GNU_SOURCE

#include <inttypes.h>

#include "control/control_bench.h"
#include "harness.h"
#include "store/database.h"
#include "store/store.h"
#include "trigger/query.h"

/* How long a test may take, in seconds. */
#define PATIENCE 180

/* The most steps of SQLite's machine that a slice may take, and the most memory that a question may. */
#define SLICE_STEPS  60000
#define QUERY_MEMORY 20000

static struct bench bench;
static int steps, most_steps;

static int count_step(void *user)
{
    (void)user;
    steps++;
    return 0;
}

static void set_up(void)
{
    bench_open(&bench, false);
    steps = most_steps = 0;
    sqlite3_progress_handler(rdv__store_database(bench.store)->handle, 1, count_step, NULL);
}

static void tear_down(void)
{
    bench_close(&bench);
}

/* ------------------------------------------------------------ what is found */

/* Entries as text, one after the other. */
struct found {
    char *text;
    size_t size, room;
    int count;
};

static int note_found(void *user, const rdv_entry *entry)
{
    struct found *found = user;
    char *text;
    ck_assert_int_eq(rdv_entry_to_json(entry, &text), 0);
    size_t size = strlen(text);
    if (found->room - found->size < size + 2) {
        found->room = 2 * (found->room + size + 2);
        found->text = realloc(found->text, found->room);
        ck_assert_ptr_nonnull(found->text);
    }
    memcpy(found->text + found->size, text, size);
    memcpy(found->text + found->size + size, "\n", 2);
    found->size += size + 1;
    found->count++;
    rdv_free(text);
    return 0;
}

/* Returns how many slices it took. */
static int ask_for(const struct rdv__query_terms *terms, struct found *ret_found)
{
    struct rdv__query *query;
    int slices = 0, result;
    ck_assert_int_eq(rdv__query_new(bench.trigger, terms, &query), 0);
    do {
        steps = 0;
        result = rdv__query_step(query, note_found, ret_found);
        ck_assert_int_ge(result, 0);
        if (steps > most_steps)
            most_steps = steps;
        slices++;
    } while (result == 1);
    if (!terms->roomy)
        ck_assert_uint_le(rdv__query_memory(query), QUERY_MEMORY);
    rdv__query_free(query);
    return slices;
}

/* What the store lists, of one label if one is given. */
struct wanted {
    struct found found;
    const char *label;
    int64_t limit;
};

static int note_wanted(void *user, const rdv_entry *entry)
{
    struct wanted *wanted = user;
    if (wanted->label && strcmp(wanted->label, entry->label) != 0)
        return 0;
    if (wanted->limit > 0 && wanted->found.count == wanted->limit)
        return 0;
    return note_found(&wanted->found, entry);
}

static void ck_finds(const struct rdv__query_terms *terms, unsigned flags, const char *label,
                     const char *identifier, int64_t limit)
{
    struct found found = {0};
    struct wanted wanted = {.label = label, .limit = label ? limit : 0};
    rdv_filter filter = {.size = sizeof filter,
                         .flags = flags,
                         .identifier = identifier,
                         .limit = label || !(flags & RDV_FILTER_FINISHED) ? 0 : limit};
    if (!(flags & RDV_FILTER_FINISHED))
        wanted.limit = limit;
    ask_for(terms, &found);
    ck_assert_int_eq(rdv_store_entries(bench.store, &filter, note_wanted, &wanted), 0);
    ck_assert_int_eq(found.count, wanted.found.count);
    if (found.count > 0)
        ck_assert_str_eq(found.text, wanted.found.text);
    free(found.text);
    free(wanted.found.text);
}

static int schedule(const char *label, const char *identifier, const rdv_window *window)
{
    rdv_task *task;
    ck_assert_int_eq(rdv_task_new(label, identifier, NULL, 0, &task), 0);
    int result = rdv_trigger_schedule(bench.trigger, window, task);
    rdv_task_unref(task);
    return result;
}

/* Entries of all kinds: pending ones in many orders, running ones, and ended ones, some of them with the same identifier. */
static void fill_at_random(int count)
{
    bench_attach(&bench);
    for (int i = 0; i < count; i++) {
        char identifier[16], label[16];
        rdv_window window = {.start = rand() % 3 ? NOW + rand() % 50 : 0,
                             .deadline = rand() % 3 ? NOW + rand() % 50 : 0};
        snprintf(identifier, sizeof identifier, "t%d", rand() % count);
        snprintf(label, sizeof label, "l%d", rand() % 4);
        (void)schedule(label, identifier, &window);
        if (rand() % 4 == 0)
            (void)rdv_trigger_delete(bench.trigger, identifier);
        if (rand() % 8 == 0) {
            bench_turns(&bench);
            (void)bench_report(&bench, identifier,
                               rand() % 2 ? RDV_STATUS_SUCCESS : RDV_STATUS_APPLYING, -1, "words");
        }
    }
    bench_turns(&bench);
}

START_TEST(slices_find_what_the_store_lists)
{
    srand((unsigned)_i + 1);
    fill_at_random(_i == 0 ? 3 : rdv_test_slowly() ? 700 : 2000);
    static const int64_t limits[] = {0, 1, 7, 600};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        for (int roomy = 0; roomy < 2; roomy++) {
            struct rdv__query_terms terms = {
                .kind = RDV__QUERY_LIST, .limit = limits[i], .roomy = roomy != 0};
            unsigned flags = RDV_FILTER_PENDING | RDV_FILTER_RUNNING;
            ck_finds(&terms, flags, NULL, NULL, limits[i]);
            terms.label = "l2";
            ck_finds(&terms, flags, "l2", NULL, limits[i]);
            terms.label = "nobody's";
            ck_finds(&terms, flags, "nobody's", NULL, limits[i]);
        }
        struct rdv__query_terms terms = {.kind = RDV__QUERY_HISTORY, .limit = limits[i]};
        unsigned flags = RDV_FILTER_FINISHED | RDV_FILTER_CHANGES;
        ck_finds(&terms, flags, NULL, NULL, limits[i]);
        for (int j = 0; j < 20; j++) {
            char identifier[16];
            snprintf(identifier, sizeof identifier, "t%d", j);
            terms.identifier = identifier;
            ck_finds(&terms, flags, NULL, identifier, limits[i]);
        }
    }
}
END_TEST

START_TEST(one_is_shown_that_has_not_ended_or_else_the_one_that_ended_last)
{
    srand(5);
    fill_at_random(300);
    for (int i = 0; i < 300; i++) {
        char identifier[16];
        struct found shown = {0}, open = {0}, ended = {0};
        snprintf(identifier, sizeof identifier, "t%d", i);
        const struct rdv__query_terms terms = {.kind = RDV__QUERY_SHOW, .identifier = identifier};
        rdv_filter filter = {.size = sizeof filter,
                             .flags = RDV_FILTER_PENDING | RDV_FILTER_RUNNING | RDV_FILTER_CHANGES |
                                      RDV_FILTER_OUTPUT,
                             .identifier = identifier,
                             .limit = 1};
        ask_for(&terms, &shown);
        ck_assert_int_eq(rdv_store_entries(bench.store, &filter, note_found, &open), 0);
        filter.flags = RDV_FILTER_FINISHED | RDV_FILTER_CHANGES | RDV_FILTER_OUTPUT;
        ck_assert_int_eq(rdv_store_entries(bench.store, &filter, note_found, &ended), 0);
        const struct found *wanted = open.count > 0 ? &open : &ended;
        ck_assert_int_eq(shown.count, wanted->count);
        if (shown.count > 0)
            ck_assert_str_eq(shown.text, wanted->text);
        free(shown.text);
        free(open.text);
        free(ended.text);
    }
}
END_TEST

/* ------------------------------------------------------------ what it costs */

static void fill(int pending, int ended)
{
    const rdv_window window = {.start = NOW + RDV_HOUR};
    char identifier[16];
    ck_assert_int_eq(rdv_trigger_begin(bench.trigger), 0);
    for (int i = 0; i < pending + ended; i++) {
        snprintf(identifier, sizeof identifier, "t%d", i);
        ck_assert_int_eq(schedule("x", identifier, &window), 0);
    }
    ck_assert_int_eq(rdv_trigger_commit(bench.trigger), 0);
    ck_assert_int_eq(rdv_trigger_begin(bench.trigger), 0);
    for (int i = pending; i < pending + ended; i++) {
        snprintf(identifier, sizeof identifier, "t%d", i);
        ck_assert_int_eq(rdv_trigger_delete(bench.trigger, identifier), 0);
    }
    ck_assert_int_eq(rdv_trigger_commit(bench.trigger), 0);
    bench_turns(&bench);
}

START_TEST(no_question_takes_more_at_once_than_a_slice)
{
    static const struct rdv__query_terms questions[] = {
        {.kind = RDV__QUERY_LIST},
        {.kind = RDV__QUERY_LIST, .label = "nobody's"},
        {.kind = RDV__QUERY_LIST, .label = "nobody's", .roomy = true},
        {.kind = RDV__QUERY_LIST, .limit = 5},
        {.kind = RDV__QUERY_HISTORY},
        {.kind = RDV__QUERY_HISTORY, .limit = 8000},
        {.kind = RDV__QUERY_HISTORY, .identifier = "nobody"},
        {.kind = RDV__QUERY_HISTORY, .identifier = "nobody", .limit = 1},
        {.kind = RDV__QUERY_SHOW, .identifier = "nobody"},
        {.kind = RDV__QUERY_SHOW, .identifier = "t11000"},
    };
    fill(20000, 9000);
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        struct found found = {0};
        most_steps = 0;
        ask_for(&questions[i], &found);
        ck_assert_msg(most_steps <= SLICE_STEPS, "question %zu: a slice of %d steps", i,
                      most_steps);
        free(found.text);
    }
}
END_TEST

START_TEST(who_follows_is_told_in_slices_too)
{
    struct rdv__query_follow follow = {0};
    struct found found = {0};
    int result;
    fill(20000, 9000);
    do {
        steps = 0;
        result = rdv__query_follow(bench.trigger, &follow, note_found, &found);
        ck_assert_int_ge(result, 0);
        ck_assert_int_le(steps, SLICE_STEPS);
    } while (result == 1);
    ck_assert_int_eq(found.count, 29000);
    ck_assert_int_eq(follow.told, 38000);
    free(found.text);
}
END_TEST

/* ------------------------------------------------------------ following */

struct told {
    int64_t last;
    int count, enough_after;
};

static int note_told(void *user, const rdv_entry *entry)
{
    struct told *told = user;
    ck_assert_int_gt(entry->change, told->last);
    told->last = entry->change;
    told->count++;
    return told->enough_after > 0 && told->count % told->enough_after == 0 ? RDV__QUERY_ENOUGH : 0;
}

/* More run than a slice looks for, and their changes are spread among those of the others. */
START_TEST(all_changes_are_told_in_their_order)
{
    const rdv_window later = {.start = NOW + RDV_HOUR};
    char identifier[16];
    struct told told = {.enough_after = _i};
    struct rdv__query_follow follow = {0};
    int result, all = 0;
    rdv_control_free(bench.control);
    rdv_trigger_free(bench.trigger);
    rdv_trigger_options how;
    rdv_trigger_options_init(&how);
    how.clock = rdv_kit_clock_ops(&bench.clock);
    how.max_running = 1000;
    ck_assert_int_eq(rdv_trigger_new(bench.loop, bench.store, &how, &bench.trigger), 0);
    bench_listen(&bench);
    bench_attach(&bench);
    for (int i = 0; i < 600; i++) {
        snprintf(identifier, sizeof identifier, "t%d", i);
        ck_assert_int_eq(schedule("x", identifier, i % 2 ? &later : NULL), 0);
    }
    bench_turns(&bench);
    srand(3);
    for (int i = 0; i < 900; i++) {
        snprintf(identifier, sizeof identifier, "t%d", rand() % 300 * 2);
        (void)bench_report(&bench, identifier, i % 9 ? RDV_STATUS_APPLYING : RDV_STATUS_SUCCESS, -1,
                           NULL);
        snprintf(identifier, sizeof identifier, "t%d", rand() % 300 * 2 + 1);
        if (i % 9 == 0)
            (void)rdv_trigger_delete(bench.trigger, identifier);
        bench_turns(&bench);
    }
    do {
        result = rdv__query_follow(bench.trigger, &follow, note_told, &told);
        ck_assert_int_ge(result, 0);
    } while (result == 1);
    struct found found = {0};
    ck_assert_int_eq(rdv_store_entries(bench.store, NULL, note_found, &found), 0);
    all = found.count;
    free(found.text);
    ck_assert_int_eq(told.count, all);
    ck_assert_int_eq(follow.told, told.last);
}
END_TEST

/* ------------------------------------------------------------ what is told */

struct row {
    int64_t run;
    char *text;
    int64_t change;
};

static int read_row(void *user, const rdv_entry *entry)
{
    struct row *row = user;
    row->change = entry->change;
    ck_assert_int_eq(rdv_entry_to_json(entry, &row->text), 0);
    return 0;
}

static int compared;

/* As long as nothing newer is stored, the entry is stored as it is told. */
static int compare_told(void *user, const rdv_entry *entry)
{
    (void)user;
    struct row row = {.run = entry->run};
    rdv_filter filter = {.size = sizeof filter, .run = entry->run};
    char *text;
    ck_assert_int_eq(rdv_store_entries(bench.store, &filter, read_row, &row), 0);
    ck_assert_ptr_nonnull(row.text);
    ck_assert_int_ge(row.change, entry->change);
    ck_assert_int_eq(rdv_entry_to_json(entry, &text), 0);
    if (row.change == entry->change) {
        ck_assert_str_eq(text, row.text);
        compared++;
    }
    rdv_free(text);
    rdv_free(row.text);
    return 0;
}

/* The same of the entries of an answer, which is given after the commit. */
static void compare_answer(const char *request)
{
    char *line = bench_call(&bench, request);
    rdv_response *response;
    ck_assert_int_eq(rdv_response_parse(line, &response), 0);
    if (rdv_response_error(response, NULL) == 0)
        ck_assert_int_eq(rdv_response_entries(response, compare_told, NULL), 0);
    rdv_response_free(response);
    free(line);
}

/* Reports, cancels, limits and windows that pass, and commits that fail now and then. */
START_TEST(what_is_told_is_what_is_stored)
{
    static const rdv_status statuses[] = {RDV_STATUS_APPLYING, RDV_STATUS_DOWNLOADING,
                                          RDV_STATUS_SUCCESS, RDV_STATUS_FAILED};
    rdv_watch *watch;
    bench_attach(&bench);
    ck_assert_int_eq(rdv_trigger_watch(bench.trigger, compare_told, NULL, &watch), 0);
    compared = 0;
    srand((unsigned)_i + 1);
    const int rounds = rdv_test_slowly() ? 300 : 1200;
    for (int i = 0; i < rounds; i++) {
        char identifier[16], request[256];
        snprintf(identifier, sizeof identifier, "t%d", rand() % 12);
        bench.plugin.cancel_result = rand() % 2 ? 0 : RDV_ENOTSUP;
        bench.fail_commit = rand() % 8 == 0;
        switch (rand() % 6) {
        case 0: {
            rdv_window window = {.start = rand() % 2 ? bench.clock.now + RDV_HOUR : 0,
                                 .limit = rand() % 2 ? RDV_MINUTE : 0};
            window.end = rand() % 2 ? bench.clock.now + 2 * RDV_HOUR : 0;
            (void)schedule("x", identifier, &window);
            break;
        }
        case 1:
            snprintf(request, sizeof request, CALL("cancel", "{\"identifier\":\"%s\"}"),
                     identifier);
            compare_answer(request);
            break;
        case 2:
            snprintf(request, sizeof request,
                     CALL("schedule", "{\"tasks\":[{\"label\":\"y\",\"identifier\":\"%s\"}]}"),
                     identifier);
            compare_answer(request);
            break;
        case 3:
            bench.clock.now += rand() % 4 == 0 ? RDV_HOUR : RDV_SECOND;
            break;
        default:
            (void)bench_report(&bench, identifier, statuses[rand() % 4], rand() % 101, "words");
        }
        bench_turns(&bench);
    }
    ck_assert_int_gt(compared, rounds * 5 / 12);
    rdv_watch_free(watch);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("query");

    TCase *found = tcase_create("found");
    tcase_set_timeout(found, PATIENCE);
    tcase_add_checked_fixture(found, set_up, tear_down);
    tcase_add_loop_test(found, slices_find_what_the_store_lists, 0, 3);
    tcase_add_test(found, one_is_shown_that_has_not_ended_or_else_the_one_that_ended_last);
    suite_add_tcase(suite, found);

    TCase *cost = tcase_create("cost");
    tcase_set_timeout(cost, PATIENCE);
    tcase_add_checked_fixture(cost, set_up, tear_down);
    tcase_add_test(cost, no_question_takes_more_at_once_than_a_slice);
    tcase_add_test(cost, who_follows_is_told_in_slices_too);
    suite_add_tcase(suite, cost);

    TCase *following = tcase_create("following");
    tcase_set_timeout(following, PATIENCE);
    tcase_add_checked_fixture(following, set_up, tear_down);
    tcase_add_loop_test(following, all_changes_are_told_in_their_order, 0, 3);
    suite_add_tcase(suite, following);

    TCase *told = tcase_create("told");
    tcase_set_timeout(told, PATIENCE);
    tcase_add_checked_fixture(told, set_up, tear_down);
    tcase_add_loop_test(told, what_is_told_is_what_is_stored, 0, 4);
    suite_add_tcase(suite, told);

    return rdv_test_main(suite);
}
