/* Base floor: errors, checked sizes, strings, random numbers, atomic files, output sizes of layers. */
#include "support.h"

#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/history.h"
#include "base/fs.h"
#include "base/geometry.h"
#include "base/host.h"
#include "base/members.h"
#include "base/rng.h"
#include "base/smooth.h"
#include "base/str.h"

START_TEST(test_history__rows_of_a_table)
{
    static const uint64_t rows[][4] = {
        /* after, every, last → next */
        {0, 10, 25, 1},   {1, 10, 25, 10},
        {9, 10, 25, 10},  {10, 10, 25, 20},
        {20, 10, 25, 25}, {25, 10, 25, 0},
        {0, 0, 7, 1},     {1, 0, 7, 7},
        {7, 0, 7, 0},     {0, 5, 1, 1},
        {1, 5, 1, 0},     {10, 10, 20, 20},
        {1, 1, 3, 2},     {1, UINT64_MAX, UINT64_MAX, UINT64_MAX},
    };

    for (size_t i = 0; i < MEM_COUNT(rows); i++)
        ck_assert_uint_eq(history_next_row(rows[i][0], rows[i][1], rows[i][2]), rows[i][3]);
    ck_assert(history_has_row(1, 10, 25) && history_has_row(20, 10, 25) && history_has_row(25, 10, 25));
    ck_assert(!history_has_row(2, 10, 25) && !history_has_row(30, 10, 25));
}
END_TEST

START_TEST(test_error__prefix_keeps_code)
{
    struct clr_error err = {0};

    ck_assert_int_eq(clr_error_set(&err, CLR_EINPUT, "no file '%s'", "a"), CLR_EINPUT);
    clr_error_prefix(&err, "net %d", 3);
    ck_assert_int_eq(err.code, CLR_EINPUT);
    ck_assert_str_eq(err.message, "net 3: no file 'a'");
}
END_TEST

START_TEST(test_mem__products_that_overflow_are_refused)
{
    size_t n = 7;

    ck_assert(!clr_mul_size(&n, SIZE_MAX / 2, 3));
    ck_assert(!clr_add_size(&n, SIZE_MAX, 1));
    ck_assert_uint_eq(n, 7);
    ck_assert(clr_mul_size(&n, 6, 7) && n == 42);
}
END_TEST

START_TEST(test_str__numbers_are_parsed_whole_or_not_at_all)
{
    const char *bad[] = {"", " 1", "1 ", "1x", "nan", "inf", "1e999", "--1"};
    double d = 5;
    int i = 5;
    uint64_t u = 5;

    for (size_t k = 0; k < MEM_COUNT(bad); k++)
        ck_assert(!str_parse_double(bad[k], -1e300, 1e300, &d));
    ck_assert(!str_parse_int("3000000000", -10, 2147483647, &i));
    ck_assert(!str_parse_u64("-1", 0, 10, &u));
    ck_assert(!str_parse_u64("99999999999999999999", 0, UINT64_MAX, &u));
    ck_assert(d == 5 && i == 5 && u == 5);
    ck_assert(str_parse_double("2.5e-3", 0, 1, &d) && d == 2.5e-3);
    ck_assert(str_parse_u64("18446744073709551615", 0, UINT64_MAX, &u) && u == UINT64_MAX);
}
END_TEST

START_TEST(test_str__numbers_that_float32_has)
{
    ck_assert(str_fits_float(0.0) && str_fits_float(-1.5) && str_fits_float(1e-44) && str_fits_float(3e38));
    ck_assert(!str_fits_float(1e-50) && !str_fits_float(-1e-50) && !str_fits_float(1e39) &&
              !str_fits_float(NAN) && !str_fits_float(-INFINITY));
}
END_TEST

START_TEST(test_str__nearest_name)
{
    const char *names[] = {"stride", "pad", "kernel_size", NULL};

    ck_assert_str_eq(str_nearest("strde", names), "stride");
    ck_assert_str_eq(str_nearest("kernal_size", names), "kernel_size");
    ck_assert_ptr_null(str_nearest("momentum", names));
    ck_assert_ptr_null(str_nearest("BN", (const char *const[]){"LRN", NULL})); /* nothing of it would stay */
}
END_TEST

