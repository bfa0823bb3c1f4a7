/*
 * Charts: one or two panels over a common x axis, curves with bands, helper lines, marks, a legend that stays
 * off the data. What a figure shows is in these structs; how it looks is in chart.c alone.
 */
#ifndef PLOT_CHART_H
#define PLOT_CHART_H

#include <stdbool.h>
#include <stddef.h>

#include "plot/canvas.h"

#define CHART_MAX_SERIES 24 /* more than can be told apart */
#define CHART_MAX_GUIDES 64
#define CHART_LABEL      192

struct chart_series {
    char label[CHART_LABEL];
    size_t count;
    double *x, *y;      /* owned; x ascending */
    double *low, *high; /* owned; NULL: no band */
    double *smooth;     /* owned; the line's, while markers stay on y; NULL: y */
    size_t look;        /* number of its colour, dashes and markers */
    bool markers;       /* mark points; without, only the line */
    bool muted;         /* thin and grey: there for comparison */
};

enum chart_text_at {
    CHART_NO_TEXT,
    CHART_TEXT_FOOT,  /* beside a vertical guide, at the axis */
    CHART_TEXT_HEAD,  /* beside a vertical guide, at the top */
    CHART_TEXT_ALONG, /* on a horizontal guide */
};

/* A dashed helper line, horizontal or vertical, in data coordinates; ±INFINITY: the edge of the panel. */
struct chart_guide {
    double x0, y0, x1, y1;
    enum chart_text_at text_at;
    char text[64];
};

struct chart_panel {
    const char *y_label;
    bool from_zero;        /* the y axis starts at 0 */
    double floor, ceiling; /* the y axis goes no further; ±INFINITY */
    double min_span;       /* noise smaller than this does not fill the panel */
    double share;          /* of the height */
    struct chart_series *series;
    size_t series_count;
    struct chart_guide guides[CHART_MAX_GUIDES];
    size_t guide_count;
    bool shaded; /* the stripe from shade_lo to shade_hi */
    double shade_lo, shade_hi;
};

struct chart {
    char title[256];
    bool small_title;
    char x_label[144];
    bool x_log, x_from_zero;
    bool x_whole;                 /* counts: ticks on whole numbers */
    char band_label[96];          /* a line for the bands in the legend; "": none */
    struct chart_panel panels[2]; /* curve i looks the same in both; the legend is the first one's */
    size_t panel_count;
};

int chart_add_series(struct chart_panel *panel, const char *label, size_t count, bool band,
                     struct chart_series **out, struct clr_error *err);
void chart_add_guide(struct chart_panel *panel, struct chart_guide guide);
/* Of every panel. */
void chart_remove_series(struct chart *chart, size_t index);
void chart_clear(struct chart *chart);

/* Draw all of it, from the canvas's origin. CLR_ENOMEM. */
int chart_draw(struct canvas *canvas, const struct chart *chart, int width, int height,
               struct clr_error *err);

#endif
