/* SPDX-License-Identifier: MIT */
/*
 * The strict scanner for JSON; scan.h says what it refuses. value.c calls it on every text before
 * cJSON sees it, so what comes after it may rely on well-formed input. The scanner doesn't call
 * itself: open containers are on a stack of RDV_DOCUMENT_DEPTH frames, and these two states take
 * turns:
 *
 *                     a scalar, or an empty container
 *                +------------------------------------+
 *                |                                    v
 *     --> begin_value() <--------------------- end_values() --> the end of the document
 *          |      ^     a comma: next value
 *          +------+
 *           a container: its first value
 *
 * Invariants: scan.values grows in the order in which values begin; the frame of a container has
 * the index of its value, whose `next` is filled in when the container is closed; keys holds the
 * keys of all open objects, the innermost one's last.
 */
#include "json/scan.h"

#include <assert.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rdvtask/document.h>

#include "base/error.h"
#include "base/utf8.h"
#include "json/path.h"
#include "json/string.h"

/*
 * Up to this many keys of an object are compared with each other as they come; more are sorted when
 * the object ends.
 */
#define FEW_KEYS 16

/* The size of the words about a fault, in bytes with the NUL. */
#define WORDS_SIZE 256

/* A key as it is written in the text, without its quotes. */
struct key {
    const char *text;
    uint32_t size;
    /* Whether it has a backslash in it. */
    bool escaped;
};

/* An array or object that is open. */
struct frame {
    uint32_t value;
    /* In an array, how many elements are complete. */
    uint32_t elements;
    /* In an object, where its keys begin among the scanner's. */
    uint32_t first_key;
    bool object;
    /* Whether an element or member is being read. */
    bool inside;
};

struct scanner {
    struct rdv__scan scan;
    const char *at, *end;
    size_t most_values;
    /* The room in scan.values. */
    size_t capacity;
    /* The opening quote of the key of the value that comes next, or NULL. */
    const char *key;
    struct key *keys;
    size_t key_count, key_capacity;
    struct frame frames[RDV_DOCUMENT_DEPTH];
    size_t depth;
    struct rdv_error *error;
};

/* ------------------------------------------------------------------ faults */

static int fail_at(struct scanner *scanner, const char *at, int code, const char *format, ...)
    RDV__PRINTF(4, 5);

static int fail_at(struct scanner *scanner, const char *at, int code, const char *format, ...)
{
    struct rdv__path_part steps[RDV_DOCUMENT_DEPTH];
    size_t depth = 0;
    char words[WORDS_SIZE];
    char path[sizeof scanner->error->path];
    int line, column;
    va_list arguments;

    if (!scanner->error)
        return code;
    for (size_t i = 0; i < scanner->depth; i++) {
        const struct frame *frame = &scanner->frames[i];
        if (!frame->inside)
            break;
        struct rdv__path_part *step = &steps[depth++];
        memset(step, 0, sizeof *step);
        step->element = frame->elements;
        if (frame->object) {
            bool innermost = i + 1 == scanner->depth;
            size_t keys = innermost ? scanner->key_count : scanner->frames[i + 1].first_key;
            step->key = scanner->keys[keys - 1].text;
            step->key_size = scanner->keys[keys - 1].size;
        }
    }
    rdv__path_write(steps, depth, path, sizeof path);
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    rdv__scan_place(&scanner->scan, (size_t)(at - scanner->scan.text), &line, &column);
    return rdv__fail_at(scanner->error, code, line, column, path, "%s", words);
}

/* Name what stands here for a person to read: 'x', 'NaN', byte 0x07. */
static const char *name_what_stands(const struct scanner *scanner, const char *at, char buffer[32])
{
    int size = 0;

    if (at == scanner->end)
        return "the end of the text";
    while (size < 16 && at + size < scanner->end &&
           ((at[size] >= 'a' && at[size] <= 'z') || (at[size] >= 'A' && at[size] <= 'Z')))
        size++;
    if (size > 0)
        snprintf(buffer, 32, "'%.*s'", size, at);
    else if (*at > 0x20 && *at < 0x7F)
        snprintf(buffer, 32, "'%c'", *at);
    else
        snprintf(buffer, 32, "byte 0x%02X", (unsigned)(unsigned char)*at);
    return buffer;
}

