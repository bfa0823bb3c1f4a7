/*
 * Program binaries on disk. One file per program, CACHE/<sha256 of the key>.bin:
 *
 *     magic        16 bytes
 *     lengths      3 × 8 bytes, little endian: key, warm list, binary
 *     sha256       64 hex digits, of warm list and binary together
 *     key, warm list, binary
 *
 * The file is exactly that long. Nothing in it is believed before all of this fits.
 */
#include "ocl/program.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"

#define MAGIC       "clr-cl program 1" /* 16 bytes; the number goes up when this format changes */
#define MAGIC_SIZE  16
#define DIGEST_SIZE (FS_SHA256_TEXT - 1)
#define HEADER_SIZE (MAGIC_SIZE + 3 * 8 + DIGEST_SIZE)
#define FILE_LIMIT  (1U << 30)

int progcache_key(struct ocl_program *p, const struct str *source, struct clr_error *err)
{
    const struct clr_device *d = &p->ctx->device;
    char digest[FS_SHA256_TEXT];

    fs_sha256(str_text(source), source->length, digest);
    str_append(&p->key, "file: %s\nsource: %s\noptions: " PROGRAM_STANDARD " %s\n", p->file, digest,
               p->options);
    str_append(&p->key, "device: %s\nvendor: %s\ndevice version: %s\ndriver: %s\n", d->name, d->vendor,
               d->version, d->driver);
    str_append(&p->key, "platform: %s\nplatform version: %s\n", d->platform_name, d->platform_version);
    return str_check(&p->key, err);
}

static int cache_path(char **out, const struct ocl_program *p, struct clr_error *err)
{
    struct str name = {0};
    char digest[FS_SHA256_TEXT];
    int rc;

    fs_sha256(str_text(&p->key), p->key.length, digest);
    str_append(&name, "%s.bin", digest);
    rc = str_check(&name, err);
    if (rc == 0)
        rc = fs_join(out, p->ctx->cache_dir, str_text(&name), err);
    str_clear(&name);
    return rc;
}

/* Is `data` a whole file for this key? Then where its parts begin. */
static bool check_file(const unsigned char *data, size_t size, const struct str *key, size_t *warm_at,
                       size_t *binary_at)
{
    uint64_t key_size, warm_size, binary_size;
    char digest[FS_SHA256_TEXT];

    if (size < HEADER_SIZE || memcmp(data, MAGIC, MAGIC_SIZE) != 0)
        return false;
    key_size = mem_load_u64(data + MAGIC_SIZE);
    warm_size = mem_load_u64(data + MAGIC_SIZE + 8);
    binary_size = mem_load_u64(data + MAGIC_SIZE + 16);
    size -= HEADER_SIZE;
    if (key_size != key->length || key_size > size || warm_size > size - key_size ||
        binary_size != size - key_size - warm_size || binary_size == 0)
        return false;
    if (memcmp(data + HEADER_SIZE, str_text(key), key->length) != 0)
        return false;
    *warm_at = HEADER_SIZE + (size_t)key_size;
    *binary_at = *warm_at + (size_t)warm_size;
    fs_sha256(data + *warm_at, (size_t)(warm_size + binary_size), digest);
    return memcmp(data + MAGIC_SIZE + 24, digest, DIGEST_SIZE) == 0;
}

bool progcache_load(struct ocl_program *p, unsigned char **binary, size_t *size)
{
    char *path = NULL, *data = NULL;
    unsigned char *copy = NULL;
    size_t length, warm_at, binary_at;
    bool found = false;

    if (!p->ctx->cache_dir || cache_path(&path, p, NULL) < 0 ||
        fs_read(path, FILE_LIMIT, &data, &length, NULL) < 0)
        goto out;
    if (!check_file((const unsigned char *)data, length, &p->key, &warm_at, &binary_at) ||
        mem_new(&copy, length - binary_at, 1, "program binary", NULL) < 0)
        goto out;
    memcpy(copy, data + binary_at, length - binary_at);
    str_clear(&p->warm);
    str_append_bytes(&p->warm, data + warm_at, binary_at - warm_at);
    *binary = copy;
    *size = length - binary_at;
    found = true;
out:
    free(data);
    free(path);
    return found;
}

int progcache_store(const struct ocl_program *p, const unsigned char *binary, size_t size,
                    struct clr_error *err)
{
    struct str content = {0}, body = {0};
    unsigned char lengths[3 * 8];
    char digest[FS_SHA256_TEXT], *path = NULL;
    int rc;

    str_append_bytes(&body, str_text(&p->warm), p->warm.length);
    str_append_bytes(&body, binary, size);
    rc = str_check(&body, err);
    if (rc < 0)
        goto out;
    fs_sha256(body.text, body.length, digest);
    mem_store_u64(lengths, p->key.length);
    mem_store_u64(lengths + 8, p->warm.length);
    mem_store_u64(lengths + 16, size);
    str_append_bytes(&content, MAGIC, MAGIC_SIZE);
    str_append_bytes(&content, lengths, sizeof lengths);
    str_append_bytes(&content, digest, DIGEST_SIZE);
    str_append_bytes(&content, str_text(&p->key), p->key.length);
    str_append_bytes(&content, body.text, body.length);
    rc = str_check(&content, err);
    if (rc == 0)
        rc = cache_path(&path, p, err);
    if (rc == 0)
        rc = fs_make_dirs(p->ctx->cache_dir, err);
    if (rc == 0)
        rc = fs_write_atomic(path, content.text, content.length, err);
out:
    str_clear(&content);
    str_clear(&body);
    free(path);
    return rc;
}
