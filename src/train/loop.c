/*
 * The training loop: see loop.h. Updates are enqueued without waiting; losses are read back about five times
 * a second, and at every evaluation, in batches of at most SESSION_LOSSES.
 */
#include "train/loop.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/history.h"
#include "train/resume.h"
#include "train/warnings.h"

#define REPORT_NS 200000000u

struct loop {
    struct session *s;
    struct record *r;
    struct loop_result *result;
    uint64_t report_ns;  /* when losses were last read */
    uint64_t train_ns;   /* spent outside evaluation since the first update ended */
    uint64_t timed_from; /* updates that train_ns leaves out: kernels were compiled in them */
    uint64_t eval_ns, evals;
    bool warm;
    bool young; /* warn_of_young_statistics() has warned */
};

static double policy_rate(const struct loop *l, uint64_t t)
{
    return ldexp(clr_schedule_lr(&l->s->o->schedule, t), -l->s->state.backoffs);
}

static bool evaluates_after(const struct clr_train_options *o, uint64_t iteration)
{
    return history_has_row(iteration, o->validate_every, o->iterations);
}

/* Is the rate lowest after that many updates, so that the weights are saved? */
static bool keeps_after(const struct clr_train_options *o, uint64_t iteration)
{
    return o->keep_minima && clr_schedule_cycle_end(&o->schedule, iteration - 1) == iteration;
}

/* The caller writes the last checkpoint, after the results. */
static bool saves_after(const struct clr_train_options *o, uint64_t iteration)
{
    return iteration < o->iterations && o->checkpoint_every > 0 && iteration % o->checkpoint_every == 0;
}

/* ------------------------------------------------------------------ progress */

static double seconds_left(const struct loop *l, double rate)
{
    const struct clr_train_options *o = l->s->o;
    const uint64_t done = l->s->state.iteration, left = o->iterations - done;
    const double evaluations =
        o->validate_every > 0 ? (double)(left / o->validate_every + (left > 0)) : left > 0;

    if (!(rate > 0.0))
        return -1.0;
    return (double)left / rate +
           (l->evals ? evaluations * (double)l->eval_ns * 1e-9 / (double)l->evals : 0.0);
}

static void report(const struct loop *l, bool evaluating, bool evaluated)
{
    const struct clr_train_options *o = l->s->o;
    const uint64_t done = l->s->state.iteration;
    struct clr_progress p = {.iteration = done,
                             .iterations = o->iterations,
                             .loss = l->s->state.last_loss,
                             .lr = l->s->state.last_rate,
                             .val_loss = l->result->run.val_loss,
                             .val_acc = l->result->run.val_acc,
                             .evaluating = evaluating,
                             .evaluated = evaluated};

    if (!o->progress)
        return;
    if (l->train_ns > 0 && done > l->timed_from)
        p.iterations_per_s = (double)(done - l->timed_from) / ((double)l->train_ns * 1e-9);
    p.seconds_left = seconds_left(l, p.iterations_per_s);
    o->progress(o->user, &p);
}

/* ------------------------------------------------------------------ losses and evaluation */

/* Read the losses that are still on the device; note the first that is not finite. */
static int read_losses(struct loop *l, struct clr_error *err)
{
    const uint64_t every = l->s->o->log_every;
    struct session_update_result updates[SESSION_LOSSES];
    uint64_t now;
    int count, rc = session_read_updates(l->s, updates, &count, err);

    if (rc < 0)
        return rc;
    for (int i = 0; i < count; i++) {
        const struct session_update_result *u = &updates[i];
        if (u->iteration == 1)
            warn_of_first_loss(l->s, u->loss);
        if (!isfinite(u->loss)) {
            l->result->diverged = true;
            l->result->run.diverged_at = u->iteration;
            l->result->diverged_lr = u->rate;
            return 0;
        }
        l->result->run.iterations = u->iteration;
        if (history_has_row(u->iteration, every, l->s->o->iterations))
            record_loss(l->r, u->iteration, u->loss, u->rate);
    }
    now = clock_ns();
    if (l->warm)
        l->train_ns += now - l->report_ns;
    else
        l->timed_from = l->s->state.iteration;
    l->warm = true;
    l->report_ns = now;
    return 0;
}

static void take_row(struct clr_train_result *result, const struct record_row *row)
{
    result->val_loss = row->val_loss;
    result->val_acc = row->val_acc;
    result->ema_loss = row->ema_loss;
    result->ema_acc = row->ema_acc;
    if (isnan(row->val_acc) ? !(result->best_loss <= row->val_loss) : !(result->best_acc >= row->val_acc)) {
        result->best_loss = isnan(row->val_acc) ? row->val_loss : NAN;
        result->best_acc = row->val_acc;
        result->best_iteration = row->iteration;
    }
}

