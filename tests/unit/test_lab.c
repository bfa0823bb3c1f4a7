/* Experiments: what is read from their files, what is refused, and the tables of given runs. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <clr/lab.h>

#include "base/fs.h"

static struct lab_experiment *g_e;
static struct clr_error g_err;

static void drop(void)
{
    clr_lab_destroy(g_e);
    g_e = NULL;
}

static char *path_in(const char *dir, const char *name)
{
    char *path = NULL;

    ck_assert_int_eq(fs_join(&path, dir, name, NULL), 0);
    return path;
}

static void put(const char *dir, const char *name, const char *text)
{
    char *path = path_in(dir, name);

    ck_assert_int_eq(fs_make_dirs(dir, NULL), 0);
    ck_assert_int_eq(fs_write_atomic(path, text, strlen(text), NULL), 0);
    free(path);
}

static int load(const char *text)
{
    const char *dir = support_temp_dir();
    char *path = path_in(dir, "x.prototxt");
    int rc;

    put(dir, "x.prototxt", text);
    rc = clr_lab_load(&g_e, path, &g_err);
    free(path);
    return rc;
}

static void expect_option(const struct lab_run *run, size_t i, const char *name, const char *value)
{
    ck_assert_uint_lt(i, run->option_count);
    ck_assert_str_eq(run->options[i].name, name);
    if (value)
        ck_assert_str_eq(run->options[i].value, value);
    else
        ck_assert_ptr_null(run->options[i].value);
}

/* ---- files ---- */

START_TEST(test_lab__a_file_is_read)
{
    ck_assert_int_eq(
        load("name: 'x' about: \"why\" seed: [3, 1] at: 100 reach: [0.5, 0.75]\n"
             "options { net: 'quick' batch: 10 three_phase: true }\n"
             "run { name: 'a' policy: fixed lr: 1e-3 keep_minima: true }\n"
             "run { name: 'b' seed: 7 batch: 20 three_phase: false milestones: [10, 20] milestones: 30 }\n"
             "range_test { name: 'r' min_lr: 0.1 }\n"
             "figure { file: 'f.svg' run: 'b' run: 'a' title: '' width: 640 }\n"
             "figure { file: 'r.png' kind: RANGE run: 'r' }\n"),
        0);
    ck_assert_str_eq(g_e->name, "x");
    ck_assert_str_eq(g_e->about, "why");
    ck_assert(g_e->at_count == 1 && g_e->at[0] == 100 && g_e->reach_count == 2 && g_e->reach[1] == 0.75);
    ck_assert(g_e->run_count == 3 && g_e->figure_count == 2);
    ck_assert(g_e->runs[0].seed_count == 2 && g_e->runs[0].seeds[0] == 3 && g_e->runs[0].seeds[1] == 1);
    ck_assert_uint_eq(g_e->runs[0].option_count, 6);
    expect_option(&g_e->runs[0], 0, "net", "quick");
    expect_option(&g_e->runs[0], 1, "batch", "10");
    expect_option(&g_e->runs[0], 2, "three-phase", NULL);
    expect_option(&g_e->runs[0], 3, "policy", "fixed");
    expect_option(&g_e->runs[0], 4, "lr", "1e-3");
    expect_option(&g_e->runs[0], 5, "keep-minima", NULL);
    ck_assert(g_e->runs[1].seed_count == 1 && g_e->runs[1].seeds[0] == 7);
    expect_option(&g_e->runs[1], 2, "batch", "20");  /* overrides that of `options` */
    ck_assert_uint_eq(g_e->runs[1].option_count, 4); /* and without the flag that it drops */
    expect_option(&g_e->runs[1], 3, "milestones", "10,20,30");
    ck_assert(g_e->runs[2].range_test && g_e->runs[2].option_count == 1);
    ck_assert(g_e->figures[0].run_count == 2 && g_e->figures[0].runs[0] == 1 && g_e->figures[0].width == 640);
    ck_assert_str_eq(g_e->figures[0].title, "");
    ck_assert(g_e->figures[1].kind == LAB_FIGURE_RANGE && g_e->figures[1].runs[0] == 2);
    drop();
}
END_TEST

