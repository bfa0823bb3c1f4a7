/* Axes: ticks and their texts; and where in a figure there is space for a legend. */
#include <math.h>
#include <string.h>

#include "support.h"

#include "base/str.h"
#include "plot/axes.h"
#include "plot/place.h"

/* The tick texts, joined by blanks. */
static const char *ticks(struct axis *a, int max)
{
    static struct str s;

    str_clear(&s);
    axes_set_ticks(a, max);
    for (int i = 0; i < a->count; i++)
        str_append(&s, "%s%s", i ? " " : "", a->ticks[i].text);
    return str_text(&s);
}

static const char *ticks_of(bool log, double lo, double hi, int max)
{
    struct axis a;

    axes_set_range(&a, log, lo, hi, 0.0, -INFINITY, INFINITY);
    return ticks(&a, max);
}

START_TEST(test_axes__ticks_are_round)
{
    ck_assert_str_eq(ticks_of(false, 0, 70000, 8), "0 10,000 20,000 30,000 40,000 50,000 60,000 70,000");
    ck_assert_str_eq(ticks_of(false, 0, 70000, 7), "0 20,000 40,000 60,000");
    ck_assert_str_eq(ticks_of(false, 0.0025, 0.01, 5), "0.004 0.006 0.008 0.010");
    ck_assert_str_eq(ticks_of(false, -1, 1, 5), "-1.0 -0.5 0 0.5 1.0");
    ck_assert_str_eq(ticks_of(false, 13.2, 78, 5), "20 40 60");
    ck_assert_str_eq(ticks_of(false, 0, 1e-8, 3), "0 5×10⁻⁹ 1×10⁻⁸");
    ck_assert_str_eq(ticks_of(false, 0, 2e12, 3), "0 1×10¹² 2×10¹²");
    ck_assert_str_eq(ticks_of(true, 1e-3, 10, 6), "0.001 0.01 0.1 1 10");
    ck_assert_str_eq(ticks_of(true, 1e-5, 0.1, 6), "10⁻⁵ 10⁻⁴ 10⁻³ 10⁻² 10⁻¹");
    ck_assert_str_eq(ticks_of(true, 0.001, 0.02, 8), "0.001 0.002 0.005 0.01 0.02");
    ck_assert_str_eq(ticks_of(true, 0.21, 0.47, 4), "0.3 0.4");
    /* few of many powers of ten are spread over the axis */
    ck_assert_str_eq(ticks_of(true, 1e-7, 1, 4), "10⁻⁶ 10⁻⁴ 10⁻² 10⁰");
    ck_assert_str_eq(ticks_of(true, 3e-6, 0.3, 3), "10⁻⁵ 10⁻³ 10⁻¹");
    ck_assert_str_eq(ticks_of(true, 1e-5, 0.1, 2), "10⁻⁵ 10⁻²");
    ck_assert_str_eq(ticks_of(true, 2e-5, 2.4e-4, 4), "2×10⁻⁵ 5×10⁻⁵ 10⁻⁴ 2×10⁻⁴");
}
END_TEST

START_TEST(test_axes__never_more_ticks_than_asked)
{
    for (int k = 0; k < 2000; k++) {
        double lo = (k % 7 - 3) * pow(10, k % 11 - 5), hi = lo + (1 + k % 13) * pow(10, k % 17 - 8);
        int max = 2 + k % 10;
        struct axis a;
        axes_set_range(&a, false, lo, hi, 0.03, -INFINITY, INFINITY);
        ck_assert(a.lo <= lo && a.hi >= hi && a.lo < a.hi);
        axes_set_ticks(&a, max);
        ck_assert_msg(a.count >= 1 && a.count <= max, "%d ticks of %d between %g and %g", a.count, max, lo,
                      hi);
        for (int i = 0; i < a.count; i++)
            ck_assert(a.ticks[i].value >= a.lo - 1e-6 * (a.hi - a.lo) &&
                      a.ticks[i].value <= a.hi + 1e-6 * (a.hi - a.lo));
    }
}
END_TEST

START_TEST(test_axes__one_value_and_limits_make_a_range)
{
    struct axis a;

    axes_set_range(&a, false, 5, 5, 0.05, -INFINITY, INFINITY);
    ck_assert(a.lo < 5 && a.hi > 5);
    axes_set_range(&a, false, 0, 0, 0.05, 0, INFINITY);
    ck_assert(a.lo == 0 && a.hi > 0);
    axes_set_range(&a, false, 100, 100, 0.05, 0, 100);
    ck_assert(a.lo < 100 && a.hi == 100);
    axes_set_range(&a, true, 1e-3, 1e-3, 0.05, 0, INFINITY);
    ck_assert(a.lo > 0 && a.lo < 1e-3 && a.hi > 1e-3);
    axes_set_range(&a, false, -1e300, 1e300, 0.05, -INFINITY, INFINITY);
    ck_assert(isfinite(a.hi - a.lo));
    axes_set_range(&a, false, 0, 1, 0, -INFINITY, INFINITY);
    a.whole = true;
    ck_assert_str_eq(ticks(&a, 10), "0 1");
    axes_set_range(&a, false, 20, 70, 0.1, -INFINITY, INFINITY);
    ck_assert(axes_fraction(&a, a.lo) == 0 && axes_fraction(&a, a.hi) == 1 && axes_fraction(&a, 1e9) == 1);
    ck_assert(fabs(axes_fraction(&a, 45) - 0.5) < 1e-12);
}
END_TEST

