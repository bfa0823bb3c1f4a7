/* clr_train() and clr_eval(): see clr/train.h. The loop is in loop.c, what it runs on in session.c. */
#include <clr/train.h>

#include <math.h>

#include "base/log.h"
#include "train/run.h"
#include "train/selfcheck.h"

STR_NAMES(clr_on_divergence_names, "stop", "backoff")

void clr_train_options_init(struct clr_train_options *o, size_t size)
{
    memset(o, 0, size);
    o->size = size;
    if (size != sizeof *o)
        return; /* of another version: the functions that take it refuse it */
    clr_schedule_init(&o->schedule, sizeof o->schedule);
    o->batch = 100;
    o->seed = 1;
    o->weight_decay = 0.004;
    o->momentum2 = NAN;
    o->epsilon = 1e-8;
    o->mean = -1;
    o->scale = NAN;
    o->validate_every = 1000;
    o->log_every = 100;
    o->checkpoint_every = 1000;
}

/* Was it the first loss that was not finite? No update came before it, so no rate is the reason. */
static bool before_any_update(const struct loop_result *l)
{
    return l->diverged && !l->in_evaluation && l->run.diverged_at == 1;
}

static int diverged(const struct session *s, const struct loop_result *l, struct clr_error *err)
{
    char at[STR_COUNT];

    if (before_any_update(l))
        return clr_error_set(err, CLR_EDIVERGED, SESSION_FIRST_LOSS);
    return clr_error_set(err, CLR_EDIVERGED,
                         "the loss %s iteration %s is not finite (rate %.4g): lower the rate. What was "
                         "recorded before it is in '%s'",
                         l->in_evaluation ? "on the evaluated images after" : "of",
                         str_count(at, l->run.diverged_at, ""), l->diverged_lr, s->o->out);
}

/* Save what the loop ended with; an error where it did not end with the last iteration. */
static int verdict(struct session *s, const struct record *r, const struct loop_result *l,
                   struct clr_error *err)
{
    char done[STR_COUNT], all[STR_COUNT];
    int rc;

    if (l->diverged)
        return diverged(s, l, err);
    if (!l->interrupted) {
        rc = session_save_numbered(s, "final", 0, err);
        if (rc == 0 && s->replica.average)
            rc = session_save_average(s, err);
        return rc < 0 ? rc : resume_save(s, r, err);
    }
    rc = session_save_numbered(s, "interrupted", l->run.iterations, err);
    if (rc < 0)
        return rc;
    return clr_error_set(
        err, CLR_EINTERRUPTED,
        "stopped after iteration %s of %s; `resume` continues from there. The weights are in "
        "'%s/interrupted-%llu.safetensors'",
        str_count(done, l->run.iterations, ""), str_count(all, s->o->iterations, ""), s->o->out,
        (unsigned long long)l->run.iterations);
}

/* Train from where the session is to the end, or until it diverges. */
static int go(struct recorded_run *u, struct loop_result *l, struct clr_error *err)
{
    const int rc = run_go(u, l, err);

    return rc < 0 ? rc : verdict(&u->s, &u->r, l, err);
}

/* Again, from the last checkpoint and with half the rates, until it does not diverge. */
static int back_off(struct recorded_run *u, struct loop_result *l, struct clr_error *err)
{
    const struct run_state *state = &u->s.state;
    int rc = CLR_EDIVERGED;

    while (rc == CLR_EDIVERGED && state->backoffs < CLR_TRAIN_BACKOFFS) {
        const struct clr_error why = *err;
        const double seconds = l->run.seconds - u->r.seconds_before;
        char to[STR_COUNT];
        rc = resume_back_off(&u->s, &u->r, err);
        if (rc < 0)
            return rc;
        log_line(CLR_LOG_WARNING, "%s. The run continues from iteration %s with 1/%d of the schedule's rates",
                 why.message, str_count(to, state->iteration, ""), 1 << state->backoffs);
        rc = go(u, l, err);
        l->run.seconds += seconds;
    }
    return rc;
}

