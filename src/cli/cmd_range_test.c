/* clr-cl range-test: the learning-rate range test, and the train command that follows from it. */
#include "cli/common.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <clr/plot.h>

#include "base/fs.h"
#include "base/json.h"

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
    static const char *const repeated[] = {"device",   "unchecked",           "seed",      "batch",
                                           "momentum", "momentum-convention", "optimizer", "momentum2",
                                           "epsilon",  "regularization",      "order",     "last-batch",
                                           "init",     "init-partial",        "mean",      "scale"};

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

/* What to train with. */
struct advice {
    double min_lr, max_lr; /* NaN where the test says nothing */
    const char *why_min, *why_max;
};

#define CYCLES      3
#define STEP_EPOCHS 4
#define WHY_CYCLES                                                                                           \
    "step size: 4 epochs, as 2 to 10 do about equally well; cycles: 3 are the fewest that train a net most " \
    "of the way, and a run ends at the end of one, where the accuracy peaks (arXiv:1506.01186, section 3.2)"

/*
 * The bounds that were read off; a quarter of the upper one where no lower one was seen, the end of the sweep
 * where no upper one was. Source: arXiv:1506.01186, section 3.3.
 */
static struct advice advise(const struct run_options *o, const struct clr_range_result *r)
{
    struct advice a = {NAN, NAN, "where the net begins to learn", "where the accuracy stops rising"};

    if (!r->has_min && !r->has_max)
        return a;
    a.max_lr = r->has_max ? r->max_lr : r->diverged ? NAN : o->train.schedule.max_lr;
    if (r->has_max && r->diverged && r->max_lr == r->diverged_lr / 2)
        a.why_max = "half the rate at which the loss diverged";
    if (!r->has_max)
        a.why_max = "the end of the sweep, as the accuracy had not fallen";
    a.min_lr = r->has_min && r->min_lr < a.max_lr ? r->min_lr : a.max_lr / 4;
    if (!r->has_min)
        a.why_min = "a quarter of the maximum, as none was seen";
    else if (!(r->min_lr < a.max_lr))
        a.why_min = "a quarter of the maximum, as the one that was seen is not below that";
    return a;
}

/* The whole command; empty where there is no advice. */
static void append_train_command(struct str *s, const struct run_options *o, const struct opt_set *set,
                                 const struct advice *a)
{
    size_t n = strlen(o->out);
    struct str out = {0};

    if (!isfinite(a->max_lr))
        return;
    while (n > 1 && o->out[n - 1] == '/')
        n--;
    str_append(&out, "%.*s-train", (int)n, o->out);
    str_append(s, "clr-cl train --net ");
    cli_quote(s, o->net);
    str_append(s, " --data ");
    cli_quote(s, o->data);
    str_append(s, " --policy triangular --min-lr %.3g --max-lr %.3g --step-size %dep --cycles %d", a->min_lr,
               a->max_lr, STEP_EPOCHS, CYCLES);
    append_repeated(s, set);
    if (opt_given(set, "weight-decay"))
        str_append(s, " --weight-decay %.10g", o->train.weight_decay);
    str_append(s, " --out ");
    cli_quote(s, str_text(&out));
    s->failed = s->failed || out.failed;
    str_clear(&out);
}

static json_t *advice_json(const struct advice *a)
{
    struct str why = {0};
    json_t *json = NULL;

    if (!isfinite(a->max_lr))
        return json_null();
    str_append(&why, "min: %s; max: %s; %s", a->why_min, a->why_max, WHY_CYCLES);
    if (!why.failed)
        json =
            json_pack("{s:s, s:f, s:f, s:i, s:i, s:s}", "policy", "triangular", "min_lr", a->min_lr, "max_lr",
                      a->max_lr, "step_size_epochs", STEP_EPOCHS, "cycles", CYCLES, "reason", str_text(&why));
    str_clear(&why);
    return json;
}

/* Where a rate lies in the range that was read off. */
static const char *place(const struct clr_range_result *r, double lr)
{
    return r->has_min && lr < r->min_lr   ? "below the range"
           : r->has_max && lr > r->max_lr ? "above it"
                                          : "inside";
}

/* What other tools would say, and whether that agrees. */
static void print_rules(const struct clr_range_result *r)
{
    int inside = 0, said = 0, told = 0;

    for (int i = 0; i < CLR_RANGE_RULES; i++) {
        if (!isfinite(r->rules[i]))
            continue;
        said++;
        inside += strcmp(place(r, r->rules[i]), "inside") == 0;
    }
    if (said == 0 || (!r->has_min && !r->has_max))
        return;
    printf("fastai's rules, on the training loss:");
    for (int i = 0; i < CLR_RANGE_RULES; i++)
        if (isfinite(r->rules[i]))
            printf("%s %s %.4g (%s)", told++ == 0 ? "" : ",", clr_range_rule_name(i), r->rules[i],
                   place(r, r->rules[i]));
    printf("\n%d of %d agree with the range%s\n", inside, said,
           2 * inside < said ? ": look at the figure before you trust either" : "");
}

