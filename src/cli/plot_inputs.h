/* What an input of `clr-cl plot` holds, and which kind of figure shows it. */
#ifndef CLI_PLOT_INPUTS_H
#define CLI_PLOT_INPUTS_H

#include <stdbool.h>

#include <clr/error.h>

#include "cli/plot_kinds.h"

/*
 * CLR_EINPUT where the input holds something else than such a figure shows: what it is, what the figure is
 * made of, and how the input is drawn. What cannot be told is not refused: whoever reads it says what is
 * wrong.
 */
int plot_inputs_check(enum plot_kind kind, const char *path, struct clr_error *err);

/* Is that how range-test calls the folders of several tests in one? Those that differ in the seed alone? */
bool plot_inputs_is_test(const char *name);
bool plot_inputs_is_repeat(const char *name);

/* CLR_EUSAGE, for a command line that names this path in place of a kind. */
int plot_inputs_no_kind(const char *path, struct clr_error *err);

#endif
