/* What `range-test` prints of a range test: see range_advice.h. */
#include "cli/range_advice.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/json.h"
#include "cli/common.h"
#include "cli/range_next.h"

#define CYCLES      3
#define STEP_EPOCHS 4
#define WHY_CYCLES                                                                                           \
    "step size: 4 epochs, as 2 to 10 do about equally well; cycles: 3 are the fewest that train a net most " \
    "of the way, and a run ends at the end of one, where the accuracy peaks (arXiv:1506.01186, section 3.2)"

/* ---- what to train with ---- */

/* Options of this run that the next command must repeat. */
static void append_repeated(struct str *s, const struct opt_set *set)
{
    static const char *const repeated[] = {
        "device",         "unchecked", "seed",         "batch",          "momentum", "momentum-convention",
        "optimizer",      "momentum2", "epsilon",      "regularization", "order",    "last-batch",
        "clip-gradients", "init",      "init-partial", "mean",           "scale"};

    for (size_t i = 0; i < set->count; i++) {
        size_t k = 0;
        while (k < MEM_COUNT(repeated) && strcmp(set->options[i].name, repeated[k]) != 0)
            k++;
        if (!set->given[i] || k == MEM_COUNT(repeated))
            continue;
        str_append(s, " --%s%s", repeated[k], set->texts[i] ? " " : "");
        if (set->texts[i])
            cli_quote(s, set->texts[i]);
    }
}

static bool is_log(const struct range_advice *a)
{
    return a->o->sweep == CLR_SWEEP_LOG;
}

/* Are there bounds to train with? */
static bool is_sure(const struct range_advice *a)
{
    return a->r->has_range && a->r->doubt == CLR_RANGE_SURE;
}

/* Name a folder beside --out, as an option; each of several decays has its own. */
static void append_out(struct str *s, const struct range_advice *a, const char *suffix)
{
    const struct run_options *o = a->o;
    size_t n = strlen(o->train.out);
    struct str out = {0};

    while (n > 1 && o->train.out[n - 1] == '/')
        n--;
    str_append(&out, "%.*s%s%s-%s", (int)n, o->train.out, a->name ? "-" : "", a->name ? a->name : "", suffix);
    str_append(s, " --out ");
    cli_quote(s, str_text(&out));
    s->failed = s->failed || out.failed;
    str_clear(&out);
}

/* ---- the test that comes next ---- */

/* Iterations of an epoch without held-out images. */
static uint64_t epoch(const struct run_options *o)
{
    const uint64_t images = (uint64_t)o->dataset->train.count, batch = (uint64_t)o->train.batch;

    return o->train.last_batch == CLR_LAST_BATCH_KEEP ? (images + batch - 1) / batch : images / batch;
}

static bool find_next(struct range_next *n, const struct range_advice *a)
{
    const struct clr_train_options *t = &a->o->train;
    const struct range_sweep done = {.min_lr = t->schedule.min_lr,
                                     .max_lr = t->schedule.max_lr,
                                     .log = is_log(a),
                                     .iterations = t->iterations,
                                     .validate_every = t->validate_every,
                                     .validation = opt_given(&a->o->set, "validation") ? t->validation : -1,
                                     .seeds = a->o->seeds};

    return range_next_find(n, &done, a->r, a->o->dataset->train.count, epoch(a->o));
}

static void append_next(struct str *s, const struct range_sweep *n)
{
    str_append(s, " --min-lr %.3g --max-lr %.3g%s --iterations %llu", n->min_lr, n->max_lr,
               n->log ? " --sweep log" : "", (unsigned long long)n->iterations);
    if (n->validation >= 0)
        str_append(s, " --validation %d", n->validation);
    if (n->validate_every > 0)
        str_append(s, " --validate-every %llu", (unsigned long long)n->validate_every);
    if (n->seeds > 1)
        str_append(s, " --seeds %d", n->seeds);
}

