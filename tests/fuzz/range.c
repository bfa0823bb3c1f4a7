/* range.json: bounds for figures, and range tests that are read as one. */
#include "fuzz.h"

#include <clr/train.h>

#include <math.h>

#include "draw.h"

#define HEADER "iteration,trn_loss,lr,val_loss,val_acc\n"
#define LOSSES "iteration,trn_loss,lr\n1,2.3,0.1\n2,2.2,0.2\n3,2.1,0.3\n"
#define ROWS                                                                                                 \
    "1,2.3,0.1,2.2,0.1\n2,2.3,0.2,2.2,0.3\n3,2.3,0.3,2.2,0.5\n4,2.3,0.4,2.2,0.6\n5,2.3,0.5,2.2,0.5\n"        \
    "6,2.3,0.6,2.2,0.1\n"

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
    struct clr_range_result r;
    struct clr_error err;

    if (!fuzz_worked(clr_range_read(&r, &folder, 1, &err), &err))
        return;
    FUZZ_CHECK(!r.has_range || (r.min_lr >= 0.0 && r.min_lr < r.max_lr));
    FUZZ_CHECK(!r.has_range || (isfinite(r.max_lr) && r.max_lr_low <= r.max_lr && r.max_lr <= r.max_lr_high));
    fuzz_draw(figure_range, &folder, 1, CLR_PLOT_OVER_ITERATIONS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_write("tests/range.json", data, size);
    fuzz_write_text("tests/range.csv", HEADER);
    fuzz_write_text("tests/loss.csv", LOSSES);
    combine();
    fuzz_write("test/range.json", data, size);
    fuzz_write_text("test/range.csv", HEADER ROWS);
    fuzz_write_text("test/loss.csv", LOSSES);
    bounds();
    return 0;
}
