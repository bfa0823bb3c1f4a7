/*
 * Is a device right? A run computes one small batch of its own images with its own, fully built nets, and
 * compares losses and all gradients with the same in double precision (verify/refnet.h); the update likewise.
 *
 * That is done once for each device, driver, platform, program, net and choice of variants: the verdict is
 * kept in $XDG_CACHE_HOME/clr-cl/checked/SHA-256, a file that says what was checked. It changes nothing of a
 * run: gradients and losses are written anew by the first update.
 *
 * Where the device is wrong, or cannot run a kernel, every layer is verified by itself (verify/verify.h).
 * Variants that are wrong or do not run are said by name, a line for each algorithm, and recorded
 * (ocl/tunedb.h), so that nobody takes them again, and the run goes on with the next ones, also where there
 * is no place for records.
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

#endif
