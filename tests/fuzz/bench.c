/* Reports of measurements: accepted reports are written, read again, printed and drawn. */
#include "fuzz.h"

#include <clr/bench.h>

#include <stdlib.h>
#include <string.h>

static void show(const struct clr_bench_report *reports, size_t count)
{
    struct clr_error err;
    char *text;

    for (int form = CLR_BENCH_TEXT; form <= CLR_BENCH_JSON; form++)
        if (fuzz_worked(clr_bench_compare(&text, reports, count, (enum clr_bench_form)form, &err), &err)) {
            fuzz_readable(text);
            free(text);
        }
    if (fuzz_worked(clr_bench_table(&text, &reports[0], &err), &err)) {
        fuzz_readable(text);
        free(text);
    }
}

static void check_again(const struct clr_bench_report *reports, size_t count)
{
    struct clr_bench_report *again = NULL;
    struct clr_error err;
    size_t n;

    if (!fuzz_worked(clr_bench_write(fuzz_path("again.json"), reports, count, &err), &err) ||
        !fuzz_worked(clr_bench_read(&again, &n, fuzz_path("again.json"), &err), &err))
        fuzz_broken(__FILE__, __LINE__, err.message);
    FUZZ_CHECK(n == count);
    for (size_t i = 0; i < n; i++) {
        FUZZ_CHECK(again[i].row_count == reports[i].row_count);
        FUZZ_CHECK(again[i].check_count == reports[i].check_count && again[i].wrong == reports[i].wrong);
        FUZZ_CHECK(strcmp(again[i].device, reports[i].device) == 0);
    }
    clr_bench_destroy(again, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct clr_bench_report *reports = NULL;
    struct clr_error err;
    const char *path;
    size_t count;

    fuzz_write("report.json", data, size);
    path = fuzz_path("report.json");
    if (!fuzz_worked(clr_bench_read(&reports, &count, path, &err), &err)) {
        FUZZ_CHECK(!reports);
        return 0;
    }
    FUZZ_CHECK(count >= 1);
    check_again(reports, count);
    show(reports, count);
    clr_bench_destroy(reports, count);
    reports = NULL;
    if (fuzz_worked(clr_bench_read_all(&reports, &count, &path, 1, &err), &err))
        clr_bench_destroy(reports, count);
    return 0;
}
