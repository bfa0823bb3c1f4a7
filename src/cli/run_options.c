/* The options that train, range-test, eval and schedule share: see run_options.h. */
#include "cli/run_options.h"

#include <dirent.h>
#include <math.h>
#include <string.h>

#include "base/fs.h"
#include "cli/common.h"
#include "range/curve.h"

#define MAX_RATE   1e6
#define MAX_GAMMA  1e6
#define MAX_CYCLES 1e9

/* ---- policies ------------------------------------------------------------------------------------------ */

void policy_options_init(struct policy_options *o)
{
    *o = (struct policy_options){0};
    clr_schedule_init(&o->schedule);
    o->cycle_momentum[0] = o->cycle_momentum[1] = NAN;
}

void policy_options_add(struct policy_options *o, struct opt_set *set, bool epochs)
{
    static const char *const exp_ranges[] = {"bounds", "amplitude", NULL};
    static const char *const anneals[] = {"cos", "linear", NULL};
    const struct opt table[] = {
        {.kind = OPT_TEXT,
         .name = "policy",
         .value = &o->policy,
         .argument = "P",
         .choices = clr_schedule_policies(),
         .list_choices = true,
         .help = "how the rate moves"},
        {.kind = OPT_REAL,
         .name = "lr",
         .value = &o->schedule.lr,
         .argument = "R",
         .above = true,
         .max = MAX_RATE,
         .help = "the rate of fixed; the first rate of multistep, exp, step, inv and poly; the highest of "
                 "sigmoid"},
        {.kind = OPT_REAL,
         .name = "min-lr",
         .value = &o->schedule.min_lr,
         .argument = "R",
         .max = MAX_RATE,
         .help = "lowest rate of triangular, triangular2, exp_range, decay and sgdr"},
        {.kind = OPT_REAL,
         .name = "max-lr",
         .value = &o->schedule.max_lr,
         .argument = "R",
         .above = true,
         .max = MAX_RATE,
         .help = "highest rate of the same, and of 1cycle"},
        {.kind = OPT_SPAN,
         .name = "step-size",
         .value = &o->step_size,
         .argument = "N",
         .min = 1,
         .help =
             epochs
                 ? "half a cycle, in iterations (2000) or epochs (4ep); the first period of sgdr; for decay, "
                   "the length of the decline; a step of step; where sigmoid is at half"
                 : "half a cycle, in iterations; the first period of sgdr; for decay, the length of the "
                   "decline; a step of step; where sigmoid is at half"},
        {.kind = OPT_U64,
         .name = "cycles",
         .value = &o->cycles,
         .argument = "N",
         .min = 1,
         .max = MAX_CYCLES,
         .help = epochs ? "train for N whole cycles of a cyclic policy: instead of --iterations"
                        : "write N whole cycles of a cyclic policy: instead of --iterations"},
        {.kind = OPT_REAL,
         .name = "gamma",
         .value = &o->schedule.gamma,
         .argument = "G",
         .min = -MAX_GAMMA,
         .max = MAX_GAMMA,
         .help = "factor at each milestone (multistep), step (step) or iteration (exp, exp_range); what "
                 "multiplies the "
                 "iteration in inv and sigmoid, where a negative one lets the rate decline"},
        {.kind = OPT_REAL,
         .name = "power",
         .value = &o->schedule.power,
         .argument = "P",
         .max = 100,
         .help = "exponent of inv and poly"},
        {.kind = OPT_SPANS,
         .name = "milestones",
         .value = &o->milestones,
         .argument = "N,N...",
         .min = 1,
         .help = "iterations after which multistep lowers the rate: 60000,65000"},
        {.kind = OPT_CHOICE,
         .name = "exp-range",
         .value = &o->exp_range,
         .argument = "WHAT",
         .choices = exp_ranges,
         .help = "what declines under exp_range: both bounds, as in the paper, or only the amplitude of the "
                 "cycle, as in PyTorch: bounds or amplitude (default: bounds)"},
        {.kind = OPT_U64,
         .name = "t-mult",
         .value = &o->schedule.t_mult,
         .argument = "N",
         .min = 1,
         .max = 1000,
         .help = "each period of sgdr is N times as long as the one before (default: 1)"},
        {.kind = OPT_REAL,
         .name = "pct-start",
         .value = &o->schedule.pct_start,
         .argument = "X",
         .max = 1,
         .help = "part of the run in which the rate of 1cycle rises (default: 0.3)"},
        {.kind = OPT_REAL,
         .name = "div-factor",
         .value = &o->schedule.div_factor,
         .argument = "X",
         .min = 1,
         .help = "1cycle begins with --max-lr divided by X (default: 25)"},
        {.kind = OPT_REAL,
         .name = "final-div-factor",
         .value = &o->schedule.final_div_factor,
         .argument = "X",
         .min = 1,
         .help = "1cycle ends with its first rate divided by X (default: 10000)"},
        {.kind = OPT_CHOICE,
         .name = "anneal",
         .value = &o->anneal,
         .argument = "HOW",
         .choices = anneals,
         .help = "how 1cycle goes from rate to rate: cos or linear (default: cos)"},
        {.kind = OPT_FLAG,
         .name = "three-phase",
         .value = &o->schedule.three_phase,
         .help = "1cycle falls to its first rate as fast as it rose, and only then to the last one"},
        {.kind = OPT_REAL,
         .name = "momentum",
         .value = &o->schedule.momentum,
         .argument = "M",
         .max = 1,
         .below = true,
         .help = "momentum (default: 0.9)"},
        {.kind = OPT_PAIR,
         .name = "cycle-momentum",
         .value = o->cycle_momentum,
         .argument = "A:B",
         .max = 1,
         .below = true,
         .help = "move momentum against the rate of a cyclic policy: A at the highest rate, B at the lowest "
                 "(default: 0.85:0.95 for 1cycle without --momentum, else constant)"},
    };

    opt_add(set, "Learning rate and momentum", table, MEM_COUNT(table));
}

