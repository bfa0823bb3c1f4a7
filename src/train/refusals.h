/*
 * Which layers does a device compute wrong, and with which variants? Every layer is verified by itself
 * (verify/verify.h). Variants that are wrong or do not run go into the tuning records (ocl/tunedb.h), so that
 * nobody takes them again. They are told by name, one line for each algorithm.
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

/* What the looks at all layers have found, round after round. */
struct refusals {
    bool kept;       /* the variants are a checkpoint's, whatever the records say */
    bool unrecorded; /* some of them: that is said once */
    int first;       /* of this round */
    int count;       /* layers that are alike, in one phase or in two, are one */
    size_t capacity;
    struct refused *refused;
};

/*
 * Look at all layers of a started session.
 *
 * @param count  becomes how many layers may be done in another way once the session is planned anew
 * @return 0; CLR_EFAILED: there is no other way to do a layer; CLR_ECL, CLR_ENOMEM
 */
int refusals_find(int *count, struct refusals *to, struct session *s, struct clr_error *err);

/* May another variant do what failed so? Not where memory is short or the device is gone. */
bool refusals_may_mend(const struct clr_error *why);

/* Say in the log what was refused: one line for each algorithm, since one for each layer, pass and tile would
 * be dozens. */
void refusals_tell(const struct session *s, const struct refusals *r);
void refusals_clear(struct refusals *r);

#endif
