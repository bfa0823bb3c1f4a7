/*
 * Whole runs of a tiny net on a tiny data set: files, equal bytes, how runs end that are stopped or fail.
 * CLR_TEST_DEVICE chooses the device.
 */
#include <math.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <clr/clr.h>

#include "runs.h"
#include "train/session.h"

START_TEST(test_train__writes_what_it_promises)
{
    static const char head[] = "iteration,trn_loss,lr,val_loss,val_acc\n1,";
    const struct clr_train_options o = options("plain");
    struct clr_train_result r;
    size_t size;
    char *history;
    int rows = 0;

    must_train(&o, &r);
    history = slurp(o.out, "history.csv", &size);
    ck_assert_int_eq(strncmp(history, head, strlen(head)), 0);
    for (const char *p = history; (p = strchr(p, '\n')) != NULL; p++)
        rows++;
    ck_assert_int_eq(rows, 5); /* the header; iterations 1, 10, 20, 23 */
    free(history);
    history = slurp(o.out, "loss.csv", &size);
    rows = 0;
    for (const char *p = history; (p = strchr(p, '\n')) != NULL; p++)
        rows++;
    ck_assert_int_eq(rows, 24);
    free(history);
    ck_assert(there(o.out, "run.json") && there(o.out, "final.safetensors") && there(o.out, "timing.csv"));
    ck_assert(!there(o.out, ".lock"));
    ck_assert_uint_eq(r.iterations, 23);
    ck_assert(isfinite(r.val_loss) && r.val_acc >= 0 && r.val_acc <= 1);
}
END_TEST

START_TEST(test_train__equal_runs_give_equal_bytes)
{
    struct clr_train_options a = options("same-a"), b = options("same-b"), c = options("seed-2");
    struct clr_train_result r;

    b.profile = true;
    must_train(&a, &r);
    must_train(&b, &r);
    c.seed = 2;
    must_train(&c, &r);
    ck_assert(equal_files(a.out, b.out, "history.csv"));
    ck_assert(equal_files(a.out, b.out, "loss.csv"));
    ck_assert(equal_files(a.out, b.out, "final.safetensors"));
    ck_assert(!equal_files(a.out, c.out, "final.safetensors"));
}
END_TEST

START_TEST(test_train__evaluation_changes_nothing)
{
    struct clr_train_options a = options("often"), b = options("seldom");
    struct clr_train_result r;

    a.validate_every = 1;
    b.validate_every = 0;
    must_train(&a, &r);
    must_train(&b, &r);
    ck_assert(equal_files(a.out, b.out, "loss.csv"));
    ck_assert(equal_files(a.out, b.out, "final.safetensors"));
}
END_TEST

START_TEST(test_train__a_run_is_never_overwritten)
{
    const struct clr_train_options o = options("once");
    struct clr_train_result r;
    struct clr_error err;

    must_train(&o, &r);
    ck_assert_int_eq(clr_train(&o, &r, &err), CLR_EUSAGE);
    ck_assert_ptr_nonnull(strstr(err.message, "already"));
}
END_TEST

START_TEST(test_train__divergence_is_reported_and_not_recorded)
{
    struct clr_train_options o = options("diverges");
    struct clr_train_result r;
    struct clr_error err;
    size_t size;
    char *text;

    o.schedule.min_lr = o.schedule.max_lr = 1e30;
    ck_assert_int_eq(clr_train(&o, &r, &err), CLR_EDIVERGED);
    ck_assert_ptr_nonnull(strstr(err.message, "iteration"));
    ck_assert(!there(o.out, "final.safetensors"));
    text = slurp(o.out, "loss.csv", &size);
    ck_assert_ptr_null(strstr(text, "nan"));
    ck_assert_ptr_null(strstr(text, "inf"));
    free(text);
}
END_TEST

START_TEST(test_train__a_stop_saves_what_there_is)
{
    const volatile int stop = 1;
    struct clr_train_options o = options("stopped");
    struct clr_train_result r;
    struct clr_error err;

    o.stop = &stop;
    ck_assert_int_eq(clr_train(&o, &r, &err), CLR_EINTERRUPTED);
    ck_assert(there(o.out, "interrupted-1.safetensors") && there(o.out, "run.json"));
    ck_assert(!there(o.out, "final.safetensors"));
}
END_TEST

/* A device that was not checked before is checked, however long that takes; a stop ends the check. */
START_TEST(test_train__a_stop_ends_the_check_of_the_device)
{
    struct clr_train_options o = options("unchecked");
    struct clr_train_result r;
    struct clr_error err;
    const int stop = 1;

    o.stop = &stop;
    o.batch = 11;
    ck_assert_int_eq(clr_train(&o, &r, &err), CLR_EINTERRUPTED);
    ck_assert_ptr_nonnull(strstr(err.message, "checked"));
    ck_assert(!there(dir, "unchecked"));
}
END_TEST

START_TEST(test_train__what_does_not_fit_is_known_before)
{
    struct clr_train_options o = options("large");
    struct clr_device small = device;
    struct clr_train_result r;
    struct clr_error err;

    small.global_memory = 100000;
    o.device = &small;
    ck_assert_int_eq(clr_train(&o, &r, &err), CLR_EDEVMEM);
    ck_assert_ptr_nonnull(strstr(err.message, "MB"));
    ck_assert(!fs_exists(o.out));
}
END_TEST

