/* clr_range_test() and clr_range_combine(): see clr/train.h. The reading is src/range, the loop in loop.c. */
#include <clr/plot.h>
#include <clr/train.h>

#include <jansson.h>
#include <stdlib.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "range/reading.h"
#include "train/run.h"

STR_NAMES(clr_sweep_names, [CLR_SWEEP_LINEAR] = "linear", [CLR_SWEEP_LOG] = "log")

static int draw(const char *out, const char *const *folders, size_t count, const char *command_line,
                struct clr_error *err)
{
    const struct clr_plot_options options = {.size = sizeof options, .command_line = command_line};
    char *path = NULL;
    int rc = fs_join(&path, out, "range.png", err);

    if (rc == 0)
        rc = clr_plot_range(path, folders, count, &options, err);
    free(path);
    return rc;
}

/* Has the net no accuracy, so that its loss is read? */
static bool reads_loss(const struct session *s)
{
    return s->replica.test.graph->logits < 0;
}

/* By how much a loss falls is a share of the loss at first. */
static int check_loss(const struct session *s, struct clr_error *err)
{
    return !reads_loss(s) || s->state.untrained > 0.0
               ? 0
               : clr_error_set(
                     err, CLR_EINPUT,
                     "the net has no accuracy, and its loss is %.4g before the first update: a range "
                     "test can be read of a loss above 0 only",
                     s->state.untrained);
}

/* Read the test from the files that were written, as clr_range_read() does later. */
static int read_off(struct session *s, struct record *r, struct clr_range_result *out, struct clr_error *err)
{
    struct range_curve curve = {.untrained = reads_loss(s) ? 0.0 : s->state.untrained,
                                .untrained_loss = reads_loss(s) ? s->state.untrained : 0.0,
                                .iterations = out->iterations,
                                .classes = s->o->data->classes,
                                .images = s->eval_count,
                                .diverged = out->diverged,
                                .diverged_at = out->diverged_at,
                                .diverged_lr = out->diverged_lr};
    int rc = range_curve_read(&curve, s->o->out, err);

    if (rc == 0)
        rc = range_read_test(out, &curve, err);
    if (rc == 0)
        rc = record_write_json(r->dir, "range.json", range_json(out), err);
    if (rc == 0 && curve.count > 0)
        rc = draw(s->o->out, &s->o->out, 1, s->o->command_line, err);
    range_curve_clear(&curve);
    return rc;
}

static int sweep(struct recorded_run *u, struct clr_range_result *out, struct clr_error *err)
{
    char done[STR_COUNT], all[STR_COUNT];
    struct session *s = &u->s;
    struct clr_error local = {0};
    struct loop_result l;
    int rc = run_start(u, true, err);

    if (rc == 0)
        rc = check_loss(s, err);
    if (rc < 0)
        return rc;
    err = err ? err : &local; /* resume_advise() needs it */
    rc = run_go(u, &l, err);
    if (rc < 0)
        resume_advise(s, err);
    out->iterations = l.run.iterations;
    out->diverged = l.diverged;
    out->diverged_at = l.run.diverged_at;
    out->diverged_lr = l.diverged_lr;
    if (rc == 0 && l.interrupted)
        rc = clr_error_set(
            err, CLR_EINTERRUPTED,
            "stopped after iteration %s of %s; `resume` continues from there. The curve so far is "
            "in '%s'",
            str_count(done, l.run.iterations, ""), str_count(all, s->o->iterations, ""), s->o->out);
    if (rc == 0)
        rc = read_off(s, &u->r, out, err);
    if (rc == 0)
        rc = resume_save(s, &u->r, err);
    return run_end(u, rc, &l.run, err);
}

/* Did the test end with a divergence? Then nothing is left to train, and *out is its reading. */
static bool has_diverged(struct clr_range_result *out, const struct record *r)
{
    const char *status = json_string_value(json_object_get(r->before, "status"));
    struct clr_range_result reading;
    char at[STR_COUNT];

    if (!status || strcmp(status, "finished") != 0 || clr_range_read(&reading, &r->dir, 1, NULL) < 0 ||
        !reading.diverged)
        return false;
    log_line(CLR_LOG_INFO, "'%s' ended when its loss diverged at iteration %s: nothing is left to train",
             r->dir, str_count(at, reading.diverged_at, ""));
    *out = reading;
    return true;
}

int clr_range_test(const struct clr_train_options *o, enum clr_sweep kind, struct clr_range_result *result,
                   struct clr_error *err)
{
    struct clr_train_options options;
    struct clr_range_result out = {0};
    struct recorded_run u;
    int rc = mem_check_struct(o, sizeof *o, "clr_train_options", err);

    if (rc == 0)
        rc = mem_check_range((int)kind, 0, CLR_SWEEP_LOG, "sweep", err);
    if (rc < 0)
        return rc;
    options = *o;
    options.schedule.policy = kind == CLR_SWEEP_LOG ? CLR_POLICY_SWEEP_LOG : CLR_POLICY_SWEEP_LINEAR;
    options.schedule.step_size = o->iterations;
    options.log_every = 1; /* for the rules on the loss */
    rc = run_open(&u, &options, "range.csv", err);
    if (rc < 0)
        return rc;
    if (!has_diverged(&out, &u.r))
        rc = sweep(&u, &out, err);
    run_close(&u, rc == 0 || out.iterations > 0);
    if (rc == 0)
        *result = out;
    return rc;
}

int clr_range_combine(struct clr_range_result *result, const char *out, const char *const *folders,
                      size_t count, const char *command_line, struct clr_error *err)
{
    struct clr_range_result r;
    int rc = clr_range_read(&r, folders, count, err);

    if (rc == 0)
        rc = record_write_json(out, "range.json", range_json(&r), err);
    if (rc == 0 && r.points > 0)
        rc = draw(out, folders, count, command_line, err);
    if (rc == 0)
        *result = r;
    return rc;
}
