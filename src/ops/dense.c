/*
 * Fully connected layer: host side of cl/dense.cl, one kernel used by three passes. x is (N,C,H,W), which
 * counts as C·H·W inputs in logical order, y (N,F,1,1), in blocks of V. Oracle: ref_dense_forward(),
 * ref_dense_backward(). Two variants: "panels" on CPUs, "sliced" elsewhere.
 */
#include <limits.h>

#include "ops/op_impl.h"
#include "ref/ref.h"

enum {
    GROUP_MAX = 256,       /* what every GPU has */
    SLICES_MAX = 16,       /* more are work for the one that adds them */
    ITEMS_WANTED = 1 << 15 /* of a product: a large GPU has as many at a time, several times over */
};

/* Rows and vectors of columns that a work-item makes; the work-group that shares a sum, see cl/dense.cl. */
struct dense_tile {
    bool sliced;
    int mt, nt, lx, slices;
};

static bool is_sliced(const struct op_desc *desc, enum op_pass pass, const struct clr_device *device)
{
    const char *asked = desc->variant[pass].algorithm;

    return strcmp(asked, "sliced") == 0 || (device->type != CLR_DEVICE_CPU && strcmp(asked, "panels") != 0);
}

/* rows × vectors of columns, each a sum of `terms`. */
static struct dense_tile choose_tile(const struct op *op, enum op_pass pass, int rows, int vectors, int terms)
{
    const struct clr_device *device = ocl_device(op->ctx);
    const int limit = (int)(device->max_work_group < GROUP_MAX ? device->max_work_group : GROUP_MAX);
    const bool wide = op->block == 16;
    struct dense_tile t = {false, wide ? 4 : 6, op_min(wide ? 4 : 2, vectors), 1, 1};

    if (!is_sliced(&op->desc, pass, device))
        return t;
    t = (struct dense_tile){true, 4, 1, 1, 1};
    while (t.lx < 32 && 2 * t.lx <= op_min(vectors, limit))
        t.lx *= 2;
    while (t.mt > 1 && (double)op_ceil(rows, t.mt) * vectors < ITEMS_WANTED)
        t.mt /= 2;
    while (t.slices < SLICES_MAX && 2 * t.slices <= terms && 2 * t.slices * t.lx <= limit &&
           (double)op_ceil(rows, t.mt) * vectors * t.slices < ITEMS_WANTED)
        t.slices *= 2;
    return t;
}

static int candidates(struct op_variant *out, int capacity, const struct op_request *r)
{
    static const struct op_variant all[] = {{"panels", {0}}, {"sliced", {0}}};
    const int first = r->device->type == CLR_DEVICE_CPU ? 0 : 1,
              count = op_min(capacity, (int)MEM_COUNT(all));

    for (int i = 0; i < count; i++)
        out[i] = all[i == 0 ? first : 1 - first];
    return count;
}

/* The product of a pass: its kernels and what does not change from call to call. */
struct product {
    struct op_launch pack, gemm;
    struct dense_tile tile;
    int panels, terms;
};

struct dense_op {
    struct op head;
    struct product products[OP_PASS_COUNT];
    struct op_launch bias;
    int inputs, outputs;
};

static int plan(struct op_needs *needs, const struct op_request *r, struct clr_error *err)
{
    const struct shape *x = &r->desc->x[0], in = {1, op_ceil(x->c, r->block) * r->block, x->h, x->w};
    const size_t out = (size_t)op_ceil(r->desc->y[0].c, r->block) * (size_t)r->block;
    const size_t panel = 4 * (size_t)r->block; /* what the last one may be rounded up by */
    size_t count;

    if (!shape_count(&in, &count) || !clr_mul_size(&count, count + panel, out + panel) || count > INT_MAX / 2)
        return clr_error_set(err, CLR_EINPUT, "layer '%s' has more weights than the kernels can number",
                             r->desc->label);
    needs->workspace_bytes = count * sizeof(float);
    for (int pass = 0; pass < OP_PASS_COUNT; pass++)
        if (op_has_pass(r->desc, (enum op_pass)pass))
            needs->algorithm[pass] = is_sliced(r->desc, (enum op_pass)pass, r->device) ? "sliced" : "panels";
    return 0;
}

