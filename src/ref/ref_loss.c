/* Softmax loss and accuracy in double precision. The maximum is taken off first, so that exp() stays finite.
 */
#include "ref/ref.h"

#include <math.h>
#include <stdbool.h>

void ref_softmax_loss(double *loss, double *dx, const double *logits, const int32_t *labels, int n,
                      int classes, double smoothing)
{
    const double rest = smoothing / classes;

    for (size_t k = 0; k < (size_t)n; k++) {
        const double *z = logits + k * (size_t)classes;
        const bool there = labels[k] >= 0 && labels[k] < classes;
        double max = z[0], sum = 0.0, expected = 0.0; /* Σ target·(z − max) */

        for (int c = 1; c < classes; c++)
            max = z[c] > max ? z[c] : max;
        for (int c = 0; c < classes; c++)
            sum += exp(z[c] - max);
        for (int c = 0; c < classes; c++)
            if (c == labels[k] || rest > 0.0) /* 0 · ∞ is NaN */
                expected += ((c == labels[k] ? 1.0 - smoothing : 0.0) + rest) * (z[c] - max);
        if (loss)
            loss[k] = there ? log(sum) - expected : NAN;
        for (int c = 0; dx && c < classes; c++)
            dx[k * (size_t)classes + (size_t)c] =
                (exp(z[c] - max) / sum - (c == labels[k] ? 1.0 - smoothing : 0.0) - rest) / n;
    }
}

void ref_accuracy(double *correct, const double *logits, const int32_t *labels, int n, int classes, int top_k)
{
    for (size_t k = 0; k < (size_t)n; k++) {
        const double *z = logits + k * (size_t)classes;
        int label = labels[k], above = 0;

        for (int c = 0; c < classes; c++)
            above += z[c] > z[label] || (z[c] == z[label] && c < label) || isnan(z[c]);
        correct[k] = above < top_k && !isnan(z[label]) ? 1.0 : 0.0;
    }
}
