/* Reading range tests: made-up curves whose bounds are known, noise and all (src/range/reading.h has the
 * rules). */
#include <math.h>
#include <string.h>

#include "support.h"

#include "base/mem.h"
#include "base/rng.h"
#include "cli/range_next.h"
#include "range/reading.h"
#include "range/rules.h"
#include "range/unimodal.h"

#define MOST 400

/* A curve with room of its own; ten classes. */
struct made {
    double rates[MOST], accuracies[MOST], update_rates[MOST], losses[MOST];
    struct range_curve c;
};

static struct range_curve *begin(struct made *m, size_t count, int images)
{
    *m = (struct made){{0}, {0}, {0}, {0}, {0}};
    m->c = (struct range_curve){.rates = m->rates,
                                .accuracies = m->accuracies,
                                .count = count,
                                .update_rates = m->update_rates,
                                .losses = m->losses,
                                .untrained = 0.1,
                                .classes = 10,
                                .images = images};
    return &m->c;
}

static double uniform(uint64_t seed, uint64_t i)
{
    return rng_uniform(seed, RNG_TEST, 0, i);
}

static double normal(uint64_t seed, uint64_t i)
{
    return rng_normal(seed, RNG_TEST, 1, i);
}

/*
 * The curve of a sweep from `low` to `high` for a net that learns from `begin` on, levels off at `top`, and
 * is back at chance at `end` (0: never), with the noise of an accuracy.
 */
struct shape {
    bool log;
    double low, high;
    double begin, top, end;
    double height, noise;
};

static struct range_curve *sweep(struct made *m, const struct shape *s, size_t count, uint64_t seed)
{
    struct range_curve *c = begin(m, count, 5000);

    for (size_t i = 0; i < count; i++) {
        const double t = (double)i / (double)(count - 1);
        const double rate = s->log ? s->low * pow(s->high / s->low, t) : s->low + (s->high - s->low) * t;
        const double up = log(rate / s->begin) / log(s->top / s->begin);
        double a = 0.1 + s->height * fmin(fmax(up, 0.0), 1.0);
        if (s->end > 0.0 && rate >= s->end)
            a = 0.1;
        else if (up > 0.0)
            a += s->noise * normal(seed, i);
        m->rates[i] = rate;
        m->accuracies[i] = fmin(fmax(a, 0.0), 1.0);
    }
    return c;
}

static struct clr_range_result read_one(const struct range_curve *c)
{
    struct clr_range_result r;
    struct clr_error err;

    ck_assert_msg(range_read_test(&r, c, &err) == 0, "%s", err.message);
    ck_assert_str_ne(r.explanation, "");
    ck_assert(r.has_range == (r.verdict == CLR_RANGE_READ));
    if (r.has_range)
        ck_assert(r.min_lr < r.max_lr && r.max_lr_low <= r.max_lr && r.max_lr <= r.max_lr_high);
    return r;
}

/* ---- curves that rise and fall ---- */

/* The smallest squared error of a curve that rises over the first k of n values and falls over the rest, by
 * trying every way to pool neighbours. */
static double slow_error(const double *v, size_t n, size_t k)
{
    double best = INFINITY;

    for (unsigned cuts = 0; cuts < 1u << (n - 1); cuts++) { /* bit i: a block ends after value i */
        double error = 0.0, before = -INFINITY;
        bool fits = k == 0 || k == n || (cuts >> (k - 1) & 1);
        for (size_t from = 0, to; from < n && fits; from = to) {
            double mean = 0.0;
            for (to = from + 1; to < n && !(cuts >> (to - 1) & 1);)
                to++;
            for (size_t i = from; i < to; i++)
                mean += v[i] / (double)(to - from);
            for (size_t i = from; i < to; i++)
                error += (v[i] - mean) * (v[i] - mean);
            if (from != 0 && from != k)
                fits = from < k ? mean >= before : mean <= before;
            before = mean;
        }
        if (fits)
            best = fmin(best, error);
    }
    return best;
}

START_TEST(test_range__unimodal_errors_are_the_least)
{
    enum { N = 8 };
    double v[N], errors[N + 1], fit[N];

    for (uint64_t round = 0; round < 40; round++) {
        for (size_t i = 0; i < N; i++)
            v[i] = round % 4 == 0 ? floor(4.0 * uniform(round, i)) : uniform(round, i);
        ck_assert_int_eq(unimodal_errors(errors, v, N, NULL), 0);
        for (size_t k = 0; k <= N; k++) {
            double error = 0.0;
            ck_assert_double_eq_tol(errors[k], slow_error(v, N, k), 1e-12);
            ck_assert_int_eq(unimodal_fit(fit, v, N, k, NULL), 0);
            for (size_t i = 0; i < N; i++) {
                error += (fit[i] - v[i]) * (fit[i] - v[i]);
                if (i > 0 && i != k)
                    ck_assert(i < k ? fit[i] >= fit[i - 1] : fit[i] <= fit[i - 1]);
            }
            ck_assert_double_eq_tol(errors[k], error, 1e-12);
        }
    }
}
END_TEST

