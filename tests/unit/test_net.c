/* Nets: the five built in, what files may say, the graph's shapes and gradients, and every kind of refusal.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <clr/log.h>

#include "base/fs.h"
#include "net/graph.h"
#include "net/init.h"
#include "net/safetensors.h"

#define DATA     "layer { name: 'data' type: 'Data' top: 'data' top: 'label' }\n"
#define LOSS(x)  "layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: '" x "' bottom: 'label' }\n"
#define LOSS2(x) "layer { name: 'loss2' type: 'SoftmaxWithLoss' bottom: '" x "' bottom: 'label' }\n"
#define DENSE(name, x)                                                                                       \
    "layer { name: '" name "' type: 'InnerProduct' bottom: '" x "' top: '" name                              \
    "' inner_product_param { num_output: 3 } }\n"
#define CONV(name, x, more)                                                                                  \
    "layer { name: '" name "' type: 'Convolution' bottom: '" x "' top: '" name                               \
    "' convolution_param { num_output: 4 " more " } }\n"

static const struct clr_image_shape k_small = {3, 9, 7};
static int g_lines;
static char g_last_line[1024];

static void count_line(void *user, enum clr_log_level level, const char *line)
{
    (void)user;
    (void)level;
    g_lines++;
    (void)snprintf(g_last_line, sizeof g_last_line, "%s", line);
}

/* Load a net from text; messages name it FOLDER/net.prototxt. */
static int load(struct clr_net_spec **out, const char *text, struct clr_error *err)
{
    static const char *dir;
    char path[128];

    if (!dir)
        dir = support_temp_dir();
    (void)snprintf(path, sizeof path, "%s/net.prototxt", dir);
    ck_assert_int_eq(fs_write_atomic(path, text, strlen(text), err), 0);
    return clr_net_load(out, path, err);
}

static struct clr_net_spec *must_load(const char *text)
{
    struct clr_net_spec *spec = NULL;
    struct clr_error err = {0};

    ck_assert_msg(load(&spec, text, &err) == 0, "%s", err.message);
    return spec;
}

static struct graph *must_graph(const struct clr_net_spec *spec, unsigned phase, struct clr_image_shape in,
                                int batch)
{
    struct graph *g = NULL;
    struct clr_error err = {0};

    ck_assert_msg(graph_create(&g, spec, phase, in, batch, &err) == 0, "%s", err.message);
    return g;
}

/* The message after "…/net.prototxt:". */
static const char *behind_path(const struct clr_error *err)
{
    const char *p = strstr(err->message, "net.prototxt:");

    return p ? p + strlen("net.prototxt:") : err->message;
}

static const struct graph_node *find_node(const struct graph *g, const char *label)
{
    for (size_t i = 0; i < g->node_count; i++) {
        if (strcmp(g->nodes[i].desc.label, label) == 0)
            return &g->nodes[i];
    }
    ck_abort_msg("no node '%s'", label);
    return NULL;
}

/* ------------------------------------------------------------------ built-in nets */

static const struct {
    const char *name;
    size_t params;
    double madds;
    struct clr_image_shape input;
    struct {
        const char *node;
        struct shape y;
    } nodes[14];
} k_zoo[] = {
    {"quick",
     116906,
     10763904,
     {3, 32, 32},
     {{"conv1", {2, 32, 32, 32}},
      {"pool1", {2, 32, 15, 15}},
      {"relu1", {2, 32, 15, 15}},
      {"conv2", {2, 32, 15, 15}},
      {"relu2", {2, 32, 15, 15}},
      {"pool2", {2, 32, 7, 7}},
      {"conv3", {2, 64, 7, 7}},
      {"relu3", {2, 64, 7, 7}},
      {"pool3", {2, 64, 3, 3}},
      {"ip1.flatten", {2, 576, 1, 1}},
      {"ip1", {2, 64, 1, 1}},
      {"ip2", {2, 10, 1, 1}}}},
    {"full",
     85098,
     10732160,
     {3, 32, 32},
     {{"conv1", {2, 32, 32, 32}},
      {"pool1", {2, 32, 15, 15}},
      {"relu1", {2, 32, 15, 15}},
      {"norm1", {2, 32, 15, 15}},
      {"conv2", {2, 32, 15, 15}},
      {"relu2", {2, 32, 15, 15}},
      {"pool2", {2, 32, 7, 7}},
      {"norm2", {2, 32, 7, 7}},
      {"conv3", {2, 64, 7, 7}},
      {"relu3", {2, 64, 7, 7}},
      {"pool3", {2, 64, 3, 3}},
      {"ip1.flatten", {2, 576, 1, 1}},
      {"ip1", {2, 10, 1, 1}}}},
    {"caffe-quick",
     145578,
     12354176,
     {3, 32, 32},
     {{"conv1", {2, 32, 32, 32}},
      {"pool1", {2, 32, 16, 16}},
      {"relu1", {2, 32, 16, 16}},
      {"conv2", {2, 32, 16, 16}},
      {"relu2", {2, 32, 16, 16}},
      {"pool2", {2, 32, 8, 8}},
      {"conv3", {2, 64, 8, 8}},
      {"relu3", {2, 64, 8, 8}},
      {"pool3", {2, 64, 4, 4}},
      {"ip1.flatten", {2, 1024, 1, 1}},
      {"ip1", {2, 64, 1, 1}},
      {"ip2", {2, 10, 1, 1}}}},
    {"caffe-full",
     89578,
     12298240,
     {3, 32, 32},
     {{"conv1", {2, 32, 32, 32}},
      {"pool1", {2, 32, 16, 16}},
      {"relu1", {2, 32, 16, 16}},
      {"norm1", {2, 32, 16, 16}},
      {"conv2", {2, 32, 16, 16}},
      {"relu2", {2, 32, 16, 16}},
      {"pool2", {2, 32, 8, 8}},
      {"norm2", {2, 32, 8, 8}},
      {"conv3", {2, 64, 8, 8}},
      {"relu3", {2, 64, 8, 8}},
      {"pool3", {2, 64, 4, 4}},
      {"ip1.flatten", {2, 1024, 1, 1}},
      {"ip1", {2, 10, 1, 1}}}},
    {"lenet",
     431080,
     2293000,
     {1, 28, 28},
     {{"conv1", {2, 20, 24, 24}},
      {"pool1", {2, 20, 12, 12}},
      {"conv2", {2, 50, 8, 8}},
      {"pool2", {2, 50, 4, 4}},
      {"ip1.flatten", {2, 800, 1, 1}},
      {"ip1", {2, 500, 1, 1}},
      {"relu1", {2, 500, 1, 1}},
      {"ip2", {2, 10, 1, 1}}}},
};

