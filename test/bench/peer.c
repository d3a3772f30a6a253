/* SPDX-License-Identifier: MIT */
/*
 * The other side of the benchmarks: what we are compared with, driven as well as it can be. Each command prints its figures
 * as NAME=NUMBER lines; bench.py runs it.
 */
#include <errno.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <sqlite3.h>

#include "measure.h"

static void fail(const char *what)
{
    fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ------------------------------------------------------------------ a peer */

struct peer {
    int fd;
    char in[65536];
    size_t begin, end;
    char out[1 << 20];
    size_t size;
};

static void connect_to(struct peer *peer, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    peer->fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(peer->fd, (const struct sockaddr *)&address, sizeof address) < 0)
        fail(path);
}

static void flush(struct peer *peer)
{
    for (size_t sent = 0; sent < peer->size;) {
        const ssize_t step = write(peer->fd, peer->out + sent, peer->size - sent);
        if (step < 0)
            fail("write");
        sent += (size_t)step;
    }
    peer->size = 0;
}

static void say(struct peer *peer, const char *words, size_t size)
{
    if (peer->size + size > sizeof peer->out)
        flush(peer);
    memcpy(peer->out + peer->size, words, size);
    peer->size += size;
}

/* The next line, without its end; valid until the next call. */
static char *hear_line(struct peer *peer)
{
    for (size_t look = peer->begin;;) {
        char *found = memchr(peer->in + look, '\n', peer->end - look);
        if (found) {
            char *line = peer->in + peer->begin;
            *found = '\0';
            peer->begin = (size_t)(found - peer->in) + 1;
            return line;
        }
        memmove(peer->in, peer->in + peer->begin, peer->end - peer->begin);
        peer->end -= peer->begin;
        peer->begin = 0;
        look = peer->end;
        const ssize_t got = read(peer->fd, peer->in + peer->end, sizeof peer->in - peer->end);
        if (got <= 0)
            fail("read");
        peer->end += (size_t)got;
    }
}

static char *expect(struct peer *peer, const char *words)
{
    char *line = hear_line(peer);
    if (strncmp(line, words, strlen(words)) != 0) {
        fprintf(stderr, "bench: the peer said '%s', not '%s'\n", line, words);
        exit(1);
    }
    return line;
}

/* -------------------------------------------------------------- beanstalkd */

static void say_put(struct peer *peer, size_t size)
{
    static const char body[4096] = "";
    char words[64];
    const int length = snprintf(words, sizeof words, "put 1024 0 600 %zu\r\n", size);
    say(peer, words, (size_t)length);
    say(peer, body, size);
    say(peer, "\r\n", 2);
}

/* The number of a job that was reserved; its body is passed over. */
static long hear_job(struct peer *peer)
{
    char *line = expect(peer, "RESERVED ");
    const long id = atol(line + strlen("RESERVED "));
    hear_line(peer);
    return id;
}

static void say_delete(struct peer *peer, long id)
{
    char words[64];
    const int length = snprintf(words, sizeof words, "delete %ld\r\n", id);
    say(peer, words, (size_t)length);
}

/* cycles SOCKET IN_FLIGHT SECONDS: put, reserve and delete, each for all of them in one go */
static void cycles(char **argv)
{
    static struct peer peer;
    connect_to(&peer, argv[0]);
    const long in_flight = atol(argv[1]);
    const double seconds = atof(argv[2]), begun = now_seconds();
    long *ids = calloc((size_t)in_flight, sizeof *ids);
    long done = 0;
    double passed;
    do {
        for (long i = 0; i < in_flight; i++)
            say_put(&peer, 8);
        flush(&peer);
        for (long i = 0; i < in_flight; i++)
            expect(&peer, "INSERTED ");
        for (long i = 0; i < in_flight; i++)
            say(&peer, "reserve\r\n", 9);
        flush(&peer);
        for (long i = 0; i < in_flight; i++)
            ids[i] = hear_job(&peer);
        for (long i = 0; i < in_flight; i++)
            say_delete(&peer, ids[i]);
        flush(&peer);
        for (long i = 0; i < in_flight; i++)
            expect(&peer, "DELETED");
        done += in_flight;
        passed = now_seconds() - begun;
    } while (passed < seconds);
    printf("rate=%.1f\n", (double)done / passed);
    free(ids);
}

/*
 * runs SOCKET IN_FLIGHT RUNNING SECONDS: a worker that reserves a job, records its start (by a put into another tube, as a
 * reservation is on no disk), runs /bin/true, and deletes both. Children run side by side; the server is asked by one.
 */
static void runs(char **argv)
{
    static struct peer peer;
    enum { MOST = 64 };
    struct {
        pid_t pid;
        long id, start;
    } running[MOST];
    char name[] = "/bin/true", language[] = "LANG=C";
    char *child_argv[] = {name, NULL}, *environment[] = {language, NULL};
    connect_to(&peer, argv[0]);
    const int in_flight = atoi(argv[1]), most = atoi(argv[2]);
    const double seconds = atof(argv[3]);
    int queued = 0, count = 0;
    long done = 0;
    if (most < 1 || most > MOST)
        exit(64);
    const double begun = now_seconds();
    double passed = 0;
    while (passed < seconds) {
        for (; queued + count < in_flight; queued++) {
            say_put(&peer, 8);
            flush(&peer);
            expect(&peer, "INSERTED ");
        }
        for (; count < most; count++, queued--) {
            say(&peer, "reserve\r\n", 9);
            flush(&peer);
            running[count].id = hear_job(&peer);
            say(&peer, "use started\r\n", 13);
            say_put(&peer, 8);
            say(&peer, "use default\r\n", 13);
            flush(&peer);
            expect(&peer, "USING ");
            running[count].start = atol(expect(&peer, "INSERTED ") + strlen("INSERTED "));
            expect(&peer, "USING ");
            if (posix_spawn(&running[count].pid, name, NULL, NULL, child_argv, environment) != 0)
                fail(name);
        }
        int status;
        const pid_t pid = wait(&status);
        for (int i = 0; i < count; i++)
            if (running[i].pid == pid) {
                say_delete(&peer, running[i].start);
                say_delete(&peer, running[i].id);
                flush(&peer);
                expect(&peer, "DELETED");
                expect(&peer, "DELETED");
                running[i] = running[--count];
                done++;
                break;
            }
        passed = now_seconds() - begun;
    }
    printf("rate=%.1f\n", (double)done / passed);
    while (count > 0)
        waitpid(running[--count].pid, NULL, 0);
}

