/*
 * The cache of program binaries: the input as it is, and as a file with correct key and checksum: the first
 * 16 bytes of the input are the claimed lengths of its two other parts, which are the rest.
 */
#include "fuzz.h"

#include <string.h>

#include "base/fs.h"
#include "ocl/program.h"

#define LENGTHS 16

static void write_and_load(struct ocl_program *p, const char *name, const void *data, size_t size)
{
    unsigned char *binary = NULL;
    size_t length = 0;

    fuzz_write(name, data, size);
    if (!progcache_load(p, &binary, &length)) {
        FUZZ_CHECK(!binary);
        return;
    }
    FUZZ_CHECK(length >= 1 && length + p->warm.length < size);
    FUZZ_CHECK(memcmp(binary, (const char *)data + size - length, length) == 0);
    free(binary);
}

static void make_right(struct str *out, const struct str *key, const uint8_t *data, size_t size)
{
    char sum[FS_SHA256_TEXT];

    str_append(out, "clr-cl program 1");
    for (int i = 0; i < 8; i++)
        str_append_bytes(out, &(char){(char)(key->length >> 8 * i & 255)}, 1);
    str_append_bytes(out, data, LENGTHS);
    fs_sha256(data + LENGTHS, size - LENGTHS, sum);
    str_append(out, "%s%s", sum, str_text(key));
    str_append_bytes(out, data + LENGTHS, size - LENGTHS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char dir[128], file[] = "relu.cl", options[] = "-DC=1", name[FS_SHA256_TEXT + 4];
    struct ocl_context ctx = {.device = fuzz_devices[0], .cache_dir = dir};
    struct ocl_program p = {.ctx = &ctx, .file = file, .options = options};
    struct str source = {0}, right = {0};

    (void)snprintf(dir, sizeof dir, "%s", fuzz_path(""));
    FUZZ_CHECK(progcache_key(&p, &source, NULL) == 0);
    fs_sha256(str_text(&p.key), p.key.length, name);
    memcpy(name + FS_SHA256_TEXT - 1, ".bin", 5);
    write_and_load(&p, name, data, size);
    if (size >= LENGTHS) {
        make_right(&right, &p.key, data, size);
        write_and_load(&p, name, right.text, right.length);
    }
    str_clear(&right);
    str_clear(&p.key);
    str_clear(&p.warm);
    return 0;
}
