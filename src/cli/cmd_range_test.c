/* clr-cl range-test: the learning-rate range test, and the train command that follows from it. */
#include "cli/common.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/json.h"

#include "cli/plot_list.h"
#include "cli/range_advice.h"

static const struct opt_command command = {
    .name = "range-test",
    .usage = "--net NET --data DATA --min-lr A --max-lr B --iterations N --out DIR [OPTION...]",
    .about =
        "Trains while the learning rate rises from A to B, and reads off the range to train with: the lower "
        "bound where the net starts to learn, the upper one where the accuracy falls. It writes range.csv, "
        "range.json, range.png and run.json into a folder, and prints the train command to go on "
        "with as its last line.",
    .examples = "  clr-cl range-test --net quick --data cifar10 --min-lr 0.0001 --max-lr 0.02 \\\n"
                "      --iterations 4000 --out range\n"
                "  clr-cl range-test --net lenet --data fashion-mnist --min-lr 1e-4 --max-lr 1 \\\n"
                "      --sweep log --iterations 2ep --out range-log\n",
};

/* What is not of a run, but of the test. */
struct test_options {
    int sweep; /* number in the choices */
    int seeds;
    struct opt_reals decays;
};

/* What there is to tell when a test begins. */
struct beginning {
    const struct run_options *o;
    const struct test_options *t;
    uint64_t first_seed;
    bool told;               /* what all tests share */
    double iterations_per_s; /* in training, at the end; 0: not known */
};

static void tell_all(const struct run_options *o, const struct test_options *t)
{
    char images[STR_COUNT], iterations[STR_COUNT], batch[STR_COUNT], every[64] = "at every iteration";
    const bool held_out = o->train.validation > 0;

    cli_device_tell(&o->chosen);
    cli_note("range test of %s on %s: rate %.4g to %.4g, %s, %s of %s", o->net, o->data,
             o->train.schedule.min_lr, o->train.schedule.max_lr, t->sweep == 1 ? "log" : "linear",
             str_count(iterations, o->train.iterations, "iteration"),
             str_count(batch, (uint64_t)o->train.batch, "image"));
    if (o->train.validate_every == 0)
        str_copy(every, sizeof every, "at the first and the last iteration only");
    else if (o->train.validate_every > 1)
        (void)snprintf(every, sizeof every, "every %s",
                       str_count(images, o->train.validate_every, "iteration"));
    cli_note("accuracy is measured %s on %s", every,
             str_count(images, (uint64_t)(held_out ? o->train.validation : o->dataset->test.count),
                       held_out ? "held-out training image" : "test image"));
}

/* When nothing is left that could refuse the test. */
static void tell_begin(void *user)
{
    struct beginning *b = user;
    const struct clr_train_options *now = &b->o->train;

    if (!b->told)
        tell_all(b->o, b->t);
    b->told = true;
    if (b->t->decays.count > 1 && now->seed == b->first_seed)
        cli_note("weight decay %.10g", now->weight_decay);
    if (b->t->seeds > 1)
        cli_note("test %d of %d: seed %llu", (int)(now->seed - b->first_seed) + 1, b->t->seeds,
                 (unsigned long long)now->seed);
}

static void follow(void *user, const struct clr_progress *p)
{
    struct beginning *b = user;

    if (p->iterations_per_s > 0)
        b->iterations_per_s = p->iterations_per_s;
    cli_progress(user, p);
}

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

/* What ended a test, also where only JSON is asked for. which: "weight decay 0.1: ", or "". */
static void tell_end(const struct clr_range_result *r, const char *which)
{
    char count[STR_COUNT];

    if (r->diverged)
        cli_note("%sthe loss was no longer finite at iteration %s, rate %.4g: %s", which,
                 str_count(count, r->diverged_at, ""), r->diverged_lr,
                 r->tests > 1 ? "the first of the tests that stopped" : "the test stopped there");
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
        rc = t->seeds > 1 || t->decays.count > 1 ? one_of_several(o, t, sweep, result, err)
                                                 : clr_range_test(&o->train, sweep, result, err);
        cli_progress_end();
        if (rc == 0 && t->seeds > 1) {
            (void)snprintf(name, sizeof name, "seed %llu: ", (unsigned long long)o->train.seed);
            tell_end(result, name);
        }
    }
    if (rc == 0 && t->seeds > 1)
        rc = clr_range_combine(result, out, (const char *const *)folders, (size_t)t->seeds,
                               cli_command_line(), err);
    o->train.seed = seed;
    o->train.out = o->out;
    return rc;
}

/* As 'plot range' draws the folder. */
static int draw_decays(const struct run_options *o, const struct test_options *t, char **outs, char **folders,
                       struct clr_error *err)
{
    const struct clr_plot_options plot = {.command_line = cli_command_line()};
    const size_t seeds = (size_t)t->seeds;
    struct plot_list list = {0};
    char *figure = NULL;
    int rc = fs_join(&figure, o->out, "range.png", err);

    for (size_t i = 0; i < t->decays.count * seeds && rc == 0; i++)
        rc = plot_list_add(&list, folders[i], seeds > 1 ? outs[i / seeds] : NULL, err);
    plot_list_sort(&list, 0);
    if (rc == 0)
        rc = plot_list_draw(&list, PLOT_RANGE, figure, &plot, err);
    plot_list_clear(&list);
    free(figure);
    return rc;
}

