/*
 * Reading and writing safetensors: see safetensors.h. The data must be covered by the tensors exactly, in any
 * order, as the format demands; the header is read by jansson, which refuses what is not JSON or not UTF-8.
 */
#include "net/safetensors.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/fs.h"
#include "base/json.h"

#define LIMIT_FILE    ((size_t)4 << 30)
#define LIMIT_HEADER  ((uint64_t)4 << 20)
#define LIMIT_TENSORS ((size_t)65536)

/* ------------------------------------------------------------------ bytes */

/* Little-endian float32 to the host's order, or back, in place: on most hosts nothing happens. */
static void swap_to_little(char *bytes, size_t floats)
{
    const uint32_t probe = 1;
    char first;

    memcpy(&first, &probe, 1);
    if (first == 1)
        return;
    for (size_t i = 0; i < floats; i++, bytes += 4) {
        char a = bytes[0], b = bytes[1];
        bytes[0] = bytes[3];
        bytes[1] = bytes[2];
        bytes[2] = b;
        bytes[3] = a;
    }
}

/* ------------------------------------------------------------------ types of numbers */

/* IEEE 754's binary16, or its larger part of binary32: all are numbers of float32, too. */
static double load_f16(const char *bytes)
{
    const unsigned char *in = (const unsigned char *)bytes;
    const int exponent = in[1] >> 2 & 31, fraction = (in[1] & 3) << 8 | in[0];
    const double v = exponent == 31  ? (fraction ? (double)NAN : (double)INFINITY)
                     : exponent == 0 ? ldexp(fraction, -24)
                                     : ldexp(fraction + 1024, exponent - 25);

    return in[1] & 0x80 ? -v : v;
}

static uint32_t load_u32(const char *bytes)
{
    const unsigned char *in = (const unsigned char *)bytes;

    return (uint32_t)in[3] << 24 | (uint32_t)in[2] << 16 | (uint32_t)in[1] << 8 | in[0];
}

static double load_f32(const char *bytes)
{
    const uint32_t bits = load_u32(bytes);
    float v;

    memcpy(&v, &bits, sizeof v);
    return (double)v;
}

static double load_bf16(const char *bytes)
{
    const char widened[4] = {0, 0, bytes[0], bytes[1]};

    return load_f32(widened);
}

static double load_f64(const char *bytes)
{
    const uint64_t bits = mem_load_u64(bytes);
    double v;

    memcpy(&v, &bits, sizeof v);
    return v;
}

static double load_i32(const char *bytes)
{
    return (double)(int32_t)load_u32(bytes);
}

static double load_i64(const char *bytes)
{
    return (double)(int64_t)mem_load_u64(bytes);
}

struct st_type {
    const char *name;
    size_t bytes;
    double (*load)(const char *bytes);
    bool single; /* read only where it is the tensor's one number, as PyTorch counts batches */
};

static const struct st_type types[] = {
    {"F32", 4, load_f32, false}, {"F16", 2, load_f16, false}, {"BF16", 2, load_bf16, false},
    {"F64", 8, load_f64, false}, {"I32", 4, load_i32, true},  {"I64", 8, load_i64, true},
};

/* How a tensor of that type is read; NULL: it is omitted. */
static const struct st_type *find_type(const char *name, const struct st_tensor *t)
{
    for (size_t i = 0; i < MEM_COUNT(types); i++)
        if (strcmp(types[i].name, name) == 0 && !(types[i].single && t->rank > 0))
            return &types[i];
    return NULL;
}

/* ------------------------------------------------------------------ reading */

struct st_span {
    uint64_t begin, end;
    size_t tensor;
    const struct st_type *type; /* NULL: the tensor is omitted */
};

struct st_reading {
    const char *path;
    struct st_file file;
    uint64_t data_size;
    struct st_span *spans; /* of all tensors, also of those that are omitted; then sorted */
    size_t span_count;
    struct clr_error *err;
};

static int CLR_PRINTF(2, 3) damaged(const struct st_reading *in, const char *format, ...)
{
    char text[600];
    va_list ap;

    va_start(ap, format);
    (void)vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    return clr_error_set(in->err, CLR_EINPUT, "'%.200s' is not a usable safetensors file: %s", in->path,
                         text);
}

static bool to_u64(const json_t *value, uint64_t *out)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *out = (uint64_t)json_integer_value(value);
    return true;
}

