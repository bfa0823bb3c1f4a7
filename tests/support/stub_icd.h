/*
 * What the files of the pretended driver share: stub_icd.c (devices, queues, buffers, the table of calls),
 * stub_programs.c (programs, kernels, launches), stub_faults.c (calls that fail, unreleased objects).
 */
#ifndef STUB_ICD_H
#define STUB_ICD_H

#define CL_TARGET_OPENCL_VERSION 120
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl_icd.h>

#include <stdbool.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ------------------------------------------------------------------ objects */

enum object_kind {
    OBJECT_CONTEXT,
    OBJECT_QUEUE,
    OBJECT_BUFFER,
    OBJECT_EVENT,
    OBJECT_PROGRAM,
    OBJECT_KERNEL,
    OBJECT_KINDS
};

/* The loader finds the table through the first word of every object. */
struct head {
    const cl_icd_dispatch *table;
    int users;
    enum object_kind kind;
};

struct device_row {
    const char *id; /* of STUB_OPENCL_DEVICE */
    const char *name, *vendor, *platform;
    bool unified; /* shares the host's memory */
    cl_uint units, clock_mhz;
    cl_ulong memory, local; /* bytes */
    size_t group;           /* work-items of a work-group */
};

struct _cl_device_id {
    struct head head;
    const struct device_row *row;
};
struct _cl_mem {
    struct head head;
    cl_context context;
    cl_mem parent; /* of a part of a buffer */
    unsigned char *bytes;
    size_t size;
    bool borrowed; /* not ours to free */
    bool touched;  /* may have values other than zero */
};

extern const cl_icd_dispatch stub_dispatch;
extern struct _cl_device_id stub_device;

/* One user, zeros after the head. */
void *new_object(enum object_kind kind, size_t size);
cl_int retain(struct head *h);
/* true: that was the last user. */
bool release(struct head *h);

/* Result of calls that create an object. */
void *give(void *object, cl_int *status);
void *refuse(cl_int *status, cl_int why);

/* ------------------------------------------------------------------ answers */

cl_int answer(const void *value, size_t value_size, size_t size, void *out, size_t *size_out);

#define ANSWER(type, v) answer(&(type){v}, sizeof(type), size, out, size_out)
#define ANSWER_TEXT(t)  answer(t, strlen(t) + 1, size, out, size_out)

/* Before a write: until then a buffer is all zeros, which cost neither time nor memory. */
void touch(cl_mem m);
/* All that was enqueued is done. */
cl_int done(cl_event *event);

/* ------------------------------------------------------------------ programs */

cl_program CL_API_CALL create_program(cl_context c, cl_uint count, const char **texts, const size_t *lengths,
                                      cl_int *status);
cl_program CL_API_CALL create_from_binary(cl_context c, cl_uint count, const cl_device_id *devices,
                                          const size_t *sizes, const unsigned char **binaries, cl_int *each,
                                          cl_int *status);
cl_int CL_API_CALL build_program(cl_program p, cl_uint count, const cl_device_id *devices,
                                 const char *options, void(CL_CALLBACK *notify)(cl_program, void *),
                                 void *user);
cl_int CL_API_CALL retain_program(cl_program p);
cl_int CL_API_CALL release_program(cl_program p);
cl_int CL_API_CALL get_program_info(cl_program p, cl_program_info what, size_t size, void *out,
                                    size_t *size_out);
cl_int CL_API_CALL get_build_info(cl_program p, cl_device_id d, cl_program_build_info what, size_t size,
                                  void *out, size_t *size_out);
cl_kernel CL_API_CALL create_kernel(cl_program p, const char *name, cl_int *status);
cl_int CL_API_CALL retain_kernel(cl_kernel k);
cl_int CL_API_CALL release_kernel(cl_kernel k);
cl_int CL_API_CALL get_kernel_info(cl_kernel k, cl_kernel_info what, size_t size, void *out,
                                   size_t *size_out);
cl_int CL_API_CALL get_group_info(cl_kernel k, cl_device_id d, cl_kernel_work_group_info what, size_t size,
                                  void *out, size_t *size_out);
cl_int CL_API_CALL set_argument(cl_kernel k, cl_uint at, size_t size, const void *value);
cl_int CL_API_CALL enqueue_kernel(cl_command_queue q, cl_kernel k, cl_uint dimensions, const size_t *offset,
                                  const size_t *global, const size_t *local, cl_uint waits,
                                  const cl_event *events, cl_event *event);

/* ------------------------------------------------------------------ faults */

/* Is there a STUB_OPENCL_REPORT? Then objects and calls are counted, and kernels leave a trace. */
bool is_reporting(void);

/* Count a call of `name`; returns the error that it must fail with, or CL_SUCCESS. */
cl_int count_call(const char *name);
/* Is this build of a program the one that STUB_OPENCL_INTERRUPT names? Then SIGINT was raised. */
bool is_interrupted(void);
/* Change the number of unreleased objects of a kind by that. */
void count_object(enum object_kind kind, int change);

/* The first line of every call that may fail; in those that create something, with the place of the status.
 */
#define MAY_FAIL(name)                                                                                       \
    do {                                                                                                     \
        const cl_int fault = count_call(name);                                                               \
        if (fault != CL_SUCCESS)                                                                             \
            return fault;                                                                                    \
    } while (0)
#define MAY_FAIL_TO_CREATE(name, status)                                                                     \
    do {                                                                                                     \
        const cl_int fault = count_call(name);                                                               \
        if (fault != CL_SUCCESS)                                                                             \
            return refuse(status, fault);                                                                    \
    } while (0)

#endif
