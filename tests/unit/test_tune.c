/* Tuning records: what is stored is found again, damaged files are ignored, the nearest shape is found. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <clr/log.h>

#include "base/fs.h"
#include "ops/tuned.h"

static const struct clr_device cpu = {.type = CLR_DEVICE_CPU,
                                      .name = "Some CPU (TM) \xc3\xa9",
                                      .driver = "3.1",
                                      .platform_name = "A platform",
                                      .platform_version = "OpenCL 3.0",
                                      .native_float_width = 16};

static int g_warnings;
static char g_warning[1024];

static void count_warnings(void *user, enum clr_log_level level, const char *line)
{
    (void)user;
    if (level != CLR_LOG_WARNING)
        return;
    g_warnings++;
    (void)snprintf(g_warning, sizeof g_warning, "%s", line);
}

static struct tunedb *open_in(const char *dir, const struct clr_device *device)
{
    struct clr_error err = {0};
    struct tunedb *db = NULL;

    g_warnings = 0;
    clr_log_set_sink(count_warnings, NULL);
    ck_assert_msg(tunedb_open(&db, dir, device, &err) == 0, "%s", err.message);
    return db;
}

/* A convolution like quick's second one, on that many images of that size. */
static struct op_desc conv(int batch, int channels, int size, int outputs)
{
    struct op_desc d = {.kind = OP_CONV,
                        .label = "conv",
                        .bias = true,
                        .backward = true,
                        .need_dx = 1,
                        .x_count = 1,
                        .y_count = 1};

    d.u.conv = (struct conv_geometry){.c = channels,
                                      .h = size,
                                      .w = size,
                                      .oc = outputs,
                                      .kh = 5,
                                      .kw = 5,
                                      .sh = 1,
                                      .sw = 1,
                                      .ph = 2,
                                      .pw = 2,
                                      .dh = 1,
                                      .dw = 1,
                                      .group = 1};
    ck_assert_int_eq(geometry_conv(&d.u.conv, NULL), 0);
    d.x[0] = (struct shape){batch, channels, size, size};
    d.y[0] = (struct shape){batch, outputs, d.u.conv.oh, d.u.conv.ow};
    return d;
}

static struct tunedb_entry entry(const struct op_desc *d, enum op_pass pass, const char *variant)
{
    struct tunedb_entry e = {.ms = 5.125, .default_ms = 6.5};

    ck_assert(op_tune_key(&e.key, d, pass, 16));
    (void)snprintf(e.variant, sizeof e.variant, "%s", variant);
    return e;
}

/* The second candidate of a pass: one that is not the operator's own choice. */
static const char *other_variant(const struct op_desc *d, enum op_pass pass, char text[TUNEDB_VARIANT])
{
    struct op_variant candidates[OP_CANDIDATES_MAX];

    ck_assert_int_ge(op_candidates(candidates, OP_CANDIDATES_MAX, d, pass, &cpu, 16), 2);
    op_variant_text(&candidates[1], text, TUNEDB_VARIANT);
    return text;
}

/* A pass that an operator does not have has no variants. */
START_TEST(test_tune__no_variants_without_a_pass)
{
    struct op_variant candidates[OP_CANDIDATES_MAX];
    struct op_desc d[] = {conv(100, 32, 15, 32),
                          {.kind = OP_DENSE,
                           .label = "ip1",
                           .backward = true,
                           .x_count = 1,
                           .y_count = 1,
                           .x = {{100, 64, 4, 4}},
                           .y = {{100, 10, 1, 1}}}};

    for (size_t i = 0; i < MEM_COUNT(d); i++) {
        d[i].need_dx = 0;
        ck_assert_int_eq(op_candidates(candidates, 2, &d[i], OP_BACKWARD_DATA, &cpu, 16), 0);
        ck_assert_int_eq(op_candidates(candidates, 2, &d[i], OP_BACKWARD_WEIGHTS, &cpu, 16), 2);
        d[i].backward = false;
        ck_assert_int_eq(op_candidates(candidates, 2, &d[i], OP_BACKWARD_WEIGHTS, &cpu, 16), 0);
        ck_assert_int_eq(op_candidates(candidates, 2, &d[i], OP_FORWARD, &cpu, 16), 2);
    }
}
END_TEST

