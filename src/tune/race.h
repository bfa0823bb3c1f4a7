/*
 * Variants of one pass of an operator against each other, on the same memory: warmed up, calibrated, then
 * timed in turns, so that whatever slows the machine for a while hits all of them.
 */
#ifndef TUNE_RACE_H
#define TUNE_RACE_H

#include "tune/items.h"

enum { RACE_ROUNDS = 7 };

struct racer {
    struct op_variant variant;
    char text[TUNEDB_VARIANT];
    char effective[96];     /* op_variant(): with the numbers that it took */
    bool out;               /* too slow to be timed in every round */
    double ms[RACE_ROUNDS]; /* of one run */
    double median;          /* of them; of a racer that is out, its only one */
    /* the race's own */
    struct op *op;
    struct op_io io;
    int repeats;
};

/*
 * Time the racers. The first one is never out.
 *
 * @param announce  called before each racer runs for the first time, and before each timing
 * @param failed  out, where the call fails: the racer that did it, −1: none in particular
 */
int race_run(struct ocl_context *ctx, const struct tune_item *item, struct racer *racers, int count,
             void (*announce)(void *user, const struct racer *r), void *user, int *failed,
             struct clr_error *err);

/* What a race found of a racer against the first one. */
struct race_result {
    double own_ms, ms; /* medians: of the first racer, and of this one */
    double ratio;      /* median of its times over those of the first one, round by round */
    double noise;      /* half the range of the middle ratios; of the first racer, against its own median */
};
struct race_result race_result(const struct racer *first, const struct racer *r);

/* Another race of the two gave own_ms and ms: the smaller gain of both counts, and the noise is at least the
 * difference of their ratios. What disturbs the machine may slow one racer more than the other, in every
 * round of one race. */
void race_join(struct race_result *result, double own_ms, double ms);

/* The racer to choose: the one with the smallest median of those that beat the first one by more than the
 * noise and 1 %, in their ratio and also each at its best, else the first one, 0. */
int race_winner(const struct racer *racers, int count);

#endif
