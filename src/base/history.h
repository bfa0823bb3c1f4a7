/*
 * The tables of a run: history.csv and range.csv, loss.csv with the first three of their columns, timing.csv.
 */
#ifndef BASE_HISTORY_H
#define BASE_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/csv.h"

/* How the files begin. */
#define HISTORY_LOSS_HEADER    "iteration,trn_loss,lr"
#define HISTORY_HEADER         HISTORY_LOSS_HEADER ",val_loss,val_acc"
#define HISTORY_AVERAGE_HEADER ",ema_loss,ema_acc" /* which a run with an average of the weights has, too */
#define HISTORY_TIMING_HEADER  "iteration,seconds"

#define HISTORY_RATE_LIMIT 1e30

enum history_column {
    HISTORY_ITERATION,
    HISTORY_TRN_LOSS,
    HISTORY_LR,
    HISTORY_LOSS_COLUMNS, /* of loss.csv */
    HISTORY_VAL_LOSS = HISTORY_LOSS_COLUMNS,
    HISTORY_VAL_ACC,
    HISTORY_COLUMNS
};

extern const struct csv_column history_columns[HISTORY_COLUMNS];

enum { HISTORY_TIMING_ITERATION, HISTORY_TIMING_SECONDS, HISTORY_TIMING_COLUMNS };

extern const struct csv_column history_timing_columns[HISTORY_TIMING_COLUMNS];

/*
 * Tables have rows of the first iteration, of each multiple of `every` (0: none), and of the last iteration.
 * The next one after `iteration`; 0: there is none.
 */
uint64_t history_next_row(uint64_t iteration, uint64_t every, uint64_t last);

static inline bool history_has_row(uint64_t iteration, uint64_t every, uint64_t last)
{
    return history_next_row(iteration - 1, every, last) == iteration;
}

#endif
