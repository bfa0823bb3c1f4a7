/* Training step by step, against runs of clr_train(). CLR_TEST_DEVICE chooses the device. */
#include <clr/clr.h>

#include <float.h>
#include <math.h>

#include "runs.h"

#include "net/safetensors.h"

static struct clr_trainer *new_trainer(const struct clr_train_options *o)
{
    struct clr_trainer *t;
    struct clr_error err;

    ck_assert_msg(clr_trainer_create(&t, o, &err) == 0, "%s", err.message);
    return t;
}

/* Updates first + 1 … last by the schedule. */
static void take_steps(struct clr_trainer *t, const struct clr_train_options *o, uint64_t first,
                       uint64_t last)
{
    struct clr_error err;

    for (uint64_t i = first; i < last; i++)
        ck_assert_msg(clr_trainer_step(t, clr_schedule_lr(&o->schedule, i),
                                       clr_schedule_momentum(&o->schedule, i), NULL, &err) == 0,
                      "%s", err.message);
}

START_TEST(test_trainer__steps_lead_where_a_run_does)
{
    struct clr_train_options o = options("run"), plain = o;
    struct clr_train_result r;
    struct clr_trainer *t;
    struct clr_error err;
    double loss, accuracy, last;
    char *path = join(dir, "steps.safetensors"), *end = join(o.out, "final.safetensors"), *a, *b;
    size_t a_size, b_size;

    must_train(&o, &r);
    plain.out = NULL;
    plain.iterations = plain.log_every = 0;
    plain.schedule.lr = NAN;
    t = new_trainer(&plain);
    take_steps(t, &o, 0, 11);
    ck_assert_int_eq(clr_trainer_evaluate(t, &loss, &accuracy, &err), 0); /* changes nothing */
    take_steps(t, &o, 11, o.iterations - 1);
    ck_assert_int_eq(clr_trainer_step(t, clr_schedule_lr(&o.schedule, o.iterations - 1), 0.9, &last, &err),
                     0);
    ck_assert(last > 0.0 && last < 10.0);
    ck_assert_int_eq(clr_trainer_evaluate(t, &loss, &accuracy, &err), 0);
    ck_assert(loss == r.val_loss && accuracy == r.val_acc);
    ck_assert_int_eq(clr_trainer_save(t, path, &err), 0);
    a = slurp(dir, "steps.safetensors", &a_size);
    b = slurp(o.out, "final.safetensors", &b_size);
    ck_assert(a_size == b_size && memcmp(a, b, a_size) == 0);
    free(a);
    free(b);
    free(path);
    free(end);
    clr_trainer_destroy(t);
}
END_TEST

/* Are the losses that the caller gets those of the run's loss.csv? */
START_TEST(test_trainer__losses_are_those_of_each_batch)
{
    struct clr_train_options o = options("losses");
    struct clr_train_result r;
    struct clr_trainer *t;
    struct clr_error err;
    char *csv, *line;
    size_t size;

    must_train(&o, &r);
    csv = slurp(o.out, "loss.csv", &size);
    line = strchr(csv, '\n') + 1;
    t = new_trainer(&o);
    for (uint64_t i = 0; i < o.iterations; i++, line = strchr(line, '\n') + 1) {
        double loss;
        ck_assert_int_eq(clr_trainer_step(t, clr_schedule_lr(&o.schedule, i), 0.9, &loss, &err), 0);
        ck_assert_double_eq_tol(loss, strtod(strchr(line, ',') + 1, NULL), 1e-8 * loss);
    }
    free(csv);
    clr_trainer_destroy(t);
}
END_TEST

