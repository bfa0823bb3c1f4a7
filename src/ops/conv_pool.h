/* When a convolution and the maximum pool behind it are done as one, OP_CONV_POOL: cl/conv_pool.cl. */
#ifndef OPS_CONV_POOL_H
#define OPS_CONV_POOL_H

#include "ops/op.h"

/* Can they, and should they, on this device in a net of channel block `block`? */
bool conv_pool_can(const struct conv_geometry *c, const struct pool_geometry *p,
                   const struct clr_device *device, int block);

#endif
