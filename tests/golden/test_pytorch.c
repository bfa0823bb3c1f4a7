/*
 * The trainer against PyTorch: first gradients, losses of every step, final weights, rates.
 *
 * The tiny nets beside this file (every layer kind; make_golden.py made them) run everywhere. quick and full
 * on CIFAR-10, a hundred steps, run where CLR_TEST_DATA has golden/ and CIFAR-10 can be found; golden/lrn is
 * full with alpha 0.5, so that a wrong LRN makes a difference. With --variants: only quick, twenty steps with
 * each algorithm of the passes and a hundred with each variant. CLR_TEST_DEVICE chooses a device.
 *
 * Bounds: first gradients NMSE < 5e-6 where one value can make them jump (can_jump()), < 1e-8 elsewhere; the
 * first 20 losses 3e-6 relative, all 5e-4; final weights NMSE < 3e-5 per tensor; rates 1e-6. PyTorch differs
 * from itself by 3e-7 and 5e-5 (losses) and 5e-6 (weights) between its algorithms.
 */
#include <jansson.h>
#include <math.h>

#include "support.h"

#include "base/fs.h"
#include "ops/layout.h"
#include "ops/tuned.h"
#include "train/session.h"

struct reference {
    char *dir;
    json_t *run;
    struct st_file grad, final;
    double *losses, *rates;
    int steps;
};

static const char *root;
static struct clr_device device;

static char *join(const char *dir, const char *name)
{
    char *path = NULL;

    ck_assert_int_eq(fs_join(&path, dir, name, NULL), 0);
    return path;
}

static double number(const struct reference *r, const char *key)
{
    const json_t *v = json_object_get(r->run, key);

    ck_assert_msg(json_is_number(v), "%s/run.json has no number '%s'", r->dir, key);
    return json_number_value(v);
}

static const char *text_or(const struct reference *r, const char *key, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(r->run, key));

    return text ? text : otherwise;
}

static void read_losses(struct reference *r)
{
    char *path = join(r->dir, "losses.csv"), *text = NULL, *line;
    size_t size;

    ck_assert_int_eq(fs_read(path, 1 << 20, &text, &size, NULL), 0);
    r->losses = calloc((size_t)r->steps, sizeof *r->losses);
    r->rates = calloc((size_t)r->steps, sizeof *r->rates);
    line = strchr(text, '\n') + 1;
    for (int i = 0; i < r->steps; i++) {
        int step;
        ck_assert_int_eq(sscanf(line, "%d,%lf,%lf", &step, &r->losses[i], &r->rates[i]), 3);
        ck_assert_int_eq(step, i + 1);
        line = strchr(line, '\n') + 1;
    }
    free(text);
    free(path);
}

static void read_reference(struct reference *r, char *dir)
{
    struct clr_error err;
    char *path;

    *r = (struct reference){.dir = dir};
    path = join(dir, "run.json");
    r->run = json_load_file(path, 0, NULL);
    ck_assert_msg(r->run != NULL, "%s is not JSON", path);
    free(path);
    path = join(dir, "grad1.safetensors");
    ck_assert_msg(safetensors_read(&r->grad, path, &err) == 0, "%s", err.message);
    free(path);
    path = join(dir, "final.safetensors");
    ck_assert_msg(safetensors_read(&r->final, path, &err) == 0, "%s", err.message);
    free(path);
    r->steps = (int)number(r, "steps");
    read_losses(r);
}

static void clear_reference(struct reference *r)
{
    safetensors_clear(&r->grad);
    safetensors_clear(&r->final);
    json_decref(r->run);
    free(r->losses);
    free(r->rates);
    free(r->dir);
}

static void set_options(struct clr_train_options *o, const struct reference *r)
{
    clr_train_options_init(o, sizeof *o);
    o->device = &device;
    o->order = CLR_ORDER_SEQUENTIAL;
    o->batch = (int)number(r, "batch");
    o->iterations = (uint64_t)r->steps;
    o->weight_decay = number(r, "weight_decay");
    o->convention = strcmp(text_or(r, "momentum_convention", "pytorch"), "caffe") == 0 ? CLR_MOMENTUM_CAFFE
                                                                                       : CLR_MOMENTUM_PYTORCH;
    ck_assert_str_eq(text_or(r, "policy", "triangular"), "triangular");
    o->schedule.policy = CLR_POLICY_TRIANGULAR;
    o->schedule.min_lr = number(r, "min_lr");
    o->schedule.max_lr = number(r, "max_lr");
    o->schedule.step_size = (uint64_t)number(r, "step_size");
    o->schedule.momentum = number(r, "momentum");
}

