/* The prototxt reader: what it accepts, the places that its errors name, and its limits. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/prototxt.h"

static int parse(struct prototxt *doc, const char *text, struct clr_error *err)
{
    return prototxt_parse(doc, "f", text, strlen(text), err);
}

START_TEST(test_prototxt__all_forms_of_a_field)
{
    static const char text[] = "# comment\n"
                               "i: 5, d : 0.5f; s: \"a\\n\\x41\\102\" 'b\"' # tail\n"
                               "b: true w: MAX\r\n"
                               "m { i: -1 } m: { i: 2 } m < i: 3 >\n"
                               "list: [1, 2,3] none: [] blocks: [{ i: 7 }, { i: 8 }]";
    static const char *const words[] = {"AVE", "MAX", NULL};
    struct prototxt doc;
    struct pt_reader r, sub;
    struct clr_error err;
    struct pt_field *f = NULL;
    const char *s;
    double d;
    bool b = false;
    int i, list[4], count, sum = 0;

    ck_assert_int_eq(parse(&doc, text, &err), 0);
    pt_open(&r, &doc, NULL);
    ck_assert_int_eq(pt_int(&r, "i", 0, 9, &i, &err), 1);
    ck_assert_int_eq(i, 5);
    ck_assert_int_eq(pt_double(&r, "d", 0, 9, &d, &err), 1);
    ck_assert(d == 0.5);
    ck_assert_int_eq(pt_text(&r, "s", &s, &err), 1);
    ck_assert_str_eq(s, "a\nABb\"");
    ck_assert_int_eq(pt_bool(&r, "b", &b, &err), 1);
    ck_assert(b);
    ck_assert_int_eq(pt_word(&r, "w", words, &i, &err), 1);
    ck_assert_int_eq(i, 1);
    ck_assert_int_eq(pt_ints(&r, "list", 0, 9, list, 4, &count, &err), 0);
    ck_assert(count == 3 && list[0] == 1 && list[1] == 2 && list[2] == 3);
    ck_assert_int_eq(pt_int(&r, "absent", 0, 9, &i, &err), 0);
    while (pt_next(&r, "m", &f)) {
        pt_open(&sub, &doc, f);
        ck_assert_int_eq(pt_int(&sub, "i", -9, 9, &i, &err), 1);
        sum = sum * 10 + i;
    }
    ck_assert_int_eq(sum, (-1 * 10 + 2) * 10 + 3);
    f = NULL;
    for (sum = 0; pt_next(&r, "blocks", &f); sum++)
        ck_assert_ptr_null(f->text);
    ck_assert_int_eq(sum, 2);
    ck_assert_int_eq(pt_close(&r, NULL, &err), 0);
    prototxt_clear(&doc);
}
END_TEST

START_TEST(test_prototxt__characters_by_their_number)
{
    /* a, ä, 中, 😀 as a pair, 😀 */
    static const char text[] = "s: '\\u0061\\u00e4\\u4E2d\\ud83d\\ude00\\U0001F600'";
    struct prototxt doc;
    struct pt_reader r;
    struct clr_error err;
    const char *s;

    ck_assert_int_eq(parse(&doc, text, &err), 0);
    pt_open(&r, &doc, NULL);
    ck_assert_int_eq(pt_text(&r, "s", &s, &err), 1);
    ck_assert_str_eq(s, "a\xc3\xa4\xe4\xb8\xad\xf0\x9f\x98\x80\xf0\x9f\x98\x80");
    prototxt_clear(&doc);
}
END_TEST

START_TEST(test_prototxt__whole_numbers_of_other_bases)
{
    static const struct {
        const char *text;
        int value;
    } cases[] = {{"i: 0", 0}, {"i: 0xA", 10}, {"i: -0x10", -16}, {"i: 05", 5}, {"i: 010", 8}, {"i: -7", -7}};
    struct prototxt doc;
    struct pt_reader r;
    struct clr_error err;

    for (size_t i = 0; i < MEM_COUNT(cases); i++) {
        int value = 99;
        ck_assert_int_eq(parse(&doc, cases[i].text, &err), 0);
        pt_open(&r, &doc, NULL);
        ck_assert_int_eq(pt_int(&r, "i", -20, 20, &value, &err), 1);
        ck_assert_int_eq(value, cases[i].value);
        prototxt_clear(&doc);
    }
}
END_TEST

