/* SPDX-License-Identifier: MIT */
/*
 * Which files can be trusted: those that nobody but the administrators, the system and the user of the process can have
 * changed. Wine keeps no access-control lists, and makes them up from the few bits that Unix has. So the tests of what a list may
 * say hand in lists.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/win/win.h"

#include <aclapi.h>
#include <sddl.h>
#include <winioctl.h>

#include "../system.h"
#include "harness.h"
#include "platform/platform.h"

#define ADMINISTRATORS L"O:BAG:BA"
#define INSTALLER      L"S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"
#define STRANGER       L"S-1-5-21-1-2-3-1001"

#define LINKS_MAX 63 /* that are followed */

static char folder[RDV_TEST_PATH]; /* each test has its own */
static char path[RDV_TEST_PATH];   /* folder/way/file, with backslashes */
static struct rdv_error error;

/* What the system is made to say: that something is a link, where it can't make any, or has these rights, where it keeps none,
 * as under Wine. */
static struct {
    wchar_t path[RDV_TEST_PATH], written[RDV_TEST_PATH];
    ULONG tag, flags; /* tag 0: not a link; what is written is its security descriptor */
} pretended[LINKS_MAX + 1];
static size_t pretended_count;

/* Return a path in the test's folder, as Windows writes it. */
static const char *at(const char *name)
{
    static char buffers[4][RDV_TEST_PATH];
    static unsigned next;
    char *buffer = buffers[next++ % 4];
    snprintf(buffer, RDV_TEST_PATH, "%s/%s", folder, name);
    for (char *slash = buffer; (slash = strchr(slash, '/')) != NULL;)
        *slash = '\\';
    return buffer;
}

static PSECURITY_DESCRIPTOR descriptor_of(const wchar_t *words)
{
    PSECURITY_DESCRIPTOR descriptor;
    ck_assert_msg(ConvertStringSecurityDescriptorToSecurityDescriptorW(words, SDDL_REVISION_1,
                                                                       &descriptor, NULL),
                  "'%ls': error %lu", words, GetLastError());
    return descriptor;
}

static void set_rights(const char *what, const wchar_t *words)
{
    PACL list;
    BOOL given, defaulted;
    PSECURITY_DESCRIPTOR descriptor = descriptor_of(words);
    wchar_t *wide = rdv__win_path(what);
    ck_assert(GetSecurityDescriptorDacl(descriptor, &given, &list, &defaulted));
    ck_assert_int_eq(
        SetNamedSecurityInfoW(wide, SE_FILE_OBJECT,
                              DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION, NULL,
                              NULL, list, NULL),
        0);
    free(wide);
    LocalFree(descriptor);
}

/* Only the user and the system may change it, and everybody may read it. */
static void close_to_others(const char *what)
{
    SECURITY_ATTRIBUTES private;
    LPWSTR words;
    wchar_t open[512];
    ck_assert_int_eq(rdv__win_private(&private), 0);
    ck_assert(ConvertSecurityDescriptorToStringSecurityDescriptorW(
        private.lpSecurityDescriptor, SDDL_REVISION_1, DACL_SECURITY_INFORMATION, &words, NULL));
    swprintf(open, 512, L"%ls(A;OICI;FRFX;;;WD)", words);
    set_rights(what, open);
    LocalFree(words);
    rdv__win_private_free(&private);
}

static void open_to_all(const char *what)
{
    set_rights(what, L"D:P(A;OICI;FA;;;WD)");
}

static void make_folder(const char *name)
{
    rdv_test_make_directory(at(name));
    close_to_others(at(name));
}

static void make_file(const char *name)
{
    rdv_test_write(at(name), "words", 5);
    close_to_others(at(name));
}

static void set_up(void)
{
    rdv_test_make_folder(folder, "trust");
    close_to_others(folder);
    make_folder("way");
    make_file("way/file");
    strcpy(path, at("way/file"));
    memset(&error, 0, sizeof error);
}

static void tear_down(void)
{
    ck_assert(SetCurrentDirectoryW(L"C:\\"));
    rdv_test_remove(folder);
    pretended_count = 0;
}

static void is_trusted(const char *what)
{
    int result = rdv__plat_check_trusted(what, &error);
    ck_assert_msg(result == 0, "%s: %s", what, error.text);
    rdv__file file = RDV__NO_FILE;
    result = rdv__plat_open_trusted(what, &file, NULL, &error);
    ck_assert_msg(result == 0, "%s: %s", what, error.text);
    rdv__plat_close(file);
}

