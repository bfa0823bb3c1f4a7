/*
 * The tuner without a device: shell scripts replace the measuring process, and crash, hang and print noise as
 * drivers do. And which variant wins a race.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <clr/tune.h>

#include "base/clock.h"
#include "base/fs.h"
#include "tune/race.h"

#define BEGIN                                                                                                \
    "echo '{\"is\": \"begin\", \"device\": \"D\", \"driver\": \"1\", \"platform\": \"P\", "                  \
    "\"platform_version\": "                                                                                 \
    "\"V\", \"record\": \"file\", \"items\": 2}'\n"
#define ITEM(n)                                                                                              \
    "echo '{\"is\": \"item\", \"item\": " n ", \"layer\": \"conv" n                                          \
    "\", \"operation\": \"op, k\", \"shape\": \"s" n "\"}'\n"
#define TRY(v) "echo '{\"is\": \"try\", \"variant\": \"" v "\"}'\n"
#define RIGHT  "echo '{\"is\": \"right\"}'\n"
#define RESULT(v)                                                                                            \
    "echo '{\"is\": \"result\", \"own\": \"o\", \"own_ms\": 2.0, \"variant\": \"" v                          \
    "\", \"ms\": 1.0, \"noise\": 0.1, \"faster\": true, \"tried\": 3}'\n"
#define END "echo '{\"is\": \"end\"}'\n"
/* `what`, but only the first time */
#define ONCE(what) "if [ ! -e \"$0.once\" ]; then : > \"$0.once\"; " what "; fi\n"

struct seen {
    char text[4096];     /* "item 0; failed a 1 crashed; result b 1; " */
    char detail[1024];   /* of the last failure */
    int tries, stop;     /* stop: becomes 1 with the result of the item … */
    const char *stop_at; /* … whose variant is this */
};

static void see(void *user, const struct clr_tune_event *e)
{
    struct seen *s = user;
    const size_t n = strlen(s->text);
    char *at = s->text + n;
    const size_t room = sizeof s->text - n;

    switch (e->what) {
    case CLR_TUNE_BEGINS:
        (void)snprintf(at, room, "%s %s, %d in %s; ", e->device, e->driver, e->items, e->record);
        break;
    case CLR_TUNE_ITEM:
        (void)snprintf(at, room, "item %d %s %s %s; ", e->item, e->layer, e->operation, e->shape);
        break;
    case CLR_TUNE_TRIES:
        s->tries++;
        break;
    case CLR_TUNE_FAILED:
        (void)snprintf(at, room, "failed %s %s; ", e->variant, e->why);
        (void)snprintf(s->detail, sizeof s->detail, "%s", e->detail);
        break;
    case CLR_TUNE_RESULT:
        (void)snprintf(at, room, "result %s %.1f %.1f %d; ", e->variant, e->own_ms, e->ms, e->failures);
        s->stop = s->stop_at && strcmp(e->variant, s->stop_at) == 0;
        break;
    default:
        break;
    }
}

/* Run a script as the worker; its results go into *seen. */
static int run_until(const char *stop_at, const char *script, int patience_s, struct seen *seen,
                     struct clr_error *err)
{
    const char *dir = support_temp_dir();
    char path[512];
    const char *const worker[] = {"/bin/sh", path, NULL};

    (void)snprintf(path, sizeof path, "%s/worker", dir);
    ck_assert_int_eq(fs_write_atomic(path, script, strlen(script), NULL), 0);
    ck_assert_int_eq(setenv("XDG_DATA_HOME", dir, 1), 0);
    memset(seen, 0, sizeof *seen);
    memset(err, 0, sizeof *err);
    seen->stop_at = stop_at;
    return clr_tune(worker, patience_s, &seen->stop, see, seen, err);
}

static int run(const char *script, int patience_s, struct seen *seen, struct clr_error *err)
{
    return run_until(NULL, script, patience_s, seen, err);
}

/* Is a failure of the scripts' device recorded? */
static bool recorded(const char *shape, const char *variant, const char *why)
{
    const struct clr_device device = {
        .name = "D", .driver = "1", .platform_name = "P", .platform_version = "V"};
    struct tunedb_key key = {.operator= "op, k" };
    const struct tunedb_entry *f;
    struct tunedb *db = NULL;
    bool yes;

    (void)snprintf(key.shape, sizeof key.shape, "%s", shape);
    ck_assert_int_eq(tunedb_open(&db, NULL, &device, NULL), 0);
    f = tunedb_failed(db, &key, variant);
    yes = f && strcmp(f->why, why) == 0;
    tunedb_close(db);
    return yes;
}