static void check_zoo_net(size_t number, unsigned phase)
{
    struct clr_net_spec *spec = NULL;
    struct clr_error err = {0};
    size_t params = 0, judges = phase == PHASE_TRAIN ? 1 : 2, i;
    double madds = 0;
    struct graph *g;

    ck_assert_msg(clr_net_load(&spec, k_zoo[number].name, &err) == 0, "%s", err.message);
    ck_assert_str_eq(spec->name, k_zoo[number].name);
    ck_assert_mem_eq(&spec->input, &k_zoo[number].input, sizeof spec->input);
    g = must_graph(spec, phase, clr_net_input(spec), 2);
    for (i = 0; i < g->param_count; i++)
        params += g->params[i].count;
    ck_assert_uint_eq(params, k_zoo[number].params);
    for (i = 0; i < MEM_COUNT(k_zoo[number].nodes) && k_zoo[number].nodes[i].node; i++) {
        ck_assert_str_eq(g->nodes[i].desc.label, k_zoo[number].nodes[i].node);
        ck_assert_msg(shape_equal(&g->nodes[i].desc.y[0], &k_zoo[number].nodes[i].y), "%s: %s", spec->name,
                      g->nodes[i].desc.label);
        ck_assert(shape_equal(&g->nodes[i].desc.y[0], &g->values[g->nodes[i].y[0]].shape));
        madds += g->nodes[i].madds;
    }
    ck_assert_uint_eq(g->node_count, i + judges);
    ck_assert(madds == k_zoo[number].madds);
    ck_assert_int_eq(g->accuracy_node, phase == PHASE_TEST ? (int)i : -1);
    ck_assert_int_eq(g->logits, g->nodes[i - 1].y[0]);
    for (i = 0; i < g->node_count; i++) {
        ck_assert(g->nodes[i].desc.backward == (phase == PHASE_TRAIN));
        ck_assert(g->nodes[i].desc.need_dx == (phase == PHASE_TRAIN && i > 0));
    }
    graph_destroy(g);
    clr_net_destroy(spec);
}

START_TEST(test_net__built_in_shapes_and_counts)
{
    const char *const *names = clr_net_names();

    g_lines = 0;
    clr_log_set_sink(count_line, NULL);
    for (size_t i = 0; i < MEM_COUNT(k_zoo); i++) {
        ck_assert_str_eq(names[i], k_zoo[i].name);
        check_zoo_net(i, PHASE_TRAIN);
        check_zoo_net(i, PHASE_TEST);
    }
    ck_assert_ptr_null(names[MEM_COUNT(k_zoo)]);
    ck_assert_int_eq(g_lines, 0); /* built-in files have no field without effect */
}
END_TEST

/* The multipliers, fillers and transforms of Caffe's files and of the port. */
START_TEST(test_net__built_in_settings)
{
    struct clr_net_spec *spec;
    struct clr_error err;
    struct graph *g;

    ck_assert_int_eq(clr_net_load(&spec, "caffe-full", &err), 0);
    g = must_graph(spec, PHASE_TRAIN, clr_net_input(spec), 1);
    ck_assert(g->transform.scale == 1.0 && g->transform.mean == CLR_MEAN_IMAGE);
    ck_assert_int_eq(find_node(g, "pool1")->desc.u.pool.rounding, POOL_CEIL);
    ck_assert(g->params[0].filler.kind == FILLER_GAUSSIAN && g->params[0].filler.std == 0.0001);
    ck_assert(g->params[0].mult.lr_mult == 1 && g->params[1].mult.lr_mult == 2);
    ck_assert(g->params[4].mult.lr_mult == 1 && g->params[5].mult.lr_mult == 1); /* conv3 */
    ck_assert_str_eq(g->params[6].name, "ip1.weight");
    ck_assert(g->params[6].mult.decay_mult == 250 && g->params[7].mult.decay_mult == 0);
    ck_assert(g->params[7].filler.kind == FILLER_CONSTANT && g->params[7].filler.value == 0);
    graph_destroy(g);
    clr_net_destroy(spec);

    ck_assert_int_eq(clr_net_load(&spec, "full", &err), 0);
    g = must_graph(spec, PHASE_TEST, clr_net_input(spec), 1);
    ck_assert(fabs(g->transform.scale * 255.0 - 1.0) < 1e-15 && g->transform.mean == CLR_MEAN_CHANNEL);
    ck_assert_int_eq(find_node(g, "pool1")->desc.u.pool.rounding, POOL_FLOOR);
    ck_assert_int_eq(find_node(g, "norm2")->desc.u.lrn.region, LRN_WITHIN_CHANNEL);
    ck_assert(find_node(g, "norm2")->desc.u.lrn.alpha == 5e-5f &&
              find_node(g, "norm2")->desc.u.lrn.size == 3);
    for (size_t i = 0; i < g->param_count; i++) { /* a bias has the bound of its weights */
        double bound = 1.0 / sqrt(g->params[i & ~(size_t)1].fan_in);
        ck_assert_int_eq(g->params[i].filler.kind, FILLER_UNIFORM);
        ck_assert(fabs(g->params[i].filler.max - bound) < 1e-9 &&
                  g->params[i].filler.min == -g->params[i].filler.max);
        ck_assert(g->params[i].mult.lr_mult == 1 && g->params[i].mult.decay_mult == 1);
    }
    graph_destroy(g);
    clr_net_destroy(spec);

    ck_assert_int_eq(clr_net_load(&spec, "lenet", &err), 0);
    g = must_graph(spec, PHASE_TRAIN, clr_net_input(spec), 1);
    ck_assert(g->transform.scale == 1.0 / 256.0 && g->transform.mean == CLR_MEAN_NONE);
    ck_assert(g->params[0].filler.kind == FILLER_XAVIER && g->params[0].fan_in == 25 &&
              g->params[0].fan_out == 500);
    graph_destroy(g);
    clr_net_destroy(spec);
}
END_TEST

/* Names and shapes equal those of PyTorch's state_dict, and its initial weights are within our bounds. */
START_TEST(test_net__parameters_are_those_of_pytorch)
{
    static const char *const names[] = {"quick", "full"};
    struct clr_net_spec *spec;
    struct clr_error err = {0};
    struct st_file f;
    struct graph *g;
    char path[512];

    if (!support_data()) {
        support_skip("CLR_TEST_DATA is not set");
        return;
    }
    for (size_t k = 0; k < MEM_COUNT(names); k++) {
        (void)snprintf(path, sizeof path, "%.400s/golden/%s/init.safetensors", support_data(), names[k]);
        ck_assert_msg(safetensors_read(&f, path, &err) == 0, "%s", err.message);
        ck_assert_int_eq(clr_net_load(&spec, names[k], &err), 0);
        g = must_graph(spec, PHASE_TRAIN, clr_net_input(spec), 100);
        ck_assert_uint_eq(f.count, g->param_count);
        for (size_t i = 0; i < f.count; i++) {
            const struct graph_param *p = &g->params[i];
            ck_assert_str_eq(f.tensors[i].name, p->name);
            ck_assert_int_eq(f.tensors[i].rank, p->rank);
            for (int d = 0; d < p->rank; d++)
                ck_assert_uint_eq(f.tensors[i].dims[d], (uint64_t)p->dims[d]);
            for (size_t e = 0; e < f.tensors[i].count; e++)
                ck_assert(fabs((double)f.tensors[i].data[e]) <= p->filler.max * (1 + 1e-6));
        }
        graph_destroy(g);
        clr_net_destroy(spec);
        safetensors_clear(&f);
    }
}
END_TEST

/* ------------------------------------------------------------------ what files may say */

