/* Reports as bars: see clr/bench.h and plot/bars.h. */
#include "bench/bench_figure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "bench/comparison.h"
#include "bench/words.h"
#include "plot/figure.h"
#include "plot/labels.h"

#define NOTE_NAME 26 /* columns of a device's name in a note, and in a brief legend */
#define LEAST     12 /* … together with what disturbed its run */

/* The device's name in that many columns; with its number where another one's would be the same. */
static const char *brief_name(char brief[WORDS_NAME], const struct bars *b, size_t i, int most)
{
    char other[WORDS_NAME], numbered[WORDS_NAME];
    bool same = false;

    (void)words_short(brief, b->names[i], most, most / 2);
    for (size_t k = 0; k < b->series_count && !same; k++)
        same = k != i && strcmp(words_short(other, b->names[k], most, most / 2), brief) == 0;
    (void)snprintf(numbered, sizeof numbered, "%.*s [%zu]", (int)sizeof numbered - 24, b->names[i], i + 1);
    return same ? words_short(brief, numbered, most, most / 2) : brief;
}

/* The number first: where room is scarce, texts are cut in their middle. A user's text is shortened no
 * further than it has to be. */
static void label(struct bars *out, const struct comparison *c)
{
    for (size_t i = 0; i < out->series_count; i++) {
        const struct clr_bench_report *r = &c->reports[i];
        const struct comparison_state *s = &c->states[i];
        const char *state = s->busy ? ", busy" : s->slowed > 0.0 ? ", disturbed" : "";
        const char *stopped = r->stopped[0] ? ", stopped" : "";
        const char *times = r->row_count == 0 ? ", no layer times" : "";
        const int room = NOTE_NAME - words_columns(state) - words_columns(stopped);
        char name[WORDS_NAME], images[WORDS_NUMBER];
        (void)words_number(images, 1e3 * r->batch / r->step_ms.median);
        (void)snprintf(out->series[i], sizeof out->series[i], "%s images/s%s%s%s%s: %s", images, state,
                       state[0] ? " machine" : "", stopped, times, out->names[i]);
        if (strcmp(words_name(name, c->reports, c->count, i), out->names[i]) == 0)
            (void)snprintf(out->briefs[i], sizeof out->briefs[i], "%s images/s%s%s%s: %s", images, state,
                           stopped, times, brief_name(name, out, i, room > LEAST ? room : LEAST));
    }
}

/* Of reports from files: those that are measured now have been reported. */
static void warn_of_states(const struct bars *b, const struct comparison *c)
{
    for (size_t i = 0; i < c->count; i++) {
        const struct clr_bench_report *r = &c->reports[i];
        const struct comparison_state *s = &c->states[i];
        if (s->busy && r->source[0])
            log_line(CLR_LOG_WARNING, "%s: measured on a busy machine, all of its times may be off",
                     b->names[i]);
        if (s->slowed > 0.0)
            log_line(CLR_LOG_WARNING,
                     "%s: measured on a disturbed machine; %s is of the same device and has %.1f× the %s",
                     b->names[i], b->names[s->other], s->slowed, s->figure);
        if (r->stopped[0] && r->source[0])
            log_line(CLR_LOG_WARNING, "%s: stopped while it measured '%s', what comes after it is missing",
                     b->names[i], r->stopped);
    }
}

static void fill_row(struct bars_row *out, const struct comparison *c, size_t row)
{
    const struct clr_bench_row *like = c->order[row];
    const char *pass = clr_bench_pass_name(like->pass);

    str_copy(out->group, sizeof out->group, like->layer[0] ? like->layer : pass);
    str_copy(out->name, sizeof out->name, like->layer[0] ? pass : "");
    for (size_t k = 0; k < c->count; k++) {
        const struct clr_bench_row *found = c->rows[row * c->count + k];
        out->value[k] = found ? found->ms.median : NAN;
        out->low[k] = found ? found->ms.min : NAN;
        out->high[k] = found ? found->ms.max : NAN;
    }
}

