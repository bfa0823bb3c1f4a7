/*
 * The machine and the process, as far as the system reports them.
 */
#ifndef BASE_HOST_H
#define BASE_HOST_H

#include <stddef.h>
#include <stdint.h>

#include "base/banned.h"

/*
 * The largest amount of memory that this process has had resident since it was started, in bytes; 0: not
 * known. Linux's VmHWM, elsewhere what getrusage() reports.
 */
uint64_t host_peak_resident_bytes(void);

/*
 * Processor time that another process has used so far, in ticks of the system's clock (1/100 s on Linux);
 * 0: not known.
 */
uint64_t host_process_ticks(long pid);

/* "AMD EPYC", "Linux 6.1.0 x86_64"; "" where the system does not report it. */
void host_cpu(char *out, size_t size);
void host_os(char *out, size_t size);

#endif
