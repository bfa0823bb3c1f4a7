/* Hinge loss: host side of cl/hinge_loss.cl, where the formula is. */
#include <math.h>

#include "ops/op_impl.h"

static int create(struct op *op, const struct op_io *io, struct clr_error *err)
{
    const struct op_desc *d = &op->desc;
    struct str options = {0};

    str_append(&options, "-DC=%d -DBACK=%d -DWEIGHT=%.9ef -DNORM=%d", d->x[0].c, op_goes_back(d, 0),
               op_loss_weight(d), d->u.loss.norm == LOSS_L2 ? 2 : 1);
    op_launch_range(&op->forward, 0, 1, 1);
    tensor_macros(&options, "X", &io->x[0]);
    if (op_goes_back(d, 0))
        tensor_macros(&options, "DX", &io->dx[0]);
    return op_kernel(op, false, "hinge_loss.cl", &options, "hinge_loss_forward", err);
}

static int forward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    return op_run_sample(op, io, op_goes_back(&op->desc, 0), err);
}

/* ------------------------------------------------------------------ reference and cases */

static double chance(const struct op_desc *d)
{
    return d->x[0].c;
}

static void reference(const struct op_desc *d, const struct op_ref *r)
{
    const double weight = op_loss_weight(d);
    const int c = d->x[0].c;

    for (int i = 0; i < r->n; i++) {
        const size_t at = (size_t)i * (size_t)c;
        double sum = 0.0;
        for (int k = 0; k < c; k++) {
            const double s = k == r->labels[i] ? 1.0 : -1.0, m = 1.0 - s * r->x[0][at + (size_t)k],
                         loss = m <= 0.0 ? 0.0 : m;
            sum += d->u.loss.norm == LOSS_L2 ? loss * loss : loss;
            if (r->dx[0])
                r->dx[0][at + (size_t)k] = -s * weight / r->n *
                                           (d->u.loss.norm == LOSS_L2 ? 2.0 * loss
                                            : loss > 0.0              ? 1.0
                                                                      : 0.0);
        }
        r->sample[i] = r->labels[i] >= 0 && r->labels[i] < c ? weight * sum : NAN;
    }
}

static const struct {
    struct shape x;
    float weight;
    enum loss_norm norm;
    bool small;
} cases[] = {{{3, 10, 1, 1}, 1.0f, LOSS_L1, true},
             {{5, 3, 1, 1}, -0.4f, LOSS_L2, true},
             {{37, 17, 1, 1}, 0.0f, LOSS_L1, false},
             {{1, 1, 1, 1}, 1.0f, LOSS_L2, false},
             {{4, 100, 1, 1}, 2.0f, LOSS_L2, false}};

static void get_case(struct op_case *out, int i)
{
    op_case_of(out, &cases[i].x, cases[i].small, " %s, weight %g", cases[i].norm == LOSS_L2 ? "L2" : "L1",
               (double)cases[i].weight);
    out->desc.u.loss.weight = cases[i].weight;
    out->desc.u.loss.norm = cases[i].norm;
    out->desc.need_dx = cases[i].weight != 0.0f;
}

const struct op_class op_hinge_loss = {
    .name = "hinge loss",
    .size = sizeof(struct op),
    .needs = {.early_dx = true},
    .create = create,
    .forward = forward,
    .chance = chance,
    .ref_forward = reference,
    .terms = op_terms_channels,
    .nmse = 1e-12,
    .sample_nmse = 1e-12,
    .flags = OP_LOSS | OP_ROWS,
    .cases = &(const struct op_cases){MEM_COUNT(cases), get_case},
};
