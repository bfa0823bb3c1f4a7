/* Matrix products by CLBlast, through its C interface: the one file that includes it. See ocl.h. */
#include "ocl/context.h"

#include <clblast_c.h>
#include <stdio.h>

int blas_sgemm(struct ocl_context *ctx, const struct blas_gemm *g, const char *label, struct clr_error *err)
{
    cl_event marker = NULL, event = NULL;
    cl_int status = CL_SUCCESS;
    char what[192];

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