/* ---- readings ---- */

/* All numbers were calculated by hand. */
START_TEST(test_range__by_hand)
{
    static const double accuracies[] = {0.10, 0.10, 0.20, 0.30, 0.40, 0.30, 0.20, 0.10};
    struct made m;
    struct range_curve *c = begin(&m, MEM_COUNT(accuracies), 10000);
    struct clr_range_result r;

    for (size_t i = 0; i < c->count; i++) {
        m.rates[i] = 0.001 * (double)(i + 1);
        m.accuracies[i] = accuracies[i];
    }
    r = read_one(c);
    ck_assert_double_eq_tol(r.baseline, 0.1, 1e-12);
    ck_assert_double_eq_tol(r.standard_error, 0.003, 1e-12);
    /* Half of the height is that of the smoothed curve, 1/3, above the baseline: 0.2167. Above it are 0.3,
     * 0.4, 0.3: one distance, 0.1, too few. The median of all six (0.05, 0, 0, 0.1, 0, 0) is 0: what is left
     * is the standard error of the top, sqrt(1/3 · 2/3 / 10000). */
    ck_assert_double_eq_tol(r.noise, sqrt(2.0 / 9.0 / 10000.0), 1e-9);
    ck_assert_double_eq_tol(r.threshold, 0.1 + 3.0 * hypot(0.003, r.noise), 1e-12);
    ck_assert(r.has_range && r.learns_lr == 0.002 && !r.from_start && r.quartered && r.min_lr == 0.001);
    ck_assert_double_eq_tol(r.top_accuracy, 1.0 / 3.0, 1e-12);
    ck_assert(r.top_lr == 0.005 && r.fell);
    /* Back at chance at 0.008, and not yet at 0.007. */
    ck_assert(r.halved && r.max_lr == 0.004 && r.max_lr_low == 0.0035 && r.max_lr_high == 0.004 &&
              !r.low_cut);
    c->count = 7; /* without that point there is no failure */
    r = read_one(c);
    /* k = 4 and k = 5 fit exactly: the point of 0.4 ends the rise, or begins the fall. */
    ck_assert_double_eq_tol(r.max_lr, sqrt(0.004 * 0.005), 1e-9);
    ck_assert(!r.halved && r.max_lr_low == 0.004 && r.max_lr_high == 0.006);
}
END_TEST

/*
 * The same net under linear and logarithmic sweeps, with few and many points and twenty seeds: the bound is
 * within a factor of 2 of the middle of the plateau's safe part, whatever the noise.
 */
START_TEST(test_range__one_net_one_answer)
{
    static const struct shape shapes[] = {
        {false, 1e-4, 0.2, 0.001, 0.06, 0.12, 0.65, 0.02},
        {true, 1e-4, 1.0, 0.001, 0.06, 0.12, 0.65, 0.02},
        {true, 1e-4, 1.0, 0.001, 0.06, 0.12, 0.65, 0.04},
        {false, 1e-4, 0.5, 0.001, 0.06, 0.12, 0.65, 0.005},
    };
    static const size_t counts[] = {20, 40, 400};
    struct made m;

    for (size_t k = 0; k < MEM_COUNT(shapes); k++)
        for (size_t n = 0; n < MEM_COUNT(counts); n++)
            for (uint64_t seed = 1; seed <= 20; seed++) {
                const struct clr_range_result r = read_one(sweep(&m, &shapes[k], counts[n], seed));
                ck_assert_msg(r.verdict == CLR_RANGE_READ && r.max_lr > 0.03 && r.max_lr < 0.12 && r.fell,
                              "shape %zu, %zu points, seed %d: %s, %g", k, counts[n], (int)seed,
                              r.explanation, r.max_lr);
                ck_assert(r.min_lr < 0.02);
            }
}
END_TEST

/* A dip far below its neighbours, long before the top, is not the end. */
START_TEST(test_range__a_dip_ends_nothing)
{
    static const struct shape shape = {true, 1e-4, 1.0, 0.0005, 0.06, 0.15, 0.65, 0.01};
    struct made m;
    struct range_curve *c = sweep(&m, &shape, 40, 3);
    const double before = read_one(c).max_lr;

    for (size_t i = 0; i < c->count; i++)
        if (m.rates[i] > 0.003 && m.rates[i] < 0.005)
            m.accuracies[i] -= 0.08;
    ck_assert_double_eq_tol(read_one(c).max_lr / before, 1.0, 0.1);
}
END_TEST

/* A plateau as wide as with batch normalisation: the bound is inside, the interval has the width. */
START_TEST(test_range__wide_plateau)
{
    static const struct shape shape = {true, 1e-4, 10.0, 0.001, 0.02, 4.0, 0.7, 0.01};
    struct made m;

    for (uint64_t seed = 1; seed <= 10; seed++) {
        const struct clr_range_result r = read_one(sweep(&m, &shape, 60, seed));
        ck_assert(r.verdict == CLR_RANGE_READ && r.fell && r.max_lr > 0.02 && r.max_lr < 2.4);
        ck_assert(r.max_lr_low < 0.5 && r.max_lr_high > 0.3);
    }
}
END_TEST

