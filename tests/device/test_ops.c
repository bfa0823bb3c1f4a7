/*
 * Every operator against its reference, on every usable OpenCL device. Each case has one channel block and
 * the kernels of one layout or two, in turns, so that all are used; CPUs, whose compilers take a second for a
 * kernel with barriers, have only the subset's cases of those. CLR_TEST_LONG=1: every case, block and layout.
 * CLR_TEST_SMALL=1 or --small: the subset for emulators (Oclgrind, llvmpipe). CLR_TEST_DEVICE=P:D or part of
 * a name: that device only. --list names the cases; a word as argument runs the cases whose name contains it;
 * --quarter 0 … 3 runs every fourth geometry, so that processes share the work.
 */
#include "support.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/geometry.h"
#include "ocl/ocl.h"
#include "ops/op_class.h"
#include "verify/trial.h"

static const int blocks[] = {4, 8, 16};

static bool small;
static const char *filter;
static int quarter = -1; /* −1: all */
static struct clr_device *devices;
static size_t device_count;

/* Oclgrind and software renderers interpret or translate every work-item: the subset is enough. */
static bool is_slow(const struct clr_device *d)
{
    return str_contains_nocase(d->name, "oclgrind") || str_contains_nocase(d->name, "llvmpipe");
}

struct tally {
    int run, failed;
    double worst[OP_KIND_COUNT][VERIFY_OUTPUT_COUNT];
};

static void one(struct tally *t, struct ocl_context *ctx, const struct verify_case *c, int block,
                unsigned arrangements)
{
    struct verify_result r;
    struct clr_error err = {0};
    int rc = verify_case_run(ctx, c, block, arrangements, 1, &r, &err);

    t->run++;
    if (rc == 0 && r.ok && c->what == VERIFY_CASE_OP && !strstr(r.variant, c->desc.variant[0].algorithm)) {
        r.ok = false;
        str_copy(r.text, sizeof r.text, "not by the algorithm that it requests");
    }
    if (rc < 0 || !r.ok) {
        t->failed++;
        printf("FAILED  %s, channel block %d%s%s: %s\n", c->name, block, rc == 0 && *r.variant ? ", " : "",
               rc == 0 ? r.variant : "", rc < 0 ? err.message : r.text);
    }
    for (int o = 0; rc == 0 && c->what == VERIFY_CASE_OP && o < VERIFY_OUTPUT_COUNT; o++) {
        if (r.nmse[o] > t->worst[c->desc.kind][o])
            t->worst[c->desc.kind][o] = r.nmse[o];
    }
}

static void print_worst(const struct tally *t)
{
    for (int k = 0; k < OP_KIND_COUNT; k++) {
        for (int o = 0; o < VERIFY_OUTPUT_COUNT; o++) {
            if (t->worst[k][o] >= 0.0)
                printf("  %-14s %-7s worst NMSE %.1e, usual limit %.1e\n", op_class((enum op_kind)k)->name,
                       verify_output_name((enum verify_output)o), t->worst[k][o],
                       o == VERIFY_SAMPLE ? op_class((enum op_kind)k)->sample_nmse
                                          : op_class((enum op_kind)k)->nmse);
        }
    }
}

/* Those of case i in its block. Three algorithms of one geometry follow one another. Nine cases have each of
 * the three layouts, and then the blocks change, so that each algorithm has all blocks and layouts. */
static unsigned arrangements_of(int i, bool every, bool subset, bool spare)
{
    const unsigned basic = VERIFY_BASIC | (subset ? 0 : 1u << VERIFY_NAN);
    const unsigned layouts[] = {basic, 1u << VERIFY_WIDE, basic | 1u << VERIFY_ONE_BLOCK};

    if (every)
        return VERIFY_ALL;
    return spare ? VERIFY_BASIC : layouts[(size_t)i / 3 % MEM_COUNT(layouts)];
}

static bool has_barriers(const struct verify_case *c)
{
    return c->what == VERIFY_CASE_OP && strcmp(c->desc.variant[OP_FORWARD].algorithm, "tiled") == 0;
}

