/*
 * Convolution: which algorithm does which pass, and the operator around them. See conv.h and
 * base/geometry.h for the formula; oracle: ref_conv_forward(), ref_conv_backward().
 */
#include "ops/conv.h"

#include <limits.h>
#include <math.h>

#include "ref/ref.h"

/* Of equal estimates, the first row is chosen. */
static const struct conv_row *const rows[] = {&conv_direct, &conv_winograd, &conv_tiled,
                                              &conv_winograd_staged, &conv_gemm};

struct conv_op {
    struct op head;
    const struct conv_row *row[OP_PASS_COUNT];
    struct conv_pass_state *state[OP_PASS_COUNT];
};

static bool can(const struct conv_request *r)
{
    return !r->row->can || r->row->can(r);
}

/* Set r->row to the requested algorithm if it can do the pass, else to the one with the lowest estimate. */
static void choose(struct conv_request *r, const struct op_desc *desc, enum op_pass pass,
                   const struct clr_device *device, int block)
{
    const struct op_variant *asked = &desc->variant[pass];
    const struct conv_row *best = NULL;
    static const int no_tile[MEM_COUNT(asked->tile)];
    double least = INFINITY;

    *r = (struct conv_request){NULL, desc, pass, device, block, asked->tile};
    for (size_t i = 0; i < MEM_COUNT(rows); i++) {
        r->row = rows[i];
        if (strcmp(r->row->name, asked->algorithm) == 0 && can(r))
            return;
    }
    if (asked->algorithm[0]) /* its tile is meant for another algorithm */
        r->tile = no_tile;
    for (size_t i = 0; i < MEM_COUNT(rows); i++) {
        r->row = rows[i];
        if (can(r) && r->row->guess(r) < least) {
            best = r->row;
            least = r->row->guess(r);
        }
    }
    r->row = best;
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

void conv_need_halo(struct op_needs *needs, bool dy, int h, int w)
{
    int *halo_h = dy ? &needs->dy_halo_h : &needs->x_halo_h,
        *halo_w = dy ? &needs->dy_halo_w : &needs->x_halo_w;

    *halo_h = op_max(*halo_h, h);
    *halo_w = op_max(*halo_w, w);
}

int conv_params(struct op_param out[OP_PARAMS], const struct op_desc *desc)
{
    const struct conv_geometry *g = &desc->u.conv;

    const int count = op_weights(out, 4, &(struct shape){g->oc, g->c / g->group, g->kh, g->kw}, desc->bias);

    out[0].groups = g->group;
    return count;
}

double conv_madds(const struct op_desc *desc)
{
    const struct conv_geometry *g = &desc->u.conv;

    return (double)g->oc * g->oh * g->ow * (g->c / g->group) * g->kh * g->kw;
}

double conv_terms(const struct op_desc *desc, enum op_pass pass, int images)
{
    const struct conv_geometry *g = &desc->u.conv;
    const double taps = (double)g->kh * g->kw / g->group;

    return pass == OP_FORWARD         ? g->c * taps
           : pass == OP_BACKWARD_DATA ? g->oc * taps
                                      : (double)images * g->oh * g->ow;
}

double conv_multiply_adds(const struct op_desc *desc)
{
    return desc->x[0].n * conv_madds(desc);
}

struct conv_geometry conv_transposed(const struct conv_geometry *g)
{
    struct conv_geometry t = *g;

    t.c = g->oc;
    t.oc = g->c;
    t.h = g->oh;
    t.w = g->ow;
    t.oh = g->h;
    t.ow = g->w;
    t.ph = g->dh * (g->kh - 1) - g->ph;
    t.pw = g->dw * (g->kw - 1) - g->pw;
    return t;
}

static int conv_plan(struct op_needs *needs, const struct op_request *asked, struct clr_error *err)
{
    const struct op_desc *desc = asked->desc;
    const struct conv_geometry *g = &desc->u.conv;
    const struct shape weights = {g->oc, g->c, g->kh, g->kw};
    size_t count;
    int rc = 0;

    if (!shape_count(&weights, &count) || count > INT_MAX) /* kernels number them with ints */
        return clr_error_set(err, CLR_EINPUT, "layer '%s' has more weights than the kernels can number",
                             desc->label);
    needs->x_any_block = true;
    for (int pass = 0; pass < OP_PASS_COUNT && rc == 0; pass++)
        if (op_has_pass(desc, (enum op_pass)pass)) {
            struct conv_request r;
            choose(&r, desc, (enum op_pass)pass, asked->device, asked->block);
            needs->algorithm[pass] = r.row->name;
            rc = r.row->plan(needs, &r, err);
        }
    return rc;
}

/* Add r->row with each of its tiles. */
static int add_tiles(struct op_variant *out, int count, int capacity, const struct conv_request *r)
{
    const struct conv_tiles *tiles = &r->row->tiles[r->pass];

    for (size_t i = 0; i < tiles->count && count < capacity; i++, count++) {
        out[count] = (struct op_variant){0};
        str_copy(out[count].algorithm, sizeof out[count].algorithm, r->row->name);
        memcpy(out[count].tile, tiles->list[i], sizeof out[count].tile);
    }
    return count;
}

/* First the row that is chosen by default, then the others. */
static int conv_candidates(struct op_variant *out, int capacity, const struct op_request *asked)
{
    struct op_desc any = *asked->desc;
    struct conv_request r;
    const struct conv_row *first;
    int count;

    memset(&any.variant[asked->pass], 0, sizeof any.variant[asked->pass]);
    choose(&r, &any, asked->pass, asked->device, asked->block);
    first = r.row;
    count = add_tiles(out, 0, capacity, &r);
    for (size_t i = 0; i < MEM_COUNT(rows); i++) {
        r.row = rows[i];
        if (r.row != first && can(&r))
            count = add_tiles(out, count, capacity, &r);
    }
    return count;
}

static int conv_create(struct op *op, const struct op_io *io, struct clr_error *err)
{
    struct conv_op *self = (struct conv_op *)op;
    int rc = 0;

    for (int pass = 0; pass < OP_PASS_COUNT && rc == 0; pass++)
        if (op_has_pass(&op->desc, (enum op_pass)pass)) {
            struct conv_request r;
            choose(&r, &op->desc, (enum op_pass)pass, ocl_device(op->ctx), op->block);
            self->row[pass] = r.row;
            op->nmse[pass] = r.row->nmse;
            rc = mem_new(&self->state[pass], 1, r.row->state_size, "a convolution", err);
            if (rc == 0)
                rc = r.row->create[pass](self->state[pass], op, &r, io, err);
        }
    return rc;
}

static int conv_run(struct op *op, enum op_pass pass, const struct op_io *io, struct clr_error *err)
{
    struct conv_op *self = (struct conv_op *)op;

    return self->row[pass]->run[pass](self->state[pass], op, io, err);
}

static void conv_clear(struct op *op)
{
    struct conv_op *self = (struct conv_op *)op;

    for (int pass = 0; pass < OP_PASS_COUNT; pass++)
        free(self->state[pass]);
}

/* ------------------------------------------------------------------ weights and reference */

static double filled(const struct op_desc *desc, int block)
{
    const struct conv_geometry *g = &desc->u.conv;
    const double in = g->c < block ? g->c : op_ceil(g->c, block) * block;

    return in * op_ceil(g->oc, block) * block * g->oh * g->ow * g->kh * g->kw;
}

static void conv_tune_key(char *geometry, char *shape, size_t size, const struct op_desc *d)
{
    const struct conv_geometry *g = &d->u.conv;

    (void)snprintf(geometry, size, ", kernel %dx%d, stride %dx%d, pad %dx%d, dilation %dx%d, group %d", g->kh,
                   g->kw, g->sh, g->sw, g->ph, g->pw, g->dh, g->dw, g->group);
    (void)snprintf(shape, size, "%dx%dx%d to %d", g->c, g->h, g->w, g->oc);
}

static void conv_reference_forward(const struct op_desc *d, const struct op_ref *r)
{
    ref_conv_forward(r->y[0], r->x[0], r->w[0], r->w[1], r->n, &d->u.conv);
}

static void conv_reference_backward(const struct op_desc *d, const struct op_ref *r)
{
    ref_conv_backward(r->dx[0], r->dw[0], r->dw[1], r->x[0], r->w[0], r->dy[0], r->n, &d->u.conv);
}

const struct op_class op_conv = {
    .name = "convolution",
    .size = sizeof(struct conv_op),
    .plan = conv_plan,
    .candidates = conv_candidates,
    .create = conv_create,
    .run = conv_run,
    .clear = conv_clear,
    .params = conv_params,
    .madds = conv_madds,
    .filled = filled,
    .tune_key = conv_tune_key,
    .ref_forward = conv_reference_forward,
    .ref_backward = conv_reference_backward,
    .nmse = 3e-12,
    .terms = conv_terms,
    .flags = OP_TAKES_RELU | OP_MASKS_DX,
    .cases = &conv_cases,
};
