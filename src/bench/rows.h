/*
 * The time of each layer and pass in a training step, from the profile of a session.
 */
#ifndef BENCH_ROWS_H
#define BENCH_ROWS_H

#include <clr/bench.h>

#include "train/session.h"

/*
 * Fill out->rows. s: started with profiling, kernels compiled. `steps` trains that many steps and waits.
 * Nothing that the profile holds is left out: what no layer claims is a row too. No rows where the driver's
 * times of kernels are of no use: some give a nanosecond for every kernel (Mesa's llvmpipe does).
 *
 * @param once  seconds that a step takes: of slow ones fewer are measured
 */
int rows_measure(struct clr_bench_report *out, struct session *s, double once,
                 int (*steps)(void *session, int n, struct clr_error *err), const struct clr_bench_options *o,
                 struct clr_error *err);

/* About how long that takes, in seconds, where a step takes `once`. */
double rows_estimate(double once);

#endif