START_TEST(test_trainer__predictions_are_what_the_evaluation_counts)
{
    struct clr_train_options o = options("predicted");
    const int n = data->test.count, classes = data->classes;
    const size_t size = (size_t)data->channels * (size_t)data->height * (size_t)data->width;
    struct clr_trainer *t = new_trainer(&o);
    struct clr_error err;
    float *p = malloc(((size_t)n * (size_t)classes + 1) * sizeof *p),
          *one = malloc((size_t)classes * sizeof *one);
    double loss, accuracy, sum_loss = 0.0;
    int right = 0;

    ck_assert(p && one);
    p[n * classes] = -7.0f;
    take_steps(t, &o, 0, o.iterations);
    ck_assert_int_eq(clr_trainer_evaluate(t, &loss, &accuracy, &err), 0);
    ck_assert_msg(clr_trainer_predict(t, data->test.pixels, n, p, &err) == 0, "%s", err.message);
    ck_assert(p[n * classes] == -7.0f);
    for (int i = 0; i < n; i++) {
        double sum = 0.0;
        int best = 0;
        for (int k = 0; k < classes; k++) {
            sum += (double)p[i * classes + k];
            best = p[i * classes + k] > p[i * classes + best] ? k : best;
        }
        ck_assert_double_eq_tol(sum, 1.0, 1e-5);
        right += best == data->test.labels[i];
        sum_loss -= log((double)p[i * classes + data->test.labels[i]]);
    }
    ck_assert_double_eq_tol((double)right / n, accuracy, 1e-12);
    ck_assert_double_eq_tol(sum_loss / n, loss, 1e-5);
    ck_assert_int_eq(clr_trainer_predict(t, data->test.pixels + 3 * size, 1, one, &err),
                     0); /* one image alone */
    for (int k = 0; k < classes; k++)
        ck_assert(one[k] == p[3 * classes + k]);
    ck_assert_int_eq(clr_trainer_predict(t, NULL, 0, NULL, &err), 0);
    ck_assert_int_eq(clr_trainer_predict(t, NULL, -1, NULL, &err), CLR_EUSAGE);
    free(p);
    free(one);
    clr_trainer_destroy(t);
}
END_TEST

/* Training on images in memory equals training on files. */
START_TEST(test_trainer__images_may_be_in_memory)
{
    struct clr_train_options o = options("memory");
    const struct clr_dataset_images images = {.size = sizeof images,
                                              .name = "mine",
                                              .channels = data->channels,
                                              .height = data->height,
                                              .width = data->width,
                                              .classes = data->classes,
                                              .train = data->train,
                                              .test = data->test};
    struct clr_trainer *a = new_trainer(&o), *b;
    struct clr_dataset *mine;
    struct clr_error err;
    double loss[2], accuracy[2];

    ck_assert_int_eq(clr_dataset_create(&mine, &images, &err), 0);
    ck_assert_str_eq(mine->checksum, data->checksum);
    o.data = mine;
    b = new_trainer(&o);
    take_steps(a, &o, 0, 5);
    take_steps(b, &o, 0, 5);
    ck_assert_int_eq(clr_trainer_evaluate(a, &loss[0], &accuracy[0], &err), 0);
    ck_assert_int_eq(clr_trainer_evaluate(b, &loss[1], &accuracy[1], &err), 0);
    ck_assert(loss[0] == loss[1] && accuracy[0] == accuracy[1]);
    clr_trainer_destroy(a);
    clr_trainer_destroy(b);
    clr_dataset_destroy(mine);
}
END_TEST

START_TEST(test_trainer__a_loss_that_is_not_finite_is_an_error)
{
    struct clr_train_options o = options("diverged");
    struct clr_trainer *t = new_trainer(&o);
    struct clr_error err;
    double loss = -7.0, accuracy = -7.0;
    int rc = 0;

    for (int i = 0; i < 80 && rc == 0; i++) /* nothing waits: reported when the list of losses is full */
        rc = clr_trainer_step(t, 1e30, 0.9, NULL, &err);
    ck_assert_int_eq(rc, CLR_EDIVERGED);
    ck_assert_ptr_nonnull(strstr(err.message, "lower the rate"));
    ck_assert_int_eq(clr_trainer_evaluate(t, &loss, &accuracy, &err), CLR_EDIVERGED);
    ck_assert(loss == -7.0 && accuracy == -7.0); /* untouched */
    ck_assert_int_eq(clr_trainer_predict(t, data->test.pixels, 1, (float[100]){0}, &err), CLR_EDIVERGED);
    ck_assert_int_eq(clr_trainer_save(t, keep(dir, "diverged.safetensors"), &err), CLR_EDIVERGED);
    ck_assert(!there(dir, "diverged.safetensors"));
    clr_trainer_destroy(t);
}
END_TEST