/* An option after a dropped one uses its slot, but none of its contents. */
START_TEST(test_lab__a_dropped_flag_leaves_nothing)
{
    ck_assert_int_eq(load("name: 'x' seed: 1 options { keep_minima: true net: 'quick' }\n"
                          "run { name: 'a' keep_minima: false three_phase: true }\n"),
                     0);
    ck_assert_uint_eq(g_e->runs[0].option_count, 2);
    expect_option(&g_e->runs[0], 0, "net", "quick");
    expect_option(&g_e->runs[0], 1, "three-phase", NULL);
    drop();
}
END_TEST

START_TEST(test_lab__the_built_in_ones_are_read)
{
    size_t count = 0;

    for (const char *const *name = clr_lab_names(); *name; name++, count++) {
        ck_assert_msg(clr_lab_load(&g_e, *name, &g_err) == 0, "%s: %s", *name, g_err.message);
        ck_assert_str_eq(g_e->name, *name);
        drop();
    }
    ck_assert_uint_ge(count, 3);
    ck_assert_int_eq(clr_lab_load(&g_e, "headlin", &g_err), CLR_EINPUT);
    ck_assert_msg(strstr(g_err.message, "did you mean 'headline'") != NULL, "%s", g_err.message);
    ck_assert_int_eq(clr_lab_load(&g_e, "nothing", &g_err), CLR_EINPUT);
    ck_assert_msg(strstr(g_err.message, "there are headline, policies") != NULL, "%s", g_err.message);
    ck_assert_int_eq(clr_lab_load(&g_e, "/nonexistent/x.prototxt", &g_err), CLR_EINPUT);
}
END_TEST

START_TEST(test_lab__what_is_wrong_is_said)
{
    static const struct {
        const char *text, *says;
    } table[] = {
        {"", "'name' is missing"},
        {"name: 'x'", "there is no 'run"},
        {"name: '../x' run { name: 'a' }", "field 'name' is '../x'"},
        {"name: '.x' run { name: 'a' }", "field 'name' is '.x'"},
        {"name: '' run { name: 'a' }", "field 'name' is ''"},
        {"name: 'x' run { name: 'a/b' }", "field 'name' is 'a/b'"},
        {"name: 'x' run { lr: 1 }", "'name' is missing"},
        {"name: 'x'\nrun { name: 'a' }\nrun { name: 'a' }", ":3:1: a run 'a' is there already, in line 2"},
        {"name: 'x' run { name: 'a' out: 'b' }", "field 'out' has no place here"},
        {"name: 'x' run { name: 'a' device: 'b' }", "field 'device' has no place here"},
        {"name: 'x' options { seed: 5 } run { name: 'a' }", "field 'seed' has no place here"},
        {"name: 'x' run { name: 'a' help: true }", "field 'help' has no place here"},
        {"name: 'x' run { name: 'a' lr { x: 1 } }", "field 'lr' is a block"},
        {"name: 'x' run { name: 'a' keep_minima: false }",
         "field 'keep_minima' is false, and options { } has no"},
        {"name: 'x' options { keep_minimo: true } run { name: 'a' keep_minima: false }", "leave it out"},
        {"name: 'x' options { keep_minima: false } run { name: 'a' }", "leave it out"},
        {"name: 'x' seed: [1, 1] run { name: 'a' }", "seed 1 is given twice"},
        {"name: 'x' seed: -1 run { name: 'a' }", "field 'seed' is '-1'"},
        {"name: 'x' run { name: 'a' } sed: 1", "unknown field 'sed'"},
        {"name: 'x' run { name: 'a' } reach: 75", "field 'reach' is '75'"},
        {"name: 'x' run { name: 'a' } figure { file: 'f.gif' run: 'a' }", "'f.gif' is no figure"},
        {"name: 'x' run { name: 'a' } figure { file: 'f.png' run: 'a' } figure { file: 'f.png' run: 'a' }",
         "a figure 'f.png' is there already"},
        {"name: 'x' run { name: 'a' } figure { file: '../f.png' run: 'a' }", "field 'file' is '../f.png'"},
        {"name: 'x' run { name: 'a' } figure { file: 'f.png' }", "the figure shows no run"},
        {"name: 'x' run { name: 'a' } figure { file: 'f.png' run: 'b' }", "there is no run 'b'"},
        {"name: 'x' run { name: 'a' } figure { file: 'f.png' kind: RANGE run: 'a' }", "'a' is no range test"},
        {"name: 'x' run { name: 'a' } figure { file: 'f.png' kind: PIE run: 'a' }",
         "it takes one of: RUN, RANGE"},
    };

    for (size_t i = 0; i < MEM_COUNT(table); i++) {
        ck_assert_msg(load(table[i].text) == CLR_EINPUT, "'%s' was taken", table[i].text);
        ck_assert_msg(strstr(g_err.message, table[i].says) != NULL, "'%s' for '%s'", g_err.message,
                      table[i].text);
    }
}
END_TEST

