/*
 * Buffers that are watched while something runs on them: what the files of verify share.
 *
 * A trial holds buffers, each with the words that are uploaded before every run and a mark on those that may
 * be written. It is run twice; then values are compared with what is expected, unmarked words with what was
 * uploaded, and the second run with the first. Faults go into *result, the first one in words.
 */
#ifndef VERIFY_TRIAL_H
#define VERIFY_TRIAL_H

#include "verify/verify.h"

#define TRIAL_SENTINEL 0x7fc0deadu /* a NaN that no kernel computes: what has not been written */

struct slot {
    cl_mem mem;
    size_t words, guard;              /* without the guard after them */
    uint32_t *before, *first, *after; /* uploaded; downloaded after the first and the second run */
    unsigned char *writable;
    bool scratch; /* its contents are not checked */
};

enum slot_name { /* of the first ones, one for each input or output */
                 S_X,
                 S_Y = S_X + OP_MOST,
                 S_DX = S_Y + OP_MOST,
                 S_DY = S_DX + OP_MOST,
                 S_W = S_DY + OP_MOST, /* of a parameter each, as S_DW */
                 S_DW = S_W + OP_PARAMS,
                 S_V = S_DW + OP_PARAMS,
                 S_S,
                 S_SAVED,
                 S_WORK,
                 S_LABELS,
                 S_INDEX,
                 S_SAMPLE,
                 S_COUNT
};

struct trial {
    struct ocl_context *ctx;
    const char *title;  /* begins the text of a fault */
    int batch, planned; /* images: of this batch, and in the tensors */
    size_t guard;       /* words after every buffer */
    bool only_nans; /* of values: where a NaN is expected there must be one, not TRIAL_SENTINEL; no more */
    struct slot slots[S_COUNT];
    struct slot *at[S_COUNT]; /* NULL: none; in place, y is x's */
    struct verify_result *result;
};

/* Clear a result: nothing checked, ok. */
void trial_result_init(struct verify_result *r);
/* Something is wrong: the first call's text stays. */
void trial_fault(struct trial *t, const char *format, ...) CLR_PRINTF(2, 3);
/* Free the buffers. */
void trial_clear(struct trial *t);

/* A buffer full of NaN that must not be written, unless it is scratch. */
int trial_buffer(struct trial *t, int slot, size_t bytes, bool scratch, struct clr_error *err);
/* A tensor: halo and lanes beyond C zero, slack NaN. Elements of the batch hold `values`, or where that is
 * NULL NaN, and may be written; values may be where they are overwritten. Beyond the batch: NaN. Sets
 * tensor->mem. */
int trial_tensor(struct trial *t, int slot, struct tensor *tensor, const double *values, bool overwritten,
                 struct clr_error *err);
/* An array with values, or (NULL) to be written. count 0: no array. */
int trial_array(struct trial *t, int slot, cl_mem *mem, size_t count, const double *values,
                struct clr_error *err);
/* An integer per planned image after `offset` others; zero beyond the batch, so that reading there is
 * harmless. */
int trial_ints(struct trial *t, int slot, cl_mem *mem, const int32_t *values, int offset,
               struct clr_error *err);

/* Before and after run 0 and run 1. */
int trial_upload(struct trial *t, int run, struct clr_error *err);
int trial_download(struct trial *t, int run, struct clr_error *err);

/* The first run's values against those expected: the NMSE goes into the result, above `limit` is a fault. */
void trial_check_tensor(struct trial *t, enum verify_output output, double limit, int slot,
                        const struct tensor *tensor, const double *expected);
void trial_check_array(struct trial *t, enum verify_output output, double limit, int slot, size_t offset,
                       size_t count, const double *expected);
void trial_check_untouched(struct trial *t);
void trial_check_repeats(struct trial *t);

#endif
