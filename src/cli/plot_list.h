/* What a figure draws: files and folders; range tests that differ in the seed share a folder. */
#ifndef CLI_PLOT_LIST_H
#define CLI_PLOT_LIST_H

#include "cli/plot_kinds.h"

struct plot_list {
    struct plot_listed {
        char *path;
        char *within; /* the folder of a range test and its repeats, or NULL */
    } * of;
    bool known; /* bench: draw the known reports, too */
    size_t count, capacity;
};

/* One more. CLR_ENOMEM. */
int plot_list_add(struct plot_list *list, const char *path, const char *within, struct clr_error *err);

/* One input of a figure of that kind: the path itself, the tests in a folder, or the runs of an experiment's
 * histories.csv. CLR_ENOMEM; CLR_EINPUT: its runs.json is damaged, or it has no run of that kind. */
int plot_list_add_input(struct plot_list *list, const char *path, enum plot_kind kind, struct clr_error *err);

/* Sort those from `first` on by path; tests of range-test by weight decay and seed. */
void plot_list_sort(struct plot_list *list, size_t first);

/* Draw them; options->folders is set here. CLR_EUSAGE: two of them are the same file or folder. Other
 * errors are those of the figure. */
int plot_list_draw(const struct plot_list *list, enum plot_kind kind, const char *figure,
                   const struct clr_plot_options *options, struct clr_error *err);

void plot_list_clear(struct plot_list *list);

#endif
