/*
 * Devices: listing them, ranking them, and finding the one that a user names. See clr/device.h.
 *
 * Drivers are not trusted to answer: a platform that fails to enumerate is skipped, a device that does
 * not answer a question is listed as not usable.
 */
#include "ocl/device.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ocl/ocl.h"

#define PLATFORMS_MAX 64
#define DEVICES_MAX   256 /* of one platform */
#define SCORE_CLASS   1e9

/* ------------------------------------------------------------------ asking */

/* Answers for one device; the first question that fails is remembered. */
struct query {
    cl_platform_id platform;
    cl_device_id id;
    const char *failed;
    int rc; /* CLR_ENOMEM: that was not the driver's fault */
    struct clr_error *err;
};

static void ask(struct query *q, cl_device_info what, const char *name, void *out, size_t size)
{
    if (clGetDeviceInfo(q->id, what, size, out, NULL) != CL_SUCCESS && !q->failed)
        q->failed = name;
}

#define ASK(q, what, out) ask(q, what, #what, &(out), sizeof(out))

/* Copy without the blanks that some drivers put around their names, and without what would steer a terminal
 * or break a table. */
static void copy_trimmed(char *out, size_t out_size, char *text)
{
    size_t n = strlen(text);

    while (n > 0 && isspace((unsigned char)text[n - 1]))
        text[--n] = '\0';
    while (isspace((unsigned char)*text))
        text++;
    str_copy(out, out_size, text);
    str_make_utf8(out); /* it goes into JSON */
    str_mask_name(out);
}

/* Of the platform, or of the device: the two calls have the same form. */
static cl_int get_text(const struct query *q, cl_uint what, bool of_platform, size_t size, char *out,
                       size_t *size_out)
{
    return of_platform ? clGetPlatformInfo(q->platform, what, size, out, size_out)
                       : clGetDeviceInfo(q->id, what, size, out, size_out);
}

static void ask_text(struct query *q, cl_uint what, const char *name, bool of_platform, char *out,
                     size_t out_size)
{
    size_t size = 0;
    char *text = NULL;
    bool answered = get_text(q, what, of_platform, 0, NULL, &size) == CL_SUCCESS && size <= 65536;

    if (answered && q->rc == 0)
        q->rc = mem_new(&text, size + 1, 1, "a device's names", q->err);
    if (q->rc < 0)
        return;
    answered = answered && get_text(q, what, of_platform, size, text, NULL) == CL_SUCCESS;
    if (answered)
        copy_trimmed(out, out_size, text);
    else if (!q->failed)
        q->failed = name;
    free(text);
}

#define ASK_TEXT(q, what, out)          ask_text(q, what, #what, false, out, sizeof(out))
#define ASK_PLATFORM_TEXT(q, what, out) ask_text(q, what, #what, true, out, sizeof(out))

bool device_version_ok(const char *version, const char *prefix)
{
    size_t n = strlen(prefix);
    char *end;
    long major, minor;

    if (strncmp(version, prefix, n) != 0 || !isdigit((unsigned char)version[n]))
        return false;
    major = strtol(version + n, &end, 10);
    if (*end != '.' || !isdigit((unsigned char)end[1]))
        return false;
    minor = strtol(end + 1, NULL, 10);
    return major > 1 || (major == 1 && minor >= 2);
}

static int saturate(cl_uint v)
{
    return v > 1000000000U ? 1000000000 : (int)v;
}

