/*
 * AdaDelta: cl/optimizer_adadelta.cl. M. D. Zeiler, arXiv:1212.5701. PyTorch (torch.optim.Adadelta) and Caffe
 * (adadelta_solver.cpp) compute the same. Its ρ is the momentum of the squares, which Caffe's files call
 * `momentum`.
 */
#include "ops/optimizer.h"

#include <math.h>

static void reference(struct optimizer_ref *r, size_t i, double d, double rate, uint64_t t)
{
    const double momentum2 = r->settings.momentum2, epsilon = r->settings.epsilon;
    double u;

    (void)t;
    r->s[i] = momentum2 * r->s[i] + (1.0 - momentum2) * d * d;
    u = d * sqrt((r->v[i] + epsilon) / (r->s[i] + epsilon));
    r->v[i] = momentum2 * r->v[i] + (1.0 - momentum2) * u * u;
    r->w[i] -= rate * u;
}

const struct optimizer_class optimizer_adadelta = {
    .name = "adadelta",
    .caffe = "AdaDelta",
    .pytorch = {.name = "Adadelta", .more = "", .momentum2 = "rho", .epsilon = 1e-6},
    .momentum2 = "momentum",
    .kernel = "optimizer_adadelta.cl",
    .momentum = OPTIMIZER_SQUARES,
    .squares = true,
    .epsilon = true,
    .usual_momentum2 = 0.9,
    .reference = reference,
};
