/* Time: see clock.h. */
#include "base/clock.h"

#include <stdatomic.h>
#include <time.h>

uint64_t clock_ns(void)
{
    static _Atomic uint64_t latest;
    uint64_t before = atomic_load(&latest), now;
    struct timespec t = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    now = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
    while (now > before && !atomic_compare_exchange_weak(&latest, &before, now))
        ;
    return now > before ? now : before;
}

void clock_utc(char *out, size_t size)
{
    time_t now = time(NULL);
    struct tm tm;

    if (!gmtime_r(&now, &tm) || strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        out[0] = '\0';
}