/* One logit is minus infinity, the others are finite: its class would have the probability 0. */
START_TEST(test_trainer__every_output_must_be_finite)
{
    struct clr_train_options o = options("infinite");
    struct clr_trainer *t = new_trainer(&o);
    struct st_file file;
    struct st_tensor *bias, *weight;
    struct clr_error err;
    float p[100];
    double loss;

    o.init = keep(dir, "infinite.safetensors");
    ck_assert_int_eq(clr_trainer_save(t, o.init, &err), 0);
    ck_assert_int_eq(clr_trainer_predict(t, data->test.pixels, 1, p, &err), 0);
    clr_trainer_destroy(t);
    ck_assert_int_eq(safetensors_read(&file, o.init, &err), 0);
    bias = (struct st_tensor *)(uintptr_t)safetensors_find(&file, "ip1.bias");
    weight = (struct st_tensor *)(uintptr_t)safetensors_find(&file, "ip2.weight");
    ck_assert(bias && weight && bias->count == weight->dims[1]);
    for (size_t i = 0; i < bias->count; i++) {
        bias->data[i] = 10.0f; /* of a ReLU: its output is above 0 */
        weight->data[i] = -FLT_MAX;
    }
    ck_assert_int_eq(safetensors_write(o.init, &file, &err), 0);
    safetensors_clear(&file);
    t = new_trainer(&o);
    ck_assert_int_eq(clr_trainer_predict(t, data->test.pixels, 1, p, &err), CLR_EDIVERGED);
    ck_assert_int_eq(clr_trainer_step(t, 0.01, 0.9, &loss, &err), CLR_EDIVERGED); /* before any update */
    ck_assert_msg(strstr(err.message, "initial weights") != NULL, "%s", err.message);
    clr_trainer_destroy(t);
}
END_TEST

/* Squares of these gradients are beyond float32. Were they shortened to 0, the weights would stand still. */
START_TEST(test_trainer__gradients_whose_norm_is_not_finite)
{
    static const char text[] =
        "layer { name: 'data' type: 'Data' top: 'data' top: 'label' transform_param { scale: 0.01 } }\n"
        "layer { name: 'ip' type: 'InnerProduct' bottom: 'data' top: 'ip' inner_product_param { num_output: "
        "5 "
        "weight_filler { type: 'xavier' } } }\n"
        "layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: 'ip' bottom: 'label' loss_weight: 1e30 }\n";
    struct clr_train_options o = options("far");
    struct clr_net_spec *spec = NULL;
    struct clr_trainer *t;
    struct clr_error err;
    double loss;

    ck_assert_msg(clr_net_from_text(&spec, "far", text, &err) == 0, "%s", err.message);
    o.net = spec;
    o.unchecked = true;
    o.clip_gradients = 1.0;
    t = new_trainer(&o);
    ck_assert_int_eq(clr_trainer_step(t, 0.01, 0.9, &loss, &err), 0);
    ck_assert(loss > 1e30);
    ck_assert_int_eq(clr_trainer_step(t, 0.01, 0.9, &loss, &err), CLR_EDIVERGED);
    clr_trainer_destroy(t);
    clr_net_destroy(spec);
}
END_TEST

START_TEST(test_trainer__what_is_out_of_range_is_refused)
{
    struct clr_train_options o = options("refused"), none = o, bad[] = {o, o, o, o, o, o, o, o};
    static const char *const says[] = {"`convention`", "`order`",        "`last_batch`", "`mean`",
                                       "`scale`",      "`weight_decay`", "`epsilon`",    "`net_name`"};
    const double rates[] = {NAN, -0.1, INFINITY, 1e60, 1e-60};
    struct clr_trainer *t = NULL;
    struct clr_error err;

    none.net = NULL;
    ck_assert_int_eq(clr_trainer_create(&t, &none, &err), CLR_EUSAGE);
    ck_assert_ptr_null(t); /* untouched */
    none = o;
    none.batch = 0;
    ck_assert_int_eq(clr_trainer_create(&t, &none, &err), CLR_EUSAGE);
    bad[0].convention = (enum clr_momentum_convention)9;
    bad[1].order = (enum clr_order)9;
    bad[2].last_batch = (enum clr_last_batch)9;
    bad[3].mean = -2;
    bad[4].scale = 1e-50; /* of float32, this is 0 */
    bad[5].weight_decay = 1e300;
    bad[6].epsilon = 1e-50;
    bad[7].net_name = "\xff"; /* clr_trainer_save() would fail */
    for (size_t i = 0; i < MEM_COUNT(bad); i++) {
        ck_assert_int_eq(clr_trainer_create(&t, &bad[i], &err), CLR_EUSAGE);
        ck_assert_ptr_nonnull(strstr(err.message, says[i]));
    }
    t = new_trainer(&o);
    for (size_t i = 0; i < MEM_COUNT(rates); i++)
        ck_assert_int_eq(clr_trainer_step(t, rates[i], 0.9, NULL, &err), CLR_EUSAGE);
    ck_assert_int_eq(clr_trainer_step(t, 0.0, 0.9, NULL, &err), 0);
    ck_assert_int_eq(clr_trainer_step(t, 0.1, 1.0, NULL, &err), CLR_EUSAGE);
    clr_trainer_destroy(t);
    o.optimizer = CLR_OPTIMIZER_ADAGRAD; /* the schedule's momentum, 0.9, is not read */
    t = new_trainer(&o);
    ck_assert_int_eq(clr_trainer_step(t, 0.1, 0.9, NULL, &err), CLR_EUSAGE);
    ck_assert_int_eq(clr_trainer_step(t, 0.1, 0.0, NULL, &err), 0);
    clr_trainer_destroy(t);
    clr_trainer_destroy(NULL);
}
END_TEST

