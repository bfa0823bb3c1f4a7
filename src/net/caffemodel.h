/*
 * Caffe's weights (.caffemodel) and means of images (.binaryproto): binary protocol buffers, of which
 * proto/caffe.proto has what is needed. In weights each layer has its name and its parameters, "blobs", in
 * the order of the layer's operator. Input is hostile: sizes are checked before they are used, and the memory
 * for reading is limited by the size of the file.
 */
#ifndef NET_CAFFEMODEL_H
#define NET_CAFFEMODEL_H

#include "net/graph.h"
#include "net/safetensors.h"

/*
 * Read a file, of any of Caffe's three versions of layers. Blobs of the graph's parameters get their names;
 * and their shapes, where these differ in leading ones alone, since old files have four dimensions of all
 * (1×1×N×K). Others are called "LAYER blob K". What a layer shares with one before it is omitted.
 *
 * Of a BatchNorm Caffe has sums, weighted by the powers of its moving_average_fraction F, and the sum of the
 * weights, s. They become running_mean, running_var and num_batches_tracked: the number t of batches with
 * s = (1 − F^t)/(1 − F), which is large where s is at its limit.
 *
 * CLR_EINPUT: no such file, or a damaged one, or one of more than 1 GiB.
 */
int caffemodel_read(struct st_file *out, const char *path, const struct graph *g, struct clr_error *err);

/* Read a mean of images (.binaryproto), a blob: one tensor of the shape C,H,W, or C,1,1. CLR_EINPUT: no such
 * file, or it is no mean, or has a number that is not finite. */
int caffemodel_read_mean(struct st_file *out, const char *path, struct clr_error *err);

/*
 * Write the weights of a net: layers of today's version, with name, type and blobs. Values are the same to
 * the bit when they are read again: s of a BatchNorm is rounded to a power of two, and sums of *weights are
 * made in their place. CLR_EINPUT: tensors that are missing, or not in the net; CLR_EFAILED: it cannot be
 * written. name: of the weights, for messages.
 */
int caffemodel_write(const char *path, const struct clr_net_spec *spec, struct st_file *weights,
                     const char *name, struct clr_error *err);

#endif
