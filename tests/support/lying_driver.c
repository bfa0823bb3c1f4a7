/*
 * For LD_PRELOAD before the ICD loader: makes a driver compile something else than it was given. In the
 * sources of programs every LIE_FIND becomes LIE_PUT, which is as long or shorter. So any kernel can be made
 * wrong on a real device.
 */
#define _GNU_SOURCE
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

typedef CL_API_ENTRY cl_program(CL_API_CALL *create_function)(cl_context, cl_uint, const char **,
                                                              const size_t *, cl_int *);

static void replace(char *text, const char *find, const char *put)
{
    const size_t length = strlen(find), wanted = strlen(put);

    for (char *at = strstr(text, find); at && wanted <= length; at = strstr(at + length, find)) {
        memset(at, ' ', length);
        memcpy(at, put, wanted);
    }
}

__attribute__((visibility("default"))) CL_API_ENTRY cl_program CL_API_CALL clCreateProgramWithSource(
    cl_context context, cl_uint count, const char **strings, const size_t *lengths, cl_int *status)
{
    const char *find = getenv("LIE_FIND"), *put = getenv("LIE_PUT");
    create_function create;
    cl_program program;
    char *text;

    *(void **)&create = dlsym(RTLD_NEXT, "clCreateProgramWithSource");
    if (!find || !put || count != 1)
        return create(context, count, strings, lengths, status);
    text = lengths && lengths[0] ? strndup(strings[0], lengths[0]) : strdup(strings[0]);
    if (!text)
        return create(context, count, strings, lengths, status);
    replace(text, find, put);
    program = create(context, 1, (const char **)&text, NULL, status);
    free(text);
    return program;
}
