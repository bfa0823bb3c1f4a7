/*
 * References of losses against PyTorch (float64; its calls are beside the values): the mean of the losses of
 * all images, and the gradients.
 */
#include "support.h"

#include <math.h>
#include <string.h>

#include "ops/op_class.h"

enum { IMAGES = 4, CLASSES = 3, COUNT = IMAGES * CLASSES };

#define NEAR(a, b) ck_assert_double_eq_tol(a, b, 1e-14)

static const double logits[COUNT] = {0.5, -1.25, 2.0, 3.0, 0.75, -0.5, -2.0, 0.25, 1.5, 0.0, 1.0, -1.0};
static const int32_t labels[IMAGES] = {2, 0, 1, 0};

/* torch.nn.functional.cross_entropy(logits, labels, ignore_index=…, label_smoothing=…, reduction=…) */
static const struct {
    float smoothing;
    struct op_ignore ignore;
    enum loss_normalization normalization;
    double loss, dx[COUNT];
} cross_entropy[] = {
    {0.0f,
     {false, 0},
     LOSS_VALID, /* mean */
     0.8231290921062739,
     {0.044205045526861074, 0.007681685081609108, -0.05188673060847018, -0.029851403004999,
      0.023203491411655484, 0.00664791159334352, 0.005733525749885109, -0.19560182227413067,
      0.18986829652424558, -0.18881788223630058, 0.16631023894370545, 0.02250764329259511}},
    {0.0f,
     {true, 0},
     LOSS_NONE, /* sum */
     1.757752245349668,
     {0.1768201821074443, 0.030726740326436432, -0.20754692243388073, 0.0, 0.0, 0.0, 0.022934102999540434,
      -0.7824072890965227, 0.7594731860969823, 0.0, 0.0, 0.0}},
    {0.25f,
     {false, 0},
     LOSS_NONE, /* sum */
     4.250849701758429,
     {0.09348684877411097, -0.05260659300689689, -0.0408802557672141, 0.04726105464667063,
      0.009480632313288606, -0.05674168695995925, -0.060399230333792894, -0.615740622429856,
      0.676139852763649, -0.5886048622785357, 0.5819076224414884, 0.006697239837047106}},
};

/* The mean of the losses that the reference of *d gives; gradients into dx. */
static double run(const struct op_desc *d, const double *x, double *dx)
{
    double sample[IMAGES], sum = 0.0;
    const struct op_ref r = {
        .n = IMAGES, .train = true, .x = {x}, .dx = {dx}, .sample = sample, .labels = labels};

    op_class(d->kind)->ref_forward(d, &r);
    if (op_class(d->kind)->ref_backward)
        op_class(d->kind)->ref_backward(d, &r);
    for (int i = 0; i < IMAGES; i++)
        sum += sample[i] / IMAGES;
    return sum;
}

START_TEST(test_losses__cross_entropy_as_in_pytorch)
{
    struct op_desc d = {.kind = OP_SOFTMAX_LOSS, .x_count = 1, .x = {{IMAGES, CLASSES, 1, 1}}};
    double dx[COUNT];

    d.u.loss.weight = 1.0f;
    d.u.loss.smoothing = cross_entropy[_i].smoothing;
    d.u.loss.ignore = cross_entropy[_i].ignore;
    d.u.loss.normalization = cross_entropy[_i].normalization;
    NEAR(run(&d, logits, dx), cross_entropy[_i].loss);
    for (int i = 0; i < COUNT; i++)
        NEAR(dx[i], cross_entropy[_i].dx[i]);
}
END_TEST

/* Caffe's VALID: of three images that count, the mean over these; the weight multiplies loss and gradient. */
START_TEST(test_losses__valid_images_count)
{
    struct op_desc d = {.kind = OP_SOFTMAX_LOSS, .x_count = 1, .x = {{IMAGES, CLASSES, 1, 1}}};
    double dx[COUNT], by_one[COUNT], loss;

    d.u.loss.weight = 1.0f;
    d.u.loss.ignore = (struct op_ignore){true, 1};
    d.u.loss.normalization = LOSS_NONE;
    loss = run(&d, logits, by_one);
    d.u.loss.weight = -2.0f;
    d.u.loss.normalization = LOSS_VALID;
    NEAR(run(&d, logits, dx), -2.0 * loss / 3.0);
    for (int i = 0; i < COUNT; i++)
        NEAR(dx[i], -2.0 * by_one[i] / 3.0);
}
END_TEST

static const double targets[COUNT] = {0.25, 0.5, 1.0, 0.0, 0.125, 1.5, -0.5, 0.75, 0.0, 1.0, 0.375, 0.625};

/* Of x = logits and t = targets, divided by the images, with gradients to both. */
static const struct {
    enum op_kind kind;
    double loss, dx[COUNT], dt[COUNT];
} of_values[] = {
    /* torch.nn.functional.binary_cross_entropy_with_logits(x, t, reduction='sum')/4 */
    {OP_SIGMOID_LOSS,
     2.80129267073454,
     {0.09311483280046365, -0.0693249652936728, -0.02980073050552942, 0.23814353170560834,
      0.13854467479384824, -0.2806148328004636, 0.1548007305055294, -0.04695587477855048, 0.2043936190484109,
      -0.125, 0.08901464465750122, -0.08901464465750122},
     {-0.125, 0.3125, -0.5, -0.75, -0.1875, 0.125, 0.5, -0.0625, -0.375, 0.0, -0.25, 0.25}},
    /* torch.nn.functional.mse_loss(x, t, reduction='sum')/8 */
    {OP_EUCLIDEAN_LOSS,
     3.287109375,
     {0.0625, -0.4375, 0.25, 0.75, 0.15625, -0.5, -0.375, -0.125, 0.375, -0.25, 0.15625, -0.40625},
     {-0.0625, 0.4375, -0.25, -0.75, -0.15625, 0.5, 0.375, 0.125, -0.375, 0.25, -0.15625, 0.40625}},
};