static void print_reading(const struct clr_range_result *r, const struct advice *a, const char *next)
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
    print_rules(r);
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
    if (*next)
        printf("Why: min-lr is %s; max-lr is %s; %s.\n", a->why_min, a->why_max, WHY_CYCLES);
}

static json_t *result_json(const struct run_options *o, const struct clr_range_result *r,
                           const struct advice *a, const char *next)
{
    json_t *rules = json_object();

    for (int i = 0; i < CLR_RANGE_RULES; i++)
        rules = json_put(rules, clr_range_rule_name(i), json_finite(r->rules[i]));
    return json_pack("{s:s, s:f, s:I, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:s, s:o, s:o, s:o}",
                     "out", o->train.out, "weight_decay", o->train.weight_decay, "iterations",
                     (json_int_t)r->iterations, "min_lr", json_finite(r->has_min ? r->min_lr : NAN), "max_lr",
                     json_finite(r->has_max ? r->max_lr : NAN), "diverged", r->diverged, "diverged_at",
                     r->diverged ? json_integer((json_int_t)r->diverged_at) : json_null(), "diverged_lr",
                     json_finite(r->diverged ? r->diverged_lr : NAN), "baseline", json_finite(r->baseline),
                     "standard_error", json_finite(r->standard_error), "top_accuracy",
                     json_finite(r->top_accuracy), "top_lr", json_finite(r->top_lr), "validation_images",
                     (json_int_t)o->train.validation, "explanation", r->explanation, "train_command",
                     *next ? json_string(next) : json_null(), "recommendation", advice_json(a), "rules",
                     rules);
}

/* What is not of a run, but of the test. */
struct test_options {
    int sweep; /* number in the choices */
    int seeds;
    struct opt_reals decays;
};

/* One of several tests. What its run.json keeps is how it goes on by itself: with the seed and the decay that
 * are its own. */
static int one_of_several(struct run_options *o, const struct test_options *t, enum clr_sweep sweep,
                          struct clr_range_result *result, struct clr_error *err)
{
    struct arguments seeded = {0}, mine = {0};
    char seed[24], decay[32];
    int rc;

    (void)snprintf(seed, sizeof seed, "%llu", (unsigned long long)o->train.seed);
    (void)snprintf(decay, sizeof decay, "%.17g", o->train.weight_decay);
    rc = arguments_with(&seeded, &o->kept, "seed", seed, err);
    if (rc == 0 && t->decays.count > 1)
        rc = arguments_with(&mine, &seeded, "weight-decay", decay, err);
    if (rc == 0) {
        o->train.arguments = (const char *const *)(t->decays.count > 1 ? mine : seeded).values;
        rc = clr_range_test(&o->train, sweep, result, err);
    }
    o->train.arguments = (const char *const *)o->kept.values;
    arguments_clear(&seeded);
    arguments_clear(&mine);
    return rc;
}

/* One test after another, each with the next seed in a folder of its own in `out`, then all of them read as
 * one. folders: room for their names, which are the caller's. */
static int test_seeds(struct run_options *o, const struct test_options *t, const char *out, char **folders,
                      struct clr_range_result *result, struct clr_error *err)
{
    const enum clr_sweep sweep = t->sweep == 1 ? CLR_SWEEP_LOG : CLR_SWEEP_LINEAR;
    const uint64_t seed = o->train.seed;
    int rc = 0;

    for (int i = 0; i < t->seeds && rc == 0; i++) {
        char name[40];
        (void)snprintf(name, sizeof name, "seed-%llu", (unsigned long long)seed + (unsigned long long)i);
        rc = t->seeds > 1 ? fs_join(&folders[i], out, name, err) : str_duplicate(&folders[i], out, err);
        if (rc < 0)
            break;
        o->train.seed = seed + (uint64_t)i;
        o->train.out = folders[i];
        if (t->seeds > 1)
            cli_note("test %d of %d: seed %llu", i + 1, t->seeds, (unsigned long long)o->train.seed);
        rc = t->seeds > 1 || t->decays.count > 1 ? one_of_several(o, t, sweep, result, err)
                                                 : clr_range_test(&o->train, sweep, result, err);
        cli_progress_end();
    }
    if (rc == 0 && t->seeds > 1)
        rc = clr_range_combine(result, out, (const char *const *)folders, (size_t)t->seeds,
                               cli_command_line(), err);
    o->train.seed = seed;
    o->train.out = o->out;
    return rc;
}

