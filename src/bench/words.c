/* Names of reports and texts of numbers: see words.h. */
#include "bench/words.h"

#include <stdio.h>
#include <string.h>

#include "plot/axes.h"

const char *words_file(char out[WORDS_FILE], const struct clr_bench_report *report)
{
    (void)snprintf(out, WORDS_FILE, "%s%s%s", report->folder, report->folder[0] ? "/" : "", report->source);
    return out;
}

const char *words_name(char out[WORDS_NAME], const struct clr_bench_report *reports, size_t count, size_t i)
{
    const struct clr_bench_report *r = &reports[i];
    bool device = false, source = false, folder = false;
    char file[WORDS_FILE];

    for (size_t k = 0; k < count; k++) {
        if (k == i || strcmp(reports[k].device, r->device) != 0)
            continue;
        device = true;
        if (strcmp(reports[k].source, r->source) != 0)
            continue;
        source = true;
        folder = folder || strcmp(reports[k].folder, r->folder) == 0;
    }
    if (!device)
        (void)snprintf(out, WORDS_NAME, "%s", r->device);
    else if (!source)
        (void)snprintf(out, WORDS_NAME, "%s (%s)", r->device, r->source);
    else if (!folder)
        (void)snprintf(out, WORDS_NAME, "%s (%s)", r->device, words_file(file, r));
    else
        (void)snprintf(out, WORDS_NAME, "%s [%zu]", r->device, i + 1);
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

const char *words_replaced(char out[WORDS_REPLACED], const struct clr_bench_replaced *replaced)
{
    (void)snprintf(out, WORDS_REPLACED, "%s %s: '%s' in place of '%s', which %s%s here", replaced->layer,
                   replaced->pass, replaced->by, replaced->variant,
                   strcmp(replaced->why, "wrong") == 0 ? "is " : "", replaced->why);
    return out;
}