static void verify_device(const struct clr_device *device)
{
    const struct ocl_options options = {.no_cache = true}; /* PoCL compiles everything twice to cache it */
    bool subset = small || is_slow(device);
    const bool spare = support_spares_kernels(device), every = getenv("CLR_TEST_LONG");
    const bool is_cpu = device->type == CLR_DEVICE_CPU;
    const size_t count = spare ? 1 : MEM_COUNT(blocks);
    struct ocl_context *ctx;
    struct clr_error err;
    struct tally tally = {0};

    for (int k = 0; k < OP_KIND_COUNT; k++)
        for (int o = 0; o < VERIFY_OUTPUT_COUNT; o++)
            tally.worst[k][o] = -1.0;
    printf("%s (%s)%s\n", device->name, device->platform_name, subset ? ", small subset" : "");
    ck_assert_msg(ocl_context_create(&ctx, device, &options, &err) == 0, "%s", err.message);
    for (int i = 0; i < verify_case_count(); i++) {
        struct verify_case c;

        ck_assert_msg(verify_case_get(&c, i, &err) == 0, "%s", err.message);
        if (((subset || (is_cpu && !every && has_barriers(&c))) && !c.small) ||
            (filter && !strstr(c.name, filter)) ||
            (quarter >= 0 && i / (int)MEM_COUNT(blocks) % 4 != quarter))
            continue;
        for (size_t b = 0; b < count; b++) {
            const size_t turn = ((size_t)i + (size_t)i / 9) % count; /* which block gets every arrangement */
            if ((b != turn && !every) || !verify_case_applies(&c, device, blocks[b]))
                continue;
            one(&tally, ctx, &c, blocks[b],
                b == turn ? arrangements_of(i, every, subset, spare) : VERIFY_BASIC);
        }
        (void)fflush(stdout);
    }
    ocl_context_destroy(ctx);
    print_worst(&tally);
    ck_assert_msg(tally.run > 0, "no case was run");
    ck_assert_msg(tally.failed == 0, "%d of %d checks failed on %s", tally.failed, tally.run, device->name);
}

START_TEST(test_ops__agree_with_oracles)
{
    const struct clr_device *d = &devices[_i];

    if (d->usable) {
        verify_device(d);
    } else {
        printf("not usable: %s\n", d->name);
        support_skip(d->why_not);
    }
}
END_TEST

START_TEST(test_ops__no_device)
{
    support_skip("no OpenCL device");
}
END_TEST

static bool convolves(const struct verify_case *c, const char *algorithm, bool by_tile)
{
    const struct op_variant *v = &c->desc.variant[OP_FORWARD];

    return c->what == VERIFY_CASE_OP && c->desc.kind == OP_CONV && strcmp(v->algorithm, algorithm) == 0 &&
           (v->tile[0] > 0) == by_tile;
}

/* Every case has a geometry that fits and a name of its own, and all algorithms of the convolution are there.
 */
START_TEST(test_verify__cases_are_sound)
{
    struct verify_case a, b;
    struct clr_error err;
    int gemm = 0, direct = 0, tiled = 0, tiles = 0, in_subset = 0;

    for (int i = 0; i < verify_case_count(); i++) {
        ck_assert_msg(verify_case_get(&a, i, &err) == 0, "%s", err.message);
        for (int k = 0; k < i; k++) {
            ck_assert_int_eq(verify_case_get(&b, k, &err), 0);
            ck_assert_str_ne(a.name, b.name);
        }
        direct += convolves(&a, "direct", false);
        gemm += convolves(&a, "gemm", false);
        tiled += convolves(&a, "tiled", false);
        tiles += convolves(&a, "tiled", true);
        in_subset += a.small;
    }
    ck_assert(direct > 15 && gemm == direct && tiled == direct && tiles == 2 && in_subset > 15);
}
END_TEST

/* On a CPU, convolutions are done by the algorithms that their cases request, in all passes: without groups,
 * and but for data gradients by "direct", whose strides and padding it cannot all do. */
