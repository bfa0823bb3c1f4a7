/*
 * Runs that are stopped and resumed: the same bytes as undisturbed ones, from any iteration; what is refused,
 * and what happens with a damaged or missing checkpoint. CLR_TEST_DEVICE chooses the device.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runs.h"

#include "base/log.h"
#include "net/spec.h"

static volatile int stop_now;
static uint64_t stop_after_this; /* the update after this one is the last */

static void stop_there(void *user, const struct clr_progress *p)
{
    (void)user;
    if (!p->evaluating && p->iteration >= stop_after_this)
        stop_now = 1;
}

/*
 * Losses are read, and progress is reported, at every checkpoint: so a run stops after `done` iterations.
 * Before its first update a resumed run reports only an evaluation after `done` that was not made yet.
 */
static void stop_after(struct clr_train_options *o, uint64_t iteration, uint64_t done)
{
    const bool due = done == 1 || (done > 0 && o->validate_every > 0 && done % o->validate_every == 0);

    stop_now = iteration == done + 1 && !due;
    stop_after_this = iteration - 1;
    o->stop = &stop_now;
    o->progress = stop_there;
    o->checkpoint_every = 1;
}

static void check_same(const char *a, const char *b, const char *history)
{
    ck_assert_msg(equal_files(a, b, history), "%s differs between %s and %s", history, a, b);
    ck_assert_msg(equal_files(a, b, "loss.csv"), "loss.csv differs between %s and %s", a, b);
    if (strcmp(history, "history.csv") == 0)
        ck_assert_msg(equal_files(a, b, "final.safetensors"), "weights differ between %s and %s", a, b);
}

static void must_stop(const struct clr_train_options *o, uint64_t at)
{
    char name[64];
    struct clr_train_result r;
    struct clr_error err;

    ck_assert_int_eq(clr_train(o, &r, &err), CLR_EINTERRUPTED);
    ck_assert_uint_eq(r.iterations, at);
    free(r.profile);
    (void)snprintf(name, sizeof name, "checkpoint-%d.clr", (int)at);
    ck_assert_msg(there(o->out, name), "%s is missing", name);
    (void)snprintf(name, sizeof name, "interrupted-%d.safetensors", (int)at);
    ck_assert(there(o->out, name));
}

/* Stopped at every one of these iterations in turn, in one run, it ends as it would have otherwise. */
static void stop_and_go(struct clr_train_options whole, const char *name, const int *at)
{
    struct clr_train_options o = whole;
    struct clr_train_result a, b;

    must_train(&whole, &a);
    o.out = keep(dir, name);
    for (int i = 0; at[i]; i++) {
        char left[64];
        o.resume = i > 0;
        stop_after(&o, (uint64_t)at[i], i > 0 ? (uint64_t)at[i - 1] : 0);
        must_stop(&o, (uint64_t)at[i]);
        (void)snprintf(left, sizeof left, "interrupted-%d.safetensors", i > 0 ? at[i - 1] : 0);
        ck_assert_msg(!there(o.out, left), "%s is still there", left);
    }
    o.resume = true;
    o.stop = NULL;
    o.progress = NULL;
    must_train(&o, &b);
    check_same(whole.out, o.out, "history.csv");
    ck_assert_uint_eq(b.iterations, a.iterations);
    ck_assert_uint_eq(b.best_iteration, a.best_iteration);
    ck_assert_double_eq(b.val_loss, a.val_loss);
    ck_assert_double_eq(b.val_acc, a.val_acc);
    ck_assert_double_eq(b.best_acc, a.best_acc);
}

START_TEST(test_resume__any_iteration_gives_the_same_bytes)
{
    const struct clr_train_options o = options("undisturbed");
    static const int all[] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12,
                              13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 0};

    stop_and_go(o, "disturbed", all);
}
END_TEST

static void stop_evaluation(void *user, const struct clr_progress *p)
{
    const uint64_t *at = user;

    if (p->evaluating && p->iteration == *at)
        stop_now = 1;
}

