/**
 * For clr-cl itself, and not installed: this header changes whenever the command does.
 *
 * Caffe's solver files, as the options of `clr-cl train` that mean the same. Fields and defaults are Caffe's
 * (src/caffe/proto/caffe.proto, SolverParameter); one that is not supported is an error that names file, line
 * and column, what has no effect here is logged once.
 *
 * Caffe reads a data set in its order, and has no momentum and no decay by default; the momentum's
 * convention is its own. The triangular policies, exp_range, 1cycle (1cycle_smith here) and cyclical_momentum
 * are Smith's additions: base_lr is the lowest rate, max_lr the highest, stepsize half a cycle.
 */
#ifndef CLR_SOLVER_H
#define CLR_SOLVER_H

#include <stdbool.h>
#include <stddef.h>

#include <clr/error.h>

#define SOLVER_MAX_OPTIONS 32

struct solver_option {
    const char *name; /* "lr" */
    char *value;      /* owned */
};

struct solver {
    struct solver_option options[SOLVER_MAX_OPTIONS];
    size_t count;
};

/** What a solver's file is read for. */
struct clr_solver_use {
    /** Is that option ("lr") given elsewhere? It replaces what the file has, and need not be there. */
    bool (*given)(const void *user, const char *option);
    const void *user;
    /** A range test: in place of a schedule, `min-lr`, `max-lr` and `iterations` of the first rise of a
     * cyclic policy. Else a training. */
    bool sweep;
};

/**
 * Read a solver file. The path of its net is taken as it stands, from the working directory, or else from the
 * solver's folder, whole or by the longest end of it that is there. Where the file has more than the name of
 * one net, it is the net's file itself (clr_net_load()). If the option "net" is given, none of this is read.
 * CLR_EINPUT: "FILE:LINE:COLUMN: …" with the solver's own field, also where a value of the file is out of
 * range, or missing. Clear in any case.
 */
CLR_API int clr_solver_read(struct solver *out, const char *path, const struct clr_solver_use *use,
                            struct clr_error *err);

/** Free what clr_solver_read() read; {0} is fine. */
CLR_API void clr_solver_clear(struct solver *s);

#endif
