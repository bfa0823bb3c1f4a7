/*
 * Horizontal bars: see bars.h. Colours: Okabe and Ito, "Color Universal Design" (2008), as in chart.c, here
 * with grey in place of black, which would outshout the others as an area.
 */
#include "plot/bars.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plot/drawing.h"

#define STRIPE 0xF6F6F6

#define FAR_APART 20.0 /* times: a bar of a twentieth of the longest is hard to see */
#define SPREAD    1.5  /* times the longest bar: as far as the axis follows a spread that is longer */

#define GROUP_MOST 0.2 /* of the width: the names of groups, and those of rows */
#define NAME_MOST  0.3
#define TEXT_LEAST 0.5  /* of the text: smaller ones are omitted */
#define TEXT_MOST  0.35 /* of the width beside the names: the text of a bar whose spread is cut */

static const uint32_t colors[BARS_MAX_SERIES] = {0x0072B2, 0xE69F00, 0x009E73, 0xD55E00,
                                                 0xCC79A7, 0x56B4E9, 0x777777, 0xF0E442};

/* Lengths of this figure, in pixels at 96 dpi. */
struct bars_drawing {
    struct canvas *canvas;
    const struct bars *bars; /* with the rows that have room */
    double width, height;
    struct sizes s;
    double x, y, w, h; /* the area of the bars */
    double names_at;   /* where the names end, right-aligned */
    double row, bar;   /* heights of a row, and of a bar with the gap below it */
    double value;      /* size of the numbers */
    bool spreads, cut; /* are there any, and does one go beyond the axis? Both are explained */
    double end;        /* the largest number that is drawn: a spread beyond it is cut there … */
    bool write_cut;    /* … and there is room to write its end */
    struct axis axis;
};

int bars_create_rows(struct bars *bars, size_t count, struct clr_error *err)
{
    int rc = mem_new(&bars->rows, count, sizeof *bars->rows, "bars", err);

    if (rc == 0)
        bars->row_count = count;
    return rc;
}

void bars_clear(struct bars *bars)
{
    free(bars->rows);
    memset(bars, 0, sizeof *bars);
}

/* ---- sizes ---- */

/*
 * The smallest and the largest of what is drawn, with its spread; only above 0. One sample that came far too
 * late does not make all bars short: spreads are followed to SPREAD times the longest bar, and likewise below
 * the shortest.
 */
static void extent(const struct bars *b, double *least, double *most)
{
    double spread = 0.0, shortest = INFINITY, low = INFINITY, longest = 0.0;

    for (size_t i = 0; i < b->row_count; i++)
        for (size_t k = 0; k < b->series_count; k++) {
            const struct bars_row *row = &b->rows[i];
            longest = fmax(longest, row->value[k]); /* NaN loses */
            spread = fmax(spread, row->high[k]);
            shortest = row->value[k] > 0.0 ? fmin(shortest, row->value[k]) : shortest;
            low = row->low[k] > 0.0 ? fmin(low, row->low[k]) : low;
        }
    *most = fmax(longest, fmin(spread, SPREAD * longest));
    *least = fmin(shortest, fmax(low, shortest / SPREAD));
}

/* Does a spread go beyond that? */
static bool has_cut(const struct bars *b, double end)
{
    for (size_t i = 0; i < b->row_count; i++)
        for (size_t k = 0; k < b->series_count; k++)
            if (b->rows[i].high[k] > end)
                return true;
    return false;
}

/* Sizes, and what is explained below, of all rows: which of them have room depends on it. */
static void set_sizes(struct bars_drawing *d, double width)
{
    const struct bars *b = d->bars;
    double least, most;

    d->width = width;
    d->s = drawing_sizes(width, INFINITY, false);
    extent(b, &least, &most);
    d->cut = has_cut(b, most);
    for (size_t i = 0; i < b->row_count; i++)
        for (size_t k = 0; k < b->series_count; k++)
            d->spreads = d->spreads || b->rows[i].high[k] > b->rows[i].low[k];
}

static double row_height(const struct bars_drawing *d, size_t series, bool least)
{
    const double bars = (least ? 10.5 : 12.5) * (double)series, text = least ? 13.5 : 18.0;

    return d->s.unit * fmax(text, bars + (least ? 3.0 : 5.5));
}

/* What title, legend and axis take above and below the bars. */
static double above(const struct bars_drawing *d)
{
    return 12 * d->s.unit + (d->bars->title[0] ? 1.75 * d->s.title : 0.0) +
           1.5 * d->s.text * (double)d->bars->series_count + 6 * d->s.unit;
}

static double below(const struct bars_drawing *d)
{
    return (3.6 + 1.4 * ((double)d->bars->note_count + d->spreads + d->cut)) * d->s.text + 14 * d->s.unit;
}