static size_t rows_of(const char *folder)
{
    size_t size, lines = 0;
    char *text = slurp(folder, "history.csv", &size);

    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n';
    free(text);
    return lines - 1;
}

/* A request that comes within an evaluation does not wait for its end; the resumed run makes it again. */
START_TEST(test_resume__an_evaluation_that_was_stopped)
{
    static const struct {
        uint64_t at;
        size_t rows;
        const char *name;
    } cases[] = {{10, 1, "stopped-evaluation"}, {23, 3, "stopped-last-evaluation"}};
    const struct clr_train_options whole = options("whole-evaluations");
    struct clr_train_result r;

    must_train(&whole, &r);
    for (size_t i = 0; i < MEM_COUNT(cases); i++) {
        struct clr_train_options o = options(cases[i].name);
        uint64_t at = cases[i].at;
        stop_now = 0;
        o.stop = &stop_now;
        o.progress = stop_evaluation;
        o.user = &at;
        must_stop(&o, at);
        ck_assert_uint_eq(rows_of(o.out), cases[i].rows);
        o.stop = NULL;
        o.progress = NULL;
        o.resume = true;
        must_train(&o, &r);
        check_same(whole.out, o.out, "history.csv");
    }
}
END_TEST

/* Stopped between an update and its evaluation, and resumed with another schedule: the row has the rate that
 * the update was made with. */
START_TEST(test_resume__a_row_has_the_rate_of_its_update)
{
    struct clr_train_options whole = options("whole-rates"), o = options("other-rates");
    struct clr_train_result r;
    char *rows, *other, *row;
    size_t size;
    uint64_t at = 10;

    must_train(&whole, &r);
    stop_now = 0;
    o.stop = &stop_now;
    o.progress = stop_evaluation;
    o.user = &at;
    must_stop(&o, at);
    o.stop = NULL;
    o.progress = NULL;
    o.resume = o.continues = true;
    o.schedule.max_lr /= 2.0;
    must_train(&o, &r);
    rows = slurp(whole.out, "history.csv", &size);
    other = slurp(o.out, "history.csv", &size);
    row = strstr(rows, "\n10,");
    ck_assert_ptr_nonnull(row);
    *strchr(row + 1, '\n') = '\0';
    ck_assert_msg(strstr(other, row) != NULL, "'%s' is not in:\n%s", row, other);
    free(rows);
    free(other);
}
END_TEST

/* The last partial batch, the other convention, a varying momentum, held-out images, other optimizers. */
START_TEST(test_resume__every_way_of_training)
{
    struct clr_train_options o = options("keep");
    static const int at[] = {4, 10, 17, 0};

    o.batch = 7;
    o.last_batch = CLR_LAST_BATCH_KEEP;
    o.convention = CLR_MOMENTUM_CAFFE;
    o.schedule.cycle_momentum_low = 0.8;
    o.schedule.cycle_momentum_high = 0.95;
    o.validation = 10;
    o.validate_every = 0;
    o.log_every = 4;
    stop_and_go(o, "keep-disturbed", at);
    o = options("sequential");
    o.order = CLR_ORDER_SEQUENTIAL;
    o.seed = UINT64_MAX;
    o.profile = true;
    stop_and_go(o, "sequential-disturbed", at);
    o = options("adam"); /* it saves squares too, and corrects the first updates by their number */
    o.optimizer = CLR_OPTIMIZER_ADAM;
    o.schedule.policy = CLR_POLICY_FIXED;
    o.schedule.lr = 0.002;
    stop_and_go(o, "adam-disturbed", at);
    o = options("nesterov");
    o.optimizer = CLR_OPTIMIZER_NESTEROV;
    o.l1 = true;
    stop_and_go(o, "nesterov-disturbed", at);
    o = options("adadelta");
    o.optimizer = CLR_OPTIMIZER_ADADELTA;
    o.schedule.momentum = 0.0;
    o.clip_gradients = 0.5;
    stop_and_go(o, "adadelta-disturbed", at);
}
END_TEST

