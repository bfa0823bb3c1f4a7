/*
 * Charts: one or two panels over a common x axis, curves with bands, helper lines, marks, a legend. What a
 * figure shows is in these structs; how it looks is in chart.c, curves.c, guides.c and legend.c alone. No
 * text and no legend covers a point of a curve.
 */
#ifndef PLOT_CHART_H
#define PLOT_CHART_H

#include <stdbool.h>
#include <stddef.h>

#include "plot/canvas.h"

#define CHART_STYLES     7  /* that can be distinguished; further curves are for small multiples */
#define CHART_MAX_SERIES 24 /* in small multiples, too */
#define CHART_MAX_GUIDES 64
#define CHART_MAX_KEYS   8
#define CHART_LABEL      192

struct chart_series {
    char label[CHART_LABEL];
    size_t count;
    double *x, *y;      /* owned; x ascending */
    double *low, *high; /* owned; NULL: no band */
    double *smooth;     /* owned; the line's, while markers stay on y; NULL: y */
    size_t look;        /* number of its colour, dashes and markers */
    bool markers;       /* mark points; without, only the line */
    bool muted;         /* thin and grey, not in the legend: there for comparison */
    bool faint;         /* points are small and pale dots under the line */
};

enum chart_text_at {
    CHART_NO_TEXT,
    CHART_TEXT_FOOT,  /* beside a vertical guide, at the axis */
    CHART_TEXT_HEAD,  /* over a vertical guide, above the panel (the first one alone) */
    CHART_TEXT_ALONG, /* on a horizontal guide */
};

/* A dashed helper line, horizontal or vertical, in data coordinates; ±INFINITY: the edge of the panel. */
struct chart_guide {
    double x0, y0, x1, y1;
    enum chart_text_at text_at;
    char text[64];
    bool colored; /* in the colour of that look, and of one of the curves: small multiples show it … */
    bool muted;   /* … in grey where another curve is on top */
    size_t look;
    char brief[32]; /* instead of the text in a low figure; "": the text */
};

/* A stripe over the whole height. */
struct chart_shade {
    double lo, hi;
    bool bound;       /* where a bound may lie, rather than a range to work in … */
    bool doubt;       /* … which is in doubt */
    const char *what; /* in the table */
};

/* A row above the first panel: what was read from one of several curves, in the colour of that look. */
struct chart_lane {
    double lo, hi; /* a range, as a bar; NaN: none */
    double end;    /* where the curve ended, as a cross; NaN: nowhere */
    size_t look;
    char text[80];
};

/* A row of the legend after those of the curves: what else is drawn. */
enum chart_key_kind {
    CHART_KEY_BAND,
    CHART_KEY_LINE, /* of curves that are smoothed */
    CHART_KEY_DOTS, /* the points that they are means of */
    CHART_KEY_GUIDE,
    CHART_KEY_END,   /* where a loss was no longer finite */
    CHART_KEY_ABOVE, /* an arrow: a curve continues above the axis */
    CHART_KEY_RANGE,
    CHART_KEY_DOUBT, /* likewise, of a range that is in doubt */
    CHART_KEY_BOUND,
    CHART_KEY_LANE,
    CHART_KEY_GREY,
    CHART_KEY_TEXT /* without a sample */
};
struct chart_key {
    enum chart_key_kind kind;
    char text[CHART_LABEL];
    char brief[CHART_LABEL]; /* instead, in a low figure or where the text has no room; "": none */
};

struct chart_panel {
    const char *y_label;
    const char *y_brief; /* instead, beside a low panel; NULL: none */
    bool log;            /* the y axis; all values are above 0 */
    bool from_zero;      /* the y axis starts at 0 */
    bool begins;         /* the y axis starts at `begin`, and curves continue below it */
    double begin;
    bool ends;             /* the y axis ends at the ceiling, and curves continue above it */
    double floor, ceiling; /* the y axis goes no further; ±INFINITY */
    double min_span;       /* noise smaller than this does not fill the panel */
    double share;          /* of the height */
    struct chart_series *series;
    size_t series_count;
    struct chart_guide guides[CHART_MAX_GUIDES];
    size_t guide_count;
    struct chart_shade shades[2];
    size_t shade_count;
};

struct chart {
    char title[256];
    int title_rows; /* of a small title, which is broken into lines; 0: a large one in a single line */
    bool reported;  /* another chart of the figure reports the labels that have no room */
    char x_label[144];
    bool x_log, x_from_zero;
    bool x_whole; /* counts: ticks on whole numbers */
    bool x_spans; /* the x axis reaches from x_first, or lower, to x_last exactly */
    double x_first, x_last;
    struct chart_key keys[CHART_MAX_KEYS];
    size_t key_count;
    struct chart_lane lanes[CHART_STYLES];
    size_t lane_count;
    struct chart_panel panels[2]; /* curve i looks the same in both; the legend is the first one's */
    size_t panel_count;
};

int chart_add_series(struct chart_panel *panel, const char *label, size_t count, bool band,
                     struct chart_series **out, struct clr_error *err);
void chart_add_guide(struct chart_panel *panel, struct chart_guide guide);
void chart_add_key(struct chart *chart, enum chart_key_kind kind, const char *format, ...) CLR_PRINTF(3, 4);
/* The brief text of the last key. */
void chart_add_brief(struct chart *chart, const char *format, ...) CLR_PRINTF(2, 3);

/* The key of so many curves that continue above an axis, the highest of them up to that value. */
void chart_add_above(struct chart *chart, const char *what, double most, size_t curves);

/*
 * Let the y axis begin where the differences between the curves can be seen: a little below the lowest value
 * (of a band, too) that any curve has after its first part, `early` of its length, on a round number. In
 * that part every training is much the same. A curve that ends within that part of the longest one does not
 * count. Where that would save less than two fifths of an axis from 0, the axis begins at 0. Values are not
 * negative.
 */
void chart_begin_axis(struct chart_panel *panel, double early);
/* Begin the y axis at that value; 0: show all of it. */
void chart_begin_at(struct chart_panel *panel, double begin);

double chart_highest(const struct chart_series *s);

/* Remove that curve from every panel. */
void chart_remove_series(struct chart *chart, size_t index);
void chart_clear(struct chart *chart);

/* How many lines a small title takes in a chart of that width. */
int chart_title_rows(struct canvas *canvas, const char *title, double width);

/* Returns the smallest height, at least the given one, at which a legend below and lanes take nothing
 * from the panels. CLR_ENOMEM. */
int chart_height(struct canvas *canvas, const struct chart *chart, int width, int height,
                 struct clr_error *err);

/* Draw the chart, from the canvas's origin. CLR_ENOMEM. */
int chart_draw(struct canvas *canvas, const struct chart *chart, int width, int height,
               struct clr_error *err);

#endif
