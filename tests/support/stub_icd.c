/*
 * An OpenCL driver that pretends to be a device: it answers as a chosen device would, keeps buffers in the
 * host's memory, and accepts programs and launches without compiling or running anything. So the program
 * under test makes the decisions that it would make on that device, on a machine without it.
 *
 *     OCL_ICD_VENDORS=FOLDER_WITH_AN_ICD_FILE   names this library and no other
 *     STUB_OPENCL_DEVICE=NAME                   a row of the table below
 *     STUB_OPENCL_NAME=TEXT                     its name, instead of that of the row
 *     STUB_OPENCL_FOLDER=DIR                    where programs go: see stub_programs.c
 *     STUB_OPENCL_REPORT=FILE                   calls, failures and unreleased objects: see stub_faults.c
 *
 * It refuses what a real driver refuses: a kernel that is not in the source, a wrong number of arguments, an
 * argument not set, a local size beyond the device's limits or one that does not divide the global size,
 * accesses beyond a buffer.
 *
 * Calls that this project does not make are missing from the dispatch table. Not thread-safe.
 */
#include "stub_icd.h"

#include <stdio.h>
#include <stdlib.h>

#define SHOWN __attribute__((visibility("default")))
#define MB    (1024ULL * 1024ULL)

/* ------------------------------------------------------------------ devices */

static const struct device_row rows[] = {
    /* Units, clock and memory are from the makers' data sheets, limits from their drivers' answers. */
    {"nvidia-sm_61", "Quadro P4000", "NVIDIA Corporation", "NVIDIA CUDA", false, 14, 1480, 8192 * MB, 49152,
     1024},
    {"nvidia-sm_75", "Tesla T4", "NVIDIA Corporation", "NVIDIA CUDA", false, 40, 1590, 15360 * MB, 49152,
     1024},
    {"nvidia-sm_86", "NVIDIA GeForce RTX 3060", "NVIDIA Corporation", "NVIDIA CUDA", false, 28, 1777,
     12288 * MB, 49152, 1024},
    {"amd-gfx900", "gfx900:xnack-", "Advanced Micro Devices, Inc.", "AMD Accelerated Parallel Processing",
     false, 64, 1630, 8192 * MB, 65536, 256},
    {"amd-gfx1030", "gfx1030", "Advanced Micro Devices, Inc.", "AMD Accelerated Parallel Processing", false,
     40, 2105, 16384 * MB, 65536, 256},
    {"intel-gen9", "Intel(R) HD Graphics 530", "Intel(R) Corporation", "Intel(R) OpenCL HD Graphics", true,
     24, 1150, 6144 * MB, 65536, 256},
    {"intel-xe", "Intel(R) Iris(R) Xe Graphics", "Intel(R) Corporation", "Intel(R) OpenCL HD Graphics", true,
     96, 1300, 6144 * MB, 65536, 512},
};
/* ------------------------------------------------------------------ objects */

struct _cl_platform_id {
    struct head head;
};
struct _cl_context {
    struct head head;
};
struct _cl_command_queue {
    struct head head;
    cl_context context;
    cl_command_queue_properties properties;
};
struct _cl_event {
    struct head head;
};

static struct _cl_platform_id platform = {{.table = &stub_dispatch, .users = 1}};
struct _cl_device_id stub_device = {{.table = &stub_dispatch, .users = 1}, NULL};

void *new_object(enum object_kind kind, size_t size)
{
    struct head *h = calloc(1, size);

    if (!h)
        abort(); /* a test cannot continue without memory */
    h->table = &stub_dispatch;
    h->users = 1;
    h->kind = kind;
    count_object(kind, 1);
    return h;
}

cl_int retain(struct head *h)
{
    h->users++;
    return CL_SUCCESS;
}

bool release(struct head *h)
{
    if (--h->users > 0)
        return false;
    count_object(h->kind, -1);
    return true;
}

