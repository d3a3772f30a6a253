/* SPDX-License-Identifier: MIT */
/* Agent documents: what they may say, and in which words the rest is refused. */
#include "agent/agent_bench.h"

#ifndef _WIN32
#include <unistd.h>
#endif

#include "document/handlers.h"
#include "document/text.h"
#include "platform/platform.h"

static char directory[RDV_TEST_PATH];
static struct rdv__handlers *handlers;
static struct rdv_error error;

static void set_up(void)
{
    rdv_test_make_folder(directory, "handler");
    handlers = NULL;
    memset(&error, 0, sizeof error);
}

static void tear_down(void)
{
    ck_assert_ptr_null(rdv__handlers_unref(handlers));
    rdv_test_remove(directory);
}

/* ' stands for ". */
static int load(const char *document)
{
    char path[RDV_TEST_PATH + 16];
    snprintf(path, sizeof path, "%s/agent.json", directory);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    for (const char *c = document; *c; c++)
        fputc(*c == '\'' ? '"' : *c, file);
    fclose(file);
    rdv__handlers_unref(handlers);
    handlers = NULL;
    return rdv__handlers_load(path, &handlers, &error);
}

static const struct rdv__handler *load_one(const char *document)
{
    int result = load(document);
    ck_assert_msg(result == 0, "%d:%d %s: %s", error.line, error.column, error.path, error.text);
    ck_assert_uint_eq(handlers->count, 1);
    return &handlers->handlers[0];
}

static const struct rdv__step *load_step(const char *step)
{
    char document[1024];
    snprintf(document, sizeof document, "{'handlers':[{'label':'l','steps':[%s]}]}", step);
    return &load_one(document)->steps[0];
}

/* Refused, at this path, and in words that have this part. */
static void refuse(const char *document, int code, const char *path, const char *words)
{
    int result = load(document);
    ck_assert_msg(result == code, "%s: %d instead of %d: %s", document, result, code, error.text);
    ck_assert_ptr_null(handlers);
    ck_assert_int_eq(error.code, code);
    ck_assert_str_eq(error.path, path);
    ck_assert_msg(strstr(error.text, words) != NULL, "%s: %s", document, error.text);
    ck_assert_int_gt(error.line, 0);
    ck_assert_int_gt(error.column, 0);
}

static void refuse_step(const char *step, int code, const char *path, const char *words)
{
    char document[1024], whole[128];
    snprintf(document, sizeof document, "{'handlers':[{'label':'l','steps':[%s]}]}", step);
    snprintf(whole, sizeof whole, "handlers[0].steps[0]%s", path);
    refuse(document, code, whole, words);
}

START_TEST(a_document_with_everything_is_read)
{
    const struct rdv__handler *handler = load_one(
        "{'$schema':'https://example.org/agent','name':'Desktop updates','environment':{'A':'1'},"
        "'handlers':[{'label':'security-updates','environment':{'B':''},'grace':'1m',"
        "'on_interrupt':'restart','steps':["
        "{'status':'searching','run':['apt-get','update'],'timeout':'10m','retries':3,"
        "'retry_delay':'5s'},"
        "{'status':'downloading','run':['apt-get','-y','--download-only','upgrade']},"
        "{'status':'applying','run':['apt-get','-y','upgrade',''],'timeout':'2h'}]}]}");
    ck_assert_str_eq(handlers->name, "Desktop updates");
    ck_assert_str_eq(handler->label, "security-updates");
    ck_assert(handler->grace == RDV_MINUTE);
    ck_assert_int_eq(handler->on_interrupt, RDV__INTERRUPT_RESTART);
    ck_assert_uint_eq(handler->step_count, 3);
    const struct rdv__step *step = &handler->steps[0];
    ck_assert_int_eq(step->status, RDV_STATUS_SEARCHING);
    ck_assert_str_eq(step->argv[0], "apt-get");
    ck_assert_str_eq(step->argv[1], "update");
    ck_assert_ptr_null(step->argv[2]);
    ck_assert(step->timeout == 10 * RDV_MINUTE);
    ck_assert_int_eq(step->retries, 3);
    ck_assert(step->retry_delay == 5 * RDV_SECOND);
    ck_assert_int_eq(handler->steps[1].status, RDV_STATUS_DOWNLOADING);
    ck_assert_int_eq(handler->steps[2].status, RDV_STATUS_APPLYING);
    ck_assert_str_eq(handler->steps[2].argv[3], "");
    ck_assert_ptr_null(handler->steps[2].argv[4]);
    ck_assert_ptr_eq(rdv__handlers_find(handlers, "security-updates"), handler);
    ck_assert_ptr_null(rdv__handlers_find(handlers, "security-update"));
    ck_assert_ptr_null(rdv__handlers_find(NULL, "security-updates"));
}
END_TEST

