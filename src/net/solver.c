/* Caffe's solver files: see solver.h. */
#include <clr/solver.h>

#include <clr/schedule.h>

#include <float.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "net/prototxt.h"
#include "net/solver_net.h"
#include "net/spec.h"
#include "ops/optimizer.h"
#include "sched/policies.h"

#define MOST_BETWEEN 1000000000 /* iterations between two checkpoints, or two rows of a table */

struct solver_reading {
    struct pt_reader r;
    struct solver *out;
    const struct clr_solver_use *use;
    const struct optimizer_class *optimizer; /* of `type` */
    struct clr_schedule schedule;            /* as far as the file has it */
    int max_iter;                            /* 0: the file has none */
    const char *path;
    struct clr_error *err;
};

/* What a message points to: the field, where there is one. */
static const struct pt_field *place_of(struct solver_reading *in, const char *name)
{
    struct pt_field *f = NULL;

    return pt_next(&in->r, name, &f) ? f : in->r.message;
}

static bool is_given(const struct solver_reading *in, const char *option)
{
    return in->use->given(in->use->user, option);
}

/* ------------------------------------------------------------------ options */

/* What is wrong in the file are problems of in->r.doc; only what stops the reading is in in->r.rc. */
static void put(struct solver_reading *in, const char *name, const char *value)
{
    struct solver *s = in->out;

    if (in->r.rc < 0)
        return;
    if (s->count == SOLVER_MAX_OPTIONS) {
        in->r.rc = clr_error_set(in->err, CLR_EINPUT, "%s: more options than there can be", in->path);
        return;
    }
    s->options[s->count].name = name;
    in->r.rc = str_duplicate(&s->options[s->count++].value, value, in->err);
}

/* Is it an option that a range test, which this is for, has not, or not from a field alone? */
static bool is_left_out(const struct solver_reading *in, const char *name)
{
    static const char *const names[] = {"policy",
                                        "lr",
                                        "min-lr",
                                        "max-lr",
                                        "gamma",
                                        "power",
                                        "step-size",
                                        "milestones",
                                        "iterations",
                                        "cycle-momentum",
                                        "cycle-momentum-step",
                                        "log-every",
                                        NULL};

    return in->use->sweep && str_index(name, names) >= 0;
}

static void add(struct solver_reading *in, const char *name, const char *value)
{
    if (!is_left_out(in, name))
        put(in, name, value);
}

static void put_real(struct solver_reading *in, const char *name, double value)
{
    char text[40];

    (void)snprintf(text, sizeof text, "%.17g", value);
    put(in, name, text);
}

static void add_real(struct solver_reading *in, const char *name, double value)
{
    if (!is_left_out(in, name))
        put_real(in, name, value);
}

static void add_count(struct solver_reading *in, const char *name, int value)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%d", value);
    add(in, name, text);
}

/* An optional number, which float32 has, too: 1 it is given, 0 it is not, or is wrong. */
static int get_real(struct solver_reading *in, const char *field, double least, double most, double *out)
{
    double value;

    if (pt_double(&in->r, field, least, most, &value, in->err) <= 0)
        return 0;
    if (!str_fits_float(value)) {
        (void)pt_error(in->r.doc, place_of(in, field), in->err,
                       "'%s' is %g, which is 0 in float32, the numbers of the training", field, value);
        return 0;
    }
    *out = value;
    return 1;
}

/* An optional number as an option, and to *out. */
static void take_real(struct solver_reading *in, const char *field, double least, double most,
                      const char *option, double *out)
{
    if (get_real(in, field, least, most, out) > 0)
        add_real(in, option, *out);
}

/* 0: it is not there. */
static int take_count(struct solver_reading *in, const char *field, int least, int most, const char *option)
{
    int value;
    const int given = pt_int(&in->r, field, least, most, &value, in->err);

    if (given > 0)
        add_count(in, option, value);
    return given;
}

/* ------------------------------------------------------------------ the learning rate */

