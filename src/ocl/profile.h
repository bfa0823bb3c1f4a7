/*
 * Event timing per label. Events are read and released in batches while the program runs, so that a long run
 * holds a bounded number of them.
 */
#ifndef OCL_PROFILE_H
#define OCL_PROFILE_H

#include "ocl/ocl.h"

/* From the end of `begin` (NULL: from the start of `end`) to the end of `end`. */
struct profile_pending {
    cl_event begin, end;
    size_t row;
};

struct profile {
    struct profile_row *rows;
    size_t row_count, row_capacity;
    struct profile_pending *pending; /* in the queue's order */
    size_t pending_count, pending_capacity;
};

/* Takes the events, also on failure. */
int profile_add(struct ocl_context *ctx, const char *label, cl_event begin, cl_event end,
                struct clr_error *err);
/* Releases events and memory; the profile is empty after. */
void profile_clear(struct profile *p);

#endif
