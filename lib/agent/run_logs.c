/* SPDX-License-Identifier: MIT */
/*
 * The folder with the logs of runs, and the budget for all of them. output.c opens a file here for
 * each run that prints something, and takes room for it; command_run_state.c has old logs deleted
 * as runs end. The files are counted by rows of the store, so that a run costs the same however
 * many there are.
 *
 * When the agent starts, files and rows are brought to agree:
 *
 *     READING -> JUDGING -> SETTLING -> CHECKING -> done
 *        ^                      |
 *        +--- there are more ---+
 *
 * READING finds files of ended runs that have no row. JUDGING looks for their runs in the history.
 * SETTLING gives them rows, or deletes them if the history does not know the run any more. CHECKING
 * looks for the file of each row. All of it is done in slices, each in a turn of its own and
 * bounded in number and in time; most of the time is left to the tasks.
 */
#include "agent/run_logs.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "platform/folder.h"
#include "platform/platform.h"
#include "store/log_sizes.h"
#include "store/records.h"
#include "store/store.h"

/* The mark: a number of the store's own, and its path. */
#define MARK_NAME "store"
#define MARK_MAX  65536
/* How long that number is, with the space after it. */
#define MARK_NUMBER ((size_t)17)

/* The unit in which files are counted, in bytes; each file counts as at least one. */
#define PAGE 4096

/* How many files, rows or entries one slice looks at, and for how long, at most; and how many files
 * are deleted at most in the commit that ends a run. */
#define SLICE_MAX  256
#define SLICE_TIME (2 * RDV_MILLISECOND)
#define ALONG_MAX  16

/* After a slice, this many times the time that it took is left to the tasks. */
#define SLICE_REST 4

/* How many files without a row are looked at in one round. */
#define UNKNOWN_MAX 1024

/* When the budget is full, a part of it is freed at once, so that it is not full again with the
 * next run. */
#define SPARE_PART 16

enum phase { READING, JUDGING, SETTLING, CHECKING, DONE };

struct unknown {
    int64_t run, taken;
    bool finished;
};

struct rdv__logs {
    rdv_loop *loop;
    rdv_store *store;
    rdv_log log;
    rdv_timer *timer;
    int64_t run_bytes, total_bytes;
    /* Bytes of files that are being written. */
    int64_t open_bytes;
    /* The folder is known to be this store's. */
    bool marked;
    /* The timer is started. */
    bool busy;

    enum phase phase;
    /* Open until the phase is DONE; NULL = there is none. */
    struct rdv__plat_logs *folder;
    struct unknown *unknown;
    size_t count, room, at;
    /* There are more files than fit in a round. */
    bool more;
    /* For JUDGING: how far it has got in the history. */
    int64_t change;
    /* For CHECKING: the run of the last row. */
    int64_t last;

    char directory[];
};

/* ------------------------------------------------------------------- names */

static void make_name(int64_t run, char name[RDV__LOG_NAME_SIZE])
{
    snprintf(name, RDV__LOG_NAME_SIZE, "%" PRId64 ".log", run);
}

/* Find the run that a file is named after. Only a name that rdvtask itself would have chosen is
 * accepted. */
static bool parse_name(const char *name, int64_t *ret_run)
{
    char same[RDV__LOG_NAME_SIZE];
    int64_t run = strtoll(name, NULL, 10);
    make_name(run, same);
    *ret_run = run;
    return run != 0 && strcmp(name, same) == 0;
}

int64_t rdv__logs_rounded(int64_t bytes)
{
    return bytes <= PAGE ? PAGE : (bytes + PAGE - 1) / PAGE * PAGE;
}

/* ---------------------------------------------------------------- the mark */