static int read_shape(const struct st_reading *in, struct st_tensor *t, const char *name, const json_t *shape)
{
    size_t rank = json_array_size(shape), bytes;

    if (!json_is_array(shape) || rank > MEM_COUNT(t->dims))
        return damaged(in, "tensor '%s' has no shape of at most %zu dimensions", name, MEM_COUNT(t->dims));
    t->rank = (int)rank;
    t->count = 1;
    for (size_t i = 0; i < rank; i++) {
        if (!to_u64(json_array_get(shape, i), &t->dims[i]) || t->dims[i] > SIZE_MAX ||
            !clr_mul_size(&t->count, t->count, (size_t)t->dims[i]) || !clr_mul_size(&bytes, t->count, 8))
            return damaged(in, "tensor '%s' has an impossible shape", name);
    }
    return 0;
}

static int read_span(const struct st_reading *in, struct st_span *span, const char *name,
                     const json_t *offsets)
{
    if (!json_is_array(offsets) || json_array_size(offsets) != 2 ||
        !to_u64(json_array_get(offsets, 0), &span->begin) ||
        !to_u64(json_array_get(offsets, 1), &span->end) || span->begin > span->end)
        return damaged(in, "tensor '%s' has no data_offsets [begin, end]", name);
    if (span->end > in->data_size)
        return damaged(in,
                       "tensor '%s' ends at byte %" PRIu64 " of %" PRIu64 ": the file was cut off, perhaps",
                       name, span->end, in->data_size);
    return 0;
}

/* One entry of the header. */
static int read_tensor(struct st_reading *in, const char *name, const json_t *entry)
{
    struct st_tensor *t = &in->file.tensors[in->file.count];
    struct st_span *span = &in->spans[in->span_count++];
    const char *type = json_string_value(json_object_get(entry, "dtype"));
    int rc;

    if (!json_is_object(entry) || !type)
        return damaged(in, "tensor '%s' has no dtype", name);
    rc = read_shape(in, t, name, json_object_get(entry, "shape"));
    if (rc == 0)
        rc = read_span(in, span, name, json_object_get(entry, "data_offsets"));
    if (rc < 0)
        return rc;
    if (json_object_size(entry) != 3)
        return damaged(in, "tensor '%s' has more than dtype, shape and data_offsets", name);
    str_copy(t->name, sizeof t->name, name);
    span->type = find_type(type, t);
    if (span->type && span->end - span->begin != (uint64_t)(t->count * span->type->bytes))
        return damaged(in, "tensor '%s' has %" PRIu64 " bytes where its shape needs %zu", name,
                       span->end - span->begin, t->count * span->type->bytes);
    if (!span->type) {
        str_append(&in->file.omitted, "; '%s' has the type %.20s", t->name, type);
    } else if (strlen(name) >= sizeof t->name) {
        span->type = NULL;
        str_append(&in->file.omitted, "; '%s…' has a name of %zu bytes, more than %zu", t->name, strlen(name),
                   sizeof t->name - 1);
    } else {
        span->tensor = in->file.count++;
    }
    return 0;
}

