/* Curves: lines, bands, points, and where they are. See chart.h and drawing.h. */
#include "plot/drawing.h"

#include <math.h>
#include <string.h>

/* ---- curves as points on the canvas ---- */

/*
 * Points of v (one of the series' arrays) in pixels. More points than a curve can show are thinned: of every
 * half pixel column the first, lowest, highest and last stay. Returns how many; xy holds 2 × that.
 */
static size_t trace_series(const struct drawing *d, size_t p, const struct chart_series *s, const double *v,
                           double *xy)
{
    const bool all = s->count <= (size_t)(4 * d->box[p].w);
    size_t n = 0;

    for (size_t i = 0; i < s->count;) {
        double column = floor(2 * drawing_px(d, p, s->x[i]));
        size_t first = i, lowest = i, highest = i, keep[4];
        for (; i < s->count && floor(2 * drawing_px(d, p, s->x[i])) == column && !(all && i > first); i++) {
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
            xy[2 * n] = drawing_px(d, p, s->x[keep[k]]);
            xy[2 * n++ + 1] = drawing_py(d, p, v[keep[k]]);
        }
    }
    return n;
}

/* The values that the line goes through. */
static const double *line_of(const struct chart_series *s)
{
    return s->smooth ? s->smooth : s->y;
}

/* The largest series' room for trace_series(), twice (a band's outline). */
int curves_new_trace(const struct drawing *d, double **xy, struct clr_error *err)
{
    size_t most = 1;

    for (size_t p = 0; p < d->chart->panel_count; p++)
        for (size_t i = 0; i < d->chart->panels[p].series_count; i++)
            most = d->chart->panels[p].series[i].count > most ? d->chart->panels[p].series[i].count : most;
    return mem_new(xy, most, 4 * sizeof(double), "curve", err);
}

/* ---- space that texts must leave free ---- */

/* What no text may cover: lines, bands, and all points, whether they are marked or not. */
void curves_take(struct drawing *d, size_t p, double *xy)
{
    const struct chart_panel *panel = &d->chart->panels[p];
    const double radius = 3.0 * d->s.unit, mark = (0.75 * MARK + 1.0) * d->s.unit;

    for (size_t i = 0; i < panel->series_count; i++) {
        const struct chart_series *s = &panel->series[i];
        size_t n = trace_series(d, p, s, line_of(s), xy);
        for (size_t k = 0; k + 1 < n; k++)
            place_take_segment(&d->place[p], xy[2 * k], xy[2 * k + 1], xy[2 * k + 2], xy[2 * k + 3], radius);
        n = trace_series(d, p, s, s->y, xy);
        for (size_t k = 0; k < n; k++)
            place_take_segment(&d->place[p], xy[2 * k], xy[2 * k + 1], xy[2 * k], xy[2 * k + 1],
                               s->markers || s->count == 1 ? mark : radius);
        for (size_t k = 0; s->low && k < s->count; k++) {
            double x = drawing_px(d, p, s->x[k]);
            place_take_segment(&d->place[p], x, drawing_py(d, p, s->low[k]), x, drawing_py(d, p, s->high[k]),
                               radius);
        }
    }
}

/* ---- drawing ---- */

/* A curve that continues below or above the axis ends at its edge. */
static void clip(struct drawing *d, size_t p)
{
    const struct place_box *b = &d->box[p];
    const double over = 2 * d->s.line, above = d->chart->panels[p].ends ? 0.0 : over,
                 below = d->chart->panels[p].begins ? 0.0 : over;

    canvas_clip(d->canvas, b->x - over, b->y - above, b->w + 2 * over, b->h + above + below);
}

void curves_draw_bands(struct drawing *d, size_t p, double *xy)
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
        clip(d, p);
        canvas_polygon(d->canvas, xy, n + m, look_of(s->look).rgb, 0.25);
        canvas_unclip(d->canvas);
    }
}

static void draw_faint(struct drawing *d, const struct chart_series *s, double x, double y)
{
    const double r = 1.2 * d->s.unit;

    canvas_rect(d->canvas, x - r, y - r, 2 * r, 2 * r, look_of(s->look).rgb, 0.3);
}

/* Markers drawn later are smaller, so that all markers in one place are seen. */
static double mark_size(const struct drawing *d, const struct chart_series *s)
{
    return (0.92 + 0.07 * (double)(s->look % CHART_STYLES)) * MARK * d->s.unit;
}

/* Curves with at most so many points have a marker at each, however close they are. */
#define FEW 12

