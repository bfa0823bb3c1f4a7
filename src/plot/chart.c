/*
 * Charts: see chart.h.
 *
 * Colours: Okabe and Ito, "Color Universal Design" (2008), in an order whose neighbours differ most, without
 * the yellow, which is too light for lines on white. Dash patterns and markers repeat with other periods than
 * the colours, so that the first 24 curves also differ in grey.
 */
#include "plot/chart.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plot/axes.h"
#include "plot/place.h"

#define INK      0x222222
#define INK_SOFT 0x444444
#define GRID     0xE4E4E4
#define GUIDE    0x606060
#define SHADE    0x009E73
#define MUTED    0xC4C4C4
#define CELL     3.0 /* of the map of what is taken, in pixels; larger where the figure is huge */
#define MARK     7.0 /* size of a marker */

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

struct legend {
    char text[CHART_MAX_SERIES + 1][CHART_LABEL];
    size_t count, columns, rows;
    double column_width, w, h;
    bool cut;      /* a text did not fit */
    bool band_row; /* the last entry is the band's */
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
    bool legend_below;
    struct place_box legend_box;
};

/* ---- the model ---- */

int chart_add_series(struct chart_panel *panel, const char *label, size_t count, bool band,
                     struct chart_series **out, struct clr_error *err)
{
    struct chart_series s = {.count = count, .look = panel->series_count, .markers = true};
    int rc = 0;

    if (!panel->series)
        rc = mem_new(&panel->series, CHART_MAX_SERIES, sizeof *panel->series, "curves", err);
    if (rc == 0 && panel->series_count == CHART_MAX_SERIES)
        rc = clr_error_set(err, CLR_EUSAGE, "more than %d curves cannot be told apart: plot fewer",
                           CHART_MAX_SERIES);
    str_copy(s.label, sizeof s.label, label);
    if (rc == 0)
        rc = mem_new(&s.x, count, sizeof(double), "curve", err);
    if (rc == 0)
        rc = mem_new(&s.y, count, sizeof(double), "curve", err);
    if (rc == 0 && band)
        rc = mem_new(&s.low, count, sizeof(double), "curve", err);
    if (rc == 0 && band)
        rc = mem_new(&s.high, count, sizeof(double), "curve", err);
    if (rc < 0) {
        free(s.x);
        free(s.y);
        free(s.low);
        return rc;
    }
    panel->series[panel->series_count] = s;
    *out = &panel->series[panel->series_count++];
    return 0;
}

void chart_add_guide(struct chart_panel *panel, struct chart_guide guide)
{
    if (panel->guide_count < CHART_MAX_GUIDES)
        panel->guides[panel->guide_count++] = guide;
}

static void clear_series(struct chart_series *s)
{
    free(s->x);
    free(s->y);
    free(s->low);
    free(s->high);
    free(s->smooth);
}

void chart_remove_series(struct chart *chart, size_t index)
{
    for (size_t p = 0; p < chart->panel_count; p++) {
        struct chart_panel *panel = &chart->panels[p];
        struct chart_series *s = &panel->series[index];
        clear_series(s);
        memmove(s, s + 1, (--panel->series_count - index) * sizeof *s);
    }
}

void chart_clear(struct chart *chart)
{
    for (size_t p = 0; p < MEM_COUNT(chart->panels); p++) {
        struct chart_panel *panel = &chart->panels[p];
        for (size_t i = 0; i < panel->series_count; i++)
            clear_series(&panel->series[i]);
        free(panel->series);
    }
    memset(chart, 0, sizeof *chart);
}

/* ---- style ---- */

static struct look look_of(size_t i)
{
    static const uint32_t colors[] = {0x0072B2, 0xD55E00, 0x009E73, 0xCC79A7, 0x000000, 0x56B4E9, 0xE69F00};
    static const enum canvas_dash dashes[] = {CANVAS_SOLID, CANVAS_LONG, CANVAS_DASH_DOT, CANVAS_DASHES,
                                              CANVAS_DOTS};