/* Get the number of the store, which is drawn once. */
static int get_own_number(struct rdv__logs *logs, int64_t *ret_number)
{
    static const char name[] = "logs";
    int64_t number;
    int result = rdv__record_get_number(logs->store, name, ret_number);
    if (result != RDV_ENOTFOUND)
        return result;
    result = rdv__plat_random(&number, sizeof number);
    if (!result)
        result = rdv__store_stage(logs->store);
    if (result)
        return result;
    result = rdv__record_set_number(logs->store, name, number);
    if (result)
        return rdv__store_fail(logs->store, result);
    *ret_number = number;
    return 0;
}

/* Make the line "NUMBER PATH". The caller frees it with free(). */
static char *make_mark(const struct rdv__logs *logs, int64_t number)
{
    const char *path = rdv__store_path(logs->store);
    const size_t size = MARK_NUMBER + strlen(path ? path : "") + sizeof "\n";
    char *text = malloc(size);
    if (text)
        snprintf(text, size, "%016" PRIx64 " %s\n", (uint64_t)number, path ? path : "");
    return text;
}

/*
 * Whether a mark belongs to another store that still exists. It does not if it has the number of
 * this store, wherever that was moved to; nor if it has the path of this store, which has taken the
 * other's place then. A mark that was not written completely says nothing.
 */
static bool is_of_another_store(char *theirs, const char *ours)
{
    const size_t size = strlen(theirs);
    if (size <= MARK_NUMBER || theirs[size - 1] != '\n' ||
        strncmp(theirs, ours, MARK_NUMBER) == 0 ||
        strcmp(theirs + MARK_NUMBER, ours + MARK_NUMBER) == 0)
        return false;
    theirs[size - 1] = '\0';
    bool there = rdv__folder_has(theirs + MARK_NUMBER);
    theirs[size - 1] = '\n';
    return there;
}

static int read_mark(const struct rdv__logs *logs, char **ret_text, struct rdv_error *error)
{
    const size_t size = strlen(logs->directory) + sizeof "/" MARK_NAME;
    char *path = malloc(size);
    size_t length;
    if (!path)
        return rdv__fail(error, RDV_ENOMEM, "%s", rdv_strerror(RDV_ENOMEM));
    snprintf(path, size, "%s/%s", logs->directory, MARK_NAME);
    int result = rdv__plat_read_file(path, MARK_MAX, ret_text, &length, error);
    free(path);
    return result;
}

static int write_mark(struct rdv__plat_logs *folder, const char *text, struct rdv_error *error)
{
    rdv__file file;
    int result = rdv__plat_log_open(folder, MARK_NAME, true, &file, error);
    if (result)
        return result;
    result = rdv__plat_log_write(file, text, strlen(text));
    rdv__plat_log_close(file);
    return result
               ? rdv__fail(error, result, "cannot write '%s': %s", MARK_NAME, rdv_strerror(result))
               : 0;
}

/* Mark the folder as this store's, unless it is another's. */
static int mark_folder(struct rdv__logs *logs, struct rdv__plat_logs *folder,
                       struct rdv_error *error)
{
    int64_t number;
    char *theirs = NULL, *ours = NULL;
    if (logs->marked)
        return 0;
    int result = get_own_number(logs, &number);
    if (result)
        return rdv__fail(error, result, "%s", rdv_store_message(logs->store));
    ours = make_mark(logs, number);
    if (!ours)
        return rdv__fail(error, RDV_ENOMEM, "%s", rdv_strerror(RDV_ENOMEM));
    result = read_mark(logs, &theirs, error);
    if (!result && is_of_another_store(theirs, ours))
        result = rdv__fail(error, RDV_EBUSY,
                           "it has the logs of the store that its file '%s' names", MARK_NAME);
    else if (result == RDV_ENOTFOUND || (!result && strcmp(theirs, ours) != 0))
        result = write_mark(folder, ours, error);
    free(theirs);
    free(ours);
    logs->marked = result == 0;
    return result;
}

