/* Small multiples: see multiples.h. */
#include "plot/multiples.h"

#include <math.h>
#include <string.h>

#include "plot/drawing.h"

#define TITLE          16.0 /* pixels */
#define MIN_TITLE      11.0 /* in narrow figures */
#define HEAD           34.0
#define MIN_WIDTH      150 /* of one of them, to be read */
#define MIN_HEIGHT     120
#define MAX_TITLE_ROWS 3
#define SHAPE          1.5 /* width to height that is aimed at */

struct grid {
    size_t columns, rows;
    double width, height; /* of a cell */
};

/* The grid whose cells are largest in the shape that is aimed at. */
static struct grid choose_grid(size_t count, double width, double height)
{
    struct grid best = {0};
    double size = 0.0;

    for (size_t columns = 1; columns <= count; columns++) {
        const size_t rows = (count + columns - 1) / columns;
        const struct grid g = {columns, rows, floor(width / (double)columns), floor(height / (double)rows)};
        const double this_size = fmin(g.width, SHAPE * g.height);
        if (this_size > size) {
            best = g;
            size = this_size;
        }
    }
    return best;
}

int multiples_height(const struct chart *chart, int width, int height)
{
    const double least = chart->panel_count > 1 ? 310 : 190, head = chart->title[0] ? HEAD : 0.0;
    const size_t count = chart->panels[0].series_count;

    /* A higher figure may get more rows, but not more than it has charts. */
    for (size_t i = 0; i < count; i++) {
        const struct grid g = choose_grid(count, width, height - head);
        if (g.height >= least)
            break;
        height = (int)(head + least * (double)g.rows);
    }
    return height;
}

/* Of the curves, the own one's in its colour. */
static void keep_ends(struct chart_panel *panel, const struct chart_panel *from, size_t look)
{
    panel->guide_count = 0;
    for (size_t i = 0; i < from->guide_count; i++) {
        if (!from->guides[i].colored)
            continue;
        panel->guides[panel->guide_count] = from->guides[i];
        panel->guides[panel->guide_count++].muted = from->guides[i].look != look;
    }
}

/* Curve i on top, then the others in grey. Curves are borrowed: out->panels[p].series is the caller's room.
 */
static void make_cell(struct chart *out, struct chart_series (*room)[CHART_MAX_SERIES],
                      const struct chart *chart, size_t i)
{
    *out = *chart;
    out->key_count = 0;
    out->lane_count = 0;
    str_copy(out->title, sizeof out->title, chart->panels[0].series[i].label);
    for (size_t p = 0; p < chart->panel_count; p++) {
        struct chart_panel *panel = &out->panels[p];
        size_t n = 0;
        panel->series = room[p];
        keep_ends(panel, &chart->panels[p], chart->panels[p].series[i].look);
        panel->shade_count = 0;
        room[p][n++] = chart->panels[p].series[i];
        for (size_t k = 0; k < panel->series_count; k++) {
            if (k == i)
                continue;
            room[p][n] = chart->panels[p].series[k];
            room[p][n].muted = true; /* its band is not drawn, and counts for the range of the axis */
            room[p][n++].markers = false;
        }
        for (size_t k = 0; k < n; k++)
            room[p][k].label[0] = '\0';
    }
}

static void draw_title(struct canvas *canvas, const struct chart *chart, int width)
{
    static const char *const samples[] = {
        [CHART_KEY_BAND] = "band", [CHART_KEY_END] = "dashed", [CHART_KEY_ABOVE] = "arrow"};
    const double room = width - 24;
    double size = TITLE, wide;
    char title[sizeof chart->title + (size_t)3 * CHART_LABEL];

    str_copy(title, sizeof title, chart->title);
    for (size_t i = 0; i < chart->key_count; i++) {
        const struct chart_key *key = &chart->keys[i];
        const size_t length = strlen(title);
        if (key->kind < MEM_COUNT(samples) && samples[key->kind])
            (void)snprintf(title + length, sizeof title - length, "; %s: %s", samples[key->kind], key->text);
    }
    wide = canvas_text_width(canvas, title, TITLE, true);
    if (wide > room)
        size = fmax(MIN_TITLE, TITLE * room / wide);
    canvas_fitted_text(canvas, width / 2.0, 0.55 * HEAD, title, size, true, CANVAS_CENTER, INK, room);
}

/* Lines that the longest title of a row needs. */
static int title_rows(struct canvas *canvas, const struct chart *chart, const struct grid *g, size_t row)
{
    const size_t count = chart->panels[0].series_count;
    int most = 1;

    for (size_t i = row * g->columns; i < (row + 1) * g->columns && i < count; i++) {
        const int rows = chart_title_rows(canvas, chart->panels[0].series[i].label, g->width);
        most = rows > most ? rows : most;
    }
    return most < MAX_TITLE_ROWS ? most : MAX_TITLE_ROWS;
}

/* The height of a small chart without its title and the x axis's label: all panels are of one size. */
static double body_height(struct canvas *canvas, const struct chart *chart, const struct grid *g,
                          double label)
{
    int titles = 0;

    for (size_t row = 0; row < g->rows; row++)
        titles += title_rows(canvas, chart, g, row);
    return g->height - label * (DRAWING_X_LABEL + DRAWING_TITLE_ROW * titles) / (double)g->rows;
}

int multiples_draw(struct canvas *canvas, const struct chart *chart, int width, int height,
                   struct clr_error *err)
{
    const double head = chart->title[0] ? HEAD : 0.0;
    const size_t count = chart->panels[0].series_count;
    const struct grid g = choose_grid(count, width, height - head);
    struct chart_series room[MEM_COUNT(chart->panels)][CHART_MAX_SERIES];
    const double label = drawing_sizes(g.width, g.height, false).label;
    double body, top = head;
    struct chart cell;
    int rc = 0;

    if (g.width < MIN_WIDTH || g.height < MIN_HEIGHT)
        return clr_error_set(err, CLR_EUSAGE,
                             "%zu small charts do not fit into %d × %d pixels: they need %d × %d each", count,
                             width, height, MIN_WIDTH, MIN_HEIGHT);
    body = body_height(canvas, chart, &g, label);
    if (chart->title[0])
        draw_title(canvas, chart, width);
    for (size_t i = 0; i < count && rc == 0; i++) {
        const size_t column = i % g.columns;
        const bool last = i + g.columns >= count; /* there is none below */
        double h;
        make_cell(&cell, room, chart, i);
        cell.reported = i > 0;
        cell.title_rows = title_rows(canvas, chart, &g, i / g.columns);
        h = floor(body + DRAWING_TITLE_ROW * cell.title_rows * label);
        if (!last)
            cell.x_label[0] = '\0';
        for (size_t p = 0; p < cell.panel_count && column > 0; p++)
            cell.panels[p].y_label = "";
        canvas_set_origin(canvas, (double)column * g.width, top);
        rc = chart_draw(canvas, &cell, (int)g.width, (int)(h + (last ? DRAWING_X_LABEL * label : 0.0)), err);
        top += column + 1 == g.columns ? h : 0.0;
    }
    canvas_set_origin(canvas, 0, 0);
    return rc;
}