START_TEST(test_train__options_out_of_range_are_refused)
{
    struct clr_train_options o = options("bad");
    struct clr_train_result r;
    struct clr_error err;

    o.batch = 0;
    ck_assert_int_eq(clr_train(&o, &r, &err), CLR_EUSAGE);
    o.batch = data->train.count + 1;
    ck_assert_int_eq(clr_train(&o, &r, &err), CLR_EUSAGE);
    o.batch = 12;
    o.weight_decay = NAN;
    ck_assert_int_eq(clr_train(&o, &r, &err), CLR_EUSAGE);
    o.weight_decay = 0;
    o.schedule.max_lr = NAN;
    ck_assert_int_eq(clr_train(&o, &r, &err), CLR_EUSAGE);
    ck_assert(!fs_exists(o.out));
}
END_TEST

/* 60 images in batches of 25: with `keep`, every third update has 10. */
START_TEST(test_train__a_partial_batch_is_kept_or_dropped)
{
    struct clr_train_options keep = options("keep"), drop = options("drop");
    struct clr_train_result r;

    ck_assert_int_eq(data->train.count, 60);
    keep.batch = drop.batch = 25;
    keep.order = drop.order = CLR_ORDER_SEQUENTIAL;
    keep.iterations = drop.iterations = 3;
    keep.last_batch = CLR_LAST_BATCH_KEEP;
    must_train(&keep, &r);
    must_train(&drop, &r);
    ck_assert(!equal_files(keep.out, drop.out, "loss.csv"));
}
END_TEST

START_TEST(test_train__init_must_match)
{
    struct clr_train_options first = options("source"), o = options("init");
    struct clr_train_result r;
    struct clr_error err;

    must_train(&first, &r);
    o.init = keep(first.out, "final.safetensors");
    must_train(&o, &r);
    o = options("init-bad");
    o.init = keep(root, "tests/golden/tiny-across/init.safetensors");
    ck_assert_int_eq(clr_train(&o, &r, &err), CLR_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "conv1.weight"));
    ck_assert(!fs_exists(o.out));
}
END_TEST

START_TEST(test_eval__agrees_with_the_last_row_and_the_confusion)
{
    struct clr_train_options o = options("evaluated");
    struct clr_train_result r;
    struct clr_eval_result e;
    struct clr_error err;
    int total = 0, right = 0;

    must_train(&o, &r);
    o.init = keep(o.out, "final.safetensors");
    ck_assert_msg(clr_eval(&o, &e, &err) == 0, "%s", err.message);
    ck_assert(e.loss == r.val_loss && e.accuracy == r.val_acc);
    for (int i = 0; i < data->classes; i++)
        for (int k = 0; k < data->classes; k++) {
            total += e.confusion[i * data->classes + k];
            right += i == k ? e.confusion[i * data->classes + k] : 0;
        }
    ck_assert_int_eq(total, e.count);
    ck_assert_double_eq_tol((double)right / total, e.accuracy, 1e-12);
    free(e.confusion);
    free(e.losses);
}
END_TEST

START_TEST(test_train__held_out_images_are_evaluated)
{
    struct clr_train_options o = options("held-out");
    struct clr_train_result r;
    struct clr_eval_result e;
    struct clr_error err;

    o.validation = 20;
    must_train(&o, &r);
    o.init = keep(o.out, "final.safetensors");
    ck_assert_msg(clr_eval(&o, &e, &err) == 0, "%s", err.message);
    ck_assert_int_eq(e.count, 20);
    ck_assert(e.accuracy == r.val_acc);
    free(e.confusion);
    free(e.losses);
}
END_TEST

START_TEST(test_range_test__writes_curve_reading_and_figure)
{
    struct clr_train_options o = options("range");
    struct clr_range_result r;
    struct clr_error err;

    o.schedule.min_lr = 1e-4;
    o.schedule.max_lr = 0.5;
    o.validate_every = 5;
    o.validation = 20;
    ck_assert_msg(clr_range_test(&o, CLR_SWEEP_LINEAR, &r, &err) == 0, "%s", err.message);
    ck_assert(there(o.out, "range.csv") && there(o.out, "range.json") && there(o.out, "range.png"));
    ck_assert_uint_eq(r.iterations, 23);
    ck_assert(r.baseline >= 1.0 / data->classes);
}
END_TEST

START_TEST(test_range_test__stops_where_the_loss_diverges)
{
    struct clr_train_options o = options("range-diverges");
    struct clr_range_result r;
    struct clr_error err;
    size_t size;
    char *text;

    o.schedule.min_lr = 1e-3;
    o.schedule.max_lr = 1e30;
    o.validate_every = 1;
    ck_assert_msg(clr_range_test(&o, CLR_SWEEP_LOG, &r, &err) == 0, "%s", err.message);
    ck_assert(r.diverged && r.diverged_at > 1 && r.diverged_at <= 23 && isfinite(r.diverged_lr));
    text = slurp(o.out, "range.csv", &size);
    ck_assert_ptr_null(strstr(text, "nan"));
    ck_assert_ptr_null(strstr(text, "inf"));
    free(text);
}
END_TEST

/* ------------------------------------------------------------------ what the update means */

#define DATA_LAYER(phase, transform)                                                                         \
    "layer { name: 'data' type: 'Data' top: 'data' top: 'label' include { phase: " phase " } "               \
    "transform_param { " transform " } data_param { batch_size: 12 } }\n"
#define HIDDEN(params)                                                                                       \
    "layer { name: 'ip1' type: 'InnerProduct' bottom: 'data' top: 'ip1' " params " inner_product_param { "   \
    "num_output: 9 weight_filler { type: 'xavier' } } }\n"                                                   \
    "layer { name: 'relu1' type: 'ReLU' bottom: 'ip1' top: 'ip1' }\n"
