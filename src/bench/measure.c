/* Timing: see measure.h. */
#include "bench/measure.h"

#include <math.h>

#include "base/clock.h"
#include "base/smooth.h"

#define SAMPLE_S 0.2 /* shorter ones are ruled by who else runs */

void measure_spread(struct clr_bench_spread *out, double *values, int count)
{
    const int half = count / 2;

    *out = (struct clr_bench_spread){.count = count};
    if (count == 0)
        return;
    qsort(values, (size_t)count, sizeof *values, smooth_ascending);
    out->min = values[0];
    out->max = values[count - 1];
    out->median = count % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
}

void measure_invert(struct clr_bench_spread *s, double factor)
{
    const struct clr_bench_spread t = *s;

    s->min = factor / t.max;
    s->median = factor / t.median;
    s->max = factor / t.min;
}

void measure_scale(struct clr_bench_spread *s, double factor)
{
    s->min *= factor;
    s->median *= factor;
    s->max *= factor;
}

static int timed(double *seconds, const struct measure *m, int n, struct clr_error *err)
{
    const uint64_t start = clock_ns();
    const int rc = m->run(m->user, n, err);

    *seconds = fmax(1e-9, (double)(clock_ns() - start) * 1e-9);
    return rc;
}

int measure_least(double once)
{
    return once > MEASURE_SLOW_S ? MEASURE_SLOW : MEASURE_LEAST;
}

int measure_step(const struct clr_bench_options *o, int done, int all, struct clr_error *err)
{
    if (o && o->stop && *o->stop)
        return clr_error_set(err, CLR_EINTERRUPTED, "stopped before the device was measured to the end");
    if (o && o->step)
        o->step(o->user, done, all);
    return 0;
}

double measure_estimate(const struct measure *m, double once)
{
    return fmax(m->budget_s, (2 + measure_least(once)) * once); /* one untimed, one to calibrate */
}

int measure_expected(int count, int least, double seconds, double budget_s)
{
    const double all = count > 0 && seconds > 0.0 ? ceil(count * budget_s / seconds) : least;

    return (int)fmin(fmax(all, fmax(least, count + 1)), MEASURE_MOST);
}

int measure_run(struct clr_bench_spread *seconds, const struct measure *m, struct clr_error *err)
{
    double values[MEASURE_MOST], s = 0.0;
    uint64_t start;
    int n = 1, count = 0, least, rc = measure_step(m->o, 0, MEASURE_LEAST, err);

    if (rc == 0)
        rc = m->run(m->user, 1, err);
    if (rc == 0)
        rc = measure_step(m->o, 0, MEASURE_LEAST, err);
    if (rc == 0)
        rc = timed(&s, m, n, err);
    while (rc == 0 && s < SAMPLE_S && n < m->most) {
        const double repeats = fmin(8.0 * n, 1.1 * n * SAMPLE_S / s); /* the first ones may be slow */
        n = repeats >= m->most ? m->most : repeats > n + 1 ? (int)repeats : n + 1;
        rc = timed(&s, m, n, err);
    }
    least = measure_least(s);
    if (n == 1 && s > MEASURE_SLOW_S) /* none is thrown away there */
        values[count++] = s;
    start = clock_ns();
    while (rc == 0 && count < MEASURE_MOST) {
        const double gone = (double)(clock_ns() - start) * 1e-9;
        if (count >= least && gone >= m->budget_s)
            break;
        rc = measure_step(m->o, count, measure_expected(count, least, gone, m->budget_s), err);
        if (rc == 0)
            rc = timed(&s, m, n, err);
        values[count++] = s / n;
    }
    if (rc == 0)
        measure_spread(seconds, values, count);
    return rc;
}
