/*
 * Whole runs of a tiny net on a tiny data set: what is written, equal bytes, how runs end that do not go
 * through. CLR_TEST_DEVICE chooses the device.
 */
#include <math.h>
#include <sys/stat.h>

#include <clr/clr.h>

#include "support.h"

#include "base/fs.h"

static const char *root;
static struct clr_device device;
static struct clr_net_spec *net;
static struct clr_dataset *data;
static const char *dir; /* of all runs; each has a folder in it */

static char *join(const char *a, const char *b)
{
    char *path = NULL;

    ck_assert_int_eq(fs_join(&path, a, b, NULL), 0);
    return path;
}

/* Paths and options must outlive a run; the tests are short, so nothing is freed before the end. */
static struct clr_train_options options(const char *name)
{
    struct clr_train_options o;

    clr_train_options_init(&o);
    o.net = net;
    o.net_name = "tiny-within";
    o.data = data;
    o.data_name = "tiny-data";
    o.device = &device;
    o.out = join(dir, name);
    o.schedule.policy = CLR_POLICY_TRIANGULAR;
    o.schedule.min_lr = 0.05;
    o.schedule.max_lr = 0.2;
    o.schedule.step_size = 5;
    o.iterations = 23;
    o.batch = 12;
    o.validate_every = 10;
    o.log_every = 1;
    return o;
}

static void must_train(const struct clr_train_options *o, struct clr_train_result *r)
{
    struct clr_error err;

    ck_assert_msg(clr_train(o, r, &err) == 0, "%s", err.message);
    free(r->profile);
    r->profile = NULL;
}

static char *slurp(const char *folder, const char *name, size_t *size)
{
    char *path = join(folder, name), *text = NULL;
    struct clr_error err;

    ck_assert_msg(fs_read(path, 1 << 24, &text, size, &err) == 0, "%s", err.message);
    free(path);
    return text;
}

static bool equal_files(const char *a, const char *b, const char *name)
{
    size_t na, nb;
    char *ta = slurp(a, name, &na), *tb = slurp(b, name, &nb);
    const bool equal = na == nb && memcmp(ta, tb, na) == 0;

    free(ta);
    free(tb);
    return equal;
}

static bool there(const char *folder, const char *name)
{
    char *path = join(folder, name);
    const bool yes = fs_exists(path);

    free(path);
    return yes;
}

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

START_TEST(test_train__divergence_is_told_and_not_recorded)
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
    o.init = join(first.out, "final.safetensors");
    must_train(&o, &r);
    o = options("init-bad");
    o.init = join(join(root, "tests/golden/tiny-across"), "init.safetensors");
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
    o.init = join(o.out, "final.safetensors");
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
    o.init = join(o.out, "final.safetensors");
    ck_assert_msg(clr_eval(&o, &e, &err) == 0, "%s", err.message);
    ck_assert_int_eq(e.count, 20);
    ck_assert(e.accuracy == r.val_acc);
    free(e.confusion);
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

static int prepare(void)
{
    struct clr_device *list = NULL;
    struct clr_error err;
    size_t count, chosen;
    char *net_path = NULL, *data_path = NULL;

    root = getenv("CLR_SOURCE_ROOT");
    if (!root)
        root = ".";
    dir = support_temp_dir();
    if (fs_join(&net_path, root, "tests/golden/tiny-within/net.prototxt", &err) < 0 ||
        fs_join(&data_path, root, "tests/golden/tiny-data", &err) < 0 ||
        clr_device_list(&list, &count, &err) < 0 ||
        clr_device_select(&chosen, list, count, getenv("CLR_TEST_DEVICE"), &err) < 0 ||
        clr_net_load(&net, net_path, &err) < 0 || clr_dataset_open(&data, data_path, &err) < 0) {
        printf("%s\n0 passed, 1 failed, 0 skipped\n", err.message);
        return -1;
    }
    device = list[chosen];
    free(list);
    free(net_path);
    free(data_path);
    return 0;
}

int main(void)
{
    Suite *s = suite_create("train");
    TCase *tc = tcase_create("train");
    int status;

    if (prepare() < 0)
        return 1;
    tcase_set_timeout(tc, 0);
    tcase_add_test(tc, test_train__writes_what_it_promises);
    tcase_add_test(tc, test_train__equal_runs_give_equal_bytes);
    tcase_add_test(tc, test_train__evaluation_changes_nothing);
    tcase_add_test(tc, test_train__a_run_is_never_overwritten);
    tcase_add_test(tc, test_train__divergence_is_told_and_not_recorded);
    tcase_add_test(tc, test_train__a_stop_saves_what_there_is);
    tcase_add_test(tc, test_train__what_does_not_fit_is_known_before);
    tcase_add_test(tc, test_train__options_out_of_range_are_refused);
    tcase_add_test(tc, test_train__a_partial_batch_is_kept_or_dropped);
    tcase_add_test(tc, test_train__init_must_match);
    tcase_add_test(tc, test_eval__agrees_with_the_last_row_and_the_confusion);
    tcase_add_test(tc, test_train__held_out_images_are_evaluated);
    tcase_add_test(tc, test_range_test__writes_curve_reading_and_figure);
    tcase_add_test(tc, test_range_test__stops_where_the_loss_diverges);
    suite_add_tcase(s, tc);
    status = support_run(s, false);
    clr_net_free(net);
    clr_dataset_destroy(data);
    return status;
}