#define DROPOUT                                                                                              \
    "layer { name: 'drop1' type: 'Dropout' bottom: 'ip1' top: 'ip1' dropout_param { dropout_ratio: 0.5 } "   \
    "}\n"
#define OUTPUT                                                                                               \
    "layer { name: 'ip2' type: 'InnerProduct' bottom: 'ip1' top: 'ip2' inner_product_param { num_output: 5 " \
    "weight_filler { type: 'xavier' } } }\n"                                                                 \
    "layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: 'ip2' bottom: 'label' top: 'loss' }\n"
#define BOTH(transform) DATA_LAYER("TRAIN", transform) DATA_LAYER("TEST", transform)
#define UNIT            "scale: 0.00390625"

/* A net from its text; free with clr_net_destroy(). */
static struct clr_net_spec *net_of(const char *name, const char *text)
{
    char *path = join(dir, name);
    struct clr_net_spec *spec = NULL;
    struct clr_error err;

    ck_assert_int_eq(fs_write_atomic(path, text, strlen(text), &err), 0);
    ck_assert_msg(clr_net_load(&spec, path, &err) == 0, "%s", err.message);
    free(path);
    return spec;
}

static void read_weights(struct st_file *file, const char *folder)
{
    char *path = join(folder, "final.safetensors");
    struct clr_error err;

    ck_assert_msg(safetensors_read(file, path, &err) == 0, "%s", err.message);
    free(path);
}

/* Is that parameter the same to the bit after both runs? */
static bool equal_parameter(const char *a, const char *b, const char *name)
{
    struct st_file fa = {0}, fb = {0};
    const struct st_tensor *ta, *tb;
    bool equal;

    read_weights(&fa, a);
    read_weights(&fb, b);
    ta = safetensors_find(&fa, name);
    tb = safetensors_find(&fb, name);
    ck_assert(ta && tb && ta->count == tb->count);
    equal = memcmp(ta->data, tb->data, ta->count * sizeof *ta->data) == 0;
    safetensors_clear(&fa);
    safetensors_clear(&fb);
    return equal;
}

static double nmse_of_parameter(const char *a, const char *b, const char *name)
{
    struct st_file fa = {0}, fb = {0};
    const struct st_tensor *ta, *tb;
    double error = 0.0, power = 0.0;

    read_weights(&fa, a);
    read_weights(&fb, b);
    ta = safetensors_find(&fa, name);
    tb = safetensors_find(&fb, name);
    ck_assert(ta && tb && ta->count == tb->count);
    for (size_t i = 0; i < ta->count; i++) {
        error += pow((double)ta->data[i] - (double)tb->data[i], 2);
        power += pow((double)tb->data[i], 2);
    }
    safetensors_clear(&fa);
    safetensors_clear(&fb);
    return error / power;
}

/* Loss of the first update. */
static double first_loss(const char *folder)
{
    size_t size;
    char *text = slurp(folder, "loss.csv", &size), *row = strchr(text, '\n');
    double loss = NAN;

    ck_assert(row && sscanf(row, "\n1,%lf", &loss) == 1);
    free(text);
    return loss;
}

START_TEST(test_train__dropout_is_keyed_by_seed_and_sample)
{
    struct clr_net_spec *with = net_of("drop.prototxt", BOTH(UNIT) HIDDEN("") DROPOUT OUTPUT);
    struct clr_net_spec *without = net_of("no-drop.prototxt", BOTH(UNIT) HIDDEN("") OUTPUT);
    struct clr_train_options a = options("drop-a"), b = options("drop-b"), c = options("drop-sequential"),
                             d = options("drop-none");
    struct clr_train_result r;

    a.net = b.net = c.net = with;
    d.net = without;
    a.batch = b.batch = c.batch = d.batch = data->train.count;
    must_train(&a, &r);
    must_train(&b, &r);
    ck_assert(equal_files(a.out, b.out, "loss.csv"));
    ck_assert(equal_files(a.out, b.out, "final.safetensors"));
    /* one batch of all images, in another order: the same numbers are summed in another order */
    c.order = CLR_ORDER_SEQUENTIAL;
    must_train(&c, &r);
    ck_assert_double_eq_tol(first_loss(a.out), first_loss(c.out), 1e-5 * first_loss(a.out));
    must_train(&d, &r);
    ck_assert(fabs(first_loss(a.out) - first_loss(d.out)) > 1e-3 * first_loss(a.out));
    clr_net_destroy(with);
    clr_net_destroy(without);
}
END_TEST

START_TEST(test_train__conventions_of_momentum_differ_as_the_rate_changes)
{
    struct clr_train_options pytorch = options("fixed-pytorch"), caffe = options("fixed-caffe");
    struct clr_train_result r;

    pytorch.schedule.policy = caffe.schedule.policy = CLR_POLICY_FIXED;
    pytorch.schedule.lr = caffe.schedule.lr = 0.02;
    caffe.convention = CLR_MOMENTUM_CAFFE;
    must_train(&pytorch, &r);
    must_train(&caffe, &r);
    ck_assert_double_lt(nmse_of_parameter(pytorch.out, caffe.out, "conv1.weight"), 1e-9);
    ck_assert_double_lt(nmse_of_parameter(pytorch.out, caffe.out, "ip2.weight"), 1e-9);
    pytorch = options("cyclic-pytorch");
    caffe = options("cyclic-caffe");
    caffe.convention = CLR_MOMENTUM_CAFFE;
    must_train(&pytorch, &r);
    must_train(&caffe, &r);
    ck_assert_double_gt(nmse_of_parameter(pytorch.out, caffe.out, "ip2.weight"), 1e-5);
}
END_TEST