    return (struct look){colors[i % MEM_COUNT(colors)], dashes[i % MEM_COUNT(dashes)],
                         (enum canvas_marker)(i % CANVAS_MARKERS)};
}

/* Text grows slower than the figure, so that small figures stay readable and large ones do not look empty. */
static struct sizes sizes_of(double width, double height)
{
    double u = sqrt(fmin(width / 960.0, height / 600.0));

    u = u < 0.85 ? 0.85 : u > 2.5 ? 2.5 : u;
    return (struct sizes){u, 12.5 * u, 13.5 * u, 15.5 * u, 2.0 * u, 18.5 * u};
}

/* ---- ranges ---- */

static void x_range(struct drawing *d)
{
    double lo = INFINITY, hi = -INFINITY;

    for (size_t p = 0; p < d->chart->panel_count; p++) {
        const struct chart_panel *panel = &d->chart->panels[p];
        for (size_t i = 0; i < panel->series_count; i++) {
            const struct chart_series *s = &panel->series[i];
            lo = fmin(lo, s->x[0]);
            hi = fmax(hi, s->x[s->count - 1]);
        }
        for (size_t i = 0; i < panel->guide_count; i++) {
            const struct chart_guide *g = &panel->guides[i];
            if (isfinite(g->x0)) {
                lo = fmin(lo, g->x0);
                hi = fmax(hi, g->x1);
            }
        }
    }
    if (d->chart->x_from_zero && !d->chart->x_log)
        axes_set_range(&d->x, false, fmin(0.0, lo), hi, 0.02, fmin(0.0, lo), INFINITY);
    else
        axes_set_range(&d->x, d->chart->x_log, lo, hi, 0.02, lo >= 0 ? 0.0 : -INFINITY, INFINITY);
    d->x.whole = d->chart->x_whole;
}

static void y_range(struct drawing *d, size_t p)
{
    const struct chart_panel *panel = &d->chart->panels[p];
    double lo = INFINITY, hi = -INFINITY;

    for (size_t i = 0; i < panel->series_count; i++) {
        const struct chart_series *s = &panel->series[i];
        for (size_t k = 0; k < s->count; k++) {
            lo = fmin(lo, s->low ? fmin(s->low[k], s->y[k]) : s->y[k]);
            hi = fmax(hi, s->high ? fmax(s->high[k], s->y[k]) : s->y[k]);
        }
    }
    if (panel->from_zero)
        lo = fmin(lo, 0.0);
    if (hi - lo < panel->min_span) {
        double more = (panel->min_span - (hi - lo)) / 2;
        lo -= more;
        hi += more;
    }
    axes_set_range(&d->y[p], false, lo, hi, 0.05, panel->from_zero ? lo : panel->floor, panel->ceiling);
}

/* ---- layout ---- */

static double px(const struct drawing *d, size_t p, double x)
{
    return d->box[p].x + axes_fraction(&d->x, x) * d->box[p].w;
}

static double py(const struct drawing *d, size_t p, double y)
{
    return d->box[p].y + (1.0 - axes_fraction(&d->y[p], y)) * d->box[p].h;
}

static double widest_tick(struct drawing *d, const struct axis *a)
{
    double widest = 0.0;

    for (int i = 0; i < a->count; i++)
        widest = fmax(widest, canvas_text_width(d->canvas, a->ticks[i].text, d->s.text, false));
    return widest;
}

/* As many ticks as leave a gap of one and a half letters' height between their texts. */
static void fit_x_ticks(struct drawing *d, double width)
{
    int max = (int)(width / (40.0 * d->s.unit));

    for (max = max > 12 ? 12 : max; max >= 2; max--) {
        double clear = INFINITY;
        axes_set_ticks(&d->x, max);
        for (int i = 1; i < d->x.count; i++) {
            double gap =
                (axes_fraction(&d->x, d->x.ticks[i].value) - axes_fraction(&d->x, d->x.ticks[i - 1].value)) *
                width;
            double text = (canvas_text_width(d->canvas, d->x.ticks[i].text, d->s.text, false) +
                           canvas_text_width(d->canvas, d->x.ticks[i - 1].text, d->s.text, false)) /
                          2;
            clear = fmin(clear, gap - text);
        }
        if (clear >= 1.5 * d->s.text)
            return;
    }
}

