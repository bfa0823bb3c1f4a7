/* clr-cl plot: figures from CSV files. No device. */
#include "cli/common.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include <clr/bench.h>
#include <clr/plot.h>

#include "base/fs.h"
#include "base/mem.h"
#include "cli/opt.h"

static const struct opt_command command = {
    .name = "plot",
    .usage = "run|loss|range|schedule|bench FILE... -o FIGURE [OPTION...]",
    .about =
        "Draws a figure. run: accuracy over iterations, from run folders or history.csv files; runs that "
        "differ only in the seed become one curve with a band. loss: training loss over iterations, from run "
        "folders or loss.csv files. range: accuracy over the learning rate, from folders of range tests. "
        "schedule: rates over iterations, from CSV files of 'clr-cl schedule'. bench: time of each layer and "
        "pass, from JSON files of 'clr-cl bench', side by side.",
    .examples = "  clr-cl plot run fixed triangular -o compared.png --csv compared.csv\n"
                "  clr-cl plot run a b --rates --label a='as published' -o rates.pdf\n"
                "  clr-cl plot range range -o range.svg --title 'quick on CIFAR-10'\n",
    .min_args = 2,
    .max_args = 1000,
};

typedef int (*plot_function)(const char *path, const char *const *inputs, size_t count,
                             const struct clr_plot_options *options, struct clr_error *err);

static int plot_bench(const char *path, const char *const *inputs, size_t count,
                      const struct clr_plot_options *options, struct clr_error *err)
{
    struct clr_bench_report *reports = NULL;
    size_t n = 0;
    int rc = clr_bench_read_all(&reports, &n, inputs, count, err);

    if (rc == 0)
        rc = clr_bench_plot(path, reports, n, options, err);
    clr_bench_free(reports, n);
    return rc;
}

/* A figure, or its numbers, must not be written over what it is drawn from. */
static int check_inputs(const struct opt_set *set, const char *written, struct clr_error *err)
{
    static const char *const names[] = {"history.csv", "loss.csv",   "timing.csv",
                                        "range.csv",   "range.json", "run.json"};
    int rc = 0;

    for (int i = 1; i < set->arg_count && rc == 0; i++) {
        rc = cli_check_outputs(written, set->args[i], err);
        for (size_t k = 0; k < MEM_COUNT(names) && rc == 0 && fs_is_dir(set->args[i]); k++) {
            char *path = NULL;
            rc = fs_join(&path, set->args[i], names[k], err);
            if (rc == 0)
                rc = cli_check_outputs(written, path, err);
            free(path);
        }
    }
    return rc;
}

/* Paths that range tests lie in. */
struct folders {
    char **path;
    size_t count, capacity;
};

static void clear_folders(struct folders *f)
{
    for (size_t i = 0; i < f->count; i++)
        free(f->path[i]);
    free(f->path);
}

static int by_name(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;

    return strcmp(*x, *y);
}

/* The path, or, of a folder that range-test wrote several tests into, theirs: `depth` folders down. */
static int add_tests(struct folders *f, const char *path, int depth, struct clr_error *err)
{
    const size_t first = f->count;
    DIR *dir = depth > 0 && !fs_exists_in(path, "range.csv") ? opendir(path) : NULL;
    const struct dirent *entry;
    int rc = 0;

    while (rc == 0 && dir && (entry = readdir(dir))) {
        char *below = NULL;
        if (strncmp(entry->d_name, "seed-", 5) != 0 && strncmp(entry->d_name, "decay-", 6) != 0)
            continue;
        rc = fs_join(&below, path, entry->d_name, err);
        if (rc == 0 && fs_is_dir(below))
            rc = add_tests(f, below, depth - 1, err);
        free(below);
    }
    if (dir)
        (void)closedir(dir);
    if (rc < 0 || f->count > first) {
        qsort(f->path + first, f->count - first, sizeof *f->path, by_name);
        return rc;
    }
    rc = mem_grow(&f->path, &f->capacity, f->count + 1, sizeof *f->path, "folders", err);
    if (rc == 0)
        rc = str_duplicate(&f->path[f->count], path, err);
    f->count += rc == 0;
    return rc;
}

static int plot_range(const char *path, const char *const *inputs, size_t count,
                      const struct clr_plot_options *options, struct clr_error *err)
{
    struct folders f = {0};
    int rc = 0;

    for (size_t i = 0; i < count && rc == 0; i++)
        rc = add_tests(&f, inputs[i], 2, err);
    if (rc == 0)
        rc = clr_plot_range(path, (const char *const *)f.path, f.count, options, err);
    clear_folders(&f);
    return rc;
}

static int draw(const struct opt_set *set, const char *output, const struct clr_plot_options *options,
                struct clr_error *err)
{
    static const struct {
        const char *name;
        plot_function function;
    } kinds[] = {{"run", clr_plot_run},
                 {"loss", clr_plot_loss},
                 {"range", plot_range},
                 {"schedule", clr_plot_schedule},
                 {"bench", plot_bench}};

    for (size_t i = 0; i < MEM_COUNT(kinds); i++) {
        if (strcmp(kinds[i].name, set->args[0]) != 0)
            continue;
        return kinds[i].function(output, set->args + 1, (size_t)set->arg_count - 1, options, err);
    }
    return clr_error_set(err, CLR_EUSAGE, "there is no 'plot %s': it is run, loss, range, schedule or bench",
                         set->args[0]);
}

