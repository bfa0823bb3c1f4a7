/*
 * Convolution: which algorithm does which pass, and the operator around them. See conv.h and
 * base/geometry.h for the formula; oracle: ref_conv_forward(), ref_conv_backward().
 */
#include "ops/conv.h"

#include <limits.h>

static const struct conv_row *const rows[CONV_ALGORITHM_COUNT] = {
    [CONV_DIRECT] = &conv_direct,
    [CONV_GEMM] = &conv_gemm,
};

struct conv_op {
    struct op head;
    const struct conv_row *row[CONV_PASS_COUNT];
    struct conv_pass_state *state[CONV_PASS_COUNT];
};

/* The algorithm of a pass: the one asked for if it can, else the first that can. The order of preference is
 * direct before GEMM, as measured with PoCL (docs/numerics.md says nothing against it). */
static const struct conv_row *choose(const struct op_desc *desc, enum conv_pass pass)
{
    const struct conv_row *asked = rows[desc->u.conv.algorithm];

    if (asked && asked->can(&desc->u.conv.g, pass))
        return asked;
    if (conv_direct.can(&desc->u.conv.g, pass))
        return &conv_direct;
    return &conv_gemm;
}

static bool wanted(const struct op_desc *desc, enum conv_pass pass)
{
    return pass == CONV_FORWARD || (desc->backward && (pass == CONV_BACKWARD_WEIGHTS || desc->need_dx));
}

void conv_macros(struct str *options, const struct conv_geometry *g)
{
    str_append(
        options,
        " -DKH=%d -DKW=%d -DSH=%d -DSW=%d -DPH=%d -DPW=%d -DDH=%d -DDW=%d -DOC=%d -DIC=%d -DH=%d -DW=%d "
        "-DOH=%d -DOW=%d",
        g->kh, g->kw, g->sh, g->sw, g->ph, g->pw, g->dh, g->dw, g->oc, g->c, g->h, g->w, g->oh, g->ow);
}

int conv_need_workspace(struct op_needs *needs, size_t floats, struct clr_error *err)
{
    size_t bytes;

    if (!clr_mul_size(&bytes, floats, sizeof(float)))
        return clr_error_set(err, CLR_EINPUT, "the convolution is too large");
    if (bytes > needs->workspace_bytes)
        needs->workspace_bytes = bytes;
    return 0;
}

static int conv_plan(struct op_needs *needs, const struct op_desc *desc, const struct clr_device *device,
                     int block, struct clr_error *err)
{
    const struct conv_geometry *g = &desc->u.conv.g;
    const struct shape weights = {g->oc, g->c, g->kh, g->kw};
    size_t count;
    int rc = 0;

    if (!shape_count(&weights, &count) || count > INT_MAX) /* kernels number them with ints */
        return clr_error_set(err, CLR_EINPUT, "layer '%s' has more weights than the kernels can number",
                             desc->label);
    needs->x_any_block = true;
    for (int pass = 0; pass < CONV_PASS_COUNT && rc == 0; pass++)
        if (wanted(desc, (enum conv_pass)pass))
            rc = choose(desc, (enum conv_pass)pass)
                     ->plan(needs, desc, (enum conv_pass)pass, device, block, err);
    return rc;
}

/* "direct 5×2, data direct 5×2, weights direct 5×1×2" */
static void describe_passes(struct conv_op *self)
{
    static const char *const names[CONV_PASS_COUNT] = {"", ", data ", ", weights "};
    char *out = self->head.variant;
    size_t at = 0, size = sizeof self->head.variant;

    for (int pass = 0; pass < CONV_PASS_COUNT && at < size; pass++)
        if (self->state[pass]) {
            char text[32];
            int n;
            self->row[pass]->describe(self->state[pass], text, sizeof text);
            n = snprintf(out + at, size - at, "%s%s", names[pass], text);
            at += n > 0 ? (size_t)n : 0;
        }
}

static int conv_create(struct op *op, const struct op_io *io, struct clr_error *err)
{
    struct conv_op *self = (struct conv_op *)op;
    int rc = 0;

    for (int pass = 0; pass < CONV_PASS_COUNT && rc == 0; pass++)
        if (wanted(&op->desc, (enum conv_pass)pass)) {
            self->row[pass] = choose(&op->desc, (enum conv_pass)pass);
            rc = self->row[pass]->create(&self->state[pass], op, (enum conv_pass)pass, io, err);
        }
    if (rc == 0)
        describe_passes(self);
    return rc;
}

static int conv_forward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    struct conv_op *self = (struct conv_op *)op;

    return self->row[CONV_FORWARD]->run(self->state[CONV_FORWARD], op, io, err);
}

static int conv_backward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    struct conv_op *self = (struct conv_op *)op;
    int rc = 0;

    for (int pass = CONV_BACKWARD_DATA; pass < CONV_PASS_COUNT && rc == 0; pass++)
        if (self->state[pass] && (pass != CONV_BACKWARD_DATA || io->dx.mem))
            rc = self->row[pass]->run(self->state[pass], op, io, err);
    return rc;
}

static void conv_clear(struct op *op)
{
    struct conv_op *self = (struct conv_op *)op;

    for (int pass = 0; pass < CONV_PASS_COUNT; pass++)
        free(self->state[pass]);
}

const struct op_class op_conv = {
    .name = "convolution",
    .size = sizeof(struct conv_op),
    .plan = conv_plan,
    .create = conv_create,
    .forward = conv_forward,
    .backward = conv_backward,
    .clear = conv_clear,
};
