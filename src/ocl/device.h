/* What is computed from a device's properties: for clr_device_list(), and for who adapts to a device. */
#ifndef OCL_DEVICE_H
#define OCL_DEVICE_H

#include <signal.h>

#include <clr/device.h>

#include "base/banned.h"

/*
 * How many passes all loops of a work-item may make together; INT_MAX: there is no limit. Mesa's llvmpipe
 * ends every loop, without an error, after 65,535 of them: docs/numerics.md.
 */
int device_loop_limit(const struct clr_device *d);

/* Is a platform of that name PoCL? */
bool device_is_pocl(const char *platform);

/*
 * Does this driver compile every kernel once more when it is asked for a program's binary? PoCL adds code
 * for work-groups of any size (pocl_driver_build_poclbinary() in lib/CL/devices/common_driver.c of PoCL 3.1).
 * Its own cache already holds the code that was launched.
 */
bool device_binaries_are_slow(const struct clr_device *d);

/*
 * Block SIGINT and SIGTERM in this thread, until the caller restores *before. Threads and processes that a
 * driver starts meanwhile keep them blocked: Ctrl-C would end PoCL's linker, and PoCL then aborts the
 * program.
 */
void device_block_signals(sigset_t *before);

/* class × 1e9 + compute units × MHz (see clr_device_select()); 0 where the device is not usable. */
double device_score(const struct clr_device *d);

/* Does "OpenCL C 1.2 …" or "OpenCL 3.0 …" (after `prefix`) mean at least 1.2? */
bool device_version_ok(const char *version, const char *prefix);

#endif
