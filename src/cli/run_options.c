/* The options that train, range-test, eval and schedule share: see run_options.h. */
#include "cli/run_options.h"

#include <dirent.h>
#include <math.h>
#include <string.h>

#include "base/fs.h"
#include "cli/common.h"

#define MAX_RATE          1e6
#define MAX_GAMMA         1e6
#define MAX_CYCLES        1e9
#define RANGE_EVALUATIONS 40

/* OPT_CHOICE writes an int. */
_Static_assert(sizeof(enum clr_policy) == sizeof(int) && sizeof(enum clr_optimizer) == sizeof(int) &&
                   sizeof(enum clr_order) == sizeof(int),
               "an enum has the size of an int");

/* ---- tables -------------------------------------------------------------------------------------------- */

void run_options_init(struct run_options *o)
{
    *o = (struct run_options){.cycle_momentum = {NAN, NAN}, .seeds = 1};
    clr_train_options_init(&o->train, sizeof o->train);
    o->train.batch = 0;
    o->validate_every.iterations = o->train.validate_every;
}

void run_options_add_where(struct run_options *o, bool out)
{
    const struct opt table[] = {
        {OPT_TEXT, "net", "NET", &o->train.net_name, .like = "lenet",
         .help = "quick, full, caffe-quick, caffe-full, lenet, or a file in Caffe's prototxt format"},
        {OPT_TEXT, "data", "DATA", &o->train.data_name, .like = "fashion-mnist",
         .help = "cifar10, cifar100, mnist, fashion-mnist, or a folder in CIFAR binary layout or with IDX "
                 "files"},
        OPT_ROW_DEVICE(&o->device),
        {OPT_FLAG, "unchecked", NULL, &o->train.unchecked,
         .help = "do not compare the device with the reference before the first run of this net on it"},
        {OPT_TEXT, "out", "DIR", &o->train.out, .like = o->range_test ? "range" : "run",
         .help = "folder to write the run to; without --resume it must not hold a run"},
    };

    opt_add(&o->set, "What and where", table, out ? MEM_COUNT(table) : MEM_COUNT(table) - 1);
}

void run_options_add_solver(struct run_options *o)
{
    const struct opt solver = {
        OPT_TEXT, "solver", "FILE", &o->solver,
        .help = o->range_test
                    ? "read options from a Caffe solver file, and the sweep from the first rise of its "
                      "triangular policy; options on the command line override it"
                    : "read options from a Caffe solver file; options on the command line override it. "
                      "With --resume, continue with its rates and max_iter"};

    opt_add(&o->set, NULL, &solver, 1);
}

/* The policies that read the option's field of struct clr_schedule. */
static void list_policies(struct str *out, const char *option)
{
    const char *const *names = clr_schedule_policies(), *before = "";

    for (int i = 0; names[i]; i++)
        if (clr_schedule_reads((enum clr_policy)i, option)) {
            str_append(out, "%s%s", before, names[i]);
            before = ", ";
        }
}

static bool is_needed_by_policy(const struct opt_set *set, const struct opt *o)
{
    return opt_given(set, "policy") &&
           clr_schedule_needs(*(const enum clr_policy *)opt_find(set, "policy")->value, o->name);
}

bool run_options_need_iterations(const struct opt_set *set, const struct opt *o)
{
    (void)o;
    return !opt_given(set, "cycles");
}

#define OF_POLICY(example)                                                                                   \
    .list = list_policies, .needed = is_needed_by_policy, .by = "policy", .like = (example)

