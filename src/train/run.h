/*
 * What clr_train() and clr_range_test() share: a session whose progress is recorded in a folder, and which
 * may be resumed from a checkpoint there.
 */
#ifndef TRAIN_RUN_H
#define TRAIN_RUN_H

#include "train/loop.h"
#include "train/resume.h"

struct recorded_run {
    struct session s;
    struct record r;
    struct resume resume; /* what was found in the folder */
};

/*
 * Check everything that can be checked, and read the run in the folder if it is resumed. *o must outlive
 * *u. After a failure, run_close() is not needed. history: as in record_open().
 */
int run_open(struct recorded_run *u, const struct clr_train_options *o, const char *history,
             struct clr_error *err);

/* keep: the folder has results and is not removed. */
void run_close(struct recorded_run *u, bool keep);

/* Start the session, set it to the checkpoint's state, and write run.json with the status "running".
 * untrained: measure the accuracy before the first update, or the loss where there is none. */
int run_start(struct recorded_run *u, bool untrained, struct clr_error *err);

/* loop_run(); then write what it recorded, after a failure too. */
int run_go(struct recorded_run *u, struct loop_result *l, struct clr_error *err);

/* Write the status of a run that ended with rc into run.json. Returns rc, or, if that is 0, what the writing
 * returned. */
int run_end(struct recorded_run *u, int rc, const struct clr_train_result *result, struct clr_error *err);

#endif
