/* Contrastive loss of pairs: host side of cl/contrastive_loss.cl, where the formulas are. */
#include <math.h>

#include "ops/op_impl.h"

static int create(struct op *op, const struct op_io *io, struct clr_error *err)
{
    const struct op_desc *d = &op->desc;
    struct str options = {0};

    str_append(&options, "-DC=%d -DBACK_A=%d -DBACK_B=%d -DMARGIN=%.9ef -DLEGACY=%d", d->x[0].c,
               op_goes_back(d, 0), op_goes_back(d, 1), (double)d->u.loss.margin, d->u.loss.legacy);
    tensor_macros(&options, "A", &io->x[0]);
    tensor_macros(&options, "B", &io->x[1]);
    tensor_macros(&options, "DA", op_goes_back(d, 0) ? &io->dx[0] : &io->x[0]);
    tensor_macros(&options, "DB", op_goes_back(d, 1) ? &io->dx[1] : &io->x[1]);
    op_launch_range(&op->forward, 0, 1, 1);
    return op_kernel(op, false, "contrastive_loss.cl", &options, "contrastive_loss_forward", err);
}

static int forward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    const struct op_desc *d = &op->desc;
    const double weight = op_loss_weight(d);
    /* what the kernel does not use is any buffer */
    const cl_mem da = op_goes_back(d, 0) ? io->dx[0].mem : io->sample,
                 db = op_goes_back(d, 1) ? io->dx[1].mem : io->sample;
    const struct ocl_arg args[] = {OCL_MEM(io->sample),
                                   OCL_MEM(da),
                                   OCL_MEM(db),
                                   OCL_MEM(io->x[0].mem),
                                   OCL_MEM(io->x[1].mem),
                                   OCL_MEM(io->labels),
                                   OCL_FLOAT((float)(weight / 2.0)),
                                   OCL_FLOAT((float)(weight / io->batch)),
                                   OCL_INT(io->sample_offset),
                                   OCL_INT(io->batch)};

    return op_launch_run(&op->forward, op, io, args, MEM_COUNT(args), err);
}

/* ------------------------------------------------------------------ reference and cases */

/* What the difference of the two is multiplied by in the gradient, for a weight of 1; *loss: of that pair. */
static double factor(const struct op_desc *d, double square, bool similar, double *loss)
{
    const double distance = sqrt(square),
                 left = (double)d->u.loss.margin - (d->u.loss.legacy ? square : distance),
                 missing = left <= 0.0 ? 0.0 : left;

    *loss = 0.5 * (similar ? square : d->u.loss.legacy ? missing : missing * missing);
    if (similar)
        return 1.0;
    if (d->u.loss.legacy)
        return left <= 0.0 ? 0.0 : -1.0;
    return distance > 0.0 ? -missing / distance : 0.0;
}

static void reference(const struct op_desc *d, const struct op_ref *r)
{
    const double weight = op_loss_weight(d);
    const size_t c = (size_t)d->x[0].c;

    for (int i = 0; i < r->n; i++) {
        const double *a = r->x[0] + (size_t)i * c, *b = r->x[1] + (size_t)i * c;
        double square = 0.0, loss, by;
        for (size_t k = 0; k < c; k++)
            square += (a[k] - b[k]) * (a[k] - b[k]);
        by = factor(d, square, r->labels[i] != 0, &loss) * weight / r->n;
        r->sample[i] = weight * loss;
        for (size_t k = 0; k < c; k++) {
            if (r->dx[0] && op_goes_back(d, 0))
                r->dx[0][(size_t)i * c + k] = by * (a[k] - b[k]);
            if (r->dx[1] && op_goes_back(d, 1))
                r->dx[1][(size_t)i * c + k] = -by * (a[k] - b[k]);
        }
    }
}

static const struct {
    struct shape x;
    float weight, margin;
    bool legacy;
    unsigned need_dx;
    bool small;
} cases[] = {{{9, 2, 1, 1}, 1.0f, 5.0f, false, 3, true},
             {{8, 3, 1, 1}, 0.7f, 40.0f, true, 3, true},
             {{37, 17, 1, 1}, -2.0f, 25.0f, false, 2, false},
             {{5, 1, 1, 1}, 1.0f, 1.0f, true, 1, false},
             {{4, 130, 1, 1}, 0.0f, 60.0f, false, 0, false}};

static void get_case(struct op_case *out, int i)
{
    struct op_desc *d = &out->desc;

    op_case_of(out, &cases[i].x, cases[i].small, " margin %g%s, weight %g", (double)cases[i].margin,
               cases[i].legacy ? " of squares" : "", (double)cases[i].weight);
    d->x_count = 2;
    d->x[1] = cases[i].x;
    d->u.loss.weight = cases[i].weight;
    d->u.loss.margin = cases[i].margin;
    d->u.loss.legacy = cases[i].legacy;
    d->need_dx = cases[i].need_dx;
}

const struct op_class op_contrastive_loss = {
    .name = "contrastive loss",
    .size = sizeof(struct op),
    .needs = {.early_dx = true},
    .create = create,
    .forward = forward,
    .labels = 2,
    .ref_forward = reference,
    .terms = op_terms_channels,
    .nmse = 1e-11,
    .sample_nmse = 1e-11,
    .flags = OP_LOSS | OP_ROWS,
    .cases = &(const struct op_cases){MEM_COUNT(cases), get_case},
};