static void draw_markers(struct drawing *d, size_t p, size_t index, double *xy)
{
    const struct chart_series *s = &d->chart->panels[p].series[index];
    const struct look look = s->muted ? (struct look){MUTED, CANVAS_SOLID, CANVAS_CIRCLE} : look_of(s->look);
    double size = s->muted ? 0.6 * MARK * d->s.unit : mark_size(d, s), every = 16 * d->s.unit,
           next = -INFINITY, room = INFINITY;
    size_t n;

    if (!s->markers && s->count > 1)
        return;
    if (s->count > 1)
        room = (drawing_px(d, p, s->x[s->count - 1]) - drawing_px(d, p, s->x[0])) / (double)(s->count - 1);
    /* All points where there is room, where there are few, or where the line does not go through them; else
     * some, shifted from curve to curve. */
    if (s->smooth || s->count <= FEW) {
        size *= fmax(s->smooth ? 0.4 : 0.7, fmin(1.0, room / every));
    } else if (room < every) {
        every = 64 * d->s.unit;
        next = d->box[p].x + every * (0.25 + fmod(0.381966 * (double)index, 1.0));
    }
    n = trace_series(d, p, s, s->y, xy);
    for (size_t k = 0; k < n; k++) {
        const double x = xy[2 * k], y = xy[2 * k + 1];
        if (x < next || y > d->box[p].y + d->box[p].h + 0.5 || y < d->box[p].y - 0.5)
            continue;
        canvas_mark(d->canvas, look.marker, x, y, size, look.rgb);
        next = isinf(next) ? next : next + every * ceil((x - next + 1e-9) / every);
    }
}

void curves_draw_arrow(struct drawing *d, double x, double y, uint32_t rgb)
{
    const double u = d->s.unit, head[6] = {x, y, x - 4.5 * u, y + 9 * u, x + 4.5 * u, y + 9 * u};

    canvas_polygon(d->canvas, head, 3, rgb, 1.0);
}

/* An arrow at the upper edge, in the curve's colour, where the curve leaves the panel; of arrows that would
 * touch, the first. */
static void draw_arrows(struct drawing *d, size_t p, const struct chart_series *s, double *xy)
{
    const double top = d->box[p].y, apart = 24 * d->s.unit;
    const size_t n = trace_series(d, p, s, line_of(s), xy);
    double last = -INFINITY;
    bool above = false;

    for (size_t k = 0; k < n && d->chart->panels[p].ends; k++) {
        const bool was = above;
        double x = xy[2 * k];
        above = xy[2 * k + 1] < top - 0.5;
        if (!above || was)
            continue;
        if (k > 0)
            x -= (x - xy[2 * k - 2]) * (top - xy[2 * k + 1]) / (xy[2 * k - 1] - xy[2 * k + 1]);
        if (x >= last + apart)
            curves_draw_arrow(d, x, top, s->muted ? MUTED : look_of(s->look).rgb);
        last = x;
    }
}

void curves_draw(struct drawing *d, size_t p, double *xy)
{
    const struct chart_panel *panel = &d->chart->panels[p];

    for (size_t i = panel->series_count; i-- > 0;) { /* the first one on top */
        const struct chart_series *s = &panel->series[i];
        struct look look = look_of(s->look);
        struct canvas_pen pen = {look.rgb, 1.0, d->s.line, look.dash};
        if (s->muted)
            pen = (struct canvas_pen){MUTED, 1.0, 1.2 * d->s.unit, CANVAS_SOLID};
        clip(d, p);
        for (size_t k = 0, n = s->faint ? trace_series(d, p, s, s->y, xy) : 0; k < n; k++)
            draw_faint(d, s, xy[2 * k], xy[2 * k + 1]);
        canvas_polyline(d->canvas, xy, trace_series(d, p, s, line_of(s), xy), &pen);
        canvas_unclip(d->canvas);
    }
    for (size_t i = panel->series_count; i-- > 0;) { /* no line goes over a point */
        draw_markers(d, p, i, xy);
        draw_arrows(d, p, &panel->series[i], xy);
    }
}

void curves_draw_dot(struct drawing *d, const struct chart_series *s, double x, double y)
{
    const double u = d->s.unit;

    for (int k = -1; k <= 1 && s->faint; k++)
        draw_faint(d, s, x + 6 * k * u, y + (k == 0 ? -2 : 2) * u);
    if (!s->faint)
        canvas_mark(d->canvas, look_of(s->look).marker, x, y, mark_size(d, s), look_of(s->look).rgb);
}

void curves_draw_sample(struct drawing *d, const struct chart_series *s, double x, double y, double width)
{
    const struct look look = look_of(s->look);
    const struct canvas_pen pen = {look.rgb, 1.0, d->s.line, look.dash};
    const double xy[4] = {x, y, x + width, y};

    canvas_polyline(d->canvas, xy, 2, &pen);
    if (s->markers || s->count == 1)
        canvas_mark(d->canvas, look.marker, x + width / 2, y, mark_size(d, s), look.rgb);
}