START_TEST(test_net__geometry_fields)
{
    struct clr_net_spec *spec = must_load(
        DATA "layer { name: 'c' type: 'Convolution' bottom: 'data' top: 'c' convolution_param { num_output: "
             "6 group: 3 "
             "kernel_h: 2 kernel_w: 3 stride: 1 stride: 2 pad_h: 1 pad_w: 0 dilation: 2 dilation: 1 "
             "bias_term: false } }"
             "layer { name: 'p' type: 'Pooling' bottom: 'c' top: 'p' pooling_param { pool: AVE "
             "global_pooling: true } }"
             "layer { name: 'r' type: 'ReLU' bottom: 'p' top: 'r' relu_param { negative_slope: 0.1 } }"
             "layer { name: 'n' type: 'LRN' bottom: 'r' top: 'n' }"
             "layer { name: 'd' type: 'Dropout' bottom: 'n' top: 'n' }" LOSS("n"));
    struct graph *g = must_graph(spec, PHASE_TRAIN, k_small, 5);
    const struct graph_node *n = find_node(g, "c");
    const struct conv_geometry *c = &n->desc.u.conv;

    ck_assert(c->kh == 2 && c->kw == 3 && c->sh == 1 && c->sw == 2 && c->ph == 1 && c->pw == 0 &&
              c->dh == 2 && c->dw == 1);
    ck_assert(c->oh == 9 && c->ow == 3 && c->c == 3 && c->h == 9 && c->w == 7);
    ck_assert(!n->desc.bias && n->param_count == 1 && g->param_count == 1);
    ck_assert(g->params[0].rank == 4 && g->params[0].dims[0] == 6 && g->params[0].dims[1] == 1);
    ck_assert(g->params[0].fan_in == 6 && g->params[0].fan_out == 36);
    ck_assert(n->madds == 6.0 * 9 * 3 * 1 * 2 * 3);
    n = find_node(g, "p");
    ck_assert(n->desc.u.pool.kh == 9 && n->desc.u.pool.kw == 3 && n->desc.y[0].h == 1 && n->desc.y[0].w == 1);
    ck_assert(find_node(g, "r")->desc.u.elementwise.a[0] == 0.1f && !find_node(g, "r")->in_place);
    n = find_node(g, "n");
    ck_assert(n->desc.u.lrn.size == 5 && n->desc.u.lrn.alpha == 1.0f &&
              n->desc.u.lrn.region == LRN_ACROSS_CHANNELS);
    n = find_node(g, "d");
    ck_assert(n->in_place && n->x[0] != n->y[0] && n->desc.u.dropout.ratio == 0.5f);
    ck_assert_int_eq(g->logits, n->y[0]);
    graph_destroy(g);
    clr_net_destroy(spec);
}
END_TEST

START_TEST(test_net__phases_and_transforms)
{
    struct clr_net_spec *spec = must_load(
        "layer { name: 'a' type: 'Data' top: 'x' top: 'label' exclude { phase: TEST } transform_param { "
        "mean_value: 1 mean_value: 2 mean_value: 3 scale: 0.5 mirror: false crop_size: 0 } }"
        "layer { name: 'b' type: 'Data' top: 'x' top: 'label' include { phase: TEST } transform_param { "
        "mean_file: 'path/mean.binaryproto' } data_param { batch_size: 7 } }" DENSE("ip", "x") LOSS("ip"));
    struct graph *g = must_graph(spec, PHASE_TRAIN, k_small, 1);

    ck_assert(g->transform.mean == CLR_MEAN_NONE && g->transform.mean_value_count == 3);
    ck_assert(g->transform.mean_value[2] == 3.0 && g->transform.scale == 0.5);
    graph_destroy(g);
    g = must_graph(spec, PHASE_TEST, k_small, 1);
    ck_assert(g->transform.mean == CLR_MEAN_IMAGE && g->transform.mean_value_count == 0);
    ck_assert_int_eq(spec->layers[1].source.batch_size, 7);
    ck_assert_int_eq(clr_net_input(spec).channels, 0);
    graph_destroy(g);
    clr_net_destroy(spec);
}
END_TEST

START_TEST(test_net__deployment_files)
{
    static const char *const texts[] = {
        "input: 'data' input_shape { dim: 1 dim: 3 dim: 9 dim: 7 }" DENSE("ip", "data"),
        "input: 'data' input_dim: [1, 3, 9, 7]" DENSE("ip", "data"),
        "layer { name: 'data' type: 'Input' top: 'data' input_param { shape { dim: [1, 3, 9, 7] } } }" DENSE(
            "ip", "data"),
    };
    struct clr_error err;
    struct graph *g;
    char *text;

    for (size_t i = 0; i < MEM_COUNT(texts); i++) {
        struct clr_net_spec *spec = must_load(texts[i]);
        ck_assert(clr_net_input(spec).channels == 3 && clr_net_input(spec).width == 7);
        g = must_graph(spec, PHASE_TEST, k_small, 4);
        ck_assert(g->params[0].dims[1] == 189 && g->logits == -1);
        graph_destroy(g);
        ck_assert_int_eq(graph_create(&g, spec, PHASE_TRAIN, k_small, 4, &err), CLR_EINPUT);
        ck_assert_ptr_nonnull(strstr(err.message, "no loss layer in the TRAIN phase"));
        ck_assert_int_eq(graph_create(&g, spec, PHASE_TEST, (struct clr_image_shape){3, 9, 8}, 4, &err),
                         CLR_EINPUT);
        ck_assert_ptr_nonnull(strstr(err.message, "images of 3×9×7, these are 3×9×8"));
        ck_assert_int_eq(clr_net_show(&text, spec, clr_net_input(spec), 1, &err), 0);
        free(text);
        clr_net_destroy(spec);
    }
}
END_TEST

START_TEST(test_net__what_has_no_effect_is_said_once)
{
    g_lines = 0;
    clr_log_set_sink(count_line, NULL);
    clr_net_destroy(must_load(
        "layer { name: 'a' type: 'Data' top: 'x' top: 'label' data_param { source: 's' "
        "backend: LMDB batch_size: 1 } image_data_param { shuffle: true } }"
        "layer { name: 'c' type: 'Convolution' bottom: 'x' top: 'c' pooling_param { } convolution_param { "
        "num_output: 1 kernel_size: 1 "
        "engine: CAFFE } }"
        "layer { name: 'd' type: 'Convolution' bottom: 'c' top: 'd' convolution_param { "
        "num_output: 1 kernel_size: 1 "
        "engine: CUDNN } }"));
    ck_assert_int_eq(g_lines, 3);
    ck_assert_ptr_nonnull(strstr(g_last_line, "net.prototxt:1: 'engine' has no effect here"));
}
END_TEST

/* ------------------------------------------------------------------ gradients */

START_TEST(test_net__gradients_stop_where_nothing_learns)
{
    struct clr_net_spec *spec =
        must_load(DATA "layer { name: 'r' type: 'ReLU' bottom: 'data' top: 'data' }" CONV(
            "c1", "data", "kernel_size: 3") CONV("c2", "c1", "kernel_size: 3") DENSE("ip", "c2") LOSS("ip"));
    struct graph *g = must_graph(spec, PHASE_TRAIN, k_small, 2);

    ck_assert(!find_node(g, "r")->desc.backward && !find_node(g, "r")->desc.need_dx);
    ck_assert(find_node(g, "c1")->desc.backward && !find_node(g, "c1")->desc.need_dx);
    ck_assert(find_node(g, "c2")->desc.backward && find_node(g, "c2")->desc.need_dx);
    ck_assert(find_node(g, "ip.flatten")->desc.need_dx && find_node(g, "loss")->desc.need_dx);
    ck_assert_int_eq(find_node(g, "ip.flatten")->desc.kind, OP_RELAYOUT);
    ck_assert_int_eq(g->values[find_node(g, "c2")->y[0]].consumer_count, 1);
    ck_assert_int_eq(g->values[find_node(g, "ip")->y[0]].consumer_count, 1);
    graph_destroy(g);
    clr_net_destroy(spec);
}
END_TEST