static void measure_legend(struct drawing *d, double max_width, size_t max_rows)
{
    struct legend *l = &d->legend;
    const struct chart_panel *panel = &d->chart->panels[0];
    double handle = 44 * d->s.unit, gap = 20 * d->s.unit, widest = 0.0;
    size_t fit;

    memset(l, 0, sizeof *l);
    for (size_t i = 0; i < panel->series_count; i++)
        canvas_fit_text(d->canvas, l->text[l->count++], CHART_LABEL, panel->series[i].label, d->s.text, false,
                        max_width - handle);
    if (d->chart->band_label[0]) {
        l->band_row = true;
        canvas_fit_text(d->canvas, l->text[l->count++], CHART_LABEL, d->chart->band_label, d->s.text, false,
                        max_width - handle);
    }
    for (size_t i = 0; i < l->count; i++)
        widest = fmax(widest, canvas_text_width(d->canvas, l->text[i], d->s.text, false));
    for (size_t i = 0; i < panel->series_count; i++)
        l->cut = l->cut || strcmp(l->text[i], panel->series[i].label) != 0;
    l->column_width = handle + widest;
    fit = (size_t)fmax(1.0, floor((max_width + gap) / (l->column_width + gap)));
    l->columns = d->legend_below ? (fit < l->count ? fit : l->count) : 1;
    l->rows = l->columns ? (l->count + l->columns - 1) / l->columns : 0;
    if (l->rows > max_rows)
        l->rows = max_rows;
    if (l->rows > 0)
        l->columns =
            (l->count + l->rows - 1) / l->rows < l->columns ? (l->count + l->rows - 1) / l->rows : l->columns;
    l->w = l->columns ? (double)l->columns * (l->column_width + gap) - gap : 0.0;
    l->h = (double)l->rows * d->s.row;
}

static bool wants_legend(const struct chart *chart)
{
    const struct chart_panel *panel = &chart->panels[0];

    for (size_t i = 0; i < panel->series_count; i++)
        if (panel->series[i].label[0])
            return true;
    return chart->band_label[0] != '\0';
}

/* The legend's place when it stands below everything; gives the height it takes. */
static double lay_out_legend_below(struct drawing *d, double top, double bottom)
{
    double u = d->s.unit;

    measure_legend(d, d->width - 32 * u, (size_t)fmax(1.0, floor((bottom - top) * 0.45 / d->s.row)));
    d->legend_box =
        (struct place_box){(d->width - d->legend.w) / 2, bottom - d->legend.h, d->legend.w, d->legend.h};
    return d->legend.h + 8 * u;
}

/* Heights of the panels between top and bottom, and their ticks. Gives the width of the widest tick text. */
static double lay_out_panels(struct drawing *d, double top, double bottom)
{
    const struct chart *chart = d->chart;
    double gap = 16 * d->s.unit, share = 0.0, widest = 0.0;
    double room = bottom - top - gap * (double)(chart->panel_count - 1);

    for (size_t p = 0; p < chart->panel_count; p++)
        share += chart->panels[p].share;
    for (size_t p = 0; p < chart->panel_count; p++) {
        double h = room * chart->panels[p].share / share;
        int max = (int)(h / (34.0 * d->s.unit));
        axes_set_ticks(&d->y[p], max > 11 ? 11 : max);
        widest = fmax(widest, widest_tick(d, &d->y[p]));
        d->box[p].y = top;
        d->box[p].h = h;
        top += h + gap;
    }
    return widest;
}

