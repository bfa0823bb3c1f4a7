/**
 * Errors: one convention for the whole library.
 *
 * A function that can fail returns 0 or one of the negative codes below, and its last parameter is a
 * `struct clr_error *`, which may be NULL. The caller owns the struct; it need not be initialised, and is
 * valid after a failure only. Out-parameters stay untouched on failure, except where a function's comment
 * says otherwise. CLR_ENOMEM and CLR_EFAILED may come from every function that allocates or writes, also
 * where its comment does not list them.
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
    CLR_EUSAGE = -1,       /**< an argument or option is invalid (command line: exit 2) */
    CLR_EFAILED = -2,      /**< the system refused: cannot write, cannot lock (exit 1) */
    CLR_ENOMEM = -3,       /**< out of host memory, or a size that overflows (exit 1) */
    CLR_EINPUT = -4,       /**< an input file is missing, damaged or does not fit (exit 4) */
    CLR_ENODEVICE = -5,    /**< no usable OpenCL device, or none that matches (exit 3) */
    CLR_ECL = -6,          /**< an OpenCL call failed; cl_status is what it returned (exit 1) */
    CLR_EDEVMEM = -7,      /**< the work does not fit into the device's memory (exit 6) */
    CLR_EDIVERGED = -8,    /**< a loss or weight is not finite (exit 5) */
    CLR_EINTERRUPTED = -9, /**< stopped on request; results so far are saved (exit 130) */
};

struct clr_error {
    int code;          /**< enum clr_code */
    int32_t cl_status; /**< with CLR_ECL: the cl_int of the call; else 0 */
    /** One or more sentences: what, where, what to do; no newline at the end. Fields of structs that the
     * caller fills are between backquotes, as in "`max_lr` is 0". Quotes from files have '?' for control
     * characters other than line ends and tabs. */
    char message[4096];
};

/**
 * Set an error (printf-like). A message that does not fit is cut.
 *
 * @param err   may be NULL
 * @param code  enum clr_code
 * @return code, so that a function can `return clr_error_set(…)`
 */
CLR_API int clr_error_set(struct clr_error *err, int code, const char *format, ...) CLR_PRINTF(3, 4);

/**
 * Add context before the message of an error that is set: "context: message".
 *
 * @param err  may be NULL
 */
CLR_API void clr_error_prefix(struct clr_error *err, const char *format, ...) CLR_PRINTF(2, 3);

#endif
