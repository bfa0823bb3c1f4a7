/* Losses of runs and evaluations: which images count, what is reported. CLR_TEST_DEVICE chooses one. */
#include <clr/clr.h>

#include "base/fs.h"
#include "runs.h"

#define DATA                                                                                                 \
    "layer { name: 'data' type: 'Data' top: 'data' top: 'label' transform_param { scale: 0.00390625 } }\n"
#define DENSE(name, x, outputs)                                                                              \
    "layer { name: '" name "' type: 'InnerProduct' bottom: '" x "' top: '" name                              \
    "' inner_product_param { num_output: " outputs " weight_filler { type: 'xavier' } } }\n"
#define LOSS(name, x, more)                                                                                  \
    "layer { name: '" name "' type: 'SoftmaxWithLoss' bottom: '" x "' bottom: 'label' " more " }\n"

#define TARGET(name, type, x, more)                                                                          \
    "layer { name: '" name "' type: '" type "' bottom: '" x "' bottom: 'data' " more " }\n"

/* A net from its text; free with clr_net_destroy(). */
static struct clr_net_spec *net_of(const char *text)
{
    struct clr_net_spec *spec = NULL;
    struct clr_error err;

    ck_assert_msg(clr_net_from_text(&spec, "test.prototxt", text, &err) == 0, "%s", err.message);
    return spec;
}

/* Train, and evaluate the weights; the caller frees the lists of *e. */
static void train_and_evaluate(const char *name, const struct clr_net_spec *spec, struct clr_train_result *r,
                               struct clr_eval_result *e)
{
    struct clr_train_options o = options(name);
    struct clr_error err;

    o.net = spec;
    must_train(&o, r);
    o.init = keep(o.out, "final.safetensors");
    ck_assert_msg(clr_eval(&o, e, &err) == 0, "%s", err.message);
}

/* Images of class 1 count neither in the accuracy nor in the table. */
START_TEST(test_losses__images_that_do_not_count)
{
    struct clr_net_spec *spec = net_of(DATA DENSE("ip", "data", "5") LOSS(
        "loss", "ip", "") "layer { name: 'hits' type: 'Accuracy' bottom: 'ip' bottom: 'label' "
                          "top: 'hits' accuracy_param { ignore_label: 1 } }\n");
    struct clr_train_result r;
    struct clr_eval_result e;
    int total = 0, right = 0, of_class = 0;

    train_and_evaluate("ignoring", spec, &r, &e);
    for (int i = 0; i < data->test.count; i++)
        of_class += data->test.labels[i] == 1;
    for (int i = 0; i < data->classes * data->classes; i++) {
        ck_assert(e.confusion[i] == 0 || i / data->classes != 1);
        total += e.confusion[i];
        right += i / data->classes == i % data->classes ? e.confusion[i] : 0;
    }
    ck_assert(of_class > 0);
    ck_assert_int_eq(total, data->test.count - of_class);
    ck_assert_double_eq_tol(e.accuracy, (double)right / total, 1e-12);
    free(e.confusion);
    free(e.losses);
    clr_net_destroy(spec);
}
END_TEST

/* A side loss counts a third, and one of weight 0 reads what the last one reads: it is reported alone. */
START_TEST(test_losses__every_loss_is_reported)
{
    struct clr_net_spec *spec =
        net_of(DATA DENSE("side", "data", "5") LOSS("third", "side", "loss_weight: 0.3")
                   DENSE("ip", "data", "5") LOSS("loss", "ip", "") LOSS("off", "ip", "loss_weight: 0"));
    struct clr_train_result r;
    struct clr_eval_result e;

    train_and_evaluate("losses", spec, &r, &e);
    ck_assert_int_eq(e.loss_count, 3);
    ck_assert_str_eq(e.losses[0].layer, "third");
    ck_assert_double_eq_tol(e.losses[0].weight, 0.3, 1e-7);
    ck_assert(e.losses[1].weight == 1.0 && e.losses[2].weight == 0.0);
    ck_assert(e.losses[1].loss > 0.0 && e.losses[2].loss == e.losses[1].loss);
    ck_assert_double_eq_tol(0.3 * e.losses[0].loss + e.losses[1].loss, e.loss, 1e-6);
    ck_assert(e.loss == r.val_loss);
    free(e.confusion);
    free(e.losses);
    clr_net_destroy(spec);
}
END_TEST

static char *read_text(const char *folder, const char *name)
{
    size_t size;

    return slurp(folder, name, &size);
}

#define AUTOENCODER                                                                                          \
    DATA DENSE("code", "data", "4") DENSE("image", "code", "120")                                            \
        TARGET("loss", "SigmoidCrossEntropyLoss", "image", "")                                               \
            TARGET("squares", "EuclideanLoss", "image", "loss_weight: 0")