/* Plot areas: what title, labels, ticks and a legend below leave. */
static void lay_out(struct drawing *d)
{
    double u = d->s.unit, top = 14 * u, bottom = d->height - 10 * u, left, right = d->width - 16 * u;

    if (d->chart->title[0])
        top += 1.75 * d->s.title;
    if (d->legend_below)
        bottom -= lay_out_legend_below(d, top, bottom);
    bottom -= 1.5 * d->s.label + 1.9 * d->s.text;
    left = 21 * u + 1.5 * d->s.label + lay_out_panels(d, top, bottom);
    for (int pass = 0; pass < 2; pass++) { /* the last tick's text stays inside */
        double over = 0.0;
        fit_x_ticks(d, right - left);
        for (int i = 0; i < d->x.count; i++) {
            double at = left + axes_fraction(&d->x, d->x.ticks[i].value) * (right - left);
            over = fmax(over, at + canvas_text_width(d->canvas, d->x.ticks[i].text, d->s.text, false) / 2);
        }
        if (over > d->width - 8 * u)
            right -= over - (d->width - 8 * u);
    }
    for (size_t p = 0; p < d->chart->panel_count; p++) {
        d->box[p].x = left;
        d->box[p].w = right - left;
    }
}

/* ---- curves as points on the canvas ---- */

/*
 * Points of v (one of the series' arrays) in pixels. More points than a curve can show are thinned: of every
 * half pixel column the first, lowest, highest and last stay. Returns how many; xy holds 2 × that.
 */
static size_t trace_series(const struct drawing *d, size_t p, const struct chart_series *s, const double *v,
                           double *xy)
{
    size_t n = 0;

    if (s->count <= (size_t)(4 * d->box[p].w)) {
        for (size_t i = 0; i < s->count; i++) {
            xy[2 * n] = px(d, p, s->x[i]);
            xy[2 * n++ + 1] = py(d, p, v[i]);
        }
        return n;
    }
    for (size_t i = 0; i < s->count;) {
        double column = floor(2 * px(d, p, s->x[i]));
        size_t first = i, lowest = i, highest = i, keep[4];
        for (; i < s->count && floor(2 * px(d, p, s->x[i])) == column; i++) {
            lowest = v[i] < v[lowest] ? i : lowest;
            highest = v[i] > v[highest] ? i : highest;
        }
        keep[0] = first;
        keep[1] = lowest < highest ? lowest : highest;
        keep[2] = lowest < highest ? highest : lowest;
        keep[3] = i - 1;
        for (size_t k = 0; k < 4; k++) {
            if (k > 0 && keep[k] == keep[k - 1])
                continue;
            xy[2 * n] = px(d, p, s->x[keep[k]]);
            xy[2 * n++ + 1] = py(d, p, v[keep[k]]);
        }
    }
    return n;
}

/* What the line goes through. */
static const double *line_of(const struct chart_series *s)
{
    return s->smooth ? s->smooth : s->y;
}

/* The largest series' room for trace_series(), twice (a band's outline). */
static int new_trace(const struct drawing *d, double **xy, struct clr_error *err)
{
    size_t most = 1;

    for (size_t p = 0; p < d->chart->panel_count; p++) {
        for (size_t i = 0; i < d->chart->panels[p].series_count; i++) {
            size_t n = d->chart->panels[p].series[i].count;
            most = n > most ? n : most;
        }
    }
    return mem_new(xy, most, 4 * sizeof(double), "curve", err);
}

/* ---- what is taken ---- */

static struct place_box guide_pixels(const struct drawing *d, size_t p, const struct chart_guide *g)
{
    const struct place_box *b = &d->box[p];
    double x0 = isinf(g->x0) ? b->x : px(d, p, g->x0), x1 = isinf(g->x1) ? b->x + b->w : px(d, p, g->x1);
    double y0 = isinf(g->y0) ? b->y + b->h : py(d, p, g->y0), y1 = isinf(g->y1) ? b->y : py(d, p, g->y1);

    return (struct place_box){x0, y0, x1 - x0, y1 - y0}; /* w, h may be negative: a line */
}

