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

/* For the callbacks of all tests of a command. */
struct progress {
    const struct run_options *o;
    uint64_t first_seed;
    bool noted;              /* what all tests share */
    double iterations_per_s; /* of the last test's training; 0: not known */
};

static bool has_decays(const struct run_options *o)
{
    return o->decays.count > 1;
}

static void note_all(const struct run_options *o)
{
    const struct clr_train_options *t = &o->train;
    const bool held_out = t->validation > 0;
    char images[STR_COUNT], iterations[STR_COUNT], batch[STR_COUNT], every[64] = "at every iteration";

    cli_device_tell(&o->chosen);
    cli_note("range test of %s on %s: rate %.4g to %.4g, %s, %s of %s", t->net_name, t->data_name,
             t->schedule.min_lr, t->schedule.max_lr, clr_sweep_names()[o->sweep],
             str_count(iterations, t->iterations, "iteration"),
             str_count(batch, (uint64_t)t->batch, "image"));
    if (t->validate_every == 0)
        str_copy(every, sizeof every, "at the first and the last iteration only");
    else if (t->validate_every > 1)
        (void)snprintf(every, sizeof every, "every %s", str_count(images, t->validate_every, "iteration"));
    cli_note("evaluated %s on %s", every,
             str_count(images, (uint64_t)(held_out ? t->validation : o->dataset->test.count),
                       held_out ? "held-out training image" : "test image"));
}

/* After everything is checked that could refuse the test. */
static void note_begin(void *user)
{
    struct progress *p = user;
    const struct clr_train_options *t = &p->o->train;

    if (!p->noted)
        note_all(p->o);
    p->noted = true;
    if (has_decays(p->o) && t->seed == p->first_seed)
        cli_note("weight decay %.10g", t->weight_decay);
    if (p->o->seeds > 1)
        cli_note("test %d of %d: seed %llu", (int)(t->seed - p->first_seed) + 1, p->o->seeds,
                 (unsigned long long)t->seed);
}

static void note_progress(void *user, const struct clr_progress *now)
{
    struct progress *p = user;

    if (now->iterations_per_s > 0)
        p->iterations_per_s = now->iterations_per_s;
    cli_progress(user, now);
}

/* One of several tests. Its run.json records its own seed and decay, so that it can be resumed by itself. */
static int one_of_several(struct run_options *o, struct clr_range_result *result, struct clr_error *err)
{
    char seed[24], decay[32];
    int rc;

    (void)snprintf(seed, sizeof seed, "%llu", (unsigned long long)o->train.seed);
    (void)snprintf(decay, sizeof decay, "%.17g", o->train.weight_decay);
    rc = arguments_set(&o->kept, "seed", seed, err);
    if (rc == 0 && has_decays(o))
        rc = arguments_set(&o->kept, "weight-decay", decay, err);
    return rc == 0 ? clr_range_test(&o->train, o->sweep, result, err) : rc;
}

/* Report a divergence, also with --json. which: "weight decay 0.1: ", or "". */
static void note_divergence(const struct clr_range_result *r, const char *which)
{
    struct str s = {0};

    if (!r->diverged)
        return;
    range_advice_divergence(&s, r);
    cli_note("%s%s", which, str_text(&s));
    str_clear(&s);
}

/* Run the tests of all seeds, each in a folder of its own in `out`, and read them as one. folders: space for
 * their names, which the caller frees. */
static int test_seeds(struct run_options *o, const char *out, char **folders, struct clr_range_result *result,
                      struct clr_error *err)
{
    const char *const own = o->train.out;
    const uint64_t seed = o->train.seed;
    int rc = 0;

