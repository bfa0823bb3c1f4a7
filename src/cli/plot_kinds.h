/* The kinds of figures that `clr-cl plot` draws. */
#ifndef CLI_PLOT_KINDS_H
#define CLI_PLOT_KINDS_H

#include <clr/plot.h>

#include "cli/opt.h"

#define PLOT_KIND_NAMES "run, loss, range, schedule or bench"

/* As the bits of sub-commands, in the order of plot_kinds_subs. */
enum plot_kind {
    PLOT_RUN = OPT_SUB(0),
    PLOT_LOSS = OPT_SUB(1),
    PLOT_RANGE = OPT_SUB(2),
    PLOT_SCHEDULE = OPT_SUB(3),
    PLOT_BENCH = OPT_SUB(4),
};

struct plot_kind_row {
    enum plot_kind kind;
    const char *name;
    const char *wants; /* what it draws, for messages */
    /* NULL: plot_kinds_bench() */
    int (*draw)(const char *path, const char *const *inputs, size_t count,
                const struct clr_plot_options *options, struct clr_error *err);
    const char *usage, *about, *examples; /* of its help */
};

/* For the help of plot without a kind: all kinds, and some examples. */
extern const char plot_kinds_about[], plot_kinds_examples[];

/* The kinds as sub-commands. */
extern const struct opt_sub plot_kinds_subs[];

/* NULL: there is none of that name. */
const struct plot_kind_row *plot_kind_named(const char *name);

const struct plot_kind_row *plot_kind_of(enum plot_kind kind);

/* The figure of reports; known: of the project's own, too. */
int plot_kinds_bench(const char *path, const char *const *inputs, size_t count, bool known,
                     const struct clr_plot_options *options, struct clr_error *err);

#endif
