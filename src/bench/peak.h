/*
 * Shares of the peak: what a device reaches of the multiply-adds that it was measured to be able to do. That
 * is a share only where a layer carries out its formula. Winograd's convolutions, and weight gradients that
 * visit the maxima of a pool alone, get by with fewer multiplications: counted by the formula, they would be
 * above the peak of a device that is half used.
 */
#ifndef BENCH_PEAK_H
#define BENCH_PEAK_H

#include <clr/bench.h>

/* Note at the rows which layers get by with fewer: by the variants in the checks. */
int peak_note_fewer(struct clr_bench_report *report, struct clr_error *err);

/* 0 to 1; NaN: there is none, as above, or nothing was counted, or it would be above 1: the peak was
 * measured too low. */
double peak_share(const struct clr_bench_report *report, const struct clr_bench_row *row);
/* The same of the formulas of all layers in the time of a training step: none where one layer has none. */
double peak_share_of_step(const struct clr_bench_report *report);

/* Has the row's layer no share of the peak, though its multiplications are counted? */
bool peak_is_left_out(const struct clr_bench_report *report, const struct clr_bench_row *row);

#endif