/* Layers that one device does with another one: their bars are not of the same work. */
static void note_joined(struct bars *out, const struct comparison *c)
{
    char name[WORDS_NAME];

    for (size_t j = 0; j < c->within_count; j++) {
        const struct comparison_within *w = &c->within[j];
        const bool begins = j == 0 || c->within[j - 1].report != w->report;
        char *note;
        size_t n;
        log_line(CLR_LOG_WARNING, "%s has %s in %s: compare its bars with both of the others",
                 out->names[w->report], w->layer, w->with);
        if (begins)
            (void)snprintf(out->notes[out->note_count++], sizeof out->notes[0], "%s",
                           words_short(name, out->names[w->report], NOTE_NAME, NOTE_NAME / 2));
        note = out->notes[out->note_count - 1];
        n = strlen(note);
        (void)snprintf(note + n, sizeof out->notes[0] - n, "%s%s has %s in it", begins ? ": " : ", ", w->with,
                       w->layer);
    }
}

/* The user's texts in place of devices' names, for a file, with or without ".json", or a device. */
static int apply_labels(struct bars *b, const struct clr_bench_report *reports,
                        const struct clr_plot_options *o, struct clr_error *err)
{
    struct runs names = {.count = b->series_count};
    char files[BARS_MAX_SERIES][CLR_BENCH_FILE + sizeof ".json"], own[RUNS_LABEL];
    const char *inputs[BARS_MAX_SERIES];
    int rc = mem_new(&names.run, names.count, sizeof *names.run, "names", err);

    for (size_t i = 0; i < names.count && rc == 0; i++) {
        struct plot_run *r = &names.run[i];
        (void)snprintf(files[i], sizeof files[i], "%s.json", reports[i].source);
        inputs[i] = files[i];
        r->within = reports[i].source;
        r->group = i;
        str_copy(r->name, sizeof r->name, reports[i].device);
        str_copy(r->label, sizeof r->label, b->names[i]);
    }
    if (rc == 0)
        rc = labels_apply(&names, inputs, o->labels, o->label_count, err);
    for (size_t i = 0; i < names.count && rc == 0; i++) {
        str_copy(own, sizeof own, b->names[i]); /* cut as the label is */
        if (strcmp(names.run[i].label, own) != 0)
            str_copy(b->names[i], sizeof b->names[i], names.run[i].label);
    }
    free(names.run);
    return rc;
}

int figure_bench(struct bars *out, const struct clr_bench_report *reports, size_t count,
                 const struct clr_plot_options *options, struct clr_error *err)
{
    struct bars bars = {.value_label = "ms in a training step", .unit = "ms", .series_count = count};
    struct comparison c = {0};
    int rc;

    if (count > BARS_MAX_SERIES)
        return clr_error_set(err, CLR_EUSAGE, "more than %d devices have no colours of their own: draw fewer",
                             BARS_MAX_SERIES);
    rc = comparison_make(&c, reports, count, err);
    if (rc == 0 && c.row_count == 0)
        rc = clr_error_set(err, CLR_EINPUT, "nothing to draw: no layer was timed%s",
                           reports[0].stopped[0] ? "" : ", since this driver's kernel times are unusable");
    if (rc == 0)
        rc = bars_create_rows(&bars, c.row_count, err);
    for (size_t i = 0; i < count && rc == 0; i++) {
        char name[WORDS_NAME];
        str_copy(bars.names[i], sizeof bars.names[i], words_name(name, reports, count, i));
    }
    if (rc == 0 && options && options->label_count > 0)
        rc = apply_labels(&bars, reports, options, err);
    if (rc == 0) {
        label(&bars, &c);
        warn_of_states(&bars, &c);
        note_joined(&bars, &c);
    }
    for (size_t i = 0; i < c.row_count && rc == 0; i++)
        fill_row(&bars.rows[i], &c, i);
    comparison_clear(&c);
    if (rc < 0) {
        bars_clear(&bars);
        return rc;
    }
    (void)snprintf(bars.title, sizeof bars.title, "%s, batch %d: time of each layer", reports[0].net,
                   reports[0].batch);
    *out = bars;
    return 0;
}

int clr_bench_plot(const char *path, const struct clr_bench_report *reports, size_t count,
                   const struct clr_plot_options *options, struct clr_error *err)
{
    struct bars bars = {0};
    int rc = options ? mem_check_struct(options, sizeof *options, "clr_plot_options", err) : 0;

    if (rc == 0)
        rc = figure_bench(&bars, reports, count, options, err);
    if (rc == 0)
        rc = figure_write(path, (struct figure_content){.bars = &bars}, options, err);
    bars_clear(&bars);
    return rc;
}
