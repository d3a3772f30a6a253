/* SPDX-License-Identifier: MIT */
/*
 * The files of the program: the store and what lies beside it, the agent document, and the
 * schedules of the command line. The verbs call this before they do anything else; what is wrong
 * with a file is reported here, with the way out.
 */
#include "paths.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "display_text.h"
#include "messages.h"
#include "options.h"
#include "system.h"

static char *join_strings(const char *a, const char *b, const char *c)
{
    struct text text = {0};
    text_add_string(&text, a);
    text_add_string(&text, b);
    text_add_string(&text, c);
    if (!text.failed)
        return text.data;
    text_finish(&text);
    report_error("%s", rdv_strerror(RDV_ENOMEM));
    return NULL;
}

/* Find a file: the path that was given, or the default. */
static int find_file(const char *given, const char *option,
                     char *(*find_default)(struct rdv_error *error), char **ret_path)
{
    struct rdv_error error = {0};
    char *path;
    if (given && !given[0])
        return report_usage_error(NULL, "option --%s needs a file name", option);
    path = given ? join_strings(given, "", "") : find_default(&error);
    if (error.text[0])
        report_error("%s: give a file with --%s FILE", error.text, option);
    if (!path)
        return EXIT_FAILED;
    *ret_path = path;
    return EXIT_OK;
}

int paths_find_store(const struct options *options, char **ret_path)
{
    return find_file(options->store, "store", system_store, ret_path);
}

int paths_find_config(const struct options *options, char **ret_path)
{
    return find_file(options->config, "config", system_config, ret_path);
}

/* Find a file that lies beside the store and has its name with another ending. If the store is a
 * symbolic link, that is beside the file itself: all names of a store lead to one agent, as they
 * lead to one lock. */
static int find_beside_store(const struct options *options, const char *ending, char **ret_path)
{
    char *store = NULL;
    int code = paths_find_store(options, &store);
    if (code)
        return code;
    char *target = system_link_target(store);
    char *path = join_strings(target ? target : store, ending, "");
    free(target);
    free(store);
    if (!path)
        return EXIT_FAILED;
    *ret_path = path;
    return EXIT_OK;
}

int paths_find_socket(const struct options *options, char **ret_path)
{
    if (!options->socket)
        return find_beside_store(options, ".sock", ret_path);
    if (!options->socket[0])
        return report_usage_error(options->verb, "option --socket needs a file name");
    *ret_path = join_strings(options->socket, "", "");
    return *ret_path ? EXIT_OK : EXIT_FAILED;
}

int paths_find_logs(const struct options *options, char **ret_path)
{
    return find_beside_store(options, ".log.d", ret_path);
}

/* Find out who holds the store. Its lock file begins with the holder's name, which is what
 * paths_try_writer() gave. */
static enum paths_holder find_holder(const struct options *options)
{
    static const char agent[] = "rdvtask run (pid ";
    char *path = NULL, start[sizeof(agent)] = "";
    if (find_beside_store(options, ".lock", &path) != EXIT_OK)
        return PATHS_HOLDER_OTHER;
    const int number = system_read_start(path, start, sizeof(start));
    free(path);
    if (number == ENOENT)
        return PATHS_HOLDER_UNNAMED;
    return strcmp(start, agent) == 0 ? PATHS_HOLDER_AGENT : PATHS_HOLDER_OTHER;
}

int paths_report_locked(const struct options *options, const struct paths_locked *locked)
{
    const char *words = locked->error.text[0] ? locked->error.text : rdv_strerror(RDV_ELOCKED);
    char *socket = NULL;
    /* A second `run` does not talk to the first one. */
    if (strcmp(options->verb, "run") == 0 || locked->holder != PATHS_HOLDER_AGENT) {
        report_error("%s: try again when it has ended, or stop it first", words);
    } else if (paths_find_socket(options, &socket) == EXIT_OK) {
        report_error("%s, which does not listen on %s: if it was given another --socket, give that "
                     "here too; if its socket was removed, a reload (SIGHUP) makes a new one; "
                     "otherwise stop it first",
                     words, socket);
        free(socket);
    }
    return EXIT_BUSY;
}

static int report_open_failure(const struct options *options, const struct rdv_error *error,
                               int code)
{
    /* The words name the file. */
    const char *words = error->text[0] ? error->text : rdv_strerror(code);
    switch (code) {
    case RDV_ELOCKED: {
        const struct paths_locked locked = {find_holder(options), *error};
        return paths_report_locked(options, &locked);
    }
    case RDV_ECORRUPT:
        report_error("%s; if it is the wrong file, give the right one with --store", words);
        break;
    case RDV_ENEWER:
        report_error("%s, or another --store", words);
        break;
    case RDV_EACCES:
    case RDV_EREADONLY:
        report_error(
            "%s: run this as the user that it belongs to, or give another file with --store",
            words);
        break;
    case RDV_ENOTFOUND:
    case RDV_EINVAL:
        report_error("%s: give another file with --store", words);
        break;
    default:
        report_error("%s", words);
    }
    return EXIT_FAILED;
}

