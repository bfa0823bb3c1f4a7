/* safetensors: what is written is read back, byte for byte, and hostile files are refused. */
#include "support.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "net/safetensors.h"

static float g_a[6] = {1.0f, -2.5f, 3e-30f, 4e30f, 0.0f, -0.0f}, g_b[1] = {7.0f};

static void sample_file(struct st_file *f, struct st_tensor tensors[3])
{
    memset(f, 0, sizeof *f);
    tensors[0] =
        (struct st_tensor){.name = "conv1.weight", .rank = 2, .dims = {2, 3}, .count = 6, .data = g_a};
    tensors[1] = (struct st_tensor){.name = "a \"quoted\" name", .rank = 0, .count = 1, .data = g_b};
    tensors[2] = (struct st_tensor){.name = "empty", .rank = 1, .dims = {0}, .count = 0};
    f->tensors = tensors;
    f->count = 3;
}

START_TEST(test_safetensors__round_trip_is_byte_equal)
{
    char path[128], second[128], key[] = "net", value[] = "quick", key2[] = "format", value2[] = "pt";
    char *metadata[] = {key, value, key2, value2}, *bytes, *again;
    struct st_tensor tensors[3];
    struct st_file f, g;
    struct clr_error err;
    const char *dir = support_temp_dir();
    const struct st_tensor *t;
    size_t size, size_again;

    sample_file(&f, tensors);
    f.metadata = metadata;
    f.metadata_count = 2;
    (void)snprintf(path, sizeof path, "%s/a.safetensors", dir);
    (void)snprintf(second, sizeof second, "%s/b.safetensors", dir);
    ck_assert_int_eq(safetensors_write(path, &f, &err), 0);
    ck_assert_msg(safetensors_read(&g, path, &err) == 0, "%s", err.message);
    ck_assert_uint_eq(g.count, 3);
    t = safetensors_find(&g, "conv1.weight");
    ck_assert_ptr_nonnull(t);
    ck_assert(t->rank == 2 && t->dims[0] == 2 && t->dims[1] == 3 && t->count == 6);
    ck_assert_mem_eq(t->data, g_a, sizeof g_a);
    t = safetensors_find(&g, "a \"quoted\" name");
    ck_assert(t && t->rank == 0 && t->count == 1 && t->data[0] == 7.0f);
    t = safetensors_find(&g, "empty");
    ck_assert(t && t->rank == 1 && t->count == 0);
    ck_assert_ptr_null(safetensors_find(&g, "conv1"));
    ck_assert_uint_eq(g.metadata_count, 2);
    ck_assert_str_eq(g.metadata[0], "net");
    ck_assert_str_eq(g.metadata[3], "pt");
    ck_assert_int_eq(safetensors_write(second, &g, &err), 0);
    ck_assert_int_eq(fs_read(path, 1 << 20, &bytes, &size, &err), 0);
    ck_assert_int_eq(fs_read(second, 1 << 20, &again, &size_again, &err), 0);
    ck_assert_uint_eq(size, size_again);
    ck_assert_mem_eq(bytes, again, size);
    ck_assert_uint_eq((unsigned char)bytes[0] % 8, 0); /* the data is aligned */
    free(bytes);
    free(again);
    safetensors_clear(&g);
}
END_TEST

START_TEST(test_safetensors__impossible_files_are_not_written)
{
    struct st_tensor tensors[3];
    struct st_file f;
    struct clr_error err;
    char path[128];

    (void)snprintf(path, sizeof path, "%s/a", support_temp_dir());
    sample_file(&f, tensors);
    str_copy(tensors[1].name, sizeof tensors[1].name, "conv1.weight");
    ck_assert_int_eq(safetensors_write(path, &f, &err), CLR_EFAILED);
    ck_assert_ptr_nonnull(strstr(err.message, "conv1.weight"));
    sample_file(&f, tensors);
    tensors[0].count = 5;
    ck_assert_int_eq(safetensors_write(path, &f, &err), CLR_EFAILED);
    sample_file(&f, tensors);
    str_copy(tensors[0].name, sizeof tensors[0].name, "\xff\xfe");
    ck_assert_int_eq(safetensors_write(path, &f, &err), CLR_EFAILED);
    ck_assert(!fs_exists(path));
}
END_TEST