/* ------------------------------------------------------------------ fusing */

/* Every index in a graph is valid, and producers and readers agree. */
static void check_sound(const struct graph *g)
{
    for (size_t i = 0; i < g->node_count; i++) {
        const struct graph_node *n = &g->nodes[i];
        for (int j = 0; j < n->desc.x_count; j++) {
            ck_assert(n->x[j] >= 0 && (size_t)n->x[j] < g->value_count);
            ck_assert(g->values[n->x[j]].producer < (int)i);
            ck_assert(shape_equal(&n->desc.x[j], &g->values[n->x[j]].shape));
        }
        for (int j = 0; j < n->desc.y_count; j++)
            ck_assert_int_eq(g->values[n->y[j]].producer, (int)i);
    }
    for (size_t v = 0; v < g->value_count; v++) {
        int readers = 0;
        for (size_t i = 0; i < g->node_count; i++)
            for (int j = 0; j < g->nodes[i].desc.x_count; j++)
                readers += g->nodes[i].x[j] == (int)v;
        if (g->values[v].producer != GRAPH_LABELS)
            ck_assert_int_eq(g->values[v].consumer_count, readers);
    }
}

START_TEST(test_net__quick_is_fused)
{
    const struct clr_image_shape image = {3, 32, 32};

    for (unsigned phase = PHASE_TRAIN; phase <= PHASE_TEST; phase += PHASE_TEST - PHASE_TRAIN) {
        struct clr_net_spec *spec;
        struct clr_error err;
        struct graph *g;

        ck_assert_int_eq(clr_net_load(&spec, "quick", &err), 0);
        g = must_graph(spec, phase, image, 4);
        ck_assert_uint_eq(g->node_count, phase == PHASE_TRAIN ? 13 : 14);
        graph_fuse(g, FUSE_FLATTEN | FUSE_RELU, NULL, 0);
        check_sound(g);
        ck_assert_uint_eq(g->node_count, phase == PHASE_TRAIN ? 9 : 10);
        ck_assert(find_node(g, "pool1")->desc.relu && !find_node(g, "conv2")->desc.mask_dx);
        ck_assert(find_node(g, "conv2")->desc.relu && find_node(g, "conv3")->desc.relu);
        ck_assert(!find_node(g, "conv1")->desc.relu && !find_node(g, "pool3")->desc.relu);
        ck_assert(find_node(g, "pool2")->desc.mask_dx == (phase == PHASE_TRAIN));
        ck_assert(find_node(g, "pool3")->desc.mask_dx == (phase == PHASE_TRAIN));
        ck_assert_int_eq(find_node(g, "ip1")->desc.x[0].h, 3);
        ck_assert_int_eq(g->logits, find_node(g, "ip2")->y[0]);
        ck_assert(phase == PHASE_TRAIN || find_node(g, "accuracy") == &g->nodes[g->accuracy_node]);
        graph_fuse(g, FUSE_POOL, &(struct clr_device){.type = CLR_DEVICE_GPU, .local_memory = 1 << 20}, 4);
        ck_assert_uint_eq(g->node_count, phase == PHASE_TRAIN ? 9 : 10);
        graph_fuse(g, FUSE_POOL, &(struct clr_device){.type = CLR_DEVICE_CPU, .local_memory = 1 << 20}, 16);
        check_sound(g);
        ck_assert_uint_eq(g->node_count, phase == PHASE_TRAIN ? 8 : 9);
        ck_assert(find_node(g, "conv1")->desc.kind == OP_CONV_POOL && find_node(g, "conv1")->desc.relu);
        ck_assert_int_eq(find_node(g, "conv1")->desc.y[0].h, 15);
        ck_assert_int_eq(find_node(g, "conv2")->desc.x[0].h, 15);
        graph_destroy(g);
        clr_net_destroy(spec);
    }
}
END_TEST

#define RELU_ON(name, x, y, more)                                                                            \
    "layer { name: '" name "' type: 'ReLU' bottom: '" x "' top: '" y "' " more " }\n"

/* With 20 and 50 channels many of 16 lanes are empty, with 32 and 64 none. */
START_TEST(test_net__a_net_gets_the_block_that_suits_it)
{
    static const struct {
        const char *net;
        struct clr_image_shape in;
        enum clr_device_type type;
        int width, block;
    } table[] = {
        {"lenet", {1, 28, 28}, CLR_DEVICE_CPU, 16, 8}, {"quick", {3, 32, 32}, CLR_DEVICE_CPU, 16, 16},
        {"full", {3, 32, 32}, CLR_DEVICE_CPU, 16, 16}, {"lenet", {1, 28, 28}, CLR_DEVICE_CPU, 8, 8},
        {"lenet", {1, 28, 28}, CLR_DEVICE_CPU, 4, 4},  {"lenet", {1, 28, 28}, CLR_DEVICE_GPU, 16, 4}};

    for (size_t i = 0; i < MEM_COUNT(table); i++) {
        const struct clr_device device = {
            .type = table[i].type, .native_float_width = table[i].width, .local_memory = 1 << 20};
        struct clr_net_spec *spec;
        struct clr_error err;
        struct graph *g = NULL;
        ck_assert_int_eq(clr_net_load(&spec, table[i].net, &err), 0);
        ck_assert_int_eq(graph_create(&g, spec, PHASE_TEST, table[i].in, 100, &err), 0);
        graph_fuse_for(g, &device);
        ck_assert_msg(g->block == table[i].block, "%s with %d lanes: %d", table[i].net, table[i].width,
                      g->block);
        graph_destroy(g);
        clr_net_destroy(spec);
    }
}
END_TEST

START_TEST(test_net__what_cannot_be_fused_stays)
{
    static const struct {
        const char *text, *stays;
    } nets[] = {
        {DATA CONV("c", "data", "kernel_size: 3") RELU_ON("r", "c", "c", "relu_param { negative_slope: 0.1 }")
             DENSE("ip", "c") LOSS("ip"),
         "r"}, /* another function */
        {DATA CONV("c", "data", "kernel_size: 3") RELU_ON(
             "r", "c", "c", "") "layer { name: 'd' type: 'Dropout' bottom: 'c' top: 'c' }\n" DENSE("ip", "c")
             LOSS("ip"),
         "r"}, /* dropout applies its own mask only */
        {DATA CONV("c", "data", "kernel_size: 3") RELU_ON("r", "c", "y", "")
             RELU_ON("other", "c", "z", "include { phase: TRAIN }") DENSE("ip", "y") LOSS("ip"),
         "r"}, /* another node reads the value before the rectifier */
        {DATA RELU_ON("r", "data", "x", "") DENSE("ip", "x") LOSS("ip"), "r"}, /* no node makes the images */
        {DATA DENSE("ip", "data") LOSS("ip"), "ip.flatten"},
    };

    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        struct clr_net_spec *spec = must_load(nets[i].text);
        struct graph *g = must_graph(spec, PHASE_TRAIN, k_small, 2);

        graph_fuse(g, FUSE_FLATTEN | FUSE_RELU, NULL, 0);
        check_sound(g);
        ck_assert_msg(find_node(g, nets[i].stays) != NULL, "net %zu", i);
        graph_destroy(g);
        clr_net_destroy(spec);
    }
}
END_TEST

/* ------------------------------------------------------------------ refusals */

#define LAYER(type, more) "layer {\n  name: 'x' type: '" type "' bottom: 'data' top: 'x'\n  " more "\n}"

