/*
 * A data set of random bytes: what a net is timed on, so that no files are needed.
 */
#ifndef VERIFY_RANDOM_DATA_H
#define VERIFY_RANDOM_DATA_H

#include <clr/dataset.h>
#include <clr/net.h>

/* Seed of the bytes, the labels and the first weights. */
#define RANDOM_DATA_SEED 1

/*
 * As many training images as CIFAR-10 has, 50,000, or as fit into 160 MB, but a batch at least: gathering a
 * batch reads memory as it does in training. A batch of test images. Free with clr_dataset_destroy().
 */
int random_data_create(struct clr_dataset **out, struct clr_image_shape shape, int classes, int batch,
                       struct clr_error *err);

#endif