static int fail_expected(struct scanner *scanner, const char *expected)
{
    char buffer[32];
    const char *before = scanner->at;
    const char *hint = "";

    while (before > scanner->scan.text && strchr(" \t\r\n", before[-1]))
        before--;
    if (scanner->at < scanner->end) {
        if (*scanner->at == '/' || *scanner->at == '#')
            hint = " (JSON has no comments)";
        else if (*scanner->at == '\'')
            hint = " (JSON has double quotes only)";
        else if ((*scanner->at == '}' || *scanner->at == ']') && before > scanner->scan.text &&
                 before[-1] == ',')
            hint = " (is there a ',' too many?)";
    }
    return fail_at(scanner, scanner->at, RDV_ESYNTAX, "expected %s, but found %s%s", expected,
                   name_what_stands(scanner, scanner->at, buffer), hint);
}

/* ----------------------------------------------------------------- scalars */

static void skip_space(struct scanner *scanner)
{
    const char *at = scanner->at;

    while (at < scanner->end && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r'))
        at++;
    scanner->at = at;
}

static int add_value(struct scanner *scanner)
{
    struct rdv__scan *scan = &scanner->scan;

    if (scan->count == scanner->most_values)
        return fail_at(scanner, scanner->at, RDV_ELIMIT, "more than %lu values",
                       (unsigned long)scanner->most_values);
    if (scan->count == scanner->capacity) {
        size_t capacity = scanner->capacity ? scanner->capacity * 2 : 64;
        struct rdv__scan_value *values = realloc(scan->values, capacity * sizeof *values);
        if (!values)
            return rdv__fail(scanner->error, RDV_ENOMEM, "out of memory");
        scan->values = values;
        scanner->capacity = capacity;
    }
    const char *key = scanner->key ? scanner->key : scanner->at;
    scanner->key = NULL;
    scan->values[scan->count] = (struct rdv__scan_value){
        .offset = (uint32_t)(scanner->at - scan->text),
        .key = (uint32_t)(key - scan->text),
        .next = (uint32_t)scan->count + 1,
    };
    scan->count++;
    return 0;
}

/*
 * Skip the bytes of a string that are nothing special: no quote, no backslash, no control
 * character, and nothing beyond ASCII.
 */
static const char *skip_plain(const char *at, const char *end)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t highs = UINT64_C(0x8080808080808080);

    while (end - at >= 8) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        /*
         * The high bit of a byte is set where the subtraction borrows, or where it was set before.
         * At worst the loop stops too early, never too late.
         */
        uint64_t quotes = (word ^ (ones * '"')) - ones;
        uint64_t slashes = (word ^ (ones * '\\')) - ones;
        uint64_t controls = word - ones * 0x20;
        if ((quotes | slashes | controls | word) & highs)
            break;
        at += 8;
    }
    while (at < end && (unsigned char)*at >= 0x20 && (unsigned char)*at < 0x80 && *at != '"' &&
           *at != '\\')
        at++;
    return at;
}

/* Scan the character that begins here with a byte beyond ASCII. */
static int scan_character(struct scanner *scanner)
{
    const char *at = scanner->at;
    unsigned char lead = (unsigned char)*at;
    size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    size_t left = (size_t)(scanner->end - at);

    if (left < size) {
        size_t i = 1;
        while (i < left && ((unsigned char)at[i] & 0xC0u) == 0x80u)
            i++;
        if (i == left && lead >= 0xC2 && lead <= 0xF4)
            return fail_at(scanner, scanner->end, RDV_ESYNTAX, "the text ends inside a character");
    }
    if (left < size || !rdv__utf8_valid(at, size))
        return fail_at(scanner, at, RDV_ESYNTAX, "byte 0x%02X is not valid UTF-8 here",
                       (unsigned)lead);
    scanner->at += size;
    return 0;
}

