/*
 * The measurement of one device: see clr/bench.h. In this order: what train does before it begins, so that
 * the variants that it would take are measured; whole steps and inference; starts with compiled kernels;
 * memory, before anything else inflates it; correctness; layers, in a context with profiling; the device's
 * limits; last the start that compiles everything.
 */
#include <clr/bench.h>

#include <math.h>
#include <time.h>

#include <clr/version.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/host.h"
#include "base/log.h"
#include "bench/checks.h"
#include "bench/measure.h"
#include "bench/peak.h"
#include "bench/rows.h"
#include "train/selfcheck.h"
#include "verify/random_data.h"

enum { PARTS = 9 };

/* Small, so that weights hardly move: times must not depend on how training goes. */
#define RATE     1e-6
#define MOMENTUM 0.9

struct bench {
    struct clr_bench_report *report;
    const struct clr_bench_options *o;
    struct clr_dataset *data;
    struct clr_train_options train;
    int part;               /* of PARTS, for progress */
    const char *what;       /* that part */
    bool verified;          /* what was timed was compared with the references */
    double start_s, step_s; /* what these take, as soon as it is known */
    struct session session; /* planned anew for each start, with the same records */
};

/* ------------------------------------------------------------------ what is run */

static int run_steps(void *user, int n, struct clr_error *err)
{
    struct session *s = user;
    struct session_update_result updates[SESSION_LOSSES];
    char done[STR_COUNT];
    int count = 0, rc = 0;

    for (int i = 0; i < n && rc == 0; i++)
        rc = session_update(s, RATE, MOMENTUM, err);
    if (rc == 0)
        rc = session_read_updates(s, updates, &count, err);
    if (rc == 0 && count > 0 && !isfinite(updates[count - 1].loss))
        rc = clr_error_set(err, CLR_EDIVERGED,
                           "the loss is not finite after %s on random images at rate %g: check %s "
                           "with 'clr-cl doctor'",
                           str_count(done, updates[count - 1].iteration, "iteration"), RATE,
                           s->o->device->name);
    return rc;
}

static int run_inference(void *user, int n, struct clr_error *err)
{
    double loss, accuracy;
    int rc = 0;

    for (int i = 0; i < n && rc == 0; i++)
        rc = session_evaluate(user, &loss, &accuracy, NULL, NULL, err);
    return rc;
}

static int plan(struct bench *b, struct clr_error *err)
{
    return b->session.replica.train.net ? session_plan_anew(&b->session, NULL, err)
                                        : session_plan(&b->session, &b->train, true, NULL, err);
}

/* Context, memory, kernels, and one training step to its end. */
static int start(struct bench *b, const struct ocl_options *options, double *seconds, struct clr_error *err)
{
    uint64_t begin;
    int rc = plan(b, err);

    if (rc < 0)
        return rc;
    b->session.replica.ocl = *options;
    begin = clock_ns();
    rc = session_start(&b->session, err);
    if (rc == 0)
        rc = run_steps(&b->session, 1, err);
    *seconds = (double)(clock_ns() - begin) * 1e-9;
    return rc;
}

/* The next part. seconds: how long it will take, 0 where that is not known. */
static int begin_part(struct bench *b, const char *what, double seconds, struct clr_error *err)
{
    b->part++;
    b->what = what;
    if (b->o->progress)
        b->o->progress(b->o->user, what, b->part, PARTS, seconds);
    return measure_step(b->o, 0, 1, err);
}

/* Has the driver's compiler worked in this process? What it took of memory does not come back. */
static void note_compiler(struct bench *b)
{
    if (ocl_build_statistics(b->session.replica.ctx).built > 0)
        b->report->peak_memory_compiler = true;
}

/* ------------------------------------------------------------------ what train does first */

struct replacing {
    struct clr_bench_report *report;
    size_t capacity;
    struct clr_error *err;
    int rc;
};

static void add_replaced(void *user, const char *label, const char *pass, const struct tunedb_entry *failure,
                         const char *by)
{
    struct replacing *to = user;
    struct clr_bench_report *r = to->report;
    struct clr_bench_replaced *new;

    for (size_t i = 0; i < r->replaced_count; i++) /* in training and in evaluation */
        if (strcmp(r->replaced[i].layer, label) == 0 && strcmp(r->replaced[i].pass, pass) == 0 &&
            strcmp(r->replaced[i].variant, failure->variant) == 0)
            return;
    if (to->rc == 0)
        to->rc = mem_grow(&r->replaced, &to->capacity, r->replaced_count + 1, sizeof *r->replaced,
                          "replaced variants", to->err);
    if (to->rc < 0)
        return;
    new = &r->replaced[r->replaced_count++];
    str_copy(new->layer, sizeof new->layer, label);
    str_copy(new->pass, sizeof new->pass, pass);
    str_copy(new->variant, sizeof new->variant, failure->variant);
    str_copy(new->by, sizeof new->by, by);
    str_copy(new->why, sizeof new->why, failure->why);
    new->worst_nmse = failure->nmse;
}

