/*
 * Horizontal bars: rows with a group and a name, one bar in each row for every series. What a figure shows is
 * in this struct; how it looks is in bars.c alone.
 */
#ifndef PLOT_BARS_H
#define PLOT_BARS_H

#include <stddef.h>

#include "plot/canvas.h"

#define BARS_MAX_SERIES 8 /* more cannot be distinguished */
#define BARS_LABEL      640
#define BARS_NAME       96

struct bars_row {
    char group[BARS_NAME], name[BARS_NAME];             /* the group is written where it changes */
    double value[BARS_MAX_SERIES];                      /* not negative; NaN: no bar */
    double low[BARS_MAX_SERIES], high[BARS_MAX_SERIES]; /* spread around the value; NaN: none */
};

struct bars {
    char title[256];
    const char *value_label, *unit;           /* at the axis; in tables */
    char series[BARS_MAX_SERIES][BARS_LABEL]; /* in the legend, … */
    char briefs[BARS_MAX_SERIES][BARS_LABEL]; /* the same where that has no room, … */
    char names[BARS_MAX_SERIES][BARS_LABEL];  /* … and without the numbers that are in it, for tables */
    size_t series_count;
    char notes[BARS_MAX_SERIES][160]; /* lines below the axis */
    size_t note_count;
    struct bars_row *rows; /* owned */
    size_t row_count;
};

/* Room for rows, zeroed. */
int bars_create_rows(struct bars *bars, size_t count, struct clr_error *err);
void bars_clear(struct bars *bars);

/* The height at which every row has its place. */
int bars_height(const struct bars *bars, int width);

/*
 * Draw the figure, with the values in a column after the axis. A spread far beyond the longest bar is cut,
 * with an arrow's head and, where there is room, its end as a number. Lines and arrows are explained below
 * the axis where there is room; texts that do not fit are omitted. Where the longest bars of two series are
 * far apart the axis is logarithmic and named so. Where there is no room for every row, the smallest ones are
 * summed into one. CLR_ENOMEM.
 */
int bars_draw(struct canvas *canvas, const struct bars *bars, int width, int height, struct clr_error *err);

#endif
