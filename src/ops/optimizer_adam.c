/*
 * Adam, and AdamW, whose decay is decoupled: cl/optimizer_adam.cl. The means begin at 0 and are too small at
 * first: by 1 − μ^(t+1) and 1 − μ₂^(t+1). D. P. Kingma and J. Ba, arXiv:1412.6980; I. Loshchilov and F.
 * Hutter, arXiv:1711.05101. PyTorch (torch.optim.Adam, AdamW) adds ε to the corrected root, Caffe
 * (adam_solver.cpp) to the one that is not.
 */
#include "ops/optimizer.h"

#include <math.h>

static void correct(const struct optimizer_settings *s, double momentum, uint64_t t, double *rate,
                    double *root)
{
    const double n = (double)t + 1.0, mean = 1.0 - pow(momentum, n), squares = 1.0 - pow(s->momentum2, n);

    *root = s->caffe ? 1.0 : 1.0 / sqrt(squares);
    *rate = s->caffe ? *rate * sqrt(squares) / mean : *rate / mean;
}

static void reference(struct optimizer_ref *r, size_t i, double d, double rate, uint64_t t)
{
    const double momentum2 = r->settings.momentum2, epsilon = r->settings.epsilon, n = (double)t + 1.0;
    const double mean = 1.0 - pow(r->momentum, n), squares = 1.0 - pow(momentum2, n);

    r->v[i] = r->momentum * r->v[i] + (1.0 - r->momentum) * d;
    r->s[i] = momentum2 * r->s[i] + (1.0 - momentum2) * d * d;
    if (r->settings.caffe)
        r->w[i] -= rate * sqrt(squares) / mean * r->v[i] / (sqrt(r->s[i]) + epsilon);
    else
        r->w[i] -= rate / mean * r->v[i] / (sqrt(r->s[i]) / sqrt(squares) + epsilon);
}

#define ADAM                                                                                                 \
    .momentum2 = "momentum2", .kernel = "optimizer_adam.cl", .squares = true, .epsilon = true,               \
    .usual_momentum = 0.9, .usual_momentum2 = 0.999, .correct = correct, .reference = reference

const struct optimizer_class optimizer_adam = {
    .name = "adam",
    .caffe = "Adam",
    .pytorch = {.name = "Adam", .more = "", .momentum = "betas", .epsilon = 1e-8},
    ADAM,
};

const struct optimizer_class optimizer_adamw = {
    .name = "adamw",
    .pytorch = {.name = "AdamW", .more = "", .momentum = "betas", .epsilon = 1e-8},
    .decoupled = true,
    ADAM,
};
