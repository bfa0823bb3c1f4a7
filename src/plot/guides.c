/* Helper lines with their texts, and stripes. See chart.h and drawing.h. */
#include "plot/drawing.h"

#include <math.h>
#include <stdlib.h>

static struct place_box guide_pixels(const struct drawing *d, size_t p, const struct chart_guide *g)
{
    const struct place_box *b = &d->box[p];
    double x0 = isinf(g->x0) ? b->x : drawing_px(d, p, g->x0),
           x1 = isinf(g->x1) ? b->x + b->w : drawing_px(d, p, g->x1);
    double y0 = isinf(g->y0) ? b->y + b->h : drawing_py(d, p, g->y0),
           y1 = isinf(g->y1) ? b->y : drawing_py(d, p, g->y1);

    return (struct place_box){x0, y0, x1 - x0, y1 - y0}; /* w, h may be negative: a line */
}

static const char *text_of(const struct drawing *d, const struct chart_guide *g)
{
    return d->low && g->brief[0] ? g->brief : g->text;
}

static struct canvas_pen guide_pen(const struct drawing *d, const struct chart_guide *g)
{
    return (struct canvas_pen){g->muted     ? MUTED
                               : g->colored ? look_of(g->look).rgb
                                            : GUIDE,
                               1.0, 1.15 * d->s.unit, CANVAS_GUIDE};
}

void guides_take(struct drawing *d, size_t p)
{
    const struct chart_panel *panel = &d->chart->panels[p];

    for (size_t i = 0; i < panel->guide_count; i++) {
        struct place_box l = guide_pixels(d, p, &panel->guides[i]);
        place_take_segment(&d->place[p], l.x, l.y, l.x + l.w, l.y + l.h, 1.0);
    }
}

#define PLACES 32 /* along a line that are tried, on both sides */

/* Draw the text beside its line, where it covers nothing. Without such a place it is omitted, which is
 * counted if it is a number. */
static void draw_guide_text(struct drawing *d, size_t p, const struct chart_guide *g)
{
    const struct place_box l = guide_pixels(d, p, g), *b = &d->box[p];
    const double h = 1.25 * d->s.text, w = drawing_text_width(d, g->text) + 4 * d->s.unit,
                 gap = fmax(4 * d->s.unit, 1.5 * d->cell), up = fmax(0.0, fmin(-l.h, b->h) - h - 2 * gap);

    for (int i = 0; i < 2 * PLACES; i++) {
        const double f = (double)(i / 2) / (PLACES - 1);
        struct place_box at = {i % 2 == 0 ? l.x + gap : l.x - gap - w, b->y + b->h - gap - h - up * f, w, h};
        if (g->text_at == CHART_TEXT_ALONG) {
            at.x = l.x + gap + (l.w - w - 2 * gap) * f;
            at.y = i % 2 == 0 ? l.y - h - gap : l.y + gap;
        }
        if (place_overlap(&d->place[p], at) > 0)
            continue;
        place_take_box(&d->place[p], at);
        drawing_text(d, at.x + at.w / 2, at.y + at.h / 2, g->text, CANVAS_CENTER, INK_SOFT);
        return;
    }
    d->omitted += g->text_at != CHART_TEXT_ALONG; /* along a line stands what the line is */
}

/* ---- texts above the panel ---- */

#define MAX_ROWS  4
#define MAX_TRIES 5000
#define PARTS     7

static int from_right(const void *a, const void *b)
{
    const struct chart_guide *const *x = a, *const *y = b;

    return ((*x)->x0 < (*y)->x0) - ((*x)->x0 > (*y)->x0);
}

/* May a text stand at [x, x + w] in that row, its line at `at`? Texts of a row keep apart, and no line that
 * goes up to a higher row crosses a text. */
