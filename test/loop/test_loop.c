/* SPDX-License-Identifier: MIT */
#ifndef _WIN32
#define _GNU_SOURCE
#endif

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#ifdef _WIN32
#include "loop/poll.h"

#include "platform/win/source.h"
#else
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#endif

#include <rdvtask/loop.h>

#include "harness.h"
#include "loop/loop.h"
#include "platform/platform.h"
#include "platform/thread.h"
#include "system.h"

/* ------------------------------------------------------------------- stage */

static rdv_loop *loop;
static char story[256]; /* what has happened, a letter each */
static int calling;     /* threads that are about to call; atomic */

static void note(char letter)
{
    size_t size = strlen(story);
    ck_assert_uint_lt(size, sizeof story - 1);
    story[size] = letter;
    story[size + 1] = '\0';
}

static void set_up(void)
{
    story[0] = '\0';
    rdv__atomic_store(&calling, 0);
    ck_assert_int_eq(rdv_loop_new(&loop), 0);
}

static void tear_down(void)
{
    rdv_loop_free(loop);
    loop = NULL;
}

#ifdef _WIN32
/* What comes through Windows' pool of threads takes a moment, also when it has become needless. */
#define AT_ONCE 2000
#define LATE    20

typedef LONG(NTAPI *query_fn)(HANDLE port, int what, void *answer, ULONG size, ULONG *ret_size);

/* Whether something comes to libuv's completion port within so many milliseconds: there is no descriptor to poll. */
static bool has_work(int patience)
{
    LONG depth = 0;
    query_fn query =
        (query_fn)(uintptr_t)GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "NtQueryIoCompletion");
    int64_t end = rdv_test_clock() + patience;
    for (;;) {
        ck_assert_int_eq(query(rdv__loop_poll(loop)->uv.iocp, 0, &depth, sizeof depth, NULL), 0);
        if (depth > 0 || rdv_test_clock() >= end)
            return depth > 0;
        rdv_test_sleep(1);
    }
}
#else
#define AT_ONCE 0
#define LATE    0

/* Whether rdv_loop_fd() becomes readable within so many milliseconds. */
static bool has_work(int patience)
{
    struct pollfd wait = {rdv_loop_fd(loop), POLLIN, 0};
    return poll(&wait, 1, patience) == 1;
}
#endif

static void dispatch(void)
{
    ck_assert_int_eq(rdv_loop_dispatch(loop), 0);
}

static void drain_work(void)
{
    for (int i = 0; i < 100 && has_work(LATE); i++)
        dispatch();
    ck_assert(!has_work(0));
}

static void stop(void *user)
{
    (void)user;
    rdv_loop_stop(loop);
}

static void stop_later(void *user)
{
    rdv_test_sleep(50);
    stop(user);
}

static struct rdv__thread *begin_thread(void (*fn)(void *user), void *user)
{
    struct rdv__thread *thread;
    ck_assert_int_eq(rdv__thread_new(fn, user, &thread), 0);
    return thread;
}

/* Something to watch: what is put in at its other end can be taken out at the one that the loop watches. */
#ifdef _WIN32
struct line {
    rdv__descriptor end;
    struct rdv__source source;
    char bytes[16];
    size_t size;
    bool broken;
};

static void line_open(struct line *line)
{
    *line = (struct line){
        .source = {CreateEventW(NULL, TRUE, FALSE, NULL), CreateEventW(NULL, TRUE, TRUE, NULL)}};
    line->end = &line->source;
}

static void line_put(struct line *line, const char *bytes)
{
    ck_assert_uint_le(line->size + strlen(bytes), sizeof line->bytes);
    memcpy(line->bytes + line->size, bytes, strlen(bytes));
    line->size += strlen(bytes);
    SetEvent(line->source.readable);
}

/* The other end is gone, and what was put in at this one lost. */
static void line_break(struct line *line)
{
    line->broken = true;
    SetEvent(line->source.readable);
}

/* The next byte; '!' when it is broken. */
static char line_take(struct line *line)
{
    if (line->size == 0)
        return '!';
    char byte = line->bytes[0];
    memmove(line->bytes, line->bytes + 1, --line->size);
    if (line->size == 0 && !line->broken)
        ResetEvent(line->source.readable);
    return byte;
}

static void line_close(struct line *line)
{
    CloseHandle(line->source.readable);
    CloseHandle(line->source.writable);
}
#else
struct line {
    rdv__descriptor end;
    int other;
};