static int open_folder(struct rdv__logs *logs, bool make, struct rdv__plat_logs **ret_folder,
                       struct rdv_error *error)
{
    struct rdv__plat_logs *folder;
    int result = rdv__plat_logs_open(logs->directory, make, &folder, error);
    if (result)
        return result;
    result = mark_folder(logs, folder, error);
    if (result)
        rdv__plat_logs_close(folder);
    else
        *ret_folder = folder;
    return result;
}

/* ------------------------------------------------------------------ budget */

static void work_soon(struct rdv__logs *logs)
{
    logs->busy = true;
    rdv_timer_start(logs->timer, 0);
}

static void log_trouble(const struct rdv__logs *logs, const char *doing, const char *words)
{
    rdv__log(&logs->log, RDV_LOG_WARNING, "cannot %s the logs in %s: %s", doing, logs->directory,
             words);
}

/* Whether so many more bytes would exceed the budget. */
static bool exceeds_budget(struct rdv__logs *logs, int64_t bytes)
{
    int64_t sum;
    return rdv__log_sum(logs->store, &sum) == 0 &&
           sum > logs->total_bytes - logs->open_bytes - bytes;
}

/* Whether no log has a row: each row counts for something. An agent that has no logs need not read
 * their pages. */
static bool has_no_rows(struct rdv__logs *logs)
{
    int64_t sum;
    return rdv__log_sum(logs->store, &sum) == 0 && sum == 0;
}

/* Find the log that is to be deleted next. RDV_ENOTFOUND if there is none, or an error. */
static int find_next_to_delete(struct rdv__logs *logs, int64_t bytes, int64_t *ret_run)
{
    if (has_no_rows(logs))
        return RDV_ENOTFOUND;
    int result = rdv__log_unwanted(logs->store, ret_run);
    if (result != RDV_ENOTFOUND)
        return result;
    return exceeds_budget(logs, bytes) ? rdv__log_oldest(logs->store, ret_run) : RDV_ENOTFOUND;
}

/* A file that can't be deleted loses its row all the same, or it would be in the way of all others;
 * the next agent counts it again. */
static int remove_log(struct rdv__logs *logs, struct rdv__plat_logs *folder, int64_t run)
{
    char name[RDV__LOG_NAME_SIZE];
    make_name(run, name);
    int result = folder ? rdv__plat_log_delete(folder, name) : RDV_ENOTFOUND;
    if (result && result != RDV_ENOTFOUND)
        rdv__log(&logs->log, RDV_LOG_WARNING, "cannot delete %s in %s: %s", name, logs->directory,
                 rdv_strerror(result));
    return rdv__log_delete(logs->store, run);
}

/*
 * Delete logs, at most so many and for no longer than a slice: those that the history has
 * forgotten, and others until so many bytes more fit. Returns 0 if none is left to be deleted, 1 if
 * there may be more, or an error, which was logged.
 */
static int delete_unwanted(struct rdv__logs *logs, int64_t bytes, int most)
{
    const rdv_duration until = rdv__plat_running() + SLICE_TIME;
    struct rdv__plat_logs *folder = NULL;
    struct rdv_error error = {0};
    int64_t run;
    int result = find_next_to_delete(logs, bytes, &run);
    if (result)
        return result == RDV_ENOTFOUND ? 0 : result;
    result = open_folder(logs, false, &folder, &error);
    if (result && result != RDV_ENOTFOUND) {
        log_trouble(logs, "delete", error.text);
        return result;
    }
    result = rdv__store_stage(logs->store);
    if (result)
        goto out;
    /* Once the budget is used up, somewhat more is deleted, so that this is not done again for each
     * run. */
    if (exceeds_budget(logs, bytes))
        bytes += logs->total_bytes / SPARE_PART;
    do
        result = find_next_to_delete(logs, bytes, &run);
    while (!result && !(result = remove_log(logs, folder, run)) && --most > 0 &&
           rdv__plat_running() < until);
    if (result && result != RDV_ENOTFOUND)
        result = rdv__store_fail(logs->store, result);
    else
        result = result == RDV_ENOTFOUND ? 0 : 1;
out:
    rdv__plat_logs_close(folder);
    return result;
}