static void take_curves(struct drawing *d, size_t p, double *xy)
{
    const struct chart_panel *panel = &d->chart->panels[p];
    double radius = 3.0 * d->s.unit;

    for (size_t i = 0; i < panel->series_count; i++) {
        const struct chart_series *s = &panel->series[i];
        size_t n = trace_series(d, p, s, line_of(s), xy);
        for (size_t k = 0; k + 1 < n; k++)
            place_take_segment(&d->place[p], xy[2 * k], xy[2 * k + 1], xy[2 * k + 2], xy[2 * k + 3], radius);
        place_take_segment(&d->place[p], xy[2 * n - 2], xy[2 * n - 1], xy[2 * n - 2], xy[2 * n - 1], radius);
        for (size_t k = 0; s->low && k < s->count; k++) {
            double x = px(d, p, s->x[k]);
            place_take_segment(&d->place[p], x, py(d, p, s->low[k]), x, py(d, p, s->high[k]), radius);
        }
    }
}

static void take_guides(struct drawing *d, size_t p)
{
    const struct chart_panel *panel = &d->chart->panels[p];

    for (size_t i = 0; i < panel->guide_count; i++) {
        struct place_box l = guide_pixels(d, p, &panel->guides[i]);
        place_take_segment(&d->place[p], l.x, l.y, l.x + l.w, l.y + l.h, 1.0);
    }
}

/* ---- drawing ---- */

static void draw_axes(struct drawing *d, size_t p)
{
    const struct place_box *b = &d->box[p];
    double u = d->s.unit, foot = b->y + b->h;
    struct canvas_pen grid = {GRID, 1.0, 0.9 * u, CANVAS_SOLID},
                      spine = {INK_SOFT, 1.0, 1.0 * u, CANVAS_SOLID};
    bool last = p + 1 == d->chart->panel_count;

    for (int i = 0; i < d->y[p].count; i++) {
        double y = py(d, p, d->y[p].ticks[i].value);
        canvas_rule(d->canvas, b->x, y, b->x + b->w, y, &grid);
    }
    for (int i = 0; i < d->x.count; i++) {
        double x = px(d, p, d->x.ticks[i].value);
        canvas_rule(d->canvas, x, b->y, x, foot, &grid);
    }
    for (int i = 0; i < d->x.count; i++) {
        double x = px(d, p, d->x.ticks[i].value);
        canvas_rule(d->canvas, x, foot, x, foot + 5 * u, &spine);
        if (last)
            canvas_text(d->canvas, x, foot + 7 * u + 0.6 * d->s.text, d->x.ticks[i].text, d->s.text, false,
                        CANVAS_CENTER, INK);
    }
    for (int i = 0; i < d->x.minor_count; i++) {
        double x = px(d, p, d->x.minor[i]);
        canvas_rule(d->canvas, x, foot, x, foot + 3 * u, &spine);
    }
    for (int i = 0; i < d->y[p].count; i++) {
        double y = py(d, p, d->y[p].ticks[i].value);
        canvas_rule(d->canvas, b->x - 5 * u, y, b->x, y, &spine);
        canvas_text(d->canvas, b->x - 8 * u, y, d->y[p].ticks[i].text, d->s.text, false, CANVAS_RIGHT, INK);
    }
    canvas_rule(d->canvas, b->x, b->y, b->x, foot, &spine);
    canvas_rule(d->canvas, b->x, foot, b->x + b->w, foot, &spine);
}

static void draw_labels(struct drawing *d)
{
    const struct place_box *b = &d->box[d->chart->panel_count - 1];
    char text[CHART_LABEL];

    if (d->chart->title[0]) {
        const double size = d->chart->small_title ? d->s.label : d->s.title;
        canvas_fit_text(d->canvas, text, sizeof text, d->chart->title, size, true, d->width - 24 * d->s.unit);
        canvas_text(d->canvas, d->width / 2, 14 * d->s.unit + 0.45 * d->s.title, text, size, true,
                    CANVAS_CENTER, INK);
    }
    canvas_text(d->canvas, b->x + b->w / 2, b->y + b->h + 1.9 * d->s.text + 0.85 * d->s.label,
                d->chart->x_label, d->s.label, false, CANVAS_CENTER, INK);
    for (size_t p = 0; p < d->chart->panel_count; p++) {
        double room = d->chart->panel_count == 1 ? d->height - 8 * d->s.unit : d->box[p].h, half, y;
        canvas_fit_text(d->canvas, text, sizeof text, d->chart->panels[p].y_label, d->s.label, false, room);
        half = canvas_text_width(d->canvas, text, d->s.label, false) / 2 + 4 * d->s.unit;
        y = d->box[p].y + d->box[p].h / 2;
        y = d->chart->panel_count == 1 ? fmax(half, fmin(y, d->height - half)) : y;
        canvas_text_up(d->canvas, 12 * d->s.unit + 0.5 * d->s.label, y, text, d->s.label, INK);
    }
}

