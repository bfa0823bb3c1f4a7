/* Completion of command lines, from the tables of options. */
#ifndef CLI_COMPLETE_H
#define CLI_COMPLETE_H

#include "cli/opt.h"

/* Print what can follow the words of a command's line and begins with `begin`, a word a line. */
void complete_option(const struct opt_set *set, const struct opt_command *command, char **words, int count,
                     const char *begin);

#endif
