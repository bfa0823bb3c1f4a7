/*
 * clr-cl tune: the fastest kernels for a net on a device. And tune-worker, the process in which it measures,
 * which is no command for users: see clr/tune.h.
 */
#include "cli/common.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <clr/net.h>
#include <clr/tune.h>

#include "base/clock.h"
#include "base/json.h"
#include "cli/opt.h"

#define PACE       "a fraction of a second, or some seconds where it must be compiled"
#define PATIENCE_S 120 /* the first matrix product on a device compiles for up to 20 s */

static const struct opt_command command = {
    .name = "tune",
    .usage = "[--net NET] [--batch B] [--input CxHxW] [--device D] [--json] [--quiet]",
    .about =
        "Finds the fastest variant of every operator of a net on a device. Each variant is compared with a "
        "reference in double precision before it is timed; one that crashes, hangs or computes wrong results "
        "is noted and not tried again. What is faster than the program's own choice goes into a file, which "
        "training and evaluation read: $XDG_DATA_HOME/clr-cl/tuning, one file for each device, driver and "
        "version of the kernels. Where the kernels have not been compiled before, this takes some minutes "
        "on a CPU.",
    .examples = "  clr-cl tune\n"
                "  clr-cl tune --net full --device gpu --batch 256\n",
};

static const struct opt_command worker_command = {
    .name = "tune-worker",
    .usage = "[OPTION...]",
    .about = "What clr-cl tune starts to measure in. Not a command for users.",
};

struct tune_options {
    const char *device, *net;
    int batch;    /* 0: not given */
    int input[3]; /* channels, height, width; 0: not given */
    bool json, quiet;
    int first; /* of the worker */
};

static void add_options(struct tune_options *o, struct opt_set *set)
{
    const struct opt table[] = {
        OPT_ROW_NET(&o->net, 0),
        OPT_ROW_BATCH(&o->batch, 0),
        {OPT_SHAPE, "input", "CxHxW", o->input, .min = 1, .max = 65536,
         .help = "size of an image: channels, height, width (default: the size in the net)"},
        OPT_ROW_DEVICE(&o->device),
    };

    opt_add(set, "Options", table, MEM_COUNT(table));
}

/* The shape that was asked for, or else the net's own. */
static int image_shape(const struct tune_options *o, const struct clr_net_spec *spec,
                       struct clr_image_shape *out, struct clr_error *err)
{
    *out = clr_net_input(spec);
    if (o->input[0] > 0)
        *out = (struct clr_image_shape){o->input[0], o->input[1], o->input[2]};
    if (out->channels > 0)
        return 0;
    return clr_error_set(err, CLR_EUSAGE, "'%s' takes images of any size: give theirs with --input CxHxW",
                         o->net);
}

/* ---- the worker ---------------------------------------------------------------------------------------- */

static void print_line(void *user, const char *text)
{
    (void)user;
    printf("%s\n", text);
    (void)fflush(stdout);
}

static int work(const struct tune_options *o, struct clr_error *err)
{
    struct clr_tune_options tune = {.size = sizeof tune, .batch = o->batch, .first = o->first};
    struct clr_net_spec *spec = NULL;
    struct clr_device device;
    int rc;

    cli_set_quiet(true); /* the other process prints */
    rc = cli_net_load(&spec, o->net, &tune.batch, err);
    if (rc == 0)
        rc = image_shape(o, spec, &tune.input, err);
    if (rc == 0)
        rc = cli_device(&device, o->device, err);
    tune.net = spec;
    tune.device = &device;
    if (rc == 0)
        rc = clr_tune_work(&tune, print_line, NULL, err);
    clr_net_destroy(spec);
    return rc;
}

int cmd_tune_worker(int argc, char **argv, struct clr_error *err)
{
    struct tune_options o = {.net = "quick"};
    struct opt_set set = {0};
    int rc;
    const struct opt table[] = {
        {OPT_INT, "first", "N", &o.first, .help = "number of the operator to begin with (default: 0)"},
    };

    add_options(&o, &set);
    opt_add(&set, "Where to begin", table, MEM_COUNT(table));
    rc = opt_parse(&set, &worker_command, argc, argv, err);
    if (rc == 0)
        rc = work(&o, err);
    opt_clear(&set);
    if (rc < 0)
        clr_tune_fail(err, print_line, NULL); /* the process that started this one prints it */
    return 0;
}

/* ---- the command --------------------------------------------------------------------------------------- */