void run_options_add_policy(struct run_options *o)
{
    struct clr_schedule *s = &o->train.schedule;
    const struct opt table[] = {
        {OPT_CHOICE, "policy", "P", &s->policy, .choices = clr_schedule_policies(), .list_choices = true,
         .like = "fixed", .help = "how the rate changes"},
        {OPT_REAL, "lr", "R", &s->lr, .above = true, .max = MAX_RATE, OF_POLICY("0.01"),
         .help = "the rate, from which the others decline; of sigmoid the highest"},
        {OPT_REAL, "min-lr", "R", &s->min_lr, .max = MAX_RATE, OF_POLICY("0.001"), .help = "the lowest rate"},
        {OPT_REAL, "max-lr", "R", &s->max_lr, .above = true, .max = MAX_RATE, OF_POLICY("0.01"),
         .help = "the highest rate"},
        {OPT_SPAN, "step-size", "N", &o->step_size, .min = 1, OF_POLICY("200"),
         .help = "half a cycle, in iterations (2000) or, with a data set, epochs (4ep); the first period of "
                 "sgdr; the length of a decline; a step; where sigmoid is at half"},
        {OPT_U64, "cycles", "N", &o->cycles, .min = 1, .max = MAX_CYCLES,
         .help = "N whole cycles of a cyclic policy, instead of --iterations"},
        {OPT_REAL, "gamma", "G", &s->gamma, .min = -MAX_GAMMA, .max = MAX_GAMMA, OF_POLICY("0.99"),
         .help = "factor at each milestone, step or iteration; inv and sigmoid multiply the iteration by it, "
                 "and a negative one lets sigmoid decline"},
        {OPT_REAL, "power", "P", &s->power, .max = 100, OF_POLICY("1"), .help = "exponent"},
        {OPT_SPANS, "milestones", "N,N...", &o->milestones, .min = 1, OF_POLICY("600,800"),
         .help = "iterations after which the rate is lowered: 60000,65000"},
        {OPT_CHOICE, "exp-range", "WHAT", &s->exp_range, .choices = clr_exp_range_names(),
         .list = list_policies,
         .help = "what declines: bounds, both of them, as in the paper; amplitude, that of the cycle alone, "
                 "as in PyTorch (default: bounds)"},
        {OPT_U64, "t-mult", "N", &s->t_mult, .min = 1, .max = 1000, .list = list_policies,
         .help = "each period is N times as long as the one before (default: 1)"},
        {OPT_REAL, "pct-start", "X", &s->pct_start, .max = 1, .list = list_policies,
         .help = "part of the run in which the rate rises (default: 0.3)"},
        {OPT_REAL, "div-factor", "X", &s->div_factor, .min = 1, .list = list_policies,
         .help = "the first rate is --max-lr divided by X (default: 25)"},
        {OPT_REAL, "final-div-factor", "X", &s->final_div_factor, .min = 1, .list = list_policies,
         .help = "the last rate is the first one divided by X (default: 10000)"},
        {OPT_CHOICE, "anneal", "HOW", &s->anneal, .choices = clr_anneal_names(), .list = list_policies,
         .help = "how the rate moves from one to the next: cos or linear (default: cos)"},
        {OPT_FLAG, "three-phase", NULL, &s->three_phase, .list = list_policies,
         .help = "the rate falls to the first one as fast as it rose, and then to the last"},
        OPT_ROW_MOMENTUM(&s->momentum),
        {OPT_PAIR, "cycle-momentum", "A:B", o->cycle_momentum, .max = 1, .below = true,
         .help = "move momentum against the rate of a cyclic policy: A at the highest rate, B at the lowest "
                 "(default: 0.85:0.95 for 1cycle without --momentum, else constant)"},
        {OPT_U64, "cycle-momentum-step", "N", &s->cycle_momentum_step, .min = 1,
         .help = "iterations in which momentum moves from B to A, and from A to B, in cycles of its own, "
                 "whatever "
                 "the policy, and half as far in each as before (default: it moves with the rate)"},
    };

    opt_add(&o->set, "Learning rate and momentum", table, MEM_COUNT(table));
}

