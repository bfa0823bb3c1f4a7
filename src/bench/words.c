/* Names of reports and texts of numbers: see words.h. */
#include "bench/words.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "plot/axes.h"

bool words_same(const struct clr_bench_report *reports, size_t count, size_t i, bool file)
{
    for (size_t k = 0; k < count; k++)
        if (k != i && strcmp(reports[k].device, reports[i].device) == 0 &&
            (!file || strcmp(reports[k].source, reports[i].source) == 0))
            return true;
    return false;
}

const char *words_name(char out[WORDS_NAME], const struct clr_bench_report *reports, size_t count, size_t i)
{
    const struct clr_bench_report *r = &reports[i];

    if (!words_same(reports, count, i, false))
        (void)snprintf(out, WORDS_NAME, "%s", r->device);
    else if (words_same(reports, count, i, true))
        (void)snprintf(out, WORDS_NAME, "%s [%zu]", r->device, i + 1);
    else
        (void)snprintf(out, WORDS_NAME, "%s (%s)", r->device, r->source);
    return out;
}

int words_columns(const char *text)
{
    return (int)str_columns(text, SIZE_MAX);
}

/* Where that column begins. */
static char *at_column(char *text, int column)
{
    for (; *text; text++)
        if (((unsigned char)*text & 0xC0) != 0x80 && column-- == 0)
            break;
    return text;
}

const char *words_short(char out[WORDS_NAME], const char *name, int most, int tail)
{
    static const char *const common[] = {"(R)",  "(TM)",    "(tm)",   "pthread-", " Processor",
                                         " CPU", "NVIDIA ", "Intel ", "AMD "};
    char tail_text[WORDS_NAME], *end, *at;

    str_copy(out, WORDS_NAME, name);
    for (size_t i = 0; i < MEM_COUNT(common) && words_columns(out) > most; i++)
        while ((at = strstr(out, common[i])) != NULL)
            memmove(at, at + strlen(common[i]), strlen(at + strlen(common[i])) + 1);
    if (words_columns(out) <= most)
        return out;
    end = at_column(out, words_columns(out) - tail);
    at = at_column(out, most - 1 - tail);
    while (at > out && at[-1] == ' ')
        at--;
    str_copy(tail_text, sizeof tail_text, end);
    (void)snprintf(at, (size_t)(WORDS_NAME - (at - out)), "…%s", tail_text);
    return out;
}

const char *words_number(char out[WORDS_NUMBER], double v)
{
    if (v > 0.0 && v < 0.001)
        axes_format_value(out, WORDS_NUMBER, v, 3);
    else
        axes_format_fixed(out, WORDS_NUMBER, v,
                          v >= 999.5  ? 0
                          : v >= 99.5 ? 1
                          : v >= 9.95 ? 2
                          : v >= 0.1  ? 3
                                      : 4);
    return out;
}

const char *words_tuned(char out[WORDS_TUNED], const struct clr_bench_report *report)
{
    const int n = report->tuned_layers;

    out[0] = '\0';
    if (n == 0)
        (void)snprintf(out, WORDS_TUNED, "no layer changed by tuning");
    else if (n > 0)
        (void)snprintf(out, WORDS_TUNED, "%d layer%s changed by tuning", n, n > 1 ? "s" : "");
    return out;
}

const char *words_replaced(char out[WORDS_REPLACED], const struct clr_bench_replaced *replaced)
{
    char nmse[32] = "";

    if (replaced->worst_nmse > 0.0)
        (void)snprintf(nmse, sizeof nmse, " (NMSE %.1e)", replaced->worst_nmse);
    (void)snprintf(out, WORDS_REPLACED, "%s %s: '%s' in place of '%s', which %s%s here%s", replaced->layer,
                   replaced->pass, replaced->by, replaced->variant,
                   strcmp(replaced->why, "wrong") == 0 ? "is " : "", replaced->why, nmse);
    return out;
}