/* Has the pass a variant that `clr-cl tune` found, and that it would not have had without? */
static bool is_tuned(const struct graph *g, const struct graph_node *node, enum op_pass pass,
                     const struct clr_device *device)
{
    char text[TUNEDB_VARIANT], own[TUNEDB_VARIANT];
    struct op_desc desc = node->desc;

    if (node->origin[pass] != OP_ORIGIN_TUNED && node->origin[pass] != OP_ORIGIN_NEAREST)
        return false;
    desc.variant[pass] = (struct op_variant){{0}, {0}};
    return op_chosen(text, sizeof text, &node->desc, pass, device, g->block) &&
           op_chosen(own, sizeof own, &desc, pass, device, g->block) && strcmp(text, own) != 0;
}

/* Layers of the training net that run otherwise because of `clr-cl tune`. */
static void list_tuned(struct clr_bench_report *r, const struct graph *g, const struct clr_device *device)
{
    size_t n = 0;

    for (size_t i = 0; i < g->node_count; i++) {
        bool tuned = false;
        for (int pass = 0; pass < OP_PASS_COUNT; pass++)
            tuned = tuned || is_tuned(g, &g->nodes[i], (enum op_pass)pass, device);
        if (!tuned)
            continue;
        r->tuned_layers++;
        (void)snprintf(r->tuned + n, sizeof r->tuned - n, "%s%s", n > 0 ? ", " : "", g->nodes[i].desc.label);
        n = strlen(r->tuned);
    }
}

/* Variants that are wrong here are replaced, as train replaces them; where it refuses the device, the report
 * says so, and what there is is measured. */
static int check_device(struct bench *b, struct clr_error *err)
{
    const struct session *s = &b->session;
    struct replacing to = {.report = b->report, .err = err};
    struct clr_error why = {0};
    int rc = plan(b, err);

    if (rc < 0)
        return rc;
    rc = begin_part(b, "what train asks of a device before it begins, minutes on a slow one", 0.0, err);
    if (rc < 0)
        return rc;
    rc = selfcheck_start(&b->session, NULL, &why);
    if (rc == CLR_EFAILED) {
        str_copy(b->report->refused, sizeof b->report->refused, why.message);
        log_line(CLR_LOG_WARNING,
                 "'clr-cl train' refuses this device; the times that follow will not count: %s", why.message);
    } else if (rc < 0) {
        if (err)
            *err = why;
        return rc;
    }
    if (s->replica.ctx) {
        note_compiler(b);
        ocl_save_programs(s->replica.ctx, true);
    }
    rc = plan(b, err); /* fails where no variant of a layer is correct */
    if (rc == 0) {
        list_tuned(b->report, s->replica.train.graph, b->train.device);
        b->report->device_memory_bytes = replica_net_bytes(&s->replica) + params_bytes(&s->replica.params);
    }
    if (rc == 0)
        graph_replaced(s->replica.train.graph, s->replica.records, b->train.device, add_replaced, &to);
    if (rc == 0)
        graph_replaced(s->replica.test.graph, s->replica.records, b->train.device, add_replaced, &to);
    return rc < 0 ? rc : to.rc;
}

/* ------------------------------------------------------------------ measurements */

static int time_whole(struct bench *b, struct clr_error *err)
{
    const struct measure steps = {run_steps, &b->session, SESSION_LOSSES, 4.0, b->o},
                         inference = {run_inference, &b->session, 10000, 2.5, b->o};
    const uint64_t begin = clock_ns();
    int rc = run_steps(&b->session, 1, err);

    if (rc < 0)
        return rc;
    b->step_s = (double)(clock_ns() - begin) * 1e-9;
    rc = begin_part(b, "whole training steps", measure_estimate(&steps, b->step_s), err);
    if (rc == 0)
        rc = measure_run(&b->report->step_ms, &steps, err);
    if (rc == 0) /* forward alone; backward takes twice as long */
        rc = begin_part(b, "inference", measure_estimate(&inference, b->step_s / 3), err);
    if (rc == 0)
        rc = measure_run(&b->report->inference_ms, &inference, err);
    measure_scale(&b->report->step_ms, 1e3);
    measure_scale(&b->report->inference_ms, 1e3);
    return rc;
}

