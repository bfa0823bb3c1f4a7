/*
 * An OpenCL driver that pretends: it answers as a chosen device would, keeps buffers in the host's memory,
 * and takes programs and launches without compiling or running anything. So the program under test makes the
 * decisions that it would make on that device, on a machine without it.
 *
 *     OCL_ICD_VENDORS=FOLDER_WITH_AN_ICD_FILE   names this library and no other
 *     STUB_OPENCL_DEVICE=NAME                   a row of the table below
 *     STUB_OPENCL_FOLDER=DIR                    where programs go; must exist, empty
 *
 * Program i (counted from 0) leaves in DIR
 *     i.cl        its source
 *     i.options   the options it was built with
 *     i.kernels   a line per kernel that was taken, "NAME 0 0 0", and one per local size it was launched
 *                 with (zeros: left to the driver)
 *
 * What a real driver refuses is refused: a kernel that is not in the source (the C preprocessor and a search
 * for `kernel void` find them), a wrong number of arguments, an argument not set, a local size beyond the
 * device's limits or one that does not divide the global size, accesses beyond a buffer. A kernel writes
 * nothing, so results are what was in memory before.
 *
 * Calls that nobody here makes are missing from the dispatch table. Not thread-safe.
 */
#define CL_TARGET_OPENCL_VERSION 120
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl_icd.h>

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN         __attribute__((visibility("default")))
#define KERNELS_MAX   32 /* of one program */
#define ARGUMENTS_MAX 64
#define OPTIONS_LIMIT 16384
#define MB            (1024ULL * 1024ULL)
#define COUNT(array)  (sizeof(array) / sizeof *(array))

/* ------------------------------------------------------------------ devices */

