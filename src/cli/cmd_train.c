/* clr-cl train: one run, written into a folder. */
#include "cli/common.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "cli/run_options.h"

/* Fewer lines than these show no curve of accuracy, or of losses, each of which is a single batch's. */
#define FEW_ACCURACIES 5
#define FEW_LOSSES     10
#define MANY           40 /* so many do */

static const struct opt_command command = {
    .name = "train",
    .usage = "--net NET --data DATA --policy P --iterations N|--cycles N --out DIR [OPTION...] | "
             "--solver FILE --data DATA --out DIR [OPTION...] | --resume --out DIR [OPTION...]",
    .about = "Trains a net and writes the run into a folder: run.json (every setting), history.csv (loss, "
             "rate and "
             "accuracy at each evaluation), loss.csv, timing.csv, checkpoints, and final.safetensors (the "
             "weights). Ctrl-C stops after the current iteration and saves what there is; --resume goes on "
             "from there, or from the last checkpoint of a run that was killed.",
    .examples = "  clr-cl train --net quick --data cifar10 --policy triangular --min-lr 0.0025 \\\n"
                "      --max-lr 0.01 --step-size 2000 --iterations 4000 --out triangular\n"
                "  clr-cl train --net lenet --data fashion-mnist --policy fixed --lr 0.01 \\\n"
                "      --weight-decay 0.0005 --iterations 3ep --out fixed\n"
                "  clr-cl train --resume --out triangular\n",
};

static int print_result(const struct run_options *o, const struct clr_train_result *r, struct clr_error *err)
{
    const char *images = o->train.validation > 0 ? "validation" : "test";
    char count[STR_COUNT], loss[CLI_LOSS_TEXT];

    if (o->json)
        return cli_print_json(json_pack("{s:s, s:I, s:s, s:o, s:o, s:o, s:I, s:o, s:s*}", "out", o->out,
                                        "iterations", (json_int_t)r->iterations, "evaluated_on", images,
                                        "loss", json_finite(r->val_loss), "accuracy", json_finite(r->val_acc),
                                        "best_accuracy", json_finite(r->best_acc), "best_iteration",
                                        (json_int_t)r->best_iteration, "seconds", json_finite(r->seconds),
                                        "profile", r->profile),
                              err);
    printf("%s accuracy %.2f %% (loss %s) after %s", images, 100 * r->val_acc, cli_loss(loss, r->val_loss),
           str_count(count, r->iterations, "iteration"));
    printf("; best %.2f %% at iteration %s\n", 100 * r->best_acc, str_count(count, r->best_iteration, ""));
    if (r->profile)
        printf("\n%s", r->profile);
    return 0;
}

/* Lines of a table of the first iteration, the last one, and every `every`-th (0: none) between. */
static uint64_t lines(uint64_t iterations, uint64_t every)
{
    if (every == 0 || every > iterations)
        return iterations > 1 ? 2 : 1;
    return iterations / every + (every > 1) + (iterations % every != 0);
}

/* A short run leaves a usual interval few lines, which cannot be had afterwards. */
static void tell_lines(const char *table, uint64_t few, const char *option, uint64_t iterations,
                       uint64_t every)
{
    const uint64_t more = iterations / MANY > 0 ? iterations / MANY : 1;
    char count[STR_COUNT];

    if (lines(iterations, every) < few && more < every)
        cli_note("%s will have %s: --%s %llu gives more", table,
                 str_count(count, lines(iterations, every), "line"), option, (unsigned long long)more);
}

/* What is told when a run begins. */
struct beginning {
    const struct run_options *o;
    const struct opt_set *set;
};

static void tell_tables(const struct beginning *b)
{
    const struct clr_train_options *t = &b->o->train;

    if (t->resume) /* the intervals are the run's */
        return;
    if (!opt_given(b->set, "validate-every"))
        tell_lines("history.csv", FEW_ACCURACIES, "validate-every", t->iterations, t->validate_every);
    if (!opt_given(b->set, "log-every"))
        tell_lines("loss.csv", FEW_LOSSES, "log-every", t->iterations, t->log_every);
}

