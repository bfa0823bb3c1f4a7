/* clr_range_test(): see clr/train.h. The reading is in suggest.c, the loop in loop.c. */
#include <clr/plot.h>
#include <clr/train.h>

#include <jansson.h>
#include <math.h>

#include "base/csv.h"
#include "base/fs.h"
#include "base/json.h"
#include "train/loop.h"
#include "train/range_reading.h"
#include "train/resume.h"
#include "train/rules.h"
#include "train/selfcheck.h"
#include "train/suggest.h"

static json_t *number_or_null(bool there, double v)
{
    return there ? json_real(v) : json_null();
}

static json_t *rules_json(const struct clr_range_result *r)
{
    json_t *rules = json_object();

    for (int i = 0; i < CLR_RANGE_RULES; i++)
        rules = json_put(rules, clr_range_rule_name(i), json_finite(r->rules[i]));
    return rules;
}

json_t *range_json(const struct clr_range_result *r, double untrained, int classes, int images)
{
    return json_pack("{s:I, s:o, s:o, s:f, s:f, s:b, s:o, s:o, s:s, s:o, s:o, s:i, s:i}", "iterations",
                     (json_int_t)r->iterations, "min_lr", number_or_null(r->has_min, r->min_lr), "max_lr",
                     number_or_null(r->has_max, r->max_lr), "baseline", r->baseline, "standard_error",
                     r->standard_error, "diverged", r->diverged, "diverged_at",
                     r->diverged ? json_integer((json_int_t)r->diverged_at) : json_null(), "diverged_lr",
                     number_or_null(r->diverged, r->diverged_lr), "explanation", r->explanation, "rules",
                     rules_json(r), "untrained", json_finite(untrained), "classes", classes, "images",
                     images);
}

static int draw(const struct clr_train_options *o, struct clr_error *err)
{
    const struct clr_plot_options options = {.command_line = o->command_line};
    char *path = NULL;
    int rc = fs_join(&path, o->out, "range.png", err);

    if (rc == 0)
        rc = clr_plot_range(path, &o->out, 1, &options, err);
    free(path);
    return rc;
}

/* The other tools' rules, on the losses that were written. */
static int read_rules(const struct session *s, struct clr_range_result *out, struct clr_error *err)
{
    static const struct csv_column columns[] = {
        {"iteration", 1, 1e15}, {"trn_loss", -HUGE_VAL, HUGE_VAL}, {"lr", 0, 1e9}};
    double *rates = NULL, *losses = NULL;
    struct csv csv = {0};
    char *path = NULL;
    int rc = fs_join(&path, s->o->out, "loss.csv", err);

    if (rc == 0)
        rc = csv_read(&csv, path, columns, MEM_COUNT(columns), err);
    if (rc == 0)
        rc = mem_new(&rates, csv.rows, sizeof *rates, "the losses", err);
    if (rc == 0)
        rc = mem_new(&losses, csv.rows, sizeof *losses, "the losses", err);
    for (size_t i = 0; i < csv.rows && rc == 0; i++) {
        losses[i] = csv_at(&csv, i, 1);
        rates[i] = csv_at(&csv, i, 2);
    }
    if (rc == 0)
        rc = rules_read(out->rules, rates, losses, csv.rows, err);
    free(rates);
    free(losses);
    csv_clear(&csv);
    free(path);
    return rc;
}

static int read_off(struct session *s, struct record *r, double untrained, struct clr_range_result *out,
                    struct clr_error *err)
{
    double *columns = NULL;
    struct range_curve curve = {.count = r->row_count,
                                .untrained = untrained,
                                .classes = s->o->data->classes,
                                .images = s->eval_count,
                                .diverged = out->diverged,
                                .diverged_lr = out->diverged_lr};
    int rc = mem_new(&columns, r->row_count, 2 * sizeof *columns, "the curve", err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < r->row_count; i++) {
        columns[i] = r->rows[i].lr;
        columns[r->row_count + i] = r->rows[i].val_acc;
    }
    curve.rates = columns;
    curve.accuracies = columns + r->row_count;
    suggest_range(out, &curve);
    free(columns);
    rc = read_rules(s, out, err);
    if (rc == 0)
        rc = record_write_json(r, "range.json", range_json(out, untrained, curve.classes, curve.images), err);
    return rc < 0 || curve.count == 0 ? rc : draw(s->o, err);
}

static int sweep(struct session *s, struct record *r, const struct resume *resume,
                 struct clr_range_result *out, struct clr_error *err)
{
    struct clr_train_result summary;
    struct loop_result l;
    double loss;
    int rc = selfcheck_start(s, resume->found ? &resume->checkpoint : NULL, err), written;

    if (rc == 0)
        rc = resume->found ? resume_apply(resume, s, r, err)
                           : session_evaluate(s, &loss, &s->state.untrained, NULL, err);
    if (rc == 0)
        rc = record_write_run(r, s, "running", NULL, err);
    if (rc < 0)
        return rc;
    rc = loop_run(s, r, &l, err);
    out->iterations = l.iterations;
    out->diverged = l.diverged;
    out->diverged_at = l.diverged_at;
    out->diverged_lr = l.diverged_lr;
    summary = (struct clr_train_result){l.iterations,     l.val_loss, l.val_acc, l.best_acc,
                                        l.best_iteration, l.seconds,  0,         NULL};
    written = record_write(r, rc == 0 ? err : NULL); /* what there is, after a failure too */
    rc = rc < 0 ? rc : written;
    if (rc == 0 && l.interrupted)
        rc = clr_error_set(
            err, CLR_EINTERRUPTED,
            "stopped after iteration %llu; --resume goes on from there. The curve so far is in '%s'",
            (unsigned long long)l.iterations, s->o->out);
    if (rc == 0)
        rc = read_off(s, r, s->state.untrained, out, err);
    if (rc == 0)
        rc = resume_save(s, r, err);
    written = record_write_run(r, s,
                               rc == 0                  ? "finished"
                               : rc == CLR_EINTERRUPTED ? "interrupted"
                                                        : "failed",
                               &summary, rc == 0 ? err : NULL);
    return rc < 0 ? rc : written;
}

int clr_range_test(const struct clr_train_options *o, enum clr_sweep kind, struct clr_range_result *result,
                   struct clr_error *err)
{
    struct clr_train_options options = *o;
    struct clr_range_result out = {0};
    struct session s = {0};
    struct resume resume;
    struct record r;
    int rc;

    options.schedule.policy = kind == CLR_SWEEP_LOG ? CLR_POLICY_SWEEP_LOG : CLR_POLICY_SWEEP_LINEAR;
    options.schedule.step_size = o->iterations;
    options.log_every = 1; /* for the rules on the loss */
    rc = record_open(&r, o->out, "range.csv", o->resume, err);
    if (rc < 0)
        return rc;
    rc = resume_open(&resume, &r, &options, err);
    if (rc == 0)
        rc = session_plan(&s, &options, true, resume.found ? &resume.checkpoint : NULL, err);
    if (rc == 0)
        rc = resume_check(&r, &s, err);
    if (rc == 0) {
        session_hint(&s);
        rc = sweep(&s, &r, &resume, &out, err);
    }
    record_close(&r, rc == 0 || out.iterations > 0);
    resume_clear(&resume);
    session_clear(&s);
    if (rc == 0)
        *result = out;
    return rc;
}
