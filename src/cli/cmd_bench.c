/* clr-cl bench: how fast is this device, at what, and are its results correct? */
#include "cli/common.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <clr/bench.h>

#include "base/fs.h"
#include "cli/opt.h"

#define COMPARE OPT_SUB(0)
#define MEASURE OPT_NO_SUB

static const struct opt_sub subs[] = {
    {"compare", "files that 'clr-cl bench --json' wrote", .like = "mine.json --known"},
    {.name = NULL},
};

static const struct opt_command command = {
    .subs = subs,
    .name = "bench",
    .usage = "[OPTION...] | compare FILE... [OPTION...]",
    .about =
        "Measures a device with a net, on random images: the most multiply-adds and memory traffic it "
        "reaches, the time of each layer and pass, whole training steps, inference, starts with and without "
        "compiled "
        "kernels, and memory. Variants of kernels that are wrong on the device are replaced first, as train "
        "does it. Everything that was timed is compared with a reference; the exit code is 1 if something is "
        "wrong. The table has medians with the smallest and largest value. It takes about a "
        "minute, and more where kernels have to be compiled first; nothing else should run meanwhile. "
        "compare reads JSON files and prints how each device stands against the first: images per second, "
        "peak, bandwidth, times of each layer and pass.",
    .examples = "  clr-cl bench\n"
                "  clr-cl bench --device all --net full --json full.json --plot full.png\n"
                "  clr-cl bench --json mine.json\n"
                "  clr-cl bench compare mine.json --known\n",
    .max_args = 1000,
};

struct bench_options {
    const char *device, *net, *json, *plot, *csv, *markdown;
    int batch;
    bool quiet, known;
};

struct bench_run {
    const struct bench_options *o;
    struct clr_bench_options bench;
    struct clr_bench_report *reports;
    size_t count;     /* of devices that were measured */
    const char *part; /* that is measured now */
    int wrong;
};

static void progress(void *user, const char *what, int part, int parts, double seconds)
{
    struct bench_run *run = user;
    char about[CLI_ABOUT];

    run->part = what;
    cli_note("measuring %d/%d: %s%s%s", part, parts, what, seconds > 0 ? ", " : "",
             seconds > 0 ? cli_about(about, seconds) : "");
}

static void step(void *user, int done, int all)
{
    const struct bench_run *run = user;

    if (all > 1) /* else the line of the part says all */
        cli_progress_step(NULL, run->part, done, all);
}

/* ------------------------------------------------------------------ devices */

static void warn_of_noise(const struct clr_bench_report *r)
{
    if (clr_bench_is_busy(r))
        cli_warn("the slowest training step took %.1f times as long as the fastest: something else was "
                 "running, and all times may be off; measure again on an idle machine",
                 r->step_ms.max / r->step_ms.min);
}

static int measure(struct bench_run *run, const struct clr_device *device, struct clr_error *err)
{
    struct clr_bench_report *r = &run->reports[run->count];
    char *text = NULL;
    int rc = clr_bench_run(r, device, &run->bench, err), printed;

    cli_progress_wipe();
    if (rc == CLR_EINTERRUPTED)
        (void)clr_error_set(err, rc,
                            "stopped while it measured '%s': %s; run the same command again to measure all",
                            run->part,
                            r->stopped[0]     ? "what came before is reported"
                            : run->count == 0 ? "nothing was verified yet, and nothing is saved"
                                              : "of this device nothing is saved, of those before it all is");
    if (rc < 0 && !r->stopped[0])
        return rc;
    if (run->count > 0)
        r->peak_memory_bytes = 0; /* the process's, and the devices before have raised it */
    if (run->count++ > 0)
        (void)putchar('\n');
    run->wrong += r->wrong;
    printed = clr_bench_table(&text, r, rc < 0 ? NULL : err);
    if (printed == 0)
        cli_print_text(text);
    (void)fflush(stdout); /* the next device takes a minute */
    warn_of_noise(r);
    free(text);
    return rc < 0 ? rc : printed;
}

/* All usable ones: where one fails, that is reported, and the next one is measured. The first failure is the
 * result. */