static void put_tensor(struct str *options, const char *prefix, const struct tensor *t)
{
    tensor_macros(options, prefix, t);
    str_append(options, " -D%s_C=%d -D%s_H=%d -D%s_W=%d", prefix, t->shape.c, prefix, t->shape.h, prefix,
               t->shape.w);
}

/* Columns of the product: the features of an image as they lie. */
static int columns(const struct tensor *t)
{
    return op_ceil(t->shape.c, t->layout.block) * t->layout.block * t->shape.h * t->shape.w;
}

/*
 * c = a·b. a: images as rows; of the weights' gradient, as terms, with x as b and plain weights as c. Else b
 * is the packed weights.
 */
static int create_product(struct dense_op *self, enum op_pass pass, const struct op_io *io,
                          struct clr_error *err)
{
    static const char *const names[] = {"dense_pack", "dense_gemm", "dense_bias"};
    static const char *const what[OP_PASS_COUNT][3] = {{"forward weights", "forward"},
                                                       {"data gradient weights", "data gradient"},
                                                       {NULL, "weight gradient", "bias gradient"}};
    struct op *op = &self->head;
    struct product *p = &self->products[pass];
    const bool forward = pass == OP_FORWARD, data = pass == OP_BACKWARD_DATA,
               weights = pass == OP_BACKWARD_WEIGHTS, mask = data && op->desc.mask_dx;
    struct op_launch *const launches[] = {&p->pack, &p->gemm, &self->bias};
    const bool wanted[] = {!weights, true, weights && op->desc.bias};
    const struct tensor *wide = forward ? &io->y[0] : data ? &io->dx[0] : &io->x[0]; /* c, or b */
    const int v = op->block, images = op->desc.x[0].n;
    int rc = 0;

    p->terms = weights ? images : forward ? self->inputs : self->outputs;
    p->tile = choose_tile(op, pass, weights ? self->outputs : images,
                          op_ceil(forward ? self->outputs : self->inputs, v), /* the same in every layout */
                          p->terms);
    p->panels = op_ceil(columns(wide) / v, p->tile.nt);
    for (size_t i = 0; i < MEM_COUNT(names) && rc == 0; i++) {
        const struct dense_tile *t = &p->tile;
        struct str options = {0};
        if (!wanted[i])
            continue;
        if (t->sliced)
            str_append(&options, "-DLX=%d -DSLICES=%d ", t->lx, t->slices);
        str_append(&options,
                   "-DSLICED=%d -DV=%d -DK=%d -DMT=%d -DNT=%d -DTRANSPOSED=%d -DBIAS=%d -DRELU=%d -DMASK=%d "
                   "-DEDGE=%d -DO=%d -DI=%d",
                   t->sliced, v, p->terms, t->mt, t->nt, forward, forward && op->desc.bias,
                   forward && op->desc.relu, mask, weights, self->outputs, self->inputs);
        put_tensor(&options, "A", forward ? &io->x[0] : &io->dy[0]);
        put_tensor(&options, weights ? "B" : "C", wide);
        if (mask)
            put_tensor(&options, "M", &io->x[0]);
        rc = op_launch_create(launches[i], op, what[pass][i], "dense.cl", &options, names[i], err);
    }
    return rc;
}