START_TEST(test_lab__more_options_than_fit_are_refused)
{
    char text[2048] = "name: 'x' run { name: 'a' ";

    for (int i = 0; i <= LAB_ARGUMENTS; i++)
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), "o%d: 1 ", i);
    str_copy(text + strlen(text), 2, "}");
    ck_assert_int_eq(load(text), CLR_EINPUT);
    ck_assert_msg(strstr(g_err.message, "more than 64 options") != NULL, "%s", g_err.message);
}
END_TEST

/* The longest list in the longest file. */
START_TEST(test_lab__values_without_end_are_refused)
{
    struct str text = {0};

    str_append(&text, "name: 'x' run { name: 'a' milestones: [ '1234567890'");
    for (int i = 0; i < 65000; i++)
        str_append(&text, ", '1234567890'");
    str_append(&text, "] }");
    ck_assert_int_eq(load(str_text(&text)), CLR_EINPUT);
    ck_assert_msg(strstr(g_err.message, "more than 8192 bytes") != NULL, "%s", g_err.message);
    str_clear(&text);
}
END_TEST

START_TEST(test_lab__a_list_behind_a_dropped_flag_is_whole)
{
    ck_assert_int_eq(load("name: 'x' options { three_phase: true net: 'quick' }\n"
                          "run { name: 'a' three_phase: false milestones: 10 milestones: 20 net: 'full' }"),
                     0);
    ck_assert_uint_eq(g_e->runs[0].option_count, 3);
    expect_option(&g_e->runs[0], 0, "net", "quick");
    expect_option(&g_e->runs[0], 1, "milestones", "10,20");
    expect_option(&g_e->runs[0], 2, "net", "full");
    drop();
}
END_TEST

/* ---- folders ---- */

#define HISTORY "iteration,trn_loss,lr,val_loss,val_acc\n1,2.3,0.1,2.3,0.1\n10,2,0.1,2.1,0.3\n"
#define LOSSES  "iteration,trn_loss,lr\n1,2.3,0.1\n8,2.1,0.1\n16,2,0.1\n"
#define TIMES   "iteration,seconds\n1,0.5\n10,1\n"

