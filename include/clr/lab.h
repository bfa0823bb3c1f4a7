/**
 * For clr-cl itself, and not installed: this header changes whenever the command does.
 *
 * Experiments: a text file, in the grammar of nets (net/prototxt.h), has the runs, their seeds, the numbers
 * to report of them, and the figures to draw.
 *
 *     name: "schedules"
 *     about: "What it is for."
 *     seed: [1, 2, 3]                    of every run without seeds of its own; default 1
 *     at: [4000, 20000]                  the report has the accuracy after so many iterations,
 *     reach: [0.7, 0.75]                 and the iteration at which such an accuracy was reached
 *     options { net: "quick" data: "cifar10" validate_every: 250 }
 *     run { name: "fixed" policy: "fixed" lr: 0.001 iterations: 4000 }
 *     range_test { name: "range" net: "quick" data: "cifar10" min_lr: 0.001 max_lr: 0.04 iterations: 4000 }
 *     figure { file: "accuracy.png" run: "fixed" title: "" }
 *
 * A figure of runs may have more fields: `over: TIME` for ITERATIONS, `rates: true`, `multiples: true`,
 * `y_min: 60`. `clr-cl plot run` has the same as options.
 *
 * Every other field of `run` and `range_test` is an option of `clr-cl train` or `range-test`, with
 * underscores for the dashes within its name; `true` gives a flag, `false` takes back one of `options`; a
 * field that is there several times is a list. Those of `options` come before every run's own, so that
 * the latter win; range tests do not get them.
 *
 * A run's folder is OUT/NAME-seed-N. Input is hostile: names become parts of paths, and are of letters,
 * digits, '.', '_' and '-', no '.' at the start.
 */
#ifndef CLR_LAB_H
#define CLR_LAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <clr/error.h>

#define LAB_NAME      64
#define LAB_MAX_SEEDS 100
#define LAB_MAX_RUNS  100
#define LAB_MAX_READ  16   /* `at`, `reach` */
#define LAB_ARGUMENTS 64   /* options of a run */
#define LAB_VALUES    8192 /* bytes of all their values */
#define LAB_MAX_DRAWN 24   /* runs of a figure */

struct lab_option {
    char name[LAB_NAME]; /* "min-lr" */
    char *value;         /* NULL: a flag; owned */
    int line;            /* of the file */
};

struct lab_run {
    char name[LAB_NAME];
    bool range_test;
    int line;
    int seeds[LAB_MAX_SEEDS];
    int seed_count;
    struct lab_option options[LAB_ARGUMENTS];
    size_t option_count, value_bytes;
};

enum lab_figure_kind { LAB_FIGURE_RUN, LAB_FIGURE_RANGE };

struct lab_figure {
    char file[LAB_NAME];
    enum lab_figure_kind kind;
    char *title; /* NULL: made from the data; owned */
    int width, height;
    bool over_time, rates, multiples; /* of runs */
    double y_min;                     /* likewise; NaN: not given */
    size_t runs[LAB_MAX_DRAWN];       /* which */
    size_t run_count;
};

struct lab_experiment {
    char *file; /* for messages: path, or "built-in headline" */
    char *text; /* the file itself */
    char name[LAB_NAME];
    char *about; /* "" where there is none */
    int at[LAB_MAX_READ];
    int at_count;
    double reach[LAB_MAX_READ]; /* fractions, 0 … 1 */
    int reach_count;
    struct lab_run *runs;
    size_t run_count, run_capacity;
    struct lab_figure *figures;
    size_t figure_count, figure_capacity;
};

/** The built-in experiment of that name, or the file. CLR_EINPUT: "FILE:LINE:COLUMN: …". */
CLR_API int clr_lab_load(struct lab_experiment **out, const char *name, struct clr_error *err);

/** NULL is fine. */
CLR_API void clr_lab_destroy(struct lab_experiment *e);

/** Names of the built-in ones, NULL-terminated. */
CLR_API const char *const *clr_lab_names(void);

/** "OUT/NAME-seed-N" in a new string. */
CLR_API int clr_lab_folder(char **out, const char *dir, const struct lab_run *run, int seed,
                           struct clr_error *err);

