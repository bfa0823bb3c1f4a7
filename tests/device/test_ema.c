/* Averages of the weights: what they are of, that they are evaluated, saved and resumed. CLR_TEST_DEVICE. */
#include <clr/clr.h>

#include <float.h>
#include <math.h>

#include "runs.h"

#include "net/safetensors.h"

#define DECAY   0.75
#define UPDATES 4

static void read_weights(struct st_file *out, const char *folder, const char *name)
{
    char *path = join(folder, name);
    struct clr_error err;

    ck_assert_msg(safetensors_read(out, path, &err) == 0, "%s", err.message);
    free(path);
}

static struct clr_train_options averaging(const char *name)
{
    struct clr_train_options o = options(name);

    o.ema = DECAY;
    return o;
}

/* e_0 = w_0, e_k = De_(k−1) + (1 − D)w_k, where w_k is what a run of k updates ends with. */
START_TEST(test_ema__is_of_the_weights_after_each_update)
{
    struct clr_train_options o = options("first");
    char *init = join(o.out, "final.safetensors");
    struct st_file expected, weights, average;
    struct clr_train_result r;

    o.iterations = 1;
    must_train(&o, &r);
    ck_assert(isnan(r.ema_loss) && isnan(r.ema_acc) && !there(o.out, "ema.safetensors"));
    read_weights(&expected, o.out, "final.safetensors");
    for (uint64_t k = 1; k <= UPDATES; k++) {
        char name[16];
        (void)snprintf(name, sizeof name, "updates-%d", (int)k);
        o = k < UPDATES ? options(name) : averaging(name);
        o.init = init;
        o.iterations = k;
        must_train(&o, &r);
        read_weights(&weights, o.out, "final.safetensors");
        for (size_t i = 0; i < weights.count; i++)
            for (size_t j = 0; j < weights.tensors[i].count; j++)
                expected.tensors[i].data[j] = (float)(DECAY * (double)expected.tensors[i].data[j] +
                                                      (1.0 - DECAY) * (double)weights.tensors[i].data[j]);
        safetensors_clear(&weights);
    }
    read_weights(&average, o.out, "ema.safetensors");
    ck_assert_uint_eq(average.count, expected.count);
    for (size_t i = 0; i < average.count; i++)
        for (size_t j = 0; j < average.tensors[i].count; j++)
            ck_assert_float_eq_tol(average.tensors[i].data[j], expected.tensors[i].data[j], 1e-6f);
    safetensors_clear(&average);
    safetensors_clear(&expected);
    free(init);
}
END_TEST

/* The average is evaluated and changes nothing else: neither weights nor what is recorded of them. */
START_TEST(test_ema__is_evaluated_beside_the_weights)
{
    struct clr_train_options with = averaging("with"), without = options("without"), eval;
    struct clr_train_result r, plain;
    struct clr_eval_result e;
    struct clr_error err;
    char *path = join(with.out, "ema.safetensors"), *rows, *last;
    size_t size;

    must_train(&with, &r);
    must_train(&without, &plain);
    ck_assert(equal_files(with.out, without.out, "final.safetensors"));
    ck_assert(equal_files(with.out, without.out, "loss.csv"));
    ck_assert(r.val_loss == plain.val_loss && r.val_acc == plain.val_acc);
    eval = with;
    eval.init = path;
    ck_assert_msg(clr_eval(&eval, &e, &err) == 0, "%s", err.message);
    ck_assert(e.loss == r.ema_loss && e.accuracy == r.ema_acc && e.loss != r.val_loss);
    rows = slurp(with.out, "history.csv", &size);
    ck_assert_ptr_eq(strstr(rows, "iteration,trn_loss,lr,val_loss,val_acc,ema_loss,ema_acc\n"), rows);
    last = strrchr(rows, ',') + 1; /* of the last row */
    ck_assert_double_eq_tol(strtod(last, NULL), r.ema_acc, 1e-9);
    free(rows);
    free(e.confusion);
    free(e.losses);
    free(path);
}
END_TEST

START_TEST(test_ema__is_resumed)
{
    struct clr_train_options whole = averaging("whole"), part = averaging("part");
    struct clr_train_result r;
    struct clr_error err;

    must_train(&whole, &r);
    part.iterations = 13;
    must_train(&part, &r);
    part.iterations = whole.iterations;
    part.resume = true;
    part.ema = 0.5;
    ck_assert_int_eq(clr_train(&part, &r, &err), CLR_EUSAGE);
    ck_assert_ptr_nonnull(strstr(err.message, "`ema` 0.5"));
    part.ema = 0.0;
    ck_assert_int_eq(clr_train(&part, &r, &err), CLR_EUSAGE);
    part.ema = whole.ema;
    must_train(&part, &r);
    ck_assert(equal_files(whole.out, part.out, "ema.safetensors"));
    ck_assert(equal_files(whole.out, part.out, "final.safetensors"));
    part.ema = 1.0;
    ck_assert_int_eq(clr_train(&part, &r, &err), CLR_EUSAGE);
    part.ema = 1.0 - 1e-9; /* in float32, this is 1 */
    ck_assert_int_eq(clr_train(&part, &r, &err), CLR_EUSAGE);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("ema");
    TCase *tc = tcase_create("ema");
    int status;

    if (runs_prepare() < 0)
        return 1;
    tcase_set_timeout(tc, 0);
    tcase_add_test(tc, test_ema__is_of_the_weights_after_each_update);
    tcase_add_test(tc, test_ema__is_evaluated_beside_the_weights);
    tcase_add_test(tc, test_ema__is_resumed);
    suite_add_tcase(s, tc);
    status = support_run(s, false);
    runs_finish();
    return status;
}