static int describe(struct clr_device *d, cl_platform_id platform, cl_device_id id, struct clr_error *err)
{
    struct query q = {.platform = platform, .id = id, .err = err};
    cl_device_type type = 0;
    cl_bool available = CL_FALSE, compiler = CL_FALSE, little = CL_FALSE, unified = CL_FALSE;
    cl_uint units = 0, clock = 0, width = 0, align = 0;
    char c_version[128] = "";
    const char *why = NULL;

    d->platform_id = (void *)platform;
    d->device_id = (void *)id;
    ASK_PLATFORM_TEXT(&q, CL_PLATFORM_NAME, d->platform_name);
    ASK_PLATFORM_TEXT(&q, CL_PLATFORM_VERSION, d->platform_version);
    ASK_TEXT(&q, CL_DEVICE_NAME, d->name);
    ASK_TEXT(&q, CL_DEVICE_VENDOR, d->vendor);
    ASK_TEXT(&q, CL_DEVICE_VERSION, d->version);
    ASK_TEXT(&q, CL_DRIVER_VERSION, d->driver);
    ASK_TEXT(&q, CL_DEVICE_OPENCL_C_VERSION, c_version);
    ASK(&q, CL_DEVICE_TYPE, type);
    ASK(&q, CL_DEVICE_AVAILABLE, available);
    ASK(&q, CL_DEVICE_COMPILER_AVAILABLE, compiler);
    ASK(&q, CL_DEVICE_ENDIAN_LITTLE, little);
    ASK(&q, CL_DEVICE_HOST_UNIFIED_MEMORY, unified);
    ASK(&q, CL_DEVICE_MAX_COMPUTE_UNITS, units);
    ASK(&q, CL_DEVICE_MAX_CLOCK_FREQUENCY, clock);
    ASK(&q, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, width);
    ASK(&q, CL_DEVICE_MEM_BASE_ADDR_ALIGN, align);
    ASK(&q, CL_DEVICE_MAX_WORK_GROUP_SIZE, d->max_work_group);
    ASK(&q, CL_DEVICE_GLOBAL_MEM_SIZE, d->global_memory);
    ASK(&q, CL_DEVICE_MAX_MEM_ALLOC_SIZE, d->max_allocation);
    ASK(&q, CL_DEVICE_LOCAL_MEM_SIZE, d->local_memory);

    d->type = type & CL_DEVICE_TYPE_GPU           ? CLR_DEVICE_GPU
              : type & CL_DEVICE_TYPE_CPU         ? CLR_DEVICE_CPU
              : type & CL_DEVICE_TYPE_ACCELERATOR ? CLR_DEVICE_ACCELERATOR
                                                  : CLR_DEVICE_OTHER;
    d->compute_units = saturate(units);
    d->clock_mhz = saturate(clock);
    d->native_float_width = saturate(width);
    d->address_align_bytes = saturate(align) / 8 < 4 ? 4 : saturate(align) / 8;
    d->host_unified_memory = unified != CL_FALSE;

    if (!available)
        why = "not available";
    else if (!compiler)
        why = "its driver has no compiler";
    else if (!little)
        why = "big-endian";
    if (q.failed)
        (void)snprintf(d->why_not, sizeof d->why_not, "the driver does not answer %s", q.failed);
    else if (why)
        str_copy(d->why_not, sizeof d->why_not, why);
    else if (!device_version_ok(d->version, "OpenCL ") || !device_version_ok(c_version, "OpenCL C "))
        (void)snprintf(d->why_not, sizeof d->why_not, "older than OpenCL C 1.2 (%.64s)", c_version);
    d->usable = !d->why_not[0];
    d->score = device_score(d);
    return q.rc;
}

/* ------------------------------------------------------------------ ranking */

bool clr_device_is_software(const struct clr_device *d)
{
    static const char *const names[] = {"llvmpipe", "softpipe", "swrast", "lavapipe", "oclgrind"};

    for (size_t i = 0; i < MEM_COUNT(names); i++)
        if (str_contains_nocase(d->name, names[i]))
            return true;
    return false;
}

int device_loop_limit(const struct clr_device *d)
{
    return str_contains_nocase(d->name, "llvmpipe") ? 65535 : INT_MAX;
}

bool device_is_pocl(const char *platform)
{
    return strcmp(platform, "Portable Computing Language") == 0;
}

