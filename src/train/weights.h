/*
 * Weights as safetensors files. When read, they are matched to a net's parameters; when written, they have
 * the mean and scale of the images with them, so that evaluation and prediction use the same.
 *
 * Metadata (strings): "format" "pt" (PyTorch's own tools look for it), "clr.format": the format of the
 * others, which 0.1 did not write, "clr.net", "clr.scale", "clr.mean" (none, channel or image),
 * "clr.mean_values": the mean on the 0–255 scale, comma-separated, a value per channel, or per channel, row
 * and column for a mean image.
 */
#ifndef TRAIN_WEIGHTS_H
#define TRAIN_WEIGHTS_H

#include <clr/train.h>

#include "net/net.h"
#include "net/safetensors.h"

/* Values of a mean image, as text of up to 15 bytes each in a header of at most 4 MiB. */
#define WEIGHTS_MEAN_VALUES 200000

/* Read a safetensors file or, for a graph (not NULL), a caffemodel. CLR_EINPUT: another clr.format, a number
 * that is not finite. */
int weights_open(struct st_file *out, const char *path, const struct graph *g, struct clr_error *err);

/* The same, and match it to the parameters. CLR_EINPUT: also missing and extra tensors and those of
 * another shape, which it lists; partial: they are omitted and logged. hint: ends the message. */
int weights_read(struct st_file *out, const char *path, const struct graph *g, bool partial, const char *hint,
                 struct clr_error *err);

/* Scale and mean of the training, as far as the file has them and the options do not. mean: (C,H,W). */
int weights_transform(const struct st_file *file, const struct clr_train_options *o, enum clr_mean *kind,
                      double *scale, float *mean, struct clr_error *err);

/* Describe a parameter as a tensor, whose name gets a suffix; values are borrowed. */
void weights_tensor(struct st_tensor *out, const struct graph_param *p, const char *suffix, float *values);

#endif
