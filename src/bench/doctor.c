/* The doctor: every kernel variant against its oracle on one device. See clr/bench.h and ops/verify.h. */
#include <clr/bench.h>

#include <math.h>

#include "bench/measure.h"
#include "ops/layout.h"

int clr_doctor(const struct clr_device *device,
               void (*report)(void *user, const char *name, bool ok, double worst_nmse, const char *detail),
               void *user, int *failures, struct clr_error *err)
{
    const int count = verify_case_count(), block = layout_block(device);
    struct ocl_context *ctx = NULL;
    int rc = ocl_context_create(&ctx, device, NULL, err), wrong = 0;

    for (int i = 0; i < count && rc == 0; i++) {
        struct verify_case c;
        struct verify_result r = {0};
        struct clr_error why = {0};
        rc = verify_case_get(&c, i, err);
        if (rc < 0)
            break;
        if (verify_case_run(ctx, &c, block, false, 1, &r, &why) <
            0) { /* a driver that fails is wrong about this one */
            report(user, c.name, false, NAN, why.message);
            wrong++;
            continue;
        }
        report(user, c.name, r.ok, measure_worst_nmse(&r), r.ok ? NULL : r.text);
        wrong += !r.ok;
    }
    if (ctx)
        ocl_save_programs(ctx);
    ocl_context_destroy(ctx);
    if (rc == 0)
        *failures = wrong;
    return rc;
}