/* fill SOCKET COUNT SIZE: few enough at once that no socket's buffer is ever full, where beanstalkd 1.12 was seen to wait for ever */
static void fill(char **argv)
{
    static struct peer peer;
    connect_to(&peer, argv[0]);
    const long count = atol(argv[1]);
    for (long i = 0; i < count;) {
        const long from = i;
        for (; i < count && i < from + 100; i++)
            say_put(&peer, (size_t)atol(argv[2]));
        flush(&peer);
        for (long j = from; j < i; j++)
            expect(&peer, "INSERTED ");
    }
}

/* first SOCKET: reserve one */
static void first(char **argv)
{
    static struct peer peer;
    connect_to(&peer, argv[0]);
    say(&peer, "reserve\r\n", 9);
    flush(&peer);
    hear_job(&peer);
    printf("reserved=1\n");
}

/* ----------------------------------------------------------------- qemu-ga */

/* guest SOCKET COUNT: guest-exec of /bin/true, asked for its end until it is told */
static void guest(char **argv)
{
    static const char exec[] =
        "{\"execute\":\"guest-exec\",\"arguments\":{\"path\":\"/bin/true\"}}\n";
    static struct peer peer;
    connect_to(&peer, argv[0]);
    const int count = atoi(argv[1]);
    double *times = calloc((size_t)count, sizeof *times);
    for (int i = 0; i < count; i++) {
        const double begun = now_seconds();
        say(&peer, exec, sizeof exec - 1);
        flush(&peer);
        const char *pid = strstr(hear_line(&peer), "\"pid\":");
        if (!pid)
            fail("guest-exec");
        char ask[128];
        const int length = snprintf(
            ask, sizeof ask, "{\"execute\":\"guest-exec-status\",\"arguments\":{\"pid\":%ld}}\n",
            atol(pid + strlen("\"pid\":")));
        bool over = false;
        while (!over) {
            say(&peer, ask, (size_t)length);
            flush(&peer);
            over = strstr(hear_line(&peer), "\"exited\": true") != NULL;
        }
        times[i] = now_seconds() - begun;
    }
    print_percentiles("", times, (size_t)count);
    free(times);
}

/* ------------------------------------------------- cJSON alone, and SQLite */

static void sql(sqlite3 *db, const char *text)
{
    char *error;
    if (sqlite3_exec(db, text, NULL, NULL, &error) != SQLITE_OK) {
        fprintf(stderr, "bench: %s: %s\n", text, error);
        exit(1);
    }
}

/* load FILE.db SCHEDULE.json: parse the document, and insert its tasks in one transaction, with nothing checked */
static void load(char **argv)
{
    const double begun = now_seconds();
    FILE *file = fopen(argv[1], "r");
    if (!file || fseek(file, 0, SEEK_END) != 0)
        fail(argv[1]);
    const long size = ftell(file);
    rewind(file);
    char *text = malloc((size_t)size + 1);
    if (fread(text, 1, (size_t)size, file) != (size_t)size)
        fail(argv[1]);
    text[size] = '\0';
    fclose(file);
    cJSON *root = cJSON_ParseWithLength(text, (size_t)size);
    const cJSON *tasks = cJSON_GetObjectItemCaseSensitive(root, "tasks"), *task;

    sqlite3 *db;
    sqlite3_stmt *insert;
    if (sqlite3_open(argv[0], &db) != SQLITE_OK)
        fail(argv[0]);
    sql(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE task (id INTEGER "
            "PRIMARY KEY, identifier TEXT, "
            "label TEXT, deadline TEXT); BEGIN");
    if (sqlite3_prepare_v2(db, "INSERT INTO task (identifier, label, deadline) VALUES (?, ?, ?)",
                           -1, &insert, NULL) != SQLITE_OK)
        fail(argv[0]);
    long count = 0;
    cJSON_ArrayForEach(task, tasks)
    {
        static const char *const names[] = {"identifier", "label", "deadline"};
        for (int i = 0; i < 3; i++)
            sqlite3_bind_text(
                insert, i + 1,
                cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(task, names[i])), -1,
                SQLITE_STATIC);
        if (sqlite3_step(insert) != SQLITE_DONE)
            fail(argv[0]);
        sqlite3_reset(insert);
        count++;
    }
    sql(db, "COMMIT");
    printf("seconds=%.4f\ncount=%ld\n", now_seconds() - begun, count);
    sqlite3_finalize(insert);
    sqlite3_close(db);
    cJSON_Delete(root);
    free(text);
}

int main(int argc, char **argv)
{
    static const struct command commands[] = {
        {"cycles", 3, cycles}, {"runs", 4, runs}, {"fill", 3, fill}, {"first", 1, first},
        {"guest", 2, guest},   {"load", 2, load}, {NULL, 0, NULL},
    };
    return run_command(commands, argc, argv);
}
