/*
 * SGD with momentum, and with Nesterov's: cl/optimizer_sgd.cl, cl/optimizer_nesterov.cl. The conventions of
 * momentum are equal while the rate stays the same. Sources: PyTorch, torch.optim.SGD; Caffe,
 * sgd_solver.cpp, nesterov_solver.cpp.
 */
#include "ops/optimizer.h"

static void sgd(struct optimizer_ref *r, size_t i, double d, double rate, uint64_t t)
{
    const bool caffe = r->settings.caffe;

    (void)t;
    r->v[i] = r->momentum * r->v[i] + (caffe ? rate * d : d);
    r->w[i] -= caffe ? r->v[i] : rate * r->v[i];
}

static void nesterov(struct optimizer_ref *r, size_t i, double d, double rate, uint64_t t)
{
    const bool caffe = r->settings.caffe;
    const double old = r->v[i];

    (void)t;
    r->v[i] = r->momentum * old + (caffe ? rate * d : d);
    r->w[i] -= caffe ? (1.0 + r->momentum) * r->v[i] - r->momentum * old : rate * (d + r->momentum * r->v[i]);
}

const struct optimizer_class optimizer_sgd = {.name = "sgd",
                                              .caffe = "SGD",
                                              .pytorch = {.name = "SGD", .more = "", .momentum = "momentum"},
                                              .usual_momentum = 0.9,
                                              .kernel = "optimizer_sgd.cl",
                                              .reference = sgd};

const struct optimizer_class optimizer_nesterov = {
    .name = "nesterov",
    .caffe = "Nesterov",
    .pytorch = {.name = "SGD", .more = ", nesterov=True", .momentum = "momentum"},
    .usual_momentum = 0.9,
    .kernel = "optimizer_nesterov.cl",
    .reference = nesterov};