/* Check that it is refused either way, in these words. */
static void is_refused(const char *what, int code, const char *words)
{
    rdv__file file = RDV__NO_FILE;
    char *resolved = (char *)"untouched";
    ck_assert_int_eq(rdv__plat_check_trusted(what, &error), code);
    ck_assert_int_eq(error.code, code);
    ck_assert_msg(strstr(error.text, words) != NULL, "'%s' is not in '%s'", words, error.text);
    ck_assert_int_eq(rdv__plat_check_trusted(what, NULL), code);
    ck_assert_int_eq(rdv__plat_open_trusted(what, &file, &resolved, &error), code);
    ck_assert(file == RDV__NO_FILE);
    ck_assert_str_eq(resolved, "untouched");
}

static const char *both(const char *format, ...)
{
    static char words[RDV_TEST_PATH + 64];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    return words;
}

/* Check how a list is judged, and who is named as having these rights (`who`; NULL is not checked). */
static void judges(const wchar_t *words, DWORD rights, enum rdv__win_security expected,
                   const wchar_t *who)
{
    union rdv__win_sid user;
    PSID other = NULL;
    LPWSTR name = NULL;
    PSECURITY_DESCRIPTOR descriptor = descriptor_of(words);
    ck_assert_int_eq(rdv__win_user(&user), 0);
    enum rdv__win_security security = rdv__win_judge(descriptor, &user, rights, &other);
    ck_assert_msg(security == expected, "'%ls': %d instead of %d", words, security, expected);
    if (who) {
        ck_assert(ConvertSidToStringSidW(other, &name));
        ck_assert_msg(wcscmp(name, who) == 0, "%ls instead of %ls", name, who);
        LocalFree(name);
    }
    LocalFree(descriptor);
}

/* --------------------------------------------------------------- its own */

START_TEST(a_file_of_ones_own_in_folders_of_ones_own_is_trusted)
{
    is_trusted(path);
    ck_assert_int_eq(rdv__plat_check_trusted(folder, &error), 0);
    ck_assert_int_eq(rdv__plat_check_trusted("C:\\", &error), 0);
}
END_TEST

#define USERS     L"S-1-5-32-545"
#define SIGNED_IN L"S-1-5-11"
#define EVERYBODY L"S-1-1-0"

START_TEST(a_file_that_its_group_may_write_to_is_refused)
{
    judges(ADMINISTRATORS L"D:(A;;FA;;;BA)(A;;FA;;;SY)(A;;FRFX;;;BU)", RDV__WIN_CHANGE,
           RDV__WIN_OURS, NULL);
    judges(ADMINISTRATORS L"D:(A;;FA;;;BA)(A;;FW;;;BU)", RDV__WIN_CHANGE, RDV__WIN_SHARED, USERS);
    judges(ADMINISTRATORS L"D:(A;;FA;;;BA)(A;;0x2;;;AU)", RDV__WIN_CHANGE, RDV__WIN_SHARED,
           SIGNED_IN);
}
END_TEST

START_TEST(a_file_that_everybody_may_write_to_is_refused)
{
    open_to_all(path);
    is_refused(path, RDV_EACCES, both("may write to the file '%s'", path));
    ck_assert_ptr_nonnull(strstr(error.text, "icacls"));
}
END_TEST

START_TEST(each_right_to_change_a_file_counts)
{
    static const wchar_t *const rights[] = {L"0x2",     L"0x4",     L"0x100",      L"0x10000",
                                            L"0x40000", L"0x80000", L"0x40000000", L"0x10000000"};
    wchar_t words[128];
    for (size_t i = 0; i < sizeof rights / sizeof *rights; i++) {
        swprintf(words, 128, ADMINISTRATORS L"D:(A;;FR;;;WD)(A;;%ls;;;WD)", rights[i]);
        judges(words, RDV__WIN_CHANGE, RDV__WIN_SHARED, EVERYBODY);
    }
    judges(ADMINISTRATORS L"D:(A;;0x1200a9;;;WD)", RDV__WIN_CHANGE, RDV__WIN_OURS, NULL);
}
END_TEST

START_TEST(what_has_no_list_of_rights_is_open_to_all)
{
    judges(ADMINISTRATORS, RDV__WIN_CHANGE, RDV__WIN_OPEN, NULL);
    judges(L"D:(A;;FA;;;BA)", RDV__WIN_CHANGE, RDV__WIN_OPEN, NULL); /* there is no owner, either */
    judges(ADMINISTRATORS L"D:", RDV__WIN_CHANGE, RDV__WIN_OURS, NULL);
}
END_TEST

START_TEST(rights_that_only_what_is_made_inside_gets_do_not_count)
{
    judges(ADMINISTRATORS L"D:(A;OICIIO;FA;;;WD)", RDV__WIN_CHANGE_FOLDER, RDV__WIN_OURS, NULL);
    judges(ADMINISTRATORS L"D:(A;OICI;FA;;;WD)", RDV__WIN_CHANGE_FOLDER, RDV__WIN_SHARED,
           EVERYBODY);
}
END_TEST

