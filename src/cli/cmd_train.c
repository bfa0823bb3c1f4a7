/* clr-cl train: one run, written into a folder. */
#include "cli/common.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "cli/run_options.h"

/* Fewer lines than these show no curve of accuracies, or of losses, each of which is a single batch's. */
#define FEW_ACCURACIES 5
#define FEW_LOSSES     10
#define MANY           40 /* lines that show one */

/* Parts of the way from chance to an accuracy of 1. */
#define LEARNED   0.25
#define AT_CHANCE 0.02

/* Is the net back where it began, after it had learned? */
static bool fell_to_chance(const struct run_options *o, const struct clr_train_result *r)
{
    const double chance = 1.0 / o->dataset->classes;

    return r->best_acc > chance + LEARNED * (1.0 - chance) &&
           r->val_acc < chance + AT_CHANCE * (1.0 - chance);
}

/* The average of the weights, where there is one. */
static void print_average(const struct clr_train_result *r)
{
    char loss[CLI_LOSS_TEXT];

    if (isnan(r->ema_loss))
        return;
    printf("average of the weights: ");
    if (!isnan(r->ema_acc))
        printf("accuracy %.2f %%, ", 100 * r->ema_acc);
    printf("loss %s\n", cli_loss(loss, r->ema_loss));
}

static json_t *result_json(const struct run_options *o, const struct clr_train_result *r)
{
    const bool averages = o->train.ema > 0.0;

    return json_pack("{s:s, s:I, s:s, s:o, s:o, s:o, s:I, s:o, s:o*, s:o*, s:s*}", "out", o->train.out,
                     "iterations", (json_int_t)r->iterations, "evaluated_on",
                     o->train.validation > 0 ? "validation" : "test", "loss", json_finite(r->val_loss),
                     "accuracy", json_finite(r->val_acc), "best_accuracy", json_finite(r->best_acc),
                     "best_iteration", (json_int_t)r->best_iteration, "seconds", json_finite(r->seconds),
                     "ema_loss", averages ? json_finite(r->ema_loss) : NULL, "ema_accuracy",
                     averages ? json_finite(r->ema_acc) : NULL, "profile", r->profile);
}

