/**
 * Training step by step, for programs with a loop, a schedule or data of their own. clr_train()
 * (clr/train.h) makes the same updates and evaluations, and records a run in a folder, from which it can be
 * resumed.
 */
#ifndef CLR_TRAINER_H
#define CLR_TRAINER_H

#include <stdint.h>

#include <clr/error.h>
#include <clr/train.h>

/** A net on a device, with its weights, its optimizer and the place in the data. One thread at a time may
 * use it; several threads may use one each. */
struct clr_trainer;

/**
 * Create a trainer. The device is checked and kernels are compiled here, which may take minutes on a slow
 * device.
 *
 * @param out  new, owned by the caller (clr_trainer_destroy)
 * @param o    net, data and device must be given. *o is copied; what it points to is borrowed and must
 *             outlive the trainer. Not used: schedule, iterations, the options of a run's folder (out,
 *             resume, log_every, …), progress and begin
 * @return 0; CLR_EUSAGE: an option is missing or out of range; CLR_EINPUT: the net or o->init does not fit
 *         the data, or there is nothing to evaluate: no test images, and o->validation is 0; CLR_EDEVMEM: it
 *         does not fit on the device; CLR_EINTERRUPTED: *o->stop was set; CLR_EFAILED: the device computes
 *         this net wrong; CLR_ECL, CLR_ENOMEM
 */
CLR_API int clr_trainer_create(struct clr_trainer **out, const struct clr_train_options *o,
                               struct clr_error *err);

/** Free a trainer; NULL is allowed. */
CLR_API void clr_trainer_destroy(struct clr_trainer *t);

/**
 * One update by the next o->batch training images.
 *
 * @param lr        learning rate of this update: 0, or what as a float is finite and above 0
 * @param momentum  at least 0 and below 1; 0 for an optimizer that takes none
 * @param loss      mean loss of the batch, before the update; NULL: it is not waited for, which is faster
 * @return 0; CLR_EUSAGE; CLR_EDIVERGED: the loss of an update since the last one that was waited for is not
 *         finite; CLR_ECL, CLR_ENOMEM
 */
CLR_API int clr_trainer_step(struct clr_trainer *t, double lr, double momentum, double *loss,
                             struct clr_error *err);

/**
 * Mean loss and accuracy (a fraction) on the data's test images, or on those held out by o->validation.
 *
 * @return 0; CLR_EDIVERGED: the loss is not finite; CLR_EINTERRUPTED: *o->stop; CLR_ECL, CLR_ENOMEM
 */
CLR_API int clr_trainer_evaluate(struct clr_trainer *t, double *loss, double *accuracy,
                                 struct clr_error *err);

/**
 * The probability of each class, by a softmax over the net's outputs.
 *
 * @param pixels         (count,C,H,W), 0…255, of the data's shape; the mean is subtracted here
 * @param probabilities  out, (count, classes of the data); after a failure in part
 * @return 0; CLR_EUSAGE: count is negative; CLR_EDIVERGED: an output is not finite; CLR_ECL, CLR_ENOMEM
 */
CLR_API int clr_trainer_predict(struct clr_trainer *t, const uint8_t *pixels, int count, float *probabilities,
                                struct clr_error *err);

/**
 * Write the weights as safetensors, atomically, with net, scale and mean as metadata.
 *
 * @return 0; CLR_EDIVERGED: a weight is not finite, no file is written; CLR_EFAILED: it cannot be written;
 *         CLR_ECL, CLR_ENOMEM
 */
CLR_API int clr_trainer_save(struct clr_trainer *t, const char *path, struct clr_error *err);

#endif