START_TEST(what_is_left_out_has_its_default)
{
    const struct rdv__handler *handler =
        load_one("{'handlers':[{'label':'l','steps':[{'run':['true']}]}]}");
    ck_assert_str_eq(handlers->name, "rdvtask");
    ck_assert(handler->grace == 10 * RDV_SECOND);
    ck_assert_int_eq(handler->on_interrupt, RDV__INTERRUPT_RESUME);
    ck_assert_int_eq(handler->steps[0].status, RDV_STATUS_APPLYING);
    ck_assert(handler->steps[0].timeout == 0);
    ck_assert_int_eq(handler->steps[0].retries, -1);
    ck_assert(handler->steps[0].retry_delay == 30 * RDV_SECOND);
#ifndef _WIN32
    ck_assert_uint_eq(handler->environment.count, 2);
    ck_assert_str_eq(handler->environment.list[0],
                     "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    ck_assert_str_eq(handler->environment.list[1], "LANG=C.UTF-8");
#endif
    ck_assert_ptr_null(handler->environment.list[handler->environment.count]);
}
END_TEST

START_TEST(an_agent_may_have_no_handlers)
{
    ck_assert_int_eq(load("{'handlers':[]}"), 0);
    ck_assert_uint_eq(handlers->count, 0);
    ck_assert_ptr_null(rdv__handlers_find(handlers, "l"));
}
END_TEST

START_TEST(the_handlers_environment_comes_before_the_documents_and_that_before_ours)
{
    const struct rdv__handler *handler =
        load_one("{'environment':{'PATH':'/bin','A':'document','B':'document'},"
                 "'handlers':[{'label':'l','environment':{'B':'handler','_c9':'=x'},"
                 "'steps':[{'run':['true']}]}]}");
    char **list = handler->environment.list, **base;
    size_t count;
    ck_assert_int_eq(rdv__plat_environment(&base, &count), 0);
    ck_assert_uint_eq(handler->environment.count, count + 3);
    ck_assert_str_eq(list[0], "PATH=/bin");
    for (size_t i = 1; i < count; i++)
        ck_assert_str_eq(list[i], base[i]);
    ck_assert_str_eq(list[count], "A=document");
    ck_assert_str_eq(list[count + 1], "B=handler");
    ck_assert_str_eq(list[count + 2], "_c9==x");
    ck_assert_ptr_null(list[count + 3]);
    for (size_t i = 0; i < count; i++)
        free(base[i]);
    free(base);
}
END_TEST

START_TEST(a_list_can_be_joined_with_more)
{
    const struct rdv__variable more[] = {{"A", "1"}, {"LEFT_OUT", NULL}, {"B", ""}};
    const struct rdv__handler *handler =
        load_one("{'handlers':[{'label':'l','steps':[{'run':['true']}]}]}");
    const char **list;
    ck_assert_int_eq(rdv__environment_join(&handler->environment, more, 3, &list), 0);
    const char **added = list + handler->environment.count;
    ck_assert_ptr_eq(list[0], handler->environment.list[0]);
    ck_assert_str_eq(added[0], "A=1");
    ck_assert_str_eq(added[1], "B=");
    ck_assert_ptr_null(added[2]);
    free((void *)list);
}
END_TEST

START_TEST(handlers_are_found_among_many)
{
    static char document[200 * 64];
    size_t used = (size_t)sprintf(document, "{'handlers':[");
    for (int i = 0; i < 100; i++)
        used += (size_t)sprintf(document + used, "%s{'label':'%d','steps':[{'run':['p%d']}]}",
                                i ? "," : "", (i * 37) % 100, (i * 37) % 100);
    sprintf(document + used, "]}");
    ck_assert_int_eq(load(document), 0);
    for (int i = 0; i < 100; i++) {
        char label[8], program[8];
        sprintf(label, "%d", i);
        sprintf(program, "p%d", i);
        const struct rdv__handler *handler = rdv__handlers_find(handlers, label);
        ck_assert_ptr_nonnull(handler);
        ck_assert_str_eq(handler->steps[0].argv[0], program);
    }
    ck_assert_ptr_null(rdv__handlers_find(handlers, "100"));
}
END_TEST

START_TEST(a_label_twice_is_refused_where_it_comes_again)
{
    refuse("{'handlers':[{'label':'b','steps':[{'run':['x']}]},\n"
           " {'label':'a','steps':[{'run':['x']}]},\n"
           " {'label':'b','steps':[{'run':['x']}]}]}",
           RDV_EINVAL, "handlers[2].label", "the label 'b' has a handler already, handlers[0]");
    ck_assert_int_eq(error.line, 3);
    ck_assert_int_eq(error.column, 11);
}
END_TEST

START_TEST(unknown_keys_are_refused_and_the_known_ones_named)
{
    refuse("{'handlers':[],'handler':1}", RDV_EINVAL, "handler", "environment");
    refuse("{'handlers':[{'label':'l','steps':[{'run':['x']}],'boot':{}}]}", RDV_EINVAL,
           "handlers[0].boot", "on_interrupt");
    refuse_step("{'run':['x'],'user':'root'}", RDV_EINVAL, ".user", "retry_delay");
}
END_TEST

START_TEST(what_is_required_is_missed_by_name)
{
    refuse("{}", RDV_EINVAL, "", "\"handlers\"");
    refuse("{'handlers':[{'steps':[{'run':['x']}]}]}", RDV_EINVAL, "handlers[0]", "\"label\"");
    refuse("{'handlers':[{'label':'l'}]}", RDV_EINVAL, "handlers[0]", "\"steps\"");
    refuse_step("{}", RDV_EINVAL, "", "\"run\"");
}
END_TEST

START_TEST(wrong_types_are_refused_at_their_place)
{
    refuse("[]", RDV_EINVAL, "", "object");
    refuse("{'handlers':{}}", RDV_EINVAL, "handlers", "array");
    refuse("{'handlers':[1]}", RDV_EINVAL, "handlers[0]", "object");
    refuse("{'$schema':1,'handlers':[]}", RDV_EINVAL, "$schema", "string");
    refuse("{'name':1,'handlers':[]}", RDV_EINVAL, "name", "string");
    refuse("{'environment':[],'handlers':[]}", RDV_EINVAL, "environment", "object");
    refuse("{'environment':{'A':1},'handlers':[]}", RDV_EINVAL, "environment.A", "string");
    refuse("{'handlers':[{'label':1,'steps':[{'run':['x']}]}]}", RDV_EINVAL, "handlers[0].label",
           "string");
    refuse("{'handlers':[{'label':'l','steps':{}}]}", RDV_EINVAL, "handlers[0].steps", "array");
    refuse_step("1", RDV_EINVAL, "", "object");
    refuse_step("{'run':'x'}", RDV_EINVAL, ".run", "array");
    refuse_step("{'run':[1]}", RDV_EINVAL, ".run[0]", "string");
    refuse_step("{'run':['x'],'status':1}", RDV_EINVAL, ".status", "string");
    refuse_step("{'run':['x'],'timeout':10}", RDV_EINVAL, ".timeout", "");
    refuse_step("{'run':['x'],'retries':'3'}", RDV_EINVAL, ".retries", "");
    refuse("{'handlers':[{'label':'l','steps':[{'run':['x']}],'on_interrupt':true}]}", RDV_EINVAL,
           "handlers[0].on_interrupt", "string");
}
END_TEST

START_TEST(values_out_of_range_are_refused)
{
    refuse("{'name':'','handlers':[]}", RDV_EINVAL, "name", "empty");
    refuse("{'handlers':[{'label':'','steps':[{'run':['x']}]}]}", RDV_EINVAL, "handlers[0].label",
           "empty");
    refuse("{'handlers':[{'label':'l','steps':[]}]}", RDV_EINVAL, "handlers[0].steps", "step");
    refuse_step("{'run':[]}", RDV_EINVAL, ".run", "program");
    refuse_step("{'run':['','x']}", RDV_EINVAL, ".run[0]", "program");
    refuse_step("{'run':['x'],'status':'Applying'}", RDV_EINVAL, ".status", "\"downloading\"");
    refuse_step("{'run':['x'],'status':'success'}", RDV_EINVAL, ".status", "\"searching\"");
    refuse_step("{'run':['x'],'timeout':'0s'}", RDV_EINVAL, ".timeout", "");
    refuse_step("{'run':['x'],'timeout':'soon'}", RDV_EINVAL, ".timeout", "");
    refuse_step("{'run':['x'],'retries':-1}", RDV_EINVAL, ".retries", "");
    refuse_step("{'run':['x'],'retries':101}", RDV_EINVAL, ".retries", "");
    refuse_step("{'run':['x'],'retry_delay':'61m'}", RDV_EINVAL, ".retry_delay", "");
    refuse("{'handlers':[{'label':'l','steps':[{'run':['x']}],'grace':'2h'}]}", RDV_EINVAL,
           "handlers[0].grace", "");
    refuse("{'handlers':[{'label':'l','steps':[{'run':['x']}],'on_interrupt':'repeat'}]}",
           RDV_EINVAL, "handlers[0].on_interrupt", "\"resume\", \"restart\" or \"fail\"");
}
END_TEST

START_TEST(values_at_their_bounds_are_taken)
{
    ck_assert_int_eq(load_step("{'run':['x'],'retries':0}")->retries, 0);
    ck_assert_int_eq(load_step("{'run':['x'],'retries':100}")->retries, 100);
    ck_assert(load_step("{'run':['x'],'retry_delay':'0s'}")->retry_delay == 0);
    ck_assert(load_step("{'run':['x'],'retry_delay':'1h'}")->retry_delay == RDV_HOUR);
    ck_assert(load_step("{'run':['x'],'timeout':'1ms'}")->timeout == RDV_MILLISECOND);
    ck_assert(
        load_one("{'handlers':[{'label':'l','grace':'0s','steps':[{'run':['x']}]}]}")->grace == 0);
    ck_assert_int_eq(
        load_one("{'handlers':[{'label':'l','on_interrupt':'fail','steps':[{'run':['x']"
                 "}]}]}")
            ->on_interrupt,
        RDV__INTERRUPT_FAIL);
}
END_TEST

START_TEST(names_in_the_environment_are_checked)
{
    static const char *const bad[] = {"", "9A", "A-B", "A=B", "\xc3\xa4", "A B"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char document[128];
        snprintf(document, sizeof document, "{'environment':{'%s':'x'},'handlers':[]}", bad[i]);
        ck_assert_int_eq(load(document), RDV_EINVAL);
        ck_assert_ptr_nonnull(strstr(error.text, "can't be a name"));
        ck_assert_int_gt(error.column, 0);
    }
    refuse("{'environment':{'RDV_RUN':'5'},'handlers':[]}", RDV_EINVAL, "environment.RDV_RUN",
           "rdvtask's own");
    refuse("{'handlers':[{'label':'l','environment':{'RDV_X':'5'},'steps':[{'run':['x']}]}]}",
           RDV_EINVAL, "handlers[0].environment.RDV_X", "rdvtask's own");
}
END_TEST

/* {prefix}{item},{item},…{suffix} */
static char *repeat(const char *prefix, const char *item, int count, const char *suffix)
{
    char *text = malloc(strlen(prefix) + (strlen(item) + 12) * (size_t)count + strlen(suffix) + 1);
    ck_assert_ptr_nonnull(text);
    char *end = text + sprintf(text, "%s", prefix);
    for (int i = 0; i < count; i++) {
        if (i > 0)
            *end++ = ',';
        for (const char *c = item; *c; c++)
            end += *c == '#' ? sprintf(end, "%d", i) : sprintf(end, "%c", *c);
    }
    sprintf(end, "%s", suffix);
    return text;
}

START_TEST(every_list_and_text_has_a_bound)
{
    static const struct {
        const char *prefix, *item;
        int limit;
        const char *suffix, *path;
    } cases[] = {
        {"{'handlers':[{'label':'l','steps':[", "{'run':['x']}", RDV__STEPS_MAX, "]}]}",
         "handlers[0].steps"},
        {"{'handlers':[{'label':'l','steps':[{'run':[", "'x'", RDV__ARGUMENTS_MAX, "]}]}]}",
         "handlers[0].steps[0].run"},
        {"{'environment':{", "'A#':'x'", RDV__ENVIRONMENT_MAX, "},'handlers':[]}", "environment"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *document = repeat(cases[i].prefix, cases[i].item, cases[i].limit, cases[i].suffix);
        ck_assert_int_eq(load(document), 0);
        free(document);
        document = repeat(cases[i].prefix, cases[i].item, cases[i].limit + 1, cases[i].suffix);
        refuse(document, RDV_ELIMIT, cases[i].path, "more than");
        free(document);
    }
    char *text = malloc(RDV__TEXT_MAX + 100);
    ck_assert_ptr_nonnull(text);
    for (int over = 0; over < 2; over++) {
        int size = sprintf(text, "{'environment':{'A':'");
        memset(text + size, 'x', (size_t)(RDV__TEXT_MAX + over));
        sprintf(text + size + RDV__TEXT_MAX + over, "'},'handlers':[]}");
        ck_assert_int_eq(load(text), over ? RDV_ELIMIT : 0);
    }
    free(text);
    char label[RDV_NAME_MAX + 64];
    for (int over = 0; over < 2; over++) {
        int size = sprintf(label, "{'handlers':[{'label':'");
        memset(label + size, 'x', (size_t)(RDV_NAME_MAX + over));
        ck_assert_int_lt(size + RDV_NAME_MAX + over, (int)sizeof label);
        char document[RDV_NAME_MAX + 256];
        snprintf(document, sizeof document, "%.*s','steps':[{'run':['x']}]}]}",
                 size + RDV_NAME_MAX + over, label);
        ck_assert_int_eq(load(document), over ? RDV_ELIMIT : 0);
    }
    char name[RDV_NAME_MAX + 64];
    int size = sprintf(name, "{'handlers':[],'name':'");
    memset(name + size, 'x', RDV_NAME_MAX + 1);
    sprintf(name + size + RDV_NAME_MAX + 1, "'}");
    refuse(name, RDV_ELIMIT, "name", "longer than");
}
END_TEST

START_TEST(a_file_that_is_not_there_or_not_json_is_refused)
{
    ck_assert_int_eq(rdv__handlers_load(RDV_TEST_ABSENT, &handlers, &error), RDV_ENOTFOUND);
    ck_assert_ptr_nonnull(strstr(error.text, RDV_TEST_ABSENT));
    ck_assert_int_eq(rdv__handlers_load(RDV_TEST_ABSENT, &handlers, NULL), RDV_ENOTFOUND);
    ck_assert_int_eq(load("{'handlers':[,]}"), RDV_ESYNTAX);
    ck_assert_ptr_null(handlers);
}
END_TEST

START_TEST(handlers_live_as_long_as_someone_has_them)
{
    load_one("{'handlers':[{'label':'l','steps':[{'run':['x']}]}]}");
    struct rdv__handlers *mine = rdv__handlers_ref(handlers);
    ck_assert_int_eq(load("{'handlers':[]}"), 0);
    ck_assert_str_eq(mine->handlers[0].label, "l");
    ck_assert_ptr_null(rdv__handlers_unref(mine));
    ck_assert_ptr_null(rdv__handlers_unref(NULL));
}
END_TEST

START_TEST(a_rule_for_reboots_has_a_command_and_may_name_a_file)
{
    const struct rdv__handler *handler =
        load_one("{'handlers':[{'label':'l','steps':[{'run':['x']}]}]}");
    ck_assert_ptr_null(handler->reboot.step.argv);
    ck_assert_ptr_null(handler->reboot.when_exists);
    handler = load_one("{'handlers':[{'label':'l','steps':[{'run':['x']}],"
                       "'reboot':{'run':['systemctl','reboot'],'when_exists':'/run/r'}}]}");
    ck_assert_str_eq(handler->reboot.step.argv[0], "systemctl");
    ck_assert_str_eq(handler->reboot.step.argv[1], "reboot");
    ck_assert_ptr_null(handler->reboot.step.argv[2]);
    ck_assert_str_eq(handler->reboot.when_exists, "/run/r");
    refuse("{'handlers':[{'label':'l','steps':[{'run':['x']}],'reboot':{'when_exists':'/a'}}]}",
           RDV_EINVAL, "handlers[0].reboot", "\"run\"");
    refuse("{'handlers':[{'label':'l','steps':[{'run':['x']}],'reboot':{'run':[]}}]}", RDV_EINVAL,
           "handlers[0].reboot.run", "found none");
    refuse("{'handlers':[{'label':'l','steps':[{'run':['x']}],'reboot':{'run':['x'],"
           "'when_exists':''}}]}",
           RDV_EINVAL, "handlers[0].reboot.when_exists", "path");
    refuse("{'handlers':[{'label':'l','steps':[{'run':['x']}],'reboot':{'run':['x'],'wait':1}}]}",
           RDV_EINVAL, "handlers[0].reboot.wait", "when_exists");
}
END_TEST

START_TEST(a_stop_kills_unless_it_is_to_wait_for_a_time)
{
    const struct rdv__handler *handler =
        load_one("{'handlers':[{'label':'l','steps':[{'run':['x']}]}]}");
    ck_assert_int_eq(handler->on_stop, RDV__STOP_KILL);
    handler = load_one("{'handlers':[{'label':'l','steps':[{'run':['x']}],'on_stop':'wait'}]}");
    ck_assert_int_eq(handler->on_stop, RDV__STOP_WAIT);
    ck_assert(handler->stop_wait == 90 * RDV_SECOND);
    handler = load_one(
        "{'handlers':[{'label':'l','steps':[{'run':['x']}],'on_stop':'wait','stop_wait':'1h'}]}");
    ck_assert(handler->stop_wait == RDV_HOUR);
    refuse("{'handlers':[{'label':'l','steps':[{'run':['x']}],'on_stop':'no'}]}", RDV_EINVAL,
           "handlers[0].on_stop", "\"wait\"");
    refuse(
        "{'handlers':[{'label':'l','steps':[{'run':['x']}],'on_stop':'wait','stop_wait':'61m'}]}",
        RDV_EINVAL, "handlers[0].stop_wait", "1h");
    refuse("{'handlers':[{'label':'l','steps':[{'run':['x']}],'stop_wait':'1m'}]}", RDV_EINVAL,
           "handlers[0].stop_wait", "\"wait\"");
}
END_TEST

#define CHILD(more) "{'handlers':[{'label':'l','steps':[{'run':['x']}]," more "}]}"

START_TEST(a_step_may_be_left_running)
{
    ck_assert_int_eq(load_one(CHILD("'on_stop':'leave'"))->on_stop, RDV__STOP_LEAVE);
    refuse(CHILD("'on_stop':'leave','stop_wait':'1m'"), RDV_EINVAL, "handlers[0].stop_wait",
           "\"wait\"");
}
END_TEST

START_TEST(programs_run_as_a_user_in_a_directory)
{
    const struct rdv__handler *handler = load_one(CHILD("'grace':'1s'"));
    ck_assert_ptr_null(handler->user);
    ck_assert_ptr_null(handler->directory);
    handler = load_one(CHILD("'user':'builder','directory':'" RDV_TEST_ABSENT "'"));
    ck_assert_str_eq(handler->user, "builder");
    ck_assert_str_eq(handler->directory, RDV_TEST_ABSENT);
    refuse(CHILD("'user':''"), RDV_EINVAL, "handlers[0].user", "name of a user");
    refuse(CHILD("'user':0"), RDV_EINVAL, "handlers[0].user", "string");
    refuse(CHILD("'directory':'build'"), RDV_EINVAL, "handlers[0].directory", "absolute");
    refuse(CHILD("'directory':''"), RDV_EINVAL, "handlers[0].directory", "absolute");
    refuse(CHILD("'directory':null"), RDV_EINVAL, "handlers[0].directory", "string");
}
END_TEST

static int64_t limit_of(const struct rdv__handler *handler, const char *name)
{
    for (size_t i = 0; i < handler->limits.count; i++)
        if (strcmp(handler->limits.list[i].name, name) == 0)
            return handler->limits.list[i].value;
    return -1;
}

START_TEST(limits_are_numbers_in_their_units)
{
    ck_assert_uint_eq(load_one(CHILD("'limits':{}"))->limits.count, 0);
    const struct rdv__handler *handler =
        load_one(CHILD("'limits':{'memory':1048576,'file_size':'2G','files':64,'processes':32,"
                       "'cpu':'1m0.5s'}"));
    ck_assert_uint_eq(handler->limits.count, 5);
    ck_assert(limit_of(handler, "memory") == 1048576);
    ck_assert(limit_of(handler, "file-size") == INT64_C(2) << 30);
    ck_assert(limit_of(handler, "files") == 64);
    ck_assert(limit_of(handler, "processes") == 32);
    ck_assert(limit_of(handler, "cpu") ==
              61); /* as the system counts: whole seconds, and no less */
    ck_assert(limit_of(load_one(CHILD("'limits':{'memory':'1'}")), "memory") == 1);
    ck_assert(limit_of(load_one(CHILD("'limits':{'memory':'3K'}")), "memory") == 3072);
    ck_assert(limit_of(load_one(CHILD("'limits':{'memory':'1T'}")), "memory") == INT64_C(1) << 40);
    ck_assert(limit_of(load_one(CHILD("'limits':{'memory':'1048576T'}")), "memory") == INT64_C(1)
                                                                                           << 60);
}
END_TEST

START_TEST(limits_that_can_t_be_right_are_refused)
{
    static const char *const wrong[] = {
        "''",   "'M'",  "'512m'",     "'512MB'",
        "'-1'", "' 1'", "'1 M'",      "'0'",
        "0",    "-1",   "1.5",        "'1.5G'",
        "1e30", "true", "'1048577T'", "'99999999999999999999999999999999999999T'",
    };
    char document[256];
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        snprintf(document, sizeof document, CHILD("'limits':{'memory':%s}"), wrong[i]);
        refuse(document, RDV_EINVAL, "handlers[0].limits.memory", "");
    }
    refuse(CHILD("'limits':{'files':0}"), RDV_EINVAL, "handlers[0].limits.files", "1");
    refuse(CHILD("'limits':{'files':'64'}"), RDV_EINVAL, "handlers[0].limits.files", "number");
    refuse(CHILD("'limits':{'processes':-1}"), RDV_EINVAL, "handlers[0].limits.processes", "1");
    refuse(CHILD("'limits':{'cpu':60}"), RDV_EINVAL, "handlers[0].limits.cpu", "");
    refuse(CHILD("'limits':{'cpu':'999ms'}"), RDV_EINVAL, "handlers[0].limits.cpu", "1s");
    refuse(CHILD("'limits':{'file-size':1}"), RDV_EINVAL, "handlers[0].limits.file-size",
           "file_size");
    refuse(CHILD("'limits':[]"), RDV_EINVAL, "handlers[0].limits", "object");
}
END_TEST

/* -------------------------------------------------------------- the folder */

static const char *in_directory(const char *name)
{
    static char paths[4][RDV_TEST_PATH + 64];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", directory, name);
    return path;
}

/* A file of the folder with these documents' handlers. */
static void put(const char *name, const char *document)
{
    if (!rdv_test_exists(in_directory("agent.d")))
        rdv_test_make_directory(in_directory("agent.d"));
    FILE *file = fopen(in_directory(name), "w");
    ck_assert_ptr_nonnull(file);
    for (const char *c = document; *c; c++)
        fputc(*c == '\'' ? '"' : *c, file);
    fclose(file);
}

#define ONE(label, more) "{" more "'handlers':[{'label':'" label "','steps':[{'run':['x']}]}]}"

START_TEST(the_folder_of_a_document_adds_handlers)
{
    put("agent.d/10-a.json", ONE("a", ""));
    put("agent.d/20-b.json", ONE("b", "'environment':{'A':'theirs','B':'b'},"));
    ck_assert_int_eq(load(ONE("main", "'name':'N','environment':{'A':'a','C':'c'},")), 0);
    ck_assert_uint_eq(handlers->count, 3);
    ck_assert_str_eq(handlers->name, "N");
    ck_assert_ptr_null(rdv__handlers_find(handlers, "main")->file);
    ck_assert_str_eq(rdv__handlers_find(handlers, "a")->file, "agent.d/10-a.json");
    /* What the document says of the environment is for all, and a file's own goes before it. */
    char **list = rdv__handlers_find(handlers, "b")->environment.list;
    const char *const expected[] = {"A=theirs", "C=c", "B=b", NULL};
    for (int i = 0; expected[i]; i++) {
        int k = 0;
        while (list[k] && strcmp(list[k], expected[i]) != 0)
            k++;
        ck_assert_msg(list[k] != NULL, "%s", expected[i]);
    }
}
END_TEST

START_TEST(only_regular_files_named_json_are_taken_from_the_folder)
{
    put("agent.d/a.json", ONE("a", ""));
    put("agent.d/b.json.rpmsave", "no");
    put("agent.d/b.JSON", "no");
    put("agent.d/.c.json", "no");
    put("agent.d/json", "no");
    rdv_test_make_directory(in_directory("agent.d/folder.json"));
#ifndef _WIN32
    ck_assert_int_eq(mkfifo(in_directory("agent.d/fifo.json"), 0600), 0);
    ck_assert_int_eq(symlink("/dev/null", in_directory("agent.d/off.json")), 0);
#endif
    const bool links = rdv_test_link("a.json", in_directory("agent.d/json.link"));
    ck_assert_int_eq(load("{'handlers':[]}"), 0);
    ck_assert_uint_eq(handlers->count, 1);
    /* What is there but leads nowhere is missed rather than passed over. */
    if (!links)
        return;
    ck_assert(rdv_test_link("nowhere", in_directory("agent.d/z.json")));
    ck_assert_int_eq(load("{'handlers':[]}"), RDV_ENOTFOUND);
    ck_assert_ptr_nonnull(strstr(error.text, "agent.d/z.json"));
}
END_TEST

START_TEST(a_folder_that_is_missing_or_empty_adds_nothing)
{
    ck_assert_int_eq(load(ONE("a", "")), 0);
    rdv_test_make_directory(in_directory("agent.d"));
    ck_assert_int_eq(load(ONE("a", "")), 0);
    ck_assert_uint_eq(handlers->count, 1);
    rdv_test_remove(in_directory("agent.d"));
    rdv_test_write_text(in_directory("agent.d"), "");
    ck_assert_int_ne(load(ONE("a", "")), 0);
    ck_assert_ptr_nonnull(strstr(error.text, "agent.d"));
}
END_TEST

START_TEST(files_of_the_folder_come_in_byte_order_and_no_label_comes_twice)
{
    put("agent.d/B.json", ONE("twice", ""));
    put("agent.d/a.json", "{'handlers':[]}");
    put("agent.d/10.json", ONE("other", ""));
    put("agent.d/9.json", ONE("twice", ""));
    ck_assert_int_eq(load(ONE("main", "")), RDV_EINVAL);
    /* 10, 9, B, a */
    ck_assert_str_eq(error.text, "agent.d/B.json:1:23 handlers[0].label: the label 'twice' has a "
                                 "handler already, handlers[0] of agent.d/9.json");
    ck_assert_int_eq(error.line, 0);
    ck_assert_str_eq(error.path, "handlers[0].label");
    put("agent.d/B.json", ONE("main", ""));
    ck_assert_int_eq(load(ONE("main", "")), RDV_EINVAL);
    ck_assert_str_eq(error.text, "agent.d/B.json:1:23 handlers[0].label: the label 'main' has a "
                                 "handler already, handlers[0] of agent.json");
}
END_TEST

START_TEST(errors_in_the_folder_name_the_file_and_the_place)
{
    put("agent.d/a.json", "{'handlers':[\n{'label':1}]}");
    ck_assert_int_eq(load(ONE("main", "")), RDV_EINVAL);
    ck_assert_ptr_null(handlers);
    ck_assert_msg(strncmp(error.text, "agent.d/a.json:2:", 17) == 0, "%s", error.text);
    ck_assert_str_eq(error.path, "handlers[0]");
    put("agent.d/a.json", "{'handlers':[");
    ck_assert_int_eq(load(ONE("main", "")), RDV_ESYNTAX);
    ck_assert_msg(strncmp(error.text, "agent.d/a.json:1:", 17) == 0, "%s", error.text);
    put("agent.d/a.json", ONE("a", "'name':'N',"));
    ck_assert_int_eq(load(ONE("main", "")), RDV_EINVAL);
    ck_assert_str_eq(error.text, "agent.d/a.json:1:9 name: only agent.json names the task agent");
    /* Checking finds what loading does. */
    ck_assert_int_eq(rdv_document_check(in_directory("agent.json"), NULL, &error), RDV_EINVAL);
    ck_assert_str_eq(error.text, "agent.d/a.json:1:9 name: only agent.json names the task agent");
}
END_TEST

START_TEST(a_document_with_another_ending_has_a_folder_of_its_own)
{
    put("agent.d/a.json", ONE("a", ""));
    put("agent.conf", ONE("b", ""));
    ck_assert_int_eq(rdv__handlers_load(in_directory("agent.conf"), &handlers, &error), 0);
    ck_assert_uint_eq(handlers->count, 1);
    rdv_test_make_directory(in_directory("agent.conf.d"));
    put("agent.conf.d/c.json", ONE("c", ""));
    rdv__handlers_unref(handlers);
    ck_assert_int_eq(rdv__handlers_load(in_directory("agent.conf"), &handlers, &error), 0);
    ck_assert_uint_eq(handlers->count, 2);
}
END_TEST

/* ------------------------------------------------------------------- trust */

static int load_trusted(void)
{
    rdv__handlers_unref(handlers);
    handlers = NULL;
    return rdv__handlers_load_trusted(in_directory("agent.json"), &handlers, &error);
}

/* The words have a path, as the system writes it. */
static void check_named(const char *name)
{
    char path[RDV_TEST_PATH];
    rdv_test_path(error.text, path);
    ck_assert_msg(strstr(path, strrchr(directory, '/')) && strstr(path, name), "%s", error.text);
}

START_TEST(what_others_may_write_to_is_not_believed)
{
    put("agent.d/a.json", ONE("a", ""));
    ck_assert_int_eq(load(ONE("main", "")), 0);
    ck_assert_int_eq(load_trusted(), 0);
    ck_assert_uint_eq(handlers->count, 2);
    static const char *const names[] = {"agent.json", "agent.d", "agent.d/a.json", ""};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        tear_down();
        set_up();
        put("agent.d/a.json", ONE("a", ""));
        ck_assert_int_eq(load(ONE("main", "")), 0);
        ck_assert_int_eq(load_trusted(), 0);
        rdv_test_share(in_directory(names[i]));
        ck_assert_msg(load_trusted() == RDV_EACCES, "%s", names[i]);
        ck_assert_ptr_null(handlers);
        check_named(names[i]);
        ck_assert_int_eq(error.line, 0);
        /* Its content is right. */
        ck_assert_int_eq(rdv_document_check(in_directory("agent.json"), NULL, &error), 0);
    }
}
END_TEST