START_TEST(test_verify__cases_are_done_as_requested)
{
    const struct clr_device cpu = {.type = CLR_DEVICE_CPU, .max_work_group = 4096, .local_memory = 2 << 20};
    int by_winograd = 0;

    for (int i = 0; i < verify_case_count(); i++) {
        struct op_needs needs;
        struct verify_case c;
        bool gemm, all;
        ck_assert_int_eq(verify_case_get(&c, i, NULL), 0);
        if (c.what != VERIFY_CASE_OP || c.desc.kind != OP_CONV)
            continue;
        gemm = strcmp(c.desc.variant[0].algorithm, "gemm") == 0;
        all = gemm || c.desc.u.conv.group == 1;
        ck_assert_msg(verify_case_applies(&c, &cpu, 8) == all, "%s", c.name);
        ck_assert_int_eq(op_plan(&needs, &c.desc, &cpu, 8, NULL), 0);
        for (int pass = 0; all && pass < OP_PASS_COUNT; pass++)
            ck_assert_msg(strcmp(needs.algorithm[pass], c.desc.variant[pass].algorithm) == 0 ||
                              (pass == OP_BACKWARD_DATA && strstr(c.name, "direct")),
                          "%s: pass %d is done by %s", c.name, pass, needs.algorithm[pass]);
        by_winograd += strncmp(needs.algorithm[OP_FORWARD], "winograd", 8) == 0;
    }
    ck_assert_int_gt(by_winograd, 10);
}
END_TEST

/*
 * Tests of the check itself: it must find kernels that are wrong on purpose, in one way each. They replace
 * cl/elementwise.cl.
 */
static const char relu_head[] =
    "__kernel void elementwise_forward(__global float *y, __global const float *x, int batch)\n"
    "{\n"
    "    const int h0 = (int)get_global_id(0) * ROWS, cb = (int)get_global_id(1), n = "
    "(int)get_global_id(2);\n"
    "    if (cb >= X_CB || n >= batch)\n"
    "        return;\n"
    "    for (int i = h0 * W * V; i < min(h0 + ROWS, H) * W * V; i++) {\n"
    "        const float v = x[AT(X, n, cb, i / V / W, i / V % W) + i % V];\n"
    "        y[AT(Y, n, cb, i / V / W, i / V % W) + i % V] = ";
static const char relu_middle[] = ";\n    }\n"
                                  "    if (h0 == 0 && n == 0) {\n"
                                  "        __global float *first = y + AT(Y, 0, 0, 0, 0);\n        ";
static const char relu_tail[] = ";\n    }\n}\n";

static const struct {
    const char *code, *text; /* what is wrong, and text of the verdict; NULL: nothing is wrong */
    enum verify_arrangement arrangement;
    bool no_nan; /* a NaN does not stay a NaN */
} mistakes[] = {
    {"", NULL, VERIFY_WIDE, false},
    {"", NULL, VERIFY_NAN, false},
    {"", "y: of 2 values that a NaN goes into 2 are numbers", VERIFY_NAN, true},
    {"first[1] += 0.001f", "y: NMSE", VERIFY_WIDE, false},
    {"first[1] = NAN", "y: 1 of 120 values not written or not finite", VERIFY_WIDE, false},
    {"first[3] = 1.0f", "y: 1 words written in its halo or in lanes", VERIFY_WIDE,
     false}, /* 3 channels in blocks of 4 */
    {"first[-1] = 1.0f", "y: 1 words written in its halo or in lanes", VERIFY_WIDE, false},
    {"y[2 * Y_CB * Y_HP * Y_WP * V] = 1.0f", "y: 1 words written in its slack", VERIFY_WIDE, false},
    {"((__global float *)x)[AT(X, 0, 0, 0, 0)] = 1.0f", "x: 1 words written in an input", VERIFY_WIDE, false},
};

static void verify_broken(const struct clr_device *device, const char *dir, size_t mistake)
{
    const struct op_desc desc = {.kind = OP_ELEMENTWISE,
                                 .label = "broken",
                                 .x_count = 1,
                                 .y_count = 1,
                                 .x = {{2, 3, 4, 5}},
                                 .y = {{2, 3, 4, 5}}};
    const struct ocl_options options = {.no_cache = true};
    struct ocl_context *ctx;
    struct verify_result r;
    struct clr_error err;
    struct str source = {0};
    char path[256];

    (void)snprintf(path, sizeof path, "%s/elementwise.cl", dir);
    str_append(&source, "%s%s%s%s%s", relu_head,
               mistakes[mistake].no_nan ? "v > 0.0f ? v : 0.0f" : "v <= 0.0f ? A0 * v : v", relu_middle,
               mistakes[mistake].code, relu_tail);
    ck_assert_int_eq(fs_write_atomic(path, str_text(&source), source.length, &err), 0);
    str_clear(&source);
    ck_assert_msg(ocl_context_create(&ctx, device, &options, &err) == 0, "%s", err.message);
    ck_assert_msg(verify_op_as(ctx, &desc, 4, 2, 1, 1u << mistakes[mistake].arrangement, &r, &err) == 0, "%s",
                  err.message);
    ocl_context_destroy(ctx);
    if (mistakes[mistake].text)
        ck_assert_msg(!r.ok && strstr(r.text, mistakes[mistake].text), "mistake %zu: '%s'", mistake, r.text);
    else
        ck_assert_msg(r.ok, "the kernel without a mistake: %s", r.text);
}

