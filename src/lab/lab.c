/* Reading experiments: see lab.h. */
#include <clr/lab.h>

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <clr/plot.h>

#include "base/embedded.h"
#include "base/fs.h"
#include "net/prototxt.h"

/* ------------------------------------------------------------------ names */

const char *const *clr_lab_names(void)
{
    return embedded_experiments_names;
}

static bool is_name(const char *text)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

    return text[0] && text[0] != '.' && text[strspn(text, allowed)] == '\0' && strlen(text) < LAB_NAME;
}

/* A required string of a message that becomes part of a path. */
static int read_name(char out[LAB_NAME], struct pt_reader *r, const char *field, struct clr_error *err)
{
    const char *text = NULL;

    if (pt_text(r, field, &text, err) < 0)
        return r->rc;
    if (!text)
        return pt_error(r->doc, r->message, err, "'%s' is missing", field);
    if (!is_name(text))
        return pt_error(
            r->doc, r->message, err,
            "field '%s' is '%.80s'; it takes up to %d letters, digits, '.', '_' and '-', no '.' at the start",
            field, text, LAB_NAME - 1);
    str_copy(out, LAB_NAME, text);
    return 0;
}

static int read_text(char **out, struct pt_reader *r, const char *field, struct clr_error *err)
{
    const char *text;
    int rc = pt_text(r, field, &text, err);

    return rc <= 0 ? rc : str_duplicate(out, text, err);
}

/* ------------------------------------------------------------------ options of a run */