static int evaluate(struct loop *l, struct clr_error *err)
{
    const uint64_t start = clock_ns(), iteration = l->s->state.iteration;
    struct loop_result *result = l->result;
    struct record_row row;
    double loss, accuracy, average[2] = {NAN, NAN};
    int rc;

    report(l, true, false);
    rc = session_evaluate(l->s, &loss, &accuracy, NULL, NULL, err);
    if (rc == 0 && isfinite(loss) && l->s->replica.average)
        rc = session_evaluate_average(l->s, &average[0], &average[1], err);
    if (rc == CLR_EINTERRUPTED) { /* repeated by begin() of the resumed run */
        result->interrupted = true;
        return 0;
    }
    if (rc < 0)
        return rc;
    if (!isfinite(loss) || isinf(average[0])) { /* the update before it diverged */
        result->diverged = result->in_evaluation = true;
        result->run.diverged_at = iteration;
        result->diverged_lr = l->s->state.last_rate;
        return 0;
    }
    row = (struct record_row){
        iteration, l->s->state.last_loss, l->s->state.last_rate, loss, accuracy, average[0], average[1]};
    take_row(&result->run, &row);
    l->young = l->young || warn_of_young_statistics(l->s, loss);
    rc = record_history(l->r, &row, err);
    if (rc == 0)
        rc = record_write(l->r, err);
    l->eval_ns += l->evals++ > 0 ? clock_ns() - start : 0;
    if (l->evals == 2)
        l->eval_ns *= 2; /* for the first one, which compiled kernels */
    ocl_save_programs(l->s->replica.ctx, true);
    l->report_ns = clock_ns();
    report(l, false, true);
    return rc;
}

/* ------------------------------------------------------------------ the loop */

/* Set the result to what a resumed run has done. It may have been stopped between an update and its
 * evaluation. */
static int begin(struct loop *l, struct clr_error *err)
{
    const uint64_t done = l->s->state.iteration, rows = l->r->row_count;

    l->result->run.iterations = done;
    for (uint64_t i = 0; i < rows; i++)
        take_row(&l->result->run, &l->r->rows[i]);
    if (done == 0 || !evaluates_after(l->s->o, done) || (rows > 0 && l->r->rows[rows - 1].iteration == done))
        return 0;
    return evaluate(l, err);
}

/* One update, and what follows it. */
static int step(struct loop *l, struct clr_error *err)
{
    const struct clr_train_options *o = l->s->o;
    const uint64_t t = l->s->state.iteration;
    const bool eval = evaluates_after(o, t + 1), save = saves_after(o, t + 1), keep = keeps_after(o, t + 1);
    struct loop_result *result = l->result;
    int rc = session_update(l->s, policy_rate(l, t), clr_schedule_momentum(&o->schedule, t), err);

    if (rc < 0)
        return rc;
    result->interrupted = o->stop && *o->stop;
    if (eval || save || keep || result->interrupted || t + 1 - l->s->first_unread >= SESSION_LOSSES ||
        clock_ns() - l->report_ns > REPORT_NS) {
        rc = read_losses(l, err);
        if (rc == 0 && !result->diverged)
            report(l, false, false);
    }
    if (rc == 0 && keep && !result->diverged)
        rc = session_save_numbered(l->s, "minimum", t + 1, err);
    if (rc == 0 && eval && !result->diverged && !result->interrupted)
        rc = evaluate(l, err);
    if (eval && t + 1 < o->iterations && o->stop && *o->stop)
        result->interrupted = true; /* asked for during the evaluation */
    if (rc == 0 && !result->diverged && (save || result->interrupted))
        rc = resume_save(l->s, l->r, err);
    return rc;
}

int loop_run(struct session *s, struct record *r, struct loop_result *result, struct clr_error *err)
{
    const uint64_t start = clock_ns();
    struct loop l = {.s = s, .r = r, .result = result, .report_ns = start, .timed_from = s->state.iteration};
    int rc;

    memset(result, 0, sizeof *result);
    result->run.val_loss = result->run.val_acc = result->run.best_acc = result->run.best_loss = NAN;
    result->run.ema_loss = result->run.ema_acc = NAN;
    result->run.backoffs = s->state.backoffs;
    if (isnan(s->state.last_rate)) /* before the first update, or resumed from an older checkpoint */
        s->state.last_rate = policy_rate(&l, s->state.iteration > 0 ? s->state.iteration - 1 : 0);
    rc = begin(&l, err);
    while (rc == 0 && s->state.iteration < s->o->iterations && !result->diverged && !result->interrupted)
        rc = step(&l, err);
    result->run.seconds = r->seconds_before + (double)(clock_ns() - start) * 1e-9;
    return rc;
}
