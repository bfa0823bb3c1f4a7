/* What an input of `clr-cl plot` holds, and which kind of figure shows it. */
#ifndef CLI_PLOT_INPUTS_H
#define CLI_PLOT_INPUTS_H

#include <clr/error.h>

#include "cli/plot_kinds.h"

/*
 * CLR_EINPUT where the input holds something else than such a figure shows: what it is, what the figure is
 * made of, and how the input is drawn. What cannot be told is not refused: whoever reads it says what is
 * wrong.
 */
int plot_inputs_check(enum plot_kind kind, const char *path, struct clr_error *err);

/* CLR_EUSAGE, for a command line that names this path in place of a kind. */
int plot_inputs_no_kind(const char *path, struct clr_error *err);

#endif