/* A finished run of 20 iterations, evaluated every 10, its loss written every 8. */
static void put_whole(const char *dir, const char *arguments)
{
    char text[512];

    (void)snprintf(text, sizeof text,
                   "{\"status\": \"finished\", \"arguments\": [%s], \"settings\": {\"iterations\": 20, "
                   "\"validate_every\": 10, \"log_every\": 8}, \"result\": {\"iterations\": 20, "
                   "\"val_loss\": 2.1, \"val_acc\": 0.5}}",
                   arguments);
    put(dir, "run.json", text);
    put(dir, "history.csv", HISTORY "20,2,0.1,2.1,0.5\n");
    put(dir, "loss.csv", LOSSES "20,2,0.1\n");
    put(dir, "timing.csv", TIMES "20,2\n");
}

/* Each of its tables, cut short, lengthened, or of another run. */
START_TEST(test_lab__tables_that_do_not_fit_their_run_are_refused)
{
    static const struct {
        const char *name, *text, *says;
    } rows[] = {
        {"history.csv", "iteration,trn_loss,lr,val_loss,val_acc\n1,2.3,0.1,2.3,0.1\n",
         "no row of iteration 10"},
        {"history.csv", "iteration,trn_loss,lr,val_loss,val_acc\n", "no row of iteration 1;"},
        {"history.csv", HISTORY, "no row of iteration 20"},
        {"history.csv", "iteration,trn_loss,lr,val_loss,val_acc\n1,2.3,0.1,2.3,0.1\n20,2,0.1,2.1,0.5\n",
         "no row of iteration 10"},
        {"history.csv", HISTORY "20,2,0.1,2.1,0.5\n30,2,0.1,2.1,0.5\n", "beyond iteration 20"},
        {"history.csv", HISTORY "20,2,0.1,2.1,0.6\n", "another after iteration 20"},
        {"loss.csv", LOSSES, "no row of iteration 20"},
        {"loss.csv", "iteration,trn_loss,lr\n1,2.3,0.1\n8,2.1,0.1\n20,2,0.1\n", "no row of iteration 16"},
        {"loss.csv", LOSSES "20,2,0", "line is cut off of iteration 20"},
        {"timing.csv", TIMES, "no row of iteration 20"},
    };
    const char *const arguments[] = {"train", NULL}, *dir = support_temp_dir();
    enum lab_state state;

    for (size_t i = 0; i < MEM_COUNT(rows); i++) {
        put_whole(dir, "\"train\"");
        ck_assert_msg(clr_lab_look(&state, dir, arguments, &g_err) == 0, "%s", g_err.message);
        put(dir, rows[i].name, rows[i].text);
        state = LAB_OTHER;
        ck_assert_msg(clr_lab_look(&state, dir, arguments, &g_err) == CLR_EINPUT, "row %zu", i);
        ck_assert_int_eq(state, LAB_OTHER); /* untouched */
        ck_assert_msg(strstr(g_err.message, rows[i].name) && strstr(g_err.message, rows[i].says), "%s",
                      g_err.message);
    }
    put_whole(dir, "\"train\"");
    put(dir, "history.csv", HISTORY "15,2,0.1,2.1,0.4\n20,2,0.1,2.1,0.5\n"); /* had 15 once */
    ck_assert_msg(clr_lab_look(&state, dir, arguments, &g_err) == 0, "%s", g_err.message);
    put(dir, "run.json", "{\"status\": \"finished\", \"arguments\": [\"train\"]}");
    ck_assert_int_eq(clr_lab_look(&state, dir, arguments, &g_err), CLR_EINPUT);
}
END_TEST