static bool is_clear(const struct drawing *d, double x, double w, int row, double at)
{
    const double gap = 8 * d->s.unit, near = 2 * d->s.unit;

    for (size_t i = 0; i < d->heads.count; i++) {
        const struct head *h = &d->heads.text[i];
        const double at1 = drawing_px(d, 0, h->guide->x0);
        if ((h->row == row && x < h->x + h->w + gap && h->x < x + w + gap) ||
            (h->row < row && at > h->x - near && at < h->x + h->w + near) ||
            (h->row > row && at1 > x - near && at1 < x + w + near))
            return false;
    }
    return true;
}

/* Place the texts from guides[0] on in so many rows, to the right of the upright label: each over its line or
 * beside it, in the lowest row that leaves room for all that follow. false: no such arrangement was found. */
static bool place_heads(struct drawing *d, const struct chart_guide *const *guides, size_t n, int rows,
                        int *tries)
{
    static const double before[PARTS] = {0.5, 0.0, 1.0, 0.25, 0.75, 0.125, 0.875}; /* parts before the line */
    const double u = d->s.unit, beside = 4 * u, edge = d->labels_above ? 4 * u : 14 * u + d->s.label;
    struct heads *h = &d->heads;
    double w, at;

    if (n == 0)
        return true;
    w = drawing_text_width(d, text_of(d, guides[0]));
    at = drawing_px(d, 0, guides[0]->x0);
    for (int k = 0; k < PARTS * rows && (*tries)-- > 0; k++) {
        const int row = k / PARTS;
        const double part = before[k % PARTS], start = at - part * w + (1 - 2 * part) * beside;
        const double x = fmax(edge, fmin(start, d->width - 4 * u - w));
        if (!is_clear(d, x, w, row, at))
            continue;
        h->text[h->count++] = (struct head){guides[0], x, w, row};
        if (place_heads(d, guides + 1, n - 1, rows, tries))
            return true;
        h->count--;
    }
    return false;
}

int guides_place_heads(struct drawing *d)
{
    const struct chart_panel *panel = &d->chart->panels[0];
    const struct chart_guide *sorted[CHART_MAX_GUIDES];
    size_t n = 0;
    int rows = 1, tries = MAX_TRIES;

    for (size_t i = 0; i < panel->guide_count; i++)
        if (panel->guides[i].text_at == CHART_TEXT_HEAD)
            sorted[n++] = &panel->guides[i];
    qsort(sorted, n, sizeof sorted[0], from_right);
    d->heads.count = 0;
    for (; n > 0 && !place_heads(d, sorted, n, rows, &tries); tries = MAX_TRIES) {
        n -= rows == MAX_ROWS; /* the leftmost is in the legend */
        rows = rows % MAX_ROWS + 1;
    }
    return n > 0 ? rows : 0;
}

/* Each text, and its guide's line up to it. */
static void draw_heads(struct drawing *d)
{
    const double row = ROW * d->s.text, top = d->box[0].y;

    for (size_t i = 0; i < d->heads.count; i++) {
        const struct head *h = &d->heads.text[i];
        const double x = drawing_px(d, 0, h->guide->x0), y = top - row * h->row;
        const struct canvas_pen pen = guide_pen(d, h->guide);
        canvas_rule(d->canvas, x, y, x, top, &pen);
        drawing_text(d, h->x, y - 0.65 * d->s.text, text_of(d, h->guide), CANVAS_LEFT, INK_SOFT);
    }
}

/* ---- lanes ---- */

double guides_rows_height(const struct drawing *d)
{
    return ROW * d->s.text * (double)((size_t)d->heads.rows + d->lane_count);
}

void guides_draw_bar(struct drawing *d, double x, double y, double w, uint32_t rgb)
{
    const struct canvas_pen end = {rgb, 1.0, 1.6 * d->s.unit, CANVAS_SOLID};
    const double h = 9 * d->s.unit;

    canvas_rect(d->canvas, x, y - h / 2, w, h, rgb, 0.25);
    canvas_rule(d->canvas, x, y - h / 2, x, y + h / 2, &end);
    canvas_rule(d->canvas, x + w, y - h / 2, x + w, y + h / 2, &end);
}

