/* range.json: bounds for figures, and range tests that are read as one. */
#include "fuzz.h"

#include <clr/train.h>

#include <math.h>

#include "draw.h"
#include "plot/runs.h"

#define HEADER "iteration,trn_loss,lr,val_loss,val_acc\n"

/* Without rows no figure is drawn, which would take most of the time. */
static void combine(void)
{
    const char *folder = fuzz_path("tests");
    const char *const folders[] = {folder, folder};
    struct clr_range_result result = {0};
    struct clr_error err;

    if (fuzz_worked(clr_range_combine(&result, fuzz_path(""), folders, 2, NULL, &err), &err))
        fuzz_readable(result.explanation);
}

static void bounds(void)
{
    const char *folder = fuzz_path("test");
    struct runs runs;
    struct clr_error err;

    if (!fuzz_worked(runs_read(&runs, &folder, 1, "range.csv", &err), &err))
        return;
    FUZZ_CHECK(!runs.run[0].has_min || runs.run[0].min_lr >= 0.0);
    FUZZ_CHECK(!runs.run[0].has_max || isfinite(runs.run[0].max_lr));
    runs_clear(&runs);
    fuzz_draw(figure_range, &folder, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_write("tests/range.json", data, size);
    fuzz_write_text("tests/range.csv", HEADER);
    fuzz_write_text("tests/loss.csv", "iteration,trn_loss,lr\n1,2.3,0.1\n2,2.2,0.2\n3,2.1,0.3\n");
    combine();
    fuzz_write("test/range.json", data, size);
    fuzz_write_text("test/range.csv", HEADER "1,2.3,0.1,2.2,0.2\n");
    bounds();
    return 0;
}
