/* Figures as CSV: see table.h. */
#include "plot/table.h"

#include <math.h>

#include "base/csv.h"

/* As in the figure: no line break, nor anything that could steer a terminal. */
static void append_text(struct str *out, const char *text)
{
    char clean[2 * CHART_LABEL];

    (void)canvas_clean_text(clean, sizeof clean, text);
    csv_append_texts(out, &(const char *){clean}, 1);
}

static void append_row(struct str *out, const struct chart *chart, size_t panel, const char *kind,
                       const char *name, const double numbers[5])
{
    append_text(out, chart->panels[panel].y_label);
    append_text(out, chart->x_label);
    str_append(out, "%s,", kind);
    append_text(out, name);
    csv_append_numbers(out, numbers, 5, "\n");
}

/* Of one of the curves. */
static void append_of(struct str *out, const struct chart *chart, size_t panel, const char *kind, size_t look,
                      const char *name, const double numbers[5])
{
    char text[CHART_LABEL + sizeof chart->lanes[0].text + 4];
    const struct chart_series *s = chart->panels[panel].series;

    while (s->look != look) /* those before it may not be drawn */
        s++;
    (void)snprintf(text, sizeof text, "%s: %s", s->label, name);
    append_row(out, chart, panel, kind, text, numbers);
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

    if (g->colored)
        append_of(out, chart, panel, mark ? "mark" : "level", g->look, g->text, row);
    else
        append_row(out, chart, panel, mark ? "mark" : "level", g->text, row);
}

/* The range in a lane; the lane's text has fewer digits. */
static void append_lane(struct str *out, const struct chart *chart, const struct chart_lane *lane)
{
    const double row[5] = {NAN, NAN, lane->lo, lane->hi, NAN};

    append_of(out, chart, 0, "range", lane->look, isnan(lane->hi) ? lane->text : "range to train in", row);
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
    for (size_t i = 0; i < chart->lane_count; i++)
        append_lane(out, chart, &chart->lanes[i]);
    return str_check(out, err);
}

int table_of_bars(struct str *out, const struct bars *bars, struct clr_error *err)
{
    str_append(out, "layer,pass,device,legend,unit,median,min,max\n");
    for (size_t i = 0; i < bars->row_count; i++) {
        const struct bars_row *r = &bars->rows[i];
        for (size_t k = 0; k < bars->series_count; k++) {
            const char *const texts[] = {r->name[0] ? r->group : "", r->name[0] ? r->name : r->group,
                                         bars->names[k], bars->series[k], bars->unit};
            const double row[3] = {r->value[k], r->low[k], r->high[k]};
            if (!isfinite(r->value[k]))
                continue;
            for (size_t t = 0; t < MEM_COUNT(texts); t++)
                append_text(out, texts[t]);
            csv_append_numbers(out, row, 3, "\n");
        }
    }
    return str_check(out, err);
}