static int print_result(const struct run_options *o, const struct clr_train_result *r, struct clr_error *err)
{
    char count[STR_COUNT], loss[CLI_LOSS_TEXT];

    if (fell_to_chance(o, r))
        cli_warn("the accuracy was %.2f %% at iteration %s, and fell back to chance: the rates after it were "
                 "too high",
                 100 * r->best_acc, str_count(count, r->best_iteration, ""));
    if (o->json)
        return cli_print_json(result_json(o, r), err);
    printf("%s ", o->train.validation > 0 ? "held-out" : "test");
    if (isnan(r->val_acc))
        printf("loss %s", cli_loss(loss, r->val_loss));
    else
        printf("accuracy %.2f %% (loss %s)", 100 * r->val_acc, cli_loss(loss, r->val_loss));
    printf(" after %s; ", str_count(count, r->iterations, "iteration"));
    if (isnan(r->val_acc))
        printf("lowest %s", cli_loss(loss, r->best_loss));
    else
        printf("best %.2f %%", 100 * r->best_acc);
    printf(" at iteration %s\n", str_count(count, r->best_iteration, ""));
    print_average(r);
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

/* In a short run the default interval gives few lines, and more cannot be computed afterwards. */
static void note_lines(const char *table, uint64_t few, const char *option, uint64_t iterations,
                       uint64_t every)
{
    const uint64_t more = iterations / MANY > 0 ? iterations / MANY : 1;
    char count[STR_COUNT];

    if (lines(iterations, every) < few && more < every)
        cli_note("%s will have %s: --%s %llu gives more", table,
                 str_count(count, lines(iterations, every), "line"), option, (unsigned long long)more);
}

/* After everything is checked that could refuse the run. */
static void note_begin(void *user)
{
    const struct run_options *o = user;
    const struct clr_train_options *t = &o->train;
    char schedule[160], images[STR_COUNT], iterations[STR_COUNT];

    cli_device_tell(&o->chosen);
    clr_schedule_describe(&t->schedule, schedule, sizeof schedule);
    cli_note("training %s on %s: %s, %s of %s", t->net_name, t->data_name, schedule,
             str_count(iterations, t->iterations, "iteration"),
             str_count(images, (uint64_t)t->batch, "image"));
    run_options_note_end(o);
    if (t->validation > 0)
        cli_note("evaluations are on %s",
                 str_count(images, (uint64_t)t->validation, "held-out training image"));
    if (!t->resume && !opt_given(&o->set, "validate-every"))
        note_lines("history.csv", FEW_ACCURACIES, "validate-every", t->iterations, t->validate_every);
    if (!t->resume && !opt_given(&o->set, "log-every"))
        note_lines("loss.csv", FEW_LOSSES, "log-every", t->iterations, t->log_every);
}

static int train(struct run_options *o, struct clr_error *err)
{
    struct clr_train_result result = {0};
    struct str note = {0};
    int rc;

    if (o->train.keep_minima && !clr_schedule_is_cyclic(o->train.schedule.policy))
        cli_warn("--keep-minima has no effect: policy %s has no cycles",
                 clr_schedule_policy_name(o->train.schedule.policy));
    o->train.begin = note_begin;
    o->train.user = o;
    o->train.progress = cli_progress;
    o->train.stop = cli_catch_signals(CLI_STOPPING_RUN);
    rc = clr_train(&o->train, &result, err);
    cli_progress_end();
    if (rc == 0)
        rc = print_result(o, &result, err);
    str_append(&note, "wrote ");
    cli_quote(&note, o->train.out);
    str_append(&note, "; draw it with: ");
    cli_quote(&note, cli_program());
    str_append(&note, " plot run ");
    cli_quote(&note, o->train.out);
    if (rc == 0)
        rc = str_check(&note, err);
    if (rc == 0)
        cli_note("%s -o run.png", str_text(&note));
    str_clear(&note);
    free(result.profile);
    return rc;
}

static void describe(struct run_options *o)
{
    run_options_add_where(o, true);
    run_options_add_solver(o);
    run_options_add_policy(o);
    run_options_add_training(o);
    run_options_add_input(o, false);
    run_options_add_evaluation(o);
    run_options_add_logging(o);
    run_options_add_checkpoints(o);
    run_options_add_output(o);
}

static const struct run_command command = {
    .base = {.name = "train",
             .usage = "--net NET --data DATA --policy P --iterations N|--cycles N --out DIR [OPTION...] | "
                      "--solver FILE --data DATA --out DIR [OPTION...] | --resume --out DIR [OPTION...]",
             .about = "Trains a net and writes the run into a folder: run.json (every setting), history.csv "
                      "(loss, rate and accuracy at each evaluation), loss.csv, timing.csv, checkpoints, and "
                      "final.safetensors (the weights). Ctrl-C stops after the current iteration and saves a "
                      "checkpoint; --resume continues from it, or from the last checkpoint of a run that was "
                      "killed.",
             .examples = "  clr-cl train --net quick --data cifar10 --policy triangular --min-lr 0.0025 \\\n"
                         "      --max-lr 0.01 --step-size 2000 --iterations 4000 --out triangular\n"
                         "  clr-cl train --net lenet --data fashion-mnist --policy fixed --lr 0.01 \\\n"
                         "      --weight-decay 0.0005 --iterations 3ep --out fixed\n"
                         "  clr-cl train --resume --out triangular\n",
             .adds = true},
    .describe = describe,
    .run = train,
};

int cmd_train_check(struct arguments *kept, int argc, char **argv, struct clr_error *err)
{
    return run_command(&command, kept, argc, argv, err);
}

int cmd_train(int argc, char **argv, struct clr_error *err)
{
    return run_command(&command, NULL, argc, argv, err);
}
