/*
 * AdaGrad: cl/optimizer_adagrad.cl. J. Duchi, E. Hazan and Y. Singer, Journal of Machine Learning Research 12
 * (2011). PyTorch (torch.optim.Adagrad) and Caffe (adagrad_solver.cpp) compute the same, without momentum.
 */
#include "ops/optimizer.h"

#include <math.h>

static void reference(struct optimizer_ref *r, size_t i, double d, double rate, uint64_t t)
{
    (void)t;
    r->v[i] += d * d;
    r->w[i] -= rate * d / (sqrt(r->v[i]) + r->settings.epsilon);
}

const struct optimizer_class optimizer_adagrad = {
    .name = "adagrad",
    .caffe = "AdaGrad",
    .pytorch = {.name = "Adagrad", .more = "", .epsilon = 1e-10},
    .kernel = "optimizer_adagrad.cl",
    .momentum = OPTIMIZER_SQUARES,
    .epsilon = true,
    .reference = reference,
};