/* The sweep ends before the fall: the bound is what was measured, and is marked as open above. */
START_TEST(test_range__no_fall)
{
    static const struct shape rising = {false, 1e-4, 0.02, 0.001, 0.06, 0, 0.65, 0.01},
                              level = {false, 1e-4, 0.2, 0.001, 0.05, 0, 0.65, 0.01};
    struct made m;
    struct clr_range_result r = read_one(sweep(&m, &rising, 40, 1));

    ck_assert(r.verdict == CLR_RANGE_READ && !r.fell && r.max_lr > 0.017 && r.max_lr_high == 0.02);
    ck_assert_ptr_nonnull(strstr(r.explanation, "had not fallen"));
    r = read_one(sweep(&m, &level, 40, 1));
    ck_assert(r.verdict == CLR_RANGE_READ && !r.fell && r.max_lr > 0.05 && r.max_lr < 0.2);
}
END_TEST

START_TEST(test_range__at_most_half_the_rate_of_a_divergence)
{
    static const struct shape shape = {false, 1e-4, 0.1, 0.001, 0.09, 0, 0.65, 0.01};
    struct made m;
    struct range_curve *c = sweep(&m, &shape, 40, 1);
    struct clr_range_result r;

    c->diverged = true;
    c->diverged_lr = 0.11;
    r = read_one(c);
    ck_assert(r.halved && r.max_lr == 0.055 && r.max_lr_low <= 0.05 && r.max_lr_high == 0.055);
    ck_assert(r.top_lr > 0.08 && strstr(r.explanation, "half the rate"));
    c->diverged_lr = 0.4;
    r = read_one(c);
    ck_assert(!r.halved && r.max_lr > 0.08);
}
END_TEST

/* The lower bound is the first rate where learning shows at the first evaluation, or at the second. */
START_TEST(test_range__learns_from_the_first_rate_on)
{
    static const struct shape shape = {false, 0.01, 0.2, 0.001, 0.06, 0.15, 0.65, 0.01},
                              second = {false, 0.0001, 0.2, 0.001, 0.06, 0.15, 0.65, 0.01};
    struct made m;
    struct range_curve *c = sweep(&m, &shape, 40, 1);
    struct clr_range_result r = read_one(c);

    ck_assert(r.from_start && r.min_lr == 0.01 && strstr(r.explanation, "first rate"));
    c->untrained = 0.5; /* where the untrained net is good already, its accuracy is the baseline */
    r = read_one(c);
    ck_assert_double_eq_tol(r.baseline, 0.5, 1e-12);
    ck_assert(!r.from_start && r.learns_lr > 0.01);
    r = read_one(sweep(&m, &second, 40, 1));
    ck_assert(r.from_start && r.min_lr == 0.0001);
}
END_TEST

/* A net that begins to learn at a rate that is above half of that at which the test fails. */
START_TEST(test_range__learns_where_it_fails)
{
    static const struct shape shape = {true, 1e-4, 1.0, 0.08, 0.09, 0, 0.65, 0.01};
    struct made m;
    struct range_curve *c = sweep(&m, &shape, 40, 1);
    struct clr_range_result r;

    c->diverged = true;
    for (size_t i = 0; i < c->count; i++)
        if (m.rates[i] > 0.11) {
            c->diverged_lr = m.rates[i];
            c->count = i;
        }
    r = read_one(c);
    ck_assert(r.verdict == CLR_RANGE_NARROW && !r.has_range);
    ck_assert_ptr_nonnull(strstr(r.explanation, "half the rate at which the test failed"));
}
END_TEST

/* The test failed where the accuracy is back at chance, not where it is back at that of given weights. */
START_TEST(test_range__given_weights)
{
    struct made m;
    struct range_curve *c = begin(&m, 40, 5000);

    c->untrained = 0.7;
    for (size_t i = 0; i < c->count; i++) {
        m.rates[i] = 0.001 * pow(1.1, (double)i);
        m.accuracies[i] =
            (i < 15 ? 0.7 + 0.006 * (double)i : 0.79 - 0.004 * (double)(i - 15)) + 0.004 * normal(3, i);
    }
    ck_assert(read_one(c).verdict == CLR_RANGE_READ && !read_one(c).halved);
}
END_TEST

START_TEST(test_range__rates_that_are_equal_or_zero)
{
    static const struct shape shape = {false, 1e-4, 0.2, 0.001, 0.06, 0.12, 0.65, 0.02};
    struct made m;
    struct range_curve *c = sweep(&m, &shape, 40, 1);

    m.rates[0] = 0.0;
    ck_assert(isfinite(read_one(c).max_lr));
    for (size_t i = 0; i < c->count; i++)
        m.rates[i] = 0.01;
    ck_assert(isfinite(read_one(c).max_lr) && !read_one(c).has_range);
    for (size_t i = 0; i < c->count; i++)
        m.rates[i] = 0.0;
    ck_assert(isfinite(read_one(c).max_lr));
}
END_TEST

