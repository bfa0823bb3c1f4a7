/*
 * Data sets: tiny ones of every format that the test writes itself, damaged ones and their messages, look-up
 * by name, and the real ones where they are installed.
 */
#include "support.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <archive.h>
#include <archive_entry.h>
#include <jansson.h>

#include <clr/dataset.h>

#include "base/fs.h"

#define PIXELS 3072

/* ---- writing data sets ---- */

static const char *in(const char *dir, const char *name)
{
    static char path[16][1024];
    static int next;
    char *p = path[next++ % 16];

    (void)snprintf(p, sizeof path[0], "%s/%s", dir, name);
    return p;
}

static void write_file(const char *dir, const char *name, const void *data, size_t size)
{
    struct clr_error err = {0};

    ck_assert_msg(fs_write_atomic(in(dir, name), data, size, &err) == 0, "%s", err.message);
}

static void write_gz(const char *dir, const char *name, const void *data, size_t size)
{
    struct archive *a = archive_write_new();
    struct archive_entry *e = archive_entry_new();

    ck_assert(archive_write_add_filter_gzip(a) == ARCHIVE_OK &&
              archive_write_set_format_raw(a) == ARCHIVE_OK);
    ck_assert_int_eq(archive_write_open_filename(a, in(dir, name)), ARCHIVE_OK);
    archive_entry_set_filetype(e, AE_IFREG);
    ck_assert_int_eq(archive_write_header(a, e), ARCHIVE_OK);
    ck_assert_int_eq((int)archive_write_data(a, data, size), (int)size);
    ck_assert_int_eq(archive_write_close(a), ARCHIVE_OK);
    archive_entry_free(e);
    (void)archive_write_free(a);
}

/* Pixel k of image i of a file that starts at `base`. */
static uint8_t pixel(int base, size_t i, size_t k)
{
    return (uint8_t)((size_t)base + 31 * i + k / 1024 * 50 + k % 7);
}

/* A CIFAR file of `count` images; label of image i is (base + i) % classes, its coarse label is 99 − that. */
static void write_cifar(const char *dir, const char *name, size_t label_bytes, size_t count, int base,
                        int classes)
{
    const size_t record = label_bytes + PIXELS;
    uint8_t *data = malloc(count * record);

    for (size_t i = 0; i < count; i++) {
        uint8_t *p = data + i * record, label = (uint8_t)(((size_t)base + i) % (size_t)classes);
        if (label_bytes == 2)
            *p++ = (uint8_t)(99 - label);
        *p++ = label;
        for (size_t k = 0; k < PIXELS; k++)
            p[k] = pixel(base, i, k);
    }
    write_file(dir, name, data, count * record);
    free(data);
}

/* IDX bytes: magic, the given dimensions (true or not), `body` bytes counting up modulo `modulus`. */
static size_t make_idx(uint8_t *out, uint32_t magic, const uint32_t *dims, size_t ndims, size_t body,
                       int modulus)
{
    size_t n = 0;

    for (size_t i = 0; i <= ndims; i++) {
        uint32_t v = i == 0 ? magic : dims[i - 1];
        for (int shift = 24; shift >= 0; shift -= 8)
            out[n++] = (uint8_t)(v >> shift);
    }
    for (size_t i = 0; i < body; i++)
        out[n++] = (uint8_t)(i % (size_t)modulus);
    return n;
}

static void write_idx(const char *dir, const char *name, bool gz, size_t ndims, uint32_t count,
                      uint32_t height, uint32_t width, int modulus)
{
    uint8_t data[4096];
    const uint32_t dims[] = {count, height, width};
    size_t body = ndims == 3 ? (size_t)count * height * width : count;
    size_t n = make_idx(data, 0x800 + (uint32_t)ndims, dims, ndims, body, modulus);

    if (gz)
        write_gz(dir, name, data, n);
    else
        write_file(dir, name, data, n);
}

/* Six training and four test images of 3 × 5, labels 0 to 2. */
static void write_idx_set(const char *dir, bool gz)
{
    const char *const names[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                 "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};

    for (int i = 0; i < 4; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "%s%s", names[i], gz ? ".gz" : "");
        write_idx(dir, name, gz, i % 2 ? 1 : 3, i < 2 ? 6 : 4, 3, 5, i % 2 ? 3 : 256);
    }
}

static const char *cifar10_set(void)
{
    const char *dir = support_temp_dir();

    write_cifar(dir, "data_batch_1.bin", 1, 4, 0, 10);
    write_cifar(dir, "data_batch_2.bin", 1, 3, 4, 10);
    write_cifar(dir, "test_batch.bin", 1, 2, 8, 10);
    return dir;
}

