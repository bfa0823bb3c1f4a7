/* A comparison for readers, as plain text and as Markdown: see comparison.h. */
#include "bench/comparison.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "bench/peak.h"
#include "bench/words.h"
#include "ops/tuned.h"
#include "plot/axes.h"

#define VALUE 10 /* columns of a value … */
#define WORDS 16 /* … and of what stands behind it: "~1,200× faster" */
#define HEAD  26 /* columns of a name at the head, and of the first report's: two fit into 80 */
#define FIRST 15

/* ------------------------------------------------------------------ what both say */

/* Two digits, of what is hardly more than 1 two behind the point: "2,200", "68", "1.3", "1.04". */
static void write_factor(char out[AXES_TEXT], double v)
{
    const double step = v < 9.95 ? 0.1 : pow(10.0, floor(log10(v)) - 1.0);

    axes_format_fixed(out, AXES_TEXT, v < 9.95 ? v : round(v / step) * step, v < 1.1 ? 2 : v < 9.95 ? 1 : 0);
}

/* "68× faster", "~1.3× slower", "about equal" */
static const char *verdict(char out[64], const struct comparison_cell *cell)
{
    const char *name = comparison_verdict_name(cell->verdict);
    char factor[AXES_TEXT];

    if (cell->verdict <= COMPARISON_EQUAL) {
        (void)snprintf(out, 64, "%s%s", cell->verdict == COMPARISON_EQUAL ? "about " : "", name);
    } else {
        write_factor(factor, cell->factor);
        (void)snprintf(out, 64, "%s%s× %s", cell->uncertain ? "~" : "", factor, name);
    }
    return out;
}

static const char *value(char out[WORDS_NUMBER], const struct comparison_cell *cell)
{
    return cell->value.count > 0 ? words_number(out, cell->value.median) : "-";
}

static const char *name_of(char file[WORDS_FILE], const struct comparison *c, size_t k)
{
    return words_same_device(c->reports, c->count, k) ? words_file(file, c->reports, c->count, k)
                                                      : c->reports[k].device;
}

/* A short name that no other report has, with so much of its end; false: it is not the only one. */
static bool shorten(char out[WORDS_NAME], const struct comparison *c, size_t k, int most, int tail)
{
    char file[WORDS_FILE], other[WORDS_NAME];

    words_short(out, name_of(file, c, k), most, tail);
    for (size_t i = 0; i < c->count; i++)
        if (i != k && strcmp(words_short(other, name_of(file, c, i), most, tail), out) == 0)
            return false;
    return out[0];
}

/* "[2] NVIDIA H200", "[2] after" of one device: at the head of a column, shortened where there is no room.
 * Where that does not tell it from the others, the number. */
static const char *head(char out[WORDS_NAME], const struct comparison *c, size_t k)
{
    char name[WORDS_NAME];
    const int n = snprintf(out, WORDS_NAME, "[%zu] ", k + 1), most = (k > 0 ? HEAD : FIRST) - n;

    if (shorten(name, c, k, most, most / 2) || shorten(name, c, k, most, 3 * most / 4))
        str_copy(out + n, (size_t)(WORDS_NAME - n), name);
    else
        out[n - 1] = '\0';
    return out;
}

/* ------------------------------------------------------------------ notes */

/* A text in Markdown: no markup of somebody else's. */
static void append_markdown(struct str *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\n' || *text == '\r' || *text == '\t')
            str_append(out, " ");
        else if (*text == '<')
            str_append(out, "&lt;");
        else if (strchr("|\\`*_[]", *text))
            str_append(out, "\\%c", *text);
        else
            str_append_bytes(out, text, 1);
    }
}

struct notes {
    struct str *out;
    bool markdown; /* as a list */
};

static void CLR_PRINTF(2, 3) note(const struct notes *n, const char *format, ...)
{
    char text[1024];
    va_list ap;

    va_start(ap, format);
    (void)vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    str_append(n->out, n->markdown ? "- " : "");
    if (n->markdown)
        append_markdown(n->out, text);
    else
        str_append(n->out, "%s", text);
    str_append(n->out, "\n");
}

static bool leaves_out_a_share(const struct clr_bench_report *r)
{
    for (size_t i = 0; i < r->row_count; i++)
        if (peak_is_left_out(r, &r->rows[i]))
            return true;
    return false;
}

static bool is_alike(const struct clr_bench_replaced *a, const struct clr_bench_replaced *b)
{
    return strcmp(a->why, b->why) == 0 && op_same_algorithm(a->variant, b->variant);
}

/* What was replaced, one line for each algorithm: one for each layer and pass may be dozens. */
static void note_replaced(const struct notes *n, const struct comparison *c, size_t k)
{
    const struct clr_bench_report *r = &c->reports[k];

    for (size_t i = 0; i < r->replaced_count; i++) {
        char text[WORDS_REPLACED], more[80] = "";
        size_t before = 0, behind = 0;
        for (size_t j = 0; j < r->replaced_count; j++)
            *(j < i ? &before : &behind) += is_alike(&r->replaced[i], &r->replaced[j]);
        if (before > 0)
            continue;
        if (behind > 1)
            (void)snprintf(more, sizeof more, "; likewise %zu more of '%.*s': 'replaced' in its report",
                           behind - 1, (int)op_algorithm_length(r->replaced[i].variant),
                           r->replaced[i].variant);
        note(n, "[%zu] %s%s", k + 1, words_replaced(text, &r->replaced[i]), more);
    }
}

