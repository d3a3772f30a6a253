/* SPDX-License-Identifier: MIT */
/*
 * What tests need of the system beyond standard C: the same functions in unix/system.c and win/system.c, chosen by the
 * build. Like Check's own assertions they end the test when something goes wrong that no test is about, unless they say
 * otherwise. Paths are UTF-8, absolute and with '/' on every system. Threads and locks: see lib/platform/thread.h.
 *
 *     static char folder[RDV_TEST_PATH];
 *
 *     rdv_test_make_folder(folder, "store");                   setup: "/tmp/rdvtask-store-k2J0sM"
 *     rdv_test_write(in(folder, "a.json"), "{}", 2);
 *     rdv_test_remove(folder);                                 teardown: the folder with all that is in it
 *
 * What needs a second process starts the test program again, as there is no fork everywhere:
 *
 *     int main(int argc, char **argv)
 *     {
 *         rdv_test_arguments(argc, argv);
 *         if (argc > 1)
 *             return hold_the_lock(argv[1]);                   what the other process does; it asserts nothing
 *         ...
 *     }
 *
 *     struct rdv_test_child *child = rdv_test_child_start((const char *[]){path, NULL});
 *     ck_assert_uint_eq(rdv_test_child_read(child, buffer, sizeof buffer), 6);     it has printed "ready\n", flushed
 *     rdv_test_child_kill(child);
 *     rdv_test_child_wait(child);                              always: it frees
 *
 * (lib/ has a header of the same name, for other things; "system.h" is this one in the folders of test/.)
 */
#ifndef RDV_TEST_SYSTEM_H
#define RDV_TEST_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rdvtask/loop.h>

#define RDV_TEST_PATH 512 /* room for any path of a test */

/* What rdv_test_main() begins with: the process is as tests may expect, and a crash is told as far as the system lets us. */
void rdv_test_prepare(void);

/* ---- files and folders ---- */

/* Make a folder for temporary files, ours alone, with this word in its name, and write where it is. */
void rdv_test_make_folder(char path[RDV_TEST_PATH], const char *word);

void rdv_test_make_directory(const char *path); /* mode 0700; its parent is there */

/* Delete a file, or a folder with all that is in it; links are not followed. Nothing there is fine. */
void rdv_test_remove(const char *path);

bool rdv_test_exists(const char *path);

/* The size of a file; -1 = there is none. */
int64_t rdv_test_size(const char *path);

/* How many things are in a folder; -1 = it is not there. */
int rdv_test_count(const char *path);

/* Write the whole file, made new or cut to this. */
void rdv_test_write(const char *path, const void *data, size_t size);
void rdv_test_write_text(const char *path, const char *text);

/* All of a file, and a NUL that is not counted; free(). ret_size may be NULL. */
char *rdv_test_read(const char *path, size_t *ret_size);

/* Whether nobody but us, and who administrates the machine, has any right to it. */
bool rdv_test_is_private(const char *path);

/* Give everybody all rights to it. */
void rdv_test_share(const char *path);

/* Let everybody read it, and only its owner change it; for a folder, and what is made in it where that inherits. */
void rdv_test_let_read(const char *path);

/* Have what is made in this folder from now on be open to everybody, where whoever makes it doesn't say otherwise. */
void rdv_test_be_generous(const char *path);

/* Make a symbolic link to a file; false = it can't be. Why this process can make none; NULL = it can. */
bool rdv_test_link(const char *target, const char *link);
const char *rdv_test_no_links(void);

/* The path as tests write it, from how the system does. */
void rdv_test_path(const char *path, char ret_path[RDV_TEST_PATH]);

void rdv_test_go_to(
    const char *path); /* the current directory; a folder can't be removed while it is somebody's */

/* ---- this process ---- */

/* Set a variable of the environment, for getenv() too; NULL = remove it. */
void rdv_test_set_variable(const char *name, const char *value);

int64_t rdv_test_process_id(void);
int rdv_test_descriptors(void);  /* how many descriptors or handles are open */
int rdv_test_threads(void);      /* how many threads run */
int64_t rdv_test_cpu_time(void); /* microseconds that it has computed so far, all threads */

/* Have the process get at most `room` bytes more than it has now; 0 = as many as there are. Check needs memory, too. */
void rdv_test_limit_memory(size_t room);
size_t rdv_test_allocated(void); /* what malloc() has given out, as far as it tells */

/* ---- time ---- */

/* The system's own words for so many seconds since 1970, in UTC: "2026-11-22T12:00:00". */
#define RDV_TEST_DATE 24
void rdv_test_date(int64_t seconds, char text[RDV_TEST_DATE]);

int64_t rdv_test_clock(void); /* milliseconds since some moment; never goes back */
void rdv_test_sleep(int milliseconds);

/*
 * Wait until rdv_loop_dispatch() has something to do, so many milliseconds at most; false = it has not. Where a loop has no
 * descriptor that could tell, a moment passes, if there is one, and then it may have.
 */
bool rdv_test_wait(const rdv_loop *loop, int milliseconds);

/* ---- other processes ---- */

/* What main() begins with if it was given arguments: they are UTF-8 from then on. */
void rdv_test_arguments(int argc, char **argv);

/* Where the program of this process is. */
void rdv_test_program(char path[RDV_TEST_PATH]);

/* Start this program again with these arguments (from argv[1] on; NULL ends them). Its standard output comes to us. */
struct rdv_test_child;
struct rdv_test_child *rdv_test_child_start(const char *const *arguments);

int64_t rdv_test_child_id(const struct rdv_test_child *child);

/* Wait for output, and read what fits of it; 0 = it has closed it, or ended. */
size_t rdv_test_child_read(struct rdv_test_child *child, void *buffer, size_t room);

void rdv_test_child_kill(struct rdv_test_child *child); /* at once; harmless when it has ended */

/* Wait for its end, and free: its exit code, or -1 if it was killed or crashed. */
int rdv_test_child_wait(struct rdv_test_child *child);

/* Why who starts a program can't hear that it can't be run, as under Valgrind and ThreadSanitizer; NULL = it can. */
const char *rdv_test_deaf_start(void);

#endif