/* Where the text of a lane begins: to the right of its bar, to the left of it, *inside it, or after the
 * cross; without room anywhere, *inside the bar and beyond its ends. */
static double lane_text(const struct drawing *d, double x0, double x1, double end, double w, bool *inside)
{
    const double gap = 6 * d->s.unit, most = isnan(end) ? d->width : end - gap;
    const double edge = d->box[0].x + d->box[0].w - w;

    *inside = false;
    if (x1 + gap + w <= most - gap)
        return x1 + gap;
    if (x0 - gap - w >= gap)
        return x0 - gap - w;
    *inside = isnan(end) || x1 - x0 >= w + 2 * gap || end + 2 * gap > edge;
    return *inside ? (x0 + x1 - w) / 2 : end + 2 * gap;
}

static void draw_lane(struct drawing *d, const struct chart_lane *lane, double y)
{
    const struct look look = look_of(lane->look);
    const double mark = MARK * d->s.unit, w = drawing_text_width(d, lane->text);
    const double end = isnan(lane->end) ? NAN : drawing_px(d, 0, lane->end);
    const struct canvas_pen join = {look.rgb, 1.0, d->s.unit, CANVAS_SOLID};
    double x0 = d->box[0].x, x1 = x0 + mark, at; /* without a range, there is the mark alone */
    bool inside;

    if (!isnan(lane->hi)) {
        x0 = drawing_px(d, 0, lane->lo);
        x1 = drawing_px(d, 0, lane->hi);
        guides_draw_bar(d, x0, y, x1 - x0, look.rgb);
    }
    at = lane_text(d, x0, x1, end, w, &inside);
    if (at > end) /* the line joins the text to its bar, which the cross is nearer to */
        canvas_rule(d->canvas, x1, y, at - 2 * d->s.unit, y, &join);
    if (!isnan(end))
        canvas_mark(d->canvas, CANVAS_CROSS, end, y, mark, look.rgb);
    if (!inside)
        canvas_mark(d->canvas, look.marker, (x0 + x1) / 2, y, mark, look.rgb);
    drawing_text(d, at, y, lane->text, CANVAS_LEFT, INK);
}

void guides_draw_lanes(struct drawing *d)
{
    const double row = ROW * d->s.text, top = d->box[0].y - guides_rows_height(d);

    for (size_t i = 0; i < d->lane_count; i++)
        draw_lane(d, &d->chart->lanes[i], top + row * ((double)i + 0.5));
}

/* ---- all of them ---- */

void guides_draw(struct drawing *d, size_t p)
{
    const struct chart_panel *panel = &d->chart->panels[p];

    for (size_t i = 0; i < panel->guide_count; i++) {
        const struct place_box l = guide_pixels(d, p, &panel->guides[i]);
        const struct canvas_pen pen = guide_pen(d, &panel->guides[i]);
        canvas_rule(d->canvas, l.x, l.y, l.x + l.w, l.y + l.h, &pen);
    }
    for (size_t i = 0; i < panel->guide_count; i++)
        if (panel->guides[i].text_at == CHART_TEXT_FOOT || panel->guides[i].text_at == CHART_TEXT_ALONG)
            draw_guide_text(d, p, &panel->guides[i]);
    if (p == 0)
        draw_heads(d);
}

void guides_draw_shades(struct drawing *d, size_t p)
{
    const struct chart_panel *panel = &d->chart->panels[p];

    for (size_t i = 0; i < panel->shade_count; i++) {
        const struct chart_shade *s = &panel->shades[i];
        const double x0 = drawing_px(d, p, s->lo), x1 = drawing_px(d, p, s->hi);
        canvas_rect(d->canvas, x0, d->box[p].y, x1 - x0, d->box[p].h,
                    s->bound   ? BOUND
                    : s->doubt ? GUIDE
                               : SHADE,
                    s->bound ? 0.22 : 0.10);
    }
}
