/*
 * Which layout an activation gets is decided here alone, from what the operators that read it need (struct
 * op_needs).
 */
#ifndef OPS_LAYOUT_H
#define OPS_LAYOUT_H

#include "ops/op.h"

/* Channel block V of a device: its vector width on a CPU (4, 8 or 16), 4 elsewhere. */
int layout_block(const struct clr_device *device);

/* The blocks that nets have on a device (graph_fuse_for()), that one first; how many: 1 or 2. */
int layout_blocks(int out[2], const struct clr_device *device);

/* Layout of a value with `channels` channels in a net with block V. readers: what its readers need.
 * any_producer: what writes it can write any block (the batch). */
struct layout layout_activation(int channels, int block, const struct op_needs *const *readers, size_t count,
                                bool any_producer);

/* Layout of the gradient of that value, whose own layout is *value; producer: needs of the operator that made
 * the value and will read the gradient (NULL: none). */
struct layout layout_gradient(const struct layout *value, const struct op_needs *producer);

#endif