START_TEST(an_empty_folder_is_looked_at_too_since_files_may_be_missing)
{
    ck_assert_int_eq(load("{'handlers':[]}"), 0);
    rdv_test_make_directory(in_directory("agent.d"));
    ck_assert_int_eq(load_trusted(), 0);
    rdv_test_share(in_directory("agent.d"));
    ck_assert_int_eq(load_trusted(), RDV_EACCES);
    ck_assert_ptr_nonnull(strstr(error.text, "agent.d"));
}
END_TEST

START_TEST(a_link_is_believed_no_more_than_where_it_leads)
{
    ck_assert_int_eq(load("{'handlers':[]}"), 0);
    rdv_test_make_directory(in_directory("open"));
    put("open/a.json", ONE("a", ""));
    ck_assert(rdv_test_link("../open/a.json", in_directory("agent.d/a.json")));
    ck_assert_int_eq(load_trusted(), 0);
    ck_assert_uint_eq(handlers->count, 1);
    rdv_test_share(in_directory("open"));
    ck_assert_int_eq(load_trusted(), RDV_EACCES);
    ck_assert_ptr_nonnull(strstr(error.text, "open"));
}
END_TEST

#ifdef _WIN32
RDV_TEST_ELSEWHERE(what_belongs_to_another_user_is_not_believed)
#else
START_TEST(what_belongs_to_another_user_is_not_believed)
{
    if (geteuid() != 0)
        return; /* only root can give files away */
    ck_assert_int_eq(load("{'handlers':[]}"), 0);
    ck_assert_int_eq(load_trusted(), 0);
    ck_assert_int_eq(chown(in_directory("agent.json"), 65534, 65534), 0);
    ck_assert_int_eq(load_trusted(), RDV_EACCES);
    ck_assert_ptr_nonnull(strstr(error.text, "65534"));
}
END_TEST
#endif