static const char *idx_set(bool gz)
{
    const char *dir = support_temp_dir();

    write_idx_set(dir, gz);
    return dir;
}

static struct clr_dataset *open_good(const char *name)
{
    struct clr_dataset *ds = NULL;
    struct clr_error err = {0};

    ck_assert_msg(clr_dataset_open(&ds, name, &err) == 0, "%s", err.message);
    return ds;
}

/* Opening fails, the message has all the texts (NULL ends them), and the out-parameter is unchanged. */
static void expect_refused(const char *name, ...)
{
    struct clr_dataset *ds = NULL;
    struct clr_error err = {0};
    va_list texts;

    ck_assert_int_eq(clr_dataset_open(&ds, name, &err), CLR_EINPUT);
    ck_assert_ptr_null(ds);
    va_start(texts, name);
    for (const char *text = va_arg(texts, const char *); text; text = va_arg(texts, const char *))
        ck_assert_msg(strstr(err.message, text) != NULL, "'%s' does not say '%s'", err.message, text);
    va_end(texts);
}

/* ---- CIFAR ---- */

START_TEST(test_data__cifar10)
{
    const char *dir = cifar10_set();
    struct clr_dataset *ds = open_good(dir);
    const int32_t want[] = {0, 1, 2, 3, 4, 5, 6};

    ck_assert_str_eq(ds->format, "CIFAR-10 binary");
    ck_assert_str_eq(ds->path, dir);
    ck_assert_str_eq(ds->name, strrchr(dir, '/') + 1);
    ck_assert(ds->channels == 3 && ds->height == 32 && ds->width == 32 && ds->classes == 10);
    ck_assert(ds->train.count == 7 && ds->test.count == 2);
    ck_assert_mem_eq(ds->train.labels, want, sizeof want);
    ck_assert(ds->test.labels[0] == 8 && ds->test.labels[1] == 9);
    for (size_t i = 0; i < 7; i++) {
        for (size_t k = 0; k < PIXELS; k++)
            ck_assert(ds->train.pixels[i * PIXELS + k] == (i < 4 ? pixel(0, i, k) : pixel(4, i - 4, k)));
    }
    ck_assert((uintptr_t)ds->train.pixels % 4096 == 0 && (uintptr_t)ds->test.pixels % 4096 == 0);
    ck_assert_str_eq(ds->class_names[9], "9");
    clr_dataset_destroy(ds);
}
END_TEST

START_TEST(test_data__class_names_come_from_the_meta_file)
{
    static const char meta[] =
        "airplane\r\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntr\033uck\n\n";
    const char *dir = cifar10_set();
    struct clr_dataset *ds;

    write_file(dir, "batches.meta.txt", meta, sizeof meta - 1);
    ds = open_good(dir);
    ck_assert_str_eq(ds->class_names[0], "airplane");
    ck_assert_str_eq(ds->class_names[9], "tr?uck"); /* nothing that moves a terminal */
    clr_dataset_destroy(ds);
    write_file(dir, "batches.meta.txt", meta, 20); /* two names for ten classes */
    ds = open_good(dir);
    ck_assert_str_eq(ds->class_names[0], "0");
    clr_dataset_destroy(ds);
}
END_TEST

START_TEST(test_data__cifar100_takes_the_fine_label)
{
    const char *dir = support_temp_dir();
    struct clr_dataset *ds;

    write_cifar(dir, "train.bin", 2, 5, 60, 100);
    write_cifar(dir, "test.bin", 2, 2, 98, 100);
    ds = open_good(dir);
    ck_assert_str_eq(ds->format, "CIFAR-100 binary");
    ck_assert(ds->classes == 100 && ds->train.count == 5 && ds->test.count == 2);
    ck_assert(ds->train.labels[0] == 60 && ds->train.labels[4] == 64 && ds->test.labels[1] == 99);
    ck_assert(ds->train.pixels[PIXELS * 4 + 3071] == pixel(60, 4, 3071));
    clr_dataset_destroy(ds);
}
END_TEST