/* What one of the reports is that the others need not be. */
static void note_report(const struct notes *n, const struct comparison *c, size_t k)
{
    const struct clr_bench_report *r = &c->reports[k];
    struct comparison_within w = {0};

    while (comparison_next_within(&w, c, k))
        note(n,
             "[%zu] %s has %s in it, which is a layer of its own elsewhere: compare their sum, the last "
             "lines.",
             k + 1, w.with, w.layer);
    note_replaced(n, c, k);
    if (leaves_out_a_share(r))
        note(n, "[%zu] has no share of the peak. " WORDS_NO_SHARE, k + 1);
    if (r->row_count == 0)
        note(n, "[%zu] has no times of layers: that driver's are unusable.", k + 1);
    if (r->peak_memory_compiler)
        note(n,
             "[%zu] had to compile kernels: the OpenCL compiler is in its process memory, which has no "
             "factor.",
             k + 1);
}

/* What the reader has to know of those numbers. */
static void append_notes(struct str *out, const struct comparison *c, bool markdown)
{
    const struct notes n = {out, markdown};
    bool verdicts[COMPARISON_LESS + 1] = {false}, uncertain = false, rest = false;

    for (size_t i = 0; i < c->lines; i++) {
        const struct comparison_line line = comparison_line(c, i);
        rest = rest || strcmp(line.figure, clr_bench_pass_name(CLR_BENCH_OTHER)) == 0;
        for (size_t k = 0; k < c->count; k++) {
            const struct comparison_cell cell = comparison_cell(c, i, k);
            verdicts[cell.verdict] = true;
            uncertain = uncertain || (cell.uncertain && cell.verdict > COMPARISON_EQUAL);
        }
    }
    str_append(out, "\n");
    note(&n, "The numbers are medians, the peak is the best sample.");
    note(&n, "warm start: with the compiled kernels that clr-cl keeps. first start: without them, though a "
             "driver's own cache may have helped.");
    note(
        &n,
        "device memory: planned for activations, gradients and parameters. process memory: the most that was "
        "resident, of program, driver and images.");
    if (verdicts[COMPARISON_EQUAL])
        note(&n, "about equal: less than 5 %% apart (memory that is planned: 0.5 %%), which two runs of one "
                 "device can be.");
    if (verdicts[COMPARISON_UNCLEAR])
        note(&n, "unclear: one of the two lies between the smallest and the largest of the other: measure "
                 "again on an "
                 "idle machine.");
    if (verdicts[COMPARISON_OTHER])
        note(&n, "other work: in one of the two the layer has another one in it, as said below.");
    if (rest)
        note(&n, "other: kernels of a layer that belong to no single pass.");
    if (uncertain)
        note(
            &n,
            "~: a rough factor, less than 1.2×, from a single sample, or from samples that allow one that is "
            "more than 10 %% off.");
    for (size_t k = 0; k < c->count; k++)
        note_report(&n, c, k);
}

/* ------------------------------------------------------------------ plain text */

static void pad(struct str *out, const char *text, int width, bool right)
{
    const int length = words_columns(text);

    str_append(out, "%*s%s%*s", right && width > length ? width - length : 0, "", text,
               !right && width > length ? width - length : 0, "");
}

/* Without the blanks at its end. */
static void end_line(struct str *out)
{
    while (out->length > 0 && out->text[out->length - 1] == ' ')
        out->text[--out->length] = '\0';
    str_append(out, "\n");
}

/* Widths of the first column, and of the first report's. */
struct widths {
    int names, first;
};

static struct widths measure(const struct comparison *c)
{
    struct widths w = {0, VALUE};
    char text[WORDS_NAME];
    int n;

    for (size_t i = 0; i < c->lines; i++) {
        const struct comparison_line line = comparison_line(c, i);
        n = words_columns(i < c->wholes ? line.figure : line.layer);
        w.names = n > w.names ? n : w.names;
    }
    n = words_columns(head(text, c, 0));
    w.first = n > w.first ? n : w.first;
    return w;
}

/* A number stands above its column's numbers, a name above their words, too. */
static void head_line(struct str *out, const struct comparison *c, const struct widths *w, const char *first,
                      const char *second)
{
    char text[WORDS_NAME];

    pad(out, first, w->names, false);
    str_append(out, "  ");
    pad(out, second, 15, false);
    for (size_t k = 0; k < c->count; k++) {
        (void)head(text, c, k);
        str_append(out, "  ");
        if (k == 0 || words_columns(text) <= VALUE) {
            pad(out, text, k == 0 ? w->first : VALUE, true);
            str_append(out, "%*s", k > 0 ? 2 + WORDS : 0, "");
        } else {
            pad(out, text, VALUE + 2 + WORDS, false);
        }
    }
    end_line(out);
}

