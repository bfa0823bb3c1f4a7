/*
 * Going on with a run to the bit: what of a session and its record goes into a checkpoint, and back.
 *
 * A run that goes on has the settings of its run.json, but for iterations, checkpoint_every and what is done
 * about a divergence. Where device,
 * driver, program and kernels are still the same, so are the variants of all kernels, and with them the bytes
 * of everything that the run leaves behind; where not, that is said, and the variants are looked up anew.
 */
#ifndef TRAIN_RESUME_H
#define TRAIN_RESUME_H

#include "train/record.h"

struct resume {
    bool found;                   /* a checkpoint, and with it a run.json */
    struct checkpoint checkpoint; /* without variants where they do not hold any more */
};

/*
 * Look for a run in r's folder, and take over what its run.json tells of its beginning. No run.json: nothing
 * was begun, found is false. CLR_EINPUT: a run.json that cannot be read.
 */
int resume_open(struct resume *out, struct record *r, const struct clr_train_options *o,
                struct clr_error *err);
void resume_clear(struct resume *resume);

/* CLR_EUSAGE, with the option's name, where a setting is not that of the run. After session_plan(). */
int resume_check(const struct record *r, const struct session *s, struct clr_error *err);

/* Bring session and record to where the checkpoint was made. After session_start(). */
int resume_apply(const struct resume *resume, struct session *s, struct record *r, struct clr_error *err);

/*
 * Back to the newest good checkpoint, or to one before it where that was of no use, and on with half the
 * rates. That is saved, so that a run that is taken up there goes the same way. CLR_EFAILED: there is none.
 */
int resume_back_off(struct session *s, struct record *r, struct clr_error *err);

/* Where the device was lost: add to *err how the run goes on, and from where. */
void resume_tell(const struct session *s, struct clr_error *err);

/*
 * Write a checkpoint. All losses have been read. None is written, which is no error here, where a weight is
 * not finite: the next loss tells, or who saves the weights.
 */
int resume_save(struct session *s, const struct record *r, struct clr_error *err);

#endif
