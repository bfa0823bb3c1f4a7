/* Smoothing: see smooth.h. */
#include "base/smooth.h"

double smooth_three(const double *v, size_t count, size_t i)
{
    const size_t first = i > 0 ? i - 1 : i, last = i + 1 < count ? i + 1 : i;
    double sum = 0.0;

    for (size_t k = first; k <= last; k++)
        sum += v[k];
    return sum / (double)(last - first + 1);
}

int smooth_ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}
