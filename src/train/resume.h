/*
 * Resuming a run: a session and its record are saved in a checkpoint, and restored from it.
 *
 * A resumed run has the settings of its run.json, except for iterations, checkpoint_every and what happens
 * after a divergence. If device, driver, program and kernels are the same as before, so are the variants of
 * all kernels, and the results are the same to the bit. If not, a warning is logged, and variants are
 * chosen anew.
 */
#ifndef TRAIN_RESUME_H
#define TRAIN_RESUME_H

#include "train/record.h"

struct resume {
    bool found;                   /* there is a run.json and a checkpoint */
    struct checkpoint checkpoint; /* without variants where they are no longer valid */
};

/*
 * Look for a run in r's folder, and read its run.json into *r. Without one, out->found is false.
 *
 * @return 0; CLR_EINPUT: run.json or a checkpoint cannot be read; CLR_EUSAGE: the images or the net are
 *         others, or the run has more iterations already; CLR_EFAILED, CLR_ENOMEM
 */
int resume_open(struct resume *out, struct record *r, const struct clr_train_options *o,
                struct clr_error *err);
void resume_clear(struct resume *resume);

/* CLR_EUSAGE, with the option's name, where a setting is not that of the run. After session_plan(). */
int resume_check(const struct record *r, const struct session *s, struct clr_error *err);

/* Set session and record to what they were when the checkpoint was written. After session_start(). */
int resume_apply(const struct resume *resume, struct session *s, struct record *r, struct clr_error *err);

/*
 * Go back to the newest good checkpoint, or, if the run diverged again from there, to the one before it.
 * Halve the rates, and save that, so that a run that is resumed there has the same rates. CLR_EFAILED:
 * there is no good checkpoint.
 */
int resume_back_off(struct session *s, struct record *r, struct clr_error *err);

/* If the device was lost or the run diverged: add to *err how the run can be resumed, and from where. */
void resume_advise(const struct session *s, struct clr_error *err);

/*
 * Write a checkpoint. All losses must have been read. If a weight is not finite, nothing is written, and
 * that is no error here: the next loss, or saving the weights, will show it.
 */
int resume_save(struct session *s, const struct record *r, struct clr_error *err);

#endif
