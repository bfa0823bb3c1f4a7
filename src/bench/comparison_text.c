/* A comparison for readers, as plain text or as Markdown: see comparison.h. */
#include "bench/comparison.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "bench/peak.h"
#include "bench/words.h"
#include "ops/tuned.h"
#include "plot/axes.h"

#define VALUE       10 /* columns of a value … */
#define WORDS       16 /* … and of the verdict after it: "~1,200× faster" */
#define HEAD        26 /* columns of a name at the head, and of the first report's: both fit into 80 */
#define FIRST       15
#define UNIT        15  /* columns of a unit or pass */
#define FACTOR_SURE 0.1 /* a factor that can be further off is noted */

/* What is written, and how. */
struct page {
    struct str *out;
    const struct comparison *c;
    bool markdown;
    int names, first; /* columns of the first column, and of the first report's */
    size_t from, to;  /* the other reports of a table: two reports in plain text, all in Markdown */
};

/* ------------------------------------------------------------------ texts of cells */

/* Two digits; of what is hardly more than 1, two after the point: "2,200", "68", "1.3", "1.04". */
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

/* The file, where only that tells reports of one device apart. */
static const char *name_of(const struct comparison *c, size_t k)
{
    const bool by_file =
        words_same(c->reports, c->count, k, false) && !words_same(c->reports, c->count, k, true);

    return by_file ? c->reports[k].source : c->reports[k].device;
}

/* A short name with so much of its end; false: another report has the same. */
static bool shorten(char out[WORDS_NAME], const struct comparison *c, size_t k, int most, int tail)
{
    char other[WORDS_NAME];

    words_short(out, name_of(c, k), most, tail);
    for (size_t i = 0; i < c->count; i++)
        if (i != k && strcmp(words_short(other, name_of(c, i), most, tail), out) == 0)
            return false;
    return out[0];
}

/* "[2] NVIDIA H200", "[2] after" of one device: at the head of a column, shortened where there is no room.
 * Short names may be equal: the numbers differ. */
static const char *head(char out[WORDS_NAME], const struct comparison *c, size_t k)
{
    char name[WORDS_NAME];
    const int n = snprintf(out, WORDS_NAME, "[%zu] ", k + 1), most = (k > 0 ? HEAD : FIRST) - n;

    if (!shorten(name, c, k, most, most / 2) && !shorten(name, c, k, most, 3 * most / 4))
        words_short(name, name_of(c, k), most, most / 2);
    str_copy(out + n, (size_t)(WORDS_NAME - n), name);
    return out;
}

/* ------------------------------------------------------------------ lines of a page */

/* In Markdown names are written so that no character is markup. */
static void append_text(const struct page *p, const char *text)
{
    for (; *text; text++) {
        if (!p->markdown)
            str_append_bytes(p->out, text, 1);
        else if (strchr("\n\r\t", *text))
            str_append(p->out, " ");
        else if (*text == '<')
            str_append(p->out, "&lt;");
        else
            str_append(p->out, strchr("|\\`*_[]", *text) ? "\\%c" : "%c", *text);
    }
}

/* A paragraph, or an entry of a list in Markdown. */
static void CLR_PRINTF(2, 3) note(const struct page *p, const char *format, ...)
{
    char text[1024];
    va_list ap;

    va_start(ap, format);
    (void)vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    if (!p->markdown) {
        str_append_wrapped(p->out, text, 4, 4);
        return;
    }
    str_append(p->out, "- ");
    append_text(p, text);
    str_append(p->out, "\n");
}

/* A cell of a table; `right`: aligned there. */
static void cell(const struct page *p, const char *text, int width, bool right)
{
    const int blanks = p->markdown ? 0 : width - words_columns(text);

    str_append(p->out, "%*s", right && blanks > 0 ? blanks : 0, "");
    append_text(p, text);
    str_append(p->out, "%*s%s", !right && blanks > 0 ? blanks : 0, "", p->markdown ? " | " : "  ");
}

static void begin_line(const struct page *p, const char *first, const char *second)
{
    str_append(p->out, p->markdown ? "| " : "");
    cell(p, first, p->names, false);
    cell(p, second, UNIT, false);
}

/* Without the blanks at its end. */
static void end_line(const struct page *p)
{
    while (p->out->length > 0 && p->out->text[p->out->length - 1] == ' ')
        p->out->text[--p->out->length] = '\0';
    str_append(p->out, "\n");
}

/* ------------------------------------------------------------------ notes */

static bool leaves_out_a_share(const struct clr_bench_report *r)
{
    for (size_t i = 0; i < r->row_count; i++)
        if (r->peak_gflops.count > 0 && peak_is_left_out(r, &r->rows[i]))
            return true;
    return false;
}

static bool is_alike(const struct clr_bench_replaced *a, const struct clr_bench_replaced *b)
{
    return strcmp(a->why, b->why) == 0 && str_same_word(a->variant, b->variant);
}