/* The whole command: training, or the test that comes before it; nothing where there is neither. */
static void append_train_command(struct str *s, const struct range_advice *a)
{
    const struct run_options *o = a->o;
    struct range_next next;
    const bool again = find_next(&next, a);

    if (!again && !is_sure(a))
        return;
    cli_quote(s, cli_program());
    str_append(s, again ? " range-test --net " : " train --net ");
    cli_quote(s, o->train.net_name);
    str_append(s, " --data ");
    cli_quote(s, o->train.data_name);
    if (again)
        append_next(s, &next.sweep);
    else
        str_append(s,
                   " --policy triangular --min-lr %.3g --max-lr %.3g --step-size %dep --cycles %d "
                   "--validate-every 1ep",
                   a->r->min_lr, a->r->max_lr, STEP_EPOCHS, CYCLES);
    append_repeated(s, &a->o->set);
    if (opt_given(&a->o->set, "weight-decay"))
        str_append(s, " --weight-decay %.10g", o->train.weight_decay);
    append_out(s, a, again ? next.suffix : "train");
}

static void append_reasons(struct str *s, const struct range_advice *a)
{
    const struct clr_range_result *r = a->r;

    str_append(s, "min-lr is ");
    if (r->quartered)
        str_append(s, "a quarter of the maximum, as the net begins to learn at %.4g, not well below it",
                   r->learns_lr);
    else
        str_append(s, r->from_start ? "the first rate of the sweep" : "where the net begins to learn");
    str_append(s, "; max-lr is ");
    if (!r->halved)
        str_append(s, "the best estimate of where the %s is highest", clr_range_measure(r));
    else if (r->tests > 1)
        str_append(s, "half the rate at which the tests failed");
    else if (r->diverged && 2 * r->max_lr > 0.999 * r->diverged_lr)
        str_append(s, "half the rate at which the loss was no longer finite (%.4g)", r->diverged_lr);
    else
        str_append(s, "half the rate (%.4g) at which the %s was back near %s, within its noise",
                   2 * r->max_lr, clr_range_measure(r), r->untrained_loss > 0.0 ? "0" : "chance");
    str_append(s, "; %s", WHY_CYCLES);
}

/* Of that many iterations; the training images that the test held out are in no epoch of it. */
static double epochs(const struct run_options *o, uint64_t iterations)
{
    return (double)iterations * o->train.batch / (o->dataset->train.count - o->train.validation);
}

/* The same in PyTorch, line by line: the triangular policy, and one cycle as long. `momentum` is constant in
 * the train command; OneCycleLR moves it by itself. */
static void append_optimizer(struct str *s, const struct range_advice *a)
{
    const struct clr_train_options *o = &a->o->train;
    const struct clr_optimizer_torch *class = clr_optimizer_pytorch(o->optimizer);
    const double usual2 = clr_optimizer_momentum2(o->optimizer), momentum = o->schedule.momentum,
                 momentum2 = isnan(o->momentum2) ? usual2 : o->momentum2;

    str_append(s, "optimizer = torch.optim.%s(net.parameters(), lr=%.3g", class->name, a->r->min_lr);
    if (class->momentum && !class->momentum2 && !isnan(usual2))
        str_append(s, ", %s=(%.10g, %.10g)", class->momentum, momentum, momentum2);
    else if (class->momentum)
        str_append(s, ", %s=%.10g", class->momentum, momentum);
    if (class->momentum2)
        str_append(s, ", %s=%.10g", class->momentum2, momentum2);
    if (o->epsilon < class->epsilon || (class->epsilon > 0.0 && o->epsilon > class->epsilon))
        str_append(s, ", eps=%.10g", o->epsilon);
    str_append(s, "%s, weight_decay=%.10g)", class->more, o->weight_decay);
}

static void append_cyclic(struct str *s, const struct range_advice *a)
{
    str_append(s, "CyclicLR(optimizer, base_lr=%.3g, max_lr=%.3g, step_size_up=%llu, cycle_momentum=False)",
               a->r->min_lr, a->r->max_lr, (unsigned long long)epoch(a->o) * STEP_EPOCHS);
}