void run_options_add_training(struct run_options *o)
{
    const struct opt table[] = {
        {OPT_SPAN, "iterations", "N", &o->iterations, .min = 1, .like = "1000",
         .needed = run_options_need_iterations,
         .help = "length of the run, in iterations (4000) or epochs (8ep)"},
        {OPT_INT, "batch", "B", &o->train.batch, .min = 1,
         .help =
             "images of a batch, at most the training images (default: what the net's file says, else 100)"},
        {OPT_U64, "seed", "S", &o->train.seed,
         .help = "for the first weights and the order of images; equal seeds give equal runs (default: 1)"},
        {OPT_CHOICE, "momentum-convention", "C", &o->train.convention,
         .choices = clr_momentum_convention_names(),
         .help = "pytorch: the rate multiplies the momentum buffer; caffe: the gradient. They differ as soon "
                 "as the rate changes (default: pytorch)"},
        {OPT_CHOICE, "optimizer", "HOW", &o->train.optimizer, .choices = clr_optimizer_names(),
         .list_choices = true,
         .help = "how weights are updated, each in the momentum convention (default: sgd)"},
        {OPT_REAL, "momentum2", "M", &o->train.momentum2, .max = 1, .below = true,
         .help = "momentum of the squared gradients, for an optimizer that uses them (default: the usual one "
                 "of that optimizer)"},
        {OPT_REAL, "epsilon", "E", &o->train.epsilon, .above = true, .max = 1,
         .help =
             "for an optimizer that uses it: added to the root of the mean squared gradient (default: 1e-8)"},
        {o->range_test ? OPT_REALS : OPT_REAL, "weight-decay", o->range_test ? "W,W..." : "W",
         o->range_test ? (void *)&o->decays : &o->train.weight_decay, .max = 1000,
         .help = o->range_test ? "weight decay, added to the gradient; with a list, run one test per "
                                 "value (in decay-W) and draw them in one figure (default: 0.004)"
                               : "weight decay, added to the gradient (default: 0.004)"},
        {OPT_REAL, "clip-gradients", "N", &o->train.clip_gradients, .above = true,
         .help = "shorten the gradients of all parameters, as one vector, to a norm of at most N, before the "
                 "decay is added (default: their norm may be any)"},
        {OPT_EITHER, "regularization", "WHAT", &o->train.l1, .choices = clr_regularization_names(),
         .help = "l2: the decay is in proportion to the weight; l1: to its sign alone (default: l2)"},
        {OPT_CHOICE, "order", "O", &o->train.order, .choices = clr_order_names(),
         .help = "order of the training images: shuffle (every epoch) or sequential, as in the files "
                 "(default: shuffle)"},
        {OPT_CHOICE, "last-batch", "WHAT", &o->train.last_batch, .choices = clr_last_batch_names(),
         .help = "drop or keep an epoch's last batch if it is not full (default: drop)"},
        {OPT_TEXT, "init", "FILE", &o->train.init,
         .help = "start from the weights in this safetensors file or caffemodel"},
        {OPT_FLAG, "init-partial", NULL, &o->train.init_partial,
         .help = "with --init: take the tensors that match, and skip the others"},
    };

    opt_add(&o->set, "Training", table, MEM_COUNT(table));
}

void run_options_add_input(struct run_options *o, bool from_weights)
{
#define MEAN_HELP                                                                                            \
    "what is subtracted from each image: none, the mean of each channel, the mean image, or what is in a "   \
    "file of Caffe (mean.binaryproto)"
#define SCALE_HELP "factor on the bytes 0 to 255 of the images"
#define OF_WEIGHTS " (default: what the weights were trained with)"
#define OF_NET     " (default: the net's)"
    const struct opt table[] = {
        {OPT_CHOICE, "mean", "WHAT", &o->train.mean, .choices = clr_mean_names(), .list_choices = true,
         .file = &o->train.mean_file, .help = from_weights ? MEAN_HELP OF_WEIGHTS : MEAN_HELP OF_NET},
        {OPT_REAL, "scale", "X", &o->train.scale, .above = true, .max = 1e6,
         .help = from_weights ? SCALE_HELP OF_WEIGHTS : SCALE_HELP OF_NET},
    };

    opt_add(&o->set, "Input", table, MEM_COUNT(table));
}