/* Options that the kind of figure has no use for. */
static int check_kind(const struct opt_set *set, struct clr_error *err)
{
    static const struct {
        const char *option, *kinds;
    } rows[] = {{"over", "run loss"},
                {"rates", "run loss"},
                {"multiples", "run loss schedule"},
                {"y-min", "run range"},
                {"label", "run loss range schedule"}};

    for (size_t i = 0; i < MEM_COUNT(rows); i++)
        if (opt_given(set, rows[i].option) && !strstr(rows[i].kinds, set->args[0]))
            return clr_error_set(err, CLR_EUSAGE, "--%s: not for 'plot %s'", rows[i].option, set->args[0]);
    return 0;
}

/* NAME=TEXT; the texts are cut there. */
static int split_labels(struct clr_plot_label *out, struct opt_texts *texts, struct clr_error *err)
{
    for (size_t i = 0; i < texts->count; i++) {
        char *equals = strchr(texts->values[i], '=');
        if (!equals || equals == texts->values[i] || !equals[1])
            return clr_error_set(err, CLR_EUSAGE,
                                 "--label takes NAME=TEXT, as in --label fixed='rate 0.01', not '%s'",
                                 texts->values[i]);
        *equals = '\0';
        out[i] = (struct clr_plot_label){texts->values[i], equals + 1};
    }
    return 0;
}

int cmd_plot(int argc, char **argv, struct clr_error *err)
{
    struct clr_plot_label labels[OPT_TEXTS_MAX];
    struct clr_plot_options options = {.command_line = cli_command_line(), .labels = labels};
    struct opt_texts texts = {.count = 0};
    double y_min = 0.0;
    static const char *const overs[] = {"iterations", "time", NULL};
    const char *output = NULL;
    bool quiet = false;
    int over = CLR_PLOT_OVER_ITERATIONS;
    struct opt_set set = {0};
    int rc;
    const struct opt table[] = {
        {.kind = OPT_TEXT,
         .name = "output",
         .letter = 'o',
         .value = &output,
         .argument = "FIGURE",
         .help = "the file to write: .png, .svg or .pdf"},
        {.kind = OPT_INT,
         .name = "width",
         .value = &options.width,
         .argument = "N",
         .min = 320,
         .max = 10000,
         .help = "pixels at 96 dpi (default: 960)"},
        {.kind = OPT_INT,
         .name = "height",
         .value = &options.height,
         .argument = "N",
         .min = 200,
         .max = 10000,
         .help = "pixels at 96 dpi (default: 600 and a legend below; bench, --multiples: what they need)"},
        {.kind = OPT_INT,
         .name = "dpi",
         .value = &options.dpi,
         .argument = "N",
         .min = 48,
         .max = 1200,
         .help = "resolution; 192 gives twice the pixels (default: 96)"},
        {.kind = OPT_TEXT,
         .name = "title",
         .value = &options.title,
         .argument = "TEXT",
         .may_be_empty = true,
         .help = "title; '' for none (default: made from the data)"},
        {.kind = OPT_CHOICE,
         .name = "over",
         .value = &over,
         .argument = "WHAT",
         .choices = overs,
         .help = "run, loss: over iterations, or over time with the evaluations in it (default: iterations)"},
        {.kind = OPT_FLAG,
         .name = "rates",
         .value = &options.rates,
         .help = "run, loss: the learning rate as a second panel on the same x axis"},
        {.kind = OPT_FLAG,
         .name = "multiples",
         .value = &options.multiples,
         .help = "run, loss, schedule: a small chart for each curve, with the others in grey"},
        {.kind = OPT_REAL,
         .name = "y-min",
         .value = &y_min,
         .argument = "P",
         .max = 100,
         .below = true,
         .help =
             "run, range: begin the axis at P percent; 0 shows all of it (default: where differences can be "
             "seen)"},
        {.kind = OPT_TEXTS,
         .name = "label",
         .value = &texts,
         .argument = "NAME=TEXT",
         .help = "call a curve TEXT; NAME: its FILE, or that one's last part; may be given several times "
                 "(default: what differs between the curves)"},
        {.kind = OPT_TEXT,
         .name = "csv",
         .value = &options.csv,
         .argument = "FILE",
         .help = "write the numbers that are drawn, too: points, bands, helper lines"},
        {.kind = OPT_FLAG, .name = "quiet", .value = &quiet, .help = "no messages, only warnings and errors"},
    };

    opt_add(&set, "Options", table, MEM_COUNT(table));
    rc = opt_parse(&set, &command, argc, argv, err);
    if (rc == 0)
        rc = opt_require(&set, "output", err);
    if (rc != 0)
        goto out;
    cli_set_quiet(quiet);
    options.over = (enum clr_plot_over)over;
    options.y_min = opt_given(&set, "y-min") ? &y_min : NULL;
    options.label_count = texts.count;
    rc = check_kind(&set, err);
    if (rc == 0)
        rc = split_labels(labels, &texts, err);
    if (rc == 0)
        rc = cli_check_outputs(output, options.csv, err);
    if (rc == 0)
        rc = check_inputs(&set, output, err);
    if (rc == 0)
        rc = check_inputs(&set, options.csv, err);
    if (rc == 0)
        rc = draw(&set, output, &options, err);
    if (rc == 0)
        cli_note("wrote %s%s%s", output, options.csv ? ", " : "", options.csv ? options.csv : "");
out:
    opt_clear(&set);
    return rc;
}
