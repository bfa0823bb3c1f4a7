/*
 * The safetensors format (github.com/huggingface/safetensors): 8 bytes little-endian header length, a JSON
 * header {name: {dtype, shape, data_offsets}, "__metadata__": {string: string}}, the bytes. Tensors of F16,
 * BF16 and F64 become float32, as does a single I32 or I64, a count; those of other types, such as arrays of
 * integers, are omitted. Written are float32 tensors. Input is hostile: every offset and size is checked
 * before it is used; overlaps and holes are errors.
 */
#ifndef NET_SAFETENSORS_H
#define NET_SAFETENSORS_H

#include <stdint.h>

#include "base/str.h"

struct st_tensor {
    char name[128];
    int rank; /* ≤ 8 */
    uint64_t dims[8];
    size_t count;
    float *data; /* borrowed for writing; after reading, in st_file.storage or .widened where count > 0 */
};

struct st_file {
    struct st_tensor *tensors;
    size_t count, capacity;
    char **metadata; /* key, value, key, value …, 2·metadata_count strings */
    size_t metadata_count;
    char *storage;
    float *widened;     /* tensors that were no float32 at a multiple of 4 bytes */
    struct str omitted; /* "; 'n' has the type I64; 'm' …": tensors that were not read, and why */
};

int safetensors_read(struct st_file *out, const char *path, struct clr_error *err);
/* Atomic; tensors in the order given, header padded to 8 bytes: equal input gives equal bytes. */
int safetensors_write(const char *path, const struct st_file *file, struct clr_error *err);

/*
 * The same in memory. parse: `bytes`, from malloc(), is given up, also on failure; name: for messages.
 * format: *out to be freed with free().
 */
int safetensors_parse(struct st_file *out, const char *name, char *bytes, size_t size, struct clr_error *err);
int safetensors_format(char **out, size_t *size, const struct st_file *file, struct clr_error *err);

void safetensors_clear(struct st_file *file);
/* The tensor of that name, or NULL. */
const struct st_tensor *safetensors_find(const struct st_file *file, const char *name);
/* The metadata of that key, or NULL. */
const char *safetensors_metadata(const struct st_file *file, const char *key);

#endif
