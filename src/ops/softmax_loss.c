/*
 * Softmax with cross-entropy, and the accuracy: host side of cl/softmax_loss.cl. Both write a number per
 * image into io->sample. Oracles: ref_softmax_loss(), ref_accuracy().
 */
#include <math.h>

#include "ops/op_impl.h"
#include "ref/ref.h"

/* Does the loss write its gradient along with it? */
static bool goes_back(const struct op_desc *d)
{
    return d->kind == OP_SOFTMAX_LOSS && op_goes_back(d, 0);
}

static int plan(struct op_needs *needs, const struct op_request *r, struct clr_error *err)
{
    if (r->desc->x[0].h != 1 || r->desc->x[0].w != 1)
        return clr_error_set(err, CLR_EINPUT, "layer '%s': its input is not one row of logits per image",
                             r->desc->label);
    needs->early_dx = r->desc->kind == OP_SOFTMAX_LOSS;
    return 0;
}

static void append_options(struct str *options, const struct op_desc *d)
{
    str_append(options, " -DBACK=%d -DWEIGHT=%.9ef", goes_back(d), op_loss_weight(d));
    if (d->u.loss.smoothing != 0.0f)
        str_append(options, " -DSMOOTHING=%.9ef", (double)d->u.loss.smoothing);
    if (d->u.loss.normalization == LOSS_NONE)
        str_append(options, " -DBY_ONE");
    else if (d->u.loss.normalization == LOSS_VALID && d->u.loss.ignore.given)
        str_append(options, " -DBY_VALID");
}

static int create(struct op *op, const struct op_io *io, struct clr_error *err)
{
    const bool loss = op->desc.kind == OP_SOFTMAX_LOSS, back = goes_back(&op->desc);
    const struct op_ignore *ignore = loss ? &op->desc.u.loss.ignore : &op->desc.u.accuracy.ignore;
    struct str options = {0};

    str_append(&options, "-DC=%d", op->desc.x[0].c);
    if (loss)
        append_options(&options, &op->desc);
    else
        str_append(&options, " -DTOP_K=%d", op->desc.u.accuracy.top_k);
    if (ignore->given)
        str_append(&options, " -DIGNORE=%d", ignore->label);
    op_launch_range(&op->forward, 0, 1, 1);
    tensor_macros(&options, "X", &io->x[0]);
    if (back)
        tensor_macros(&options, "DX", &io->dx[0]);
    return op_kernel(op, false, "softmax_loss.cl", &options,
                     loss ? "softmax_loss_forward" : "accuracy_forward", err);
}

static int forward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    return op_run_sample(op, io, goes_back(&op->desc), err);
}

/* ------------------------------------------------------------------ references and cases */

/* With equal logits all classes have the same part. */
static double chance(const struct op_desc *d)
{
    return log((double)d->x[0].c) * (d->u.loss.normalization == LOSS_NONE ? d->x[0].n : 1);
}

static bool counts(const struct op_ignore *ignore, int32_t label)
{
    return !ignore->given || label != ignore->label;
}

/* What the sum of the losses is divided by. */
static double divisor(const struct op_desc *d, const struct op_ref *r)
{
    int valid = 0;

    for (int i = 0; i < r->n; i++)
        valid += counts(&d->u.loss.ignore, r->labels[i]);
    return d->u.loss.normalization == LOSS_NONE    ? 1.0
           : d->u.loss.normalization == LOSS_VALID ? op_max(valid, 1)
                                                   : r->n;
}

static void reference_loss(const struct op_desc *d, const struct op_ref *r)
{
    const double factor = op_loss_weight(d) / divisor(d, r);
    const size_t c = (size_t)d->x[0].c;

    for (int i = 0; i < r->n; i++) {
        const double part = counts(&d->u.loss.ignore, r->labels[i]) ? factor : 0.0;
        double *dx = r->dx[0] ? r->dx[0] + (size_t)i * c : NULL, loss = 0.0;
        ref_softmax_loss(&loss, dx, r->x[0] + (size_t)i * c, r->labels + i, 1, d->x[0].c,
                         (double)d->u.loss.smoothing);
        r->sample[i] = part != 0.0 ? part * r->n * loss : 0.0;
        for (size_t k = 0; dx && k < c; k++)
            dx[k] *= part;
    }
}