int bars_height(const struct bars *bars, int width)
{
    struct bars_drawing d = {.bars = bars};

    set_sizes(&d, width);
    return (int)ceil(above(&d) + below(&d) +
                     row_height(&d, bars->series_count, false) * (double)bars->row_count);
}

/* ---- rows that have room ---- */

static double largest(const struct bars *bars, const struct bars_row *row)
{
    double most = 0.0;

    for (size_t i = 0; i < bars->series_count; i++)
        most = fmax(most, row->value[i]); /* NaN loses */
    return most;
}

/* Take the smallest row out and add it to the sums of `others`. */
static void merge_smallest(struct bars *bars, struct bars_row *others)
{
    size_t least = 0;

    for (size_t i = 1; i < bars->row_count; i++)
        if (largest(bars, &bars->rows[i]) < largest(bars, &bars->rows[least]))
            least = i;
    for (size_t k = 0; k < bars->series_count; k++) {
        const double v = bars->rows[least].value[k];
        others->value[k] += isfinite(v) ? v : 0.0;
    }
    memmove(&bars->rows[least], &bars->rows[least + 1], (bars->row_count - least - 1) * sizeof *bars->rows);
    bars->row_count--;
}

/* A copy with at most `most` rows. */
static int fit_rows(struct bars *out, const struct bars *bars, size_t most, struct clr_error *err)
{
    struct bars_row others = {.group = "others"};
    int rc;

    *out = *bars;
    rc = bars_create_rows(out, bars->row_count, err);
    if (rc < 0)
        return rc;
    memcpy(out->rows, bars->rows, bars->row_count * sizeof *bars->rows);
    if (bars->row_count <= most)
        return 0;
    for (size_t k = 0; k < BARS_MAX_SERIES; k++)
        others.low[k] = others.high[k] = NAN;
    while (out->row_count + 1 > most && out->row_count > 1)
        merge_smallest(out, &others);
    (void)snprintf(others.name, sizeof others.name, "%zu smaller", bars->row_count - out->row_count);
    out->rows[out->row_count++] = others;
    return 0;
}

/* ---- layout ---- */

/* About three digits, and as many after the point in bars of one size. */
static void value_text(char out[AXES_TEXT], double v)
{
    if (v > 0.0 && v < 0.0005)
        axes_format_value(out, AXES_TEXT, v, 1);
    else
        axes_format_fixed(out, AXES_TEXT, v,
                          v >= 99.95    ? 0
                          : v >= 9.995  ? 1
                          : v >= 0.9995 ? 2
                          : v >= 0.0995 ? 3
                                        : 4);
}

/* "1.23", and of a spread that is cut "1.23 (to 45.6)". */
static void bar_text(char out[2 * AXES_TEXT], const struct bars_drawing *d, const struct bars_row *row,
                     size_t k)
{
    char most[AXES_TEXT];

    value_text(out, row->value[k]);
    if (!d->write_cut || !(row->high[k] > d->end))
        return;
    value_text(most, row->high[k]);
    (void)snprintf(out + strlen(out), AXES_TEXT, " (to %.20s)", most);
}

/* Would the longest bar of one series be too short to see beside those of another? */
static bool far_apart(const struct bars *b)
{
    double shortest = INFINITY, longest = 0.0;

    for (size_t k = 0; k < b->series_count; k++) {
        double most = 0.0;
        for (size_t i = 0; i < b->row_count; i++)
            most = fmax(most, b->rows[i].value[k]); /* NaN loses */
        longest = fmax(longest, most);
        shortest = most > 0.0 ? fmin(shortest, most) : shortest;
    }
    return longest > FAR_APART * shortest;
}

/* The longest text of a bar; 0: they are too small to be read. */
static double text_width(const struct bars_drawing *d)
{
    double most = 0.0;
    char text[2 * AXES_TEXT];

    for (size_t i = 0; i < d->bars->row_count; i++)
        for (size_t k = 0; k < d->bars->series_count; k++) {
            const struct bars_row *row = &d->bars->rows[i];
            if (!isfinite(row->value[k]))
                continue;
            bar_text(text, d, row, k);
            most = fmax(most, canvas_text_width(d->canvas, text, d->value, false));
        }
    return d->value < TEXT_LEAST * d->s.text ? 0.0 : most;
}

/* The numbers have a column after it, so that no spread goes through them. */
static void set_axis(struct bars_drawing *d, double least, double most)
{
    const bool log = far_apart(d->bars);

    d->write_cut = true;
    d->write_cut = text_width(d) < TEXT_MOST * d->w;
    d->w -= text_width(d) + 8 * d->s.unit;
    /* the smallest bar has a length too */
    axes_set_range(&d->axis, log, log ? least / 2.0 : 0.0, most, 0.0, 0.0, INFINITY);
    axes_set_ticks(&d->axis, (int)fmax(3.0, fmin(9.0, d->w / (70 * d->s.unit))));
}