/* What has become of a run. */
enum lab_state {
    LAB_MISSING,  /* nothing there, or begun and not finished */
    LAB_FINISHED, /* with these arguments */
    LAB_DIVERGED, /* likewise: a result too */
    LAB_OTHER,    /* a run with other arguments */
};

/**
 * Check what is in histories.csv and runs.json alone, the runs without folders, whether or not an experiment
 * names them. CLR_EINPUT: a file cannot be read, has another format, or a finished run's rows do not fit it.
 *
 * @param count  how many there are
 */
CLR_API int clr_lab_check(size_t *count, const char *dir, struct clr_error *err);

/**
 * Look into a run's folder, or, where there is none, at what histories.csv and runs.json have of it.
 * arguments: NULL-terminated, as run.json would keep them ("train", "--lr", …); a --device among them or in
 * run.json does not matter. CLR_EINPUT: a file that cannot be read, or tables in the folder of a finished run
 * (history.csv, loss.csv, timing.csv; range.csv and range.json) that do not fit it, so that something was cut
 * off; CLR_EUSAGE: the net's file is not what it was.
 */
CLR_API int clr_lab_look(enum lab_state *out, const char *folder, const char *const *arguments,
                         struct clr_error *err);

/** What came of a finished run, for a message: "accuracy 71.30 % after 4,000 iterations", or the bounds. A
 * new string, free with free(). */
CLR_API int clr_lab_describe(char **out, const struct lab_run *run, const char *folder,
                             struct clr_error *err);

/**
 * Write histories.csv, runs.json, experiment.prototxt, results.csv and results.md into `dir`, from those of
 * its runs that are finished or diverged; the tables of the latter in *table too (NULL: not required), to be
 * freed with free(); NULL there: there is nothing to report. `states` has one entry for each run and each of
 * its seeds, in that order. Other runs in histories.csv and runs.json stay there. CLR_EUSAGE: seeds of a run
 * were trained on different images; CLR_EINPUT: a file is damaged. Then nothing is written.
 */
CLR_API int clr_lab_report(const struct lab_experiment *e, const char *dir, const enum lab_state *states,
                           char **table, struct clr_error *err);

/** Draw the figures from the finished runs; a figure without any is omitted. Returns how many were drawn, or
 * the error of the first that cannot be; the others are drawn all the same. */
CLR_API int clr_lab_draw(const struct lab_experiment *e, const char *dir, const enum lab_state *states,
                         const char *command_line, struct clr_error *err);

/** A run that clr_lab_list() found. Strings are owned by it. */
struct lab_listed {
    char *folder;
    char *net, *data;             /**< as they were given */
    char *policy;                 /**< "triangular 0.001 to 0.04", "range test 0.0001 to 0.1" */
    char *device;                 /**< its last one */
    char *started;                /**< 2026-11-30T21:27:05Z */
    const char *state;            /**< "finished", "diverged", "running", "stopped", "failed" */
    bool range_test, held_out;    /**< held_out: accuracies are on held-out images */
    uint64_t seed, done, planned; /**< iterations; of a run that has not ended, up to its last evaluation */
    uint64_t diverged_at;         /**< iteration whose loss was not finite; 0: none */
    double accuracy, best;        /**< 0 … 1; NaN: not known, or the net has none */
    double loss;                  /**< of the last evaluation; NaN: not known */
    double seconds;               /**< NaN: not known */
};

struct lab_list {
    struct lab_listed *runs;
    size_t count, capacity, skipped; /**< skipped: could not be read */
};

/**
 * Find runs: each folder is a run's own, or is searched, four folders down; an experiment's histories.csv has
 * those whose folders were removed, also by the names of these. In no order; a run that several paths lead to
 * is there once, by the shortest whose last part is no link. A run or folder that cannot be read, or a folder
 * without runs, is reported in the log and left out.
 *
 * @return 0; CLR_EINPUT: no run in any of the folders can be read, or one is no folder
 */
CLR_API int clr_lab_list(struct lab_list *out, const char *const *folders, size_t count,
                         struct clr_error *err);

/** Free what it owns; it is empty then. */
CLR_API void clr_lab_list_clear(struct lab_list *list);

#endif
