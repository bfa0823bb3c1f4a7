/*
 * The loop that train and range-test share: update, read losses, evaluate, record, tell the progress.
 */
#ifndef TRAIN_LOOP_H
#define TRAIN_LOOP_H

#include "train/record.h"

struct loop_result {
    uint64_t iterations;      /* done and read back, all losses finite */
    double val_loss, val_acc; /* last evaluation; NaN: none */
    double best_acc;
    uint64_t best_iteration;
    bool diverged, interrupted;
    bool in_evaluation;   /* not the batch's loss was not finite but the evaluation's after it */
    uint64_t diverged_at; /* iteration of the first loss that is not finite */
    double diverged_lr;
    double seconds;
};

/*
 * Run o->iterations updates with the rates of o->schedule. A loss that is not finite ends the loop, which is
 * no error here: *result says so, and nothing after that iteration is recorded. Neither is *o->stop, which is
 * looked at after every update and within evaluations. *result holds how far it went on failure too.
 */
int loop_run(struct session *s, struct record *r, struct loop_result *result, struct clr_error *err);

#endif
