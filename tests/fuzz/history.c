/* history.csv: tables of numbers, the runs that figures are drawn from, and the figures. */
#include "fuzz.h"

#include <math.h>

#include "draw.h"
#include "plot/runs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct runs runs = {0};
    struct clr_error err;
    const char *path;

    fuzz_write("history.csv", data, size);
    path = fuzz_path("history.csv");
    if (!fuzz_worked(runs_read(&runs, &path, NULL, 1, "history.csv", &err), &err)) {
        FUZZ_CHECK(!runs.run);
        return 0;
    }
    FUZZ_CHECK(runs.count == 1 && runs.groups == 1 && runs.run[0].table.rows >= 1);
    for (size_t r = 0; r < runs.run[0].table.rows; r++)
        for (size_t c = 0; c < HISTORY_COLUMNS; c++)
            FUZZ_CHECK(isfinite(csv_at(&runs.run[0].table, r, c)));
    runs_clear(&runs);
    fuzz_draw(figure_run, &path, 1);
    fuzz_draw(figure_loss, &path, 1);
    fuzz_draw(figure_range, &path, 1);
    return 0;
}
