/* clr-cl plot: figures from CSV files. Needs no device. */
#include "cli/common.h"

#include <stdlib.h>
#include <string.h>

#include <clr/plot.h>

#include "base/fs.h"
#include "base/mem.h"
#include "cli/opt.h"
#include "cli/plot_inputs.h"
#include "cli/plot_kinds.h"
#include "cli/plot_list.h"

static const struct opt_command command = {
    .subs = plot_kinds_subs,
    .name = "plot",
    .usage = "run|loss|range|schedule|bench FILE... -o FIGURE [OPTION...]",
    .about = plot_kinds_about,
    .examples = plot_kinds_examples,
    .min_args = 1,
    .max_args = 1000,
    .asks = "a kind of figure: " PLOT_KIND_NAMES,
};

/* A figure, or its numbers, must not overwrite what is drawn. */
static int check_inputs(const struct plot_list *in, const char *written, struct clr_error *err)
{
    int rc = 0;

    for (size_t i = 0; i < in->count && rc == 0; i++)
        rc = cli_check_input(written, in->of[i].path, err);
    return rc;
}

/* ---- kinds ---- */

static int check_options(const struct plot_kind_row *kind, const struct clr_plot_options *options,
                         struct clr_error *err)
{
    if (options->over == CLR_PLOT_OVER_RATE && kind->kind == PLOT_RUN)
        return clr_error_set(err, CLR_EUSAGE,
                             "--over rate: 'plot range' draws accuracy over the rate; 'plot loss' takes it");
    if (options->over == CLR_PLOT_OVER_RATE && options->rates)
        return clr_error_set(err, CLR_EUSAGE, "--rates: with --over rate they are the x axis");
    return 0;
}

/* Help on one kind: `plot run --help`. */
static void narrow_help(struct opt_command *own, struct opt_set *set, const struct plot_kind_row *kind)
{
    own->usage = kind->usage;
    own->about = kind->about;
    own->examples = kind->examples;
    for (size_t i = 0; i < set->count; i++)
        set->options[i].hidden = !opt_fits(&set->options[i], own, opt_sub_named(own, kind->name));
}

/* Is there a kind, and inputs that it draws? */
static int check_args(const struct plot_kind_row **out, const struct opt_set *set,
                      const struct clr_plot_options *options, struct clr_error *err)
{
    const struct plot_kind_row *kind = plot_kind_named(set->args[0]);
    int rc;

    if (!kind)
        return plot_inputs_no_kind(set->args[0], err);
    rc = check_options(kind, options, err);
    for (int i = 1; i < set->arg_count && rc == 0; i++)
        rc = plot_inputs_check(kind->kind, set->args[i], err);
    *out = kind;
    return rc;
}

/* ---- labels ---- */

/* Is that the name of an input, or of the folder of a range test in it? */
static bool is_called(const struct plot_list *in, const char *name)
{
    for (size_t i = 0; i < 2 * in->count; i++) {
        const struct plot_listed *one = &in->of[i / 2];
        if (fs_is_called(one->path, name, i % 2) || (one->within && fs_is_called(one->within, name, i % 2)))
            return true;
    }
    return false;
}

/* The '=' after the name: both names and texts may contain others. */
static char *find_equals(char *text, const struct plot_list *in)
{
    for (char *p = text + strlen(text); p > text; p--) {
        bool called;
        if (*p != '=')
            continue;
        *p = '\0';
        called = is_called(in, text);
        *p = '=';
        if (called)
            return p;
    }
    return strchr(text, '=');
}

/* Split NAME=TEXT in place. */
static int split_labels(struct clr_plot_label *out, struct opt_texts *texts, const struct plot_list *in,
                        struct clr_error *err)
{
    for (size_t i = 0; i < texts->count; i++) {
        char *equals = find_equals(texts->values[i], in);
        if (!equals || equals == texts->values[i] || !equals[1])
            return clr_error_set(err, CLR_EUSAGE,
                                 "--label takes NAME=TEXT, as in --label fixed='rate 0.01', not '%s'",
                                 texts->values[i]);
        *equals = '\0';
        out[i] = (struct clr_plot_label){texts->values[i], equals + 1};
    }
    return 0;
}

/* labels: as many as texts. */
static int draw(const struct opt_set *set, const char *output, struct clr_plot_options *options,
                struct clr_plot_label *labels, struct opt_texts *texts, struct plot_list *in,
                struct clr_error *err)
{
    const struct plot_kind_row *kind = NULL;
    int rc = check_args(&kind, set, options, err);

