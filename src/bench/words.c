/* Names of reports and texts of numbers: see words.h. */
#include "bench/words.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "plot/axes.h"

/* The last folders of a path, `depth` of them at most. */
static const char *last_folders(const char *path, int depth)
{
    const char *at = path + strlen(path);

    for (; depth > 0 && at > path; depth--) {
        at--;
        while (at > path && at[-1] != '/')
            at--;
    }
    return at;
}

static bool same_file(const struct clr_bench_report *a, const struct clr_bench_report *b)
{
    return strcmp(a->source, b->source) == 0 && strcmp(a->folder, b->folder) == 0;
}

/* Does another file have the same name with so many folders? */
static bool is_taken(const struct clr_bench_report *reports, size_t count, size_t i, int depth)
{
    const struct clr_bench_report *r = &reports[i];

    for (size_t k = 0; k < count; k++)
        if (strcmp(reports[k].source, r->source) == 0 && !same_file(&reports[k], r) &&
            strcmp(last_folders(reports[k].folder, depth), last_folders(r->folder, depth)) == 0)
            return true;
    return false;
}

const char *words_file(char out[WORDS_FILE], const struct clr_bench_report *reports, size_t count, size_t i)
{
    const struct clr_bench_report *r = &reports[i];
    const char *folder;
    int depth = 1;

    while (last_folders(r->folder, depth) > r->folder && is_taken(reports, count, i, depth))
        depth++;
    folder = last_folders(r->folder, depth);
    (void)snprintf(out, WORDS_FILE, "%s%s%s", folder, folder[0] ? "/" : "", r->source);
    return out;
}

bool words_same_device(const struct clr_bench_report *reports, size_t count, size_t i)
{
    for (size_t k = 0; k < count; k++)
        if (k != i && strcmp(reports[k].device, reports[i].device) == 0)
            return true;
    return false;
}

const char *words_name(char out[WORDS_NAME], const struct clr_bench_report *reports, size_t count, size_t i)
{
    const struct clr_bench_report *r = &reports[i];
    bool source = false, file = false;
    char path[WORDS_FILE];

    for (size_t k = 0; k < count; k++) {
        if (k == i || strcmp(reports[k].device, r->device) != 0)
            continue;
        source = source || strcmp(reports[k].source, r->source) == 0;
        file = file || same_file(&reports[k], r);
    }
    if (!words_same_device(reports, count, i))
        (void)snprintf(out, WORDS_NAME, "%s", r->device);
    else if (!source)
        (void)snprintf(out, WORDS_NAME, "%s (%s)", r->device, r->source);
    else if (!file)
        (void)snprintf(out, WORDS_NAME, "%s (%s)", r->device, words_file(path, reports, count, i));
    else
        (void)snprintf(out, WORDS_NAME, "%s [%zu]", r->device, i + 1);
    return out;
}

int words_columns(const char *text)
{
    int n = 0;

    for (; *text; text++)
        n += ((unsigned char)*text & 0xC0) != 0x80;
    return n;
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
    char behind[WORDS_NAME], *end, *at;

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
    str_copy(behind, sizeof behind, end);
    (void)snprintf(at, (size_t)(WORDS_NAME - (at - out)), "…%s", behind);
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
