/* Small multiples: the curves of a chart one by one, each over the others in grey. */
#ifndef PLOT_MULTIPLES_H
#define PLOT_MULTIPLES_H

#include "plot/chart.h"

/*
 * Draw the chart as a grid of small ones, which share its axes' ranges: one for each curve, with the curve's
 * label as title. Helper lines and shades are omitted. CLR_EUSAGE: too small to be read; CLR_ENOMEM.
 */
int multiples_draw(struct canvas *canvas, const struct chart *chart, int width, int height,
                   struct clr_error *err);

/* The height, that one or a larger one, at which their labels fit. */
int multiples_height(const struct chart *chart, int width, int height);

#endif