static void read_stepvalues(struct solver_reading *in)
{
    struct clr_schedule *s = &in->schedule;
    struct pt_field *f = NULL;
    struct str list = {0};
    int value;

    while (in->r.rc == 0 && pt_next(&in->r, "stepvalue", &f)) {
        if (pt_value_int(in->r.doc, f, 1, INT_MAX, &value, in->err) < 0)
            continue;
        if (s->milestone_count < CLR_MAX_MILESTONES)
            s->milestones[s->milestone_count] = (uint64_t)value;
        s->milestone_count++;
        str_append(&list, "%s%d", list.length > 0 ? "," : "", value);
    }
    if (in->r.rc == 0)
        in->r.rc = str_check(&list, in->err);
    if (list.length > 0)
        add(in, "milestones", str_text(&list));
    str_clear(&list);
}

/* The policy's name in solver files; NULL: they have none like it. */
static const char *caffe_policy(enum clr_policy policy)
{
    const struct policy *p = policy_of(policy);

    return !(p->reads & IS_CAFFES) ? NULL : p->caffe ? p->caffe : p->name;
}

static bool find_policy(enum clr_policy *out, const char *name)
{
    for (int i = 0; clr_schedule_policies()[i]; i++) {
        const char *caffe = caffe_policy((enum clr_policy)i);
        if (caffe && strcmp(caffe, name) == 0) {
            *out = (enum clr_policy)i;
            return true;
        }
    }
    return false;
}

static void unknown_policy(struct solver_reading *in, const char *policy)
{
    struct str list = {0};

    for (int i = 0; clr_schedule_policies()[i]; i++)
        if (caffe_policy((enum clr_policy)i))
            str_append(&list, "%s%s", list.length > 0 ? ", " : "", caffe_policy((enum clr_policy)i));
    (void)pt_error(in->r.doc, place_of(in, "lr_policy"), in->err, "'lr_policy' is '%.60s'; it takes %s",
                   policy, str_text(&list));
    str_clear(&list);
}

static void read_rate(struct solver_reading *in)
{
    struct clr_schedule *s = &in->schedule;
    const char *name = "";
    int given = pt_text(&in->r, "lr_policy", &name, in->err), step = 0;
    bool lowest;

    if (given == 0)
        (void)pt_error(in->r.doc, in->r.message, in->err, "'lr_policy' is missing");
    else if (given > 0 && !find_policy(&s->policy, name))
        unknown_policy(in, name);
    lowest = clr_schedule_reads(s->policy, "min_lr");
    add(in, "policy", clr_schedule_policy_name(s->policy));
    take_real(in, "base_lr", 0.0, 1e6, lowest ? "min-lr" : "lr", lowest ? &s->min_lr : &s->lr);
    take_real(in, "max_lr", 0.0, 1e6, "max-lr", &s->max_lr);
    take_real(in, "gamma", -1e6, 1e6, "gamma", &s->gamma);
    take_real(in, "power", 0.0, 100.0, "power", &s->power);
    if (pt_int(&in->r, "stepsize", 1, INT_MAX, &step, in->err) > 0)
        add_count(in, "step-size", step);
    s->step_size = (uint64_t)step;
    read_stepvalues(in);
}

/* What clr_schedule_check() says of the file's schedule, with the file's own names. */
static void refuse_schedule(struct solver_reading *in, const char *why)
{
    static const char *const others[][2] = {{"`lr`", "base_lr"},
                                            {"`min_lr`", "base_lr"},
                                            {"`step_size`", "stepsize"},
                                            {"`milestones`", "stepvalue"},
                                            {"`cycle_momentum_low`", "cyclical_momentum"},
                                            {"`cycle_momentum_step`", "cyclical_momentum"}};
    struct pt_field *at = NULL; /* the first that the file has */
    struct str text = {0};

    for (const char *open, *end; (open = strchr(why, '`')) && (end = strchr(open + 1, '`')); why = end + 1) {
        const size_t length = (size_t)(end - open) + 1;
        char field[32] = "";
        str_copy(field, length - 1 < sizeof field ? length - 1 : sizeof field, open + 1);
        for (size_t i = 0; i < MEM_COUNT(others); i++)
            if (strlen(others[i][0]) == length && strncmp(others[i][0], open, length) == 0)
                str_copy(field, sizeof field, others[i][1]);
        if (!at)
            (void)pt_refused(&in->r, field, &at);
        str_append(&text, "%.*s'%s'", (int)(open - why), why, field);
    }
    str_append(&text, "%s", why);
    (void)pt_error(in->r.doc, at ? at : place_of(in, "lr_policy"), in->err, "%s", str_text(&text));
    str_clear(&text);
}

