/* Runs in folders: see run.h. */
#include "train/run.h"

#include <math.h>

#include "train/selfcheck.h"
#include "train/warnings.h"

int run_open(struct recorded_run *u, const struct clr_train_options *o, const char *history,
             struct clr_error *err)
{
    int rc = session_check_given(o, SESSION_OF_RUN, err);

    memset(u, 0, sizeof *u);
    if (rc == 0)
        rc = record_open(&u->r, o->out, history, o->resume, err);
    if (rc < 0)
        return rc;
    u->r.averages = o->ema > 0.0;
    rc = resume_open(&u->resume, &u->r, o, err);
    if (rc == 0)
        rc = session_plan(&u->s, o, true, u->resume.found ? &u->resume.checkpoint : NULL, err);
    if (rc == 0)
        rc = resume_check(&u->r, &u->s, err);
    if (rc < 0)
        run_close(u, false);
    return rc;
}

void run_close(struct recorded_run *u, bool keep)
{
    record_close(&u->r, keep);
    resume_clear(&u->resume);
    session_clear(&u->s);
}

int run_start(struct recorded_run *u, bool untrained, struct clr_error *err)
{
    double loss, accuracy;
    int rc;

    session_begin(&u->s);
    if (!u->resume.found)
        warn_of_net(&u->s);
    rc = selfcheck_start(&u->s, u->resume.found ? &u->resume.checkpoint : NULL, err);
    if (rc == 0)
        rc = resume_apply(&u->resume, &u->s, &u->r, err);
    if (rc == 0 && untrained && !u->resume.found)
        rc = session_evaluate(&u->s, &loss, &accuracy, NULL, NULL, err);
    if (rc == 0 && untrained && !u->resume.found)
        u->s.state.untrained = isnan(accuracy) ? loss : accuracy;
    return rc < 0 ? rc : record_write_run(&u->r, &u->s, "running", NULL, err);
}

int run_go(struct recorded_run *u, struct loop_result *l, struct clr_error *err)
{
    const int rc = loop_run(&u->s, &u->r, l, err), written = record_write(&u->r, rc == 0 ? err : NULL);

    return rc < 0 ? rc : written;
}

int run_end(struct recorded_run *u, int rc, const struct clr_train_result *result, struct clr_error *err)
{
    const char *status = rc == 0                  ? "finished"
                         : rc == CLR_EDIVERGED    ? "diverged"
                         : rc == CLR_EINTERRUPTED ? "interrupted"
                                                  : "failed";
    const int written = record_write_run(&u->r, &u->s, status, result, rc == 0 ? err : NULL);

    return rc < 0 ? rc : written;
}