START_TEST(a_denial_takes_nothing_away_from_what_others_are_given)
{
    judges(ADMINISTRATORS L"D:(D;;FA;;;WD)(A;;FR;;;WD)", RDV__WIN_CHANGE, RDV__WIN_OURS, NULL);
    judges(ADMINISTRATORS L"D:(D;;FA;;;BG)(A;;FA;;;WD)", RDV__WIN_CHANGE, RDV__WIN_SHARED,
           EVERYBODY);
}
END_TEST

START_TEST(a_file_that_nobody_else_may_read_is_trusted)
{
    SECURITY_ATTRIBUTES private;
    LPWSTR words;
    ck_assert_int_eq(rdv__win_private(&private), 0);
    ck_assert(ConvertSecurityDescriptorToStringSecurityDescriptorW(
        private.lpSecurityDescriptor, SDDL_REVISION_1, DACL_SECURITY_INFORMATION, &words, NULL));
    ck_assert_ptr_null(wcsstr(words, L"WD"));
    set_rights(path, words);
    set_rights(at("way"), words);
    is_trusted(path);
    LocalFree(words);
    rdv__win_private_free(&private);
}
END_TEST

START_TEST(a_folder_that_others_may_write_to_is_refused_wherever_it_is_on_the_way)
{
    open_to_all(at("way"));
    is_refused(path, RDV_EACCES, both("may write to the folder '%s'", at("way")));
    close_to_others(at("way"));
    open_to_all(folder);
    is_refused(path, RDV_EACCES,
               both("may write to the folder '%.*s'", (int)strlen(folder), at("")));
}
END_TEST

/* The lists that Windows 10 has for a drive, for ProgramData and for Program Files. */
#define DRIVE                                                                      \
    L"O:" INSTALLER L"D:PAI(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)(A;OICI;0x1200a9;;;BU)" \
    L"(A;OICIIO;SDGXGWGR;;;AU)(A;;LC;;;AU)"
#define PROGRAM_DATA                                               \
    L"O:SYD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICIIO;GA;;;CO)" \
    L"(A;OICI;0x1200a9;;;BU)(A;CI;DCLCRPCR;;;BU)"
#define PROGRAM_FILES                                                            \
    L"O:" INSTALLER L"D:PAI(A;;FA;;;" INSTALLER L")(A;CIIO;GA;;;" INSTALLER L")" \
    L"(A;;0x1301bf;;;SY)(A;OICIIO;GA;;;SY)(A;;0x1301bf;;;BA)(A;OICIIO;GA;;;BA)"  \
    L"(A;;0x1200a9;;;BU)(A;OICIIO;GXGR;;;BU)(A;OICIIO;GA;;;CO)"

START_TEST(a_folder_that_others_may_only_add_to_may_be_passed_through)
{
    judges(DRIVE, RDV__WIN_CHANGE_WAY, RDV__WIN_OURS, NULL);
    judges(PROGRAM_DATA, RDV__WIN_CHANGE_WAY, RDV__WIN_OURS, NULL);
    judges(PROGRAM_FILES, RDV__WIN_CHANGE_WAY, RDV__WIN_OURS, NULL);
    judges(ADMINISTRATORS L"D:(A;;0x40;;;BU)", RDV__WIN_CHANGE_WAY, RDV__WIN_SHARED, USERS);
    judges(ADMINISTRATORS L"D:(A;;SD;;;BU)", RDV__WIN_CHANGE_WAY, RDV__WIN_SHARED, USERS);
}
END_TEST

START_TEST(a_folder_that_others_may_add_to_is_not_to_be_trusted_itself)
{
    judges(DRIVE, RDV__WIN_CHANGE_FOLDER, RDV__WIN_SHARED, SIGNED_IN);
    judges(PROGRAM_DATA, RDV__WIN_CHANGE_FOLDER, RDV__WIN_SHARED, USERS);
    judges(PROGRAM_FILES, RDV__WIN_CHANGE_FOLDER, RDV__WIN_OURS, NULL);
}
END_TEST

/* ---------------------------------------------------------------- others */

START_TEST(a_file_of_another_user_is_refused)
{
    judges(L"O:" STRANGER L"D:(A;;FR;;;WD)", RDV__WIN_CHANGE, RDV__WIN_FOREIGN, STRANGER);
    judges(L"O:BUD:(A;;FR;;;WD)", RDV__WIN_CHANGE, RDV__WIN_FOREIGN, USERS);
    judges(L"O:LSD:(A;;FR;;;WD)", RDV__WIN_CHANGE, RDV__WIN_FOREIGN, L"S-1-5-19");
}
END_TEST

