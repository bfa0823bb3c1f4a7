/* Smoothing: see smooth.h. */
#include "base/smooth.h"

#include <math.h>

double smooth_mean(const double *v, size_t count, size_t i, size_t half)
{
    const size_t first = i > half ? i - half : 0, last = i + half < count ? i + half : count - 1;
    double sum = 0.0;

    for (size_t k = first; k <= last; k++)
        sum += v[k];
    return sum / (double)(last - first + 1);
}

double smooth_median(const double *v, size_t count, size_t i)
{
    if (i == 0 || i + 1 >= count)
        return v[i];
    return fmax(fmin(v[i - 1], v[i]), fmin(fmax(v[i - 1], v[i]), v[i + 1]));
}

struct smooth_moments smooth_moments(const double *v, size_t count)
{
    struct smooth_moments m = {0.0, NAN};
    double squares = 0.0;

    for (size_t i = 0; i < count; i++)
        m.mean += v[i];
    m.mean /= (double)count;
    for (size_t i = 0; i < count; i++)
        squares += (v[i] - m.mean) * (v[i] - m.mean);
    if (count > 1)
        m.deviation = sqrt(squares / (double)(count - 1));
    return m;
}

int smooth_ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}