START_TEST(test_verify__finds_what_is_wrong)
{
    const char *dir = support_temp_dir(), *was = getenv("CLR_CL_DIR");
    char before[512];
    struct clr_error err;
    size_t chosen;

    if (clr_device_select(&chosen, devices, device_count, NULL, &err) < 0) {
        support_skip(err.message);
        return;
    }
    (void)snprintf(before, sizeof before, "%s", was ? was : "");
    ck_assert_int_eq(setenv("CLR_CL_DIR", dir, 1), 0); /* common.clh is not there: the built-in one is used */
    for (size_t i = 0; i < MEM_COUNT(mistakes); i++)
        verify_broken(&devices[chosen], dir, i);
    ck_assert_int_eq(setenv("CLR_CL_DIR", before, 1), 0); /* empty: as if it were not set */
}
END_TEST

/* All devices, or the one that CLR_TEST_DEVICE names. */
static int list_devices(void)
{
    const char *wanted = getenv("CLR_TEST_DEVICE");
    struct clr_error err;
    size_t chosen;

    if (clr_device_list(&devices, &device_count, &err) < 0 ||
        (wanted && *wanted && clr_device_select(&chosen, devices, device_count, wanted, &err) < 0)) {
        printf("%s\n", err.message);
        return -1;
    }
    if (wanted && *wanted) {
        devices[0] = devices[chosen];
        device_count = 1;
    }
    return 0;
}

START_TEST(test_verify__finds_what_differs_between_runs)
{
    uint32_t before[] = {1, 2, 3}, first[] = {1, 2, 3}, after[] = {1, 2, 4};
    struct verify_result r;
    struct trial t = {.title = "made up", .result = &r};

    trial_result_init(&r);
    t.slots[S_Y] =
        (struct slot){.mem = (cl_mem)before, .words = 2, .before = before, .first = first, .after = after};
    trial_check_repeats(&t);
    ck_assert_msg(r.ok, "%s", r.text);
    t.slots[S_Y].guard = 1;
    trial_check_repeats(&t);
    ck_assert_msg(!r.ok && strstr(r.text, "y: a second run on the same input gives other bytes"), "%s",
                  r.text);
}
END_TEST

static int list_cases(void)
{
    for (int i = 0; i < verify_case_count(); i++) {
        struct verify_case c;
        if (verify_case_get(&c, i, NULL) == 0)
            printf("%s%s\n", c.name, c.small ? "  (small)" : "");
    }
    return 0;
}

int main(int argc, char **argv)
{
    Suite *s = suite_create("ops");
    TCase *tc = tcase_create("ops");
    const char *env = getenv("CLR_TEST_SMALL");
    int status;

    small = env && *env && strcmp(env, "0") != 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--list") == 0)
            return list_cases();
        if (strcmp(argv[i], "--small") == 0)
            small = true;
        else if (strcmp(argv[i], "--quarter") == 0 && i + 1 < argc)
            quarter = argv[++i][0] - '0';
        else
            filter = argv[i];
    }
    if (list_devices() < 0)
        return 1;
    tcase_set_timeout(tc, 0);
    tcase_add_test(tc, test_verify__cases_are_sound);
    tcase_add_test(tc, test_verify__cases_are_done_as_requested);
    tcase_add_test(tc, test_verify__finds_what_is_wrong);
    tcase_add_test(tc, test_verify__finds_what_differs_between_runs);
    if (device_count > 0)
        tcase_add_loop_test(tc, test_ops__agree_with_oracles, 0, (int)device_count);
    else
        tcase_add_test(tc, test_ops__no_device);
    suite_add_tcase(s, tc);
    status = support_run(s, false);
    free(devices);
    return status;
}