static void store(struct tunedb *db, const struct tunedb_entry *e)
{
    struct clr_error err = {0};

    ck_assert_msg(tunedb_store(db, e, &err) == 0, "%s", err.message);
}

START_TEST(test_tune__stores_and_finds)
{
    const char *dir = support_temp_dir();
    const struct op_desc d = conv(100, 32, 15, 32);
    struct tunedb_entry e = entry(&d, OP_FORWARD, "direct 5x2");
    struct clr_device other = cpu;
    struct tunedb *db = open_in(dir, &cpu);
    const struct tunedb_entry *found;
    struct tunedb_key key;

    ck_assert(tunedb_is_empty(db));
    ck_assert(!fs_exists(tunedb_path(db))); /* no file is made before there is something to write */
    store(db, &e);
    e.ms = 4.5;
    (void)snprintf(e.variant, sizeof e.variant, "%s", "direct 8x2");
    store(db, &e); /* replaces */
    tunedb_close(db);
    db = open_in(dir, &cpu);
    found = tunedb_find(db, &e.key);
    ck_assert_ptr_nonnull(found);
    ck_assert_str_eq(found->variant, "direct 8x2");
    ck_assert(fabs(found->ms - 4.5) < 1e-9 && fabs(found->default_ms - 6.5) < 1e-9);
    ck_assert_int_eq((int)strlen(found->when), 20);
    ck_assert(op_tune_key(&key, &d, OP_BACKWARD_DATA, 16));
    ck_assert_ptr_null(tunedb_find(db, &key));
    ck_assert(op_tune_key(&key, &d, OP_FORWARD, 8));
    ck_assert_ptr_null(tunedb_find(db, &key));
    tunedb_close(db);
    (void)snprintf(other.driver, sizeof other.driver, "%s", "3.2");
    db = open_in(dir, &other); /* another driver is another device */
    ck_assert(tunedb_is_empty(db));
    tunedb_close(db);
    ck_assert_int_eq(g_warnings, 0);
}
END_TEST

START_TEST(test_tune__merges_what_others_wrote)
{
    const char *dir = support_temp_dir();
    const struct op_desc d = conv(100, 32, 15, 32);
    const struct tunedb_entry forward = entry(&d, OP_FORWARD, "direct 5x2"),
                              data = entry(&d, OP_BACKWARD_DATA, "direct 7x2");
    struct tunedb_entry f = {.key = forward.key, .variant = "direct 15x1", .why = "wrong", .nmse = 0.25};
    struct tunedb *a = open_in(dir, &cpu), *b = open_in(dir, &cpu);
    char left[4096];

    (void)snprintf(left, sizeof left, "%s.tmp-1", tunedb_path(a)); /* of a process that was killed */
    ck_assert_int_eq(fs_write_atomic(left, "x", 1, NULL), 0);
    store(a, &forward);
    ck_assert(!fs_exists(left));
    store(b, &data); /* b was opened before a wrote */
    ck_assert_int_eq(tunedb_store(a, &f, NULL), 0);
    ck_assert_int_eq(tunedb_store(a, &f, NULL), 0);
    tunedb_close(b);
    b = open_in(dir, &cpu);
    ck_assert_ptr_nonnull(tunedb_find(b, &forward.key));
    ck_assert_ptr_nonnull(tunedb_find(b, &data.key));
    ck_assert_ptr_nonnull(tunedb_failed(b, &f.key, "direct 15x1"));
    ck_assert_str_eq(tunedb_failed(b, &f.key, "direct 15x1")->why, "wrong");
    ck_assert(tunedb_failed(b, &f.key, "direct 15x1")->nmse == 0.25);
    ck_assert_ptr_null(tunedb_failed(b, &f.key, "direct 5x2"));
    str_copy(f.variant, sizeof f.variant, "direct 5x2");
    ck_assert_int_eq(tunedb_avoid(b, &f, NULL), 0);
    store(b, &data);
    ck_assert_ptr_nonnull(
        tunedb_failed(b, &f.key, "direct 5x2")); /* still found, though the file does not have it */
    tunedb_close(b);
    b = open_in(dir, &cpu);
    ck_assert_ptr_null(tunedb_failed(b, &f.key, "direct 5x2"));
    tunedb_close(a);
    tunedb_close(b);
}
END_TEST

