/* Where is room: see place.h. The sums are a summed-area table (Crow, SIGGRAPH 1984). */
#include "plot/place.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int place_init(struct place *p, struct place_box area, double cell, struct clr_error *err)
{
    struct place q = {.area = area, .cell = cell, .stale = true};
    int rc;

    q.columns = (int)ceil(fmax(area.w, cell) / cell);
    q.rows = (int)ceil(fmax(area.h, cell) / cell);
    rc = mem_new(&q.taken, (size_t)q.columns * (size_t)q.rows, 1, "map of the figure", err);
    if (rc == 0)
        rc = mem_new(&q.sums, (size_t)(q.columns + 1) * (size_t)(q.rows + 1), sizeof(int),
                     "map of the figure", err);
    if (rc < 0) {
        place_clear(&q);
        return rc;
    }
    *p = q;
    return 0;
}

void place_clear(struct place *p)
{
    free(p->taken);
    free(p->sums);
    memset(p, 0, sizeof *p);
}

static size_t limit(double v, int hi)
{
    return v < 0 ? 0 : v > hi ? (size_t)hi : (size_t)v;
}

/* Columns x0 … x1 - 1 and rows y0 … y1 - 1. */
struct cells {
    size_t x0, y0, x1, y1;
};

static struct cells cells_of(const struct place *p, struct place_box b)
{
    return (struct cells){limit(floor((b.x - p->area.x) / p->cell), p->columns),
                          limit(floor((b.y - p->area.y) / p->cell), p->rows),
                          limit(ceil((b.x + b.w - p->area.x) / p->cell), p->columns),
                          limit(ceil((b.y + b.h - p->area.y) / p->cell), p->rows)};
}

void place_take_box(struct place *p, struct place_box b)
{
    const struct cells c = cells_of(p, b);

    for (size_t y = c.y0; y < c.y1 && c.x1 > c.x0; y++)
        memset(p->taken + y * (size_t)p->columns + c.x0, 1, c.x1 - c.x0);
    p->stale = true;
}

void place_take_segment(struct place *p, double x0, double y0, double x1, double y1, double radius)
{
    double length = hypot(x1 - x0, y1 - y0);
    int steps = 1 + (int)(length / p->cell);

    for (int i = 0; i <= steps; i++) {
        double f = (double)i / steps, x = x0 + f * (x1 - x0), y = y0 + f * (y1 - y0);
        place_take_box(p, (struct place_box){x - radius, y - radius, 2 * radius, 2 * radius});
    }
}

static void make_sums(struct place *p)
{
    size_t stride = (size_t)p->columns + 1;

    for (int y = 0; y < p->rows; y++) {
        int row = 0;
        for (int x = 0; x < p->columns; x++) {
            row += p->taken[(size_t)y * (size_t)p->columns + (size_t)x];
            p->sums[((size_t)y + 1) * stride + (size_t)x + 1] =
                p->sums[(size_t)y * stride + (size_t)x + 1] + row;
        }
    }
    p->stale = false;
}

int place_overlap(struct place *p, struct place_box b)
{
    const size_t stride = (size_t)p->columns + 1;
    const struct cells c = cells_of(p, b);

    if (p->stale)
        make_sums(p);
    if (b.x < p->area.x || b.y < p->area.y || b.x + b.w > p->area.x + p->area.w ||
        b.y + b.h > p->area.y + p->area.h)
        return p->columns * p->rows;
    return p->sums[c.y1 * stride + c.x1] - p->sums[c.y0 * stride + c.x1] - p->sums[c.y1 * stride + c.x0] +
           p->sums[c.y0 * stride + c.x0];
}

bool place_find_corner(struct place *p, double w, double h, double margin, struct place_box *out)
{
    static const double corner[4][2] = {{1, 1}, {0, 0}, {1, 0}, {0, 1}};
    struct place_box a = p->area, best = {0, 0, w, h};
    double step = 2 * p->cell, best_cost = INFINITY;
    double room_x = a.w - w - 2 * margin, room_y = a.h - h - 2 * margin;

    if (room_x < 0 || room_y < 0)
        return false;
    for (int k = 0; k < 4; k++) {
        double fx = corner[k][0], fy = corner[k][1];
        for (double dy = 0; dy <= room_y; dy += step) {
            for (double dx = 0; dx <= room_x; dx += step) {
                struct place_box b = {a.x + margin + (fx > 0 ? room_x - dx : dx),
                                      a.y + margin + (fy > 0 ? room_y - dy : dy), w, h};
                struct place_box wide = {b.x - margin, b.y - margin, w + 2 * margin, h + 2 * margin};
                double cost = dx + dy + k * 4.0 * step;
                if (cost < best_cost && place_overlap(p, wide) == 0) {
                    best_cost = cost;
                    best = b;
                }
            }
        }
    }
    if (isinf(best_cost))
        return false;
    *out = best;
    return true;
}
