/* The legend: what its rows are, where it has room, how it looks. See chart.h and drawing.h. */
#include "plot/drawing.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Length of a row's sample, which shows each dash pattern on both sides of the marker; where its text begins;
 * from column to column. In low figures they are shorter. */
struct row_sizes {
    double sample, text_at, gap;
};

static struct row_sizes row_sizes(const struct drawing *d)
{
    const double u = d->s.unit;

    return d->low ? (struct row_sizes){28 * u, 33 * u, 12 * u} : (struct row_sizes){48 * u, 58 * u, 20 * u};
}

/* Another row. The brief text, where there is one, replaces a text that is wider than that, and any in a low
 * figure. What is still too wide is cut. */
static struct legend_entry *add_entry(struct drawing *d, const char *text, const char *brief, double width)
{
    struct legend_entry *e = &d->legend.entries[d->legend.count++];
    const bool fits = drawing_text_width(d, text) <= width;

    canvas_fit_text(d->canvas, e->text, sizeof e->text, brief[0] && (d->low || !fits) ? brief : text,
                    d->s.text, false, width);
    d->legend.cut = d->legend.cut || !fits;
    return e;
}

/* As many rows of so many columns as hold all entries. */
static size_t rows_for(const struct legend *l, size_t columns)
{
    return columns > 0 ? (l->count + columns - 1) / columns : 0;
}

static void measure_legend(struct drawing *d, double max_width, size_t max_rows)
{
    struct legend *l = &d->legend;
    const struct chart_panel *panel = &d->chart->panels[0];
    const double handle = row_sizes(d).text_at, gap = row_sizes(d).gap;
    double widest = 0.0;
    size_t fit;

    memset(l, 0, sizeof *l);
    for (size_t i = 0; i < panel->series_count; i++)
        if (!panel->series[i].muted && panel->series[i].label[0])
            add_entry(d, panel->series[i].label, "", max_width - handle)->series = &panel->series[i];
    for (size_t i = 0; i < d->chart->key_count; i++) {
        const struct chart_key *key = &d->chart->keys[i];
        if (key->kind == CHART_KEY_LANE && d->lane_count == 0)
            continue;
        add_entry(d, key->text, key->brief, max_width - handle)->kind = key->kind;
    }
    for (size_t i = 0; i < l->count; i++)
        widest = fmax(widest, drawing_text_width(d, l->entries[i].text));
    l->column_width = handle + widest;
    fit = d->legend_below ? (size_t)fmax(1.0, floor((max_width + gap) / (l->column_width + gap))) : 1;
    l->columns = fit < l->count ? fit : l->count;
    l->rows = rows_for(l, l->columns);
    l->rows = l->rows < max_rows ? l->rows : max_rows;
    fit = rows_for(l, l->rows); /* columns that so many rows need */
    l->columns = l->rows > 0 && fit < l->columns ? fit : l->columns;
    if (l->rows * l->columns == 1 && l->count > 1) /* "… and 4 more" alone explains nothing */
        l->rows = 0;
    l->w = l->columns ? (double)l->columns * (l->column_width + gap) - gap : 0.0;
    l->h = (double)l->rows * d->s.row;
}

bool legend_is_needed(const struct chart *chart)
{
    const struct chart_panel *panel = &chart->panels[0];

    for (size_t i = 0; i < panel->series_count; i++)
        if (panel->series[i].label[0])
            return true;
    return chart->key_count > 0;
}

double legend_place_below(struct drawing *d, double bottom)
{
    const double u = d->s.unit, room = d->panels_height - d->share * d->height - 8 * u;

    measure_legend(d, d->width - (d->low ? 16 : 32) * u, (size_t)fmax(0.0, floor(room / d->s.row)));
    d->legend_box =
        (struct place_box){(d->width - d->legend.w) / 2, bottom - d->legend.h, d->legend.w, d->legend.h};
    return d->legend.h + 8 * u;
}

bool legend_has_all(const struct drawing *d)
{
    return d->legend.rows * d->legend.columns >= d->legend.count;
}

bool legend_has_names(const struct drawing *d)
{
    const struct legend *l = &d->legend;
    size_t names = 0;

    while (names < l->count && l->entries[names].series)
        names++;
    return legend_has_all(d) || l->rows * l->columns > names;
}

double legend_whole_height(const struct drawing *d)
{
    return (double)rows_for(&d->legend, d->legend.columns) * d->s.row + 8 * d->s.unit;
}

/* Is there room for the legend in the first panel? Guides and the foot, where their texts go, stay free. */
bool legend_place_inside(struct drawing *d)
{
    double pad = 8 * d->s.unit, max = d->box[0].w * 0.6;
    struct place_box foot = d->box[0];
    bool found;

    measure_legend(d, max, MEM_COUNT(d->legend.entries));
    if (d->chart->panels[0].guide_count > 0) {
        double h = 1.25 * d->s.text + 8 * d->s.unit;
        foot.y += foot.h - h;
        foot.h = h;
        place_take_box(&d->place[0], foot);
    }
    guides_take(d, 0);
    found = place_find_corner(&d->place[0], d->legend.w + 2 * pad, d->legend.h + 2 * pad, 8 * d->s.unit,
                              &d->legend_box);
    return found && !d->legend.cut && d->legend.h < 0.6 * d->box[0].h;
}