START_TEST(test_lab__tables_that_do_not_fit_their_range_test_are_refused)
{
    const char *const arguments[] = {"range-test", NULL}, *dir = support_temp_dir();
    const char *head = "iteration,trn_loss,lr,val_loss,val_acc\n", *whole = HISTORY "20,2,0.1,2.1,0.5\n",
               *reading = "{\"iterations\": 20, \"diverged\": false, \"min_lr\": null, \"max_lr\": 0.25}",
               *early = "{\"iterations\": 20, \"diverged\": true}";
    enum lab_state state;

    put_whole(dir, "\"range-test\"");
    put(dir, "range.csv", whole);
    put(dir, "range.json", reading);
    ck_assert_msg(clr_lab_look(&state, dir, arguments, &g_err) == 0, "%s", g_err.message);
    put(dir, "range.csv", head);
    ck_assert_int_eq(clr_lab_look(&state, dir, arguments, &g_err), CLR_EINPUT);
    put(dir, "range.csv",
        HISTORY); /* the loss after the last update was not finite any more, or it was cut off */
    ck_assert_int_eq(clr_lab_look(&state, dir, arguments, &g_err), CLR_EINPUT);
    put(dir, "range.json", "{\"iterations\": 10, \"diverged\": false}");
    put(dir, "range.csv", whole);
    ck_assert_int_eq(clr_lab_look(&state, dir, arguments, &g_err), CLR_EINPUT);
    ck_assert_msg(strstr(g_err.message, "range.json") != NULL, "%s", g_err.message);
    put(dir, "range.json", early);
    put(dir, "range.csv", "iteration,trn_loss,lr,val_loss,val_acc\n1,2.3,0.1,2.3,0.1\n10,2,0.1,2.1,0.5\n");
    put(dir, "timing.csv", TIMES);
    ck_assert_msg(clr_lab_look(&state, dir, arguments, &g_err) == 0, "%s", g_err.message);
}
END_TEST

START_TEST(test_lab__what_has_become_of_a_run)
{
    const char *const same[] = {"train", "--net", "quick", "--lr", "0.1", NULL},
                      *const moved[] = {"train", "--net", "quick", "--device", "gpu", "--lr", "0.1", NULL},
                      *const longer[] = {"train", "--net", "quick", "--lr", "0.1", "--batch", "3", NULL},
                      *const shorter[] = {"train", "--net", "quick", NULL};
    const char *dir = support_temp_dir();
    enum lab_state state = LAB_FINISHED;
    struct str large = {0};

    ck_assert_int_eq(clr_lab_look(&state, dir, same, &g_err), 0);
    ck_assert_int_eq(state, LAB_MISSING);
    put_whole(dir, "\"train\", \"--net\", \"quick\", \"--device\", \"0:0\", \"--lr\", \"0.1\"");
    ck_assert_int_eq(clr_lab_look(&state, dir, same, &g_err), 0);
    ck_assert_int_eq(state, LAB_FINISHED);
    ck_assert_int_eq(clr_lab_look(&state, dir, moved, &g_err), 0);
    ck_assert_int_eq(state, LAB_FINISHED);
    ck_assert_int_eq(clr_lab_look(&state, dir, longer, &g_err), 0);
    ck_assert_int_eq(state, LAB_OTHER);
    ck_assert_int_eq(clr_lab_look(&state, dir, shorter, &g_err), 0);
    ck_assert_int_eq(state, LAB_OTHER);
    put(dir, "run.json", "{\"status\": \"diverged\", \"arguments\": [\"train\", \"--net\", \"quick\"]}");
    ck_assert_int_eq(clr_lab_look(&state, dir, shorter, &g_err), 0);
    ck_assert_int_eq(state, LAB_DIVERGED);
    put(dir, "run.json", "{\"status\": \"interrupted\", \"arguments\": [\"train\", \"--net\", \"quick\"]}");
    ck_assert_int_eq(clr_lab_look(&state, dir, shorter, &g_err), 0);
    ck_assert_int_eq(state, LAB_MISSING);
    put(dir, "run.json", "[");
    ck_assert_int_eq(clr_lab_look(&state, dir, same, &g_err), CLR_EINPUT);
    str_append(&large, "{%*s}", 8 << 20, "");
    put(dir, "run.json", str_text(&large));
    ck_assert_int_eq(clr_lab_look(&state, dir, same, &g_err), CLR_EINPUT);
    ck_assert_msg(strstr(g_err.message, "more than the 8388608 it can have") != NULL, "%s", g_err.message);
    str_clear(&large);
}
END_TEST

