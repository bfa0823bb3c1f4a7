/* Fillers: ranges, moments, determinism. */
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "net/init.h"

#define N 40000

static float g_values[N], g_again[N];

/* 40,000 values of a parameter with fan_in 100, fan_out 300. */
static void fill(float *out, struct filler filler, int number, uint64_t seed)
{
    struct graph_param p = {.name = "w",
                            .rank = 2,
                            .dims = {400, 100},
                            .count = N,
                            .fan_in = 100,
                            .fan_out = 300,
                            .layer_fan_in = 64};
    struct clr_error err;

    p.filler = filler;
    ck_assert_int_eq(init_fill(out, &p, number, seed, &err), 0);
}

static void moments(double *mean, double *std, double *min, double *max)
{
    double sum = 0, squares = 0;

    *min = INFINITY;
    *max = -INFINITY;
    for (int i = 0; i < N; i++) {
        double v = (double)g_values[i];
        ck_assert(isfinite(v));
        sum += v;
        squares += v * v;
        *min = v < *min ? v : *min;
        *max = v > *max ? v : *max;
    }
    *mean = sum / N;
    *std = sqrt(squares / N - *mean * *mean);
}

/* Five standard errors for the mean; the standard deviation to 2 %. */
static void check_moments(double want_mean, double want_std)
{
    double mean, std, min, max;

    moments(&mean, &std, &min, &max);
    ck_assert_msg(fabs(mean - want_mean) < 5.0 * want_std / sqrt(N), "mean %g, wanted %g", mean, want_mean);
    ck_assert_msg(fabs(std / want_std - 1.0) < 0.02, "std %g, wanted %g", std, want_std);
}

static void check_range(double want_min, double want_max)
{
    double mean, std, min, max, slack = (want_max - want_min) * 1e-3;

    moments(&mean, &std, &min, &max);
    ck_assert_msg(min >= (double)(float)want_min && min < want_min + slack, "min %g", min);
    ck_assert_msg(max <= (double)(float)want_max && max > want_max - slack, "max %g", max);
}

START_TEST(test_init__constant)
{
    fill(g_values, (struct filler){.kind = FILLER_CONSTANT, .value = 0.25}, 0, 1);
    for (int i = 0; i < N; i++)
        ck_assert(g_values[i] == 0.25f);
}
END_TEST

START_TEST(test_init__uniform)
{
    fill(g_values, (struct filler){.kind = FILLER_UNIFORM, .min = -0.5, .max = 1.5}, 0, 1);
    check_moments(0.5, 2.0 / sqrt(12.0));
    check_range(-0.5, 1.5);
}
END_TEST

START_TEST(test_init__gaussian)
{
    int beyond = 0;

    fill(g_values, (struct filler){.kind = FILLER_GAUSSIAN, .mean = 3.0, .std = 0.1}, 0, 1);
    check_moments(3.0, 0.1);
    for (int i = 0; i < N; i++)
        beyond += fabs((double)g_values[i] - 3.0) > 0.2;
    ck_assert(fabs((double)beyond / N - 0.0455) < 0.005); /* two standard deviations */
}
END_TEST

/* Of the 400 weights of each input 40 are kept on average, and these are what they would be otherwise. */
START_TEST(test_init__sparse)
{
    const struct filler f = {.kind = FILLER_GAUSSIAN, .std = 1.0};
    struct filler sparse = f;
    int kept = 0;

    fill(g_again, f, 3, 7);
    sparse.sparse = 40;
    fill(g_values, sparse, 3, 7);
    for (int i = 0; i < N; i++) {
        kept += g_values[i] != 0.0f;
        ck_assert(g_values[i] == 0.0f || g_values[i] == g_again[i]);
    }
    ck_assert_msg(fabs(kept / 4000.0 - 1.0) < 0.08, "%d are kept", kept);
    fill(g_again, sparse, 3, 8);
    ck_assert(memcmp(g_values, g_again, sizeof g_values) != 0);
    fill(g_again, f, 3, 7);
    sparse.sparse = 400;
    fill(g_values, sparse, 3, 7);
    ck_assert_mem_eq(g_values, g_again, sizeof g_values);
}
END_TEST

START_TEST(test_init__xavier_and_msra_follow_variance_norm)
{
    static const double n[] = {100.0, 300.0, 200.0};

    for (int norm = FILLER_FAN_IN; norm <= FILLER_AVERAGE; norm++) {
        fill(g_values, (struct filler){.kind = FILLER_XAVIER, .norm = (enum filler_norm)norm}, 0, 1);
        check_range(-sqrt(3.0 / n[norm]), sqrt(3.0 / n[norm]));
        check_moments(0.0, sqrt(1.0 / n[norm]));
        fill(g_values, (struct filler){.kind = FILLER_MSRA, .norm = (enum filler_norm)norm}, 0, 1);
        check_moments(0.0, sqrt(2.0 / n[norm]));
    }
}
END_TEST

START_TEST(test_init__pytorch_takes_the_fan_in_of_the_weights)
{
    fill(g_values, (struct filler){.kind = FILLER_PYTORCH}, 0, 1);
    check_range(-0.125, 0.125);
    check_moments(0.0, 0.25 / sqrt(12.0));
}
END_TEST

/* Rows are orthonormal, or columns, whichever are fewer; R's diagonal is positive: the first vector is what
 * the gaussian filler of std 1 gives, divided by its length. */
