/*
 * Charts: see chart.h. Here: the model, the ranges of the axes, the layout.
 *
 * Colours: Okabe and Ito, "Color Universal Design" (2008), in an order whose neighbours differ most, without
 * the yellow, which is too light for lines on white. Dash patterns repeat with another period than colours
 * and markers, so that curves also differ in grey.
 */
#include "plot/drawing.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define LOW  100.0 /* height of the panels, in `unit`, below which texts are brief */
#define CELL 3.0   /* of the map of what is taken, in pixels; larger where the figure is huge */

/* ---- the model ---- */

static void clear_series(struct chart_series *s)
{
    free(s->x);
    free(s->y);
    free(s->low);
    free(s->high);
    free(s->smooth);
}

int chart_add_series(struct chart_panel *panel, const char *label, size_t count, bool band,
                     struct chart_series **out, struct clr_error *err)
{
    struct chart_series s = {.count = count, .look = panel->series_count, .markers = true};
    double **const arrays[] = {&s.x, &s.y, &s.low, &s.high};
    int rc = 0;

    if (!panel->series)
        rc = mem_new(&panel->series, CHART_MAX_SERIES, sizeof *panel->series, "curves", err);
    if (rc == 0 && panel->series_count == CHART_MAX_SERIES)
        rc = clr_error_set(err, CLR_EUSAGE, "more than %d curves cannot be distinguished: plot fewer",
                           CHART_MAX_SERIES);
    str_copy(s.label, sizeof s.label, label);
    for (size_t i = 0; i < (band ? 4U : 2U) && rc == 0; i++)
        rc = mem_new(arrays[i], count, sizeof(double), "curve", err);
    if (rc < 0) {
        clear_series(&s);
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

void chart_add_key(struct chart *chart, enum chart_key_kind kind, const char *format, ...)
{
    struct chart_key *key = &chart->keys[chart->key_count];
    va_list args;

    if (chart->key_count == CHART_MAX_KEYS)
        return;
    chart->key_count++;
    key->kind = kind;
    va_start(args, format);
    (void)vsnprintf(key->text, sizeof key->text, format, args);
    va_end(args);
}

void chart_add_brief(struct chart *chart, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(chart->keys[chart->key_count - 1].brief, CHART_LABEL, format, args);
    va_end(args);
}

void chart_add_above(struct chart *chart, const char *what, double most, size_t curves)
{
    char number[AXES_TEXT];

    axes_format_value(number, sizeof number, most, 2);
    chart_add_key(chart, CHART_KEY_ABOVE, "%s above the axis, %s %s", what,
                  curves > 1 ? "the highest up to" : "up to", number);
}

/* The lowest value of the curve after that part of its length; its end counts in any case, and both of two
 * points do. */
static double lowest_later(const struct chart_series *s, double early)
{
    const double length = s->x[s->count - 1] - s->x[0];
    const double first = early > 0.0 && s->count > 2 ? s->x[0] + early * length : -INFINITY;
    double lowest = INFINITY;

    for (size_t k = 0; k < s->count; k++) {
        if (s->x[k] > first || k + 1 == s->count)
            lowest = fmin(lowest, s->low ? fmin(s->low[k], s->y[k]) : s->y[k]);
    }
    return lowest;
}

void chart_begin_at(struct chart_panel *panel, double begin)
{
    panel->begins = begin > 0.0;
    panel->begin = begin;
    panel->from_zero = !panel->begins;
}

void chart_begin_axis(struct chart_panel *panel, double early)
{
    double lo = INFINITY, hi = -INFINITY, longest = -INFINITY, span, step, begin;

    for (size_t i = 0; i < panel->series_count; i++)
        longest = fmax(longest, panel->series[i].x[panel->series[i].count - 1]);
    for (size_t i = 0; i < panel->series_count; i++) {
        const struct chart_series *s = &panel->series[i];
        if (s->x[s->count - 1] >= early * longest)
            lo = fmin(lo, lowest_later(s, early));
        for (size_t k = 0; k < s->count; k++)
            hi = fmax(hi, s->high ? s->high[k] : s->y[k]);
    }
    span = fmax(hi - lo, panel->min_span);
    lo = fmin(lo, (lo + hi - panel->min_span) / 2.0);
    if (!(span > 0.0))
        span = fmax(fabs(hi), 1.0);
    step = pow(10.0, floor(log10(span))) / 2.0;
    begin = floor((lo - 0.05 * span) / step) * step;
    chart_begin_at(panel, begin >= 0.4 * hi ? begin : 0.0);
}

double chart_highest(const struct chart_series *s)
{
    double most = -INFINITY;

    for (size_t k = 0; k < s->count; k++)
        most = fmax(most, s->y[k]);
    return most;
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

struct look look_of(size_t i)
{
    static const uint32_t colors[] = {0x0072B2, 0xD55E00, 0x009E73, 0xCC79A7, 0x000000, 0x56B4E9, 0xE69F00};
    static const enum canvas_dash dashes[] = {CANVAS_SOLID, CANVAS_LONG, CANVAS_DASH_DOT, CANVAS_DASHES,
                                              CANVAS_DOTS};

    _Static_assert(MEM_COUNT(colors) == CHART_STYLES, "a style is a colour");
    return (struct look){colors[i % MEM_COUNT(colors)], dashes[i % MEM_COUNT(dashes)],
                         (enum canvas_marker)(i % CANVAS_MARKERS)};
}

/* Text grows slower than the figure, so that small figures stay readable and large ones do not look empty. */
struct sizes drawing_sizes(double width, double height, bool low)
{
    double u = sqrt(fmin(width / 960.0, height / 600.0));

    u = u < 0.85 ? 0.85 : u > 2.5 ? 2.5 : u;
    return low ? (struct sizes){u, 12.5 * u, 12.5 * u, 12.5 * u, 2.0 * u, 15.0 * u}
               : (struct sizes){u, 12.5 * u, 13.5 * u, 15.5 * u, 2.0 * u, 18.5 * u};
}

/* ---- ranges ---- */

static void x_range(struct drawing *d)
{
    double lo = INFINITY, hi = -INFINITY;

    for (size_t p = 0; p < d->chart->panel_count; p++) {
        const struct chart_panel *panel = &d->chart->panels[p];
        for (size_t i = 0; i < panel->series_count; i++) {
            const struct chart_series *s = &panel->series[i];
            assert(s->count > 0);
            lo = fmin(lo, s->x[0]);
            hi = fmax(hi, s->x[s->count - 1]);
        }
        for (size_t i = 0; i < panel->guide_count; i++) {
            const struct chart_guide *g = &panel->guides[i];
            lo = isfinite(g->x0) ? fmin(lo, g->x0) : lo;
            hi = isfinite(g->x0) ? fmax(hi, g->x1) : hi;
        }
        for (size_t i = 0; i < panel->shade_count; i++) {
            lo = fmin(lo, panel->shades[i].lo);
            hi = fmax(hi, panel->shades[i].hi);
        }
    }
    if (d->chart->x_spans)
        lo = fmin(lo, d->chart->x_first);
    if (d->chart->x_from_zero && !d->chart->x_log)
        axes_set_range(&d->x, false, fmin(0.0, lo), hi, 0.02, fmin(0.0, lo), INFINITY);
    else
        axes_set_range(&d->x, d->chart->x_log, lo, hi, 0.02, lo >= 0 ? 0.0 : -INFINITY, INFINITY);
    d->x.whole = d->chart->x_whole;
    if (d->chart->x_spans && d->chart->x_last > d->x.lo)
        d->x.hi = fmax(hi, d->chart->x_last);
}

static void y_range(struct drawing *d, size_t p)
{
    const struct chart_panel *panel = &d->chart->panels[p];
    const bool fixed = panel->begins || panel->from_zero; /* where the axis begins */
    double lo = INFINITY, hi = -INFINITY;

    for (size_t i = 0; i < panel->series_count; i++) {
        const struct chart_series *s = &panel->series[i];
        for (size_t k = 0; k < s->count; k++) {
            lo = fmin(lo, s->low ? fmin(s->low[k], s->y[k]) : s->y[k]);
            hi = fmax(hi, s->high ? fmax(s->high[k], s->y[k]) : s->y[k]);
        }
    }
    if (panel->begins)
        lo = panel->begin;
    else if (panel->from_zero)
        lo = fmin(lo, 0.0);
    hi = panel->ends ? fmin(hi, panel->ceiling) : hi;
    if (hi - lo < panel->min_span) {
        const double more = (panel->min_span - (hi - lo)) / (fixed ? 1 : 2);
        lo -= fixed ? 0.0 : more;
        hi += more;
    }
    axes_set_range(&d->y[p], panel->log, lo, hi, 0.05, fixed ? lo : panel->floor, panel->ceiling);
}

/* ---- layout ---- */

double drawing_text_width(const struct drawing *d, const char *text)
{
    return canvas_text_width(d->canvas, text, d->s.text, false);
}

void drawing_text(struct drawing *d, double x, double y, const char *text, enum canvas_align align,
                  uint32_t rgb)
{
    canvas_text(d->canvas, x, y, text, d->s.text, false, align, rgb);
}

double drawing_px(const struct drawing *d, size_t p, double x)
{
    return d->box[p].x + axes_place(&d->x, x) * d->box[p].w;
}

double drawing_py(const struct drawing *d, size_t p, double y)
{
    return d->box[p].y + (1.0 - axes_place(&d->y[p], y)) * d->box[p].h;
}

static double widest_tick(struct drawing *d, const struct axis *a)
{
    double widest = 0.0;

    for (int i = 0; i < a->count; i++)
        widest = fmax(widest, drawing_text_width(d, a->ticks[i].text));
    return widest;
}

/* Set as many ticks as fit with a gap of one and a half letters' height between their texts. */
static void fit_x_ticks(struct drawing *d, double width)
{
    int max = (int)(width / (40.0 * d->s.unit));

    for (max = max > 12 ? 12 : max; max >= 2; max--) {
        double clear = INFINITY;
        axes_set_ticks(&d->x, max);
        for (int i = 1; i < d->x.count; i++) {
            const struct axes_tick *t = &d->x.ticks[i];
            double gap = (axes_fraction(&d->x, t[0].value) - axes_fraction(&d->x, t[-1].value)) * width;
            double text = (drawing_text_width(d, t[0].text) + drawing_text_width(d, t[-1].text)) / 2;
            clear = fmin(clear, gap - text);
        }
        if (clear >= 1.5 * d->s.text)
            return;
    }
}

/* Heights of the panels between top and bottom, and their ticks. Gives the width of the widest tick text. */
static double lay_out_panels(struct drawing *d, double top, double bottom)
{
    const struct chart *chart = d->chart;
    const double gap = 16 * d->s.unit, label = d->labels_above ? 1.65 * d->s.label : 0.0;
    const double heads = guides_rows_height(d), count = (double)chart->panel_count;
    const double room = bottom - top - heads - gap * (count - 1) - label * count;
    double share = 0.0, widest = 0.0;

    for (size_t p = 0; p < chart->panel_count; p++)
        share += chart->panels[p].share;
    for (size_t p = 0; p < chart->panel_count; p++) {
        double h = room * chart->panels[p].share / share;
        int max = (int)(h / (34.0 * d->s.unit));
        axes_set_ticks(&d->y[p], max > 11 ? 11 : max);
        widest = fmax(widest, widest_tick(d, &d->y[p]));
        top += label + (p == 0 ? heads : 0.0);
        d->box[p].y = top;
        d->box[p].h = h;
        top += h + gap;
    }
    return widest;
}

/* Set the left and right edge of the panels so that the texts of the first and last tick stay in the
 * figure. */
static void lay_out_sides(struct drawing *d, double left)
{
    double u = d->s.unit, right = d->width - 16 * u;

    for (int pass = 0; pass < 2; pass++) {
        double over = 0.0;
        fit_x_ticks(d, right - left);
        for (int i = 0; i < d->x.count; i++) {
            double at = left + axes_fraction(&d->x, d->x.ticks[i].value) * (right - left);
            over = fmax(over, at + drawing_text_width(d, d->x.ticks[i].text) / 2);
        }
        if (over > d->width - 8 * u)
            right -= over - (d->width - 8 * u);
    }
    for (size_t p = 0; p < d->chart->panel_count; p++) {
        d->box[p].x = left;
        d->box[p].w = right - left;
    }
}

static double title_size(const struct drawing *d)
{
    return d->chart->title_rows > 0 ? d->s.label : d->s.title;
}

static double title_room(const struct drawing *d)
{
    return d->width - 24 * d->s.unit;
}

static void set_title_rows(struct drawing *d)
{
    const double width = canvas_text_width(d->canvas, d->chart->title, title_size(d), true);

    d->title_rows = d->chart->title_rows;
    if (d->chart->title[0] && d->title_rows == 0)
        d->title_rows = width > title_room(d) ? 2 : 1;
}

/* How long an upright label beside that panel may be: alone it may go beyond both ends. */
static double label_room(const struct drawing *d, size_t p)
{
    return d->box[p].h + (d->chart->panel_count == 1 ? 1.6 * d->s.text : 6 * d->s.unit);
}

static bool labels_fit(const struct drawing *d)
{
    for (size_t p = 0; p < d->chart->panel_count; p++)
        if (canvas_text_width(d->canvas, d->chart->panels[p].y_label, d->s.label, false) > label_room(d, p))
            return false;
    return true;
}

/* Plot areas: what title, labels, ticks, texts over the guides and a legend below leave. */
static void lay_out(struct drawing *d)
{
    double u = d->s.unit, top = 14 * u, bottom = d->height - 10 * u;

    set_title_rows(d);
    if (d->title_rows > 0)
        top += (0.5 + DRAWING_TITLE_ROW * d->title_rows) * title_size(d);
    if (d->legend_below)
        bottom -= legend_place_below(d, bottom);
    bottom -= (d->chart->x_label[0] ? DRAWING_X_LABEL * d->s.label : 0.0) + 1.9 * d->s.text;
    d->heads.rows = 0;
    d->labels_above = false;
    for (int pass = 0; pass < 3; pass++) {
        const double ticks = lay_out_panels(d, top, bottom);
        lay_out_sides(d, (d->labels_above ? 14 * u : 21 * u + 1.5 * d->s.label) + ticks);
        d->heads.rows = guides_place_heads(d);
        /* small multiples keep their panels alike */
        d->labels_above = d->labels_above || (d->chart->title_rows == 0 && !labels_fit(d));
    }
}

/* ---- axes and texts ---- */

/* The axis does not begin at 0: two strokes across its foot, outside the panel as far as they can be. */
static void draw_break(struct drawing *d, double x, double foot)
{
    const double u = d->s.unit, y = foot - 7 * u;
    const struct canvas_pen spine = {INK_SOFT, 1.0, 1.2 * u, CANVAS_SOLID};
    const double gap[8] = {x - 5 * u, y + 2 * u,   x + 5 * u, y - 2 * u,
                           x + 5 * u, y - 5.5 * u, x - 5 * u, y - 1.5 * u};

    canvas_polygon(d->canvas, gap, 4, 0xFFFFFF, 1.0);
    canvas_polyline(d->canvas, gap, 2, &spine);
    canvas_polyline(d->canvas, gap + 4, 2, &spine);
}

void drawing_x_ticks(struct canvas *canvas, const struct axis *a, const struct sizes *s, struct place_box b,
                     bool texts)
{
    const double u = s->unit, foot = b.y + b.h;
    const struct canvas_pen grid = {GRID, 1.0, 0.9 * u, CANVAS_SOLID},
                            spine = {INK_SOFT, 1.0, u, CANVAS_SOLID};

    for (int i = 0; i < a->count; i++) {
        const double x = b.x + axes_place(a, a->ticks[i].value) * b.w;
        canvas_rule(canvas, x, b.y, x, foot, &grid);
        canvas_rule(canvas, x, foot, x, foot + 5 * u, &spine);
        if (texts)
            canvas_text(canvas, x, foot + 7 * u + 0.6 * s->text, a->ticks[i].text, s->text, false,
                        CANVAS_CENTER, INK);
    }
    for (int i = 0; i < a->minor_count; i++) {
        const double x = b.x + axes_place(a, a->minor[i]) * b.w;
        canvas_rule(canvas, x, foot, x, foot + 3 * u, &spine);
    }
}

static void draw_axes(struct drawing *d, size_t p)
{
    const struct place_box *b = &d->box[p];
    double u = d->s.unit, foot = b->y + b->h;
    struct canvas_pen grid = {GRID, 1.0, 0.9 * u, CANVAS_SOLID},
                      spine = {INK_SOFT, 1.0, 1.0 * u, CANVAS_SOLID};

    for (int i = 0; i < d->y[p].count; i++) {
        double y = drawing_py(d, p, d->y[p].ticks[i].value);
        canvas_rule(d->canvas, b->x, y, b->x + b->w, y, &grid);
    }
    drawing_x_ticks(d->canvas, &d->x, &d->s, *b, p + 1 == d->chart->panel_count);
    for (int i = 0; i < d->y[p].count; i++) {
        double y = drawing_py(d, p, d->y[p].ticks[i].value);
        canvas_rule(d->canvas, b->x - 5 * u, y, b->x, y, &spine);
        drawing_text(d, b->x - 8 * u, y, d->y[p].ticks[i].text, CANVAS_RIGHT, INK);
    }
    for (int i = 0; i < d->y[p].minor_count; i++) {
        double y = drawing_py(d, p, d->y[p].minor[i]);
        canvas_rule(d->canvas, b->x - 3 * u, y, b->x, y, &spine);
    }
    canvas_rule(d->canvas, b->x, b->y, b->x, foot, &spine);
    canvas_rule(d->canvas, b->x, foot, b->x + b->w, foot, &spine);
    if (!d->y[p].log && d->y[p].lo > 0.0)
        draw_break(d, b->x, foot);
}

/* A title that is too long for one line is broken at a space. */
static void draw_title(struct drawing *d)
{
    const double size = title_size(d), room = title_room(d);
    const char *title = d->chart->title;

    for (int row = 0; *title && row < d->title_rows; row++) {
        const size_t n =
            row + 1 < d->title_rows ? canvas_break_text(d->canvas, title, size, true, room) : strlen(title);
        char line[sizeof d->chart->title];
        (void)snprintf(line, sizeof line, "%.*s", (int)n, title);
        canvas_fitted_text(d->canvas, d->width / 2, 14 * d->s.unit + (0.45 + DRAWING_TITLE_ROW * row) * size,
                           line, size, true, CANVAS_CENTER, INK, room);
        title += n;
        title += *title == ' ';
    }
}

int chart_title_rows(struct canvas *canvas, const char *title, double width)
{
    const struct sizes s = drawing_sizes(width, width, false); /* of a cell: the smallest there are */
    int rows = 0;

    do {
        title += canvas_break_text(canvas, title, s.label, true, width - 24 * s.unit);
        title += *title == ' ';
        rows++;
    } while (*title);
    return rows;
}

static void draw_y_label(struct drawing *d, size_t p)
{
    const double u = d->s.unit, heads = p == 0 ? guides_rows_height(d) : 0.0;
    const double room = d->labels_above ? d->width - 16 * u : label_room(d, p);
    const struct chart_panel *panel = &d->chart->panels[p];
    const char *label = panel->y_label;
    const struct place_box *b = &d->box[p];
    char text[CHART_LABEL];

    if (panel->y_brief && canvas_text_width(d->canvas, label, d->s.label, false) > room)
        label = panel->y_brief;
    canvas_fit_text(d->canvas, text, sizeof text, label, d->s.label, false, room);
    if (strcmp(text, label) != 0 && label == panel->y_brief) { /* what is left of it would say nothing */
        if (!d->chart->reported)
            log_line(CLR_LOG_INFO, "the label '%s' has no room: it has, in a higher figure", label);
        return;
    }
    if (d->labels_above)
        canvas_text(d->canvas, 8 * u, b->y - heads - 0.95 * d->s.label, text, d->s.label, false, CANVAS_LEFT,
                    INK);
    else
        canvas_text_up(d->canvas, 12 * u + 0.5 * d->s.label, b->y + b->h / 2, text, d->s.label, INK);
}

static void draw_labels(struct drawing *d)
{
    const struct place_box *b = &d->box[d->chart->panel_count - 1];

    draw_title(d);
    canvas_text(d->canvas, b->x + b->w / 2, b->y + b->h + 1.9 * d->s.text + 0.85 * d->s.label,
                d->chart->x_label, d->s.label, false, CANVAS_CENTER, INK);
    for (size_t p = 0; p < d->chart->panel_count; p++)
        draw_y_label(d, p);
}

/* ---- the chart ---- */

static void clear_places(struct drawing *d)
{
    for (size_t p = 0; p < MEM_COUNT(d->place); p++)
        place_clear(&d->place[p]);
}

/* Map what the panels will hold, without the texts of guides, which take the room that is left. */
static int map_panels(struct drawing *d, double *xy, struct clr_error *err)
{
    int rc;

    clear_places(d);
    for (size_t p = 0; p < d->chart->panel_count; p++) {
        rc = place_init(&d->place[p], d->box[p], d->cell, err);
        if (rc < 0)
            return rc;
        curves_take(d, p, xy);
    }
    return 0;
}

static int draw_panels(struct drawing *d, double *xy, struct clr_error *err)
{
    int rc = map_panels(d, xy, err);

    if (rc < 0)
        return rc;
    if (legend_is_needed(d->chart) && !d->legend_below)
        place_take_box(&d->place[0], d->legend_box);
    for (size_t p = 0; p < d->chart->panel_count; p++) {
        guides_draw_shades(d, p);
        draw_axes(d, p);
        curves_draw_bands(d, p, xy);
        guides_take(d, p);
        guides_draw(d, p);
        curves_draw(d, p, xy);
    }
    guides_draw_lanes(d);
    return 0;
}

static double panels_height(const struct drawing *d)
{
    return d->box[0].h + (d->chart->panel_count > 1 ? d->box[1].h : 0.0);
}

/* Below the panels, which give up a part of their height. Where too little is left of it, or a row of the
 * legend has no room, texts become brief; then lanes are omitted; then the legend's rows after the names of
 * the curves. */
static void put_legend_below(struct drawing *d)
{
    static const struct {
        bool low, lanes;
        double share;
    } tries[] = {{false, true, 0.25}, {true, true, 0.25}, {true, false, 0.4}, {true, false, 0.25}};
    const size_t count = d->whole || d->chart->title_rows > 0 ? 1 : MEM_COUNT(tries);
    bool fits = false;

    for (size_t i = 0; i < count && !fits; i++) {
        d->low = tries[i].low;
        d->lane_count = tries[i].lanes ? d->chart->lane_count : 0;
        d->share = tries[i].share;
        d->s = drawing_sizes(d->width, d->height, d->low);
        d->legend_below = false;
        lay_out(d);
        d->legend_below = true;
        d->panels_height = panels_height(d);
        lay_out(d);
        fits = (d->low ? legend_has_names(d) : legend_has_all(d)) && panels_height(d) >= LOW * d->s.unit;
    }
}

/* Find the place of everything. *xy: room for curves, to be freed. */
static int place_all(struct drawing *d, double **xy, struct clr_error *err)
{
    int rc;

    d->cell = CELL * fmax(1.0, fmax(d->width, d->height) / 2000.0);
    d->s = drawing_sizes(d->width, d->height, false);
    d->lane_count = d->chart->lane_count;
    rc = curves_new_trace(d, xy, err);
    if (rc < 0)
        return rc;
    x_range(d);
    for (size_t p = 0; p < d->chart->panel_count; p++)
        y_range(d, p);
    lay_out(d);
    if (!legend_is_needed(d->chart))
        return 0;
    rc = map_panels(d, *xy, err);
    if (rc < 0 || legend_place_inside(d))
        return rc;
    put_legend_below(d);
    return 0;
}

int drawing_run(struct drawing *d, struct clr_error *err)
{
    double *xy = NULL;
    int rc = place_all(d, &xy, err);

    if (rc == 0)
        rc = draw_panels(d, xy, err);
    if (rc == 0) {
        draw_labels(d);
        if (legend_is_needed(d->chart))
            legend_draw(d);
    }
    clear_places(d);
    free(xy);
    return rc;
}

int chart_height(struct canvas *canvas, const struct chart *chart, int width, int height,
                 struct clr_error *err)
{
    struct drawing d = {.canvas = canvas, .chart = chart, .width = width, .height = height, .whole = true};
    double *xy = NULL;
    int rc = place_all(&d, &xy, err);

    clear_places(&d);
    free(xy);
    return rc < 0 ? rc
                  : height + (int)ceil((d.legend_below ? legend_whole_height(&d) : 0.0) +
                                       (double)chart->lane_count * ROW * d.s.text);
}

/* Report the rows of a legend below that have no room. */
static void report_hidden(const struct legend *l, int height, double row, double share)
{
    const size_t all = (l->count + l->columns - 1) / l->columns;

    if (l->rows < all)
        log_line(CLR_LOG_INFO, "%zu of the %zu rows of the legend have room: all have, with a height of %d",
                 l->rows, all, height + (int)ceil((double)(all - l->rows) * row / (1.0 - share)));
}

int chart_draw(struct canvas *canvas, const struct chart *chart, int width, int height, struct clr_error *err)
{
    struct drawing d = {.canvas = canvas, .chart = chart, .width = width, .height = height};
    char count[STR_COUNT];
    int rc = drawing_run(&d, err);

    if (rc == 0 && d.lane_count < chart->lane_count)
        log_line(CLR_LOG_INFO, "the ranges above the chart have no room: they have, with a height of %d",
                 height + (int)ceil(d.s.row + (double)chart->lane_count * ROW * d.s.text));
    if (rc == 0 && d.omitted > 0)
        log_line(CLR_LOG_INFO, "%s at dashed lines had no room: a larger figure may show more",
                 str_count(count, d.omitted, "number"));
    if (rc == 0 && d.legend_below)
        report_hidden(&d.legend, height, d.s.row, d.share);
    return rc;
}