START_TEST(test_prototxt__syntax_errors_point_at_the_place)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"a: 1\n  = 2", "f:2:3: unexpected '=' where a field name is expected"},
        {"a 1", "f:1:3: unexpected '1' where ':' or '{' after a field name is expected"},
        {"a:\n", "f:2:1: the file ends where a value is expected"},
        {"a", "f:1:2: the file ends where ':' or '{' after a field name is expected"},
        {"x { y: 1\n z {\n}\n", "f:4:1: the file ends inside the block that line 1 opens: '}' is missing"},
        {"x: 1 }", "f:1:6: unexpected '}' where a field name is expected"},
        {"x < y: 1 }", "f:1:10: unexpected '}' where a field name is expected"},
        {"s: \"abc\nd\"", "f:1:8: the string is not closed on its line: \" is missing"},
        {"s: 'abc", "f:1:8: the string is not closed on its line: ' is missing"},
        {"s: 'a\\q'", "f:1:7: unexpected 'q' where an escape"},
        {"s: 'a\\0'", "f:1:8: a string cannot hold the byte 0"},
        {"s: 'a\\777'", "f:1:10: a string cannot hold the byte 511"},
        {"s: '\\xg'", "f:1:7: digits of an escape are missing"},
        {"s: 'D:\\Update'", "f:1:9: digits of an escape are missing; the character \\ itself is written"},
        {"s: '\\u12'", "f:1:9: digits of an escape are missing"},
        {"s: '\\u0000'", "f:1:11: there is no character U+0000"},
        {"s: '\\ud83d\\u0041'", "f:1:17: there is no character U+D83D"},
        {"s: '\\ude00'", "f:1:11: there is no character U+DE00"},
        {"s: '\\U00110000'", "f:1:15: there is no character U+110000"},
        {"a: 1\n<<<<<<< one\nb: 1\n=======\nb: 2\n>>>>>>> two\n",
         "f:2:1: '<<<<<<<' marks a merge conflict: edit the file"},
        {"m {\n a: 1\n=======\n", "f:3:1: '=======' marks a merge conflict"},
        {"m: <\n a: 1\n>>>>>>> two\n", "f:3:2: '>>>>>>>' marks a merge conflict"},
        {"a:\n||||||| base\n", "f:2:1: '|||||||' marks a merge conflict"},
        {"a: <<<<<<< 1", "f:1:5: unexpected '<' where a field name is expected"},
        {"l: [1 2]", "f:1:7: unexpected '2' where ',' or ']' of a list"},
        {"l: [1,]", "f:1:7: unexpected ']' where a value is expected"},
        {"l: [[1]]", "f:1:5: unexpected '[' where a value is expected"},
        {"l [1]", "f:1:3: unexpected '[' where ':' or '{'"},
        {"a: 1 \x01", "f:1:6: unexpected byte 0x01 where a field name is expected"},
        {"\xc3\xa4: 1", "f:1:1: unexpected byte 0xc3 where a field name"},
    };
    struct prototxt doc;
    struct clr_error err;

    for (size_t i = 0; i < MEM_COUNT(cases); i++) {
        ck_assert_msg(parse(&doc, cases[i].text, &err) == CLR_EINPUT, "accepted: %s", cases[i].text);
        ck_assert_msg(strncmp(err.message, cases[i].message, strlen(cases[i].message)) == 0,
                      "'%s' gives '%s'", cases[i].text, err.message);
    }
}
END_TEST

/* The next call finds the reader in its initial state. */
#define FAILS(call) ck_assert_int_eq(call, CLR_EINPUT)

