/* SPDX-License-Identifier: MIT */
/* Which files can be believed: nobody but root and the user of the process can have changed them. */
#define _GNU_SOURCE

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "platform/platform.h"

#define STRANGER 12345 /* a user who is neither root nor the one that runs the tests */
#define OTHER    12346

static char folder[64];     /* of the test's own, in /tmp */
static char path[PATH_MAX]; /* folder/way/file */
static struct rdv_error error;
static int open_descriptors;

static int count_descriptors(void)
{
    int count = 0;
    DIR *list = opendir("/proc/self/fd");
    while (readdir(list))
        count++;
    closedir(list);
    return count;
}

/* A path in the test's folder. */
static const char *at(const char *name)
{
    static char buffers[4][PATH_MAX];
    static unsigned next;
    char *buffer = buffers[next++ % 4];
    snprintf(buffer, PATH_MAX, "%s/%s", folder, name);
    return buffer;
}

static void make_folder(const char *name, mode_t mode)
{
    ck_assert_int_eq(mkdir(at(name), 0700), 0);
    ck_assert_int_eq(chmod(at(name), mode), 0);
}

static void make_file(const char *name, mode_t mode)
{
    int fd = open(at(name), O_WRONLY | O_CREAT | O_EXCL, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, "words", 5), 5);
    ck_assert_int_eq(fchmod(fd, mode), 0);
    close(fd);
}

static void make_link(const char *target, const char *name)
{
    ck_assert_int_eq(symlink(target, at(name)), 0);
}

