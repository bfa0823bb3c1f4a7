/* Checkpoints: as they are, and with a corrected checksum, so that the code after that check is reached. */
#include "fuzz.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "train/record.h"

#define MAGIC 20 /* bytes of the first line */
#define HEAD  (MAGIC + FS_SHA256_TEXT)

/* What a resumed run does with the texts. */
static void restore(const struct checkpoint *c)
{
    struct record r = {.dir = "a folder", .lock = -1};
    struct clr_error err;

    if (fuzz_worked(record_restore(&r, c, &err), &err))
        for (size_t i = 0; i < r.row_count; i++)
            FUZZ_CHECK(r.rows[i].iteration >= 1 && r.rows[i].iteration <= c->state.iteration &&
                       isfinite(r.rows[i].val_loss));
    free(r.rows);
    str_clear(&r.losses);
    str_clear(&r.timing);
}

static void read(const void *data, size_t size)
{
    struct checkpoint c;
    struct clr_error err;
    bool found;

    fuzz_write("run/checkpoint-7.clr", data, size);
    if (!fuzz_worked(checkpoint_read(&c, &found, fuzz_path("run"), UINT64_MAX, &err), &err) || !found)
        return;
    FUZZ_CHECK(c.state.place >= 0 && c.seconds >= 0.0 && c.history && c.losses && c.timing && c.made &&
               c.variants);
    restore(&c);
    checkpoint_clear(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *file = fuzz_text(data, size), sum[FS_SHA256_TEXT];

    read(file, size);
    if (size > HEAD) {
        fs_sha256(file + HEAD, size - HEAD, sum);
        memcpy(file + MAGIC, sum, sizeof sum - 1);
        read(file, size);
    }
    free(file);
    return 0;
}