START_TEST(an_ordinary_user_trusts_root_and_itself_and_nobody_else)
{
    union rdv__win_sid user;
    LPWSTR name;
    wchar_t words[256];
    ck_assert_int_eq(rdv__win_user(&user), 0);
    ck_assert(ConvertSidToStringSidW(&user, &name));
    swprintf(words, 256, L"O:%lsD:(A;;FA;;;%ls)(A;;FA;;;OW)(A;;FA;;;CO)", name, name);
    judges(words, RDV__WIN_CHANGE, RDV__WIN_OURS, NULL);
    swprintf(words, 256, L"O:%lsD:(A;;FA;;;%ls)(A;;FA;;;" STRANGER L")", name, name);
    judges(words, RDV__WIN_CHANGE, RDV__WIN_SHARED, STRANGER);
    judges(L"O:SYD:(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;" INSTALLER L")", RDV__WIN_CHANGE,
           RDV__WIN_OURS, NULL);
    judges(L"O:SYD:(A;;FA;;;SY)(A;;FA;;;S-1-5-80-1-2-3-4-5)", RDV__WIN_CHANGE, RDV__WIN_SHARED,
           L"S-1-5-80-1-2-3-4-5");
    LocalFree(name);
}
END_TEST

/* ----------------------------------------------------------------- links */

/* The content of a link: a tag, sizes and offsets, perhaps flags, and the path. */
static size_t write_link(USHORT *data, ULONG tag, ULONG flags, const wchar_t *target)
{
    bool symbolic = tag == IO_REPARSE_TAG_SYMLINK;
    size_t size = wcslen(target) * sizeof *target, begin = symbolic ? 20 : 16;
    memset(data, 0, begin);
    memcpy(data, &tag, sizeof tag);
    data[4] = 0;
    data[5] = (USHORT)size;
    if (symbolic)
        memcpy(data + 8, &flags, sizeof flags);
    memcpy((char *)data + begin, target, size);
    return begin + size;
}

static void leads_to(ULONG tag, ULONG flags, const wchar_t *written, const wchar_t *expected)
{
    USHORT data[256];
    wchar_t *target;
    bool relative;
    size_t size = write_link(data, tag, flags, written);
    ck_assert_int_eq(rdv__win_target(data, size, &target, &relative), 0);
    ck_assert_msg(wcscmp(target, expected) == 0, "%ls", target);
    ck_assert(relative == ((flags & 1) != 0));
    free(target);
}

static void leads_nowhere(ULONG tag, ULONG flags, const wchar_t *written, int more)
{
    USHORT data[256];
    wchar_t *target = NULL;
    bool relative;
    size_t size = write_link(data, tag, flags, written);
    ck_assert_int_ne(rdv__win_target(data, size + (size_t)more, &target, &relative), 0);
    ck_assert_ptr_null(target);
}

START_TEST(what_is_written_in_a_link_is_where_it_leads)
{
    leads_to(IO_REPARSE_TAG_MOUNT_POINT, 0, L"\\??\\C:\\a b", L"\\\\?\\C:\\a b");
    leads_to(IO_REPARSE_TAG_MOUNT_POINT, 0, L"\\??\\Volume{1}\\", L"\\\\?\\Volume{1}\\");
    leads_to(IO_REPARSE_TAG_SYMLINK, 0, L"\\??\\UNC\\server\\share", L"\\\\?\\UNC\\server\\share");
    leads_to(IO_REPARSE_TAG_SYMLINK, 1, L"..\\file", L"..\\file");
    leads_to(IO_REPARSE_TAG_SYMLINK, 1, L"\\rooted", L"\\rooted");
}
END_TEST

START_TEST(a_link_that_makes_no_sense_leads_nowhere)
{
    leads_nowhere(IO_REPARSE_TAG_SYMLINK, 0, L"C:\\plain", 0);
    leads_nowhere(IO_REPARSE_TAG_SYMLINK, 1, L"", 0);
    leads_nowhere(IO_REPARSE_TAG_SYMLINK, 1, L"cut", -1);
    leads_nowhere(IO_REPARSE_TAG_MOUNT_POINT, 0, L"\\??\\C:\\", -14);
    leads_nowhere(0xA0000099, 0, L"\\??\\C:\\", 0);
}
END_TEST

/* Make a folder a junction, which needs no special right. Returns false if this Windows can't. */
static bool put_link(const char *target, const char *where)
{
    ULONG data[256];
    USHORT *fields = (USHORT *)(void *)data;
    wchar_t written[RDV_TEST_PATH], *wide = rdv__win_wide(target);
    DWORD got;
    swprintf(written, RDV_TEST_PATH, L"\\??\\%ls", wide);
    free(wide);
    /* The path that is shown to people follows, and is empty here. Each has a NUL behind it that does not count. */
    size_t size = write_link(fields, IO_REPARSE_TAG_MOUNT_POINT, 0, written);
    memset((char *)data + size, 0, 4);
    fields[2] = (USHORT)(size + 4 - 8);
    fields[6] = (USHORT)(fields[5] + 2);
    wide = rdv__win_path(where);
    HANDLE link = CreateFileW(wide, GENERIC_WRITE, 0, NULL, OPEN_EXISTING, RDV__WIN_AS_IT_IS, NULL);
    free(wide);
    bool made = DeviceIoControl(link, FSCTL_SET_REPARSE_POINT, data, (DWORD)size + 4, NULL, 0, &got,
                                NULL) != 0;
    CloseHandle(link);
    return made;
}

