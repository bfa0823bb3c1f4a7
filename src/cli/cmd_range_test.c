/* clr-cl range-test: the learning-rate range test, and the train command that follows from it. */
#include "cli/common.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/run_options.h"

static const struct opt_command command = {
    .name = "range-test",
    .usage = "--net NET --data DATA --min-lr A --max-lr B --iterations N --out DIR [OPTION...]",
    .about =
        "Trains while the learning rate rises from A to B, and reads off the range to train with: the lower "
        "bound where the net starts to learn, the upper one where the accuracy falls. It writes range.csv, "
        "range.json, range.png and run.json into a folder, and prints the train command to go on with.",
    .examples = "  clr-cl range-test --net quick --data cifar10 --min-lr 0.0001 --max-lr 0.02 \\\n"
                "      --iterations 4000 --out range\n"
                "  clr-cl range-test --net lenet --data fashion-mnist --min-lr 1e-4 --max-lr 1 \\\n"
                "      --sweep log --iterations 2ep --out range-log\n",
};

/* Options of this run that the train command must repeat; NULL: the value is a flag. */
static void append_repeated(struct str *s, const struct opt_set *set)
{
    static const char *const repeated[] = {
        "device",       "seed",  "batch",      "momentum", "momentum-convention",
        "weight-decay", "order", "last-batch", "init",     "init-partial",
        "mean",         "scale"};

    for (size_t i = 0; i < set->count; i++) {
        for (size_t k = 0; k < MEM_COUNT(repeated); k++) {
            if (!set->given[i] || strcmp(set->options[i].name, repeated[k]) != 0)
                continue;
            str_append(s, " --%s", repeated[k]);
            if (set->texts[i]) {
                str_append(s, " ");
                cli_quote(s, set->texts[i]);
            }
        }
    }
}

/*
 * Three triangular cycles of 8 epochs between the bounds that were read off: the paper takes step sizes of 2
 * to 10 epochs and at least 3 cycles, and a quarter of the maximum where no minimum was seen. Empty where the
 * test says nothing. Source: arXiv:1506.01186, sections 3.2 and 3.3.
 */
static void append_train_command(struct str *s, const struct run_options *o, const struct opt_set *set,
                                 const struct clr_range_result *r)
{
    double max = r->has_max ? r->max_lr : r->diverged ? NAN : o->train.schedule.max_lr;
    double min = r->has_min && r->min_lr < max ? r->min_lr : max / 4;
    size_t n = strlen(o->out);
    struct str out = {0};

    if (!isfinite(max) || (!r->has_min && !r->has_max))
        return;
    while (n > 1 && o->out[n - 1] == '/')
        n--;
    str_append(&out, "%.*s-train", (int)n, o->out);
    str_append(s, "clr-cl train --net ");
    cli_quote(s, o->net);
    str_append(s, " --data ");
    cli_quote(s, o->data);
    str_append(s, " --policy triangular --min-lr %.3g --max-lr %.3g --step-size 4ep --iterations 24ep", min,
               max);
    append_repeated(s, set);
    str_append(s, " --out ");
    cli_quote(s, str_text(&out));
    str_clear(&out);
}

static void print_reading(const struct clr_range_result *r, const char *next)
{
    char count[CLI_COUNT_TEXT];

    if (r->has_min)
        printf("min-lr %.4g\n", r->min_lr);
    else
        printf("min-lr not found\n");
    if (r->has_max)
        printf("max-lr %.4g\n", r->max_lr);
    else
        printf("max-lr not found\n");
    printf("%s\n", r->explanation);
    printf("baseline: accuracy %.2f %%, standard error %.2f %%\n", 100 * r->baseline,
           100 * r->standard_error);
    if (r->diverged)
        printf("the loss was no longer finite at iteration %s, rate %.4g: the test stopped there\n",
               cli_count(count, r->diverged_at), r->diverged_lr);
    if (!*next)
        printf("\nNo range can be read from this test. %s\n",
               r->diverged ? "Repeat it with a lower --max-lr or with more --iterations."
                           : "Repeat it over a wider range; --sweep log covers several powers of ten.");
    else if (!r->has_max)
        printf("\nThe accuracy had not fallen at the last rate: a higher one may be better still.\n"
               "Repeat the test with a higher --max-lr, or go on with:\n  %s\n",
               next);
    else
        printf("\nGo on with:\n  %s\n", next);
}

static int print_json(const struct run_options *o, const struct clr_range_result *r, const char *next,
                      struct clr_error *err)
{
    return cli_print_json(
        json_pack("{s:s, s:I, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:I, s:s, s:o}", "out", o->out, "iterations",
                  (json_int_t)r->iterations, "min_lr", cli_json_real(r->has_min ? r->min_lr : NAN), "max_lr",
                  cli_json_real(r->has_max ? r->max_lr : NAN), "diverged", r->diverged, "diverged_at",
                  r->diverged ? json_integer((json_int_t)r->diverged_at) : json_null(), "diverged_lr",
                  cli_json_real(r->diverged ? r->diverged_lr : NAN), "baseline", cli_json_real(r->baseline),
                  "standard_error", cli_json_real(r->standard_error), "validation_images",
                  (json_int_t)o->train.validation, "explanation", r->explanation, "train_command",
                  *next ? json_string(next) : json_null()),
        err);
}

