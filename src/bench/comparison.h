/*
 * Reports side by side, as numbers: lines of what was measured, a cell for each report, and how it stands
 * against the first report's. comparison_text.c and comparison_data.c write it.
 */
#ifndef BENCH_COMPARISON_H
#define BENCH_COMPARISON_H

#include <clr/bench.h>

#include "base/str.h"

enum comparison_verdict {
    COMPARISON_NONE,    /* one of the two is not known, or the numbers mean nothing side by side */
    COMPARISON_OTHER,   /* other work: in one of the two the layer contains another one */
    COMPARISON_UNCLEAR, /* one median lies in the other's range, though they differ by 5 % or more */
    COMPARISON_EQUAL,   /* about: by less than 5 %; what is planned, by less than 0.5 % */
    COMPARISON_FASTER,
    COMPARISON_SLOWER,
    COMPARISON_MORE,
    COMPARISON_LESS,
};

struct comparison_line {
    char layer[2 * CLR_BENCH_NAME]; /* "" of the whole; of a sum, all of its layers: "conv1 + pool1" */
    const char *figure;             /* "training step"; the pass of a layer; "all passes" of a sum */
    const char *unit;
};

struct comparison_cell {
    struct clr_bench_spread value; /* count 0: not known */
    double of_peak;                /* of a layer: peak_share() */
    enum comparison_verdict verdict;
    /* 1 or more: how many times faster, slower, more, less; 1 where there is no such verdict */
    double factor;
    /* Another run may not confirm it: the factor is below 1.2, from a single sample, the samples of both
     * overlap, or the machine was disturbed in one of the runs. */
    bool uncertain;
};

/* A layer that a report has within another one, as a pool within a convolution. */
struct comparison_within {
    size_t report, row, with_row; /* numbers in `reports` and `order` */
    const char *layer, *with;
};

/* What disturbed the machine in a run. Peak and bandwidth are the device's own: where another report of the
 * same device, units and driver has more than 1.3 times as much, this one was slowed. */
struct comparison_state {
    bool busy;          /* clr_bench_is_busy() */
    double slowed;      /* how many times as much the other one has; 0: it was not slowed */
    const char *figure; /* of which: "peak", "bandwidth" */
    size_t other;       /* number of that report */
};

struct comparison {
    const struct clr_bench_report *reports; /* borrowed */
    size_t count;
    struct comparison_state *states; /* of each report */

    /* Each layer and pass once, in the order of the first report; what only others have is put where it
     * stands there, next to its layer. The rows are the reports'. */
    const struct clr_bench_row **order;
    const struct clr_bench_row **rows; /* row_count × count: the same of each report; NULL: it has none */
    size_t row_count;
    size_t *first; /* of each row: the first of its layer, or of layers that one of the reports joins */
    struct comparison_within *within;
    size_t within_count;

    /* Those of the whole device, then those of `order`, then sums: layers that are one operator in one of
     * the reports, together, in all of them. */
    struct comparison_line *lines;
    struct comparison_cell *cells; /* line_count × count */
    size_t wholes, line_count;
};

/* CLR_ENOMEM: nothing is made. */
int comparison_make(struct comparison *out, const struct clr_bench_report *reports, size_t count,
                    struct clr_error *err);
void comparison_clear(struct comparison *c);

/* "faster", …; "" for none. */
const char *comparison_verdict_name(enum comparison_verdict verdict);

/* For readers: as plain text, or as tables and lists in Markdown. */
void comparison_text(struct str *out, const struct comparison *c, bool markdown);
void comparison_csv(struct str *out, const struct comparison *c);
/* CLR_ENOMEM, also where a name is not UTF-8. */
int comparison_json(struct str *out, const struct comparison *c, struct clr_error *err);

#endif
