/* Tensors: sizes, addressing macros, and host copies of activations. See op.h for the layout. */
#include <limits.h>

#include "ops/op.h"

static int blocks(const struct tensor *t)
{
    return (t->shape.c + t->layout.block - 1) / t->layout.block;
}

static bool padded_count(const struct shape *shape, const struct layout *l, size_t *out)
{
    const int cb = (shape->c + l->block - 1) / l->block;
    const struct shape padded = {shape->n, cb, shape->h + 2 * l->halo_h, shape->w + 2 * l->halo_w};

    return shape_count(&padded, out) && clr_mul_size(out, *out, (size_t)l->block);
}

bool tensor_floats(const struct shape *shape, const struct layout *layout, size_t *out)
{
    return padded_count(shape, layout, out) && clr_add_size(out, *out, TENSOR_SLACK);
}

void tensor_macros(struct str *options, const char *prefix, const struct tensor *t)
{
    const int hp = t->shape.h + 2 * t->layout.halo_h, wp = t->shape.w + 2 * t->layout.halo_w;

    str_append(options, " -D%s_BLOCK=%d -D%s_CB=%d -D%s_HP=%d -D%s_WP=%d -D%s_HH=%d -D%s_HW=%d", prefix,
               t->layout.block, prefix, blocks(t), prefix, hp, prefix, wp, prefix, t->layout.halo_h, prefix,
               t->layout.halo_w);
}

/* Copy between (N,C,H,W) and the padded layout, in either direction. */
static void reorder(float *padded, float *nchw, const struct tensor *t, int batch, bool to_padded)
{
    const size_t block = (size_t)t->layout.block, cb = (size_t)blocks(t);
    const int rows = t->shape.h + 2 * t->layout.halo_h, columns = t->shape.w + 2 * t->layout.halo_w;
    const size_t hp = (size_t)rows, wp = (size_t)columns;
    size_t at = 0;

    for (size_t n = 0; n < (size_t)batch; n++)
        for (size_t c = 0; c < (size_t)t->shape.c; c++)
            for (size_t y = 0; y < (size_t)t->shape.h; y++)
                for (size_t x = 0; x < (size_t)t->shape.w; x++, at++) {
                    size_t row = (n * cb + c / block) * hp + y + (size_t)t->layout.halo_h;
                    size_t to = (row * wp + x + (size_t)t->layout.halo_w) * block + c % block;
                    if (to_padded)
                        padded[to] = nchw[at];
                    else
                        nchw[at] = padded[to];
                }
}

static int staging(float **out, size_t *size_bytes, const struct tensor *t, int batch, struct clr_error *err)
{
    struct shape s = t->shape;
    size_t count;

    s.n = batch;
    if (!padded_count(&s, &t->layout, &count) || !clr_mul_size(size_bytes, count, sizeof(float)))
        return clr_error_set(err, CLR_ENOMEM, "a tensor is too large");
    return mem_new(out, count, sizeof(float), "a tensor's copy", err);
}

int tensor_write(struct ocl_context *ctx, const struct tensor *t, int batch, const float *nchw,
                 struct clr_error *err)
{
    float *padded = NULL;
    size_t size;
    int rc = staging(&padded, &size, t, batch, err);

    if (rc < 0)
        return rc;
    reorder(padded, (float *)(uintptr_t)nchw, t, batch, true);
    rc = ocl_write(ctx, t->mem, 0, size, padded, err);
    free(padded);
    return rc;
}

int tensor_read(struct ocl_context *ctx, const struct tensor *t, int batch, float *nchw,
                struct clr_error *err)
{
    float *padded = NULL;
    size_t size;
    int rc = staging(&padded, &size, t, batch, err);

    if (rc < 0)
        return rc;
    rc = ocl_read(ctx, t->mem, 0, size, padded, err);
    if (rc == 0)
        reorder(padded, nchw, t, batch, false);
    free(padded);
    return rc;
}