bool device_binaries_are_slow(const struct clr_device *d)
{
    return device_is_pocl(d->platform_name);
}

double device_score(const struct clr_device *d)
{
    double speed =
        (double)(d->compute_units > 0 ? d->compute_units : 1) * (double)(d->clock_mhz > 0 ? d->clock_mhz : 1);
    int class;

    if (!d->usable)
        return 0.0;
    if (clr_device_is_software(d))
        class = 1;
    else if (d->type == CLR_DEVICE_GPU)
        class = d->host_unified_memory ? 3 : 5;
    else
        class = d->type == CLR_DEVICE_ACCELERATOR ? 4 : 2;
    return class * SCORE_CLASS + (speed < SCORE_CLASS - 1 ? speed : SCORE_CLASS - 1);
}

/* ------------------------------------------------------------------ choosing */

enum match { MATCH_NONE, MATCH_WEAK, MATCH_PLATFORM, MATCH_PART, MATCH_WHOLE };

/* "P:D"? */
static bool parse_pair(const char *text, int *platform, int *device)
{
    char first[16];
    const char *colon = strchr(text, ':');

    if (!colon || colon == text || (size_t)(colon - text) >= sizeof first)
        return false;
    memcpy(first, text, (size_t)(colon - text));
    first[colon - text] = '\0';
    return str_parse_int(first, 0, 1000000, platform) && str_parse_int(colon + 1, 0, 1000000, device);
}

/*
 * How well a device fits the word. The best fit that any device has decides, so "cpu" means PoCL and not
 * llvmpipe where both are, and a whole name beats the longer names it is part of.
 */
static enum match match_device(const struct clr_device *d, const char *wanted)
{
    int p, n;

    if (parse_pair(wanted, &p, &n))
        return d->platform_index == p && d->device_index == n ? MATCH_WHOLE : MATCH_NONE;
    if (strcasecmp(wanted, "cpu") == 0 || strcasecmp(wanted, "gpu") == 0) {
        enum clr_device_type type =
            tolower((unsigned char)wanted[0]) == 'c' ? CLR_DEVICE_CPU : CLR_DEVICE_GPU;
        if (d->type != type)
            return MATCH_NONE;
        return clr_device_is_software(d) ? MATCH_WEAK : MATCH_WHOLE;
    }
    if (strcasecmp(d->name, wanted) == 0)
        return MATCH_WHOLE;
    if (str_contains_nocase(d->name, wanted))
        return MATCH_PART;
    return str_contains_nocase(d->platform_name, wanted) ? MATCH_PLATFORM : MATCH_NONE;
}

const char *clr_device_type_name(enum clr_device_type type)
{
    static const char *const names[] = {"CPU", "GPU", "accelerator", "other"};

    return (size_t)type < MEM_COUNT(names) ? names[type] : "other";
}

/* "0:0 NAME (CPU), 1:0 NAME (GPU, not usable: …)": those that fit `wanted` as well as `fit`, or all. */
static void append_candidates(struct str *s, const struct clr_device *devices, size_t count,
                              const char *wanted, enum match fit)
{
    const char *comma = "";

    for (size_t i = 0; i < count; i++) {
        const struct clr_device *d = &devices[i];
        if (wanted && (!d->usable || match_device(d, wanted) != fit))
            continue;
        str_append(s, "%s%d:%d %s (%s", comma, d->platform_index, d->device_index, d->name,
                   clr_device_type_name(d->type));
        if (!d->usable)
            str_append(s, ", not usable: %s", d->why_not);
        str_append(s, ")");
        comma = ", ";
    }
}

/* The index of the usable device with the highest score; count: there is none. */
static size_t find_best(const struct clr_device *devices, size_t count)
{
    size_t best = count;

    for (size_t i = 0; i < count; i++)
        if (devices[i].usable && (best == count || devices[i].score > devices[best].score))
            best = i;
    return best;
}

