/*
 * Program binaries on disk. One file per program, CACHE/<sha256 of the key>.bin:
 *
 *     magic        16 bytes
 *     sha256       64 hex digits, of key and binary together
 *     binary       to the end of the file
 *
 * Nothing in it is believed before the checksum fits.
 */
#include "ocl/program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"

#define MAGIC       "clr-cl program 2" /* 16 bytes; the number goes up when this format changes */
#define MAGIC_SIZE  16
#define DIGEST_SIZE (FS_SHA256_TEXT - 1)
#define HEADER_SIZE (MAGIC_SIZE + DIGEST_SIZE)
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
    char digest[FS_SHA256_TEXT], name[sizeof digest + 4];

    fs_sha256(str_text(&p->key), p->key.length, digest);
    (void)snprintf(name, sizeof name, "%s.bin", digest);
    return fs_join(out, p->ctx->cache_dir, name, err);
}

static void make_header(char out[HEADER_SIZE + 1], const struct ocl_program *p, const void *binary,
                        size_t size)
{
    const struct fs_piece pieces[] = {{str_text(&p->key), p->key.length}, {binary, size}};

    str_copy(out, MAGIC_SIZE + 1, MAGIC);
    fs_sha256_pieces(pieces, MEM_COUNT(pieces), out + MAGIC_SIZE);
}

bool progcache_load(const struct ocl_program *p, char **file, const unsigned char **binary, size_t *size)
{
    char header[HEADER_SIZE + 1], *path = NULL;
    size_t length;
    bool found = false;

    *file = NULL;
    if (p->ctx->cache_dir && cache_path(&path, p, NULL) == 0 &&
        fs_read(path, FILE_LIMIT, file, &length, NULL) == 0 && length > HEADER_SIZE) {
        *binary = (const unsigned char *)*file + HEADER_SIZE;
        *size = length - HEADER_SIZE;
        make_header(header, p, *binary, *size);
        found = memcmp(*file, header, HEADER_SIZE) == 0;
    }
    free(path);
    return found;
}

int progcache_store(const struct ocl_program *p, const unsigned char *binary, size_t size,
                    struct clr_error *err)
{
    struct str content = {0};
    char header[HEADER_SIZE + 1], *path = NULL;
    int rc;

    make_header(header, p, binary, size);
    str_append_bytes(&content, header, HEADER_SIZE);
    str_append_bytes(&content, binary, size);
    rc = str_check(&content, err);
    if (rc == 0)
        rc = cache_path(&path, p, err);
    if (rc == 0)
        rc = fs_make_dirs(p->ctx->cache_dir, err);
    if (rc == 0)
        rc = fs_write_atomic(path, content.text, content.length, err);
    str_clear(&content);
    free(path);
    return rc;
}
