/*
 * Checkpoints: checkpoint-N.clr in a run's folder holds all that a run after N updates needs to go on to the
 * bit, beside run.json. Written aside, synced and renamed; the two newest are kept.
 *
 *     clr-cl checkpoint 1
 *     SHA-256 of all that follows the line's end, 64 hexadecimal digits
 *     {"iteration": N, "epoch": …, "place": …, "last_loss": …, "untrained": …, "seconds": …, "backoffs": …,
 *      "back_at": …, "schedule": "…", "made": {…}, "variants": {…}, "sizes": [bytes of the four parts]}
 *     the parts: weights and momenta as safetensors, rows of the history, loss.csv, timing.csv
 *
 * A file is input like any other: the checksum is compared before anything of it is used, and every size is
 * checked.
 */
#ifndef TRAIN_CHECKPOINT_H
#define TRAIN_CHECKPOINT_H

#include <jansson.h>

#include "net/safetensors.h"

/* Bytes of a file: a larger one is neither written nor read. */
#define CHECKPOINT_LIMIT ((size_t)4 << 30)

/* Where a run is. With weights and momenta it is all that a run needs to go on. */
struct run_state {
    uint64_t iteration; /* updates done */
    uint32_t epoch;
    int place;        /* in the epoch's order: next image to take */
    double last_loss; /* of the last update that was read; NaN: none yet */
    double untrained; /* accuracy before the first update; NaN: not measured */
    int backoffs;     /* times that the rates were halved: they are the schedule's / 2^backoffs … */
    uint64_t back_at; /* … and where it last went on with less */
};

struct checkpoint {
    struct run_state state;
    char *schedule;   /* whose rates those were, as record_schedule() has it; NULL: not known; owned */
    double seconds;   /* that the run took up to here */
    json_t *made;     /* device, driver, kernels: what the variants hold for; owned */
    json_t *variants; /* {"train": {LAYER: {PASS: VARIANT}}, "test": …}; owned */
    struct st_file tensors;
    char *history, *losses, *timing; /* texts; owned */
};

/* Write dir/checkpoint-N.clr; then remove all others but the newest one before it. */
int checkpoint_write(const char *dir, const struct checkpoint *c, struct clr_error *err);

/*
 * Read the newest one that is good, of those of iterations less than `before` (UINT64_MAX: all). One that is
 * damaged is passed over with a warning.
 *
 * @return 0: there is one, or (*found false, *out empty) there is none; CLR_EFAILED: the folder cannot be
 * read; CLR_EINPUT: one cannot be read, damaged or not; CLR_ENOMEM
 */
int checkpoint_read(struct checkpoint *out, bool *found, const char *dir, uint64_t before,
                    struct clr_error *err);
void checkpoint_clear(struct checkpoint *c);

/* Is there a file with a checkpoint's name, good or not? CLR_EFAILED: the folder cannot be read; CLR_ENOMEM.
 */
int checkpoint_exists(bool *any, const char *dir, struct clr_error *err);

#endif