/* A file of this header, with a length field of `length` (0: its own) and `data` bytes after it. */
static int read_raw(const char *dir, const char *header, uint64_t length, size_t data, struct clr_error *err)
{
    size_t n = strlen(header);
    char path[128], *bytes = calloc(1, 8 + n + data + 1);
    struct st_file f;
    int rc;

    ck_assert_ptr_nonnull(bytes);
    if (!length)
        length = n;
    for (int i = 0; i < 8; i++)
        bytes[i] = (char)(unsigned char)(length >> 8 * i & 255);
    memcpy(bytes + 8, header, n);
    (void)snprintf(path, sizeof path, "%s/raw", dir);
    ck_assert_int_eq(fs_write_atomic(path, bytes, 8 + n + data, err), 0);
    free(bytes);
    rc = safetensors_read(&f, path, err);
    if (rc == 0)
        safetensors_clear(&f);
    return rc;
}

#define T(shape, begin, end) "{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":[" begin "," end "]}"

START_TEST(test_safetensors__hostile_headers_are_refused)
{
    static const struct {
        const char *header;
        uint64_t length;
        size_t data;
        const char *message;
    } cases[] = {
        {"{}", 3, 0, "does not fit"},
        {"{}", UINT64_MAX, 0, "does not fit"},
        {"{}", UINT64_C(1) << 63, 0, "does not fit"},
        {"{}", UINT64_MAX - 7, 0, "does not fit"},
        {"[]", 0, 0, "not a JSON object"},
        {" {}", 0, 0, "not a JSON object"},
        {"{\"a\":", 0, 0, "not JSON"},
        {"{\"a\":1}", 0, 0, "no dtype"},
        {"{\"a\":{}}", 0, 0, "no dtype"},
        {"{}", 0, 4, "4 bytes after"},
        {"{\"a\":" T("[1]", "0", "8") "}", 0, 4, "ends at byte 8 of 4"},
        {"{\"a\":" T("[2]", "0", "4") "}", 0, 4, "its shape needs 8"},
        {"{\"a\":" T("[1]", "4", "0") "}", 0, 4, "no data_offsets"},
        {"{\"a\":" T("[1]", "-4", "0") "}", 0, 4, "no data_offsets"},
        {"{\"a\":" T("[1]", "0.0", "4.0") "}", 0, 4, "no data_offsets"},
        {"{\"a\":" T("[-1]", "0", "4") "}", 0, 4, "impossible shape"},
        {"{\"a\":" T("1", "0", "4") "}", 0, 4, "no shape"},
        {"{\"a\":" T("[1,1,1,1,1,1,1,1,1]", "0", "4") "}", 0, 4, "no shape"},
        {"{\"a\":" T("[4294967296,4294967296]", "0", "0") "}", 0, 0, "impossible shape"},
        {"{\"a\":" T("[4611686018427387904]", "0", "0") "}", 0, 0, "impossible shape"},
        {"{\"a\":" T("[9223372036854775807,2]", "0", "0") "}", 0, 0, "impossible shape"},
        {"{\"a\":" T("[99999999999999999999]", "0", "0") "}", 0, 0, "not JSON"},
        {"{\"a\":" T("[2]", "0", "8") ",\"b\":" T("[2]", "4", "12") "}", 0, 12, "two tensors"},
        {"{\"a\":" T("[2]", "0", "8") ",\"b\":" T("[2]", "0", "8") "}", 0, 8, "two tensors"},
        {"{\"a\":" T("[1]", "0", "4") ",\"b\":" T("[1]", "8", "12") "}", 0, 12, "a hole"},
        {"{\"a\":" T("[1]", "4", "8") "}", 0, 8, "a hole"},
        {"{\"a\":" T("[1]", "2", "6") "}", 0, 6, "a hole"},
        {"{\"a\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,8]}}", 0, 8, "its shape needs 4"},
        {"{\"a\":{\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[0,8]}}", 0, 8, "its shape needs 16"},
        {"{\"a\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,9]}}", 0, 8, "ends at byte 9 of 8"},
        {"{\"a\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,4]}}", 0, 8, "4 bytes after"},
        {"{\"a\":" T("[1]", "0", "4") ",\"a\":" T("[1]", "4", "8") "}", 0, 8, "not JSON: duplicate"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":1}}", 0, 4, "more than dtype"},
        {"{\"__metadata__\":{\"a\":1}}", 0, 0, "not a string"},
        {"{\"__metadata__\":[]}", 0, 0, "not an object"},
        {"{\"a\xff\":1}", 0, 0, "not JSON"},
        {"{\"a\\u0000\":1}", 0, 0, "not JSON"},
    };
    const char *dir = support_temp_dir();
    struct clr_error err;

    for (size_t i = 0; i < MEM_COUNT(cases); i++) {
        ck_assert_msg(read_raw(dir, cases[i].header, cases[i].length, cases[i].data, &err) == CLR_EINPUT,
                      "accepted: %s", cases[i].header);
        ck_assert_msg(strstr(err.message, cases[i].message) && strstr(err.message, "raw"), "%s gives '%s'",
                      cases[i].header, err.message);
    }
    /* and unusual but correct files are accepted: any order, any length of header, no tensors */
    ck_assert_int_eq(
        read_raw(dir, "{\"a\":" T("[1]", "4", "8") ",\"b\":" T("[1]", "0", "4") "}   ", 0, 8, &err), 0);
    ck_assert_int_eq(read_raw(dir, "{}", 0, 0, &err), 0);
}
END_TEST