void *give(void *object, cl_int *status)
{
    if (status)
        *status = object ? CL_SUCCESS : CL_INVALID_VALUE;
    return object;
}

void *refuse(cl_int *status, cl_int why)
{
    if (status)
        *status = why;
    return NULL;
}

/* ------------------------------------------------------------------ answers */

cl_int answer(const void *value, size_t value_size, size_t size, void *out, size_t *size_out)
{
    if (out && size < value_size)
        return CL_INVALID_VALUE;
    if (out)
        memcpy(out, value, value_size);
    if (size_out)
        *size_out = value_size;
    return CL_SUCCESS;
}

static cl_int CL_API_CALL get_platform_info(cl_platform_id p, cl_platform_info what, size_t size, void *out,
                                            size_t *size_out)
{
    MAY_FAIL("clGetPlatformInfo");
    (void)p;
    switch (what) {
    case CL_PLATFORM_NAME:
        return ANSWER_TEXT(stub_device.row->platform);
    case CL_PLATFORM_VENDOR:
        return ANSWER_TEXT(stub_device.row->vendor);
    case CL_PLATFORM_VERSION:
        return ANSWER_TEXT("OpenCL 1.2 stub");
    case CL_PLATFORM_PROFILE:
        return ANSWER_TEXT("FULL_PROFILE");
    case CL_PLATFORM_EXTENSIONS:
        return ANSWER_TEXT("cl_khr_icd");
    case CL_PLATFORM_ICD_SUFFIX_KHR:
        return ANSWER_TEXT("STUB");
    default:
        return CL_INVALID_VALUE;
    }
}

static cl_int device_limits(cl_device_info what, size_t size, void *out, size_t *size_out)
{
    const struct device_row *r = stub_device.row;

    switch (what) {
    case CL_DEVICE_MAX_COMPUTE_UNITS:
        return ANSWER(cl_uint, r->units);
    case CL_DEVICE_MAX_CLOCK_FREQUENCY:
        return ANSWER(cl_uint, r->clock_mhz);
    case CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT:
    case CL_DEVICE_PREFERRED_VECTOR_WIDTH_FLOAT:
        return ANSWER(cl_uint, 1);
    case CL_DEVICE_MEM_BASE_ADDR_ALIGN:
        return ANSWER(cl_uint, 4096);
    case CL_DEVICE_ADDRESS_BITS:
        return ANSWER(cl_uint, 64);
    case CL_DEVICE_MAX_WORK_ITEM_DIMENSIONS:
        return ANSWER(cl_uint, 3);
    case CL_DEVICE_MAX_WORK_ITEM_SIZES:
        return answer((size_t[]){r->group, r->group, r->group > 64 ? 64 : r->group}, 3 * sizeof(size_t), size,
                      out, size_out);
    case CL_DEVICE_MAX_WORK_GROUP_SIZE:
        return ANSWER(size_t, r->group);
    case CL_DEVICE_GLOBAL_MEM_SIZE:
        return ANSWER(cl_ulong, r->memory);
    case CL_DEVICE_MAX_MEM_ALLOC_SIZE:
        return ANSWER(cl_ulong, r->memory / 4);
    case CL_DEVICE_LOCAL_MEM_SIZE:
        return ANSWER(cl_ulong, r->local);
    case CL_DEVICE_MAX_CONSTANT_BUFFER_SIZE:
        return ANSWER(cl_ulong, 65536);
    case CL_DEVICE_LOCAL_MEM_TYPE:
        return ANSWER(cl_device_local_mem_type, CL_LOCAL);
    default:
        return CL_INVALID_VALUE;
    }
}

