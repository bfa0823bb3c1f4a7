/* Checkpoints: what is written is read back; the two newest stay; damaged and forged ones are skipped. */
#include "support.h"

#include <clr/log.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "train/checkpoint.h"

static float g_w[6] = {1.0f, -2.5f, 3e-30f, 4e30f, 0.0f, -0.0f},
             g_v[6] = {0.1f, 0.2f, 0.3f, 0.4f, 0.5f, 0.6f};
static char g_history[] = "1,2.5,0.10000000000000001,3,0.5\n",
            g_losses[] = "iteration,trn_loss,lr\n1,2.5,0.1\n", g_timing[] = "";
static struct st_tensor g_tensors[2] = {
    {.name = "conv1.weight", .rank = 2, .dims = {2, 3}, .count = 6, .data = g_w},
    {.name = "conv1.weight.momentum", .rank = 2, .dims = {2, 3}, .count = 6, .data = g_v}};

static int warnings;

static void count_warnings(void *user, enum clr_log_level level, const char *text)
{
    (void)user;
    (void)text;
    warnings += level == CLR_LOG_WARNING;
}

static char g_schedule[] = "{\"policy\":\"fixed\"}";

/* Of iteration n; json values are made here and freed by write(). */
static void must_write(const char *folder, uint64_t n)
{
    struct checkpoint c = {.state.iteration = n,
                           .state.epoch = 3,
                           .state.place = 200,
                           .state.last_loss = 0.1,
                           .state.last_rate = 0.0125,
                           .state.untrained = n % 2 ? 0.125 : NAN,
                           .schedule = n % 2 ? g_schedule : NULL,
                           .seconds = 12.25,
                           .made = json_pack("{s:s}", "device", "this one"),
                           .variants = json_pack("{s:{s:{s:s}}}", "train", "conv1", "forward", "direct 4x3"),
                           .tensors = {.tensors = g_tensors, .count = 2},
                           .history = g_history,
                           .losses = g_losses,
                           .timing = g_timing};
    struct clr_error err;

    ck_assert_msg(checkpoint_write(folder, &c, &err) == 0, "%s", err.message);
    json_decref(c.made);
    json_decref(c.variants);
}

static char *path_of(const char *folder, const char *name)
{
    char *path = NULL;

    ck_assert_int_eq(fs_join(&path, folder, name, NULL), 0);
    return path;
}

/* Without a sync, which would take minutes for thousands of files. */
static void put(const char *path, const char *bytes, size_t size)
{
    FILE *f = fopen(path, "wb");

    ck_assert_ptr_nonnull(f);
    ck_assert(fwrite(bytes, 1, size, f) == size && fclose(f) == 0);
}

static bool there(const char *folder, const char *name)
{
    char *path = path_of(folder, name);
    const bool yes = fs_exists(path);

    free(path);
    return yes;
}

static bool any_in(const char *folder)
{
    struct clr_error err;
    bool any;

    ck_assert_msg(checkpoint_exists(&any, folder, &err) == 0, "%s", err.message);
    return any;
}

static void must_read(struct checkpoint *c, const char *folder, uint64_t wanted)
{
    struct clr_error err;
    bool found;

    ck_assert_msg(checkpoint_read(c, &found, folder, UINT64_MAX, &err) == 0, "%s", err.message);
    ck_assert_int_eq(found, wanted > 0);
    ck_assert_uint_eq(c->state.iteration, wanted);
}

START_TEST(test_checkpoint__round_trip)
{
    const char *folder = support_temp_dir();
    struct checkpoint c;
    const struct st_tensor *t;

    must_read(&c, folder, 0); /* an empty folder */
    ck_assert(!any_in(folder));
    must_write(folder, 12345);
    ck_assert(any_in(folder));
    must_read(&c, folder, 12345);
    ck_assert(c.state.epoch == 3 && c.state.place == 200);
    ck_assert_double_eq(c.state.last_loss, 0.1);
    ck_assert_double_eq(c.state.last_rate, 0.0125);
    ck_assert_double_eq(c.state.untrained, 0.125);
    ck_assert_double_eq(c.seconds, 12.25);
    ck_assert_str_eq(c.schedule, g_schedule);
    ck_assert_str_eq(c.history, g_history);
    ck_assert_str_eq(c.losses, g_losses);
    ck_assert_str_eq(c.timing, g_timing);
    ck_assert_str_eq(json_string_value(json_object_get(c.made, "device")), "this one");
    ck_assert_uint_eq(json_object_size(json_object_get(c.variants, "train")), 1);
    t = safetensors_find(&c.tensors, "conv1.weight");
    ck_assert(t && t->count == 6 && memcmp(t->data, g_w, sizeof g_w) == 0);
    t = safetensors_find(&c.tensors, "conv1.weight.momentum");
    ck_assert(t && t->count == 6 && memcmp(t->data, g_v, sizeof g_v) == 0);
    checkpoint_clear(&c);
}
END_TEST