static void line(struct str *out, const struct comparison *c, size_t i, const struct widths *w)
{
    const struct comparison_line line = comparison_line(c, i);
    const bool whole = i < c->wholes;

    pad(out, whole ? line.figure : line.layer, w->names, false);
    str_append(out, "  ");
    pad(out, whole ? line.unit : line.figure, 15, false);
    for (size_t k = 0; k < c->count; k++) {
        const struct comparison_cell cell = comparison_cell(c, i, k);
        char number[WORDS_NUMBER], words[64];
        str_append(out, "  ");
        pad(out, value(number, &cell), k == 0 ? w->first : VALUE, true);
        if (k > 0) {
            str_append(out, "  ");
            pad(out, verdict(words, &cell), WORDS, false);
        }
    }
    end_line(out);
}

static void who(struct str *out, const struct comparison *c, size_t i)
{
    const struct clr_bench_report *r = &c->reports[i];
    char file[WORDS_FILE], tuned[WORDS_TUNED];

    str_append(out, "[%zu] %s%s%s%s\n    %s, %d units; %s, driver %s; clr-cl %s (%s), %.10s%s%s\n", i + 1,
               r->device, r->source[0] ? " (" : "", words_file(file, c->reports, c->count, i),
               r->source[0] ? ")" : "", r->type, r->compute_units, r->platform, r->driver, r->program,
               r->git_id, r->created, r->tuned_layers < 0 ? "" : "; ", words_tuned(tuned, r));
}

void comparison_text(struct str *out, const struct comparison *c)
{
    const struct clr_bench_report *r = &c->reports[0];
    const struct widths w = measure(c);

    str_append(out, "%s, batch %d of %dx%dx%d: how the others stand against [1]\n\n", r->net, r->batch,
               r->input.channels, r->input.height, r->input.width);
    for (size_t i = 0; i < c->count; i++)
        who(out, c, i);
    str_append(out, "\n");
    head_line(out, c, &w, "", "");
    for (size_t i = 0; i < c->wholes; i++)
        line(out, c, i, &w);
    if (c->lines > c->wholes) {
        str_append(out, "\n");
        head_line(out, c, &w, "LAYER", "PASS, ms");
    }
    for (size_t i = c->wholes; i < c->lines; i++)
        line(out, c, i, &w);
    append_notes(out, c, false);
}

/* ------------------------------------------------------------------ Markdown */

static void markdown_who(struct str *out, const struct comparison *c, size_t i)
{
    const struct clr_bench_report *r = &c->reports[i];
    char file[WORDS_FILE], day[sizeof "2026-11-24"], tuned[WORDS_TUNED];

    str_append(out, "| %zu | ", i + 1);
    append_markdown(out, r->device);
    str_append(out, " | ");
    append_markdown(out, r->platform);
    str_append(out, ", ");
    append_markdown(out, r->driver);
    str_append(out, " | ");
    append_markdown(out, r->program);
    str_append(out, " (");
    append_markdown(out, r->git_id);
    str_copy(day, sizeof day, r->created);
    str_append(out, "), ");
    append_markdown(out, day);
    str_append(out, "%s%s", r->tuned_layers < 0 ? "" : "; ", words_tuned(tuned, r));
    str_append(out, " | ");
    append_markdown(out, words_file(file, c->reports, c->count, i));
    str_append(out, " |\n");
}

static void markdown_line(struct str *out, const struct comparison *c, size_t i)
{
    const struct comparison_line line = comparison_line(c, i);

    str_append(out, "| ");
    append_markdown(out, line.layer);
    str_append(out, "%s%s, %s |", line.layer[0] ? " " : "", line.figure, line.unit);
    for (size_t k = 0; k < c->count; k++) {
        const struct comparison_cell cell = comparison_cell(c, i, k);
        char number[WORDS_NUMBER], words[64];
        str_append(out, " %s |", value(number, &cell));
        if (k > 0)
            str_append(out, " %s |", verdict(words, &cell));
    }
    str_append(out, "\n");
}

void comparison_markdown(struct str *out, const struct comparison *c)
{
    const struct clr_bench_report *r = &c->reports[0];
    char text[WORDS_NAME];

    append_markdown(out, r->net);
    str_append(out, ", batch %d of %dx%dx%d: how the others stand against 1\n\n", r->batch, r->input.channels,
               r->input.height, r->input.width);
    str_append(out, "| | device | driver | clr-cl | file |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < c->count; i++)
        markdown_who(out, c, i);
    str_append(out, "\n| |");
    for (size_t i = 0; i < c->count; i++) {
        str_append(out, " ");
        append_markdown(out, head(text, c, i));
        str_append(out, " |%s", i > 0 ? " |" : "");
    }
    str_append(out, "\n|---|");
    for (size_t i = 0; i < c->count; i++)
        str_append(out, "---:|%s", i > 0 ? "---|" : "");
    str_append(out, "\n");
    for (size_t i = 0; i < c->lines; i++)
        markdown_line(out, c, i);
    append_notes(out, c, true);
}