int paths_open_reader(const struct options *options, rdv_store **ret_store)
{
    rdv_store_options how;
    struct rdv_error error = {0};
    char *path = NULL;
    int code = paths_find_store(options, &path);
    if (code)
        return code;
    if (!system_exists(path)) {
        print_note(options->quiet, "there is no store yet: %s", path);
        *ret_store = NULL;
        goto out;
    }
    rdv_store_options_init(&how);
    how.flags = RDV_STORE_READ_ONLY;
    int result = rdv_store_open(path, &how, ret_store, &error);
    if (result == RDV_ENOTFOUND) { /* the file is empty, as a full disk may have left it */
        print_note(options->quiet, "nothing has been stored yet in %s", path);
        *ret_store = NULL;
    } else if (result) {
        code = report_open_failure(options, &error, result);
    }
out:
    free(path);
    return code;
}

/* Make the folder that a file is in. */
static int make_parent(const char *path)
{
    struct rdv_error error = {0};
    size_t length = strlen(path);
    while (length > 0 && !system_separates(path[length - 1]))
        length--;
    if (length <= 1)
        return EXIT_OK;
    char *parent = join_strings(path, "", "");
    if (!parent)
        return EXIT_FAILED;
    parent[length - 1] = '\0';
    int result = system_exists(parent) ? 0 : system_make_directory(parent, &error);
    if (result)
        report_error("cannot make the directory %s: %s: make it, or give another file with --store",
                     parent, error.text);
    free(parent);
    return result ? EXIT_FAILED : EXIT_OK;
}

int paths_try_writer(const struct options *options, bool make, rdv_store **ret_store,
                     struct paths_locked *ret_locked)
{
    rdv_store_options how;
    struct rdv_error error = {0};
    char holder[64];
    char *path = NULL;
    int code = paths_find_store(options, &path);
    if (code)
        return code;
    if (!make && !system_exists(path)) {
        print_note(options->quiet, "there is no store yet: %s", path);
        *ret_store = NULL;
        goto out;
    }
    code = make_parent(path);
    if (code)
        goto out;
    rdv_store_options_init(&how);
    snprintf(holder, sizeof(holder), "rdvtask %s", options->verb);
    how.holder = holder;
    int result = rdv_store_open(path, &how, ret_store, &error);
    if (result == RDV_ELOCKED) {
        *ret_locked = (struct paths_locked){find_holder(options), error};
        code = EXIT_BUSY;
    } else if (result) {
        code = report_open_failure(options, &error, result);
    }
out:
    free(path);
    return code;
}

int paths_open_writer(const struct options *options, bool make, rdv_store **ret_store)
{
    struct paths_locked locked = {0};
    int code = EXIT_BUSY, unnamed = 0;
    for (int try = 0; try < PATHS_LOCKED_TRIES && code == EXIT_BUSY; try++) {
        if (try > 0)
            system_pause(PATHS_LOCKED_PAUSE);
        code = paths_try_writer(options, make, ret_store, &locked);
        unnamed = code == EXIT_BUSY && locked.holder == PATHS_HOLDER_UNNAMED ? unnamed + 1 : 0;
        if (unnamed == PATHS_REMOVED_TRIES)
            break;
    }
    return code == EXIT_BUSY ? paths_report_locked(options, &locked) : code;
}

int paths_report_failure(rdv_store *store, const char *doing, int code)
{
    const char *words = store ? rdv_store_message(store) : "";
    const char *general = rdv_strerror(code);
    if (words[0])
        report_error("cannot %s: %s", doing, words);
    else
        report_error("cannot %s: %s", doing, general);
    return code == RDV_ELOCKED || code == RDV_EBUSY ? EXIT_BUSY : EXIT_FAILED;
}

int paths_check_document(const char *file, rdv_document_kind kind)
{
    struct rdv_error error = {0};
    rdv_document_kind found = kind;
    const int result = rdv_document_check(file, &found, &error);
    if (result) {
        const int code = report_document_error(file, &error);
        if (result == RDV_ENOTFOUND && kind == RDV_DOCUMENT_AGENT)
            report_error(
                "write one as described in rdvtask-agent(5), or give another file with --config");
        return code;
    }
    if (found == kind)
        return EXIT_OK;
    if (kind == RDV_DOCUMENT_AGENT)
        report_error("%s is a schedule document, and an agent document is needed here", file);
    else
        report_error("%s is an agent document: give it with --config, and give a schedule here",
                     file);
    return EXIT_FAILED;
}

int paths_record_files(rdv_trigger *trigger, rdv_store *store, const struct options *options)
{
    int result = rdv_trigger_begin(trigger);
    for (size_t i = 0; i < options->argument_count && result == 0; i++) {
        struct rdv_error error = {0};
        result = rdv_trigger_load(trigger, options->arguments[i], NULL, &error);
        if (result && error.text[0]) {
            rdv_trigger_rollback(trigger);
            return report_document_error(options->arguments[i], &error);
        }
    }
    if (result)
        rdv_trigger_rollback(trigger);
    else
        result = rdv_trigger_commit(trigger);
    return result ? paths_report_failure(store, "record the schedule", result) : EXIT_OK;
}
