/* Every kernel variant against its reference on one device: see clr/doctor.h and verify/verify.h. */
#include <clr/doctor.h>

#include <math.h>
#include <stdio.h>

#include "base/log.h"
#include "base/str.h"
#include "doctor/training.h"
#include "ops/layout.h"
#include "verify/verify.h"

#define TRAINING_LIMIT 1e-4 /* a maximum on another of two equal pixels costs up to that */

const char *clr_doctor_verdict_name(enum clr_doctor_verdict verdict)
{
    static const char *const names[] = {"OK", "WRONG", "FAILED"};

    return (size_t)verdict < MEM_COUNT(names) ? names[verdict] : "unknown";
}

/* What is checked, the listener, and what was found. */
struct checkup {
    const struct clr_device *device;
    const struct clr_doctor_listener *to;
    struct ocl_context *ctx;
    int all;
    struct clr_doctor_summary found;
};

static void begin(const struct checkup *c, const char *name)
{
    if (c->to->begins)
        c->to->begins(c->to->user, name, c->found.checked, c->all);
}

static void report(struct checkup *c, const char *name, enum clr_doctor_verdict verdict, double worst_nmse,
                   const char *detail)
{
    c->found.checked++;
    c->found.wrong += verdict == CLR_DOCTOR_WRONG;
    c->found.failed += verdict == CLR_DOCTOR_FAILED;
    c->to->report(c->to->user, name, verdict, worst_nmse, detail);
}

static int check_stop(const struct checkup *c, struct clr_error *err)
{
    char all[STR_COUNT];

    if (!c->to->stop || !*c->to->stop)
        return 0;
    return clr_error_set(err, CLR_EINTERRUPTED, "stopped after %d of %s: %d wrong and %d failed so far",
                         c->found.checked, str_count(all, (uint64_t)c->all, "kernel variant"), c->found.wrong,
                         c->found.failed);
}

/* Report what came of a case. rc: of its run, with *why; a case that failed may be WRONG all the same. */
static int conclude(struct checkup *c, const char *name, int rc, const struct clr_error *why, bool ok,
                    double worst_nmse, const char *detail, struct clr_error *err)
{
    if (check_stop(c, err) < 0)
        return CLR_EINTERRUPTED;
    if (rc < 0 && verify_no_memory(why))
        return clr_error_set(err, why->code, "%s", why->message);
    if (rc == 0)
        report(c, name, ok ? CLR_DOCTOR_CORRECT : CLR_DOCTOR_WRONG, worst_nmse, ok ? NULL : detail);
    else /* the self-check of a training has refused the device, or a call has failed */
        report(c, name, rc == CLR_EFAILED ? CLR_DOCTOR_WRONG : CLR_DOCTOR_FAILED, NAN, why->message);
    return 0;
}

/* One case in one channel block. */
static int examine(struct checkup *c, const struct verify_case *of, int block, const char *name,
                   struct clr_error *err)
{
    struct verify_result r = {0};
    struct clr_error why = {0};
    int rc;

    begin(c, name);
    rc = verify_case_run(c->ctx, of, block, VERIFY_BASIC, 1, &r, &why);
    return conclude(c, name, rc, &why, r.ok, verify_worst_nmse(&r), r.text, err);
}

/* The whole, after the parts: three updates of a net. PoCL leaves an NMSE of 8e-7. */
static int examine_training(struct checkup *c, struct clr_error *err)
{
    static const char name[] = "training of quick, three updates";
    struct doctor_training t = {.worst_nmse = NAN};
    struct clr_error why = {0};
    char detail[160];
    int rc;

    log_line(CLR_LOG_INFO, "last: a short training of quick, for which kernels may have to be compiled");
    begin(c, name);
    rc = doctor_train(&t, c->device, &why);
    if (rc < 0 && verify_no_memory(&why))
        clr_error_prefix(&why, "%s", name);
    c->found.trains = rc == 0 && t.worst_nmse <= TRAINING_LIMIT;
    (void)snprintf(detail, sizeof detail, "what '%s' was moved by: NMSE %.2e, limit %.2e", t.worst,
                   t.worst_nmse, TRAINING_LIMIT);
    return conclude(c, name, rc, &why, c->found.trains, t.worst_nmse, detail, err);
}

/* In its blocks. The kernels of a second one are the same but for the vectors, and compiling takes minutes:
 * small cases will do. `run` or counted only. */
static int examine_blocks(struct checkup *c, int number, const int *blocks, int block_count, bool run,
                          struct clr_error *err)
{
    struct verify_case of;
    int rc = verify_case_get(&of, number, err);

    for (int b = 0; b < block_count && rc == 0; b++) {
        char name[sizeof of.name + 32];
        if ((b > 0 && !of.small) || !verify_case_applies(&of, c->device, blocks[b]))
            continue;
        if (b == 0)
            str_copy(name, sizeof name, of.name);
        else
            (void)snprintf(name, sizeof name, "%s, channel block %d", of.name, blocks[b]);
        if (run)
            rc = examine(c, &of, blocks[b], name, err);
        else
            c->all++;
    }
    return rc;
}

int clr_doctor(const struct clr_device *device, const struct clr_doctor_listener *listener,
               struct clr_doctor_summary *summary, struct clr_error *err)
{
    struct checkup c = {.device = device, .to = listener, .all = 1}; /* the training */
    int blocks[2];
    const int cases = verify_case_count(), block_count = device ? layout_blocks(blocks, device) : 0;
    int rc = mem_check_given(device, "device", err);

    if (rc == 0)
        rc = mem_check_struct(listener, sizeof *listener, "clr_doctor_listener", err);
    if (rc == 0)
        rc = mem_check_given(listener->report ? listener : NULL, "report", err);
    for (int i = 0; i < cases && rc == 0; i++)
        rc = examine_blocks(&c, i, blocks, block_count, false, err);
    if (rc == 0)
        rc = ocl_context_create(&c.ctx, device, NULL, err);
    for (int i = 0; i < cases && rc == 0; i++)
        rc = examine_blocks(&c, i, blocks, block_count, true, err);
    if (rc == 0)
        rc = examine_training(&c, err);
    ocl_context_destroy(c.ctx);
    if (rc == 0)
        *summary = c.found;
    return rc;
}