/* ---- nothing to be read ---- */

START_TEST(test_range__six_images_are_too_few)
{
    static const struct shape shape = {false, 1e-4, 0.2, 0.001, 0.06, 0.12, 0.65, 0.02};
    struct made m;
    struct range_curve *c = sweep(&m, &shape, 40, 1);
    struct clr_range_result r;

    c->images = 6;
    r = read_one(c);
    ck_assert_int_eq(r.verdict, CLR_RANGE_FEW_IMAGES);
    ck_assert_ptr_nonnull(strstr(r.explanation, "6 images"));
    c->images = CLR_RANGE_IMAGES;
    ck_assert_int_eq(read_one(c).verdict, CLR_RANGE_READ);
}
END_TEST

START_TEST(test_range__too_few_points)
{
    static const struct shape shape = {false, 0.01, 0.2, 0.001, 0.06, 0, 0.65, 0.02};
    struct made m;
    struct range_curve *c = sweep(&m, &shape, CLR_RANGE_POINTS, 1);

    ck_assert_int_ne(read_one(c).verdict, CLR_RANGE_FEW_POINTS);
    for (c->count = 0; c->count < CLR_RANGE_POINTS; c->count++)
        ck_assert_int_eq(read_one(c).verdict, CLR_RANGE_FEW_POINTS);
    c->count = 0;
    c->diverged = true;
    c->diverged_lr = 0.01;
    ck_assert_ptr_nonnull(strstr(read_one(c).explanation, "before the loss diverged"));
}
END_TEST

/* A curve that never leaves chance has no bounds, whatever its noise; the reason depends on the training
 * loss. */
START_TEST(test_range__never_leaves_chance)
{
    static const struct shape flat = {true, 1e-5, 1e-3, 1.0, 2.0, 0, 0, 0};
    struct made m;

    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct range_curve *c = sweep(&m, &flat, 40, seed);
        for (size_t i = 0; i < c->count; i++)
            m.accuracies[i] = 0.1 + 0.01 * normal(seed, i);
        c->updates = 300;
        for (size_t i = 0; i < c->updates; i++) {
            m.update_rates[i] = 1e-5 * (double)(i + 1);
            m.losses[i] = 2.303 + 0.02 * normal(seed, 1000 + i);
        }
        ck_assert_int_eq(read_one(c).verdict, CLR_RANGE_AT_CHANCE);
        for (size_t i = 0; i < c->updates; i++)
            m.losses[i] += i >= 250 ? 50.0 : 0.0; /* it diverged at the end */
        ck_assert_int_eq(read_one(c).verdict, CLR_RANGE_LOSS_GREW);
        ck_assert_str_eq(clr_range_verdict_name(read_one(c).verdict),
                         "loss grew"); /* it may have stayed finite */
        for (size_t i = 0; i < c->updates; i++)
            m.losses[i] -= i >= 250 ? 50.0 : 0.0;
        c->updates = 19; /* too few to see a trend of the loss */
        ck_assert_int_eq(read_one(c).verdict, CLR_RANGE_TOO_SHORT);
        c->updates = 300;
        for (size_t i = 0; i < c->updates; i++)
            m.losses[i] -= 0.0003 * (double)i;
        ck_assert_int_eq(read_one(c).verdict, CLR_RANGE_TOO_SHORT);
        c->diverged = true;
        c->diverged_lr = 0.5;
        ck_assert_int_eq(read_one(c).verdict, CLR_RANGE_LOSS_GREW);
    }
}
END_TEST

START_TEST(test_range__falls_or_is_flat)
{
    struct made m;
    struct range_curve *c = begin(&m, 40, 5000);

    for (size_t i = 0; i < c->count; i++) {
        m.rates[i] = 0.01 * (double)(i + 1);
        m.accuracies[i] = 0.8 - 0.01 * (double)i + 0.01 * normal(1, i);
    }
    ck_assert_int_eq(read_one(c).verdict, CLR_RANGE_FALLS);
    for (size_t i = 0; i < c->count; i++)
        m.accuracies[i] = 0.8 + 0.01 * normal(1, i);
    ck_assert_int_eq(read_one(c).verdict, CLR_RANGE_FLAT);
    c->diverged = true; /* flat up to there does not count as falling */
    c->diverged_lr = 0.5;
    ck_assert_int_eq(read_one(c).verdict, CLR_RANGE_FLAT);
    ck_assert_ptr_nonnull(strstr(read_one(c).explanation, "diverged"));
}
END_TEST

/* Equal accuracies have no noise: only the standard error counts, and nothing is divided by 0. */
/* lenet on CIFAR-10, batch 32, swept to 0.2 in 600 iterations: it diverges after ten evaluations, which rise
 * and fall, but vary by 4 % between neighbours. Seeds 1 and 3; seed 2 gave 0.0172. */
