/* What the curves of runs are called: by what differs between them. */
#ifndef PLOT_LABELS_H
#define PLOT_LABELS_H

#include <clr/plot.h>

#include "plot/runs.h"

/*
 * Label the runs, whose groups are known. One group: its schedule in words. Several: net and data, policy,
 * rates, the other parameters of the policy, and the settings that a result depends on, each where it is not
 * the same for all; of parameters, for all runs of that policy. A parameter or setting that three or more
 * have alike, and most, is omitted from their labels, unless nothing else would be in them. Where that leaves
 * two groups alike, any other setting in which they differ, else the folders' names. A folder's name, too,
 * where run.json has no settings, or the label would have more than RUNS_LABEL bytes.
 * CLR_ENOMEM.
 */
int labels_make(struct runs *runs, struct clr_error *err);

/*
 * Texts of the user's for inputs (they or the folders that they are in as given, or by the last
 * part of the path, or by the run's name) and their repeats.
 * CLR_EUSAGE: no input is called like that, or several that are no repeats; two curves get the same text.
 */
int labels_apply(struct runs *runs, const char *const *inputs, const struct clr_plot_label *labels,
                 size_t count, struct clr_error *err);

/* What all of them share: "quick on cifar10: triangular", as far as it is known. CLR_ENOMEM. */
int labels_title(char *out, size_t size, const struct runs *runs, struct clr_error *err);

#endif