/* "sliced 1×16, data sliced 1×4, weights panels": rows of a tile, and slices; or "panels" for all. */
static void describe(struct dense_op *self)
{
    bool sliced = false;

    for (int pass = 0; pass < OP_PASS_COUNT; pass++)
        sliced = sliced || self->products[pass].tile.sliced;
    for (int pass = 0; pass < (sliced ? OP_PASS_COUNT : 1); pass++) {
        const struct product *p = &self->products[pass];
        if (p->gemm.kernel && p->tile.sliced)
            op_add_variant(&self->head, (enum op_pass)pass, "sliced %d×%d", p->tile.mt, p->tile.slices);
        else if (p->gemm.kernel)
            op_add_variant(&self->head, (enum op_pass)pass, "panels");
    }
}

static int create(struct op *op, const struct op_io *io, struct clr_error *err)
{
    struct dense_op *self = (struct dense_op *)op;
    const int v = op->block;
    const bool backward = op->desc.backward, need_dx = backward && op->desc.need_dx;
    int rc;

    if (io->x[0].layout.block != v || (backward && io->dy[0].layout.block != v) ||
        (need_dx && io->dx[0].layout.block != v))
        return clr_error_set(err, CLR_EINPUT, "a dense layer needs channel blocks of one size");
    self->inputs = op->desc.x[0].c * op->desc.x[0].h * op->desc.x[0].w;
    self->outputs = op->desc.y[0].c;
    rc = create_product(self, OP_FORWARD, io, err);
    if (rc == 0 && need_dx)
        rc = create_product(self, OP_BACKWARD_DATA, io, err);
    if (rc == 0 && backward)
        rc = create_product(self, OP_BACKWARD_WEIGHTS, io, err);
    if (rc == 0)
        describe(self);
    return rc;
}

/* Weights are packed into the workspace for the products that read them. */
static int run_pack(struct product *p, struct op *op, bool transposed, const struct op_io *io,
                    struct clr_error *err)
{
    const cl_mem b = op->desc.bias ? io->w[1] : io->w[0];
    const struct ocl_arg args[] = {OCL_MEM(io->workspace), OCL_MEM(io->w[0]), OCL_MEM(b)};
    const int rows = p->terms + 1;

    op_launch_range(&p->pack, transposed ? rows : p->panels, transposed ? p->panels : rows, 1);
    return op_launch_run(&p->pack, op, io, args, MEM_COUNT(args), err);
}

static int run(struct op *op, enum op_pass pass, const struct op_io *io, struct clr_error *err)
{
    struct dense_op *self = (struct dense_op *)op;
    struct product *p = &self->products[pass];
    const bool forward = pass == OP_FORWARD, weights = pass == OP_BACKWARD_WEIGHTS;
    const cl_mem c = forward ? io->y[0].mem : weights ? io->dw[0] : io->dx[0].mem;
    const cl_mem a = forward ? io->x[0].mem : io->dy[0].mem, b = weights ? io->x[0].mem : io->workspace;
    const int rows = weights ? self->outputs : io->batch, tiles = op_ceil(rows, p->tile.mt);
    const struct ocl_arg gemm[] = {OCL_MEM(c),    OCL_MEM(a),        OCL_MEM(b), OCL_MEM(io->x[0].mem),
                                   OCL_INT(rows), OCL_INT(io->batch)};
    const struct ocl_arg bias[] = {OCL_MEM(io->dw[1]), OCL_MEM(io->dy[0].mem), OCL_INT(io->batch)};
    const bool panels_first = p->tile.sliced || weights;
    int rc = weights ? 0 : run_pack(p, op, forward, io, err);

    op_launch_range(&p->gemm, panels_first ? p->panels : tiles, panels_first ? tiles : p->panels,
                    p->tile.slices);
    op_launch_range(&self->bias, self->outputs, 1, 1);
    if (rc == 0)
        rc = op_launch_run(&p->gemm, op, io, gemm, MEM_COUNT(gemm), err);
    return rc < 0 || !weights ? rc : op_launch_run(&self->bias, op, io, bias, MEM_COUNT(bias), err);
}

/* ------------------------------------------------------------------ reference and cases */