    for (int i = 0; i < o->seeds && rc == 0; i++) {
        char name[40];
        (void)snprintf(name, sizeof name, "seed-%llu", (unsigned long long)seed + (unsigned long long)i);
        rc = o->seeds > 1 ? fs_join(&folders[i], out, name, err) : str_duplicate(&folders[i], out, err);
        if (rc < 0)
            break;
        o->train.seed = seed + (uint64_t)i;
        o->train.out = folders[i];
        rc = o->seeds > 1 || has_decays(o) ? one_of_several(o, result, err)
                                           : clr_range_test(&o->train, o->sweep, result, err);
        cli_progress_end();
        if (rc == 0 && o->seeds > 1) {
            (void)snprintf(name, sizeof name, "seed %llu: ", (unsigned long long)o->train.seed);
            note_divergence(result, name);
        }
    }
    if (rc == 0 && o->seeds > 1)
        rc = clr_range_combine(result, out, (const char *const *)folders, (size_t)o->seeds,
                               cli_command_line(), err);
    o->train.seed = seed;
    o->train.out = own;
    return rc;
}

/* The figure that 'plot range' draws of the folder. */
static int draw_decays(const struct run_options *o, char **outs, char **folders, struct clr_error *err)
{
    const struct clr_plot_options plot = {.size = sizeof plot, .command_line = cli_command_line()};
    const size_t seeds = (size_t)o->seeds;
    struct plot_list list = {0};
    char *figure = NULL;
    int rc = fs_join(&figure, o->train.out, "range.png", err);

    for (size_t i = 0; i < o->decays.count * seeds && rc == 0; i++)
        rc = plot_list_add(&list, folders[i], seeds > 1 ? outs[i / seeds] : NULL, err);
    plot_list_sort(&list, 0);
    if (rc == 0)
        rc = plot_list_draw(&list, PLOT_RANGE, figure, &plot, err);
    plot_list_clear(&list);
    free(figure);
    return rc;
}

#define DECAY_NAME 64

/* The folder of a decay's tests. */
static void name_decay(char name[DECAY_NAME], double decay)
{
    (void)snprintf(name, DECAY_NAME, "decay-%.10g", decay);
}

/* Run the tests of all seeds with every decay, and draw all in one figure. results: one for each decay. */
static int test_decays(struct run_options *o, char **folders, struct clr_range_result *results,
                       struct clr_error *err)
{
    char *outs[OPT_REALS_MAX] = {NULL};
    bool drawn = true; /* a test without an evaluation has no curve */
    int rc = 0;

    for (size_t d = 0; d < o->decays.count && rc == 0; d++) {
        char name[DECAY_NAME];
        o->train.weight_decay = o->decays.values[d];
        name_decay(name, o->train.weight_decay);
        rc = fs_join(&outs[d], o->train.out, name, err);
        if (rc == 0)
            rc = test_seeds(o, outs[d], folders + d * (size_t)o->seeds, &results[d], err);
        drawn = drawn && results[d].points > 0;
    }
    if (rc == 0 && drawn)
        rc = draw_decays(o, outs, folders, err);
    for (size_t d = 0; d < o->decays.count; d++)
        free(outs[d]);
    return rc;
}

/* The decay whose curve is highest: its range is recommended. */
static size_t best_decay(const struct run_options *o, const struct clr_range_result *results)
{
    size_t best = 0;

    for (size_t d = 1; d < o->decays.count; d++) {
        const struct clr_range_result *a = &results[d], *b = &results[best];
        if (a->has_range != b->has_range ? a->has_range : a->top_accuracy > b->top_accuracy)
            best = d;
    }
    return best;
}

/* Do two means of three accuracies each differ by their noise alone? */
static bool within_noise(const struct clr_range_result *a, const struct clr_range_result *b)
{
    return fabs(a->top_accuracy - b->top_accuracy) < 2.0 * hypot(a->noise, b->noise) / sqrt(3.0);
}

