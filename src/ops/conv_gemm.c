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
    size_t columns, columns_at; /* leading dimension; where the columns lie behind the matrix m */
    struct ocl_kernel *kernels[KERNEL_COUNT];
    char labels[KERNEL_COUNT][96], gemm_label[96];
};

#define COLUMN_BYTES ((size_t)32 << 20)

static bool can(const struct conv_request *r)
{
    (void)r;
    return true;
}

/* On CPUs a tenth of the direct kernels' speed was measured. On a GPU (NVIDIA H100) the tiles were faster in
 * seven passes of eight. */
static double guess(const struct conv_request *r)
{
    return conv_multiply_adds(r->desc) / ((r->device->type == CLR_DEVICE_CPU ? 0.08 : 0.4) * 50e6);
}

static int candidates(struct op_variant *out, int capacity, const struct conv_request *r)
{
    (void)r;
    if (capacity < 1)
        return 0;
    out[0] = (struct op_variant){.algorithm = "gemm"};
    return 1;
}

/* Images of a chunk: as many as keep the columns within COLUMN_BYTES, at least one. */
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

static int create(struct conv_pass_state **out, struct op *op, const struct conv_request *r,
                  const struct op_io *io, struct clr_error *err)
{
    static const char *const names[] = {"conv_gemm_im2col", "conv_gemm_put", "conv_gemm_take",
                                        "conv_gemm_col2im", "conv_gemm_bias"};
    static const char *const what[] = {"im2col", "put", "take", "col2im", "bias gradient"};
    static const char *const gemm[] = {"forward GEMM", "data gradient GEMM", "weight gradient GEMM"};
    static const unsigned used[OP_PASS_COUNT] = {1u << TO_COLUMNS | 1u << PUT,
                                                 1u << TAKE | 1u << FROM_COLUMNS,
                                                 1u << TO_COLUMNS | 1u << TAKE | 1u << SUM_BIAS};
    const struct conv_geometry *g = &op->desc.u.conv;
    const enum op_pass pass = r->pass;
    struct conv_pass_state *s = NULL;
    int rc = mem_new(&s, 1, sizeof *s, "a convolution", err);

    if (rc < 0)
        return rc;
    s->pass = pass;
    s->chunk = chunk_images(&op->desc);
    s->span = op_span(ocl_device(op->ctx), op_max(g->w, g->ow));
    s->columns = (size_t)s->chunk * (size_t)(g->oh * g->ow);
    s->columns_at = s->columns * (size_t)g->oc;
    (void)snprintf(s->gemm_label, sizeof s->gemm_label, "%s %s", op->desc.label, gemm[pass]);
    for (int k = 0; k < KERNEL_COUNT && rc == 0; k++) {
        struct str options = {0};
        if (!(used[pass] >> k & 1u))
            continue;
        (void)snprintf(s->labels[k], sizeof s->labels[k], "%s %s", op->desc.label, what[k]);
        str_append(&options, "-DCOLS=%zu -DCOLS_AT=%zuUL -DSPAN=%d -DBIAS=%d -DRELU=%d -DMASK=%d", s->columns,
                   s->columns_at, s->span, op->desc.bias, op->desc.relu,
                   pass == OP_BACKWARD_DATA && op->desc.mask_dx);
        conv_macros(&options, g);
        tensor_macros(&options, "X", pass == OP_BACKWARD_DATA ? &io->dx[0] : &io->x[0]);
        tensor_macros(&options, "Y", pass == OP_FORWARD ? &io->y[0] : &io->dy[0]);
        tensor_macros(&options, "M", &io->x[0]);
        rc = op_kernel(op, &s->kernels[k], "conv_gemm.cl", &options, names[k], err);
    }
    if (rc < 0)
        free(s);
    else
        *out = s;
    return rc;
}