enum { KINDS = 32, FACTOR = 32, LEFT = CLI_ABOUT + 48 };
#define NOISY 0.3 /* an idle machine has 2 or 3 %, seldom 25 */

/* Variants of one algorithm that failed in one way: the first is reported at once, the others at the end. */
struct kind {
    char variant[64], why[16]; /* of the first */
    int count;
};

struct tune_report {
    char record[1024]; /* the file */
    struct clr_tune_event *results;
    size_t count, capacity;
    int faster, noisy, failures;
    double own_ms, ms;        /* of a training step, in passes whose own choice works */
    struct kind kinds[KINDS]; /* of failures; more than that are reported one by one */
    int kind_count;
    uint64_t begin_ns;
    int tried, last,
        before; /* variants: of this pass those that were tried, and all; of the passes before it */
    json_t *head, *failed;
};

/* "convolution forward" of "convolution forward, kernel 5x5, …" */
static int pass_length(const struct clr_tune_event *e)
{
    return (int)strcspn(e->operation, ",");
}

/* A pass that is measured again keeps what only its first result has. One that there is no memory for is
 * lost. */
static void keep_result(struct tune_report *r, const struct clr_tune_event *e)
{
    struct clr_tune_event *kept = r->results;

    while (kept < r->results + r->count &&
           (strcmp(kept->operation, e->operation) != 0 || strcmp(kept->shape, e->shape) != 0))
        kept++;
    if (kept < r->results + r->count) {
        str_copy(kept->variant, sizeof kept->variant, e->variant);
        kept->own_ms = e->own_ms;
        kept->ms = e->ms;
        kept->noise = fmax(kept->noise, e->noise);
        kept->faster = e->faster;
    } else if (mem_grow(&r->results, &r->capacity, r->count + 1, sizeof *r->results, "results", NULL) == 0) {
        r->results[r->count++] = *e;
    }
}

static json_t *results_json(const struct tune_report *r)
{
    json_t *list = json_array();

    for (const struct clr_tune_event *e = r->results; e < r->results + r->count; e++)
        list = json_append(
            list, json_pack("{s:s, s:s, s:s, s:i, s:s, s:o, s:s, s:o, s:o, s:b, s:i, s:i}", "layer", e->layer,
                            "operator", e->operation, "shape", e->shape, "uses", e->uses, "own", e->own,
                            "own_ms", e->own_ms > 0 ? json_real(e->own_ms) : json_null(), "variant",
                            e->variant, "ms", json_finite(e->ms), "noise", json_finite(e->noise), "faster",
                            e->faster, "tried", e->tried, "failed", e->failures));
    return list;
}

/* "forward" of "convolution forward, kernel 5x5, …": the layer says which operator it is. */
static const char *pass_name(const struct clr_tune_event *e)
{
    static const char *const names[] = {"forward", "data gradient", "weight gradient"};

    for (size_t i = 0; i < MEM_COUNT(names); i++)
        if (strstr(e->operation, names[i]))
            return names[i];
    return "";
}

/* "1.17×"; "": one of the two is not known. */
static const char *faster(char out[FACTOR], double own_ms, double ms)
{
    const double factor = own_ms > 0 && ms > 0 ? own_ms / ms : 0.0;

    out[0] = '\0';
    if (factor > 0)
        (void)snprintf(out, FACTOR, factor < 9.95 ? "%.2f×" : "%.0f×", factor);
    return out;
}

/* The variant has a line of its own: its name may be long. */
static void print_result(const struct clr_tune_event *e)
{
    char own[32] = "failed", ms[32] = "", factor[FACTOR] = "";

    if (e->own_ms > 0)
        (void)snprintf(own, sizeof own, "%.3f", e->own_ms);
    if (e->faster) {
        (void)snprintf(ms, sizeof ms, "%.3f", e->ms);
        (void)faster(factor, e->own_ms, e->ms);
    }
    printf("%-9s %-15s %-25s %7s %7s %*s %3.0f %%\n", e->layer, pass_name(e), e->shape, own, ms,
           factor[0] ? 7 : 6, factor, 100.0 * e->noise); /* × has two bytes */
    if (e->faster)
        printf("%-9s with %s\n", "", e->variant);
}

/* The results, and what those passes take of a training step: before, and after. */
static void print_table(const struct tune_report *r)
{
    char factor[FACTOR];

    if (r->count > 0)
        printf("%-9s %-15s %-25s %7s %7s %6s %5s\n", "LAYER", "PASS", "SHAPE", "OWN MS", "MS", "FASTER",
               "NOISE");
    for (size_t i = 0; i < r->count; i++)
        print_result(&r->results[i]);
    if (r->own_ms > 0)
        printf("%-9s %-41s %7.3f %7.3f %7s\n", "all above", "in one training step", r->own_ms, r->ms,
               faster(factor, r->own_ms, r->ms));
    (void)fflush(stdout);
}

