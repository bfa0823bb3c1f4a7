/* history.csv: tables of numbers, the runs that figures are drawn from, and the figures; the same as the
 * tables of a range test, whose schedule is known, and as the losses of a run, whose times are known. */
#include "fuzz.h"

#include <math.h>

#include "draw.h"
#include "plot/runs.h"

#define SWEEP                                                                                                \
    "{\"settings\": {\"schedule\": {\"policy\": \"linear sweep\", \"min_lr\": 0.1, \"max_lr\": 1, "          \
    "\"step_size\": 100}}}"

static void in_folders(const uint8_t *data, size_t size)
{
    const char *folder;

    fuzz_write("test/range.csv", data, size);
    fuzz_write("test/loss.csv", data, size);
    fuzz_write_text("test/run.json", SWEEP);
    folder = fuzz_path("test");
    fuzz_draw(figure_range, &folder, 1, CLR_PLOT_OVER_ITERATIONS);
    fuzz_draw(figure_loss, &folder, 1, CLR_PLOT_OVER_RATE);
    fuzz_write_text("run/history.csv",
                    "iteration,trn_loss,lr,val_loss,val_acc\n1,2,0.1,2,0.1\n9,1,0.1,1,0.5\n");
    fuzz_write_text("run/timing.csv", "iteration,seconds\n1,0.5\n9,2\n");
    fuzz_write("run/loss.csv", data, size);
    folder = fuzz_path("run");
    fuzz_draw(figure_run, &folder, 1, CLR_PLOT_OVER_TIME);
}

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
    fuzz_draw(figure_run, &path, 1, CLR_PLOT_OVER_ITERATIONS);
    fuzz_draw(figure_loss, &path, 1, CLR_PLOT_OVER_ITERATIONS);
    fuzz_draw(figure_range, &path, 1, CLR_PLOT_OVER_ITERATIONS);
    in_folders(data, size);
    return 0;
}
