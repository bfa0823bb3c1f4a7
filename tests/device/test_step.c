/*
 * A whole step of training of built-in nets, with its evaluation: the kernels in the shapes and in the order
 * of training. It is meant for Oclgrind, which finds races, bad accesses and values that nothing wrote; the
 * self-check of runs compares results with double precision.
 *
 * One net, the one with the fewest products; with CLR_TEST_LONG=1 every built-in net.
 */
#include <clr/clr.h>

#include <math.h>
#include <stdlib.h>

#include "support.h"

#include "base/fs.h"

enum { TRAIN_IMAGES = 10, TEST_IMAGES = 2, BATCH = 2 };

static struct clr_device device;

static const struct built_in {
    const char *name;
    int channels, height;
} nets[] = {
    {"lenet", 1, 28}, {"quick", 3, 32}, {"full", 3, 32}, {"caffe-quick", 3, 32}, {"caffe-full", 3, 32}};
#define FEW 1

/* `count` images in CIFAR-10's format, a label before each; or without labels after an IDX header. */
static void write_images(const char *dir, const char *name, const struct built_in *n, int count)
{
    const size_t image = (size_t)n->channels * (size_t)(n->height * n->height), label = n->channels == 3;
    const size_t header = label ? 0 : 16, size = header + (size_t)count * (image + label);
    unsigned char *bytes = NULL;
    char *path = NULL;

    ck_assert_int_eq(mem_new(&bytes, size, 1, "images", NULL), 0);
    for (size_t i = header; i < size; i++)
        bytes[i] = (unsigned char)((i * 2654435761U) >> 13);
    for (size_t i = 0; label && i < (size_t)count; i++)
        bytes[i * (image + 1)] = (unsigned char)(i % 10);
    if (!label) {
        bytes[2] = 8;
        bytes[3] = 3;
        bytes[7] = (unsigned char)count;
        bytes[11] = bytes[15] = (unsigned char)n->height;
    }
    ck_assert_int_eq(fs_join(&path, dir, name, NULL), 0);
    ck_assert_int_eq(fs_write_atomic(path, bytes, size, NULL), 0);
    free(path);
    free(bytes);
}

static void write_labels(const char *dir, const char *name, int count)
{
    unsigned char bytes[8 + TRAIN_IMAGES] = {0, 0, 8, 1, 0, 0, 0, (unsigned char)count};
    char *path = NULL;

    for (int i = 0; i < count; i++)
        bytes[8 + i] = (unsigned char)(i % 10);
    ck_assert_int_eq(fs_join(&path, dir, name, NULL), 0);
    ck_assert_int_eq(fs_write_atomic(path, bytes, 8 + (size_t)count, NULL), 0);
    free(path);
}

static void write_data(const char *dir, const struct built_in *n)
{
    static const char names[] = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n";
    char *path = NULL;

    ck_assert_int_eq(fs_make_dirs(dir, NULL), 0);
    if (n->channels == 3) {
        for (int i = 1; i <= 5; i++) {
            char name[32];
            (void)snprintf(name, sizeof name, "data_batch_%d.bin", i);
            write_images(dir, name, n, TRAIN_IMAGES / 5);
        }
        write_images(dir, "test_batch.bin", n, TEST_IMAGES);
        ck_assert_int_eq(fs_join(&path, dir, "batches.meta.txt", NULL), 0);
        ck_assert_int_eq(fs_write_atomic(path, names, sizeof names - 1, NULL), 0);
        free(path);
        return;
    }
    write_images(dir, "train-images-idx3-ubyte", n, TRAIN_IMAGES);
    write_labels(dir, "train-labels-idx1-ubyte", TRAIN_IMAGES);
    write_images(dir, "t10k-images-idx3-ubyte", n, TEST_IMAGES);
    write_labels(dir, "t10k-labels-idx1-ubyte", TEST_IMAGES);
}

START_TEST(test_step__nets_train)
{
    const struct built_in *n = &nets[_i];
    struct clr_train_options o;
    struct clr_train_result r;
    struct clr_net_spec *net = NULL;
    struct clr_dataset *data = NULL;
    struct clr_error err;
    char *folder = NULL, *out = NULL;

    if (support_spares_kernels(&device)) {
        support_skip("a step of a whole net takes llvmpipe too long; CLR_TEST_LONG=1 has it");
        return;
    }
    ck_assert_int_eq(fs_join(&folder, support_temp_dir(), n->name, NULL), 0);
    ck_assert_int_eq(fs_join(&out, folder, "run", NULL), 0);
    write_data(folder, n);
    ck_assert_msg(clr_net_load(&net, n->name, &err) == 0, "%s", err.message);
    ck_assert_msg(clr_dataset_open(&data, folder, &err) == 0, "%s", err.message);
    clr_train_options_init(&o, sizeof o);
    o.net = net;
    o.net_name = n->name;
    o.data = data;
    o.data_name = n->name;
    o.device = &device;
    o.out = out;
    o.schedule.policy = CLR_POLICY_FIXED;
    o.schedule.lr = 0.001;
    o.iterations = 1;
    o.batch = BATCH;
    o.unchecked = true;
    ck_assert_msg(clr_train(&o, &r, &err) == 0, "%s: %s", n->name, err.message);
    ck_assert_msg(isfinite(r.val_loss), "%s", n->name);
    free(r.profile);
    clr_dataset_destroy(data);
    clr_net_destroy(net);
    free(out);
    free(folder);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("step");
    TCase *t = tcase_create("step");
    const bool few = !getenv("CLR_TEST_LONG");

    if (!support_device(&device))
        return 1;
    tcase_set_timeout(t, 1200);
    tcase_add_loop_test(t, test_step__nets_train, 0, few ? FEW : (int)MEM_COUNT(nets));
    suite_add_tcase(s, t);
    return support_run(s, false);
}