static cl_int CL_API_CALL get_device_info(cl_device_id d, cl_device_info what, size_t size, void *out,
                                          size_t *size_out)
{
    MAY_FAIL("clGetDeviceInfo");
    switch (what) {
    case CL_DEVICE_TYPE:
        return ANSWER(cl_device_type, CL_DEVICE_TYPE_GPU);
    case CL_DEVICE_NAME:
        return ANSWER_TEXT(getenv("STUB_OPENCL_NAME") ? getenv("STUB_OPENCL_NAME") : d->row->name);
    case CL_DEVICE_VENDOR:
        return ANSWER_TEXT(d->row->vendor);
    case CL_DEVICE_VERSION:
        return ANSWER_TEXT("OpenCL 1.2 stub");
    case CL_DRIVER_VERSION:
        return ANSWER_TEXT("stub");
    case CL_DEVICE_OPENCL_C_VERSION:
        return ANSWER_TEXT("OpenCL C 1.2 stub");
    case CL_DEVICE_PROFILE:
        return ANSWER_TEXT("FULL_PROFILE");
    case CL_DEVICE_EXTENSIONS:
        return ANSWER_TEXT("");
    case CL_DEVICE_PLATFORM:
        return ANSWER(cl_platform_id, &platform);
    case CL_DEVICE_AVAILABLE:
    case CL_DEVICE_COMPILER_AVAILABLE:
    case CL_DEVICE_LINKER_AVAILABLE:
    case CL_DEVICE_ENDIAN_LITTLE:
        return ANSWER(cl_bool, CL_TRUE);
    case CL_DEVICE_HOST_UNIFIED_MEMORY:
        return ANSWER(cl_bool, d->row->unified);
    default:
        return device_limits(what, size, out, size_out);
    }
}

static cl_int CL_API_CALL get_device_ids(cl_platform_id p, cl_device_type type, cl_uint room,
                                         cl_device_id *out, cl_uint *count)
{
    MAY_FAIL("clGetDeviceIDs");
    (void)p;
    if (!(type & (CL_DEVICE_TYPE_GPU | CL_DEVICE_TYPE_DEFAULT)))
        return CL_DEVICE_NOT_FOUND;
    if (out && room > 0)
        out[0] = &stub_device;
    if (count)
        *count = 1;
    return CL_SUCCESS;
}
/* ------------------------------------------------------------------ contexts, queues, events */

static cl_context CL_API_CALL create_context(
    const cl_context_properties *properties, cl_uint count, const cl_device_id *devices,
    void(CL_CALLBACK *notify)(const char *, const void *, size_t, void *), void *user, cl_int *status)
{
    MAY_FAIL_TO_CREATE("clCreateContext", status);
    (void)properties, (void)count, (void)devices, (void)notify, (void)user;
    return give(new_object(OBJECT_CONTEXT, sizeof(struct _cl_context)), status);
}

static cl_int CL_API_CALL retain_context(cl_context c)
{
    return retain(&c->head);
}

static cl_int CL_API_CALL release_context(cl_context c)
{
    if (release(&c->head))
        free(c);
    return CL_SUCCESS;
}

static cl_int CL_API_CALL get_context_info(cl_context c, cl_context_info what, size_t size, void *out,
                                           size_t *size_out)
{
    MAY_FAIL("clGetContextInfo");
    (void)c;
    switch (what) {
    case CL_CONTEXT_NUM_DEVICES:
        return ANSWER(cl_uint, 1);
    case CL_CONTEXT_DEVICES:
        return ANSWER(cl_device_id, &stub_device);
    default:
        return CL_INVALID_VALUE;
    }
}

static cl_command_queue CL_API_CALL create_queue(cl_context c, cl_device_id d,
                                                 cl_command_queue_properties properties, cl_int *status)
{
    cl_command_queue q;

    MAY_FAIL_TO_CREATE("clCreateCommandQueue", status);
    (void)d;
    q = new_object(OBJECT_QUEUE, sizeof *q);
    q->context = c;
    q->properties = properties;
    return give(q, status);
}

static cl_int CL_API_CALL retain_queue(cl_command_queue q)
{
    return retain(&q->head);
}

static cl_int CL_API_CALL release_queue(cl_command_queue q)
{
    if (release(&q->head))
        free(q);
    return CL_SUCCESS;
}

