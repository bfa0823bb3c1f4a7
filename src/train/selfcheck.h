/*
 * Is a device right? A run computes one small batch of its own images with its own, fully built nets, and
 * compares losses and all gradients with the same in double precision (verify/refnet.h); the update likewise.
 *
 * That is done once for each device, driver, platform, program, net and choice of variants (verdict.h). It
 * changes nothing of a run: gradients and losses are written anew by the first update. Where the device is
 * wrong, or cannot run a kernel, the variants that are to blame are refused (refusals.h), and the run goes on
 * with the next ones, also where there is no place for records.
 */
#ifndef TRAIN_SELFCHECK_H
#define TRAIN_SELFCHECK_H

#include "train/session.h"

/*
 * session_start(), and the check; where a variant is refused the session is cleared, planned anew, and
 * started.
 *
 * @param from  as in session_plan()
 * @return 0; CLR_EFAILED: a layer is wrong and there is no other way to do it, or the net is and no layer by
 *         itself, or the update is; else what session_plan() and session_start() return
 */
int selfcheck_start(struct session *s, const struct checkpoint *from, struct clr_error *err);

/* The NMSE of an output beyond which its pass is wrong. */
#define SELFCHECK_NMSE 1e-6

/* CLR_EINTERRUPTED where *s->o->stop asks for the end. */
int selfcheck_stopped(const struct session *s, struct clr_error *err);

/* How many images of a batch are computed, where `usual` are enough: all of them where a driver that ends
 * loops may be wrong with many alone. */
int selfcheck_images(const struct session *s, int batch, int usual);

#endif