START_TEST(test_train__optimizers_differ)
{
    struct clr_train_options sgd = options("opt-sgd"), nesterov = options("opt-nesterov"),
                             adam = options("opt-adam"), l1 = options("opt-l1"), other, bad;
    struct clr_train_result r;
    struct clr_error err;

    nesterov.optimizer = CLR_OPTIMIZER_NESTEROV;
    adam.optimizer = CLR_OPTIMIZER_ADAM;
    adam.schedule.policy = CLR_POLICY_FIXED;
    adam.schedule.lr = 0.001;
    l1.l1 = true;
    must_train(&sgd, &r);
    must_train(&nesterov, &r);
    must_train(&adam, &r);
    must_train(&l1, &r);
    ck_assert_double_gt(nmse_of_parameter(sgd.out, nesterov.out, "ip2.weight"), 1e-7);
    ck_assert_double_gt(nmse_of_parameter(sgd.out, adam.out, "ip2.weight"), 1e-7);
    ck_assert_double_gt(nmse_of_parameter(sgd.out, l1.out, "ip2.weight"), 1e-7);
    other = options("opt-nesterov-caffe");
    other.optimizer = CLR_OPTIMIZER_NESTEROV;
    other.convention = CLR_MOMENTUM_CAFFE;
    must_train(&other, &r);
    ck_assert_double_gt(nmse_of_parameter(nesterov.out, other.out, "ip2.weight"), 1e-7);
    for (int i = 0; i < 3; i++) {
        static const char *const names[] = {"opt-adam-caffe", "opt-adam-squares", "opt-adam-epsilon"};
        other = adam;
        other.out = keep(dir, names[i]);
        other.convention = i == 0 ? CLR_MOMENTUM_CAFFE : adam.convention;
        other.momentum2 = i == 1 ? 0.9 : NAN; /* usual */
        other.epsilon = i == 2 ? 0.01 : adam.epsilon;
        must_train(&other, &r);
        ck_assert_msg(nmse_of_parameter(adam.out, other.out, "ip2.weight") > 1e-12, "%s: the same weights",
                      names[i]);
    }
    bad = options("opt-bad");
    bad.optimizer = (enum clr_optimizer)99;
    ck_assert_int_eq(clr_train(&bad, &r, &err), CLR_EUSAGE);
    bad.optimizer = CLR_OPTIMIZER_RMSPROP;
    bad.convention = CLR_MOMENTUM_CAFFE;
    ck_assert_int_eq(clr_train(&bad, &r, &err), CLR_EUSAGE);
    ck_assert_str_eq(err.message,
                     "`momentum`: optimizer rmsprop takes no momentum in Caffe's convention: it must be 0");
    bad.schedule.momentum = 0.0;
    bad.schedule.cycle_momentum_low = bad.schedule.cycle_momentum_high = 0.5;
    ck_assert_int_eq(clr_train(&bad, &r, &err), CLR_EUSAGE);
    ck_assert_ptr_nonnull(strstr(err.message, "`cycle_momentum_low`: optimizer rmsprop"));
    bad.optimizer = CLR_OPTIMIZER_ADAM;
    bad.momentum2 = 1.0;
    ck_assert_int_eq(clr_train(&bad, &r, &err), CLR_EUSAGE);
    bad.momentum2 = 0.9;
    bad.epsilon = NAN;
    ck_assert_int_eq(clr_train(&bad, &r, &err), CLR_EUSAGE);
}
END_TEST

/* A limit that no norm reaches changes no weight. */
START_TEST(test_train__clips_gradients)
{
    struct clr_train_options any = options("clip-any"), far = options("clip-far"),
                             near = options("clip-near"), bad = options("clip-bad");
    struct clr_train_result r;
    struct clr_error err;

    far.clip_gradients = 1e30;
    near.clip_gradients = 0.25;
    must_train(&any, &r);
    must_train(&far, &r);
    must_train(&near, &r);
    ck_assert(nmse_of_parameter(any.out, far.out, "ip2.weight") == 0.0);
    ck_assert_double_gt(nmse_of_parameter(any.out, near.out, "ip2.weight"), 1e-5);
    bad.clip_gradients = 1e-50;
    ck_assert_int_eq(clr_train(&bad, &r, &err), CLR_EUSAGE);
    ck_assert_ptr_nonnull(strstr(err.message, "`clip_gradients`"));
    bad.clip_gradients = -1.0;
    ck_assert_int_eq(clr_train(&bad, &r, &err), CLR_EUSAGE);
}
END_TEST

START_TEST(test_train__lr_mult_0_leaves_a_parameter_untouched)
{
    struct clr_net_spec *spec =
        net_of("frozen.prototxt", BOTH(UNIT) HIDDEN("param { lr_mult: 0 } param { lr_mult: 2 }") OUTPUT);
    struct clr_train_options one = options("frozen-1"), many = options("frozen-23");
    struct clr_train_result r;

    for (int caffe = 0; caffe < 2; caffe++) {
        one.net = many.net = spec;
        one.iterations = 1;
        one.convention = many.convention = caffe ? CLR_MOMENTUM_CAFFE : CLR_MOMENTUM_PYTORCH;
        must_train(&one, &r);
        must_train(&many, &r);
        ck_assert(equal_parameter(one.out, many.out, "ip1.weight"));
        ck_assert(!equal_parameter(one.out, many.out, "ip1.bias"));
        ck_assert(!equal_parameter(one.out, many.out, "ip2.weight"));
        one = options("frozen-caffe-1");
        many = options("frozen-caffe-23");
    }
    clr_net_destroy(spec);
}
END_TEST