/* ---- tables ---- */

static void put_run_on(const char *device, const char *dir, const struct lab_run *run, int seed,
                       const char *rows, const char *seconds)
{
    char *folder = NULL, text[512];

    ck_assert_int_eq(clr_lab_folder(&folder, dir, run, seed, NULL), 0);
    (void)snprintf(text, sizeof text, "iteration,trn_loss,lr,val_loss,val_acc\n%s", rows);
    put(folder, "history.csv", text);
    (void)snprintf(text, sizeof text, "iteration,seconds\n1,0.5\n%s\n", seconds);
    put(folder, "timing.csv", text);
    (void)snprintf(text, sizeof text,
                   "{\"status\": \"finished\", \"version\": \"1\", \"git\": \"g\", \"device\": "
                   "{\"name\": \"%s\", \"driver\": \"2\"}, \"settings\": {\"net\": \"n\"}}",
                   device);
    put(folder, "run.json", text);
    free(folder);
}

static void put_run(const char *dir, const struct lab_run *run, int seed, const char *rows,
                    const char *seconds)
{
    put_run_on("D", dir, run, seed, rows, seconds);
}

static char *text_of(const char *dir, const char *name)
{
    char *path = path_in(dir, name), *text = NULL;
    size_t size;

    ck_assert_int_eq(fs_read(path, 100000, &text, &size, &g_err), 0);
    free(path);
    return text;
}

static void put_diverged(const char *dir, const struct lab_run *run, int seed, int done)
{
    char *folder = NULL, text[128];

    ck_assert_int_eq(clr_lab_folder(&folder, dir, run, seed, NULL), 0);
    (void)snprintf(text, sizeof text, "{\"status\": \"diverged\", \"result\": {\"iterations\": %d}}", done);
    put(folder, "run.json", text);
    free(folder);
}

/* a: 10, 40, 60 % and 20, 60, 70 %: means 15, 50, 65; deviations √2·5, √2·10, √2·5. b diverged once, c
 * always. */
START_TEST(test_lab__the_tables_say_what_the_runs_came_to)
{
    const enum lab_state states[] = {LAB_FINISHED, LAB_FINISHED, LAB_MISSING,  LAB_FINISHED, LAB_DIVERGED,
                                     LAB_MISSING,  LAB_DIVERGED, LAB_DIVERGED, LAB_DIVERGED};
    const char *dir = support_temp_dir();
    char *table = NULL, *rows, *page;

    ck_assert_int_eq(load("name: 'x' seed: [1, 2, 3] at: [1000, 1500] reach: [0.5, 0.8]\n"
                          "run { name: 'a' } run { name: 'b' } run { name: 'c' }"),
                     0);
    put_run(dir, &g_e->runs[0], 1, "1,2,0.1,2,0.1\n1000,1,0.1,1,0.4\n2000,0.5,0.1,0.9,0.6\n", "2000,100");
    put_run(dir, &g_e->runs[0], 2, "1,2,0.1,2,0.2\n1000,1,0.1,1,0.6\n2000,0.5,0.1,0.8,0.7\n", "2000,101");
    put_run(dir, &g_e->runs[1], 1, "1,2,0.1,2,0.1\n3000,0.5,0.1,0.7,0.85\n4000,0.5,0.1,0.7,0.8\n",
            "4000,360");
    put_diverged(dir, &g_e->runs[1], 2, 1200);
    for (int i = 0; i < 3; i++)
        put_diverged(dir, &g_e->runs[2], g_e->runs[2].seeds[i], 9 + i);
    ck_assert_msg(clr_lab_report(g_e, dir, states, &table, &g_err) == 0, "%s", g_err.message);
    rows = text_of(dir, "results.csv");
    ck_assert_str_eq(rows, "run,seed,status,iterations,val_loss,val_acc,best_acc,best_iteration,acc_at_1000,"
                           "acc_at_1500,reached_0.5,reached_0.8\n"
                           "a,1,finished,2000,0.9,0.6,0.6,2000,0.4,,2000,\n"
                           "a,2,finished,2000,0.8,0.7,0.7,2000,0.6,,1000,\n"
                           "b,1,finished,4000,0.7,0.8,0.85,3000,,,3000,3000\n"
                           "b,2,diverged,,,,,,,,,\nc,1,diverged,,,,,,,,,\nc,2,diverged,,,,,,,,,\n"
                           "c,3,diverged,,,,,,,,,\n");
    ck_assert_str_eq(
        table, "| run | seeds | iterations | accuracy at the end, % | after 1,000 | after 1,500 | 50 % after "
               "| 80 % after | time |\n"
               "|---|---|---|---|---|---|---|---|---|\n"
               "| a | 2 | 2,000 | 65.00 ± 7.07 | 50.00 ± 14.14 | – | 1,000 | – | 100.5 s |\n"
               "| b | 2, 1 diverged at iteration 1,201 | 4,000 | 80.00 | – | – | 3,000 | 3,000 | 6.0 min |\n"
               "| c | 3, 3 diverged at iterations 10, 11 and 12 | – | – | – | – | – | – | – |\n");
    page = text_of(dir, "results.md");
    ck_assert_ptr_nonnull(strstr(page, table));
    ck_assert_ptr_nonnull(strstr(page, "on the test set"));
    ck_assert_ptr_nonnull(strstr(page, "Made on: D, driver 2, clr-cl 1 (g)."));
    free(rows);
    free(page);
    free(table);
    drop();
}
END_TEST

