/*
 * Options of the command line. A command describes its options in tables; this parses argv by them (with
 * popt) and writes the --help text from the same tables, so that the two cannot disagree.
 *
 * Numbers are parsed strictly: the whole text, finite, in the stated range, and 0 in float32 only if it is 0.
 * If an option is repeated, the last one wins, but for OPT_TEXTS. A wrong value is CLR_EUSAGE, with the
 * option, the value and what it may be.
 */
#ifndef CLI_OPT_H
#define CLI_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum opt_kind {
    OPT_FLAG,   /* bool: present or not */
    OPT_TEXT,   /* const char *: not empty; lives until opt_clear() */
    OPT_TEXTS,  /* struct opt_texts: not empty; each use adds one; they live until opt_clear() */
    OPT_CHOICE, /* int, or an enum: index into choices */
    OPT_EITHER, /* bool: is it the second of two choices? */
    OPT_INT,    /* int; from here on numbers */
    OPT_U64,    /* uint64_t */
    OPT_REAL,   /* double */
    OPT_SPAN,   /* struct opt_span: "2000" iterations or "4ep" epochs */
    OPT_SPANS,  /* struct opt_spans: spans separated by commas */
    OPT_REALS,  /* struct opt_reals: numbers separated by commas */
    OPT_PAIR,   /* double[2]: "A:B", each in the range */
    OPT_SHAPE,  /* int[3]: "CxHxW", each in the range */
};

/* A length of time in a run: iterations, or epochs where epochs > 0. */
struct opt_span {
    uint64_t iterations;
    double epochs;
};

#define OPT_SPANS_MAX 64
struct opt_spans {
    struct opt_span spans[OPT_SPANS_MAX];
    size_t count;
};

#define OPT_REALS_MAX 16
struct opt_reals {
    double values[OPT_REALS_MAX];
    size_t count;
};

#define OPT_TEXTS_MAX 64
struct opt_texts {
    char *values[OPT_TEXTS_MAX];
    size_t count;
};

struct opt_set;

/* One row of a table: kind, name, argument and value by their place, the rest by name. */
struct opt {
    enum opt_kind kind;
    const char *name;           /* without the dashes */
    const char *argument;       /* placeholder in the help: "N"; NULL: OPT_FLAG */
    void *value;                /* where it goes, of the type that kind says; holds the default before */
    const char *help;           /* ASCII, with the default in parentheses at the end */
    double min, max;            /* range of numbers; max 0: no upper limit */
    bool above, below;          /* the range excludes min, max */
    const char *const *choices; /* NULL-terminated */
    const char **file; /* OPT_CHOICE: where the path of a file goes, another value that it takes; or NULL */
    const char *const *offers; /* those that completion offers; NULL: all */
    bool list_choices;         /* the help begins with the choices: `help` does not name them */
    void (*list)(struct str *out, const char *name); /* what the help begins with, of the option's name */
    bool may_be_empty;                               /* OPT_TEXT */
    const char *like; /* an example of its value, with which a command line works; NULL: it is not required */
    bool (*needed)(const struct opt_set *set, const struct opt *o); /* is it required here? NULL: always */
    const char *by; /* the choice that decides this, or NULL */
    unsigned only;  /* OPT_SUB() of the sub-commands that take it, and OPT_NO_SUB; 0: all */
    bool hidden;    /* not in the help */
    char letter;    /* one-letter form; 0: none */
};

/* Rows that several commands have. */
#define OPT_DEVICE "platform and device (0:1), cpu, gpu, or part of a name"
#define OPT_ROW_DEVICE(text)                                                                                 \
    {                                                                                                        \
        OPT_TEXT, "device", "D", (text),                                                                     \
            .help = OPT_DEVICE " (default: $CLR_DEVICE, else the best one that 'clr-cl devices' lists)"      \
    }
#define OPT_ROW_NET(text, subs)                                                                              \
    {                                                                                                        \
        OPT_TEXT, "net", "NET", (text),                                                                      \
            .only = (subs),                                                                                  \
            .help = "quick, full, caffe-quick, caffe-full, lenet, or a prototxt file (default: quick)"       \
    }
