/*
 * What clr_train() and clr_range_test() share: a session whose progress is recorded in a folder, and which
 * goes on from a checkpoint there.
 */
#ifndef TRAIN_RUN_H
#define TRAIN_RUN_H

#include "train/loop.h"
#include "train/resume.h"

struct run {
    struct session s;
    struct record r;
    struct resume resume; /* what was found in the folder */
};

/*
 * Check all that can be checked, with the run that is in the folder where it is resumed. *o must outlive *u.
 * On failure nothing is left to close. history: as in record_open().
 */
int run_open(struct run *u, const struct clr_train_options *o, const char *history, struct clr_error *err);

/* keep: the folder has results. */
void run_close(struct run *u, bool keep);

/* Start the session, go to where the checkpoint was made, and say in run.json that it is running. untrained:
 * measure the accuracy before the first update. */
int run_start(struct run *u, bool untrained, struct clr_error *err);

/* loop_run(), and what it recorded is written, after a failure too. */
int run_go(struct run *u, struct loop_result *l, struct clr_error *err);

/* Write how it ended, rc, into run.json; returns rc, or, where it is 0, what the writing returned. */
int run_end(struct run *u, int rc, const struct clr_train_result *result, struct clr_error *err);

#endif