static cl_int CL_API_CALL get_queue_info(cl_command_queue q, cl_command_queue_info what, size_t size,
                                         void *out, size_t *size_out)
{
    MAY_FAIL("clGetCommandQueueInfo");
    switch (what) {
    case CL_QUEUE_CONTEXT:
        return ANSWER(cl_context, q->context);
    case CL_QUEUE_DEVICE:
        return ANSWER(cl_device_id, &stub_device);
    case CL_QUEUE_PROPERTIES:
        return ANSWER(cl_command_queue_properties, q->properties);
    default:
        return CL_INVALID_VALUE;
    }
}

static cl_int CL_API_CALL flush(cl_command_queue q)
{
    MAY_FAIL("clFlush");
    (void)q;
    return CL_SUCCESS;
}

static cl_int CL_API_CALL finish(cl_command_queue q)
{
    MAY_FAIL("clFinish");
    (void)q;
    return CL_SUCCESS;
}

cl_int done(cl_event *event)
{
    if (event)
        *event = new_object(OBJECT_EVENT, sizeof(struct _cl_event));
    return CL_SUCCESS;
}

static cl_int CL_API_CALL wait_for_events(cl_uint count, const cl_event *events)
{
    MAY_FAIL("clWaitForEvents");
    (void)count, (void)events;
    return CL_SUCCESS;
}

static cl_int CL_API_CALL get_event_info(cl_event e, cl_event_info what, size_t size, void *out,
                                         size_t *size_out)
{
    MAY_FAIL("clGetEventInfo");
    (void)e;
    return what == CL_EVENT_COMMAND_EXECUTION_STATUS ? ANSWER(cl_int, CL_COMPLETE) : CL_INVALID_VALUE;
}

static cl_int CL_API_CALL get_profiling_info(cl_event e, cl_profiling_info what, size_t size, void *out,
                                             size_t *size_out)
{
    MAY_FAIL("clGetEventProfilingInfo");
    (void)e, (void)what;
    return ANSWER(cl_ulong, 0);
}

static cl_int CL_API_CALL retain_event(cl_event e)
{
    return retain(&e->head);
}

static cl_int CL_API_CALL release_event(cl_event e)
{
    if (release(&e->head))
        free(e);
    return CL_SUCCESS;
}

static cl_int CL_API_CALL enqueue_marker(cl_command_queue q, cl_uint waits, const cl_event *wait,
                                         cl_event *event)
{
    MAY_FAIL("clEnqueueMarkerWithWaitList");
    (void)q, (void)waits, (void)wait;
    return done(event);
}
/* ------------------------------------------------------------------ buffers */

static cl_mem CL_API_CALL create_buffer(cl_context c, cl_mem_flags flags, size_t size, void *host,
                                        cl_int *status)
{
    cl_mem m;

    MAY_FAIL_TO_CREATE("clCreateBuffer", status);
    if (size == 0 || size > stub_device.row->memory / 4)
        return refuse(status, CL_INVALID_BUFFER_SIZE);
    m = new_object(OBJECT_BUFFER, sizeof *m);
    m->context = c;
    m->size = size;
    m->borrowed = (flags & CL_MEM_USE_HOST_PTR) != 0;
    m->bytes = m->borrowed ? host : calloc(1, size);
    m->touched = host != NULL;
    if (!m->bytes) {
        free(m);
        return refuse(status, CL_MEM_OBJECT_ALLOCATION_FAILURE);
    }
    if (flags & CL_MEM_COPY_HOST_PTR)
        memcpy(m->bytes, host, size);
    return give(m, status);
}