START_TEST(test_data__damaged_cifar_is_refused)
{
    const char *dir = cifar10_set();
    uint8_t data[2 * (PIXELS + 1)] = {0};

    write_file(dir, "data_batch_2.bin", data, 2 * (PIXELS + 1) - 1);
    expect_refused(dir, "/data_batch_2.bin' is cut off", "6,145 bytes", "multiple of the 3073", NULL);
    write_file(dir, "data_batch_2.bin", data, 0);
    expect_refused(dir, "/data_batch_2.bin' is empty", NULL);
    data[PIXELS + 1] = 10;
    write_file(dir, "data_batch_2.bin", data, sizeof data);
    expect_refused(dir, "/data_batch_2.bin' is damaged: image 1 has label 10, but labels are 0 to 9", NULL);
    ck_assert_int_eq(remove(in(dir, "data_batch_2.bin")), 0);
    write_cifar(dir, "data_batch_3.bin", 1, 1, 0, 10);
    expect_refused(dir, "data_batch_2.bin': No such file", NULL);
    write_cifar(dir, "data_batch_2.bin", 1, 1, 0, 10);
    ck_assert_int_eq(remove(in(dir, "test_batch.bin")), 0);
    expect_refused(dir, "test_batch.bin': No such file", NULL);
}
END_TEST

/* A first file of the published size belongs to the published set: four files of five are not a data set. */
START_TEST(test_data__a_published_batch_that_is_missing_is_noticed)
{
    const char *dir = support_temp_dir();

    write_cifar(dir, "data_batch_1.bin", 1, 10000, 0, 10);
    write_cifar(dir, "data_batch_2.bin", 1, 1, 0, 10);
    write_cifar(dir, "test_batch.bin", 1, 1, 0, 10);
    expect_refused(dir, "data_batch_3.bin': No such file", NULL);
}
END_TEST

START_TEST(test_data__damaged_cifar100_is_refused)
{
    const char *dir = support_temp_dir();

    write_cifar(dir, "train.bin", 2, 2, 0, 100);
    expect_refused(dir, "/test.bin': No such file", NULL);
    write_cifar(dir, "test.bin", 1, 2, 0, 10); /* CIFAR-10's record length */
    expect_refused(dir, "/test.bin' is cut off", "6,146 bytes", "3074", NULL);
}
END_TEST

/* ---- IDX ---- */

START_TEST(test_data__idx_plain_and_gzipped_are_the_same)
{
    struct clr_dataset *plain = open_good(idx_set(false)), *gz = open_good(idx_set(true));
    const int32_t labels[] = {0, 1, 2, 0, 1, 2};

    ck_assert_str_eq(gz->format, "IDX");
    ck_assert(gz->channels == 1 && gz->height == 3 && gz->width == 5 && gz->classes == 3);
    ck_assert(gz->train.count == 6 && gz->test.count == 4);
    ck_assert_mem_eq(gz->train.labels, labels, sizeof labels);
    for (int i = 0; i < 90; i++)
        ck_assert_int_eq(gz->train.pixels[i], i);
    ck_assert((uintptr_t)gz->train.pixels % 4096 == 0);
    ck_assert_str_eq(gz->class_names[2], "2");
    ck_assert_str_eq(plain->checksum, gz->checksum);
    ck_assert(plain->channel_mean[0] == gz->channel_mean[0]);
    clr_dataset_destroy(plain);
    clr_dataset_destroy(gz);
}
END_TEST

/* Replace one file of a good set by bytes with this header, plain and gzipped; both must be refused. */
static void expect_idx_refused(const char *name, uint32_t magic, const uint32_t *dims, size_t ndims,
                               size_t body, const char *plain_text, const char *gz_text)
{
    uint8_t data[24576];
    size_t n = make_idx(data, magic, dims, ndims, body, 3);
    const char *dir = idx_set(false);
    char gz[64];

    write_file(dir, name, data, n);
    expect_refused(dir, name, plain_text, NULL);
    ck_assert_int_eq(remove(in(dir, name)), 0);
    (void)snprintf(gz, sizeof gz, "%s.gz", name);
    write_gz(dir, gz, data, n);
    expect_refused(dir, name, gz_text ? gz_text : plain_text, NULL);
}