static void line_open(struct line *line)
{
    int ends[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    *line = (struct line){ends[0], ends[1]};
}

static void line_put(struct line *line, const char *bytes)
{
    ck_assert_int_eq(write(line->other, bytes, strlen(bytes)), (ssize_t)strlen(bytes));
}

/* The other end is gone, and what was put in at this one lost. */
static void line_break(struct line *line)
{
    /* Hanging up with something unread is an error here. */
    ck_assert_int_eq(write(line->end, "unread", 6), 6);
    close(line->other);
    line->other = -1;
}

/* The next byte; '!' when it is broken. */
static char line_take(struct line *line)
{
    char byte;
    return read(line->end, &byte, 1) == 1 ? byte : '!';
}

static void line_close(struct line *line)
{
    close(line->end);
    close(line->other);
}
#endif

struct letter_post {
    struct rdv__post post;
    char letter;
    bool owner;
};

static void post_tells(struct rdv__post *post)
{
    struct letter_post *self = (struct letter_post *)post;
    self->owner = rdv__loop_is_owner(loop);
    note(self->letter);
}

static void post_dropped(struct rdv__post *post)
{
    (void)post;
    note('!');
}

struct letter_turn {
    struct rdv__turn turn;
    char letter;
    int result;
    bool told_once;
    bool again;
    struct rdv__turn *removes;
};

static int turn_tells(struct rdv__turn *turn)
{
    struct letter_turn *self = (struct letter_turn *)turn;
    note(self->letter);
    if (self->removes)
        rdv__loop_remove_turn(loop, self->removes);
    self->removes = NULL;
    if (self->again)
        rdv__loop_again(loop);
    self->again = false;
    return self->result;
}

static struct letter_turn decide = {{turn_tells, RDV__TURN_DECIDE, NULL}, 'd', 0, 0, 0, NULL};
static struct letter_turn commit = {{turn_tells, RDV__TURN_COMMIT, NULL}, 'c', 0, 0, 0, NULL};
static struct letter_turn settle = {{turn_tells, RDV__TURN_SETTLE, NULL}, 's', 0, 0, 0, NULL};

static void add_turns(void)
{
    rdv__loop_add_turn(loop, &settle.turn);
    rdv__loop_add_turn(loop, &commit.turn);
    rdv__loop_add_turn(loop, &decide.turn);
}

/* ------------------------------------------------------------------- turns */

START_TEST(a_turn_handles_posts_then_decides_commits_and_settles)
{
    struct letter_post post = {.post.fn = post_tells, .letter = 'p'};
    add_turns();
    rdv__loop_post(loop, &post.post);
    dispatch();
    ck_assert_str_eq(story, "pdcs");
    ck_assert(post.owner);
}
END_TEST

START_TEST(hooks_of_a_phase_run_in_the_order_in_which_they_were_added)
{
    struct letter_turn more[3] = {decide, decide, decide};
    for (int i = 0; i < 3; i++) {
        more[i].letter = (char)('1' + i);
        rdv__loop_add_turn(loop, &more[i].turn);
    }
    dispatch();
    ck_assert_str_eq(story, "123");
}
END_TEST

START_TEST(a_hook_may_remove_itself_and_others)
{
    struct letter_turn more[3] = {decide, decide, decide};
    for (int i = 0; i < 3; i++) {
        more[i].letter = (char)('1' + i);
        rdv__loop_add_turn(loop, &more[i].turn);
    }
    more[0].removes = &more[1].turn;
    more[2].removes = &more[2].turn;
    dispatch();
    dispatch();
    ck_assert_str_eq(story, "131");
}
END_TEST

START_TEST(again_takes_another_turn_at_once)
{
    add_turns();
    settle.again = true;
    dispatch();
    ck_assert_str_eq(story, "dcsdcs");
    ck_assert(!has_work(0));
}
END_TEST

static int again_for_ever(struct rdv__turn *turn)
{
    (void)turn;
    rdv__loop_again(loop);
    return 0;
}

START_TEST(a_hook_that_asks_for_turns_without_end_holds_up_neither_dispatch_nor_input)
{
    struct line line;
    line_open(&line);
    struct rdv__turn turn = {again_for_ever, RDV__TURN_SETTLE, NULL};
    struct rdv__io *io;
    rdv__loop_add_turn(loop, &turn);
    ck_assert_int_eq(rdv__io_new(loop, line.end, stop, NULL, &io), 0);
    dispatch();
    ck_assert(has_work(0));
    line_put(&line, "x");
    ck_assert_int_eq(rdv_loop_run(loop), 0);
    rdv__io_free(io);
    line_close(&line);
}
END_TEST

/* ------------------------------------------------------------------- posts */

START_TEST(posts_keep_their_order)
{
    struct letter_post posts[5];
    for (int i = 0; i < 5; i++) {
        posts[i] = (struct letter_post){.post.fn = post_tells, .letter = (char)('a' + i)};
        rdv__loop_post(loop, &posts[i].post);
    }
    dispatch();
    ck_assert_str_eq(story, "abcde");
}
END_TEST

static void post_again(struct rdv__post *post)
{
    note('a');
    if (strlen(story) < 5)
        rdv__loop_post(loop, post);
}

START_TEST(a_post_may_be_posted_again_from_its_function_for_the_next_turn)
{
    struct rdv__post post = {.fn = post_again};
    rdv__loop_add_turn(loop, &commit.turn);
    rdv__loop_post(loop, &post);
    drain_work();
    ck_assert_str_eq(story, "acacac");
}
END_TEST

START_TEST(posts_that_wait_when_the_loop_is_freed_are_dropped)
{
    struct letter_post post = {.post = {.fn = post_tells, .drop = post_dropped}};
    struct letter_post silent = {.post = {.fn = post_tells}};
    rdv__loop_post(loop, &silent.post);
    rdv__loop_post(loop, &post.post);
    tear_down();
    ck_assert_str_eq(story, "!");
}
END_TEST

/* ------------------------------------------------------------------- calls */

struct caller {
    struct rdv__thread *thread;
    int wanted, result;
    int done;
};

/* Until so many threads call: nothing tells that a call has come, but there is only that left to be done. */
static void wait_for_callers(int count)
{
    while (rdv__atomic_load(&calling) < count)
        rdv_test_sleep(1);
    rdv_test_sleep(100);
}

static int call_tells(void *user)
{
    ck_assert(rdv__loop_is_owner(loop));
    ck_assert(rdv__loop_in_call(loop));
    note('f');
    return *(int *)user;
}

static void call_from_thread(void *user)
{
    struct caller *caller = user;
    rdv__atomic_add(&calling, 1);
    caller->result = rdv_loop_call(loop, call_tells, &caller->wanted);
    rdv__atomic_store(&caller->done, 1);
}

static void begin_call(struct caller *caller, int wanted)
{
    *caller = (struct caller){.wanted = wanted, .result = 12345};
    caller->thread = begin_thread(call_from_thread, caller);
}

/* Dispatch until a thread is done; what is on the way needs no more than this. */
static void dispatch_until_done(struct caller *caller)
{
    while (!rdv__atomic_load(&caller->done)) {
        has_work(10);
        dispatch();
    }
    rdv__thread_join(caller->thread);
}

START_TEST(a_call_from_another_thread_is_answered_after_its_commit)
{
    struct caller caller;
    add_turns();
    begin_call(&caller, 7);
    ck_assert(has_work(10000));
    dispatch();
    rdv__thread_join(caller.thread);
    ck_assert_int_eq(caller.result, 7);
    ck_assert_str_eq(story, "fdcs");
    ck_assert(!rdv__loop_in_call(loop));
}
END_TEST

START_TEST(an_error_of_the_commit_is_the_result_of_calls_that_went_well_themselves)
{
    struct caller well, badly;
    struct letter_turn failing = commit;
    failing.result = RDV_ENOSPC;
    rdv__loop_add_turn(loop, &failing.turn);
    begin_call(&well, 0);
    begin_call(&badly, RDV_EBUSY);
    dispatch_until_done(&well);
    dispatch_until_done(&badly);
    ck_assert_int_eq(well.result, RDV_ENOSPC);
    ck_assert_int_eq(badly.result, RDV_EBUSY);
}
END_TEST

START_TEST(an_error_of_another_phase_is_no_call_s_result)
{
    struct caller caller;
    struct letter_turn failing[2] = {decide, settle};
    failing[0].result = failing[1].result = RDV_EIO;
    rdv__loop_add_turn(loop, &failing[0].turn);
    rdv__loop_add_turn(loop, &failing[1].turn);
    begin_call(&caller, 0);
    dispatch_until_done(&caller);
    ck_assert_int_eq(caller.result, 0);
}
END_TEST

static void wait_for_posts(struct rdv__post *post)
{
    /* The callers queue up behind this one; who doesn't make it comes in a later turn. */
    (void)post;
    wait_for_callers(8);
}

START_TEST(calls_that_come_together_share_one_commit)
{
    struct caller callers[8];
    struct rdv__post slow = {.fn = wait_for_posts};
    rdv__loop_add_turn(loop, &commit.turn);
    rdv__loop_post(loop, &slow);
    for (int i = 0; i < 8; i++)
        begin_call(&callers[i], 0);
    for (int i = 0; i < 8; i++)
        dispatch_until_done(&callers[i]);
    size_t commits = 0;
    for (const char *at = story; (at = strchr(at, 'c')) != NULL; at++)
        commits++;
    ck_assert_uint_le(commits,
                      6); /* one of the slow post, and a few more where threads start late */
}
END_TEST

START_TEST(a_call_on_the_owner_thread_runs_and_commits_at_once_but_settles_nothing)
{
    int wanted = 0;
    add_turns();
    ck_assert_int_eq(rdv_loop_call(loop, call_tells, &wanted), 0);
    ck_assert_str_eq(story, "fc");
}
END_TEST

START_TEST(a_call_on_the_owner_thread_gives_its_own_error_before_the_commit_s)
{
    int wanted = RDV_EBUSY;
    struct letter_turn failing = commit;
    failing.result = RDV_ENOSPC;
    rdv__loop_add_turn(loop, &failing.turn);
    ck_assert_int_eq(rdv_loop_call(loop, call_tells, &wanted), RDV_EBUSY);
    wanted = 0;
    ck_assert_int_eq(rdv_loop_call(loop, call_tells, &wanted), RDV_ENOSPC);
    rdv__loop_remove_turn(loop, &failing.turn);
}
END_TEST

static int inner_result;

static int calls_inside(struct rdv__turn *turn)
{
    int wanted = 0;
    struct letter_turn *self = (struct letter_turn *)turn;
    note(self->letter);
    if (!self->told_once) {
        self->told_once = true;
        inner_result = rdv_loop_call(loop, call_tells, &wanted);
    }
    return 0;
}

START_TEST(a_call_inside_a_settler_commits_and_comes_back)
{
    struct letter_turn caller = settle;
    caller.turn.run = calls_inside;
    rdv__loop_add_turn(loop, &commit.turn);
    rdv__loop_add_turn(loop, &caller.turn);
    inner_result = 1;
    dispatch();
    ck_assert_str_eq(story, "csfc");
    ck_assert_int_eq(inner_result, 0);
}
END_TEST

static int fails_once(struct rdv__turn *turn)
{
    struct letter_turn *self = (struct letter_turn *)turn;
    bool first = !self->told_once;
    self->told_once = true;
    return first ? RDV_ENOSPC : 0;
}

START_TEST(a_commit_that_fails_early_in_a_turn_is_told_to_the_calls_before_it)
{
    /* The decider's call commits what the thread's call has written. */
    struct caller caller;
    struct letter_turn failing = commit, early = decide;
    failing.turn.run = fails_once;
    early.turn.run = calls_inside;
    begin_call(&caller, 0);
    ck_assert(has_work(10000));
    rdv__loop_add_turn(loop, &failing.turn);
    rdv__loop_add_turn(loop, &early.turn);
    dispatch();
    rdv__thread_join(caller.thread);
    ck_assert_int_eq(inner_result, RDV_ENOSPC);
    ck_assert_int_eq(caller.result, RDV_ENOSPC);
}
END_TEST

START_TEST(calls_that_wait_when_the_loop_is_freed_are_told_of_the_shutdown)
{
    struct caller callers[4];
    for (int i = 0; i < 4; i++)
        begin_call(&callers[i], 0);
    /* All of them inside, so that none comes to a loop that is gone. */
    wait_for_callers(4);
    ck_assert(has_work(10000));
    tear_down();
    for (int i = 0; i < 4; i++) {
        rdv__thread_join(callers[i].thread);
        ck_assert_int_eq(callers[i].result, RDV_ESHUTDOWN);
    }
    ck_assert_str_eq(story, "");
}
END_TEST

/* ------------------------------------------------- running and stopping */

START_TEST(stop_before_run_makes_run_return_at_once_and_only_once)
{
    rdv_timer *timer;
    ck_assert_int_eq(rdv_timer_new(loop, stop, NULL, &timer), 0);
    rdv_loop_stop(loop);
    ck_assert_int_eq(rdv_loop_run(loop), 0);
    rdv_timer_start(timer, RDV_MILLISECOND);
    ck_assert_int_eq(rdv_loop_run(loop), 0);
    rdv_timer_free(timer);
}
END_TEST

START_TEST(stop_finishes_the_turn_that_is_under_way)
{
    rdv_timer *timer;
    add_turns();
    ck_assert_int_eq(rdv_timer_new(loop, stop, NULL, &timer), 0);
    rdv_timer_start(timer, 0);
    ck_assert_int_eq(rdv_loop_run(loop), 0);
    ck_assert_str_eq(story, "dcs");
    rdv_timer_free(timer);
}
END_TEST

START_TEST(stop_from_inside_a_turn_makes_no_work)
{
    rdv_timer *timer;
    ck_assert_int_eq(rdv_timer_new(loop, stop, NULL, &timer), 0);
    rdv_timer_start(timer, 0);
    ck_assert_int_eq(rdv_loop_run(loop), 0);
    ck_assert(!has_work(LATE));
    rdv_timer_free(timer);
}
END_TEST

static int nested[3];

static void run_inside(struct rdv__post *post)
{
    (void)post;
    nested[0] = rdv_loop_run(loop);
    nested[1] = rdv_loop_dispatch(loop);
    nested[2] = rdv_loop_start_thread(loop);
}

START_TEST(a_loop_that_is_run_can_t_be_run_again_inside)
{
    struct rdv__post post = {.fn = run_inside};
    rdv__loop_post(loop, &post);
    dispatch();
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(nested[i], RDV_ESTATE);
}
END_TEST

START_TEST(a_loop_with_a_thread_can_t_be_run_by_others_and_has_another_owner)
{
    ck_assert(rdv__loop_is_owner(loop));
    ck_assert_int_eq(rdv_loop_start_thread(loop), 0);
    ck_assert(!rdv__loop_is_owner(loop));
    ck_assert_int_eq(rdv_loop_run(loop), RDV_ESTATE);
    ck_assert_int_eq(rdv_loop_dispatch(loop), RDV_ESTATE);
    ck_assert_int_eq(rdv_loop_start_thread(loop), RDV_ESTATE);
    ck_assert_int_eq(rdv_loop_stop(loop), 0);
    int wanted = 5;
    ck_assert_int_eq(rdv_loop_call(loop, call_tells, &wanted), 5);
    ck_assert_int_eq(rdv_loop_call(loop, call_tells, &wanted), 5);
}
END_TEST

static void run_elsewhere(void *user)
{
    *(int *)user = rdv_loop_run(loop);
}

START_TEST(who_runs_the_loop_owns_it)
{
    int result = 1, wanted = 9;
    struct rdv__thread *thread = begin_thread(run_elsewhere, &result);
    while (rdv__loop_is_owner(loop))
        rdv_test_sleep(1);
    ck_assert_int_eq(rdv_loop_call(loop, call_tells, &wanted), 9);
    rdv_loop_stop(loop);
    rdv__thread_join(thread);
    ck_assert_int_eq(result, 0);
    ck_assert(!rdv__loop_is_owner(loop));
    dispatch();
    ck_assert(rdv__loop_is_owner(loop));
}
END_TEST

enum { CROWD = 4, CROWD_CALLS = 300 };

static int count_up(void *user)
{
    return ++*(int *)user > 0 ? 0 : RDV_EFAILED;
}

struct counting_post {
    struct rdv__post post;
    int *count;
};

static void post_counts(struct rdv__post *post)
{
    ++*((struct counting_post *)post)->count;
    free(post);
}

struct crowd {
    struct rdv__thread *threads[CROWD];
    int calls, posts; /* the owner's */
    int failed;       /* calls that did not go well; atomic */
};

static void crowd_member(void *user)
{
    struct crowd *crowd = user;
    for (int i = 0; i < CROWD_CALLS; i++) {
        struct counting_post *post = malloc(sizeof *post);
        *post = (struct counting_post){.post = {.fn = post_counts}, .count = &crowd->posts};
        rdv__loop_post(loop, &post->post);
        if (rdv_loop_call(loop, count_up, &crowd->calls) != 0)
            rdv__atomic_add(&crowd->failed, 1);
        if (i % 16 == 0)
            rdv_loop_stop(loop);
    }
    rdv_loop_stop(loop);
}

START_TEST(many_threads_may_post_call_and_stop_while_the_loop_runs)
{
    static struct crowd crowd;
    for (int i = 0; i < CROWD; i++)
        crowd.threads[i] = begin_thread(crowd_member, &crowd);
    while (crowd.calls < CROWD * CROWD_CALLS)
        ck_assert_int_eq(rdv_loop_run(loop), 0);
    for (int i = 0; i < CROWD; i++)
        rdv__thread_join(crowd.threads[i]);
    ck_assert_int_eq(crowd.failed, 0);
    ck_assert_int_eq(crowd.posts, CROWD * CROWD_CALLS);
}
END_TEST

START_TEST(many_threads_may_call_a_loop_that_has_a_thread)
{
    static struct crowd crowd;
    ck_assert_int_eq(rdv_loop_start_thread(loop), 0);
    for (int i = 0; i < CROWD; i++)
        crowd.threads[i] = begin_thread(crowd_member, &crowd);
    for (int i = 0; i < CROWD; i++)
        rdv__thread_join(crowd.threads[i]);
    ck_assert_int_eq(crowd.failed, 0);
    tear_down();
    ck_assert_int_eq(crowd.calls, CROWD * CROWD_CALLS);
    ck_assert_int_eq(crowd.posts, CROWD * CROWD_CALLS);
}
END_TEST

START_TEST(public_functions_refuse_what_is_not_there)
{
    int unused = 0;
    rdv_timer *timer;
    ck_assert_int_eq(rdv_loop_new(NULL), RDV_EINVAL);
    ck_assert_int_eq(rdv_loop_run(NULL), RDV_EINVAL);
    ck_assert_int_eq(rdv_loop_stop(NULL), RDV_EINVAL);
    ck_assert_int_eq(rdv_loop_dispatch(NULL), RDV_EINVAL);
    ck_assert_int_eq(rdv_loop_start_thread(NULL), RDV_EINVAL);
    ck_assert_int_eq(rdv_loop_fd(NULL), -1);
    ck_assert_int_eq(rdv_loop_call(NULL, call_tells, &unused), RDV_EINVAL);
    ck_assert_int_eq(rdv_loop_call(loop, NULL, &unused), RDV_EINVAL);
    ck_assert_int_eq(rdv_timer_new(NULL, stop, NULL, &timer), RDV_EINVAL);
    ck_assert_int_eq(rdv_timer_new(loop, NULL, NULL, &timer), RDV_EINVAL);
    ck_assert_int_eq(rdv_timer_new(loop, stop, NULL, NULL), RDV_EINVAL);
    rdv_timer_start(NULL, 0);
    rdv_timer_stop(NULL);
    rdv_timer_free(NULL);
    rdv_loop_free(NULL);
}
END_TEST

static void come_and_go(void)
{
    rdv_loop *other;
    struct rdv__alarm *alarm;
    ck_assert_int_eq(rdv_loop_new(&other), 0);
    ck_assert_int_eq(rdv__alarm_new(other, stop, NULL, &alarm), 0);
    rdv__alarm_set(alarm, RDV_TIME_MAX);
    rdv__alarm_free(alarm);
    rdv_loop_free(other);
}

START_TEST(a_loop_leaves_no_descriptor_behind_and_takes_none_below_4_of_its_own)
{
    /* What the system itself makes for its first use stays. */
    for (int i = 0; i < 50; i++)
        come_and_go();
    int before = rdv_test_descriptors();
    for (int i = 0; i < 50; i++)
        come_and_go();
    ck_assert_int_le(rdv_test_descriptors(), before); /* a system's pool may lose some of its own */

#ifndef _WIN32
    struct rdv__plat_timer timer;
    close(STDIN_FILENO);
    ck_assert_int_eq(rdv__plat_timer_open(true, &timer), 0);
    ck_assert_int_ge(timer.fd, 4);
    ck_assert_int_eq(fcntl(timer.fd, F_GETFD), FD_CLOEXEC);
    rdv__plat_timer_close(&timer);
#endif
}
END_TEST

START_TEST(a_host_without_descriptors_left_gets_no_loop_but_an_error)
{
#ifndef _WIN32
    struct rlimit before, few;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    int made = 0;
    for (rlim_t room = 0; room < 12; room++) {
        rdv_loop *other = NULL;
        /* Anew each time: libuv 1.44 itself leaks one where it fails. */
        int spare = dup(STDERR_FILENO);
        close(spare);
        few = before;
        few.rlim_cur = (rlim_t)spare + room;
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
        int result = rdv_loop_new(&other);
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
        made += result == 0;
        if (result != 0) {
            ck_assert_int_eq(result, RDV_ERESOURCES);
            ck_assert_ptr_null(other);
        }
        rdv_loop_free(other);
    }
    ck_assert_int_gt(made, 0);
    ck_assert_int_lt(made, 12);
#endif
}
END_TEST

/* -------------------------------------------------------- descriptor */

static void read_one(void *user)
{
    note(line_take(user));
}

START_TEST(an_idle_loop_s_descriptor_is_not_ready)
{
    ck_assert(!has_work(0));
    dispatch();
    ck_assert(!has_work(20));
}
END_TEST

START_TEST(whatever_makes_work_makes_the_descriptor_ready)
{
    struct letter_post post = {.post.fn = post_tells, .letter = 'p'};
    rdv__loop_post(loop, &post.post);
    ck_assert_msg(has_work(0), "a post");
    drain_work();

    rdv__loop_again(loop);
    ck_assert_msg(has_work(0), "another turn");
    drain_work();

    rdv_timer *timer;
    ck_assert_int_eq(rdv_timer_new(loop, stop, NULL, &timer), 0);
    rdv_timer_start(timer, 0);
    ck_assert_msg(has_work(1000), "a timer");
    drain_work();
    rdv_timer_free(timer);

    struct rdv__alarm *alarm;
    ck_assert_int_eq(rdv__alarm_new(loop, stop, NULL, &alarm), 0);
    drain_work();
    rdv__alarm_set(alarm, rdv_time_now());
    ck_assert_msg(has_work(1000), "an alarm");
    drain_work();
    rdv__alarm_free(alarm);

    /* The kernel hears of a new descriptor only when libuv polls, so it is for the loop to call for that. */
    struct line line;
    struct rdv__io *io;
    line_open(&line);
    ck_assert_int_eq(rdv__io_new(loop, line.end, read_one, &line, &io), 0);
    drain_work();
    line_put(&line, "x");
    ck_assert_msg(has_work(AT_ONCE), "a descriptor");
    drain_work();
    ck_assert_str_eq(story, "px");
    rdv__io_free(io);
    line_close(&line);
}
END_TEST

static struct rdv__io *made_inside;
static struct line line_inside;

static int makes_io(struct rdv__turn *turn)
{
    (void)turn;
    if (!made_inside)
        ck_assert_int_eq(rdv__io_new(loop, line_inside.end, read_one, &line_inside, &made_inside),
                         0);
    return 0;
}

static void free_inside(void)
{
    rdv__io_free(made_inside);
    made_inside = NULL;
    line_close(&line_inside);
}

START_TEST(what_is_watched_from_inside_a_turn_is_seen_by_who_polls_the_descriptor)
{
    line_open(&line_inside);
    struct rdv__turn turn = {makes_io, RDV__TURN_SETTLE, NULL};
    rdv__loop_add_turn(loop, &turn);
    dispatch();
    drain_work();
    line_put(&line_inside, "x");
    ck_assert(has_work(AT_ONCE));
    dispatch();
    ck_assert_str_eq(story, "x");
    free_inside();
}
END_TEST

START_TEST(what_is_watched_in_the_last_turn_of_a_run_is_seen_by_who_polls_the_descriptor)
{
    line_open(&line_inside);
    struct rdv__turn turn = {makes_io, RDV__TURN_SETTLE, NULL};
    drain_work();
    rdv__loop_add_turn(loop, &turn);
    /* The one turn of this run is that in which it is stopped. */
    struct rdv__thread *thread = begin_thread(stop_later, NULL);
    ck_assert_int_eq(rdv_loop_run(loop), 0);
    rdv__thread_join(thread);
    drain_work();
    line_put(&line_inside, "x");
    ck_assert(has_work(AT_ONCE));
    free_inside();
}
END_TEST

START_TEST(work_that_run_leaves_behind_makes_the_descriptor_ready)
{
    add_turns();
    settle.again = true;
    rdv_timer *timer;
    ck_assert_int_eq(rdv_timer_new(loop, stop, NULL, &timer), 0);
    rdv_timer_start(timer, 0);
    ck_assert_int_eq(rdv_loop_run(loop), 0);
    ck_assert(has_work(0));
    rdv_timer_free(timer);
}
END_TEST

static struct rdv__io *own_io;

static void free_own_io(void *user)
{
    (void)user;
    note('i');
    rdv__io_free(own_io);
}

START_TEST(a_descriptor_is_watched_until_it_is_given_up_also_in_its_own_callback)
{
    struct line line;
    line_open(&line);
    line_put(&line, "ab");
    struct rdv__io *io;
    ck_assert_int_eq(rdv__io_new(loop, line.end, read_one, &line, &io), 0);
    drain_work();
    ck_assert_str_eq(story, "ab");
    rdv__io_free(io);

    line_put(&line, "c");
    ck_assert_int_eq(rdv__io_new(loop, line.end, free_own_io, NULL, &own_io), 0);
    drain_work();
    ck_assert_str_eq(story, "abi");
    rdv__io_free(NULL);
    line_close(&line);
}
END_TEST

static struct rdv__io *pair[2];

static void free_pair(void *user)
{
    (void)user;
    note('p');
    rdv__io_free(pair[0]);
    rdv__io_free(pair[1]);
}

START_TEST(a_descriptor_that_is_given_up_is_not_handled_even_if_it_was_ready_as_well)
{
    struct line lines[2];
    for (int i = 0; i < 2; i++) {
        line_open(&lines[i]);
        ck_assert_int_eq(rdv__io_new(loop, lines[i].end, free_pair, NULL, &pair[i]), 0);
    }
    drain_work();
    line_put(&lines[0], "x");
    line_put(&lines[1], "x");
    drain_work();
    ck_assert_str_eq(story, "p");
    line_close(&lines[0]);
    line_close(&lines[1]);
}
END_TEST

#define MANY_LINES 200

START_TEST(all_of_many_descriptors_that_are_ready_are_handled)
{
    struct line lines[MANY_LINES];
    struct rdv__io *ios[MANY_LINES];
    for (int i = 0; i < MANY_LINES; i++) {
        line_open(&lines[i]);
        ck_assert_int_eq(rdv__io_new(loop, lines[i].end, read_one, &lines[i], &ios[i]), 0);
    }
    drain_work();
    for (int i = 0; i < MANY_LINES; i++)
        line_put(&lines[i], "x");
    drain_work();
    ck_assert_uint_eq(strlen(story), MANY_LINES);
    for (int i = 0; i < MANY_LINES; i++) {
        rdv__io_free(ios[i]);
        line_close(&lines[i]);
    }
}
END_TEST

static void tell_ready(void *user)
{
    note(*(const char *)user);
}

START_TEST(a_descriptor_is_watched_for_what_is_asked_for_and_no_more)
{
    struct line line;
    struct rdv__io *io;
    line_open(&line);
    ck_assert_int_eq(rdv__io_new(loop, line.end, tell_ready, "r", &io), 0);
    drain_work();
    ck_assert_str_eq(story, "");

    /* There is room, and whoever polls the loop's descriptor sees it. */
    rdv__io_watch(io, true, true);
    ck_assert(has_work(0));
    dispatch();
    ck_assert_str_ne(story, "");
    ck_assert(has_work(0));

    rdv__io_watch(io, true, false);
    drain_work();
    story[0] = '\0';
    dispatch();
    ck_assert_str_eq(story, "");

    /* What nobody asks for costs nothing, however much is there. */
    rdv__io_watch(io, false, false);
    drain_work();
    line_put(&line, "x");
    drain_work();
    ck_assert_str_eq(story, "");
    rdv__io_watch(io, true, false);
    ck_assert(has_work(0));
    dispatch();
    ck_assert_str_ne(story, "");
    rdv__io_free(io);
    line_close(&line);
}
END_TEST

START_TEST(a_descriptor_that_ends_while_it_is_watched_for_nothing_keeps_nobody_busy)
{
    struct line line;
    struct rdv__io *io;
    line_open(&line);
    ck_assert_int_eq(rdv__io_new(loop, line.end, tell_ready, "r", &io), 0);
    rdv__io_watch(io, false, false);
    drain_work();
    line_break(&line);
    drain_work();
    ck_assert_str_eq(story, "");
    ck_assert(!has_work(LATE));
    rdv__io_watch(io, true, false);
    ck_assert(has_work(AT_ONCE));
    dispatch();
    ck_assert_str_ne(story, "");
    rdv__io_free(io);
    line_close(&line);
}
END_TEST

static struct rdv__io *failed_io;

/* Reads a byte at a time, and goes on watching as long as the descriptor gives something. */
static void read_to_the_end(void *user)
{
    char byte = line_take(user);
    note(byte);
    rdv__io_watch(failed_io, byte != '!', false);
}

START_TEST(a_descriptor_with_an_error_can_be_read_to_its_end)
{
    struct line line;
    line_open(&line);
    ck_assert_int_eq(rdv__io_new(loop, line.end, read_to_the_end, &line, &failed_io), 0);
    drain_work();
    line_put(&line, "abc");
    line_break(&line);
    ck_assert(has_work(AT_ONCE));
    drain_work();
    ck_assert_str_eq(story, "abc!");
    rdv__io_free(failed_io);
    line_close(&line);
}
END_TEST

START_TEST(an_error_of_a_descriptor_is_told_once)
{
#ifndef _WIN32
    struct line line;
    struct rdv__io *io;
    line_open(&line);
    ck_assert_int_eq(rdv__io_new(loop, line.end, tell_ready, "e", &io), 0);
    drain_work();
    line_break(&line);
    drain_work();
    ck_assert_str_eq(story, "e");
    rdv__io_free(io);
    line_close(&line);
#endif
}
END_TEST

START_TEST(a_descriptor_that_can_t_be_watched_is_refused)
{
    struct rdv__io *io;
    ck_assert_int_eq(rdv__io_new(loop, RDV__NO_DESCRIPTOR, stop, NULL, &io), RDV_EIO);
#ifndef _WIN32
    int regular = memfd_create("regular", MFD_CLOEXEC);
    ck_assert_int_eq(rdv__io_new(loop, regular, stop, NULL, &io), RDV_EIO);
    ck_assert_int_eq(rdv__io_new(loop, 987, stop, NULL, &io), RDV_EIO);
    close(regular);
#endif
}
END_TEST

/* ------------------------------------------------------------------ timers */

struct letter_timer {
    rdv_timer *timer;
    char letter;
    rdv_duration again; /* -1 = not again */
    rdv_timer *frees;
    rdv_timer *stops;
};

static void timer_tells(void *user)
{
    struct letter_timer *self = user;
    note(self->letter);
    if (self->frees)
        rdv_timer_free(self->frees);
    self->frees = NULL;
    rdv_timer_stop(self->stops);
    if (self->again >= 0 && strlen(story) < 20)
        rdv_timer_start(self->timer, self->again);
}

static void make_timer(struct letter_timer *timer, char letter)
{
    *timer = (struct letter_timer){.letter = letter, .again = -1};
    ck_assert_int_eq(rdv_timer_new(loop, timer_tells, timer, &timer->timer), 0);
}

#ifdef _WIN32
static void freeze_time(void)
{
    /* It stands still by itself for some 10 ms at a time. */
}
#else
static struct timespec frozen; /* the time that there is, unless it is 0 */

/* In place of the system's. */
int clock_gettime(clockid_t clock, struct timespec *now)
{
    if (frozen.tv_sec == 0)
        return (int)syscall(SYS_clock_gettime, clock, now);
    *now = frozen;
    return 0;
}

static void freeze_time(void)
{
    struct timespec now;
    ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    frozen = now;
}
#endif

START_TEST(timers_of_the_same_moment_fire_in_order_of_their_start)
{
    struct letter_timer timers[10];
    for (int i = 0; i < 10; i++)
        make_timer(&timers[i], (char)('0' + i));
    freeze_time();
    for (int i = 0; i < 10; i++)
        rdv_timer_start(timers[i * 3 % 10].timer, 0);
    ck_assert(has_work(1000));
    dispatch();
    ck_assert_str_eq(story, "0369258147");
    for (int i = 0; i < 10; i++)
        rdv_timer_free(timers[i].timer);
}
END_TEST

START_TEST(timers_fire_in_order_of_their_moment)
{
    struct letter_timer timers[40];
    for (int i = 0; i < 40; i++)
        make_timer(&timers[i], (char)('A' + i));
    /* Each counts from its own start, so that all of these have to come within less than what is between two moments. */
    rdv_duration begin, apart = RDV_MILLISECOND / 10;
    do {
        apart *= 10;
        ck_assert_int_lt(apart, 10 * RDV_SECOND);
        begin = rdv__plat_running();
        /* 7 and 40 have no common divisor: a shuffle. */
        for (int i = 0; i < 40; i++) {
            int k = i * 7 % 40;
            rdv_timer_start(timers[k].timer, (k + 1) * apart);
        }
    } while (rdv__plat_running() - begin >= apart);
    for (int i = 30; i < 40; i++)
        rdv_timer_stop(timers[i].timer);
    rdv_timer_stop(timers[5].timer);
    rdv_test_sleep((int)(45 * apart / RDV_MILLISECOND));
    drain_work();
    ck_assert_str_eq(story, "ABCDEGHIJKLMNOPQRSTUVWXYZ[\\]^");
    for (int i = 0; i < 40; i++)
        rdv_timer_free(timers[i].timer);
}
END_TEST

START_TEST(a_negative_duration_counts_as_none_and_a_huge_one_as_never)
{
    struct letter_timer soon, never;
    make_timer(&soon, 's');
    make_timer(&never, 'n');
    rdv_timer_start(never.timer, INT64_MAX);
    rdv_timer_start(soon.timer, INT64_MIN);
    ck_assert(has_work(1000));
    drain_work();
    ck_assert_str_eq(story, "s");
    rdv_timer_free(never.timer);
    rdv_timer_free(soon.timer);
}
END_TEST

START_TEST(a_timer_that_starts_itself_anew_at_once_gets_one_call_a_turn)
{
    struct letter_timer timer;
    make_timer(&timer, 't');
    timer.again = 0;
    rdv__loop_add_turn(loop, &commit.turn);
    freeze_time();
    rdv_timer_start(timer.timer, 0);
    ck_assert(has_work(1000));
    drain_work();
#ifdef _WIN32
    ck_assert_ptr_nonnull(strchr(strchr(story, 'c'), 't'));
#else
    ck_assert_int_eq(strncmp(story, "tctc", 4), 0);
#endif
    ck_assert_ptr_null(strstr(story, "tt"));
    rdv_timer_free(timer.timer);
}
END_TEST

START_TEST(starting_a_timer_anew_moves_it)
{
    struct letter_timer timer;
    make_timer(&timer, 't');
    rdv_timer_start(timer.timer, 0);
    rdv_timer_start(timer.timer, RDV_HOUR);
#ifdef _WIN32
    drain_work();
    ck_assert_str_eq(story, "");
#endif
    ck_assert(!has_work(0));
    rdv_timer_start(timer.timer, 0);
    ck_assert(has_work(1000));
    drain_work();
    ck_assert_str_eq(story, "t");
    rdv_timer_free(timer.timer);
}
END_TEST

START_TEST(a_timer_that_was_stopped_costs_no_wake_up)
{
    struct letter_timer timer;
    make_timer(&timer, 't');
    int64_t begin;
    do { /* before it is due */
        drain_work();
        begin = rdv_test_clock();
        rdv_timer_start(timer.timer, 5 * RDV_MILLISECOND);
        rdv_timer_stop(timer.timer);
    } while (rdv_test_clock() - begin > 2);
    ck_assert(!has_work(40));
    rdv_timer_free(timer.timer);
}
END_TEST

START_TEST(a_timer_may_be_freed_in_its_own_callback_and_others_stopped_there)
{
    struct letter_timer first, second;
    make_timer(&first, '1');
    make_timer(&second, '2');
    first.frees = first.timer;
    first.stops = second.timer;
    rdv_timer_start(first.timer, 0);
    rdv_timer_start(second.timer, 0);
    ck_assert(has_work(1000));
    drain_work();
    ck_assert_str_eq(story, "1");
    rdv_timer_free(second.timer);
}
END_TEST

START_TEST(a_timer_may_outlive_its_loop)
{
    struct letter_timer first, second;
    make_timer(&first, '1');
    make_timer(&second, '2');
    rdv_timer_start(first.timer, 0);
    tear_down();
    rdv_timer_start(first.timer, 0);
    rdv_timer_stop(first.timer);
    rdv_timer_free(first.timer);
    rdv_timer_free(second.timer);
    ck_assert_str_eq(story, "");
}
END_TEST

START_TEST(far_timers_and_alarms_cost_no_wake_up)
{
    struct letter_timer distant, before;
    struct rdv__alarm *alarm;
    make_timer(&distant, 'f');
    make_timer(&before, 'b');
    ck_assert_int_eq(rdv__alarm_new(loop, stop, NULL, &alarm), 0);
    rdv__alarm_set(alarm, RDV_TIME_MAX);
    rdv_timer_start(distant.timer, RDV_HOUR);
    /* A timer that was stopped before it was due must not wake either. */
    int64_t begin;
    do {
        drain_work();
        begin = rdv_test_clock();
        rdv_timer_start(before.timer, 30 * RDV_MILLISECOND);
        rdv_timer_stop(before.timer);
    } while (rdv_test_clock() - begin > 20);
    rdv__loop_add_turn(loop, &commit.turn);
    drain_work();
    story[0] = '\0';
    struct rdv__thread *thread = begin_thread(stop_later, NULL);
    ck_assert_int_eq(rdv_loop_run(loop), 0);
    rdv__thread_join(thread);
    ck_assert_str_eq(story, "c"); /* the turn of the stop */
    rdv__alarm_free(alarm);
    rdv_timer_free(distant.timer);
    rdv_timer_free(before.timer);
}
END_TEST

/* ------------------------------------------------------------------ alarms */

static bool clock_was_set; /* unseen, as far as a test can have it so */

#ifndef _WIN32
/* In place of the system's, to say that the clock was set, as it does when that has happened unseen. */
int timerfd_settime(int fd, int flags, const struct itimerspec *when, struct itimerspec *old)
{
    long result = syscall(SYS_timerfd_settime, fd, flags, when, old);
    if (result == 0 && clock_was_set && (flags & TFD_TIMER_CANCEL_ON_SET) != 0) {
        clock_was_set = false;
        errno = ECANCELED;
        return -1;
    }
    return (int)result;
}
#endif

static void alarm_tells(void *user)
{
    note(*(const char *)user);
}

static void alarm_tells_when(void *user)
{
    ck_assert_int_ge(rdv_time_now(), *(const rdv_time *)user);
    note('a');
}

START_TEST(an_alarm_goes_off_once_when_the_clock_has_come_to_its_moment)
{
    struct rdv__alarm *alarm;
    rdv_time when = rdv_time_now() + 20 * RDV_MILLISECOND;
    int64_t end = rdv_test_clock() + 20000;
    ck_assert_int_eq(rdv__alarm_new(loop, alarm_tells_when, &when, &alarm), 0);
    rdv__alarm_set(alarm, when);
    while (!*story && rdv_test_clock() < end) {
        has_work(100);
        dispatch();
    }
    drain_work();
    ck_assert_str_eq(story, "a");
    rdv__alarm_free(alarm);
}
END_TEST

START_TEST(an_alarm_for_a_moment_that_has_passed_goes_off_at_once)
{
    struct rdv__alarm *alarm;
    ck_assert_int_eq(rdv__alarm_new(loop, alarm_tells, "a", &alarm), 0);
    drain_work();
    rdv_time before = rdv_time_now() - RDV_HOUR;
    rdv__alarm_set(alarm, before);
    rdv__alarm_set(alarm, before);
    ck_assert(has_work(1000));
    drain_work();
    rdv__alarm_set(alarm, 1); /* in the year 1601 */
    ck_assert(has_work(1000));
    drain_work();
    ck_assert_str_eq(story, "aa");
    rdv__alarm_free(alarm);
}
END_TEST

START_TEST(an_alarm_that_was_switched_off_or_freed_stays_silent)
{
    struct rdv__alarm *alarm, *other;
    ck_assert_int_eq(rdv__alarm_new(loop, alarm_tells, "a", &alarm), 0);
    ck_assert_int_eq(rdv__alarm_new(loop, alarm_tells, "b", &other), 0);
    rdv__alarm_set(alarm, rdv_time_now());
    rdv__alarm_set(other, rdv_time_now());
    rdv__alarm_set(alarm, 0);
    rdv__alarm_free(other);
    drain_work();
    ck_assert(!has_work(20));
    ck_assert_str_eq(story, "");
    rdv__alarm_free(alarm);
    rdv__alarm_free(NULL);
}
END_TEST

START_TEST(an_alarm_hears_of_a_change_of_the_clock_that_came_between_and_stays_set)
{
    struct rdv__alarm *alarm, *other;
    ck_assert_int_eq(rdv__alarm_new(loop, alarm_tells, "a", &alarm), 0);
    ck_assert_int_eq(rdv__alarm_new(loop, alarm_tells, "b", &other), 0);
    rdv__alarm_set(other, rdv_time_now() + RDV_HOUR);
    drain_work();
    /* Long enough for this process to get to see the one before the other. */
    rdv_time when;
    rdv_duration wait = 20 * RDV_MILLISECOND;
    for (;; wait *= 10) {
        ck_assert_int_lt(wait, RDV_MINUTE);
        story[0] = '\0';
        clock_was_set = true;
        when = rdv_time_now() + wait;
        rdv__alarm_set(alarm, when);
        ck_assert_str_eq(story, "");
        ck_assert(has_work(0));
        dispatch();
        if (rdv_time_now() < when)
            break;
        drain_work();
    }
    ck_assert_str_eq(story, "a");
    ck_assert(has_work(5000 + (int)(wait / RDV_MILLISECOND)));
    drain_work();
    ck_assert_str_eq(story, "aa");
    rdv__alarm_free(alarm);
    rdv__alarm_free(other);
}
END_TEST

START_TEST(an_alarm_that_is_off_hears_of_no_change_of_the_clock)
{
    struct rdv__alarm *alarm;
    ck_assert_int_eq(rdv__alarm_new(loop, alarm_tells, "a", &alarm), 0);
    clock_was_set = true;
    rdv__alarm_set(alarm, rdv_time_now() + RDV_HOUR);
    clock_was_set = true;
    rdv__alarm_set(alarm, 0);
    drain_work();
    ck_assert_str_eq(story, "");
    rdv__alarm_free(alarm);
}
END_TEST

START_TEST(setting_the_system_s_clock_is_told_to_alarms_at_once)
{
#ifndef _WIN32
    struct rdv__alarm *alarm;
    ck_assert_int_eq(rdv__alarm_new(loop, alarm_tells, "a", &alarm), 0);
    rdv__alarm_set(alarm, rdv_time_now() + RDV_HOUR);
    drain_work();
    for (int i = 0; i < 2; i++) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        now.tv_nsec -= now.tv_nsec > 0; /* not even a microsecond */
        ck_assert_int_eq(clock_settime(CLOCK_REALTIME, &now), 0);
        ck_assert(has_work(1000));
        drain_work();
    }
    ck_assert_str_eq(story, "aa");
    rdv__alarm_free(alarm);
#endif
}
END_TEST