static int to_iterations(uint64_t *out, const struct opt_span *span, const char *name, uint64_t per_epoch,
                         struct clr_error *err)
{
    if (span->epochs > 0 && per_epoch == 0)
        return clr_error_set(err, CLR_EUSAGE,
                             "--%s %gep: there are no epochs without a data set; give the number "
                             "of iterations",
                             name, span->epochs);
    *out = opt_span_iterations(span, per_epoch);
    return 0;
}

/* The field of struct clr_schedule that an option sets. */
static void field_of(char *out, size_t size, const char *option)
{
    str_copy(out, size, option);
    for (; *out; out++)
        *out = *out == '-' ? '_' : *out;
}

/* Options that the policy makes no use of are taken for a slip, and said. */
static void warn_of_unused(const struct opt_set *set, enum clr_policy policy)
{
    static const char *const options[] = {"lr",     "min-lr",     "max-lr",     "step-size",
                                          "gamma",  "power",      "milestones", "exp-range",
                                          "t-mult", "pct-start",  "div-factor", "final-div-factor",
                                          "anneal", "three-phase"};
    char field[32];

    for (size_t i = 0; i < MEM_COUNT(options); i++) {
        field_of(field, sizeof field, options[i]);
        if (opt_given(set, options[i]) && !clr_schedule_reads(policy, field))
            cli_warn("--%s has no effect: policy %s does not use it", options[i],
                     clr_schedule_policy_name(policy));
    }
}

static void warn_of_unused_optimizer(const struct opt_set *set, enum clr_optimizer optimizer)
{
    static const char *const options[] = {"momentum2", "epsilon"};

    for (size_t i = 0; i < MEM_COUNT(options); i++)
        if (opt_given(set, options[i]) && isnan(clr_optimizer_momentum2(optimizer)))
            cli_warn("--%s has no effect: optimizer %s does not use it", options[i],
                     clr_optimizer_name(optimizer));
}