/* After one update, weight decay has changed the parameters that decay, and no others. */
START_TEST(test_train__decay_mult_0_means_no_decay)
{
    struct clr_net_spec *spec =
        net_of("decay.prototxt", BOTH(UNIT) HIDDEN("param { decay_mult: 0 } param { decay_mult: 0 }") OUTPUT);
    struct clr_train_options plain = options("decay-no"), decayed = options("decay-yes");
    struct clr_train_result r;

    plain.net = decayed.net = spec;
    plain.iterations = decayed.iterations = 1;
    plain.weight_decay = 0.0;
    decayed.weight_decay = 0.5;
    must_train(&plain, &r);
    must_train(&decayed, &r);
    ck_assert(equal_parameter(plain.out, decayed.out, "ip1.weight"));
    ck_assert(equal_parameter(plain.out, decayed.out, "ip1.bias"));
    ck_assert(!equal_parameter(plain.out, decayed.out, "ip2.weight"));
    clr_net_destroy(spec);
}
END_TEST

/* ------------------------------------------------------------------ what is subtracted */

START_TEST(test_train__mean_value_is_subtracted)
{
    char text[2048];
    struct clr_net_spec *channel =
        net_of("mean-channel.prototxt", BOTH("mean_file: 'channel' " UNIT) HIDDEN("") OUTPUT);
    struct clr_net_spec *value;
    struct clr_train_options a = options("mean-channel"), b = options("mean-value"),
                             none = options("mean-value-none");
    struct clr_train_result r;
    struct clr_eval_result e;
    struct clr_error err;
    size_t size;
    char *json;

    (void)snprintf(text, sizeof text, BOTH("mean_value: %.17g " UNIT) "%s", data->channel_mean[0],
                   data->channel_mean[0], HIDDEN("") OUTPUT);
    value = net_of("mean-value.prototxt", text);
    a.net = channel;
    b.net = none.net = value;
    must_train(&a, &r);
    must_train(&b, &r);
    ck_assert(equal_files(a.out, b.out, "loss.csv"));
    json = slurp(b.out, "run.json", &size);
    ck_assert_ptr_nonnull(strstr(json, "\"mean_values\": [\n"));
    ck_assert_ptr_nonnull(strstr(json, "mean_value: "));
    free(json);
    none.mean = CLR_MEAN_NONE; /* --mean overrides the net's file */
    must_train(&none, &r);
    ck_assert(!equal_files(b.out, none.out, "loss.csv"));
    none.init = keep(none.out, "final.safetensors");
    none.mean = -1; /* the mean in the weights file overrides the net's file */
    ck_assert_msg(clr_eval(&none, &e, &err) == 0, "%s", err.message);
    ck_assert(e.loss == r.val_loss && e.accuracy == r.val_acc);
    free(e.confusion);
    free(e.losses);
    clr_net_destroy(channel);
    clr_net_destroy(value);
}
END_TEST

START_TEST(test_train__mean_values_must_be_as_many_as_channels)
{
    struct clr_net_spec *spec =
        net_of("mean-two.prototxt", BOTH("mean_value: 1 mean_value: 2") HIDDEN("") OUTPUT);
    struct clr_train_options o = options("mean-two");
    struct clr_train_result r;
    struct clr_error err;

    o.net = spec;
    ck_assert_int_eq(clr_train(&o, &r, &err), CLR_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "2 mean_value"));
    clr_net_destroy(spec);
}
END_TEST

START_TEST(test_train__phases_must_see_the_same_images)
{
    static const char *const tests[] = {UNIT " mean_file: 'channel'", "scale: 0.5", UNIT " mean_value: 3"};
    struct clr_train_options o = options("two-transforms");
    struct clr_train_result r;
    struct clr_error err;

    for (size_t i = 0; i < MEM_COUNT(tests); i++) {
        char text[2048];
        struct clr_net_spec *spec;
        (void)snprintf(text, sizeof text, DATA_LAYER("TRAIN", UNIT) DATA_LAYER("TEST", "%s") "%s", tests[i],
                       HIDDEN("") OUTPUT);
        spec = net_of("two-transforms.prototxt", text);
        o.net = spec;
        ck_assert_int_eq(clr_train(&o, &r, &err), CLR_EINPUT);
        ck_assert_ptr_nonnull(strstr(err.message, "TEST phase"));
        ck_assert(!fs_exists(o.out));
        clr_net_destroy(spec);
    }
}
END_TEST

/* Weights whose metadata have that value for the key are refused. */
static void refuse_metadata(const struct clr_train_options *o, const char *key, const char *value,
                            const char *says)
{
    struct clr_train_options other = *o;
    struct clr_eval_result e;
    struct st_file file;
    struct clr_error err;
    size_t changed = 0;

    other.init = keep(dir, key);
    ck_assert_int_eq(safetensors_read(&file, o->init, &err), 0);
    for (size_t i = 0; i < file.metadata_count; i++)
        if (strcmp(file.metadata[2 * i], key) == 0) {
            free(file.metadata[2 * i + 1]);
            ck_assert_int_eq(str_duplicate(&file.metadata[2 * i + 1], value, &err), 0);
            changed++;
        }
    ck_assert_uint_eq(changed, 1);
    ck_assert_int_eq(safetensors_write(other.init, &file, &err), 0);
    safetensors_clear(&file);
    ck_assert_int_eq(clr_eval(&other, &e, &err), CLR_EINPUT);
    ck_assert_msg(strstr(err.message, says) != NULL, "%s", err.message);
}