void run_options_add_evaluation(struct run_options *o)
{
    const struct opt table[] = {
        {OPT_SPAN, "validate-every", "N", &o->validate_every,
         .help = o->range_test
                     ? "evaluate every N iterations (100) or epochs (1ep); 0: only at the first and "
                       "the last iteration (default: a fortieth of the iterations, rounded down: 40 to 79 "
                       "evaluations)"
                     : "evaluate every N iterations (1000) or epochs (2ep), and at the first and the "
                       "last; 0: only then (default: 1000)"},
        {OPT_INT, "validation", "N", &o->train.validation,
         .help = o->range_test ? "hold out N training images, equally many of each class, and evaluate on "
                                 "them; 0: on the test set (default: a tenth of the training images)"
                               : "hold out N training images, and evaluate on them instead of the test set "
                                 "(default: 0)"},
        {OPT_REAL, "ema", "D", &o->train.ema, .above = true, .max = 1, .below = true,
         .help = "also average the weights, D times the average plus 1 - D times the weights after each "
                 "iteration; "
                 "evaluate that, too, and save it as ema.safetensors (default: no average)"},
    };

    opt_add(&o->set, "Evaluation", table, o->range_test ? MEM_COUNT(table) - 1 : MEM_COUNT(table));
}

void run_options_add_checkpoints(struct run_options *o)
{
    const struct opt table[] = {
        {OPT_U64, "checkpoint-every", "N", &o->train.checkpoint_every, .max = 1e9,
         .help = "iterations between two checkpoints; 0: only at the end and when stopped (default: 1000)"},
        {OPT_FLAG, "resume", NULL, &o->train.resume,
         .help = o->range_test
                     ? "resume the test in --out from its last checkpoint, with the options that it "
                       "began with; only --checkpoint-every and the options of output may change"
                     : "resume the run in --out from its last checkpoint, with the options that it "
                       "began with; only --iterations, --checkpoint-every, --on-divergence and the "
                       "options of output may change"},
        {OPT_EITHER, "on-divergence", "WHAT", &o->train.backoff, .choices = clr_on_divergence_names(),
         .help = "if a loss is not finite: stop, or backoff: return to the last checkpoint and continue with "
                 "half the rates, up to ten times (default: stop)"},
        {OPT_FLAG, "keep-minima", NULL, &o->train.keep_minima,
         .help = "save the weights at the end of each cycle, where the rate is lowest: "
                 "minimum-N.safetensors"},
    };

    opt_add(&o->set, "Checkpoints", table, o->range_test ? 2 : MEM_COUNT(table));
}

void run_options_add_logging(struct run_options *o)
{
    const struct opt table[] = {
        {OPT_U64, "log-every", "N", &o->train.log_every, .min = 1, .max = 1e9,
         .help = "iterations between two lines of loss.csv, which also has the first and the last one "
                 "(default: 100, which gives a run of 600 iterations 7 lines)"},
        {OPT_FLAG, "profile", NULL, &o->train.profile,
         .help = "measure each kernel and print a table at the end; slows the run down"},
    };

    opt_add(&o->set, NULL, table, MEM_COUNT(table));
}

void run_options_add_output(struct run_options *o)
{
    const struct opt table[] = {
        {OPT_FLAG, "json", NULL, &o->json, .help = "print the result as JSON on stdout"},
        {OPT_FLAG, "quiet", NULL, &o->quiet, .help = "no progress and no messages, only warnings and errors"},
    };

    opt_add(&o->set, "Output", table, MEM_COUNT(table));
}

/* ---- schedules ----------------------------------------------------------------------------------------- */

static int to_iterations(uint64_t *out, const struct run_options *o, const struct opt_span *span,
                         const char *name, struct clr_error *err)
{
    if (span->epochs > 0 && o->per_epoch == 0)
        return clr_error_set(
            err, CLR_EUSAGE,
            "--%s %gep: there are no epochs without a data set; give the number of iterations", name,
            span->epochs);
    *out = opt_span_iterations(span, o->per_epoch);
    return 0;
}

/* An option that has no effect is probably a mistake. */
static void warn_of_unused(const struct run_options *o)
{
    const enum clr_policy policy = o->train.schedule.policy;

    for (const struct opt *a = o->set.options; a < o->set.options + o->set.count; a++)
        if (a->list == list_policies && opt_given(&o->set, a->name) && !clr_schedule_reads(policy, a->name))
            cli_warn("--%s has no effect: policy %s does not use it", a->name,
                     clr_schedule_policy_name(policy));
}

