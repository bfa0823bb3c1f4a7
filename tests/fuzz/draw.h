/* Figures of hostile tables and runs. */
#ifndef FUZZ_DRAW_H
#define FUZZ_DRAW_H

#include "plot/figure.h"

/* figure_run() or figure_range(), plain and as small charts with rates, and what it makes as SVG, with boxes
 * for text: no fonts are looked for. */
void fuzz_draw(figure_kind *figure, const char *const *inputs, size_t count);

#endif
