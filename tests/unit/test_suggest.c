/* Reading a range test: bounds worked out by hand from made-up curves (src/train/suggest.h has the rules). */
#include <math.h>
#include <string.h>

#include "support.h"

#include "base/mem.h"
#include "train/rules.h"
#include "train/suggest.h"

struct point {
    double rate, accuracy;
};

#define CURVE(points) make_curve(points, MEM_COUNT(points))

/* Of ten classes and 10,000 images. Good until the next one is made. */
static struct range_curve make_curve(const struct point *p, size_t count)
{
    static double rates[16], accuracies[16];

    for (size_t i = 0; i < count; i++) {
        rates[i] = p[i].rate;
        accuracies[i] = p[i].accuracy;
    }
    return (struct range_curve){.rates = rates,
                                .accuracies = accuracies,
                                .count = count,
                                .untrained = 0.1,
                                .classes = 10,
                                .images = 10000};
}

/* Baseline 0.1, standard error 0.003: the threshold is 0.109. */
START_TEST(test_suggest__rise_and_fall)
{
    const struct point p[] = {{0.001, 0.100}, {0.002, 0.104}, {0.003, 0.150}, {0.004, 0.300},
                              {0.005, 0.400}, {0.006, 0.450}, {0.007, 0.440}, {0.008, 0.380}};
    const struct range_curve c = CURVE(p);
    struct clr_range_result r = {0};

    suggest_range(&r, &c);
    ck_assert(r.has_min && r.min_lr == 0.002);
    /* smoothed: … 0.3833 at 0.005, 0.43 at 0.006, 0.4233 at 0.007, 0.41 at 0.008: the first fall > 0.01 */
    ck_assert(r.has_max && r.max_lr == 0.006);
    ck_assert_double_eq_tol(r.baseline, 0.1, 1e-12);
    ck_assert_double_eq_tol(r.standard_error, 0.003, 1e-12);
}
END_TEST

/* One point above the threshold that falls back is noise, not the start of learning. */
START_TEST(test_suggest__must_stay_above)
{
    const struct point p[] = {{0.001, 0.12}, {0.002, 0.10}, {0.003, 0.15}, {0.004, 0.30}, {0.005, 0.35}};
    const struct range_curve c = CURVE(p);
    struct clr_range_result r = {0};

    suggest_range(&r, &c);
    ck_assert(r.has_min && r.min_lr == 0.002);
    ck_assert(!r.has_max);
    ck_assert_ptr_nonnull(strstr(r.explanation, "does not fall"));
}
END_TEST

/* A single dip that the smoothing levels out does not end the range. */
START_TEST(test_suggest__smoothing_hides_one_dip)
{
    const struct point p[] = {{1, 0.10}, {2, 0.20}, {3, 0.30}, {4, 0.27}, {5, 0.40}, {6, 0.50}, {7, 0.50}};
    const struct range_curve c = CURVE(p);
    struct clr_range_result r = {0};

    suggest_range(&r, &c);
    ck_assert(r.has_min && r.min_lr == 1 && !r.has_max);
}
END_TEST

/* A sweep over four powers of ten whose loss falls and rises; what fastai's functions say of it, worked out
 * by a Python version of them. bend: 0, or how steeply it rises behind update 150. */
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

START_TEST(test_suggest__rules_are_fastai_s)
{
    const double plain[] = {0.0214614119786, 0.032929712551, 0.014820207058, 0.113573335834},
                 bent[] = {0.0214614119786, 0.012458833643, 0.00890735463861, 0.0567242606849};
    double rates[29], losses[29], out[CLR_RANGE_RULES];

    expect_rules(0.0, plain);
    expect_rules(0.02, bent);
    for (int i = 0; i < 29; i++)
        rates[i] = losses[i] = 1.0 + i;
    ck_assert_int_eq(rules_read(out, rates, losses, 29, NULL), 0); /* too short for a word */
    for (int r = 0; r < CLR_RANGE_RULES; r++)
        ck_assert(isnan(out[r]));
}
END_TEST

