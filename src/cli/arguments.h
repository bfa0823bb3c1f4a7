/*
 * The arguments that a run was begun with: kept in its run.json, so that `--resume --out DIR` is enough to go
 * on.
 */
#ifndef CLI_ARGUMENTS_H
#define CLI_ARGUMENTS_H

#include "cli/opt.h"
#include "net/solver.h"

struct arguments {
    char **values; /* owned strings, NULL-terminated; values[0] is the command's name */
    int count;
};

/*
 * What the run in a folder was begun with (none there, or NULL: nothing), behind it what a solver's file says
 * (NULL: nothing), and then argv: of an option that is given twice the last one counts. CLR_EINPUT: a
 * run.json that cannot be read, or with other arguments than arguments_to_keep() leaves of the options in
 * *set: it may be a stranger's. CLR_EUSAGE: the run is another command's.
 */
int arguments_join(struct arguments *out, const char *folder, const struct opt_set *set,
                   const struct solver *solver, int argc, char **argv, struct clr_error *err);

/*
 * The command's name and each option that was given, once, for run.json: without --out, --resume, and what
 * changes no result.
 */
int arguments_to_keep(struct arguments *out, const char *command, const struct opt_set *set,
                      struct clr_error *err);

/* The same, with that option, once, at its end. name: without its dashes. */
int arguments_with(struct arguments *out, const struct arguments *from, const char *name, const char *value,
                   struct clr_error *err);

void arguments_clear(struct arguments *a);

#endif