static void print_decays(const struct run_options *o, const struct clr_range_result *results, size_t best)
{
    size_t alike = 0;

    printf("highest mean of three neighbouring %s:\n",
           results[best].untrained_loss > 0.0 ? "falls of the loss" : "accuracies");
    for (size_t d = 0; d < o->decays.count; d++) {
        const bool same = d != best && within_noise(&results[d], &results[best]);
        printf("weight decay %.10g: %.2f %%, at rate %.4g%s\n", o->decays.values[d],
               100 * results[d].top_accuracy, results[d].top_lr,
               d == best ? " (the rest is about this one)"
               : same    ? " (no difference beyond the noise)"
                         : "");
        alike += same;
    }
    if (alike > 0)
        printf("The choice of weight decay %.10g is arbitrary: %s as good, within the noise.\n",
               o->decays.values[best],
               alike + 1 == o->decays.count ? "the others are" : "those so marked are");
    printf("\nwith weight decay %.10g:\n", o->decays.values[best]);
}

static int report(struct run_options *o, const struct clr_range_result *results, double images_per_s,
                  struct clr_error *err)
{
    const size_t count = has_decays(o) ? o->decays.count : 1, best = best_decay(o, results);
    json_t *all = count > 1 ? json_array() : NULL;
    int rc = 0;

    for (size_t d = 0; d < count && rc == 0; d++) {
        char which[64] = "", name[DECAY_NAME];
        const struct range_advice advice = {o, &results[d], count > 1 ? name : NULL, d == best, images_per_s};
        if (count > 1) {
            o->train.weight_decay = o->decays.values[d];
            name_decay(name, o->train.weight_decay);
            (void)snprintf(which, sizeof which, "weight decay %.10g: ", o->decays.values[d]);
        }
        note_divergence(&results[d], which);
        if (o->json && count > 1) {
            all = json_append(all, range_advice_json(&advice));
        } else if (o->json) {
            rc = cli_print_json(range_advice_json(&advice), err);
        } else if (d == best) {
            if (count > 1)
                print_decays(o, results, best);
            rc = range_advice_print(&advice, err);
        }
    }
    if (rc == 0 && o->json && count > 1)
        return cli_print_json(all, err);
    json_decref(all);
    return rc;
}

/* The one of two files that is in the folder; NULL: neither. */
static const char *find_any(const char *dir, const char *a, const char *b)
{
    return fs_exists_in(dir, a) ? a : fs_exists_in(dir, b) ? b : NULL;
}

/* Several tests need a folder without a test in it, in which each gets its own folder. */
static int check_several(const struct run_options *o, struct clr_error *err)
{
    const struct clr_train_options *t = &o->train;
    const char *found = find_any(t->out, "run.json", "range.csv");
    int rc = fs_check_folder(t->out, err);

    if (rc < 0)
        return rc;
    if (t->seed > UINT64_MAX - (uint64_t)o->seeds)
        return clr_error_set(err, CLR_EUSAGE, "--seed %llu is too large for %d seeds",
                             (unsigned long long)t->seed, o->seeds);
    if (found)
        return clr_error_set(err, CLR_EUSAGE,
                             "there is a single test in '%s' (%s): choose another --out, or remove it",
                             t->out, found);
    if (!t->resume)
        found = find_any(t->out, "range.json", "range.png");
    if (found)
        return clr_error_set(
            err, CLR_EUSAGE,
            "there are tests in '%s' already (%s): resume them with --resume, choose another "
            "--out, or remove them",
            t->out, found);
    for (size_t i = 0; i < o->decays.count; i++)
        for (size_t k = 0; k < i; k++)
            if (fabs(o->decays.values[i] - o->decays.values[k]) <= 1e-9 * o->decays.values[i])
                return clr_error_set(err, CLR_EUSAGE, "--weight-decay %g is given twice",
                                     o->decays.values[i]);
    return 0;
}