static void append_one_cycle(struct str *s, const struct range_advice *a)
{
    str_append(s, "OneCycleLR(optimizer, max_lr=%.3g, total_steps=%llu)", a->r->max_lr,
               (unsigned long long)epoch(a->o) * STEP_EPOCHS * 2 * CYCLES);
}

/* ---- how to repeat it ---- */

/* Of bounds that were read. next: what the test that comes next does. */
static void append_doubt(struct str *s, const struct range_advice *a, const char *next)
{
    const struct clr_range_result *r = a->r;
    char updates[STR_COUNT];

    if (r->doubt == CLR_RANGE_OPEN)
        str_append(s,
                   "The %s was highest at the last rates, so the best ones are higher: the test "
                   "must end higher before these bounds are of use.",
                   clr_range_measure(r));
    else if (r->doubt == CLR_RANGE_FEW_UPDATES)
        str_append(s,
                   "The bounds are uncertain: only %s came with rates up to the upper one, fewer than %d. %s",
                   str_count(updates, r->updates, "update"), CLR_RANGE_UPDATES, next);
    else if (r->doubt == CLR_RANGE_WIDE)
        str_append(s, "The upper bound is uncertain by a factor of %.0f. %s", r->max_lr_high / r->max_lr_low,
                   next);
    else if (!r->fell && (r->tests > 1 || !r->diverged))
        str_append(s,
                   "The %s had not fallen at the last rate, and a higher one may be better. "
                   "Repeat the test with a higher --max-lr (%.2g), or continue with these bounds.",
                   clr_range_measure(r), 3 * fmin(a->o->train.schedule.max_lr, RANGE_NEXT_RATES / 10));
    else if (r->from_start && !is_log(a)) /* its first evaluation comes after a large part of the rates */
        str_append(s, "To see where learning begins, repeat the test with --sweep log.");
    else if (r->from_start)
        str_append(s, "To see where learning begins, repeat the test with a lower --min-lr (%.2g).",
                   a->o->train.schedule.min_lr / 10);
}

/* The command that follows has the numbers. */
static void append_advice(struct str *s, const struct range_advice *a)
{
    const enum clr_range_verdict verdict = a->r->verdict;
    struct range_next next;

    (void)find_next(&next, a);
    if (verdict == CLR_RANGE_READ) {
        append_doubt(s, a, next.advice);
        return;
    }
    if (verdict == CLR_RANGE_TOO_SHORT)
        str_append(s, "Learning may have begun, but not far enough to be measured. ");
    str_append(s, "%s", next.advice);
    if (verdict == CLR_RANGE_TOO_SHORT && next.sweep.max_lr > a->o->train.schedule.max_lr)
        str_append(s, " If that does not help, use more --iterations.");
    if (verdict == CLR_RANGE_AT_CHANCE && fs_is_path(a->o->train.net_name))
        str_append(s, " If that does not help, look at the net: without a weight_filler all its weights "
                      "are 0, and nothing can be learned.");
}

/* ---- as text ---- */

/* Where a rate lies, compared with the range. */
static const char *place(const struct clr_range_result *r, double lr)
{
    return lr < r->min_lr ? "below the range" : lr > r->max_lr ? "above the range" : "inside";
}

/* The rules of fastai, for comparison. */
static void append_rules(struct str *s, const struct clr_range_result *r)
{
    int inside = 0, said = 0;

    for (int i = 0; i < CLR_RANGE_RULES && r->has_range; i++) {
        if (!isfinite(r->rules[i]))
            continue;
        str_append(s, "%s %s %.4g (%s)", said++ == 0 ? "fastai's rules, on the training loss:" : ",",
                   clr_range_rule_name(i), r->rules[i], place(r, r->rules[i]));
        inside += strcmp(place(r, r->rules[i]), "inside") == 0;
    }
    if (said == 0)
        return;
    str_append(s, "\n");
    if (2 * inside < said)
        str_append(s, "%s of these rules lies in the range: look at the figure before you trust it.\n",
                   inside > 0 ? "One" : "None");
}