START_TEST(test_tuner__is_stopped_at_once)
{
    struct clr_error err;
    struct seen seen;
    const int rc = run_until("a", BEGIN ITEM("0") TRY("a") RESULT("a") ITEM("1") TRY("b") "exec sleep 50\n",
                             60, &seen, &err);

    ck_assert_int_eq(rc, CLR_EINTERRUPTED);
    ck_assert_msg(strstr(err.message, "of 2 passes; train") && strstr(err.message, "'file'"), "%s",
                  err.message);
    ck_assert(!recorded("s1", "b", "crashed") && !recorded("s1", "b", "hung"));
}
END_TEST

START_TEST(test_tuner__reports_what_happens)
{
    struct clr_error err;
    struct seen seen;
    int rc = run(BEGIN "echo; echo a driver speaks\nprintf '[1,\\n{\\n\"is\"\\n'\n" ITEM("0") TRY("a 1")
                     TRY("b") RESULT("a 1") ITEM("1") TRY("c") RESULT("c") END,
                 20, &seen, &err);

    ck_assert_msg(rc == 0, "%s", err.message);
    ck_assert_str_eq(seen.text, "D 1, 2 in file; item 0 conv0 op, k s0; result a 1 2.0 1.0 0; "
                                "item 1 conv1 op, k s1; result c 2.0 1.0 0; ");
    ck_assert_int_eq(seen.tries, 3);
}
END_TEST

START_TEST(test_tuner__continues_after_a_crash)
{
    struct clr_error err;
    struct seen seen;
    int rc = run(BEGIN "if [ $1 = 0 ]; then\n" ITEM("0") TRY("a 1") RESULT("a 1") "fi\n" ITEM("1")
                     ONCE(TRY("b 2") "kill -SEGV $$") TRY("c") RESULT("c") END,
                 20, &seen, &err);

    ck_assert_msg(rc == 0, "%s", err.message);
    ck_assert_str_eq(seen.text, "D 1, 2 in file; item 0 conv0 op, k s0; result a 1 2.0 1.0 0; "
                                "item 1 conv1 op, k s1; failed b 2 crashed; result c 2.0 1.0 1; ");
    ck_assert(recorded("s1", "b 2", "crashed"));
    ck_assert(!recorded("s0", "b 2", "crashed"));
}
END_TEST

START_TEST(test_tuner__continues_after_an_exit)
{
    struct clr_error err;
    struct seen seen;
    int rc = run(BEGIN ITEM("0") ONCE(TRY("b 2") "exit 0") TRY("c") RESULT("c") END, 20, &seen, &err);

    ck_assert_msg(rc == 0, "%s", err.message);
    ck_assert_ptr_nonnull(strstr(seen.text, "failed b 2 crashed; result c"));
}
END_TEST

START_TEST(test_tuner__kills_what_hangs)
{
    const uint64_t begin = clock_ns();
    struct clr_error err;
    struct seen seen;
    int rc = run(BEGIN ITEM("0") ONCE(TRY("slow") "exec sleep 60") TRY("c") RESULT("c") END, 1, &seen, &err);

    ck_assert_msg(rc == 0, "%s", err.message);
    ck_assert_ptr_nonnull(strstr(seen.text, "failed slow hung; result c"));
    ck_assert_str_eq(
        seen.detail,
        "killed, because it wrote nothing for 1 s and used no processor time; to have it tried again, "
        "remove it from \"failed\" in 'file'");
    ck_assert(recorded("s0", "slow", "hung"));
    ck_assert_uint_lt(clock_ns() - begin, UINT64_C(30000000000));
}
END_TEST

/* A compiler may take long on a busy machine: what uses the processor is killed much later. */
START_TEST(test_tuner__is_patient_while_the_worker_computes)
{
    struct clr_error err;
    struct seen seen;
    int rc = run(BEGIN "if [ $1 = 0 ]; then\n" ITEM("0")
                     TRY("a") "end=$(($(date +%s) + 4))\nwhile [ $(date +%s) -lt $end ]; do :; done\n" RESULT(
                         "a") "fi\n" ITEM("1") ONCE(TRY("b") "while :; do :; done") TRY("c") RESULT("c") END,
                 1, &seen, &err);

    ck_assert_msg(rc == 0, "%s", err.message);
    ck_assert_msg(strstr(seen.text, "result a") && strstr(seen.text, "failed b hung; result c"), "%s",
                  seen.text);
    ck_assert(recorded("s1", "b", "hung"));
}
END_TEST