bool rdv__logs_take(struct rdv__logs *logs, int64_t bytes)
{
    /*
     * If more is to be deleted than can be at once, it is enough that there is room for this file.
     */
    if (exceeds_budget(logs, bytes) && delete_unwanted(logs, bytes, SLICE_MAX) == 1 && !logs->busy)
        work_soon(logs);
    if (exceeds_budget(logs, bytes))
        return false;
    logs->open_bytes += bytes;
    return true;
}

void rdv__logs_give_back(struct rdv__logs *logs, int64_t bytes)
{
    assert(bytes <= logs->open_bytes);
    logs->open_bytes -= bytes;
}

void rdv__logs_tidy(struct rdv__logs *logs)
{
    if (delete_unwanted(logs, 0, ALONG_MAX) == 1 && !logs->busy)
        work_soon(logs);
}

/* --------------------------------------------------------- the file of a run */

void rdv__logs_trouble(const struct rdv__logs *logs, int64_t run, const char *doing, int result)
{
    char name[RDV__LOG_NAME_SIZE];
    make_name(run, name);
    rdv__log(&logs->log, RDV_LOG_WARNING, "cannot %s %s in %s: %s", doing, name, logs->directory,
             rdv_strerror(result));
}

int64_t rdv__logs_run_bytes(const struct rdv__logs *logs)
{
    return logs->run_bytes;
}

int rdv__logs_open(struct rdv__logs *logs, int64_t run, bool again, rdv__file *ret_file)
{
    char name[RDV__LOG_NAME_SIZE];
    struct rdv__plat_logs *folder;
    struct rdv_error error = {0};
    make_name(run, name);
    int result = open_folder(logs, true, &folder, &error);
    if (!result) {
        result = rdv__plat_log_open(folder, name, !again, ret_file, &error);
        rdv__plat_logs_close(folder);
    }
    if (result)
        rdv__log(&logs->log, RDV_LOG_WARNING, "cannot open %s in %s: %s", name, logs->directory,
                 error.text[0] ? error.text : rdv_strerror(result));
    return result;
}

/* Tell how much of the disk the file of a run takes. RDV_ENOTFOUND also for a file that can't be
 * looked at, or is not one of ours. */
static int read_taken(struct rdv__logs *logs, int64_t run, int64_t *ret_taken)
{
    char name[RDV__LOG_NAME_SIZE];
    struct rdv__plat_logs *folder;
    make_name(run, name);
    if (open_folder(logs, false, &folder, NULL))
        return RDV_ENOTFOUND;
    int result = rdv__plat_log_look(folder, name, ret_taken);
    rdv__plat_logs_close(folder);
    return result ? RDV_ENOTFOUND : 0;
}

int rdv__logs_put(struct rdv__logs *logs, int64_t run, int64_t taken)
{
    if (taken < 0 && read_taken(logs, run, &taken))
        return 0;
    return rdv__log_put(logs->store, run, rdv__logs_rounded(taken));
}

/* ------------------------------------------------------- files without rows */

static int add_unknown(struct rdv__logs *logs, int64_t run, int64_t taken)
{
    if (logs->count == logs->room) {
        size_t room = logs->room > 0 ? 2 * logs->room : 64;
        struct unknown *larger = realloc(logs->unknown, room * sizeof *larger);
        if (!larger)
            return RDV_ENOMEM;
        logs->unknown = larger;
        logs->room = room;
    }
    logs->unknown[logs->count++] = (struct unknown){.run = run, .taken = taken};
    return 0;
}

static int by_run(const void *a, const void *b)
{
    const struct unknown *left = a, *right = b;
    return left->run < right->run ? -1 : left->run > right->run;
}

