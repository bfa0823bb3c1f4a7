/*
 * One update of SGD with momentum in double precision. The two conventions are equal while the rate stays the
 * same. Source: Caffe, SGDSolver; PyTorch, torch.optim.SGD.
 */
#include "ref/ref.h"

void ref_sgd(double *w, double *v, const double *g, size_t count, double lr, double momentum, double decay,
             bool caffe)
{
    for (size_t i = 0; i < count; i++) {
        double step = g[i] + decay * w[i];

        v[i] = momentum * v[i] + (caffe ? lr * step : step);
        w[i] -= caffe ? v[i] : lr * v[i];
    }
}
