/* run.json, by all its readers: figures, experiments, and resumed runs. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include <clr/lab.h>

#include "cli/run_options.h"
#include "draw.h"
#include "plot/runs.h"
#include "train/resume.h"

#define HISTORY "iteration,trn_loss,lr,val_loss,val_acc\n1,2.3,0.1,2.2,0.2\n2,2.1,0.1,2.0,0.3\n"

static void draw(void)
{
    const char *folders[2];
    struct runs runs;
    struct clr_error err;

    folders[0] = fuzz_path("run");
    folders[1] = fuzz_path("other");
    if (!fuzz_worked(runs_read(&runs, folders, NULL, 2, "history.csv", &err), &err))
        return;
    FUZZ_CHECK(runs.groups >= 1 && runs.groups <= 2);
    for (size_t i = 0; i < 2; i++)
        FUZZ_CHECK(runs.run[i].name[0] && runs.run[i].group < runs.groups);
    runs_clear(&runs);
    fuzz_draw(figure_run, folders, 2, CLR_PLOT_OVER_ITERATIONS);
}

static void look(void)
{
    static const char *const arguments[] = {"train", "--net", "lenet", "--device", "cpu", NULL};
    enum lab_state state;
    struct clr_error err;

    if (fuzz_worked(clr_lab_look(&state, fuzz_path("run"), arguments, &err), &err))
        FUZZ_CHECK(state >= LAB_MISSING && state <= LAB_OTHER);
}

static void describe(struct run_options *o)
{
    run_options_init(o);
    run_options_add_policy(o);
    run_options_add_where(o, true);
    run_options_add_training(o);
    run_options_add_evaluation(o);
    run_options_add_checkpoints(o);
    run_options_add_logging(o);
    run_options_add_output(o);
}

/* What the user typed counts: no file can make the program write elsewhere. */
static void add_kept(void)
{
    static const struct opt_command command = {.name = "train", .usage = "", .adds = true};
    char name[] = "train", out[] = "--out=here", resume[] = "--resume", length[] = "--iterations=3",
         *argv[] = {name, out, resume, length, NULL};
    const struct solver none = {.count = 0};
    struct run_options o;
    struct clr_error err;

    for (int argc = 3; argc <= 4; argc++) {
        describe(&o);
        FUZZ_CHECK(opt_parse(&o.set, &command, argc, argv, &err) == 0);
        (void)fuzz_worked(arguments_add(&o.set, &none, fuzz_path("run"), "train", &err), &err);
        FUZZ_CHECK(strcmp(o.train.out, "here") == 0 && o.train.resume && !o.solver);
        FUZZ_CHECK(argc < 4 || (o.iterations.iterations == 3 && !opt_given(&o.set, "cycles")));
        run_options_clear(&o);
    }
}

static void go_on(void)
{
    static char text[] = "a net"; /* the corpus has its checksum */
    static const struct clr_net_spec net = {.text = text};
    static float mean[3];
    struct clr_dataset data = {.channels = 3, .height = 1, .width = 1, .checksum = "0123"};
    struct clr_train_options o;
    struct session s = {.o = &o, .mean = mean, .scale = 1.0};
    struct record r = {.dir = fuzz_path("run"), .lock = -1};
    struct resume resume;
    struct clr_error err;

    clr_train_options_init(&o, sizeof o);
    o.net = &net;
    o.net_name = "lenet";
    o.data = &data;
    o.data_name = "there";
    o.device = &fuzz_devices[0];
    o.out = r.dir;
    o.iterations = 100;
    if (fuzz_worked(resume_open(&resume, &r, &o, &err), &err)) {
        FUZZ_CHECK(!resume.found);
        (void)fuzz_worked(resume_check(&r, &s, &err), &err);
        o.continues = true;
        (void)fuzz_worked(resume_check(&r, &s, &err), &err);
    }
    record_close(&r, true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_write("run/run.json", data, size);
    fuzz_write_text("run/history.csv", HISTORY);
    fuzz_write_text(
        "other/run.json",
        "{\"settings\": {\"seed\": 2, \"net\": \"lenet\", \"data\": \"mnist\", \"policy\": \"fixed\"}}");
    fuzz_write_text("other/history.csv", HISTORY);
    draw();
    look();
    add_kept();
    go_on();
    return 0;
}