static void lay_out(struct bars_drawing *d)
{
    const struct bars *b = d->bars;
    double u = d->s.unit, group = 0.0, name = 0.0, least, most;

    for (size_t i = 0; i < b->row_count; i++) {
        group = fmax(group, canvas_text_width(d->canvas, b->rows[i].group, d->s.text, true));
        name = fmax(name, canvas_text_width(d->canvas, b->rows[i].name, d->s.text, false));
    }
    group = fmin(group, GROUP_MOST * d->width);
    name = fmin(name, NAME_MOST * d->width);
    d->y = above(d);
    d->h = d->height - below(d) - d->y;
    d->names_at = 14 * u + group + 14 * u + name;
    d->x = d->names_at + 8 * u;
    d->w = d->width - d->x - 18 * u;
    d->row = d->h / (double)b->row_count;
    d->bar = (d->row - 2 * fmin(3 * u, 0.12 * d->row)) / (double)b->series_count;
    d->value = fmin(d->s.text, 0.95 * (d->bar - (b->series_count > 1 ? u : 0.0)));
    extent(b, &least, &most);
    d->end = most > 0.0 ? most : 1.0;
    set_axis(d, least, d->end);
}

/* ---- drawing ---- */

/* Where the legend begins: above the bars, or further left where a name needs that. */
static double legend_x(struct bars_drawing *d)
{
    double longest = 0.0;

    for (size_t k = 0; k < d->bars->series_count; k++)
        longest = fmax(longest, canvas_text_width(d->canvas, d->bars->series[k], d->s.text, false));
    return fmax(14 * d->s.unit, fmin(d->x, d->width - longest - 2.2 * d->s.text - 12 * d->s.unit));
}

static void draw_head(struct bars_drawing *d)
{
    const double u = d->s.unit, x = legend_x(d);
    double y = 12 * u;

    if (d->bars->title[0]) {
        canvas_fitted_text(d->canvas, d->width / 2, y + 0.5 * d->s.title, d->bars->title, d->s.title, true,
                           CANVAS_CENTER, INK, d->width - 24 * u);
        y += 1.75 * d->s.title;
    }
    for (size_t k = 0; k < d->bars->series_count; k++, y += 1.5 * d->s.text) {
        const double room = d->width - x - 2.2 * d->s.text - 12 * u;
        const char *text = d->bars->series[k], *brief = d->bars->briefs[k];
        if (brief[0] && canvas_text_width(d->canvas, text, d->s.text, false) > room)
            text = brief;
        canvas_rect(d->canvas, x, y + 0.25 * d->s.text, 1.6 * d->s.text, 0.8 * d->s.text, colors[k], 1.0);
        canvas_fitted_text(d->canvas, x + 2.2 * d->s.text, y + 0.65 * d->s.text, text, d->s.text, false,
                           CANVAS_LEFT, INK, room);
    }
}

static bool begins_group(const struct bars *b, size_t i)
{
    return i == 0 || strcmp(b->rows[i].group, b->rows[i - 1].group) != 0;
}

static double px(const struct bars_drawing *d, double v)
{
    return d->x + axes_fraction(&d->axis, v) * d->w;
}

/* Every other group on a grey stripe, under everything. */
static void draw_stripes(struct bars_drawing *d)
{
    bool grey = true;

    for (size_t i = 0; i < d->bars->row_count; i++) {
        grey = begins_group(d->bars, i) ? !grey : grey;
        if (grey)
            canvas_rect(d->canvas, 10 * d->s.unit, d->y + d->row * (double)i, d->width - 20 * d->s.unit,
                        d->row, STRIPE, 1.0);
    }
}

/* In the middle below the bars, or further left where it is long. */
static void draw_below(struct bars_drawing *d, const char *text, double y, uint32_t rgb)
{
    const double half = canvas_text_width(d->canvas, text, d->s.text, false) / 2 + 6 * d->s.unit;

    canvas_text(d->canvas, fmin(d->x + d->w / 2, d->width - half), y, text, d->s.text, false, CANVAS_CENTER,
                rgb);
}

static void draw_axis(struct bars_drawing *d)
{
    const double foot = d->y + d->h;
    char label[96];

    drawing_x_ticks(d->canvas, &d->axis, &d->s, (struct place_box){d->x, d->y, d->w, d->h}, true);
    (void)snprintf(label, sizeof label, "%s%s", d->bars->value_label,
                   d->axis.log ? " (logarithmic scale)" : "");
    draw_below(d, label, foot + 8 * d->s.unit + 2.1 * d->s.text, INK);
}

