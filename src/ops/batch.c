/* Batches on the device: host side of cl/batch.cl. */
#include "ops/batch.h"

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

int batch_create(struct batch **out, struct ocl_context *ctx, const struct tensor *y, const float *mean,
                 float scale, struct clr_error *err)
{
    const struct shape image = {1, y->shape.c, y->shape.h, y->shape.w};
    struct batch *b = NULL;
    struct str options = {0};
    size_t count;
    int rc = mem_new(&b, 1, sizeof *b, "the batches", err);

    if (rc < 0)
        return rc;
    b->ctx = ctx;
    b->scale = scale;
    b->rows = op_span(ocl_device(ctx), 8);
    str_append(&options, "-DC=%d -DH=%d -DW=%d -DROWS=%d", image.c, image.h, image.w, b->rows);
    tensor_macros(&options, "Y", y);
    rc = str_check(&options, err);
    if (rc == 0)
        rc = ocl_kernel_get(&b->kernel, ctx, "batch.cl", str_text(&options), "batch_gather", err);
    if (rc == 0 && !shape_count(&image, &count))
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
                 cl_mem index, int offset, int count, struct clr_error *err)
{
    const size_t global[2] = {(size_t)op_ceil(y->shape.h, b->rows), (size_t)count};
    const struct ocl_arg args[] = {OCL_MEM(y->mem),         OCL_MEM(labels),     OCL_MEM(images->pixels),
                                   OCL_MEM(images->labels), OCL_MEM(b->mean),    OCL_MEM(index),
                                   OCL_INT(offset),         OCL_FLOAT(b->scale), OCL_INT(count)};

    return ocl_launch(b->ctx, b->kernel, "batch", 2, global, args, (int)MEM_COUNT(args), err);
}