/* What an experiment gives itself, or what changes no result. */
static bool is_reserved(const char *name)
{
    static const char *const names[] = {"out",     "resume", "quiet", "json",
                                        "profile", "device", "seed",  "help"};

    for (size_t i = 0; i < MEM_COUNT(names); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static int append_value(char **value, const char *more, struct clr_error *err)
{
    struct str text = {0};

    str_append(&text, "%s,%s", *value, more);
    free(*value);
    *value = NULL;
    return str_take(value, &text, err);
}

/* `false` in a run: without the flag that `options` gives, however often. Was there any? */
static bool drop_flag(struct lab_run *run, size_t *first, const char *name)
{
    const size_t count = run->option_count;

    for (size_t i = 0; i < run->option_count;) {
        struct lab_option *o = &run->options[i];
        if (o->value || strcmp(o->name, name) != 0) {
            i++;
            continue;
        }
        memmove(o, o + 1, (--run->option_count - i) * sizeof *o);
        *first -= i < *first;
    }
    return run->option_count < count;
}

/* One field as an option. Those from *first on are of the same message: one that is there already becomes a
 * list. */
static int add_option(struct lab_run *run, size_t *first, struct prototxt *doc, struct pt_field *f,
                      struct clr_error *err)
{
    struct lab_option *o;
    char name[LAB_NAME];

    f->read = true;
    if (!f->text)
        return pt_error(doc, f, err, "field '%.60s' is a block; an option takes a value", f->name);
    if (is_reserved(f->name))
        return pt_error(doc, f, err, "field '%.60s' has no place here: clr-cl experiment sets it", f->name);
    if (strlen(f->name) >= LAB_NAME)
        return pt_error(doc, f, err, "there is no option of so long a name");
    str_copy(name, sizeof name, f->name);
    for (char *p = name; *p; p++)
        *p = *p == '_' ? '-' : *p; /* "min_lr" → "min-lr" */
    if (!f->quoted && strcmp(f->text, "false") == 0) {
        if (drop_flag(run, first, name))
            return 0;
        return pt_error(doc, f, err, "field '%.60s' is false, and options { } has no such flag: leave it out",
                        f->name);
    }
    run->value_bytes += strlen(f->text) + 1;
    if (run->value_bytes > LAB_VALUES)
        return pt_error(doc, f, err, "the values of a run's options have more than %d bytes in all",
                        LAB_VALUES);
    for (size_t i = *first; i < run->option_count; i++)
        if (run->options[i].value && strcmp(run->options[i].name, name) == 0)
            return append_value(&run->options[i].value, f->text, err);
    if (run->option_count == LAB_ARGUMENTS)
        return pt_error(doc, f, err, "more than %d options", LAB_ARGUMENTS);
    o = &run->options[run->option_count++];
    *o = (struct lab_option){.line = f->line}; /* a dropped flag's place is not empty */
    str_copy(o->name, sizeof o->name, name);
    return f->quoted || strcmp(f->text, "true") != 0 ? str_duplicate(&o->value, f->text, err) : 0;
}

/* All fields of the message that are not read yet. */
static int add_options(struct lab_run *run, struct prototxt *doc, const struct pt_field *message,
                       struct clr_error *err)
{
    size_t first = run->option_count;
    int rc = 0;

    for (size_t i = message->first; i && rc == 0; i = doc->fields[i].next)
        if (!doc->fields[i].read)
            rc = add_option(run, &first, doc, &doc->fields[i], err);
    return rc;
}

/* ------------------------------------------------------------------ messages */

static int read_seeds(struct pt_reader *r, struct lab_run *run, struct clr_error *err)
{
    int seeds[LAB_MAX_SEEDS], n = 0, rc = pt_ints(r, "seed", 0, INT_MAX, seeds, LAB_MAX_SEEDS, &n, err);

    for (int i = 0; rc == 0 && i < n; i++)
        for (int k = 0; k < i; k++)
            if (seeds[k] == seeds[i])
                return pt_error(r->doc, r->message, err, "seed %d is given twice", seeds[i]);
    if (rc == 0 && n > 0) {
        memcpy(run->seeds, seeds, (size_t)n * sizeof *seeds);
        run->seed_count = n;
    }
    return rc;
}

static int read_run(struct lab_experiment *e, struct prototxt *doc, struct pt_field *f,
                    const struct lab_run *common, struct clr_error *err)
{
    struct lab_run *run;
    struct pt_reader r;
    int rc = pt_value_message(doc, f, err);

    if (rc == 0 && e->run_count == LAB_MAX_RUNS)
        rc = pt_error(doc, f, err, "more than %d runs", LAB_MAX_RUNS);
    if (rc == 0)
        rc = mem_grow(&e->runs, &e->run_capacity, e->run_count + 1, sizeof *e->runs, "runs", err);
    if (rc < 0)
        return rc;
    run = &e->runs[e->run_count++];
    run->line = f->line;
    run->range_test = strcmp(f->name, "range_test") == 0;
    memcpy(run->seeds, common->seeds, sizeof run->seeds);
    run->seed_count = common->seed_count;
    pt_open(&r, doc, f);
    rc = read_name(run->name, &r, "name", err);
    for (size_t i = 0; i + 1 < e->run_count && rc == 0; i++)
        if (strcmp(e->runs[i].name, run->name) == 0)
            rc = pt_error(doc, f, err, "a run '%s' is there already, in line %d", run->name, e->runs[i].line);
    if (rc == 0)
        rc = read_seeds(&r, run, err);
    run->value_bytes = run->range_test ? 0 : common->value_bytes;
    for (size_t i = 0; i < common->option_count && rc == 0 && !run->range_test; i++) {
        struct lab_option *o = &run->options[run->option_count++];
        *o = common->options[i];
        o->value = NULL;
        if (common->options[i].value)
            rc = str_duplicate(&o->value, common->options[i].value, err);
    }
    return rc < 0 ? rc : add_options(run, doc, f, err);
}

static int read_figure_runs(struct lab_figure *figure, const struct lab_experiment *e, struct pt_reader *r,
                            struct clr_error *err)
{
    struct pt_field *f = NULL;

    while (pt_next(r, "run", &f)) {
        const char *name;
        size_t i = 0;
        int rc = pt_value_text(r->doc, f, &name, err);
        if (rc < 0)
            return rc;
        while (i < e->run_count && strcmp(e->runs[i].name, name) != 0)
            i++;
        if (i == e->run_count)
            return pt_error(r->doc, f, err, "there is no run '%.60s'", name);
        if (e->runs[i].range_test != (figure->kind == LAB_FIGURE_RANGE))
            return pt_error(r->doc, f, err, "'%s' is %s, not for this kind of figure", name,
                            e->runs[i].range_test ? "a range test" : "no range test");
        if (figure->run_count == LAB_MAX_DRAWN)
            return pt_error(r->doc, f, err, "more than %d runs: that many curves cannot be distinguished",
                            LAB_MAX_DRAWN);
        figure->runs[figure->run_count++] = i;
    }
    if (figure->run_count == 0)
        return pt_error(r->doc, r->message, err, "the figure shows no run: name some by 'run'");
    return 0;
}

static int read_figure(struct lab_experiment *e, struct prototxt *doc, struct pt_field *f,
                       struct clr_error *err)
{
    static const char *const kinds[] = {"RUN", "RANGE", NULL};
    static const char *const overs[] = {"ITERATIONS", "TIME", NULL};
    struct lab_figure *figure;
    struct pt_reader r;
    int kind = LAB_FIGURE_RUN, over = 0, rc = pt_value_message(doc, f, err);

    if (rc == 0)
        rc = mem_grow(&e->figures, &e->figure_capacity, e->figure_count + 1, sizeof *e->figures, "figures",
                      err);
    if (rc < 0)
        return rc;
    figure = &e->figures[e->figure_count++];
    figure->y_min = NAN;
    pt_open(&r, doc, f);
    rc = read_name(figure->file, &r, "file", err);
    if (rc == 0 && clr_plot_check_name(figure->file, NULL) < 0)
        rc = pt_error(doc, f, err, "'%s' is no figure: its name ends in .png, .svg or .pdf", figure->file);
    for (size_t i = 0; i + 1 < e->figure_count && rc == 0; i++)
        if (strcmp(e->figures[i].file, figure->file) == 0)
            rc = pt_error(doc, f, err, "a figure '%s' is there already: give this one another file",
                          figure->file);
    if (rc < 0)
        return rc;
    pt_word(&r, "kind", kinds, &kind, err);
    figure->kind = (enum lab_figure_kind)kind;
    pt_int(&r, "width", 320, 10000, &figure->width, err);
    pt_int(&r, "height", 200, 10000, &figure->height, err);
    if (figure->kind == LAB_FIGURE_RUN) {
        pt_word(&r, "over", overs, &over, err);
        pt_bool(&r, "rates", &figure->rates, err);
        pt_bool(&r, "multiples", &figure->multiples, err);
        pt_double(&r, "y_min", 0.0, 99.0, &figure->y_min, err);
        figure->over_time = over == 1;
    }
    rc = read_text(&figure->title, &r, "title", err);
    if (rc >= 0)
        rc = read_figure_runs(figure, e, &r, err);
    return rc < 0 ? rc : pt_close(&r, NULL, err);
}

/* ------------------------------------------------------------------ the file */

static int read_head(struct lab_experiment *e, struct pt_reader *r, struct lab_run *common,
                     struct clr_error *err)
{
    int rc = read_name(e->name, r, "name", err);
    struct pt_field *f = NULL;

    if (rc == 0)
        rc = read_text(&e->about, r, "about", err);
    if (rc >= 0 && !e->about)
        rc = str_duplicate(&e->about, "", err);
    if (rc == 0)
        rc = read_seeds(r, common, err);
    if (rc == 0)
        rc = pt_ints(r, "at", 1, INT_MAX, e->at, LAB_MAX_READ, &e->at_count, err);
    if (rc == 0)
        rc = pt_doubles(r, "reach", 0.0, 1.0, e->reach, LAB_MAX_READ, &e->reach_count, err);
    while (rc == 0 && pt_next(r, "options", &f)) {
        rc = pt_value_message(r->doc, f, err);
        if (rc == 0)
            rc = add_options(common, r->doc, f, err);
    }
    return rc;
}

static void free_options(struct lab_run *run)
{
    for (size_t i = 0; i < run->option_count; i++)
        free(run->options[i].value);
}

static int read_all(struct lab_experiment *e, struct prototxt *doc, struct lab_run *common,
                    struct clr_error *err)
{
    static const char *const runs[] = {"run", "range_test"};
    struct pt_field *f = NULL;
    struct pt_reader r;
    int rc;

    pt_open(&r, doc, NULL);
    rc = read_head(e, &r, common, err);
    for (int k = 0; k < 2; k++, f = NULL)
        while (rc == 0 && pt_next(&r, runs[k], &f))
            rc = read_run(e, doc, f, common, err);
    while (rc == 0 && pt_next(&r, "figure", &f))
        rc = read_figure(e, doc, f, err);
    if (rc == 0)
        rc = pt_close(&r, NULL, err);
    if (rc == 0 && e->run_count == 0)
        rc = clr_error_set(err, CLR_EINPUT, "%s: there is no 'run { … }' in it", e->file);
    return rc < 0 ? rc : 0;
}

int clr_lab_load(struct lab_experiment **out, const char *name, struct clr_error *err)
{
    struct lab_experiment *e = NULL;
    struct lab_run common = {.seeds = {1}, .seed_count = 1};
    struct prototxt doc = {0};
    size_t size = 0;
    int rc = mem_new(&e, 1, sizeof *e, "an experiment", err);

    if (rc == 0)
        rc = embedded_open(&e->file, &e->text, &size, embedded_experiments, embedded_experiments_names,
                           "experiment", name, PT_LIMIT_BYTES, err);
    if (rc == 0)
        rc = prototxt_parse(&doc, e->file, e->text, size, err);
    if (rc == 0) {
        rc = pt_finish(&doc, read_all(e, &doc, &common, err), err);
        prototxt_clear(&doc);
    }
    free_options(&common);
    if (rc < 0)
        clr_lab_destroy(e);
    else
        *out = e;
    return rc;
}

void clr_lab_destroy(struct lab_experiment *e)
{
    if (!e)
        return;
    for (size_t i = 0; i < e->run_count; i++)
        free_options(&e->runs[i]);
    for (size_t i = 0; i < e->figure_count; i++)
        free(e->figures[i].title);
    free(e->runs);
    free(e->figures);
    free(e->about);
    free(e->file);
    free(e->text);
    free(e);
}

/* ------------------------------------------------------------------ folders */

int clr_lab_folder(char **out, const char *dir, const struct lab_run *run, int seed, struct clr_error *err)
{
    struct str path = {0};

    str_append(&path, "%s/%s-seed-%d", dir, run->name, seed);
    return str_take(out, &path, err);
}
