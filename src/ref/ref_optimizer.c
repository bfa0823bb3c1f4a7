/*
 * One update in double precision. The conventions of momentum are equal while the rate stays the same.
 * Sources: PyTorch, torch.optim.SGD and Adam; Caffe, sgd_solver.cpp, nesterov_solver.cpp, adam_solver.cpp.
 */
#include <math.h>

#include "ref/ref.h"

static double adam(struct ref_update *u, size_t i, double d, double lr, double t)
{
    const double mean = 1.0 - pow(u->momentum, t + 1.0), squares = 1.0 - pow(u->momentum2, t + 1.0);

    u->v[i] = u->momentum * u->v[i] + (1.0 - u->momentum) * d;
    u->s[i] = u->momentum2 * u->s[i] + (1.0 - u->momentum2) * d * d;
    if (u->caffe)
        return lr * sqrt(squares) / mean * u->v[i] / (sqrt(u->s[i]) + u->epsilon);
    return lr / mean * u->v[i] / (sqrt(u->s[i]) / sqrt(squares) + u->epsilon);
}

void ref_optimizer(struct ref_update *u, const double *g, size_t count, double lr, int t)
{
    for (size_t i = 0; i < count; i++) {
        const double sign = (u->w[i] > 0.0) - (u->w[i] < 0.0), old = u->v[i];
        const double d = g[i] + u->decay * (u->l1 ? sign : u->w[i]);

        if (u->kind == REF_ADAM) {
            u->w[i] -= adam(u, i, d, lr, t);
            continue;
        }
        u->v[i] = u->momentum * old + (u->caffe ? lr * d : d);
        if (u->kind == REF_SGD)
            u->w[i] -= u->caffe ? u->v[i] : lr * u->v[i];
        else if (u->caffe)
            u->w[i] -= (1.0 + u->momentum) * u->v[i] - u->momentum * old;
        else
            u->w[i] -= lr * (d + u->momentum * u->v[i]);
    }
}