/* Known answers of Philox4x32-10, published with Random123 (kat_vectors). */
START_TEST(test_rng__known_answers)
{
    uint32_t r[4];

    rng_philox(0, 0, 0, 0, r);
    ck_assert(r[0] == 0x6627e8d5 && r[1] == 0xe169c58d && r[2] == 0xbc57ac4c && r[3] == 0x9b00dbd8);
    rng_philox(UINT64_MAX, UINT32_MAX, UINT32_MAX, UINT64_MAX, r);
    ck_assert(r[0] == 0x408f276d && r[1] == 0x41c83b0e && r[2] == 0xa20bc7c6 && r[3] == 0x6d5451fd);
}
END_TEST

START_TEST(test_rng__below_stays_below_and_is_even)
{
    int seen[7] = {0};

    for (uint64_t i = 0; i < 70000; i++)
        seen[rng_below(3, RNG_TEST, 0, i, 7)]++;
    for (int k = 0; k < 7; k++)
        ck_assert_int_lt(abs(seen[k] - 10000), 500);
}
END_TEST

START_TEST(test_fs__atomic_write_reads_back_and_leaves_nothing)
{
    const char *dir = support_temp_dir();
    struct clr_error err;
    char path[128], *data;
    size_t size;

    (void)snprintf(path, sizeof path, "%s/f", dir);
    ck_assert_int_eq(fs_write_atomic(path, "one", 3, &err), 0);
    ck_assert_int_eq(fs_write_atomic(path, "three", 5, &err), 0);
    ck_assert_int_eq(fs_read(path, 100, &data, &size, &err), 0);
    ck_assert_uint_eq(size, 5);
    ck_assert_str_eq(data, "three");
    free(data);
    ck_assert_int_eq(fs_read(path, 4, &data, &size, &err), CLR_EINPUT);
    (void)snprintf(path, sizeof path, "%s/no/f", dir);
    ck_assert_int_eq(fs_write_atomic(path, "x", 1, &err), CLR_EFAILED);
    ck_assert_int_eq(fs_read(dir, 4, &data, &size, &err), CLR_EINPUT);
}
END_TEST

START_TEST(test_str__utf8)
{
    static const char *const good[] = {
        "", "conv1", "r\xc3\xa9seau", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\x80",
                                      "r\xe9seau",
                                      "\xc0\xaf",
                                      "\xe0\x80\xaf",
                                      "\xed\xa0\x80",
                                      "\xf4\x90\x80\x80",
                                      "\xf8\x88\x80\x80\x80",
                                      "\xe2\x82",
                                      "\xc3",
                                      "\xf0\x9f\x98",
                                      "\xff"};

    for (size_t i = 0; i < MEM_COUNT(good); i++)
        ck_assert_msg(str_is_utf8(good[i]), "good %zu", i);
    for (size_t i = 0; i < MEM_COUNT(bad); i++)
        ck_assert_msg(!str_is_utf8(bad[i]), "bad %zu", i);
}
END_TEST

START_TEST(test_str__counts_with_their_nouns)
{
    static const struct {
        uint64_t value;
        const char *noun, *text;
    } rows[] = {{0, "byte", "0 bytes"},
                {1, "iteration", "1 iteration"},
                {2, "iteration", "2 iterations"},
                {999, "", "999"},
                {1000, "image", "1,000 images"},
                {1, "pass", "1 pass"},
                {10, "class", "10 classes"},
                {1234567, "", "1,234,567"},
                {UINT64_MAX, "byte", "18,446,744,073,709,551,615 bytes"}};
    char out[STR_COUNT];

    for (size_t i = 0; i < MEM_COUNT(rows); i++)
        ck_assert_str_eq(str_count(out, rows[i].value, rows[i].noun), rows[i].text);
}
END_TEST

