/*
 * Verification of what was timed: the operators of a session's net against their references.
 */
#ifndef BENCH_CHECKS_H
#define BENCH_CHECKS_H

#include <clr/bench.h>

#include "train/session.h"

/*
 * Fill out->checks and out->wrong: each operator of the training net in its own geometry and with the batch
 * it was planned for, on a few images; the making of batches and the update. An operator that chooses another
 * variant here than in the net counts as wrong: then what was timed was not verified.
 */
int checks_run(struct clr_bench_report *out, const struct session *s, struct ocl_context *ctx,
               const struct clr_bench_options *o, struct clr_error *err);

#endif