/* A residual block with shared weights, joined channels and two losses. */
#define CONV(name, x, more)                                                                                  \
    "layer { name: '" name "' type: 'Convolution' bottom: '" x "' top: '" name "' " more                     \
    " convolution_param { num_output: 6 kernel_size: 3 pad: 1 weight_filler { type: 'msra' } } }\n"
#define DENSE(name, x)                                                                                       \
    "layer { name: '" name "' type: 'InnerProduct' bottom: '" x "' top: '" name                              \
    "' inner_product_param { num_output: 5 weight_filler { type: 'msra' } } }\n"
#define LOSS(name, x, weight)                                                                                \
    "layer { name: '" name "' type: 'SoftmaxWithLoss' bottom: '" x "' bottom: 'label' loss_weight: " weight  \
    " }\n"
#define RELU(name, x) "layer { name: '" name "' type: 'ReLU' bottom: '" x "' top: '" x "' }\n"

START_TEST(test_resume__a_net_that_branches)
{
    static const char text[] =
        "layer { name: 'data' type: 'Data' top: 'data' top: 'label' transform_param { scale: 0.0039 } "
        "}\n" CONV("c0", "data", "") RELU("r0", "c0") CONV("c1", "c0", "param { name: 'w' }") RELU("r1", "c1")
            CONV("c2", "c1",
                 "param { name: 'w' }") "layer { name: 's' type: 'Eltwise' bottom: 'c2' bottom: 'c0' top: "
                                        "'s' }\n" RELU("r2",
                                                       "s") "layer { name: 'k' type: 'Concat' bottom: 's' "
                                                            "bottom: 'data' top: 'k' }\n" DENSE("side", "c0")
                                                                LOSS("l1", "side", "0.3") DENSE("ip", "k")
                                                                    LOSS("l2", "ip", "1");
    static const int at[] = {4, 17, 0};
    struct clr_train_options o = options("branching");
    struct clr_net_spec *branching = NULL;
    struct clr_error err;
    char *path = join(dir, "branching.prototxt");

    ck_assert_int_eq(fs_write_atomic(path, text, sizeof text - 1, &err), 0);
    ck_assert_msg(clr_net_load(&branching, path, &err) == 0, "%s", err.message);
    o.net = branching;
    stop_and_go(o, "branching-disturbed", at);
    clr_net_destroy(branching);
    free(path);
}
END_TEST

static void remove_file(const char *folder, const char *name)
{
    char *path = join(folder, name);

    ck_assert_int_eq(unlink(path), 0);
    free(path);
}

static void spoil(const char *folder, const char *name, long at)
{
    char *path = join(folder, name);
    FILE *f = fopen(path, "r+b");
    int c;

    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fseek(f, at, at < 0 ? SEEK_END : SEEK_SET), 0);
    c = fgetc(f);
    ck_assert_int_eq(fseek(f, -1, SEEK_CUR), 0);
    ck_assert(fputc(c ^ 1, f) >= 0 && fclose(f) == 0);
    free(path);
}

static int warnings;

static void count_warnings(void *user, enum clr_log_level level, const char *text)
{
    (void)user;
    (void)text;
    warnings += level == CLR_LOG_WARNING;
}