/* One of the surrounding kernels over images [first, first + count); `second` follows the output. */
static int surround(struct conv_pass_state *s, struct op *op, int k, size_t width, size_t height,
                    const struct ocl_arg *args, size_t arg_count, struct clr_error *err)
{
    const size_t global[3] = {width, height, 1};

    return op_launch(op, s->kernels[k], s->labels[k], global, args, arg_count, err);
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
        const size_t w = k * oc * rows, m = k * oc * s->columns, cols = s->columns_at + k * rows * s->columns;
        struct blas_gemm b = {0};
        if (s->pass == OP_FORWARD)
            b = (struct blas_gemm){.m = oc,
                                   .n = used,
                                   .k = rows,
                                   .a = io->w[0],
                                   .a_offset = w,
                                   .lda = rows,
                                   .b = io->workspace,
                                   .b_offset = cols,
                                   .ldb = s->columns,
                                   .c = io->workspace,
                                   .c_offset = m,
                                   .ldc = s->columns};
        else if (s->pass == OP_BACKWARD_DATA)
            b = (struct blas_gemm){.ta = true,
                                   .m = rows,
                                   .n = used,
                                   .k = oc,
                                   .a = io->w[0],
                                   .a_offset = w,
                                   .lda = rows,
                                   .b = io->workspace,
                                   .b_offset = m,
                                   .ldb = s->columns,
                                   .c = io->workspace,
                                   .c_offset = cols,
                                   .ldc = s->columns};
        else
            b = (struct blas_gemm){.tb = true,
                                   .m = oc,
                                   .n = rows,
                                   .k = used,
                                   .a = io->workspace,
                                   .a_offset = m,
                                   .lda = s->columns,
                                   .b = io->workspace,
                                   .b_offset = cols,
                                   .ldb = s->columns,
                                   .c = io->dw[0],
                                   .c_offset = w,
                                   .ldc = rows,
                                   .beta = first == 0 ? 0.0f : 1.0f};
        rc = blas_sgemm(op->ctx, &b, s->gemm_label, err);
    }
    return rc;
}

static int run_chunk(struct conv_pass_state *s, struct op *op, const struct op_io *io, int first, int count,
                     struct clr_error *err)
{
    const struct conv_geometry *g = &op->desc.u.conv;
    const size_t oc = (size_t)g->oc, n = (size_t)count;
    const size_t rows = n * (size_t)g->oh * (size_t)op_ceil(g->ow, s->span);
    const size_t in_rows = n * (size_t)g->h * (size_t)op_ceil(g->w, s->span);
    const cl_mem b = op->desc.bias ? io->w[1] : io->w[0];
    const struct ocl_arg columns[] = {OCL_MEM(io->workspace), OCL_MEM(io->x[0].mem), OCL_INT(first),
                                      OCL_INT(count)};
    const struct ocl_arg put[] = {OCL_MEM(io->y[0].mem), OCL_MEM(io->workspace), OCL_MEM(b), OCL_INT(first),
                                  OCL_INT(count)};
    const struct ocl_arg take[] = {OCL_MEM(io->workspace), OCL_MEM(io->dy[0].mem), OCL_INT(first),
                                   OCL_INT(count)};
    const struct ocl_arg fold[] = {OCL_MEM(io->dx[0].mem), OCL_MEM(io->workspace), OCL_INT(first),
                                   OCL_INT(count)};
    const struct ocl_arg fold_masked[] = {OCL_MEM(io->dx[0].mem), OCL_MEM(io->workspace),
                                          OCL_MEM(io->x[0].mem), OCL_INT(first), OCL_INT(count)};
    const bool mask = op->desc.mask_dx;
    const struct ocl_arg bias[] = {OCL_MEM(io->dw[1]), OCL_MEM(io->workspace), OCL_INT(first),
                                   OCL_INT(count)};
    int rc = 0;

    if (s->kernels[TO_COLUMNS])
        rc = surround(s, op, TO_COLUMNS, rows, (size_t)g->c * (size_t)(g->kh * g->kw), columns, 4, err);
    if (rc == 0 && s->kernels[TAKE])
        rc = surround(s, op, TAKE, rows, oc, take, 4, err);
    if (rc == 0)
        rc = multiply(s, op, io, first, count, err);
    if (rc == 0 && s->kernels[PUT])
        rc = surround(s, op, PUT, rows, oc, put, 5, err);
    if (rc == 0 && s->kernels[FROM_COLUMNS])
        rc = surround(s, op, FROM_COLUMNS, in_rows, (size_t)g->c, mask ? fold_masked : fold, mask ? 5 : 4,
                      err);
    if (rc == 0 && s->kernels[SUM_BIAS] && op->desc.bias)
        rc = surround(s, op, SUM_BIAS, oc, 1, bias, 4, err);
    return rc;
}

static int run(struct conv_pass_state *s, struct op *op, const struct op_io *io, struct clr_error *err)
{
    int rc = 0;

    for (int first = 0; first < io->batch && rc == 0; first += s->chunk)
        rc = run_chunk(s, op, io, first, op_min(s->chunk, io->batch - first), err);
    return rc;
}

static void describe(const struct conv_pass_state *s, char *out, size_t size)
{
    (void)s;
    str_copy(out, size, "gemm");
}

const struct conv_row conv_gemm = {
    .name = "gemm",
    .can = can,
    .guess = guess,
    .candidates = candidates,
    .plan = plan,
    .create = create,
    .run = run,
    .describe = describe,
};
