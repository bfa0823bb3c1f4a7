/* Names of OpenCL's statuses, and errors made of them. */
#include "ocl/context.h"

#include <stdio.h>

#define NAME(status)                                                                                         \
    {                                                                                                        \
        status, #status                                                                                      \
    }

/* All but those of images, OpenGL, linking and parts of devices, which nothing here uses. */
static const struct {
    cl_int status;
    const char *name;
} g_names[] = {
    NAME(CL_SUCCESS),
    NAME(CL_DEVICE_NOT_FOUND),
    NAME(CL_DEVICE_NOT_AVAILABLE),
    NAME(CL_COMPILER_NOT_AVAILABLE),
    NAME(CL_MEM_OBJECT_ALLOCATION_FAILURE),
    NAME(CL_OUT_OF_RESOURCES),
    NAME(CL_OUT_OF_HOST_MEMORY),
    NAME(CL_PROFILING_INFO_NOT_AVAILABLE),
    NAME(CL_MEM_COPY_OVERLAP),
    NAME(CL_BUILD_PROGRAM_FAILURE),
    NAME(CL_MAP_FAILURE),
    NAME(CL_MISALIGNED_SUB_BUFFER_OFFSET),
    NAME(CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST),
    NAME(CL_KERNEL_ARG_INFO_NOT_AVAILABLE),
    NAME(CL_INVALID_VALUE),
    NAME(CL_INVALID_DEVICE_TYPE),
    NAME(CL_INVALID_PLATFORM),
    NAME(CL_INVALID_DEVICE),
    NAME(CL_INVALID_CONTEXT),
    NAME(CL_INVALID_QUEUE_PROPERTIES),
    NAME(CL_INVALID_COMMAND_QUEUE),
    NAME(CL_INVALID_HOST_PTR),
    NAME(CL_INVALID_MEM_OBJECT),
    NAME(CL_INVALID_BINARY),
    NAME(CL_INVALID_BUILD_OPTIONS),
    NAME(CL_INVALID_PROGRAM),
    NAME(CL_INVALID_PROGRAM_EXECUTABLE),
    NAME(CL_INVALID_KERNEL_NAME),
    NAME(CL_INVALID_KERNEL_DEFINITION),
    NAME(CL_INVALID_KERNEL),
    NAME(CL_INVALID_ARG_INDEX),
    NAME(CL_INVALID_ARG_VALUE),
    NAME(CL_INVALID_ARG_SIZE),
    NAME(CL_INVALID_KERNEL_ARGS),
    NAME(CL_INVALID_WORK_DIMENSION),
    NAME(CL_INVALID_WORK_GROUP_SIZE),
    NAME(CL_INVALID_WORK_ITEM_SIZE),
    NAME(CL_INVALID_GLOBAL_OFFSET),
    NAME(CL_INVALID_EVENT_WAIT_LIST),
    NAME(CL_INVALID_EVENT),
    NAME(CL_INVALID_OPERATION),
    NAME(CL_INVALID_BUFFER_SIZE),
    NAME(CL_INVALID_GLOBAL_WORK_SIZE),
    NAME(CL_INVALID_PROPERTY),
    NAME(CL_INVALID_COMPILER_OPTIONS),
    NAME(CL_PLATFORM_NOT_FOUND_KHR),
};

const char *ocl_status_name(cl_int status)
{
    for (size_t i = 0; i < MEM_COUNT(g_names); i++)
        if (g_names[i].status == status)
            return g_names[i].name;
    return "unknown OpenCL status";
}

bool ocl_is_lost(cl_int status)
{
    return status == CL_DEVICE_NOT_AVAILABLE || status == CL_OUT_OF_RESOURCES ||
           status == CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST || status == CL_INVALID_COMMAND_QUEUE;
}

int ocl_error(struct clr_error *err, const struct ocl_context *ctx, cl_int status, const char *what)
{
    int code =
        status == CL_MEM_OBJECT_ALLOCATION_FAILURE || status == CL_OUT_OF_HOST_MEMORY ? CLR_EDEVMEM : CLR_ECL;

    if (ctx && ocl_is_lost(status))
        (void)clr_error_set(
            err, code,
            "%s: %s has stopped working, or has no room left for this (%s, %d). Its driver may have "
            "been reset, or have ended a kernel that took too long: the system's log has the reason, "
            "and 'clr-cl doctor' checks whether the device works again",
            what, ctx->device.name, ocl_status_name(status), (int)status);
    else
        (void)clr_error_set(err, code, "%s: %s (%d)%s%s", what, ocl_status_name(status), (int)status,
                            ctx ? " on " : "", ctx ? ctx->device.name : "");
    if (err)
        err->cl_status = status;
    return code;
}