START_TEST(test_tuner__kills_what_hangs_at_its_end)
{
    const uint64_t begin = clock_ns();
    struct clr_error err;
    struct seen seen;
    int rc = run(BEGIN ITEM("0") TRY("c") RESULT("c") END "exec sleep 60 >&-\n", 1, &seen, &err);

    ck_assert_msg(rc == 0, "%s", err.message);
    ck_assert_uint_lt(clock_ns() - begin, UINT64_C(30000000000));
}
END_TEST

/* Both are stopped for a while (Ctrl-Z): that time does not count as silence of the worker. */
START_TEST(test_tuner__is_patient_while_it_is_stopped)
{
    struct clr_error err;
    struct seen seen;
    int rc = run(BEGIN ITEM("0")
                     TRY("a") "(sleep 3; kill -CONT $PPID) &\nkill -STOP $PPID\nsleep 1\n" RESULT("a") END,
                 2, &seen, &err);

    ck_assert_msg(rc == 0, "%s", err.message);
    ck_assert_msg(!strstr(seen.text, "hung") && strstr(seen.text, "result a"), "%s", seen.text);
}
END_TEST

START_TEST(test_tuner__gives_the_workers_error)
{
    struct clr_error err;
    struct seen seen;
    int rc = run("echo '{\"is\": \"error\", \"code\": -5, \"detail\": \"no device\"}'\n", 20, &seen, &err);

    ck_assert_int_eq(rc, CLR_ENODEVICE);
    ck_assert_str_eq(err.message, "no device");
}
END_TEST

START_TEST(test_tuner__ends_where_nothing_was_tried)
{
    static const char *const scripts[] = {"exit 3\n",
                                          BEGIN "kill -KILL $$\n",
                                          BEGIN ITEM("0") "exit 1\n",
                                          BEGIN ITEM("0") TRY("a") RESULT("a") "kill -SEGV $$\n",
                                          BEGIN ITEM("0") TRY("a") RIGHT "kill -SEGV $$\n",
                                          BEGIN ITEM("0") TRY("a") "kill -TERM $$\n"};
    const char *const nobody[] = {"/nonexistent/program", NULL};
    struct clr_error err = {0};
    struct seen seen = {.tries = 0};

    for (size_t i = 0; i < MEM_COUNT(scripts); i++) {
        ck_assert_int_eq(run(scripts[i], 20, &seen, &err), CLR_EFAILED);
        ck_assert_msg(strstr(err.message, "ended while it tried no variant (ended ") != NULL, "%s",
                      err.message);
    }
    ck_assert_int_eq(run(BEGIN "exec sleep 60\n", 1, &seen, &err), CLR_EFAILED);
    ck_assert_msg(strstr(err.message,
                         "no variant (killed, because it wrote nothing for 1 s and used no processor "
                         "time) after 0 of 2 passes; train uses what was found ('file'); "
                         "the same command again"),
                  "%s", err.message);
    ck_assert_int_eq(clr_tune(nobody, 20, NULL, see, &seen, &err), CLR_EFAILED);
    ck_assert_msg(strstr(err.message, "cannot start") != NULL, "%s", err.message);
}
END_TEST

static void line(void *user, const char *text)
{
    (void)user;
    (void)text;
}

START_TEST(test_tuner__what_is_missing_is_named)
{
    const struct clr_device device = {0};
    const char *const worker[] = {"true", NULL};
    struct clr_tune_options o = {.size = sizeof o, .batch = 8, .device = &device};
    struct clr_net_spec *net;
    struct clr_error err = {0};

    ck_assert_int_eq(clr_tune(NULL, 1, NULL, see, NULL, &err), CLR_EUSAGE);
    ck_assert_ptr_nonnull(strstr(err.message, "`worker`"));
    ck_assert_int_eq(clr_tune(worker, 1, NULL, NULL, NULL, &err), CLR_EUSAGE);
    ck_assert_int_eq(clr_tune_work(NULL, line, NULL, &err), CLR_EUSAGE);
    ck_assert_ptr_nonnull(strstr(err.message, "_options is NULL"));
    ck_assert_int_eq(clr_tune_work(&o, line, NULL, &err), CLR_EUSAGE);
    ck_assert_ptr_nonnull(strstr(err.message, "`net`"));
    ck_assert_int_eq(clr_net_load(&net, "lenet", &err), 0);
    o.net = net;
    o.input = clr_net_input(net);
    o.first = -3;
    ck_assert_int_eq(clr_tune_work(&o, line, NULL, &err), CLR_EUSAGE);
    ck_assert_ptr_nonnull(strstr(err.message, "`first`"));
    clr_net_destroy(net);
}
END_TEST

