/* Shares of the peak: see peak.h. */
#include "bench/peak.h"

#include <math.h>
#include <string.h>

#include "base/str.h"
#include "bench/row_index.h"

int peak_note_fewer(struct clr_bench_report *report, struct clr_error *err)
{
    struct row_index index = {0};
    const int rc = row_index_make(&index, report, err);

    for (size_t i = 0; rc == 0 && i < report->check_count; i++) {
        const struct clr_bench_check *c = &report->checks[i];
        struct clr_bench_row like = {.gflop = 0.0};
        if (!strstr(c->variant, "winograd") && !strstr(c->variant, "maxima"))
            continue;
        str_copy(like.layer, sizeof like.layer, c->layer);
        for (int pass = 0; pass < CLR_BENCH_PASSES; pass++) {
            const struct clr_bench_row *row;
            like.pass = (enum clr_bench_pass)pass;
            row = row_index_find(&index, &like);
            if (row)
                report->rows[row - report->rows].fewer = true;
        }
    }
    row_index_clear(&index);
    return rc;
}

static double share(const struct clr_bench_report *report, double gflop, double ms)
{
    const double v = gflop / ms * 1e3 / report->peak_gflops.max;

    return gflop > 0.0 && v <= 1.0 ? v : NAN;
}

double peak_share(const struct clr_bench_report *report, const struct clr_bench_row *row)
{
    return row->fewer ? NAN : share(report, row->gflop, row->ms.median);
}

double peak_share_of_step(const struct clr_bench_report *report)
{
    double gflop = 0.0;

    for (size_t i = 0; i < report->row_count; i++)
        gflop += peak_is_left_out(report, &report->rows[i]) ? NAN : report->rows[i].gflop;
    return share(report, gflop, report->step_ms.median);
}

bool peak_is_left_out(const struct clr_bench_report *report, const struct clr_bench_row *row)
{
    return row->gflop > 0.0 && row->ms.median > 0.0 && isnan(peak_share(report, row));
}