START_TEST(test_eval__knows_the_mean_and_scale_of_the_training)
{
    struct clr_train_options o = options("own-transform");
    struct clr_train_result r;
    struct clr_eval_result e;
    struct clr_error err;

    o.mean = CLR_MEAN_IMAGE;
    o.scale = 1.0;
    o.schedule.min_lr = 1e-5;
    o.schedule.max_lr = 1e-4;
    must_train(&o, &r);
    o.init = keep(o.out, "final.safetensors");
    o.mean = -1;
    o.scale = NAN;
    ck_assert_msg(clr_eval(&o, &e, &err) == 0, "%s", err.message);
    ck_assert(e.loss == r.val_loss && e.accuracy == r.val_acc);
    free(e.confusion);
    free(e.losses);
    o.mean = CLR_MEAN_NONE;
    ck_assert_msg(clr_eval(&o, &e, &err) == 0, "%s", err.message);
    ck_assert(e.loss < r.val_loss || e.loss > r.val_loss);
    free(e.confusion);
    free(e.losses);
    o.mean = -1;
    refuse_metadata(&o, "clr.format", "2", "has clr.format 2; clr-cl ");
    refuse_metadata(&o, "clr.mean", "median", "clr.mean 'median' is none of");
    o.init = NULL;
    ck_assert_int_eq(clr_eval(&o, &e, &err), CLR_EUSAGE);
}
END_TEST

/* A field that the caller forgot is named before anything is made. */
START_TEST(test_train__fields_that_are_missing_are_named)
{
    static const struct {
        const char *name;
        size_t offset;
        bool always; /* also where weights are evaluated */
    } fields[] = {{"net", offsetof(struct clr_train_options, net), true},
                  {"data", offsetof(struct clr_train_options, data), true},
                  {"device", offsetof(struct clr_train_options, device), true},
                  {"net_name", offsetof(struct clr_train_options, net_name), false},
                  {"data_name", offsetof(struct clr_train_options, data_name), false},
                  {"out", offsetof(struct clr_train_options, out), false}};
    const struct clr_train_options whole = options("missing");
    struct clr_train_options other = whole;
    struct clr_trainer *trainer;
    struct clr_range_result range;
    struct clr_train_result r;
    struct clr_eval_result e;
    struct clr_error err;

    for (size_t i = 0; i < MEM_COUNT(fields); i++) {
        struct clr_train_options o = whole;
        char says[64];
        (void)snprintf(says, sizeof says, "`%s` is NULL", fields[i].name);
        memset((char *)&o + fields[i].offset, 0, sizeof(void *));
        ck_assert_int_eq(clr_train(&o, &r, &err), CLR_EUSAGE);
        ck_assert_msg(strncmp(err.message, says, strlen(says)) == 0, "%s", err.message);
        ck_assert_int_eq(clr_range_test(&o, CLR_SWEEP_LOG, &range, &err), CLR_EUSAGE);
        ck_assert_msg(strncmp(err.message, says, strlen(says)) == 0, "%s", err.message);
        ck_assert_int_eq(clr_eval(&o, &e, &err), CLR_EUSAGE);
        ck_assert((strncmp(err.message, says, strlen(says)) == 0) == fields[i].always);
    }
    other.size--;
    ck_assert_int_eq(clr_train(&other, &r, &err), CLR_EUSAGE);
    ck_assert_ptr_nonnull(strstr(err.message, "clr_train_options"));
    other = (struct clr_train_options){0};
    ck_assert_int_eq(clr_eval(&other, &e, &err), CLR_EUSAGE);
    ck_assert_ptr_nonnull(strstr(err.message, "clr_train_options"));
    ck_assert(clr_train(NULL, &r, &err) == CLR_EUSAGE && clr_eval(NULL, &e, &err) == CLR_EUSAGE &&
              clr_range_test(NULL, CLR_SWEEP_LOG, &range, &err) == CLR_EUSAGE &&
              clr_trainer_create(&trainer, NULL, &err) == CLR_EUSAGE);
    ck_assert_ptr_nonnull(strstr(err.message, "clr_train_options is NULL"));
    ck_assert(!fs_exists(whole.out));
}
END_TEST

/* Of an older program's smaller struct, here at the end of a page, nothing but the size is read. */
START_TEST(test_train__a_smaller_struct_is_refused)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const void *small = pages + page - sizeof page;
    struct clr_range_result range;
    struct clr_trainer *trainer;
    struct clr_train_result r;
    struct clr_eval_result e;

    ck_assert(pages != MAP_FAILED && mprotect(pages + page, page, PROT_NONE) == 0);
    ck_assert_int_eq(clr_train(small, &r, NULL), CLR_EUSAGE);
    ck_assert_int_eq(clr_range_test(small, CLR_SWEEP_LOG, &range, NULL), CLR_EUSAGE);
    ck_assert_int_eq(clr_eval(small, &e, NULL), CLR_EUSAGE);
    ck_assert_int_eq(clr_trainer_create(&trainer, small, NULL), CLR_EUSAGE);
    ck_assert_int_eq(munmap(pages, 2 * page), 0);
}
END_TEST

