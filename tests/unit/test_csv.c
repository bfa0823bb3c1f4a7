/* Tables of numbers: what is written, what is read and refused, and the line that the error names. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/fs.h"

static const struct csv_column g_columns[] = {{"iteration", 0, 1e6, true, false}, {"lr", 0, 1, false, false}};

static char g_path[256];

static const char *write_file(const char *text, size_t size)
{
    struct clr_error err = {0};

    (void)snprintf(g_path, sizeof g_path, "%s/t.csv", support_temp_dir());
    ck_assert_msg(fs_write_atomic(g_path, text, size, &err) == 0, "%s", err.message);
    return g_path;
}

START_TEST(test_csv__reads_rows_and_ignores_columns_behind)
{
    static const char text[] = "\xEF\xBB\xBFiteration,lr,note\r\n1,0.5,good\r\n20,1e-3,";
    struct csv csv;
    struct clr_error err = {0};

    ck_assert_int_eq(csv_read(&csv, write_file(text, sizeof text - 1), g_columns, 2, &err), 0);
    ck_assert_uint_eq(csv.rows, 2);
    ck_assert(csv_at(&csv, 0, 0) == 1 && csv_at(&csv, 0, 1) == 0.5);
    ck_assert(csv_at(&csv, 1, 0) == 20 && csv_at(&csv, 1, 1) == 1e-3);
    ck_assert(csv.lines[0] == 2 && csv.lines[1] == 3);
    ck_assert_str_eq(csv.path, g_path);
    csv_clear(&csv);
    ck_assert_ptr_null(csv.values);
}
END_TEST

START_TEST(test_csv__many_rows_grow)
{
    struct str text = {0};
    struct csv csv;

    str_append(&text, "iteration,lr\n");
    for (int i = 0; i < 5000; i++)
        str_append(&text, "%d,%.3f\n", i, i / 5000.0);
    ck_assert_int_eq(csv_read(&csv, write_file(text.text, text.length), g_columns, 2, NULL), 0);
    ck_assert_uint_eq(csv.rows, 5000);
    for (size_t i = 0; i < csv.rows; i++)
        ck_assert(csv_at(&csv, i, 0) == (double)i);
    csv_clear(&csv);
    str_clear(&text);
}
END_TEST

START_TEST(test_csv__a_field_that_may_lack_is_nan)
{
    static const struct csv_column columns[] = {{"iteration", 0, 1e6, true, false},
                                                {"val_acc", 0, 1, false, true}};
    static const char text[] = "iteration,val_acc\n1,0.5\n2,\n";
    struct csv csv;

    ck_assert_int_eq(csv_read(&csv, write_file(text, sizeof text - 1), columns, 2, NULL), 0);
    ck_assert_uint_eq(csv.rows, 2);
    ck_assert(csv_at(&csv, 0, 1) == 0.5 && isnan(csv_at(&csv, 1, 1)));
    csv_clear(&csv);
    ck_assert_int_eq(csv_read(&csv, write_file("iteration,val_acc\n,1\n", 21), columns, 2, NULL), CLR_EINPUT);
}
END_TEST

START_TEST(test_csv__header_alone_has_no_rows)
{
    struct csv csv;

    ck_assert_int_eq(csv_read(&csv, write_file("iteration,lr", 12), g_columns, 2, NULL), 0);
    ck_assert_uint_eq(csv.rows, 0);
    csv_clear(&csv);
}
END_TEST

static const struct {
    const char *text;
    size_t size; /* 0: strlen */
    int line;
    const char *says;
} g_bad[] = {
    {"", 0, 1, "empty"},
    {"iteration\n1\n", 0, 1, "lacks column 2, 'lr'"},
    {"lr,iteration\n1,2\n", 0, 1, "must be 'iteration'"},
    {"iteration,lr\n1,0.5\n2\n", 0, 3, "1 fields where the header has 2"},
    {"iteration,lr\n1,0.5,3\n", 0, 2, "3 fields"},
    {"iteration,lr\n1,nan\n", 0, 2, "lr is 'nan', not a finite number"},
    {"iteration,lr\n1,0.5\n2,inf\n", 0, 3, "not a finite number"},
    {"iteration,lr\n1,1e999\n", 0, 2, "not a finite number"},
    {"iteration,lr\n1,\n", 0, 2, "not a finite number"},
    {"iteration,lr\n1, 0.5\n", 0, 2, "not a finite number"},
    {"iteration,lr\n1,1.5\n", 0, 2, "between 0 and 1"},
    {"iteration,lr\n-1,0.5\n", 0, 2, "iteration is -1"},
    {"iteration,lr\n3.5,0.5\n", 0, 2, "iteration is '3.5' and must be a whole number"},
    {"iteration,lr\n1,0.5\n\n2,0.5\n", 0, 3, "blank line"},
    {"iteration,lr\n1,\"0.5\"\n", 0, 2, "quotes"},
    {"iteration,lr\n1,0.\0005\n", 21, 2, "zero byte"},
};