/* The column of accuracies is empty, evaluations are of the loss alone, a resumed run has the same bytes. */
START_TEST(test_losses__of_values_have_no_accuracy)
{
    struct clr_net_spec *spec = net_of(AUTOENCODER);
    struct clr_train_options whole = options("values"), parts = options("values-parts");
    struct clr_train_result r;
    struct clr_eval_result e;
    struct clr_trainer *t;
    struct clr_error err;
    float probabilities[8];
    uint8_t pixels[120] = {0};
    char *text, *line;

    whole.net = parts.net = spec;
    whole.iterations = parts.iterations = 12;
    whole.validate_every = parts.validate_every = 4;
    must_train(&whole, &r);
    ck_assert(isfinite(r.val_loss) && isnan(r.val_acc) && isnan(r.best_acc) && r.best_loss <= r.val_loss);
    text = read_text(whole.out, "history.csv");
    for (line = strchr(text, '\n'); line[1]; line = strchr(line + 1, '\n'))
        ck_assert_msg(strchr(line + 1, '\n')[-1] == ',', "%s", text);
    free(text);
    parts.iterations = 8;
    must_train(&parts, &r);
    parts.iterations = 12;
    parts.resume = true;
    must_train(&parts, &r);
    ck_assert(equal_files(whole.out, parts.out, "final.safetensors"));
    whole.init = keep(whole.out, "final.safetensors");
    ck_assert_msg(clr_eval(&whole, &e, &err) == 0, "%s", err.message);
    ck_assert(isnan(e.accuracy) && !e.confusion && e.loss == r.val_loss);
    ck_assert(e.loss_count == 2 && e.losses[0].loss == e.loss && e.losses[1].loss > 0.0);
    free(e.losses);
    ck_assert_msg(clr_trainer_create(&t, &whole, &err) == 0, "%s", err.message);
    ck_assert_int_eq(clr_trainer_predict(t, pixels, 1, probabilities, &err), CLR_EUSAGE);
    clr_trainer_destroy(t);
    clr_net_destroy(spec);
}
END_TEST

#define SIAMESE_FEATURE(name, x)                                                                             \
    "layer { name: '" name "' type: 'InnerProduct' bottom: '" x "' top: '" name "' param { name: 'w' } "     \
    "param { name: 'b' } inner_product_param { num_output: 2 weight_filler { type: 'xavier' } } }\n"
#define SIAMESE                                                                                              \
    DATA "layer { name: 'slice' type: 'Slice' bottom: 'data' top: 'one' top: 'other' }\n" SIAMESE_FEATURE(   \
        "a", "one") SIAMESE_FEATURE("b", "other") "layer { name: 'loss' type: 'ContrastiveLoss' bottom: "    \
                                                  "'a' bottom: 'b' bottom: 'label' }\n"

/* Pairs are drawn anew in every epoch, and with another seed; a resumed run has the same. */
START_TEST(test_losses__of_pairs)
{
    struct clr_net_spec *spec = net_of(SIAMESE);
    struct clr_train_options whole = options("pairs"), parts = options("pairs-parts"),
                             seed = options("pairs-seed");
    struct clr_train_result r;
    char *text, *first, *second;

    whole.net = parts.net = seed.net = spec;
    whole.order = parts.order = seed.order = CLR_ORDER_SEQUENTIAL;
    whole.batch = parts.batch = seed.batch = data->train.count; /* an update is an epoch */
    whole.iterations = parts.iterations = seed.iterations = 6;
    whole.schedule.lr = parts.schedule.lr = seed.schedule.lr = 1e-12; /* only the pairs change */
    whole.log_every = parts.log_every = seed.log_every = 1;
    must_train(&whole, &r);
    ck_assert(isfinite(r.val_loss) && isnan(r.val_acc));
    text = read_text(whole.out, "loss.csv");
    first = strstr(text, "\n1,") + 3;
    second = strstr(text, "\n2,") + 3;
    ck_assert(strtod(first, NULL) > 0.0 && fabs(strtod(first, NULL) - strtod(second, NULL)) > 1e-5);
    free(text);
    parts.iterations = 3;
    must_train(&parts, &r);
    parts.iterations = 6;
    parts.resume = true;
    must_train(&parts, &r);
    ck_assert(equal_files(whole.out, parts.out, "final.safetensors"));
    seed.seed = 2;
    must_train(&seed, &r);
    ck_assert(!equal_files(whole.out, seed.out, "loss.csv"));
    clr_net_destroy(spec);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("losses");
    TCase *tc = tcase_create("losses");
    int status;

    if (runs_prepare() < 0)
        return 1;
    tcase_set_timeout(tc, 0);
    tcase_add_test(tc, test_losses__images_that_do_not_count);
    tcase_add_test(tc, test_losses__every_loss_is_reported);
    tcase_add_test(tc, test_losses__of_values_have_no_accuracy);
    tcase_add_test(tc, test_losses__of_pairs);
    suite_add_tcase(s, tc);
    status = support_run(s, false);
    runs_finish();
    return status;
}
