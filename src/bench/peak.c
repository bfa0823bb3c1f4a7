/* Shares of the peak: see peak.h. */
#include "bench/peak.h"

#include <math.h>
#include <string.h>

void peak_note_fewer(struct clr_bench_report *report)
{
    for (size_t i = 0; i < report->check_count; i++) {
        const struct clr_bench_check *c = &report->checks[i];
        if (!strstr(c->variant, "winograd") && !strstr(c->variant, "maxima"))
            continue;
        for (size_t k = 0; k < report->row_count; k++)
            if (strcmp(report->rows[k].layer, c->layer) == 0)
                report->rows[k].fewer = true;
    }
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