static int read_metadata(struct st_reading *in, json_t *entry)
{
    struct st_file *f = &in->file;
    size_t n = json_object_size(entry);
    const char *key;
    json_t *value;
    int rc;

    if (!json_is_object(entry))
        return damaged(in, "__metadata__ is not an object");
    rc = mem_new(&f->metadata, 2 * n, sizeof *f->metadata, "metadata", in->err);
    if (rc < 0)
        return rc;
    json_object_foreach(entry, key, value)
    {
        if (!json_is_string(value))
            return damaged(in, "__metadata__ '%.60s' is not a string", key);
        f->metadata_count++; /* first: what was made is freed */
        rc = str_duplicate(&f->metadata[2 * f->metadata_count - 2], key, in->err);
        if (rc >= 0)
            rc = str_duplicate(&f->metadata[2 * f->metadata_count - 1], json_string_value(value), in->err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int compare_spans(const void *a, const void *b)
{
    const struct st_span *x = a, *y = b;

    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

/* Sorted, each begins where the one before ends, and the last ends the file. */
static int check_cover(struct st_reading *in)
{
    char left[STR_COUNT];
    uint64_t end = 0;

    qsort(in->spans, in->span_count, sizeof *in->spans, compare_spans);
    for (size_t i = 0; i < in->span_count; i++) {
        if (in->spans[i].begin != end)
            return damaged(in, "at byte %" PRIu64 " of the data there %s",
                           end < in->spans[i].begin ? end : in->spans[i].begin,
                           end < in->spans[i].begin ? "is a hole" : "are two tensors");
        end = in->spans[i].end;
    }
    if (end != in->data_size)
        return damaged(in, "%s after the last tensor", str_count(left, in->data_size - end, "byte"));
    return 0;
}

/* Can the tensor stay where it is in the file? */
static bool stays(const struct st_span *span)
{
    return span->type == &types[0] && span->begin % sizeof(float) == 0;
}

static int widen(const struct st_reading *in, const struct st_span *span, float *out)
{
    const struct st_tensor *t = &in->file.tensors[span->tensor];
    const char *from = in->file.storage + span->begin;

    for (size_t i = 0; i < t->count; i++, from += span->type->bytes) {
        const double v = span->type->load(from);
        if (isfinite(v) && fabs(v) > (double)FLT_MAX)
            return damaged(in, "element %zu of tensor '%s' is %.6g, more than float32 can have", i, t->name,
                           v);
        out[i] = (float)v;
    }
    return 0;
}

/* The values of all tensors, as float32. The spans were checked: they do not overlap. */
static int place_values(struct st_reading *in)
{
    struct st_file *f = &in->file;
    size_t floats = 0;
    int rc = 0;

    for (size_t i = 0; i < in->span_count; i++)
        if (in->spans[i].type && !stays(&in->spans[i]))
            floats += f->tensors[in->spans[i].tensor].count;
    if (floats > 0)
        rc = mem_new(&f->widened, floats, sizeof *f->widened, "tensors", in->err);
    floats = 0;
    for (size_t i = 0; i < in->span_count && rc == 0; i++) {
        const struct st_span *span = &in->spans[i];
        struct st_tensor *t = &f->tensors[span->tensor];
        if (!span->type || t->count == 0)
            continue;
        if (stays(span)) {
            t->data = (float *)(void *)(f->storage + span->begin);
            swap_to_little(f->storage + span->begin, t->count);
            continue;
        }
        t->data = f->widened + floats;
        rc = widen(in, span, t->data);
        floats += t->count;
    }
    return rc;
}

static int read_header(struct st_reading *in, json_t *header)
{
    size_t n = json_object_size(header);
    const char *name;
    json_t *entry;
    int rc;

    if (!json_is_object(header))
        return damaged(in, "its header is not a JSON object");
    if (n > LIMIT_TENSORS)
        return damaged(in, "more than %zu tensors", LIMIT_TENSORS);
    rc = mem_grow(&in->file.tensors, &in->file.capacity, n, sizeof *in->file.tensors, "tensors", in->err);
    if (rc >= 0)
        rc = mem_new(&in->spans, n, sizeof *in->spans, "tensors", in->err);
    if (rc < 0)
        return rc;
    json_object_foreach(header, name, entry)
    {
        rc = strcmp(name, "__metadata__") == 0 ? read_metadata(in, entry) : read_tensor(in, name, entry);
        if (rc < 0)
            return rc;
    }
    rc = str_check(&in->file.omitted, in->err);
    if (rc == 0)
        rc = check_cover(in);
    return rc < 0 ? rc : place_values(in);
}

int safetensors_parse(struct st_file *out, const char *name, char *bytes, size_t size, struct clr_error *err)
{
    struct st_reading in = {.path = name, .file = {.storage = bytes}, .err = err};
    json_t *header = NULL;
    json_error_t json_err;
    char has[STR_COUNT];
    uint64_t header_size;
    int rc;

    if (size < 8 || (header_size = mem_load_u64(bytes)) > size - 8 || header_size > LIMIT_HEADER)
        rc = damaged(&in, "its header does not fit into its %s", str_count(has, size, "byte"));
    else if (header_size == 0 || bytes[8] != '{')
        rc = damaged(&in, "its header is not a JSON object");
    else if (!(header = json_parse(bytes + 8, (size_t)header_size, &json_err)))
        rc = damaged(&in, "its header is not JSON: %s", json_err.text);
    else {
        /* the data to the front, where it is aligned whatever the header's length */
        in.data_size = size - 8 - header_size;
        memmove(bytes, bytes + 8 + header_size, (size_t)in.data_size);
        rc = read_header(&in, header);
    }
    json_decref(header);
    free(in.spans);
    if (rc < 0) {
        safetensors_clear(&in.file);
        return rc;
    }
    *out = in.file;
    return 0;
}

int safetensors_read(struct st_file *out, const char *path, struct clr_error *err)
{
    char *bytes;
    size_t size;
    int rc = fs_read(path, LIMIT_FILE, &bytes, &size, err);

    return rc < 0 ? rc : safetensors_parse(out, path, bytes, size, err);
}

/* ------------------------------------------------------------------ writing */

static json_t *describe(const struct st_tensor *t, uint64_t begin)
{
    json_t *shape = json_array();
    uint64_t end = begin + (uint64_t)t->count * 4;

    for (int i = 0; i < t->rank; i++)
        shape = json_append(shape, json_integer((json_int_t)t->dims[i]));
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", "F32", "shape", shape, "data_offsets",
                     (json_int_t)begin, (json_int_t)end);
}

/* Is its name used once, and its size that of its shape? *bytes: that size. */
static bool can_write(const struct st_tensor *t, json_t *header, size_t *bytes)
{
    size_t count = 1;

    if (t->rank < 0 || t->rank > (int)MEM_COUNT(t->dims) || json_object_get(header, t->name) ||
        strcmp(t->name, "__metadata__") == 0)
        return false;
    for (int d = 0; d < t->rank; d++)
        if (!clr_mul_size(&count, count, (size_t)t->dims[d]))
            return false;
    return count == t->count && clr_mul_size(bytes, count, 4);
}

/* The header's JSON text; free with free(). *data_size: bytes of all tensors. */
static int make_header(char **out, size_t *data_size, const struct st_file *file, struct clr_error *err)
{
    json_t *header = json_object(), *metadata = file->metadata_count > 0 ? json_object() : NULL;
    size_t bytes = 0, own;
    int rc = 0;

    for (size_t i = 0; i < file->metadata_count; i++)
        metadata = json_put(metadata, file->metadata[2 * i], json_string(file->metadata[2 * i + 1]));
    if (file->metadata_count > 0)
        header = json_put(header, "__metadata__", metadata);
    for (size_t i = 0; i < file->count && rc == 0; i++) {
        const struct st_tensor *t = &file->tensors[i];
        const size_t begin = bytes;
        if (!can_write(t, header, &own) || !clr_add_size(&bytes, bytes, own))
            rc = clr_error_set(err, CLR_EFAILED,
                               "tensor '%s' cannot be written: twice there, or its shape is not its size",
                               t->name);
        else
            header = json_put(header, t->name, describe(t, begin));
    }
    if (rc == 0) {
        *out = json_dumps(header, JSON_COMPACT);
        *data_size = bytes;
        if (!*out)
            rc = clr_error_set(err, CLR_EFAILED,
                               "out of memory for a header, or a name or metadata in it is not UTF-8");
    }
    json_decref(header);
    return rc;
}

int safetensors_format(char **out, size_t *size, const struct st_file *file, struct clr_error *err)
{
    char *header = NULL, *bytes = NULL, *p;
    size_t data_size = 0, header_size, padded, total;
    int rc = make_header(&header, &data_size, file, err);

    if (rc < 0)
        return rc;
    header_size = strlen(header);
    padded = (header_size + 7) / 8 * 8;
    rc = clr_add_size(&total, data_size, 8 + padded)
             ? mem_new(&bytes, total, 1, "a safetensors file", err)
             : clr_error_set(err, CLR_ENOMEM, "the tensors are too large for one file");
    if (rc < 0)
        goto out;
    mem_store_u64(bytes, padded);
    memcpy(bytes + 8, header, header_size);
    memset(bytes + 8 + header_size, ' ', padded - header_size);
    p = bytes + 8 + padded;
    for (size_t i = 0; i < file->count; i++) {
        if (file->tensors[i].count == 0)
            continue;
        memcpy(p, file->tensors[i].data, file->tensors[i].count * 4);
        p += file->tensors[i].count * 4;
    }
    swap_to_little(bytes + 8 + padded, data_size / 4);
    *out = bytes;
    *size = total;
out:
    free(header);
    return rc;
}

int safetensors_write(const char *path, const struct st_file *file, struct clr_error *err)
{
    char *bytes = NULL;
    size_t size;
    int rc = safetensors_format(&bytes, &size, file, err);

    if (rc == 0)
        rc = fs_write_atomic(path, bytes, size, err);
    free(bytes);
    return rc;
}

void safetensors_clear(struct st_file *file)
{
    if (!file)
        return;
    for (size_t i = 0; i < 2 * file->metadata_count; i++)
        free(file->metadata[i]);
    free(file->metadata);
    free(file->tensors);
    free(file->storage);
    free(file->widened);
    str_clear(&file->omitted);
    memset(file, 0, sizeof *file);
}

const struct st_tensor *safetensors_find(const struct st_file *file, const char *name)
{
    for (size_t i = 0; i < file->count; i++) {
        if (strcmp(file->tensors[i].name, name) == 0)
            return &file->tensors[i];
    }
    return NULL;
}

const char *safetensors_metadata(const struct st_file *file, const char *key)
{
    for (size_t i = 0; i < file->metadata_count; i++)
        if (strcmp(file->metadata[2 * i], key) == 0)
            return file->metadata[2 * i + 1];
    return NULL;
}