/* The same with every decay, and a figure of all. results: one for each. */
static int test_decays(struct run_options *o, const struct test_options *t, char **folders,
                       struct clr_range_result *results, struct clr_error *err)
{
    char *outs[OPT_REALS_MAX] = {NULL};
    bool drawn = true; /* a test without an evaluation has no curve */
    int rc = 0;

    for (size_t d = 0; d < t->decays.count && rc == 0; d++) {
        char name[64];
        (void)snprintf(name, sizeof name, "decay-%.10g", t->decays.values[d]);
        o->train.weight_decay = t->decays.values[d];
        rc = fs_join(&outs[d], o->out, name, err);
        if (rc == 0)
            rc = test_seeds(o, t, outs[d], folders + d * (size_t)t->seeds, &results[d], err);
        drawn = drawn && results[d].points > 0;
    }
    if (rc == 0 && drawn)
        rc = draw_decays(o, t, outs, folders, err);
    for (size_t d = 0; d < t->decays.count; d++)
        free(outs[d]);
    return rc;
}

/* Which decay's curve goes highest: the range to go on with is that one's. */
static size_t best_decay(const struct test_options *t, const struct clr_range_result *results)
{
    size_t best = 0;

    for (size_t d = 1; d < t->decays.count; d++) {
        const struct clr_range_result *a = &results[d], *b = &results[best];
        if (a->has_range != b->has_range ? a->has_range : a->top_accuracy > b->top_accuracy)
            best = d;
    }
    return best;
}

/* Two means of three accuracies each differ by their noise alone? */
static bool within_noise(const struct clr_range_result *a, const struct clr_range_result *b)
{
    return fabs(a->top_accuracy - b->top_accuracy) < 2.0 * hypot(a->noise, b->noise) / sqrt(3.0);
}

static void print_decays(const struct test_options *t, const struct clr_range_result *results)
{
    const size_t best = best_decay(t, results);

    printf("highest mean of three neighbouring accuracies:\n");
    for (size_t d = 0; d < t->decays.count; d++)
        printf("weight decay %.10g: %.2f %%, at rate %.4g%s\n", t->decays.values[d],
               100 * results[d].top_accuracy, results[d].top_lr,
               d == best                                   ? " (the rest is about this one)"
               : within_noise(&results[d], &results[best]) ? " (no difference beyond the noise)"
                                                           : "");
    printf("\nwith weight decay %.10g:\n", t->decays.values[best]);
}

static int report(struct run_options *o, const struct opt_set *set, const struct test_options *t,
                  const struct clr_range_result *results, double images_per_s, struct clr_error *err)
{
    const size_t count = t->decays.count > 1 ? t->decays.count : 1, best = best_decay(t, results);
    json_t *all = o->json && count > 1 ? json_array() : NULL;
    int rc = 0;

    for (size_t d = 0; d < count && rc == 0; d++) {
        const struct range_advice advice = {o, set, &results[d], t->sweep == 1};
        char which[64] = "";
        if (count > 1) {
            o->train.weight_decay = t->decays.values[d];
            (void)snprintf(which, sizeof which, "weight decay %.10g: ", t->decays.values[d]);
        }
        tell_end(&results[d], which);
        if (all) {
            all = json_append(all, range_advice_json(&advice));
        } else if (o->json) {
            rc = cli_print_json(range_advice_json(&advice), err);
        } else if (d == best) {
            if (count > 1)
                print_decays(t, results);
            rc = range_advice_print(&advice, err);
            if (rc == 0)
                range_advice_tell_time(&advice, images_per_s);
        }
    }
    if (rc == 0 && o->json && count > 1)
        rc = cli_print_json(all, err);
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
    int rc = fs_check_folder(o->out, err);

    if (rc < 0)
        return rc;
    if (o->train.seed > UINT64_MAX - (uint64_t)t->seeds)
        return clr_error_set(err, CLR_EUSAGE, "--seed %llu leaves no room for %d seeds",
                             (unsigned long long)o->train.seed, t->seeds);
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
    const size_t decays = t->decays.count > 1 ? t->decays.count : 1, tests = decays * (size_t)t->seeds;
    struct clr_range_result results[OPT_REALS_MAX] = {{0}};
    struct beginning begin = {.o = o, .t = t, .first_seed = o->train.seed};
    char **folders = NULL;
    int rc = tests > 1 ? check_several(o, t, err) : 0;

    if (rc == 0)
        rc = mem_new(&folders, tests, sizeof *folders, "folders", err);
    if (rc < 0)
        return rc;
    o->train.begin = tell_begin;
    o->train.user = &begin;
    o->train.progress = follow;
    o->train.stop = cli_catch_signals(CLI_STOPPING_RUN);
    if (t->decays.count == 1)
        o->train.weight_decay = t->decays.values[0];
    rc = decays > 1 ? test_decays(o, t, folders, results, err)
                    : test_seeds(o, t, o->out, folders, results, err);
    if (rc == CLR_EINTERRUPTED && tests > 1)
        rc = clr_error_set(err, rc, "stopped: the same command with --resume goes on with these tests");
    if (rc == 0)
        rc = report(o, set, t, results, begin.iterations_per_s * o->train.batch, err);
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
         .help = "repeat the test with N seeds, from --seed on, read each, and take the medians; each is in "
                 "a folder "
                 "seed-N (default: 1)"},
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

    if (rc == 0)
        rc = opt_require_all(set, required, MEM_COUNT(required), &command, err);
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
