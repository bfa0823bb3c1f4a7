/* A chart while it is drawn: what chart.c, legend.c, curves.c and guides.c share, and bars.c in part. */
#ifndef PLOT_DRAWING_H
#define PLOT_DRAWING_H

#include "plot/chart.h"

#include "plot/axes.h"
#include "plot/place.h"

#define INK      0x222222
#define INK_SOFT 0x444444
#define GRID     0xE4E4E4
#define GUIDE    0x606060
#define SHADE    0x009E73
#define BOUND    0xE69F00
#define MUTED    0xC4C4C4
#define MARK     7.0  /* size of a marker */
#define ROW      1.35 /* height of a row above a panel, in texts */
#define DRAWING_TITLE_ROW                                                                                    \
    1.25 /* height of a row of the title, in its text; of the x axis's label, likewise */
#define DRAWING_X_LABEL 1.5

struct look {
    uint32_t rgb;
    enum canvas_dash dash;
    enum canvas_marker marker;
};

/* Lengths of this figure, in pixels at 96 dpi. */
struct sizes {
    double unit;  /* 1 for a figure of 960 × 600 */
    double text;  /* tick and legend text */
    double label; /* axis labels */
    double title;
    double line, row; /* curve width; height of a legend row */
};

struct legend_entry {
    char text[CHART_LABEL];
    const struct chart_series *series; /* NULL: a key */
    enum chart_key_kind kind;
};

struct legend {
    struct legend_entry entries[CHART_MAX_SERIES + CHART_MAX_KEYS];
    size_t count, columns, rows;
    double column_width, w, h;
    bool cut; /* a text did not fit */
};

/* Texts over vertical guides, above the first panel. */
struct head {
    const struct chart_guide *guide;
    double x, w; /* left edge, width */
    int row;     /* from the panel upwards */
};
struct heads {
    struct head text[CHART_MAX_GUIDES];
    size_t count;
    int rows;
};

struct drawing {
    struct canvas *canvas;
    const struct chart *chart;
    double width, height, cell;
    struct sizes s;
    struct axis x, y[2];
    struct place_box box[2]; /* plot areas */
    struct place place[2];
    struct legend legend;
    int title_rows;
    bool labels_above; /* the y axes' labels, level, where they are too long to stand beside the panels */
    bool legend_below;
    bool whole;        /* nothing is left out or made smaller where there is little height: chart_height() */
    bool low;          /* texts are brief, title and legend small */
    double share;      /* of the figure's height: what a legend below leaves the panels */
    size_t lane_count; /* all of the chart's, or none where they take the room of the curves' names */
    struct place_box legend_box;
    double panels_height; /* of all panels, before a legend below takes a part */
    struct heads heads;
    size_t omitted; /* texts of guides that had no room */
};

/* Draw the chart, from the canvas's origin; canvas, chart, width and height are filled in. Afterwards the
 * struct has where everything was placed. CLR_ENOMEM. */
int drawing_run(struct drawing *d, struct clr_error *err);

struct look look_of(size_t i);

struct sizes drawing_sizes(double width, double height, bool low);

/* The ticks of an x axis below the box, with their lines in the box and, unless `texts` is false, their
 * texts. */
void drawing_x_ticks(struct canvas *canvas, const struct axis *a, const struct sizes *s, struct place_box b,
                     bool texts);

/* Text of the size of ticks and legends. */
double drawing_text_width(const struct drawing *d, const char *text);
void drawing_text(struct drawing *d, double x, double y, const char *text, enum canvas_align align,
                  uint32_t rgb);

/* Place on the canvas; what lies beyond the panel, far beyond is brought nearer. */
double drawing_px(const struct drawing *d, size_t p, double x);
double drawing_py(const struct drawing *d, size_t p, double y);

/* legend.c */
bool legend_is_needed(const struct chart *chart);
/* The legend's place when it stands below everything; gives the height it takes. */
double legend_place_below(struct drawing *d, double bottom);
/* What it would take there with all its rows. */
double legend_whole_height(const struct drawing *d);
/* Is there room for the legend in the first panel? Guides and the foot, where their texts go, stay free. */
bool legend_place_inside(struct drawing *d);
void legend_draw(struct drawing *d);
/* Has it room for all rows, or at least for the names of all curves? */
bool legend_has_all(const struct drawing *d);
bool legend_has_names(const struct drawing *d);

/* curves.c; xy: room of new_trace() */
int curves_new_trace(const struct drawing *d, double **xy, struct clr_error *err);
void curves_take(struct drawing *d, size_t p, double *xy);
void curves_draw_bands(struct drawing *d, size_t p, double *xy);
void curves_draw(struct drawing *d, size_t p, double *xy);
/* A point, or a few pale dots, as a legend shows them. */
void curves_draw_dot(struct drawing *d, const struct chart_series *s, double x, double y);
/* The arrow of a curve that continues above the axis; y: its head. */
void curves_draw_arrow(struct drawing *d, double x, double y, uint32_t rgb);
/* The line and marker of a legend's row. */
void curves_draw_sample(struct drawing *d, const struct chart_series *s, double x, double y, double width);

/* guides.c */
/* The rows of text height above the first panel: texts over guides, then lanes. */
double guides_rows_height(const struct drawing *d);
/* A lane's bar. */
void guides_draw_bar(struct drawing *d, double x, double y, double w, uint32_t rgb);
void guides_draw_lanes(struct drawing *d);
void guides_take(struct drawing *d, size_t p);
/* Places of the texts above the first panel, which is laid out: over their lines, or beside them, so that no
 * line crosses another one's text. Gives the rows they take. */
int guides_place_heads(struct drawing *d);
void guides_draw(struct drawing *d, size_t p);
void guides_draw_shades(struct drawing *d, size_t p);

#endif
