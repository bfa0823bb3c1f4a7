/*
 * Programs and kernels of the pretended driver: see stub_icd.c. Nothing is compiled and nothing runs.
 *
 * A program is identified by a hash of its source and options, HASH, and writes to STUB_OPENCL_FOLDER
 *     HASH.cl         its source
 *     HASH.options    the options it was built with
 *     HASH.kernels    a line per kernel that was created, "NAME 0 0 0", and one per local size it was
 *                     launched with (zeros: left to the driver)
 *     HASH.functions  its kernels, as the C preprocessor and a search for `kernel void` find them; a
 *                     file that is there already is used, so that processes which share a folder
 *                     search once
 *
 * A kernel writes nothing, so results are what was in memory before. With STUB_OPENCL_REPORT it leaves a
 * trace instead: the first float of each buffer that it may write becomes a number from 0 to 1 that depends
 * on the kernel, on its numbers and on the first float of the buffers that it reads. A kernel with an
 * argument `offset` writes the first of its buffers from that element on: its trace is there, and a loss that
 * waits to be read stays as it was. So the results of a run depend on all that it did before, and on nothing
 * else.
 * (.kernels is not written then.)
 */
#define _POSIX_C_SOURCE 200809L
#include "stub_icd.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define KERNELS_MAX   32 /* of one program */
#define ARGUMENTS_MAX 64
#define OPTIONS_LIMIT 16384

struct function {
    char name[128];
    char kinds[ARGUMENTS_MAX +
               1]; /* a letter per argument: w, r: buffer, written or only read; o: offset; - */
    cl_uint arguments;
};
struct _cl_program {
    struct head head;
    cl_context context;
    char *source, *log;
    char options[OPTIONS_LIMIT];
    uint64_t hash;
    bool built;
    struct function functions[KERNELS_MAX];
    int count;
};
struct value {
    unsigned char bytes[16];
    size_t size; /* 0: not set */
};
struct _cl_kernel {
    struct head head;
    cl_program program;
    const struct function *function;
    struct value values[ARGUMENTS_MAX];
    size_t local[3];
    bool launched;
};

/* FNV-1a, continued over more bytes. */
static uint64_t hash_more(uint64_t hash, const void *bytes, size_t size)
{
    const unsigned char *p = bytes;

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ p[i]) * 0x100000001b3U;
    return hash;
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
    return hash_more(hash, text, strlen(text) + 1);
}

#define HASH_BEGIN 0xcbf29ce484222325U

/* ------------------------------------------------------------------ records */

static void path_of(char *out, size_t size, const struct _cl_program *p, const char *suffix)
{
    const char *folder = getenv("STUB_OPENCL_FOLDER");

    (void)snprintf(out, size, "%s/%016llx.%s", folder ? folder : "/nonexistent", (unsigned long long)p->hash,
                   suffix);
}

static FILE *open_record(const struct _cl_program *p, const char *suffix, const char *mode)
{
    char path[4096];

    path_of(path, sizeof path, p, suffix);
    return fopen(path, mode);
}

/* Atomically: other processes may write the same file at this moment. */
static bool record(const struct _cl_program *p, const char *suffix, const char *text)
{
    char path[4096], temporary[4200];
    FILE *f;

    path_of(path, sizeof path, p, suffix);
    (void)snprintf(temporary, sizeof temporary, "%s-%ld", path, (long)getpid());
    f = fopen(temporary, "w");
    return f && fputs(text, f) >= 0 && fclose(f) == 0 && rename(temporary, path) == 0;
}

static void record_kernel(const struct _cl_kernel *k)
{
    FILE *f = is_reporting() ? NULL : open_record(k->program, "kernels", "a");

    if (!f)
        return;
    (void)fprintf(f, "%s %zu %zu %zu\n", k->function->name, k->local[0], k->local[1], k->local[2]);
    (void)fclose(f);
}