static void set_up(void)
{
    snprintf(folder, sizeof folder, "/tmp/rdv-trust-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chmod(folder, 0755), 0);
    make_folder("way", 0755);
    make_file("way/file", 0644);
    snprintf(path, sizeof path, "%s", at("way/file"));
    memset(&error, 0, sizeof error);
    open_descriptors = count_descriptors();
}

static void tear_down(void)
{
    ck_assert_int_eq(count_descriptors(), open_descriptors);
    char command[128];
    ck_assert_int_eq(chdir("/"), 0);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
}

static void is_trusted(const char *what)
{
    int result = rdv__plat_check_trusted(what, &error);
    ck_assert_msg(result == 0, "%s: %s", what, error.text);
    int fd = -1;
    result = rdv__plat_open_trusted(what, &fd, NULL, &error);
    ck_assert_msg(result == 0, "%s: %s", what, error.text);
    close(fd);
}

/* It is refused either way, and in these words. */
static void is_refused(const char *what, int code, const char *words)
{
    int fd = -7;
    char *resolved = (char *)"untouched";
    ck_assert_int_eq(rdv__plat_check_trusted(what, &error), code);
    ck_assert_int_eq(error.code, code);
    ck_assert_msg(strstr(error.text, words) != NULL, "'%s' is not in '%s'", words, error.text);
    ck_assert_int_eq(rdv__plat_check_trusted(what, NULL), code);
    ck_assert_int_eq(rdv__plat_open_trusted(what, &fd, &resolved, &error), code);
    ck_assert_int_eq(fd, -7);
    ck_assert_str_eq(resolved, "untouched");
}

static const char *both(const char *format, ...)
{
    static char words[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    return words;
}

/* --------------------------------------------------------------- its own */

START_TEST(a_file_of_ones_own_in_folders_of_ones_own_is_trusted)
{
    is_trusted(path);
    ck_assert_int_eq(rdv__plat_check_trusted(folder, &error), 0);
    ck_assert_int_eq(rdv__plat_check_trusted("/", &error), 0);
}
END_TEST

START_TEST(a_file_that_its_group_may_write_to_is_refused)
{
    chmod(path, 0664);
    is_refused(path, RDV_EACCES,
               both("its group may write to the file '%s' (mode 0664); 'chmod go-w'", path));
}
END_TEST

START_TEST(a_file_that_everybody_may_write_to_is_refused)
{
    chmod(path, 0602);
    is_refused(path, RDV_EACCES, both("everybody may write to the file '%s' (mode 0602)", path));
}
END_TEST

START_TEST(the_sticky_bit_of_a_file_means_nothing)
{
    chmod(path, 01666);
    is_refused(path, RDV_EACCES, "everybody may write to the file");
}
END_TEST

START_TEST(a_file_that_nobody_else_may_read_is_trusted)
{
    chmod(path, 0600);
    chmod(at("way"), 0700);
    is_trusted(path);
}
END_TEST

START_TEST(a_folder_that_others_may_write_to_is_refused_wherever_it_is_on_the_way)
{
    chmod(at("way"), 0775);
    is_refused(path, RDV_EACCES,
               both("its group may write to the folder '%s/way' (mode 0775)", folder));
    chmod(at("way"), 0755);
    chmod(folder, 0757);
    is_refused(path, RDV_EACCES,
               both("everybody may write to the folder '%s' (mode 0757)", folder));
}
END_TEST

START_TEST(a_sticky_folder_may_be_passed_through)
{
    chmod(at("way"), 01777);
    is_trusted(path);
}
END_TEST

START_TEST(a_sticky_folder_is_not_to_be_trusted_itself)
{
    chmod(at("way"), 01777);
    ck_assert_int_eq(rdv__plat_check_trusted(at("way"), &error), RDV_EACCES);
    ck_assert_ptr_nonnull(strstr(error.text, "everybody may write to the folder"));
    ck_assert_int_eq(rdv__plat_check_trusted("/tmp", NULL), RDV_EACCES);
    ck_assert_int_eq(rdv__plat_check_trusted("/tmp/.", NULL), RDV_EACCES);
}
END_TEST

/* ---------------------------------------------------------------- others */

START_TEST(a_file_of_another_user_is_refused)
{
    ck_assert_int_eq(chown(path, STRANGER, 0), 0);
    is_refused(path, RDV_EACCES, both("the file '%s' belongs to user 12345", path));
}
END_TEST

START_TEST(a_file_of_another_user_in_a_sticky_folder_is_refused)
{
    chmod(at("way"), 01777);
    ck_assert_int_eq(chown(path, STRANGER, 0), 0);
    is_refused(path, RDV_EACCES, "belongs to user 12345");
}
END_TEST

START_TEST(a_folder_of_another_user_is_refused_also_a_sticky_one)
{
    ck_assert_int_eq(chown(at("way"), STRANGER, 0), 0);
    is_refused(path, RDV_EACCES, both("the folder '%s/way' belongs to user 12345", folder));
    chmod(at("way"), 01777);
    is_refused(path, RDV_EACCES, "belongs to user 12345");
}
END_TEST

START_TEST(a_link_of_another_user_is_refused)
{
    make_folder("open", 01777);
    make_link(path, "open/link");
    is_trusted(at("open/link"));
    ck_assert_int_eq(lchown(at("open/link"), STRANGER, 0), 0);
    is_refused(at("open/link"), RDV_EACCES,
               both("the symbolic link '%s/open/link' belongs to user 12345", folder));
}
END_TEST

/* In a process of its own: the way back from another user is barred. */
static void as_stranger(void (*check)(void))
{
    pid_t child = fork();
    if (child == 0) {
        if (setresuid(STRANGER, STRANGER, STRANGER) != 0)
            _exit(99);
        check();
        _exit(0);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status), "died of signal %d", WTERMSIG(status));
    ck_assert_msg(WEXITSTATUS(status) == 0, "the check on line %d failed", WEXITSTATUS(status));
}

#define STRANGER_SEES(truth) \
    if (!(truth))            \
    _exit(__LINE__ % 97 + 1)

static void trusts_root_and_itself(void)
{
    STRANGER_SEES(rdv__plat_check_trusted(path, NULL) == 0); /* root's */
    STRANGER_SEES(rdv__plat_check_trusted(at("own"), NULL) == 0);
    STRANGER_SEES(rdv__plat_check_trusted(at("other"), NULL) == RDV_EACCES);
}

START_TEST(an_ordinary_user_trusts_root_and_itself_and_nobody_else)
{
    make_file("own", 0644);
    make_file("other", 0644);
    ck_assert_int_eq(chown(at("own"), STRANGER, 0), 0);
    ck_assert_int_eq(chown(at("other"), OTHER, 0), 0);
    as_stranger(trusts_root_and_itself);
}
END_TEST

static void may_not_read(void)
{
    int fd;
    struct rdv_error own = {0};
    STRANGER_SEES(rdv__plat_check_trusted(path, NULL) == 0);
    STRANGER_SEES(rdv__plat_open_trusted(path, &fd, NULL, &own) == RDV_EACCES);
    STRANGER_SEES(strstr(own.text, "Permission denied") != NULL);
    /* A folder that may be passed through need not be readable. */
    STRANGER_SEES(rdv__plat_check_trusted(at("dark/file"), NULL) == 0);
    STRANGER_SEES(rdv__plat_check_trusted(at("closed/file"), NULL) == RDV_EACCES);
}

START_TEST(who_may_not_read_is_told_so)
{
    chmod(path, 0600);
    make_folder("dark", 0711);
    make_file("dark/file", 0644);
    make_folder("closed", 0700);
    make_file("closed/file", 0644);
    as_stranger(may_not_read);
}
END_TEST

/* ----------------------------------------------------------------- links */

START_TEST(what_a_link_points_to_is_looked_at)
{
    make_link("way/file", "link");
    is_trusted(at("link"));
    chmod(path, 0666);
    is_refused(at("link"), RDV_EACCES, both("the file '%s' (mode 0666)", path));
}
END_TEST

START_TEST(the_folders_that_a_link_leads_through_are_looked_at)
{
    make_folder("way/deep", 0755);
    make_file("way/deep/file", 0644);
    make_folder("other", 0755);
    make_link(at("way/deep"), "other/jump");
    make_link("other/jump/file", "link");
    is_trusted(at("link"));
    chmod(at("way"), 0777);
    is_refused(at("link"), RDV_EACCES, both("the folder '%s/way' (mode 0777)", folder));
    chmod(at("way"), 0755);
    chmod(at("other"), 0777);
    is_refused(at("link"), RDV_EACCES, both("the folder '%s/other' (mode 0777)", folder));
}
END_TEST

START_TEST(the_folder_above_is_that_of_a_links_target)
{
    make_folder("a", 0755);
    make_folder("a/b", 0755);
    make_folder("a/b/c", 0755);
    make_file("a/b/file", 0644);
    make_link("a/b/c", "link");
    is_trusted(at("link/../file")); /* a/b/file: there is no folder/file */
    chmod(at("a/b/file"), 0666);
    is_refused(at("link/../file"), RDV_EACCES, "a/b/file' (mode 0666)");
}
END_TEST

START_TEST(links_that_lead_nowhere_or_in_circles_are_told)
{
    make_link("nothing", "dangling");
    is_refused(at("dangling"), RDV_ENOTFOUND, "No such file");
    make_link("two", "one");
    make_link("one", "two");
    is_refused(at("one"), RDV_EIO, "Too many levels of symbolic links");
}
END_TEST

START_TEST(a_long_chain_of_links_is_followed)
{
    char name[16], target[16];
    make_link("way/file", "link0");
    for (int i = 1; i < 40; i++) {
        snprintf(name, sizeof name, "link%d", i);
        snprintf(target, sizeof target, "link%d", i - 1);
        make_link(target, name);
    }
    is_trusted(at("link39"));
    make_link("link39", "link40");
    is_refused(at("link40"), RDV_EIO, "Too many levels");
}
END_TEST

/* ----------------------------------------------------------------- paths */

START_TEST(a_relative_path_begins_in_the_current_directory)
{
    ck_assert_int_eq(chdir(at("way")), 0);
    is_trusted("file");
    is_trusted("./file");
    is_trusted("../way//file");
}
END_TEST

START_TEST(the_way_to_the_current_directory_counts)
{
    ck_assert_int_eq(chdir(at("way")), 0);
    chmod(folder, 0777);
    is_refused("file", RDV_EACCES, both("the folder '%s' (mode 0777)", folder));
}
END_TEST

START_TEST(a_current_directory_that_is_gone_leads_nowhere)
{
    make_folder("gone", 0755);
    ck_assert_int_eq(chdir(at("gone")), 0);
    ck_assert_int_eq(rmdir(at("gone")), 0);
    is_refused("file", RDV_ENOTFOUND, "No such file");
}
END_TEST

START_TEST(what_is_not_there_is_told)
{
    is_refused(at("way/none"), RDV_ENOTFOUND, both("cannot open '%s/way/none'", folder));
    is_refused(at("none/file"), RDV_ENOTFOUND, "No such file");
    is_refused(at("way/file/more"), RDV_ENOTFOUND, "Not a directory");
    is_refused(at("way/file/"), RDV_ENOTFOUND, "Not a directory");
    is_refused("", RDV_ENOTFOUND, "No such file");
}
END_TEST

START_TEST(paths_that_are_too_long_are_refused)
{
    static char name[PATH_MAX + 300], long_path[2 * PATH_MAX];
    memset(name, 'n', NAME_MAX + 1);
    snprintf(long_path, sizeof long_path, "%s/%s", folder, name);
    is_refused(long_path, RDV_EIO, "cannot open");
    memset(name, 'n', PATH_MAX);
    is_refused(name, RDV_EIO, "cannot open");
    /* Short at each end, too long together. */
    memset(long_path, 0, sizeof long_path);
    while (strlen(long_path) < PATH_MAX - 10)
        strcat(long_path, "./././");
    long_path[PATH_MAX - 12] = '\0';
    make_link(long_path, "dots");
    ck_assert_int_eq(rdv__plat_check_trusted(at("dots"), &error), 0);
}
END_TEST

/* --------------------------------------------------------------- opening */

START_TEST(what_is_opened_is_what_was_looked_at)
{
    int fd;
    char *resolved, words[8];
    make_link("way/../way/./file", "link");
    ck_assert_int_eq(rdv__plat_open_trusted(at("link"), &fd, &resolved, &error), 0);
    ck_assert_str_eq(resolved, path);
    ck_assert_int_eq(read(fd, words, sizeof words), 5);
    ck_assert_int_eq(memcmp(words, "words", 5), 0);
    ck_assert_int_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    ck_assert_int_eq(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
    ck_assert_int_gt(fd, 3);
    rdv__plat_close(fd);
    rdv__plat_close(-1);
    free(resolved);
}
END_TEST

START_TEST(only_regular_files_are_opened)
{
    int fd = -7;
    ck_assert_int_eq(mkfifo(at("fifo"), 0600), 0);
    ck_assert_int_eq(rdv__plat_open_trusted(at("fifo"), &fd, NULL, &error), RDV_EINVAL);
    ck_assert_ptr_nonnull(strstr(error.text, "is not a regular file"));
    ck_assert_int_eq(rdv__plat_open_trusted(at("way"), &fd, NULL, &error), RDV_EINVAL);
    ck_assert_int_eq(rdv__plat_open_trusted("/", &fd, NULL, &error), RDV_EINVAL);
    ck_assert_int_eq(fd, -7);
}
END_TEST

int main(void)
{
    const char *no_root = geteuid() == 0 ? NULL : "needs root, to give files away";
    umask(022);
    Suite *suite = suite_create("trust");
    TCase *cases = tcase_create("trust");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, a_file_of_ones_own_in_folders_of_ones_own_is_trusted);
    tcase_add_test(cases, a_file_that_its_group_may_write_to_is_refused);
    tcase_add_test(cases, a_file_that_everybody_may_write_to_is_refused);
    tcase_add_test(cases, the_sticky_bit_of_a_file_means_nothing);
    tcase_add_test(cases, a_file_that_nobody_else_may_read_is_trusted);
    tcase_add_test(cases, a_folder_that_others_may_write_to_is_refused_wherever_it_is_on_the_way);
    tcase_add_test(cases, a_sticky_folder_may_be_passed_through);
    tcase_add_test(cases, a_sticky_folder_is_not_to_be_trusted_itself);
    rdv_test_add_unless(cases, a_file_of_another_user_is_refused, no_root);
    rdv_test_add_unless(cases, a_file_of_another_user_in_a_sticky_folder_is_refused, no_root);
    rdv_test_add_unless(cases, a_folder_of_another_user_is_refused_also_a_sticky_one, no_root);
    rdv_test_add_unless(cases, a_link_of_another_user_is_refused, no_root);
    rdv_test_add_unless(cases, an_ordinary_user_trusts_root_and_itself_and_nobody_else, no_root);
    rdv_test_add_unless(cases, who_may_not_read_is_told_so, no_root);
    tcase_add_test(cases, what_a_link_points_to_is_looked_at);
    tcase_add_test(cases, the_folders_that_a_link_leads_through_are_looked_at);
    tcase_add_test(cases, the_folder_above_is_that_of_a_links_target);
    tcase_add_test(cases, links_that_lead_nowhere_or_in_circles_are_told);
    tcase_add_test(cases, a_long_chain_of_links_is_followed);
    tcase_add_test(cases, a_relative_path_begins_in_the_current_directory);
    tcase_add_test(cases, the_way_to_the_current_directory_counts);
    tcase_add_test(cases, a_current_directory_that_is_gone_leads_nowhere);
    tcase_add_test(cases, what_is_not_there_is_told);
    tcase_add_test(cases, paths_that_are_too_long_are_refused);
    tcase_add_test(cases, what_is_opened_is_what_was_looked_at);
    tcase_add_test(cases, only_regular_files_are_opened);
    suite_add_tcase(suite, cases);
    return rdv_test_main(suite);
}
