/* The doctor: every kernel variant against its oracle on one device. See clr/bench.h and ops/verify.h. */
#include <clr/bench.h>

#include <math.h>
#include <stdio.h>

#include "bench/doctor_train.h"
#include "bench/measure.h"
#include "ops/layout.h"

#define TRAINING_LIMIT 1e-4 /* a maximum on another of two equal pixels costs up to that */

typedef void (*report_function)(void *user, const char *name, bool ok, double worst_nmse, const char *detail);

/* One case in one channel block; a driver that fails is wrong about it. */
static bool examine(struct ocl_context *ctx, const struct verify_case *c, int block, const char *name,
                    report_function report, void *user)
{
    struct verify_result r = {0};
    struct clr_error why = {0};

    if (verify_case_run(ctx, c, block, false, 1, &r, &why) < 0) {
        report(user, name, false, NAN, why.message);
        return false;
    }
    report(user, name, r.ok, measure_worst_nmse(&r), r.ok ? NULL : r.text);
    return r.ok;
}

/* The whole, after the parts: three updates of a net. PoCL leaves an NMSE of 8e-7. */
static bool examine_training(const struct clr_device *device, report_function report, void *user)
{
    static const char name[] = "training of quick, three updates";
    struct doctor_training t;
    struct clr_error why = {0};
    char detail[160];
    bool ok;

    if (doctor_train(&t, device, &why) < 0) {
        report(user, name, false, NAN, why.message);
        return false;
    }
    ok = t.worst_nmse <= TRAINING_LIMIT;
    (void)snprintf(detail, sizeof detail, "what '%s' was moved by: NMSE %.2e, limit %.2e", t.worst,
                   t.worst_nmse, TRAINING_LIMIT);
    report(user, name, ok, t.worst_nmse, ok ? NULL : detail);
    return ok;
}

int clr_doctor(const struct clr_device *device, report_function report, void *user, int *failures,
               struct clr_error *err)
{
    int blocks[2], wrong = 0;
    const int count = verify_case_count(), block_count = layout_blocks(blocks, device);
    struct ocl_context *ctx = NULL;
    int rc = ocl_context_create(&ctx, device, NULL, err);

    for (int i = 0; i < count && rc == 0; i++) {
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
            wrong += !examine(ctx, &c, blocks[b], name, report, user);
        }
    }
    if (rc == 0)
        wrong += !examine_training(device, report, user);
    if (ctx)
        ocl_save_programs(ctx);
    ocl_context_destroy(ctx);
    if (rc == 0)
        *failures = wrong;
    return rc;
}