/* The first start: it fills the cache of compiled kernels where that is needed. */
static int whole_steps(struct bench *b, struct clr_error *err)
{
    const struct ocl_options options = {0};
    int rc = begin_part(b, "start", 0.0, err);

    if (rc == 0)
        rc = start(b, &options, &b->start_s, err);
    if (rc == 0)
        rc = time_whole(b, err);
    if (rc < 0)
        return rc;
    note_compiler(b);
    ocl_save_programs(b->session.replica.ctx, false);
    return 0;
}

static int warm_starts(struct bench *b, struct clr_error *err)
{
    const struct ocl_options options = {0};
    double seconds[MEASURE_LEAST] = {0.0};
    const int count = measure_least(b->step_s); /* the first start has compiled */
    int rc = begin_part(b, "starts with compiled kernels", count * b->start_s, err);

    for (int i = 0; i < count && rc == 0; i++) {
        rc = measure_step(b->o, i, count, err);
        if (rc == 0)
            rc = start(b, &options, &seconds[i], err);
        if (rc == 0)
            note_compiler(b); /* the cache cannot be written */
    }
    if (rc == 0)
        measure_spread(&b->report->warm_start_s, seconds, count);
    return rc;
}

/* Verdicts, layers and limits share a session: verdicts need the variants that were timed. They come first:
 * what is measured after them can be stopped, and the rest counts. */
static int inspect(struct bench *b, struct clr_error *err)
{
    const struct ocl_options options = {.profile = true};
    struct ocl_context *ctx = NULL;
    double ignored;
    int rc = begin_part(b, "correctness of what was timed", 0.0, err);

    if (rc == 0)
        rc = start(b, &options, &ignored, err);
    if (rc == 0)
        rc = ocl_context_create(&ctx, b->train.device, NULL, err);
    if (rc == 0)
        rc = checks_run(b->report, &b->session, ctx, b->o, err);
    b->verified = rc == 0;
    if (rc == 0)
        rc = begin_part(b, "layers and passes", rows_estimate(b->step_s), err);
    if (rc == 0)
        rc = rows_measure(b->report, &b->session, b->step_s, run_steps, b->o, err);
    if (rc == 0)
        rc = peak_note_fewer(b->report, err);
    if (rc == 0)
        rc = begin_part(b, "the device's limits", 0.0, err);
    if (rc == 0)
        rc = limits_measure(b->report, ctx, b->o, err);
    if (ctx)
        ocl_save_programs(ctx, true);
    ocl_context_destroy(ctx);
    return rc;
}

/* Nothing compiled, neither here nor in the driver: the time goes into every program's options. */
static int first_start(struct bench *b, struct clr_error *err)
{
    const struct ocl_options options = {.no_cache = true, .salt = (uint64_t)time(NULL)};
    double seconds;
    int rc = begin_part(b, "first start: compiling all kernels", 0.0, err);

    if (rc == 0)
        rc = start(b, &options, &seconds, err);
    if (rc == 0)
        rc = measure_step(b->o, 0, 1, err); /* stopped meanwhile: the last part is missing */
    if (rc < 0)
        return rc;
    measure_spread(&b->report->first_start_s, &seconds, 1);
    b->report->programs_compiled = ocl_build_statistics(b->session.replica.ctx).built;
    return 0;
}

/* ------------------------------------------------------------------ the report's head */

static void describe(struct clr_bench_report *r, const struct clr_device *d,
                     const struct clr_bench_options *o)
{
    clock_utc(r->created, sizeof r->created);
    str_copy(r->program, sizeof r->program, CLR_VERSION);
    str_copy(r->git_id, sizeof r->git_id, clr_git_id());
#ifdef __VERSION__
    str_copy(r->compiler, sizeof r->compiler, __VERSION__);
#endif
    str_copy(r->kernel_options, sizeof r->kernel_options, PROGRAM_STANDARD);
    host_cpu(r->host_cpu, sizeof r->host_cpu);
    host_os(r->host_os, sizeof r->host_os);
    str_copy(r->net, sizeof r->net, fs_last_part(o->net_name)); /* reports are shared: no folders */
    str_mask_name(r->net);
    fs_sha256(o->net->text, strlen(o->net->text), r->net_sha256);
    r->batch = o->batch;
    (void)snprintf(r->data, sizeof r->data, "random bytes and labels from seed %d", RANDOM_DATA_SEED);
    str_copy(r->device, sizeof r->device, d->name);
    str_copy(r->type, sizeof r->type, clr_device_type_name(d->type));
    str_copy(r->vendor, sizeof r->vendor, d->vendor);
    str_copy(r->device_version, sizeof r->device_version, d->version);
    str_copy(r->driver, sizeof r->driver, d->driver);
    str_copy(r->platform, sizeof r->platform, d->platform_name);
    str_copy(r->platform_version, sizeof r->platform_version, d->platform_version);
    r->compute_units = d->compute_units;
    r->clock_mhz = d->clock_mhz;
    r->float_width = d->native_float_width;
}