/* ------------------------------------------------------------------ items */

START_TEST(test_tuner__lists_each_shape_once)
{
    const struct clr_device device = {.type = CLR_DEVICE_CPU, .native_float_width = 8};
    struct clr_tune_options o = {.size = sizeof o, .input = {3, 32, 32}, .batch = 100, .device = &device};
    struct clr_net_spec *spec = NULL;
    struct clr_error err = {0};
    struct tune_items t;

    ck_assert_msg(clr_net_load(&spec, "quick", &err) == 0, "%s", err.message);
    o.net = spec;
    ck_assert_msg(tune_items_init(&t, &o, &err) == 0, "%s", err.message);
    ck_assert_uint_ge(t.count, 8); /* three passes of three convolutions; the first has no data gradient */
    for (size_t i = 0; i < t.count; i++) {
        struct op_variant some[2];
        ck_assert_int_eq(op_candidates(some, 2, &t.items[i].desc, t.items[i].pass, &device, t.items[i].block),
                         2);
        ck_assert(t.items[i].from_images == (strcmp(t.items[i].desc.label, "conv1") == 0));
        for (size_t k = 0; k < i; k++)
            ck_assert(strcmp(t.items[i].key.operator, t.items[k].key.operator) != 0 ||
                      strcmp(t.items[i].key.shape, t.items[k].key.shape) != 0);
    }
    const size_t count = t.count;
    tune_items_clear(&t);
    o.batch = 10; /* batches of 100 in evaluation have other shapes now, and no gradients */
    ck_assert_msg(tune_items_init(&t, &o, &err) == 0, "%s", err.message);
    size_t evaluated = 0;
    for (size_t i = 0; i < t.count; i++) {
        ck_assert_msg(t.items[i].desc.x[0].n == o.batch || t.items[i].pass == OP_FORWARD, "%s, %s",
                      t.items[i].key.operator, t.items[i].key.shape);
        ck_assert_int_eq(t.items[i].uses, t.items[i].desc.x[0].n == o.batch);
        evaluated += t.items[i].desc.x[0].n == 100;
    }
    ck_assert_uint_ge(evaluated, 3);
    ck_assert_uint_eq(t.count, count + evaluated);
    tune_items_clear(&t);
    clr_net_destroy(spec);
}
END_TEST

START_TEST(test_tuner__counts_how_often_a_step_does_it)
{
    static const char text[] =
        "layer { name: 'd' type: 'Data' top: 'd' top: 'l' }\n"
        "layer { name: 'a' type: 'Convolution' bottom: 'd' top: 'a'\n"
        "  convolution_param { num_output: 3 kernel_size: 3 pad: 1 } }\n"
        "layer { name: 'b' type: 'Convolution' bottom: 'a' top: 'b'\n"
        "  convolution_param { num_output: 3 kernel_size: 3 pad: 1 } }\n"
        "layer { name: 'i' type: 'InnerProduct' bottom: 'b' top: 'i' inner_product_param { num_output: 10 } "
        "}\n"
        "layer { name: 's' type: 'SoftmaxWithLoss' bottom: 'i' bottom: 'l' top: 's' }\n";
    const struct clr_device device = {.type = CLR_DEVICE_CPU, .native_float_width = 8};
    struct clr_tune_options o = {.size = sizeof o, .input = {3, 8, 8}, .batch = 10, .device = &device};
    struct clr_net_spec *spec = NULL;
    struct clr_error err = {0};
    struct tune_items t;
    char *path;

    ck_assert_int_eq(fs_join(&path, support_temp_dir(), "twice.prototxt", &err), 0);
    ck_assert_int_eq(fs_write_atomic(path, text, strlen(text), &err), 0);
    ck_assert_msg(clr_net_load(&spec, path, &err) == 0, "%s", err.message);
    o.net = spec;
    ck_assert_msg(tune_items_init(&t, &o, &err) == 0, "%s", err.message);
    for (size_t i = 0; i < t.count; i++) {
        const struct tune_item *item = &t.items[i];
        const bool twice = strcmp(item->desc.label, "a") == 0 && item->desc.x[0].n == o.batch;
        ck_assert_msg(item->uses == (twice ? 2 : item->desc.x[0].n == o.batch), "%s %s: %d", item->desc.label,
                      item->key.operator, item->uses);
    }
    tune_items_clear(&t);
    clr_net_destroy(spec);
    free(path);
}
END_TEST