/* -------------------------------------------------------- threads and locks */

static struct rdv__mutex *mutex;
static int guarded;

static void count_guarded(void *user)
{
    (void)user;
    for (int i = 0; i < 1000; i++) {
        rdv__mutex_lock(mutex);
        guarded++;
        rdv__mutex_unlock(mutex);
    }
}

START_TEST(threads_and_locks_do_what_they_say)
{
    struct rdv__thread *threads[3];
    ck_assert_int_eq(rdv__mutex_new(&mutex), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(rdv__thread_new(count_guarded, NULL, &threads[i]), 0);
    for (int i = 0; i < 3; i++)
        rdv__thread_join(threads[i]);
    ck_assert_int_eq(guarded, 3000);
    rdv__mutex_free(mutex);
    rdv__mutex_free(NULL);
    rdv__thread_join(NULL);
}
END_TEST

static TCase *add_case(Suite *suite, const char *name)
{
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    return tcase;
}

#ifndef _WIN32

/* In a process that has had no loop: what a library has once for all is made with the first. */
static int first_loop_with(rlim_t descriptors)
{
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit = {descriptors, descriptors};
        rdv_loop *first = NULL;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
            _exit(99);
        _exit(-rdv_loop_new(&first));
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status), "with %d descriptors: signal %d", (int)descriptors,
                  WTERMSIG(status));
    return -WEXITSTATUS(status);
}

