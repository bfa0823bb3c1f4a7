/**
 * Errors: one convention for the whole library.
 *
 * A function that can fail returns 0 or one of the negative codes below, and its last parameter is a
 * `struct clr_error *` that may be NULL. The error is written once, where it happened; callers only put
 * context in front of it. Out-parameters stay untouched on failure.
 */
#ifndef CLR_ERROR_H
#define CLR_ERROR_H

#include <stdint.h>

/* CLR_API marks a public function: visible, and with C linkage in C++ programs too. */
#if defined(__cplusplus)
#define CLR_LINKAGE extern "C"
#else
#define CLR_LINKAGE
#endif
#if defined(__GNUC__)
#define CLR_API               CLR_LINKAGE __attribute__((visibility("default")))
#define CLR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define CLR_API CLR_LINKAGE
#define CLR_PRINTF(fmt, args)
#endif

enum clr_code {
    CLR_OK = 0,
    CLR_EUSAGE = -1,       /**< the caller asked for something that makes no sense (command line: exit 2) */
    CLR_EFAILED = -2,      /**< the system said no: cannot write, cannot lock (exit 1) */
    CLR_ENOMEM = -3,       /**< out of host memory, or a size that overflows (exit 1) */
    CLR_EINPUT = -4,       /**< an input file is missing, damaged or does not fit (exit 4) */
    CLR_ENODEVICE = -5,    /**< no usable OpenCL device, or none that matches (exit 3) */
    CLR_ECL = -6,          /**< an OpenCL call failed; cl_status tells which way (exit 1) */
    CLR_EDEVMEM = -7,      /**< the work does not fit into the device's memory (exit 6) */
    CLR_EDIVERGED = -8,    /**< a loss or weight is not finite (exit 5) */
    CLR_EINTERRUPTED = -9, /**< stopped on request, what there was is saved (exit 130) */
};

struct clr_error {
    int code;          /**< enum clr_code */
    int32_t cl_status; /**< the cl_int behind CLR_ECL, else 0 */
    /** One or more sentences: what, where, what to do; no newline at the end. Fields of the structs that the
     * caller fills are between backquotes, as in "`max_lr` is 0". It may quote from files: control characters
     * but line ends and tabs are '?' in it. */
    char message[1024];
};

/**
 * Set an error (printf-like). A message that does not fit is cut.
 *
 * @param err   may be NULL
 * @param code  enum clr_code
 * @return code, so that `return clr_error_set(…)` reads well
 */
CLR_API int clr_error_set(struct clr_error *err, int code, const char *format, ...) CLR_PRINTF(3, 4);

/**
 * Put context in front of an error that is already set: "context: message".
 *
 * @param err  may be NULL
 * @return err's code; CLR_EFAILED if err is NULL
 */
CLR_API int clr_error_prefix(struct clr_error *err, const char *format, ...) CLR_PRINTF(2, 3);

#endif
