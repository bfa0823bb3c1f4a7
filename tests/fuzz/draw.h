/* Figures of hostile tables and runs. */
#ifndef FUZZ_DRAW_H
#define FUZZ_DRAW_H

#include "plot/figure.h"

/* figure_run(), figure_loss() or figure_range(), plain and as small charts with rates, and the chart as SVG,
 * with boxes for text, so that no fonts are searched. */
void fuzz_draw(figure_kind *figure, const char *const *inputs, size_t count, enum clr_plot_over over);

#endif