static void note_winograd(void *seen, const char *layer, const char *variant)
{
    (void)layer;
    *(bool *)seen |= strncmp(variant, "winograd", 8) == 0; /* the first pass named is the forward one */
}

/*
 * Can the gradient of parameter p jump? Where a max-pool follows (or belongs to) its layer, a value that is
 * larger by a rounding error gets the whole gradient. Likewise a rounding error decides whether a rectifier
 * passes a value near zero. In the direct forward pass that error is so small that no value of these runs is
 * affected, in Winograd's it is not: with all but the forward pass by Winograd, 1e-8 holds everywhere.
 */
static bool can_jump(const struct session *s, int p)
{
    bool seen = false, winograd = false;

    net_variants(s->replica.train.net, note_winograd, &winograd);
    for (size_t i = 0; i < s->replica.train.graph->node_count; i++) {
        const struct graph_node *node = &s->replica.train.graph->nodes[i];
        for (int k = 0; k < node->param_count; k++)
            seen |= node->param[k] == p;
        if (seen && (node->desc.kind == OP_CONV_POOL || (winograd && node->desc.relu) ||
                     (node->desc.kind == OP_POOL && node->desc.u.pool.method == POOL_MAX)))
            return true;
    }
    return false;
}

/* NMSE of a parameter's buffer against a tensor of the reference. */
static double distance(struct session *s, cl_mem buffer, const struct graph_param *p,
                       const struct st_file *file)
{
    const struct st_tensor *t = safetensors_find(file, p->name);
    float *got = calloc(p->count, sizeof *got);
    double *want = calloc(p->count, sizeof *want), nmse;

    ck_assert_msg(t && t->count == p->count, "the reference has no %s of that size", p->name);
    ck_assert_int_eq(ocl_read(s->replica.ctx, buffer, 0, p->count * sizeof *got, got, NULL), 0);
    for (size_t i = 0; i < p->count; i++)
        want[i] = (double)t->data[i];
    nmse = support_nmse(got, want, p->count);
    free(got);
    free(want);
    return nmse;
}

static void check_gradients(struct session *s, const struct reference *r)
{
    for (size_t i = 0; i < s->replica.params.count; i++) {
        const double bound = can_jump(s, (int)i) ? 5e-6 : 1e-8;
        const double nmse = distance(s, s->replica.params.g[i], &s->replica.params.info[i], &r->grad);
        ck_assert_msg(nmse < bound, "gradient of %s: NMSE %.2e, bound %.0e", s->replica.params.info[i].name,
                      nmse, bound);
    }
}

static void run_steps(struct session *s, const struct reference *r, int steps)
{
    for (int step = 1; step <= steps; step++) {
        const double rate = clr_schedule_lr(&s->o->schedule, (uint64_t)step - 1);
        struct session_update_result updates[SESSION_LOSSES];
        double off;
        struct clr_error err;
        int count;
        ck_assert_msg(fabs(rate - r->rates[step - 1]) <= 1e-6 * rate, "rate of step %d: %.9g, not %.9g", step,
                      rate, r->rates[step - 1]);
        ck_assert_msg(session_update(s, rate, s->o->schedule.momentum, &err) == 0, "%s", err.message);
        ck_assert_msg(session_read_updates(s, updates, &count, &err) == 0, "%s", err.message);
        ck_assert_int_eq(count, 1);
        off = fabs(updates[0].loss - r->losses[step - 1]) / r->losses[step - 1];
        ck_assert_msg(off < (step <= 20 ? 3e-6 : 5e-4), "loss of step %d: %.9g, not %.9g", step,
                      updates[0].loss, r->losses[step - 1]);
        if (step == 1)
            check_gradients(s, r);
    }
}