START_TEST(test_checkpoint__the_two_newest_are_kept)
{
    const char *folder = support_temp_dir();
    static const char *const others[] = {"checkpoint-00.clr", "checkpoint-007.clr",
                                         "checkpoint--5.clr", "checkpoint-5.clr.old",
                                         "checkpoint-.clr",   "checkpoint-99999999999999999999.clr"};
    struct checkpoint c;

    for (size_t i = 0; i < MEM_COUNT(others); i++) {
        char *path = path_of(folder, others[i]);
        ck_assert_int_eq(fs_write_atomic(path, "x", 1, NULL), 0);
        free(path);
    }
    for (uint64_t n = 8; n <= 11; n++)
        must_write(folder, n);
    ck_assert(there(folder, "checkpoint-11.clr") && there(folder, "checkpoint-10.clr"));
    ck_assert(!there(folder, "checkpoint-9.clr") && !there(folder, "checkpoint-8.clr"));
    must_write(folder,
               4); /* a run that was resumed at an earlier iteration: later checkpoints are not its own */
    ck_assert(there(folder, "checkpoint-4.clr") && !there(folder, "checkpoint-11.clr"));
    must_read(&c, folder, 4);
    checkpoint_clear(&c);
    for (size_t i = 0; i < MEM_COUNT(others); i++)
        ck_assert_msg(there(folder, others[i]), "%s", others[i]);
}
END_TEST

/* Cut off at every byte, and with a bit flipped in every byte. */
START_TEST(test_checkpoint__damage_is_seen)
{
    const char *folder = support_temp_dir();
    struct checkpoint c;
    char *path, *bytes;
    size_t size;
    struct clr_error err;

    must_write(folder, 7);
    path = path_of(folder, "checkpoint-7.clr");
    ck_assert_int_eq(fs_read(path, 1 << 20, &bytes, &size, &err), 0);
    for (size_t i = 0; i < size; i++) {
        warnings = 0;
        put(path, bytes, i);
        must_read(&c, folder, 0);
        bytes[i] = (char)(bytes[i] ^ (1 << i % 8));
        put(path, bytes, size);
        if (i == sizeof "clr-cl checkpoint " -
                     1) { /* the format line: it may be a good checkpoint of another version */
            bool found;
            ck_assert_int_eq(checkpoint_read(&c, &found, folder, UINT64_MAX, &err), CLR_EINPUT);
            ck_assert_msg(strstr(err.message, "has format 5; clr-cl ") && !strstr(err.message, "remove it"),
                          "%s", err.message);
            warnings++;
        } else {
            must_read(&c, folder, 0);
        }
        bytes[i] = (char)(bytes[i] ^ (1 << i % 8));
        ck_assert_int_eq(warnings, 2);
    }
    put(path, bytes, size);
    must_read(&c, folder, 7);
    checkpoint_clear(&c);
    must_write(folder, 8);
    free(path);
    path = path_of(folder, "checkpoint-8.clr");
    put(path, "", 0);
    must_read(&c, folder, 7); /* the checkpoint before it is used */
    checkpoint_clear(&c);
    free(bytes);
    free(path);
}
END_TEST

