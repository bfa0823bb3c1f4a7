/* The doctor: every kernel variant against its oracle on one device. See clr/bench.h and ops/verify.h. */
#include <clr/bench.h>

#include <math.h>
#include <stdio.h>

#include "base/log.h"
#include "bench/doctor_train.h"
#include "bench/measure.h"
#include "ops/layout.h"

#define TRAINING_LIMIT 1e-4 /* a maximum on another of two equal pixels costs up to that */

typedef void (*report_function)(void *user, const char *name, enum clr_doctor_verdict verdict,
                                double worst_nmse, const char *detail);

const char *clr_doctor_verdict_name(enum clr_doctor_verdict verdict)
{
    static const char *const names[] = {"OK", "WRONG", "FAILED"};

    return names[verdict];
}

static void count(struct clr_doctor_summary *s, enum clr_doctor_verdict verdict)
{
    s->checked++;
    s->wrong += verdict == CLR_DOCTOR_WRONG;
    s->failed += verdict == CLR_DOCTOR_FAILED;
}

/* One case in one channel block. */
static enum clr_doctor_verdict examine(struct ocl_context *ctx, const struct verify_case *c, int block,
                                       const char *name, report_function report, void *user)
{
    struct verify_result r = {0};
    struct clr_error why = {0};
    const bool failed = verify_case_run(ctx, c, block, false, 1, &r, &why) < 0;
    const enum clr_doctor_verdict verdict = failed ? CLR_DOCTOR_FAILED
                                            : r.ok ? CLR_DOCTOR_RIGHT
                                                   : CLR_DOCTOR_WRONG;

    report(user, name, verdict, failed ? NAN : measure_worst_nmse(&r),
           failed ? why.message
           : r.ok ? NULL
                  : r.text);
    return verdict;
}

/* The whole, after the parts: three updates of a net. PoCL leaves an NMSE of 8e-7. */
static enum clr_doctor_verdict examine_training(const struct clr_device *device, report_function report,
                                                void *user)
{
    static const char name[] = "training of quick, three updates";
    struct doctor_training t;
    struct clr_error why = {0};
    char detail[160];
    bool ok;

    log_line(CLR_LOG_INFO, "last: a short training of quick, for which kernels may have to be compiled");
    if (doctor_train(&t, device, &why) < 0) {
        const enum clr_doctor_verdict
            verdict = /* the self-check has refused the device, or a call has failed */
            why.code == CLR_EFAILED ? CLR_DOCTOR_WRONG : CLR_DOCTOR_FAILED;
        report(user, name, verdict, NAN, why.message);
        return verdict;
    }
    ok = t.worst_nmse <= TRAINING_LIMIT;
    (void)snprintf(detail, sizeof detail, "what '%s' was moved by: NMSE %.2e, limit %.2e", t.worst,
                   t.worst_nmse, TRAINING_LIMIT);
    report(user, name, ok ? CLR_DOCTOR_RIGHT : CLR_DOCTOR_WRONG, t.worst_nmse, ok ? NULL : detail);
    return ok ? CLR_DOCTOR_RIGHT : CLR_DOCTOR_WRONG;
}

int clr_doctor(const struct clr_device *device, report_function report, void *user,
               struct clr_doctor_summary *summary, struct clr_error *err)
{
    struct clr_doctor_summary s = {0};
    int blocks[2];
    const int case_count = verify_case_count(), block_count = layout_blocks(blocks, device);
    struct ocl_context *ctx = NULL;
    int rc = ocl_context_create(&ctx, device, NULL, err);

    for (int i = 0; i < case_count && rc == 0; i++) {
        struct verify_case c;
        rc = verify_case_get(&c, i, err);
        for (int b = 0; b < block_count && rc == 0; b++) {
            char name[sizeof c.name + 32];
            if (b > 0 && !c.small) /* the kernels are the same but for the vectors: compiling takes minutes */
                continue;
            if (b == 0)
                str_copy(name, sizeof name, c.name);
            else
                (void)snprintf(name, sizeof name, "%s, channel block %d", c.name, blocks[b]);
            count(&s, examine(ctx, &c, blocks[b], name, report, user));
        }
    }
    if (rc == 0) {
        const enum clr_doctor_verdict training = examine_training(device, report, user);
        count(&s, training);
        s.trains = training == CLR_DOCTOR_RIGHT;
    }
    if (ctx)
        ocl_save_programs(ctx);
    ocl_context_destroy(ctx);
    if (rc == 0)
        *summary = s;
    return rc;
}