/* Before anything is written. */
START_TEST(test_trainer__a_run_is_refused_whose_settings_are_none)
{
    struct clr_train_options o = options("none");
    struct clr_train_result r;
    struct clr_range_result range;
    struct clr_error err;

    ck_assert_int_eq(clr_range_test(&o, (enum clr_sweep)9, &range, &err), CLR_EUSAGE);
    ck_assert_ptr_nonnull(strstr(err.message, "`sweep`"));
    o.command_line = "clr-cl \xff";
    ck_assert_int_eq(clr_train(&o, &r, &err), CLR_EUSAGE);
    ck_assert_ptr_nonnull(strstr(err.message, "the command line is not UTF-8"));
    o.out = keep(dir, "b\xffk");
    ck_assert_int_eq(clr_train(&o, &r, &err), CLR_EUSAGE);
    ck_assert_ptr_nonnull(strstr(err.message, "`out`"));
    ck_assert(!fs_exists(o.out));
}
END_TEST

/* The table of so many classes has more elements than an int can count, nearly all of them never touched. */
START_TEST(test_trainer__a_data_set_may_have_many_classes)
{
    enum { CLASSES = 46400, LAST = CLASSES - 1 };
    static const char text[] = "layer { name: 'd' type: 'Data' top: 'd' top: 'l' }\n"
                               "layer { name: 'ip' type: 'InnerProduct' bottom: 'd' top: 'ip' "
                               "inner_product_param { num_output: 46400 } }\n"
                               "layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: 'ip' bottom: 'l' }\n";
    struct clr_train_options o = options("many");
    uint8_t pixels[] = {1, 1};
    int32_t labels[] = {LAST, LAST};
    const struct clr_dataset_images images = {
        .size = sizeof images,
        .name = "many",
        .channels = 1,
        .height = 1,
        .width = 1,
        .classes = CLASSES,
        .train = {2, pixels, labels},
        .test = {2, pixels, labels},
    };
    struct clr_net_spec *many = NULL;
    struct clr_dataset *set = NULL;
    struct clr_eval_result e;
    struct clr_trainer *t;
    struct clr_error err;
    char *weights = join(dir, "many.safetensors");
    int rc;

    ck_assert_msg(clr_net_from_text(&many, "many", text, &err) == 0, "%s", err.message);
    ck_assert_msg(clr_dataset_create(&set, &images, &err) == 0, "%s", err.message);
    o.net = many;
    o.data = set;
    o.batch = 2;
    o.unchecked = true;
    t = new_trainer(&o);
    ck_assert_int_eq(clr_trainer_save(t, weights, &err), 0);
    clr_trainer_destroy(t);
    o.init = weights;
    rc = clr_eval(&o, &e, &err);
    if (rc == CLR_ENOMEM) {
        support_skip(err.message);
    } else {
        ck_assert_msg(rc == 0, "%s", err.message);
        ck_assert_int_eq(e.confusion[(size_t)LAST * CLASSES], 2); /* equal logits: the first class */
        free(e.confusion);
        free(e.losses);
    }
    clr_dataset_destroy(set);
    clr_net_destroy(many);
    free(weights);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("trainer");
    TCase *tc = tcase_create("trainer");
    int rc;

    if (runs_prepare() < 0)
        return 1;
    tcase_set_timeout(tc, 0);
    tcase_add_test(tc, test_trainer__steps_lead_where_a_run_does);
    tcase_add_test(tc, test_trainer__losses_are_those_of_each_batch);
    tcase_add_test(tc, test_trainer__predictions_are_what_the_evaluation_counts);
    tcase_add_test(tc, test_trainer__images_may_be_in_memory);
    tcase_add_test(tc, test_trainer__a_loss_that_is_not_finite_is_an_error);
    tcase_add_test(tc, test_trainer__every_output_must_be_finite);
    tcase_add_test(tc, test_trainer__gradients_whose_norm_is_not_finite);
    tcase_add_test(tc, test_trainer__what_is_out_of_range_is_refused);
    tcase_add_test(tc, test_trainer__a_run_is_refused_whose_settings_are_none);
    tcase_add_test(tc, test_trainer__a_data_set_may_have_many_classes);
    suite_add_tcase(suite, tc);
    rc = support_run(suite, false);
    runs_finish();
    return rc;
}
