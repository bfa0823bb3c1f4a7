/* The one place that enqueues a kernel. See ocl.h. */
#include "ocl/program.h"

#include <stdio.h>
#include <string.h>

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
            (void)launch_error(err, k, label, status);
            return clr_error_prefix(err, "argument %d", i);
        }
    }
    return 0;
}

/* The largest dimension is halved until the group fits the limits of the device and of the kernel. */
static void shrink(size_t local[3], const struct ocl_kernel *k)
{
    const struct ocl_context *ctx = k->program->ctx;
    size_t limit = k->group_limit < ctx->device.max_work_group ? k->group_limit : ctx->device.max_work_group;

    for (int i = 0; i < 3; i++) {
        while (local[i] > ctx->work_item_limits[i])
            local[i] /= 2;
    }
    for (;;) {
        int largest = 0;
        for (int i = 1; i < 3; i++)
            largest = local[i] > local[largest] ? i : largest;
        if (local[largest] <= 1 || local[0] * local[1] * local[2] <= limit)
            return;
        local[largest] /= 2;
    }
}

/* false: the driver chooses. */
static bool choose_local(size_t local[3], const struct ocl_kernel *k, int dimensions, const size_t *wanted)
{
    for (int i = 0; i < 3; i++)
        local[i] = 1;
    if (k->required[0] > 0) {
        memcpy(local, k->required, sizeof k->required);
        return true;
    }
    if (!wanted)
        return k->program->ctx->device.type == CLR_DEVICE_CPU;
    for (int i = 0; i < dimensions; i++)
        local[i] = wanted[i] > 0 ? wanted[i] : 1;
    shrink(local, k);
    return true;
}

int ocl_launch(struct ocl_context *ctx, struct ocl_kernel *kernel, const char *label, int dimensions,
               const size_t *global, const size_t *local, const struct ocl_arg *args, int arg_count,
               struct clr_error *err)
{
    size_t range[3] = {1, 1, 1}, group[3];
    cl_event event = NULL;
    cl_int status;
    bool chosen;
    int rc;

    if (dimensions < 1 || dimensions > 3)
        return clr_error_set(err, CLR_EUSAGE, "%s: a kernel cannot have %d dimensions", label, dimensions);
    rc = set_arguments(kernel, label, args, arg_count, err);
    if (rc < 0)
        return rc;
    chosen = choose_local(group, kernel, dimensions, local);
    for (int i = 0; i < dimensions; i++) {
        if (global[i] == 0)
            return 0; /* nothing to do */
        if (!clr_add_size(&range[i], global[i], group[i] - 1))
            return clr_error_set(err, CLR_EUSAGE, "%s: its range overflows", label);
        range[i] = range[i] / group[i] * group[i];
    }
    status = clEnqueueNDRangeKernel(ctx->queue, kernel->kernel, (cl_uint)dimensions, NULL, range,
                                    chosen ? group : NULL, 0, NULL, ctx->options.profile ? &event : NULL);
    if (status != CL_SUCCESS)
        return launch_error(err, kernel, label, status);
    if (!chosen)
        memset(group, 0, sizeof group);
    program_note_launch(kernel, group);
    return event ? profile_add(ctx, label, NULL, event, err) : 0;
}