START_TEST(test_range__few_noisy_points_of_a_net_that_was_untrained)
{
    static const struct {
        size_t count;
        double diverged_lr, accuracies[11];
    } tests[] = {
        {11, 0.0535, {0.101, 0.1666, 0.1504, 0.2134, 0.257, 0.3056, 0.244, 0.2566, 0.1664, 0.1252, 0.1026}},
        {9, 0.0438, {0.104, 0.1425, 0.1915, 0.1715, 0.2605, 0.222, 0.2395, 0.1935, 0.1035}}};

    for (size_t k = 0; k < MEM_COUNT(tests); k++) {
        struct made m;
        struct range_curve *c = begin(&m, tests[k].count, k == 0 ? 5000 : 2000);
        struct clr_range_result r;
        for (size_t i = 0; i < c->count; i++) {
            m.rates[i] = 0.0001 + 0.005 * (double)i;
            m.accuracies[i] = tests[k].accuracies[i];
        }
        c->diverged = true;
        c->diverged_lr = tests[k].diverged_lr;
        r = read_one(c);
        ck_assert_msg(r.verdict == (k == 0 ? CLR_RANGE_READ : CLR_RANGE_NARROW), "%s", r.explanation);
        ck_assert_msg(k == 1 || (r.max_lr > 0.014 && r.max_lr < 0.0225 && r.halved), "%g", r.max_lr);
        ck_assert_msg(k == 1 || r.max_lr_high > 10 * r.max_lr_low, "%g to %g", r.max_lr_low,
                      r.max_lr_high); /* uncertain */
        ck_assert(k == 1 || (r.low_cut && r.max_lr_low == m.rates[0]));
        m.accuracies[0] = 0.25; /* trained before: the curve may be flat */
        r = read_one(c);
        ck_assert_msg(!r.has_range, "%g", r.max_lr);
    }
}
END_TEST

START_TEST(test_range__constant_curves)
{
    struct made m;

    for (int level = 0; level <= 10; level++) {
        struct range_curve *c = begin(&m, 10, 1000);
        for (size_t i = 0; i < c->count; i++) {
            m.rates[i] = 0.01 * (double)(i + 1);
            m.accuracies[i] = level / 10.0;
        }
        ck_assert_int_eq(read_one(c).verdict, level <= 1 ? CLR_RANGE_AT_CHANCE : CLR_RANGE_FLAT);
    }
}
END_TEST

/* ---- several ---- */

START_TEST(test_range__several_tests_give_medians)
{
    static const double maxima[] = {0.06, 0.02, 0.05, 0.04}, minima[] = {0.001, 0.004, 0.002, 0.002};
    struct clr_range_result tests[5] = {{0}}, r;

    for (size_t i = 0; i < 5; i++) {
        tests[i] = (struct clr_range_result){.tests = 1, .iterations = 100 + i, .points = 40, .images = 1000};
        tests[i].baseline = tests[i].untrained = 0.1;
        for (int k = 0; k < CLR_RANGE_RULES; k++)
            tests[i].rules[k] = k == 0 ? NAN : 0.01 * (double)(i + 1);
        if (i == 4)
            break;
        tests[i].has_range = tests[i].fell = true;
        tests[i].learns_lr = minima[i];
        tests[i].noise = 0.01;
        tests[i].max_lr = tests[i].top_lr = tests[i].max_lr_low = tests[i].max_lr_high = maxima[i];
        tests[i].updates = 100 + i;
        tests[i].top_accuracy = 0.1 * (double)(i + 1);
    }
    tests[4].verdict = CLR_RANGE_LOSS_GREW;
    tests[4].points = 0; /* no evaluation: no noise, and no top */
    tests[4].noise = tests[4].top_accuracy = tests[4].top_lr = NAN;
    tests[4].diverged = true;
    tests[4].diverged_lr = 0.001;
    range_combine(&r, tests, 5);
    ck_assert(r.tests == 5 && r.iterations == 100 && r.verdict == CLR_RANGE_READ && r.diverged);
    ck_assert_double_eq_tol(r.max_lr, sqrt(0.04 * 0.05), 1e-12);
    ck_assert_double_eq_tol(r.min_lr, 0.002, 1e-12);
    ck_assert(r.max_lr_low == 0.02 && r.max_lr_high == 0.06 && r.fell);
    ck_assert(r.interval == CLR_RANGE_SPREAD && r.updates == 100 && r.doubt == CLR_RANGE_SURE);
    ck_assert_double_eq_tol(r.top_accuracy, 0.25, 1e-12);
    ck_assert_double_eq_tol(r.noise, 0.01, 1e-12);
    ck_assert_double_eq_tol(r.rules[1], 0.03, 1e-12);
    ck_assert(isnan(r.rules[0]));
    ck_assert_ptr_nonnull(strstr(r.explanation, "4 tests"));
    for (size_t i = 1; i < 3; i++) { /* half of them is not most of them */
        tests[i].verdict = CLR_RANGE_AT_CHANCE;
        tests[i].has_range = false;
        (void)snprintf(tests[i].explanation, sizeof tests[i].explanation, "it did not learn");
    }
    range_combine(&r, tests, 4);
    ck_assert(r.verdict == CLR_RANGE_AT_CHANCE && !r.has_range &&
              strstr(r.explanation, "did not learn (so in 2 of 4 tests)"));
}
END_TEST

