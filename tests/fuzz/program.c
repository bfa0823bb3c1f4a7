/* The cache of program binaries: the input as it is, and after a correct header for it. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "ocl/program.h"

static bool write_and_load(struct ocl_program *p, const char *name, const void *data, size_t size)
{
    const unsigned char *binary = NULL;
    char *file = NULL;
    size_t length = 0;
    bool loaded;

    fuzz_write(name, data, size);
    loaded = progcache_load(p, &file, &binary, &length);
    if (loaded) {
        FUZZ_CHECK(length >= 1 && length < size);
        FUZZ_CHECK(memcmp(binary, (const char *)data + size - length, length) == 0);
    }
    free(file);
    return loaded;
}

static void make_right(struct str *out, const struct str *key, const uint8_t *data, size_t size)
{
    struct str both = {0};
    char sum[FS_SHA256_TEXT];

    str_append(&both, "%s", str_text(key));
    str_append_bytes(&both, data, size);
    fs_sha256(both.text, both.length, sum);
    str_append(out, "clr-cl program 2%s", sum);
    str_append_bytes(out, data, size);
    str_clear(&both);
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
    (void)write_and_load(&p, name, data, size);
    make_right(&right, &p.key, data, size);
    FUZZ_CHECK(write_and_load(&p, name, right.text, right.length) == (size > 0));
    str_clear(&right);
    str_clear(&p.key);
    return 0;
}