/* Where another option changes the schedule, it is checked with that. */
static void check_schedule(struct solver_reading *in)
{
    static const char *const options[] = {"policy",   "lr",        "min-lr",         "max-lr",
                                          "gamma",    "power",     "step-size",      "milestones",
                                          "momentum", "optimizer", "cycle-momentum", "cycle-momentum-step"};
    struct clr_error why;

    for (size_t i = 0; i < MEM_COUNT(options); i++)
        if (is_given(in, options[i]))
            return;
    in->schedule.iterations = 1; /* max_iter, or another option */
    if (in->r.rc == 0 && in->r.doc->problem_count == 0 && clr_schedule_check(&in->schedule, &why) < 0)
        refuse_schedule(in, why.message);
}

/* ------------------------------------------------------------------ the update */

/* The old enum of types, as the names of today. */
static const char *read_old_type(struct solver_reading *in)
{
    static const char *const old[] = {"SGD", "NESTEROV", "ADAGRAD", "RMSPROP", "ADADELTA", "ADAM", NULL};
    static const char *const now[] = {"SGD", "Nesterov", "AdaGrad", "RMSProp", "AdaDelta", "Adam"};
    static const int numbers[] = {0, 1, 2, 3, 4, 5};
    int type;

    return pt_enum(&in->r, "solver_type", old, numbers, &type, in->err) > 0 ? now[type] : NULL;
}

static void read_type(struct solver_reading *in)
{
    const char *type = "SGD", *old = read_old_type(in), *field = old ? "solver_type" : "type";
    struct str list = {0};

    if (pt_text(&in->r, "type", &type, in->err) != 0 && old)
        (void)pt_error(in->r.doc, place_of(in, "solver_type"), in->err,
                       "give 'type' or 'solver_type', not both");
    else if (old)
        type = old;
    in->optimizer = NULL;
    for (int i = 0; clr_optimizer_names()[i]; i++) {
        const struct optimizer_class *class = optimizer_class((enum clr_optimizer)i);
        if (!class->caffe)
            continue;
        if (strcmp(class->caffe, type) == 0)
            in->optimizer = class;
        str_append(&list, "%s%s", list.length > 0 ? ", " : "", class->caffe);
    }
    if (!in->optimizer) {
        (void)pt_error(in->r.doc, place_of(in, field), in->err, "'%s' is '%.60s'; it takes %s", field, type,
                       str_text(&list));
        in->optimizer = optimizer_class(CLR_OPTIMIZER_SGD);
    }
    add(in, "optimizer", in->optimizer->name);
    str_clear(&list);
}

static void read_regularization(struct solver_reading *in)
{
    static const char *const types[] = {"L2", "L1", NULL}; /* clr_train_options.l1 */
    const char *type = "L2";
    int l1;

    pt_text(&in->r, "regularization_type", &type, in->err);
    l1 = str_index(type, types);
    if (l1 < 0)
        (void)pt_error(in->r.doc, place_of(in, "regularization_type"), in->err,
                       "'regularization_type' is '%.60s'; it takes \"L1\" or \"L2\"", type);
    add(in, "regularization", clr_regularization_names()[l1 > 0]);
}