/* The same with every decay, and a figure of all. results: one for each. */
static int test_decays(struct run_options *o, const struct test_options *t, char **folders,
                       struct clr_range_result *results, struct clr_error *err)
{
    const struct clr_plot_options plot = {.command_line = cli_command_line()};
    char *figure = NULL;
    int rc = 0;

    for (size_t d = 0; d < t->decays.count && rc == 0; d++) {
        char name[64], *out = NULL;
        (void)snprintf(name, sizeof name, "decay-%.10g", t->decays.values[d]);
        o->train.weight_decay = t->decays.values[d];
        rc = fs_join(&out, o->out, name, err);
        if (rc == 0)
            cli_note("weight decay %.10g", t->decays.values[d]);
        if (rc == 0)
            rc = test_seeds(o, t, out, folders + d * (size_t)t->seeds, &results[d], err);
        free(out);
    }
    if (rc == 0)
        rc = fs_join(&figure, o->out, "range.png", err);
    if (rc == 0)
        rc = clr_plot_range(figure, (const char *const *)folders, t->decays.count * (size_t)t->seeds, &plot,
                            err);
    free(figure);
    return rc;
}

/* Which decay's curve goes highest: the range to go on with is that one's. */
static size_t best_decay(const struct test_options *t, const struct clr_range_result *results)
{
    size_t best = 0;

    for (size_t d = 1; d < t->decays.count; d++)
        if (!(results[d].top_accuracy <= results[best].top_accuracy))
            best = d;
    return best;
}

static void print_decays(const struct test_options *t, const struct clr_range_result *results)
{
    const size_t best = best_decay(t, results);

    for (size_t d = 0; d < t->decays.count; d++)
        printf("weight decay %.10g: highest accuracy %.2f %%, at rate %.4g%s\n", t->decays.values[d],
               100 * results[d].top_accuracy, results[d].top_lr, d == best ? " (the highest of all)" : "");
    printf("\nwith weight decay %.10g:\n", t->decays.values[best]);
}

static int report(struct run_options *o, const struct opt_set *set, const struct test_options *t,
                  const struct clr_range_result *results, struct clr_error *err)
{
    const size_t count = t->decays.count > 1 ? t->decays.count : 1, best = best_decay(t, results);
    json_t *all = o->json && count > 1 ? json_array() : NULL;
    struct str next = {0};
    int rc = 0;

    for (size_t d = 0; d < count && rc == 0; d++) {
        struct advice advice;
        if (d != best && !all)
            continue;
        if (count > 1)
            o->train.weight_decay = t->decays.values[d];
        str_clear(&next);
        advice = advise(o, &results[d]);
        append_train_command(&next, o, set, &advice);
        rc = str_check(&next, err);
        if (rc == 0 && all)
            all = json_append(all, result_json(o, &results[d], &advice, str_text(&next)));
        else if (rc == 0 && o->json)
            rc = cli_print_json(result_json(o, &results[d], &advice, str_text(&next)), err);
        else if (rc == 0 && count > 1)
            print_decays(t, results);
        if (rc == 0 && !o->json)
            print_reading(&results[d], &advice, str_text(&next));
    }
    if (rc == 0 && all)
        rc = cli_print_json(all, err);
    else
        json_decref(all);
    str_clear(&next);
    return rc;
}

/* Which of these files is there? NULL: none. */
static const char *find_any(const char *dir, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (fs_exists_in(dir, names[i]))
            return names[i];
    return NULL;
}

/* Several tests need a folder that holds none itself, and folders of their own. */
static int check_several(const struct run_options *o, const struct test_options *t, struct clr_error *err)
{
    static const char *const single[] = {"run.json", "range.csv"}, *const done[] = {"range.json",
                                                                                    "range.png"};
    const char *found = find_any(o->out, single, MEM_COUNT(single));
    int rc = 0;

    if (found)
        return clr_error_set(err, CLR_EUSAGE,
                             "there is a single test in '%s' (%s): choose another --out, or remove it",
                             o->out, found);
    if (!o->train.resume)
        found = find_any(o->out, done, MEM_COUNT(done));
    if (found)
        return clr_error_set(err, CLR_EUSAGE,
                             "there are tests in '%s' already (%s): go on with them by --resume, choose "
                             "another --out, or remove them",
                             o->out, found);
    for (size_t i = 0; i < t->decays.count; i++)
        for (size_t k = 0; k < i && rc == 0; k++)
            if (fabs(t->decays.values[i] - t->decays.values[k]) <= 1e-9 * t->decays.values[i])
                rc = clr_error_set(err, CLR_EUSAGE, "--weight-decay %g is given twice", t->decays.values[i]);
    return rc;
}

