/*
 * Where is room? A coarse map of what is drawn in a panel, and a search in it for legends and labels.
 */
#ifndef PLOT_PLACE_H
#define PLOT_PLACE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"

struct place_box {
    double x, y, w, h; /* x, y: upper left corner */
};

struct place {
    struct place_box area;
    double cell; /* side of a cell in pixels */
    int columns, rows;
    unsigned char *taken; /* rows × columns */
    int *sums;            /* (rows + 1) × (columns + 1): cells taken above and left; made by place_find() */
    bool stale;
};

int place_init(struct place *p, struct place_box area, double cell, struct clr_error *err);
void place_clear(struct place *p);

void place_take_segment(struct place *p, double x0, double y0, double x1, double y1, double radius);
void place_take_box(struct place *p, struct place_box b);

/* Cells taken under the box; what lies outside the area counts as taken. */
int place_overlap(struct place *p, struct place_box b);

/* The free place for a box of w × h that is nearest to a corner (lower right, upper left, upper right, lower
 * left, in this order where it is equal), `margin` from everything. false: there is none. */
bool place_find_corner(struct place *p, double w, double h, double margin, struct place_box *out);

#endif