enum { NOT_HEX = -1, CUT_SHORT = -2 };

/* Read the four digits of a \u escape. Returns their number, NOT_HEX or CUT_SHORT. */
static long hex4(const char *at, const char *end)
{
    long unit = 0;

    for (int i = 0; i < 4; i++, at++) {
        if (at == end)
            return CUT_SHORT;
        if (*at >= '0' && *at <= '9')
            unit = unit * 16 + (*at - '0');
        else if (*at >= 'a' && *at <= 'f')
            unit = unit * 16 + (*at - 'a' + 10);
        else if (*at >= 'A' && *at <= 'F')
            unit = unit * 16 + (*at - 'A' + 10);
        else
            return NOT_HEX;
    }
    return unit;
}

/* Read a whole \u escape. Returns its number, NOT_HEX or CUT_SHORT. */
static long unit_escape(const char *at, const char *end)
{
    if (at < end && *at != '\\')
        return NOT_HEX;
    if (end - at >= 2 && at[1] != 'u')
        return NOT_HEX;
    return end - at < 2 ? CUT_SHORT : hex4(at + 2, end);
}

/* Scan the escape sequence whose backslash is here. */
static int scan_escape(struct scanner *scanner)
{
    const char *at = scanner->at, *end = scanner->end;
    char buffer[32];

    if (end - at >= 2 && at[1] != '\0' && strchr("\"\\/bfnrt", at[1])) {
        scanner->at += 2;
        return 0;
    }
    if (end - at >= 2 && at[1] != 'u')
        return fail_at(scanner, at, RDV_ESYNTAX, "a backslash must not be followed by %s",
                       name_what_stands(scanner, at + 1, buffer));
    long unit = unit_escape(at, end), low = 0xDC00;
    if (unit >= 0xD800 && unit <= 0xDBFF)
        low = unit_escape(at + 6, end);
    if (unit == CUT_SHORT || low == CUT_SHORT)
        return fail_at(scanner, end, RDV_ESYNTAX, "the text ends inside a string");
    if (unit == NOT_HEX)
        return fail_at(scanner, at, RDV_ESYNTAX, "\\u must be followed by four hexadecimal digits");
    if (unit == 0)
        return fail_at(scanner, at, RDV_ESYNTAX, "the character \\u0000 is not allowed");
    if (low < 0xDC00 || low > 0xDFFF || (unit >= 0xDC00 && unit <= 0xDFFF))
        return fail_at(scanner, at, RDV_ESYNTAX, "\\u%04lx is half of a surrogate pair", unit);
    scanner->at += unit >= 0xD800 && unit <= 0xDBFF ? 12 : 6;
    return 0;
}

/*
 * Scan the string whose opening quote is here. If ret_key is given, it receives what is between the
 * quotes.
 */
static int scan_string(struct scanner *scanner, struct key *ret_key)
{
    const char *start = scanner->at + 1;
    bool escaped = false;

    scanner->at = start;
    for (;;) {
        int result = 0;
        scanner->at = skip_plain(scanner->at, scanner->end);
        if (scanner->at == scanner->end)
            return fail_at(scanner, scanner->end, RDV_ESYNTAX, "the text ends inside a string");
        if (*scanner->at == '"')
            break;
        if (*scanner->at == '\\') {
            escaped = true;
            result = scan_escape(scanner);
        } else if ((unsigned char)*scanner->at >= 0x80) {
            result = scan_character(scanner);
        } else {
            result = fail_at(scanner, scanner->at, RDV_ESYNTAX,
                             "control character 0x%02X must be escaped in a string",
                             (unsigned)*scanner->at);
        }
        if (result < 0)
            return result;
    }
    if (ret_key) {
        ret_key->text = start;
        ret_key->size = (uint32_t)(scanner->at - start);
        ret_key->escaped = escaped;
    }
    scanner->at++;
    return 0;
}

