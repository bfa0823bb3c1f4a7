/*
 * Run a kernel that is wrong in one way, and then, in a context of its own, a correct one:
 *
 *     wrong_kernels right|race|bounds|unwritten [hang]    hang: in between, longer than any time limit
 *
 * For oclgrind_test.sh, which checks the reports. Exit status 0: all of OpenCL's calls succeeded.
 */
#define CL_TARGET_OPENCL_VERSION 120
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <CL/cl.h>

#define ITEMS 8

/* Each reverses the order of its group's values. */
static const char source[] =
    "#define ME get_local_id(0)\n"
    "#define DONE barrier(CLK_LOCAL_MEM_FENCE)\n"
    "kernel void right(global int *out) { local int l[8]; l[ME] = ME; DONE; out[ME] = l[7 - ME]; }\n"
    "kernel void race(global int *out) { local int l[8]; l[ME] = ME; out[ME] = l[7 - ME]; }\n"
    "kernel void bounds(global int *out) { local int l[8]; l[ME] = ME; DONE; out[ME + 1] = l[7 - ME]; }\n"
    "kernel void unwritten(global int *out)\n"
    "{ local int l[8]; if (ME != 3) l[ME] = ME; DONE; out[ME] = l[7 - ME]; }\n";

static cl_int launch(cl_context context, cl_device_id device, const char *name)
{
    const cl_int zeros[ITEMS] = {0};
    const char *text = source;
    const size_t items = ITEMS;
    cl_int status, ended = CL_SUCCESS;
    cl_command_queue queue = clCreateCommandQueue(context, device, 0, &status);
    cl_mem out = clCreateBuffer(context, CL_MEM_READ_WRITE, sizeof zeros, NULL, &status);
    cl_program program = clCreateProgramWithSource(context, 1, &text, NULL, &status);
    cl_kernel kernel;

    status = clBuildProgram(program, 1, &device, NULL, NULL, NULL);
    kernel = status == CL_SUCCESS ? clCreateKernel(program, name, &status) : NULL;
    if (kernel) {
        status = clEnqueueWriteBuffer(queue, out, CL_TRUE, 0, sizeof zeros, zeros, 0, NULL, NULL);
        status |= clSetKernelArg(kernel, 0, sizeof out, &out);
        status |= clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &items, &items, 0, NULL, NULL);
        ended = clFinish(queue);
        (void)clReleaseKernel(kernel);
    }
    (void)clReleaseProgram(program);
    (void)clReleaseMemObject(out);
    (void)clReleaseCommandQueue(queue);
    return status != CL_SUCCESS ? status : ended;
}

static cl_int run(const char *name)
{
    cl_platform_id platform = NULL;
    cl_device_id device = NULL;
    cl_context context;
    cl_int status = clGetPlatformIDs(1, &platform, NULL);

    if (status == CL_SUCCESS)
        status = clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &device, NULL);
    if (status != CL_SUCCESS)
        return status;
    context = clCreateContext(NULL, 1, &device, NULL, NULL, &status);
    if (!context)
        return status;
    status = launch(context, device, name);
    (void)clReleaseContext(context);
    return status;
}

int main(int argc, char **argv)
{
    cl_int status = argc > 1 ? run(argv[1]) : CL_INVALID_VALUE;

    if (argc > 2 && strcmp(argv[2], "hang") == 0)
        (void)sleep(3600);
    if (status == CL_SUCCESS)
        status = run("right");
    if (status != CL_SUCCESS)
        printf("OpenCL says %d\n", (int)status);
    return status == CL_SUCCESS ? 0 : 2;
}
