/*
 * The loop that train and range-test share: update, read losses, evaluate, record, report progress.
 */
#ifndef TRAIN_LOOP_H
#define TRAIN_LOOP_H

#include "train/record.h"

struct loop_result {
    struct clr_train_result run; /* without a profile */
    bool diverged, interrupted;
    bool in_evaluation; /* the loss that is not finite is that of the evaluation after run.diverged_at */
    double diverged_lr;
};

/*
 * Run o->iterations updates with the rates of o->schedule. A loss that is not finite ends the loop, and so does
 * *o->stop, which is read after every update and within evaluations. Neither is an error here, *result says so;
 * nothing is recorded from the iteration on that diverged. *result is filled on failure, too.
 */
int loop_run(struct session *s, struct record *r, struct loop_result *result, struct clr_error *err);

#endif