static void sum_up(struct tune_report *r)
{
    for (const struct clr_tune_event *e = r->results; e < r->results + r->count; e++) {
        r->faster += e->faster;
        r->noisy += e->noise > NOISY;
        r->own_ms += e->own_ms > 0 ? e->uses * e->own_ms : 0.0;
        r->ms += e->own_ms > 0 ? e->uses * e->ms : 0.0;
    }
}

/* Of the algorithm of *e, which fails as *e does; NULL: there are too many. */
static struct kind *find_kind(struct tune_report *r, const struct clr_tune_event *e)
{
    struct kind *k = r->kinds;

    for (; k < r->kinds + r->kind_count; k++)
        if (str_same_word(k->variant, e->variant) && strcmp(k->why, e->why) == 0)
            return k;
    if (r->kind_count == KINDS)
        return NULL;
    r->kind_count++;
    str_copy(k->variant, sizeof k->variant, e->variant);
    str_copy(k->why, sizeof k->why, e->why);
    return k;
}

static const char *failed_how(const char *why)
{
    return strcmp(why, "wrong") == 0 ? "is wrong" : why;
}

static void report_failure(struct tune_report *r, const struct clr_tune_event *e)
{
    struct kind *k = find_kind(r, e);

    r->failures++;
    if (k && k->count++ > 0)
        return;
    cli_warn("%s, %.*s: the variant '%s' %s and will not be used%s%.*s", e->layer, pass_length(e),
             e->operation, e->variant, failed_how(e->why), *e->detail ? ": " : "",
             (int)strcspn(e->detail, "\n"), e->detail);
}

/* What was not reported one by one. */
static void report_kinds(const struct tune_report *r)
{
    for (int i = 0; i < r->kind_count; i++)
        if (r->kinds[i].count > 1)
            cli_warn("the variant '%.*s' %s %d times, counting passes and tiles; the list is in '%s'",
                     (int)str_word(r->kinds[i].variant), r->kinds[i].variant, failed_how(r->kinds[i].why),
                     r->kinds[i].count, r->record);
}

/* "; about 12 minutes left", by what the variants before took; "" where none was tried. */
static const char *time_left(char out[LEFT], const struct tune_report *r, int all)
{
    const double taken = (double)(clock_ns() - r->begin_ns) * 1e-9;
    char about[CLI_ABOUT];

    out[0] = '\0';
    if (r->before > 0)
        (void)snprintf(out, LEFT, "; %s left, more where kernels must be compiled",
                       cli_about(about, taken * (all - r->before) / r->before));
    return out;
}

static void report_item(struct tune_report *r, const struct clr_tune_event *e)
{
    char left[LEFT], variants[STR_COUNT];

    r->tried = 0;
    cli_note("%d of %d: %s, %.*s, %s: %s%s", e->item + 1, e->items, e->layer, pass_length(e), e->operation,
             e->shape, str_count(variants, (uint64_t)e->item_variants, "variant"),
             time_left(left, r, e->variants));
}

/* A variant is tried again and again, first to verify it, then to time it. */
static void report_try(struct tune_report *r, const struct clr_tune_event *e)
{
    char what[256];

    if (r->tried < e->item_variants)
        r->tried++;
    (void)snprintf(what, sizeof what, "%s, %.*s: %s", e->layer, pass_length(e), e->operation, e->variant);
    cli_progress_step(NULL, what, r->before + r->tried - 1, e->variants);
}

static void happened(void *user, const struct clr_tune_event *e)
{
    struct tune_report *r = user;
    char passes[STR_COUNT], variants[STR_COUNT];

    switch (e->what) {
    case CLR_TUNE_BEGINS:
        str_copy(r->record, sizeof r->record, e->record);
        cli_note("tuning for %s (driver %s): %s of operators, %s in all, each %s; record: %s", e->device,
                 e->driver, str_count(passes, (uint64_t)e->items, "pass"),
                 str_count(variants, (uint64_t)e->variants, "variant"), PACE, e->record);
        r->head = json_pack("{s:s, s:s, s:s}", "device", e->device, "driver", e->driver, "record", e->record);
        break;
    case CLR_TUNE_ITEM:
        r->before += r->last;
        r->last = e->item_variants;
        report_item(r, e);
        break;
    case CLR_TUNE_TRIES:
        report_try(r, e);
        break;
    case CLR_TUNE_FAILED:
        report_failure(r, e);
        r->failed = json_append(r->failed, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "layer", e->layer,
                                                     "operator", e->operation, "shape", e->shape, "variant",
                                                     e->variant, "why", e->why, "detail", e->detail));
        break;
    case CLR_TUNE_RESULT:
        keep_result(r, e);
        break;
    default:
        break;
    }
}

