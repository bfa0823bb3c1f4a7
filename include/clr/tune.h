/**
 * Finding the fastest variant of every operator of a net on a device.
 *
 * A variant that is tried may end the process (a compiler that crashes) or never end (a device that hangs).
 * So the measuring, clr_tune_work(), runs in a process of its own that clr_tune() starts, watches and starts
 * again: what was found before is in the user's tuning record by then, and so is what went wrong.
 */
#ifndef CLR_TUNE_H
#define CLR_TUNE_H

#include <stdbool.h>
#include <stddef.h>

#include <clr/device.h>
#include <clr/error.h>
#include <clr/net.h>

struct clr_tune_options {
    size_t size; /**< of this struct: that of another version of the library is refused */
    const struct clr_net_spec *net;
    struct clr_image_shape input; /**< of one image */
    int batch;                    /**< of training; evaluation uses batches of 100 */
    const struct clr_device *device;
    int first; /**< number of the operator's pass to begin with: 0, or where an earlier process ended */
};

/**
 * Measure in this process: every distinct operator and pass of the net, each of its variants verified against
 * the reference on the shape that it will be used for, then timed in turns with the others. The fastest goes
 * into the tuning record at once, if it beats the operator's own choice by more than the noise. At the end
 * each of these is timed against the own choice once more: the smaller gain of both counts.
 *
 * @param line  gets what happens, a JSON object each time without a newline: the lines that clr_tune() reads.
 *              It is called before everything that may crash or hang, so pass it on unbuffered
 * @param user  passed to line
 * @return 0; CLR_EUSAGE, CLR_EINPUT, CLR_ECL, CLR_EDEVMEM, CLR_ENOMEM; CLR_EFAILED: the record cannot be
 *         written
 */
CLR_API int clr_tune_work(const struct clr_tune_options *options, void (*line)(void *user, const char *text),
                          void *user, struct clr_error *err);

/** The line for an error that ends the worker, also one before clr_tune_work(): clr_tune() returns it. */
CLR_API void clr_tune_fail(const struct clr_error *why, void (*line)(void *user, const char *text),
                           void *user);

enum clr_tune_happening {
    CLR_TUNE_BEGINS, /**< the device is known: device, driver, platform, record, items, variants */
    CLR_TUNE_ITEM,   /**< a pass of an operator: item, layer, operation, shape, uses, item_variants */
    CLR_TUNE_TRIES,  /**< a variant of it is verified or timed: variant */
    CLR_TUNE_RIGHT,  /**< that variant is correct; the next one is prepared */
    CLR_TUNE_FAILED, /**< it must not be used: variant, why, detail */
    CLR_TUNE_RESULT, /**< the pass is done: all members. Again, with item = items, where it is timed once more
                        at the end: operation and shape name the pass, own and tried are not known */
    CLR_TUNE_ENDS,   /**< all passes are done */
    CLR_TUNE_ERROR,  /**< the measurement ends with an error, which clr_tune() returns: code, detail */
};

/** What clr_tune() reports. What is not known yet is "" or 0. */
struct clr_tune_event {
    enum clr_tune_happening what;
    char device[128], driver[128], platform[128], platform_version[128];
    char record[1024]; /**< the file that the results go into */
    int item, items;   /**< counted from 0 */
    int variants;      /**< to be tried in all of them; those known to fail are not */
    int item_variants; /**< in this one */
    char layer[128], operation[160], shape[160];
    int uses;         /**< how often a training step does that; 0: evaluation alone */
    char variant[64]; /**< tried; of a result, the fastest */
    char why[16];     /**< "crashed", "hung", "wrong", "failed" */
    char detail[1024];
    char own[128];       /**< of a result: what the operator chooses by itself, with the numbers it takes */
    double own_ms;       /**< 0: that one failed */
    double ms;           /**< of variant; own_ms where nothing was faster */
    double noise;        /**< spread of the measurements, as a fraction; not less than two races differ by */
    bool faster;         /**< variant beats the operator's own choice by more than the noise */
    int tried, failures; /**< variants */
    int code;            /**< of the error */
};

/**
 * Have a worker measure, and start it again after each variant that ends or stops it.
 *
 * @param worker      command line of a process that calls clr_tune_work() and writes each line, with a
 *                    newline and at once, to its standard output; NULL-terminated. The number for
 *                    clr_tune_options.first is appended as the last argument
 * @param patience_s  seconds without a line after which a variant counts as hung, and the worker is killed;
 *                    eight times as many while the worker uses the processor, as a compiler does, where the
 *                    system has /proc
 * @param stop        not 0: end at once, also within a variant; may be NULL
 * @param report        called for everything that happens
 * @param user        passed to report
 * @return 0; the worker's error; CLR_EINTERRUPTED: *stop, what was reported as a result is in the record;
 *         CLR_EFAILED: it cannot be started, or ends before it has tried anything
 */
CLR_API int clr_tune(const char *const *worker, int patience_s, const volatile int *stop,
                     void (*report)(void *user, const struct clr_tune_event *event), void *user,
                     struct clr_error *err);

#endif