/* Remember a file that has no row. Files of runs that have not ended get theirs when these end. */
static int consider_file(struct rdv__logs *logs, const char *name)
{
    int64_t run, taken;
    if (!parse_name(name, &run))
        return 0;
    int result = rdv__log_get(logs->store, run, &taken);
    if (result == RDV_ENOTFOUND)
        result = rdv__record_is_unfinished(logs->store, run);
    if (result == RDV_ENOTFOUND && rdv__plat_log_look(logs->folder, name, &taken) == 0)
        return add_unknown(logs, run, taken);
    return result == RDV_ENOTFOUND ? 0 : result;
}

static int read_next_file(struct rdv__logs *logs)
{
    char name[RDV__LOG_NAME_SIZE];
    int result = 1;
    if (logs->count < UNKNOWN_MAX)
        result = rdv__plat_logs_next(logs->folder, name);
    if (result < 0)
        return result;
    if (result == 1 && logs->count < UNKNOWN_MAX)
        return consider_file(logs, name);
    logs->more = result == 1;
    if (logs->count > 0)
        qsort(logs->unknown, logs->count, sizeof *logs->unknown, by_run);
    logs->phase = logs->count > 0 ? JUDGING : CHECKING;
    logs->change = 0;
    return 0;
}

static int judge_some_runs(struct rdv__logs *logs)
{
    int64_t numbers[SLICE_MAX];
    size_t count;
    int result = rdv__record_finished(logs->store, &logs->change, numbers, SLICE_MAX, &count);
    for (size_t i = 0; !result && i < count; i++) {
        const struct unknown key = {.run = numbers[i]};
        struct unknown *found = bsearch(&key, logs->unknown, logs->count, sizeof key, by_run);
        if (found)
            found->finished = true;
    }
    if (!result && count < SLICE_MAX)
        logs->phase = SETTLING;
    return result;
}

/* Whether to keep a file. If the history can't tell, as for a store in memory, the file is left to
 * the budget. */
static bool is_kept(const struct rdv__logs *logs, const struct unknown *unknown)
{
    return unknown->finished || unknown->run < 0 || !rdv__store_path(logs->store);
}

static int settle_next_file(struct rdv__logs *logs)
{
    if (logs->at == logs->count) {
        logs->phase = logs->more ? READING : CHECKING;
        logs->count = logs->at = 0;
        return 0;
    }
    const struct unknown *unknown = &logs->unknown[logs->at];
    int64_t taken;
    /* The run may have ended since. */
    int result = rdv__log_get(logs->store, unknown->run, &taken);
    if (result == RDV_ENOTFOUND)
        result = rdv__store_stage(logs->store);
    else if (!result)
        goto out;
    if (!result && is_kept(logs, unknown))
        result = rdv__log_put(logs->store, unknown->run, rdv__logs_rounded(unknown->taken));
    else if (!result) {
        char name[RDV__LOG_NAME_SIZE];
        make_name(unknown->run, name);
        /* A file that can't be deleted is counted; deleting it is tried again when it is among the
         * oldest. */
        if (rdv__plat_log_delete(logs->folder, name) != 0)
            result = rdv__log_put(logs->store, unknown->run, rdv__logs_rounded(unknown->taken));
    }
    if (result)
        return rdv__store_fail(logs->store, result);
out:
    logs->at++;
    return 0;
}

/* ------------------------------------------------------- rows without files */

static int check_next_row(struct rdv__logs *logs)
{
    int64_t run, bytes, taken = 0;
    char name[RDV__LOG_NAME_SIZE];
    int result =
        has_no_rows(logs) ? RDV_ENOTFOUND : rdv__log_next(logs->store, logs->last, &run, &bytes);
    if (result == RDV_ENOTFOUND) {
        logs->phase = DONE;
        return 0;
    }
    if (result)
        return result;
    logs->last = run;
    make_name(run, name);
    int looked = logs->folder ? rdv__plat_log_look(logs->folder, name, &taken) : RDV_ENOTFOUND;
    if (looked == 0 && rdv__logs_rounded(taken) == bytes)
        return 0;
    result = rdv__store_stage(logs->store);
    if (result)
        return result;
    /* A file that has another owner now is not a log of ours. */
    result = looked == 0 ? rdv__log_put(logs->store, run, rdv__logs_rounded(taken))
                         : rdv__log_delete(logs->store, run);
    return result ? rdv__store_fail(logs->store, result) : 0;
}