/* A correct checksum does not prove that the program wrote the file. */
START_TEST(test_checkpoint__what_is_made_up_is_refused)
{
    static const char *const bodies[] = {
        "",
        "\n",
        "{}\n",
        "[1]\n",
        "{\"iteration\":1",
        "{\"iteration\":1,\"epoch\":0,\"place\":0,\"last_loss\":1,\"untrained\":null,\"seconds\":1,\"made\":{"
        "},\"variants\":{}}"
        "\n",
        "{\"iteration\":-1,\"epoch\":0,\"place\":0,\"last_loss\":1,\"untrained\":null,\"seconds\":1,\"made\":"
        "{},\"variants\":{},"
        "\"sizes\":"
        "[0,0,0,0]}\n",
        "{\"iteration\":1,\"epoch\":0,\"place\":3000000000,\"last_loss\":1,\"untrained\":null,\"seconds\":1,"
        "\"made\":{},"
        "\"variants\":{},"
        "\"sizes\":[0,0,0,0]}\n",
        "{\"iteration\":1,\"epoch\":0,\"place\":0,\"last_loss\":1,\"untrained\":null,\"seconds\":1,\"made\":{"
        "},\"variants\":[],"
        "\"sizes\":"
        "[0,0,0,0]}\n",
        "{\"iteration\":1,\"epoch\":0,\"place\":0,\"last_loss\":1,\"untrained\":null,\"seconds\":1,\"made\":{"
        "},\"variants\":{},"
        "\"sizes\":"
        "[0,0,0,0]}\n",
        "{\"iteration\":1,\"epoch\":0,\"place\":0,\"last_loss\":1,\"untrained\":null,\"seconds\":1,\"made\":{"
        "},\"variants\":{},"
        "\"sizes\":"
        "[9223372036854775807,9223372036854775807,2,0]}\n",
        "{\"iteration\":1,\"epoch\":0,\"place\":0,\"last_loss\":1,\"untrained\":null,\"seconds\":1,\"made\":{"
        "},\"variants\":{},"
        "\"sizes\":"
        "[8,0,0,0]}\n\377\377\377\377\377\377\377\377",
        "{\"iteration\":1,\"epoch\":0,\"place\":0,\"last_loss\":1,\"untrained\":null,\"seconds\":1,\"made\":{"
        "},\"variants\":{},"
        "\"sizes\":"
        "[4,0,0,-1]}\nabc",
    };
    const char *folder = support_temp_dir();
    char *path = path_of(folder, "checkpoint-1.clr");
    struct clr_error err = {0};
    struct checkpoint c;
    bool found = true;

    for (size_t i = 0; i < MEM_COUNT(bodies); i++) {
        char sum[FS_SHA256_TEXT];
        struct str text = {0};
        fs_sha256(bodies[i], strlen(bodies[i]), sum);
        str_append(&text, "clr-cl checkpoint 1\n%s\n%s", sum, bodies[i]);
        ck_assert_int_eq(fs_write_atomic(path, str_text(&text), text.length, NULL), 0);
        warnings = 0;
        must_read(&c, folder, 0);
        ck_assert_msg(warnings == 1, "body %zu", i);
        str_clear(&text);
    }
    free(path);
    path = path_of(folder, "checkpoint-2.clr"); /* cannot be read: it may be good or not */
    ck_assert_int_eq(mkdir(path, 0777), 0);
    must_write(folder, 1);
    ck_assert_int_eq(checkpoint_read(&c, &found, folder, UINT64_MAX, &err), CLR_EINPUT);
    ck_assert_msg(strstr(err.message, "checkpoint-2.clr': it is a folder. It may be the best") != NULL, "%s",
                  err.message);
    ck_assert(!found);
    free(path);
}
END_TEST

/* With a correct checksum. */
START_TEST(test_checkpoint__a_large_head_is_not_parsed)
{
    struct str large = {0};
    struct checkpoint c = {.state.iteration = 1,
                           .seconds = 1.0,
                           .variants = json_object(),
                           .history = g_timing,
                           .losses = g_timing,
                           .timing = g_timing};
    const char *folder = support_temp_dir();

    str_append(&large, "%*s", 4 << 20, "");
    c.made = json_pack("{s:s}", "device", str_text(&large));
    ck_assert_int_eq(checkpoint_write(folder, &c, NULL), 0);
    warnings = 0;
    clr_log_set_sink(count_warnings, NULL);
    json_decref(c.made);
    json_decref(c.variants);
    must_read(&c, folder, 0);
    ck_assert_int_eq(warnings, 1);
    str_clear(&large);
}
END_TEST

START_TEST(test_checkpoint__a_missing_folder_is_an_error)
{
    char *path = path_of(support_temp_dir(), "missing");
    struct checkpoint c;
    struct clr_error err;
    bool found;

    ck_assert_int_eq(checkpoint_read(&c, &found, path, UINT64_MAX, &err), CLR_EFAILED);
    ck_assert_ptr_nonnull(strstr(err.message, "missing"));
    free(path);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("checkpoint");
    TCase *tc = tcase_create("checkpoint");

    clr_log_set_sink(count_warnings, NULL);
    tcase_set_timeout(tc, 60); /* one reads a file a thousand times: a busy machine takes its time */
    tcase_add_test(tc, test_checkpoint__round_trip);
    tcase_add_test(tc, test_checkpoint__the_two_newest_are_kept);
    tcase_add_test(tc, test_checkpoint__damage_is_seen);
    tcase_add_test(tc, test_checkpoint__what_is_made_up_is_refused);
    tcase_add_test(tc, test_checkpoint__a_large_head_is_not_parsed);
    tcase_add_test(tc, test_checkpoint__a_missing_folder_is_an_error);
    suite_add_tcase(s, tc);
    return support_run(s, true);
}