static void draw_bands(struct drawing *d, size_t p, double *xy)
{
    const struct chart_panel *panel = &d->chart->panels[p];

    for (size_t i = 0; i < panel->series_count; i++) {
        const struct chart_series *s = &panel->series[i];
        size_t n, m;
        if (!s->low || s->muted)
            continue;
        n = trace_series(d, p, s, s->high, xy);
        m = trace_series(d, p, s, s->low, xy + 2 * n);
        for (size_t k = 0; k < m / 2; k++) { /* back along the lower edge */
            double *a = xy + 2 * (n + k), *b = xy + 2 * (n + m - 1 - k), t[2] = {a[0], a[1]};
            memcpy(a, b, sizeof t);
            memcpy(b, t, sizeof t);
        }
        canvas_polygon(d->canvas, xy, n + m, look_of(s->look).rgb, 0.25);
    }
}

static void draw_markers(struct drawing *d, size_t p, size_t index)
{
    const struct chart_series *s = &d->chart->panels[p].series[index];
    struct look look = look_of(s->look);
    double size = MARK * d->s.unit, every = 16 * d->s.unit, next = -INFINITY;

    if (!s->markers && s->count > 1)
        return;
    /* All points where there is room, else some, shifted from curve to curve. */
    if (s->count > 1 && px(d, p, s->x[s->count - 1]) - px(d, p, s->x[0]) < every * (double)(s->count - 1)) {
        every = 64 * d->s.unit;
        next = d->box[p].x + every * (0.25 + fmod(0.381966 * (double)index, 1.0));
    }
    for (size_t k = 0; k < s->count; k++) {
        double x = px(d, p, s->x[k]);
        if (x < next)
            continue;
        canvas_mark(d->canvas, look.marker, x, py(d, p, s->y[k]), size, look.rgb);
        next = isinf(next) ? next : next + every * ceil((x - next + 1e-9) / every);
    }
}

static void draw_curves(struct drawing *d, size_t p, double *xy)
{
    const struct chart_panel *panel = &d->chart->panels[p];

    for (size_t i = panel->series_count; i-- > 0;) { /* the first one on top */
        const struct chart_series *s = &panel->series[i];
        struct look look = look_of(s->look);
        struct canvas_pen pen = {look.rgb, 1.0, d->s.line, look.dash};
        if (s->muted)
            pen = (struct canvas_pen){MUTED, 1.0, 1.2 * d->s.unit, CANVAS_SOLID};
        canvas_polyline(d->canvas, xy, trace_series(d, p, s, line_of(s), xy), &pen);
        draw_markers(d, p, i);
    }
}

/* The first of the candidates that covers nothing, else the one that covers least. Returns the cells covered.
 */
static int best_box(struct place *place, const struct place_box *candidates, size_t count,
                    struct place_box *out)
{
    int least = -1;

    for (size_t i = 0; i < count && least != 0; i++) {
        int n = place_overlap(place, candidates[i]);
        if (least < 0 || n < least) {
            least = n;
            *out = candidates[i];
        }
    }
    return least;
}

#define MAX_CANDIDATES 64