START_TEST(test_str__bytes_in_the_unit_that_fits)
{
    static const struct {
        double bytes;
        const char *text;
    } rows[] = {{0, "0 B"},
                {1023, "1023 B"},
                {1024, "1.0 KiB"},
                {99 * 1024, "99.0 KiB"},
                {100 * 1024, "100 KiB"},
                {26214400, "25.0 MiB"},
                {16e9, "14.9 GiB"},
                {1e18, "909495 TiB"}};
    char out[STR_COUNT];

    for (size_t i = 0; i < MEM_COUNT(rows); i++)
        ck_assert_str_eq(str_bytes(out, rows[i].bytes), rows[i].text);
}
END_TEST

START_TEST(test_smooth__mean_and_deviation)
{
    static const double v[] = {1e9 + 1, 1e9 + 2, 1e9 + 6};
    const struct smooth_moments three = smooth_moments(v, 3), one = smooth_moments(v, 1),
                                none = smooth_moments(v, 0);

    ck_assert(three.mean == 1e9 + 3 && fabs(three.deviation - sqrt(7)) < 1e-12);
    ck_assert(one.mean == 1e9 + 1 && isnan(one.deviation) && isnan(none.mean) && isnan(none.deviation));
}
END_TEST

START_TEST(test_str__what_steers_a_terminal_is_masked)
{
    char text[] = "a\033[2J\tb\n\x7f r\xc3\xa9seau \xc2\x9b \xc2\xa0 \xc2";
    struct clr_error err;

    ck_assert_uint_eq(str_control("\r"), 1);
    ck_assert_uint_eq(str_control("\xc2\x80"), 2);
    ck_assert_uint_eq(str_control("\xc2\xa0") + str_control("\xc2") + str_control(""), 0);
    str_mask(text);
    ck_assert_str_eq(text, "a?[2J\tb\n? r\xc3\xa9seau ?? \xc2\xa0 \xc2");
    str_mask_name(text);
    ck_assert_str_eq(text, "a?[2J b ? r\xc3\xa9seau ?? \xc2\xa0 \xc2");
    clr_error_set(&err, CLR_EINPUT, "'%s' is no name", "\033]0;x\a");
    ck_assert_str_eq(err.message, "'?]0;x?' is no name");
    clr_error_prefix(&err, "%s", "\b");
    ck_assert_str_eq(err.message, "?: '?]0;x?' is no name");
}
END_TEST

START_TEST(test_fs__a_folder_needs_a_name)
{
    struct clr_error err;

    ck_assert_int_eq(fs_make_dirs("", &err), CLR_EFAILED);
    ck_assert_int_eq(fs_make_dirs("/", &err), 0);
}
END_TEST

START_TEST(test_fs__atomic_write_keeps_links_and_devices)
{
    const char *dir = support_temp_dir();
    struct clr_error err;
    struct stat st;
    char file[128], link[128], null[128], *data;
    size_t size;

    (void)snprintf(file, sizeof file, "%s/file", dir);
    (void)snprintf(link, sizeof link, "%s/link", dir);
    (void)snprintf(null, sizeof null, "%s/null", dir);
    ck_assert_int_eq(fs_write_atomic(file, "old", 3, &err), 0);
    ck_assert_int_eq(symlink("file", link), 0);
    ck_assert_int_eq(symlink("/dev/null", null), 0);
    ck_assert_int_eq(fs_write_atomic(link, "new", 3, &err), 0);
    ck_assert_int_eq(fs_write_atomic(null, "lost", 4, &err), 0);
    ck_assert(lstat(link, &st) == 0 && S_ISLNK(st.st_mode));
    ck_assert(lstat(null, &st) == 0 && S_ISLNK(st.st_mode));
    ck_assert_int_eq(fs_read(file, 100, &data, &size, &err), 0);
    ck_assert_str_eq(data, "new");
    free(data);
    if (access("/dev/full", W_OK) == 0)
        ck_assert_int_eq(fs_write_atomic("/dev/full", "x", 1, &err), CLR_EFAILED);
}
END_TEST