/* What was replaced, one line for each algorithm: one for each layer and pass may be dozens. */
static void note_replaced(const struct page *p, size_t k)
{
    const struct clr_bench_report *r = &p->c->reports[k];

    for (size_t i = 0; i < r->replaced_count; i++) {
        char text[WORDS_REPLACED], more[80] = "";
        size_t before = 0, from_here = 0;
        for (size_t j = 0; j < r->replaced_count; j++)
            *(j < i ? &before : &from_here) += is_alike(&r->replaced[i], &r->replaced[j]);
        if (before > 0)
            continue;
        if (from_here > 1)
            (void)snprintf(more, sizeof more, "; likewise %zu more of '%.*s': 'replaced' in its report",
                           from_here - 1, (int)str_word(r->replaced[i].variant), r->replaced[i].variant);
        note(p, "[%zu] %s%s", k + 1, words_replaced(text, &r->replaced[i]), more);
    }
}

/* Which reports lack a share of the peak, and why: once for all of them. */
static void note_shares(const struct page *p)
{
    struct str which = {0};

    for (size_t k = 0; k < p->c->count; k++)
        if (leaves_out_a_share(&p->c->reports[k]))
            str_append(&which, "%s[%zu]", which.length > 0 ? ", " : "", k + 1);
    if (which.length > 0)
        note(p, "No share of the peak: %s. " WORDS_NO_SHARE, str_text(&which));
    str_clear(&which);
}

/* How far the samples leave the factors of a report open, where that is far. */
static void note_spread(const struct page *p, size_t k)
{
    double sum = 0.0, off;
    int count = 0;

    for (size_t i = 0; i < p->c->line_count; i++) {
        const struct comparison_cell *cells = &p->c->cells[i * p->c->count];
        const struct clr_bench_spread *a = &cells[0].value, *b = &cells[k].value;
        if (cells[k].verdict <= COMPARISON_EQUAL || a->count < 2 || b->count < 2 || a->min * b->min <= 0.0)
            continue;
        sum += log(a->max / a->min * b->max / b->min);
        count++;
    }
    off = count > 0 ? exp(0.5 * sum / count) - 1.0 : 0.0;
    if (off > FACTOR_SURE)
        note(p,
             "The factors of [%zu] can be %.0f %% off, on average: the samples of [1] and [%zu] spread as "
             "far. An idle machine gives closer ones.",
             k + 1, 100.0 * off, k + 1);
}

/* What one of the reports is that the others need not be. */
static void note_report(const struct page *p, size_t k)
{
    const struct clr_bench_report *r = &p->c->reports[k];
    const struct comparison_state *s = &p->c->states[k];
    char min[WORDS_NUMBER], max[WORDS_NUMBER], factor[AXES_TEXT];

    if (s->slowed > 0.0) {
        write_factor(factor, s->slowed);
        note(p,
             "[%zu] and [%zu] are of one device, but [%zu] has %s× the %s: the machine was disturbed when "
             "[%zu] was measured (other programs, throttling, a virtual machine), and factors of it can be "
             "off by that much.",
             s->other + 1, k + 1, s->other + 1, factor, s->figure, k + 1);
    }
    if (s->busy)
        note(p,
             "[%zu] was measured on a busy machine: its training steps took from %s to %s ms, and all of its "
             "times may be off.",
             k + 1, words_number(min, r->step_ms.min), words_number(max, r->step_ms.max));
    for (size_t j = 0; j < p->c->within_count; j++)
        if (p->c->within[j].report == k)
            note(p,
                 "[%zu] %s has %s in it, which is a layer of its own elsewhere: compare their sum, the last "
                 "lines.",
                 k + 1, p->c->within[j].with, p->c->within[j].layer);
    note_replaced(p, k);
    if (r->stopped[0])
        note(p, "[%zu] was stopped while it measured '%s': that and what comes after it are missing.", k + 1,
             r->stopped);
    else if (r->row_count == 0)
        note(p, "[%zu] has no times of layers: that driver's are unusable.", k + 1);
    if (r->peak_memory_compiler)
        note(p,
             "[%zu] had to compile kernels: the OpenCL compiler is in its process memory, which has no "
             "factor.",
             k + 1);
}

/* What the reader has to know of those numbers. */
static void append_notes(const struct page *p)
{
    const struct comparison *c = p->c;
    bool verdicts[COMPARISON_LESS + 1] = {false}, uncertain = false, rest = false;

    for (size_t i = 0; i < c->line_count; i++)
        rest = rest || strcmp(c->lines[i].figure, clr_bench_pass_name(CLR_BENCH_OTHER)) == 0;
    for (size_t i = 0; i < c->line_count * c->count; i++) {
        verdicts[c->cells[i].verdict] = true;
        uncertain = uncertain || (c->cells[i].uncertain && c->cells[i].verdict > COMPARISON_EQUAL);
    }
    str_append(p->out, "\n");
    note(p, "The numbers are medians, the peak is the best sample.");
    note(p, "warm start: with the compiled kernels that clr-cl saved. first start: without them, though a "
            "driver's own cache may have helped.");
    note(
        p,
        "device memory: planned for activations, gradients and parameters. process memory: the most that was "
        "resident, of program, driver and images.");
    if (verdicts[COMPARISON_EQUAL])
        note(p, "about equal: less than 5 %% apart (memory that is planned: 0.5 %%), which two runs of one "
                "device can be.");
    if (verdicts[COMPARISON_UNCLEAR])
        note(p, "unclear: one of the two lies between the smallest and the largest of the other: measure "
                "again on an "
                "idle machine.");
    if (verdicts[COMPARISON_OTHER])
        note(p, "other work: in one of the two the layer has another one in it, as listed below.");
    if (rest)
        note(p, "other: kernels of a layer that belong to no single pass.");
    if (uncertain)
        note(p, "~: another run may not confirm it, since the factor is less than 1.2×, a number is a single "
                "sample, the samples of both overlap, or the machine was disturbed in one of the runs.");
    for (size_t k = 1; k < c->count; k++)
        note_spread(p, k);
    note_shares(p);
    for (size_t k = 0; k < c->count; k++)
        note_report(p, k);
}