static const char *skip_digits(const char *at, const char *end)
{
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at;
}

/*
 * Whether a well-formed number rounds to a finite double. This is exact, and does without strtod(),
 * which depends on the locale.
 */
static bool finite_number(const char *at, const char *end)
{
    /*
     * The first digits of 2^1024 - 2^970, which has 309 of them; from this number on, doubles round
     * to infinity.
     */
    static const char limit[] = "1797693134862315807937289714053034150799341327100378269361737789";
    char digits[RDV__SCAN_NUMBER_MAX + 1] = {0};
    size_t count = 0;
    /* The number is 0.digits * 10^magnitude. */
    long magnitude = 0;
    bool fraction = false;

    for (at += *at == '-'; at < end && *at != 'e' && *at != 'E'; at++) {
        if (*at == '.') {
            fraction = true;
            continue;
        }
        if (count > 0 || *at != '0')
            digits[count++] = *at;
        if (fraction ? count == 0 : count > 0)
            magnitude += fraction ? -1 : 1;
    }
    if (count == 0)
        return true;
    if (at < end) {
        bool negative = at[1] == '-';
        long exponent = 0;
        for (at += at[1] == '-' || at[1] == '+' ? 2 : 1; at < end; at++)
            exponent = exponent < 1000000 ? exponent * 10 + (*at - '0') : exponent;
        magnitude += negative ? -exponent : exponent;
    }
    return magnitude < 309 || (magnitude == 309 && strcmp(digits, limit) < 0);
}

static int scan_number(struct scanner *scanner)
{
    const char *start = scanner->at, *end = scanner->end;
    const char *at = start + (*start == '-');
    const char *digits = at;
    /* Whether it is an integer, which is too short to be near any limit. */
    bool plain = true;

    at = skip_digits(at, end);
    scanner->at = at;
    if (at == digits)
        return fail_expected(scanner, "a digit after '-'");
    if (*digits == '0' && at > digits + 1)
        return fail_at(scanner, digits, RDV_ESYNTAX, "a number must not begin with 0");
    if (at < end && *at == '.') {
        scanner->scan.has_fractions = true;
        digits = at + 1;
        at = skip_digits(digits, end);
        scanner->at = at;
        if (at == digits)
            return fail_expected(scanner, "a digit after '.'");
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        plain = false;
        digits = at + 1;
        digits += digits < end && (*digits == '+' || *digits == '-');
        at = skip_digits(digits, end);
        scanner->at = at;
        if (at == digits)
            return fail_expected(scanner, "a digit in the exponent");
    }
    if (at - start > RDV__SCAN_NUMBER_MAX)
        return fail_at(scanner, start, RDV_ELIMIT, "the number is longer than %d bytes",
                       RDV__SCAN_NUMBER_MAX);
    if (!plain && !finite_number(start, at))
        return fail_at(scanner, start, RDV_ELIMIT, "the number is too large");
    return 0;
}

static int scan_literal(struct scanner *scanner, const char *literal)
{
    size_t size = strlen(literal);
    size_t left = (size_t)(scanner->end - scanner->at);

    if (left >= size && memcmp(scanner->at, literal, size) == 0) {
        scanner->at += size;
        return 0;
    }
    if (left < size && memcmp(scanner->at, literal, left) == 0) {
        return fail_at(scanner, scanner->end, RDV_ESYNTAX, "the text ends inside '%s'", literal);
    }
    return fail_expected(scanner, "a value");
}

/* -------------------------------------------------------------------- keys */

/*
 * Compare keys by their characters, however these are written. This is the order of their bytes in
 * UTF-8.
 */
