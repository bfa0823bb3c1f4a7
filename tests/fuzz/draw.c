/* Figures of hostile tables and runs: see draw.h. */
#include "draw.h"

#include "fuzz.h"

void fuzz_draw(figure_kind *figure, const char *const *inputs, size_t count, enum clr_plot_over over)
{
    static const double one = 1;
    const struct clr_plot_options options[] = {
        {.over = over}, {.over = over, .rates = true, .multiples = true, .y_min = &one}};

    for (size_t i = 0; i < MEM_COUNT(options); i++) {
        struct chart chart = {0};
        struct clr_error err;
        struct str out = {0};
        if (!fuzz_worked(figure_make(figure, &chart, inputs, count, &options[i], &err), &err))
            continue;
        if (fuzz_worked(figure_render(&out, (struct figure_content){.chart = &chart}, CANVAS_SVG, true,
                                      &options[i], &err),
                        &err))
            FUZZ_CHECK(out.length > 0);
        str_clear(&out);
        chart_clear(&chart);
    }
}