START_TEST(test_csv__errors_say_file_and_line)
{
    struct clr_error err = {0};
    struct csv csv = {.rows = 7, .columns = 7};
    char where[300];
    size_t size = g_bad[_i].size ? g_bad[_i].size : strlen(g_bad[_i].text);
    const char *path = write_file(g_bad[_i].text, size);

    ck_assert_int_eq(csv_read(&csv, path, g_columns, 2, &err), CLR_EINPUT);
    (void)snprintf(where, sizeof where, "%s:%d: ", path, g_bad[_i].line);
    ck_assert_msg(strncmp(err.message, where, strlen(where)) == 0, "'%s' does not start with '%s'",
                  err.message, where);
    ck_assert_msg(strstr(err.message, g_bad[_i].says) != NULL, "'%s' does not say '%s'", err.message,
                  g_bad[_i].says);
    ck_assert(csv.rows == 7 && csv.columns == 7 && csv.values == NULL);
}
END_TEST

START_TEST(test_csv__limits)
{
    struct str text = {0};
    struct clr_error err = {0};
    struct csv csv;

    str_append(&text, "iteration,lr");
    for (int i = 2; i < CSV_MAX_COLUMNS + 1; i++)
        str_append(&text, ",c%d", i);
    ck_assert_int_eq(csv_read(&csv, write_file(text.text, text.length), g_columns, 2, &err), CLR_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "more than 64 columns"));
    ck_assert_int_eq(csv_read(&csv, "/nonexistent/t.csv", g_columns, 2, &err), CLR_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "/nonexistent/t.csv"));
    str_clear(&text);
}
END_TEST

START_TEST(test_csv__writes_fields)
{
    static const char *const texts[] = {"plain text", "", "a,b", "\"b\"", "two\nlines", "cr\r"};
    static const double numbers[] = {0.1, NAN, -INFINITY, 1e9 + 0.5};
    struct str s = {0};

    csv_append_texts(&s, texts, MEM_COUNT(texts));
    csv_append_numbers(&s, numbers, MEM_COUNT(numbers), ";");
    csv_append_numbers(&s, numbers, 0, ";");
    ck_assert_str_eq(str_text(&s), "plain text,,\"a,b\",\"\"\"b\"\"\",\"two\nlines\",\"cr\r\",0.1,,,1e+09;");
    str_clear(&s);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("csv");
    TCase *tc = tcase_create("csv");

    tcase_add_test(tc, test_csv__reads_rows_and_ignores_columns_behind);
    tcase_add_test(tc, test_csv__many_rows_grow);
    tcase_add_test(tc, test_csv__a_field_that_may_lack_is_nan);
    tcase_add_test(tc, test_csv__header_alone_has_no_rows);
    tcase_add_loop_test(tc, test_csv__errors_say_file_and_line, 0, (int)MEM_COUNT(g_bad));
    tcase_add_test(tc, test_csv__limits);
    tcase_add_test(tc, test_csv__writes_fields);
    suite_add_tcase(suite, tc);
    return support_run(suite, true);
}