/* fs_check_file() refuses in advance what fs_write_atomic() would refuse. */
START_TEST(test_fs__whether_a_file_can_be_written)
{
    const char *dir = support_temp_dir();
    struct clr_error err;
    char path[128];

    ck_assert_int_eq(fs_check_file(dir, &err), CLR_EFAILED);
    ck_assert_msg(strstr(err.message, "it is a folder"), "%s", err.message);
    ck_assert_int_eq(fs_write_atomic(dir, "x", 1, &err), CLR_EFAILED);
    (void)snprintf(path, sizeof path, "%s/no/f", dir);
    ck_assert_int_eq(fs_check_file(path, &err), CLR_EFAILED);
    (void)snprintf(path, sizeof path, "%s/link", dir);
    ck_assert_int_eq(symlink("nowhere", path), 0);
    ck_assert_int_eq(fs_check_file(path, &err), CLR_EFAILED);
    ck_assert_int_eq(unlink(path), 0);
    (void)snprintf(path, sizeof path, "%s/f", dir);
    ck_assert_int_eq(fs_check_file(path, &err), 0);
    ck_assert(!fs_exists(path));
    ck_assert_int_eq(fs_write_atomic(path, "old", 3, &err), 0);
    ck_assert_int_eq(fs_check_file(path, &err), 0);
    ck_assert_int_eq(rmdir(dir), -1); /* the file is still there, and … */
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(rmdir(dir), 0); /* … nothing else */
    ck_assert_int_eq(fs_check_file("/dev/null", &err), 0);
}
END_TEST

static void *write_often(void *path)
{
    intptr_t failures = 0;

    for (int i = 0; i < 100; i++)
        failures += fs_write_atomic(path, "the same bytes", 14, NULL) < 0;
    return (void *)failures;
}

/* As two threads do that compile the same kernels, and save them. */
START_TEST(test_fs__threads_write_the_same_file)
{
    char path[128], *text;
    pthread_t other;
    void *failures;
    size_t size;

    (void)snprintf(path, sizeof path, "%s/file", support_temp_dir());
    ck_assert_int_eq(pthread_create(&other, NULL, write_often, path), 0);
    ck_assert_ptr_null(write_often(path));
    ck_assert_int_eq(pthread_join(other, &failures), 0);
    ck_assert_ptr_null(failures);
    ck_assert_int_eq(fs_read(path, 100, &text, &size, NULL), 0);
    ck_assert_str_eq(text, "the same bytes");
    free(text);
}
END_TEST

START_TEST(test_fs__lock_excludes)
{
    const char *dir = support_temp_dir();
    char path[128], host[100] = "", expected[160];
    struct fs_holder holder;
    struct clr_error err;
    int a, b;

    (void)snprintf(path, sizeof path, "%s/lock", dir);
    ck_assert_int_eq(fs_lock(path, &a, &err), 0);
    ck_assert_int_eq(fs_lock(path, &b, &err), CLR_EFAILED);
    (void)gethostname(host, sizeof host - 1);
    (void)snprintf(expected, sizeof expected, "is held by process %ld on %s", (long)getpid(), host);
    ck_assert_msg(strstr(err.message, expected), "%s", err.message);
    ck_assert(fs_lock_holder(&holder, path) && holder.pid == (long)getpid() &&
              strcmp(holder.host, host) == 0);
    fs_unlock(a);
    ck_assert_int_eq(fs_lock(path, &b, &err), 0);
    fs_unlock(b);
}
END_TEST

START_TEST(test_fs__left_overs_are_removed)
{
    static const char *const names[] = {"a.tmp-1",  "a.tmp-123", "a.tmp-", "a.tmp-1x",
                                        "ba.tmp-1", "a",         "a.tmp"};
    const char *dir = support_temp_dir();
    char *path;

    for (size_t i = 0; i < MEM_COUNT(names); i++) {
        ck_assert_int_eq(fs_join(&path, dir, names[i], NULL), 0);
        ck_assert_int_eq(fs_write_atomic(path, "x", 1, NULL), 0);
        free(path);
    }
    ck_assert_int_eq(fs_join(&path, dir, "a", NULL), 0);
    fs_remove_left_overs(path);
    fs_remove_left_overs("/nonexistent/a");
    for (size_t i = 0; i < MEM_COUNT(names); i++)
        ck_assert_msg(fs_exists_in(dir, names[i]) == (i > 1), "%s", names[i]);
    free(path);
}
END_TEST