/* Replace the first `from` in the file by `to`; from NULL: all of it. */
static void spoil(const char *path, const char *original, const char *from, const char *to)
{
    struct str s = {0};
    const char *at = from ? strstr(original, from) : original;

    ck_assert_msg(at != NULL, "no %s in the record", from);
    str_append_bytes(&s, original, (size_t)(at - original));
    str_append(&s, "%s%s", to, from ? at + strlen(from) : "");
    ck_assert_int_eq(fs_write_atomic(path, str_text(&s), s.length, NULL), 0);
    str_clear(&s);
}

START_TEST(test_tune__ignores_damaged_records)
{
    static const struct {
        const char *from, *to, *says;
    } cases[] = {
        {NULL, "", "json:"},
        {NULL, "[]", "format"},
        {NULL, "{\"format\": 1}", "device"},
        {"\"failed\": []", "", "json:"},
        {"\"format\": 1", "\"format\": 2", "format"},
        {"\"format\": 1", "\"format\": \"1\"", "format"},
        {"\"driver\": \"3.1\"", "\"driver\": \"3.0\"", "driver"},
        {"\"driver\": \"3.1\"", "\"driver\": 3.1", "driver"},
        {"\"kernels\": \"", "\"kernels\": \"0", "kernels"},
        {"\"ms\": 5.125", "\"ms\": -1", "entries[0].ms"},
        {"\"ms\": 5.125", "\"ms\": \"5\"", "entries[0].ms"},
        {"\"ms\": 5.125", "\"ms\": 1e999", "json:"},
        {"\"ms\": 5.125", "\"mm\": 5", "entries[0].ms"},
        {"\"variant\": \"direct 5x2\"", "\"variant\": [5, 2]", "variant"},
        {"\"variant\": \"direct 5x2\"", "\"variant\": \"d\\u0000\"", "json:"},
        {"\"shape\": \"",
         "\"shape\": \"00000000000000000000000000000000000000000000000000000000000000000000000000"
         "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
         "entries[0].shape"},
        {"\"entries\": [", "\"entries\": [7, ", "operator"},
        {"\"entries\": [", "\"entries\": 5, \"more\": [", "entries"},
    };
    const char *dir = support_temp_dir();
    const struct op_desc d = conv(100, 32, 15, 32);
    const struct tunedb_entry e = entry(&d, OP_FORWARD, "direct 5x2");
    struct tunedb *db = open_in(dir, &cpu);
    char *original = NULL, path[512];
    size_t size;

    store(db, &e);
    (void)snprintf(path, sizeof path, "%s", tunedb_path(db));
    tunedb_close(db);
    ck_assert_int_eq(fs_read(path, 1 << 20, &original, &size, NULL), 0);
    for (size_t i = 0; i < MEM_COUNT(cases); i++) {
        spoil(path, original, cases[i].from, cases[i].to);
        db = open_in(dir, &cpu);
        ck_assert_msg(tunedb_is_empty(db) && g_warnings == 1, "case %zu: %d warnings", i, g_warnings);
        ck_assert_msg(strstr(g_warning, cases[i].says) && strstr(g_warning, path), "case %zu says: %s", i,
                      g_warning);
        tunedb_close(db);
    }
    for (size_t cut = 0; cut < size - 2; cut += 7) { /* the last bytes are "}\n" */
        ck_assert_int_eq(fs_write_atomic(path, original, cut, NULL), 0);
        db = open_in(dir, &cpu);
        ck_assert_msg(tunedb_is_empty(db) && g_warnings == 1, "cut at %zu: %d warnings", cut, g_warnings);
        tunedb_close(db);
    }
    db = open_in(dir, &cpu); /* a damaged one is replaced */
    store(db, &e);
    ck_assert_int_eq(g_warnings, 1);
    tunedb_close(db);
    db = open_in(dir, &cpu);
    ck_assert(!tunedb_is_empty(db) && g_warnings == 0);
    tunedb_close(db);
    free(original);
}
END_TEST