#define OPT_ROW_BATCH(number, subs)                                                                          \
    {                                                                                                        \
        OPT_INT, "batch", "B", (number),                                                                     \
            .min = 1, .max = 65536, .only = (subs),                                                          \
            .help = "images of a batch (default: what the net's file says, else 100)"                        \
    }
#define OPT_ROW_MOMENTUM(number)                                                                             \
    {                                                                                                        \
        OPT_REAL, "momentum", "M", (number), .max = 1, .below = true,                                        \
                                             .help = "momentum (default: the usual one of the optimizer: "   \
                                                     "0.9, and 0 for rmsprop, adagrad, adadelta)"            \
    }
#define OPT_ROW_QUIET(flag)                                                                                  \
    {                                                                                                        \
        OPT_FLAG, "quiet", NULL, (flag), .help = "no messages, only warnings and errors"                     \
    }

struct opt_sub {
    const char *name;
    const char *asks, *like; /* its argument: what it is, and an example; NULL: none is required */
    const char *takes;       /* as of a command */
    bool alone;              /* it takes no argument */
};

/* Bit of the sub-command in that row, and of a command that is given none. */
#define OPT_SUB(row) (1u << (row))
#define OPT_NO_SUB   (1u << 31)

struct opt_command {
    const char *name;        /* "train" */
    const char *usage;       /* what follows the name in the usage line */
    const char *about;       /* what it does, for the help */
    const char *examples;    /* lines, each ends in a newline; NULL: none */
    int min_args, max_args;  /* arguments that are no options */
    const char *asks, *like; /* the first of these, if it is required: "a folder"; and an example, or NULL */
    const struct opt_sub *subs; /* ends with a row without a name; NULL: there are none */
    const char
        *takes; /* for completion: "NET", "DATA", "NAME" or "TYPE", if the first argument may be the name
                        * of something built in */
    bool adds;  /* it gives options values after opt_parse(), and then calls opt_require() itself */
};

#define OPT_MAX 64
struct opt_set {
    struct opt options[OPT_MAX];
    const char *groups[OPT_MAX]; /* title before that option, or NULL */
    bool given[OPT_MAX];
    char *texts[OPT_MAX]; /* arguments as typed, owned */
    size_t count;
    const char **args; /* arguments that are no options */
    int arg_count;
    char **argv;           /* as opt_parse() was given it, with NULL at its end */
    void *context, *table; /* poptContext, and the struct poptOption[] that it uses */
};

/* Add a group of options under a title (at most OPT_MAX in all). The table is copied. Start from {0}. */
void opt_add(struct opt_set *set, const char *title, const struct opt *table, size_t count);

/*
 * Parse argv (argv[0] is the command's name, and NULL follows the last), and check that nothing is missing.
 *
 * Returns 0: parsed; 1: --help was given and is printed; CLR_EUSAGE, a line for each option that is wrong;
 * CLR_ENOMEM.
 */
int opt_parse(struct opt_set *set, const struct opt_command *command, int argc, char **argv,
              struct clr_error *err);
void opt_clear(struct opt_set *set);

/* After parsing: give the option of that name (there is one) a value, unless it was given. NULL: a flag. */
int opt_add_value(struct opt_set *set, const char *name, const char *text, struct clr_error *err);

/* The option of that name (without the dashes), or NULL. */
const struct opt *opt_find(const struct opt_set *set, const char *name);

/* The sub-command of that name, or NULL. */
const struct opt_sub *opt_sub_named(const struct opt_command *command, const char *name);

/* Has the option an effect with that sub-command? NULL: with none. */
bool opt_fits(const struct opt *o, const struct opt_command *command, const struct opt_sub *sub);

/* Was the option of that name on the command line? */
bool opt_given(const struct opt_set *set, const char *name);

/*
 * CLR_EUSAGE, with all that are missing, unless everything that the command requires was given.
 *
 * name: only this option is required, or NULL. example: the message ends with a command line that works; the
 * options then have its values.
 */
int opt_require(struct opt_set *set, const struct opt_command *command, const char *name, bool example,
                struct clr_error *err);

/* Iterations of a span where an epoch has that many; at least 1 unless the span is 0 iterations. */
uint64_t opt_span_iterations(const struct opt_span *span, uint64_t per_epoch);

/* Lines of at most 79 columns to stdout, every one indented, the first one from column `column` on. */
void opt_print_wrapped(const char *text, size_t indent, size_t column);

#endif
