/*
 * The self-check: does a device compute this net correctly? A run computes one small batch of its own images with
 * its own nets, and compares losses and all gradients with the same in double precision (verify/refnet.h), and the
 * update likewise.
 *
 * This is done once for each device, driver, platform, program, net and choice of variants (verdict.h). It does not
 * change the run: the first update overwrites gradients and losses. If a result is wrong, or a kernel cannot run,
 * the variants at fault are refused (refusals.h), and the run continues with the next ones, also where there is no
 * folder for records.
 */
#ifndef TRAIN_SELFCHECK_H
#define TRAIN_SELFCHECK_H

#include "train/session.h"

/*
 * session_start(), and the check; where a variant is refused the session is cleared, planned anew, and
 * started.
 *
 * @param from  as in session_plan()
 * @return 0; CLR_EFAILED: a layer is wrong with every variant, or the net is and no layer by itself, or the update
 *         is; else what session_plan() and session_start() return
 */
int selfcheck_start(struct session *s, const struct checkpoint *from, struct clr_error *err);

/* A pass is wrong if the NMSE of an output is larger. */
#define SELFCHECK_NMSE 1e-6

/* CLR_EINTERRUPTED if *s->o->stop is set. */
int selfcheck_stopped(const struct session *s, struct clr_error *err);

/* How many images of a batch are checked: `usual`, or all of them on a device that cuts long loops short, since its
 * results may be wrong with many images only. */
int selfcheck_images(const struct session *s, int batch, int usual);

#endif