static void pretend(ULONG tag, ULONG flags, const wchar_t *written, const char *name)
{
    wchar_t *wide = rdv__win_path(at(name));
    ck_assert_uint_le(pretended_count, LINKS_MAX);
    swprintf(pretended[pretended_count].path, RDV_TEST_PATH, L"\\\\?\\%ls", wide);
    wcscpy(pretended[pretended_count].written, written);
    pretended[pretended_count].tag = tag;
    pretended[pretended_count++].flags = flags;
    free(wide);
}

/* Return the index of this one, or their number if it is not among them. */
static size_t pretended_at(HANDLE handle)
{
    wchar_t where[RDV_TEST_PATH];
    size_t i = 0;
    if (pretended_count == 0 || GetFinalPathNameByHandleW(handle, where, RDV_TEST_PATH, 0) == 0)
        return pretended_count;
    while (i < pretended_count && _wcsicmp(pretended[i].path, where) != 0)
        i++;
    return i;
}

static FARPROC in_kernel32(const char *name)
{
    return GetProcAddress(GetModuleHandleW(L"kernel32.dll"), name);
}

static BOOL WINAPI get_information(HANDLE file, FILE_INFO_BY_HANDLE_CLASS what, LPVOID data,
                                   DWORD size)
{
    typedef BOOL(WINAPI * real_fn)(HANDLE, FILE_INFO_BY_HANDLE_CLASS, LPVOID, DWORD);
    size_t i = what == FileAttributeTagInfo ? pretended_at(file) : pretended_count;
    if (i == pretended_count || pretended[i].tag == 0)
        return ((real_fn)(uintptr_t)in_kernel32("GetFileInformationByHandleEx"))(file, what, data,
                                                                                 size);
    *(FILE_ATTRIBUTE_TAG_INFO *)data = (FILE_ATTRIBUTE_TAG_INFO){
        FILE_ATTRIBUTE_DIRECTORY | FILE_ATTRIBUTE_REPARSE_POINT, pretended[i].tag};
    return TRUE;
}

static BOOL WINAPI control_device(HANDLE device, DWORD what, LPVOID in, DWORD in_size, LPVOID out,
                                  DWORD out_size, LPDWORD ret_size, LPOVERLAPPED overlapped)
{
    typedef BOOL(WINAPI * real_fn)(HANDLE, DWORD, LPVOID, DWORD, LPVOID, DWORD, LPDWORD,
                                   LPOVERLAPPED);
    size_t i = what == FSCTL_GET_REPARSE_POINT ? pretended_at(device) : pretended_count;
    if (i == pretended_count)
        return ((real_fn)(uintptr_t)in_kernel32("DeviceIoControl"))(device, what, in, in_size, out,
                                                                    out_size, ret_size, overlapped);
    *ret_size = (DWORD)write_link(out, pretended[i].tag, pretended[i].flags, pretended[i].written);
    return TRUE;
}

static DWORD WINAPI get_security(HANDLE handle, SE_OBJECT_TYPE type, SECURITY_INFORMATION what,
                                 PSID *owner, PSID *group, PACL *list, PACL *audit,
                                 PSECURITY_DESCRIPTOR *ret_descriptor)
{
    size_t i = pretended_at(handle);
    if (i == pretended_count || pretended[i].tag != 0) {
        wchar_t where[RDV_TEST_PATH];
        ck_assert_uint_gt(GetFinalPathNameByHandleW(handle, where, RDV_TEST_PATH, 0), 0);
        return GetNamedSecurityInfoW(where, type, what, owner, group, list, audit, ret_descriptor);
    }
    *ret_descriptor = descriptor_of(pretended[i].written);
    return 0;
}

/* Calls of the system come here first, because the linker finds these. */
#ifdef _WIN64
#define IMPORTED(name, size) __asm__("__imp_" #name)
#else
#define IMPORTED(name, size) __asm__("__imp__" #name "@" #size)
#endif
extern void *const get_information_import IMPORTED(GetFileInformationByHandleEx, 16);
extern void *const control_device_import IMPORTED(DeviceIoControl, 32);
extern void *const get_security_import IMPORTED(GetSecurityInfo, 32);
void *const get_information_import = (void *)(uintptr_t)get_information;
void *const control_device_import = (void *)(uintptr_t)control_device;
void *const get_security_import = (void *)(uintptr_t)get_security;