START_TEST(test_data__hostile_idx_headers_are_refused)
{
    const char *images = "train-images-idx3-ubyte", *labels = "t10k-labels-idx1-ubyte";
    const uint32_t good[] = {6, 3, 5}, huge[] = {0x7fffffff, 16384, 16384}, large[] = {0x7fffffff, 1, 1},
                   zero[] = {6, 0, 5}, none[] = {0, 3, 5}, wide[] = {1, 1, 20000}, more[] = {7, 3, 5},
                   four[] = {4}, five[] = {5}, many[] = {0xffffffff};

    expect_idx_refused(images, 0x801, good, 3, 90, "is no IDX file of images: it begins with 00000801", NULL);
    expect_idx_refused(images, 0xd03, good, 3, 90, "expected 00000803", NULL);
    expect_idx_refused(labels, 0x803, four, 1, 4, "is no IDX file of labels", NULL);
    expect_idx_refused(images, 0x803, huge, 3, 90, "more than the", NULL);
    expect_idx_refused(images, 0x803, large, 3, 90, "is cut off: it has 106 bytes, its header announces",
                       "cannot come out of a gzip file of");
    expect_idx_refused(images, 0x803, zero, 3, 0, "6 images of 0×5: that is no data set", NULL);
    expect_idx_refused(images, 0x803, none, 3, 0, "0 images of 3×5", NULL);
    expect_idx_refused(images, 0x803, wide, 3, 20000, "1 images of 1×20000", NULL);
    expect_idx_refused(images, 0x803, more, 3, 90, "is cut off: it has 106 bytes, its header announces 121",
                       "is cut off: it holds 90 bytes of data, its header announces 105");
    expect_idx_refused(images, 0x803, good, 3, 91, "is damaged: it has 107 bytes",
                       "more data follows the 90 bytes");
    expect_idx_refused(images, 0x803, good, 1, 0, "is cut off: 8 bytes, its header alone has 16", NULL);
    expect_idx_refused(labels, 0x801, five, 1, 5, "has 5 labels, but ", NULL);
    expect_idx_refused(labels, 0x801, many, 1, 4, "is cut off: it has 12 bytes, its header announces",
                       "cannot come out of a gzip file of");
}
END_TEST

START_TEST(test_data__damaged_gzip_is_refused)
{
    const char *dir = idx_set(true), *name = "train-images-idx3-ubyte.gz";
    struct clr_error err = {0};
    char *data;
    size_t size;

    ck_assert_int_eq(fs_read(in(dir, name), 4096, &data, &size, &err), 0);
    write_file(dir, name, data, size / 2);
    expect_refused(dir, name, "is cut off", NULL);
    write_file(dir, name, "", 0);
    expect_refused(dir, name, "is empty", NULL);
    memset(data + 20, 0xff, 20);
    write_file(dir, name, data, size);
    expect_refused(dir, name, "damaged", NULL);
    free(data);
}
END_TEST

/*
 * Damage that still unpacks to the right length: a stored block (RFC 1951, 3.2.4) with one bit changed.
 */
START_TEST(test_data__a_changed_bit_in_a_gzip_file_is_noticed)
{
    const char *dir = idx_set(true), *name = "t10k-labels-idx1-ubyte.gz";
    uint8_t body[64], gz[128] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1};
    const uint32_t four[] = {4};
    const uint8_t crc[] = {0xad, 0x3c, 0x0d, 0xb9}; /* zlib's crc32() of the twelve bytes, little-endian */
    size_t n = make_idx(body, 0x801, four, 1, 4, 3), at = 11;

    gz[at++] = (uint8_t)n; /* LEN, then its complement */
    gz[at++] = 0;
    gz[at++] = (uint8_t)~n;
    gz[at++] = 0xff;
    memcpy(gz + at, body, n);
    memcpy(gz + at + n, crc, sizeof crc);
    gz[at + n + 4] = (uint8_t)n;
    write_file(dir, name, gz, at + n + 8);
    clr_dataset_destroy(open_good(dir));
    gz[at + n - 1] ^= 1;
    write_file(dir, name, gz, at + n + 8);
    expect_refused(dir, name, "is damaged: its checksum (CRC-32) does not match", NULL);
}
END_TEST

START_TEST(test_data__idx_parts_must_belong_together)
{
    const char *dir = idx_set(false);

    write_idx(dir, "t10k-images-idx3-ubyte", false, 3, 4, 5, 3, 256);
    expect_refused(dir, "has images of 5×3, the training images have 3×5", NULL);
    write_idx(dir, "t10k-images-idx3-ubyte", false, 3, 4, 3, 5, 256);
    write_idx(dir, "t10k-labels-idx1-ubyte", false, 1, 4, 0, 0, 256);
    expect_refused(dir, "/t10k-labels-idx1-ubyte' has label 3, but the training labels end at 2", NULL);
    write_idx(dir, "t10k-labels-idx1-ubyte", false, 1, 4, 0, 0, 3);
    ck_assert_int_eq(remove(in(dir, "t10k-images-idx3-ubyte")), 0);
    expect_refused(dir, "/t10k-images-idx3-ubyte' (or .gz) is missing", NULL);
    write_idx(dir, "t10k-images.idx3-ubyte", false, 3, 4, 3, 5, 256);
    clr_dataset_destroy(open_good(dir)); /* the spelling with a dot */
}
END_TEST

/* ---- means, checksum, texts ---- */

