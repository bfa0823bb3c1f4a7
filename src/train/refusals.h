/*
 * Which layers does a device compute wrong, and with which variants? Every layer is verified by itself
 * (verify/verify.h). Variants that are wrong or do not run go into the tuning records (ocl/tunedb.h), so that they
 * are not chosen again. The log names them, one line for each algorithm.
 */
#ifndef TRAIN_REFUSALS_H
#define TRAIN_REFUSALS_H

#include "train/session.h"

/* A variant of a pass that is not used again. */
struct refused {
    struct tunedb_key key;
    char variant[TUNEDB_VARIANT];
    char layer[96]; /* the first one that has it */
    const char *pass;
    bool failed;
    char why[400];
};

/* What was found in all layers, round after round. */
struct refusals {
    bool kept;       /* the variants are a checkpoint's, not the records' */
    bool unrecorded; /* one could not be recorded, which was logged */
    int first;       /* of this round */
    int count;       /* equal layers, in one phase or in two, count once */
    size_t capacity;
    struct refused *refused;
};

/*
 * Check all layers of a started session.
 *
 * @param count  out, how many layers may have another variant when the session is planned anew
 * @return 0; CLR_EFAILED: a layer has no other variant; CLR_EINTERRUPTED, CLR_ECL, CLR_ENOMEM
 */
int refusals_find(int *count, struct refusals *to, struct session *s, struct clr_error *err);

/* May another variant run where this error occurred? Not if memory is short or the device is lost. */
bool refusals_may_help(const struct clr_error *why);

/* Log what was refused: one line for each algorithm, since one for each layer, pass and tile would be dozens. */
void refusals_log(const struct session *s, const struct refusals *r);
void refusals_clear(struct refusals *r);

#endif
