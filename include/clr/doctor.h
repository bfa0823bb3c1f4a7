/**
 * Does this device compute correctly?
 */
#ifndef CLR_DOCTOR_H
#define CLR_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

#include <clr/device.h>
#include <clr/error.h>

/** What the doctor finds of a kernel variant. */
enum clr_doctor_verdict {
    CLR_DOCTOR_CORRECT,
    CLR_DOCTOR_WRONG,  /**< it computes something else than its reference */
    CLR_DOCTOR_FAILED, /**< it does not run there: it cannot be compiled or launched */
};

/** "OK", "WRONG", "FAILED": static storage. */
CLR_API const char *clr_doctor_verdict_name(enum clr_doctor_verdict verdict);

struct clr_doctor_summary {
    int checked, wrong, failed; /**< variants; the short training is one of those that are checked */
    bool trains;                /**< `quick` is trained correctly there, without the variants that are not */
};

/** Functions that the doctor calls. */
struct clr_doctor_listener {
    size_t size; /**< of this struct: that of another version of the library is refused */
    /** Before each variant, which may have to be compiled: its name, how many are done. May be NULL. */
    void (*begins)(void *user, const char *name, int done, int all);
    /** After it: the verdict, the largest normalised mean square error (NaN: none could be measured),
     * and what is wrong (NULL where it is correct). */
    void (*report)(void *user, const char *name, enum clr_doctor_verdict verdict, double worst_nmse,
                   const char *detail);
    void *user;
    /** Not 0: end before the next variant. May be NULL. */
    const volatile int *stop;
};

/**
 * Run every kernel variant on the device, with the channel block that a net would use there, and compare it
 * with its reference; then a short training, as clr_train() would do it: what is wrong is replaced.
 *
 * @param summary  out
 * @return 0 also where some are wrong; CLR_EINTERRUPTED: listener->stop; CLR_ECL where the check itself
 *         failed; CLR_EDEVMEM, CLR_ENOMEM: out of memory, which is no fault of a variant and ends the check
 */
CLR_API int clr_doctor(const struct clr_device *device, const struct clr_doctor_listener *listener,
                       struct clr_doctor_summary *summary, struct clr_error *err);

#endif
