/*
 * Completion of command lines: what may follow, a word a line. The scripts in completions/ for shells call
 * `clr-cl [COMMAND WORD...] --complete CURRENT`, with the line up to the word that is completed;
 * "--policy=tri" is two words there. Where nothing is printed, they complete names of files.
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
static void print_names(const char *argument, const char *begin)
{
    const char *type;

    if (argument && strcmp(argument, "TYPE") == 0)
        for (size_t i = 0; (type = clr_net_layer_type(i)); i++)
            print_matching((const char *const[]){type, NULL}, begin);
    else if (argument)
        print_matching(strcmp(argument, "NET") == 0    ? clr_net_names()
                       : strcmp(argument, "DATA") == 0 ? clr_dataset_names()
                       : strcmp(argument, "NAME") == 0 ? clr_lab_names()
                                                       : NULL,
                       begin);
}

/* The option that the word names, whose value comes next, or NULL. */
static const struct opt *option_before_value(const struct opt_set *set, const char *word)
{
    const bool is_long = strncmp(word, "--", 2) == 0;

    for (const struct opt *o = set->options; o < set->options + set->count; o++)
        if (o->kind != OPT_FLAG &&
            (is_long ? strcmp(o->name, word + 2) == 0 : o->letter && word[1] == o->letter && word[2] == '\0'))
            return o;
    return NULL;
}

static void print_options(const struct opt_set *set, const struct opt_command *command,
                          const struct opt_sub *sub, const char *begin)
{
    for (const struct opt *o = set->options; o < set->options + set->count; o++) {
        char word[64];
        (void)snprintf(word, sizeof word, "--%s", o->name);
        if (!o->hidden && opt_fits(o, command, sub))
            print_matching((const char *const[]){word, NULL}, begin);
    }
}

void complete_option(const struct opt_set *set, const struct opt_command *command, char **words, int count,
                     const char *begin)
{
    const struct opt_sub *sub = NULL;
    const struct opt *o = NULL; /* whose value comes next */
    int args = 0;

    for (int i = 0; i < count; i++) {
        if (o) {
            o = NULL;
        } else if (words[i][0] == '-') {
            o = option_before_value(set, words[i]);
        } else if (args++ == 0) {
            sub = opt_sub_named(command, words[i]);
        }
    }
    if (o && o->choices)
        print_matching(o->offers ? o->offers : o->choices, begin);
    else if (o)
        print_names(o->argument, begin);
    else if (begin[0] == '-')
        print_options(set, command, sub, begin);
    else if (command->subs && args == 0)
        for (const struct opt_sub *s = command->subs; s->name; s++)
            print_matching((const char *const[]){s->name, NULL}, begin);
    else if (args == (sub ? 1 : 0))
        print_names(sub ? sub->takes : command->takes, begin);
}