static void warn_of_unused_optimizer(const struct run_options *o)
{
    const enum clr_optimizer optimizer = o->train.optimizer;
    const struct {
        const char *option;
        bool used;
    } options[] = {{"momentum2", !isnan(clr_optimizer_momentum2(optimizer))},
                   {"epsilon", clr_optimizer_uses_epsilon(optimizer)}};

    for (size_t i = 0; i < MEM_COUNT(options); i++)
        if (opt_given(&o->set, options[i].option) && !options[i].used)
            cli_warn("--%s has no effect: optimizer %s does not use it", options[i].option,
                     clr_optimizer_name(optimizer));
}

static int check_length(const struct run_options *o, struct clr_error *err)
{
    const enum clr_policy policy = o->train.schedule.policy;

    if (!opt_given(&o->set, "cycles"))
        return 0;
    if (opt_given(&o->set, "iterations"))
        return clr_error_set(err, CLR_EUSAGE, "--cycles and --iterations: give one of them");
    if (!clr_schedule_is_cyclic(policy))
        return clr_error_set(err, CLR_EUSAGE, "--cycles: policy %s has no cycles; give --iterations",
                             clr_schedule_policy_name(policy));
    return 0;
}

/* Of a length in epochs only matters here that it is given; milestones in iterations must ascend anyway. */
static struct clr_schedule with_known_lengths(const struct run_options *o)
{
    struct clr_schedule s = o->train.schedule;

    s.step_size = o->step_size.epochs > 0 ? 1 : o->step_size.iterations;
    s.iterations = 1;
    for (size_t i = 0; i < o->milestones.count; i++)
        if (!(o->milestones.spans[i].epochs > 0))
            s.milestones[s.milestone_count++] = o->milestones.spans[i].iterations;
    if (s.milestone_count == 0 && o->milestones.count > 0)
        s.milestones[s.milestone_count++] = 1;
    return s;
}

int run_options_check(struct run_options *o, struct clr_error *err)
{
    struct clr_schedule *s = &o->train.schedule, known;
    int rc = check_length(o, err);

    if (rc < 0 || o->range_test)
        return rc;
    s->cycle_momentum_low = o->cycle_momentum[0];
    s->cycle_momentum_high = o->cycle_momentum[1];
    if (clr_schedule_reads(s->policy, "pct_start") && !opt_given(&o->set, "cycle-momentum") &&
        !opt_given(&o->set, "momentum") &&
        clr_optimizer_takes_momentum(o->train.optimizer, o->train.convention)) {
        s->cycle_momentum_low = 0.85; /* PyTorch's, of 1cycle */
        s->cycle_momentum_high = 0.95;
    }
    for (const struct opt_span *m = o->milestones.spans; m + 1 < o->milestones.spans + o->milestones.count;
         m++)
        if (m[0].epochs > 0 && m[1].epochs > 0 && m[1].epochs <= m[0].epochs)
            return clr_error_set(err, CLR_EUSAGE, "--milestones must ascend: %gep comes after %gep",
                                 m[1].epochs, m[0].epochs);
    known = with_known_lengths(o);
    return clr_schedule_check(&known, err);
}

static int resolve_schedule(struct run_options *o, struct clr_error *err)
{
    struct clr_schedule *s = &o->train.schedule;
    int rc = 0;

    s->milestone_count = o->milestones.count;
    for (size_t i = 0; rc == 0 && i < o->milestones.count; i++)
        rc = to_iterations(&s->milestones[i], o, &o->milestones.spans[i], "milestones", err);
    s->iterations = clr_schedule_reads(s->policy, "iterations") ? o->train.iterations : 0;
    if (rc == 0)
        rc = clr_schedule_check(s, err);
    if (rc == 0 && (!o->train.resume || o->solver)) /* a resumed run has those it had */
        warn_of_unused(o);
    return rc;
}

