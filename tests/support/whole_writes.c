/*
 * A library for LD_PRELOAD before Oclgrind's: every write and fill goes to a whole buffer.
 *
 * Oclgrind 21.10 records of a buffer what was written last, and takes all else for uninitialized
 * (ShadowMemory::allocate() of src/plugins/Uninitialized.cpp), whatever had been written there before: of
 * parameters that lie in one buffer, all but the last. This library also reads what is before and after, and
 * writes it again. That hides nothing: the program fills every buffer that it creates (ocl_buffer_create()).
 */
#define _GNU_SOURCE
#define CL_TARGET_OPENCL_VERSION 120
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include <CL/cl.h>

#define SHOWN __attribute__((visibility("default")))

/* Oclgrind's own function, blocking. */
static cl_int oclgrind_write(cl_command_queue queue, cl_mem buffer, size_t offset, size_t size,
                             const void *data)
{
    static cl_int (*real)(cl_command_queue, cl_mem, cl_bool, size_t, size_t, const void *, cl_uint,
                          const cl_event *, cl_event *);

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "clEnqueueWriteBuffer");
    return real(queue, buffer, CL_TRUE, offset, size, data, 0, NULL, NULL);
}

/* The buffer that this one is a part of, or itself; *offset from there. */
static cl_mem whole_of(cl_mem buffer, size_t *offset, size_t *size)
{
    cl_mem parent = NULL;
    size_t start = 0;

    (void)clGetMemObjectInfo(buffer, CL_MEM_ASSOCIATED_MEMOBJECT, sizeof(cl_mem), &parent, NULL);
    if (parent) {
        (void)clGetMemObjectInfo(buffer, CL_MEM_OFFSET, sizeof start, &start, NULL);
        *offset += start;
        buffer = parent;
    }
    (void)clGetMemObjectInfo(buffer, CL_MEM_SIZE, sizeof *size, size, NULL);
    return buffer;
}

/* Write `data` repeatedly, until `size` bytes are written. */
static cl_int write_whole(cl_command_queue queue, cl_mem buffer, size_t offset, size_t size, const void *data,
                          size_t data_size)
{
    size_t own = 0, all = 0;
    cl_mem whole;
    char *bytes;
    cl_int status;

    (void)clGetMemObjectInfo(buffer, CL_MEM_SIZE, sizeof own, &own, NULL);
    if (offset > own || size > own - offset || data_size == 0 || size % data_size != 0)
        return CL_INVALID_VALUE;
    whole = whole_of(buffer, &offset, &all);
    bytes = malloc(all);
    if (!bytes)
        return CL_OUT_OF_HOST_MEMORY;
    status = clEnqueueReadBuffer(queue, whole, CL_TRUE, 0, all, bytes, 0, NULL, NULL);
    for (size_t done = 0; done < size; done += data_size)
        memcpy(bytes + offset + done, data, data_size);
    if (status == CL_SUCCESS)
        status = oclgrind_write(queue, whole, 0, all, bytes);
    free(bytes);
    return status;
}

/* The program waits for every write, and never for anything else. */
SHOWN cl_int clEnqueueWriteBuffer(cl_command_queue queue, cl_mem buffer, cl_bool blocking, size_t offset,
                                  size_t size, const void *data, cl_uint waits, const cl_event *wait_list,
                                  cl_event *event)
{
    (void)wait_list;
    if (!blocking || waits > 0 || event)
        return CL_INVALID_OPERATION;
    return write_whole(queue, buffer, offset, size, data, size);
}

SHOWN cl_int clEnqueueFillBuffer(cl_command_queue queue, cl_mem buffer, const void *pattern,
                                 size_t pattern_size, size_t offset, size_t size, cl_uint waits,
                                 const cl_event *wait_list, cl_event *event)
{
    (void)wait_list;
    if (waits > 0 || event)
        return CL_INVALID_OPERATION;
    return write_whole(queue, buffer, offset, size, pattern, pattern_size);
}
