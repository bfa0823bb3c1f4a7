/*
 * The options that train, range-test, eval and schedule share. Each is one row of a table in run_options.c,
 * and most rows set a field of struct clr_train_options directly. Epochs become iterations after the data set
 * is read.
 */
#ifndef CLI_RUN_OPTIONS_H
#define CLI_RUN_OPTIONS_H

#include <clr/train.h>

#include "cli/arguments.h"
#include "cli/opt.h"

struct run_options {
    struct opt_set set;             /* the command's options */
    struct clr_train_options train; /* complete when run_command() runs, but for the callbacks */
    const char *device, *solver;
    struct opt_span iterations, step_size, validate_every;
    struct opt_spans milestones;
    uint64_t cycles;          /* instead of iterations */
    double cycle_momentum[2]; /* NaN: not given */
    bool quiet, json;
    uint64_t per_epoch; /* iterations; 0: there is no data set, or it is not open yet */
    /* Of range-test. It holds out a tenth of the training images and evaluates 40 to 79 times, unless
     * options say otherwise. */
    bool range_test;
    enum clr_sweep sweep;
    int seeds;
    struct opt_reals decays;
    /* Opened by them; owned. */
    struct clr_net_spec *spec;
    struct clr_dataset *dataset;
    struct clr_device chosen;
    struct arguments kept; /* for run.json */
};

/* A command that makes a run: train or range-test. */
struct run_command {
    struct opt_command base;
    void (*describe)(struct run_options *o);                    /* add the options, set other defaults */
    int (*check)(struct run_options *o, struct clr_error *err); /* without files; NULL: nothing to check */
    int (*run)(struct run_options *o, struct clr_error *err);
};

/*
 * Parse argv, check it, and run. What argv does not give is taken from --solver, and then, with --resume,
 * from what the run in --out began with.
 *
 * kept: only check argv, without opening its files, and return what run.json would record of it; NULL: run.
 * Returns 0; 1 after --help; CLR_EUSAGE; what files, the device and the run return.
 */
int run_command(const struct run_command *command, struct arguments *kept, int argc, char **argv,
                struct clr_error *err);

void run_options_init(struct run_options *o);
void run_options_clear(struct run_options *o);

/* Of the option --iterations: is it required? Not where --cycles says how long the run is. */
bool run_options_need_iterations(const struct opt_set *set, const struct opt *o);

/* Groups of options. out: --out too. */
void run_options_add_where(struct run_options *o, bool out);
void run_options_add_solver(struct run_options *o); /* after the one before */
void run_options_add_policy(struct run_options *o);
void run_options_add_training(struct run_options *o);
/* from_weights: the default is what the weights were trained with, not the net's. */
void run_options_add_input(struct run_options *o, bool from_weights);
void run_options_add_evaluation(struct run_options *o);
void run_options_add_logging(struct run_options *o);
void run_options_add_checkpoints(struct run_options *o);
void run_options_add_output(struct run_options *o);

/*
 * Check the schedule before the length of an epoch is known. CLR_EUSAGE: something that the policy needs is
 * missing or out of range; both or neither of --iterations and --cycles are given.
 */
int run_options_check(struct run_options *o, struct clr_error *err);

/*
 * Convert epochs, compute the iterations, and check the schedule with them. After run_options_check(), once.
 * CLR_EUSAGE: milestones do not ascend; epochs without a data set.
 */
int run_options_resolve(struct run_options *o, struct clr_error *err);

/* Read the net and the data set. */
int run_options_open_files(struct run_options *o, struct clr_error *err);

/* Print a note if the run ends inside a cycle, which costs accuracy, or before a milestone. */
void run_options_note_end(const struct run_options *o);

#endif