START_TEST(test_fs__exists_in)
{
    const char *dir = support_temp_dir();
    char *path, lengthy[10000] = "";
    struct clr_error err;

    ck_assert_int_eq(fs_join(&path, dir, "is-there", &err), 0);
    ck_assert_msg(fs_write_atomic(path, "x", 1, &err) == 0, "%s", err.message);
    ck_assert(fs_exists_in(dir, "is-there"));
    ck_assert(!fs_exists_in(dir, "is-not"));
    memset(lengthy, '/', sizeof lengthy - 20); /* "////is-there": exists, but is too long */
    str_copy(lengthy + sizeof lengthy - 20, 20, "is-there");
    ck_assert(!fs_exists_in(dir, lengthy));
    free(path);
}
END_TEST

/* A value that is not whole must not be written. */
START_TEST(test_json__what_lacks_a_part_is_null)
{
    json_t *list = json_append(json_append(json_array(), json_integer(1)), json_integer(2));
    json_t *object = json_put(json_object(), "a", json_true());
    char *text = json_dumps(list, JSON_COMPACT);

    ck_assert_str_eq(text, "[1,2]");
    free(text);
    ck_assert_uint_eq(json_object_size(object), 1);
    ck_assert_ptr_null(json_append(list, NULL));
    ck_assert_ptr_null(json_put(object, "b", NULL));
    ck_assert_ptr_null(json_append(NULL, json_integer(1)));
    ck_assert_ptr_null(json_put(NULL, "a", json_integer(1)));
}
END_TEST

/* A double has no room for 2^53 + 1. */
START_TEST(test_members__counts_are_exact)
{
    struct counts {
        uint64_t most, odd;
        int least;
    } written = {INT64_MAX, (UINT64_C(1) << 53) + 1, INT_MIN}, read = {0};
    const struct member table[] = {{"most", MEMBER(MEMBER_COUNT, counts, most), 0, 1e19},
                                   {"odd", MEMBER(MEMBER_COUNT, counts, odd), 0, 1e19},
                                   {"least", MEMBER(MEMBER_INT, counts, least), INT_MIN, 0},
                                   {0}};
    struct clr_error err = {0};
    struct members_reader in = {.path = "counts", .err = &err};
    json_t *json = members_write(table, &written);
    char *text = json_dumps(json, JSON_COMPACT);

    ck_assert_str_eq(text, "{\"most\":9223372036854775807,\"odd\":9007199254740993,\"least\":-2147483648}");
    members_read(&in, json, table, &read);
    ck_assert_int_eq(in.rc, 0);
    ck_assert(read.most == written.most && read.odd == written.odd && read.least == written.least);
    json_decref(json);
    free(text);
}
END_TEST

