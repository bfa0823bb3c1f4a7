/* A short training against the reference: the doctor's last case. */
#ifndef DOCTOR_TRAINING_H
#define DOCTOR_TRAINING_H

#include <clr/device.h>
#include <clr/error.h>

#define DOCTOR_UPDATES 3

struct doctor_training {
    double worst_nmse; /* of what a parameter was moved by, against the same in double precision */
    char worst[96];    /* which parameter that is */
};

/*
 * Train `quick` for DOCTOR_UPDATES updates of a few random images, as `clr-cl train` does, which replaces
 * what is wrong first, and the reference net (verify/refnet.h) beside it. Gradients of later updates depend
 * on all that came before.
 */
int doctor_train(struct doctor_training *out, const struct clr_device *device, struct clr_error *err);

#endif