static void append_bounds(struct str *s, const struct clr_range_result *r)
{
    const bool half = r->halved && r->tests == 1;

    if (!r->has_range) {
        str_append(s, "min-lr not found\nmax-lr not found\n");
        return;
    }
    str_append(s, "min-lr %.4g%s\nmax-lr %.4g", r->min_lr,
               r->quartered    ? " (a quarter of max-lr)"
               : r->from_start ? " (the first rate of the sweep)"
                               : "",
               r->max_lr);
    if (r->max_lr_low < r->max_lr_high)
        str_append(s, " (%s%s%s%s%s: %.4g to %.4g)",
                   r->interval == CLR_RANGE_UNION    ? "of both tests' 95 % intervals"
                   : r->interval == CLR_RANGE_SPREAD ? "of the tests"
                                                     : "95 % interval",
                   r->low_cut || half ? ", cut at " : "", r->low_cut ? "the first rate" : "",
                   r->low_cut && half ? " and at " : "", half ? "half the rate of failure" : "",
                   r->max_lr_low, r->max_lr_high);
    str_append(s, "\n");
}

static void append_pytorch(struct str *s, const struct range_advice *a)
{
    str_append(s, "The same in PyTorch, in batches of %d, a step of the scheduler after each update%s:\n",
               a->o->train.batch,
               a->o->train.convention == CLR_MOMENTUM_CAFFE
                   ? " (not equal while the rate changes: PyTorch has its own momentum convention)"
                   : "");
    append_optimizer(s, a);
    str_append(s, "\nscheduler = torch.optim.lr_scheduler.");
    append_cyclic(s, a);
    str_append(s, "\nor one cycle as long: scheduler = torch.optim.lr_scheduler.");
    append_one_cycle(s, a);
    str_append(s, "\n\n");
}

/* Images that the command trains, and as many as take as long to evaluate: forward, and not twice back. */
static double images_of_command(const struct range_advice *a)
{
    const struct run_options *o = a->o;
    const double test = o->dataset->test.count, held_out = o->train.validation,
                 epochs = STEP_EPOCHS * 2 * CYCLES;
    struct range_next next;

    if (!find_next(&next, a))
        return epochs * (double)epoch(o) * o->train.batch + epochs * test / 3;
    return next.sweep.seeds * ((double)next.sweep.iterations * o->train.batch +
                               RANGE_NEXT_POINTS * (held_out > 0 ? held_out : test) / 3);
}

/* The command, if there is one, and how long it takes. */
static void append_continue(struct str *s, const struct range_advice *a)
{
    char about[CLI_ABOUT], speed[STR_COUNT];
    struct range_next next;

    if (!is_sure(a) && !find_next(&next, a))
        return;
    str_append(s, is_sure(a) ? "Continue with" : "\n\nContinue with");
    if (a->images_per_s >= 1)
        str_append(s, " (this takes %s, at the %s images/s of this test)",
                   cli_about(about, images_of_command(a) / a->images_per_s),
                   str_count(speed, (uint64_t)a->images_per_s, ""));
    str_append(s, ":\n");
    append_train_command(s, a);
}

/* What was trained, and what ended it. How high the bounds are depends on how fast the rate rose, so on the
 * length that was asked for. */
static void append_length(struct str *s, const struct range_advice *a)
{
    const double asked = epochs(a->o, a->o->train.iterations);

    str_append(s, "length %.3g ", epochs(a->o, a->r->iterations));
    if (a->r->diverged) {
        str_append(s, "of %.3g epochs (", asked);
        range_advice_divergence(s, a->r);
        str_append(s, ")\n");
    } else {
        str_append(s, "epochs\n");
    }
    if (a->r->has_range && asked < 1.0)
        str_append(s, "The rate rises to --max-lr within less than one epoch: after so fast a rise, bounds "
                      "tend to be too high.\n");
}

