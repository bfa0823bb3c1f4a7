/*
 * Completion of command lines: what may follow, a word a line. The scripts in completions/ for shells call
 * `clr-cl [COMMAND] --complete PREVIOUS CURRENT`; where nothing is printed, they complete names of files.
 */
#include "cli/complete.h"

#include <stdio.h>
#include <string.h>

#include <clr/dataset.h>
#include <clr/lab.h>
#include <clr/net.h>

static void print_matching(const char *const *words, const char *begin)
{
    for (; words && *words; words++)
        if (strncmp(*words, begin, strlen(begin)) == 0)
            puts(*words);
}

/* What an argument called so may be, besides a file. */
static const char *const *names_of(const char *argument)
{
    return !argument                       ? NULL
           : strcmp(argument, "NET") == 0  ? clr_net_names()
           : strcmp(argument, "DATA") == 0 ? clr_dataset_names()
           : strcmp(argument, "NAME") == 0 ? clr_lab_names()
                                           : NULL;
}

static const struct opt *option_of(const struct opt_set *set, const char *word)
{
    return strncmp(word, "--", 2) == 0 ? opt_find(set, word + 2) : NULL;
}

static bool is_sub(const struct opt_command *command, const char *word)
{
    for (const struct opt_sub *s = command->subs; s && s->name; s++)
        if (strcmp(s->name, word) == 0)
            return true;
    return false;
}

void complete_option(const struct opt_set *set, const struct opt_command *command, const char *before,
                     const char *begin)
{
    const struct opt *o = option_of(set, before);

    if (o && o->kind != OPT_FLAG) {
        print_matching(o->choices ? o->choices : names_of(o->argument), begin);
        return;
    }
    if (strcmp(before, command->name) == 0 && command->subs) {
        for (const struct opt_sub *s = command->subs; s->name; s++)
            print_matching((const char *const[]){s->name, NULL}, begin);
    } else if (strcmp(before, command->name) == 0 || is_sub(command, before))
        print_matching(names_of(command->takes), begin);
    for (size_t i = 0; begin[0] == '-' && i < set->count; i++) {
        char word[64];
        (void)snprintf(word, sizeof word, "--%s", set->options[i].name);
        if (!set->options[i].hidden && strncmp(word, begin, strlen(begin)) == 0)
            puts(word);
    }
}