/* Numbers of enums, one size of a pair, a field of forks, layers without names. */
START_TEST(test_net__other_spellings_mean_the_same)
{
    struct clr_net_spec *spec = must_load(
        DATA
        "layer { type: 'Pooling' bottom: 'data' top: 'p' pooling_param { pool: 1 kernel_size: 2 pad_h: 1 "
        "ceil_mode: false engine: 2 } }\n"
        "layer { name: 'lrn' type: 'LRN' bottom: 'p' top: 'n' lrn_param { norm_region: 1 } }\n"
        "layer { type: 'Eltwise' bottom: 'p' bottom: 'n' top: 'e' eltwise_param { operation: 0 } }\n"
        "layer { type: 'InnerProduct' bottom: 'e' top: 'ip' inner_product_param { num_output: 3 "
        "weight_filler { type: 'msra' variance_norm: 2 } } }\n"
        "layer { name: 'a' type: 'Accuracy' bottom: 'ip' bottom: 'label' top: 'a' include { phase: 1 } "
        "}\n" LOSS("ip"));
    struct graph *g = must_graph(spec, PHASE_TRAIN, k_small, 2);
    const struct pool_geometry *pool = &find_node(g, "#2")->desc.u.pool;

    ck_assert(pool->method == POOL_AVE && pool->ph == 1 && pool->pw == 0 && pool->rounding == POOL_FLOOR);
    ck_assert_int_eq(find_node(g, "lrn")->desc.u.lrn.region, LRN_WITHIN_CHANNEL);
    ck_assert_int_eq(find_node(g, "#4")->desc.u.eltwise.operation, ELTWISE_PROD);
    ck_assert_str_eq(g->params[0].name, "#5.weight");
    ck_assert_int_eq(g->params[0].filler.norm, FILLER_AVERAGE);
    ck_assert_int_eq(g->accuracy_node, -1);
    graph_destroy(g);
    clr_net_destroy(spec);
}
END_TEST