int clr_device_select(size_t *out, const struct clr_device *devices, size_t count, const char *wanted,
                      struct clr_error *err)
{
    enum match best = MATCH_NONE;
    size_t fits = 0, chosen = 0;
    const struct clr_device *unusable = NULL;
    struct str s = {0};
    int rc;

    if (count == 0)
        return clr_error_set(err, CLR_ENODEVICE,
                             "no OpenCL device found; install a driver, for a CPU that is PoCL "
                             "(Debian: apt install pocl-opencl-icd). Where PoCL is installed, it needs a "
                             "cache folder that it can write to: $POCL_CACHE_DIR, $XDG_CACHE_HOME or "
                             "~/.cache");
    if (!wanted) {
        chosen = find_best(devices, count);
        fits = chosen < count;
    }
    for (size_t i = 0; wanted && i < count; i++) {
        enum match m = match_device(&devices[i], wanted);
        if (m == MATCH_NONE)
            continue;
        if (!devices[i].usable) {
            unusable = unusable ? unusable : &devices[i];
            continue;
        }
        if (m > best) {
            best = m;
            fits = 0;
            chosen = i;
        }
        fits += m == best;
    }
    if (fits == 1) {
        *out = chosen;
        return 0;
    }
    append_candidates(&s, devices, count, fits > 1 ? wanted : NULL, best);
    if (!wanted)
        rc = clr_error_set(err, CLR_ENODEVICE, "none of the OpenCL devices can be used: %s", str_text(&s));
    else if (fits > 1)
        rc =
            clr_error_set(err, CLR_ENODEVICE, "device '%s' is ambiguous: %s; give the numbers, as in %d:%d",
                          wanted, str_text(&s), devices[chosen].platform_index, devices[chosen].device_index);
    else if (unusable)
        rc = clr_error_set(err, CLR_ENODEVICE, "device '%s' (%s) cannot be used: %s; there are: %s", wanted,
                           unusable->name, unusable->why_not, str_text(&s));
    else
        rc = clr_error_set(err, CLR_ENODEVICE, "no device matches '%s'; there are: %s", wanted, str_text(&s));
    str_clear(&s);
    return rc;
}

/* ------------------------------------------------------------------ listing */

void device_block_signals(sigset_t *before)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &set, before);
}

int clr_device_list(struct clr_device **out, size_t *count, struct clr_error *err)
{
    cl_platform_id platforms[PLATFORMS_MAX];
    cl_uint platform_count = 0;
    struct clr_device *list = NULL;
    size_t n = 0, capacity = 0;
    sigset_t before;
    cl_int status;
    int rc = 0;

    device_block_signals(&before); /* the first call of a driver starts its threads */
    status = clGetPlatformIDs(PLATFORMS_MAX, platforms, &platform_count);
    if (status == CL_PLATFORM_NOT_FOUND_KHR)
        platform_count = 0;
    else if (status != CL_SUCCESS)
        rc = ocl_error(err, NULL, status, "listing the OpenCL platforms");
    if (rc == 0)
        rc = mem_grow(&list, &capacity, 1, sizeof *list, "device list", err);
    for (cl_uint p = 0; rc == 0 && p < platform_count && p < PLATFORMS_MAX; p++) {
        cl_device_id ids[DEVICES_MAX];
        cl_uint id_count = 0;
        if (clGetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ALL, DEVICES_MAX, ids, &id_count) != CL_SUCCESS)
            continue;
        for (cl_uint d = 0; rc == 0 && d < id_count && d < DEVICES_MAX; d++) {
            rc = mem_grow(&list, &capacity, n + 1, sizeof *list, "device list", err);
            if (rc < 0)
                break;
            list[n].platform_index = (int)p;
            list[n].device_index = (int)d;
            rc = describe(&list[n++], platforms[p], ids[d], err);
        }
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc < 0) {
        free(list);
        return rc;
    }
    *out = list;
    *count = n;
    return 0;
}
