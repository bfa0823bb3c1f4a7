/*
 * The arguments that a run was begun with: kept in its run.json, so that `--resume --out DIR` is enough to go
 * on.
 */
#ifndef CLI_ARGUMENTS_H
#define CLI_ARGUMENTS_H

#include "base/mem.h"

struct arguments {
    char **values; /* owned strings, NULL-terminated; values[0] is the command's name */
    int count;
    const char **kept; /* those that run.json keeps, NULL-terminated: without --out, --resume, and what
                          changes no result; borrowed strings */
};

/*
 * argv as it is, or, with the folder of a run, what is kept there and argv behind it: of an option that is
 * given twice the last one counts. CLR_EINPUT: a run.json that cannot be read; where there is none, argv as
 * it is.
 */
int arguments_make(struct arguments *out, const char *folder, int argc, char **argv, struct clr_error *err);
void arguments_clear(struct arguments *a);

#endif