int run_options_resolve(struct run_options *o, struct clr_error *err)
{
    struct clr_train_options *t = &o->train;
    int rc = to_iterations(&t->schedule.step_size, o, &o->step_size, "step-size", err);

    t->iterations = o->cycles > 0 ? clr_schedule_cycles(&t->schedule, o->cycles)
                                  : opt_span_iterations(&o->iterations, o->per_epoch);
    if (rc == 0 && t->iterations == UINT64_MAX)
        rc = clr_error_set(err, CLR_EUSAGE, "--cycles %llu: too many iterations",
                           (unsigned long long)o->cycles);
    t->validate_every = opt_span_iterations(&o->validate_every, o->per_epoch);
    if (o->range_test && !opt_given(&o->set, "validate-every"))
        t->validate_every = t->iterations < RANGE_EVALUATIONS ? 1 : t->iterations / RANGE_EVALUATIONS;
    return rc < 0 || o->range_test ? rc : resolve_schedule(o, err);
}

void run_options_note_end(const struct run_options *o)
{
    const struct clr_schedule *s = &o->train.schedule;
    const uint64_t iterations = o->train.iterations, end = clr_schedule_ends_in_cycle(s, iterations)
                                                               ? clr_schedule_cycle_end(s, iterations)
                                                               : 0;
    char length[STR_COUNT], whole[STR_COUNT];
    size_t i = 0;

    str_count(length, iterations, "iteration");
    while (i < s->milestone_count && s->milestones[i] < iterations)
        i++;
    if (clr_schedule_reads(s->policy, "milestones") && i < s->milestone_count)
        cli_note("note: the milestone %s is not reached: the run ends after %s",
                 str_count(whole, s->milestones[i], ""), length);
    if (end > 0 && end < UINT64_MAX)
        cli_note(
            "note: the run ends after %s, inside a cycle, where accuracy is lower; the cycle ends after %s",
            length, str_count(whole, end, ""));
}

/* ---- files --------------------------------------------------------------------------------------------- */

int run_options_open_files(struct run_options *o, struct clr_error *err)
{
    int rc;

    cli_set_quiet(o->quiet);
    rc = cli_check_kind(o->train.init, CLR_FILE_SAFETENSORS, err);
    if (rc == 0 && !o->spec)
        rc = cli_net_load(&o->spec, o->train.net_name, &o->train.batch, err);
    if (rc == 0)
        rc = clr_dataset_open(&o->dataset, o->train.data_name, err);
    o->train.net = o->spec;
    o->train.data = o->dataset;
    o->train.device = &o->chosen;
    o->train.command_line = cli_command_line();
    return rc;
}

/* Iterations of an epoch: the images that are trained on, in batches; --last-batch decides about the last. */
static int count_per_epoch(struct run_options *o, struct clr_error *err)
{
    int all = o->dataset->train.count, images = all - o->train.validation, batch = o->train.batch;
    const bool given = opt_given(&o->set, "batch");
    char has[STR_COUNT], left[STR_COUNT];

    if (batch > all)
        return clr_error_set(
            err, CLR_EUSAGE, "%s %d%s%s: '%s' has only %s to train on; --batch %d is the most",
            given ? "--batch" : "batch_size", batch, given ? "" : " of ", given ? "" : o->train.net_name,
            o->train.data_name, str_count(has, (uint64_t)all, "image"), all);
    if (images < batch)
        return clr_error_set(err, CLR_EUSAGE,
                             "--validation %d leaves %s of the %s for training, less than a batch of %d",
                             o->train.validation, str_count(left, images > 0 ? (uint64_t)images : 0, ""),
                             str_count(has, (uint64_t)all, "image"), batch);
    o->per_epoch =
        (uint64_t)(o->train.last_batch == CLR_LAST_BATCH_KEEP ? (images - 1) / batch + 1 : images / batch);
    return 0;
}

static int open_all(struct run_options *o, struct clr_error *err)
{
    int rc = run_options_open_files(o, err);

    if (rc < 0)
        return rc;
    if (o->range_test && !opt_given(&o->set, "validation"))
        o->train.validation = o->dataset->train.count / 10;
    rc = count_per_epoch(o, err);
    if (rc == 0)
        rc = run_options_resolve(o, err);
    if (rc < 0)
        return rc;
    warn_of_unused_optimizer(o);
    return cli_device_choose(&o->chosen, o->device, err);
}

void run_options_clear(struct run_options *o)
{
    opt_clear(&o->set);
    clr_net_destroy(o->spec);
    clr_dataset_destroy(o->dataset);
    arguments_clear(&o->kept);
    *o = (struct run_options){0};
}