START_TEST(test_prototxt__values_are_checked)
{
    static const char text[] =
        "a: 1.5\nb: \"5\"\nc: word\nd { }\ne: 08\ng: 5000000000\nh: nan\nk: 1\nk: 2\nu: text";
    static const char *const words[] = {"MAX", "AVE", NULL};
    struct prototxt doc;
    struct pt_reader r, sub;
    struct clr_error err;
    const char *s = NULL;
    double d = 7, a;
    bool b = true;
    int i = 7;

    ck_assert_int_eq(parse(&doc, text, &err), 0);
    pt_open(&r, &doc, NULL);
    FAILS(pt_int(&r, "a", 0, 9, &i, &err));
    ck_assert_str_eq(err.message, "f:1:1: field 'a' is '1.5'; it takes a whole number from 0 to 9");
    FAILS(pt_int(&r, "b", 0, 9, &i, &err));
    ck_assert_str_eq(err.message, "f:2:1: field 'b' is '5'; it takes a whole number");
    FAILS(pt_bool(&r, "c", &b, &err));
    ck_assert_str_eq(err.message, "f:3:1: field 'c' is 'word'; it takes true or false");
    FAILS(pt_int(&r, "d", 0, 9, &i, &err));
    ck_assert_str_eq(err.message, "f:4:1: field 'd' is a block; it takes a whole number");
    FAILS(pt_int(&r, "e", 0, 99, &i, &err));
    FAILS(pt_int(&r, "g", 0, 99, &i, &err));
    FAILS(pt_double(&r, "h", -1, 1, &d, &err));
    FAILS(pt_double(&r, "g", -1, 1, &d, &err));
    FAILS(pt_int(&r, "k", 0, 9, &i, &err));
    ck_assert_str_eq(err.message, "f:9:1: field 'k' is given twice (first in line 8)");
    FAILS(pt_text(&r, "u", &s, &err));
    ck_assert_str_eq(err.message, "f:10:1: field 'u' is 'text'; it takes a string in quotes");
    FAILS(pt_word(&r, "u", words, &i, &err));
    ck_assert_str_eq(err.message, "f:10:1: field 'u' is 'text'; it takes one of: MAX, AVE");
    FAILS(pt_message(&r, "u", &sub, &err));
    ck_assert_str_eq(err.message, "f:10:1: field 'u' is 'text'; it takes a block { … }");
    /* reading goes on after a wrong value, and pt_finish() reports all of them, a line each */
    ck_assert_int_eq(pt_double(&r, "a", 0, 9, &a, &err), 1);
    ck_assert(a == 1.5);
    ck_assert_int_eq(pt_close(&r, NULL, &err), CLR_EINPUT);
    ck_assert_int_eq(pt_finish(&doc, CLR_EINPUT, &err), CLR_EINPUT);
    ck_assert_ptr_eq(strstr(err.message, "f:1:1: field 'a' is '1.5'; it takes a whole number from 0 to 9\n"
                                         "f:2:1: field 'b' is '5'; it takes a whole number\n"),
                     err.message);
    ck_assert(i == 7 && d == 7 && b && !s);
    prototxt_clear(&doc);
}
END_TEST

START_TEST(test_prototxt__what_nobody_read_is_an_error)
{
    static const char *const unsupported[] = {"axis", NULL};
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"m {\n  strde: 1\n}", "f:2:3: unknown field 'strde' in m: did you mean 'stride'?"},
        {"m { axis: 1 }", "f:1:5: field 'axis' is not supported in m"},
        {"m { stride: 1 momentum: 1 }", "f:1:15: unknown field 'momentum' in m; there are stride"},
    };
    struct prototxt doc;
    struct pt_reader r, sub;
    struct clr_error err;
    int i;

    for (size_t k = 0; k < MEM_COUNT(cases); k++) {
        ck_assert_int_eq(parse(&doc, cases[k].text, &err), 0);
        pt_open(&r, &doc, NULL);
        ck_assert_int_eq(pt_message(&r, "m", &sub, &err), 1);
        ck_assert_int_ge(pt_int(&sub, "stride", 0, 9, &i, &err), 0);
        ck_assert_int_eq(pt_close(&sub, unsupported, &err), CLR_EINPUT);
        ck_assert_str_eq(err.message, cases[k].message);
        prototxt_clear(&doc);
    }
}
END_TEST

