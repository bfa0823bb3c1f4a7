/*
 * Softmax with cross-entropy, and the accuracy: host side of cl/softmax_loss.cl. Both write a number per
 * image into io->sample. Oracles: ref_softmax_loss(), ref_accuracy().
 */
#include "ops/op_impl.h"
#include "ref/ref.h"

/* Does the loss write its gradient along with it? */
static bool goes_back(const struct op_desc *d)
{
    return d->kind == OP_SOFTMAX_LOSS && d->backward && d->need_dx;
}

static int plan(struct op_needs *needs, const struct op_request *r, struct clr_error *err)
{
    if (r->desc->x[0].h != 1 || r->desc->x[0].w != 1)
        return clr_error_set(err, CLR_EINPUT, "layer '%s': its input is not one row of logits per image",
                             r->desc->label);
    needs->early_dx = r->desc->kind == OP_SOFTMAX_LOSS;
    return 0;
}

static int create(struct op *op, const struct op_io *io, struct clr_error *err)
{
    const bool loss = op->desc.kind == OP_SOFTMAX_LOSS, back = goes_back(&op->desc);
    struct str options = {0};

    str_append(&options, "-DC=%d", op->desc.x[0].c);
    if (loss)
        str_append(&options, " -DBACK=%d -DWEIGHT=%.9ef", back, op_loss_weight(&op->desc));
    else
        str_append(&options, " -DTOP_K=%d", op->desc.u.accuracy.top_k);
    op_launch_range(&op->forward, 0, 1, 1);
    tensor_macros(&options, "X", &io->x[0]);
    if (back)
        tensor_macros(&options, "DX", &io->dx[0]);
    return op_kernel(op, false, "softmax_loss.cl", &options,
                     loss ? "softmax_loss_forward" : "accuracy_forward", err);
}

static int forward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    const bool back = goes_back(&op->desc);
    const float scale = op->desc.u.loss.weight / (float)io->batch;
    const struct ocl_arg plain[] = {OCL_MEM(io->sample), OCL_MEM(io->x[0].mem), OCL_MEM(io->labels),
                                    OCL_INT(io->sample_offset), OCL_INT(io->batch)};
    const struct ocl_arg both[] = {OCL_MEM(io->sample),   OCL_MEM(io->dx[0].mem), OCL_FLOAT(scale),
                                   OCL_MEM(io->x[0].mem), OCL_MEM(io->labels),    OCL_INT(io->sample_offset),
                                   OCL_INT(io->batch)};

    return op_launch_run(&op->forward, op, io, back ? both : plain, back ? MEM_COUNT(both) : MEM_COUNT(plain),
                         err);
}

/* ------------------------------------------------------------------ references and cases */

static void reference_loss(const struct op_desc *d, const struct op_ref *r)
{
    const size_t count = (size_t)r->n * op_elements(&d->x[0]);
    const double weight = op_loss_weight(d);

    for (int i = 0; i < r->n; i++) {
        double loss;
        ref_softmax_loss(&loss, NULL, r->x[0] + (size_t)i * op_elements(&d->x[0]), r->labels + i, 1,
                         d->x[0].c);
        r->sample[i] = weight * loss;
    }
    ref_softmax_loss(NULL, r->dx[0], r->x[0], r->labels, r->n, d->x[0].c);
    for (size_t i = 0; r->dx[0] && i < count; i++)
        r->dx[0][i] *= weight;
}

static void reference_accuracy(const struct op_desc *d, const struct op_ref *r)
{
    ref_accuracy(r->sample, r->x[0], r->labels, r->n, d->x[0].c, d->u.accuracy.top_k);
}

static const struct {
    struct shape x;
    float weight;
    bool small;
} loss_cases[] = {{{3, 10, 1, 1}, 1.0f, true},
                  {{1, 2, 1, 1}, 1.0f, false},
                  {{37, 11, 1, 1}, 0.0f, false},
                  {{5, 100, 1, 1}, 1.0f, false},
                  {{4, 7, 1, 1}, 0.3f, true}};

static const struct {
    struct shape x;
    int top_k;
    bool small;
} accuracy_cases[] = {{{20, 10, 1, 1}, 1, true},
                      {{37, 10, 1, 1}, 5, false},
                      {{50, 2, 1, 1}, 1, false},
                      {{3, 3, 1, 1}, 5, false},
                      {{9, 100, 1, 1}, 5, false}};

static void get_loss_case(struct op_case *out, int i)
{
    op_case_of(out, &loss_cases[i].x, loss_cases[i].small, ", weight %g", (double)loss_cases[i].weight);
    out->desc.u.loss.weight = loss_cases[i].weight;
    out->desc.need_dx = loss_cases[i].weight != 0.0f;
}

static void get_accuracy_case(struct op_case *out, int i)
{
    op_case_of(out, &accuracy_cases[i].x, accuracy_cases[i].small, ", top %d", accuracy_cases[i].top_k);
    out->desc.u.accuracy.top_k = accuracy_cases[i].top_k;
    out->desc.backward = false;
    out->desc.need_dx = 0;
}

const struct op_class op_softmax_loss = {
    .name = "softmax loss",
    .size = sizeof(struct op),
    .plan = plan,
    .create = create,
    .forward = forward,
    .ref_forward = reference_loss,
    .terms = op_terms_channels,
    .nmse = 1e-11,
    .sample_nmse = 1e-12,
    .flags = OP_LOSS | OP_ROWS,
    .cases = &(const struct op_cases){MEM_COUNT(loss_cases), get_loss_case},
};

const struct op_class op_accuracy = {
    .name = "accuracy",
    .size = sizeof(struct op),
    .plan = plan,
    .create = create,
    .forward = forward,
    .ref_forward = reference_accuracy,
    .flags = OP_METRIC | OP_ROWS | OP_HAS_TIES,
    .cases = &(const struct op_cases){MEM_COUNT(accuracy_cases), get_accuracy_case},
};
