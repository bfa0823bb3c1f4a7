/**
 * OpenCL devices: which there are, and which one is the default.
 */
#ifndef CLR_DEVICE_H
#define CLR_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <clr/error.h>

enum clr_device_type { CLR_DEVICE_CPU, CLR_DEVICE_GPU, CLR_DEVICE_ACCELERATOR, CLR_DEVICE_OTHER };

struct clr_device {
    int platform_index, device_index; /**< "P:D" on the command line */
    enum clr_device_type type;
    char name[128], vendor[128], version[128], driver[128];
    char platform_name[128], platform_version[128];
    int compute_units, clock_mhz;
    int native_float_width; /**< CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT */
    size_t max_work_group;
    uint64_t global_memory, max_allocation, local_memory; /**< bytes */
    int address_align_bytes;                              /**< CL_DEVICE_MEM_BASE_ADDR_ALIGN / 8 */
    bool host_unified_memory;
    bool usable;                   /**< available, with a compiler, little-endian, OpenCL C 1.2 */
    char why_not[128];             /**< why it is not usable; else "" */
    double score;                  /**< the highest usable one is the default */
    void *platform_id, *device_id; /**< cl_platform_id, cl_device_id */
};

/** "CPU", "GPU", "accelerator", "other": static storage. */
CLR_API const char *clr_device_type_name(enum clr_device_type type);

/** Is it a software renderer or a simulator, which is slower than the CPU's own driver: llvmpipe, softpipe,
 * Oclgrind? */
CLR_API bool clr_device_is_software(const struct clr_device *d);

/**
 * All devices of all platforms, in the ICD's order. No platform is no error: the list is empty.
 *
 * @param out    new array, free with free(); the devices in it may be copied
 * @param count  out, how many they are
 * @return 0; CLR_ECL: the platforms cannot be listed; CLR_ENOMEM
 */
CLR_API int clr_device_list(struct clr_device **out, size_t *count, struct clr_error *err);

/**
 * Choose a device.
 *
 * Score: usable devices only; discrete GPU before accelerator before integrated GPU before CPU, then compute
 * units × clock; software renderers (llvmpipe) last.
 *
 * @param out     index into `devices`
 * @param wanted  "P:D", "cpu", "gpu", part of a name (any case), or NULL: the best score
 * @return 0; CLR_ENODEVICE: none, no match or ambiguous; the message lists the candidates
 */
CLR_API int clr_device_select(size_t *out, const struct clr_device *devices, size_t count, const char *wanted,
                              struct clr_error *err);

#endif
