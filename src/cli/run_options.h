/*
 * The options that train, range-test, eval and schedule share, and the way from them to clr_train_options.
 */
#ifndef CLI_RUN_OPTIONS_H
#define CLI_RUN_OPTIONS_H

#include <clr/train.h>

#include "cli/arguments.h"
#include "cli/opt.h"

/* What describes a learning-rate policy, as typed. */
struct policy_options {
    const char *policy;
    struct clr_schedule schedule; /* but for what follows */
    uint64_t cycles;              /* 0: not given */
    struct opt_span step_size;
    struct opt_spans milestones;
    int exp_range, anneal;
    double cycle_momentum[2]; /* NaN: not given */
};

void policy_options_init(struct policy_options *o);

/* The policy's options and momentum; epochs: say that "4ep" is possible. */
void policy_options_add(struct policy_options *o, struct opt_set *set, bool epochs);

/*
 * The checked schedule of a run of that many iterations. per_epoch: iterations of an epoch; 0: no data set is
 * known, epochs are CLR_EUSAGE. The same error where something the policy needs is missing or out of range.
 * stand_in: per_epoch is not the real one, so that epochs and iterations cannot be put in an order.
 */
int policy_options_resolve(const struct policy_options *o, const struct opt_set *set, uint64_t per_epoch,
                           bool stand_in, uint64_t iterations, struct clr_schedule *out,
                           struct clr_error *err);

/*
 * Iterations of a run: as given by --iterations, or the whole cycles of --cycles. CLR_EUSAGE: neither or both
 * were given, or the policy has no cycles.
 */
int policy_options_iterations(const struct policy_options *o, const struct opt_set *set, uint64_t per_epoch,
                              const struct opt_span *iterations, uint64_t *out, struct clr_error *err);

/* Say so on stderr where a run of that many iterations ends inside a cycle, which costs accuracy, or before a
 * milestone. */
void policy_note_end(const struct clr_schedule *s, uint64_t iterations);

/* What describes a run, as typed, and what it opens. */
struct run_options {
    struct policy_options policy;
    struct clr_train_options train; /* complete after run_options_open() */
    const char *net, *data, *out, *device, *init, *solver;
    struct opt_span iterations, validate_every;
    int convention, optimizer, regularization, order, last_batch, mean, on_divergence;
    int validation;          /* −1: not given */
    bool held_out;           /* without --validation, hold out a tenth of the training images */
    unsigned watch_fraction; /* without --validate-every, evaluate that often; 0: every 1,000 iterations */
    bool quiet, json;
    struct clr_net_spec *spec;   /* owned */
    struct clr_dataset *dataset; /* owned */
    struct clr_device chosen;
    struct arguments arguments; /* that the options are from, with --resume */
    struct arguments kept;      /* that run.json keeps */
};

void run_options_init(struct run_options *o);

/* Groups of options for opt_add(). with_out: --out too. */
void run_options_add_where(struct run_options *o, struct opt_set *set, bool with_out);
void run_options_add_solver(struct run_options *o, struct opt_set *set);
/* decays: where a list of weight decays goes; NULL: one. */
void run_options_add_training(struct run_options *o, struct opt_set *set, struct opt_reals *decays);
void run_options_add_input(struct run_options *o, struct opt_set *set, bool from_weights);
void run_options_add_watching(struct run_options *o, struct opt_set *set, const char *every_help,
                              const char *validation_help);
void run_options_add_keeping(struct run_options *o, struct opt_set *set, bool training);
void run_options_add_logging(struct run_options *o, struct opt_set *set);
void run_options_add_output(struct run_options *o, struct opt_set *set);

/*
 * Fill *o and *set by argv, after `describe` has set defaults and added the command's options; user: for
 * describe. With --resume, the arguments that the run in --out was begun with come first, then those of
 * --solver. Returns what opt_parse() does; in any case both are to be cleared.
 */
int run_options_parse(struct run_options *o, struct opt_set *set, const struct opt_command *command,
                      void (*describe)(struct run_options *o, struct opt_set *set, void *user), void *user,
                      int argc, char **argv, struct clr_error *err);

/* Read the net and the data set. */
int run_options_open_files(struct run_options *o, struct clr_error *err);

/* What cannot work whatever the files hold: CLR_EUSAGE. */
int run_options_check(struct run_options *o, const struct opt_set *set, struct clr_error *err);

/* The same, and hand over what run.json would keep of the arguments. */
int run_options_keep(struct arguments *kept, struct run_options *o, const struct opt_set *set,
                     struct clr_error *err);

/*
 * Read the net and the data set, turn epochs into iterations, choose the device; o->train is complete then,
 * but for the callbacks. Calls run_options_check() first.
 */
int run_options_open(struct run_options *o, const struct opt_set *set, struct clr_error *err);
void run_options_clear(struct run_options *o);

#endif