static int range_test(struct run_options *o, struct clr_error *err)
{
    const size_t decays = has_decays(o) ? o->decays.count : 1, tests = decays * (size_t)o->seeds;
    struct clr_range_result results[OPT_REALS_MAX] = {{0}};
    struct progress progress = {.o = o, .first_seed = o->train.seed};
    char **folders = NULL;
    int rc = tests > 1 ? check_several(o, err) : 0;

    if (rc == 0)
        rc = mem_new(&folders, tests, sizeof *folders, "folders", err);
    if (rc < 0)
        return rc;
    o->train.begin = note_begin;
    o->train.user = &progress;
    o->train.progress = note_progress;
    o->train.stop = cli_catch_signals(CLI_STOPPING_RUN);
    if (o->decays.count == 1)
        o->train.weight_decay = o->decays.values[0];
    rc = decays > 1 ? test_decays(o, folders, results, err)
                    : test_seeds(o, o->train.out, folders, results, err);
    if (rc == CLR_EINTERRUPTED && tests > 1)
        rc = clr_error_set(err, rc, "stopped: repeat the command with --resume to continue these tests");
    if (rc == 0)
        rc = report(o, results, progress.iterations_per_s * o->train.batch, err);
    if (rc == 0)
        cli_note("wrote %s; the figure is range.png there", o->train.out);
    for (size_t i = 0; i < tests; i++)
        free(folders[i]);
    free(folders);
    return rc;
}

static void add_sweep(struct run_options *o)
{
    struct clr_schedule *s = &o->train.schedule;
    const struct opt table[] = {
        {OPT_REAL, "min-lr", "A", &s->min_lr, .above = true, .max = 1e6, .like = "0.001",
         .help = "the first rate"},
        {OPT_REAL, "max-lr", "B", &s->max_lr, .above = true, .max = 1e6, .like = "0.5",
         .help = "the last rate"},
        {OPT_CHOICE, "sweep", "HOW", &o->sweep, .choices = clr_sweep_names(),
         .help = "linear: equal steps, as in the paper; log: equal factors, for a first look over several "
                 "powers of ten (default: linear)"},
        {OPT_INT, "seeds", "N", &o->seeds, .min = 1, .max = 100,
         .help =
             "repeat the test with N seeds, beginning with --seed, each in a folder seed-N, and report the "
             "medians of their bounds (default: 1)"},
        OPT_ROW_MOMENTUM(&s->momentum),
    };

    opt_add(&o->set, "Sweep", table, MEM_COUNT(table));
}

static void describe(struct run_options *o)
{
    o->range_test = true;
    run_options_add_where(o, true);
    run_options_add_solver(o);
    add_sweep(o);
    run_options_add_training(o);
    run_options_add_input(o, false);
    run_options_add_evaluation(o);
    run_options_add_checkpoints(o);
    run_options_add_output(o);
}

static int check_sweep(struct run_options *o, struct clr_error *err)
{
    const struct clr_schedule *s = &o->train.schedule;

    if (!(s->min_lr < s->max_lr))
        return clr_error_set(err, CLR_EUSAGE, "--min-lr %g is not below --max-lr %g: the rate has to rise",
                             s->min_lr, s->max_lr);
    return 0;
}

static const struct run_command command = {
    .base = {.name = "range-test",
             .usage = "--net NET --data DATA --min-lr A --max-lr B --iterations N --out DIR [OPTION...] | "
                      "--solver FILE --data DATA --out DIR [OPTION...]",
             .about =
                 "Trains while the learning rate rises from A to B, and recommends a range to train with: "
                 "the lower bound is where the net begins to learn, the upper bound where the accuracy "
                 "falls. It writes range.csv, range.json, range.png and run.json into a folder. Its last "
                 "line is the train command to continue with.",
             .examples = "  clr-cl range-test --net quick --data cifar10 --min-lr 0.0001 --max-lr 0.02 \\\n"
                         "      --iterations 4000 --out range\n"
                         "  clr-cl range-test --net lenet --data fashion-mnist --min-lr 1e-4 --max-lr 1 \\\n"
                         "      --sweep log --iterations 2ep --out range-log\n",
             .adds = true},
    .describe = describe,
    .check = check_sweep,
    .run = range_test,
};

int cmd_range_test_check(struct arguments *kept, int argc, char **argv, struct clr_error *err)
{
    return run_command(&command, kept, argc, argv, err);
}

int cmd_range_test(int argc, char **argv, struct clr_error *err)
{
    return run_command(&command, NULL, argc, argv, err);
}