/* When nothing is left that could refuse the run. */
static void tell_begin(void *user)
{
    const struct beginning *b = user;
    const struct run_options *o = b->o;
    char schedule[160], images[STR_COUNT], iterations[STR_COUNT];

    cli_device_tell(&o->chosen);
    clr_schedule_describe(&o->train.schedule, schedule, sizeof schedule);
    cli_note("training %s on %s: %s, %s of %s", o->net, o->data, schedule,
             str_count(iterations, o->train.iterations, "iteration"),
             str_count(images, (uint64_t)o->train.batch, "image"));
    policy_note_end(&o->train.schedule, o->train.iterations);
    if (o->train.validation > 0)
        cli_note("accuracy is measured on %s",
                 str_count(images, (uint64_t)o->train.validation, "held-out training image"));
    tell_tables(b);
}

static int train(struct run_options *o, const struct opt_set *set, struct clr_error *err)
{
    struct clr_train_result result = {0};
    struct beginning begin = {o, set};
    struct str folder = {0}, program = {0};
    int rc;

    if (o->train.keep_minima && !clr_schedule_is_cyclic(o->train.schedule.policy))
        cli_warn("--keep-minima has no effect: policy %s has no cycles",
                 clr_schedule_policy_name(o->train.schedule.policy));
    o->train.begin = tell_begin;
    o->train.user = &begin;
    o->train.progress = cli_progress;
    o->train.stop = cli_catch_signals(CLI_STOPPING_RUN);
    rc = clr_train(&o->train, &result, err);
    cli_progress_end();
    if (rc == 0)
        rc = print_result(o, &result, err);
    if (rc == 0) {
        cli_quote(&program, cli_program());
        cli_quote(&folder, o->out);
        rc = str_check(&program, err);
    }
    if (rc == 0)
        rc = str_check(&folder, err);
    if (rc == 0)
        cli_note("wrote %s; draw it with: %s plot run %s -o run.png", str_text(&folder), str_text(&program),
                 str_text(&folder));
    str_clear(&program);
    str_clear(&folder);
    free(result.profile);
    return rc;
}

static void describe(struct run_options *o, struct opt_set *set, void *user)
{
    (void)user;
    run_options_add_where(o, set, true);
    run_options_add_solver(o, set);
    policy_options_add(&o->policy, set, true);
    run_options_add_training(o, set, NULL);
    run_options_add_input(o, set, false);
    run_options_add_watching(
        o, set,
        "measure the accuracy every N iterations (1000) or epochs (2ep), at the first and at "
        "the last; 0: only then (default: 1000)",
        "hold out N training images and measure the accuracy on them instead of the test "
        "set (default: 0)");
    run_options_add_logging(o, set);
    run_options_add_keeping(o, set, true);
    run_options_add_output(o, set);
}

/* Parsed and checked, as far as that goes without the files. Both are to be cleared in any case. */
static int parse(struct run_options *o, struct opt_set *set, int argc, char **argv, struct clr_error *err)
{
    static const char *const required[] = {"net", "data", "policy", "out"};
    int rc = run_options_parse(o, set, &command, describe, NULL, argc, argv, err);

    if (rc == 0)
        rc = opt_require_all(set, required, MEM_COUNT(required), &command, err);
    return rc;
}

int cmd_train_check(struct arguments *kept, int argc, char **argv, struct clr_error *err)
{
    struct run_options o;
    struct opt_set set = {0};
    int rc = parse(&o, &set, argc, argv, err);

    if (rc == 0)
        rc = run_options_keep(kept, &o, &set, err);
    run_options_clear(&o);
    opt_clear(&set);
    return rc;
}

int cmd_train(int argc, char **argv, struct clr_error *err)
{
    struct run_options o;
    struct opt_set set = {0};
    int rc = parse(&o, &set, argc, argv, err);

    if (rc == 0)
        rc = run_options_open(&o, &set, err);
    if (rc == 0)
        rc = train(&o, &set, err);
    run_options_clear(&o);
    opt_clear(&set);
    return rc;
}
