/* Figures as CSV: see table.h. */
#include "plot/table.h"

#include <math.h>
#include <string.h>

static void append_text(struct str *out, const char *text)
{
    if (!strpbrk(text, ",\"\n\r")) {
        str_append(out, "%s", text);
        return;
    }
    str_append(out, "\"");
    for (; *text; text++)
        str_append(out, *text == '"' ? "\"\"" : "%c", *text);
    str_append(out, "\"");
}

/* NaN and infinite: an empty field. */
static void append_numbers(struct str *out, const double *v, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (isfinite(v[i]))
            str_append(out, ",%.9g", v[i]);
        else
            str_append(out, ",");
    }
    str_append(out, "\n");
}

static void append_row(struct str *out, const struct chart *chart, size_t panel, const char *kind,
                       const char *name, const double numbers[5])
{
    append_text(out, chart->panels[panel].y_label);
    str_append(out, ",");
    append_text(out, chart->x_label);
    str_append(out, ",%s,", kind);
    append_text(out, name);
    append_numbers(out, numbers, 5);
}

static void append_series(struct str *out, const struct chart *chart, size_t panel,
                          const struct chart_series *s)
{
    for (size_t k = 0; k < s->count; k++) {
        const double row[5] = {s->x[k], s->y[k], s->low ? s->low[k] : NAN, s->high ? s->high[k] : NAN,
                               s->smooth ? s->smooth[k] : NAN};
        append_row(out, chart, panel, "point", s->label, row);
    }
}

static void append_guide(struct str *out, const struct chart *chart, size_t panel,
                         const struct chart_guide *g)
{
    const bool mark = isinf(g->y0) || isinf(g->y1);
    const double row[5] = {mark ? g->x0 : NAN, mark ? NAN : g->y0, mark ? NAN : g->x0, mark ? NAN : g->x1,
                           NAN};

    append_row(out, chart, panel, mark ? "mark" : "level", g->text, row);
}

int table_of_chart(struct str *out, const struct chart *chart, struct clr_error *err)
{
    str_append(out, "panel,axis,kind,name,x,y,low,high,line\n");
    for (size_t p = 0; p < chart->panel_count; p++) {
        const struct chart_panel *panel = &chart->panels[p];
        for (size_t i = 0; i < panel->series_count; i++)
            append_series(out, chart, p, &panel->series[i]);
        for (size_t i = 0; i < panel->guide_count; i++)
            append_guide(out, chart, p, &panel->guides[i]);
        for (size_t i = 0; i < panel->shade_count; i++) {
            const double row[5] = {NAN, NAN, panel->shades[i].lo, panel->shades[i].hi, NAN};
            append_row(out, chart, p, "range", panel->shades[i].what, row);
        }
    }
    return str_check(out, err);
}

int table_of_bars(struct str *out, const struct bars *bars, struct clr_error *err)
{
    str_append(out, "layer,pass,device,value,low,high\n");
    for (size_t i = 0; i < bars->row_count; i++) {
        const struct bars_row *r = &bars->rows[i];
        for (size_t k = 0; k < bars->series_count; k++) {
            const double row[3] = {r->value[k], r->low[k], r->high[k]};
            if (!isfinite(r->value[k]))
                continue;
            append_text(out, r->group);
            str_append(out, ",");
            append_text(out, r->name);
            str_append(out, ",");
            append_text(out, bars->series[k]);
            append_numbers(out, row, 3);
        }
    }
    return str_check(out, err);
}
