/*
 * Sums over the pixels of each channel in a batch, which gradients of parameters of channels and of batch
 * statistics need: host side of cl/channel_sums.cl, shared by the operators that have such.
 */
#ifndef OPS_CHANNEL_SUMS_H
#define OPS_CHANNEL_SUMS_H

#include "ops/op_impl.h"

enum { CHANNEL_SUMS_MOST = 2 };

struct channel_sums {
    int count;
    struct op_launch images, add;
};

/* Bytes of the workspace for `count` sums of each channel of x in blocks of V. CLR_EINPUT: too many. */
int channel_sums_bytes(size_t *out, const struct op_desc *desc, int block, int count, struct clr_error *err);

/*
 * Sums of terms[0] …, OpenCL expressions of the vectors d and v, whose tensors are laid out like *d and *v.
 *
 * @param what   begins the labels of the kernels, and with words of op_stage()
 * @param total  one number for all channels, and count is 1
 */
int channel_sums_create(struct channel_sums *s, struct op *op, const char *what,
                        const char *const terms[CHANNEL_SUMS_MOST], int count, bool total,
                        const struct tensor *d, const struct tensor *v, struct clr_error *err);

/* out[k] gets C numbers from element at[k] on. Uses the workspace. */
int channel_sums_run(const struct channel_sums *s, struct op *op, const struct op_io *io, cl_mem d, cl_mem v,
                     const cl_mem out[CHANNEL_SUMS_MOST], const int at[CHANNEL_SUMS_MOST],
                     struct clr_error *err);

#endif