static int compare_keys(const struct key *a, const struct key *b)
{
    if (!a->escaped && !b->escaped) {
        int order = memcmp(a->text, b->text, a->size < b->size ? a->size : b->size);
        return order != 0 ? order : (a->size > b->size) - (a->size < b->size);
    }
    const char *a_at = a->text, *a_end = a->text + a->size;
    const char *b_at = b->text, *b_end = b->text + b->size;
    while (a_at < a_end && b_at < b_end) {
        uint32_t a_character = rdv__unescape_next(&a_at);
        uint32_t b_character = rdv__unescape_next(&b_at);
        if (a_character != b_character)
            return a_character < b_character ? -1 : 1;
    }
    return (a_at < a_end) - (b_at < b_end);
}

/* Compare keys for qsort(): equal ones stay in the order in which they stand in the text. */
static int compare_for_sort(const void *a_item, const void *b_item)
{
    const struct key *a = a_item, *b = b_item;
    int order = compare_keys(a, b);

    return order != 0 ? order : (a->text > b->text) - (a->text < b->text);
}

static int fail_duplicate(struct scanner *scanner, const struct key *first,
                          const struct key *second)
{
    int line, column;

    /* The path in the error is to name this key. */
    scanner->keys[scanner->key_count - 1] = *second;
    scanner->frames[scanner->depth - 1].inside = true;
    rdv__scan_place(&scanner->scan, (size_t)(first->text - 1 - scanner->scan.text), &line, &column);
    return fail_at(scanner, second->text - 1, RDV_ESYNTAX,
                   "the same key twice in one object (first on line %d, column %d)", line, column);
}

/* Add a key to those of the innermost object, or fail if it is there already. */
static int add_key(struct scanner *scanner, const struct key *key)
{
    size_t first = scanner->frames[scanner->depth - 1].first_key;

    if (scanner->key_count == scanner->key_capacity) {
        size_t capacity = scanner->key_capacity ? scanner->key_capacity * 2 : 64;
        struct key *keys = realloc(scanner->keys, capacity * sizeof *keys);
        if (!keys)
            return rdv__fail(scanner->error, RDV_ENOMEM, "out of memory");
        scanner->keys = keys;
        scanner->key_capacity = capacity;
    }
    scanner->keys[scanner->key_count++] = *key;
    if (scanner->key_count - first > FEW_KEYS)
        return 0;
    for (size_t i = first; i < scanner->key_count - 1; i++) {
        const struct key *other = &scanner->keys[i];
        bool alike = other->size == key->size || other->escaped || key->escaped;
        if (alike && compare_keys(other, key) == 0) {
            struct key twin = *other;
            return fail_duplicate(scanner, &twin, key);
        }
    }
    return 0;
}

/*
 * Check the keys of the innermost object, which ends here: if it has many, find the first that
 * repeats another.
 */
static int check_many_keys(struct scanner *scanner)
{
    size_t first = scanner->frames[scanner->depth - 1].first_key;
    size_t count = scanner->key_count - first;
    if (count <= FEW_KEYS)
        return 0;

    /* This is not NULL, as there are keys. */
    struct key *keys = scanner->keys + first;
    size_t twin = 0;
    qsort(keys, count, sizeof *keys, compare_for_sort);
    for (size_t i = 1; i < count; i++)
        if (compare_keys(&keys[i - 1], &keys[i]) == 0 &&
            (twin == 0 || keys[i].text < keys[twin].text))
            twin = i;
    if (twin == 0)
        return 0;
    struct key one = keys[twin - 1], other = keys[twin];
    return fail_duplicate(scanner, &one, &other);
}

/* -------------------------------------------------------------- containers */

static int open_container(struct scanner *scanner)
{
    if (scanner->depth == RDV_DOCUMENT_DEPTH)
        return fail_at(scanner, scanner->at, RDV_ELIMIT, "nested deeper than %d levels",
                       RDV_DOCUMENT_DEPTH);
    struct frame *frame = &scanner->frames[scanner->depth++];
    frame->value = (uint32_t)(scanner->scan.count - 1);
    frame->elements = 0;
    frame->first_key = (uint32_t)scanner->key_count;
    frame->object = *scanner->at == '{';
    frame->inside = false;
    scanner->at++;
    return 0;
}

