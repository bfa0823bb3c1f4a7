/*
 * Timing: warmed up, calibrated, repeated; a median with its spread. And what the files of this folder share.
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <clr/bench.h>

#include "ocl/ocl.h"
#include "ops/op_class.h"

enum {
    MEASURE_MOST = 31, /* samples */
    MEASURE_LEAST = 5,
    MEASURE_SLOW = 3, /* of what takes more than MEASURE_SLOW_S */
};
#define MEASURE_SLOW_S 2.0

struct measure {
    /* Do it n times and wait for the end. */
    int (*run)(void *user, int n, struct clr_error *err);
    void *user;
    int most;        /* the largest n */
    double budget_s; /* after the least samples, no more are taken when this much time has gone */
    const struct clr_bench_options *o; /* its step() is called before each sample; may be NULL */
};

/* Call o->step, and check o->stop: CLR_EINTERRUPTED. o may be NULL. */
int measure_step(const struct clr_bench_options *o, int done, int all, struct clr_error *err);

/* The least samples of what takes that long once. */
int measure_least(double once);

/*
 * Seconds for one repetition. run(1) goes first, untimed; then n is raised until one sample is long enough
 * for the clock and for the noise of a scheduler, and samples are taken: MEASURE_LEAST or more, MEASURE_SLOW
 * where one takes more than MEASURE_SLOW_S.
 */
int measure_run(struct clr_bench_spread *seconds, const struct measure *m, struct clr_error *err);

/* How many samples there will be, after `count` of them in that many seconds. */
int measure_expected(int count, int least, double seconds, double budget_s);

/* About how long that takes, in seconds, where one repetition takes `once`. */
double measure_estimate(const struct measure *m, double once);

/* The spread of values, which are sorted by this. */
void measure_spread(struct clr_bench_spread *out, double *values, int count);

/* *s = factor / *s: a time becomes a rate. */
void measure_invert(struct clr_bench_spread *s, double factor);
/* *s = factor · *s. */
void measure_scale(struct clr_bench_spread *s, double factor);

/* ------------------------------------------------------------------ limits.c */

/* What the device can do at most: the fields peak_gflops, bandwidth_gb and triad_bytes. What the kernels
 * compute is checked too: CLR_EFAILED where it is wrong. */
int limits_measure(struct clr_bench_report *out, struct ocl_context *ctx, const struct clr_bench_options *o,
                   struct clr_error *err);

/* ------------------------------------------------------------------ label_map.c */

/* What clr_bench_pass_name() returns. */
extern const char *const labels_passes[CLR_BENCH_PASSES];

/*
 * Which layer and pass does a label of the profile belong to? "conv1 forward weights" is conv1's forward
 * pass: the longest name followed by a blank wins, then the words after it count. "batch" and
 * "update" alone belong to no layer, as does what begins with no name.
 *
 * *layer: index into names; count: none.
 */
enum clr_bench_pass labels_map(const char *label, const char *const *names, size_t count, size_t *layer);

#endif
