/* SPDX-License-Identifier: MIT */
/*
 * The verb `plugins`, on Windows: shows each COM task agent that is registered. Each one is
 * created, to see whether that works, and is asked for nothing but its name.
 */
#include <stdio.h>
#include <string.h>

#include <rdvtask/com_host.h>
#include <rdvtask/loop.h>

#include "commands.h"
#include "display_text.h"
#include "json_text.h"
#include "messages.h"
#include "options.h"

/* The least widths of columns. */
#define NAME_COLUMNS  24
#define CLSID_COLUMNS 38

/* How long a task agent may take to be created. */
#define WAIT (10 * RDV_SECOND)

/* The longest name that is kept for the words about a task agent that hangs. */
#define HANGING_SIZE 256

struct plugin_list {
    const struct options *options;
    rdv_loop *loop;
    size_t count;
    char hanging[HANGING_SIZE]; /* the first task agent that was given up; "" = none */
    struct text line;
};

/* Print what is in a text, and clear it. Returns 0, or RDV_ENOMEM if the text is incomplete. */
static int print_text(struct text *text)
{
    if (text->failed)
        return RDV_ENOMEM;
    fwrite(text->data, 1, text->size, stdout);
    text_clear(text);
    return 0;
}

/* Add a string, or null for an empty one. */
static bool add_unless_empty(cJSON *object, const char *name, const char *string)
{
    return json_add_string_or_null(object, name, string[0] ? string : NULL);
}

/* host is what was created. It is NULL if that failed; trouble says why then. */
static int print_json(struct plugin_list *listing, const rdv_com_plugin *plugin,
                      const rdv_com_host *host, const char *trouble)
{
    struct text *line = &listing->line;
    cJSON *object = cJSON_CreateObject();
    if (!cJSON_AddStringToObject(object, "name", plugin->name) ||
        !add_unless_empty(object, "clsid", plugin->clsid) ||
        !add_unless_empty(object, "server", plugin->server) ||
        !add_unless_empty(object, "threading_model", plugin->model) ||
        !cJSON_AddBoolToObject(object, "enabled", plugin->enabled) ||
        !cJSON_AddBoolToObject(object, "used", plugin->used) ||
        !cJSON_AddBoolToObject(object, "loads", host != NULL) ||
        !json_add_string_or_null(object, "plugin_name", host ? rdv_com_host_name(host) : NULL) ||
        !add_unless_empty(object, "trouble", trouble))
        line->failed = true;
    text_add_string(line, listing->count == 1 ? "[" : ",\n ");
    json_print_shown(object, line);
    cJSON_Delete(object);
    return print_text(line);
}

static int print_line(struct plugin_list *listing, const rdv_com_plugin *plugin,
                      const rdv_com_host *host, const char *trouble)
{
    struct text *line = &listing->line;
    if (listing->count == 1) {
        text_add_name(line, "STATE", 8);
        text_add_name(line, "LOADS", 5);
        text_add_name(line, "NAME", NAME_COLUMNS);
        text_add_name(line, "CLSID", CLSID_COLUMNS);
        text_add_name(line, "PLUGIN NAME, OR WHAT IS WRONG", 0);
        text_end_line(line);
    }
    text_add_name(line, plugin->used ? "used" : plugin->enabled ? "enabled" : "disabled", 8);
    text_add_name(line, host ? "yes" : "no", 5);
    text_add_name(line, plugin->name, NAME_COLUMNS);
    text_add_name(line, plugin->clsid[0] ? plugin->clsid : "-", CLSID_COLUMNS);
    if (host)
        text_add_name(line, rdv_com_host_name(host), 0);
    if (trouble[0])
        text_add_name(line, trouble, 0);
    text_end_line(line);
    return print_text(line);
}

/* Create a task agent by the class that the registry names. Returns NULL if that fails, with
 * words that say why. */
static rdv_com_host *try_plugin(struct plugin_list *listing, const rdv_com_plugin *plugin,
                                struct rdv_error *error)
{
    rdv_com_host_options how;
    rdv_com_host *host = NULL;
    if (listing->hanging[0]) {
        /* One that hangs may hold the lock of the loader. Then no other one can be loaded, even
         * if nothing is wrong with it. */
        snprintf(error->text, sizeof(error->text), "not tried, since '%s' hangs", listing->hanging);
        return NULL;
    }
    rdv_com_host_options_init(&how);
    how.answer_wait = how.terminate_wait = WAIT;
    if (rdv_com_host_open(listing->loop, plugin->clsid, &how, &host, error) == RDV_ETIMEDOUT)
        snprintf(listing->hanging, sizeof(listing->hanging), "%s", plugin->name);
    return host;
}

static int show_plugin(void *user, const rdv_com_plugin *plugin)
{
    struct plugin_list *listing = user;
    struct rdv_error error = {0};
    const char *trouble = plugin->trouble;
    listing->count++;
    /* If the class has no server, plugin->trouble says so. */
    rdv_com_host *host = plugin->server[0] ? try_plugin(listing, plugin, &error) : NULL;
    if (!trouble[0])
        trouble = error.text;
    int result = listing->options->json ? print_json(listing, plugin, host, trouble)
                                        : print_line(listing, plugin, host, trouble);
    rdv_com_host_close(host);
    return result;
}

int command_plugins(const struct options *options)
{
    struct plugin_list listing = {.options = options};
    struct rdv_error error = {0};
    int result = rdv_loop_new(&listing.loop);
    if (result == 0)
        result = rdv_com_plugins(show_plugin, &listing, &error);
    if (result)
        report_error("%s", error.text[0] ? error.text : rdv_strerror(result));
    else if (options->json)
        puts(listing.count > 0 ? "]" : "[]");
    else if (listing.count == 0)
        print_note(options->quiet, "no task agent is registered");
    text_finish(&listing.line);
    rdv_loop_free(listing.loop);
    return result ? EXIT_FAILED : EXIT_OK;
}
