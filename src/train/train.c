/* clr_train() and clr_eval(): see clr/train.h. The loop is in loop.c, what it runs on in session.c. */
#include <clr/train.h>

#include <math.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "train/run.h"
#include "train/selfcheck.h"

void clr_train_options_init(struct clr_train_options *o)
{
    memset(o, 0, sizeof *o);
    o->size = sizeof *o;
    clr_schedule_init(&o->schedule);
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

static int save_weights(struct session *s, const char *name, struct clr_error *err)
{
    char *path = NULL;
    int rc = fs_join(&path, s->o->out, name, err);

    if (rc == 0)
        rc = session_save_weights(s, path, err);
    free(path);
    return rc;
}

/* Behind why it diverged: the last good checkpoint, and what can be done from there. */
static int tell_way_out(const struct session *s, struct clr_error *err)
{
    const struct clr_error why = *err;
    struct checkpoint c;
    bool found = false;

    if (checkpoint_read(&c, &found, s->o->out, UINT64_MAX, NULL) == 0 && found) {
        (void)clr_error_set(err, why.code,
                            s->o->backoff
                                ? "%s. The last good checkpoint is checkpoint-%llu.clr"
                                : "%s. Or go on from checkpoint-%llu.clr with half the rates: `resume` "
                                  "`on_divergence` backoff",
                            why.message, (unsigned long long)c.state.iteration);
        checkpoint_clear(&c);
    }
    return why.code;
}

static int diverged(const struct session *s, const struct loop_result *l, struct clr_error *err)
{
    char at[STR_COUNT];

    return clr_error_set(err, CLR_EDIVERGED,
                         "the loss %s iteration %s is not finite (rate %.4g): lower the rate. What was "
                         "recorded before it is in '%s'",
                         l->in_evaluation ? "on the evaluated images after" : "of",
                         str_count(at, l->diverged_at, ""), l->diverged_lr, s->o->out);
}

/* How the loop ended, as an error; 0 where it went through. */
static int verdict(struct session *s, const struct record *r, const struct loop_result *l,
                   struct clr_error *err)
{
    char name[64], done[STR_COUNT], all[STR_COUNT];
    int rc;

    if (l->diverged)
        return diverged(s, l, err);
    if (!l->interrupted) {
        rc = save_weights(s, "final.safetensors", err);
        return rc < 0 ? rc : resume_save(s, r, err);
    }
    (void)snprintf(name, sizeof name, "interrupted-%llu.safetensors", (unsigned long long)l->iterations);
    rc = save_weights(s, name, err);
    if (rc < 0)
        return rc;
    return clr_error_set(
        err, CLR_EINTERRUPTED,
        "stopped after iteration %s of %s; `resume` goes on from there. The weights are in '%s/%s'",
        str_count(done, l->iterations, ""), str_count(all, s->o->iterations, ""), s->o->out, name);
}

/* From where the session is to the end, or to where it diverges. */
static int go(struct run *u, struct loop_result *l, struct clr_error *err)
{
    const int rc = run_go(u, l, err);

    return rc < 0 ? rc : verdict(&u->s, &u->r, l, err);
}

/* The same again, from the last checkpoint and with half the rates, as long as that is no use. */
static int go_with_less(struct run *u, struct loop_result *l, struct clr_error *err)
{
    const struct run_state *state = &u->s.state;
    int rc = CLR_EDIVERGED;

    while (rc == CLR_EDIVERGED && state->backoffs < CLR_TRAIN_BACKOFFS) {
        const struct clr_error why = *err;
        const double seconds = l->seconds - u->r.seconds_before;
        char to[STR_COUNT];
        rc = resume_back_off(&u->s, &u->r, err);
        if (rc < 0)
            return rc;
        log_line(CLR_LOG_WARNING, "%s. Back to iteration %s, and on with 1/%d of the schedule's rates",
                 why.message, str_count(to, state->iteration, ""), 1 << state->backoffs);
        rc = go(u, l, err);
        l->seconds += seconds;
    }
    return rc;
}

/* The result, and with --profile the table; what it fails with does not undo the run. */
static int take_result(struct clr_train_result *out, const struct loop_result *l, struct session *s,
                       struct clr_error *err)
{
    struct str table = {0};
    int rc;

    *out = (struct clr_train_result){.iterations = l->iterations,
                                     .val_loss = l->val_loss,
                                     .val_acc = l->val_acc,
                                     .best_acc = l->best_acc,
                                     .best_iteration = l->best_iteration,
                                     .seconds = l->seconds,
                                     .backoffs = s->state.backoffs,
                                     .diverged_at = l->diverged ? l->diverged_at : 0};
    if (!s->o->profile)
        return 0;
    rc = ocl_profile_table(s->replica.ctx, &table, err);
    if (rc == 0)
        out->profile = table.text;
    else
        str_clear(&table);
    return rc;
}

static int train(struct run *u, struct clr_train_result *out, struct clr_error *err)
{
    struct clr_error local = {0};
    struct loop_result l;
    const bool backoff = u->s.o->backoff;
    int rc = run_start(u, false, err), told;

    if (rc == 0 && backoff && !u->resume.found)
        rc = resume_save(&u->s, &u->r, err); /* to go back to */
    if (rc < 0)
        return rc;
    err = err ? err : &local; /* what goes back says why */
    rc = go(u, &l, err);
    if (rc == CLR_EDIVERGED && backoff)
        rc = go_with_less(u, &l, err);
    if (rc == CLR_EDIVERGED)
        rc = tell_way_out(&u->s, err);
    if (rc < 0)
        resume_tell(&u->s, err);
    told = take_result(out, &l, &u->s, rc == 0 ? err : NULL);
    return run_end(u, rc < 0 ? rc : told, out, err);
}

int clr_train(const struct clr_train_options *o, struct clr_train_result *result, struct clr_error *err)
{
    struct run u;
    int rc;

    *result = (struct clr_train_result){.val_loss = NAN, .val_acc = NAN, .best_acc = NAN};
    rc = run_open(&u, o, "history.csv", err);
    if (rc < 0)
        return rc;
    rc = train(&u, result, err);
    run_close(&u, rc == 0 || result->iterations > 0);
    return rc;
}

int clr_eval(const struct clr_train_options *o, struct clr_eval_result *result, struct clr_error *err)
{
    struct clr_eval_result out = {0};
    struct session s;
    size_t classes;
    int rc = session_check_given(o, false, err);

    if (rc < 0)
        return rc;
    classes = (size_t)o->data->classes;
    if (!o->init)
        return clr_error_set(err, CLR_EUSAGE, "`weights` is missing: there is nothing to evaluate");
    rc = session_plan(&s, o, false, NULL, err);
    if (rc < 0)
        return rc;
    rc = mem_new(&out.confusion, classes * classes, sizeof *out.confusion, "the confusion table", err);
    if (rc == 0)
        session_begin(&s);
    if (rc == 0)
        rc = selfcheck_start(&s, NULL, err);
    if (rc == 0)
        rc = session_evaluate(&s, &out.loss, &out.accuracy, out.confusion, err);
    if (rc == 0)
        ocl_save_programs(s.replica.ctx);
    if (rc == 0 && !isfinite(out.loss))
        rc = clr_error_set(err, CLR_EDIVERGED,
                           "the loss of '%s' on these images is not finite: the weights are too large, or "
                           "`mean` and `scale` are not those of the training",
                           o->init);
    out.count = s.eval_count;
    session_clear(&s);
    if (rc < 0)
        free(out.confusion);
    else
        *result = out;
    return rc;
}
