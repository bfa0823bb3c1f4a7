/*
 * What a run leaves behind, in one folder: run.json (every setting, versions, device, checksums), history.csv
 * (iteration,trn_loss,lr,val_loss,val_acc), loss.csv (iteration,trn_loss,lr), timing.csv (iteration,seconds).
 * The CSV files are kept in memory and written whole, atomically. What depends on the clock is in timing.csv
 * and run.json alone, so that equal runs leave equal files.
 */
#ifndef TRAIN_RECORD_H
#define TRAIN_RECORD_H

#include <jansson.h>

#include "train/session.h"

struct record_row {
    uint64_t iteration;
    double trn_loss, lr, val_loss, val_acc;
};

struct record {
    const char *dir;
    const char *history_name; /* "history.csv", "range.csv" */
    bool made_dir;
    int lock;                /* file descriptor, −1: none */
    struct record_row *rows; /* of the history */
    size_t row_count, row_capacity;
    struct str losses, timing;
    char started[32];
    uint64_t start_ns;
};

/*
 * Make the folder, lock it, refuse (CLR_EUSAGE) one that holds a run. Nothing is written yet but the lock.
 */
int record_open(struct record *r, const char *dir, const char *history_name, struct clr_error *err);

/* Unlock; unless `keep`, remove what record_open() made (a folder only if it is empty). */
void record_close(struct record *r, bool keep);

int record_history(struct record *r, const struct record_row *row, struct clr_error *err);
void record_loss(struct record *r, uint64_t iteration, double trn_loss, double lr);

/* Write the CSV files as they stand. */
int record_write(struct record *r, struct clr_error *err);

/* Write root, which is given up also on failure, as file `name` of the folder. NULL: it could not be made. */
int record_write_json(struct record *r, const char *name, json_t *root, struct clr_error *err);

/* Write run.json. status: "running", "finished", "interrupted", "diverged", "failed"; result: NULL while
 * running. */
int record_write_run(struct record *r, const struct session *s, const char *status,
                     const struct clr_train_result *result, struct clr_error *err);

#endif
