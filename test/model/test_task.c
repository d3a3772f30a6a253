/* SPDX-License-Identifier: MIT */
#include "model/task.h"

#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "platform/thread.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

static rdv_task *make(const char *label, const char *identifier, const char *context)
{
    rdv_task *task = NULL;

    ck_assert_int_eq(rdv_task_new(label, identifier, context, context ? strlen(context) : 0, &task),
                     0);
    return task;
}

START_TEST(a_task_has_copies_of_its_parts)
{
    char label[] = "updates", identifier[] = "nightly", context[] = {0, 1, 2, (char)0xff, 0};
    rdv_task *task = NULL;
    size_t size = 99;

    ck_assert_int_eq(rdv_task_new(label, identifier, context, sizeof context, &task), 0);
    memset(label, 'x', sizeof label);
    memset(identifier, 'x', sizeof identifier);
    memset(context, 'x', sizeof context);
    ck_assert_str_eq(rdv_task_label(task), "updates");
    ck_assert_str_eq(rdv_task_identifier(task), "nightly");
    ck_assert_mem_eq(rdv_task_context(task, &size), "\0\1\2\xff\0", 5);
    ck_assert_uint_eq(size, 5);
    ck_assert_ptr_nonnull(rdv_task_context(task, NULL));
    ck_assert_int_eq(rdv_task_run(task), 0);
    ck_assert_ptr_null(rdv_task_unref(task));
}
END_TEST

START_TEST(no_context_is_an_empty_one)
{
    rdv_task *task = make("updates", "nightly", NULL);
    size_t size = 99;

    ck_assert_ptr_nonnull(rdv_task_context(task, &size));
    ck_assert_uint_eq(size, 0);
    rdv_task_unref(task);

    ck_assert_int_eq(rdv_task_new("updates", "nightly", "ignored", 0, &task), 0);
    ck_assert_ptr_nonnull(rdv_task_context(task, &size));
    ck_assert_uint_eq(size, 0);
    rdv_task_unref(task);
}
END_TEST

static const struct name {
    const char *name;
    size_t size;
    int result;
} names[] = {
    {"a", 1, 0},
    {"security-updates", 16, 0},
    {"caf\xc3\xa9 \xf0\x9f\x98\x80", 10, 0},
    {" \n\x01", 3, 0}, /* control characters are text; they are escaped where it is shown */
    {"", 0, RDV_EINVAL},
    {NULL, 0, RDV_EINVAL},
    {NULL, 5, RDV_EINVAL},
    {"a\0b", 3, RDV_EINVAL},
    {"a", 2, RDV_EINVAL}, /* its NUL counted in */
    {"caf\xe9", 4, RDV_EINVAL},
    {"\xed\xa0\x80", 3, RDV_EINVAL},
};

START_TEST(a_name_is_good_text_without_nul)
{
    ck_assert_int_eq(rdv__name_check(names[_i].name, names[_i].size), names[_i].result);
}
END_TEST

START_TEST(labels_and_identifiers_are_checked_alike)
{
    rdv_task *const untouched = (rdv_task *)(void *)&names;
    rdv_task *task = untouched;
    const struct name *row = &names[_i];

    int r = rdv__task_new(row->name, row->size, "i", 1, NULL, 0, 0, &task);
    ck_assert_int_eq(r, row->result);
    ck_assert((r < 0) == (task == untouched));
    if (r == 0)
        task = rdv_task_unref(task);

    if (!row->name)
        return; /* an identifier may be left out */
    task = untouched;
    r = rdv__task_new("l", 1, row->name, row->size, NULL, 0, 0, &task);
    ck_assert_int_eq(r, row->result);
    ck_assert((r < 0) == (task == untouched));
    if (r == 0)
        task = rdv_task_unref(task);
}
END_TEST

START_TEST(names_have_a_limit)
{
    char name[RDV_NAME_MAX + 2];
    rdv_task *task = NULL;

    memset(name, 'n', sizeof name);
    name[RDV_NAME_MAX + 1] = '\0';
    ck_assert_int_eq(rdv_task_new(name, "i", NULL, 0, &task), RDV_ELIMIT);
    ck_assert_int_eq(rdv_task_new("l", name, NULL, 0, &task), RDV_ELIMIT);
    ck_assert_ptr_null(task);

    name[RDV_NAME_MAX] = '\0';
    ck_assert_int_eq(rdv_task_new(name, name, NULL, 0, &task), 0);
    ck_assert_str_eq(rdv_task_label(task), name);
    ck_assert_str_eq(rdv_task_identifier(task), name);
    rdv_task_unref(task);
}
END_TEST