static int count_classes(int *out, const struct clr_bench_options *o, struct clr_image_shape input,
                         struct clr_error *err)
{
    struct graph *g = NULL;
    int rc = graph_create(&g, o->net, PHASE_TRAIN, input, o->batch, err);

    if (rc < 0)
        return rc;
    *out = g->values[g->logits].shape.c;
    graph_destroy(g);
    return 0;
}

static int prepare(struct bench *b, const struct clr_device *device, struct clr_error *err)
{
    const struct clr_image_shape input = clr_net_input(b->o->net);
    int classes, rc;

    if (input.channels < 1)
        return clr_error_set(err, CLR_EINPUT,
                             "'%s' does not have the size of its images: give its Data layer an 'input_param "
                             "{ shape { dim: N dim: C dim: H dim: W } }'",
                             b->o->net_name);
    rc = count_classes(&classes, b->o, input, err);
    if (rc == 0)
        rc = random_data_create(&b->data, input, classes, b->o->batch, err);
    if (rc < 0)
        return rc;
    describe(b->report, device, b->o);
    b->report->input = input;
    clr_train_options_init(&b->train, sizeof b->train);
    b->train.net = b->o->net;
    b->train.net_name = b->o->net_name;
    b->train.data = b->data;
    b->train.data_name = b->data->name;
    b->train.device = device;
    b->train.schedule.policy = CLR_POLICY_FIXED;
    b->train.schedule.lr = RATE;
    b->train.schedule.momentum = MOMENTUM;
    b->train.iterations = 1;
    b->train.batch = b->o->batch;
    b->train.seed = RANDOM_DATA_SEED;
    b->train.stop = b->o->stop;
    return 0;
}

int clr_bench_run(struct clr_bench_report *out, const struct clr_device *device,
                  const struct clr_bench_options *options, struct clr_error *err)
{
    struct clr_bench_report report = {0};
    struct bench b = {.report = &report, .o = options};
    int rc = mem_check_struct(options, sizeof *options, "clr_bench_options", err);

    if (rc == 0)
        rc = mem_check_given(device, "device", err);
    if (rc == 0)
        rc = mem_check_given(options->net, "net", err);
    if (rc == 0)
        rc = mem_check_given(options->net_name, "net_name", err);
    if (rc < 0)
        return rc;
    rc = prepare(&b, device, err);
    if (rc == 0)
        rc = check_device(&b, err);
    if (rc == 0)
        rc = whole_steps(&b, err);
    if (rc == 0)
        rc = warm_starts(&b, err);
    report.peak_memory_bytes = host_peak_resident_bytes();
    if (rc == 0)
        rc = inspect(&b, err);
    if (rc == 0)
        rc = first_start(&b, err);
    /* Also in the last part. And LLVM deletes its files on a signal: its compiler fails then. */
    if (options->stop && *options->stop && rc != CLR_EINTERRUPTED)
        rc = clr_error_set(err, CLR_EINTERRUPTED, "stopped before the device was measured to the end");
    session_clear(&b.session);
    clr_dataset_destroy(b.data);
    if (rc == CLR_EINTERRUPTED && b.verified)
        str_copy(report.stopped, sizeof report.stopped, b.what);
    if (rc == 0 || report.stopped[0])
        *out = report;
    else
        clr_bench_clear(&report);
    return rc;
}

void clr_bench_clear(struct clr_bench_report *report)
{
    if (!report)
        return;
    free(report->rows);
    free(report->checks);
    free(report->replaced);
    memset(report, 0, sizeof *report);
}

void clr_bench_destroy(struct clr_bench_report *reports, size_t count)
{
    for (size_t i = 0; reports && i < count; i++)
        clr_bench_clear(&reports[i]);
    free(reports);
}
