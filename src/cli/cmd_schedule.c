/* clr-cl schedule: a learning-rate policy as numbers and as a figure. No device. */
#include "cli/common.h"

#include <stdio.h>

#include <clr/plot.h>

#include "cli/run_options.h"

#define MAX_ROWS 10000000u

static const struct opt_command command = {
    .name = "schedule",
    .usage = "--policy P --iterations N|--cycles N [--csv FILE] [--plot FILE] [OPTION...]",
    .about =
        "Writes the learning rate and the momentum of every iteration under a policy: as CSV on stdout, to a "
        "file, or as a figure. It needs neither a device nor data.",
    .examples = "  clr-cl schedule --policy triangular --min-lr 0.001 --max-lr 0.006 \\\n"
                "      --step-size 2000 --iterations 20000 --plot triangular.png\n"
                "  clr-cl schedule --policy multistep --lr 1e-3 --gamma 0.1 \\\n"
                "      --milestones 60000,65000 --iterations 70000 --csv fixed.csv\n",
};

struct schedule_options {
    struct run_options run; /* of which only the schedule and its length are used */
    const char *csv, *plot;
};

static void print_rows(const struct clr_schedule *s, uint64_t iterations)
{
    char row[CLR_SCHEDULE_ROW];

    (void)fputs(CLR_SCHEDULE_HEADER "\n", stdout);
    for (uint64_t t = 0; t < iterations && !ferror(stdout); t++)
        (void)fputs(clr_schedule_row(row, s, t), stdout);
}

/* Nothing is written if one of them cannot be; the figure first, since drawing it can fail. */
static int write_files(const struct schedule_options *o, struct clr_error *err)
{
    const struct clr_plot_options options = {.size = sizeof options, .command_line = cli_command_line()};
    const struct clr_schedule *s = &o->run.train.schedule;
    int rc = cli_check_figure(o->plot, err);

    if (rc == 0)
        rc = cli_check_output(o->csv, err);
    if (rc == 0)
        rc = cli_check_outputs(o->csv, o->plot, err);
    if (rc == 0 && o->plot)
        rc = clr_plot_rates(o->plot, s, o->run.train.iterations, &options, err);
    if (rc == 0 && o->csv)
        rc = clr_schedule_write_csv(s, o->run.train.iterations, o->csv, err);
    if (rc == 0)
        cli_note("wrote %s%s%s", o->csv ? o->csv : o->plot, o->csv && o->plot ? ", " : "",
                 o->csv && o->plot ? o->plot : "");
    return rc;
}

int cmd_schedule(int argc, char **argv, struct clr_error *err)
{
    struct schedule_options o = {0};
    struct run_options *run = &o.run;
    char length[STR_COUNT], most[STR_COUNT];
    int rc;

    run_options_init(run);
    const struct opt table[] = {
        {OPT_U64, "iterations", "N", &run->iterations.iterations, .min = 1, .max = MAX_ROWS, .like = "1000",
         .needed = run_options_need_iterations, .help = "number of iterations, one row each"},
        {OPT_TEXT, "csv", "FILE", &o.csv,
         .help = "write the rows to this file (default, without --plot: stdout)"},
        {OPT_TEXT, "plot", "FILE", &o.plot,
         .help =
             "draw them: .png, .svg or .pdf; 'clr-cl plot schedule' draws CSV files, with a title, a size "
             "and labels"},
        OPT_ROW_QUIET(&run->quiet),
    };
    run_options_add_policy(run);
    opt_add(&run->set, "Output", table, MEM_COUNT(table));
    rc = opt_parse(&run->set, &command, argc, argv, err);
    if (rc == 0)
        rc = run_options_check(run, err);
    if (rc == 0)
        rc = run_options_resolve(run, err);
    if (rc == 0 && run->train.iterations > MAX_ROWS)
        rc = clr_error_set(err, CLR_EUSAGE, "--cycles: %s are more than the %s that fit",
                           str_count(length, run->train.iterations, "iteration"),
                           str_count(most, MAX_ROWS, "row"));
    if (rc != 0)
        goto out;
    cli_set_quiet(run->quiet);
    run_options_note_end(run);
    if (o.csv || o.plot)
        rc = write_files(&o, err);
    else
        print_rows(&run->train.schedule, run->train.iterations);
out:
    run_options_clear(run);
    return rc;
}
