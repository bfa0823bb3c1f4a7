/*
 * Convolution as matrix products: images unfolded into columns (im2col), CLBlast for the product, in chunks
 * of images so that the columns stay within a bound. Any geometry. The kernels around the products are in
 * cl/conv_gemm.cl. Source: Chellapilla, Puri, Simard, "High performance convolutional neural networks for
 * document processing", 2006; Caffe's convolution layer for the gradients.
 */
#include "ops/conv.h"

enum { TO_COLUMNS, PUT, TAKE, FROM_COLUMNS, SUM_BIAS, KERNEL_COUNT };

struct conv_pass_state {
    enum op_pass pass;
    int chunk;                  /* images */
    int span;                   /* pixels of a row that a work-item handles */
    size_t columns, columns_at; /* leading dimension; where the columns begin, after the matrix m */
    struct op_launch launches[KERNEL_COUNT];
    char gemm_label[96];
};

#define COLUMN_BYTES ((size_t)32 << 20)

/* On CPUs a tenth of the direct kernels' speed was measured. On a GPU (NVIDIA H100) the tiles were faster in
 * seven passes of eight. */
static double guess(const struct conv_request *r)
{
    return conv_multiply_adds(r->desc) / ((r->device->type == CLR_DEVICE_CPU ? 0.08 : 0.4) * 50e6);
}

static const int tiles[1][4]; /* it has none */

/* Images of a chunk: the most whose columns fit into COLUMN_BYTES, at least one. */
static int chunk_images(const struct op_desc *desc)
{
    const struct conv_geometry *g = &desc->u.conv;
    const double image = 4.0 * g->c * g->kh * g->kw * (double)g->oh * g->ow;
    const double fit = (double)COLUMN_BYTES / image;

    return fit < 1.0 ? 1 : fit > desc->x[0].n ? desc->x[0].n : (int)fit;
}

static int plan(struct op_needs *needs, const struct conv_request *r, struct clr_error *err)
{
    const struct op_desc *desc = r->desc;
    const struct conv_geometry *g = &desc->u.conv;
    const struct shape columns = {chunk_images(desc), g->oh, g->ow, 1};
    size_t count, total;

    if (!shape_count(&columns, &count) || count > 0x7fffffff ||
        !clr_mul_size(&total, count, (size_t)g->c * (size_t)(g->kh * g->kw) + (size_t)g->oc))
        return clr_error_set(err, CLR_EINPUT, "layer '%s' is too large", desc->label);
    return conv_need_workspace(needs, total, err);
}

static int create(struct conv_pass_state *s, struct op *op, const struct conv_request *r,
                  const struct op_io *io, struct clr_error *err)
{
    static const char *const names[] = {"conv_gemm_im2col", "conv_gemm_put", "conv_gemm_take",
                                        "conv_gemm_col2im", "conv_gemm_bias"};
    static const char *const what[] = {"im2col", "put", "take", "col2im", "bias"};
    static const char *const passes[] = {"forward", "data gradient", "weight gradient"};
    static const unsigned used[OP_PASS_COUNT] = {1u << TO_COLUMNS | 1u << PUT,
                                                 1u << TAKE | 1u << FROM_COLUMNS,
                                                 1u << TO_COLUMNS | 1u << TAKE | 1u << SUM_BIAS};
    const struct conv_geometry *g = &op->desc.u.conv;
    const enum op_pass pass = r->pass;
    int rc = 0;

    s->pass = pass;
    s->chunk = chunk_images(&op->desc);
    s->span = op_span(ocl_device(op->ctx), op_max(g->w, g->ow));
    s->columns = (size_t)s->chunk * (size_t)(g->oh * g->ow);
    s->columns_at = s->columns * (size_t)g->oc;
    (void)snprintf(s->gemm_label, sizeof s->gemm_label, "%s %s GEMM", op->desc.label, passes[pass]);
    for (int k = 0; k < KERNEL_COUNT && rc == 0; k++) {
        struct str options = {0};
        char label[32];
        if (!(used[pass] >> k & 1u))
            continue;
        str_append(&options, "-DCOLS=%zu -DCOLS_AT=%zuUL -DSPAN=%d -DBIAS=%d -DRELU=%d -DMASK=%d", s->columns,
                   s->columns_at, s->span, op->desc.bias, op->desc.relu,
                   pass == OP_BACKWARD_DATA && op->desc.mask_dx);
        conv_macros(&options, g);
        tensor_macros(&options, "X", pass == OP_BACKWARD_DATA ? &io->dx[0] : &io->x[0]);
        tensor_macros(&options, "Y", pass == OP_FORWARD ? &io->y[0] : &io->dy[0]);
        tensor_macros(&options, "M", &io->x[0]);
        (void)snprintf(label, sizeof label, "%s %s", passes[pass], what[k]);
        rc = op_launch_create(&s->launches[k], op, label, "conv_gemm.cl", &options, names[k], err);
    }
    op_add_variant(op, pass, "gemm");
    return rc;
}

/* One of the surrounding kernels, if the pass has it. */
static int surround(struct conv_pass_state *s, struct op *op, const struct op_io *io, int k, size_t width,
                    int height, const struct ocl_arg *args, size_t arg_count, struct clr_error *err)
{
    op_launch_range(&s->launches[k], (long long)width, height, 1);
    return op_launch_run(&s->launches[k], op, io, args, arg_count, err);
}