/* An epoch's length is not known yet: epochs have an order among themselves, and none with iterations, in
 * whose place stand any numbers that ascend. */
static void order_milestones(uint64_t *milestones, const struct policy_options *o)
{
    size_t epochs = 0;

    for (size_t i = 0; i < o->milestones.count; i++)
        epochs += o->milestones.spans[i].epochs > 0;
    for (size_t i = 0; epochs > 0 && i < o->milestones.count && i < CLR_MAX_MILESTONES; i++)
        milestones[i] =
            epochs < o->milestones.count ? i + 1 : (uint64_t)(1e6 * o->milestones.spans[i].epochs);
}

int policy_options_resolve(const struct policy_options *o, const struct opt_set *set, uint64_t per_epoch,
                           bool stand_in, uint64_t iterations, struct clr_schedule *out,
                           struct clr_error *err)
{
    struct clr_schedule s = o->schedule;
    int rc = opt_require(set, "policy", err);

    if (rc == 0)
        rc = clr_schedule_parse_policy(&s.policy, o->policy, err);
    if (rc == 0)
        rc = to_iterations(&s.step_size, &o->step_size, "step-size", per_epoch, err);
    for (size_t i = 0; rc == 0 && i < o->milestones.count && i < CLR_MAX_MILESTONES; i++)
        rc = to_iterations(&s.milestones[i], &o->milestones.spans[i], "milestones", per_epoch, err);
    if (rc < 0)
        return rc;
    if (stand_in)
        order_milestones(s.milestones, o);
    s.milestone_count = o->milestones.count;
    s.iterations = s.policy == CLR_POLICY_POLY || s.policy == CLR_POLICY_1CYCLE ? iterations : 0;
    s.exp_range = o->exp_range == 1 ? CLR_EXP_RANGE_AMPLITUDE : CLR_EXP_RANGE_BOUNDS;
    s.anneal = o->anneal == 1 ? CLR_ANNEAL_LINEAR : CLR_ANNEAL_COS;
    s.cycle_momentum_low = o->cycle_momentum[0];
    s.cycle_momentum_high = o->cycle_momentum[1];
    if (s.policy == CLR_POLICY_1CYCLE && !opt_given(set, "cycle-momentum") && !opt_given(set, "momentum")) {
        s.cycle_momentum_low = 0.85; /* PyTorch's */
        s.cycle_momentum_high = 0.95;
    }
    rc = clr_schedule_check(&s, err);
    if (rc < 0)
        return rc;
    if (!stand_in)
        warn_of_unused(set, s.policy);
    *out = s;
    return 0;
}

int policy_options_iterations(const struct policy_options *o, const struct opt_set *set, uint64_t per_epoch,
                              const struct opt_span *iterations, uint64_t *out, struct clr_error *err)
{
    struct clr_schedule s = o->schedule;
    int rc;

    if (!opt_given(set, "cycles")) {
        rc = opt_require(set, "iterations", err);
        if (rc == 0)
            *out = opt_span_iterations(iterations, per_epoch);
        return rc;
    }
    if (opt_given(set, "iterations"))
        return clr_error_set(err, CLR_EUSAGE, "--cycles and --iterations: give one of them");
    rc = clr_schedule_parse_policy(&s.policy, o->policy, err);
    if (rc == 0)
        rc = to_iterations(&s.step_size, &o->step_size, "step-size", per_epoch, err);
    if (rc < 0)
        return rc;
    if (!clr_schedule_is_cyclic(s.policy))
        return clr_error_set(err, CLR_EUSAGE, "--cycles: policy %s has no cycles; give --iterations",
                             o->policy);
    if (s.step_size == 0)
        return opt_require(set, "step-size", err);
    *out = clr_schedule_cycles(&s, o->cycles);
    return *out < UINT64_MAX ? 0
                             : clr_error_set(err, CLR_EUSAGE, "--cycles %llu: more iterations than can be",
                                             (unsigned long long)o->cycles);
}