START_TEST(test_losses__of_values_as_in_pytorch)
{
    const struct shape s = {IMAGES, CLASSES, 1, 1};
    struct op_desc d = {
        .kind = of_values[_i].kind, .x_count = 2, .x = {s, s}, .backward = true, .need_dx = 3};
    double dx[COUNT], dt[COUNT], sample[IMAGES], sum = 0.0;
    const struct op_ref r = {
        .n = IMAGES, .x = {logits, targets}, .dx = {dx, dt}, .sample = sample, .labels = labels};

    d.u.loss.weight = 1.0f;
    d.u.loss.normalization = LOSS_BATCH_SIZE;
    op_class(d.kind)->ref_forward(&d, &r);
    for (int i = 0; i < IMAGES; i++)
        sum += sample[i] / IMAGES;
    NEAR(sum, of_values[_i].loss);
    for (int i = 0; i < COUNT; i++) {
        NEAR(dx[i], of_values[_i].dx[i]);
        NEAR(dt[i], of_values[_i].dt[i]);
    }
    d.u.loss.normalization = LOSS_FULL;
    op_class(d.kind)->ref_forward(&d, &r);
    NEAR(dx[0], of_values[_i].dx[0] / CLASSES);
}
END_TEST

/* The sums of the four images are 1.5, 2.25, 3.25, 3, those of the squares 2.25, 3.3125, 6.8125, 5. */
START_TEST(test_losses__hinge_by_hand)
{
    static const double l1[CLASSES] = {1.0, 0.0, 0.0}, l2[CLASSES] = {3.0, 0.0, 0.0};
    struct op_desc d = {.kind = OP_HINGE_LOSS, .x_count = 1, .x = {{IMAGES, CLASSES, 1, 1}}};
    double dx[COUNT];

    d.u.loss.weight = 1.0f;
    NEAR(run(&d, logits, dx), 2.5);
    for (int i = 0; i < CLASSES; i++)
        NEAR(dx[i], l1[i] / IMAGES);
    NEAR(dx[9], -1.0 / IMAGES); /* the label's */
    d.u.loss.norm = LOSS_L2;
    NEAR(run(&d, logits, dx), 4.34375);
    for (int i = 0; i < CLASSES; i++)
        NEAR(dx[i], l2[i] / IMAGES);
    NEAR(dx[9], -2.0 / IMAGES);
}
END_TEST

/* Pairs of distance 5: similar, (5 - 10)^2 / 2, (30 - 25) / 2, and too far apart to count. */
START_TEST(test_losses__contrastive_by_hand)
{
    static const double a[] = {3.0, 0.0}, b[] = {0.0, 4.0};
    static const struct {
        int32_t label;
        float margin;
        bool legacy;
        double loss, by; /* by: times (3, -4) in the gradient */
    } rows[] = {{1, 10.0f, false, 12.5, 1.0}, {0, 10.0f, false, 12.5, -1.0}, {0, 5.5f, false, 0.125, -0.1},
                {0, 30.0f, true, 2.5, -1.0},  {0, 4.0f, false, 0.0, 0.0},    {0, 10.0f, true, 0.0, 0.0}};

    for (size_t i = 0; i < MEM_COUNT(rows); i++) {
        const struct shape s = {1, 2, 1, 1};
        struct op_desc d = {
            .kind = OP_CONTRASTIVE_LOSS, .x_count = 2, .x = {s, s}, .backward = true, .need_dx = 3};
        double da[2], db[2], loss;
        const struct op_ref r = {
            .n = 1, .x = {a, b}, .dx = {da, db}, .sample = &loss, .labels = &rows[i].label};
        d.u.loss.weight = 1.0f;
        d.u.loss.margin = rows[i].margin;
        d.u.loss.legacy = rows[i].legacy;
        op_class(d.kind)->ref_forward(&d, &r);
        NEAR(loss, rows[i].loss);
        NEAR(da[0], rows[i].by * 3.0);
        NEAR(da[1], rows[i].by * -4.0);
        ck_assert(db[0] == -da[0] && db[1] == -da[1]);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("losses");
    TCase *tc = tcase_create("losses");

    tcase_add_loop_test(tc, test_losses__cross_entropy_as_in_pytorch, 0, (int)MEM_COUNT(cross_entropy));
    tcase_add_test(tc, test_losses__valid_images_count);
    tcase_add_test(tc, test_losses__hinge_by_hand);
    tcase_add_test(tc, test_losses__contrastive_by_hand);
    tcase_add_loop_test(tc, test_losses__of_values_as_in_pytorch, 0, (int)MEM_COUNT(of_values));
    suite_add_tcase(s, tc);
    return support_run(s, true);
}
