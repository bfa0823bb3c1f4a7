/* The tables of layers' fields as `net layers` prints them, and what kinds of files are recognised. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <clr/file_kind.h>

#include "base/fs.h"
#include "net/layer.h"

/* What `net layers` prints is what the reader takes. */
START_TEST(test_fields__layers_and_fields_are_listed)
{
    static const char *const lines[] = {
        "  kernel_size     size of the kernel (whole number; twice: height, width; or\n"
        "                  kernel_h and kernel_w; required)\n",
        "  bias_term       a bias is added to each output (true or false; default true)\n",
        "    type          distribution (\"constant\", \"uniform\", \"gaussian\", \"xavier\",\n"
        "                  \"msra\", \"pytorch\", \"bilinear\", \"orthogonal\", \"dirac\"; default\n"
        "                  constant)\n",
        "  axis            the channels (only 1)\n",
        "\n  Without effect: engine, force_nd_im2col\n",
    };
    struct clr_error err;
    char *all, *one;

    ck_assert_int_eq(clr_net_layers(&all, NULL, &err), 0);
    for (size_t i = 0; i < layer_class_count; i++) {
        const struct layer_class *class = layer_classes[i];
        ck_assert_ptr_nonnull(strstr(all, class->type));
        ck_assert_int_eq(clr_net_layers(&one, class->type, &err), 0);
        ck_assert_ptr_eq(strstr(one, class->type), one);
        for (int b = 0; b < LAYER_BLOCKS; b++)
            for (const struct field *f = class->blocks[b].fields; f && f->name; f++)
                ck_assert_msg(strstr(one, f->name) && f->help, "%s: '%s' is not listed", class->type,
                              f->name);
        free(one);
    }
    free(all);
    ck_assert_int_eq(clr_net_layers(&one, "Convolution", &err), 0);
    for (size_t i = 0; i < MEM_COUNT(lines); i++)
        ck_assert_msg(strstr(one, lines[i]), "'%s' is not in:\n%s", lines[i], one);
    free(one);
    ck_assert_int_eq(clr_net_layers(&one, "Pool", &err), CLR_EUSAGE);
}
END_TEST

START_TEST(test_fields__files_are_recognised)
{
    static const struct {
        const char *bytes;
        size_t size;
        enum clr_file_kind kind;
    } cases[] = {
#define BYTES(text) text, sizeof(text) - 1
        {BYTES("# a net\nname: 'x' layer { }"), CLR_FILE_NET},
        {BYTES("layers { }"), CLR_FILE_NET},
        {BYTES("net: 'x.prototxt' base_lr: 0.1"), CLR_FILE_SOLVER},
        {BYTES("name: 'x' run { }"), CLR_FILE_EXPERIMENT},
        {BYTES("\x02\0\0\0\0\0\0\0{}"), CLR_FILE_SAFETENSORS},
        {BYTES("clr-cl checkpoint 1\n"), CLR_FILE_CHECKPOINT},
        {BYTES("PK\3\4\0\0"), CLR_FILE_PYTORCH},
        {BYTES("\x80\2\x8a\x0a"), CLR_FILE_PYTORCH},
        {BYTES("\x89HDF\r\n\x1a\n\0"), CLR_FILE_HDF5},
        {BYTES("\x0a\x05LeNet\xa2\x06\x10\0"), CLR_FILE_CAFFEMODEL},
        {BYTES("\xa2\x06\x10\0\0"), CLR_FILE_CAFFEMODEL},
        {BYTES("\x0a\x05LeNet\x12\x10\0"), CLR_FILE_CAFFEMODEL},
        {BYTES("\x0a\x05LeNet\x1a\x04"
               "data"),
         CLR_FILE_CAFFEMODEL}, /* its input */
        {BYTES("layer {"), CLR_FILE_UNKNOWN},
        {BYTES("word: 1"), CLR_FILE_UNKNOWN},
        {BYTES("\0\0\0\0"), CLR_FILE_UNKNOWN},
        {BYTES(""), CLR_FILE_UNKNOWN},
    };
    const char *dir = support_temp_dir();
    char path[128];

    (void)snprintf(path, sizeof path, "%s/some", dir);
    ck_assert_int_eq(clr_file_kind(path), CLR_FILE_UNKNOWN);
    for (size_t i = 0; i < MEM_COUNT(cases); i++) {
        ck_assert_int_eq(fs_write_atomic(path, cases[i].bytes, cases[i].size, NULL), 0);
        ck_assert_msg(clr_file_kind(path) == cases[i].kind, "case %zu is %d", i, (int)clr_file_kind(path));
    }
    (void)snprintf(path, sizeof path, "%s/some.caffemodel", dir);
    ck_assert_int_eq(fs_write_atomic(path, "", 0, NULL), 0);
    ck_assert_int_eq(clr_file_kind(path), CLR_FILE_CAFFEMODEL);
    ck_assert_int_eq(clr_file_kind(dir), CLR_FILE_UNKNOWN);
    (void)snprintf(path, sizeof path, "%s/run.json", dir);
    ck_assert_int_eq(fs_write_atomic(path, "{}", 2, NULL), 0);
    ck_assert_int_eq(clr_file_kind(dir), CLR_FILE_RUN);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("fields");
    TCase *tc = tcase_create("fields");

    tcase_add_test(tc, test_fields__layers_and_fields_are_listed);
    tcase_add_test(tc, test_fields__files_are_recognised);
    suite_add_tcase(s, tc);
    return support_run(s, true);
}
