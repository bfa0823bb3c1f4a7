/*
 * Batches on the device, which has the bytes of the data set: a batch is made from a list of image numbers
 * (cl/batch.cl), y = byte·scale − mean.
 */
#ifndef OPS_BATCH_H
#define OPS_BATCH_H

#include <clr/dataset.h>

#include "ops/op.h"

struct batch; /* opaque */

/* y: shape and layout of the batches. mean: (C,H,W), 0…255, is multiplied by scale here. */
int batch_create(struct batch **out, struct ocl_context *ctx, const struct tensor *y, const float *mean,
                 float scale, struct clr_error *err);
void batch_destroy(struct batch *b);

/* The bytes and labels of a set of images on the device. images->pixels must outlive the buffers. */
struct device_images {
    cl_mem pixels, labels;
};
int device_images_create(struct device_images *out, struct ocl_context *ctx, const struct clr_images *images,
                         size_t image_bytes, struct clr_error *err);
void device_images_clear(struct device_images *d);

/* Enqueue: images index[offset … offset + count) into y.mem and their labels (int) into labels. */
int batch_gather(struct batch *b, const struct tensor *y, cl_mem labels, const struct device_images *images,
                 cl_mem index, int offset, int count, struct clr_error *err);

#endif
