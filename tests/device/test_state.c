/*
 * Parameters that the forward pass of training writes and the optimizer does not (struct op_param, state). No
 * layer has one yet, so the linker gives this program one (--wrap, see meson.build): a mean for every
 * pooling layer and for each convolution, which counts the images that went through the training net.
 * CLR_TEST_DEVICE chooses the device.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "runs.h"

#include "net/safetensors.h"
#include "net/spec.h"
#include "ops/op_class.h"
#include "train/replica.h"

#define FIRST 0.25 /* the value of a state before training */

int __real_op_params(struct op_param out[OP_PARAMS], const struct op_desc *desc);
int __wrap_op_params(struct op_param out[OP_PARAMS], const struct op_desc *desc);
int __real_replica_forward(const struct phase *p, struct net_batch *b, struct clr_error *err);
int __wrap_replica_forward(const struct phase *p, struct net_batch *b, struct clr_error *err);

int __wrap_op_params(struct op_param out[OP_PARAMS], const struct op_desc *desc)
{
    const int count = __real_op_params(out, desc);

    if (desc->kind != OP_CONV && desc->kind != OP_POOL)
        return count;
    out[count] = (struct op_param){
        .name = "mean", .rank = 1, .dims = {desc->x[0].c, 1, 1, 1}, .state = true, .fill = FIRST};
    return count + 1;
}

int __wrap_replica_forward(const struct phase *p, struct net_batch *b, struct clr_error *err)
{
    const struct replica *r = (const struct replica *)((const char *)p - offsetof(struct replica, train));
    int rc = __real_replica_forward(p, b, err);

    for (size_t i = 0; p->graph->phase == PHASE_TRAIN && i < r->params.count; i++) {
        float values[64];
        const size_t count = r->params.info[i].count;
        if (!r->params.info[i].state)
            continue;
        ck_assert_uint_le(count, MEM_COUNT(values));
        ck_assert_int_eq(ocl_read(r->ctx, r->params.w[i], 0, count * sizeof *values, values, err), 0);
        for (size_t k = 0; k < count; k++)
            values[k] += (float)b->count;
        ck_assert_int_eq(ocl_write(r->ctx, r->params.w[i], 0, count * sizeof *values, values, err), 0);
    }
    return rc;
}

/* Every state of a weights file counts `images`; how many states there are. */
static int check_states(const char *folder, const char *name, double images)
{
    char *path = join(folder, name);
    struct st_file file;
    struct clr_error err;
    int states = 0;

    ck_assert_msg(safetensors_read(&file, path, &err) == 0, "%s", err.message);
    for (size_t i = 0; i < file.count; i++) {
        const struct st_tensor *t = &file.tensors[i];
        if (!strstr(t->name, ".mean"))
            continue;
        states++;
        for (size_t k = 0; k < t->count; k++)
            ck_assert_msg((double)t->data[k] == FIRST + images, "%s is %g", t->name, (double)t->data[k]);
    }
    safetensors_clear(&file);
    free(path);
    return states;
}

/* Weight decay and momentum do not change it, nor does the self-check, which runs with an empty cache. */
START_TEST(test_state__only_training_writes_it)
{
    struct clr_train_options o = options("checked"), unchecked = options("unchecked");
    struct clr_train_result r;
    const double images = (double)o.batch * (double)o.iterations;

    ck_assert_int_eq(setenv("XDG_CACHE_HOME", keep(dir, "cache"), 1), 0);
    o.weight_decay = unchecked.weight_decay = 0.01;
    o.optimizer = unchecked.optimizer = CLR_OPTIMIZER_ADAM; /* with a third set of parameters */
    o.schedule.max_lr = unchecked.schedule.max_lr = 0.06;
    unchecked.unchecked = true;
    must_train(&o, &r);
    must_train(&unchecked, &r);
    ck_assert_int_ge(check_states(o.out, "final.safetensors", images), 2);
    ck_assert(equal_files(o.out, unchecked.out, "final.safetensors"));
    ck_assert(equal_files(o.out, unchecked.out, "loss.csv"));
}
END_TEST