START_TEST(a_context_has_a_limit)
{
    char *context = calloc(1, RDV_CONTEXT_MAX + 1);
    rdv_task *task = NULL;
    size_t size;

    ck_assert_ptr_nonnull(context);
    context[RDV_CONTEXT_MAX - 1] = 'z';
    ck_assert_int_eq(rdv_task_new("l", "i", context, RDV_CONTEXT_MAX + 1, &task), RDV_ELIMIT);
    ck_assert_int_eq(rdv_task_new("l", "i", context, SIZE_MAX, &task), RDV_ELIMIT);
    ck_assert_ptr_null(task);
    ck_assert_int_eq(rdv_task_new("l", "i", context, RDV_CONTEXT_MAX, &task), 0);
    const char *copy = rdv_task_context(task, &size);
    ck_assert_uint_eq(size, RDV_CONTEXT_MAX);
    ck_assert_int_eq(copy[size - 1], 'z');
    rdv_task_unref(task);
    free(context);
}
END_TEST

START_TEST(a_task_needs_its_parts)
{
    rdv_task *task = NULL;

    ck_assert_int_eq(rdv_task_new(NULL, "i", NULL, 0, &task), RDV_EINVAL);
    ck_assert_int_eq(rdv_task_new("", "i", NULL, 0, &task), RDV_EINVAL);
    ck_assert_int_eq(rdv_task_new("l", "", NULL, 0, &task), RDV_EINVAL);
    ck_assert_int_eq(rdv_task_new("l", "i", NULL, 1, &task), RDV_EINVAL);
    ck_assert_int_eq(rdv_task_new("l", "i", NULL, 0, NULL), RDV_EINVAL);
    ck_assert_ptr_null(task);
}
END_TEST

START_TEST(an_identifier_left_out_is_a_new_random_uuid)
{
    enum { TASKS = 1000 };
    rdv_task *tasks[TASKS];

    for (int i = 0; i < TASKS; i++) {
        tasks[i] = make("updates", NULL, NULL);
        const char *uuid = rdv_task_identifier(tasks[i]);
        ck_assert_uint_eq(strlen(uuid), 36);
        ck_assert_uint_eq(strspn(uuid, "0123456789abcdef-"), 36);
        for (size_t at = 0; at < 36; at++)
            ck_assert((uuid[at] == '-') == (at == 8 || at == 13 || at == 18 || at == 23));
        ck_assert_int_eq(uuid[14], '4');
        ck_assert_ptr_nonnull(strchr("89ab", uuid[19]));
        for (int other = 0; other < i; other++)
            ck_assert_str_ne(uuid, rdv_task_identifier(tasks[other]));
    }
    for (int i = 0; i < TASKS; i++)
        rdv_task_unref(tasks[i]);
}
END_TEST

START_TEST(a_run_number_is_kept)
{
    rdv_task *task = NULL;

    ck_assert_int_eq(rdv__task_new("label!", 5, "identifier!", 10, "context!", 7, 42, &task), 0);
    ck_assert_int_eq(rdv_task_run(task), 42);
    ck_assert_str_eq(rdv_task_label(task), "label");
    ck_assert_str_eq(rdv_task_identifier(task), "identifier");
    rdv_task_unref(task);
}
END_TEST

START_TEST(tasks_are_the_same_by_label_identifier_and_context)
{
    static const char *const parts[][3] = {
        {"l", "i", "c"},  {"l", "i", NULL}, {"l", "i", "d"}, {"l", "j", "c"},  {"m", "i", "c"},
        {"li", "i", "c"}, {"l", "ii", ""},  {"ll", "i", ""}, {"l", "i", "cc"},
    };

    for (size_t a = 0; a < COUNT_OF(parts); a++) {
        for (size_t b = 0; b < COUNT_OF(parts); b++) {
            rdv_task *left = make(parts[a][0], parts[a][1], parts[a][2]);
            rdv_task *right = make(parts[b][0], parts[b][1], parts[b][2]);
            ck_assert(rdv__task_same(left, right) == (a == b));
            ck_assert(rdv__task_same(left, left));
            rdv_task_unref(left);
            rdv_task_unref(right);
        }
    }
}
END_TEST