int main(void)
{
    const TTest *const tests[] = {
        a_document_with_everything_is_read,
        what_is_left_out_has_its_default,
        an_agent_may_have_no_handlers,
        the_handlers_environment_comes_before_the_documents_and_that_before_ours,
        a_list_can_be_joined_with_more,
        handlers_are_found_among_many,
        a_label_twice_is_refused_where_it_comes_again,
        unknown_keys_are_refused_and_the_known_ones_named,
        what_is_required_is_missed_by_name,
        wrong_types_are_refused_at_their_place,
        values_out_of_range_are_refused,
        values_at_their_bounds_are_taken,
        names_in_the_environment_are_checked,
        every_list_and_text_has_a_bound,
        a_file_that_is_not_there_or_not_json_is_refused,
        handlers_live_as_long_as_someone_has_them,
        a_rule_for_reboots_has_a_command_and_may_name_a_file,
        a_stop_kills_unless_it_is_to_wait_for_a_time,
        a_step_may_be_left_running,
        programs_run_as_a_user_in_a_directory,
        limits_are_numbers_in_their_units,
        limits_that_can_t_be_right_are_refused,
        the_folder_of_a_document_adds_handlers,
        only_regular_files_named_json_are_taken_from_the_folder,
        a_folder_that_is_missing_or_empty_adds_nothing,
        files_of_the_folder_come_in_byte_order_and_no_label_comes_twice,
        errors_in_the_folder_name_the_file_and_the_place,
        a_document_with_another_ending_has_a_folder_of_its_own,
        what_others_may_write_to_is_not_believed,
        an_empty_folder_is_looked_at_too_since_files_may_be_missing,
    };
    Suite *suite = suite_create("handler");
    TCase *tcase = tcase_create("handler");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
        tcase_add_test(tcase, tests[i]);
    rdv_test_add_unless(tcase, a_link_is_believed_no_more_than_where_it_leads, rdv_test_no_links());
    rdv_test_add_unless(tcase, what_belongs_to_another_user_is_not_believed,
                        RDV_TEST_ON_WINDOWS("needs another user"));
    suite_add_tcase(suite, tcase);
    return rdv_test_main(suite);
}