START_TEST(test_fs__sha256)
{
    char text[FS_SHA256_TEXT];

    fs_sha256("abc", 3, text); /* FIPS 180-2, appendix B.1 */
    ck_assert_str_eq(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
END_TEST

START_TEST(test_geometry__pool_sizes_of_both_roundings)
{
    struct clr_error err;
    struct pool_geometry g = {.c = 1, .h = 32, .w = 15, .kh = 3, .kw = 3, .sh = 2, .sw = 2};

    g.rounding = POOL_FLOOR;
    ck_assert_int_eq(geometry_pool(&g, &err), 0);
    ck_assert(g.oh == 15 && g.ow == 7);
    g.rounding = POOL_CEIL;
    ck_assert_int_eq(geometry_pool(&g, &err), 0);
    ck_assert(g.oh == 16 && g.ow == 7);
    g.ph = g.pw = 1; /* the last window would start in the padding: dropped */
    g.h = 4;
    g.kh = 2;
    ck_assert_int_eq(geometry_pool(&g, &err), 0);
    ck_assert_int_eq(g.oh, 3);
    g.ph = 2;
    ck_assert_int_eq(geometry_pool(&g, &err), CLR_EINPUT);
    g = (struct pool_geometry){
        .c = 1, .h = 5, .w = 5, .kh = 1, .kw = 1, .sh = 3, .sw = 3, .rounding = POOL_CEIL};
    ck_assert_int_eq(geometry_pool(&g, &err), 0);
    ck_assert(g.oh == 2 && g.ow == 2); /* not a third one that starts after the image */
}
END_TEST

START_TEST(test_geometry__conv_sizes)
{
    struct clr_error err;
    struct conv_geometry g = {.c = 4,
                              .h = 11,
                              .w = 9,
                              .oc = 6,
                              .kh = 3,
                              .kw = 5,
                              .sh = 3,
                              .sw = 1,
                              .ph = 1,
                              .pw = 2,
                              .dh = 2,
                              .dw = 1,
                              .group = 2};

    ck_assert_int_eq(geometry_conv(&g, &err), 0);
    ck_assert(g.oh == 3 && g.ow == 9);
    g.group = 4;
    ck_assert_int_eq(geometry_conv(&g, &err), CLR_EINPUT);
    g.group = 1;
    g.kw = 14;
    ck_assert_int_eq(geometry_conv(&g, &err), CLR_EINPUT);
}
END_TEST

START_TEST(test_host__peak_memory_grows_with_what_is_touched)
{
    const size_t size = (size_t)96 << 20;
    const uint64_t before = host_peak_resident_bytes();
    uint64_t after;
    char *memory = NULL, cpu[128], os[128];

    ck_assert_uint_gt(before, 1 << 20);
    ck_assert_int_eq(mem_new(&memory, size, 1, "memory", NULL), 0);
    for (size_t i = 0; i < size; i += 512)
        ((volatile char *)memory)[i] = 1;
    after = host_peak_resident_bytes();
    free(memory);
    ck_assert_uint_ge(after, before + size / 2);
    ck_assert_uint_ge(host_peak_resident_bytes(), before + size / 2); /* a peak: freeing does not lower it */
    host_cpu(cpu, sizeof cpu);
    host_os(os, sizeof os);
    ck_assert(!strchr(cpu, '\n') && os[0]);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("base");
    TCase *tc = tcase_create("base");

    tcase_add_test(tc, test_history__rows_of_a_table);
    tcase_add_test(tc, test_error__prefix_keeps_code);
    tcase_add_test(tc, test_mem__products_that_overflow_are_refused);
    tcase_add_test(tc, test_str__numbers_are_parsed_whole_or_not_at_all);
    tcase_add_test(tc, test_str__numbers_that_float32_has);
    tcase_add_test(tc, test_str__nearest_name);
    tcase_add_test(tc, test_rng__known_answers);
    tcase_add_test(tc, test_rng__below_stays_below_and_is_even);
    tcase_add_test(tc, test_fs__atomic_write_reads_back_and_leaves_nothing);
    tcase_add_test(tc, test_str__utf8);
    tcase_add_test(tc, test_str__counts_with_their_nouns);
    tcase_add_test(tc, test_str__bytes_in_the_unit_that_fits);
    tcase_add_test(tc, test_smooth__mean_and_deviation);
    tcase_add_test(tc, test_str__what_steers_a_terminal_is_masked);
    tcase_add_test(tc, test_fs__a_folder_needs_a_name);
    tcase_add_test(tc, test_fs__atomic_write_keeps_links_and_devices);
    tcase_add_test(tc, test_fs__whether_a_file_can_be_written);
    tcase_add_test(tc, test_fs__threads_write_the_same_file);
    tcase_add_test(tc, test_fs__lock_excludes);
    tcase_add_test(tc, test_fs__sha256);
    tcase_add_test(tc, test_fs__exists_in);
    tcase_add_test(tc, test_fs__left_overs_are_removed);
    tcase_add_test(tc, test_json__what_lacks_a_part_is_null);
    tcase_add_test(tc, test_members__counts_are_exact);
    tcase_add_test(tc, test_geometry__pool_sizes_of_both_roundings);
    tcase_add_test(tc, test_geometry__conv_sizes);
    tcase_add_test(tc, test_host__peak_memory_grows_with_what_is_touched);
    suite_add_tcase(s, tc);
    return support_run(s, true);
}