void policy_note_end(const struct clr_schedule *s, uint64_t iterations)
{
    const uint64_t end =
        clr_schedule_ends_in_cycle(s, iterations) ? clr_schedule_cycle_end(s, iterations) : 0;
    char asked[STR_COUNT], whole[STR_COUNT];

    for (size_t i = 0; i < s->milestone_count && s->policy == CLR_POLICY_MULTISTEP; i++) {
        if (s->milestones[i] < iterations)
            continue;
        cli_note("note: the milestone %s is not reached: the end is after %s",
                 str_count(whole, s->milestones[i], ""), str_count(asked, iterations, "iteration"));
        break;
    }
    if (end > 0 && end < UINT64_MAX)
        cli_note("note: the end, after %s, is inside a cycle, where accuracy is lower; the cycle would be "
                 "over after %s",
                 str_count(asked, iterations, "iteration"), str_count(whole, end, ""));
}

/* ---- runs ---------------------------------------------------------------------------------------------- */

void run_options_init(struct run_options *o)
{
    *o = (struct run_options){.validation = -1, .mean = -1};
    policy_options_init(&o->policy);
    clr_train_options_init(&o->train);
    o->validate_every.iterations = o->train.validate_every;
    o->convention = (int)o->train.convention;
    o->optimizer = (int)o->train.optimizer;
    o->order = (int)o->train.order;
    o->last_batch = (int)o->train.last_batch;
}

void run_options_add_where(struct run_options *o, struct opt_set *set, bool with_out)
{
    const struct opt table[] = {
        {.kind = OPT_TEXT,
         .name = "net",
         .value = &o->net,
         .argument = "NET",
         .help = "quick, full, caffe-quick, caffe-full, lenet, or a file in Caffe's prototxt format"},
        {.kind = OPT_TEXT,
         .name = "data",
         .value = &o->data,
         .argument = "DATA",
         .help =
             "cifar10, cifar100, mnist, fashion-mnist, or a folder in CIFAR binary layout or with IDX files"},
        {.kind = OPT_TEXT,
         .name = "device",
         .value = &o->device,
         .argument = "D",
         .help =
             "platform and device (0:1), cpu, gpu, or part of a name (default: $CLR_DEVICE, else the best "
             "one that 'clr-cl devices' lists)"},
        {.kind = OPT_FLAG,
         .name = "unchecked",
         .value = &o->train.unchecked,
         .help = "do not compare the device with the reference before the first run of this net on it"},
        {.kind = OPT_TEXT,
         .name = "out",
         .value = &o->out,
         .argument = "DIR",
         .help = "folder to write the run to; it must not hold a run yet, but for --resume"},
    };

    opt_add(set, "What and where", table, with_out ? MEM_COUNT(table) : MEM_COUNT(table) - 1);
}

void run_options_add_solver(struct run_options *o, struct opt_set *set)
{
    const struct opt table[] = {
        {.kind = OPT_TEXT,
         .name = "solver",
         .value = &o->solver,
         .argument = "FILE",
         .help = "take the options that a Caffe solver file says, but for those that are given too; with "
                 "--resume: go on under its rate and max_iter"},
    };

    opt_add(set, NULL, table, MEM_COUNT(table));
}

