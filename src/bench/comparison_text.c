/* A comparison for readers, as plain text and as Markdown: see comparison.h. */
#include "bench/comparison.h"

#include <math.h>
#include <stdio.h>

#include "bench/words.h"
#include "plot/axes.h"

#define VALUE 10 /* columns of a value … */
#define WORDS 15 /* … and of what stands behind it: "1,234× faster" */

/* ------------------------------------------------------------------ what both say */

/* "68× faster", "equal" */
static const char *verdict(char out[64], const struct comparison_cell *cell)
{
    char factor[AXES_TEXT];

    if (cell->verdict == COMPARISON_NONE || cell->verdict == COMPARISON_EQUAL) {
        (void)snprintf(out, 64, "%s", comparison_verdict_name(cell->verdict));
    } else {
        axes_format_fixed(factor, sizeof factor, cell->factor,
                          cell->factor < 1.1    ? 2
                          : cell->factor < 9.95 ? 1
                                                : 0);
        (void)snprintf(out, 64, "%s× %s", factor, comparison_verdict_name(cell->verdict));
    }
    return out;
}

static const char *value(char out[WORDS_NUMBER], const struct comparison_cell *cell)
{
    return cell->value.count > 0 ? words_number(out, cell->value.median) : "-";
}

/* What the reader has to know of those numbers. */
static void append_notes(struct str *out, const struct comparison *c)
{
    bool equal = false, above = false;

    for (size_t i = 0; i < c->lines; i++) {
        const char *unit = comparison_line(c, i).unit;
        for (size_t k = 0; k < c->count; k++) {
            const struct comparison_cell cell = comparison_cell(c, i, k);
            equal = equal || cell.verdict == COMPARISON_EQUAL;
            above = above || (strcmp(unit, "%") == 0 && cell.value.median > 100.0);
        }
    }
    str_append(out, "\nThe numbers are medians, the peak is the best sample.");
    if (equal)
        str_append(out,
                   " equal: each of the two lies between the smallest and the largest value of the other.");
    str_append(out, "\n");
    if (above)
        str_append(out, "%s\n", WORDS_ABOVE_PEAK);
    for (size_t k = 0; k < c->count; k++)
        for (size_t i = 0; i < c->reports[k].replaced_count; i++) {
            char text[WORDS_REPLACED];
            str_append(out, "[%zu] %s\n", k + 1, words_replaced(text, &c->reports[k].replaced[i]));
        }
}

/* ------------------------------------------------------------------ plain text */

/* The text in a column of that many characters, of which UTF-8 may take several bytes each. */
static void pad(struct str *out, const char *text, int width, bool right)
{
    int length = 0;

    for (const char *at = text; *at; at++)
        length += ((unsigned char)*at & 0xC0) != 0x80;
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

static void head_line(struct str *out, const struct comparison *c, int width, const char *first,
                      const char *second)
{
    pad(out, first, width, false);
    str_append(out, "  ");
    pad(out, second, 15, false);
    for (size_t k = 0; k < c->count; k++) {
        char number[32];
        (void)snprintf(number, sizeof number, "[%zu]", k + 1);
        str_append(out, "  %*s", VALUE, number);
        if (k > 0)
            str_append(out, "  %*s", WORDS, "");
    }
    end_line(out);
}

static void line(struct str *out, const struct comparison *c, size_t i, int width)
{
    const struct comparison_line line = comparison_line(c, i);
    const bool whole = i < c->wholes;

    pad(out, whole ? line.figure : line.layer, width, false);
    str_append(out, "  ");
    pad(out, whole ? line.unit : line.figure, 15, false);
    for (size_t k = 0; k < c->count; k++) {
        const struct comparison_cell cell = comparison_cell(c, i, k);
        char number[WORDS_NUMBER], words[64];
        str_append(out, "  ");
        pad(out, value(number, &cell), VALUE, true);
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
    char file[WORDS_FILE];

    str_append(out, "[%zu] %s%s%s%s\n    %s, %d units; %s, driver %s; clr-cl %s (%s), %.10s\n", i + 1,
               r->device, r->source[0] ? " (" : "", words_file(file, r), r->source[0] ? ")" : "", r->type,
               r->compute_units, r->platform, r->driver, r->program, r->git_id, r->created);
}

void comparison_text(struct str *out, const struct comparison *c)
{
    const struct clr_bench_report *r = &c->reports[0];
    int width = 0;

    for (size_t i = 0; i < c->lines; i++) {
        const struct comparison_line line = comparison_line(c, i);
        const int n = (int)strlen(i < c->wholes ? line.figure : line.layer);
        width = n > width ? n : width;
    }
    str_append(out, "%s, batch %d of %dx%dx%d: how the others stand against [1]\n\n", r->net, r->batch,
               r->input.channels, r->input.height, r->input.width);
    for (size_t i = 0; i < c->count; i++)
        who(out, c, i);
    str_append(out, "\n");
    head_line(out, c, width, "", "");
    for (size_t i = 0; i < c->wholes; i++)
        line(out, c, i, width);
    if (c->lines > c->wholes) {
        str_append(out, "\n");
        head_line(out, c, width, "LAYER", "PASS, ms");
    }
    for (size_t i = c->wholes; i < c->lines; i++)
        line(out, c, i, width);
    append_notes(out, c);
}

/* ------------------------------------------------------------------ Markdown */

/* A text in a table's cell: no markup of somebody else's. */
static void append_cell(struct str *out, const char *text)
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

static void markdown_who(struct str *out, const struct comparison *c, size_t i)
{
    const struct clr_bench_report *r = &c->reports[i];
    char file[WORDS_FILE];

    str_append(out, "| %zu | ", i + 1);
    append_cell(out, r->device);
    str_append(out, " | ");
    append_cell(out, r->platform);
    str_append(out, ", ");
    append_cell(out, r->driver);
    str_append(out, " | ");
    append_cell(out, r->program);
    str_append(out, " (");
    append_cell(out, r->git_id);
    str_append(out, "), %.10s | ", r->created);
    append_cell(out, words_file(file, r));
    str_append(out, " |\n");
}

static void markdown_line(struct str *out, const struct comparison *c, size_t i)
{
    const struct comparison_line line = comparison_line(c, i);

    str_append(out, "| ");
    append_cell(out, line.layer);
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

    append_cell(out, r->net);
    str_append(out, ", batch %d of %dx%dx%d: how the others stand against 1\n\n", r->batch, r->input.channels,
               r->input.height, r->input.width);
    str_append(out, "| | device | driver | clr-cl | file |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < c->count; i++)
        markdown_who(out, c, i);
    str_append(out, "\n| |");
    for (size_t i = 0; i < c->count; i++)
        str_append(out, " %zu |%s", i + 1, i > 0 ? " |" : "");
    str_append(out, "\n|---|");
    for (size_t i = 0; i < c->count; i++)
        str_append(out, "---:|%s", i > 0 ? "---|" : "");
    str_append(out, "\n");
    for (size_t i = 0; i < c->lines; i++)
        markdown_line(out, c, i);
    append_notes(out, c);
}