static int measure_all(struct bench_run *run, struct clr_error *err)
{
    struct clr_device *devices = NULL;
    struct clr_error error = {0};
    size_t count = 0, usable = 0;
    int rc = clr_device_list(&devices, &count, err), first = 0;

    if (rc == 0)
        rc = mem_new(&run->reports, count, sizeof *run->reports, "reports", err);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        const struct clr_device *d = &devices[i];
        if (!d->usable) {
            cli_note("skipped: %s (%d:%d): %s", d->name, d->platform_index, d->device_index, d->why_not);
            continue;
        }
        usable++;
        cli_device_tell(d);
        if (measure(run, d, &error) == 0)
            continue;
        if (first < 0 && error.code != CLR_EINTERRUPTED) {
            cli_warn("%s", error.message);
            continue;
        }
        if (first < 0)
            cli_warn("%s", err->message);
        *err = error;
        first = error.code;
        if (first == CLR_EINTERRUPTED)
            break;
    }
    free(devices);
    if (rc == 0 && usable == 0)
        rc = clr_error_set(err, CLR_ENODEVICE, "no usable device: 'clr-cl devices' lists what is here");
    return rc < 0 ? rc : first;
}

static int measure_one(struct bench_run *run, struct clr_error *err)
{
    struct clr_device device;
    int rc = cli_device(&device, run->o->device, err);

    if (rc == 0)
        rc = mem_new(&run->reports, 1, sizeof *run->reports, "reports", err);
    return rc < 0 ? rc : measure(run, &device, err);
}

/* ------------------------------------------------------------------ the command */

static int write_files(const struct bench_run *run, struct clr_error *err)
{
    const struct clr_plot_options options = {.size = sizeof options, .command_line = cli_command_line()};
    const char *wrong = NULL;
    bool timed = false;
    int rc = 0;

    if (run->count == 0)
        return 0;
    for (size_t i = 0; i < run->count; i++) {
        timed = timed || run->reports[i].row_count > 0;
        wrong = clr_bench_is_correct(&run->reports[i]) ? wrong : run->reports[i].device;
    }
    if (run->o->json) {
        rc = clr_bench_write(run->o->json, run->reports, run->count, err);
        if (rc == 0)
            cli_note("wrote %s", run->o->json);
    }
    if (rc < 0 || !run->o->plot)
        return rc;
    if (wrong) {
        cli_warn("'%s' is not written: %s computed wrongly, and its times do not count", run->o->plot, wrong);
        return 0;
    }
    if (!timed) {
        cli_warn("'%s' is not written: no layer was timed%s", run->o->plot,
                 run->reports[0].stopped[0] ? "" : ", since this driver's kernel times are unusable");
        return 0;
    }
    rc = clr_bench_plot(run->o->plot, run->reports, run->count, &options, err);
    if (rc == 0)
        cli_note("wrote %s", run->o->plot);
    return rc;
}

/* Before minutes of measuring: none of the files to write is another one, or a report that is read, and each
 * can be written. */
static int check_outputs(const struct bench_options *o, const struct opt_set *read, struct clr_error *err)
{
    const char *const written[] = {o->csv, o->markdown, o->json, o->plot};
    int rc = cli_check_figure(o->plot, err);

    for (size_t i = 0; i < MEM_COUNT(written) && rc == 0; i++) {
        rc = cli_check_output(written[i], err);
        for (size_t k = 0; k < i && rc == 0; k++)
            rc = cli_check_outputs(written[i], written[k], err);
        for (int k = 1; read && k < read->arg_count && rc == 0; k++)
            rc = cli_check_outputs(written[i], read->args[k], err);
    }
    return rc;
}

/* What is wrong fails; but only where train refuses a device, nothing should be trained there. */
static int judge(const struct bench_run *run, struct clr_error *err)
{
    for (size_t i = 0; i < run->count; i++)
        if (run->reports[i].refused[0])
            return clr_error_set(err, CLR_EFAILED,
                                 "these times do not count, and 'clr-cl train' refuses the device: %s",
                                 run->reports[i].refused);
    if (run->wrong == 0)
        return 0;
    return clr_error_set(
        err, CLR_EFAILED,
        "%d operator%s that %s timed compute%s wrongly (WRONG in the table): these times do not count. "
        "'clr-cl train', whose own check of this net is less strict, trains here",
        run->wrong, run->wrong == 1 ? "" : "s", run->wrong == 1 ? "was" : "were", run->wrong == 1 ? "s" : "");
}

static int bench(const struct bench_options *o, struct clr_error *err)
{
    struct bench_run run = {
        .o = o,
        .bench = {.size = sizeof run.bench,
                  .net_name = o->net,
                  .batch = o->batch,
                  .progress = progress,
                  .step = step,
                  .user = &run,
                  .stop = cli_catch_signals(CLI_STOPPING(" after what is being measured", ""))}};
    struct clr_net_spec *spec = NULL;
    struct clr_error write_error = {0};
    const bool all = cli_device_wanted(o->device) && strcmp(cli_device_wanted(o->device), "all") == 0;
    int rc = check_outputs(o, NULL, err), written;

    if (rc == 0)
        rc = cli_net_load(&spec, o->net, &run.bench.batch, err);
    run.bench.net = spec;
    if (rc == 0)
        rc = all ? measure_all(&run, err) : measure_one(&run, err);
    written = write_files(&run, &write_error);
    if (rc == 0 && written < 0) {
        *err = write_error;
        rc = written;
    }
    if (rc == 0)
        rc = judge(&run, err);
    clr_bench_destroy(run.reports, run.count);
    clr_net_destroy(spec);
    return rc;
}

