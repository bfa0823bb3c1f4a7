/*
 * What all test programs share: running a check suite with one closing line that tools/test sums up, skipping
 * with a reason, test data, comparisons in which NaN fails.
 */
#ifndef SUPPORT_SUPPORT_H
#define SUPPORT_SUPPORT_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>

#include <clr/device.h>

/*
 * Run the suite, print check's report and then "N passed, N failed, N skipped" on a line of its own.
 * fork: each case in a process of its own (not for OpenCL, whose drivers do not survive a fork).
 * Returns the exit status of the program.
 */
int support_run(Suite *suite, bool fork);

/* This case cannot run here: print the reason, count it as skipped. Return from the case after this call. */
void support_skip(const char *reason);

/* Folder with large test data (CLR_TEST_DATA), or NULL: skip. */
const char *support_data(void);

/* Normalised mean square error Σ(a−b)²/Σb² of n values; infinite where anything is not finite. A reference
 * of zeros compares absolutely. */
double support_nmse(const float *a, const double *b, size_t n);

/* The device to test on: CLR_TEST_DEVICE, as --device takes it, else the best. false: none, which is printed
 * as a failure. */
bool support_device(struct clr_device *out);

/* Should tests use few kernels? llvmpipe's compiler takes up to minutes for one. It gets channel blocks of 4,
 * its own choice, in the plainest arrangements. With CLR_TEST_LONG: never. */
bool support_spares_kernels(const struct clr_device *device);

/* A fresh empty folder under $TMPDIR or /tmp that is removed at exit; static storage, one per call. */
const char *support_temp_dir(void);

#endif