static void check_final(struct session *s, const struct reference *r)
{
    for (size_t i = 0; i < s->replica.params.count; i++) {
        const double nmse = distance(s, s->replica.params.w[i], &s->replica.params.info[i], &r->final);
        ck_assert_msg(nmse < 3e-5, "final %s: NMSE %.2e", s->replica.params.info[i].name, nmse);
    }
    if (json_object_get(r->run, "test_acc")) {
        double loss, accuracy;
        ck_assert_int_eq(session_evaluate(s, &loss, &accuracy, NULL, NULL, NULL), 0);
        ck_assert_msg(fabs(loss - number(r, "test_loss")) < 1e-4 * loss, "test loss %.9g", loss);
        ck_assert_msg(fabs(accuracy - number(r, "test_acc")) < 1e-9, "test accuracy %.9g", accuracy);
    }
}

/* ------------------------------------------------------------------ other variants than the defaults */

/* The variants of a run: the first of an algorithm, or, where that is NULL, number `index`. */
struct choice {
    const char *algorithm;
    int index, steps;
};

enum { VARIANTS = 32 }; /* of a pass, at most */

/* Store the chosen variant of a node's pass as the fastest one. */
static void record(struct session *s, const struct graph_node *node, enum op_pass pass,
                   const struct choice *c)
{
    struct op_variant all[OP_CANDIDATES_MAX];
    const int block = layout_block(&device);
    const int count = op_candidates(all, OP_CANDIDATES_MAX, &node->desc, pass, &device, block);
    struct tunedb_entry entry = {.ms = 1.0, .default_ms = 1.0};
    struct clr_error err;
    int k = 0;

    ck_assert_int_le(count, VARIANTS);
    if (!c->algorithm && count > 0)
        k = c->index % count;
    while (c->algorithm && k < count && strcmp(all[k].algorithm, c->algorithm) != 0)
        k++;
    if (k >= count)
        return;
    op_variant_text(&all[k], entry.variant, sizeof entry.variant);
    ck_assert(op_tune_key(&entry.key, &node->desc, pass, block));
    ck_assert_msg(tunedb_store(s->replica.records, &entry, &err) == 0, "%s", err.message);
}

struct sought {
    const char *algorithm;
    bool found;
};

static void note_algorithm(void *user, const char *layer, const char *variant)
{
    struct sought *sought = user;

    (void)layer;
    sought->found |= strstr(variant, sought->algorithm) != NULL;
}

static void check_runs(const struct session *s, const char *algorithm)
{
    struct sought sought = {.algorithm = algorithm};

    net_variants(s->replica.train.net, note_algorithm, &sought);
    ck_assert_msg(sought.found, "no layer runs '%s'", algorithm);
}

/* Plan again, with a tuning record that has the chosen variants. */
static void plan_with(struct session *s, const struct clr_train_options *o, const struct choice *c)
{
    char *data = strdup(getenv("XDG_DATA_HOME") ? getenv("XDG_DATA_HOME") : "");
    struct clr_error err;

    ck_assert_int_eq(setenv("XDG_DATA_HOME", support_temp_dir(), 1), 0);
    session_clear(s);
    ck_assert_msg(session_plan(s, o, true, NULL, &err) == 0, "%s", err.message);
    for (size_t i = 0; i < s->replica.train.graph->node_count; i++)
        for (int pass = 0; pass < OP_PASS_COUNT; pass++)
            record(s, &s->replica.train.graph->nodes[i], (enum op_pass)pass, c);
    session_clear(s);
    ck_assert_msg(session_plan(s, o, true, NULL, &err) == 0, "%s", err.message);
    ck_assert_int_eq(setenv("XDG_DATA_HOME", data, 1), 0);
    free(data);
}

/* ------------------------------------------------------------------ one run */

/* A reference: its net, its images, its initial weights. */
struct setup {
    struct reference r;
    struct clr_train_options o;
    struct clr_net_spec *spec;
    struct clr_dataset *set;
    char *init;
};

/* Takes dir over. */
static void set_up(struct setup *u, char *dir, const char *net, const char *data)
{
    struct clr_error err;

    read_reference(&u->r, dir);
    set_options(&u->o, &u->r);
    ck_assert_msg(clr_net_load(&u->spec, net, &err) == 0, "%s", err.message);
    ck_assert_msg(clr_dataset_open(&u->set, data, &err) == 0, "%s", err.message);
    u->o.net = u->spec;
    u->o.net_name = net;
    u->o.data = u->set;
    u->o.data_name = data;
    u->o.init = u->init = join(dir, "init.safetensors");
}