/* Print the comparison, and write it in each form that was asked for. */
static int show(const struct bench_options *o, const struct clr_bench_report *reports, size_t count,
                struct clr_error *err)
{
    const char *const paths[] = {
        [CLR_BENCH_MARKDOWN] = o->markdown, [CLR_BENCH_CSV] = o->csv, [CLR_BENCH_JSON] = o->json};
    int rc = 0;

    for (int form = CLR_BENCH_TEXT; form <= CLR_BENCH_JSON && rc == 0; form++) {
        char *text = NULL;
        if (form == CLR_BENCH_TEXT || paths[form])
            rc = clr_bench_compare(&text, reports, count, (enum clr_bench_form)form, err);
        if (text && form == CLR_BENCH_TEXT) {
            cli_print_text(text);
            (void)fflush(stdout); /* a file may be /dev/stdout */
        } else if (text) {
            rc = fs_write_atomic(paths[form], text, strlen(text), err);
            if (rc == 0)
                cli_note("wrote %s", paths[form]);
        }
        free(text);
    }
    return rc;
}

static int compare(const struct opt_set *set, const struct bench_options *o, struct clr_error *err)
{
    struct clr_bench_report *reports = NULL;
    size_t count = 0;
    int rc = check_outputs(o, set, err);

    if (rc == 0)
        rc = cli_check_different(set->args + 1, (size_t)set->arg_count - 1, err);
    if (rc == 0)
        rc = clr_bench_read_all(&reports, &count, set->args + 1, (size_t)set->arg_count - 1, err);
    if (rc == 0 && count < 2 && !o->known)
        rc =
            clr_error_set(err, CLR_EUSAGE,
                          "'%s' has a single device: name another file, or --known for the devices that this "
                          "project has measured",
                          set->args[1]);
    if (rc == 0 && o->known)
        rc = cli_add_known(&reports, &count, err);
    if (rc == 0)
        rc = show(o, reports, count, err);
    clr_bench_destroy(reports, count);
    return rc;
}

int cmd_bench(int argc, char **argv, struct clr_error *err)
{
    struct bench_options o = {.net = "quick"};
    struct opt_set set = {0};
    int rc;
    const struct opt table[] = {
        {OPT_TEXT, "device", "D", &o.device, .only = MEASURE,
         .help = "platform and device (0:1), cpu, gpu, part of a name, or all (default: $CLR_DEVICE, else "
                 "the best one that 'clr-cl devices' lists)"},
        OPT_ROW_NET(&o.net, MEASURE),
        OPT_ROW_BATCH(&o.batch, MEASURE),
        {OPT_TEXT, "json", "FILE", &o.json,
         .help = "write everything that was measured as JSON, for compare and 'clr-cl plot bench'; compare: "
                 "the comparison"},
        {OPT_TEXT, "plot", "FILE", &o.plot, .only = MEASURE,
         .help = "draw the layers' times: .png, .svg or .pdf"},
        OPT_ROW_QUIET(&o.quiet),
    };
    const struct opt of_compare[] = {
        {OPT_FLAG, "known", NULL, &o.known, .only = COMPARE,
         .help = "compare with the devices that this project has measured, too (with the net quick and "
                 "batches of 100; no others are compared)"},
        {OPT_TEXT, "csv", "FILE", &o.csv, .only = COMPARE,
         .help = "write the comparison as CSV, a line for each number"},
        {OPT_TEXT, "markdown", "FILE", &o.markdown, .only = COMPARE,
         .help = "write the comparison as tables in Markdown"},
    };

    opt_add(&set, "Options", table, MEM_COUNT(table));
    opt_add(&set, "Options of compare", of_compare, MEM_COUNT(of_compare));
    rc = opt_parse(&set, &command, argc, argv, err);
    if (rc != 0)
        goto out;
    cli_set_quiet(o.quiet);
    if (set.arg_count == 0)
        rc = bench(&o, err);
    else if (strcmp(set.args[0], "compare") == 0)
        rc = compare(&set, &o, err);
    else
        rc = clr_error_set(err, CLR_EUSAGE, "there is no 'clr-cl bench %s'; usage: clr-cl bench %s",
                           set.args[0], command.usage);
out:
    opt_clear(&set);
    return rc;
}
