/* What an input of `clr-cl plot` holds, and which kind of figure shows it. */
#ifndef CLI_PLOT_INPUTS_H
#define CLI_PLOT_INPUTS_H

#include <clr/error.h>

#include "cli/plot_kinds.h"

/*
 * CLR_EINPUT if such a figure does not show what the input holds: the message names what it holds, what the
 * figure draws, and how to draw the input. Unknown content is accepted here: its reader reports what is
 * wrong.
 */
int plot_inputs_check(enum plot_kind kind, const char *path, struct clr_error *err);

/* CLR_EUSAGE, for a command line with this path in place of a kind. */
int plot_inputs_no_kind(const char *path, struct clr_error *err);

#endif