START_TEST(the_folder_that_a_file_is_in_must_not_be_one_that_others_may_add_to)
{
    make_folder("way/deep");
    make_file("way/deep/file");
    pretend(0, 0, PROGRAM_DATA, "way");
    is_trusted(at("way/deep/file"));
    is_refused(path, RDV_EACCES, both("may write to the folder '%s'", at("way")));
}
END_TEST

START_TEST(who_owns_a_file_or_what_leads_to_it_counts)
{
    pretend(0, 0, L"O:" STRANGER L"D:(A;;FR;;;WD)", "way/file");
    is_refused(path, RDV_EACCES, both("the file '%s' belongs to S-1-5-21-1-2-3-1001", path));
    pretended_count = 0;
    pretend(0, 0, L"O:" STRANGER L"D:(A;;FR;;;WD)", "way");
    is_refused(path, RDV_EACCES, both("the folder '%s' belongs to", at("way")));
    pretended_count = 0;
    pretend(0, 0, ADMINISTRATORS, "way");
    is_refused(path, RDV_EACCES, both("'%s', which has no list of rights", at("way")));
}
END_TEST

static void make_link(const char *target, const char *name)
{
    wchar_t written[RDV_TEST_PATH];
    make_folder(name);
    if (put_link(target, at(name)))
        return;
    swprintf(written, RDV_TEST_PATH, L"\\??\\%hs", target);
    pretend(IO_REPARSE_TAG_MOUNT_POINT, 0, written, name);
}

START_TEST(what_a_link_points_to_is_looked_at)
{
    make_link(at("way"), "link");
    is_trusted(at("link/file"));
    open_to_all(path);
    is_refused(at("link/file"), RDV_EACCES, both("the file '%s'", path));
}
END_TEST

START_TEST(a_link_that_others_may_change_is_refused)
{
    make_link(at("way"), "link");
    open_to_all(at("link"));
    is_refused(at("link/file"), RDV_EACCES, both("may write to the link '%s'", at("link")));
}
END_TEST

START_TEST(the_folders_that_a_link_leads_through_are_looked_at)
{
    make_folder("way/deep");
    make_file("way/deep/file");
    make_folder("other");
    make_link(at("way/deep"), "other/jump");
    make_link(at("other/jump"), "link");
    is_trusted(at("link/file"));
    open_to_all(at("way"));
    is_refused(at("link/file"), RDV_EACCES, both("the folder '%s'", at("way")));
    close_to_others(at("way"));
    open_to_all(at("other"));
    is_refused(at("link/file"), RDV_EACCES, both("the folder '%s'", at("other")));
}
END_TEST

START_TEST(a_relative_link_begins_in_its_folder_or_at_the_root)
{
    char *resolved;
    rdv__file file;
    make_folder("way/deep");
    make_folder("way/deep/up");
    make_folder("way/deep/down");
    make_folder("way/deep/rooted");
    make_folder("way/deep/down/below");
    make_file("way/deep/down/below/file");
    pretend(IO_REPARSE_TAG_SYMLINK, 1, L"..\\.", "way/deep/up");
    is_trusted(at("way/deep/up/file"));
    pretend(IO_REPARSE_TAG_SYMLINK, 1, L"down\\below", "way/deep/rooted");
    ck_assert_int_eq(rdv__plat_open_trusted(at("way/deep/rooted/file"), &file, &resolved, &error),
                     0);
    ck_assert_str_eq(resolved, at("way/deep/down/below/file"));
    rdv__plat_close(file);
    free(resolved);

    wchar_t *wide = rdv__win_path(at("way"));
    pretended_count = 0;
    pretend(IO_REPARSE_TAG_SYMLINK, 1, wide + 2,
            "way/deep/rooted"); /* without the letter of the drive */
    is_trusted(at("way/deep/rooted/file"));
    free(wide);
}
END_TEST

START_TEST(links_that_lead_nowhere_or_in_circles_are_told)
{
    make_link(at("nothing"), "dangling");
    is_refused(at("dangling/file"), RDV_ENOTFOUND, "No such file");
    make_link(at("two"), "one");
    make_link(at("one"), "two");
    is_refused(at("one/file"), RDV_EIO, "cannot open");
}
END_TEST

START_TEST(a_long_chain_of_links_is_followed)
{
    char name[16], target[16] = "way";
    for (int i = 0; i <= LINKS_MAX; i++) {
        snprintf(name, sizeof name, "link%d", i);
        make_link(at(target), name);
        strcpy(target, name);
    }
    snprintf(name, sizeof name, "link%d/file", LINKS_MAX - 1);
    is_trusted(at(name));
    snprintf(name, sizeof name, "link%d/file", LINKS_MAX);
    is_refused(at(name), RDV_EIO, "cannot open");
}
END_TEST