/* Text of n times `piece`. */
static char *repeat(const char *piece, size_t n)
{
    size_t length = strlen(piece);
    char *text = malloc(n * length + 1);

    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < n; i++)
        memcpy(text + i * length, piece, length);
    text[n * length] = '\0';
    return text;
}

START_TEST(test_prototxt__hostile_sizes_are_refused)
{
    struct prototxt doc = {0};
    struct clr_error err;
    char *text;

    text = repeat("a{", PT_LIMIT_DEPTH);
    ck_assert_int_eq(parse(&doc, text, &err), CLR_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "is missing"));
    free(text);
    text = repeat("a{", 100000);
    ck_assert_int_eq(parse(&doc, text, &err), CLR_EINPUT);
    ck_assert_str_eq(err.message, "f:1:66: blocks are nested deeper than 32");
    free(text);
    text = repeat("a:1 ", PT_LIMIT_FIELDS - 1);
    ck_assert_int_eq(parse(&doc, text, &err), 0);
    prototxt_clear(&doc);
    free(text);
    text = repeat("a:1 ", PT_LIMIT_FIELDS);
    ck_assert_int_eq(parse(&doc, text, &err), CLR_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "more than 65536 fields"));
    free(text);
    text = repeat("#", PT_LIMIT_BYTES + 1);
    ck_assert_int_eq(parse(&doc, text, &err), CLR_EINPUT);
    free(text);
    text = repeat("a:'' ", 1000); /* the largest pool that a file can need */
    ck_assert_int_eq(parse(&doc, text, &err), 0);
    prototxt_clear(&doc);
    free(text);
}
END_TEST

/* Every prefix of a good file, and every file with one byte changed, ends with 0 or CLR_EINPUT. */
START_TEST(test_prototxt__damaged_files_never_crash)
{
    static const char text[] = "name: \"x\" layer { a: [1, 2] b: 'q\\x41' c < d: -1.5e3f > } # end";
    struct prototxt doc = {0};
    struct clr_error err;
    char copy[sizeof text];
    int rc;

    for (size_t n = 0; n < sizeof text; n++) {
        char *cut = malloc(n + 1); /* exactly n bytes, for the sanitizers */
        ck_assert_ptr_nonnull(cut);
        memcpy(cut, text, n);
        rc = prototxt_parse(&doc, "f", cut, n, &err);
        ck_assert(rc == 0 || rc == CLR_EINPUT);
        if (rc == 0)
            prototxt_clear(&doc);
        free(cut);
    }
    for (size_t n = 0; n < sizeof text - 1; n++) {
        for (int byte = 0; byte < 256; byte++) {
            memcpy(copy, text, sizeof text);
            copy[n] = (char)(unsigned char)byte;
            rc = prototxt_parse(&doc, "f", copy, sizeof text - 1, &err);
            ck_assert(rc == 0 || rc == CLR_EINPUT);
            if (rc == 0)
                prototxt_clear(&doc);
        }
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("prototxt");
    TCase *tc = tcase_create("prototxt");

    tcase_add_test(tc, test_prototxt__all_forms_of_a_field);
    tcase_add_test(tc, test_prototxt__characters_by_their_number);
    tcase_add_test(tc, test_prototxt__whole_numbers_of_other_bases);
    tcase_add_test(tc, test_prototxt__syntax_errors_point_at_the_place);
    tcase_add_test(tc, test_prototxt__values_are_checked);
    tcase_add_test(tc, test_prototxt__what_nobody_read_is_an_error);
    tcase_add_test(tc, test_prototxt__hostile_sizes_are_refused);
    tcase_add_test(tc, test_prototxt__damaged_files_never_crash);
    suite_add_tcase(s, tc);
    return support_run(s, true);
}