static void reference_accuracy(const struct op_desc *d, const struct op_ref *r)
{
    ref_accuracy(r->sample, r->x[0], r->labels, r->n, d->x[0].c, d->u.accuracy.top_k);
    for (int i = 0; i < r->n; i++)
        r->sample[i] *= counts(&d->u.accuracy.ignore, r->labels[i]);
}

static const struct {
    struct shape x;
    float weight, smoothing;
    enum loss_normalization normalization;
    struct op_ignore ignore;
    bool small;
} loss_cases[] = {{{3, 10, 1, 1}, 1.0f, 0.0f, LOSS_VALID, {false, 0}, true},
                  {{1, 2, 1, 1}, 1.0f, 0.0f, LOSS_FULL, {false, 0}, false},
                  {{37, 11, 1, 1}, 0.0f, 0.0f, LOSS_VALID, {false, 0}, false},
                  {{5, 100, 1, 1}, 1.0f, 0.1f, LOSS_NONE, {false, 0}, false},
                  {{4, 7, 1, 1}, 0.3f, 0.2f, LOSS_BATCH_SIZE, {false, 0}, true},
                  {{9, 3, 1, 1}, 0.7f, 0.0f, LOSS_VALID, {true, 1}, true},
                  {{9, 3, 1, 1}, 1.0f, 0.0f, LOSS_FULL, {true, 2}, false},
                  {{5, 2, 1, 1}, 1.0f, 0.5f, LOSS_NONE, {true, 0}, true},
                  {{3, 1, 1, 1}, 1.0f, 0.0f, LOSS_VALID, {true, 0}, false}}; /* none counts */

static const struct {
    struct shape x;
    int top_k;
    struct op_ignore ignore;
    bool small;
} accuracy_cases[] = {{{20, 10, 1, 1}, 1, {false, 0}, true},
                      {{37, 10, 1, 1}, 5, {false, 0}, false},
                      {{50, 2, 1, 1}, 1, {true, 1}, true},
                      {{3, 3, 1, 1}, 5, {false, 0}, false},
                      {{9, 100, 1, 1}, 5, {false, 0}, false}};

static void get_loss_case(struct op_case *out, int i)
{
    static const char *const by[] = {"images", "valid images", "images", "1"};

    op_case_of(out, &loss_cases[i].x, loss_cases[i].small, ", weight %g, by %s%s%s",
               (double)loss_cases[i].weight, by[loss_cases[i].normalization],
               loss_cases[i].smoothing != 0.0f ? ", smooth" : "",
               loss_cases[i].ignore.given ? ", ignoring" : "");
    out->desc.u.loss.weight = loss_cases[i].weight;
    out->desc.u.loss.smoothing = loss_cases[i].smoothing;
    out->desc.u.loss.normalization = loss_cases[i].normalization;
    out->desc.u.loss.ignore = loss_cases[i].ignore;
    out->desc.need_dx = loss_cases[i].weight != 0.0f;
}

static void get_accuracy_case(struct op_case *out, int i)
{
    op_case_of(out, &accuracy_cases[i].x, accuracy_cases[i].small, ", top %d", accuracy_cases[i].top_k);
    out->desc.u.accuracy.top_k = accuracy_cases[i].top_k;
    out->desc.u.accuracy.ignore = accuracy_cases[i].ignore;
    out->desc.backward = false;
    out->desc.need_dx = 0;
}

const struct op_class op_softmax_loss = {
    .name = "softmax loss",
    .size = sizeof(struct op),
    .plan = plan,
    .create = create,
    .forward = forward,
    .chance = chance,
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