/* Two tests that agree by chance: what is uncertain of each by itself is so of both. Of three, one of them
 * counts for a third. */
START_TEST(test_range__several_tests_are_no_surer_than_they_were)
{
    struct clr_range_result tests[3], r;

    for (size_t i = 0; i < 3; i++)
        tests[i] = (struct clr_range_result){.tests = 1,
                                             .has_range = true,
                                             .fell = true,
                                             .learns_lr = 0.0002,
                                             .max_lr = 0.05 + 0.001 * (double)i,
                                             .max_lr_low = 0.04,
                                             .max_lr_high = 0.06,
                                             .last_lr = 1.0,
                                             .updates = 200};
    tests[1].max_lr_low = 0.0015;
    tests[1].low_cut = true;
    tests[1].max_lr_high = 0.075;
    range_combine(&r, tests, 2);
    ck_assert(r.interval == CLR_RANGE_UNION && r.max_lr_low == 0.0015 && r.max_lr_high == 0.075 && r.low_cut);
    ck_assert_int_eq(r.doubt, CLR_RANGE_WIDE);
    range_combine(&r, tests, 3);
    ck_assert_int_eq(r.interval, CLR_RANGE_COMBINED);
    ck_assert_double_eq_tol(r.max_lr_high, 0.075, 1e-12); /* never beyond the tests' own */
    ck_assert(r.max_lr_low > 0.0015 && r.max_lr_low < 0.03 && !r.low_cut);
    tests[0].updates = 19;
    range_combine(&r, tests, 3);
    ck_assert(r.updates == 19 && r.doubt == CLR_RANGE_FEW_UPDATES);
}
END_TEST

/* 12 updates up to the upper bound are too few, 40 are not; a test without loss.csv does not say. */
START_TEST(test_range__few_updates_are_a_doubt)
{
    static const struct shape s = {false, 0.001, 0.04, 0.002, 0.02, 0.035, 0.5, 0.0};
    const size_t counts[] = {0, 20, 80};
    struct made m;

    for (size_t k = 0; k < 3; k++) {
        struct range_curve *c = sweep(&m, &s, 20, 1);
        struct clr_range_result r;
        for (c->updates = 0; c->updates < counts[k]; c->updates++) {
            m.update_rates[c->updates] = 0.001 + 0.039 * (double)c->updates / (double)(counts[k] - 1);
            m.losses[c->updates] = 2.0;
        }
        r = read_one(c);
        ck_assert(r.has_range && r.updates <= counts[k] / 2 && r.updates >= counts[k] / 4);
        ck_assert_int_eq(r.doubt, k == 1 ? CLR_RANGE_FEW_UPDATES : CLR_RANGE_SURE);
    }
}
END_TEST

/* ---- the test that comes next ---- */

#define EPOCH 450

/* The net of the tests below learns from LEARNS on, is best at BEST, and fails at FAILS. */
#define LEARNS 0.0003
#define BEST   0.03
#define FAILS  0.13

static double rate_at(const struct range_sweep *s, double part)
{
    return s->log ? s->min_lr * pow(s->max_lr / s->min_lr, part) : s->min_lr + (s->max_lr - s->min_lr) * part;
}

/* Carry out a test of the net: its loss diverges at that rate. */
static struct clr_range_result carry_out(struct range_sweep *s, double diverges, uint64_t seed)
{
    const struct shape net = {true, s->min_lr, s->max_lr, LEARNS, BEST, FAILS, 0.35, 0.004};
    struct made m;
    struct range_curve *c = begin(&m, 0, 5000);
    double at[MOST];

    if (s->validate_every == 0)
        s->validate_every = s->iterations < RANGE_NEXT_POINTS ? 1 : s->iterations / RANGE_NEXT_POINTS;
    c->update_at = at;
    for (uint64_t i = 0; i < s->iterations && !c->diverged; i++) {
        const double rate = rate_at(s, (double)i / (double)(s->iterations - 1)),
                     up = log(rate / net.begin) / log(net.top / net.begin);
        c->diverged = rate >= diverges;
        c->diverged_lr = rate;
        c->diverged_at = i + 1;
        if (i % (s->iterations / MOST + 1) == 0) {
            m.update_rates[c->updates] = rate;
            m.losses[c->updates] = 2.0;
            at[c->updates++] = (double)i + 1.0;
        }
        if ((i > 0 && (i + 1) % s->validate_every != 0) || c->diverged)
            continue;
        m.rates[c->count] = rate;
        m.accuracies[c->count++] = rate < net.begin || rate >= net.end
                                       ? 0.1
                                       : 0.1 + net.height * fmin(up, 1.0) + net.noise * normal(seed, i);
    }
    return read_one(c);
}