static void read_cycle(struct solver_reading *in)
{
    struct clr_schedule *s = &in->schedule;
    double values[2], step;
    char text[64];
    int count = 0;

    if (pt_doubles(&in->r, "cyclical_momentum", 0.0, INT_MAX, values, 2, &count, in->err) < 0 || count == 0)
        return;
    step = count > 1 ? values[1] : 0.0;
    if (in->optimizer->momentum != OPTIMIZER_MOMENTUM) {
        (void)pt_error(in->r.doc, place_of(in, "cyclical_momentum"), in->err,
                       "'cyclical_momentum': type \"%s\" takes no momentum", in->optimizer->caffe);
        return;
    }
    if (!(step >= 1.0) || floor(step) < step || values[0] > s->momentum || values[0] >= 1.0) {
        (void)pt_error(
            in->r.doc, place_of(in, "cyclical_momentum"), in->err,
            "'cyclical_momentum' is given twice: the lowest momentum, at most 'momentum' (%g), and the "
            "iterations in which it is reached",
            s->momentum);
        return;
    }
    s->cycle_momentum_low = values[0];
    s->cycle_momentum_high = s->momentum;
    s->cycle_momentum_step = (uint64_t)step;
    if (is_given(in, "momentum"))
        return;
    (void)snprintf(text, sizeof text, "%.17g:%.17g", values[0], s->momentum);
    add(in, "cycle-momentum", text);
    add_count(in, "cycle-momentum-step", (int)step);
}

/* An optional number below 1 for which the optimizer has its usual one. */
static void take_momentum2(struct solver_reading *in, const char *field)
{
    double value = 0.0;

    take_real(in, field, 0.0, 1.0, "momentum2", &value);
    if (value >= 1.0)
        (void)pt_error(in->r.doc, place_of(in, field), in->err, "'%s' is %g: it must be below 1", field,
                       value);
}

static void take_delta(struct solver_reading *in)
{
    double value = 1.0;

    take_real(in, "delta", 0.0, 1.0, "epsilon", &value);
    if (!(value > 0.0))
        (void)pt_error(in->r.doc, place_of(in, "delta"), in->err, "'delta' is 0: it must be above 0");
}

static void read_momentum(struct solver_reading *in)
{
    const char *const momentum2 = in->optimizer->momentum2;
    double momentum = 0.0;

    (void)get_real(in, "momentum", 0.0, 1.0, &momentum);
    if (momentum >= 1.0)
        (void)pt_error(in->r.doc, place_of(in, "momentum"), in->err, "'momentum' is %g: it must be below 1",
                       momentum);
    if (momentum2 && strcmp(momentum2, "momentum") == 0) {
        add_real(in, "momentum2", momentum);
        momentum = 0.0;
    } else if (momentum > 0.0 && in->optimizer->momentum != OPTIMIZER_MOMENTUM &&
               !is_given(in, "optimizer")) {
        (void)pt_error(in->r.doc, place_of(in, "momentum"), in->err,
                       "'momentum' is %g: type \"%s\" takes none, in Caffe either; remove it", momentum,
                       in->optimizer->caffe);
    }
    add_real(in, "momentum", momentum);
    in->schedule.momentum = momentum;
    read_cycle(in);
}

/* Below 0: gradients are not clipped. */
static void read_clip(struct solver_reading *in)
{
    double norm;

    if (get_real(in, "clip_gradients", -FLT_MAX, FLT_MAX, &norm) == 0 || norm < 0.0)
        return;
    if (!(norm > 0.0))
        (void)pt_error(in->r.doc, place_of(in, "clip_gradients"), in->err,
                       "'clip_gradients' is 0, which makes all gradients 0; omit it, or give a norm above 0");
    add_real(in, "clip-gradients", norm);
}

static void read_update(struct solver_reading *in)
{
    double decay = 0.0;

    read_type(in);
    add(in, "momentum-convention", clr_momentum_convention_names()[CLR_MOMENTUM_CAFFE]);
    read_momentum(in);
    (void)get_real(in, "weight_decay", 0.0, 1000.0, &decay);
    add_real(in, "weight-decay", decay);
    read_regularization(in);
    read_clip(in);
    if (in->optimizer->momentum2 && strcmp(in->optimizer->momentum2, "momentum") != 0)
        take_momentum2(in, in->optimizer->momentum2);
    if (in->optimizer->epsilon)
        take_delta(in);
}