/* ---- commands ------------------------------------------------------------------------------------------ */

/* Does the folder hold several range tests, of seeds or decays? They may have been stopped in the first. */
static bool holds_tests(const char *folder)
{
    DIR *d = opendir(folder);
    const struct dirent *entry;
    bool found = false;

    while (d && !found && (entry = readdir(d)))
        found = cli_is_test_name(entry->d_name);
    if (d)
        (void)closedir(d);
    return found;
}

/* Without options that could begin a run, --resume needs one in --out. */
static int require_run(struct run_options *o, const struct opt_command *command, bool example,
                       struct clr_error *err)
{
    const char *out = o->train.out;
    int rc = opt_require(&o->set, command, "out", example, err);

    if (rc < 0 || o->solver || opt_given(&o->set, "net") || fs_exists_in(out, "run.json"))
        return rc;
    if (!fs_exists(out))
        return clr_error_set(err, CLR_EUSAGE,
                             "--resume: there is no folder '%s'; --out takes the folder of the run to resume",
                             out);
    if (holds_tests(out))
        return clr_error_set(
            err, CLR_EUSAGE,
            "there are several range tests in '%s': to resume them, repeat the whole command "
            "with --resume",
            out);
    return clr_error_set(err, CLR_EUSAGE,
                         "there is no run in '%s' to resume (no run.json); to begin one there, give all "
                         "options of 'clr-cl %s'",
                         out, command->name);
}

static bool is_option_given(const void *set, const char *option)
{
    return opt_given(set, option);
}

static int add_arguments(struct run_options *o, const char *command, struct clr_error *err)
{
    const struct clr_solver_use use = {is_option_given, &o->set, o->range_test};
    struct solver solver = {.count = 0};
    int rc = cli_check_kind(o->solver, CLR_FILE_SOLVER, err);

    if (rc == 0 && o->solver)
        rc = clr_solver_read(&solver, o->solver, &use, err);

    if (rc == 0)
        rc = arguments_add(&o->set, &solver, o->train.resume ? o->train.out : NULL, command, err);
    clr_solver_clear(&solver);
    return rc;
}

static int parse(struct run_options *o, const struct run_command *command, bool check, int argc, char **argv,
                 struct clr_error *err)
{
    int rc;

    run_options_init(o);
    command->describe(o);
    rc = opt_parse(&o->set, &command->base, argc, argv, err);
    cli_set_quiet(o->quiet); /* before a solver's file, of which notes are printed */
    if (rc == 0 && o->train.resume)
        rc = require_run(o, &command->base, !check, err);
    if (rc == 0)
        rc = add_arguments(o, command->base.name, err);
    if (rc == 0)
        rc = opt_require(&o->set, &command->base, NULL, !check, err);
    if (rc == 0 && command->check)
        rc = command->check(o, err);
    if (rc != 0)
        return rc;
    if (!opt_given(&o->set, "momentum"))
        o->train.schedule.momentum = clr_optimizer_momentum(o->train.optimizer);
    o->train.continues = o->train.resume && o->solver && !o->range_test;
    if (o->train.init_partial && !o->train.init)
        return clr_error_set(err, CLR_EUSAGE, "--init-partial without --init FILE: there is nothing to load");
    return run_options_check(o, err);
}

int run_command(const struct run_command *command, struct arguments *kept, int argc, char **argv,
                struct clr_error *err)
{
    struct run_options o;
    int rc = parse(&o, command, kept != NULL, argc, argv, err);

    if (rc == 0 && kept && (o.seeds > 1 || o.decays.count > 1))
        rc = clr_error_set(err, CLR_EUSAGE,
                           "--seeds, or several --weight-decay, are several tests: name one at a time");
    if (rc == 0)
        rc = arguments_to_keep(kept ? kept : &o.kept, command->base.name, &o.set, err);
    o.train.arguments = (const char *const *)o.kept.values;
    if (rc == 0 && !kept)
        rc = open_all(&o, err);
    if (rc == 0 && !kept)
        rc = command->run(&o, err);
    run_options_clear(&o);
    return rc;
}
