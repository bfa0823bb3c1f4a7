/* The one place that enqueues a kernel. See ocl.h. */
#include "ocl/program.h"

#include <stdio.h>

static int launch_error(struct clr_error *err, const struct ocl_kernel *k, const char *label, cl_int status)
{
    char what[256];

    (void)snprintf(what, sizeof what, "%.80s (kernel %.64s of cl/%.64s)", label, k->name, k->program->file);
    return ocl_error(err, k->program->ctx, status, what);
}

static int set_arguments(struct ocl_kernel *k, const char *label, const struct ocl_arg *args, int count,
                         struct clr_error *err)
{
    if (count < 0 || (cl_uint)count != k->arg_count)
        return clr_error_set(err, CLR_EUSAGE, "%s: kernel %s of cl/%s takes %u arguments, not %d", label,
                             k->name, k->program->file, (unsigned)k->arg_count, count);
    for (int i = 0; i < count; i++) {
        cl_int status = clSetKernelArg(k->kernel, (cl_uint)i, args[i].size, args[i].value);
        if (status != CL_SUCCESS) {
            const int rc = launch_error(err, k, label, status);
            clr_error_prefix(err, "argument %d", i);
            return rc;
        }
    }
    return 0;
}

int ocl_launch(struct ocl_context *ctx, struct ocl_kernel *kernel, const char *label, int dimensions,
               const size_t *global, const struct ocl_arg *args, int arg_count, struct clr_error *err)
{
    const bool required = kernel->required[0] > 0;
    const bool grouped = required || ctx->device.type == CLR_DEVICE_CPU;
    size_t range[3], group[3];
    cl_event event = NULL;
    cl_int status;
    int rc;

    if (dimensions < 1 || dimensions > 3)
        return clr_error_set(err, CLR_EUSAGE, "%s: a kernel cannot have %d dimensions", label, dimensions);
    rc = set_arguments(kernel, label, args, arg_count, err);
    if (rc < 0)
        return rc;
    for (int i = 0; i < dimensions; i++) {
        if (global[i] == 0)
            return 0; /* nothing to do */
        group[i] = required ? kernel->required[i] : 1;
        if (!clr_add_size(&range[i], global[i], group[i] - 1))
            return clr_error_set(err, CLR_EUSAGE, "%s: its range overflows", label);
        range[i] = range[i] / group[i] * group[i];
    }
    status = clEnqueueNDRangeKernel(ctx->queue, kernel->kernel, (cl_uint)dimensions, NULL, range,
                                    grouped ? group : NULL, 0, NULL, ctx->options.profile ? &event : NULL);
    if (status != CL_SUCCESS)
        return launch_error(err, kernel, label, status);
    return event ? profile_add(ctx, label, NULL, event, err) : 0;
}