    for (int i = 1; i < set->arg_count && rc == 0; i++)
        rc = plot_list_add_input(in, set->args[i], kind->kind, err);
    if (rc == 0)
        rc = split_labels(labels, texts, in, err);
    options->labels = labels;
    options->label_count = texts->count;
    if (rc == 0)
        rc = cli_check_figure(output, err);
    if (rc == 0)
        rc = cli_check_output(options->csv, err);
    if (rc == 0)
        rc = cli_check_outputs(output, options->csv, err);
    if (rc == 0)
        rc = check_inputs(in, output, err);
    if (rc == 0)
        rc = check_inputs(in, options->csv, err);
    if (rc == 0)
        rc = plot_list_draw(in, kind->kind, output, options, err);
    if (rc == 0)
        cli_note("wrote %s%s%s", output, options->csv ? ", " : "", options->csv ? options->csv : "");
    return rc;
}

int cmd_plot(int argc, char **argv, struct clr_error *err)
{
    struct clr_plot_label labels[OPT_TEXTS_MAX];
    struct clr_plot_options options = {.size = sizeof options, .command_line = cli_command_line()};
    const struct plot_kind_row *kind = argc > 1 ? plot_kind_named(argv[1]) : NULL;
    struct opt_command own = command;
    struct opt_texts texts = {.count = 0};
    struct plot_list in = {.count = 0};
    double y_min = 0.0;
    static const char *const overs[] = {"iterations", "time", "rate", NULL};
    static const char *const overs_of_run[] = {"iterations", "time", NULL};
    const char *output = NULL;
    bool quiet = false;
    struct opt_set set = {0};
    int rc;
    const struct opt table[] = {
        {OPT_TEXT, "output", "FIGURE", &output, .letter = 'o', .like = "figure.png",
         .help = "the file to write: .png, .svg or .pdf"},
        {OPT_INT, "width", "N", &options.width, .min = 320, .max = 10000,
         .help = "pixels at 96 dpi (default: 960, or 8/5 of --height)"},
        {OPT_INT, "height", "N", &options.height, .min = 200, .max = 10000,
         .help =
             "pixels at 96 dpi (default: 5/8 of the width, and a legend below; bench, --multiples: what they "
             "need)"},
        {OPT_INT, "dpi", "N", &options.dpi, .min = 48, .max = 1200,
         .help = "resolution; 192 gives twice the pixels (default: 96)"},
        {OPT_TEXT, "title", "TEXT", &options.title, .may_be_empty = true,
         .help = "title; '' for none (default: made from the data)"},
        {OPT_CHOICE, "over", "WHAT", &options.over, .choices = overs,
         .offers = kind && kind->kind == PLOT_RUN ? overs_of_run : NULL, .only = PLOT_RUN | PLOT_LOSS,
         .help = "run, loss: over iterations, or over time with the evaluations in it; loss: of range tests, "
                 "over the rate (default: iterations)"},
        {OPT_FLAG, "rates", NULL, &options.rates, .only = PLOT_RUN | PLOT_LOSS,
         .help = "run, loss: the learning rate as a second panel on the same x axis"},
        {OPT_FLAG, "multiples", NULL, &options.multiples, .only = PLOT_RUN | PLOT_LOSS | PLOT_SCHEDULE,
         .help = "run, loss, schedule: a small chart for each curve, with the others in grey"},
        {OPT_REAL, "y-min", "P", &y_min, .max = 100, .below = true, .only = PLOT_RUN | PLOT_RANGE,
         .help = "run, range: begin the axis at P percent; 0 shows the whole axis (default: so that "
                 "differences can be seen)"},
        {OPT_TEXTS, "label", "NAME=TEXT", &texts,
         .help =
             "call a curve TEXT; NAME: its FILE, or the last part of that path; bench: or the device; may "
             "be repeated (default: the settings that differ)"},
        {OPT_FLAG, "known", NULL, &in.known, .only = PLOT_BENCH,
         .help = "bench: also draw the devices that this project has measured"},
        {OPT_TEXT, "csv", "FILE", &options.csv,
         .help = "also write the numbers that are drawn: points, bands, helper lines"},
        OPT_ROW_QUIET(&quiet),
    };

    opt_add(&set, "Options", table, MEM_COUNT(table));
    if (kind)
        narrow_help(&own, &set, kind);
    rc = opt_parse(&set, &own, argc, argv, err);
    if (rc != 0)
        goto out;
    cli_set_quiet(quiet);
    options.y_min = opt_given(&set, "y-min") ? &y_min : NULL;
    rc = draw(&set, output, &options, labels, &texts, &in, err);
out:
    plot_list_clear(&in);
    opt_clear(&set);
    return rc;
}
