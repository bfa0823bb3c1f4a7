/* Curves that rise and then fall: see unimodal.h. */
#include "range/unimodal.h"

#include <stdlib.h>

#include "base/mem.h"

/* Neighbouring values that share their mean. */
struct block {
    double mean, error; /* sum of squared distances from the mean */
    size_t count;
};

static struct block pool(struct block a, struct block b)
{
    const double n = (double)a.count, m = (double)b.count, distance = b.mean - a.mean;

    return (struct block){(n * a.mean + m * b.mean) / (n + m),
                          a.error + b.error + distance * distance * n * m / (n + m), a.count + b.count};
}

/* One more value after a rising fit: blocks whose means would not rise are pooled. Returns the number of
 * blocks; adds to *total what the errors of all of them grow by. */
static size_t push(struct block *blocks, size_t n, double value, double *total)
{
    struct block last = {value, 0.0, 1};

    while (n > 0 && blocks[n - 1].mean >= last.mean) {
        *total -= blocks[n - 1].error + last.error;
        last = pool(blocks[--n], last);
        *total += last.error;
    }
    blocks[n] = last;
    return n + 1;
}

int unimodal_errors(double *errors, const double *values, size_t count, struct clr_error *err)
{
    struct block *blocks;
    double total = 0.0;
    size_t n = 0;
    int rc = mem_new(&blocks, count, sizeof *blocks, "a curve", err);

    if (rc < 0)
        return rc;
    errors[0] = 0.0;
    for (size_t i = 0; i < count; i++) {
        n = push(blocks, n, values[i], &total);
        errors[i + 1] = total;
    }
    n = 0;
    total = 0.0;
    for (size_t i = count; i-- > 0;) { /* from the end on, what falls rises */
        n = push(blocks, n, values[i], &total);
        errors[i] += total;
    }
    free(blocks);
    return 0;
}

/* The rising fit of the values from *values on, forward (step 1) or backward (-1). */
static void fit_rise(double *fit, const double *values, size_t count, ptrdiff_t step, struct block *blocks)
{
    double total = 0.0;
    size_t n = 0;

    for (size_t i = 0; i < count; i++, values += step)
        n = push(blocks, n, *values, &total);
    for (size_t b = 0; b < n; b++)
        for (size_t i = 0; i < blocks[b].count; i++, fit += step)
            *fit = blocks[b].mean;
}

int unimodal_fit(double *fit, const double *values, size_t count, size_t k, struct clr_error *err)
{
    struct block *blocks;
    int rc = mem_new(&blocks, count, sizeof *blocks, "a curve", err);

    if (rc < 0)
        return rc;
    fit_rise(fit, values, k, 1, blocks);
    fit_rise(fit + count - 1, values + count - 1, count - k, -1, blocks);
    free(blocks);
    return 0;
}