START_TEST(test_net__bad_files_are_refused_with_their_place)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", " there is no 'layer { … }' in it"},
        {"nmae: 'x'", "1:1: unknown field 'nmae' in the file: did you mean 'name'?"},
        {"foo { }",
         "1:1: unknown field 'foo' in the file; there are name, input, input_dim, input_shape, state, layer"},
        {"layer: 3", "1:1: field 'layer' is '3'; it takes a block"},
        {"layer { name: 'a' }", "1:1: the layer has no 'type'"},
        {"layer { name: 'a\\n' type: 'ReLU' }", "1:9: field 'name' has a control character in it"},
        {"layer { name: 'r\xe9' type: 'ReLU' }", "1:9: field 'name' is not UTF-8"},
        {"layer { name: '' type: 'ReLU' }", "1:9: field 'name' has 0 bytes; a name has 1 to 63"},
        {LAYER("Convolutoin", ""), "1:1: unknown layer type 'Convolutoin': did you mean 'Convolution'?"},
        {LAYER("Recurrent", ""), "1:1: unknown layer type 'Recurrent'; there are"},
        {LAYER("ReLU", "botom: 'data'"), "3:3: unknown field 'botom' in layer: did you mean 'bottom'?"},
        {LAYER("ReLU", "bottom: 'data'"), "1:1: layer 'x' has 2 'bottom'; type ReLU has 1"},
        {LAYER("ReLU", "top: 'y'"), "1:1: layer 'x' has 2 'top'; type ReLU has 1"},
        {LAYER("ReLU", "loss_weight: 1"), "3:3: field 'loss_weight' is not supported in layer"},
        {LAYER("ReLU", "param { lr_mult: 1 }"), "3:3: 1 'param', but this layer has 0 parameters"},
        {LAYER("BatchNorm", "param { lr_mult: 1 }"), "3:3: 'lr_mult' is 1 for a running statistic, which"},
        {LAYER("BatchNorm", "param { lr_mult: 0 } param { decay_mult: 0 }"),
         "3:24: 'lr_mult' is 1 for a running statistic, which"},
        {LAYER("BatchNorm", "param { } param { } param { } param { }"),
         "3:33: 4 'param', but this layer has 3 parameters"},
        {LAYER("BatchNorm", "param { lr_mult: 0 name: 'm' }"), "3:3: a running statistic has no 'name'"},
        {LAYER("BatchNorm", "batch_norm_param { moving_average_fraction: 1.5 }"),
         "3:22: field 'moving_average_fraction' is '1.5'"},
        {"layer { name: 'd' type: 'DummyData' top: 'd' }", "1:1: layer 'd' has no 'dummy_data_param'"},
        {"layer { name: 'd' type: 'DummyData' top: 'd' dummy_data_param { data_filler { type: 'msra' } } }",
         "1:46: 'data_filler' of another type than constant is not supported"},
        {"layer { name: 'd' type: 'DummyData' top: 'd' dummy_data_param { shape { dim: 1 } shape { dim: 2 } "
         "} }",
         "1:82: a second 'shape'"},
        {LAYER("Scale", "scale_param { axis: 2 }"), "3:17: 'axis: 2' is not supported, only 1 is"},
        {LAYER("Bias", "param { } param { }"), "3:13: 2 'param', but this layer has 1 parameter"},
        {LAYER("ReLU", "include { phase: TRIAN }"),
         "3:13: field 'phase' is 'TRIAN'; it takes one of: TRAIN, TEST"},
        {LAYER("ReLU", "include { phase: 2 }"), "3:13: field 'phase' is '2'; it takes one of: TRAIN, TEST"},
        {LAYER("Pooling", "pooling_param { kernel_size: 1 stride_h: 1 }"),
         "3:3: 'stride_h' and 'stride_w' must be given together"},
        {LAYER("Pooling", "pooling_param { kernel_size: 1 ceil_mode: true round_mode: CEIL }"),
         "3:50: give 'round_mode' or 'ceil_mode', not both"},
        {LAYER("ReLU", "include { } exclude { }"), "1:1: a layer has 'include' or 'exclude', not both"},
        {LAYER("ReLU", "relu_param { negative_slope: -1 }"),
         "3:16: field 'negative_slope' is '-1'; it takes"},
        {LAYER("Convolution", ""), "1:1: layer 'x' has no 'convolution_param'"},
        {LAYER("Convolution", "convolution_parm { }"),
         "3:3: unknown field 'convolution_parm' in layer: did you mean"},
        {LAYER("Convolution", "convolution_param { kernel_size: 1 }"), "3:3: 'num_output' is missing"},
        {LAYER("Convolution", "convolution_param { num_output: 1 }"), "3:3: 'kernel_size' is missing"},
        {LAYER("Convolution", "convolution_param { num_output: 1 kernal_size: 1 }"),
         "3:37: unknown field 'kernal_size' in convolution_param: did you mean 'kernel_size'?"},
        {LAYER("Convolution", "convolution_param { num_output: 0 }"),
         "3:23: field 'num_output' is '0'; it takes"},
        {LAYER("Convolution", "convolution_param { num_output: 1 kernel_size: 1 strde: 2 }"),
         "3:52: unknown field 'strde' in convolution_param: did you mean 'stride'?"},
        {LAYER("Convolution", "convolution_param { num_output: 1 kernel_h: 1 }"),
         "3:3: 'kernel_h' and 'kernel_w' must be given together"},
        {LAYER("Convolution", "convolution_param { num_output: 1 kernel_size: 1 kernel_h: 1 kernel_w: 1 }"),
         "3:3: give 'kernel_size', or 'kernel_h' and 'kernel_w', not both"},
        {LAYER("Convolution", "convolution_param { num_output: 1 kernel_size: [1, 2, 3] }"),
         "3:37: field 'kernel_size' is given more than 2 times"},
        {LAYER("Convolution", "convolution_param { num_output: 1 kernel_size: 1 axis: 2 }"),
         "3:52: 'axis: 2' is not supported, only 1 is"},
        {LAYER("Convolution",
               "convolution_param { num_output: 1 kernel_size: 1 weight_filler { type: 'xaver' } }"),
         "3:52: field 'type' is 'xaver': did you mean 'xavier'?"},
        {LAYER("Convolution",
               "convolution_param { num_output: 1 kernel_size: 1 weight_filler { type: 'gaussian' std: "
               "-1 } }"),
         "3:52: std -1 is below 0"},
        {LAYER("Convolution",
               "convolution_param { num_output: 1 kernel_size: 1 weight_filler { type: 'uniform' min: 2 "
               "} }"),
         "3:52: min 2 is above max 1"},
        {LAYER("Convolution",
               "convolution_param { num_output: 1 kernel_size: 1 weight_filler { sparse: 3 } }"),
         "3:68: field 'sparse' is not supported in weight_filler"},
        {LAYER("Convolution",
               "convolution_param { num_output: 1 kernel_size: 1 weight_filler { spars: 3 } }"),
         "3:68: unknown field 'spars' in weight_filler; there are "},
        {LAYER("Convolution",
               "param { share_mode: STRICT } convolution_param { num_output: 1 kernel_size: 1 }"),
         "3:11: field 'share_mode' is not supported in param"},
        {LAYER("Convolution", "param { name: '' } convolution_param { num_output: 1 kernel_size: 1 }"),
         "3:11: field 'name' has 0 bytes; a name has 1 to 63"},
        {LAYER("Convolution", "param { lr_mult: nan } convolution_param { num_output: 1 kernel_size: 1 }"),
         "3:11: field 'lr_mult' is 'nan'; it takes a number"},
        {LAYER("Convolution",
               "param { } param { } convolution_param { num_output: 1 kernel_size: 1 bias_term: false }"),
         "3:13: 2 'param', but this layer has 1 parameter"},
        {LAYER("Pooling", "pooling_param { pool: STOCHASTIC kernel_size: 2 }"),
         "3:19: field 'pool' is 'STOCHASTIC'; it takes one of: MAX, AVE"},
        {LAYER("Pooling", "pooling_param { pool: MAX }"), "3:3: 'kernel_size' is missing"},
        {LAYER("Pooling", "pooling_param { global_pooling: true kernel_size: 2 }"),
         "3:3: 'global_pooling' covers"},
        {LAYER("LRN", "lrn_param { local_size: 4 }"), "3:3: 'local_size' is 4: it must be odd"},
        {LAYER("InnerProduct", "inner_product_param { num_output: 1 transpose: true }"),
         "3:39: 'transpose: true' is not supported"},
        {LAYER("Dropout", "dropout_param { dropout_ratio: 1 }"),
         "3:19: field 'dropout_ratio' is '1'; it takes"},
        {LAYER("Accuracy", "bottom: 'label' accuracy_param { ignore_label: 1.5 }"),
         "3:36: field 'ignore_label' is '1.5'"},
        {LAYER("SoftmaxWithLoss", "bottom: 'label' loss_param { label_smoothing: 1.5 }"),
         "3:32: field 'label_smoothing' is '1.5'"},
        {LAYER("SoftmaxWithLoss", "bottom: 'label' loss_param { normalization: MEAN }"),
         "3:32: field 'normalization' is 'MEAN'; it takes one of: FULL, VALID, BATCH_SIZE, NONE"},
        {"layer { name: 'd' type: 'Data' top: 'd' transform_param { scale: 1e-50 } }",
         "1:59: field 'scale' is 1e-50, which is 0 in float32"},
        {DATA
         "layer { name: 'l' type: 'SoftmaxWithLoss' bottom: 'data' bottom: 'label' loss_weight: -1e-50 }",
         "field 'loss_weight' is -1e-50, which is 0 in float32"},
        {"layer { name: 'd' type: 'Data' top: 'd' transform_param { crop_size: -1 } }",
         "1:59: field 'crop_size' is '-1'"},
        {"layer { name: 'd' type: 'Data' top: 'd' transform_param { mean_file: 'm' mean_value: 3 } }",
         "1:41: give 'mean_file' or 'mean_value', not both"},
        {"layer { name: 'd' type: 'Data' top: 'd' data_param { batch_size: 0 } }",
         "1:54: field 'batch_size' is '0'"},
        {"layer { name: 'd' type: 'Input' top: 'd' }", "1:1: an Input layer needs 'input_param"},
        {"layer { name: 'd' type: 'Input' top: 'd' input_param { shape { dim: 1 dim: 3 } } }",
         "1:56: 2 dimensions; images have four"},
        {"input: 'data'", "1:1: 'input' has no shape"},
        {DATA DATA, "2:1: a layer 'data' is there already, in line 1"},
        {DATA DENSE("ip", "data") "layer { name: 'ip' type: 'Scale' bottom: 'ip' top: 'ip' }",
         "3:1: a layer 'ip' is there already, in line 2"},
    };
    struct clr_net_spec *spec = NULL;
    struct clr_error err;

    for (size_t i = 0; i < MEM_COUNT(cases); i++) {
        ck_assert_msg(load(&spec, cases[i].text, &err) == CLR_EINPUT, "accepted: %s", cases[i].text);
        ck_assert_msg(strstr(err.message, cases[i].message), "'%s' gives '%s'", cases[i].text, err.message);
        ck_assert_ptr_null(spec);
    }
}
END_TEST

/* All that is wrong in a file is reported at once, in as many lines as there is room for. */
START_TEST(test_net__all_problems_at_once)
{
    static const char text[] =
        "layer { name: 'd' type: 'Data' top: 'd' data_param { batch_size: 0 } transform_param { scale: 0 x: "
        "1 "
        "} }\n"
        "layer { name: 'b' type: 'Batch\\nNormal' bottom: 'd' top: 'b' }\n"
        "layer { name: 'c' type: 'Convolution' botom: 'b' top: 'c' convolution_param { stride: x } }\n"
        "layer { name: 'o' type: 'Dropout' dropout_param { dropout_ratio: 2 } bottom: 'c' top: 'o' }\n"
        "foo: 1\n";
    static const char *const expected[] = {
        "1:54: field 'batch_size' is '0'",
        "1:97: unknown field 'x' in transform_param",
        "2:1: unknown layer type 'Batch Normal'",
        "3:39: unknown field 'botom' in layer: did you mean 'bottom'?",
        "3:79: field 'stride' is 'x'",
        "3:59: 'num_output' is missing",
        "3:59: 'kernel_size' is missing",
        "3:1: layer 'c' has 0 'bottom'; type Convolution has 1",
        "4:51: field 'dropout_ratio' is '2'",
        "5:1: unknown field 'foo' in the file",
    };
    struct clr_net_spec *spec = NULL;
    const char *line, *end;
    struct str many = {0};
    struct clr_error err;
    int lines = 0, more = 0;

    ck_assert_int_eq(load(&spec, text, &err), CLR_EINPUT);
    for (size_t i = 0; i < MEM_COUNT(expected); i++)
        ck_assert_msg(strstr(err.message, expected[i]), "'%s' is not in '%s'", expected[i], err.message);
    for (int i = 0; i < 1000; i++)
        str_append(&many, "layer { name: '%d' type: 'T%d' }\n", i, i);
    ck_assert_int_eq(load(&spec, str_text(&many), &err), CLR_EINPUT);
    for (line = err.message; (end = strchr(line, '\n')); line = end + 1, lines++)
        ck_assert_msg(strstr(line, "unknown layer type"), "%s", line);
    ck_assert_int_eq(sscanf(line, "and %d more", &more), 1);
    ck_assert_int_eq(lines + more, 1000);
    str_clear(&many);
}
END_TEST

