/* The tables of a run: see history.h. */
#include "base/history.h"

#include <math.h>

const struct csv_column history_columns[HISTORY_COLUMNS] = {
    [HISTORY_ITERATION] = {"iteration", 0, 1e15, true, false},
    [HISTORY_TRN_LOSS] = {"trn_loss", -HUGE_VAL, HUGE_VAL, false, false},
    [HISTORY_LR] = {"lr", 0, HISTORY_RATE_LIMIT, false, false},
    [HISTORY_VAL_LOSS] = {"val_loss", -HUGE_VAL, HUGE_VAL, false, false},
    [HISTORY_VAL_ACC] = {"val_acc", 0, 1, false, true}, /* empty where the net has no logits */
};

const struct csv_column history_timing_columns[HISTORY_TIMING_COLUMNS] = {
    [HISTORY_TIMING_ITERATION] = {"iteration", 0, 1e15, true, false},
    [HISTORY_TIMING_SECONDS] = {"seconds", 0, 1e12, false, false},
};

uint64_t history_next_row(uint64_t iteration, uint64_t every, uint64_t last)
{
    if (iteration >= last)
        return 0;
    if (iteration == 0)
        return 1;
    return every > 0 && every - iteration % every < last - iteration ? iteration + every - iteration % every
                                                                     : last;
}
