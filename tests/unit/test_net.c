/* Nets: the five built in, what files may say, the graph's shapes and gradients, and every kind of refusal.
 */
#include "nets.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <clr/log.h>

#include "net/init.h"
#include "net/safetensors.h"

static int g_lines;
static char g_last_line[1024];

static void count_line(void *user, enum clr_log_level level, const char *line)
{
    (void)user;
    (void)level;
    g_lines++;
    (void)snprintf(g_last_line, sizeof g_last_line, "%s", line);
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
        "input: 'data' input_dim: [1, 3, 9, 7]" DENSE(
            "ip", "data") "layer { name: 'prob' type: 'Softmax' bottom: 'ip' top: 'prob' }",
        "input: 'data' input_dim: [1, 3, 9, 7]" DENSE(
            "ip", "data") "layer { name: 'prob' type: 'Softmax' bottom: 'ip' top: 'ip' }",
    };
    struct clr_error err;
    struct graph *g;
    char *text;

    for (size_t i = 0; i < MEM_COUNT(texts); i++) {
        struct clr_net_spec *spec = must_load(texts[i]);
        ck_assert(clr_net_input(spec).channels == 3 && clr_net_input(spec).width == 7);
        g = must_graph(spec, PHASE_TEST, k_small, 4);
        ck_assert(g->params[0].dims[1] == 189 && g->loss_count == 1);
        ck_assert_str_eq(g->values[g->logits].name, "ip");
        graph_destroy(g);
        ck_assert_int_eq(graph_create(&g, spec, PHASE_TRAIN, k_small, 4, &err), CLR_EINPUT);
        ck_assert_ptr_nonnull(strstr(err.message, "no loss layer in the TRAIN phase"));
        ck_assert_int_eq(graph_create(&g, spec, PHASE_TEST, (struct clr_image_shape){3, 9, 8}, 4, &err),
                         CLR_EINPUT);
        ck_assert_ptr_nonnull(strstr(err.message, "images of 3×9×7, these are 3×9×8"));
        ck_assert_int_eq(clr_net_show(&text, spec, clr_net_input(spec), 1, &err), 0);
        ck_assert_msg(strstr(text, "evaluates it with 'ip' as logits") && !strstr(text, "SoftmaxWithLoss"),
                      "%s", text);
        free(text);
        clr_net_destroy(spec);
    }
}
END_TEST

/* The loss of an evaluation is implied only where there are logits. */
START_TEST(test_net__what_ends_without_logits)
{
    static const char *const texts[] = {
        DATA CONV("c", "data", "kernel_size: 3"),
        DATA "layer { name: 's' type: 'Softmax' bottom: 'data' top: 's' }",
        DATA,
    };
    struct clr_error err;
    char *text;

    for (size_t i = 0; i < MEM_COUNT(texts); i++) {
        struct clr_net_spec *spec = must_load(texts[i]);
        struct graph *g = must_graph(spec, PHASE_TEST, k_small, 4);
        ck_assert(g->logits == -1 && g->loss_count == 0);
        graph_destroy(g);
        ck_assert_int_eq(clr_net_show(&text, spec, k_small, 1, &err), 0);
        ck_assert_msg(strstr(text, "can be neither trained nor evaluated"), "%s", text);
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

/* ------------------------------------------------------------------ the rest */

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
    tcase_add_test(tc, test_net__what_ends_without_logits);
    tcase_add_test(tc, test_net__what_has_no_effect_is_said_once);
    tcase_add_test(tc, test_net__gradients_stop_where_nothing_learns);
    tcase_add_test(tc, test_net__quick_is_fused);
    tcase_add_test(tc, test_net__a_net_gets_the_block_that_suits_it);
    tcase_add_test(tc, test_net__what_cannot_be_fused_stays);
    tcase_add_test(tc, test_net__other_spellings_mean_the_same);
    tcase_add_test(tc, test_net__inserted_values_hide_none_of_the_file);
    tcase_add_test(tc, test_net__a_branch_beside_the_loss_has_no_gradient);
    tcase_add_test(tc, test_net__bad_batches_and_images_are_refused);
    tcase_add_test(tc, test_net__show);
    suite_add_tcase(s, tc);
    return support_run(s, true);
}
