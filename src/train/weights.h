/*
 * Weights as safetensors files: matched to a net's parameters when read; written with what was subtracted
 * from the images, so that evaluation and prediction do the same.
 *
 * Metadata (strings): "format" "pt" (PyTorch's own tools look for it), "clr.net", "clr.scale", "clr.mean"
 * (none, channel or image), "clr.mean_values": the mean on the 0–255 scale, comma-separated, a value per
 * channel, or per channel, row and column for a mean image.
 */
#ifndef TRAIN_WEIGHTS_H
#define TRAIN_WEIGHTS_H

#include <clr/train.h>

#include "net/net.h"
#include "net/safetensors.h"

#define WEIGHTS_MEAN_VALUES                                                                                  \
    200000 /* of a mean image, as text of up to 15 bytes in a header of at most 4 MiB */

/* Read and match. Missing, extra or misshapen tensors are one CLR_EINPUT that lists them; partial: they are
 * left out, and said in the log. */
int weights_read(struct st_file *out, const char *path, const struct params *params, bool partial,
                 const char *hint, struct clr_error *err);

/* What was subtracted in training, where the file says so and the options do not. mean: (C,H,W), overwritten.
 */
int weights_transform(const struct st_file *file, const struct clr_train_options *o, enum clr_mean *kind,
                      double *scale, float *mean, struct clr_error *err);

int weights_write(const char *path, const struct params *params, float *const *values,
                  const struct clr_train_options *o, enum clr_mean kind, double scale, const float *mean,
                  struct clr_error *err);

#endif
