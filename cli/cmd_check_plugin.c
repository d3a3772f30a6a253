/* SPDX-License-Identifier: MIT */
/*
 * The verb `check-plugin`, on Windows: holds a COM task agent to the rules, and shows each finding.
 * The checks themselves are in the COM library (rdvtask/com_host.h); this only reads the options
 * and prints.
 */
#include <stdio.h>
#include <string.h>

#include <rdvtask/com_host.h>

#include "commands.h"
#include "display_text.h"
#include "json_text.h"
#include "messages.h"
#include "options.h"
#include "task_options.h"

#define VERDICT_COLUMNS 9
#define NAME_COLUMNS    24

struct report {
    const struct options *options;
    size_t counts[RDV_COM_NOTED + 1]; /* how many findings have each verdict */
    struct text text;
};

static void add_line(struct text *text, const char *verdict, const char *name, const char *words)
{
    text_add_cell(text, verdict, VERDICT_COLUMNS);
    text_add_string(text, "  ");
    text_add_cell(text, name, NAME_COLUMNS);
    text_add_string(text, "  ");
    text_add_escaped(text, words, strlen(words), 0);
    text_add_string(text, "\n");
}

static void add_json(struct text *text, const rdv_com_finding *finding, bool first)
{
    cJSON *object = cJSON_CreateObject();
    if (!cJSON_AddStringToObject(object, "check", finding->check) ||
        !cJSON_AddStringToObject(object, "rule", finding->rule) ||
        !cJSON_AddStringToObject(object, "verdict", rdv_com_verdict_name(finding->verdict)) ||
        !cJSON_AddStringToObject(object, "words", finding->words))
        text->failed = true;
    text_add_string(text, first ? "{\"checks\":[\n " : ",\n ");
    json_print_shown(object, text);
    cJSON_Delete(object);
}

static void on_finding(void *user, const rdv_com_finding *finding)
{
    struct report *report = user;
    const bool first = report->text.size == 0;
    report->counts[finding->verdict]++;
    if (report->options->json) {
        add_json(&report->text, finding, first);
        return;
    }
    add_line(&report->text,
             finding->verdict == RDV_COM_BROKEN ? "BROKEN" : rdv_com_verdict_name(finding->verdict),
             finding->check, finding->rule);
    if (finding->words[0])
        add_line(&report->text, "", "", finding->words);
}

static void end_json(struct report *report)
{
    char numbers[160];
    snprintf(numbers, sizeof(numbers),
             "],\n \"held\":%zu,\"broken\":%zu,\"not_tried\":%zu,\"noted\":%zu}\n",
             report->counts[RDV_COM_HELD], report->counts[RDV_COM_BROKEN],
             report->counts[RDV_COM_NOT_TRIED], report->counts[RDV_COM_NOTED]);
    text_add_string(&report->text, numbers);
}

static int read_apartment(const struct options *options, rdv_com_apartment *ret_apartment)
{
    const char *kind = options->apartment;
    if (kind && strcmp(kind, "single") == 0)
        *ret_apartment = RDV_COM_APARTMENT_SINGLE;
    else if (kind && strcmp(kind, "multi") == 0)
        *ret_apartment = RDV_COM_APARTMENT_MULTI;
    else if (kind)
        return report_usage_error(options->verb, "--apartment '%s' is neither 'single' nor 'multi'",
                                  kind);
    return EXIT_OK;
}

int command_check_plugin(const struct options *options)
{
    struct report report = {.options = options};
    struct rdv_error error = {0};
    rdv_com_check_options how;
    rdv_task *task = NULL;
    rdv_com_check_options_init(&how);
    int code = read_apartment(options, &how.apartment);
    if (code == 0)
        code = duration_from_option(options, "run-limit", options->run_limit, RDV_LIMIT_MAX,
                                    &how.run_limit);
    if (code == 0 && how.run_limit == 0)
        code = report_usage_error(options->verb, "--run-limit must be longer than 0");
    if (code == 0 && options->argument_count == 1 && (options->context || options->context_file))
        code = report_usage_error(options->verb, "a context is for a task: give its label");
    if (code == 0 && options->argument_count > 1)
        code = task_from_options(options, 1, &task);
    if (code)
        return code;
    how.task = task;
    const int result = rdv_com_check(options->arguments[0], &how, on_finding, &report, &error);
    rdv_task_unref(task);
    if (result != 0 && report.text.size == 0) {
        report_error("%s", error.text);
        return result == RDV_ENOTFOUND ? EXIT_NOTHING : EXIT_FAILED;
    }
    if (options->json)
        end_json(&report);
    code = result == 0 ? EXIT_OK : EXIT_FAILED;
    if (report.text.failed) {
        report_error("%s", rdv_strerror(RDV_ENOMEM));
        code = EXIT_FAILED;
    } else {
        fwrite(report.text.data, 1, report.text.size, stdout);
    }
    print_note(options->quiet, "%zu held, %zu broken, %zu not tried, %zu noted",
               report.counts[RDV_COM_HELD], report.counts[RDV_COM_BROKEN],
               report.counts[RDV_COM_NOT_TRIED], report.counts[RDV_COM_NOTED]);
    text_finish(&report.text);
    return code;
}