static int close_container(struct scanner *scanner)
{
    struct frame *frame = &scanner->frames[scanner->depth - 1];
    int result = frame->object ? check_many_keys(scanner) : 0;

    if (result < 0)
        return result;
    scanner->scan.values[frame->value].next = (uint32_t)scanner->scan.count;
    scanner->key_count = frame->first_key;
    scanner->depth--;
    scanner->at++;
    return 0;
}

/* Scan a key and its colon in an object; `first` says that no comma comes before it. */
static int scan_key(struct scanner *scanner, bool first)
{
    struct frame *frame = &scanner->frames[scanner->depth - 1];
    struct key key;
    int result;

    if (scanner->at == scanner->end || *scanner->at != '"')
        return fail_expected(scanner,
                             first ? "a key in double quotes or '}'" : "a key in double quotes");
    result = scan_string(scanner, &key);
    if (result == 0)
        result = add_key(scanner, &key);
    if (result < 0)
        return result;
    scanner->key = key.text - 1;
    frame->inside = true;
    skip_space(scanner);
    if (scanner->at == scanner->end || *scanner->at != ':')
        return fail_expected(scanner, "':' after the key");
    scanner->at++;
    skip_space(scanner);
    return 0;
}

/*
 * Begin the value that stands here: a scalar as a whole, and of a container what comes before its
 * first value. *ret_more says whether another value begins next.
 */
static int begin_value(struct scanner *scanner, bool *ret_more)
{
    *ret_more = false;
    if (scanner->at == scanner->end)
        return fail_expected(scanner, "a value");
    int result = add_value(scanner);
    if (result < 0)
        return result;
    switch (*scanner->at) {
    case '"':
        return scan_string(scanner, NULL);
    case 't':
        return scan_literal(scanner, "true");
    case 'f':
        return scan_literal(scanner, "false");
    case 'n':
        return scan_literal(scanner, "null");
    case '{':
    case '[': {
        bool object = *scanner->at == '{';
        result = open_container(scanner);
        if (result < 0)
            return result;
        skip_space(scanner);
        if (scanner->at < scanner->end && *scanner->at == (object ? '}' : ']'))
            return close_container(scanner);
        *ret_more = true;
        if (object)
            return scan_key(scanner, true);
        scanner->frames[scanner->depth - 1].inside = true;
        if (scanner->at == scanner->end)
            return fail_expected(scanner, "a value or ']'");
        return 0;
    }
    default:
        if (*scanner->at == '-' || (*scanner->at >= '0' && *scanner->at <= '9'))
            return scan_number(scanner);
        return fail_expected(scanner, "a value");
    }
}

/*
 * Close what ends after a value, up to a comma (*ret_more is true, and the next value follows) or
 * the end of the document.
 */
static int end_values(struct scanner *scanner, bool *ret_more)
{
    while (scanner->depth > 0) {
        struct frame *frame = &scanner->frames[scanner->depth - 1];
        int result;

        skip_space(scanner);
        frame->elements++;
        frame->inside = false;
        char c = scanner->at < scanner->end ? *scanner->at : '\0';
        if (c == ',') {
            scanner->at++;
            skip_space(scanner);
            *ret_more = true;
            if (frame->object)
                return scan_key(scanner, false);
            frame->inside = true;
            return 0;
        }
        if (c != (frame->object ? '}' : ']'))
            return fail_expected(scanner, frame->object ? "',' or '}'" : "',' or ']'");
        result = close_container(scanner);
        if (result < 0)
            return result;
    }
    *ret_more = false;
    return 0;
}

/*
 * Refuse what editors and shells of Windows write unless they are told otherwise: byte order marks
 * and UTF-16.
 */
