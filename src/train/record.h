/*
 * The files of a run, in one folder: run.json (every setting, versions, device, checksums), history.csv
 * (iteration,trn_loss,lr,val_loss,val_acc, and with an average of the weights ema_loss,ema_acc), loss.csv
 * (iteration,trn_loss,lr), timing.csv (iteration,seconds). The CSV files are in memory and written whole,
 * atomically. Only timing.csv and run.json depend on the clock, so that equal runs leave equal files
 * otherwise.
 */
#ifndef TRAIN_RECORD_H
#define TRAIN_RECORD_H

#include <jansson.h>

#include "train/session.h"

struct record_row {
    uint64_t iteration;
    double trn_loss, lr, val_loss, val_acc;
    double ema_loss, ema_acc; /* NaN: there is no average of the weights */
};

struct record {
    const char *dir;
    const char *history_name; /* "history.csv", "range.csv" */
    bool averages;            /* the history has rows with ema_loss and ema_acc */
    bool made_dir;
    char *lock_path;
    int lock;                /* file descriptor, −1: none */
    json_t *before;          /* run.json of the run that is resumed; NULL: none is */
    uint64_t resumed_at;     /* its iterations */
    double seconds_before;   /* that they took */
    struct record_row *rows; /* of the history */
    size_t row_count, row_capacity;
    struct str losses, timing;
    char started[32];
    uint64_t start_ns;
};

/*
 * Make the folder, lock it, and refuse it (CLR_EUSAGE) if it holds a run. Nothing but the lock is written
 * yet. Parts of files that a killed process left are removed.
 *
 * @param resume  a run with its run.json is not refused
 */
int record_open(struct record *r, const char *dir, const char *history_name, bool resume,
                struct clr_error *err);

/* Unlock; unless `keep`, remove the folder if record_open() made it and it is empty. */
void record_close(struct record *r, bool keep);

int record_history(struct record *r, const struct record_row *row, struct clr_error *err);
void record_loss(struct record *r, uint64_t iteration, double trn_loss, double lr);

/* Seconds that the run has taken, without those between its processes. */
double record_seconds(const struct record *r);

/* Append the history's rows with that many digits (17: to the bit). */
void record_rows(const struct record *r, struct str *out, int digits);

/* Set what was recorded to what the checkpoint has of it. CLR_EINPUT: it has no history that
 * record_rows() writes with 17 digits. */
int record_restore(struct record *r, const struct checkpoint *c, struct clr_error *err);

/* Write the CSV files with what is recorded so far. */
int record_write(struct record *r, struct clr_error *err);

/* Write root, whose reference is taken, as file `name` of a folder. NULL: it could not be made. */
int record_write_json(const char *dir, const char *name, json_t *root, struct clr_error *err);

/* The schedule as one text: schedules with different rates or momenta have different ones. NULL: out of
 * memory. */
char *record_schedule(const struct session *s);

/* run.json's "settings"; NULL: out of memory. */
json_t *record_settings(const struct session *s);

/* Write run.json. status: "running", "finished", "interrupted", "diverged", "failed"; result: NULL while
 * running. */
int record_write_run(struct record *r, const struct session *s, const char *status,
                     const struct clr_train_result *result, struct clr_error *err);

#endif