START_TEST(test_net__unknown_names_and_files)
{
    struct clr_net_spec *spec;
    struct clr_error err;

    ck_assert_int_eq(clr_net_load(&spec, "qiuck", &err), CLR_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "'qiuck'"));
    ck_assert_ptr_nonnull(strstr(err.message, "did you mean 'quick'?"));
    ck_assert_int_eq(clr_net_load(&spec, "resnet50", &err), CLR_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "there are quick, full"));
    ck_assert_int_eq(clr_net_load(&spec, "./absent.prototxt", &err), CLR_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "./absent.prototxt"));
    ck_assert_int_eq(clr_net_load(&spec, "/", &err), CLR_EINPUT);
}
END_TEST

START_TEST(test_net__graphs_that_do_not_fit_are_refused_with_their_place)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {DENSE("ip", "data"), "1: layer 'ip': its bottom 'data' is the top of no layer"},
        {DATA DENSE("ip", "dta") LOSS("ip"), "2: layer 'ip': its bottom 'dta' is the top of no layer"},
        {DATA DENSE("ip", "data") DENSE("y", "ip.flatten") LOSS("y"),
         "3: layer 'y': its bottom 'ip.flatten' is the top of no layer"},
        {DATA CONV("c", "data", "kernel_size: 8") LOSS("c"),
         "2: layer 'c': a kernel that spans 8×8 does not fit"},
        {DATA CONV("c", "data", "kernel_size: 1 group: 2") LOSS("c"),
         "2: layer 'c': group 2 does not divide"},
        {DATA "layer { name: 'p' type: 'Pooling' bottom: 'data' top: 'p' pooling_param { kernel_size: 2 pad: "
              "2 } }" LOSS("p"),
         "2: layer 'p': padding 2×2 is not smaller"},
        {DATA CONV("c", "data", "kernel_size: 3") LOSS("c"),
         "3: layer 'loss': its bottom 'c' is 4×7×5; it takes one"},
        {DATA DENSE("ip", "data"), " no loss layer in the TRAIN phase"},
        {DATA DENSE("ip", "data") "layer { name: 'l' type: 'EuclideanLoss' bottom: 'ip' bottom: 'data' }",
         "3: layer 'l': its bottom 'ip' has 3 numbers for an image, 'data' has 189; they must be as many"},
        {DATA DENSE("ip", "data") "layer { name: 'l' type: 'EuclideanLoss' bottom: 'ip' bottom: 'label' }",
         "3: layer 'l': its bottom 'ip' has 3 numbers for an image; with the labels it takes one"},
        {DATA DENSE("ip", "data") "layer { name: 'l' type: 'EuclideanLoss' bottom: 'label' bottom: 'ip' }",
         "3: layer 'l': its bottom 'label' is the labels"},
        {DATA DENSE("ip", "data") "layer { name: 'l' type: 'EuclideanLoss' bottom: 'ip' bottom: 'ip' top: "
                                  "'x' }" DENSE("y", "x"),
         "3: layer 'y': its bottom 'x' is the result of layer 'l', of type EuclideanLoss"},
        {DATA DENSE("ip", "label") LOSS("ip"), "2: layer 'ip': its bottom 'label' is the labels"},
        {DATA DENSE("ip", "data") "layer { name: 'l' type: 'SoftmaxWithLoss' bottom: 'ip' bottom: 'data' }",
         "3: layer 'l': its second bottom 'data' is not the labels"},
        {DATA "layer { name: 'l' type: 'SoftmaxWithLoss' bottom: 'data' bottom: 'label' }",
         "2: layer 'l': its first bottom is the images"},
        {DATA DENSE("ip", "data") LOSS("ip") DENSE("ip2", "ip"),
         "4: layer 'ip2': it has parameters, but the loss does not depend on it"},
        {DATA "layer { name: 'ip' type: 'InnerProduct' bottom: 'data' top: 'ip' include { phase: TRAIN } "
              "inner_product_param { num_output: 3 } }\n"
              "layer { name: 'iq' type: 'InnerProduct' bottom: 'data' top: 'ip' include { phase: TEST } "
              "inner_product_param { num_output: 3 } }\n" LOSS("ip"),
         "2: layer 'ip': it has parameters and must be in both phases, at the same place"},
        {DATA DENSE(
             "ip",
             "data") "layer { name: 'iq' type: 'InnerProduct' bottom: 'data' top: 'iq' include { phase: "
                     "TEST } inner_product_param { num_output: 3 } }" LOSS("ip"),
         "3: layer 'iq': it has parameters and must be in both phases, at the same place"},
        {DATA CONV("c", "data", "kernel_size: 1") CONV(
             "data2", "c", "kernel_size: 1") "layer { name: 'e' type: 'LRN' bottom: 'data2' top: 'data2' }",
         "4: layer 'e': a layer of type LRN cannot work in place"},
        {DATA CONV("c", "data", "kernel_size: 1") "layer { name: 'e' type: 'LRN' bottom: 'data' top: 'c' }",
         "3: layer 'e': its top 'c' is the top of another layer already"},
        {DATA "layer { name: 'd2' type: 'Data' top: 'x' }", "2: layer 'd2': a second source of images"},
        {"layer { name: 'd' type: 'Data' top: 'x' top: 'x' }", "1: layer 'd': both its tops are named 'x'"},
        {DATA DENSE("ip", "data") LOSS("ip") "layer { name: 'a' type: 'Accuracy' bottom: 'ip' bottom: "
                                             "'label' top: 'a' top: 'a' }",
         "4: layer 'a': both its tops are named 'a'"},
        {DATA DENSE("ip", "data") LOSS("ip") "layer { name: 'a' type: 'Accuracy' bottom: 'ip' bottom: "
                                             "'label' top: 'a' top: 'each' }" DENSE("ip2", "each"),
         "4: layer 'ip2': its bottom 'each' is the result of layer 'a', of type Accuracy"},
        {"layer { name: 'd' type: 'Data' top: 'x' transform_param { mean_value: 1 mean_value: 2 } }",
         "1: layer 'd': 2 mean_value, but images have 3 channels"},
        {DATA DENSE("ip", "data") LOSS("ip") "layer { name: 'a' type: 'Accuracy' bottom: 'ip' bottom: "
                                             "'label' top: 'a' accuracy_param { top_k: 4 } }",
         "4: layer 'a': top_k 4 is more than the net's 3 logits"},
        {DATA "layer { name: 'c' type: 'Convolution' bottom: 'data' top: 'c' convolution_param { num_output: "
              "65536 "
              "kernel_size: 1 pad: 30000 } }" LOSS("c"),
         "2: layer 'c': 'c' would have 2×65536×60009×60007 values, which is too many"},
        {DATA "layer { name: 'c' type: 'Convolution' bottom: 'data' top: 'c' convolution_param { num_output: "
              "65536 "
              "kernel_size: 9000 pad: 8999 } }" LOSS("c"),
         "2: layer 'c': more than 2147483647 weights"},
        {DATA "layer { name: 'c' type: 'Convolution' bottom: 'data' top: 'c' convolution_param { num_output: "
              "40000 "
              "kernel_size: 3 pad: 1 } }" DENSE("ip", "c") LOSS("ip"),
         "2: layer 'ip': 40000×9×7 inputs are more than the 65536"},
        {DATA "layer { name: 'p' type: 'Pooling' bottom: 'data' top: 'q' pooling_param { kernel_size: 2 } "
              "include { "
              "phase: TRAIN } }"
              "layer { name: 'p2' type: 'Pooling' bottom: 'data' top: 'q' pooling_param { kernel_size: 3 } "
              "include { "
              "phase: TEST } }" DENSE("ip", "q") LOSS("ip"),
         "2: layer 'ip': its parameters have one shape in the TRAIN phase and another"},
    };
    struct clr_net_spec *spec = NULL;
    struct graph *g = NULL;
    struct clr_error err;
    int rc;

    for (size_t i = 0; i < MEM_COUNT(cases); i++) {
        rc = load(&spec, cases[i].text, &err);
        if (rc == 0) {
            rc = graph_create(&g, spec, PHASE_TRAIN, k_small, 2, &err);
            clr_net_destroy(spec);
        }
        ck_assert_msg(rc == CLR_EINPUT, "accepted: %s", cases[i].text);
        ck_assert_msg(strncmp(behind_path(&err), cases[i].message, strlen(cases[i].message)) == 0,
                      "'%s' gives '%s'", cases[i].text, err.message);
        ck_assert_ptr_null(g);
    }
}
END_TEST

