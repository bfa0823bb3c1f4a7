/**
 * All of libclr-cl. What holds for every function:
 *
 * Errors. See clr/error.h.
 *
 * Ownership. What a function creates through an out-parameter belongs to the caller, who frees it with the
 * function that its comment names: clr_<module>_destroy() for structs, free() for strings and arrays.
 * Arguments are borrowed during the call, unless the comment says for how long. Functions that return
 * `const char *` or `const char *const *` return constants of the library, which are never freed.
 *
 * Threads. Functions may be called from several threads at the same time with different objects. One object
 * may be used by one thread at a time, but data sets, nets and devices may be shared by any number of
 * threads once they are created, until they are destroyed. A run's folder belongs to one run at a time,
 * also within a process. Global are only the sink of clr_log_set_sink(), and the last reading of the clock,
 * which is atomic. Callbacks are called in the thread that called the library. Some functions read
 * environment variables, so no thread may change the environment meanwhile.
 *
 * Structs of options that the caller fills begin with their size:
 * `struct clr_plot_options o = {.size = sizeof o, …}`.
 * A size that is not the library's is CLR_EUSAGE: the program was compiled with headers of another version.
 *
 * Numbers in files are read and written by the C library: the program must leave LC_NUMERIC at "C".
 */
#ifndef CLR_CLR_H
#define CLR_CLR_H

#include <clr/bench.h>
#include <clr/dataset.h>
#include <clr/device.h>
#include <clr/doctor.h>
#include <clr/error.h>
#include <clr/log.h>
#include <clr/net.h>
#include <clr/optimizer.h>
#include <clr/plot.h>
#include <clr/range.h>
#include <clr/schedule.h>
#include <clr/train.h>
#include <clr/trainer.h>
#include <clr/tune.h>
#include <clr/version.h>

#endif