/* Training pixels 0 … 89 over 6 images of 15: mean 44.5; pixel k of image i is 15·i + k, its mean 37.5 + k.
 */
START_TEST(test_data__means)
{
    struct clr_dataset *ds = open_good(idx_set(false));
    float mean[15];

    ck_assert(ds->channel_mean[0] == 44.5);
    clr_dataset_mean(ds, CLR_MEAN_IMAGE, mean);
    for (int k = 0; k < 15; k++)
        ck_assert(mean[k] == 37.5f + (float)k);
    clr_dataset_mean(ds, CLR_MEAN_CHANNEL, mean);
    for (int k = 0; k < 15; k++)
        ck_assert(mean[k] == 44.5f);
    clr_dataset_mean(ds, CLR_MEAN_NONE, mean);
    for (int k = 0; k < 15; k++)
        ck_assert(mean[k] == 0.0f);
    clr_dataset_destroy(ds);
}
END_TEST

START_TEST(test_data__means_of_three_channels)
{
    struct clr_dataset *ds = open_good(cifar10_set());
    float *mean = malloc(PIXELS * sizeof *mean);
    double sums[3] = {0};

    for (size_t i = 0; i < 7 * PIXELS; i++)
        sums[i % PIXELS / 1024] += ds->train.pixels[i];
    for (int c = 0; c < 3; c++)
        ck_assert_double_eq_tol(ds->channel_mean[c], sums[c] / (7 * 1024), 1e-9);
    clr_dataset_mean(ds, CLR_MEAN_CHANNEL, mean);
    ck_assert(mean[0] == (float)ds->channel_mean[0] && mean[1023] == mean[0]);
    ck_assert(mean[1024] == (float)ds->channel_mean[1] && mean[3071] == (float)ds->channel_mean[2]);
    clr_dataset_mean(ds, CLR_MEAN_IMAGE, mean);
    for (size_t k = 0; k < PIXELS; k += 97) {
        double sum = 0;
        for (size_t i = 0; i < 7; i++)
            sum += ds->train.pixels[i * PIXELS + k];
        ck_assert(mean[k] == (float)(sum / 7));
    }
    free(mean);
    clr_dataset_destroy(ds);
}
END_TEST

/* ---- memory ---- */

START_TEST(test_data__memory_is_copied)
{
    uint8_t pixels[2 * 6] = {1, 2, 3, 4, 5, 6, 251, 252, 253, 254, 255, 0};
    int32_t labels[] = {999, 0};
    struct clr_dataset_images images = {.size = sizeof images,
                                        .name = "mine",
                                        .channels = 3,
                                        .height = 1,
                                        .width = 2,
                                        .classes = 1000,
                                        .train = {.count = 2, .pixels = pixels, .labels = labels}};
    const uint8_t all[] = {231, 3, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 251, 252, 253, 254, 255, 0};
    struct clr_dataset *ds;
    struct clr_error err;
    char want[FS_SHA256_TEXT], *text;

    ck_assert_msg(clr_dataset_create(&ds, &images, &err) == 0, "%s", err.message);
    memset(pixels, 7, sizeof pixels);
    memset(labels, 0, sizeof labels);
    ck_assert(ds->train.count == 2 && ds->test.count == 0 && ds->classes == 1000);
    ck_assert(ds->train.pixels[11] == 0 && ds->train.pixels[6] == 251 && ds->train.labels[0] == 999);
    ck_assert_str_eq(ds->class_names[999], "999");
    ck_assert_double_eq(ds->channel_mean[0], (1 + 2 + 251 + 252) / 4.0);
    fs_sha256(all, sizeof all, want); /* labels of four bytes, since there are more than 256 classes */
    ck_assert_str_eq(ds->checksum, want);
    ck_assert_int_eq(clr_dataset_info(&text, ds, &err), 0);
    ck_assert_ptr_nonnull(strstr(text, "999"));
    free(text);
    clr_dataset_destroy(ds);
}
END_TEST

