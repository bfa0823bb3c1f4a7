/*
 * Axes: ranges, round ticks (1, 2, 5 × 10ⁿ), number texts. No drawing.
 */
#ifndef PLOT_AXES_H
#define PLOT_AXES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"

#define AXES_MAX_TICKS 24
#define AXES_MAX_MINOR 128
#define AXES_TEXT      32

/* Values on an axis are finite and at most this far from zero, so that no span overflows. */
#define AXES_LIMIT 1e30

struct axes_tick {
    double value;
    char text[AXES_TEXT];
};

struct axis {
    bool log;      /* then lo > 0 */
    bool whole;    /* ticks on whole numbers only; linear axes */
    double lo, hi; /* what the axis shows, lo < hi */
    int count;
    struct axes_tick ticks[AXES_MAX_TICKS]; /* with text, ascending */
    int minor_count;
    double minor[AXES_MAX_MINOR]; /* without text; log axes only */
};

/*
 * Show what lies between lo and hi with `pad` of the span free on each side, but never beyond the floor and
 * ceiling (which may be infinite), and a span that is not zero even for one value. Ticks are not made yet.
 */
void axes_set_range(struct axis *a, bool log, double lo, double hi, double pad, double floor, double ceiling);

/* Fill the ticks: at most max_texts with text, at least 2. Range first. */
void axes_set_ticks(struct axis *a, int max_texts);

/* Place of v on the axis: 0 at lo, 1 at hi; beyond them at most 20 axes away. */
double axes_place(const struct axis *a, double v);

/* The same, clamped to 0 … 1. */
double axes_fraction(const struct axis *a, double v);

/* Fixed point with thousands separators: 20000 → "20,000", -1234.5 with one decimal → "-1,234.5". */
void axes_format_fixed(char *out, size_t size, double v, int decimals);

/* A single value in the fewest digits that give it to `digits` significant ones: "0.0025", "20,000",
 * "2.5×10⁻⁷". */
void axes_format_value(char *out, size_t size, double v, int digits);

/*
 * Do the values grow by a factor rather than by a summand, over the positions t? Both ascending, each
 * `stride` numbers after the one before. True when log v is closer to a straight line over t than v is, and
 * clearly straight.
 */
bool axes_is_geometric(const double *t, const double *v, size_t stride, size_t count);

#endif