static void draw_guide_text(struct drawing *d, size_t p, const struct chart_guide *g)
{
    struct place_box l = guide_pixels(d, p, g), at[MAX_CANDIDATES], found = {0}, *b = &d->box[p];
    double u = d->s.unit, h = 1.25 * d->s.text, gap = fmax(4 * u, 1.5 * d->cell);
    double w = canvas_text_width(d->canvas, g->text, d->s.text, false) + 4 * u;
    size_t n = 0;
    int covers;

    if (g->text_at == CHART_TEXT_ALONG) {
        for (int i = 0; i < MAX_CANDIDATES / 2; i++) {
            double x = l.x + gap + (l.w - w - 2 * gap) * i / (MAX_CANDIDATES / 2 - 1);
            at[n++] = (struct place_box){x, l.y - h - gap, w, h};
            at[n++] = (struct place_box){x, l.y + gap, w, h};
        }
    } else {
        bool foot = g->text_at == CHART_TEXT_FOOT;
        for (int i = 0; i < MAX_CANDIDATES / 2; i++) {
            double down = (b->h - h - 2 * gap) * i / (MAX_CANDIDATES / 2 - 1);
            double y = foot ? b->y + b->h - gap - h - down : b->y + gap + down;
            at[n++] = (struct place_box){l.x + gap, y, w, h};
            at[n++] = (struct place_box){l.x - gap - w, y, w, h};
        }
    }
    covers = best_box(&d->place[p], at, n, &found);
    if (covers > 0 && g->text_at == CHART_TEXT_ALONG)
        return; /* the axis tells the same */
    place_take_box(&d->place[p], found);
    if (covers > 0)
        canvas_rect(d->canvas, found.x, found.y, found.w, found.h, 0xFFFFFF, 0.8);
    canvas_text(d->canvas, found.x + found.w / 2, found.y + found.h / 2, g->text, d->s.text, false,
                CANVAS_CENTER, INK_SOFT);
}

static void draw_guides(struct drawing *d, size_t p)
{
    const struct chart_panel *panel = &d->chart->panels[p];
    struct canvas_pen pen = {GUIDE, 1.0, 1.15 * d->s.unit, CANVAS_GUIDE};

    for (size_t i = 0; i < panel->guide_count; i++) {
        struct place_box l = guide_pixels(d, p, &panel->guides[i]);
        canvas_rule(d->canvas, l.x, l.y, l.x + l.w, l.y + l.h, &pen);
    }
    for (size_t i = 0; i < panel->guide_count; i++) {
        if (panel->guides[i].text_at != CHART_NO_TEXT)
            draw_guide_text(d, p, &panel->guides[i]);
    }
}

static void draw_legend_entry(struct drawing *d, size_t i, double x, double y)
{
    double u = d->s.unit, handle = 34 * u, xy[4] = {x, y, x + handle, y};

    if (d->legend.band_row && i + 1 == d->legend.count) {
        canvas_rect(d->canvas, x, y - 5 * u, handle, 10 * u, 0x888888, 0.30);
    } else {
        const struct chart_series *s = &d->chart->panels[0].series[i];
        struct look look = look_of(s->look);
        struct canvas_pen pen = {look.rgb, 1.0, d->s.line, look.dash};
        canvas_polyline(d->canvas, xy, 2, &pen);
        if (s->markers || s->count == 1)
            canvas_mark(d->canvas, look.marker, x + handle / 2, y, MARK * u, look.rgb);
    }
    canvas_text(d->canvas, x + 44 * u, y, d->legend.text[i], d->s.text, false, CANVAS_LEFT, INK);
}

static void draw_legend(struct drawing *d)
{
    struct legend *l = &d->legend;
    double u = d->s.unit, pad = 8 * u;
    struct canvas_pen edge = {0xCCCCCC, 1.0, 0.9 * u, CANVAS_SOLID};
    size_t room = l->rows * l->columns;

    if (!d->legend_below) {
        struct place_box b = d->legend_box;
        canvas_rect(d->canvas, b.x, b.y, b.w, b.h, 0xFFFFFF, 1.0);
        canvas_frame(d->canvas, b.x, b.y, b.w, b.h, &edge);
    } else {
        pad = 0.0;
    }
    for (size_t i = 0; i < l->count && i < room; i++) {
        double x = d->legend_box.x + pad + (double)(i / l->rows) * (l->column_width + 20 * u);
        double y = d->legend_box.y + pad + ((double)(i % l->rows) + 0.5) * d->s.row;
        if (i + 1 == room && l->count > room) {
            char more[40];
            (void)snprintf(more, sizeof more, "… and %zu more", l->count - i);
            canvas_text(d->canvas, x + 44 * u, y, more, d->s.text, false, CANVAS_LEFT, INK);
            break;
        }
        draw_legend_entry(d, i, x, y);
    }
}