START_TEST(a_context_that_looks_like_the_names_is_another)
{
    rdv_task *bare = make("l", "l", NULL), *other = NULL;

    ck_assert_int_eq(rdv_task_new("l", "l", "\0l", 2, &other), 0);
    ck_assert(!rdv__task_same(bare, other));
    ck_assert(!rdv__task_same(other, bare));
    rdv_task_unref(bare);
    rdv_task_unref(other);
}
END_TEST

START_TEST(tasks_are_the_same_whatever_their_run)
{
    rdv_task *first = NULL, *second = NULL;

    ck_assert_int_eq(rdv__task_new("l", 1, "i", 1, "c", 1, 1, &first), 0);
    ck_assert_int_eq(rdv__task_new("l", 1, "i", 1, "c", 1, 2, &second), 0);
    ck_assert(rdv__task_same(first, second));
    rdv_task_unref(first);
    rdv_task_unref(second);
}
END_TEST

START_TEST(no_task_is_fine_where_nothing_is_to_be_done)
{
    size_t size = 99;

    ck_assert_ptr_null(rdv_task_ref(NULL));
    ck_assert_ptr_null(rdv_task_unref(NULL));
    ck_assert_ptr_null(rdv_task_label(NULL));
    ck_assert_ptr_null(rdv_task_identifier(NULL));
    ck_assert_ptr_nonnull(rdv_task_context(NULL, &size));
    ck_assert_uint_eq(size, 0);
    ck_assert_int_eq(rdv_task_run(NULL), 0);
}
END_TEST

/* ----------------------------------------------------------------- threads */

/* Takes references and gives them back while others do; the last one of all frees the task (a sanitizer sees any other). */
static void take_and_give(void *user)
{
    rdv_task *task = user;

    for (int i = 0; i < 20000; i++) {
        rdv_task *mine = rdv_task_ref(task);
        if (strcmp(rdv_task_label(mine), "updates") != 0)
            abort();
        rdv_task_unref(mine);
    }
    rdv_task_unref(task);
}

START_TEST(references_are_counted_right_from_many_threads)
{
    rdv_task *task = make("updates", "nightly", "context");
    struct rdv__thread *threads[4];

    for (size_t i = 0; i < COUNT_OF(threads); i++)
        ck_assert_int_eq(rdv__thread_new(take_and_give, rdv_task_ref(task), &threads[i]), 0);
    rdv_task *mine = rdv_task_ref(task);
    rdv_task_unref(task);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        rdv__thread_join(threads[i]);

    ck_assert_str_eq(rdv_task_identifier(mine), "nightly"); /* the last one is still there */
    rdv_task_unref(mine);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("task");
    TCase *tcase = tcase_create("task");

    tcase_add_test(tcase, a_task_has_copies_of_its_parts);
    tcase_add_test(tcase, no_context_is_an_empty_one);
    tcase_add_loop_test(tcase, a_name_is_good_text_without_nul, 0, (int)COUNT_OF(names));
    tcase_add_loop_test(tcase, labels_and_identifiers_are_checked_alike, 0, (int)COUNT_OF(names));
    tcase_add_test(tcase, names_have_a_limit);
    tcase_add_test(tcase, a_context_has_a_limit);
    tcase_add_test(tcase, a_task_needs_its_parts);
    tcase_add_test(tcase, an_identifier_left_out_is_a_new_random_uuid);
    tcase_add_test(tcase, a_run_number_is_kept);
    tcase_add_test(tcase, tasks_are_the_same_by_label_identifier_and_context);
    tcase_add_test(tcase, a_context_that_looks_like_the_names_is_another);
    tcase_add_test(tcase, tasks_are_the_same_whatever_their_run);
    tcase_add_test(tcase, no_task_is_fine_where_nothing_is_to_be_done);
    tcase_add_test(tcase, references_are_counted_right_from_many_threads);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    return rdv_test_main(suite);
}
