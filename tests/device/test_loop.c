/*
 * Which images a run trains on, and at which rates, against runs and single updates that get both in another
 * way. CLR_TEST_DEVICE chooses the device.
 */
#include <clr/clr.h>

#include "data/order.h"
#include "runs.h"
#include "train/session.h"

/* Pixels that begin on a page, as those of a data set. Free with free(). */
static uint8_t *new_pixels(size_t size)
{
    uint8_t *pixels = aligned_alloc(4096, (size + 4095) / 4096 * 4096);

    ck_assert_ptr_nonnull(pixels);
    return pixels;
}

/* The data set with `images` of one of its parts inverted, or all of that part (NULL); those pixels are new.
 */
static struct clr_dataset inverted(bool of_test, const int32_t *images, int count)
{
    struct clr_dataset other = *data;
    struct clr_images *set = of_test ? &other.test : &other.train;
    const size_t size = (size_t)data->channels * (size_t)data->height * (size_t)data->width;
    uint8_t *pixels = new_pixels((size_t)set->count * size);

    memcpy(pixels, set->pixels, (size_t)set->count * size);
    for (int i = 0; i < (images ? count : set->count); i++) {
        uint8_t *p = pixels + (size_t)(images ? images[i] : i) * size;
        for (size_t k = 0; k < size; k++)
            p[k] = (uint8_t)(255 - p[k]);
    }
    set->pixels = pixels;
    return other;
}

/* Held-out images, and no others, are evaluated; they are not trained on. */
START_TEST(test_loop__held_out_images_are_those_that_are_left)
{
    struct clr_train_options usual = options("held"), other = options("held-other"),
                             test = options("held-test");
    struct clr_dataset other_held, other_test;
    struct clr_train_result r, r_other, r_test;
    int32_t *kept = NULL, *held = NULL;
    int kept_count = 0;

    usual.validation = other.validation = test.validation = 15;
    ck_assert_int_eq(
        order_split(&kept, &kept_count, &held, &data->train, data->classes, 15, usual.seed, NULL), 0);
    ck_assert_int_eq(kept_count, data->train.count - 15);
    other_held = inverted(false, held, 15);
    other_test = inverted(true, NULL, 0);
    other.data = &other_held;
    test.data = &other_test;
    must_train(&usual, &r);
    must_train(&other, &r_other);
    must_train(&test, &r_test);
    ck_assert(equal_files(usual.out, other.out, "loss.csv") &&
              equal_files(usual.out, other.out, "final.safetensors"));
    ck_assert(r.val_loss != r_other.val_loss);
    ck_assert(equal_files(usual.out, test.out, "loss.csv") &&
              equal_files(usual.out, test.out, "history.csv"));
    free(other_held.train.pixels);
    free(other_test.test.pixels);
    free(kept);
    free(held);
}
END_TEST

/* The training images in the order of two epochs, one after the other. */
static struct clr_dataset in_order(uint64_t seed)
{
    struct clr_dataset other = *data;
    const int count = data->train.count;
    const size_t size = (size_t)data->channels * (size_t)data->height * (size_t)data->width;
    int32_t *list = malloc((size_t)count * sizeof *list);
    uint8_t *pixels = new_pixels(2 * (size_t)count * size);
    int32_t *labels = malloc(2 * (size_t)count * sizeof *labels);

    ck_assert(list && labels);
    for (int epoch = 0; epoch < 2; epoch++) {
        bool moved = false;
        for (int i = 0; i < count; i++)
            list[i] = i;
        order_shuffle(list, count, seed, (uint32_t)epoch);
        for (int i = 0; i < count; i++) {
            const size_t to = (size_t)(epoch * count + i);
            memcpy(pixels + to * size, data->train.pixels + (size_t)list[i] * size, size);
            labels[to] = data->train.labels[list[i]];
            moved = moved || list[i] != i;
        }
        ck_assert(moved);
    }
    free(list);
    other.train = (struct clr_images){.count = 2 * count, .labels = labels, .pixels = pixels};
    return other;
}

START_TEST(test_loop__every_epoch_has_its_own_order)
{
    struct clr_train_options shuffled = options("shuffled"), listed = options("listed"),
                             filed = options("filed");
    struct clr_dataset two_epochs;
    struct clr_train_result r;

    shuffled.seed = listed.seed = filed.seed = 5;
    shuffled.iterations = listed.iterations = filed.iterations =
        2 * (uint64_t)(data->train.count / shuffled.batch);
    two_epochs = in_order(shuffled.seed);
    listed.data = &two_epochs;
    listed.order = filed.order = CLR_ORDER_SEQUENTIAL;
    must_train(&shuffled, &r);
    must_train(&listed, &r);
    must_train(&filed, &r);
    ck_assert_int_eq(data->train.count % shuffled.batch, 0);
    ck_assert(equal_files(shuffled.out, listed.out, "loss.csv"));
    ck_assert(equal_files(shuffled.out, listed.out, "final.safetensors"));
    ck_assert(!equal_files(shuffled.out, filed.out, "loss.csv"));
    free(two_epochs.train.pixels);
    free(two_epochs.train.labels);
}
END_TEST

/* The loop, against updates one by one with the schedule's values. */
START_TEST(test_loop__rates_and_momenta_are_the_schedules)
{
    struct clr_train_options o = options("scheduled");
    struct clr_train_result r;
    struct st_file final;
    struct session s;
    struct clr_error err;
    char *path;
    float *w = NULL;

    o.schedule.cycle_momentum_low = 0.8;
    o.schedule.cycle_momentum_high = 0.95;
    must_train(&o, &r);
    ck_assert_msg(session_plan(&s, &o, true, NULL, &err) == 0, "%s", err.message);
    ck_assert_msg(session_start(&s, &err) == 0, "%s", err.message);
    for (uint64_t t = 0; t < o.iterations; t++)
        ck_assert_int_eq(
            session_update(&s, clr_schedule_lr(&o.schedule, t), clr_schedule_momentum(&o.schedule, t), &err),
            0);
    ck_assert(clr_schedule_momentum(&o.schedule, 0) == 0.95 && clr_schedule_momentum(&o.schedule, 5) == 0.8);
    ck_assert_int_eq(session_read_parameters(&s, PARAMS_W, &w, &err), 0);
    path = join(o.out, "final.safetensors");
    ck_assert_int_eq(safetensors_read(&final, path, &err), 0);
    for (size_t i = 0; i < s.replica.params.count; i++) {
        const struct st_tensor *t = safetensors_find(&final, s.replica.params.info[i].name);
        ck_assert(t && t->count == s.replica.params.info[i].count);
        ck_assert_int_eq(memcmp(t->data, w + s.replica.params.offset[i], t->count * sizeof *t->data), 0);
    }
    free(w);
    safetensors_clear(&final);
    session_clear(&s);
    free(path);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("loop");
    TCase *tc = tcase_create("loop");
    int status;

    if (runs_prepare() < 0)
        return 1;
    tcase_set_timeout(tc, 0);
    tcase_add_test(tc, test_loop__held_out_images_are_those_that_are_left);
    tcase_add_test(tc, test_loop__every_epoch_has_its_own_order);
    tcase_add_test(tc, test_loop__rates_and_momenta_are_the_schedules);
    suite_add_tcase(s, tc);
    status = support_run(s, false);
    runs_finish();
    return status;
}
