/* ReLU and dropout in double precision. */
#include "ref/ref.h"

#include "base/rng.h"

void ref_relu_forward(double *y, const double *x, size_t count, double negative_slope)
{
    for (size_t i = 0; i < count; i++)
        y[i] = x[i] > 0.0 ? x[i] : x[i] * negative_slope;
}

/* y > 0 exactly where x > 0 (negative_slope is not below 0), so the slope follows from the output. At 0: the
 * left one. */
void ref_relu_backward(double *dx, const double *y, const double *dy, size_t count, double negative_slope)
{
    for (size_t i = 0; i < count; i++)
        dx[i] = y[i] > 0.0 ? dy[i] : dy[i] * negative_slope;
}

void ref_dropout_forward(double *y, const double *x, const int32_t *sample, int n, int elements, double ratio,
                         int layer, uint64_t seed, uint32_t iteration)
{
    uint32_t key = iteration ^ (uint32_t)layer << 24, r[4];

    for (size_t k = 0; k < (size_t)n; k++) {
        for (size_t e = 0; e < (size_t)elements; e++) {
            size_t i = k * (size_t)elements + e;
            rng_philox(seed, RNG_DROPOUT, key, (uint64_t)sample[k] * (uint64_t)elements + e, r);
            y[i] = (double)r[0] >= ratio * 4294967296.0 ? x[i] / (1.0 - ratio) : 0.0;
        }
    }
}