/* ----------------------------------------------------------------- paths */

static void go_to(const char *where)
{
    wchar_t *wide = rdv__win_path(where);
    ck_assert(SetCurrentDirectoryW(wide));
    free(wide);
}

START_TEST(a_relative_path_begins_in_the_current_directory)
{
    go_to(at("way"));
    is_trusted("file");
    is_trusted("./file");
    is_trusted("../way//file");
    is_trusted("..\\way\\.\\file");
}
END_TEST

START_TEST(the_way_to_the_current_directory_counts)
{
    go_to(at("way"));
    open_to_all(folder);
    is_refused("file", RDV_EACCES, both("the folder '%.*s'", (int)strlen(folder), at("")));
}
END_TEST

START_TEST(what_is_not_there_is_told)
{
    is_refused(at("way/none"), RDV_ENOTFOUND, both("cannot open '%s'", at("way/none")));
    is_refused(at("none/file"), RDV_ENOTFOUND, "No such file");
    is_refused(at("way/file/more"), RDV_ENOTFOUND, "Not a directory");
    is_refused(at("way/file/"), RDV_ENOTFOUND, "Not a directory");
    is_refused("", RDV_ENOTFOUND, "No such file");
    is_refused("Q:/none", RDV_ENOTFOUND, "cannot open 'Q:/none'");
}
END_TEST

START_TEST(paths_that_are_too_long_are_refused)
{
    static char name[40000];
    memset(name, 'n', 300);
    ck_assert_int_ne(rdv__plat_check_trusted(at(name), &error), 0);
    memset(name, 'n', sizeof name - 1);
    ck_assert_int_ne(rdv__plat_check_trusted(name, &error), 0);
    ck_assert_ptr_nonnull(strstr(error.text, "cannot open"));
}
END_TEST

START_TEST(a_path_is_believed_in_whatever_form_it_is)
{
    char form[RDV_TEST_PATH + 8];
    strcpy(form, path);
    for (char *slash = form; (slash = strchr(slash, '\\')) != NULL;)
        *slash = '/';
    is_trusted(form);
    snprintf(form, sizeof form, "\\\\?\\%s", path);
    is_trusted(form);
    open_to_all(path);
    is_refused(form, RDV_EACCES, "may write to the file");
}
END_TEST

/* --------------------------------------------------------------- opening */

START_TEST(what_is_opened_is_what_was_looked_at)
{
    rdv__file file;
    char *resolved, words[8];
    DWORD size;
    ck_assert_int_eq(rdv__plat_open_trusted(at("way/../way/./file"), &file, &resolved, &error), 0);
    ck_assert_str_eq(resolved, path);
    ck_assert(ReadFile(file, words, sizeof words, &size, NULL));
    ck_assert_uint_eq(size, 5);
    ck_assert_int_eq(memcmp(words, "words", 5), 0);

    /* Nobody can change it while it is open, and others can read it. */
    wchar_t *wide = rdv__win_path(path);
    ck_assert(!DeleteFileW(wide));
    ck_assert(CreateFileW(wide, GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL,
                          OPEN_EXISTING, 0, NULL) == INVALID_HANDLE_VALUE);
    char *data;
    size_t length;
    ck_assert_int_eq(rdv__plat_read_file(path, 100, &data, &length, &error), 0);
    free(data);
    rdv__plat_close(file);
    rdv__plat_close(RDV__NO_FILE);
    ck_assert(DeleteFileW(wide));
    free(wide);
    free(resolved);
}
END_TEST

START_TEST(only_regular_files_are_opened)
{
    static const char *const others[] = {"C:\\", "NUL", "\\\\.\\pipe\\none"};
    rdv__file file = RDV__NO_FILE;
    ck_assert_int_eq(rdv__plat_open_trusted(at("way"), &file, NULL, &error), RDV_EINVAL);
    ck_assert_ptr_nonnull(strstr(error.text, "is not a regular file"));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        ck_assert_int_eq(rdv__plat_open_trusted(others[i], &file, NULL, &error), RDV_EINVAL);
    ck_assert(file == RDV__NO_FILE);
}
END_TEST

static void look_everywhere(void)
{
    is_trusted(path);
    is_refused(at("way/none"), RDV_ENOTFOUND, "No such file");
    is_refused(at("way/file/more"), RDV_ENOTFOUND, "Not a directory");
    open_to_all(path);
    is_refused(path, RDV_EACCES, "may write to the file");
    close_to_others(path);
}

START_TEST(nothing_is_left_open)
{
    /* What the system opens at its first use stays open. */
    look_everywhere();
    int before = rdv_test_descriptors();
    for (int i = 0; i < 10; i++)
        look_everywhere();
    ck_assert_int_eq(rdv_test_descriptors(), before);
}
END_TEST

/* --------------------------------------------------- what there is not here */

