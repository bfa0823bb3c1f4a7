/*
 * Reports side by side, as numbers: lines of what was measured, a cell for each report, and how it stands
 * against the first report's. How that is written is in comparison_text.c and comparison_data.c.
 */
#ifndef BENCH_COMPARISON_H
#define BENCH_COMPARISON_H

#include <clr/bench.h>

#include "base/str.h"
#include "bench/row_merge.h"

/* Layers that are one operator in one of the reports: their times together, in all of them. */
struct comparison_sum {
    char name[2 * CLR_BENCH_NAME]; /* "conv1 + pool1" */
    size_t row;                    /* of layers, that it begins with */
};

struct comparison {
    const struct clr_bench_report *reports; /* borrowed */
    size_t count;
    size_t wholes,
        lines; /* lines that are of the whole device; all of them: layers behind those, then sums */
    struct row_merge layers;
    size_t *front; /* of each row of layers: the one that its operator begins with */
    struct comparison_sum *sums;
    size_t sum_count;
};

struct comparison_line {
    const char *layer;  /* "" of the whole; of a sum, all of them */
    const char *figure; /* "training step"; the pass of a layer; "all passes" of a sum */
    const char *unit;
};

enum comparison_verdict {
    COMPARISON_NONE,    /* it is not known for both, or says nothing */
    COMPARISON_OTHER,   /* other work: the layer has another one in it, in one of the two */
    COMPARISON_UNCLEAR, /* one median lies in the other's range, though they differ by 5 % or more */
    COMPARISON_EQUAL,   /* about: by less than 5 %; what is planned, by less than 0.5 % */
    COMPARISON_FASTER,
    COMPARISON_SLOWER,
    COMPARISON_MORE,
    COMPARISON_LESS,
};

struct comparison_cell {
    struct clr_bench_spread value; /* count 0: not known */
    double of_peak;                /* of a layer: peak_share() */
    enum comparison_verdict verdict;
    /* 1 or more: how many times faster, slower, more, less; 1 where there is no such verdict */
    double factor;
    /* Another run may not confirm it: the factor is below 1.2, from a single sample, or from samples that
     * allow one that is more than 10 % off. */
    bool uncertain;
};

/* CLR_ENOMEM: nothing is made. */
int comparison_make(struct comparison *out, const struct clr_bench_report *reports, size_t count,
                    struct clr_error *err);
void comparison_clear(struct comparison *c);

struct comparison_line comparison_line(const struct comparison *c, size_t line);
struct comparison_cell comparison_cell(const struct comparison *c, size_t line, size_t report);

/* A layer that a report has within another one, as a pool within a convolution. Start from {0}. */
struct comparison_within {
    size_t line, front; /* of the search */
    const char *layer, *with;
};

/* The next one; false: there is none. */
bool comparison_next_within(struct comparison_within *within, const struct comparison *c, size_t report);

/* "faster", …; "" for none. */
const char *comparison_verdict_name(enum comparison_verdict verdict);

void comparison_text(struct str *out, const struct comparison *c);
void comparison_markdown(struct str *out, const struct comparison *c);
void comparison_csv(struct str *out, const struct comparison *c);
/* CLR_ENOMEM, also where a name is not UTF-8. */
int comparison_json(struct str *out, const struct comparison *c, struct clr_error *err);

#endif