static int train(struct recorded_run *u, struct clr_train_result *out, struct clr_error *err)
{
    struct clr_error local = {0};
    struct loop_result l;
    const bool backoff = u->s.o->backoff;
    int rc = run_start(u, false, err), taken;

    if (rc == 0 && backoff && !u->resume.found)
        rc = resume_save(&u->s, &u->r, err); /* to go back to */
    if (rc < 0)
        return rc;
    err = err ? err : &local; /* back_off() needs it */
    rc = go(u, &l, err);
    if (rc == CLR_EDIVERGED && backoff && !before_any_update(&l))
        rc = back_off(u, &l, err);
    if (rc < 0)
        resume_advise(&u->s, err);
    *out = l.run; /* if there is no memory for the table of the profile, the run is still valid */
    taken = ocl_profile_table(u->s.replica.ctx, &out->profile, rc == 0 ? err : NULL);
    return run_end(u, rc < 0 ? rc : taken, out, err);
}

int clr_train(const struct clr_train_options *o, struct clr_train_result *result, struct clr_error *err)
{
    struct recorded_run u;
    int rc;

    *result = (struct clr_train_result){
        .val_loss = NAN, .val_acc = NAN, .best_acc = NAN, .best_loss = NAN, .ema_loss = NAN, .ema_acc = NAN};
    rc = run_open(&u, o, "history.csv", err);
    if (rc < 0)
        return rc;
    rc = train(&u, result, err);
    run_close(&u, rc == 0 || result->iterations > 0);
    return rc;
}

/* Evaluate, with the table of confusion and the list of losses. */
static int evaluate(struct session *s, struct clr_eval_result *out, struct clr_error *err)
{
    const struct graph *g = s->replica.test.graph;
    const size_t classes = (size_t)s->o->data->classes;
    double *losses = NULL;
    int rc = 0;

    if (g->logits >= 0)
        rc = mem_new(&out->confusion, classes * classes, sizeof *out->confusion, "the confusion table", err);
    if (rc == 0)
        rc = mem_new(&out->losses, g->loss_count, sizeof *out->losses, "the losses", err);
    if (rc == 0)
        rc = mem_new(&losses, g->loss_count, sizeof *losses, "the losses", err);
    if (rc == 0)
        rc = session_evaluate(s, &out->loss, &out->accuracy, out->confusion, losses, err);
    for (size_t l = 0; l < g->loss_count && rc == 0; l++) {
        str_copy(out->losses[l].layer, sizeof out->losses[l].layer, g->losses[l].name);
        out->losses[l].weight = (double)g->losses[l].weight;
        out->losses[l].loss = losses[l];
    }
    out->loss_count = (int)g->loss_count;
    out->count = s->eval_count;
    free(losses);
    return rc;
}

int clr_eval(const struct clr_train_options *o, struct clr_eval_result *result, struct clr_error *err)
{
    struct clr_eval_result out = {0};
    struct session s;
    int rc = session_check_given(o, SESSION_OF_EVAL, err);

    if (rc < 0)
        return rc;
    if (!o->init)
        return clr_error_set(err, CLR_EUSAGE, "`init` is NULL: there are no weights to evaluate");
    rc = session_plan(&s, o, o->refresh_statistics > 0, NULL, err);
    if (rc < 0)
        return rc;
    session_begin(&s);
    rc = selfcheck_start(&s, NULL, err);
    if (rc == 0 && o->refresh_statistics > 0)
        rc = session_refresh_statistics(&s, o->refresh_statistics, err);
    if (rc == 0)
        rc = evaluate(&s, &out, err);
    if (rc == 0)
        ocl_save_programs(s.replica.ctx, true);
    if (rc == 0 && !isfinite(out.loss))
        rc = clr_error_set(err, CLR_EDIVERGED,
                           "the loss of '%s' on these images is not finite: the weights are too large, or "
                           "`mean` and `scale` are not those of the training",
                           o->init);
    session_clear(&s);
    if (rc == 0) {
        *result = out;
        return 0;
    }
    free(out.confusion);
    free(out.losses);
    return rc;
}