/* Whatever the first test was, two that follow the advice give bounds. Each ends where the one before it
 * failed, at the latest, and has twice the updates that bounds need. */
START_TEST(test_range__the_next_tests_lead_to_bounds)
{
    static const struct range_sweep firsts[] = {
        {1e-4, 10.0, false, 60, 1, -1, 1},     {1e-4, 10.0, false, 2400, 60, -1, 1},
        {1e-4, 1.79, false, 9600, 240, -1, 1}, {1e-4, 2.0, false, 2000, 50, -1, 1},
        {1e-3, 1.0, false, 450, 11, -1, 1},    {1e-2, 1.0, false, 900, 22, -1, 1},
        {1e-6, 100.0, true, 40, 1, -1, 1},     {1e-4, 0.5, false, 900, 300, -1, 1},
    };

    for (size_t k = 0; k < MEM_COUNT(firsts) * 10; k++) {
        const double diverges = 6.0 - 0.5 * (double)(k / MEM_COUNT(firsts));
        struct range_sweep now = firsts[k % MEM_COUNT(firsts)];
        struct clr_range_result r = carry_out(&now, diverges, k);
        struct range_next next;
        int steps = 0;
        while (range_next_find(&next, &now, &r, 50000, EPOCH)) {
            const struct range_sweep *s = &next.sweep;
            double up_to = 0.0;
            ck_assert_msg(steps++ < 2, "test %zu: %s, rate %g to %g, %s", k, r.explanation, s->min_lr,
                          s->max_lr, next.advice);
            ck_assert(s->min_lr < s->max_lr && s->log >= now.log && s->iterations >= now.iterations);
            ck_assert(!r.diverged || s->max_lr <= r.diverged_lr || s->seeds > 1);
            for (double i = 0.0; i < (double)s->iterations; i++)
                up_to += rate_at(s, i / (double)(s->iterations - 1)) <= FAILS / 4.0;
            ck_assert_msg(up_to >= 2.0 * CLR_RANGE_UPDATES, "%g updates of %llu", up_to,
                          (unsigned long long)s->iterations);
            now = *s;
            now.seeds = 1;
            r = carry_out(&now, diverges, 1000 + k);
        }
        ck_assert_msg(r.has_range && r.max_lr > BEST / 4.0 && r.max_lr < FAILS / 1.5, "test %zu: %g", k,
                      r.max_lr);
    }
}
END_TEST

/* Seeds are proposed for an interval that is wide although it has many evaluations, and for no other one. */
START_TEST(test_range__seeds_fill_no_gap_between_evaluations)
{
    static const struct {
        struct range_sweep done;
        double max_lr, low, high, diverged;
        enum clr_range_doubt doubt;
        struct range_sweep next; /* validate_every: the least */
    } cases[] = {
        /* Recorded: one update up to the bound; two and three evaluations in the interval; ten in it. */
        {{1e-4, 10.0, false, 60, 1, -1, 1},
         0.0663,
         1e-4,
         0.339,
         6.1,
         CLR_RANGE_FEW_UPDATES,
         {1e-4, 3.39, true, EPOCH, 0, -1, 1}},
        {{1e-4, 1.79, false, 9600, 240, -1, 1},
         0.00733,
         1e-4,
         0.0671,
         0.0,
         CLR_RANGE_WIDE,
         {7.33e-5, 0.671, true, 9600, 0, -1, 1}},
        {{1e-4, 2.0, false, 2000, 50, -1, 3},
         0.0399,
         0.00536,
         0.125,
         1.226,
         CLR_RANGE_WIDE,
         {1e-4, 1.226, true, 2000, 0, -1, 3}},
        {{1e-4, 10.0, true, 1500, 37, -1, 1},
         0.0255,
         0.0053,
         0.0684,
         2.51,
         CLR_RANGE_WIDE,
         {1e-4, 10.0, true, 1500, 0, -1, 3}},
        /* A logarithmic sweep with six evaluations, and one with many that are far apart. */
        {{1e-4, 10.0, true, 1500, 300, -1, 1},
         0.03,
         0.001,
         0.1,
         0.0,
         CLR_RANGE_WIDE,
         {1e-4, 1.0, true, 1500, 37, -1, 1}},
        {{1e-6, 1e6, true, 60, 2, -1, 1},
         0.03,
         0.005,
         0.06,
         0.0,
         CLR_RANGE_WIDE,
         {1e-6, 0.6, true, 240, 2, -1, 1}},
    };

    for (size_t k = 0; k < MEM_COUNT(cases); k++) {
        const struct range_sweep *done = &cases[k].done, *want = &cases[k].next;
        const struct clr_range_result r = {.verdict = CLR_RANGE_READ,
                                           .has_range = true,
                                           .fell = true,
                                           .points = done->iterations / done->validate_every,
                                           .doubt = cases[k].doubt,
                                           .min_lr = done->min_lr,
                                           .max_lr = cases[k].max_lr,
                                           .max_lr_low = cases[k].low,
                                           .max_lr_high = cases[k].high,
                                           .diverged = cases[k].diverged > 0.0,
                                           .diverged_lr = cases[k].diverged};
        struct range_next next;
        ck_assert(range_next_find(&next, done, &r, 50000, EPOCH));
        ck_assert_msg(
            fabs(next.sweep.min_lr / want->min_lr - 1.0) < 1e-9 &&
                fabs(next.sweep.max_lr / want->max_lr - 1.0) < 1e-9 && next.sweep.log == want->log &&
                next.sweep.iterations == want->iterations && next.sweep.seeds == want->seeds &&
                next.sweep.validate_every >= want->validate_every,
            "case %zu: %g to %g, log %d, %llu iterations, every %llu, %d seeds", k, next.sweep.min_lr,
            next.sweep.max_lr, next.sweep.log, (unsigned long long)next.sweep.iterations,
            (unsigned long long)next.sweep.validate_every, next.sweep.seeds);
    }
}
END_TEST

