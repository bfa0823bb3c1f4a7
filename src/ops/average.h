/* The exponential moving average of the weights: host side of cl/average.cl. */
#ifndef OPS_AVERAGE_H
#define OPS_AVERAGE_H

#include "ocl/ocl.h"

struct average; /* opaque */

/* Of buffers of `count` numbers. */
int average_create(struct average **out, struct ocl_context *ctx, double decay, size_t count,
                   struct clr_error *err);
void average_destroy(struct average *average);

/* Enqueue e ← De + (1 − D)w. */
int average_update(const struct average *average, cl_mem e, cl_mem w, struct clr_error *err);

/* Enqueue the exchange of e and w: so a net that reads w is evaluated with e, without another buffer. */
int average_exchange(const struct average *average, cl_mem e, cl_mem w, struct clr_error *err);

#endif