/* A file that cannot be read is not overwritten, as a damaged one is: its records would be lost. */
START_TEST(test_tune__refuses_what_cannot_be_read)
{
    static char huge[17 << 20];
    const char *dir = support_temp_dir();
    struct tunedb *db = open_in(dir, &cpu);
    struct clr_error err = {0};
    char path[512];

    (void)snprintf(path, sizeof path, "%s", tunedb_path(db));
    tunedb_close(db);
    ck_assert_int_eq(fs_write_atomic(path, huge, sizeof huge, NULL), 0);
    ck_assert_int_eq(tunedb_open(&db, dir, &cpu, &err), CLR_EINPUT);
    ck_assert_msg(strstr(err.message, path) && strstr(err.message, "bytes"), "%s", err.message);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(fs_make_dirs(path, NULL), 0);
    ck_assert_int_eq(tunedb_open(&db, dir, &cpu, &err), CLR_EINPUT);
    ck_assert_msg(strstr(err.message, path) && strstr(err.message, "folder"), "%s", err.message);
}
END_TEST

START_TEST(test_tune__keys_differ_by_geometry)
{
    struct op_desc a = conv(100, 32, 15, 32), b = a;
    struct tunedb_key first, second;

    ck_assert(op_tune_key(&first, &a, OP_FORWARD, 16));
    ck_assert_str_eq(first.operator, "convolution forward, kernel 5x5, stride 1x1, pad 2x2, dilation 1x1, "
                                     "group 1, block 16");
    ck_assert_str_eq(first.shape, "32x15x15 to 32, batch 100");
    b.u.conv.kw = 3;
    ck_assert(op_tune_key(&second, &b, OP_FORWARD, 16));
    ck_assert_str_ne(first.operator, second.operator);
    ck_assert_str_eq(first.shape, second.shape);
    a.kind = OP_ACCURACY;
    ck_assert(!op_tune_key(&first, &a, OP_FORWARD, 16));
}
END_TEST

START_TEST(test_tune__takes_what_was_measured)
{
    const char *dir = support_temp_dir();
    const struct op_desc measured = conv(100, 32, 15, 32);
    struct op_desc same = measured, near = conv(100, 32, 14, 32), batch = conv(1000, 32, 15, 32),
                   far = conv(100, 32, 7, 64), block = measured;
    enum op_origin origin[OP_PASS_COUNT];
    char variant[TUNEDB_VARIANT], taken[TUNEDB_VARIANT];
    struct tunedb *db = open_in(dir, &cpu);
    struct tunedb_entry e = entry(&measured, OP_FORWARD, other_variant(&measured, OP_FORWARD, variant));

    store(db, &e);
    op_tuned(&same, origin, db, &cpu, 16);
    ck_assert_int_eq(origin[OP_FORWARD], OP_ORIGIN_TUNED);
    ck_assert_int_eq(origin[OP_BACKWARD_DATA], OP_ORIGIN_DEFAULT);
    op_variant_text(&same.variant[OP_FORWARD], taken, sizeof taken);
    ck_assert_str_eq(taken, variant);
    ck_assert_str_eq(same.variant[OP_BACKWARD_DATA].algorithm, "");
    op_tuned(&near, origin, db, &cpu, 16);
    ck_assert_int_eq(origin[OP_FORWARD], OP_ORIGIN_NEAREST);
    op_variant_text(&near.variant[OP_FORWARD], taken, sizeof taken);
    ck_assert_str_eq(taken, variant);
    op_tuned(&batch, origin, db, &cpu, 16);
    ck_assert_int_eq(origin[OP_FORWARD], OP_ORIGIN_NEAREST);
    op_tuned(&far, origin, db, &cpu, 16);
    ck_assert_int_eq(origin[OP_FORWARD], OP_ORIGIN_DEFAULT);
    op_tuned(&block, origin, db, &cpu, 8);
    ck_assert_int_eq(origin[OP_FORWARD], OP_ORIGIN_DEFAULT);
    op_tuned(&block, origin, NULL, &cpu, 16);
    ck_assert_int_eq(origin[OP_FORWARD], OP_ORIGIN_DEFAULT);
    block.backward = false;
    block.need_dx = 0;
    op_tuned(&block, origin, db, &cpu, 16);
    ck_assert_int_eq(origin[OP_FORWARD], OP_ORIGIN_TUNED);
    ck_assert_int_eq(origin[OP_BACKWARD_WEIGHTS], OP_ORIGIN_NONE);
    ck_assert_int_eq(g_warnings, 0);
    tunedb_close(db);
}
END_TEST