/* ------------------------------------------------------------------ the net */

/* Another net is given, whatever these fields say. */
static void skip_nets(struct solver_reading *in)
{
    static const char *const states[] = {"train_state", "test_state"};

    solver_nets_skip(&in->r);
    for (size_t i = 0; i < MEM_COUNT(states); i++)
        for (struct pt_field *f = NULL; pt_next(&in->r, states[i], &f);)
            log_line(CLR_LOG_INFO, "%s:%d: '%s' has no effect here: --net is given", in->path, f->line,
                     states[i]);
}

/* The file of the net; or the solver's, which takes its place where it has more than one file's name. */
static void add_net(struct solver_reading *in, const struct solver_nets *nets)
{
    struct str path = {0};

    str_append(&path, "%s%s", fs_is_path(in->path) ? "" : "./", in->path);
    in->r.rc = str_check(&path, in->err);
    add(in, "net", solver_nets_plain(nets) ? nets->path[0] : str_text(&path));
    str_clear(&path);
}

static void read_net(struct solver_reading *in, bool wanted)
{
    struct solver_nets nets;
    int rc;

    if (!wanted) {
        skip_nets(in);
        return;
    }
    rc = solver_nets_find(&nets, &in->r, true, in->err);
    if (rc == 0)
        add_net(in, &nets);
    else if (rc != CLR_EINPUT)
        in->r.rc = rc;
    solver_nets_clear(&nets);
}

/* ------------------------------------------------------------------ range tests */

/* The first rise of the rates. A rate of 0 changes nothing: the test begins with the one after it. */
static void add_sweep(struct solver_reading *in)
{
    const struct clr_schedule *s = &in->schedule;
    const unsigned rises = NEEDS_BOUNDS | NEEDS_STEP | IS_STRAIGHT;
    const int step = (int)s->step_size,
              iterations = in->max_iter > 0 && in->max_iter < step ? in->max_iter : step;
    double first, last;

    if (in->r.rc < 0 || in->r.doc->problem_count > 0 ||
        (is_given(in, "min-lr") && is_given(in, "max-lr") && is_given(in, "iterations")))
        return;
    if ((policy_of(s->policy)->reads & rises) != rises) {
        (void)pt_error(
            in->r.doc, place_of(in, "lr_policy"), in->err,
            "'lr_policy' is '%s', which has no rise to test; a range test takes \"triangular\", or its own "
            "--min-lr, --max-lr and --iterations",
            caffe_policy(s->policy));
        return;
    }
    first = s->min_lr > 0.0 ? s->min_lr : clr_schedule_lr(s, 1);
    last = clr_schedule_lr(s, (uint64_t)iterations);
    if (!(first < last)) {
        (void)pt_error(in->r.doc, place_of(in, "max_lr"), in->err,
                       "the rates do not rise from %g on: there is no range to test", first);
        return;
    }
    put_real(in, "min-lr", first);
    put_real(in, "max-lr", last);
    put_real(in, "iterations", iterations);
}

/* Half a cycle from 0 up is no training that anyone wants the result of. */
static void note_range_test(const struct solver_reading *in)
{
    const struct clr_schedule *s = &in->schedule;

    if (s->policy == CLR_POLICY_TRIANGULAR && fpclassify(s->min_lr) == FP_ZERO && in->max_iter > 0 &&
        (uint64_t)in->max_iter <= s->step_size && !is_given(in, "policy"))
        log_line(
            CLR_LOG_INFO,
            "%s is a range test: 'clr-cl range-test' takes it by --solver, too, and reads bounds from it",
            in->path);
}

/* ------------------------------------------------------------------ the rest */

