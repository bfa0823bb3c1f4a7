/*
 * What reports are called, and how their numbers are written: in tables, comparisons and figures.
 */
#ifndef BENCH_WORDS_H
#define BENCH_WORDS_H

#include <clr/bench.h>

#define WORDS_NUMBER 32
#define WORDS_NAME   (CLR_BENCH_FILE + 128 + 32)

/* Why there is no share of the peak. */
#define WORDS_NO_SHARE                                                                                       \
    "Winograd's convolutions, and gradients by a pool's maxima, get by with "                                \
    "fewer multiplications than the formula has, which is what GFLOP/s counts; or the peak was "             \
    "measured too low."

/* Is there another report of the same device? file: and in the same file? */
bool words_same(const struct clr_bench_report *reports, size_t count, size_t i, bool file);

/* The device of report i; of several reports of one device with the file, and of several of one file with
 * the number of the report. */
const char *words_name(char out[WORDS_NAME], const struct clr_bench_report *reports, size_t count, size_t i);

/* Columns that a text takes: its characters, of which UTF-8 may take several bytes each. */
int words_columns(const char *text);

/* A device's name in at most so many columns: without words that many have, as far as needed, then without
 * its middle, with `tail` columns after that: "skylake-avx512-Xeon", "NVIDI…HBM3". Returns out. */
const char *words_short(char out[WORDS_NAME], const char *name, int most, int tail);

/* "192,983", "11.45", "0.0503": three significant digits, and all digits before the point. */
const char *words_number(char out[WORDS_NUMBER], double v);

/* "3 layers changed by tuning", "no layer changed by tuning"; "": it is not known. */
#define WORDS_TUNED 48
const char *words_tuned(char out[WORDS_TUNED], const struct clr_bench_report *report);

/* "conv1 forward: 'tiled' in place of 'direct', which is wrong here (NMSE 2.0e-02)" */
#define WORDS_REPLACED 512
const char *words_replaced(char out[WORDS_REPLACED], const struct clr_bench_replaced *replaced);

#endif