/* A mean of the times of two devices would be meaningless. */
START_TEST(test_lab__times_are_of_one_device)
{
    const enum lab_state states[] = {LAB_FINISHED, LAB_FINISHED, LAB_FINISHED, LAB_FINISHED};
    const char *dir = support_temp_dir(), *rows = "1,2,0.1,2,0.1\n2000,0.5,0.1,0.9,0.6\n";
    char *table = NULL, *page;

    ck_assert_int_eq(load("name: 'x' run { name: 'a' seed: [1, 2, 3] } run { name: 'b' seed: 1 }"), 0);
    put_run_on("slow", dir, &g_e->runs[0], 1, rows, "2000,100");
    put_run_on("fast", dir, &g_e->runs[0], 2, rows, "2000,10");
    put_run_on("fast", dir, &g_e->runs[0], 3, rows, "2000,20");
    put_run_on("slow", dir, &g_e->runs[1], 1, rows, "2000,110");
    ck_assert_msg(clr_lab_report(g_e, dir, states, &table, &g_err) == 0, "%s", g_err.message);
    ck_assert_msg(strstr(table, "| 60.00 ± 0.00 | 100.0 s |\n") != NULL, "%s",
                  table); /* the first of equals */
    ck_assert_msg(strstr(table, "| 60.00 | 110.0 s |\n") != NULL, "%s", table);
    free(table);
    put_run_on("fast", dir, &g_e->runs[0], 1, rows, "2000,30");
    ck_assert_msg(clr_lab_report(g_e, dir, states, &table, &g_err) == 0, "%s", g_err.message);
    ck_assert_msg(strstr(table, "| 60.00 ± 0.00 | 20.0 s |\n") != NULL, "%s", table);
    ck_assert_msg(strstr(table, "| 60.00 | – |\n") != NULL, "%s", table);
    page = text_of(dir, "results.md");
    ck_assert_msg(strstr(page, "Time: of one run on fast, with its evaluations.") != NULL, "%s", page);
    free(page);
    free(table);
    drop();
}
END_TEST

