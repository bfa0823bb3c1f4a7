/*
 * RMSProp: cl/optimizer_rmsprop.cl. T. Tieleman and G. Hinton, lecture 6.5 of "Neural Networks for Machine
 * Learning" (2012), which has no momentum. With one, it is PyTorch's (torch.optim.RMSprop), or its rate
 * enters as in Caffe's SGD; Caffe (rmsprop_solver.cpp) refuses one, and so do runs in its convention.
 */
#include "ops/optimizer.h"

#include <math.h>

static void reference(struct optimizer_ref *r, size_t i, double d, double rate, uint64_t t)
{
    const double momentum2 = r->settings.momentum2;
    double scaled;

    (void)t;
    r->s[i] = momentum2 * r->s[i] + (1.0 - momentum2) * d * d;
    scaled = d / (sqrt(r->s[i]) + r->settings.epsilon);
    r->v[i] = r->momentum * r->v[i] + (r->settings.caffe ? rate * scaled : scaled);
    r->w[i] -= r->settings.caffe ? r->v[i] : rate * r->v[i];
}

const struct optimizer_class optimizer_rmsprop = {
    .name = "rmsprop",
    .caffe = "RMSProp",
    .pytorch = {"RMSprop", "", "momentum", "alpha", 1e-8},
    .momentum2 = "rms_decay",
    .kernel = "optimizer_rmsprop.cl",
    .momentum = OPTIMIZER_MOMENTUM_PYTORCH,
    .squares = true,
    .epsilon = true,
    .usual_momentum2 = 0.99,
    .reference = reference,
};