START_TEST(test_suggest__divergence_ends_the_range_at_the_top)
{
    const struct point p[] = {{1, 0.10}, {2, 0.20}, {3, 0.30}, {4, 0.31}};
    struct range_curve c = CURVE(p);
    struct clr_range_result r = {0};

    c.diverged = true;
    c.diverged_lr = 10;
    suggest_range(&r, &c);
    /* smoothed over two at the end: 0.305, the top */
    ck_assert(r.has_max && r.max_lr == 4);
    c.diverged_lr = 5; /* the top lies too close to the divergence */
    suggest_range(&r, &c);
    ck_assert(r.has_min && r.min_lr == 1 && r.has_max && r.max_lr == 2.5);
}
END_TEST

/* A fall in front of a divergence is no safer than the top of a curve that did not fall. */
START_TEST(test_suggest__a_fall_close_to_a_divergence_is_no_bound)
{
    const struct point p[] = {{1, 0.10}, {2, 0.20}, {3, 0.30}, {4, 0.31}, {5, 0.25}, {6, 0.15}};
    struct range_curve c = CURVE(p);
    struct clr_range_result r = {0};

    suggest_range(&r, &c);
    ck_assert(r.has_max && r.max_lr == 4);
    c.diverged = true;
    c.diverged_lr = 7;
    suggest_range(&r, &c);
    ck_assert(r.has_max && r.max_lr == 3.5);
    ck_assert_ptr_nonnull(strstr(r.explanation, "half the rate"));
    c.diverged_lr = 9;
    suggest_range(&r, &c);
    ck_assert(r.has_min && r.has_max && r.max_lr == 4);
    c.diverged_lr = 1.5; /* half of it lies below the rate at which the net begins to learn */
    suggest_range(&r, &c);
    ck_assert(!r.has_min && r.has_max && r.max_lr == 0.75);
    ck_assert_ptr_nonnull(strstr(r.explanation, "min: none"));
}
END_TEST

START_TEST(test_suggest__never_learns)
{
    const struct point p[] = {{1, 0.10}, {2, 0.105}, {3, 0.09}, {4, 0.108}};
    const struct range_curve c = CURVE(p);
    struct clr_range_result r = {0};

    suggest_range(&r, &c);
    ck_assert(!r.has_min && !r.has_max);
    ck_assert_ptr_nonnull(strstr(r.explanation, "never rose"));
}
END_TEST

START_TEST(test_suggest__starts_too_high_and_uneven_chance)
{
    const struct point p[] = {{1, 0.30}, {2, 0.35}, {3, 0.10}, {4, 0.10}};
    struct range_curve c = CURVE(p);
    struct clr_range_result r = {0};

    c.untrained = 0.2; /* the untrained net is better than chance: it is the baseline */
    suggest_range(&r, &c);
    ck_assert_double_eq_tol(r.baseline, 0.2, 1e-12);
    ck_assert(r.has_min && r.min_lr == 1 && r.has_max);
    ck_assert_ptr_nonnull(strstr(r.explanation, "starts too high"));
}
END_TEST

START_TEST(test_suggest__nothing_measured)
{
    const struct range_curve c = {
        .count = 0, .untrained = 0.1, .classes = 10, .images = 100, .diverged = true};
    struct clr_range_result r = {0};

    suggest_range(&r, &c);
    ck_assert(!r.has_min && !r.has_max);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("suggest");
    TCase *tc = tcase_create("suggest");

    tcase_add_test(tc, test_suggest__rules_are_fastai_s);
    tcase_add_test(tc, test_suggest__rise_and_fall);
    tcase_add_test(tc, test_suggest__must_stay_above);
    tcase_add_test(tc, test_suggest__smoothing_hides_one_dip);
    tcase_add_test(tc, test_suggest__divergence_ends_the_range_at_the_top);
    tcase_add_test(tc, test_suggest__a_fall_close_to_a_divergence_is_no_bound);
    tcase_add_test(tc, test_suggest__never_learns);
    tcase_add_test(tc, test_suggest__starts_too_high_and_uneven_chance);
    tcase_add_test(tc, test_suggest__nothing_measured);
    suite_add_tcase(s, tc);
    return support_run(s, true);
}