/* A file's blob may have the name that the value inserted before a dense layer has. */
START_TEST(test_net__inserted_values_hide_none_of_the_file)
{
    struct clr_net_spec *spec = must_load(
        DATA "layer { name: 't' type: 'TanH' bottom: 'data' top: 'ip.flatten' }\n" DENSE("ip", "data")
            DENSE("y", "ip.flatten") LOSS("y") LOSS2("ip"));
    struct graph *g = must_graph(spec, PHASE_TEST, k_small, 2);

    ck_assert_int_eq(find_node(g, "y.flatten")->x[0], find_node(g, "t")->y[0]);
    graph_destroy(g);
    clr_net_destroy(spec);
}
END_TEST

START_TEST(test_net__a_branch_beside_the_loss_has_no_gradient)
{
    struct clr_net_spec *spec =
        must_load(DATA DENSE("ip", "data")
                      LOSS("ip") "layer { name: 'a' type: 'Accuracy' bottom: 'ip' bottom: 'label' top: 'a' }"
                                 "layer { name: 'r' type: 'ReLU' bottom: 'ip' top: 'r' }");
    struct graph *g = must_graph(spec, PHASE_TRAIN, k_small, 2);

    ck_assert(!find_node(g, "r")->desc.backward && !find_node(g, "a")->desc.backward);
    ck_assert(find_node(g, "ip")->desc.backward);
    ck_assert_int_eq(g->values[find_node(g, "ip")->y[0]].consumer_count, 3);
    graph_destroy(g);
    clr_net_destroy(spec);
}
END_TEST

START_TEST(test_net__bad_batches_and_images_are_refused)
{
    struct clr_net_spec *spec;
    struct graph *g = NULL;
    struct clr_error err;
    char *text = NULL;

    ck_assert_int_eq(clr_net_load(&spec, "quick", &err), 0);
    ck_assert_int_eq(graph_create(&g, spec, PHASE_TRAIN, k_small, 0, &err), CLR_EINPUT);
    ck_assert_int_eq(graph_create(&g, spec, PHASE_TRAIN, (struct clr_image_shape){0, 9, 9}, 1, &err),
                     CLR_EINPUT);
    ck_assert_int_eq(graph_create(&g, spec, PHASE_TRAIN, (struct clr_image_shape){3, 4, 4}, 1, &err),
                     CLR_EINPUT);
    ck_assert_str_eq(
        err.message,
        "built-in quick:84: layer 'pool2': a window of 3×3 does not fit into an input of 1×1 with padding "
        "0×0");
    ck_assert_int_eq(graph_create(&g, spec, PHASE_TRAIN, (struct clr_image_shape){3, 4, 4}, 1, NULL),
                     CLR_EINPUT);
    ck_assert_ptr_null(g);
    clr_net_destroy(spec);
    spec = must_load(DATA DENSE("ip", "data") LOSS("ip"));
    ck_assert_int_eq(clr_net_show(&text, spec, clr_net_input(spec), 1, &err), CLR_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "does not say what shape"));
    ck_assert_ptr_null(text);
    clr_net_destroy(spec);
}
END_TEST

START_TEST(test_net__show)
{
    struct clr_net_spec *spec;
    struct clr_error err;
    char *text;

    ck_assert_int_eq(clr_net_load(&spec, "quick", &err), 0);
    ck_assert_int_eq(clr_net_show(&text, spec, clr_net_input(spec), 100, &err), 0);
    ck_assert_ptr_nonnull(
        strstr(text, "\nconv1        Convolution 5x5  32 x 32 x 32       2,432      2,457,600  25.0 MiB\n"));
    ck_assert_ptr_nonnull(strstr(text, "\nrelu1        ReLU             32 x 15 x 15\n"));
    ck_assert_ptr_nonnull(
        strstr(text, "\ntotal                                          116,906     10,763,904"));
    free(text);
    ck_assert_int_eq(clr_net_show_json(&text, spec, clr_net_input(spec), 100, &err), 0);
    ck_assert_ptr_nonnull(strstr(text, "\"parameters\": 116906"));
    ck_assert_ptr_nonnull(strstr(text, "\"name\": \"conv1.weight\""));
    free(text);
    clr_net_destroy(spec);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("net");
    TCase *tc = tcase_create("net");

    tcase_add_test(tc, test_net__built_in_shapes_and_counts);
    tcase_add_test(tc, test_net__built_in_settings);
    tcase_add_test(tc, test_net__parameters_are_those_of_pytorch);
    tcase_add_test(tc, test_net__geometry_fields);
    tcase_add_test(tc, test_net__phases_and_transforms);
    tcase_add_test(tc, test_net__deployment_files);
    tcase_add_test(tc, test_net__what_has_no_effect_is_said_once);
    tcase_add_test(tc, test_net__gradients_stop_where_nothing_learns);
    tcase_add_test(tc, test_net__quick_is_fused);
    tcase_add_test(tc, test_net__a_net_gets_the_block_that_suits_it);
    tcase_add_test(tc, test_net__what_cannot_be_fused_stays);
    tcase_add_test(tc, test_net__other_spellings_mean_the_same);
    tcase_add_test(tc, test_net__bad_files_are_refused_with_their_place);
    tcase_add_test(tc, test_net__all_problems_at_once);
    tcase_add_test(tc, test_net__unknown_names_and_files);
    tcase_add_test(tc, test_net__graphs_that_do_not_fit_are_refused_with_their_place);
    tcase_add_test(tc, test_net__inserted_values_hide_none_of_the_file);
    tcase_add_test(tc, test_net__a_branch_beside_the_loss_has_no_gradient);
    tcase_add_test(tc, test_net__bad_batches_and_images_are_refused);
    tcase_add_test(tc, test_net__show);
    suite_add_tcase(s, tc);
    return support_run(s, true);
}