/* As after a kill: the files are later than the newest good checkpoint. */
START_TEST(test_resume__the_newest_good_checkpoint_counts)
{
    const struct clr_train_options whole = options("whole");
    struct clr_train_options o = options("killed");
    struct clr_train_result r;

    o.checkpoint_every = 4;
    must_train(&whole, &r);
    must_train(&o, &r);
    ck_assert(there(o.out, "checkpoint-23.clr") && there(o.out, "checkpoint-20.clr"));
    ck_assert(!there(o.out, "checkpoint-16.clr"));
    o.resume = true;
    remove_file(o.out, "final.safetensors");
    remove_file(o.out, "checkpoint-23.clr");
    must_train(&o, &r);
    check_same(whole.out, o.out, "history.csv");

    clr_log_set_sink(count_warnings, NULL);
    for (long at = 0; at < 90; at += 30) { /* in the first line, the checksum, the body */
        remove_file(o.out, "final.safetensors");
        spoil(o.out, "checkpoint-23.clr", at < 60 ? at : -3);
        warnings = 0;
        must_train(&o, &r);
        ck_assert_int_eq(warnings, 1);
        check_same(whole.out, o.out, "history.csv");
    }
    spoil(o.out, "checkpoint-23.clr", 200); /* no checkpoint remains: from the start */
    spoil(o.out, "checkpoint-20.clr", 200);
    warnings = 0;
    must_train(&o, &r);
    clr_log_set_sink(NULL, NULL);
    ck_assert_int_eq(warnings, 3); /* of both, and that the run begins anew */
    check_same(whole.out, o.out, "history.csv");
}
END_TEST

START_TEST(test_resume__what_is_finished_stays)
{
    struct clr_train_options o = options("finished");
    struct clr_train_result a, b;

    must_train(&o, &a);
    o.resume = true;
    o.out = keep(dir, "finished-again");
    must_train(&o, &b); /* there was no run: a new one starts */
    must_train(&o, &b);
    check_same(keep(dir, "finished"), o.out, "history.csv");
    ck_assert_double_eq(a.val_acc, b.val_acc);
    ck_assert_uint_eq(b.iterations, 23);
}
END_TEST

/* More iterations: the weights are those of a run that had this length from the start. */
START_TEST(test_resume__a_run_can_become_longer_not_shorter)
{
    struct clr_train_options o = options("longer"), whole = options("long");
    struct clr_train_result r;
    struct clr_error err;

    whole.iterations = 31;
    must_train(&whole, &r);
    must_train(&o, &r);
    o.resume = true;
    o.iterations = 22;
    ck_assert_int_eq(clr_train(&o, &r, &err), CLR_EUSAGE);
    ck_assert_ptr_nonnull(strstr(err.message, "`iterations` 22"));
    o.iterations = 31;
    must_train(&o, &r);
    ck_assert(equal_files(whole.out, o.out, "final.safetensors"));
}
END_TEST

static void must_refuse(const struct clr_train_options *o, const char *option)
{
    struct clr_train_result r;
    struct clr_error err;

    ck_assert_int_eq(clr_train(o, &r, &err), CLR_EUSAGE);
    ck_assert_msg(strncmp(err.message, option, strlen(option)) == 0, "for %s: %s", option, err.message);
}

START_TEST(test_resume__settings_must_be_the_runs)
{
    struct clr_train_options o = options("settings"), whole = options("settings-whole"), changed;
    struct clr_net_spec *other = NULL;
    struct str text = {0};
    struct clr_train_result r;
    struct clr_error err;
    char *path = join(dir, "commented.prototxt");

    must_train(&o, &r);
    o.resume = true;
#define REFUSED(change, option)                                                                              \
    changed = o;                                                                                             \
    changed.change;                                                                                          \
    must_refuse(&changed, option)
    REFUSED(seed = 2, "`seed`");
    REFUSED(batch = 11, "`batch`");
    REFUSED(weight_decay = 0.0041, "`weight_decay`");
    REFUSED(schedule.max_lr = 0.21, "`max_lr`");
    REFUSED(schedule.policy = CLR_POLICY_TRIANGULAR2, "`policy`");
    REFUSED(schedule.momentum = 0.8, "`momentum`");
    REFUSED(convention = CLR_MOMENTUM_CAFFE, "`convention`");
    REFUSED(order = CLR_ORDER_SEQUENTIAL, "`order`");
    REFUSED(last_batch = CLR_LAST_BATCH_KEEP, "`last_batch`");
    REFUSED(scale = 0.5, "`scale`");
    REFUSED(mean = CLR_MEAN_NONE, "`mean`");
    REFUSED(validate_every = 11, "`validate_every`");
    REFUSED(validation = 12, "`validation`");
    REFUSED(log_every = 2, "`log_every`");
    str_append(&text, "%s# another\n", net->text);
    ck_assert_int_eq(fs_write_atomic(path, str_text(&text), text.length, &err), 0);
    ck_assert_msg(clr_net_load(&other, path, &err) == 0, "%s", err.message);
    REFUSED(net = other, "`net`");
    clr_net_destroy(other);
    str_clear(&text);
    free(path);
    must_train(&o, &r); /* and no file was changed */
    must_train(&whole, &r);
    check_same(o.out, whole.out, "history.csv");
}
END_TEST