struct matrix {
    cl_mem mem;
    size_t offset, ld;
};

/* c = a·b */
static struct blas_gemm product(size_t m, size_t n, size_t k, const struct matrix *a, const struct matrix *b,
                                const struct matrix *c)
{
    return (struct blas_gemm){.m = m,
                              .n = n,
                              .k = k,
                              .a = a->mem,
                              .b = b->mem,
                              .c = c->mem,
                              .a_offset = a->offset,
                              .b_offset = b->offset,
                              .c_offset = c->offset,
                              .lda = a->ld,
                              .ldb = b->ld,
                              .ldc = c->ld};
}

/* The product of one chunk, group by group. */
static int multiply(struct conv_pass_state *s, struct op *op, const struct op_io *io, int first, int count,
                    struct clr_error *err)
{
    const struct conv_geometry *g = &op->desc.u.conv;
    const size_t oc = (size_t)(g->oc / g->group), rows = (size_t)(g->c / g->group) * (size_t)(g->kh * g->kw);
    const size_t used = (size_t)count * (size_t)(g->oh * g->ow);
    int rc = 0;

    for (size_t k = 0; k < (size_t)g->group && rc == 0; k++) {
        const struct matrix w = {s->pass == OP_BACKWARD_WEIGHTS ? io->dw[0] : io->w[0], k * oc * rows, rows};
        const struct matrix m = {io->workspace, k * oc * s->columns, s->columns};
        const struct matrix columns = {io->workspace, s->columns_at + k * rows * s->columns, s->columns};
        struct blas_gemm b;
        if (s->pass == OP_FORWARD)
            b = product(oc, used, rows, &w, &columns, &m);
        else if (s->pass == OP_BACKWARD_DATA)
            b = product(rows, used, oc, &w, &m, &columns);
        else
            b = product(oc, rows, used, &m, &columns, &w);
        b.ta = s->pass == OP_BACKWARD_DATA;
        b.tb = s->pass == OP_BACKWARD_WEIGHTS;
        b.beta = b.tb && first > 0 ? 1.0f : 0.0f;
        rc = blas_sgemm(op->ctx, &b, s->gemm_label, err);
    }
    return rc;
}

static int run_chunk(struct conv_pass_state *s, struct op *op, const struct op_io *io, int first, int count,
                     struct clr_error *err)
{
    const struct conv_geometry *g = &op->desc.u.conv;
    const size_t n = (size_t)count;
    const size_t rows = n * (size_t)g->oh * (size_t)op_ceil(g->ow, s->span);
    const size_t in_rows = n * (size_t)g->h * (size_t)op_ceil(g->w, s->span);
    const cl_mem b = op->desc.bias ? io->w[1] : io->w[0];
    const struct ocl_arg columns[] = {OCL_MEM(io->workspace), OCL_MEM(io->x[0].mem), OCL_INT(first),
                                      OCL_INT(count)};
    const struct ocl_arg put[] = {OCL_MEM(io->y[0].mem), OCL_MEM(io->workspace), OCL_MEM(b), OCL_INT(first),
                                  OCL_INT(count)};
    const struct ocl_arg take[] = {OCL_MEM(io->workspace), OCL_MEM(io->dy[0].mem), OCL_INT(first),
                                   OCL_INT(count)};
    const struct ocl_arg fold[] = {OCL_MEM(io->dx[0].mem), OCL_MEM(io->workspace), OCL_MEM(io->x[0].mem),
                                   OCL_INT(first), OCL_INT(count)};
    const struct ocl_arg bias[] = {OCL_MEM(io->dw[1]), OCL_MEM(io->workspace), OCL_INT(first),
                                   OCL_INT(count)};
    int rc = surround(s, op, io, TO_COLUMNS, rows, g->c * g->kh * g->kw, columns, 4, err);

    if (rc == 0)
        rc = surround(s, op, io, TAKE, rows, g->oc, take, 4, err);
    if (rc == 0)
        rc = multiply(s, op, io, first, count, err);
    if (rc == 0)
        rc = surround(s, op, io, PUT, rows, g->oc, put, 5, err);
    if (rc == 0)
        rc = surround(s, op, io, FROM_COLUMNS, in_rows, g->c, fold, 5, err);
    if (rc == 0 && op->desc.bias)
        rc = surround(s, op, io, SUM_BIAS, (size_t)g->oc, 1, bias, 4, err);
    return rc;
}

static int run(struct conv_pass_state *s, struct op *op, const struct op_io *io, struct clr_error *err)
{
    int rc = 0;

    for (int first = 0; first < io->batch && rc == 0; first += s->chunk)
        rc = run_chunk(s, op, io, first, op_min(s->chunk, io->batch - first), err);
    return rc;
}

const struct conv_row conv_gemm = {
    .name = "gemm",
    .tiles = {CONV_TILES(tiles), CONV_TILES(tiles), CONV_TILES(tiles)},
    .guess = guess,
    .plan = plan,
    .state_size = sizeof(struct conv_pass_state),
    .create = {create, create, create},
    .run = {run, run, run},
};