/* What the lines in the bars are: a line for each, so that it fits where figures are narrow. */
static void draw_explanation(struct bars_drawing *d)
{
    const char *const lines[] = {d->spreads ? "thin lines: smallest to largest sample" : NULL,
                                 d->cut && has_cut(d->bars, d->end) ? "arrows: cut; the largest is further on"
                                                                    : NULL};
    double y = d->y + d->h + 8 * d->s.unit + 3.6 * d->s.text;
    char text[sizeof d->bars->notes[0]];

    for (size_t i = 0; i < d->bars->note_count; i++, y += 1.4 * d->s.text) {
        canvas_fit_text(d->canvas, text, sizeof text, d->bars->notes[i], d->s.text, false,
                        d->width - 24 * d->s.unit);
        draw_below(d, text, y, INK_SOFT);
    }
    for (size_t i = 0; i < MEM_COUNT(lines); i++) {
        if (!lines[i])
            continue;
        draw_below(d, lines[i], y, INK_SOFT);
        y += 1.4 * d->s.text;
    }
}

/* The spread as a line; an arrow's head where it is cut. */
static void draw_spread(struct bars_drawing *d, double low, double high, double y)
{
    const double u = d->s.unit, from = fmax(px(d, low), d->x), to = px(d, fmin(high, d->end));
    const struct canvas_pen whisker = {INK, 0.75, 1.1 * u, CANVAS_SOLID};

    if (to - from <= 2 * u)
        return;
    canvas_rule(d->canvas, from, y, to, y, &whisker);
    if (high > d->end) {
        const double head[] = {to - 4 * u, y - 3 * u, to, y, to - 4 * u, y + 3 * u};
        canvas_polyline(d->canvas, head, 3, &whisker);
    }
}

/* A bar with its spread in the middle, and its value in the column. */
static void draw_bar(struct bars_drawing *d, const struct bars_row *row, size_t k, double y)
{
    const double v = row->value[k], u = d->s.unit, h = d->bar - (d->bars->series_count > 1 ? u : 0.0);
    char text[2 * AXES_TEXT];

    if (!isfinite(v))
        return;
    canvas_rect(d->canvas, d->x, y, fmax(px(d, v) - d->x, 0.75 * u), h, colors[k], 1.0);
    if (isfinite(row->low[k]) && isfinite(row->high[k]))
        draw_spread(d, row->low[k], row->high[k], y + h / 2);
    bar_text(text, d, row, k);
    if (d->value >= TEXT_LEAST * d->s.text)
        canvas_text(d->canvas, d->x + d->w + 8 * u, y + h / 2, text, d->value, false, CANVAS_LEFT, INK_SOFT);
}

static void draw_rows(struct bars_drawing *d)
{
    const struct bars *b = d->bars;
    const double u = d->s.unit, pad = fmin(3 * u, 0.12 * d->row);
    const bool fits = d->row > 0.75 * d->s.text;

    for (size_t i = 0; i < b->row_count; i++) {
        const double y = d->y + d->row * (double)i;
        if (fits && begins_group(b, i))
            canvas_fitted_text(d->canvas, 14 * u, y + d->row / 2, b->rows[i].group, d->s.text, true,
                               CANVAS_LEFT, INK, GROUP_MOST * d->width);
        if (fits)
            canvas_fitted_text(d->canvas, d->names_at, y + d->row / 2, b->rows[i].name, d->s.text, false,
                               CANVAS_RIGHT, INK_SOFT, NAME_MOST * d->width);
        for (size_t k = 0; k < b->series_count; k++)
            draw_bar(d, &b->rows[i], k, y + pad + d->bar * (double)k);
    }
}

int bars_draw(struct canvas *canvas, const struct bars *bars, int width, int height, struct clr_error *err)
{
    struct bars_drawing d = {.canvas = canvas, .bars = bars, .height = height};
    const struct canvas_pen spine = {INK_SOFT, 1.0, 1.0, CANVAS_SOLID};
    struct bars shown;
    double room;
    int rc;

    set_sizes(&d, width);
    room = height - above(&d) - below(&d);
    if (room < 2 * row_height(&d, bars->series_count, true)) { /* the bars first */
        d.spreads = d.cut = false;
        room = height - above(&d) - below(&d);
    }
    rc = fit_rows(&shown, bars, (size_t)fmax(2.0, floor(room / row_height(&d, bars->series_count, true))),
                  err);
    if (rc < 0)
        return rc;
    d.bars = &shown;
    lay_out(&d);
    draw_stripes(&d);
    draw_axis(&d);
    draw_explanation(&d);
    draw_head(&d);
    draw_rows(&d);
    canvas_rule(canvas, d.x, d.y, d.x, d.y + d.h, &spine);
    canvas_rule(canvas, d.x, d.y + d.h, d.x + d.w, d.y + d.h, &spine);
    bars_clear(&shown);
    return 0;
}