START_TEST(test_data__memory_out_of_range_is_refused)
{
    uint8_t pixels[6] = {0};
    int32_t label = 2;
    const char *const names[] = {"cat\n", "d\x1b[31mog\xff"}, *const holes[] = {"cat", NULL, "cow"};
    const struct clr_dataset_images good = {.size = sizeof good,
                                            .name = "mine",
                                            .channels = 3,
                                            .height = 1,
                                            .width = 2,
                                            .classes = 3,
                                            .train = {.count = 1, .pixels = pixels, .labels = &label}};
    static const char *const says[] = {"`name`",
                                       "5×1×2",
                                       "3×1×0",
                                       "label 2",
                                       "`train.count` 0",
                                       "`test.count` -1",
                                       "`classes`",
                                       "`train.pixels`",
                                       "`train.labels`",
                                       "`test.pixels`",
                                       "`test.labels`",
                                       "`class_names[1]`",
                                       "1 training image of 3×200000×200000"};
    struct clr_dataset_images bad[MEM_COUNT(says)], named = good;
    struct clr_dataset *ds = NULL;
    struct clr_error err;

    for (size_t i = 0; i < MEM_COUNT(bad); i++)
        bad[i] = good;
    bad[0].name = NULL;
    bad[1].channels = 5;
    bad[2].width = 0;
    bad[3].classes = 2;
    bad[4].train.count = 0;
    bad[5].test.count = -1;
    bad[6].classes = CLR_DATASET_CLASSES + 1;
    bad[7].train.pixels = NULL;
    bad[8].train.labels = NULL;
    bad[9].test = (struct clr_images){.count = 1, .labels = &label};
    bad[10].test = (struct clr_images){.count = 1, .pixels = pixels};
    bad[11].class_names = holes;
    bad[12].height = bad[12].width = 200000;
    for (size_t i = 0; i < MEM_COUNT(bad); i++) {
        ck_assert_int_eq(clr_dataset_create(&ds, &bad[i], &err), CLR_EUSAGE);
        ck_assert_ptr_null(ds);
        ck_assert_msg(strstr(err.message, says[i]) != NULL, "'%s' does not say %s", err.message, says[i]);
    }
    ck_assert_int_eq(clr_dataset_create(&ds, NULL, &err), CLR_EUSAGE);
    ck_assert_ptr_nonnull(strstr(err.message, "clr_dataset_images is NULL"));
    label = -1;
    ck_assert_int_eq(clr_dataset_create(&ds, &good, &err), CLR_EUSAGE);
    ck_assert_ptr_nonnull(strstr(err.message, "-1"));
    label = 1;
    named.classes = 2;
    named.class_names = names;
    named.name = "my\tnet\x07";
    ck_assert_int_eq(clr_dataset_create(&ds, &named, &err), 0);
    ck_assert_str_eq(ds->class_names[0], "cat "); /* clean, as names from files are */
    ck_assert_str_eq(ds->class_names[1], "d?[31mog?");
    ck_assert_str_eq(ds->name, "my net?");
    clr_dataset_destroy(ds);
}
END_TEST