static void tear_down(struct setup *u)
{
    free(u->init);
    clr_dataset_destroy(u->set);
    clr_net_destroy(u->spec);
    clear_reference(&u->r);
}

/* Takes dir over. `choice` NULL: the variants that training chooses. */
static void compare(char *dir, const char *net, const char *data, const struct choice *choice)
{
    struct setup u;
    struct session s;
    struct clr_error err;

    set_up(&u, dir, net, data);
    ck_assert_msg(session_plan(&s, &u.o, true, NULL, &err) == 0, "%s", err.message);
    if (choice)
        plan_with(&s, &u.o, choice);
    ck_assert_msg(session_start(&s, &err) == 0, "%s", err.message);
    if (choice && choice->algorithm)
        check_runs(&s, choice->algorithm);
    run_steps(&s, &u.r, choice ? choice->steps : u.r.steps);
    if (!choice || choice->steps == u.r.steps)
        check_final(&s, &u.r);
    session_clear(&s);
    tear_down(&u);
}

/* ------------------------------------------------------------------ a run as users make it */

/* Column 1 or 2 of row `step` of loss.csv: iteration, trn_loss, lr. */
static void check_rows(const char *text, const struct reference *r)
{
    const char *line = strchr(text, '\n') + 1;

    for (int i = 0; i < r->steps; i++) {
        int step;
        double loss, rate;
        ck_assert_int_eq(sscanf(line, "%d,%lf,%lf", &step, &loss, &rate), 3);
        ck_assert_int_eq(step, i + 1);
        ck_assert_msg(fabs(rate - r->rates[i]) <= 1e-6 * rate, "rate of step %d: %.9g, not %.9g", step, rate,
                      r->rates[i]);
        ck_assert_msg(fabs(loss - r->losses[i]) <= 3e-6 * loss, "loss of step %d: %.9g, not %.9g", step, loss,
                      r->losses[i]);
        line = strchr(line, '\n') + 1;
    }
    ck_assert_str_eq(line, "");
}

static void check_file(const char *dir, const struct reference *r)
{
    char *path = join(dir, "final.safetensors");
    struct st_file file;
    struct clr_error err;

    ck_assert_msg(safetensors_read(&file, path, &err) == 0, "%s", err.message);
    ck_assert_uint_eq(file.count, r->final.count);
    for (size_t i = 0; i < file.count; i++) {
        const struct st_tensor *got = &file.tensors[i], *want = safetensors_find(&r->final, got->name);
        double *values = calloc(got->count, sizeof *values), nmse;
        ck_assert_msg(want && want->count == got->count, "the reference has no %s of that size", got->name);
        for (size_t k = 0; k < got->count; k++)
            values[k] = (double)want->data[k];
        nmse = support_nmse(got->data, values, got->count);
        ck_assert_msg(nmse < 3e-5, "final %s: NMSE %.2e", got->name, nmse);
        free(values);
    }
    safetensors_clear(&file);
    free(path);
}

/* clr_train() itself, at most 20 steps: its loop, its schedule, its files. */
static void train_tiny(const char *name)
{
    char *golden = join(root, "tests/golden"), *dir = join(golden, name), *net = join(dir, "net.prototxt"),
         *data = join(golden, "tiny-data"), *out = join(support_temp_dir(), name), *losses, *text = NULL;
    struct setup u;
    struct clr_train_result result;
    struct clr_error err;
    size_t size;

    set_up(&u, dir, net, data);
    u.o.out = out;
    u.o.log_every = 1;
    ck_assert_msg(clr_train(&u.o, &result, &err) == 0, "%s", err.message);
    losses = join(out, "loss.csv");
    ck_assert_int_eq(fs_read(losses, 1 << 20, &text, &size, NULL), 0);
    check_rows(text, &u.r);
    check_file(out, &u.r);
    ck_assert_msg(fabs(result.val_acc - number(&u.r, "test_acc")) < 1e-9, "test accuracy %.9g",
                  result.val_acc);
    free(text);
    free(losses);
    tear_down(&u);
    free(out);
    free(data);
    free(net);
    free(golden);
}

/* ------------------------------------------------------------------ cases */

static void compare_tiny(const char *name)
{
    char *golden = join(root, "tests/golden"), *dir = join(golden, name), *net = join(dir, "net.prototxt");
    char *data = join(golden, "tiny-data");

    compare(dir, net, data, NULL);
    free(net);
    free(data);
    free(golden);
}