START_TEST(test_resume__what_is_no_run_is_refused)
{
    struct clr_train_options o = options("no-run");
    char *path = join(o.out, "run.json");
    struct clr_train_result r;
    struct clr_error err;
    static const char *const texts[] = {"", "{}", "[]", "{\"format\": 2, \"settings\": {}, \"data\": {}}",
                                        "\"x"};

    o.resume = true;
    must_train(&o, &r);
    for (size_t i = 0; i < MEM_COUNT(texts); i++) {
        ck_assert_int_eq(fs_write_atomic(path, texts[i], strlen(texts[i]), &err), 0);
        ck_assert_int_eq(clr_train(&o, &r, &err), CLR_EINPUT);
        ck_assert_ptr_nonnull(strstr(err.message, "run.json"));
    }
    free(path);
}
END_TEST

/* Checkpoints without a run.json are of an unknown run: they are neither used nor removed. */
START_TEST(test_resume__checkpoints_alone_are_left_alone)
{
    static const char *const others[] = {"run.json", "history.csv", "final.safetensors"};
    struct clr_train_options o = options("orphans");
    struct clr_train_result r;
    struct clr_error err;

    must_train(&o, &r);
    for (size_t i = 0; i < MEM_COUNT(others); i++) {
        remove_file(o.out, others[i]);
        for (int resume = 0; resume < 2; resume++) {
            o.resume = resume == 1;
            ck_assert_int_eq(clr_train(&o, &r, &err), CLR_EUSAGE);
            ck_assert_ptr_nonnull(strstr(err.message, o.out));
        }
    }
    ck_assert(there(o.out, "checkpoint-23.clr"));
}
END_TEST

/* Temporary files of a killed process are removed; files of the user stay. */
START_TEST(test_resume__left_overs_are_removed)
{
    struct clr_train_options o = options("left-overs");
    static const char *const gone[] = {"history.csv.tmp-123", "checkpoint-7.clr.tmp-1", "run.json.tmp-99999"};
    static const char *const stays[] = {
        "notes.tmp-1",          "history.csv.tmp-",       "history.csv.tmp-x",
        "checkpoint-7.clr.old", "history.csv-mine.tmp-5", "checkpoint-notes.tmp-1"};
    struct clr_train_result r;

    must_train(&o, &r);
    for (size_t i = 0; i < MEM_COUNT(gone) + MEM_COUNT(stays); i++) {
        char *path = join(o.out, i < MEM_COUNT(gone) ? gone[i] : stays[i - MEM_COUNT(gone)]);
        ck_assert_int_eq(fs_write_atomic(path, "x", 1, NULL), 0);
        free(path);
    }
    o.resume = true;
    must_train(&o, &r);
    for (size_t i = 0; i < MEM_COUNT(gone); i++)
        ck_assert_msg(!there(o.out, gone[i]), "%s is still there", gone[i]);
    for (size_t i = 0; i < MEM_COUNT(stays); i++)
        ck_assert_msg(there(o.out, stays[i]), "%s is gone", stays[i]);
}
END_TEST