/* SHA-256 over train labels, train pixels, test labels, test pixels. */
START_TEST(test_data__checksum)
{
    struct clr_dataset *ds = open_good(idx_set(false));
    uint8_t all[6 + 90 + 4 + 60];
    char want[FS_SHA256_TEXT];

    for (int i = 0; i < 6; i++)
        all[i] = (uint8_t)ds->train.labels[i];
    memcpy(all + 6, ds->train.pixels, 90);
    for (int i = 0; i < 4; i++)
        all[96 + i] = (uint8_t)ds->test.labels[i];
    memcpy(all + 100, ds->test.pixels, 60);
    fs_sha256(all, sizeof all, want);
    ck_assert_str_eq(ds->checksum, want);
    clr_dataset_destroy(ds);
    fs_sha256("abc", 3, want); /* FIPS 180-4's example */
    ck_assert_str_eq(want, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
END_TEST

START_TEST(test_data__info)
{
    struct clr_dataset *ds = open_good(idx_set(true));
    struct clr_error err = {0};
    json_t *json, *class;
    char *text;

    ck_assert_int_eq(clr_dataset_info(&text, ds, &err), 0);
    ck_assert(strstr(text, "images    6 for training, 4 for testing\n") != NULL);
    ck_assert(strstr(text, "shape     1×3×5 (") != NULL);
    ck_assert(strstr(text, "mean      44.5000 of 255") != NULL);
    ck_assert(strstr(text, ds->checksum) != NULL && strstr(text, ds->path) != NULL);
    ck_assert(strstr(text, "\n      0  0           2       2\n") !=
              NULL); /* labels 0 1 2 0 1 2 and 0 1 2 0 */
    ck_assert(strstr(text, "\n      2  2           2       1\n") != NULL);
    free(text);
    ck_assert_int_eq(clr_dataset_info_json(&text, ds, &err), 0);
    json = json_loads(text, 0, NULL);
    ck_assert_ptr_nonnull(json);
    ck_assert_int_eq((int)json_integer_value(json_object_get(json, "train")), 6);
    ck_assert_str_eq(json_string_value(json_object_get(json, "sha256")), ds->checksum);
    ck_assert(json_real_value(json_array_get(json_object_get(json, "mean"), 0)) == 44.5);
    class = json_array_get(json_object_get(json, "classes"), 2);
    ck_assert_int_eq((int)json_integer_value(json_object_get(class, "test")), 1);
    json_decref(json);
    free(text);
    clr_dataset_destroy(ds);
}
END_TEST

/* ---- names ---- */

/* $CLR_DATA and the cache are these folders from here on (the case runs in a process of its own). */
static void use_roots(const char *data, const char *cache)
{
    ck_assert_int_eq(setenv("XDG_CACHE_HOME", cache, 1), 0);
    ck_assert_int_eq(data ? setenv("CLR_DATA", data, 1) : unsetenv("CLR_DATA"), 0);
}

static const char *sub(const char *root, const char *name)
{
    const char *dir = in(root, name);

    ck_assert_int_eq(fs_make_dirs(dir, NULL), 0);
    return dir;
}

START_TEST(test_data__names_are_looked_up_in_order)
{
    const char *data = support_temp_dir(), *cache = support_temp_dir();
    struct clr_dataset *ds;
    char dir[512];

    use_roots(data, cache);
    (void)snprintf(dir, sizeof dir, "%s", sub(cache, "clr-cl/cifar10"));
    write_cifar(dir, "data_batch_1.bin", 1, 1, 0, 10);
    write_cifar(dir, "test_batch.bin", 1, 1, 0, 10);
    (void)sub(data, "cifar-10-batches-bin"); /* empty: the search continues */
    ds = open_good("cifar10");
    ck_assert_str_eq(ds->name, "cifar10");
    ck_assert_str_eq(ds->path, dir);
    clr_dataset_destroy(ds);
    (void)snprintf(dir, sizeof dir, "%s", sub(data, "cifar10"));
    write_cifar(dir, "data_batch_1.bin", 1, 2, 0, 10);
    write_cifar(dir, "test_batch.bin", 1, 1, 0, 10);
    ds = open_good("cifar10");
    ck_assert_str_eq(ds->path, dir); /* $CLR_DATA comes before the cache */
    clr_dataset_destroy(ds);
    (void)snprintf(dir, sizeof dir, "%s", sub(data, "cifar-100-binary"));
    write_cifar(dir, "train.bin", 2, 2, 0, 100);
    write_cifar(dir, "test.bin", 2, 1, 0, 100);
    ds = open_good("cifar100");
    ck_assert_str_eq(ds->path, dir);
    clr_dataset_destroy(ds);
    write_idx_set(sub(data, "mnist"), true);
    ds = open_good("mnist");
    ck_assert_int_eq(ds->train.count, 6);
    clr_dataset_destroy(ds);
}
END_TEST

START_TEST(test_data__a_missing_set_says_how_to_get_it)
{
    const char *cache = support_temp_dir(), *data = support_temp_dir();
    char where[512];

    use_roots(NULL, cache);
    (void)snprintf(where, sizeof where, "tar -xzf cifar-10-binary.tar.gz -C '%s/clr-cl'", cache);
    expect_refused("cifar10", "the data set 'cifar10' is not here", "cifar-10-batches-bin or cifar10",
                   "$CLR_DATA (not set)", cache, "/usr/share/datasets",
                   "https://www.cs.toronto.edu/~kriz/cifar.html", where, NULL);
    use_roots(data, cache);
    (void)snprintf(where, sizeof where, "tar -xzf cifar-100-binary.tar.gz -C '%s'", data);
    expect_refused("cifar100", data, cache, where, NULL);
    if (!fs_is_dir("/usr/share/datasets/fashion-mnist"))
        expect_refused("fashion-mnist", "apt install dataset-fashion-mnist", NULL);
}
END_TEST

START_TEST(test_data__what_is_no_data_set_is_refused)
{
    const char *dir = support_temp_dir();

    expect_refused("cifar1O", "'cifar1O': did you mean 'cifar10'?", NULL);
    expect_refused("/nonexistent/x", "'/nonexistent/x'; there are cifar10, cifar100, mnist, ", NULL);
    expect_refused(dir, "there is no data set in '", "data_batch_1.bin", "train-images-idx3-ubyte", "JPEG",
                   NULL);
    write_file(dir, "file", "x", 1);
    expect_refused(in(dir, "file"), "is a file, but a data set is a folder", NULL);
    expect_refused("", "there is no data set and no folder ''", NULL);
}
END_TEST

START_TEST(test_data__list)
{
    const char *data = support_temp_dir();
    struct clr_error err = {0};
    json_t *json;
    char *text, line[600];

    use_roots(data, data);
    write_idx_set(sub(data, "mnist"), false);
    ck_assert_int_eq(clr_dataset_list(&text, &err), 0);
    (void)snprintf(line, sizeof line, "mnist          %s/mnist\n", data);
    ck_assert(strstr(text, line) != NULL);
    ck_assert(strstr(text, "cifar10        not here; to get it: download cifar-10-binary.tar.gz") != NULL);
    free(text);
    ck_assert_int_eq(clr_dataset_list_json(&text, &err), 0);
    json = json_loads(text, 0, NULL);
    for (size_t i = 0; clr_dataset_names()[i]; i++)
        ck_assert_str_eq(json_string_value(json_object_get(json_array_get(json, i), "name")),
                         clr_dataset_names()[i]);
    ck_assert_int_eq((int)json_array_size(json), 4);
    json_decref(json);
    free(text);
}
END_TEST

/* ---- the real ones ---- */

START_TEST(test_data__fashion_mnist)
{
    struct clr_dataset *ds;
    int counts[10] = {0};

    if (!fs_exists("/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz")) {
        support_skip("Fashion-MNIST is not installed (apt install dataset-fashion-mnist)");
        return;
    }
    use_roots(NULL, support_temp_dir());
    ds = open_good("fashion-mnist");
    ck_assert(ds->train.count == 60000 && ds->test.count == 10000 && ds->classes == 10);
    ck_assert(ds->channels == 1 && ds->height == 28 && ds->width == 28);
    for (int i = 0; i < ds->train.count; i++)
        counts[ds->train.labels[i]]++;
    for (int c = 0; c < 10; c++)
        ck_assert_int_eq(counts[c], 6000);
    ck_assert_str_eq(ds->class_names[9], "Ankle boot");
    ck_assert_double_eq_tol(ds->channel_mean[0] / 255, 0.2860, 0.00005); /* the mean that is commonly used */
    clr_dataset_destroy(ds);
}
END_TEST

START_TEST(test_data__real_cifar10)
{
    struct clr_dataset *ds = NULL;
    struct clr_error err;

    if (clr_dataset_open(&ds, "cifar10", &err) < 0) { /* from $CLR_DATA or the cache */
        support_skip(err.message);
        return;
    }
    ck_assert(ds->train.count == 50000 && ds->test.count == 10000);
    for (int c = 0; c < 10; c++) {
        int n = 0;
        for (int i = 0; i < ds->train.count; i++)
            n += ds->train.labels[i] == c;
        ck_assert_int_eq(n, 5000);
    }
    ck_assert_double_eq_tol(ds->channel_mean[0] / 255, 0.4914, 0.001);
    ck_assert_double_eq_tol(ds->channel_mean[1] / 255, 0.4822, 0.001);
    ck_assert_double_eq_tol(ds->channel_mean[2] / 255, 0.4465, 0.001);
    clr_dataset_destroy(ds);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("data");
    TCase *cases = tcase_create("data");

    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, test_data__cifar10);
    tcase_add_test(cases, test_data__class_names_come_from_the_meta_file);
    tcase_add_test(cases, test_data__cifar100_takes_the_fine_label);
    tcase_add_test(cases, test_data__damaged_cifar_is_refused);
    tcase_add_test(cases, test_data__a_published_batch_that_is_missing_is_noticed);
    tcase_add_test(cases, test_data__damaged_cifar100_is_refused);
    tcase_add_test(cases, test_data__idx_plain_and_gzipped_are_the_same);
    tcase_add_test(cases, test_data__hostile_idx_headers_are_refused);
    tcase_add_test(cases, test_data__damaged_gzip_is_refused);
    tcase_add_test(cases, test_data__a_changed_bit_in_a_gzip_file_is_noticed);
    tcase_add_test(cases, test_data__idx_parts_must_belong_together);
    tcase_add_test(cases, test_data__means);
    tcase_add_test(cases, test_data__means_of_three_channels);
    tcase_add_test(cases, test_data__checksum);
    tcase_add_test(cases, test_data__memory_is_copied);
    tcase_add_test(cases, test_data__memory_out_of_range_is_refused);
    tcase_add_test(cases, test_data__info);
    tcase_add_test(cases, test_data__names_are_looked_up_in_order);
    tcase_add_test(cases, test_data__a_missing_set_says_how_to_get_it);
    tcase_add_test(cases, test_data__what_is_no_data_set_is_refused);
    tcase_add_test(cases, test_data__list);
    tcase_add_test(cases, test_data__fashion_mnist);
    tcase_add_test(cases, test_data__real_cifar10);
    suite_add_tcase(suite, cases);
    return support_run(suite, true);
}
