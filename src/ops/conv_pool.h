/* When a convolution and the maximum pool after it are done as one, OP_CONV_POOL: cl/conv_pool.cl. */
#ifndef OPS_CONV_POOL_H
#define OPS_CONV_POOL_H

#include "ops/op.h"

/*
 * Should they, on this device in a net of channel block `block`? On CPUs: a work-item takes an image, and its
 * rows stay in a cache. The images must lie in one block of all their channels, as they do where these are
 * fewer.
 */
bool conv_pool_pays(const struct conv_geometry *c, const struct pool_geometry *p,
                    const struct clr_device *device, int block);

#endif