START_TEST(test_axes__numbers_as_text)
{
    static const struct {
        double v;
        int digits; /* < 0: fixed, that many decimals + 1 */
        const char *text;
    } cases[] = {{20000, -1, "20,000"},
                 {999, -1, "999"},
                 {1234567.25, -3, "1,234,567.25"},
                 {-1234.5, -2, "-1,234.5"},
                 {-0.0001, -3, "0.00"},
                 {1000, -1, "1,000"},
                 {0.0025, 6, "0.0025"},
                 {0.01, 6, "0.01"},
                 {2000, 9, "2,000"},
                 {2.5e-7, 3, "2.5×10⁻⁷"},
                 {9.07e-5, 3, "9.07×10⁻⁵"},
                 {1e-4, 3, "0.0001"},
                 {1e-6, 3, "10⁻⁶"},
                 {0, 3, "0"},
                 {0.000178279, 3, "0.000178"},
                 {3e12, 3, "3×10¹²"},
                 {0.99994, 9, "0.99994"}};

    for (size_t i = 0; i < MEM_COUNT(cases); i++) {
        char text[AXES_TEXT];
        if (cases[i].digits < 0)
            axes_format_fixed(text, sizeof text, cases[i].v, -cases[i].digits - 1);
        else
            axes_format_value(text, sizeof text, cases[i].v, cases[i].digits);
        ck_assert_str_eq(text, cases[i].text);
    }
}
END_TEST

START_TEST(test_axes__geometric_growth_is_seen)
{
    double t[41], linear[41], factor[41], bent[41];

    for (int i = 0; i < 41; i++) {
        t[i] = i ? 100 * i : 1;
        linear[i] = 1e-5 + 0.1 * t[i] / 4000;
        factor[i] = 1e-5 * pow(10, 4 * t[i] / 4000);
        bent[i] = 1e-5 + 0.1 * t[i] * t[i] / 16e6;
    }
    ck_assert(axes_is_geometric(t, factor, 1, 41));
    ck_assert(!axes_is_geometric(t, linear, 1, 41));
    ck_assert(!axes_is_geometric(t, bent, 1, 41));
    ck_assert(!axes_is_geometric(t, factor, 1, 2));
    linear[0] = 0;
    ck_assert(!axes_is_geometric(t, linear, 1, 41));
    for (int i = 0; i < 41; i++)
        factor[i] = 0.01;
    ck_assert(!axes_is_geometric(t, factor, 1, 41));
}
END_TEST

/* ---- room ---- */

START_TEST(test_place__legend_goes_where_nothing_is)
{
    struct place p;
    struct place_box b;

    ck_assert_int_eq(place_init(&p, (struct place_box){50, 20, 600, 300}, 3, NULL), 0);
    ck_assert(place_find_corner(&p, 100, 60, 8, &b));
    ck_assert_msg(fabs(b.x + b.w + 8 - 650) < 1e-9 && fabs(b.y + b.h + 8 - 320) < 1e-9, "%g %g", b.x, b.y);
    place_take_segment(&p, 50, 230, 650, 310, 3); /* through the lower right corner */
    ck_assert(place_find_corner(&p, 100, 60, 8, &b));
    ck_assert_int_eq(place_overlap(&p, b), 0);
    ck_assert(b.x < 100 && b.y < 50);
    place_take_box(&p, (struct place_box){50, 20, 600, 300});
    ck_assert(!place_find_corner(&p, 100, 60, 8, &b));
    ck_assert(!place_find_corner(&p, 700, 60, 8, &b));
    place_clear(&p);
}
END_TEST

START_TEST(test_axis__has_two_ticks_at_least)
{
    struct axis a;

    for (int k = 1; k < 4000; k++) {
        const double hi = pow(1.01, k) * 1e-9, lo = k % 3 ? 0 : hi * 0.97;
        for (int max = 1; max < 6; max++) {
            axes_set_range(&a, false, lo, hi, 0.05, lo, INFINITY);
            a.whole = k % 2;
            axes_set_ticks(&a, max);
            ck_assert_msg(a.count >= 2, "%g to %g, %d texts", lo, hi, max);
            ck_assert(a.count <= 2 || a.count <= max);
            ck_assert(a.ticks[0].value >= a.lo - 1e-6 * hi && a.ticks[a.count - 1].value <= a.hi + 1e-6 * hi);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("axes");
    TCase *tc = tcase_create("axes");

    tcase_add_test(tc, test_axes__ticks_are_round);
    tcase_add_test(tc, test_axes__never_more_ticks_than_asked);
    tcase_add_test(tc, test_axes__one_value_and_limits_make_a_range);
    tcase_add_test(tc, test_axes__numbers_as_text);
    tcase_add_test(tc, test_axes__geometric_growth_is_seen);
    tcase_add_test(tc, test_place__legend_goes_where_nothing_is);
    tcase_add_test(tc, test_axis__has_two_ticks_at_least);
    suite_add_tcase(suite, tc);
    return support_run(suite, true);
}