void run_options_add_training(struct run_options *o, struct opt_set *set, struct opt_reals *decays)
{
    static const char *const conventions[] = {"pytorch", "caffe", NULL};
    static const char *const orders[] = {"shuffle", "sequential", NULL};
    static const char *const regularizations[] = {"l2", "l1", NULL};
    static const char *const last_batches[] = {"drop", "keep", NULL};
    const struct opt table[] = {
        {.kind = OPT_SPAN,
         .name = "iterations",
         .value = &o->iterations,
         .argument = "N",
         .min = 1,
         .help = "how long to train, in iterations (4000) or epochs (8ep)"},
        {.kind = OPT_INT,
         .name = "batch",
         .value = &o->train.batch,
         .argument = "B",
         .min = 1,
         .help = "images of a batch, at most the training images (default: 100)"},
        {.kind = OPT_U64,
         .name = "seed",
         .value = &o->train.seed,
         .argument = "S",
         .help = "for the first weights and the order of images; equal seeds give equal runs (default: 1)"},
        {.kind = OPT_CHOICE,
         .name = "momentum-convention",
         .value = &o->convention,
         .argument = "C",
         .choices = conventions,
         .help = "pytorch: the rate multiplies the velocity; caffe: the gradient. They differ as soon as the "
                 "rate changes (default: pytorch)"},
        {.kind = OPT_CHOICE,
         .name = "optimizer",
         .value = &o->optimizer,
         .argument = "HOW",
         .choices = clr_optimizer_names(),
         .list_choices = true,
         .help = "how weights are updated, each in the momentum convention (default: sgd)"},
        {.kind = OPT_REAL,
         .name = "momentum2",
         .value = &o->train.momentum2,
         .argument = "M",
         .max = 1,
         .below = true,
         .help = "momentum of the squared gradients, where the optimizer keeps them (default: as is usual "
                 "for it)"},
        {.kind = OPT_REAL,
         .name = "epsilon",
         .value = &o->train.epsilon,
         .argument = "E",
         .above = true,
         .max = 1,
         .help = "what is added to the root of their mean (default: 1e-8)"},
        {.kind = decays ? OPT_REALS : OPT_REAL,
         .name = "weight-decay",
         .value = decays ? (void *)decays : &o->train.weight_decay,
         .argument = decays ? "W,W..." : "W",
         .max = 1000,
         .help =
             decays
                 ? "decay of the weights, as a part of the gradient; several: a test with each, in a folder "
                   "decay-W, and one figure (default: 0.004)"
                 : "decay of the weights, as a part of the gradient (default: 0.004)"},
        {.kind = OPT_CHOICE,
         .name = "regularization",
         .value = &o->regularization,
         .argument = "WHAT",
         .choices = regularizations,
         .help = "l2: the decay is in proportion to the weight; l1: to its sign alone (default: l2)"},
        {.kind = OPT_CHOICE,
         .name = "order",
         .value = &o->order,
         .argument = "O",
         .choices = orders,
         .help = "order of the training images: shuffle (every epoch) or sequential, as in the files "
                 "(default: shuffle)"},
        {.kind = OPT_CHOICE,
         .name = "last-batch",
         .value = &o->last_batch,
         .argument = "WHAT",
         .choices = last_batches,
         .help = "drop or keep an epoch's last batch where it is not full (default: drop)"},
        {.kind = OPT_TEXT,
         .name = "init",
         .value = &o->init,
         .argument = "FILE",
         .help = "start from the weights in this safetensors file"},
        {.kind = OPT_FLAG,
         .name = "init-partial",
         .value = &o->train.init_partial,
         .help = "with --init: take the tensors that match, leave out the rest"},
    };

    opt_add(set, "Training", table, MEM_COUNT(table));
}

void run_options_add_input(struct run_options *o, struct opt_set *set, bool from_weights)
{
    static const char *const means[] = {"none", "channel", "image", NULL};
    const struct opt table[] = {
        {.kind = OPT_CHOICE,
         .name = "mean",
         .value = &o->mean,
         .argument = "WHAT",
         .choices = means,
         .help = from_weights
                     ? "what is subtracted from each image: none, the mean of each channel, or the mean "
                       "image: none, channel or image (default: what the weights were trained with)"
                     : "what is subtracted from each image: none, the mean of each channel, or the mean "
                       "image: none, channel or image (default: what the net says)"},
        {.kind = OPT_REAL,
         .name = "scale",
         .value = &o->train.scale,
         .argument = "X",
         .above = true,
         .max = 1e6,
         .help = from_weights ? "factor on the bytes 0 to 255 of the images (default: what the weights were "
                                "trained with)"
                              : "factor on the bytes 0 to 255 of the images (default: what the net says)"},
    };

    opt_add(set, "Input", table, MEM_COUNT(table));
}

