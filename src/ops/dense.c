/*
 * Fully connected layer: host side of cl/dense.cl, one kernel used three ways. x is (N,C,H,W), which
 * counts as C·H·W inputs in logical order, y (N,F,1,1), in blocks of V. Oracle: ref_dense_forward(),
 * ref_dense_backward(). Two ways: "panels" on CPUs, "sliced" elsewhere.
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

/* rows × vectors of columns, each a sum of `terms`. */
static struct dense_tile choose_tile(const struct op_desc *desc, enum op_pass pass,
                                     const struct clr_device *device, int block, int rows, int vectors,
                                     int terms)
{
    const char *asked = desc->variant[pass].algorithm;
    const int limit = (int)(device->max_work_group < GROUP_MAX ? device->max_work_group : GROUP_MAX);
    const bool cpu = device->type == CLR_DEVICE_CPU;
    struct dense_tile t = {false, block == 16 ? 4 : 6, op_min(block == 16 ? 4 : 2, vectors), 1, 1};

    if (strcmp(asked, "sliced") != 0 && (cpu || strcmp(asked, "panels") == 0))
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

static int candidates(struct op_variant *out, int capacity, const struct op_desc *desc, enum op_pass pass,
                      const struct clr_device *device, int block)
{
    static const struct op_variant all[] = {{"panels", {0}}, {"sliced", {0}}};
    const int first = device->type == CLR_DEVICE_CPU ? 0 : 1, count = op_min(capacity, (int)MEM_COUNT(all));

    (void)desc;
    (void)pass;
    (void)block;
    for (int i = 0; i < count; i++)
        out[i] = all[i == 0 ? first : 1 - first];
    return count;
}

/* One use of the product: its kernels and what does not change from call to call. */
struct product {
    struct op_launch pack, gemm;
    struct dense_tile tile;
    int panels, k;
    bool mask; /* does x mask the result */
};

struct dense_op {
    struct op head;
    struct product forward, data, weights;
    struct op_launch bias;
    int inputs, outputs;
};

static int plan(struct op_needs *needs, const struct op_desc *desc, const struct clr_device *device,
                int block, struct clr_error *err)
{
    const struct shape in = {1, op_ceil(desc->x[0].c, block) * block, desc->x[0].h, desc->x[0].w};
    const size_t out = (size_t)op_ceil(desc->y[0].c, block) * (size_t)block;
    const size_t panel = 4 * (size_t)block; /* what the last one may be rounded up by */
    size_t count;

    (void)device;
    if (!shape_count(&in, &count) || !clr_mul_size(&count, count + panel, out + panel) || count > INT_MAX / 2)
        return clr_error_set(err, CLR_EINPUT, "layer '%s' has more weights than the kernels can number",
                             desc->label);
    needs->workspace_bytes = count * sizeof(float);
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
 * what: labels of its kernels. a: images as rows, or as terms where b is given; b NULL: the packed weights; c
 * NULL: the weights' gradient.
 */
static int create_product(struct product *p, struct dense_op *self, const char *const *what,
                          const struct tensor *a, const struct tensor *b, const struct tensor *c,
                          const struct tensor *mask, struct clr_error *err)
{
    static const char *const names[] = {"dense_pack", "dense_gemm", "dense_bias"};
    struct op *op = &self->head;
    struct op_launch *const launches[] = {&p->pack, &p->gemm, &self->bias};
    const bool wanted[] = {!b, true, b && op->desc.bias}, forward = p == &self->forward;
    const int v = op->block, vectors = columns(b ? b : c) / v;
    const enum op_pass pass = b ? OP_BACKWARD_WEIGHTS : forward ? OP_FORWARD : OP_BACKWARD_DATA;
    const int terms = b ? op->desc.x[0].n : forward ? self->inputs : self->outputs;
    const struct dense_tile t =
        choose_tile(&op->desc, pass, ocl_device(op->ctx), v, b ? self->outputs : op->desc.x[0].n,
                    op_ceil(forward ? self->outputs : self->inputs, v), /* as many in every layout */
                    terms);
    int rc = 0;

    p->tile = t;
    p->panels = op_ceil(vectors, t.nt);
    p->k = terms;
    p->mask = mask != NULL;
    for (size_t i = 0; i < MEM_COUNT(names) && rc == 0; i++) {
        struct str options = {0};
        if (!wanted[i])
            continue;
        if (t.sliced)
            str_append(&options, "-DLX=%d -DSLICES=%d ", t.lx, t.slices);
        str_append(&options,
                   "-DSLICED=%d -DV=%d -DK=%d -DMT=%d -DNT=%d -DTRANSPOSED=%d -DBIAS=%d -DRELU=%d -DMASK=%d "
                   "-DEDGE=%d -DO=%d -DI=%d",
                   t.sliced, v, p->k, t.mt, t.nt, forward, forward && op->desc.bias, forward && op->desc.relu,
                   p->mask, b != NULL, self->outputs, self->inputs);
        put_tensor(&options, "A", a);
        put_tensor(&options, b ? "B" : "C", b ? b : c);
        if (mask)
            put_tensor(&options, "M", mask);
        rc = op_launch_create(launches[i], op, what[i], "dense.cl", &options, names[i], err);
    }
    return rc;
}

/* "sliced 1×16, data sliced 1×4, weights panels": rows of a tile, and slices; or "panels" for all. */
static void describe(struct dense_op *self)
{
    const struct product *products[OP_PASS_COUNT] = {[OP_FORWARD] = &self->forward,
                                                     [OP_BACKWARD_DATA] = &self->data,
                                                     [OP_BACKWARD_WEIGHTS] = &self->weights};
    bool sliced = false;

    for (int pass = 0; pass < OP_PASS_COUNT; pass++)
        sliced = sliced || products[pass]->tile.sliced;
    for (int pass = 0; pass < (sliced ? OP_PASS_COUNT : 1); pass++) {
        const struct dense_tile *t = &products[pass]->tile;
        if (products[pass]->gemm.kernel && t->sliced)
            op_add_variant(&self->head, (enum op_pass)pass, "sliced %d×%d", t->mt, t->slices);
        else if (products[pass]->gemm.kernel)
            op_add_variant(&self->head, (enum op_pass)pass, "panels");
    }
}

static int create(struct op *op, const struct op_io *io, struct clr_error *err)
{
    static const char *const what[OP_PASS_COUNT][3] = {{"forward weights", "forward"},
                                                       {"data gradient weights", "data gradient"},
                                                       {NULL, "weight gradient", "bias gradient"}};
    struct dense_op *self = (struct dense_op *)op;
    const int v = op->block;
    const bool backward = op->desc.backward, need_dx = backward && op->desc.need_dx;
    int rc;

    if (io->x[0].layout.block != v || (backward && io->dy[0].layout.block != v) ||
        (need_dx && io->dx[0].layout.block != v))
        return clr_error_set(err, CLR_EINPUT, "a dense layer needs channel blocks of one size");
    self->inputs = op->desc.x[0].c * op->desc.x[0].h * op->desc.x[0].w;
    self->outputs = op->desc.y[0].c;
    rc = create_product(&self->forward, self, what[OP_FORWARD], &io->x[0], NULL, &io->y[0], NULL, err);
    if (rc == 0 && need_dx)
        rc = create_product(&self->data, self, what[OP_BACKWARD_DATA], &io->dy[0], NULL, &io->dx[0],
                            op->desc.mask_dx ? &io->x[0] : NULL, err);
    if (rc == 0 && backward)
        rc = create_product(&self->weights, self, what[OP_BACKWARD_WEIGHTS], &io->dy[0], &io->x[0], NULL,
                            NULL, err);
    if (rc == 0)
        describe(self);
    return rc;
}

/* c = a·b with the packed weights in the workspace (pack), or with b as it is. mask: x of a data gradient. */
static int run_product(struct product *p, struct op *op, cl_mem c, cl_mem a, cl_mem b, cl_mem mask, int rows,
                       int images, struct clr_error *err)
{
    const struct ocl_arg plain[] = {OCL_MEM(c), OCL_MEM(a), OCL_MEM(b), OCL_INT(rows), OCL_INT(images)};
    const struct ocl_arg masked[] = {OCL_MEM(c),    OCL_MEM(a),    OCL_MEM(b),
                                     OCL_MEM(mask), OCL_INT(rows), OCL_INT(images)};
    const int tiles = op_ceil(rows, p->tile.mt);
    const bool first = p->tile.sliced || p == &((struct dense_op *)op)->weights; /* the panels */

    op_launch_range(&p->gemm, first ? p->panels : tiles, first ? tiles : p->panels, p->tile.slices);
    return op_launch_run(&p->gemm, op, p->mask ? masked : plain,
                         p->mask ? MEM_COUNT(masked) : MEM_COUNT(plain), err);
}

static int run_pack(struct product *p, struct op *op, const struct op_io *io, struct clr_error *err)
{
    const cl_mem b = op->desc.bias ? io->w[1] : io->w[0];
    const struct ocl_arg args[] = {OCL_MEM(io->workspace), OCL_MEM(io->w[0]), OCL_MEM(b)};
    const bool transposed = p == &((struct dense_op *)op)->forward;

    op_launch_range(&p->pack, transposed ? p->k + 1 : p->panels, transposed ? p->panels : p->k + 1, 1);
    return op_launch_run(&p->pack, op, args, MEM_COUNT(args), err);
}

static int forward(struct op *op, const struct op_io *io, struct clr_error *err)
{
    struct dense_op *self = (struct dense_op *)op;
    int rc = run_pack(&self->forward, op, io, err);

    return rc < 0 ? rc
                  : run_product(&self->forward, op, io->y[0].mem, io->x[0].mem, io->workspace, NULL,
                                io->batch, io->batch, err);
}

static int backward_data(struct op *op, const struct op_io *io, struct clr_error *err)
{
    struct dense_op *self = (struct dense_op *)op;
    int rc = run_pack(&self->data, op, io, err);

    return rc < 0 ? rc
                  : run_product(&self->data, op, io->dx[0].mem, io->dy[0].mem, io->workspace, io->x[0].mem,
                                io->batch, io->batch, err);
}

static int backward_weights(struct op *op, const struct op_io *io, struct clr_error *err)
{
    struct dense_op *self = (struct dense_op *)op;
    const struct ocl_arg bias[] = {OCL_MEM(io->dw[1]), OCL_MEM(io->dy[0].mem), OCL_INT(io->batch)};
    int rc = run_product(&self->weights, op, io->dw[0], io->dy[0].mem, io->x[0].mem, NULL, self->outputs,
                         io->batch, err);

    op_launch_range(&self->bias, self->outputs, 1, 1);
    return rc == 0 && self->bias.kernel ? op_launch_run(&self->bias, op, bias, MEM_COUNT(bias), err) : rc;
}

static int run(struct op *op, enum op_pass pass, const struct op_io *io, struct clr_error *err)
{
    return pass == OP_FORWARD         ? forward(op, io, err)
           : pass == OP_BACKWARD_DATA ? backward_data(op, io, err)
                                      : backward_weights(op, io, err);
}

/* ------------------------------------------------------------------ reference and cases */

static int params(struct op_param out[OP_PARAMS], const struct op_desc *d)
{
    return op_weights(out, 2, &(struct shape){d->y[0].c, (int)op_elements(&d->x[0]), 1, 1}, d->bias);
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
    {140, 3, 1, 1, 4001, false, false, false}, /* so wide that nobody has to share a sum */
    {110, 31, 3, 3, 64, false, false, true},
};

/* Each in both ways. */
static void get_case(struct op_case *out, int i)
{
    static const char *const ways[] = {"panels", "sliced"};
    const char *way = ways[i % 2];
    const int k = i / 2;
    struct op_desc *d = &out->desc;

    d->x[0] = (struct shape){cases[k].n, cases[k].c, cases[k].h, cases[k].w};
    d->y[0] = (struct shape){cases[k].n, cases[k].outputs, 1, 1};
    (void)snprintf(out->name, sizeof out->name, "dense %s %dx%dx%dx%d to %d%s%s", way, d->x[0].n, d->x[0].c,
                   d->x[0].h, d->x[0].w, d->y[0].c, cases[k].no_bias ? ", no bias" : "",
                   cases[k].rectified ? ", between rectifiers" : "");
    out->small = cases[k].small;
    d->bias = !cases[k].no_bias;
    d->relu = cases[k].rectified;
    d->mask_dx = d->relu;
    for (int pass = 0; pass < OP_PASS_COUNT; pass++)
        (void)op_variant_parse(&d->variant[pass], way);
}

static const struct op_cases all_cases = {2 * MEM_COUNT(cases), get_case};

const struct op_class op_dense = {
    .name = "dense",
    .size = sizeof(struct dense_op),
    .plan = plan,
    .candidates = candidates,
    .create = create,
    .run = run,
    .params = params,
    .tune_key = tune_key,
    .ref_forward = reference_forward,
    .ref_backward = reference_backward,
    .nmse = 3e-12,
    .flags = OP_ROWS | OP_TAKES_RELU | OP_MASKS_DX,
    .cases = &all_cases,
};