START_TEST(test_tune__prefers_the_nearest_shape)
{
    const char *dir = support_temp_dir();
    const struct op_desc farther = conv(100, 32, 12, 32), nearer = conv(100, 32, 16, 32);
    struct op_desc d = conv(100, 32, 15, 32);
    struct op_variant candidates[OP_CANDIDATES_MAX];
    enum op_origin origin[OP_PASS_COUNT];
    struct tunedb *db = open_in(dir, &cpu);
    char text[TUNEDB_VARIANT], taken[TUNEDB_VARIANT];
    struct tunedb_entry e;

    ck_assert_int_ge(op_candidates(candidates, OP_CANDIDATES_MAX, &d, OP_FORWARD, &cpu, 16), 3);
    op_variant_text(&candidates[1], text, sizeof text);
    e = entry(&farther, OP_FORWARD, text);
    store(db, &e);
    op_variant_text(&candidates[2], text, sizeof text);
    e = entry(&nearer, OP_FORWARD, text);
    store(db, &e);
    op_tuned(&d, origin, db, &cpu, 16);
    ck_assert_int_eq(origin[OP_FORWARD], OP_ORIGIN_NEAREST);
    op_variant_text(&d.variant[OP_FORWARD], taken, sizeof taken);
    ck_assert_str_eq(taken, text);
    tunedb_close(db);
}
END_TEST

/* Replaced variants are reported, whether they were the operator's own choice or a record's. */
START_TEST(test_tune__reports_what_was_replaced)
{
    struct op_desc d = conv(100, 32, 15, 32);
    struct op_variant candidates[OP_CANDIDATES_MAX];
    enum op_origin origin[OP_PASS_COUNT];
    struct tunedb *db = open_in(support_temp_dir(), &cpu);
    struct tunedb_entry own = {.why = "wrong"}, tuned = {.why = "crashed"};
    struct tunedb_entry e;
    const struct tunedb_entry *failure;

    ck_assert_int_ge(op_candidates(candidates, OP_CANDIDATES_MAX, &d, OP_FORWARD, &cpu, 16), 3);
    op_variant_text(&candidates[0], own.variant, sizeof own.variant);
    op_variant_text(&candidates[2], tuned.variant, sizeof tuned.variant);
    ck_assert(op_tune_key(&own.key, &d, OP_FORWARD, 16));
    tuned.key = own.key;
    op_tuned(&d, origin, db, &cpu, 16);
    ck_assert_ptr_null(op_replaced(&d, OP_FORWARD, db, &cpu, 16));
    ck_assert_int_eq(tunedb_avoid(db, &own, NULL), 0);
    op_tuned(&d, origin, db, &cpu, 16);
    ck_assert_int_eq(origin[OP_FORWARD], OP_ORIGIN_SECOND);
    failure = op_replaced(&d, OP_FORWARD, db, &cpu, 16);
    ck_assert_ptr_nonnull(failure);
    ck_assert_str_eq(failure->variant, own.variant);
    ck_assert_str_eq(failure->why, "wrong");
    ck_assert_ptr_null(op_replaced(&d, OP_BACKWARD_DATA, db, &cpu, 16));
    e = entry(&d, OP_FORWARD, tuned.variant); /* a record has the third: nothing is replaced */
    store(db, &e);
    ck_assert_ptr_null(op_replaced(&d, OP_FORWARD, db, &cpu, 16));
    ck_assert_int_eq(tunedb_avoid(db, &tuned, NULL), 0);
    failure = op_replaced(&d, OP_FORWARD, db, &cpu, 16);
    ck_assert_ptr_nonnull(failure);
    ck_assert_str_eq(failure->variant, tuned.variant);
    ck_assert_str_eq(failure->why, "crashed");
    tunedb_close(db);
}
END_TEST