void run_options_add_watching(struct run_options *o, struct opt_set *set, const char *every_help,
                              const char *validation_help)
{
    const struct opt table[] = {
        {.kind = OPT_SPAN,
         .name = "validate-every",
         .value = &o->validate_every,
         .argument = "N",
         .help = every_help},
        {.kind = OPT_INT,
         .name = "validation",
         .value = &o->validation,
         .argument = "N",
         .help = validation_help},
    };

    opt_add(set, "Watching", table, MEM_COUNT(table));
}

void run_options_add_keeping(struct run_options *o, struct opt_set *set, bool training)
{
    static const char *const on_divergence[] = {"stop", "backoff", NULL};
    const struct opt table[] = {
        {.kind = OPT_U64,
         .name = "checkpoint-every",
         .value = &o->train.checkpoint_every,
         .argument = "N",
         .max = 1e9,
         .help = "iterations between two checkpoints; 0: only at the end and when stopped (default: 1000)"},
        {.kind = OPT_FLAG,
         .name = "resume",
         .value = &o->train.resume,
         .help = training ? "go on with the run in --out from its last checkpoint, with the options it was "
                            "begun with; "
                            "none but --iterations, --checkpoint-every, --on-divergence and those about "
                            "output may change"
                          : "go on with the test in --out from its last checkpoint, with the options it was "
                            "begun with; "
                            "none but --checkpoint-every and those about output may change"},
        {.kind = OPT_CHOICE,
         .name = "on-divergence",
         .value = &o->on_divergence,
         .argument = "WHAT",
         .choices = on_divergence,
         .help =
             "where a loss is not finite: stop, or backoff: go back to the last checkpoint and on with half "
             "the rates, up to ten times (default: stop)"},
        {.kind = OPT_FLAG,
         .name = "keep-minima",
         .value = &o->train.keep_minima,
         .help = "keep the weights wherever a cycle ends and the rate is lowest: minimum-N.safetensors"},
    };

    opt_add(set, "Stopping and going on", table, training ? MEM_COUNT(table) : MEM_COUNT(table) - 2);
}

void run_options_add_logging(struct run_options *o, struct opt_set *set)
{
    const struct opt table[] = {
        {.kind = OPT_U64,
         .name = "log-every",
         .value = &o->train.log_every,
         .argument = "N",
         .min = 1,
         .max = 1e9,
         .help = "iterations between two lines of loss.csv, which has the first and the last one, too "
                 "(default: 100, which gives a run of 600 iterations 7 lines)"},
        {.kind = OPT_FLAG,
         .name = "profile",
         .value = &o->train.profile,
         .help = "measure each kernel and print a table at the end; slows the run down"},
    };

    opt_add(set, NULL, table, MEM_COUNT(table));
}

void run_options_add_output(struct run_options *o, struct opt_set *set)
{
    const struct opt table[] = {
        {.kind = OPT_FLAG, .name = "json", .value = &o->json, .help = "print the result as JSON on stdout"},
        {.kind = OPT_FLAG,
         .name = "quiet",
         .value = &o->quiet,
         .help = "no progress and no messages, only warnings and errors"},
    };

    opt_add(set, "Output", table, MEM_COUNT(table));
}

/* Those of the run that is resumed, of the solver's file, and argv. */
static int join_arguments(struct arguments *all, const struct run_options *o, const struct opt_set *set,
                          int argc, char **argv, struct clr_error *err)
{
    struct solver solver = {.count = 0};
    int rc = o->solver ? solver_read(&solver, o->solver, !opt_given(set, "net"), err) : 0;

    if (rc == 0)
        rc = arguments_join(all, o->train.resume ? o->out : NULL, set, &solver, argc, argv, err);
    solver_clear(&solver);
    return rc;
}