static void check_orthogonal(int rows, int columns)
{
    struct graph_param p = {.rank = 2,
                            .dims = {rows, columns},
                            .count = (size_t)(rows * columns),
                            .filler = {.kind = FILLER_ORTHOGONAL}};
    const bool by_row = rows < columns;
    const int count = by_row ? rows : columns, size = by_row ? columns : rows;
    const int next = by_row ? 1 : columns, step = by_row ? columns : 1;
    struct clr_error err;
    double norm = 0;

    ck_assert_int_eq(init_fill(g_values, &p, 3, 7, &err), 0);
    for (int a = 0; a < count; a++)
        for (int b = 0; b <= a; b++) {
            double sum = 0;
            for (int i = 0; i < size; i++)
                sum += (double)g_values[a * step + i * next] * (double)g_values[b * step + i * next];
            ck_assert_msg(fabs(sum - (a == b)) < 1e-6, "%d x %d: vectors %d, %d: %g", rows, columns, a, b,
                          sum);
        }
    p.filler = (struct filler){.kind = FILLER_GAUSSIAN, .std = 1.0};
    ck_assert_int_eq(init_fill(g_again, &p, 3, 7, &err), 0);
    for (int i = 0; i < size; i++)
        norm += (double)g_again[i * next] * (double)g_again[i * next];
    for (int i = 0; i < size; i++)
        ck_assert(fabs((double)g_values[i * next] - (double)g_again[i * next] / sqrt(norm)) < 1e-6);
}

START_TEST(test_init__orthogonal)
{
    check_orthogonal(64, 300);
    check_orthogonal(300, 64);
    check_orthogonal(150, 150);
    check_orthogonal(1, 1);
}
END_TEST

/* Six outputs in two groups of two inputs: the third of a group passes none. */
START_TEST(test_init__dirac_passes_inputs)
{
    struct graph_param p = {
        .rank = 4, .dims = {6, 2, 3, 4}, .count = 144, .groups = 2, .filler = {.kind = FILLER_DIRAC}};
    struct clr_error err;

    ck_assert_int_eq(init_fill(g_values, &p, 0, 1, &err), 0);
    for (int i = 0; i < 144; i++) {
        const int o = i / 24, in = i / 12 % 2;
        ck_assert(g_values[i] == (o % 3 == in && i % 12 == 4 + 2 ? 1.0f : 0.0f));
    }
    p.dims[0] = 2; /* fewer outputs than inputs */
    p.dims[1] = 6;
    p.groups = 1;
    ck_assert_int_eq(init_fill(g_values, &p, 0, 1, &err), 0);
    for (int i = 0; i < 144; i++)
        ck_assert(g_values[i] == (i / 72 == i / 12 % 6 && i % 12 == 4 + 2 ? 1.0f : 0.0f));
}
END_TEST

/* Kernels of 1 to 4; 3 and 4 enlarge an image twofold. */
START_TEST(test_init__bilinear_is_a_tent)
{
    static const double tents[][4] = {{1.0}, {1.0, 0.0}, {0.25, 0.75, 0.75}, {0.25, 0.75, 0.75, 0.25}};
    struct graph_param p = {.rank = 4, .filler = {.kind = FILLER_BILINEAR}};
    struct clr_error err;

    for (int k = 1; k <= 4; k++) {
        p.dims[0] = p.dims[1] = 2;
        p.dims[2] = p.dims[3] = k;
        p.count = (size_t)(4 * k * k);
        ck_assert_int_eq(init_fill(g_values, &p, 0, 1, &err), 0);
        for (int i = 0; i < 4 * k * k; i++)
            ck_assert(g_values[i] == (float)(tents[k - 1][i % k] * tents[k - 1][i / k % k]));
    }
}
END_TEST

START_TEST(test_init__depends_on_seed_and_number_alone)
{
    struct graph_param p = {.rank = 1, .dims = {10}, .count = 10, .fan_in = 1, .fan_out = 10};
    struct filler f = {.kind = FILLER_GAUSSIAN, .std = 1.0};
    struct clr_error err;
    int equal = 0;

    fill(g_values, f, 3, 7);
    fill(g_again, f, 3, 7);
    ck_assert_mem_eq(g_values, g_again, sizeof g_values);
    p.filler = f;
    ck_assert_int_eq(init_fill(g_again, &p, 3, 7, &err), 0);
    ck_assert_mem_eq(g_values, g_again, 10 * sizeof *g_values); /* a shorter parameter is a prefix */
    fill(g_again, f, 4, 7);
    for (int i = 0; i < N; i++)
        equal += g_values[i] == g_again[i];
    fill(g_again, f, 3, 8);
    for (int i = 0; i < N; i++)
        equal += g_values[i] == g_again[i];
    ck_assert_int_lt(equal, 5);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("init");
    TCase *tc = tcase_create("init");

    tcase_add_test(tc, test_init__constant);
    tcase_add_test(tc, test_init__uniform);
    tcase_add_test(tc, test_init__gaussian);
    tcase_add_test(tc, test_init__sparse);
    tcase_add_test(tc, test_init__xavier_and_msra_follow_variance_norm);
    tcase_add_test(tc, test_init__pytorch_takes_the_fan_in_of_the_weights);
    tcase_add_test(tc, test_init__orthogonal);
    tcase_add_test(tc, test_init__dirac_passes_inputs);
    tcase_add_test(tc, test_init__bilinear_is_a_tent);
    tcase_add_test(tc, test_init__depends_on_seed_and_number_alone);
    suite_add_tcase(s, tc);
    return support_run(s, true);
}