/* What to do with it: whole steps, measured with what was found. bench takes the net's own image size. */
static void report_next(const struct tune_options *o)
{
    struct str s = {0};

    str_append(&s, "clr-cl bench --net ");
    cli_quote(&s, o->net);
    if (o->batch > 0)
        str_append(&s, " --batch %d", o->batch);
    if (o->device) {
        str_append(&s, " --device ");
        cli_quote(&s, o->device);
    }
    if (o->input[0] > 0)
        cli_note("next: 'clr-cl train' and 'clr-cl eval' with this net and batch on this device use what was "
                 "found");
    else
        cli_note("next: '%s' measures whole training steps with what was found; train and eval use it, too",
                 str_text(&s));
    str_clear(&s);
}

static int finish(struct tune_report *r, const struct tune_options *o, double seconds, struct clr_error *err)
{
    char passes[STR_COUNT], variants[STR_COUNT];

    cli_note("a faster variant than the program's own choice was found for %d of %s; %s failed; %.0f s",
             r->faster, str_count(passes, r->count, "pass"),
             str_count(variants, (uint64_t)r->failures, "variant"), seconds);
    if (r->noisy > 0)
        cli_warn("in %d of %s the noise was above %.0f %%: the machine was busy; factors that were "
                 "found may be too large, and variants that are faster by less were not found; tune again on "
                 "an idle machine",
                 r->noisy, passes, 100 * NOISY);
    report_next(o);
    if (!o->json)
        return 0;
    if (!r->head)
        return clr_error_set(err, CLR_EFAILED, "nothing was measured");
    r->head = json_put(r->head, "seconds", json_real(seconds));
    r->head = json_put(r->head, "step_own_ms", json_real(r->own_ms));
    r->head = json_put(r->head, "step_ms", json_real(r->ms));
    r->head = json_put(r->head, "results", results_json(r));
    r->head = json_put(r->head, "failed", json_incref(r->failed));
    return cli_print_json(json_incref(r->head), err);
}

static int tune(const struct tune_options *o, struct clr_error *err)
{
    struct tune_report r = {.begin_ns = clock_ns(), .failed = json_array()};
    const char *worker[16] = {cli_program(), "tune-worker", "--net", o->net};
    char batch[16], input[48];
    size_t n = 4;
    int rc;

    (void)snprintf(batch, sizeof batch, "%d", o->batch);
    (void)snprintf(input, sizeof input, "%dx%dx%d", o->input[0], o->input[1], o->input[2]);
    if (o->batch > 0) {
        worker[n++] = "--batch";
        worker[n++] = batch;
    }
    if (o->input[0] > 0) {
        worker[n++] = "--input";
        worker[n++] = input;
    }
    if (o->device) {
        worker[n++] = "--device";
        worker[n++] = o->device;
    }
    worker[n++] = "--first";
    rc = clr_tune(worker, PATIENCE_S, cli_catch_signals(CLI_STOPPING("", "")), happened, &r, err);
    cli_progress_wipe();
    report_kinds(&r);
    sum_up(&r);
    if (!o->json)
        print_table(&r); /* also of a run that is stopped */
    if (rc == 0)
        rc = finish(&r, o, (double)(clock_ns() - r.begin_ns) * 1e-9, err);
    json_decref(r.head);
    free(r.results);
    json_decref(r.failed);
    return rc;
}

int cmd_tune(int argc, char **argv, struct clr_error *err)
{
    struct tune_options o = {.net = "quick"};
    struct opt_set set = {0};
    int rc;
    const struct opt table[] = {
        {OPT_FLAG, "json", NULL, &o.json, .help = "print the results as JSON"},
        OPT_ROW_QUIET(&o.quiet),
    };

    add_options(&o, &set);
    opt_add(&set, "Output", table, MEM_COUNT(table));
    rc = opt_parse(&set, &command, argc, argv, err);
    cli_set_quiet(o.quiet);
    if (rc == 0)
        rc = tune(&o, err);
    opt_clear(&set);
    return rc;
}
