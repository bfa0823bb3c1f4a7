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

/* From the padded layout to (N,C,H,W). */
static void unpad(float *nchw, const float *padded, const struct tensor *t, int batch)
{
    const struct layout *l = &t->layout;
    const size_t block = (size_t)l->block, cb = (size_t)blocks(t);
    const size_t halo_h = (size_t)l->halo_h, halo_w = (size_t)l->halo_w;
    const size_t rows = (size_t)t->shape.h + 2 * halo_h, columns = (size_t)t->shape.w + 2 * halo_w;

    for (size_t n = 0; n < (size_t)batch; n++)
        for (size_t c = 0; c < (size_t)t->shape.c; c++)
            for (size_t y = 0; y < (size_t)t->shape.h; y++)
                for (size_t x = 0; x < (size_t)t->shape.w; x++) {
                    const size_t row = (n * cb + c / block) * rows + y + halo_h;
                    *nchw++ = padded[(row * columns + x + halo_w) * block + c % block];
                }
}

int tensor_read(struct ocl_context *ctx, const struct tensor *t, int batch, float *nchw,
                struct clr_error *err)
{
    const struct shape shape = {batch, t->shape.c, t->shape.h, t->shape.w};
    float *padded = NULL;
    size_t count;
    int rc;

    if (!padded_count(&shape, &t->layout, &count) || count > SIZE_MAX / sizeof(float))
        return clr_error_set(err, CLR_ENOMEM, "a tensor is too large");
    rc = mem_new(&padded, count, sizeof(float), "a tensor's copy", err);
    if (rc == 0)
        rc = ocl_read(ctx, t->mem, 0, count * sizeof(float), padded, err);
    if (rc == 0)
        unpad(nchw, padded, t, batch);
    free(padded);
    return rc;
}