/* --init-partial reads tensors that fit: ip1 (whose weights do not change here), but not the other ip2. */
START_TEST(test_train__init_partial_takes_what_fits)
{
    static const char five[] = BOTH(UNIT) HIDDEN("param { lr_mult: 0 }") OUTPUT;
    char six[sizeof five];
    struct clr_net_spec *source, *wider;
    struct clr_train_options first = options("partial-source"), o = options("partial"),
                             fresh = options("partial-fresh");
    struct clr_train_result r;
    struct clr_error err;

    memcpy(six, five, sizeof five);
    memcpy(strstr(six, "num_output: 5 "), "num_output: 6 ", strlen("num_output: 6 "));
    source = net_of("partial-5.prototxt", five);
    wider = net_of("partial-6.prototxt", six);
    first.net = source;
    must_train(&first, &r);
    o.net = fresh.net = wider;
    o.seed = fresh.seed = 2;
    o.init = keep(first.out, "final.safetensors");
    ck_assert_int_eq(clr_train(&o, &r, &err), CLR_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "'ip2.weight' is 5×9, the net's is 6×9"));
    o.init_partial = true;
    must_train(&o, &r);
    must_train(&fresh, &r);
    ck_assert(equal_parameter(first.out, o.out, "ip1.weight"));
    ck_assert(!equal_parameter(first.out, fresh.out, "ip1.weight"));
    clr_net_destroy(source);
    clr_net_destroy(wider);
}
END_TEST

/* ------------------------------------------------------------------ how runs end */

START_TEST(test_train__divergence_seen_only_in_the_evaluation)
{
    struct clr_train_options o = options("diverges-last");
    struct clr_train_result r;
    struct clr_error err;
    size_t size;
    char *text;

    o.iterations = 1;
    o.schedule.min_lr = o.schedule.max_lr = 1e30;
    ck_assert_int_eq(clr_train(&o, &r, &err), CLR_EDIVERGED);
    ck_assert_ptr_nonnull(strstr(err.message, "evaluated images"));
    ck_assert_uint_eq(r.iterations, 1); /* its own loss was finite */
    ck_assert(!there(o.out, "final.safetensors"));
    text = slurp(o.out, "run.json", &size);
    ck_assert_ptr_nonnull(strstr(text, "\"status\": \"diverged\""));
    free(text);
    text = slurp(o.out, "history.csv", &size);
    ck_assert_str_eq(text, "iteration,trn_loss,lr,val_loss,val_acc\n");
    free(text);
}
END_TEST

START_TEST(test_session__weights_that_are_not_finite_are_not_saved)
{
    const struct clr_train_options o = options("not-finite");
    const float infinite = -INFINITY;
    char *path = join(dir, "not-finite.safetensors");
    struct session_update_result updates[SESSION_LOSSES];
    int count;
    struct session s;
    struct clr_error err;

    ck_assert_msg(session_plan(&s, &o, true, NULL, &err) == 0, "%s", err.message);
    ck_assert_msg(session_start(&s, &err) == 0, "%s", err.message);
    ck_assert_int_eq(session_update(&s, 0.015625, 0.9, &err), 0);
    ck_assert_int_eq(session_read_updates(&s, updates, &count, &err), 0);
    ck_assert_int_eq(count, 1);
    ck_assert_double_eq(updates[0].rate,
                        0.015625); /* the rate that the optimizer was given, not the schedule's */
    ck_assert_int_eq(ocl_write(s.replica.ctx, s.replica.params.w[1], 4, sizeof infinite, &infinite, &err), 0);
    ck_assert_int_eq(session_save_weights(&s, path, &err), CLR_EDIVERGED);
    ck_assert_ptr_nonnull(strstr(err.message, s.replica.params.info[1].name));
    ck_assert_ptr_nonnull(strstr(err.message, "(rate 0.01562)"));
    ck_assert(!fs_exists(path));
    session_clear(&s);
    free(path);
}
END_TEST

START_TEST(test_train__the_result_is_set_before_anything_fails)
{
    struct clr_train_options o = options("never");
    struct clr_train_result r;
    struct clr_error err;

    memset(&r, 0x5a, sizeof r);
    o.scale = 0.0;
    ck_assert_int_eq(clr_train(&o, &r, &err), CLR_EUSAGE);
    ck_assert_ptr_null(r.profile);
    ck_assert_uint_eq(r.iterations, 0);
    o.scale = NAN;
    o.mean = 3;
    ck_assert_int_eq(clr_train(&o, &r, &err), CLR_EUSAGE);
    o.mean = -1;
    o.out = "";
    ck_assert_int_eq(clr_train(&o, &r, &err), CLR_EFAILED);
}
END_TEST

START_TEST(test_train__run_json_holds_large_seeds_and_any_path)
{
    struct clr_train_options o = options("large-seed");
    struct clr_dataset odd = *data;
    char path[] = "/data/r\xe9seau";
    struct clr_train_result r;
    size_t size;
    char *text;

    o.seed = UINT64_MAX;
    o.iterations = 1;
    odd.path = path;
    str_copy(odd.name, sizeof odd.name, "\xe9");
    o.data = &odd;
    must_train(&o, &r);
    text = slurp(o.out, "run.json", &size);
    ck_assert_ptr_nonnull(strstr(text, "\"seed\": \"18446744073709551615\""));
    ck_assert_ptr_nonnull(strstr(text, "\"path\": \"/data/r?seau\""));
    free(text);
}
END_TEST

START_TEST(test_train__a_locked_folder_is_left_alone)
{
    struct clr_train_options o = options("locked");
    struct clr_train_result r;
    struct clr_error err;
    char *lock = join(o.out, ".lock");
    int fd;

    ck_assert_int_eq(fs_make_dirs(o.out, &err), 0);
    ck_assert_int_eq(fs_lock(lock, &fd, &err), 0);
    ck_assert_int_eq(clr_train(&o, &r, &err), CLR_EFAILED);
    ck_assert(there(o.out, ".lock"));
    ck_assert(!there(o.out, "run.json"));
    fs_unlock(fd);
    must_train(&o, &r); /* a lock of a process that has ended does not block */
    free(lock);
}
END_TEST