static const struct device_row {
    const char *id; /* of STUB_OPENCL_DEVICE */
    const char *name, *vendor, *platform;
    bool unified; /* shares the host's memory */
    cl_uint units, clock_mhz;
    cl_ulong memory, local; /* bytes */
    size_t group;           /* work-items of a work-group */
} rows[] = {
    /* Units, clock and memory: the makers' data sheets. Limits: what their drivers answer. */
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

/* The loader finds the table through the first word of every object. */
struct head {
    const cl_icd_dispatch *table;
    int users;
};

struct _cl_platform_id {
    struct head head;
};
struct _cl_device_id {
    struct head head;
    const struct device_row *row;
};
struct _cl_context {
    struct head head;
};
struct _cl_command_queue {
    struct head head;
    cl_context context;
    cl_command_queue_properties properties;
};
struct _cl_mem {
    struct head head;
    cl_context context;
    cl_mem parent; /* of a part of a buffer */
    unsigned char *bytes;
    size_t size;
    bool borrowed; /* not ours to free */
    bool touched;  /* may hold something else than zeros */
};
struct _cl_event {
    struct head head;
};
struct function {
    char name[128];
    cl_uint arguments;
};
struct _cl_program {
    struct head head;
    cl_context context;
    char *source, *log;
    char options[OPTIONS_LIMIT];
    int number;
    bool built;
    struct function functions[KERNELS_MAX];
    int count;
};
struct _cl_kernel {
    struct head head;
    cl_program program;
    const struct function *function;
    bool set[ARGUMENTS_MAX];
    size_t local[3];
    bool launched;
};

static const cl_icd_dispatch dispatch;
static struct _cl_platform_id platform = {{&dispatch, 1}};
static struct _cl_device_id device = {{&dispatch, 1}, NULL};
static int programs;

static void *new_object(size_t size)
{
    struct head *h = calloc(1, size);

    if (!h)
        abort(); /* a test without memory has nothing left to say */
    h->table = &dispatch;
    h->users = 1;
    return h;
}

static void *give(void *object, cl_int *status)
{
    if (status)
        *status = object ? CL_SUCCESS : CL_INVALID_VALUE;
    return object;
}

static void *refuse(cl_int *status, cl_int why)
{
    if (status)
        *status = why;
    return NULL;
}

static cl_int retain(struct head *h)
{
    h->users++;
    return CL_SUCCESS;
}

/* true: that was the last user. */
static bool release(struct head *h)
{
    return --h->users == 0;
}

/* ------------------------------------------------------------------ answers */

static cl_int answer(const void *value, size_t value_size, size_t size, void *out, size_t *size_out)
{
    if (out && size < value_size)
        return CL_INVALID_VALUE;
    if (out)
        memcpy(out, value, value_size);
    if (size_out)
        *size_out = value_size;
    return CL_SUCCESS;
}

#define ANSWER(type, v) answer(&(type){v}, sizeof(type), size, out, size_out)
#define ANSWER_TEXT(t)  answer(t, strlen(t) + 1, size, out, size_out)

static cl_int CL_API_CALL get_platform_info(cl_platform_id p, cl_platform_info what, size_t size, void *out,
                                            size_t *size_out)
{
    (void)p;
    switch (what) {
    case CL_PLATFORM_NAME:
        return ANSWER_TEXT(device.row->platform);
    case CL_PLATFORM_VENDOR:
        return ANSWER_TEXT(device.row->vendor);
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
    const struct device_row *r = device.row;

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
    switch (what) {
    case CL_DEVICE_TYPE:
        return ANSWER(cl_device_type, CL_DEVICE_TYPE_GPU);
    case CL_DEVICE_NAME:
        return ANSWER_TEXT(d->row->name);
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
    (void)p;
    if (!(type & (CL_DEVICE_TYPE_GPU | CL_DEVICE_TYPE_DEFAULT)))
        return CL_DEVICE_NOT_FOUND;
    if (out && room > 0)
        out[0] = &device;
    if (count)
        *count = 1;
    return CL_SUCCESS;
}

/* ------------------------------------------------------------------ contexts, queues, events */

static cl_context CL_API_CALL create_context(
    const cl_context_properties *properties, cl_uint count, const cl_device_id *devices,
    void(CL_CALLBACK *notify)(const char *, const void *, size_t, void *), void *user, cl_int *status)
{
    (void)properties, (void)count, (void)devices, (void)notify, (void)user;
    return give(new_object(sizeof(struct _cl_context)), status);
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
    (void)c;
    switch (what) {
    case CL_CONTEXT_NUM_DEVICES:
        return ANSWER(cl_uint, 1);
    case CL_CONTEXT_DEVICES:
        return ANSWER(cl_device_id, &device);
    default:
        return CL_INVALID_VALUE;
    }
}

static cl_command_queue CL_API_CALL create_queue(cl_context c, cl_device_id d,
                                                 cl_command_queue_properties properties, cl_int *status)
{
    cl_command_queue q = new_object(sizeof *q);

    (void)d;
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
    switch (what) {
    case CL_QUEUE_CONTEXT:
        return ANSWER(cl_context, q->context);
    case CL_QUEUE_DEVICE:
        return ANSWER(cl_device_id, &device);
    case CL_QUEUE_PROPERTIES:
        return ANSWER(cl_command_queue_properties, q->properties);
    default:
        return CL_INVALID_VALUE;
    }
}

static cl_int CL_API_CALL flush_or_finish(cl_command_queue q)
{
    (void)q;
    return CL_SUCCESS;
}

/* Whatever was enqueued is done. */
static cl_int done(cl_event *event)
{
    if (event)
        *event = new_object(sizeof(struct _cl_event));
    return CL_SUCCESS;
}

static cl_int CL_API_CALL wait_for_events(cl_uint count, const cl_event *events)
{
    (void)count, (void)events;
    return CL_SUCCESS;
}

static cl_int CL_API_CALL get_event_info(cl_event e, cl_event_info what, size_t size, void *out,
                                         size_t *size_out)
{
    (void)e;
    return what == CL_EVENT_COMMAND_EXECUTION_STATUS ? ANSWER(cl_int, CL_COMPLETE) : CL_INVALID_VALUE;
}

static cl_int CL_API_CALL get_profiling_info(cl_event e, cl_profiling_info what, size_t size, void *out,
                                             size_t *size_out)
{
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
    (void)q, (void)waits, (void)wait;
    return done(event);
}

/* ------------------------------------------------------------------ buffers */

static cl_mem CL_API_CALL create_buffer(cl_context c, cl_mem_flags flags, size_t size, void *host,
                                        cl_int *status)
{
    cl_mem m;

    if (size == 0 || size > device.row->memory / 4)
        return refuse(status, CL_INVALID_BUFFER_SIZE);
    m = new_object(sizeof *m);
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

    (void)flags, (void)type;
    if (region->size == 0 || region->origin > parent->size || region->size > parent->size - region->origin)
        return refuse(status, CL_INVALID_VALUE);
    if (region->origin % (4096 / 8) != 0)
        return refuse(status, CL_MISALIGNED_SUB_BUFFER_OFFSET);
    m = new_object(sizeof *m);
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
    switch (what) {
    case CL_MEM_SIZE:
        return ANSWER(size_t, m->size);
    case CL_MEM_CONTEXT:
        return ANSWER(cl_context, m->context);
    default:
        return CL_INVALID_VALUE;
    }
}

/* Somebody writes: whole nets hold only zeros here, which cost neither time nor memory until then. */
static void touch(cl_mem m)
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

/* ------------------------------------------------------------------ programs */

static FILE *open_record(const struct _cl_program *p, const char *suffix, const char *mode)
{
    const char *folder = getenv("STUB_OPENCL_FOLDER");
    char path[4096];

    (void)snprintf(path, sizeof path, "%s/%d.%s", folder ? folder : "/nonexistent", p->number, suffix);
    return fopen(path, mode);
}

static bool record(const struct _cl_program *p, const char *suffix, const char *text)
{
    FILE *f = open_record(p, suffix, "w");

    return f && fputs(text, f) >= 0 && fclose(f) == 0;
}

static void record_kernel(const struct _cl_kernel *k)
{
    FILE *f = open_record(k->program, "kernels", "a");

    if (!f)
        return;
    (void)fprintf(f, "%s %zu %zu %zu\n", k->function->name, k->local[0], k->local[1], k->local[2]);
    (void)fclose(f);
}

static cl_program CL_API_CALL create_program(cl_context c, cl_uint count, const char **texts,
                                             const size_t *lengths, cl_int *status)
{
    cl_program p = new_object(sizeof *p);
    size_t total = 0;

    for (cl_uint i = 0; i < count; i++)
        total += lengths && lengths[i] > 0 ? lengths[i] : strlen(texts[i]);
    p->context = c;
    p->number = programs++;
    p->log = calloc(1, 256);
    p->source = calloc(1, total + 1);
    if (!p->source || !p->log)
        abort();
    total = 0;
    for (cl_uint i = 0; i < count; i++) {
        const size_t n = lengths && lengths[i] > 0 ? lengths[i] : strlen(texts[i]);
        memcpy(p->source + total, texts[i], n);
        total += n;
    }
    return give(p, status);
}

/* A binary is the source. */
static cl_program CL_API_CALL create_from_binary(cl_context c, cl_uint count, const cl_device_id *devices,
                                                 const size_t *sizes, const unsigned char **binaries,
                                                 cl_int *each, cl_int *status)
{
    const char *text = (const char *)binaries[0];

    (void)devices;
    if (count != 1)
        return refuse(status, CL_INVALID_VALUE);
    if (each)
        each[0] = CL_SUCCESS;
    return create_program(c, 1, &text, sizes, status);
}

/* -D and -I of the options, each in quotes for the shell, go behind what is in `out`. */
static bool append_macros(char *out, size_t room, const char *options)
{
    size_t used = strlen(out);

    while (*options) {
        const size_t n = strcspn(options, " ");
        if (strncmp(options, "-D", 2) == 0 || strncmp(options, "-I", 2) == 0) {
            const int got = snprintf(out + used, room - used, " '%.*s'", (int)n, options);
            if (got < 0 || (size_t)got >= room - used || memchr(options, '\'', n))
                return false;
            used += (size_t)got;
        }
        options += n;
        options += strspn(options, " ");
    }
    return true;
}

/* What the preprocessor leaves of the program; NULL where it fails. */
static char *preprocess(const struct _cl_program *p)
{
    char command[2 * OPTIONS_LIMIT];
    char *text = NULL, *grown;
    size_t size = 0, got;
    FILE *f;

    (void)snprintf(command, sizeof command, "cc -E -P -w -x c -D__OPENCL_VERSION__=120 '%s/%d.cl'",
                   getenv("STUB_OPENCL_FOLDER"), p->number);
    f = append_macros(command, sizeof command, p->options) ? popen(command, "r") : NULL;
    if (!f)
        return NULL;
    do {
        grown = realloc(text, size + 65537);
        if (!grown)
            abort();
        text = grown;
        got = fread(text + size, 1, 65536, f);
        size += got;
    } while (got > 0);
    text[size] = '\0';
    if (pclose(f) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

/* "NAME(a, b)" → a name and two arguments; an argument's own brackets hide its commas. */
static void add_function(struct _cl_program *p, const char *text)
{
    struct function *f = &p->functions[p->count];
    const size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    int depth = 0;

    if (n == 0 || n >= sizeof f->name || p->count == KERNELS_MAX)
        return;
    memcpy(f->name, text, n);
    text += n;
    text += strspn(text, " \t\n");
    if (*text != '(')
        return;
    f->arguments = 1;
    do {
        depth += *text == '(' ? 1 : *text == ')' ? -1 : 0;
        f->arguments += *text == ',' && depth == 1;
        text++;
    } while (*text && depth > 0);
    p->count++;
}

/* Kernels are functions that return nothing and carry the word kernel or __kernel somewhere before that. */
static void find_functions(struct _cl_program *p, const char *text)
{
    for (const char *at = text; (at = strstr(at, "kernel")); at += 6) {
        const char *before = at == text ? "" : at - 1, *begin, *body;
        if (*before && *before != '_' && !isspace((unsigned char)*before) && *before != '}' && *before != ';')
            continue;
        if (!isspace((unsigned char)at[6]))
            continue;
        begin = strstr(at, "void");
        while (begin && !isspace((unsigned char)begin[4]))
            begin = strstr(begin + 4, "void");
        body = strpbrk(at, "{;");
        if (!begin || !body || begin > body)
            continue;
        begin += 4;
        begin += strspn(begin, " \t\n");
        /* void __attribute__((…)) NAME */
        while (strncmp(begin, "__attribute__", 13) == 0) {
            int depth = 0;
            begin += strcspn(begin, "(");
            do {
                depth += *begin == '(' ? 1 : *begin == ')' ? -1 : 0;
                begin++;
            } while (*begin && depth > 0);
            begin += strspn(begin, " \t\n");
        }
        add_function(p, begin);
    }
}

static cl_int CL_API_CALL build_program(cl_program p, cl_uint count, const cl_device_id *devices,
                                        const char *options, void(CL_CALLBACK *notify)(cl_program, void *),
                                        void *user)
{
    char *text;

    (void)count, (void)devices, (void)notify, (void)user;
    if (snprintf(p->options, sizeof p->options, "%s", options ? options : "") >= (int)sizeof p->options)
        return CL_INVALID_BUILD_OPTIONS;
    if (!record(p, "cl", p->source) || !record(p, "options", p->options)) {
        (void)snprintf(p->log, 256, "error: cannot write into STUB_OPENCL_FOLDER");
        return CL_BUILD_PROGRAM_FAILURE;
    }
    text = preprocess(p);
    if (!text) {
        (void)snprintf(p->log, 256, "error: the preprocessor failed");
        return CL_BUILD_PROGRAM_FAILURE;
    }
    p->count = 0;
    find_functions(p, text);
    free(text);
    p->built = true;
    return CL_SUCCESS;
}

static cl_int CL_API_CALL retain_program(cl_program p)
{
    return retain(&p->head);
}

static cl_int CL_API_CALL release_program(cl_program p)
{
    if (!release(&p->head))
        return CL_SUCCESS;
    free(p->source);
    free(p->log);
    free(p);
    return CL_SUCCESS;
}

static cl_int CL_API_CALL get_program_info(cl_program p, cl_program_info what, size_t size, void *out,
                                           size_t *size_out)
{
    const size_t length = strlen(p->source);

    switch (what) {
    case CL_PROGRAM_NUM_DEVICES:
        return ANSWER(cl_uint, 1);
    case CL_PROGRAM_DEVICES:
        return ANSWER(cl_device_id, &device);
    case CL_PROGRAM_SOURCE:
        return ANSWER_TEXT(p->source);
    case CL_PROGRAM_BINARY_SIZES:
        return ANSWER(size_t, length);
    case CL_PROGRAM_BINARIES:
        if (out)
            memcpy(((unsigned char **)out)[0], p->source, length);
        return CL_SUCCESS;
    default:
        return CL_INVALID_VALUE;
    }
}

static cl_int CL_API_CALL get_build_info(cl_program p, cl_device_id d, cl_program_build_info what,
                                         size_t size, void *out, size_t *size_out)
{
    (void)d;
    switch (what) {
    case CL_PROGRAM_BUILD_STATUS:
        return ANSWER(cl_build_status, p->built ? CL_BUILD_SUCCESS : CL_BUILD_ERROR);
    case CL_PROGRAM_BUILD_LOG:
        return ANSWER_TEXT(p->log);
    case CL_PROGRAM_BUILD_OPTIONS:
        return ANSWER_TEXT(p->options);
    default:
        return CL_INVALID_VALUE;
    }
}

/* ------------------------------------------------------------------ kernels */

static cl_kernel CL_API_CALL create_kernel(cl_program p, const char *name, cl_int *status)
{
    cl_kernel k;

    for (int i = 0; i < p->count; i++) {
        if (strcmp(p->functions[i].name, name) != 0)
            continue;
        k = new_object(sizeof *k);
        k->program = p;
        k->function = &p->functions[i];
        (void)retain(&p->head);
        record_kernel(k);
        return give(k, status);
    }
    return refuse(status, CL_INVALID_KERNEL_NAME);
}

static cl_int CL_API_CALL retain_kernel(cl_kernel k)
{
    return retain(&k->head);
}

static cl_int CL_API_CALL release_kernel(cl_kernel k)
{
    if (!release(&k->head))
        return CL_SUCCESS;
    (void)release_program(k->program);
    free(k);
    return CL_SUCCESS;
}

static cl_int CL_API_CALL get_kernel_info(cl_kernel k, cl_kernel_info what, size_t size, void *out,
                                          size_t *size_out)
{
    switch (what) {
    case CL_KERNEL_FUNCTION_NAME:
        return ANSWER_TEXT(k->function->name);
    case CL_KERNEL_NUM_ARGS:
        return ANSWER(cl_uint, k->function->arguments);
    case CL_KERNEL_CONTEXT:
        return ANSWER(cl_context, k->program->context);
    case CL_KERNEL_PROGRAM:
        return ANSWER(cl_program, k->program);
    default:
        return CL_INVALID_VALUE;
    }
}

/* No kernel's own limits are known before it is compiled: the device's, and no local memory. */
static cl_int CL_API_CALL get_group_info(cl_kernel k, cl_device_id d, cl_kernel_work_group_info what,
                                         size_t size, void *out, size_t *size_out)
{
    (void)k;
    switch (what) {
    case CL_KERNEL_WORK_GROUP_SIZE:
        return ANSWER(size_t, d->row->group);
    case CL_KERNEL_COMPILE_WORK_GROUP_SIZE:
        return answer((size_t[3]){0}, sizeof(size_t[3]), size, out, size_out);
    case CL_KERNEL_PREFERRED_WORK_GROUP_SIZE_MULTIPLE:
        return ANSWER(size_t, 32);
    case CL_KERNEL_LOCAL_MEM_SIZE:
    case CL_KERNEL_PRIVATE_MEM_SIZE:
        return ANSWER(cl_ulong, 0);
    default:
        return CL_INVALID_VALUE;
    }
}

static cl_int CL_API_CALL set_argument(cl_kernel k, cl_uint at, size_t size, const void *value)
{
    if (at >= k->function->arguments || at >= ARGUMENTS_MAX)
        return CL_INVALID_ARG_INDEX;
    if (size == 0)
        return CL_INVALID_ARG_SIZE;
    (void)value;
    k->set[at] = true;
    return CL_SUCCESS;
}

static cl_int CL_API_CALL enqueue_kernel(cl_command_queue q, cl_kernel k, cl_uint dimensions,
                                         const size_t *offset, const size_t *global, const size_t *local,
                                         cl_uint waits, const cl_event *events, cl_event *event)
{
    size_t group[3] = {0, 0, 0}, items = 1;

    (void)q, (void)offset, (void)waits, (void)events;
    if (dimensions < 1 || dimensions > 3)
        return CL_INVALID_WORK_DIMENSION;
    for (cl_uint a = 0; a < k->function->arguments; a++)
        if (!k->set[a])
            return CL_INVALID_KERNEL_ARGS;
    for (cl_uint i = 0; i < dimensions; i++) {
        if (global[i] == 0)
            return CL_INVALID_GLOBAL_WORK_SIZE;
        if (!local)
            continue;
        group[i] = local[i];
        items *= local[i];
        if (local[i] == 0 || global[i] % local[i] != 0)
            return CL_INVALID_WORK_GROUP_SIZE;
        if (local[i] > device.row->group || (i == 2 && local[i] > 64))
            return CL_INVALID_WORK_ITEM_SIZE;
    }
    if (items > device.row->group)
        return CL_INVALID_WORK_GROUP_SIZE;
    if (local && (!k->launched || memcmp(group, k->local, sizeof group) != 0)) {
        memcpy(k->local, group, sizeof group);
        k->launched = true;
        record_kernel(k);
    }
    return done(event);
}

/* ------------------------------------------------------------------ the loader's way in */

static const cl_icd_dispatch dispatch = {
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
    .clFlush = flush_or_finish,
    .clFinish = flush_or_finish,
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

    for (size_t i = 0; wanted && i < COUNT(rows); i++)
        if (strcmp(rows[i].id, wanted) == 0)
            device.row = &rows[i];
    if (!device.row)
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