static int check_encoding(struct scanner *scanner)
{
    const char *at = scanner->at;
    const ptrdiff_t size = scanner->end - at;

    if (size >= 3 && memcmp(at, "\xEF\xBB\xBF", 3) == 0)
        return fail_at(
            scanner, at, RDV_ESYNTAX,
            "the text begins with a byte order mark, which JSON forbids: save it as UTF-8 "
            "without a byte order mark");
    if (size >= 2 && (memcmp(at, "\xFF\xFE", 2) == 0 || memcmp(at, "\xFE\xFF", 2) == 0))
        return fail_at(scanner, at, RDV_ESYNTAX,
                       "the text is UTF-16: save it as UTF-8 without a byte order mark");
    return 0;
}

static int scan_document(struct scanner *scanner)
{
    bool more = true;
    int result = check_encoding(scanner);
    if (result < 0)
        return result;
    skip_space(scanner);
    while (result == 0 && more) {
        result = begin_value(scanner, &more);
        if (result == 0 && !more)
            result = end_values(scanner, &more);
    }
    if (result < 0)
        return result;
    skip_space(scanner);
    return scanner->at == scanner->end ? 0 : fail_expected(scanner, "nothing after the value");
}

int rdv__scan(const char *text, size_t size, size_t most_values, struct rdv__scan *ret_scan,
              struct rdv_error *error)
{
    struct scanner scanner;
    int result;

    if (size > RDV_DOCUMENT_MAX)
        return rdv__fail(error, RDV_ELIMIT, "the document is larger than %d MiB",
                         RDV_DOCUMENT_MAX / (1024 * 1024));
    memset(&scanner, 0, sizeof scanner);
    scanner.scan.text = text;
    scanner.scan.size = size;
    scanner.at = text;
    scanner.end = text + size;
    scanner.most_values = most_values;
    scanner.error = error;
    result = scan_document(&scanner);
    free(scanner.keys);
    if (result < 0)
        free(scanner.scan.values);
    else
        *ret_scan = scanner.scan;
    return result;
}

void rdv__scan_finish(struct rdv__scan *scan)
{
    free(scan->values);
    scan->values = NULL;
    scan->count = 0;
}

/* ---------------------------------------------------------------- places */

void rdv__scan_place_next(const struct rdv__scan *scan, struct rdv__scan_cursor *cursor,
                          size_t offset, int *ret_line, int *ret_column)
{
    assert(offset <= scan->size && offset >= cursor->offset);
    const char *end = scan->text + offset;
    const char *from = scan->text + cursor->offset;
    const char *line_break;

    while (from < end && (line_break = memchr(from, '\n', (size_t)(end - from))) != NULL) {
        from = line_break + 1;
        cursor->lines++;
        cursor->line_start = (size_t)(from - scan->text);
    }
    cursor->offset = offset;
    *ret_line = cursor->lines + 1;
    *ret_column = (int)(offset - cursor->line_start) + 1;
}

void rdv__scan_place(const struct rdv__scan *scan, size_t offset, int *ret_line, int *ret_column)
{
    struct rdv__scan_cursor cursor = {0};

    rdv__scan_place_next(scan, &cursor, offset, ret_line, ret_column);
}

void rdv__scan_path(const struct rdv__scan *scan, uint32_t value, char *buffer, size_t size)
{
    struct rdv__path_part steps[RDV_DOCUMENT_DEPTH];
    size_t depth = 0;

    assert(value < scan->count);
    for (uint32_t container = 0; container != value; depth++) {
        uint32_t child = container + 1;
        struct rdv__path_part *step = &steps[depth];
        memset(step, 0, sizeof *step);
        while (scan->values[child].next <= value) {
            child = scan->values[child].next;
            step->element++;
        }
        const struct rdv__scan_value *inner = &scan->values[child];
        if (inner->key != inner->offset) {
            const char *from = scan->text + inner->key + 1;
            const char *to = scan->text + inner->offset - 1;
            while (*to != '"')
                to--;
            step->key = from;
            step->key_size = (uint32_t)(to - from);
        }
        container = child;
    }
    rdv__path_write(steps, depth, buffer, size);
}
