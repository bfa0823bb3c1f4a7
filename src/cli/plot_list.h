/* What a figure draws: files and folders, and of range tests the folders that stand for repeats. */
#ifndef CLI_PLOT_LIST_H
#define CLI_PLOT_LIST_H

#include "cli/plot_kinds.h"

struct plot_list {
    struct plot_listed {
        char *path;
        char *
            within; /* of a test, the folder with its repeats that was named or is in one that was; or NULL */
    } * of;
    size_t count, capacity;
};

/* One more. CLR_ENOMEM. */
int plot_list_add(struct plot_list *list, const char *path, const char *within, struct clr_error *err);

/* The path, or, of a folder that range-test wrote several tests into, theirs, sorted. CLR_ENOMEM. */
int plot_list_add_tests(struct plot_list *list, const char *path, struct clr_error *err);

/* One input of a figure of that kind: itself, the tests in a folder, the runs of an experiment's
 * histories.csv. CLR_ENOMEM; CLR_EINPUT: its runs.json is damaged, or it has none of that
 * kind. */
int plot_list_add_input(struct plot_list *list, const char *path, enum plot_kind kind, struct clr_error *err);

/* CLR_EUSAGE: two of them are the same file or folder. */
int plot_list_check(const struct plot_list *list, struct clr_error *err);

/* Those from `first` on by path, the tests of range-test by weight decay and seed. */
void plot_list_sort(struct plot_list *list, size_t first);

/* Draw them; options->folders is set. Errors: as the figure's. */
int plot_list_draw(const struct plot_list *list, enum plot_kind kind, const char *figure,
                   const struct clr_plot_options *options, struct clr_error *err);

void plot_list_clear(struct plot_list *list);

#endif
