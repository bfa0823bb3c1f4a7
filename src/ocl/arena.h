/*
 * An arena: everything a net needs on the device, planned as a whole before a byte of it is allocated. Each
 * request is a size and a lifetime (first … last step that uses it, inclusive); requests whose lifetimes do
 * not overlap may share memory. The plan is one or more slabs, none larger than the device's largest buffer,
 * offsets aligned for sub-buffers. Slabs are zero-filled once, when they are made.
 */
#ifndef OCL_ARENA_H
#define OCL_ARENA_H

#include <limits.h>

#include "ocl/ocl.h"

#define ARENA_ALWAYS INT_MAX /* last step of what is never shared */

struct arena; /* opaque */

int arena_create(struct arena **out, const struct clr_device *device, struct clr_error *err);
void arena_destroy(struct arena *a);

/* Request memory; *id is its number. what: static, for messages. CLR_EDEVMEM: larger than any buffer.
 */
int arena_request(struct arena *a, int *id, size_t size_bytes, int first, int last, const char *what,
                  struct clr_error *err);

/* Lay the requests out (largest first, lowest free place). After it, arena_bytes() is what will be allocated.
 */
int arena_plan(struct arena *a, struct clr_error *err);
size_t arena_bytes(const struct arena *a);

/* Allocate the slabs; then arena_part() gives the memory of a request (owned by the arena). */
int arena_allocate(struct arena *a, struct ocl_context *ctx, struct clr_error *err);
cl_mem arena_part(const struct arena *a, int id);

#endif