START_TEST(test_lab__range_tests_have_a_table_of_their_own)
{
    const enum lab_state states[] = {LAB_FINISHED, LAB_FINISHED, LAB_MISSING};
    const char *dir = support_temp_dir();
    char *table = NULL, *page, *folder;

    ck_assert_int_eq(load("name: 'x' range_test { name: 'a' seed: [1, 7] } range_test { name: 'b' }"), 0);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(clr_lab_folder(&folder, dir, &g_e->runs[0], i == 0 ? 1 : 7, NULL), 0);
        put(folder, "run.json", "{\"status\": \"finished\"}");
        put(folder, "range.json", "{\"untrained\": 0.1, \"classes\": 10, \"images\": 1000}");
        put(folder, "range.csv",
            i == 0 ? "iteration,trn_loss,lr,val_loss,val_acc\n1,2,0.001,2,0.1\n2,2,0.002,2,0.2\n3,2,0.003,2,"
                     "0.3\n"
                     "4,2,0.004,2,0.4\n5,2,0.005,2,0.5\n6,2,0.006,2,0.5\n7,2,0.007,2,0.4\n8,2,0.008,2,0.3\n"
                   : "iteration,trn_loss,lr,val_loss,val_acc\n1,2,0.001,2,0.1\n");
        free(folder);
    }
    ck_assert_msg(clr_lab_report(g_e, dir, states, &table, &g_err) == 0, "%s", g_err.message);
    ck_assert_ptr_nonnull(strstr(table, "| range test | seed | min-lr | max-lr | max-lr between |\n"
                                        "|---|---|---|---|---|\n"
                                        "| a | 1 | 0.00"));
    ck_assert_ptr_nonnull(
        strstr(table, "| a | 7 | – | – | few points |\n| a | median of 2 | – | – | few points |\n"));
    page = text_of(dir, "results.md");
    ck_assert_ptr_nonnull(strstr(page, table));
    ck_assert_ptr_null(strstr(page, "Accuracy in percent"));
    free(page);
    free(table);
    drop();
}
END_TEST

START_TEST(test_lab__no_run_is_there_yet)
{
    const enum lab_state states[] = {LAB_MISSING};
    const char *dir = support_temp_dir();
    char *rows;

    ck_assert_int_eq(load("name: 'x' run { name: 'a' } figure { file: 'f.png' run: 'a' }"), 0);
    ck_assert_int_eq(clr_lab_report(g_e, dir, states, NULL, &g_err), 0);
    rows = text_of(dir, "results.csv");
    ck_assert_str_eq(rows, "run,seed,status,iterations,val_loss,val_acc,best_acc,best_iteration\n");
    ck_assert_int_eq(clr_lab_draw(g_e, dir, states, NULL, &g_err), 0);
    free(rows);
    drop();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lab");
    TCase *all = tcase_create("all");

    tcase_add_test(all, test_lab__a_file_is_read);
    tcase_add_test(all, test_lab__a_dropped_flag_leaves_nothing);
    tcase_add_test(all, test_lab__the_built_in_ones_are_read);
    tcase_add_test(all, test_lab__what_is_wrong_is_said);
    tcase_add_test(all, test_lab__more_options_than_fit_are_refused);
    tcase_add_test(all, test_lab__values_without_end_are_refused);
    tcase_add_test(all, test_lab__a_list_behind_a_dropped_flag_is_whole);
    tcase_add_test(all, test_lab__what_has_become_of_a_run);
    tcase_add_test(all, test_lab__tables_that_do_not_fit_their_run_are_refused);
    tcase_add_test(all, test_lab__tables_that_do_not_fit_their_range_test_are_refused);
    tcase_add_test(all, test_lab__the_tables_say_what_the_runs_came_to);
    tcase_add_test(all, test_lab__times_are_of_one_device);
    tcase_add_test(all, test_lab__range_tests_have_a_table_of_their_own);
    tcase_add_test(all, test_lab__no_run_is_there_yet);
    suite_add_tcase(suite, all);
    return support_run(suite, true);
}