/* ------------------------------------------------------------------ the race */

static struct racer racer(double base, double jitter)
{
    struct racer r = {.median = base};

    for (int i = 0; i < RACE_ROUNDS; i++)
        r.ms[i] = base * (1.0 + jitter * (i % 3 - 1));
    return r;
}

START_TEST(test_tuner__the_fastest_wins_if_it_is_sure)
{
    struct racer r[3] = {racer(10.0, 0.0), racer(9.0, 0.0), racer(8.0, 0.0)};

    ck_assert_int_eq(race_winner(r, 3), 2);
    ck_assert(fabs(race_result(&r[0], &r[2]).ratio - 0.8) < 1e-9);
    ck_assert(race_result(&r[0], &r[2]).noise < 1e-9);
    r[2].out = true; /* not all of its times are there */
    ck_assert_int_eq(race_winner(r, 3), 1);
    ck_assert_int_eq(race_winner(r, 1), 0);
    r[1] = racer(9.95, 0.0); /* half a per cent */
    ck_assert_int_eq(race_winner(r, 2), 0);
    r[1] = racer(9.0, 0.3); /* one tenth, of times that vary by a third */
    ck_assert_int_eq(race_winner(r, 2), 0);
    r[1] = racer(9.0, 0.0);
    for (int i = 0; i < RACE_ROUNDS; i++) { /* a machine that slows down hits both */
        r[0].ms[i] *= 1.0 + i;
        r[1].ms[i] *= 1.0 + i;
    }
    ck_assert_int_eq(race_winner(r, 2), 1);
    r[0].ms[3] = 8.0; /* its fastest round is the fastest of both */
    ck_assert_int_eq(race_winner(r, 2), 0);
}
END_TEST

/* Under a load that slowed the own choice alone, 1.070 and 0.377 ms; without it, 0.432 and 0.384. */
START_TEST(test_tuner__of_two_races_the_smaller_gain_counts)
{
    const struct racer own = racer(0.432, 0.01), found = racer(0.384, 0.01);
    struct race_result result = race_result(&own, &found);

    ck_assert(result.own_ms == 0.432 && result.ms == 0.384 && result.noise < 0.03);
    race_join(&result, 1.070, 0.377);
    ck_assert(result.own_ms == 0.432 && result.ms == 0.384);
    ck_assert(fabs(result.noise - (0.384 / 0.432 - 0.377 / 1.070)) < 1e-9);
    result = race_result(&own, &found);
    race_join(&result, 0.440, 0.400);
    ck_assert(result.own_ms == 0.440 && result.ms == 0.400 && result.noise < 0.03);
    result = race_result(&own, &own); /* against its own median */
    ck_assert(result.ms == 0.432 && fabs(result.noise - 0.01) < 1e-9);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tuner");
    TCase *c = tcase_create("worker");

    tcase_set_timeout(c, 60);
    tcase_add_test(c, test_tuner__reports_what_happens);
    tcase_add_test(c, test_tuner__is_stopped_at_once);
    tcase_add_test(c, test_tuner__continues_after_a_crash);
    tcase_add_test(c, test_tuner__continues_after_an_exit);
    tcase_add_test(c, test_tuner__kills_what_hangs);
    tcase_add_test(c, test_tuner__is_patient_while_the_worker_computes);
    tcase_add_test(c, test_tuner__kills_what_hangs_at_its_end);
    tcase_add_test(c, test_tuner__is_patient_while_it_is_stopped);
    tcase_add_test(c, test_tuner__gives_the_workers_error);
    tcase_add_test(c, test_tuner__ends_where_nothing_was_tried);
    tcase_add_test(c, test_tuner__what_is_missing_is_named);
    tcase_add_test(c, test_tuner__lists_each_shape_once);
    tcase_add_test(c, test_tuner__counts_how_often_a_step_does_it);
    tcase_add_test(c, test_tuner__the_fastest_wins_if_it_is_sure);
    tcase_add_test(c, test_tuner__of_two_races_the_smaller_gain_counts);
    suite_add_tcase(suite, c);
    return support_run(suite, true);
}