START_TEST(test_pytorch__tiny_within)
{
    compare_tiny("tiny-within");
}
END_TEST

START_TEST(test_pytorch__tiny_across)
{
    compare_tiny("tiny-across");
}
END_TEST

START_TEST(test_pytorch__tiny_runs)
{
    train_tiny("tiny-within");
    train_tiny("tiny-across");
}
END_TEST

/* Is the large data here? If not, print what is missing. */
static bool large_data(void)
{
    struct clr_dataset *set = NULL;
    struct clr_error err;

    if (getenv("CLR_TEST_SMALL")) {
        support_skip("a hundred steps of a large net are too slow here (CLR_TEST_SMALL)");
        return false;
    }
    if (!support_data()) {
        support_skip("CLR_TEST_DATA is not set: no golden/quick, golden/full, golden/lrn");
        return false;
    }
    if (clr_dataset_open(&set, "cifar10", &err) < 0) {
        char reason[sizeof err.message + 64];

        (void)snprintf(reason, sizeof reason, "the images that belong to CLR_TEST_DATA: %s", err.message);
        support_skip(reason);
        return false;
    }
    clr_dataset_destroy(set);
    return true;
}

static void compare_large(const char *name, const char *net, const struct choice *choice)
{
    char *golden = join(support_data(), "golden");

    compare(join(golden, name), net, "cifar10", choice);
    free(golden);
}

START_TEST(test_pytorch__quick)
{
    if (large_data())
        compare_large("quick", "quick", NULL);
}
END_TEST

START_TEST(test_pytorch__full)
{
    if (large_data())
        compare_large("full", "full", NULL);
}
END_TEST

/* full with alpha 0.5 in place of 5e-05. */
START_TEST(test_pytorch__lrn)
{
    static const char alpha[] = "alpha: 5e-05";
    char *path = join(root, "src/net/zoo/full.prototxt"), *text = NULL, *at, *net;
    int replaced = 0;
    size_t size;

    if (large_data()) {
        ck_assert_int_eq(fs_read(path, 1 << 20, &text, &size, NULL), 0);
        for (at = text; (at = strstr(at, alpha)) != NULL; replaced++)
            memcpy(at, "alpha: 0.5  ", strlen(alpha));
        ck_assert_int_eq(replaced, 2);
        net = join(support_temp_dir(), "lrn.prototxt");
        ck_assert_int_eq(fs_write_atomic(net, text, size, NULL), 0);
        compare_large("lrn", net, NULL);
        free(net);
        free(text);
    }
    free(path);
}
END_TEST

static const char *const algorithms[] = {"direct", "winograd", "winograd-staged", "tiled", "gemm"};

/* Twenty steps with every algorithm, wherever it can do a pass. */
START_TEST(test_pytorch__algorithm)
{
    const struct choice choice = {.algorithm = algorithms[_i], .steps = 20};

    if (large_data())
        compare_large("quick", "quick", &choice);
}
END_TEST

/* A hundred steps with every variant that a tuner can choose. */
START_TEST(test_pytorch__variant)
{
    const struct choice choice = {.index = _i, .steps = 100};

    if (large_data())
        compare_large("quick", "quick", &choice);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *s = suite_create("pytorch");
    TCase *tc = tcase_create("pytorch");

    root = getenv("CLR_SOURCE_ROOT");
    if (!root)
        root = ".";
    if (!support_device(&device))
        return 1;
    tcase_set_timeout(tc, 0);
    if (argc > 1 && strcmp(argv[1], "--variants") == 0) {
        tcase_add_loop_test(tc, test_pytorch__algorithm, 0, (int)MEM_COUNT(algorithms));
        tcase_add_loop_test(tc, test_pytorch__variant, 0, VARIANTS);
        suite_add_tcase(s, tc);
        return support_run(s, false);
    }
    tcase_add_test(tc, test_pytorch__tiny_within);
    tcase_add_test(tc, test_pytorch__tiny_across);
    tcase_add_test(tc, test_pytorch__tiny_runs);
    tcase_add_test(tc, test_pytorch__quick);
    tcase_add_test(tc, test_pytorch__full);
    tcase_add_test(tc, test_pytorch__lrn);
    suite_add_tcase(s, tc);
    return support_run(s, false);
}
