/* Local response normalisation: host side of cl/lrn.cl. Oracle: ref_lrn_forward(), ref_lrn_backward(). */
#include "ops/op_impl.h"
#include "ref/ref.h"

static int plan(struct op_needs *needs, const struct op_request *r, struct clr_error *err)
{
    const struct lrn_geometry *g = &r->desc->u.lrn;
    const struct shape padded = {r->desc->x[0].n, op_ceil(g->c, r->block) * r->block, g->h, g->w};
    size_t count;

    if (!shape_count(&padded, &count) || !clr_mul_size(&needs->saved_bytes, count, sizeof(float)))
        return clr_error_set(err, CLR_EINPUT, "layer '%s' is too large", r->desc->label);
    needs->keeps_y = true;
    return 0;
}

static int kernel(struct op *op, const struct op_io *io, bool back, struct clr_error *err)
{
    static const char *const names[2][2] = {{"lrn_across_forward", "lrn_within_forward"},
                                            {"lrn_across_backward", "lrn_within_backward"}};
    const struct lrn_geometry *g = &op->desc.u.lrn;
    struct op_launch *l = back ? &op->backward : &op->forward;
    const bool within = g->region == LRN_WITHIN_CHANNEL;
    const double n = within ? (double)g->size * g->size : g->size;
    struct str options = {0};

    str_append(&options,
               "-DV=%d -DC=%d -DH=%d -DW=%d -DSIZE=%d -DSCALE=%.9ef -DBETA=%.9ef -DK0=%.9ef -DBETA_075=%d",
               op->block, g->c, g->h, g->w, g->size, (double)g->alpha / n, (double)g->beta, (double)g->k,
               g->beta == 0.75f);
    op_tensor_macros(&options, op, io);
    if (within)
        op_launch_range(l, g->h, op_ceil(g->c, op->block), 0);
    else
        op_launch_range(l, (long long)g->h * g->w, 0, 1);
    return op_kernel(op, back, "lrn.cl", &options, names[back][within], err);
}

static int forward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    const struct ocl_arg args[] = {OCL_MEM(io->y[0].mem), OCL_MEM(io->saved), OCL_MEM(io->x[0].mem),
                                   OCL_INT(io->batch)};

    return op_launch_run(&op->forward, op, io, args, MEM_COUNT(args), err);
}

static int backward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    const struct ocl_arg args[] = {OCL_MEM(io->dx[0].mem), OCL_MEM(io->x[0].mem),  OCL_MEM(io->y[0].mem),
                                   OCL_MEM(io->saved),     OCL_MEM(io->dy[0].mem), OCL_INT(io->batch)};

    return op_launch_run(&op->backward, op, io, args, MEM_COUNT(args), err);
}

/* ------------------------------------------------------------------ reference and cases */

static void reference_forward(const struct op_desc *d, const struct op_ref *r)
{
    ref_lrn_forward(r->y[0], r->x[0], r->n, &d->u.lrn);
}

static void reference_backward(const struct op_desc *d, const struct op_ref *r)
{
    ref_lrn_backward(r->dx[0], r->x[0], r->dy[0], r->n, &d->u.lrn);
}

static double terms(const struct op_desc *d, enum op_pass pass, int images)
{
    const struct lrn_geometry *g = &d->u.lrn;

    (void)pass;
    (void)images;
    return g->region == LRN_WITHIN_CHANNEL ? (double)g->size * g->size : g->size;
}

static const struct {
    int n, c, h, w;
    enum lrn_region region;
    int size;
    float alpha, beta, k;
    bool small;
} cases[] = {
    {2, 7, 3, 5, LRN_ACROSS_CHANNELS, 3, 2.0f, 0.75f, 1.0f, true},
    {1, 33, 4, 3, LRN_ACROSS_CHANNELS, 5, 0.5f, 0.75f, 2.0f, false},
    {2, 3, 5, 4, LRN_ACROSS_CHANNELS, 7, 1.0f, 1.25f, 1.0f, false}, /* larger than the channels */
    {1, 1, 2, 3, LRN_ACROSS_CHANNELS, 1, 1.0f, 0.5f, 1.0f, false},
    {2, 5, 7, 4, LRN_WITHIN_CHANNEL, 3, 2.0f, 0.75f, 1.0f, true},
    {1, 18, 6, 9, LRN_WITHIN_CHANNEL, 5, 0.5f, 0.75f, 1.0f, false},
    {2, 4, 2, 3, LRN_WITHIN_CHANNEL, 7, 1.0f, 1.25f, 1.0f, false}, /* larger than the image */
    {3, 32, 7, 8, LRN_WITHIN_CHANNEL, 3, 5e-5f, 0.75f, 1.0f, false},
};

static void get_case(struct op_case *out, int i)
{
    struct lrn_geometry *g = &out->desc.u.lrn;

    *g = (struct lrn_geometry){cases[i].region, cases[i].c,     cases[i].h,    cases[i].w,
                               cases[i].size,   cases[i].alpha, cases[i].beta, cases[i].k};
    (void)snprintf(out->name, sizeof out->name, "lrn %s %d, %dx%dx%d",
                   g->region == LRN_ACROSS_CHANNELS ? "across" : "within", g->size, g->c, g->h, g->w);
    out->small = cases[i].small;
    out->desc.x[0] = out->desc.y[0] = (struct shape){cases[i].n, g->c, g->h, g->w};
    out->unfit = geometry_lrn(g, NULL) < 0;
}

const struct op_class op_lrn = {
    .name = "lrn",
    .size = sizeof(struct op),
    .plan = plan,
    .kernel = kernel,
    .forward = forward,
    .backward = backward,
    .ref_forward = reference_forward,
    .ref_backward = reference_backward,
    .terms = terms,
    .nmse = 1e-11, /* pow() is the driver's: OpenCL allows it 16 ulp */
    .cases = &(const struct op_cases){MEM_COUNT(cases), get_case},
};