static volatile int stop_now;

static void stop_at_9(void *user, const struct clr_progress *p)
{
    (void)user;
    stop_now = !p->evaluating && p->iteration >= 8;
}

START_TEST(test_state__a_resumed_run_continues_it)
{
    struct clr_train_options whole = options("whole"), o = options("stopped");
    struct clr_train_result r;
    struct clr_error err;

    must_train(&whole, &r);
    o.checkpoint_every = 1;
    o.progress = stop_at_9;
    o.stop = &stop_now;
    ck_assert_int_eq(clr_train(&o, &r, &err), CLR_EINTERRUPTED);
    ck_assert_uint_lt(r.iterations, o.iterations);
    o.resume = true;
    o.stop = NULL;
    o.progress = NULL;
    must_train(&o, &r);
    ck_assert(equal_files(whole.out, o.out, "final.safetensors"));
}
END_TEST

START_TEST(test_state__weights_files_have_it)
{
    struct clr_train_options first = options("first"), second = options("second");
    struct clr_train_result r;
    double images = (double)first.batch * (double)first.iterations;

    must_train(&first, &r);
    second.init = keep(first.out, "final.safetensors");
    must_train(&second, &r);
    ck_assert_int_ge(check_states(second.out, "final.safetensors", 2 * images), 2);
}
END_TEST

/* It has no gradient and no momentum, and a layer without other parameters needs no gradient before it. */
START_TEST(test_state__memory_is_planned_for_values_alone)
{
    static const char text[] =
        "layer { name: 'data' type: 'Data' top: 'data' top: 'label' }\n"
        "layer { name: 'pool' type: 'Pooling' bottom: 'data' top: 'pool' pooling_param { kernel_size: 2 } }\n"
        "layer { name: 'ip' type: 'InnerProduct' bottom: 'pool' top: 'ip' inner_product_param { num_output: "
        "2 } }\n"
        "layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: 'ip' bottom: 'label' }\n";
    const struct clr_image_shape shape = {3, 8, 8};
    struct clr_net_spec *pooled = NULL;
    struct graph *g = NULL;
    struct params p;
    struct clr_error err;
    char *path = join(dir, "pooled.prototxt");

    ck_assert_int_eq(fs_write_atomic(path, text, sizeof text - 1, &err), 0);
    ck_assert_msg(clr_net_load(&pooled, path, &err) == 0, "%s", err.message);
    ck_assert_msg(graph_create(&g, pooled, PHASE_TRAIN, shape, 4, &err) == 0, "%s", err.message);
    ck_assert_str_eq(g->params[0].name, "pool.mean");
    ck_assert(!g->nodes[0].desc.backward && !g->nodes[0].desc.need_dx && !g->nodes[1].desc.need_dx);
    ck_assert_int_eq(params_plan(&p, g, &device, PARAMS_EVERY, &err), 0);
    ck_assert(p.offset[0] == p.learned && p.floats > p.learned);
    ck_assert_uint_eq(params_bytes(&p), (p.floats + 4 * p.learned) * sizeof(float));
    params_clear(&p);
    graph_destroy(g);
    clr_net_destroy(pooled);
    free(path);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("state");
    TCase *tc = tcase_create("state");
    int status;

    if (runs_prepare() < 0)
        return 1;
    tcase_set_timeout(tc, 0);
    tcase_add_test(tc, test_state__only_training_writes_it);
    tcase_add_test(tc, test_state__a_resumed_run_continues_it);
    tcase_add_test(tc, test_state__weights_files_have_it);
    tcase_add_test(tc, test_state__memory_is_planned_for_values_alone);
    suite_add_tcase(s, tc);
    status = support_run(s, false);
    runs_finish();
    return status;
}
