/* Tuning records. KERNELS in the input stands for the checksum of the kernels, which changes with
 * any kernel. */
#include "fuzz.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "ocl/source.h"
#include "ocl/tunedb.h"
#include "ops/tuned.h"

static void write_record(const char *name, const uint8_t *data, size_t size)
{
    static const char word[] = "KERNELS";
    static char kernels[FS_SHA256_TEXT];
    char *text = fuzz_text(data, size), *at = strstr(text, word);
    struct str file = {0};

    FUZZ_CHECK(kernels[0] || source_hash(kernels, NULL) == 0);
    if (at) {
        str_append_bytes(&file, text, (size_t)(at - text));
        str_append(&file, "%s", kernels);
        at += sizeof word - 1;
    } else {
        at = text;
    }
    str_append_bytes(&file, at, size - (size_t)(at - text));
    fuzz_write(name, str_text(&file), file.length);
    str_clear(&file);
    free(text);
}

static void check_entry(const struct tunedb_entry *e)
{
    if (!e)
        return;
    fuzz_readable(e->key.operator);
    FUZZ_CHECK(isfinite(e->ms) && e->ms >= 0.0 && isfinite(e->default_ms));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct tunedb_key key = {"dense forward, block 16", "800 to 500, batch 100"};
    static char dir[128], name[128];
    struct tunedb *db = NULL;
    struct clr_error err;

    if (!name[0]) { /* the name of the file */
        (void)snprintf(dir, sizeof dir, "%s", fuzz_path(""));
        FUZZ_CHECK(fuzz_worked(tunedb_open(&db, dir, &fuzz_devices[0], &err), &err));
        (void)snprintf(name, sizeof name, "%s", tunedb_path(db) + strlen(dir) + 1);
        tunedb_close(db);
    }
    write_record(name, data, size);
    FUZZ_CHECK(fuzz_worked(tunedb_open(&db, dir, &fuzz_devices[0], &err), &err));
    check_entry(tunedb_find(db, &key));
    check_entry(tunedb_nearest(db, &key, op_tune_distance, OP_TUNE_NEAR));
    (void)tunedb_failed(db, &key, "direct 5x2");
    tunedb_close(db);
    return 0;
}
