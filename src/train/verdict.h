/*
 * Verdicts of the self-check (selfcheck.h) that are kept, so that a device is checked once for each driver,
 * platform, program, net and choice of variants: the file $XDG_CACHE_HOME/clr-cl/checked/SHA-256 says what
 * was checked, and is named by the hash of that.
 */
#ifndef TRAIN_VERDICT_H
#define TRAIN_VERDICT_H

#include "base/str.h"
#include "train/session.h"

/* Append all that the verdict on a planned session depends on. */
int verdict_describe(struct str *out, const struct session *s, struct clr_error *err);

/* Is it kept that what *text describes is right? */
int verdict_is_known(bool *out, const struct str *text, struct clr_error *err);

/* Keep that. What cannot be kept is checked again the next time: that is no failure. */
void verdict_keep(const struct str *text);

#endif