/* ------------------------------------------------------------------ slices */

static void finish_counting(struct rdv__logs *logs)
{
    logs->phase = DONE;
    free(logs->unknown);
    logs->unknown = NULL;
    logs->count = logs->room = 0;
    rdv__plat_logs_close(logs->folder);
    logs->folder = NULL;
}

static int work_a_slice(struct rdv__logs *logs)
{
    const rdv_duration until = rdv__plat_running() + SLICE_TIME;
    int result = 0;
    for (int i = 0; i < SLICE_MAX && !result && logs->phase != DONE; i++) {
        switch (logs->phase) {
        case READING:
            result = read_next_file(logs);
            break;
        case JUDGING:
            result = judge_some_runs(logs);
            break;
        case SETTLING:
            result = settle_next_file(logs);
            break;
        default:
            result = check_next_row(logs);
            break;
        }
        if (rdv__plat_running() >= until)
            break;
    }
    return result;
}

/* What fails now is left to the next agent. */
static void work_a_turn(void *user)
{
    struct rdv__logs *logs = user;
    const rdv_duration began = rdv__plat_running();
    if (logs->phase != DONE) {
        int result = work_a_slice(logs);
        if (result)
            log_trouble(logs, "count", rdv_strerror(result));
        if (result || logs->phase == DONE)
            finish_counting(logs);
        logs->busy = true; /* The budget comes afterwards. */
    } else {
        logs->busy = delete_unwanted(logs, 0, SLICE_MAX) == 1;
    }
    if (logs->busy)
        rdv_timer_start(logs->timer, SLICE_REST * (rdv__plat_running() - began));
}

bool rdv__logs_are_busy(const struct rdv__logs *logs)
{
    return logs->busy;
}

/* ------------------------------------------------------------ new and free */

/* A missing folder is made for the first output. One that can't be used is logged now, and then
 * with each run. */
static void begin_counting(struct rdv__logs *logs)
{
    struct rdv_error error = {0};
    int result = open_folder(logs, false, &logs->folder, &error);
    if (!result)
        result = rdv__plat_logs_begin(logs->folder);
    if (result && result != RDV_ENOTFOUND) {
        log_trouble(logs, "keep", error.text[0] ? error.text : rdv_strerror(result));
        finish_counting(logs);
        return;
    }
    logs->phase = result ? CHECKING : READING;
    logs->last = INT64_MIN;
    work_soon(logs);
}

int rdv__logs_new(rdv_loop *loop, rdv_store *store, const struct rdv__logs_options *options,
                  struct rdv__logs **ret_logs)
{
    size_t size = strlen(options->directory) + 1;
    struct rdv__logs *logs = calloc(1, sizeof *logs + size);
    if (!logs)
        return RDV_ENOMEM;
    logs->loop = loop;
    logs->store = store;
    logs->log = options->log;
    logs->total_bytes = options->total_bytes;
    logs->run_bytes =
        options->run_bytes < options->total_bytes ? options->run_bytes : options->total_bytes;
    memcpy(logs->directory, options->directory, size);
    int result = rdv_timer_new(loop, work_a_turn, logs, &logs->timer);
    if (result) {
        free(logs);
        return result;
    }
    begin_counting(logs);
    *ret_logs = logs;
    return 0;
}

void rdv__logs_free(struct rdv__logs *logs)
{
    if (!logs)
        return;
    finish_counting(logs);
    rdv_timer_free(logs->timer);
    free(logs);
}