static void append_reading(struct str *s, const struct range_advice *a)
{
    const struct clr_range_result *r = a->r;

    append_bounds(s, r);
    str_append(s, "%s\n", r->explanation);
    append_length(s, a);
    if (r->untrained_loss > 0.0)
        str_append(s, "read by the loss, since the net has no accuracy: %.4g before the first update\n",
                   r->untrained_loss);
    else
        str_append(s, "baseline: accuracy %.2f %%, standard error %.2f %%\n", 100 * r->baseline,
                   100 * r->standard_error);
    append_rules(s, r);
    str_append(s, r->has_range ? "" : "\nNo range can be read from this test. ");
    append_advice(s, a);
    if (is_sure(a)) {
        str_append(s, "\nWhy: ");
        append_reasons(s, a);
        str_append(s, ".\n\n");
        append_pytorch(s, a);
    }
    append_continue(s, a);
}

void range_advice_divergence(struct str *s, const struct clr_range_result *r)
{
    char count[STR_COUNT];

    str_append(s, "the loss was not finite at iteration %s, rate %.4g: %s",
               str_count(count, r->diverged_at, ""), r->diverged_lr,
               r->tests > 1 ? "the first of the tests that stopped" : "the test stopped there");
}

int range_advice_print(const struct range_advice *a, struct clr_error *err)
{
    struct str s = {0};
    int rc;

    append_reading(&s, a);
    str_append(&s, "\n");
    rc = str_check(&s, err);
    if (rc == 0)
        cli_print_text(str_text(&s));
    str_clear(&s);
    return rc;
}

/* ---- as JSON ---- */

/* The text that `append` writes; null for an empty text, NULL if out of memory. */
static json_t *text_json(void (*append)(struct str *, const struct range_advice *),
                         const struct range_advice *a)
{
    struct str s = {0};
    json_t *json = NULL;

    append(&s, a);
    if (!s.failed)
        json = s.length > 0 ? json_string(str_text(&s)) : json_null();
    str_clear(&s);
    return json;
}

static void append_folder(struct str *s, const struct range_advice *a)
{
    const char *out = a->o->train.out;

    str_append(s, "%s%s%s", out, a->name ? "/" : "", a->name ? a->name : "");
}

static json_t *recommendation_json(const struct range_advice *a)
{
    if (!is_sure(a))
        return json_null();
    return json_pack("{s:s, s:f, s:f, s:i, s:i, s:o, s:o, s:o, s:o}", "policy", "triangular", "min_lr",
                     a->r->min_lr, "max_lr", a->r->max_lr, "step_size_epochs", STEP_EPOCHS, "cycles", CYCLES,
                     "reason", text_json(append_reasons, a), "pytorch_optimizer",
                     text_json(append_optimizer, a), "pytorch_cyclic", text_json(append_cyclic, a),
                     "pytorch_one_cycle", text_json(append_one_cycle, a));
}

json_t *range_advice_json(const struct range_advice *a)
{
    char *text = NULL;
    json_t *json = clr_range_json(&text, a->r, NULL) == 0 ? json_loads(text, 0, NULL) : NULL;

    free(text);
    if (a->name)
        json = json_put(json, "chosen", json_boolean(a->chosen));
    json = json_put(json, "out", text_json(append_folder, a));
    json = json_put(json, "weight_decay", json_finite(a->o->train.weight_decay));
    json = json_put(json, "validation_images", json_integer(a->o->train.validation));
    json = json_put(json, "epochs", json_finite(epochs(a->o, a->r->iterations)));
    json = json_put(json, "planned_epochs", json_finite(epochs(a->o, a->o->train.iterations)));
    json = json_put(json, "top_accuracy", json_finite(a->r->top_accuracy));
    json = json_put(json, "top_lr", json_finite(a->r->top_lr));
    json = json_put(json, "advice", text_json(append_advice, a));
    json = json_put(json, "train_command", text_json(append_train_command, a));
    return json_put(json, "recommendation", recommendation_json(a));
}
