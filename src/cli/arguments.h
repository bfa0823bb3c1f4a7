/*
 * The arguments that a run began with. Its run.json records them, so that `--resume --out DIR` is enough to
 * resume it.
 */
#ifndef CLI_ARGUMENTS_H
#define CLI_ARGUMENTS_H

#include <clr/solver.h>

#include "cli/opt.h"

struct arguments {
    char **values; /* owned strings, NULL-terminated; values[0] is the command's name */
    int count;
};

/*
 * Add to the options that were given those of a solver's file, and then those that the run in a folder (NULL,
 * or no run there: none) began with, as far as they are not given yet. Of --iterations and --cycles only the
 * first one is taken.
 *
 * @param command  the command's name
 * @return 0; CLR_EINPUT: a run.json that cannot be read, or that holds anything but what arguments_to_keep()
 *         writes for the options in *set, as it may come from a stranger; CLR_EUSAGE: the run is another
 *         command's; CLR_ENOMEM
 */
int arguments_add(struct opt_set *set, const struct solver *solver, const char *folder, const char *command,
                  struct clr_error *err);

/*
 * The command's name and each option that was given, once, for run.json. Options that do not change the
 * result, --out and --resume are omitted.
 */
int arguments_to_keep(struct arguments *out, const char *command, const struct opt_set *set,
                      struct clr_error *err);

/* Give an option of arguments_to_keep() another value, or add it. name: without its dashes. */
int arguments_set(struct arguments *a, const char *name, const char *value, struct clr_error *err);

void arguments_clear(struct arguments *a);

#endif
