/* What `range-test` prints of a range test: see range_advice.h. */
#include "cli/range_advice.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/json.h"
#include "cli/common.h"
#include "ops/optimizer.h"
#include "range/curve.h"

#define RATES       1e6 /* the highest that --max-lr takes */
#define HIGH        1.0 /* a rate that is too high for most nets */
#define CYCLES      3
#define WIDE        10  /* ratio of bounds that are too uncertain to train with … */
#define LONGER      4   /* … and how many times as long the next test is */
#define SHORT       100 /* a test of fewer iterations has to be longer */
#define POINTS      40  /* evaluations of a test without --validate-every */
#define STEP_EPOCHS 4
#define WHY_CYCLES                                                                                           \
    "step size: 4 epochs, as 2 to 10 do about equally well; cycles: 3 are the fewest that train a net most " \
    "of the way, and a run ends at the end of one, where the accuracy peaks (arXiv:1506.01186, section 3.2)"

/* ---- what to train with ---- */

/* Options of this run that the next command must repeat. */
static void append_repeated(struct str *s, const struct opt_set *set)
{
    static const char *const repeated[] = {"device",   "unchecked",           "seed",      "batch",
                                           "momentum", "momentum-convention", "optimizer", "momentum2",
                                           "epsilon",  "regularization",      "order",     "last-batch",
                                           "init",     "init-partial",        "mean",      "scale"};

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

/* Was the accuracy still highest at the last rates? Then the best rates are above them. */
static bool is_open(const struct range_advice *a)
{
    const struct clr_range_result *r = a->r;

    return r->has_range && !r->fell && !r->diverged && r->max_lr > 0.8 * a->o->train.schedule.max_lr;
}

/* Are the bounds too uncertain to train with? */
static bool is_wide(const struct range_advice *a)
{
    return a->r->has_range && a->r->max_lr_high > WIDE * a->r->max_lr_low;
}

/* The last rate of the next, logarithmic sweep: ten times that of this one, if the option takes it. */
static double higher(const struct range_advice *a)
{
    return fmax(10 * fmin(a->o->train.schedule.max_lr, RATES / 10), HIGH);
}

/* Name the folder beside --out, as an option. */
static void append_out(struct str *s, const struct run_options *o, const char *suffix)
{
    size_t n = strlen(o->train.out);
    struct str out = {0};

    while (n > 1 && o->train.out[n - 1] == '/')
        n--;
    str_append(&out, "%.*s-%s", (int)n, o->train.out, suffix);
    str_append(s, " --out ");
    cli_quote(s, str_text(&out));
    s->failed = s->failed || out.failed;
    str_clear(&out);
}

/* The whole command: training; or the test again, if it has to end higher or to be longer; nothing without
 * bounds. */
static void append_train_command(struct str *s, const struct range_advice *a)
{
    const struct run_options *o = a->o;
    const bool again = is_open(a) || is_wide(a);

    if (!a->r->has_range)
        return;
    cli_quote(s, cli_program());
    str_append(s, again ? " range-test --net " : " train --net ");
    cli_quote(s, o->train.net_name);
    str_append(s, " --data ");
    cli_quote(s, o->train.data_name);
    if (is_open(a))
        str_append(s, " --min-lr %.3g --max-lr %.3g --sweep log --iterations %llu", o->train.schedule.min_lr,
                   higher(a), (unsigned long long)o->train.iterations);
    else if (again)
        str_append(s, " --min-lr %.3g --max-lr %.3g%s --iterations %llu", o->train.schedule.min_lr,
                   o->train.schedule.max_lr, is_log(a) ? " --sweep log" : "",
                   LONGER * (unsigned long long)o->train.iterations);
    else
        str_append(s,
                   " --policy triangular --min-lr %.3g --max-lr %.3g --step-size %dep --cycles %d "
                   "--validate-every 1ep",
                   a->r->min_lr, a->r->max_lr, STEP_EPOCHS, CYCLES);
    append_repeated(s, &a->o->set);
    if (opt_given(&a->o->set, "weight-decay"))
        str_append(s, " --weight-decay %.10g", o->train.weight_decay);
    append_out(s, o, is_open(a) ? "higher" : again ? "longer" : "train");
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
        str_append(s, "the best estimate of where the accuracy is highest");
    else if (r->tests == 1)
        str_append(s, "half the rate at which the test failed (%.4g)", 2 * r->max_lr);
    else
        str_append(s, "half the rate at which the tests failed");
    str_append(s, "; %s", WHY_CYCLES);
}

/* Iterations of an epoch without held-out images. */
static uint64_t epoch(const struct run_options *o)
{
    const uint64_t images = (uint64_t)o->dataset->train.count, batch = (uint64_t)o->train.batch;

    return o->train.last_batch == CLR_LAST_BATCH_KEEP ? (images + batch - 1) / batch : images / batch;
}

/* The same in PyTorch, line by line: the triangular policy, and one cycle as long. `momentum` is constant in
 * the train command; OneCycleLR moves it by itself. */
static void append_optimizer(struct str *s, const struct range_advice *a)
{
    const struct clr_train_options *o = &a->o->train;
    const struct optimizer_class *class = optimizer_class(o->optimizer);
    const double momentum = o->schedule.momentum,
                 momentum2 = isnan(o->momentum2) ? class->usual_momentum2 : o->momentum2;

    str_append(s, "optimizer = torch.optim.%s(net.parameters(), lr=%.3g, ", class->pytorch, a->r->min_lr);
    if (class->betas)
        str_append(s, "betas=(%.10g, %.10g)", momentum, momentum2);
    else
        str_append(s, "momentum=%.10g", momentum);
    if (class->squares && !class->betas)
        str_append(s, ", alpha=%.10g", momentum2);
    if (class->squares && opt_given(&a->o->set, "epsilon"))
        str_append(s, ", eps=%.10g", o->epsilon);
    str_append(s, "%s, weight_decay=%.10g)", class->pytorch_more ? class->pytorch_more : "", o->weight_decay);
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

/* Enough for an accuracy within one percent, but at most a fifth of all. */
static void append_more_images(struct str *s, const struct range_advice *a)
{
    const int all = a->o->dataset->train.count, wanted = all / 5 < 2500 ? all / 5 : 2500;

    if (wanted < CLR_RANGE_IMAGES)
        str_append(s, "At least %d images must be evaluated, and this data set has too few to hold them out.",
                   CLR_RANGE_IMAGES);
    else
        str_append(s, "Hold out more images: --validation %d.", wanted);
}

static void append_more_iterations(struct str *s, const struct range_advice *a)
{
    char iterations[STR_COUNT];

    str_append(s, "Use more --iterations than %s.", str_count(iterations, a->o->train.iterations, ""));
}

static void append_uncertain(struct str *s, const struct range_advice *a)
{
    str_append(s,
               "The upper bound is uncertain by a factor of %.0f: repeat the test, with more --iterations, "
               "before you trust it.",
               a->r->max_lr_high / a->r->max_lr_low);
}

static void append_advice(struct str *s, const struct range_advice *a)
{
    const double low = a->o->train.schedule.min_lr, high = fmin(a->o->train.schedule.max_lr, RATES / 10);
    const struct clr_range_result *r = a->r;

    switch (r->verdict) {
    case CLR_RANGE_READ:
        if (is_open(a))
            str_append(s, "The accuracy was highest at the last rates, so the best ones are higher: the test "
                          "must end higher before these bounds are of use.");
        else if (is_wide(a))
            append_uncertain(s, a);
        else if (!r->fell && (r->tests > 1 || !r->diverged))
            str_append(s,
                       "The accuracy had not fallen at the last rate, and a higher one may be better. "
                       "Repeat the test with a higher --max-lr (%.2g), or continue with these bounds.",
                       3 * high);
        else if (r->from_start && !is_log(a)) /* its first evaluation comes after a large part of the rates */
            str_append(s, "To see where learning begins, repeat the test with --sweep log.");
        else if (r->from_start)
            str_append(s, "To see where learning begins, repeat the test with a lower --min-lr (%.2g).",
                       low / 10);
        break;
    case CLR_RANGE_FEW_IMAGES:
        append_more_images(s, a);
        break;
    case CLR_RANGE_FEW_POINTS:
    case CLR_RANGE_DIVERGED:
        if (r->diverged && r->diverged_lr < 100 * low)
            str_append(s, "Begin lower: --min-lr %.2g --max-lr %.2g%s.", low / 100, r->diverged_lr,
                       is_log(a) ? "" : " --sweep log");
        else if (r->diverged)
            str_append(s, "Let the rate rise more slowly: --max-lr %.2g, and more --iterations.",
                       r->diverged_lr);
        else if (a->o->train.iterations / POINTS >= 2)
            str_append(s, "Measure more often: --validate-every %llu.",
                       (unsigned long long)(a->o->train.iterations / POINTS));
        else
            append_more_iterations(s, a);
        break;
    case CLR_RANGE_NARROW:
        str_append(s, "Let the rate rise more slowly, so that learning begins at lower rates. ");
        append_more_iterations(s, a);
        break;
    case CLR_RANGE_TOO_SHORT:
        str_append(s, "Learning may have begun, but not far enough to be measured. ");
        if (!r->diverged && a->o->train.iterations >= SHORT)
            str_append(s, "End higher: %s--max-lr %.2g. If that does not help: ",
                       is_log(a) ? "" : "--sweep log ", higher(a));
        append_more_iterations(s, a);
        break;
    case CLR_RANGE_AT_CHANCE:
        str_append(s, "End higher: %s--max-lr %.2g.", is_log(a) ? "" : "--sweep log ", higher(a));
        if (fs_is_path(a->o->train.net_name))
            str_append(s, " If that does not help, look at the net: without a weight_filler all its weights "
                          "are 0, and nothing can be learned.");
        break;
    case CLR_RANGE_FALLS:
        str_append(s, "Begin lower: --min-lr %.2g --max-lr %.2g.", low / 100, is_log(a) ? high : high / 10);
        break;
    case CLR_RANGE_FLAT:
        str_append(s, "Begin lower%s: --min-lr %.2g --max-lr %.2g.", r->diverged ? "" : " and end higher",
                   low / 100, r->diverged ? r->diverged_lr : 10 * high);
        break;
    case CLR_RANGE_VERDICTS:
        break;
    }
    if (!is_log(a) && (r->verdict == CLR_RANGE_FALLS || r->verdict == CLR_RANGE_FLAT))
        str_append(s, " --sweep log covers several powers of ten.");
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
        str_append(s, inside > 0 ? "One" : "None");
    if (2 * inside < said)
        str_append(s, " of these rules lies in the range: look at the figure before you trust it.\n");
}

static void append_bounds(struct str *s, const struct clr_range_result *r)
{
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
        str_append(s, " (%s: %.4g to %.4g)",
                   r->tests > 1 ? "of the tests"
                   : r->halved  ? "95 % interval, cut at half the rate of failure"
                                : "95 % interval",
                   r->max_lr_low, r->max_lr_high);
    str_append(s, "\n");
}

static void append_pytorch(struct str *s, const struct range_advice *a)
{
    str_append(s,
               "The same in PyTorch, in batches of %d, a step of the scheduler (torch.optim.lr_scheduler) "
               "after each update:\n",
               a->o->train.batch);
    append_optimizer(s, a);
    str_append(s, "\n");
    append_cyclic(s, a);
    str_append(s, "\n");
    append_one_cycle(s, a);
    str_append(s, "\n\n");
}

static void append_reading(struct str *s, const struct range_advice *a)
{
    const struct clr_range_result *r = a->r;

    append_bounds(s, r);
    str_append(s, "%s\n", r->explanation);
    str_append(s, "baseline: accuracy %.2f %%, standard error %.2f %%\n", 100 * r->baseline,
               100 * r->standard_error);
    append_rules(s, r);
    str_append(s, r->has_range ? "" : "\nNo range can be read from this test. ");
    append_advice(s, a);
    str_append(s, "\n");
    if (!r->has_range)
        return;
    str_append(s, "Why: ");
    append_reasons(s, a);
    str_append(s, ".\n\n");
    if (!is_open(a) && !is_wide(a))
        append_pytorch(s, a);
    str_append(s, "Continue with:\n");
    append_train_command(s, a);
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

/* Images that the command trains and evaluates; an evaluation, without backward passes, counts a third. */
static double images_of_command(const struct range_advice *a)
{
    const struct run_options *o = a->o;
    const double test = o->dataset->test.count, held_out = o->train.validation,
                 epochs = STEP_EPOCHS * 2 * CYCLES;
    double iterations = (double)o->train.iterations;

    if (!is_open(a) && !is_wide(a))
        return epochs * (double)epoch(o) * o->train.batch + epochs * test / 3;
    if (!is_open(a))
        iterations *= LONGER;
    return iterations * o->train.batch + POINTS * (held_out > 0 ? held_out : test) / 3;
}

void range_advice_note_time(const struct range_advice *a, double images_per_s)
{
    char about[CLI_ABOUT], speed[STR_COUNT];

    if (a->r->has_range && images_per_s >= 1)
        cli_note("that command takes %s, at the %s images/s of this test",
                 cli_about(about, images_of_command(a) / images_per_s),
                 str_count(speed, (uint64_t)images_per_s, ""));
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

static json_t *recommendation_json(const struct range_advice *a)
{
    if (!a->r->has_range)
        return json_null();
    return json_pack("{s:s, s:f, s:f, s:i, s:i, s:o, s:o, s:o, s:o}", "policy", "triangular", "min_lr",
                     a->r->min_lr, "max_lr", a->r->max_lr, "step_size_epochs", STEP_EPOCHS, "cycles", CYCLES,
                     "reason", text_json(append_reasons, a), "pytorch_optimizer",
                     text_json(append_optimizer, a), "pytorch_cyclic", text_json(append_cyclic, a),
                     "pytorch_one_cycle", text_json(append_one_cycle, a));
}

json_t *range_advice_json(const struct range_advice *a)
{
    json_t *json = range_json(a->r);

    json = json_put(json, "out", json_string(a->o->train.out));
    json = json_put(json, "weight_decay", json_finite(a->o->train.weight_decay));
    json = json_put(json, "validation_images", json_integer(a->o->train.validation));
    json = json_put(json, "top_accuracy", json_finite(a->r->top_accuracy));
    json = json_put(json, "top_lr", json_finite(a->r->top_lr));
    json = json_put(json, "advice", text_json(append_advice, a));
    json = json_put(json, "train_command", text_json(append_train_command, a));
    return json_put(json, "recommendation", recommendation_json(a));
}
