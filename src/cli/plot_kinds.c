/* Kinds of figures: see plot_kinds.h. */
#include "cli/plot_kinds.h"

#include <string.h>

#include <clr/bench.h>

#include "base/mem.h"
#include "cli/common.h"

#define RUN_ABOUT                                                                                            \
    "run: accuracy over iterations, from run folders or history.csv files; runs that differ only in the "    \
    "seed become one curve with a band."
#define LOSS_ABOUT "loss: training loss over iterations, from run folders or loss.csv files."
#define RANGE_ABOUT                                                                                          \
    "range: accuracy over the learning rate, from folders of range tests; the range to train in is marked."
#define SCHEDULE_ABOUT "schedule: rates over iterations, from CSV files of 'clr-cl schedule'."
#define BENCH_ABOUT    "bench: time of each layer and pass, from JSON files of 'clr-cl bench', side by side."
#define RUN_EXAMPLES                                                                                         \
    "  clr-cl plot run fixed triangular -o compared.png --csv compared.csv\n"                                \
    "  clr-cl plot run a b --rates --label a='as published' -o rates.pdf\n"
#define RANGE_EXAMPLES "  clr-cl plot range range -o range.svg --title 'quick on CIFAR-10'\n"

const char plot_kinds_about[] =
    "Draws a figure. 'clr-cl plot run --help' shows more about one kind.\n" RUN_ABOUT "\n" LOSS_ABOUT
    "\n" RANGE_ABOUT "\n" SCHEDULE_ABOUT "\n" BENCH_ABOUT;
const char plot_kinds_examples[] = RUN_EXAMPLES RANGE_EXAMPLES;

int plot_kinds_bench(const char *path, const char *const *inputs, size_t count, bool known,
                     const struct clr_plot_options *options, struct clr_error *err)
{
    struct clr_bench_report *reports = NULL;
    size_t n = 0;
    int rc = clr_bench_read_all(&reports, &n, inputs, count, err);

    if (rc == 0 && known)
        rc = cli_add_known(&reports, &n, err);
    if (rc == 0)
        rc = clr_bench_plot(path, reports, n, options, err);
    clr_bench_destroy(reports, n);
    return rc;
}

static const struct plot_kind_row g_kinds[] = {
    {PLOT_RUN, "run", "folders that 'clr-cl train' writes, or their history.csv", clr_plot_run,
     "run FOLDER|FILE... -o FIGURE [OPTION...]", RUN_ABOUT, RUN_EXAMPLES},
    {PLOT_LOSS, "loss", "folders that 'clr-cl train' writes, or their loss.csv", clr_plot_loss,
     "loss FOLDER|FILE... -o FIGURE [OPTION...]", LOSS_ABOUT,
     "  clr-cl plot loss fixed triangular --rates -o losses.png\n"
     "  clr-cl plot loss range --over rate -o losses-over-rate.png\n"},
    {PLOT_RANGE, "range", "folders that 'clr-cl range-test' writes, or their range.csv", clr_plot_range,
     "range FOLDER|FILE... -o FIGURE [OPTION...]", RANGE_ABOUT, RANGE_EXAMPLES},
    {PLOT_SCHEDULE, "schedule", "files that 'clr-cl schedule --csv' writes", clr_plot_schedule,
     "schedule FILE... -o FIGURE [OPTION...]", SCHEDULE_ABOUT,
     "  clr-cl plot schedule fixed.csv triangular.csv -o schedules.png\n"},
    {PLOT_BENCH, "bench", "files that 'clr-cl bench --json' writes", NULL,
     "bench FILE... -o FIGURE [OPTION...]", BENCH_ABOUT,
     "  clr-cl plot bench here.json there.json -o times.png\n"},
};

const struct opt_sub plot_kinds_subs[] = {
    {"run", "something to draw: folders of runs", .like = "run"},
    {"loss", "something to draw: folders of runs", .like = "run"},
    {"range", "something to draw: folders of range tests", .like = "range"},
    {"schedule", "something to draw: files of 'clr-cl schedule --csv'", .like = "schedule.csv"},
    {"bench", "something to draw: files of 'clr-cl bench --json'", .like = "bench.json"},
    {.name = NULL},
};

const struct plot_kind_row *plot_kind_named(const char *name)
{
    for (size_t i = 0; i < MEM_COUNT(g_kinds); i++)
        if (strcmp(g_kinds[i].name, name) == 0)
            return &g_kinds[i];
    return NULL;
}

const struct plot_kind_row *plot_kind_of(enum plot_kind kind)
{
    size_t i = 0;

    while (g_kinds[i].kind != kind && i + 1 < MEM_COUNT(g_kinds))
        i++;
    return &g_kinds[i];
}