/* ------------------------------------------------------------------ tables */

/* A number is written above its column's numbers, a name above their verdicts, too. */
static void head_line(const struct page *p, const char *first, const char *second)
{
    char text[WORDS_NAME];

    begin_line(p, first, second);
    cell(p, head(text, p->c, 0), p->first, true);
    for (size_t k = p->from; k < p->to; k++) {
        const bool wide = words_columns(head(text, p->c, k)) > VALUE && !p->markdown;
        cell(p, text, wide ? VALUE + 2 + WORDS : VALUE, !wide);
        if (!wide)
            cell(p, "", WORDS, false);
    }
    end_line(p);
    if (!p->markdown)
        return;
    str_append(p->out, "|---|---|---:|");
    for (size_t k = p->from; k < p->to; k++)
        str_append(p->out, "---:|---|");
    str_append(p->out, "\n");
}

static void table_line(const struct page *p, size_t i)
{
    const struct comparison_line *line = &p->c->lines[i];
    const struct comparison_cell *cells = &p->c->cells[i * p->c->count];
    const bool whole = i < p->c->wholes;
    char number[WORDS_NUMBER], words[64];

    begin_line(p, whole ? line->figure : line->layer, whole ? line->unit : line->figure);
    cell(p, value(number, &cells[0]), p->first, true);
    for (size_t k = p->from; k < p->to; k++) {
        cell(p, value(number, &cells[k]), VALUE, true);
        cell(p, verdict(words, &cells[k]), WORDS, false);
    }
    end_line(p);
}

/* The lines from begin to end: a table for each of the other reports, or in Markdown one for all. */
static void tables(struct page *p, const char *first, const char *second, size_t begin, size_t end)
{
    p->to = 1;
    do {
        p->from = p->to;
        p->to = p->markdown || p->c->count == 1 ? p->c->count : p->from + 1;
        str_append(p->out, "\n");
        head_line(p, first, second);
        for (size_t i = begin; i < end; i++)
            table_line(p, i);
    } while (p->to < p->c->count);
}

static void measure_columns(struct page *p)
{
    const struct comparison *c = p->c;
    char text[WORDS_NAME];

    p->first = words_columns(head(text, c, 0));
    p->first = p->first > VALUE ? p->first : VALUE;
    for (size_t i = 0; i < c->line_count; i++) {
        const int n = words_columns(i < c->wholes ? c->lines[i].figure : c->lines[i].layer);
        p->names = n > p->names ? n : p->names;
    }
}

static void note_who(const struct page *p, size_t k)
{
    const struct clr_bench_report *r = &p->c->reports[k];
    char tuned[WORDS_TUNED], units[STR_COUNT];

    note(p, "[%zu] %s%s%s%s\n%s, %s; %s, driver %s; %s%s%s%sclr-cl %s (%s), %.10s%s%s%s%s", k + 1, r->device,
         r->source[0] ? " (" : "", r->source, r->source[0] ? ")" : "", r->type,
         str_count(units, (uint64_t)r->compute_units, "unit"), r->platform, r->driver, r->host_cpu,
         r->host_cpu[0] && r->host_os[0] ? ", " : "", r->host_os, r->host_cpu[0] || r->host_os[0] ? "; " : "",
         r->program, r->git_id, r->created, r->tuned_layers < 0 ? "" : "; ", words_tuned(tuned, r),
         r->tuned[0] ? ": " : "", r->tuned);
}

void comparison_text(struct str *out, const struct comparison *c, bool markdown)
{
    const struct clr_bench_report *r = &c->reports[0];
    struct page p = {.out = out, .c = c, .markdown = markdown};

    measure_columns(&p);
    append_text(&p, r->net);
    str_append(out, " (%.12s), batch %d of %dx%dx%d: how the others stand against [1]\n\n", r->net_sha256,
               r->batch, r->input.channels, r->input.height, r->input.width);
    for (size_t k = 0; k < c->count; k++)
        note_who(&p, k);
    tables(&p, "", "", 0, c->wholes);
    if (c->line_count > c->wholes)
        tables(&p, "LAYER", "PASS, ms", c->wholes, c->line_count);
    append_notes(&p);
}