static int range_test(struct run_options *o, const struct opt_set *set, enum clr_sweep sweep,
                      struct clr_error *err)
{
    char images[CLI_COUNT_TEXT], iterations[CLI_COUNT_TEXT], every[64] = "at every iteration";
    struct clr_range_result result = {0};
    struct str next = {0};
    bool held_out = o->train.validation > 0;
    int rc;

    cli_note("range test of %s on %s: rate %.4g to %.4g, %s, %s iterations of %d images", o->net, o->data,
             o->train.schedule.min_lr, o->train.schedule.max_lr, sweep == CLR_SWEEP_LOG ? "log" : "linear",
             cli_count(iterations, o->train.iterations), o->train.batch);
    if (o->train.validate_every > 1)
        (void)snprintf(every, sizeof every, "every %llu iterations",
                       (unsigned long long)o->train.validate_every);
    cli_note("accuracy is measured %s on %s %s", every,
             cli_count(images, (uint64_t)(held_out ? o->train.validation : o->dataset->test.count)),
             held_out ? "training images that are held out" : "test images");
    o->train.progress = cli_progress;
    o->train.stop = cli_catch_signals();
    rc = clr_range_test(&o->train, sweep, &result, err);
    cli_progress_end();
    if (rc < 0)
        goto out;
    append_train_command(&next, o, set, &result);
    rc = str_check(&next, err);
    if (rc < 0)
        goto out;
    if (o->json)
        rc = print_json(o, &result, str_text(&next), err);
    else
        print_reading(&result, str_text(&next));
    if (rc == 0)
        cli_note("wrote %s; the figure is range.png there", o->out);
out:
    str_clear(&next);
    return rc;
}

static void add_sweep(struct run_options *o, int *sweep, struct opt_set *set)
{
    static const char *const sweeps[] = {"linear", "log", NULL};
    const struct opt table[] = {
        {.kind = OPT_REAL,
         .name = "min-lr",
         .value = &o->policy.schedule.min_lr,
         .argument = "A",
         .above = true,
         .max = 1e6,
         .help = "the first rate"},
        {.kind = OPT_REAL,
         .name = "max-lr",
         .value = &o->policy.schedule.max_lr,
         .argument = "B",
         .above = true,
         .max = 1e6,
         .help = "the last rate"},
        {.kind = OPT_CHOICE,
         .name = "sweep",
         .value = sweep,
         .argument = "HOW",
         .choices = sweeps,
         .help =
             "linear: equal steps, as in the paper; log: equal factors, for a first look over several powers "
             "of ten (default: linear)"},
        {.kind = OPT_REAL,
         .name = "momentum",
         .value = &o->policy.schedule.momentum,
         .argument = "M",
         .max = 1,
         .below = true,
         .help = "momentum (default: 0.9)"},
    };

    opt_add(set, "Sweep", table, MEM_COUNT(table));
}

/* What the sweep lacks, before anything is opened. */
static int check_sweep(struct run_options *o, struct clr_error *err)
{
    const struct clr_schedule *s = &o->policy.schedule;

    if (!(s->min_lr < s->max_lr))
        return clr_error_set(err, CLR_EUSAGE, "--min-lr %g is not below --max-lr %g: the rate has to rise",
                             s->min_lr, s->max_lr);
    o->train.schedule = *s;
    return 0;
}

static void describe(struct run_options *o, struct opt_set *set, void *user)
{
    o->held_out = true;
    o->watch_fraction = 40;
    run_options_add_where(o, set, true);
    add_sweep(o, user, set);
    run_options_add_training(o, set);
    run_options_add_input(o, set, false);
    run_options_add_watching(
        o, set, "measure the accuracy every N iterations or epochs (1ep) (default: 40 times in all)",
        "hold out N training images, equally many of each class, and measure the accuracy on "
        "them; 0: on the test set (default: a tenth of the training images)");
    run_options_add_keeping(o, set, false);
    run_options_add_output(o, set);
}

/* Parsed and checked, as far as that goes without the files. Both are to be cleared in any case. */
static int parse(struct run_options *o, struct opt_set *set, int *sweep, int argc, char **argv,
                 struct clr_error *err)
{
    static const char *const required[] = {"net", "data", "min-lr", "max-lr", "iterations", "out"};
    int rc = run_options_parse(o, set, &command, describe, sweep, argc, argv, err);

    for (size_t i = 0; rc == 0 && i < MEM_COUNT(required); i++)
        rc = opt_require(set, required[i], err);
    return rc == 0 ? check_sweep(o, err) : rc;
}

int cmd_range_test_check(struct arguments *kept, int argc, char **argv, struct clr_error *err)
{
    struct run_options o;
    struct opt_set set = {0};
    int sweep = 0, rc = parse(&o, &set, &sweep, argc, argv, err);

    if (rc == 0)
        rc = run_options_check(&o, &set, err);
    if (rc == 0) {
        *kept = o.kept;
        o.kept = (struct arguments){0};
    }
    run_options_clear(&o);
    opt_clear(&set);
    return rc;
}

int cmd_range_test(int argc, char **argv, struct clr_error *err)
{
    struct run_options o;
    struct opt_set set = {0};
    int sweep = 0, rc = parse(&o, &set, &sweep, argc, argv, err);

    if (rc == 0)
        rc = run_options_open(&o, &set, err);
    if (rc == 0)
        rc = range_test(&o, &set, sweep == 1 ? CLR_SWEEP_LOG : CLR_SWEEP_LINEAR, err);
    run_options_clear(&o);
    opt_clear(&set);
    return rc;
}
