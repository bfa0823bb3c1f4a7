/* The range test that comes after one whose bounds are missing or uncertain. Pure arithmetic. */
#ifndef CLI_RANGE_NEXT_H
#define CLI_RANGE_NEXT_H

#include <clr/range.h>

#define RANGE_NEXT_RATES  1e6 /* the highest that --max-lr takes */
#define RANGE_NEXT_POINTS 40  /* evaluations of a test, unless the user says how often */

/* What a test is asked for. */
struct range_sweep {
    double min_lr, max_lr;
    bool log;
    uint64_t iterations;
    uint64_t
        validate_every; /* 0: of a test that was, at the first and the last only; of the next, not given */
    int validation;     /* images held out; negative: not given */
    int seeds;
};

struct range_next {
    struct range_sweep sweep;
    const char *suffix; /* of its folder */
    const char *advice; /* the same as a sentence */
};

/*
 * done: the test that r was read from. images: of the data set, for training. epoch: its iterations.
 * false: there is none to propose, for nothing speaks against the bounds, or the images are too few.
 *
 * A test that ended with a loss that was not finite is followed by one that ends there, and one whose upper
 * bound is far below its last rate by one that ends a power of ten above that bound's interval. Where then
 * fewer than five of 40 evaluations of a linear sweep would come up to the bound, the next sweep is
 * logarithmic. It has twice CLR_RANGE_UPDATES below the bound, or more.
 */
bool range_next_find(struct range_next *n, const struct range_sweep *done, const struct clr_range_result *r,
                     int images, uint64_t epoch);

#endif
