/* Batches on the device: host side of cl/batch.cl. */
#include "ops/batch.h"

#include "base/rng.h"
#include "ops/op_impl.h"

struct batch {
    struct ocl_context *ctx;
    struct ocl_kernel *kernel;
    cl_mem mean;
    float scale;
    int rows; /* of an image that a work-item makes */
};

static int upload_mean(struct batch *b, const float *mean, size_t count, struct clr_error *err)
{
    float *scaled = NULL;
    int rc = mem_new(&scaled, count, sizeof *scaled, "the mean image", err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count; i++)
        scaled[i] = mean[i] * b->scale;
    rc = ocl_buffer_create(&b->mean, b->ctx, count * sizeof *scaled, "the mean image", err);
    if (rc == 0)
        rc = ocl_write(b->ctx, b->mean, 0, count * sizeof *scaled, scaled, err);
    free(scaled);
    return rc;
}

/* A random number in [0, below) of that purpose and index in an epoch. */
static int draw(const struct batch_key *key, enum rng_purpose purpose, uint64_t index, int below)
{
    uint32_t r[4];

    rng_philox(key->seed, purpose, key->epoch, index, r);
    return (int)((uint64_t)r[0] * (uint64_t)below >> 32);
}

/* Of an image; what: 0 row, 1 column, 2 whether it is mirrored. */
static int draw_view(const struct batch_key *key, int32_t image, uint32_t what, int below)
{
    return draw(key, RNG_VIEW, (uint32_t)image * 4u + what, below);
}

size_t batch_place(const struct batch_view *view, const struct shape *y, const struct batch_key *key,
                   int32_t image, size_t i)
{
    const int rows = view->image.h - y->h, columns = view->image.w - y->w;
    const int top = view->anywhere ? draw_view(key, image, 0, rows + 1) : rows / 2;
    const int left = view->anywhere ? draw_view(key, image, 1, columns + 1) : columns / 2;
    const bool mirrored = view->mirror && draw_view(key, image, 2, 2) == 1;
    const size_t width = (size_t)y->w, w = i % width, h = i / width % (size_t)y->h,
                 c = i / width / (size_t)y->h;

    return (c * (size_t)view->image.h + (size_t)top + h) * (size_t)view->image.w + (size_t)left +
           (mirrored ? width - 1 - w : w);
}

int batch_partner(const struct batch_key *key, int32_t image)
{
    return draw(key, RNG_PAIR, (uint64_t)image, key->others);
}

int batch_create(struct batch **out, struct ocl_context *ctx, const struct tensor *y,
                 const struct batch_view *view, const float *mean, float scale, struct clr_error *err)
{
    struct batch *b = NULL;
    struct str options = {0};
    size_t count;
    int rc = mem_new(&b, 1, sizeof *b, "the batches", err);

    if (rc < 0)
        return rc;
    b->ctx = ctx;
    b->scale = scale;
    b->rows = op_span(ocl_device(ctx), 8);
    str_append(&options, "-DC=%d -DH=%d -DW=%d -DROWS=%d -DFROM_H=%d -DFROM_W=%d -DANYWHERE=%d -DMIRROR=%d",
               view->image.c, y->shape.h, y->shape.w, b->rows, view->image.h, view->image.w,
               view->anywhere && (y->shape.h != view->image.h || y->shape.w != view->image.w), view->mirror);
    str_append(&options, " -DPAIRS=%d", view->pairs);
    tensor_macros(&options, "Y", y);
    rc = str_check(&options, err);
    if (rc == 0)
        rc = ocl_kernel_get(&b->kernel, ctx, "batch.cl", str_text(&options), "batch_gather", err);
    if (rc == 0 && !shape_count(&view->image, &count))
        rc = clr_error_set(err, CLR_EINPUT, "the images are too large");
    if (rc == 0)
        rc = upload_mean(b, mean, count, err);
    str_clear(&options);
    if (rc < 0)
        batch_destroy(b);
    else
        *out = b;
    return rc;
}

void batch_destroy(struct batch *b)
{
    if (!b)
        return;
    ocl_release(&b->mean);
    free(b);
}

int device_images_create(struct device_images *out, struct ocl_context *ctx, const struct clr_images *images,
                         size_t image_bytes, struct clr_error *err)
{
    struct device_images d = {0};
    size_t size;
    int rc;

    if (!clr_mul_size(&size, image_bytes, (size_t)images->count))
        return clr_error_set(err, CLR_EINPUT, "the data set is too large");
    rc = ocl_buffer_from_host(&d.pixels, ctx, images->pixels, size, "images", err);
    if (rc == 0)
        rc = ocl_buffer_create(&d.labels, ctx, (size_t)images->count * sizeof(cl_int), "labels", err);
    if (rc == 0)
        rc = ocl_write(ctx, d.labels, 0, (size_t)images->count * sizeof(cl_int), images->labels, err);
    if (rc < 0)
        device_images_clear(&d);
    else
        *out = d;
    return rc;
}

void device_images_clear(struct device_images *d)
{
    ocl_release(&d->pixels);
    ocl_release(&d->labels);
}

int batch_gather(struct batch *b, const struct tensor *y, cl_mem labels, const struct device_images *images,
                 cl_mem index, int offset, int count, const struct batch_key *key, struct clr_error *err)
{
    const size_t global[2] = {(size_t)op_ceil(y->shape.h, b->rows), (size_t)count};
    const struct ocl_arg args[] = {OCL_MEM(y->mem),
                                   OCL_MEM(labels),
                                   OCL_MEM(images->pixels),
                                   OCL_MEM(images->labels),
                                   OCL_MEM(b->mean),
                                   OCL_MEM(index),
                                   OCL_INT(offset),
                                   OCL_FLOAT(b->scale),
                                   OCL_INT((cl_int)(uint32_t)key->seed),
                                   OCL_INT((cl_int)(uint32_t)(key->seed >> 32)),
                                   OCL_INT((cl_int)key->epoch),
                                   OCL_INT(key->first),
                                   OCL_INT(key->others),
                                   OCL_INT(count)};

    return ocl_launch(b->ctx, b->kernel, "batch", 2, global, args, (int)MEM_COUNT(args), err);
}