static cl_mem CL_API_CALL create_part(cl_mem parent, cl_mem_flags flags, cl_buffer_create_type type,
                                      const void *info, cl_int *status)
{
    const cl_buffer_region *region = info;
    cl_mem m;

    MAY_FAIL_TO_CREATE("clCreateSubBuffer", status);
    (void)flags, (void)type;
    if (region->size == 0 || region->origin > parent->size || region->size > parent->size - region->origin)
        return refuse(status, CL_INVALID_VALUE);
    if (region->origin % (4096 / 8) != 0)
        return refuse(status, CL_MISALIGNED_SUB_BUFFER_OFFSET);
    m = new_object(OBJECT_BUFFER, sizeof *m);
    m->context = parent->context;
    m->parent = parent;
    m->bytes = parent->bytes + region->origin;
    m->size = region->size;
    m->borrowed = true;
    (void)retain(&parent->head);
    return give(m, status);
}

static cl_int CL_API_CALL retain_mem(cl_mem m)
{
    return retain(&m->head);
}

static cl_int CL_API_CALL release_mem(cl_mem m)
{
    if (!release(&m->head))
        return CL_SUCCESS;
    if (m->parent)
        (void)release_mem(m->parent);
    if (!m->borrowed)
        free(m->bytes);
    free(m);
    return CL_SUCCESS;
}

static cl_int CL_API_CALL get_mem_info(cl_mem m, cl_mem_info what, size_t size, void *out, size_t *size_out)
{
    MAY_FAIL("clGetMemObjectInfo");
    switch (what) {
    case CL_MEM_SIZE:
        return ANSWER(size_t, m->size);
    case CL_MEM_CONTEXT:
        return ANSWER(cl_context, m->context);
    default:
        return CL_INVALID_VALUE;
    }
}

void touch(cl_mem m)
{
    (m->parent ? m->parent : m)->touched = true;
}

static bool inside(const struct _cl_mem *m, size_t offset, size_t size)
{
    return offset <= m->size && size <= m->size - offset;
}

static cl_int CL_API_CALL enqueue_read(cl_command_queue q, cl_mem m, cl_bool wait, size_t offset, size_t size,
                                       void *out, cl_uint waits, const cl_event *events, cl_event *event)
{
    MAY_FAIL("clEnqueueReadBuffer");
    (void)q, (void)wait, (void)waits, (void)events;
    if (!inside(m, offset, size))
        return CL_INVALID_VALUE;
    memcpy(out, m->bytes + offset, size);
    return done(event);
}

static cl_int CL_API_CALL enqueue_write(cl_command_queue q, cl_mem m, cl_bool wait, size_t offset,
                                        size_t size, const void *in, cl_uint waits, const cl_event *events,
                                        cl_event *event)
{
    MAY_FAIL("clEnqueueWriteBuffer");
    (void)q, (void)wait, (void)waits, (void)events;
    if (!inside(m, offset, size))
        return CL_INVALID_VALUE;
    touch(m);
    memcpy(m->bytes + offset, in, size);
    return done(event);
}

static cl_int CL_API_CALL enqueue_copy(cl_command_queue q, cl_mem from, cl_mem to, size_t from_offset,
                                       size_t to_offset, size_t size, cl_uint waits, const cl_event *events,
                                       cl_event *event)
{
    MAY_FAIL("clEnqueueCopyBuffer");
    (void)q, (void)waits, (void)events;
    if (!inside(from, from_offset, size) || !inside(to, to_offset, size))
        return CL_INVALID_VALUE;
    touch(to);
    memmove(to->bytes + to_offset, from->bytes + from_offset, size);
    return done(event);
}

static cl_int CL_API_CALL enqueue_fill(cl_command_queue q, cl_mem m, const void *pattern, size_t pattern_size,
                                       size_t offset, size_t size, cl_uint waits, const cl_event *events,
                                       cl_event *event)
{
    const unsigned char *bytes = pattern;
    bool zero = true;

    MAY_FAIL("clEnqueueFillBuffer");
    (void)q, (void)waits, (void)events;
    if (!inside(m, offset, size) || pattern_size == 0 || size % pattern_size != 0 ||
        offset % pattern_size != 0)
        return CL_INVALID_VALUE;
    for (size_t i = 0; i < pattern_size; i++)
        zero = zero && bytes[i] == 0;
    if (zero && !(m->parent ? m->parent : m)->touched)
        return done(event);
    touch(m);
    for (size_t at = 0; at < size; at += pattern_size)
        memcpy(m->bytes + offset + at, pattern, pattern_size);
    return done(event);
}
/* ------------------------------------------------------------------ what the loader calls */