/* ------------------------------------------------------------------ contents of a program */

/* Append -D and -I of the options to `out`, each in quotes for the shell. */
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

/* The preprocessed program; NULL where that fails. */
static char *preprocess(const struct _cl_program *p)
{
    char command[2 * OPTIONS_LIMIT], path[4096];
    char *text = NULL, *grown;
    size_t size = 0, got;
    FILE *f;

    path_of(path, sizeof path, p, "cl");
    (void)snprintf(command, sizeof command, "cc -E -P -w -x c -D__OPENCL_VERSION__=120 '%s'", path);
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

static bool has_word(const char *text, size_t size, const char *word)
{
    const size_t n = strlen(word);

    for (size_t i = 0; i + n <= size; i++)
        if (strncmp(text + i, word, n) == 0)
            return true;
    return false;
}

static void add_argument(struct function *f, const char *text, size_t size)
{
    const bool global = has_word(text, size, "global"), constant = has_word(text, size, "const");

    if (f->arguments < ARGUMENTS_MAX)
        f->kinds[f->arguments] = (char)(global && !constant                            ? 'w'
                                        : global || has_word(text, size, "__constant") ? 'r'
                                        : has_word(text, size, " offset")              ? 'o'
                                                                                       : '-');
    f->arguments++;
}

/* "NAME(a, b)" → a name and two arguments; an argument's own brackets hide its commas. */
static void add_function(struct _cl_program *p, const char *text)
{
    struct function *f = &p->functions[p->count];
    const size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    const char *begin;
    int depth = 0;

    if (n == 0 || n >= sizeof f->name || p->count == KERNELS_MAX)
        return;
    *f = (struct function){.arguments = 0};
    memcpy(f->name, text, n);
    text += n;
    text += strspn(text, " \t\n");
    if (*text != '(')
        return;
    begin = text + 1;
    do {
        depth += *text == '(' ? 1 : *text == ')' ? -1 : 0;
        if ((*text == ',' && depth == 1) || depth == 0) {
            add_argument(f, begin, (size_t)(text - begin));
            begin = text + 1;
        }
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

/* Kernels that another process found, or this one earlier. */
static bool read_functions(struct _cl_program *p)
{
    FILE *f = open_record(p, "functions", "r");

    if (!f)
        return false;
    for (p->count = 0; p->count < KERNELS_MAX; p->count++) {
        struct function *g = &p->functions[p->count];
        if (fscanf(f, "%127s %u %64s", g->name, &g->arguments, g->kinds) != 3)
            break;
    }
    (void)fclose(f);
    return true;
}

static bool write_functions(const struct _cl_program *p)
{
    char text[KERNELS_MAX * sizeof(struct function)] = "";
    size_t used = 0;

    for (int i = 0; i < p->count && used < sizeof text; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s %u %s\n", p->functions[i].name,
                                 p->functions[i].arguments, p->functions[i].kinds);
    return record(p, "functions", text);
}

static cl_int find_in_source(struct _cl_program *p)
{
    char *text;

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
    (void)write_functions(p);
    return CL_SUCCESS;
}

/* ------------------------------------------------------------------ programs */

static cl_program make_program(cl_context c, cl_uint count, const char **texts, const size_t *lengths)
{
    cl_program p = new_object(OBJECT_PROGRAM, sizeof *p);
    size_t total = 0;

    for (cl_uint i = 0; i < count; i++)
        total += lengths && lengths[i] > 0 ? lengths[i] : strlen(texts[i]);
    p->context = c;
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
    return p;
}

cl_program CL_API_CALL create_program(cl_context c, cl_uint count, const char **texts, const size_t *lengths,
                                      cl_int *status)
{
    MAY_FAIL_TO_CREATE("clCreateProgramWithSource", status);
    return give(make_program(c, count, texts, lengths), status);
}

/* A binary is the source. */
cl_program CL_API_CALL create_from_binary(cl_context c, cl_uint count, const cl_device_id *devices,
                                          const size_t *sizes, const unsigned char **binaries, cl_int *each,
                                          cl_int *status)
{
    const char *text = (const char *)binaries[0];

    MAY_FAIL_TO_CREATE("clCreateProgramWithBinary", status);
    (void)devices;
    if (count != 1)
        return refuse(status, CL_INVALID_VALUE);
    if (each)
        each[0] = CL_SUCCESS;
    return give(make_program(c, 1, &text, sizes), status);
}

cl_int CL_API_CALL build_program(cl_program p, cl_uint count, const cl_device_id *devices,
                                 const char *options, void(CL_CALLBACK *notify)(cl_program, void *),
                                 void *user)
{
    cl_int status;

    MAY_FAIL("clBuildProgram");
    (void)count, (void)devices, (void)notify, (void)user;
    if (is_interrupted())
        return CL_BUILD_PROGRAM_FAILURE;
    if (snprintf(p->options, sizeof p->options, "%s", options ? options : "") >= (int)sizeof p->options)
        return CL_INVALID_BUILD_OPTIONS;
    p->hash = hash_text(hash_text(HASH_BEGIN, p->source), p->options);
    status = read_functions(p) ? CL_SUCCESS : find_in_source(p);
    if (status != CL_SUCCESS)
        return status;
    p->built = true;
    return CL_SUCCESS;
}

cl_int CL_API_CALL retain_program(cl_program p)
{
    return retain(&p->head);
}

cl_int CL_API_CALL release_program(cl_program p)
{
    if (!release(&p->head))
        return CL_SUCCESS;
    free(p->source);
    free(p->log);
    free(p);
    return CL_SUCCESS;
}

cl_int CL_API_CALL get_program_info(cl_program p, cl_program_info what, size_t size, void *out,
                                    size_t *size_out)
{
    const size_t length = strlen(p->source);

    MAY_FAIL("clGetProgramInfo");
    switch (what) {
    case CL_PROGRAM_NUM_DEVICES:
        return ANSWER(cl_uint, 1);
    case CL_PROGRAM_DEVICES:
        return ANSWER(cl_device_id, &stub_device);
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

cl_int CL_API_CALL get_build_info(cl_program p, cl_device_id d, cl_program_build_info what, size_t size,
                                  void *out, size_t *size_out)
{
    MAY_FAIL("clGetProgramBuildInfo");
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

cl_kernel CL_API_CALL create_kernel(cl_program p, const char *name, cl_int *status)
{
    cl_kernel k;

    MAY_FAIL_TO_CREATE("clCreateKernel", status);
    for (int i = 0; i < p->count; i++) {
        if (strcmp(p->functions[i].name, name) != 0)
            continue;
        k = new_object(OBJECT_KERNEL, sizeof *k);
        k->program = p;
        k->function = &p->functions[i];
        (void)retain(&p->head);
        record_kernel(k);
        return give(k, status);
    }
    return refuse(status, CL_INVALID_KERNEL_NAME);
}

cl_int CL_API_CALL retain_kernel(cl_kernel k)
{
    return retain(&k->head);
}

cl_int CL_API_CALL release_kernel(cl_kernel k)
{
    if (!release(&k->head))
        return CL_SUCCESS;
    (void)release_program(k->program);
    free(k);
    return CL_SUCCESS;
}

cl_int CL_API_CALL get_kernel_info(cl_kernel k, cl_kernel_info what, size_t size, void *out, size_t *size_out)
{
    MAY_FAIL("clGetKernelInfo");
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

/* A kernel's own limits are unknown, as nothing is compiled: the device's limits, and no local memory. */
cl_int CL_API_CALL get_group_info(cl_kernel k, cl_device_id d, cl_kernel_work_group_info what, size_t size,
                                  void *out, size_t *size_out)
{
    MAY_FAIL("clGetKernelWorkGroupInfo");
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

cl_int CL_API_CALL set_argument(cl_kernel k, cl_uint at, size_t size, const void *value)
{
    MAY_FAIL("clSetKernelArg");
    if (at >= k->function->arguments || at >= ARGUMENTS_MAX)
        return CL_INVALID_ARG_INDEX;
    if (size == 0)
        return CL_INVALID_ARG_SIZE;
    k->values[at] = (struct value){.size = size};
    if (value && size <= sizeof k->values[at].bytes)
        memcpy(k->values[at].bytes, value, size);
    return CL_SUCCESS;
}

/* The buffer of an argument; NULL: it is not a buffer, or is not set. */
static cl_mem buffer_of(const struct _cl_kernel *k, cl_uint at)
{
    cl_mem m = NULL;

    if (strchr("wr", k->function->kinds[at]) && k->values[at].size == sizeof m)
        memcpy(&m, k->values[at].bytes, sizeof m);
    return m && m->size >= sizeof(float) ? m : NULL;
}

/* The float at which a kernel begins to write the first of its buffers. */
static size_t offset_of(const struct _cl_kernel *k, cl_uint count)
{
    const char *at = memchr(k->function->kinds, 'o', count);
    cl_int offset = 0;

    if (at)
        memcpy(&offset, k->values[at - k->function->kinds].bytes, sizeof offset);
    return (size_t)offset;
}

static void leave_trace(const struct _cl_kernel *k)
{
    uint64_t hash = hash_text(HASH_BEGIN, k->function->name);
    const cl_uint count = k->function->arguments < ARGUMENTS_MAX ? k->function->arguments : ARGUMENTS_MAX;
    const bool updates = strncmp(k->function->name, "optimizer", 9) == 0; /* reads what it writes */
    size_t offset = offset_of(k, count);

    for (cl_uint a = 0; a < count; a++) {
        const struct _cl_mem *m = buffer_of(k, a);
        if (m && (k->function->kinds[a] == 'r' || updates))
            hash = hash_more(hash, m->bytes, sizeof(float));
        else if (strchr("o-", k->function->kinds[a]))
            hash = hash_more(hash, k->values[a].bytes, k->values[a].size < 16 ? k->values[a].size : 16);
    }
    for (cl_uint a = 0; a < count; a++) {
        const float trace = (float)((hash_more(hash, &a, sizeof a) >> 16) & 0xffff) / 65536.0f;
        cl_mem m = k->function->kinds[a] == 'w' ? buffer_of(k, a) : NULL;
        if (!m)
            continue;
        touch(m);
        if (offset < m->size / sizeof trace)
            memcpy(m->bytes + offset * sizeof trace, &trace, sizeof trace);
        offset = 0;
    }
}

cl_int CL_API_CALL enqueue_kernel(cl_command_queue q, cl_kernel k, cl_uint dimensions, const size_t *offset,
                                  const size_t *global, const size_t *local, cl_uint waits,
                                  const cl_event *events, cl_event *event)
{
    size_t group[3] = {0, 0, 0}, items = 1;

    MAY_FAIL("clEnqueueNDRangeKernel");
    (void)q, (void)offset, (void)waits, (void)events;
    if (dimensions < 1 || dimensions > 3)
        return CL_INVALID_WORK_DIMENSION;
    for (cl_uint a = 0; a < k->function->arguments; a++)
        if (k->values[a].size == 0)
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
        if (local[i] > stub_device.row->group || (i == 2 && local[i] > 64))
            return CL_INVALID_WORK_ITEM_SIZE;
    }
    if (items > stub_device.row->group)
        return CL_INVALID_WORK_GROUP_SIZE;
    if (local && (!k->launched || memcmp(group, k->local, sizeof group) != 0)) {
        memcpy(k->local, group, sizeof group);
        k->launched = true;
        record_kernel(k);
    }
    if (is_reporting())
        leave_trace(k);
    return done(event);
}
