/*
 * Batches on the device, which has the bytes of the data set: a batch is made from a list of image numbers
 * (cl/batch.cl), y = byte·scale − mean.
 */
#ifndef OPS_BATCH_H
#define OPS_BATCH_H

#include <clr/dataset.h>

#include "ops/op.h"

struct batch; /* opaque */

/*
 * What of an image goes into a batch, whose height and width may be smaller: the part in the centre, or with
 * `anywhere` one at a random place. With `mirror`, half of the images are mirrored left to right, at random.
 * The mean is that of the pixel before. Source: Caffe, data_transformer.cpp. The random numbers belong to an
 * image in an epoch, so that a run that is resumed has the same ones.
 */
struct batch_view {
    struct shape image; /* (1,C,H,W) */
    bool anywhere, mirror;
    bool pairs; /* each image with another one: twice the channels; label: are they of one class? */
};

struct batch_key {
    uint64_t seed;
    uint32_t epoch;
    int first, others; /* of pairs: the others are so many images of the list, from that one on */
};

/* Where in the list of `others` is the image that this one is paired with? Drawn anew in every epoch. */
int batch_partner(const struct batch_key *key, int32_t image);

/* Element i of (C,H,W) of a batch with y's height and width: its place in the image of that number. */
size_t batch_place(const struct batch_view *view, const struct shape *y, const struct batch_key *key,
                   int32_t image, size_t i);

/* y: shape and layout of the batches. mean: (C,H,W) of the images, 0…255, is multiplied by scale here. */
int batch_create(struct batch **out, struct ocl_context *ctx, const struct tensor *y,
                 const struct batch_view *view, const float *mean, float scale, struct clr_error *err);
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
                 cl_mem index, int offset, int count, const struct batch_key *key, struct clr_error *err);

#endif