START_TEST(test_safetensors__deep_headers_are_refused)
{
    const char *dir = support_temp_dir();
    struct clr_error err;
    char *deep = malloc(200001);

    ck_assert(deep);
    memcpy(deep, "{\"a\":", 5);
    memset(deep + 5, '[', 200000 - 5);
    deep[200000] = '\0';
    ck_assert_int_eq(read_raw(dir, deep, 0, 0, &err), CLR_EINPUT);
    free(deep);
}
END_TEST

/* A file of that header and data, in memory. */
static int parse(struct st_file *out, const char *header, const void *data, size_t size,
                 struct clr_error *err)
{
    const size_t n = strlen(header);
    char *bytes = malloc(8 + n + size);

    ck_assert_ptr_nonnull(bytes);
    mem_store_u64(bytes, n);
    memcpy(bytes + 8, header, n);
    memcpy(bytes + 8 + n, data, size);
    return safetensors_parse(out, "typed", bytes, 8 + n + size, err);
}

#define TYPED(type, shape, begin, end)                                                                       \
    "{\"dtype\":\"" type "\",\"shape\":" shape ",\"data_offsets\":[" begin "," end "]}"

/* Values that the shorter types have at their edges: all are numbers of float32. */
START_TEST(test_safetensors__other_types_become_float32)
{
    static const char *const tensors[] = {
        "\"f16\":" TYPED("F16", "[8]", "0", "16"),  "\"bf16\":" TYPED("BF16", "[3]", "16", "22"),
        "\"f32\":" TYPED("F32", "[1]", "22", "26"), "\"f64\":" TYPED("F64", "[2]", "26", "42"),
        "\"i64\":" TYPED("I64", "[]", "42", "50"),  "\"i32\":" TYPED("I32", "[]", "50", "54"),
    };
    static const unsigned char data[] = {
        0x00, 0x3c, 0x00, 0xc0, 0xff, 0x7b, 0x00, 0x04,
        0x01, 0x00, 0x00, 0x80, 0x00, 0x7c, 0x01, 0x7e, /* f16 */
        0x80, 0x3f, 0x49, 0xc0, 0x01, 0x00,             /* bf16 */
        0x00, 0x00, 0x20, 0x41,                         /* f32 */
        0x9a, 0x99, 0x99, 0x99, 0x99, 0x99, 0xb9, 0x3f, /* 0.1 */
        0x00, 0x00, 0x00, 0xe0, 0xff, 0xff, 0xef, 0xc7, /* f64 */
        0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* i64 */
        0xfd, 0xff, 0xff, 0xff                          /* i32 */
    };
    const float f16[] = {1.0f, -2.0f, 65504.0f, 0x1p-14f, 0x1p-24f, -0.0f, INFINITY};
    const float bf16[] = {1.0f, -3.140625f, 0x1p-133f}, f64[] = {0.1f, -FLT_MAX};
    struct str header = {0};
    struct clr_error err;
    struct st_file f;

    for (size_t i = 0; i < MEM_COUNT(tensors); i++)
        str_append(&header, "%s%s", i == 0 ? "{" : ",", tensors[i]);
    str_append(&header, "}");
    ck_assert_msg(parse(&f, str_text(&header), data, sizeof data, &err) == 0, "%s", err.message);
    str_clear(&header);
    ck_assert_mem_eq(safetensors_find(&f, "f16")->data, f16, sizeof f16);
    ck_assert(isnan(safetensors_find(&f, "f16")->data[7]));
    ck_assert_mem_eq(safetensors_find(&f, "bf16")->data, bf16, sizeof bf16);
    ck_assert(safetensors_find(&f, "f32")->data[0] == 10.0f);
    ck_assert(safetensors_find(&f, "i64")->rank == 0 && safetensors_find(&f, "i64")->data[0] == -2.0f);
    ck_assert(safetensors_find(&f, "i32")->data[0] == -3.0f);
    ck_assert_mem_eq(safetensors_find(&f, "f64")->data, f64, sizeof f64);
    safetensors_clear(&f);
}
END_TEST

