/*
 * Checkpoints: with run.json, checkpoint-N.clr in a run's folder holds everything that is needed to resume
 * the run after N updates, to the same bits. Files are written atomically; the two newest are kept.
 *
 *     clr-cl checkpoint 1
 *     SHA-256 of everything after this line, 64 hexadecimal digits
 *     {"iteration": N, "epoch": …, "place": …, "last_loss": …, "last_rate": …, "untrained": …, "seconds": …,
 *      "backoffs": …, "back_at": …, "schedule": "…", "made": {…}, "variants": {…},
 *      "sizes": [bytes of the four parts]}
 *     the parts: weights and momenta as safetensors, rows of the history, loss.csv, timing.csv
 *
 * A file is input like any other: its checksum is compared before anything else is read, and every size is
 * checked.
 */
#ifndef TRAIN_CHECKPOINT_H
#define TRAIN_CHECKPOINT_H

#include <jansson.h>

#include "net/safetensors.h"

/* Bytes of a file: a larger one is neither written nor read. */
#define CHECKPOINT_LIMIT ((size_t)4 << 30)

/* Where a run is. With weights and momentum buffers it is everything that the next update depends on. */
struct run_state {
    uint64_t iteration; /* updates done */
    int epoch;
    int place;        /* in the epoch's order: next image to take */
    double last_loss; /* of the last update that was read; NaN: none yet */
    double last_rate; /* of the last update; NaN: none yet, or not known */
    double untrained; /* accuracy, else loss, before the first update; NaN: not measured */
    int backoffs;     /* how often the rates were halved: a rate is the schedule's / 2^backoffs … */
    uint64_t back_at; /* … and the iteration that the run went back to when it was last halved */
};

struct checkpoint {
    struct run_state state;
    char *schedule;   /* that these rates come from, as of record_schedule(); NULL: not known; owned */
    double seconds;   /* that the run has taken */
    json_t *made;     /* device, driver, kernels: the variants are valid for these alone; owned */
    json_t *variants; /* {"train": {LAYER: {PASS: VARIANT}}, "test": …}; owned */
    struct st_file tensors;
    char *history, *losses, *timing; /* texts; owned */
};

/* Write dir/checkpoint-N.clr; then remove all others except the newest one before it. */
int checkpoint_write(const char *dir, const struct checkpoint *c, struct clr_error *err);

/*
 * Read the newest good one whose iteration is less than `before` (UINT64_MAX: any). Damaged ones are skipped
 * with a warning.
 *
 * @param out  free with checkpoint_clear() if *found
 * @return 0: *found says whether there is one; CLR_EFAILED: the folder cannot be read; CLR_EINPUT: a file
 *         cannot be read, so that it is not known to be damaged; CLR_ENOMEM
 */
int checkpoint_read(struct checkpoint *out, bool *found, const char *dir, uint64_t before,
                    struct clr_error *err);
void checkpoint_clear(struct checkpoint *c);

/* Is there a file with a checkpoint's name, good or not? CLR_EFAILED: the folder cannot be read. */
int checkpoint_exists(bool *any, const char *dir, struct clr_error *err);

#endif
