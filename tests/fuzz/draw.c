/* Figures of hostile tables and runs: see draw.h. */
#include "draw.h"

#include "fuzz.h"

void fuzz_draw(int (*figure)(struct chart *, const char *const *, size_t, struct clr_error *),
               const char *const *inputs, size_t count)
{
    struct chart chart = {0};
    struct clr_error err;
    struct str out = {0};

    if (!fuzz_worked(figure(&chart, inputs, count, &err), &err))
        return;
    if (fuzz_worked(figure_render(&out, &chart, CANVAS_SVG, true, NULL, &err), &err))
        FUZZ_CHECK(out.length > 0);
    str_clear(&out);
    chart_clear(&chart);
}
