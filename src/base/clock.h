/* Time: monotonic for durations, wall-clock for records. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "base/banned.h"

/* Nanoseconds on a clock that never goes back, not even where the system's does; its differences count. */
uint64_t clock_ns(void);

/* "2026-11-23T21:10:47Z" into out. */
void clock_utc(char *out, size_t size);

#endif