static int range_test(struct run_options *o, const struct opt_set *set, const struct test_options *t,
                      struct clr_error *err)
{
    char images[CLI_COUNT_TEXT], iterations[CLI_COUNT_TEXT], every[64] = "at every iteration";
    const size_t decays = t->decays.count > 1 ? t->decays.count : 1, tests = decays * (size_t)t->seeds;
    struct clr_range_result results[OPT_REALS_MAX] = {{0}};
    const bool held_out = o->train.validation > 0;
    char **folders = NULL;
    int rc = tests > 1 ? check_several(o, t, err) : 0;

    if (rc == 0)
        rc = mem_new(&folders, tests, sizeof *folders, "folders", err);
    if (rc < 0)
        return rc;
    cli_note("range test of %s on %s: rate %.4g to %.4g, %s, %s iterations of %d images", o->net, o->data,
             o->train.schedule.min_lr, o->train.schedule.max_lr, t->sweep == 1 ? "log" : "linear",
             cli_count(iterations, o->train.iterations), o->train.batch);
    if (o->train.validate_every > 1)
        (void)snprintf(every, sizeof every, "every %llu iterations",
                       (unsigned long long)o->train.validate_every);
    cli_note("accuracy is measured %s on %s %s", every,
             cli_count(images, (uint64_t)(held_out ? o->train.validation : o->dataset->test.count)),
             held_out ? "training images that are held out" : "test images");
    o->train.progress = cli_progress;
    o->train.stop = cli_catch_signals();
    if (t->decays.count == 1)
        o->train.weight_decay = t->decays.values[0];
    rc = decays > 1 ? test_decays(o, t, folders, results, err)
                    : test_seeds(o, t, o->out, folders, results, err);
    if (rc == CLR_EINTERRUPTED && tests > 1)
        rc = clr_error_set(err, rc, "stopped: the same command with --resume goes on with these tests");
    if (rc == 0)
        rc = report(o, set, t, results, err);
    if (rc == 0)
        cli_note("wrote %s; the figure is range.png there", o->out);
    for (size_t i = 0; i < tests; i++)
        free(folders[i]);
    free(folders);
    return rc;
}

static void add_sweep(struct run_options *o, struct test_options *t, struct opt_set *set)
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
         .value = &t->sweep,
         .argument = "HOW",
         .choices = sweeps,
         .help =
             "linear: equal steps, as in the paper; log: equal factors, for a first look over several powers "
             "of ten (default: linear)"},
        {.kind = OPT_INT,
         .name = "seeds",
         .value = &t->seeds,
         .argument = "N",
         .min = 1,
         .max = 100,
         .help =
             "repeat the test with N seeds, from --seed on, and read their mean; each is in a folder seed-N "
             "(default: 1)"},
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
    struct test_options *t = user;

    *t = (struct test_options){.seeds = 1};
    o->held_out = true;
    o->watch_fraction = 40;
    run_options_add_where(o, set, true);
    add_sweep(o, t, set);
    run_options_add_training(o, set, &t->decays);
    run_options_add_input(o, set, false);
    run_options_add_watching(
        o, set, "measure the accuracy every N iterations or epochs (1ep) (default: 40 times in all)",
        "hold out N training images, equally many of each class, and measure the accuracy on "
        "them; 0: on the test set (default: a tenth of the training images)");
    run_options_add_keeping(o, set, false);
    run_options_add_output(o, set);
}

/* Parsed and checked, as far as that goes without the files. Both are to be cleared in any case. */
static int parse(struct run_options *o, struct opt_set *set, struct test_options *t, int argc, char **argv,
                 struct clr_error *err)
{
    static const char *const required[] = {"net", "data", "min-lr", "max-lr", "iterations", "out"};
    int rc = run_options_parse(o, set, &command, describe, t, argc, argv, err);

    for (size_t i = 0; rc == 0 && i < MEM_COUNT(required); i++)
        rc = opt_require(set, required[i], err);
    return rc == 0 ? check_sweep(o, err) : rc;
}

int cmd_range_test_check(struct arguments *kept, int argc, char **argv, struct clr_error *err)
{
    struct run_options o;
    struct opt_set set = {0};
    struct test_options t;
    int rc = parse(&o, &set, &t, argc, argv, err);

    if (rc == 0 && (t.seeds > 1 || t.decays.count > 1))
        rc = clr_error_set(err, CLR_EUSAGE,
                           "--seeds, or several --weight-decay, are several tests: name one at a time");
    if (rc == 0)
        rc = run_options_keep(kept, &o, &set, err);
    run_options_clear(&o);
    opt_clear(&set);
    return rc;
}

int cmd_range_test(int argc, char **argv, struct clr_error *err)
{
    struct run_options o;
    struct opt_set set = {0};
    struct test_options t;
    int rc = parse(&o, &set, &t, argc, argv, err);

    if (rc == 0)
        rc = run_options_open(&o, &set, err);
    if (rc == 0)
        rc = range_test(&o, &set, &t, err);
    run_options_clear(&o);
    opt_clear(&set);
    return rc;
}