#endif

START_TEST(a_loop_that_lacks_descriptors_is_an_error_and_not_the_end)
{
#ifndef _WIN32
    int refused = 0, result = RDV_EIO;
    for (rlim_t descriptors = 0; descriptors < 64; descriptors++) {
        result = first_loop_with(descriptors);
        ck_assert(result == 0 || result == RDV_ERESOURCES || result == RDV_ENOMEM);
        refused += result != 0;
    }
    ck_assert_int_eq(result, 0);
    ck_assert_int_gt(refused, 0);
#endif
}
END_TEST

int main(void)
{
#ifdef _WIN32
    const char *no_limits = "no limit to handles can be set on Windows";
    const char *not_told = "Windows moves a timer along when the clock is set, and tells nobody";
    const char *no_setting = not_told;
#else
    const char *no_limits = NULL, *not_told = NULL;
    const char *no_setting = getenv("RDV_TEST_SET_CLOCK") && geteuid() == 0
                                 ? NULL
                                 : "sets the system's clock: only with RDV_TEST_SET_CLOCK, as root";
#endif
    Suite *suite = suite_create("loop");

    TCase *turns = add_case(suite, "turns");
    tcase_add_test(turns, a_turn_handles_posts_then_decides_commits_and_settles);
    tcase_add_test(turns, hooks_of_a_phase_run_in_the_order_in_which_they_were_added);
    tcase_add_test(turns, a_hook_may_remove_itself_and_others);
    tcase_add_test(turns, again_takes_another_turn_at_once);
    tcase_add_test(turns,
                   a_hook_that_asks_for_turns_without_end_holds_up_neither_dispatch_nor_input);

    TCase *posts = add_case(suite, "posts");
    tcase_add_test(posts, posts_keep_their_order);
    tcase_add_test(posts, a_post_may_be_posted_again_from_its_function_for_the_next_turn);
    tcase_add_test(posts, posts_that_wait_when_the_loop_is_freed_are_dropped);

    TCase *calls = add_case(suite, "calls");
    tcase_add_test(calls, a_call_from_another_thread_is_answered_after_its_commit);
    tcase_add_test(calls, an_error_of_the_commit_is_the_result_of_calls_that_went_well_themselves);
    tcase_add_test(calls, an_error_of_another_phase_is_no_call_s_result);
    tcase_add_test(calls, calls_that_come_together_share_one_commit);
    tcase_add_test(calls, a_call_on_the_owner_thread_runs_and_commits_at_once_but_settles_nothing);
    tcase_add_test(calls, a_call_on_the_owner_thread_gives_its_own_error_before_the_commit_s);
    tcase_add_test(calls, a_call_inside_a_settler_commits_and_comes_back);
    tcase_add_test(calls, a_commit_that_fails_early_in_a_turn_is_told_to_the_calls_before_it);
    tcase_add_test(calls, calls_that_wait_when_the_loop_is_freed_are_told_of_the_shutdown);

    TCase *running = add_case(suite, "running");
    tcase_add_test(running, stop_before_run_makes_run_return_at_once_and_only_once);
    tcase_add_test(running, stop_finishes_the_turn_that_is_under_way);
    tcase_add_test(running, stop_from_inside_a_turn_makes_no_work);
    tcase_add_test(running, a_loop_that_is_run_can_t_be_run_again_inside);
    tcase_add_test(running, a_loop_with_a_thread_can_t_be_run_by_others_and_has_another_owner);
    tcase_add_test(running, who_runs_the_loop_owns_it);
    tcase_add_test(running, many_threads_may_post_call_and_stop_while_the_loop_runs);
    tcase_add_test(running, many_threads_may_call_a_loop_that_has_a_thread);
    tcase_add_test(running, public_functions_refuse_what_is_not_there);
    tcase_add_test(running, a_loop_leaves_no_descriptor_behind_and_takes_none_below_4_of_its_own);

    rdv_test_add_unless(running, a_host_without_descriptors_left_gets_no_loop_but_an_error,
                        no_limits);

    TCase *first = tcase_create("first"); /* with no loop before it */
    rdv_test_add_unless(first, a_loop_that_lacks_descriptors_is_an_error_and_not_the_end,
                        no_limits ? no_limits
                                  : rdv_test_under_valgrind(RDV_TEST_VALGRIND_DESCRIPTORS));
    suite_add_tcase(suite, first);

    TCase *descriptor = add_case(suite, "descriptor");
    tcase_add_test(descriptor, an_idle_loop_s_descriptor_is_not_ready);
    tcase_add_test(descriptor, whatever_makes_work_makes_the_descriptor_ready);
    tcase_add_test(descriptor,
                   what_is_watched_from_inside_a_turn_is_seen_by_who_polls_the_descriptor);
    tcase_add_test(descriptor,
                   what_is_watched_in_the_last_turn_of_a_run_is_seen_by_who_polls_the_descriptor);
    tcase_add_test(descriptor, work_that_run_leaves_behind_makes_the_descriptor_ready);
    tcase_add_test(descriptor,
                   a_descriptor_is_watched_until_it_is_given_up_also_in_its_own_callback);
    tcase_add_test(descriptor,
                   a_descriptor_that_is_given_up_is_not_handled_even_if_it_was_ready_as_well);
    tcase_add_test(descriptor, all_of_many_descriptors_that_are_ready_are_handled);
    tcase_add_test(descriptor,
                   a_descriptor_that_ends_while_it_is_watched_for_nothing_keeps_nobody_busy);
    tcase_add_test(descriptor, a_descriptor_is_watched_for_what_is_asked_for_and_no_more);
    tcase_add_test(descriptor, a_descriptor_with_an_error_can_be_read_to_its_end);
    tcase_add_test(descriptor, an_error_of_a_descriptor_is_told_once);
    tcase_add_test(descriptor, a_descriptor_that_can_t_be_watched_is_refused);

    TCase *timers = add_case(suite, "timers");
    tcase_add_test(timers, timers_fire_in_order_of_their_moment);
    tcase_add_test(timers, timers_of_the_same_moment_fire_in_order_of_their_start);
    tcase_add_test(timers, a_timer_that_was_stopped_costs_no_wake_up);
    tcase_add_test(timers, a_negative_duration_counts_as_none_and_a_huge_one_as_never);
    tcase_add_test(timers, a_timer_that_starts_itself_anew_at_once_gets_one_call_a_turn);
    tcase_add_test(timers, starting_a_timer_anew_moves_it);
    tcase_add_test(timers, a_timer_may_be_freed_in_its_own_callback_and_others_stopped_there);
    tcase_add_test(timers, a_timer_may_outlive_its_loop);
    tcase_add_test(timers, far_timers_and_alarms_cost_no_wake_up);

    TCase *alarms = add_case(suite, "alarms");
    tcase_add_test(alarms, an_alarm_goes_off_once_when_the_clock_has_come_to_its_moment);
    tcase_add_test(alarms, an_alarm_for_a_moment_that_has_passed_goes_off_at_once);
    tcase_add_test(alarms, an_alarm_that_was_switched_off_or_freed_stays_silent);
    rdv_test_add_unless(
        alarms, an_alarm_hears_of_a_change_of_the_clock_that_came_between_and_stays_set, not_told);
    rdv_test_add_unless(alarms, an_alarm_that_is_off_hears_of_no_change_of_the_clock, not_told);
    rdv_test_add_unless(alarms, setting_the_system_s_clock_is_told_to_alarms_at_once, no_setting);

    TCase *threads = add_case(suite, "threads");
    tcase_add_test(threads, threads_and_locks_do_what_they_say);

    return rdv_test_main(suite);
}