#define ONLY_A_NAME(name) \
    START_TEST(name)      \
    {                     \
    }                     \
    END_TEST

ONLY_A_NAME(the_sticky_bit_of_a_file_means_nothing)
ONLY_A_NAME(a_sticky_folder_may_be_passed_through)
ONLY_A_NAME(a_sticky_folder_is_not_to_be_trusted_itself)
ONLY_A_NAME(a_file_of_another_user_in_a_sticky_folder_is_refused)
ONLY_A_NAME(a_folder_of_another_user_is_refused_also_a_sticky_one)
ONLY_A_NAME(a_link_of_another_user_is_refused)
ONLY_A_NAME(who_may_not_read_is_told_so)
ONLY_A_NAME(the_folder_above_is_that_of_a_links_target)
ONLY_A_NAME(a_current_directory_that_is_gone_leads_nowhere)

int main(void)
{
    const char *no_sticky = "Windows has no sticky bit";
    const char *no_user = "needs another user, to own the file";
    Suite *suite = suite_create("trust");
    TCase *cases = tcase_create("trust");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, a_file_of_ones_own_in_folders_of_ones_own_is_trusted);
    tcase_add_test(cases, a_file_that_its_group_may_write_to_is_refused);
    tcase_add_test(cases, a_file_that_everybody_may_write_to_is_refused);
    tcase_add_test(cases, each_right_to_change_a_file_counts);
    tcase_add_test(cases, what_has_no_list_of_rights_is_open_to_all);
    tcase_add_test(cases, rights_that_only_what_is_made_inside_gets_do_not_count);
    tcase_add_test(cases, a_denial_takes_nothing_away_from_what_others_are_given);
    rdv_test_add_unless(cases, the_sticky_bit_of_a_file_means_nothing, no_sticky);
    tcase_add_test(cases, a_file_that_nobody_else_may_read_is_trusted);
    tcase_add_test(cases, a_folder_that_others_may_write_to_is_refused_wherever_it_is_on_the_way);
    rdv_test_add_unless(cases, a_sticky_folder_may_be_passed_through, no_sticky);
    rdv_test_add_unless(cases, a_sticky_folder_is_not_to_be_trusted_itself, no_sticky);
    tcase_add_test(cases, a_folder_that_others_may_only_add_to_may_be_passed_through);
    tcase_add_test(cases, a_folder_that_others_may_add_to_is_not_to_be_trusted_itself);
    tcase_add_test(cases, the_folder_that_a_file_is_in_must_not_be_one_that_others_may_add_to);
    tcase_add_test(cases, who_owns_a_file_or_what_leads_to_it_counts);
    tcase_add_test(cases, a_file_of_another_user_is_refused);
    rdv_test_add_unless(cases, a_file_of_another_user_in_a_sticky_folder_is_refused, no_sticky);
    rdv_test_add_unless(cases, a_folder_of_another_user_is_refused_also_a_sticky_one, no_sticky);
    rdv_test_add_unless(cases, a_link_of_another_user_is_refused, no_user);
    tcase_add_test(cases, an_ordinary_user_trusts_root_and_itself_and_nobody_else);
    rdv_test_add_unless(cases, who_may_not_read_is_told_so, no_user);
    tcase_add_test(cases, what_is_written_in_a_link_is_where_it_leads);
    tcase_add_test(cases, a_link_that_makes_no_sense_leads_nowhere);
    tcase_add_test(cases, what_a_link_points_to_is_looked_at);
    tcase_add_test(cases, a_link_that_others_may_change_is_refused);
    tcase_add_test(cases, a_relative_link_begins_in_its_folder_or_at_the_root);
    tcase_add_test(cases, the_folders_that_a_link_leads_through_are_looked_at);
    rdv_test_add_unless(cases, the_folder_above_is_that_of_a_links_target,
                        "Windows takes '..' away before it looks at links");
    tcase_add_test(cases, links_that_lead_nowhere_or_in_circles_are_told);
    tcase_add_test(cases, a_long_chain_of_links_is_followed);
    tcase_add_test(cases, a_relative_path_begins_in_the_current_directory);
    tcase_add_test(cases, the_way_to_the_current_directory_counts);
    rdv_test_add_unless(cases, a_current_directory_that_is_gone_leads_nowhere,
                        "Windows keeps it while a process is there");
    tcase_add_test(cases, what_is_not_there_is_told);
    tcase_add_test(cases, paths_that_are_too_long_are_refused);
    tcase_add_test(cases, a_path_is_believed_in_whatever_form_it_is);
    tcase_add_test(cases, what_is_opened_is_what_was_looked_at);
    tcase_add_test(cases, only_regular_files_are_opened);
    tcase_add_test(cases, nothing_is_left_open);
    suite_add_tcase(suite, cases);
    return rdv_test_main(suite);
}