const cl_icd_dispatch stub_dispatch = {
    .clGetPlatformInfo = get_platform_info,
    .clGetDeviceIDs = get_device_ids,
    .clGetDeviceInfo = get_device_info,
    .clCreateContext = create_context,
    .clRetainContext = retain_context,
    .clReleaseContext = release_context,
    .clGetContextInfo = get_context_info,
    .clCreateCommandQueue = create_queue,
    .clRetainCommandQueue = retain_queue,
    .clReleaseCommandQueue = release_queue,
    .clGetCommandQueueInfo = get_queue_info,
    .clCreateBuffer = create_buffer,
    .clCreateSubBuffer = create_part,
    .clRetainMemObject = retain_mem,
    .clReleaseMemObject = release_mem,
    .clGetMemObjectInfo = get_mem_info,
    .clCreateProgramWithSource = create_program,
    .clCreateProgramWithBinary = create_from_binary,
    .clRetainProgram = retain_program,
    .clReleaseProgram = release_program,
    .clBuildProgram = build_program,
    .clGetProgramInfo = get_program_info,
    .clGetProgramBuildInfo = get_build_info,
    .clCreateKernel = create_kernel,
    .clRetainKernel = retain_kernel,
    .clReleaseKernel = release_kernel,
    .clSetKernelArg = set_argument,
    .clGetKernelInfo = get_kernel_info,
    .clGetKernelWorkGroupInfo = get_group_info,
    .clWaitForEvents = wait_for_events,
    .clGetEventInfo = get_event_info,
    .clRetainEvent = retain_event,
    .clReleaseEvent = release_event,
    .clGetEventProfilingInfo = get_profiling_info,
    .clFlush = flush,
    .clFinish = finish,
    .clEnqueueReadBuffer = enqueue_read,
    .clEnqueueWriteBuffer = enqueue_write,
    .clEnqueueCopyBuffer = enqueue_copy,
    .clEnqueueFillBuffer = enqueue_fill,
    .clEnqueueNDRangeKernel = enqueue_kernel,
    .clEnqueueMarkerWithWaitList = enqueue_marker,
    .clEnqueueBarrierWithWaitList = enqueue_marker,
};

SHOWN cl_int CL_API_CALL clIcdGetPlatformIDsKHR(cl_uint room, cl_platform_id *out, cl_uint *count);
SHOWN void *CL_API_CALL clGetExtensionFunctionAddress(const char *name);

/* No platform where STUB_OPENCL_DEVICE names none of the devices. */
cl_int CL_API_CALL clIcdGetPlatformIDsKHR(cl_uint room, cl_platform_id *out, cl_uint *count)
{
    const char *wanted = getenv("STUB_OPENCL_DEVICE");

    MAY_FAIL("clGetPlatformIDs");
    for (size_t i = 0; wanted && i < COUNT(rows); i++)
        if (strcmp(rows[i].id, wanted) == 0)
            stub_device.row = &rows[i];
    if (!stub_device.row)
        return CL_PLATFORM_NOT_FOUND_KHR;
    if (out && room > 0)
        out[0] = &platform;
    if (count)
        *count = 1;
    return CL_SUCCESS;
}

void *CL_API_CALL clGetExtensionFunctionAddress(const char *name)
{
    if (strcmp(name, "clIcdGetPlatformIDsKHR") == 0)
        return (void *)(size_t)clIcdGetPlatformIDsKHR;
    if (strcmp(name, "clGetPlatformInfo") == 0)
        return (void *)(size_t)get_platform_info;
    return NULL;
}