/* 60 images in batches of 25, a first epoch in file order: update 3 has the last ten, and its loss is their
 * mean. With a rate near 0 this equals the loss of the sixth update of a run with a batch of 10. */
START_TEST(test_train__the_loss_of_a_partial_batch_is_its_own_mean)
{
    struct clr_train_options keep = options("keep-25"), ten = options("ten");
    struct clr_train_result r;
    size_t size;
    char *a, *b;
    double x = NAN, y = NAN;

    keep.order = ten.order = CLR_ORDER_SEQUENTIAL;
    keep.schedule.min_lr = keep.schedule.max_lr = ten.schedule.min_lr = ten.schedule.max_lr = 1e-12;
    keep.last_batch = CLR_LAST_BATCH_KEEP;
    keep.batch = 25;
    keep.iterations = 3;
    ten.batch = 10;
    ten.iterations = 6;
    must_train(&keep, &r);
    must_train(&ten, &r);
    a = slurp(keep.out, "loss.csv", &size);
    b = slurp(ten.out, "loss.csv", &size);
    ck_assert(strstr(a, "\n3,") && sscanf(strstr(a, "\n3,"), "\n3,%lf", &x) == 1);
    ck_assert(strstr(b, "\n6,") && sscanf(strstr(b, "\n6,"), "\n6,%lf", &y) == 1);
    ck_assert_double_eq_tol(x, y, 1e-5);
    free(a);
    free(b);
}
END_TEST

START_TEST(test_train__corner_cases_of_validate_every)
{
    static const uint64_t every[] = {0, 1, 3, UINT64_MAX};
    static const int rows[] = {2, 4, 3, 2}; /* of 4 iterations */
    static const char *const names[] = {"every-0", "every-1", "every-3", "every-never"};
    struct clr_train_result r;

    for (size_t i = 0; i < MEM_COUNT(every); i++) {
        struct clr_train_options o = options(names[i]);
        size_t size;
        int count = -1; /* the header */
        char *text;
        o.iterations = 4;
        o.validate_every = every[i];
        must_train(&o, &r);
        text = slurp(o.out, "history.csv", &size);
        for (const char *p = text; (p = strchr(p, '\n')) != NULL; p++)
            count++;
        ck_assert_int_eq(count, rows[i]);
        free(text);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("train");
    TCase *tc = tcase_create("train");
    int status;

    if (runs_prepare() < 0)
        return 1;
    tcase_set_timeout(tc, 0);
    tcase_add_test(tc, test_train__writes_what_it_promises);
    tcase_add_test(tc, test_train__equal_runs_give_equal_bytes);
    tcase_add_test(tc, test_train__evaluation_changes_nothing);
    tcase_add_test(tc, test_train__a_run_is_never_overwritten);
    tcase_add_test(tc, test_train__divergence_is_reported_and_not_recorded);
    tcase_add_test(tc, test_train__a_stop_saves_what_there_is);
    tcase_add_test(tc, test_train__a_stop_ends_the_check_of_the_device);
    tcase_add_test(tc, test_train__what_does_not_fit_is_known_before);
    tcase_add_test(tc, test_train__options_out_of_range_are_refused);
    tcase_add_test(tc, test_train__a_partial_batch_is_kept_or_dropped);
    tcase_add_test(tc, test_train__init_must_match);
    tcase_add_test(tc, test_eval__agrees_with_the_last_row_and_the_confusion);
    tcase_add_test(tc, test_train__held_out_images_are_evaluated);
    tcase_add_test(tc, test_range_test__writes_curve_reading_and_figure);
    tcase_add_test(tc, test_range_test__stops_where_the_loss_diverges);
    tcase_add_test(tc, test_train__dropout_is_keyed_by_seed_and_sample);
    tcase_add_test(tc, test_train__optimizers_differ);
    tcase_add_test(tc, test_train__clips_gradients);
    tcase_add_test(tc, test_train__conventions_of_momentum_differ_as_the_rate_changes);
    tcase_add_test(tc, test_train__lr_mult_0_leaves_a_parameter_untouched);
    tcase_add_test(tc, test_train__decay_mult_0_means_no_decay);
    tcase_add_test(tc, test_train__mean_value_is_subtracted);
    tcase_add_test(tc, test_train__mean_values_must_be_as_many_as_channels);
    tcase_add_test(tc, test_train__phases_must_see_the_same_images);
    tcase_add_test(tc, test_eval__knows_the_mean_and_scale_of_the_training);
    tcase_add_test(tc, test_train__init_partial_takes_what_fits);
    tcase_add_test(tc, test_train__divergence_seen_only_in_the_evaluation);
    tcase_add_test(tc, test_session__weights_that_are_not_finite_are_not_saved);
    tcase_add_test(tc, test_train__the_result_is_set_before_anything_fails);
    tcase_add_test(tc, test_train__run_json_holds_large_seeds_and_any_path);
    tcase_add_test(tc, test_train__a_locked_folder_is_left_alone);
    tcase_add_test(tc, test_train__the_loss_of_a_partial_batch_is_its_own_mean);
    tcase_add_test(tc, test_train__corner_cases_of_validate_every);
    tcase_add_test(tc, test_train__fields_that_are_missing_are_named);
    tcase_add_test(tc, test_train__a_smaller_struct_is_refused);
    suite_add_tcase(s, tc);
    status = support_run(s, false);
    runs_finish();
    return status;
}