/* ---- all of it ---- */

static void clear_places(struct drawing *d)
{
    for (size_t p = 0; p < MEM_COUNT(d->place); p++)
        place_clear(&d->place[p]);
}

/* Map what the panels will hold, texts of guides apart (they are small and go where room is left). */
static int map_panels(struct drawing *d, double *xy, struct clr_error *err)
{
    int rc;

    clear_places(d);
    for (size_t p = 0; p < d->chart->panel_count; p++) {
        rc = place_init(&d->place[p], d->box[p], d->cell, err);
        if (rc < 0)
            return rc;
        take_curves(d, p, xy);
    }
    return 0;
}

/* Is there room for the legend in the first panel? Guides and the foot, where their texts go, stay free. */
static bool place_legend_inside(struct drawing *d)
{
    double pad = 8 * d->s.unit, max = d->box[0].w * 0.6;
    struct place_box foot = d->box[0];
    bool found;

    measure_legend(d, max, CHART_MAX_SERIES + 1);
    if (d->chart->panels[0].guide_count > 0) {
        double h = 1.25 * d->s.text + 8 * d->s.unit;
        foot.y += foot.h - h;
        foot.h = h;
        place_take_box(&d->place[0], foot);
    }
    take_guides(d, 0);
    found = place_find_corner(&d->place[0], d->legend.w + 2 * pad, d->legend.h + 2 * pad, 8 * d->s.unit,
                              &d->legend_box);
    return found && !d->legend.cut && d->legend.h < 0.6 * d->box[0].h;
}

static int draw_panels(struct drawing *d, double *xy, struct clr_error *err)
{
    int rc = map_panels(d, xy, err);

    if (rc < 0)
        return rc;
    if (wants_legend(d->chart) && !d->legend_below)
        place_take_box(&d->place[0], d->legend_box);
    for (size_t p = 0; p < d->chart->panel_count; p++) {
        const struct chart_panel *panel = &d->chart->panels[p];
        const struct place_box *b = &d->box[p];
        if (panel->shaded) {
            double x0 = px(d, p, panel->shade_lo), x1 = px(d, p, panel->shade_hi);
            canvas_rect(d->canvas, x0, b->y, x1 - x0, b->h, SHADE, 0.10);
        }
        draw_axes(d, p);
        draw_bands(d, p, xy);
        take_guides(d, p);
        draw_guides(d, p);
        draw_curves(d, p, xy);
    }
    return 0;
}

int chart_draw(struct canvas *canvas, const struct chart *chart, int width, int height, struct clr_error *err)
{
    struct drawing *d = NULL;
    double *xy = NULL;
    int rc;

    rc = mem_new(&d, 1, sizeof *d, "drawing", err);
    if (rc < 0)
        return rc;
    d->canvas = canvas;
    d->chart = chart;
    d->width = width;
    d->height = height;
    d->cell = CELL * fmax(1.0, fmax(width, height) / 2000.0);
    d->s = sizes_of(width, height);
    rc = new_trace(d, &xy, err);
    if (rc < 0)
        goto out;
    x_range(d);
    for (size_t p = 0; p < chart->panel_count; p++)
        y_range(d, p);
    lay_out(d);
    if (wants_legend(chart)) {
        rc = map_panels(d, xy, err);
        if (rc < 0)
            goto out;
        if (!place_legend_inside(d)) {
            d->legend_below = true;
            lay_out(d);
        }
    }
    rc = draw_panels(d, xy, err);
    if (rc < 0)
        goto out;
    draw_labels(d);
    if (wants_legend(chart))
        draw_legend(d);
out:
    clear_places(d);
    free(xy);
    free(d);
    return rc;
}
