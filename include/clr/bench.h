/**
 * Is this device right?
 */
#ifndef CLR_BENCH_H
#define CLR_BENCH_H

#include <stdbool.h>

#include <clr/device.h>
#include <clr/error.h>

/**
 * Run every kernel variant on the device, with the channel block that a net would use there, and compare it
 * with its oracle.
 *
 * @param report    called once per variant: its name, whether it is right, the largest normalised mean square
 *                  error (NaN: none could be measured), and what is wrong (NULL where it is right)
 * @param user      handed to report
 * @param failures  out: how many are wrong
 * @return 0 also where some are wrong; CLR_ECL, CLR_EDEVMEM, CLR_ENOMEM where the check itself failed
 */
CLR_API int clr_doctor(const struct clr_device *device,
                       void (*report)(void *user, const char *name, bool ok, double worst_nmse,
                                      const char *detail),
                       void *user, int *failures, struct clr_error *err);

#endif