static int params(struct op_param out[OP_PARAMS], const struct op_desc *d)
{
    return op_weights(out, 2, &(struct shape){d->y[0].c, (int)op_elements(&d->x[0]), 1, 1}, d->bias);
}

static double madds(const struct op_desc *d)
{
    return (double)d->y[0].c * (double)op_elements(&d->x[0]);
}

static double terms(const struct op_desc *d, enum op_pass pass, int images)
{
    return pass == OP_FORWARD ? (double)op_elements(&d->x[0]) : pass == OP_BACKWARD_DATA ? d->y[0].c : images;
}

static void tune_key(char *geometry, char *shape, size_t size, const struct op_desc *d)
{
    geometry[0] = '\0';
    (void)snprintf(shape, size, "%d to %d", (int)op_elements(&d->x[0]), d->y[0].c);
}

static void reference_forward(const struct op_desc *d, const struct op_ref *r)
{
    ref_dense_forward(r->y[0], r->x[0], r->w[0], r->w[1], r->n, (int)op_elements(&d->x[0]), d->y[0].c);
}

static void reference_backward(const struct op_desc *d, const struct op_ref *r)
{
    ref_dense_backward(r->dx[0], r->dw[0], r->dw[1], r->x[0], r->w[0], r->dy[0], r->n,
                       (int)op_elements(&d->x[0]), d->y[0].c);
}

/* Rectified: between rectifiers that it does. */
static const struct {
    int n, c, h, w, outputs;
    bool no_bias, small, rectified;
} cases[] = {
    {3, 7, 1, 1, 10, false, true, false},      {1, 1, 1, 1, 1, false, false, false},
    {5, 64, 1, 1, 100, false, false, false},   {2, 33, 1, 1, 17, true, false, false},
    {4, 576, 1, 1, 10, false, false, false},   {37, 100, 1, 1, 2, false, false, false},
    {2, 5, 3, 4, 7, false, true, true},        {5, 33, 2, 3, 70, false, false, false},
    {3, 16, 1, 5, 33, true, false, true},      {2, 21, 1, 1, 18, false, false, true},
    {140, 3, 1, 1, 4001, false, false, false}, /* so wide that no sum is shared by work-items */
    {110, 31, 3, 3, 64, false, false, true},
};

/* Each with both variants. */
static void get_case(struct op_case *out, int i)
{
    static const char *const variants[] = {"panels", "sliced"};
    const char *variant = variants[i % 2];
    const int k = i / 2;
    struct op_desc *d = &out->desc;

    d->x[0] = (struct shape){cases[k].n, cases[k].c, cases[k].h, cases[k].w};
    d->y[0] = (struct shape){cases[k].n, cases[k].outputs, 1, 1};
    (void)snprintf(out->name, sizeof out->name, "dense %s %dx%dx%dx%d to %d%s%s", variant, d->x[0].n,
                   d->x[0].c, d->x[0].h, d->x[0].w, d->y[0].c, cases[k].no_bias ? ", no bias" : "",
                   cases[k].rectified ? ", between rectifiers" : "");
    out->small = cases[k].small;
    d->bias = !cases[k].no_bias;
    d->relu = cases[k].rectified;
    d->mask_dx = d->relu;
    for (int pass = 0; pass < OP_PASS_COUNT; pass++)
        (void)op_variant_parse(&d->variant[pass], variant);
}

const struct op_class op_dense = {
    .name = "dense",
    .size = sizeof(struct dense_op),
    .plan = plan,
    .candidates = candidates,
    .create = create,
    .run = run,
    .params = params,
    .madds = madds,
    .tune_key = tune_key,
    .ref_forward = reference_forward,
    .ref_backward = reference_backward,
    .nmse = 3e-12,
    .terms = terms,
    .flags = OP_ROWS | OP_READS_MAPS | OP_TAKES_RELU | OP_MASKS_DX,
    .cases = &(const struct op_cases){2 * MEM_COUNT(cases), get_case},
};