START_TEST(test_safetensors__doubles_that_float32_lacks_are_refused)
{
    const double values[] = {1.0, 1e39}, infinite[] = {-INFINITY};
    struct clr_error err;
    struct st_file f;

    ck_assert_int_eq(parse(&f, "{\"big\":" TYPED("F64", "[2]", "0", "16") "}", values, sizeof values, &err),
                     CLR_EINPUT);
    ck_assert_msg(strstr(err.message, "element 1 of tensor 'big' is 1e+39"), "%s", err.message);
    ck_assert_int_eq(parse(&f, "{\"a\":" TYPED("F64", "[1]", "0", "8") "}", infinite, sizeof infinite, &err),
                     0);
    ck_assert(isinf(f.tensors[0].data[0]));
    safetensors_clear(&f);
}
END_TEST

START_TEST(test_safetensors__what_cannot_be_read_is_omitted)
{
    const float value = 7.0f;
    char header[600], data[24] = {0};
    struct clr_error err;
    struct st_file f;

    (void)snprintf(
        header, sizeof header,
        "{\"n\":" TYPED("I64", "[1]", "0", "8") ",\"%0130d\":" TYPED(
            "F32", "[1]", "8", "12") ",\"odd\":" TYPED("F8_E4M3", "[3]", "12",
                                                       "15") ",\"a\":" TYPED("F32", "[1]", "15", "19") "}",
        0);
    memcpy(data + 15, &value, sizeof value);
    ck_assert_msg(parse(&f, header, data, 19, &err) == 0, "%s", err.message);
    ck_assert_uint_eq(f.count, 1);
    ck_assert(safetensors_find(&f, "a")->data[0] == value);
    ck_assert(strncmp(str_text(&f.omitted), "; 'n' has the type I64; '000", 28) == 0);
    ck_assert_ptr_nonnull(strstr(str_text(&f.omitted),
                                 "0…' has a name of 130 bytes, more than 127; 'odd' has the "
                                 "type F8_E4M3"));
    safetensors_clear(&f);
}
END_TEST

START_TEST(test_safetensors__every_truncation_is_refused)
{
    struct st_tensor tensors[3];
    struct st_file f, g;
    struct clr_error err;
    char path[128], *bytes;
    size_t size;

    (void)snprintf(path, sizeof path, "%s/a", support_temp_dir());
    sample_file(&f, tensors);
    ck_assert_int_eq(safetensors_write(path, &f, &err), 0);
    ck_assert_int_eq(fs_read(path, 1 << 20, &bytes, &size, &err), 0);
    for (size_t n = 0; n < size; n += n < 16 || n + 32 > size ? 1 : 7) {
        ck_assert_int_eq(fs_write_atomic(path, bytes, n, &err), 0);
        ck_assert_int_eq(safetensors_read(&g, path, &err), CLR_EINPUT);
    }
    free(bytes);
    (void)snprintf(path, sizeof path, "%s/absent", support_temp_dir());
    ck_assert_int_eq(safetensors_read(&g, path, &err), CLR_EINPUT);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("safetensors");
    TCase *tc = tcase_create("safetensors");

    tcase_add_test(tc, test_safetensors__round_trip_is_byte_equal);
    tcase_add_test(tc, test_safetensors__impossible_files_are_not_written);
    tcase_add_test(tc, test_safetensors__hostile_headers_are_refused);
    tcase_add_test(tc, test_safetensors__deep_headers_are_refused);
    tcase_add_test(tc, test_safetensors__other_types_become_float32);
    tcase_add_test(tc, test_safetensors__doubles_that_float32_lacks_are_refused);
    tcase_add_test(tc, test_safetensors__what_cannot_be_read_is_omitted);
    tcase_add_test(tc, test_safetensors__every_truncation_is_refused);
    suite_add_tcase(s, tc);
    return support_run(s, true);
}