static void read_lengths(struct solver_reading *in)
{
    struct pt_field *f = NULL;
    int seed, every, batches, given;

    given = pt_int(&in->r, "max_iter", 1, INT_MAX, &in->max_iter, in->err);
    if (given > 0)
        add_count(in, "iterations", in->max_iter);
    else if (given == 0 && !in->use->sweep && !is_given(in, "iterations") && !is_given(in, "cycles") &&
             !is_given(in, "resume"))
        (void)pt_error(in->r.doc, in->r.message, in->err, "'max_iter' is missing");
    (void)take_count(in, "test_interval", 0, INT_MAX, "validate-every");
    (void)take_count(in, "snapshot", 0, MOST_BETWEEN, "checkpoint-every");
    if (pt_int(&in->r, "display", 0, MOST_BETWEEN, &every, in->err) > 0 && every > 0)
        add_count(in, "log-every", every); /* 0: never; here as often as by default */
    if (pt_int(&in->r, "random_seed", -1, INT_MAX, &seed, in->err) > 0 && seed >= 0)
        add_count(in, "seed", seed);
    while (in->r.rc == 0 && pt_next(&in->r, "test_iter", &f))
        (void)pt_value_int(in->r.doc, f, 0, INT_MAX, &batches, in->err);
    add(in, "order", clr_order_names()[CLR_ORDER_SEQUENTIAL]);
}

/* Has it an effect on this optimizer? Then it was read already. */
static bool is_used(const struct solver_reading *in, const char *field)
{
    const char *momentum2 = in->optimizer->momentum2;

    if (strcmp(field, "cyclical_momentum") == 0 || strcmp(field, "display") == 0)
        return !in->use->sweep;
    return strcmp(field, "delta") == 0 ? in->optimizer->epsilon : momentum2 && strcmp(field, momentum2) == 0;
}

/* What Caffe does by these is not done here, or done anyway. */
static void skip_unused(struct solver_reading *in)
{
    static const char *const fields[] = {"test_iter",           "solver_mode",
                                         "snapshot_format",     "snapshot_prefix",
                                         "average_loss",        "rms_decay",
                                         "device_id",           "debug_info",
                                         "test_initialization", "snapshot_after_train",
                                         "momentum2",           "delta",
                                         "cyclical_momentum",   "display",
                                         "test_compute_loss",   "snapshot_diff",
                                         "layer_wise_reduce"};
    struct str list = {0};

    for (size_t i = 0; i < MEM_COUNT(fields); i++) {
        struct pt_field *f = NULL;
        bool given = false;
        while (pt_next(&in->r, fields[i], &f))
            given = true;
        if (given && !is_used(in, fields[i]))
            str_append(&list, "%s%s", list.length > 0 ? ", " : "", fields[i]);
    }
    if (list.length > 0 && !list.failed)
        log_line(CLR_LOG_INFO, "%s: without effect here: %s", in->path, list.text);
    str_clear(&list);
}

int clr_solver_read(struct solver *out, const char *path, const struct clr_solver_use *use,
                    struct clr_error *err)
{
    static const char *const unsupported[] = {"iter_size",     "share_blobs",  "weights",
                                              "base_momentum", "max_momentum", NULL};
    struct solver_reading in = {.out = out, .path = path, .use = use, .err = err};
    struct prototxt doc = {0};
    char *text = NULL;
    size_t size = 0;
    int rc;

    memset(out, 0, sizeof *out);
    rc = fs_read(path, PT_LIMIT_BYTES, &text, &size, err);
    if (rc == 0)
        rc = prototxt_parse(&doc, path, text, size, err);
    free(text);
    if (rc < 0)
        return rc;
    pt_open(&in.r, &doc, NULL);
    clr_schedule_init(&in.schedule, sizeof in.schedule);
    read_net(&in, !is_given(&in, "net"));
    read_rate(&in);
    read_update(&in);
    read_lengths(&in);
    check_schedule(&in);
    if (use->sweep)
        add_sweep(&in);
    else
        note_range_test(&in);
    if (in.r.rc == 0)
        skip_unused(&in);
    rc = pt_finish(&doc, pt_close(&in.r, unsupported, err), err);
    prototxt_clear(&doc);
    return rc;
}

void clr_solver_clear(struct solver *s)
{
    for (size_t i = 0; i < s->count; i++)
        free(s->options[i].value);
    *s = (struct solver){.count = 0};
}
