/* A schedule as JSON: its part of run.json. Only this file writes and reads it. */
#ifndef SCHED_STORED_H
#define SCHED_STORED_H

#include <clr/schedule.h>

#include "base/json.h"

/* New reference: all of it but `iterations`, which is a setting of the run. NULL: out of memory. */
json_t *schedule_to_json(const struct clr_schedule *s);

/*
 * The schedule that schedule_to_json() wrote. What is missing or null stays as clr_schedule_init() sets it.
 *
 * @param iterations  of the run: poly and 1cycle depend on it; 0: not known
 * @return false, *out untouched: no object, an unknown policy, or clr_schedule_check() refuses it
 */
bool schedule_from_json(struct clr_schedule *out, const json_t *json, uint64_t iterations);

#endif