START_TEST(test_resume__a_locked_folder_is_left_alone)
{
    struct clr_train_options o = options("locked");
    char *lock;
    struct clr_train_result r;
    struct clr_error err;
    int fd;

    must_train(&o, &r);
    lock = join(o.out, ".lock");
    ck_assert_int_eq(fs_lock(lock, &fd, &err), 0);
    o.resume = true;
    ck_assert_int_eq(clr_train(&o, &r, &err), CLR_EFAILED);
    ck_assert_msg(strstr(err.message, "is held by") != NULL, "%s", err.message);
    fs_unlock(fd);
    must_train(&o, &r);
    free(lock);
}
END_TEST

START_TEST(test_resume__a_range_test_goes_on_too)
{
    struct clr_train_options whole = options("range"), o = options("range-disturbed");
    struct clr_range_result a, b;
    struct clr_error err;

    whole.schedule.min_lr = o.schedule.min_lr = 0.001;
    whole.validate_every = o.validate_every = 2;
    ck_assert_msg(clr_range_test(&whole, CLR_SWEEP_LINEAR, &a, &err) == 0, "%s", err.message);
    for (uint64_t at = 4; at <= 20; at += 8) { /* the evaluation after these updates was not made yet */
        stop_after(&o, at, at < 8 ? 0 : at - 8);
        ck_assert_int_eq(clr_range_test(&o, CLR_SWEEP_LINEAR, &b, &err), CLR_EINTERRUPTED);
        o.resume = true;
    }
    o.stop = NULL;
    o.progress = NULL;
    ck_assert_msg(clr_range_test(&o, CLR_SWEEP_LINEAR, &b, &err) == 0, "%s", err.message);
    check_same(whole.out, o.out, "range.csv");
    ck_assert(equal_files(whole.out, o.out, "range.json"));
    ck_assert_int_eq(clr_range_test(&o, CLR_SWEEP_LOG, &b, &err), CLR_EUSAGE);
    o.iterations = 24;
    ck_assert_int_eq(clr_range_test(&o, CLR_SWEEP_LINEAR, &b, &err), CLR_EUSAGE);
    ck_assert_ptr_nonnull(strstr(err.message, "`iterations`"));
}
END_TEST

/* The reading begins with the accuracy of the initial weights, which are not evaluated again. */
START_TEST(test_resume__a_range_test_of_given_weights_goes_on)
{
    struct clr_train_options made = options("range-weights"), whole = options("range-init"),
                             o = options("range-init-disturbed");
    struct clr_train_result r;
    struct clr_range_result a, b;
    struct clr_error err;

    must_train(&made, &r);
    whole.init = o.init = keep(made.out, "final.safetensors");
    whole.schedule.min_lr = o.schedule.min_lr = 0.001;
    ck_assert_msg(clr_range_test(&whole, CLR_SWEEP_LOG, &a, &err) == 0, "%s", err.message);
    stop_after(&o, 12, 0);
    ck_assert_int_eq(clr_range_test(&o, CLR_SWEEP_LOG, &b, &err), CLR_EINTERRUPTED);
    o.stop = NULL;
    o.progress = NULL;
    o.resume = true;
    ck_assert_msg(clr_range_test(&o, CLR_SWEEP_LOG, &b, &err) == 0, "%s", err.message);
    check_same(whole.out, o.out, "range.csv");
    ck_assert(equal_files(whole.out, o.out, "range.json"));
    ck_assert_double_eq(a.baseline, b.baseline);
}
END_TEST

static void test_range_there(void *user, const struct clr_progress *p)
{
    const struct clr_train_options *o = user;
    struct clr_range_result r;
    struct clr_error err;

    if (p->iteration == 10 && !there(o->out, "range.csv")) /* it is reported twice */
        ck_assert_msg(clr_range_test(o, CLR_SWEEP_LINEAR, &r, &err) == 0, "%s", err.message);
}