/* Does the folder hold several range tests, of seeds or decays? They may have been stopped in the first. */
static bool holds_tests(const char *folder)
{
    DIR *d = opendir(folder);
    const struct dirent *entry;
    bool found = false;

    while (d && !found && (entry = readdir(d)))
        found = range_is_test_name(entry->d_name);
    if (d)
        (void)closedir(d);
    return found;
}

/* Without options that could begin one, --resume needs a run that is there. */
static int require_run(const struct run_options *o, const struct opt_set *set, const char *command,
                       struct clr_error *err)
{
    if (o->solver || opt_given(set, "net") || fs_exists_in(o->out, "run.json"))
        return 0;
    if (!fs_exists(o->out))
        return clr_error_set(
            err, CLR_EUSAGE,
            "--resume: there is no folder '%s'; --out takes the folder of the run that goes on", o->out);
    if (holds_tests(o->out))
        return clr_error_set(err, CLR_EUSAGE,
                             "there are several range tests in '%s': to go on with them, give the whole "
                             "command again, with --resume",
                             o->out);
    return clr_error_set(err, CLR_EUSAGE,
                         "there is no run in '%s' to go on with (no run.json); to begin one there, give all "
                         "options of 'clr-cl %s'",
                         o->out, command);
}

int run_options_parse(struct run_options *o, struct opt_set *set, const struct opt_command *command,
                      void (*describe)(struct run_options *o, struct opt_set *set, void *user), void *user,
                      int argc, char **argv, struct clr_error *err)
{
    int rc;

    run_options_init(o);
    describe(o, set, user);
    rc = opt_parse(set, command, argc, argv, err);
    if (rc == 0 && o->train.resume)
        rc = opt_require(set, "out", err);
    if (rc == 0 && o->train.resume)
        rc = require_run(o, set, command->name, err);
    if (rc != 0)
        return rc;
    if (o->train.resume || o->solver) {
        struct arguments all;
        rc = join_arguments(&all, o, set, argc, argv, err);
        if (rc < 0)
            return rc;
        opt_clear(set);
        run_options_init(o);
        o->arguments = all; /* what was parsed may point into them */
        describe(o, set, user);
        rc = opt_parse(set, command, all.count, all.values, err);
        if (rc != 0)
            return rc;
    }
    if (!opt_given(set, "momentum"))
        o->policy.schedule.momentum = clr_optimizer_momentum((enum clr_optimizer)o->optimizer);
    o->train.continues = o->train.resume && o->solver;
    rc = arguments_to_keep(&o->kept, command->name, set, err);
    o->train.arguments = (const char *const *)o->kept.values;
    return rc;
}

int run_options_open_files(struct run_options *o, struct clr_error *err)
{
    int rc;

    cli_set_quiet(o->quiet);
    rc = clr_net_load(&o->spec, o->net, err);
    if (rc == 0)
        rc = clr_dataset_open(&o->dataset, o->data, err);
    if (rc < 0)
        return rc;
    o->train.net = o->spec;
    o->train.net_name = o->net;
    o->train.data = o->dataset;
    o->train.data_name = o->data;
    o->train.device = &o->chosen;
    o->train.out = o->out;
    o->train.command_line = cli_command_line();
    o->train.mean = o->mean;
    o->train.init = o->init;
    return 0;
}

