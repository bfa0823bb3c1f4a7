/* Matrix products by CLBlast, through its C interface: the one file that includes it. See ocl.h. */
#include "ocl/context.h"

#include <clblast_c.h>
#include <stdio.h>

#define USUAL_GROUP 256 /* work-items of CLBlast's largest work-groups */

/*
 * Where the device has no room for CLBlast's usual work-groups, every product is done by the one kernel that
 * needs no other before it, in tiles of 8x8: by 64 work-items, or by a single one.
 */
static void fit_device(const struct ocl_context *ctx)
{
    const size_t most = ctx->device.max_work_group, side = most < 64 ? 1 : 8;
    const char *routine[] = {"XGEMM_MIN_INDIRECT_SIZE"};
    const char *kernel[] = {"WGD",  "MDIMCD", "NDIMCD", "MDIMAD", "NDIMBD",
                            "KWID", "VWMD",   "VWND",   "PADA",   "PADB"};
    const size_t least[] = {(size_t)1 << 20}, tile[] = {8, side, side, side, side, 1, 1, 1, 0, 0};

    if (ctx->blas_used || most >= USUAL_GROUP)
        return;
    (void)CLBlastOverrideParameters(ocl_device_id(ctx), "GemmRoutine", CLBlastPrecisionSingle,
                                    MEM_COUNT(routine), routine, least);
    (void)CLBlastOverrideParameters(ocl_device_id(ctx), "XgemmDirect", CLBlastPrecisionSingle,
                                    MEM_COUNT(kernel), kernel, tile);
}

int blas_sgemm(struct ocl_context *ctx, const struct blas_gemm *g, const char *label, struct clr_error *err)
{
    cl_event marker = NULL, event = NULL;
    cl_int status = CL_SUCCESS;
    char what[192];

    fit_device(ctx); /* if it fails, so does the product, with a reason */

    /*
     * A product is several kernels (padding, transposing, the product), of which CLBlast gives the last one's
     * event: so its time is taken from a marker before it. Not for the first one of a context, in which
     * CLBlast compiles for seconds after the marker.
     */
    if (ctx->options.profile && ctx->blas_used)
        status = clEnqueueMarkerWithWaitList(ctx->queue, 0, NULL, &marker);
    ctx->blas_used = true;
    if (status == CL_SUCCESS)
        status =
            (cl_int)CLBlastSgemm(CLBlastLayoutRowMajor, g->ta ? CLBlastTransposeYes : CLBlastTransposeNo,
                                 g->tb ? CLBlastTransposeYes : CLBlastTransposeNo, g->m, g->n, g->k, 1.0F,
                                 g->a, g->a_offset, g->lda, g->b, g->b_offset, g->ldb, g->beta, g->c,
                                 g->c_offset, g->ldc, &ctx->queue, ctx->options.profile ? &event : NULL);
    if (status != CL_SUCCESS) {
        if (marker)
            (void)clReleaseEvent(marker);
        /* Statuses below -1000 are CLBlast's own: see clblast_c.h. */
        (void)snprintf(what, sizeof what, "%.80s (CLBlast SGEMM %zux%zux%zu)", label, g->m, g->n, g->k);
        return ocl_error(err, ctx, status, what);
    }
    return event ? profile_add(ctx, label, marker, event, err) : 0;
}

/* CLBlast keeps its programs by context for all of the process; there is no call for one context alone. */
void blas_clear(struct ocl_context *ctx)
{
    if (ctx->blas_used)
        (void)CLBlastClearCache();
    ctx->blas_used = false;
}