/* An algorithm that was wrong is doubted: others come first, then its other tiles. One that crashed stays. */
START_TEST(test_tune__doubts_algorithms_that_were_wrong)
{
    struct op_desc d = conv(100, 32, 15, 32);
    struct op_variant c[OP_CANDIDATES_MAX];
    enum op_origin origin[OP_PASS_COUNT];
    const int count = op_candidates(c, OP_CANDIDATES_MAX, &d, OP_FORWARD, &cpu, 16);

    for (int crashed = 0; crashed < 2; crashed++) {
        struct tunedb *db = open_in(support_temp_dir(), &cpu);
        for (int i = 0; i < count; i++) {
            struct tunedb_entry e = {.why = "wrong"};
            if (i > 0 && strcmp(c[i].algorithm, c[i - 1].algorithm) == 0)
                continue;
            if (crashed)
                str_copy(e.why, sizeof e.why, "crashed");
            op_variant_text(&c[i], e.variant, sizeof e.variant);
            ck_assert(op_tune_key(&e.key, &d, OP_FORWARD, 16));
            ck_assert_int_eq(tunedb_avoid(db, &e, NULL), 0);
            op_tuned(&d, origin, db, &cpu, 16);
            ck_assert_int_eq(origin[OP_FORWARD], OP_ORIGIN_SECOND);
            if (i == 0)
                ck_assert((strcmp(d.variant[OP_FORWARD].algorithm, c[0].algorithm) == 0) == crashed);
        }
        ck_assert_str_eq(d.variant[OP_FORWARD].algorithm,
                         c[0].algorithm); /* all are doubted: its next tile */
        tunedb_close(db);
    }
}
END_TEST

START_TEST(test_tune__leaves_out_unknown_variants)
{
    static const char *const unknown[] = {"quantum 5x2", "direct 5x", "direct 61x61", "",
                                          "direct 5x2 ", "gemm x"};

    for (size_t i = 0; i < MEM_COUNT(unknown); i++) {
        const char *dir = support_temp_dir();
        struct op_desc d = conv(100, 32, 15, 32);
        enum op_origin origin[OP_PASS_COUNT];
        struct tunedb *db = open_in(dir, &cpu);
        const struct tunedb_entry e = entry(&d, OP_FORWARD, unknown[i]);
        store(db, &e);
        op_tuned(&d, origin, db, &cpu, 16);
        ck_assert_msg(origin[OP_FORWARD] == OP_ORIGIN_DEFAULT, "%s", unknown[i]);
        ck_assert_str_eq(d.variant[OP_FORWARD].algorithm, "");
        ck_assert_int_eq(g_warnings, 1);
        tunedb_close(db);
    }
}
END_TEST

START_TEST(test_tune__distance_is_symmetric_and_finite)
{
    const int a[] = {32, 15, 15, 32, 100}, b[] = {64, 7, 7, 64, 200}, zero[] = {0, 15, 15, 32, 100};

    ck_assert(op_tune_distance(a, a, 5) < 1e-12);
    ck_assert(fabs(op_tune_distance(a, b, 5) - op_tune_distance(b, a, 5)) < 1e-12);
    ck_assert(fabs(op_tune_distance(a, b, 5) - (2.5 * log(2.0) + 2.0 * log(15.0 / 7.0))) < 1e-12);
    ck_assert(isinf(op_tune_distance(a, zero, 5)));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tune");
    TCase *c = tcase_create("records");

    tcase_add_test(c, test_tune__no_variants_without_a_pass);
    tcase_add_test(c, test_tune__stores_and_finds);
    tcase_add_test(c, test_tune__merges_what_others_wrote);
    tcase_add_test(c, test_tune__ignores_damaged_records);
    tcase_add_test(c, test_tune__refuses_what_cannot_be_read);
    tcase_add_test(c, test_tune__keys_differ_by_geometry);
    tcase_add_test(c, test_tune__takes_what_was_measured);
    tcase_add_test(c, test_tune__prefers_the_nearest_shape);
    tcase_add_test(c, test_tune__reports_what_was_replaced);
    tcase_add_test(c, test_tune__doubts_algorithms_that_were_wrong);
    tcase_add_test(c, test_tune__leaves_out_unknown_variants);
    tcase_add_test(c, test_tune__distance_is_symmetric_and_finite);
    suite_add_tcase(suite, c);
    return support_run(suite, true);
}