/* An epoch in iterations: the images that are trained on, in batches, the last one as --last-batch says. */
static int iterations_per_epoch(const struct run_options *o, uint64_t *out, struct clr_error *err)
{
    int all = o->dataset->train.count, images = all - o->train.validation, batch = o->train.batch;
    char has[STR_COUNT], left[STR_COUNT];

    if (batch > all)
        return clr_error_set(err, CLR_EUSAGE,
                             "--batch %d: '%s' has only %s to train on; --batch %d is the most", batch,
                             o->data, str_count(has, (uint64_t)all, "image"), all);
    if (images < batch)
        return clr_error_set(err, CLR_EUSAGE,
                             "--validation %d leaves %s of the %s for training, less than a batch of %d",
                             o->train.validation, str_count(left, images > 0 ? (uint64_t)images : 0, ""),
                             str_count(has, (uint64_t)all, "image"), batch);
    *out = (uint64_t)(o->train.last_batch == CLR_LAST_BATCH_KEEP ? (images - 1) / batch + 1 : images / batch);
    return 0;
}

static int resolve(struct run_options *o, const struct opt_set *set, uint64_t per_epoch, bool stand_in,
                   struct clr_error *err)
{
    int rc = policy_options_iterations(&o->policy, set, per_epoch, &o->iterations, &o->train.iterations, err);

    if (rc < 0)
        return rc;
    o->train.validate_every = opt_span_iterations(&o->validate_every, per_epoch);
    if (o->watch_fraction > 0 && !opt_given(set, "validate-every")) {
        uint64_t every = o->train.iterations / o->watch_fraction;
        o->train.validate_every = every > 0 ? every : 1;
    }
    if (o->policy.policy)
        rc = policy_options_resolve(&o->policy, set, per_epoch, stand_in, o->train.iterations,
                                    &o->train.schedule, err);
    return rc;
}

int run_options_check(struct run_options *o, const struct opt_set *set, struct clr_error *err)
{
    const uint64_t long_epoch = 1000000; /* stands in until the data set is known */
    int rc;

    o->train.convention = o->convention == 1 ? CLR_MOMENTUM_CAFFE : CLR_MOMENTUM_PYTORCH;
    o->train.optimizer = (enum clr_optimizer)o->optimizer; /* the choices are its names */
    o->train.l1 = o->regularization == 1;
    o->train.backoff = o->on_divergence == 1;
    o->train.order = o->order == 1 ? CLR_ORDER_SEQUENTIAL : CLR_ORDER_SHUFFLE;
    o->train.last_batch = o->last_batch == 1 ? CLR_LAST_BATCH_KEEP : CLR_LAST_BATCH_DROP;
    rc = resolve(o, set, long_epoch, true, err);
    if (rc == 0 && o->train.init_partial && !o->init)
        rc = clr_error_set(err, CLR_EUSAGE, "--init-partial without --init FILE: there is nothing to load");
    return rc;
}

int run_options_keep(struct arguments *kept, struct run_options *o, const struct opt_set *set,
                     struct clr_error *err)
{
    int rc = run_options_check(o, set, err);

    if (rc == 0) {
        *kept = o->kept;
        o->kept = (struct arguments){0};
    }
    return rc;
}

int run_options_open(struct run_options *o, const struct opt_set *set, struct clr_error *err)
{
    uint64_t per_epoch = 1;
    int rc = run_options_check(o, set, err);

    if (rc == 0)
        rc = run_options_open_files(o, err);
    if (rc < 0)
        return rc;
    o->train.validation = o->validation >= 0 ? o->validation : o->held_out ? o->dataset->train.count / 10 : 0;
    rc = iterations_per_epoch(o, &per_epoch, err);
    if (rc == 0)
        rc = resolve(o, set, per_epoch, false, err);
    if (rc == 0)
        warn_of_unused_optimizer(set, o->train.optimizer);
    if (rc == 0)
        rc = cli_device_choose(&o->chosen, o->device, err);
    return rc;
}

void run_options_clear(struct run_options *o)
{
    clr_net_destroy(o->spec);
    clr_dataset_destroy(o->dataset);
    arguments_clear(&o->arguments);
    arguments_clear(&o->kept);
    *o = (struct run_options){0};
}