/* A range test in the midst of a run changes no weights, momentum or random numbers of that run: neither a
 * test within its process and on its device, nor one of its weights while it is stopped. */
START_TEST(test_resume__a_range_test_inside_touches_nothing)
{
    struct clr_train_options whole = options("untouched"), o = options("touched"), inside = options("inside"),
                             between = options("between");
    struct clr_train_result r;
    struct clr_range_result range;
    struct clr_error err;

    whole.log_every = o.log_every = 1;
    inside.schedule.min_lr = between.schedule.min_lr = 0.001;
    must_train(&whole, &r);
    o.progress = test_range_there;
    o.user = &inside;
    must_train(&o, &r);
    ck_assert(there(inside.out, "range.csv"));
    check_same(whole.out, o.out, "history.csv");
    o.out = keep(dir, "touched-between");
    o.user = NULL;
    stop_after(&o, 10, 0);
    must_stop(&o, 10);
    between.init = keep(o.out, "interrupted-10.safetensors");
    ck_assert_msg(clr_range_test(&between, CLR_SWEEP_LINEAR, &range, &err) == 0, "%s", err.message);
    o.stop = NULL;
    o.progress = NULL;
    o.resume = true;
    must_train(&o, &r);
    check_same(whole.out, o.out, "history.csv");
}
END_TEST

/* A rate at which the loss diverges ends a range test as it would without checkpoints. */
START_TEST(test_resume__checkpoints_change_no_divergence)
{
    struct clr_train_options never = options("blown-never"), always = options("blown-always");
    struct clr_range_result a, b;
    struct clr_error err;

    never.schedule.max_lr = always.schedule.max_lr = 1e30;
    never.checkpoint_every = 0;
    always.checkpoint_every = 1;
    ck_assert_msg(clr_range_test(&never, CLR_SWEEP_LOG, &a, &err) == 0, "%s", err.message);
    ck_assert_msg(clr_range_test(&always, CLR_SWEEP_LOG, &b, &err) == 0, "%s", err.message);
    ck_assert(a.diverged && b.diverged);
    ck_assert_uint_eq(a.diverged_at, b.diverged_at);
    ck_assert(equal_files(never.out, always.out, "range.json"));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("resume");
    TCase *tc = tcase_create("resume");
    int status;

    if (runs_prepare() < 0)
        return 1;
    tcase_set_timeout(tc, 0);
    tcase_add_test(tc, test_resume__any_iteration_gives_the_same_bytes);
    tcase_add_test(tc, test_resume__an_evaluation_that_was_stopped);
    tcase_add_test(tc, test_resume__a_row_has_the_rate_of_its_update);
    tcase_add_test(tc, test_resume__every_way_of_training);
    tcase_add_test(tc, test_resume__a_net_that_branches);
    tcase_add_test(tc, test_resume__the_newest_good_checkpoint_counts);
    tcase_add_test(tc, test_resume__what_is_finished_stays);
    tcase_add_test(tc, test_resume__a_run_can_become_longer_not_shorter);
    tcase_add_test(tc, test_resume__settings_must_be_the_runs);
    tcase_add_test(tc, test_resume__what_is_no_run_is_refused);
    tcase_add_test(tc, test_resume__left_overs_are_removed);
    tcase_add_test(tc, test_resume__a_locked_folder_is_left_alone);
    tcase_add_test(tc, test_resume__checkpoints_alone_are_left_alone);
    tcase_add_test(tc, test_resume__a_range_test_goes_on_too);
    tcase_add_test(tc, test_resume__a_range_test_of_given_weights_goes_on);
    tcase_add_test(tc, test_resume__a_range_test_inside_touches_nothing);
    tcase_add_test(tc, test_resume__checkpoints_change_no_divergence);
    suite_add_tcase(s, tc);
    status = support_run(s, false);
    runs_finish();
    return status;
}