/* ---- fastai's rules ---- */

/* A sweep over four powers of ten whose loss falls and rises; the results of fastai's functions, from a
 * Python version of them. bend: 0, or how steeply it rises after update 150. */
static void expect_rules(double bend, const double expected[CLR_RANGE_RULES])
{
    enum { N = 200 };
    double rates[N], losses[N], out[CLR_RANGE_RULES];

    for (int i = 0; i < N; i++) {
        rates[i] = 1e-4 * pow(10.0, 4.0 * i / (N - 1));
        losses[i] = 2.3 - 1.6 / (1.0 + exp(-(i - 100) / 12.0)) + 0.05 * sin(i * 0.9);
        losses[i] += i > 120 ? 0.02 * exp((i - 150) / 9.0) : 0.0;
        losses[i] += i >= 150 ? bend * (i - 150) * (i - 150) : 0.0;
    }
    ck_assert_int_eq(rules_read(out, rates, losses, N, NULL), 0);
    for (int r = 0; r < CLR_RANGE_RULES; r++)
        ck_assert_msg(fabs(out[r] - expected[r]) < 1e-9 * expected[r], "%s: %.12g", clr_range_rule_name(r),
                      out[r]);
}

START_TEST(test_range__rules_are_fastai_s)
{
    const double plain[] = {0.0214614119786, 0.032929712551, 0.014820207058, 0.113573335834},
                 bent[] = {0.0214614119786, 0.012458833643, 0.00890735463861, 0.0567242606849};
    double rates[29], losses[29], out[CLR_RANGE_RULES];

    expect_rules(0.0, plain);
    expect_rules(0.02, bent);
    for (int i = 0; i < 29; i++)
        rates[i] = losses[i] = 1.0 + i;
    ck_assert_int_eq(rules_read(out, rates, losses, 29, NULL), 0); /* too short for a suggestion */
    for (int r = 0; r < CLR_RANGE_RULES; r++)
        ck_assert(isnan(out[r]));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("range");
    TCase *tc = tcase_create("range");

    tcase_add_test(tc, test_range__unimodal_errors_are_the_least);
    tcase_add_test(tc, test_range__by_hand);
    tcase_add_test(tc, test_range__one_net_one_answer);
    tcase_add_test(tc, test_range__a_dip_ends_nothing);
    tcase_add_test(tc, test_range__wide_plateau);
    tcase_add_test(tc, test_range__no_fall);
    tcase_add_test(tc, test_range__at_most_half_the_rate_of_a_divergence);
    tcase_add_test(tc, test_range__learns_from_the_first_rate_on);
    tcase_add_test(tc, test_range__learns_where_it_fails);
    tcase_add_test(tc, test_range__given_weights);
    tcase_add_test(tc, test_range__rates_that_are_equal_or_zero);
    tcase_add_test(tc, test_range__six_images_are_too_few);
    tcase_add_test(tc, test_range__too_few_points);
    tcase_add_test(tc, test_range__never_leaves_chance);
    tcase_add_test(tc, test_range__falls_or_is_flat);
    tcase_add_test(tc, test_range__few_noisy_points_of_a_net_that_was_untrained);
    tcase_add_test(tc, test_range__constant_curves);
    tcase_add_test(tc, test_range__several_tests_give_medians);
    tcase_add_test(tc, test_range__several_tests_are_no_surer_than_they_were);
    tcase_add_test(tc, test_range__few_updates_are_a_doubt);
    tcase_add_test(tc, test_range__the_next_tests_lead_to_bounds);
    tcase_add_test(tc, test_range__seeds_fill_no_gap_between_evaluations);
    tcase_add_test(tc, test_range__rules_are_fastai_s);
    suite_add_tcase(s, tc);
    return support_run(s, true);
}