/* Does the sample of a key of that kind have a part for the curve? */
static bool is_in_key(enum chart_key_kind kind, const struct chart_series *s)
{
    return !s->muted && (kind == CHART_KEY_BAND   ? s->low != NULL
                         : kind == CHART_KEY_DOTS ? s->smooth && (s->faint || s->markers)
                                                  : s->smooth != NULL);
}

/* The sample's part in the colour of a curve. */
static void draw_key_part(struct drawing *d, enum chart_key_kind kind, const struct chart_series *s,
                          struct place_box b)
{
    const double middle = b.y + b.h / 2, xy[4] = {b.x, middle, b.x + b.w, middle};
    const struct look look = look_of(s->look);
    const struct canvas_pen pen = {look.rgb, 1.0, d->s.line, CANVAS_SOLID};

    if (kind == CHART_KEY_BAND)
        canvas_rect(d->canvas, b.x, b.y, b.w, b.h, look.rgb, 0.25);
    else if (kind == CHART_KEY_LINE)
        canvas_polyline(d->canvas, xy, 2, &pen);
    else
        curves_draw_dot(d, s, b.x + b.w / 2, middle);
}

/* A sample with a part in the colour of each curve that has what the key explains. */
static void draw_key_parts(struct drawing *d, enum chart_key_kind kind, double x, double y, double w,
                           double h)
{
    const struct chart_panel *panel = &d->chart->panels[0];
    size_t count = 0, k = 0;

    for (size_t i = 0; i < panel->series_count; i++)
        count += is_in_key(kind, &panel->series[i]);
    for (size_t i = 0; i < panel->series_count; i++) {
        const double part = w / (double)count;
        if (is_in_key(kind, &panel->series[i]))
            draw_key_part(d, kind, &panel->series[i],
                          (struct place_box){x + part * (double)k++, y - h / 2, part, h});
    }
}

static void draw_key(struct drawing *d, enum chart_key_kind kind, double x, double y, double w)
{
    const double u = d->s.unit, h = 10 * u;
    const struct canvas_pen guide = {GUIDE, 1.0, 1.15 * u, CANVAS_GUIDE},
                            grey = {MUTED, 1.0, 1.2 * u, CANVAS_SOLID};
    const double xy[4] = {x, y, x + w, y};

    switch (kind) {
    case CHART_KEY_BAND:
    case CHART_KEY_LINE:
    case CHART_KEY_DOTS:
        draw_key_parts(d, kind, x, y, w, h);
        break;
    case CHART_KEY_GUIDE:
    case CHART_KEY_END:
        canvas_polyline(d->canvas, xy, 2, &guide);
        break;
    case CHART_KEY_ABOVE:
        curves_draw_arrow(d, x + w / 2, y - h / 2, INK_SOFT);
        break;
    case CHART_KEY_RANGE:
    case CHART_KEY_DOUBT:
        canvas_rect(d->canvas, x, y - h / 2, w, h, kind == CHART_KEY_DOUBT ? GUIDE : SHADE, 0.10);
        canvas_rule(d->canvas, x, y - h / 2, x, y + h / 2, &guide);
        canvas_rule(d->canvas, x + w, y - h / 2, x + w, y + h / 2, &guide);
        break;
    case CHART_KEY_BOUND:
        /* The range to train in ends within the interval, and there both are seen. */
        canvas_rect(d->canvas, x, y - h / 2, w / 2, h, SHADE, 0.10);
        canvas_rect(d->canvas, x, y - h / 2, w, h, BOUND, 0.22);
        break;
    case CHART_KEY_LANE:
        guides_draw_bar(d, x, y, w, INK_SOFT);
        break;
    case CHART_KEY_GREY:
        canvas_polyline(d->canvas, xy, 2, &grey);
        break;
    case CHART_KEY_TEXT:
        break;
    }
}

static void draw_legend_entry(struct drawing *d, size_t i, double x, double y)
{
    const struct legend_entry *e = &d->legend.entries[i];
    const struct row_sizes s = row_sizes(d);

    if (e->series)
        curves_draw_sample(d, e->series, x, y, s.sample);
    else
        draw_key(d, e->kind, x, y, s.sample);
    drawing_text(d, x + s.text_at, y, e->text, CANVAS_LEFT, INK);
}

void legend_draw(struct drawing *d)
{
    struct legend *l = &d->legend;
    const struct place_box b = d->legend_box;
    double u = d->s.unit, pad = d->legend_below ? 0.0 : 8 * u;
    struct canvas_pen edge = {0xCCCCCC, 1.0, 0.9 * u, CANVAS_SOLID};
    size_t room = l->rows * l->columns;

    if (!d->legend_below) {
        canvas_rect(d->canvas, b.x, b.y, b.w, b.h, 0xFFFFFF, 1.0);
        canvas_frame(d->canvas, b.x, b.y, b.w, b.h, &edge);
    }
    for (size_t i = 0; i < l->count && i < room; i++) {
        double x = b.x + pad + (double)(i / l->rows) * (l->column_width + row_sizes(d).gap);
        double y = b.y + pad + ((double)(i % l->rows) + 0.5) * d->s.row;
        if (i + 1 == room && l->count > room) {
            char more[40];
            (void)snprintf(more, sizeof more, "… and %zu more", l->count - i);
            drawing_text(d, x + row_sizes(d).text_at, y, more, CANVAS_LEFT, INK);
            break;
        }
        draw_legend_entry(d, i, x, y);
    }
}
