/*
 * Verdicts of the self-check (selfcheck.h) are saved, so that a device is checked once for each driver, platform,
 * program, net and choice of variants: the file $XDG_CACHE_HOME/clr-cl/checked/SHA-256 describes what was checked, and
 * its name is the hash of its text.
 */
#ifndef TRAIN_VERDICT_H
#define TRAIN_VERDICT_H

#include "base/str.h"
#include "train/session.h"

/* Append everything that the verdict on a planned session depends on. */
int verdict_describe(struct str *out, const struct session *s, struct clr_error *err);

/* Has it been saved that *text was found correct? */
int verdict_is_known(bool *out, const struct str *text, struct clr_error *err);

/* Save that. If it cannot be saved, the next run checks again: that is no error. */
void verdict_keep(const struct str *text);

#endif
