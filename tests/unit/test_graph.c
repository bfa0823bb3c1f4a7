/*
 * Nets that branch and join: splits of values, shapes where values join, and the gradients of whole nets in
 * double precision (verify/refnet.h) against central differences of their loss, which need no splits.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/rng.h"
#include "verify/refnet.h"

#define LAYER(name, type, bottoms, more)                                                                     \
    "layer { name: '" name "' type: '" type "' " bottoms " top: '" name "' " more " }\n"
#define B(x) "bottom: '" x "' "
#define CONV(name, x, more)                                                                                  \
    LAYER(name, "Convolution", B(x), "convolution_param { weight_filler { type: 'msra' } " more " }")
#define ELTWISE(name, bottoms, more) LAYER(name, "Eltwise", bottoms, "eltwise_param { " more " }")
#define CONCAT(name, bottoms, more)  LAYER(name, "Concat", bottoms, "concat_param { " more " }")
#define DENSE(name, x, more)                                                                                 \
    LAYER(name, "InnerProduct", B(x), "inner_product_param { weight_filler { type: 'msra' } " more " }")
#define IN_PLACE(name, type, x) "layer { name: '" name "' type: '" type "' bottom: '" x "' top: '" x "' }\n"
#define DATA                    "layer { name: 'data' type: 'Data' top: 'data' top: 'label' }\n"
#define WEIGHTED(name, x, w)    LAYER(name, "SoftmaxWithLoss", B(x) B("label"), "loss_weight: " w)
#define LOSS(x)                 LAYER("loss", "SoftmaxWithLoss", B(x) B("label"), "")

#define NAMED(w) "param { name: '" w "' } "
#define SHARED_CONV(name, x, params, more)                                                                   \
    LAYER(name, "Convolution", B(x), params "convolution_param { " more " }")

enum { BATCH = 3, SEED = 7 };

static const struct clr_image_shape image = {3, 6, 5};

static int make(struct graph **out, struct clr_net_spec **spec, const char *text, unsigned phase,
                struct clr_error *err)
{
    char *path = NULL;
    int rc;

    ck_assert_int_eq(fs_join(&path, support_temp_dir(), "net.prototxt", err), 0);
    ck_assert_int_eq(fs_write_atomic(path, text, strlen(text), err), 0);
    *spec = NULL;
    *out = NULL;
    rc = clr_net_load(spec, path, err);
    free(path);
    return rc < 0 ? rc : graph_create(out, *spec, phase, image, BATCH, err);
}

static struct graph *must_make(struct clr_net_spec **spec, const char *text, unsigned phase)
{
    struct graph *g;
    struct clr_error err = {0};

    ck_assert_msg(make(&g, spec, text, phase, &err) == 0, "%s", err.message);
    return g;
}

static const struct graph_node *find(const struct graph *g, const char *label)
{
    for (size_t i = 0; i < g->node_count; i++)
        if (strcmp(g->nodes[i].desc.label, label) == 0)
            return &g->nodes[i];
    return NULL;
}

static size_t count_kind(const struct graph *g, enum op_kind kind)
{
    size_t count = 0;

    for (size_t i = 0; i < g->node_count; i++)
        count += g->nodes[i].desc.kind == kind;
    return count;
}

/* ------------------------------------------------------------------ splits */

#define RESIDUAL                                                                                             \
    DATA CONV("c1", "data", "num_output: 4 kernel_size: 3 pad: 1") IN_PLACE("r1", "ReLU", "c1")              \
        CONV("c2", "c1", "num_output: 4 kernel_size: 3 pad: 1")                                              \
            ELTWISE("sum", B("c2") B("c1"), "coeff: 1 coeff: 0.5") LAYER("side", "ReLU", B("c1"), "")        \
                DENSE("ip", "sum", "num_output: 3") LOSS("ip")

START_TEST(test_graph__a_split_for_those_that_send_gradients_back)
{
    struct clr_net_spec *spec;
    struct graph *g = must_make(&spec, RESIDUAL, PHASE_TRAIN);
    const struct graph_node *split = find(g, "r1.split"), *sum = find(g, "sum"), *r1 = find(g, "r1");

    ck_assert_ptr_nonnull(split);
    ck_assert(split->desc.kind == OP_SPLIT && split->desc.y_count == 2 && split->desc.need_dx == 1);
    ck_assert_ptr_eq(split, r1 + 1);
    ck_assert_int_eq(split->x[0], r1->y[0]);
    ck_assert_int_eq(find(g, "c2")->x[0], split->y[0]);
    ck_assert_int_eq(sum->x[1], split->y[1]);
    ck_assert_int_eq(find(g, "side")->x[0], r1->y[0]); /* sends no gradient back */
    ck_assert_int_eq(g->values[r1->y[0]].consumer_count, 2);
    ck_assert_uint_eq(sum->desc.need_dx, 3);
    ck_assert_uint_eq(count_kind(g, OP_SPLIT), 1);
    graph_destroy(g);
    clr_net_destroy(spec);
    g = must_make(&spec, RESIDUAL, PHASE_TEST);
    ck_assert_uint_eq(count_kind(g, OP_SPLIT), 0);
    ck_assert_int_eq(g->values[find(g, "r1")->y[0]].consumer_count, 3);
    graph_destroy(g);
    clr_net_destroy(spec);
}
END_TEST

/* The convolution rectifies, and the split masks for its readers. */
START_TEST(test_graph__joined_channels_add_up)
{
    struct clr_net_spec *spec;
    struct graph *g =
        must_make(&spec,
                  DATA CONV("c", "data", "num_output: 5 kernel_size: 1")
                      CONCAT("k", B("c") B("data") B("c"), "") DENSE("ip", "k", "num_output: 2") LOSS("ip"),
                  PHASE_TRAIN);
    const struct shape *y = &find(g, "k")->desc.y[0];

    ck_assert(y->n == BATCH && y->c == 13 && y->h == 6 && y->w == 5);
    ck_assert_uint_eq(find(g, "k")->desc.need_dx, 5);
    graph_destroy(g);
    clr_net_destroy(spec);
}
END_TEST

START_TEST(test_graph__a_split_masks)
{
    struct clr_net_spec *spec;
    struct graph *g = must_make(&spec, RESIDUAL, PHASE_TRAIN);

    graph_fuse(g, FUSE_RELU, NULL, 0);
    ck_assert_ptr_null(find(g, "r1"));
    ck_assert(find(g, "c1")->desc.relu);
    ck_assert_uint_eq(find(g, "r1.split")->desc.mask_dx, 1);
    ck_assert_uint_eq(find(g, "c2")->desc.mask_dx, 0);
    ck_assert_int_eq(find(g, "r1.split")->x[0], find(g, "c1")->y[0]);
    graph_destroy(g);
    clr_net_destroy(spec);
}
END_TEST

START_TEST(test_graph__nothing_is_split_for_the_images)
{
    struct clr_net_spec *spec;
    struct graph *g = must_make(&spec,
                                DATA CONV("c", "data", "num_output: 3 kernel_size: 1")
                                    ELTWISE("sum", B("data") B("c") B("data"), "")
                                        DENSE("ip", "sum", "num_output: 2") LOSS("ip"),
                                PHASE_TRAIN);

    ck_assert_uint_eq(count_kind(g, OP_SPLIT), 0);
    ck_assert_uint_eq(find(g, "sum")->desc.need_dx, 2);
    graph_destroy(g);
    clr_net_destroy(spec);
}
END_TEST

/* A node has eight outputs: 17 readers need three split nodes in a row, and each of their outputs has one
 * reader. */
START_TEST(test_graph__many_readers_get_a_chain_of_splits)
{
    struct clr_net_spec *spec;
    struct graph *g =
        must_make(&spec,
                  DATA CONV("c", "data", "num_output: 3 kernel_size: 1")
                      ELTWISE("a", B("c") B("c") B("c") B("c") B("c") B("c") B("c") B("c"),
                              "") ELTWISE("b", B("c") B("c") B("c") B("c") B("c") B("c") B("c") B("c"), "")
                          ELTWISE("e", B("c") B("a") B("b"), "") DENSE("ip", "e", "num_output: 2") LOSS("ip"),
                  PHASE_TRAIN);

    ck_assert_uint_eq(count_kind(g, OP_SPLIT), 3);
    ck_assert_int_eq(find(g, "c.split")->desc.y_count, 8);
    ck_assert_int_eq(find(g, "c.split.split")->desc.y_count, 8);
    ck_assert_int_eq(find(g, "c.split.split.split")->desc.y_count, 3);
    ck_assert_int_eq(find(g, "c.split.split")->x[0], find(g, "c.split")->y[7]);
    for (size_t v = 0; v < g->value_count; v++)
        if (g->values[v].producer >= 0)
            ck_assert_int_eq(g->values[v].consumer_count, 1);
    graph_destroy(g);
    clr_net_destroy(spec);
}
END_TEST

/* ------------------------------------------------------------------ shared parameters */

/* Weights of three convolutions, biases of two of them. */
#define SHARING                                                                                              \
    DATA SHARED_CONV("c1", "data", NAMED("w") NAMED("b"), "num_output: 3 kernel_size: 3 pad: 1")             \
        IN_PLACE("s1", "Sigmoid", "c1") SHARED_CONV("c2", "c1", NAMED("w"), "num_output: 3 kernel_size: 3")  \
            SHARED_CONV("c3", "c2", NAMED("w") NAMED("b"), "num_output: 3 kernel_size: 3")                   \
                DENSE("ip", "c3", "num_output: 3") LOSS("ip")

START_TEST(test_graph__parameters_of_one_name_are_one)
{
    struct clr_net_spec *spec;
    struct graph *g;

    g = must_make(&spec, SHARING, PHASE_TRAIN);
    ck_assert_uint_eq(g->param_count, 5);
    ck_assert_str_eq(g->params[0].name, "c1.weight");
    ck_assert_str_eq(g->params[1].name, "c1.bias");
    ck_assert_str_eq(g->params[2].name, "c2.bias");
    ck_assert_int_eq(g->params[0].uses, 3);
    ck_assert_int_eq(g->params[1].uses, 2);
    ck_assert(find(g, "c3")->param[0] == 0 && find(g, "c3")->param[1] == 1);
    ck_assert(find(g, "c3")->use[0] == 2 && find(g, "c3")->use[1] == 1);
    graph_destroy(g);
    clr_net_destroy(spec);
    g = must_make(&spec, /* the second of those that share gives a multiplier */
                  DATA SHARED_CONV("c1", "data", NAMED("w"), "num_output: 3 kernel_size: 1") LAYER(
                      "c2", "Convolution", B("c1"),
                      "param { name: 'w' lr_mult: 2 } convolution_param { num_output: 3 kernel_size: 1 }")
                      DENSE("ip", "c2", "num_output: 3") LOSS("ip"),
                  PHASE_TRAIN);
    ck_assert(g->params[0].mult.lr_mult == 2.0 && g->params[0].mult.decay_mult == 1.0);
    graph_destroy(g);
    clr_net_destroy(spec);
}
END_TEST

/* ------------------------------------------------------------------ several losses */

#define SHARED_DENSE(name, x)                                                                                \
    LAYER(name, "InnerProduct", B(x), "param { name: 'w' } inner_product_param { num_output: 3 }")

/* The head that is off is the first to use 'w', and has too few logits: its loss would not be finite. */
#define TWO_LOSSES                                                                                           \
    DATA CONV("c", "data", "num_output: 3 kernel_size: 3") IN_PLACE("s", "Sigmoid", "c")                     \
        SHARED_DENSE("h", "c") DENSE("off", "h", "num_output: 1") WEIGHTED("l3", "off", "0")                 \
            DENSE("side", "c", "num_output: 3") WEIGHTED("l1", "side", "0.3") SHARED_DENSE("ip", "c")        \
                WEIGHTED("l2", "ip", "-2")

START_TEST(test_graph__losses_add_up)
{
    struct clr_net_spec *spec;
    struct graph *g = must_make(&spec, TWO_LOSSES, PHASE_TRAIN);
    const struct op_desc *l1 = &find(g, "l1")->desc, *l2 = &find(g, "l2")->desc;

    const float losses[] = {5.0f, 7.0f, 11.0f, 13.0f};

    ck_assert(l1->u.loss.weight == 0.3f && find(g, "l1")->loss == 0);
    ck_assert(l2->u.loss.weight == -2.0f && find(g, "l2")->loss == 1);
    ck_assert_int_eq(find(g, "l3")->loss, -1);
    ck_assert_uint_eq(g->loss_count, 2);
    ck_assert(graph_sum_losses(g, losses, 2, 1) == 7.0f + 13.0f);
    ck_assert_int_eq(g->logits, find(g, "ip")->y[0]);
    for (size_t i = 0; i < g->node_count; i++) {
        const char *name = g->nodes[i].layer->name;
        const bool off = strcmp(name, "h") == 0 || strcmp(name, "off") == 0 || strcmp(name, "l3") == 0;
        ck_assert_msg(graph_runs(g, i) == !off && g->nodes[i].desc.backward == !off, "%s", name);
    }
    ck_assert(find(g, "ip")->use[0] == 0 && find(g, "h")->use[0] == 1);
    ck_assert_ptr_nonnull(find(g, "s.split"));
    graph_destroy(g);
    clr_net_destroy(spec);
}
END_TEST

/* ------------------------------------------------------------------ gradients */

static const struct {
    const char *name, *text;
} nets[] = {
    {"residual", RESIDUAL},
    {"dense block", DATA CONV("c1", "data", "num_output: 3 kernel_size: 3 pad: 1")
                        CONV("c2", "c1", "num_output: 2 kernel_size: 1") IN_PLACE("s2", "Sigmoid", "c2")
                            CONCAT("k1", B("c1") B("c2"), "") CONV("c3", "k1", "num_output: 2 kernel_size: 1")
                                CONCAT("k2", B("c3") B("k1") B("data"), "axis: 1")
                                    DENSE("ip", "k2", "num_output: 3") LOSS("ip")},
    {"shared parameters", SHARING},
    {"two losses", TWO_LOSSES},
    {"functions",
     DATA CONV("c1", "data", "num_output: 4 kernel_size: 3")
         LAYER("f1", "ELU", B("c1"), "elu_param { alpha: 0.7 }")
             LAYER("f2", "Swish", B("f1"), "swish_param { beta: 1.5 }") LAYER("f3", "GELU", B("f2"), "")
                 LAYER("f4", "BNLL", B("f3"), "")
                     LAYER("f5", "Exp", B("f4"), "exp_param { base: 2 scale: 0.3 shift: -1 }")
                         LAYER("f6", "Power", B("f5"), "power_param { power: 1.5 scale: 0.5 shift: 2 }")
                             LAYER("f7", "Log", B("f6"), "log_param { base: 3 scale: 2 shift: 1 }")
                                 CONV("c2", "f7", "num_output: 4 kernel_size: 3")
                                     LAYER("f8", "AbsVal", B("c2"), "") DENSE("ip", "f8", "num_output: 3")
                                         LOSS("ip")},
    {"product of a value with itself",
     DATA CONV("c1", "data", "num_output: 2 kernel_size: 3") IN_PLACE("s1", "Sigmoid", "c1") ELTWISE(
         "e", B("c1") B("c1") B("c1"), "operation: PROD") CONV("c2", "c1", "num_output: 2 kernel_size: 1")
         ELTWISE("m", B("c2") B("e"), "operation: MAX") DENSE("ip", "m", "num_output: 3") LOSS("ip")},
};

static double mean_loss(struct refnet *c)
{
    double sum = 0.0;

    refnet_run(c, BATCH);
    for (int i = 0; i < BATCH; i++)
        for (size_t l = 0; l < c->g->loss_count; l++)
            sum += c->loss[l * BATCH + (size_t)i] / BATCH;
    return sum;
}

/* A parameter's gradient, a few numbers of it. */
static void check_parameter(struct refnet *c, size_t p, const char *name)
{
    const size_t count = c->g->params[p].count, step = count > 10 ? count / 10 : 1;
    const double h = 1e-6;

    for (size_t i = 0; i < count; i += step) {
        const double was = c->w[p][i];
        double up, down, numerical, analytic;
        c->w[p][i] = was + h;
        up = mean_loss(c);
        c->w[p][i] = was - h;
        down = mean_loss(c);
        c->w[p][i] = was;
        (void)mean_loss(c);
        analytic = c->dw[p][i];
        numerical = (up - down) / (2.0 * h);
        ck_assert_msg(fabs(numerical - analytic) < 1e-7 + 1e-5 * fabs(analytic),
                      "%s: gradient of %s[%zu] is %g, the central difference %g", name, c->g->params[p].name,
                      i, analytic, numerical);
    }
}

/* A net in double precision with images, labels and parameters from random numbers; NAN: equal parameters. */
static struct refnet *must_fill(const struct graph *g, double std)
{
    const size_t pixels = (size_t)(image.channels * image.height * image.width);
    struct refnet *c = NULL;

    ck_assert_int_eq(refnet_create(&c, g, BATCH, NULL), 0);
    for (size_t i = 0; i < BATCH * pixels; i++)
        c->value[g->images][i] = rng_normal(SEED, RNG_TEST, 0, i);
    for (int i = 0; i < BATCH; i++)
        c->labels[i] = i % 2;
    for (size_t p = 0; p < g->param_count; p++)
        for (size_t i = 0; i < g->params[p].count; i++)
            c->w[p][i] = isnan(std) ? 0.1 : std * rng_normal(SEED, RNG_TEST, 1 + (uint32_t)p, i);
    return c;
}

START_TEST(test_graph__gradients_are_those_of_the_loss)
{
    struct clr_net_spec *spec;
    struct graph *g = must_make(&spec, nets[_i].text, PHASE_TRAIN);
    struct refnet *c = must_fill(g, 0.5);

    for (size_t p = 0; p < g->param_count; p++)
        check_parameter(c, p, nets[_i].name);
    refnet_destroy(c);
    graph_destroy(g);
    clr_net_destroy(spec);
}
END_TEST

/* Of the first parameter: what rounding changes its gradient by, relative to the gradient. */
static double relative_spread(const char *text, double std)
{
    struct clr_net_spec *spec;
    struct graph *g = must_make(&spec, text, PHASE_TRAIN);
    struct refnet *c = must_fill(g, std);
    double spread[8], before = 0.0, after = 0.0;

    ck_assert_uint_le(g->param_count, 8);
    refnet_run(c, BATCH);
    for (size_t i = 0; i < g->params[0].count; i++)
        before += c->dw[0][i] * c->dw[0][i];
    ck_assert_int_eq(refnet_spread(c, spread, NULL), 0);
    for (size_t i = 0; i < g->params[0].count; i++)
        after += c->dw[0][i] * c->dw[0][i];
    ck_assert(before == after && spread[0] > 0.0);
    refnet_destroy(c);
    graph_destroy(g);
    clr_net_destroy(spec);
    return spread[0] / before;
}

START_TEST(test_graph__rounding_changes_what_cancels)
{
#define SUM(coefficients)                                                                                    \
    DATA DENSE("h", "data", "num_output: 4") ELTWISE("e", B("h") B("h"), coefficients)                       \
        DENSE("ip", "e", "num_output: 4") LOSS("ip")
#define OF_IMAGES(bottoms, coefficients)                                                                     \
    DATA ELTWISE("e", bottoms, coefficients) DENSE("ip", "e", "num_output: 4") LOSS("ip")
    const char *tanh_net = DATA DENSE("h", "data", "num_output: 4") LAYER("e", "TanH", B("h"), "")
        DENSE("ip", "e", "num_output: 4") LOSS("ip");

    ck_assert(relative_spread(RESIDUAL, 0.5) < 1e-11);
    ck_assert(relative_spread(SUM("coeff: 0.1 coeff: 0.2"), 0.5) < 1e-11);
    ck_assert(relative_spread(SUM("coeff: 0.1 coeff: -0.1"), 0.5) > 1.0); /* 0 without rounding */
    ck_assert(relative_spread(SUM("coeff: 0.1 coeff: -0.10000001"), 0.5) > 0.01);
    ck_assert(relative_spread(OF_IMAGES(B("data") B("data"), "coeff: 3 coeff: -2"), 0.5) < 1e-11);
    ck_assert(relative_spread(OF_IMAGES(B("data") B("data"), "coeff: 3 coeff: -3"), 0.5) > 1.0);
    ck_assert(relative_spread(OF_IMAGES(B("data") B("data") B("data"), "coeff: 0 coeff: 3 coeff: -3"), 0.5) >
              1.0);
    ck_assert(relative_spread(DATA DENSE("h", "data", "num_output: 4") DENSE("ip", "h", "num_output: 4")
                                  LOSS("ip"),
                              NAN) > 1.0);
    ck_assert(relative_spread(tanh_net, 0.1) < 1e-9);
    ck_assert(relative_spread(tanh_net, 60.0) > 1.0);
#undef SUM
#undef OF_IMAGES
}
END_TEST

#define ACCURACY(name, x, more) LAYER(name, "Accuracy", B(x) B("label"), "accuracy_param { " more " }")

/* Accuracy is top 1 of the logits that the last loss reads, whatever layers come first. */
START_TEST(test_graph__accuracy_is_of_the_last_loss)
{
    static const struct {
        const char *layers, *accuracy;
    } heads[] = {
        {LOSS("ip") ACCURACY("a", "ip", ""), "a"},
        {LOSS("ip") ACCURACY("a", "ip", "top_k: 1") ACCURACY("a3", "ip", "top_k: 3"), "a"},
        {LOSS("ip") ACCURACY("a3", "ip", "top_k: 3") ACCURACY("a", "ip", ""), "a"},
        {LOSS("ip") ACCURACY("a3", "ip", "top_k: 3"), NULL},
        {WEIGHTED("l1", "side", "0.3") ACCURACY("a1", "side", "") LOSS("ip") ACCURACY("a", "ip", ""), "a"},
        {LOSS("ip") ACCURACY("a", "ip", "") WEIGHTED("l1", "side", "0.3") ACCURACY("a1", "side", ""), "a1"},
        {WEIGHTED("l1", "side", "0.3") ACCURACY("a1", "side", "") LOSS("ip"), NULL},
    };

    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        struct clr_net_spec *spec;
        struct graph *g;
        char text[2000];
        (void)snprintf(text, sizeof text, "%s%s",
                       DATA DENSE("side", "data", "num_output: 4") DENSE("ip", "data", "num_output: 4"),
                       heads[i].layers);
        g = must_make(&spec, text, PHASE_TEST);
        ck_assert_ptr_eq(g->accuracy_node < 0 ? NULL : &g->nodes[g->accuracy_node],
                         heads[i].accuracy ? find(g, heads[i].accuracy) : NULL);
        graph_destroy(g);
        clr_net_destroy(spec);
    }
}
END_TEST

/* ------------------------------------------------------------------ batch normalization */

#define NORM(name, x, more) LAYER(name, "BatchNorm", B(x), more)
#define BOTH_PHASES                                                                                          \
    DATA NORM("a", "data", "") NORM("b", "a", "batch_norm_param { use_global_stats: true }")                 \
        NORM("c", "b", "batch_norm_param { use_global_stats: false }")                                       \
            NORM("d", "c", "param { lr_mult: 1 } param { } param { lr_mult: 2 }")                            \
                NORM("e", "d", "include { phase: TRAIN } batch_norm_param { use_global_stats: true }")       \
                    NORM("e", "d", "include { phase: TEST } batch_norm_param { use_global_stats: false }")   \
                        LAYER("s", "Scale", B("e"), "scale_param { bias_term: true }")                       \
                            LAYER("t", "Bias", B("s"), "bias_param { filler { value: 3 } }")                 \
                                DENSE("ip", "t", "num_output: 4") LOSS("ip")

/* Statistics by phase and by use_global_stats; one set of parameters for both phases. */
START_TEST(test_graph__batch_norm_by_phase)
{
    static const struct {
        const char *layer;
        enum batch_norm_statistics train, test;
    } expected[] = {{"a", BATCH_NORM_OF_BATCH, BATCH_NORM_RUNNING},
                    {"b", BATCH_NORM_RUNNING, BATCH_NORM_RUNNING},
                    {"c", BATCH_NORM_OF_BATCH, BATCH_NORM_OF_BATCH},
                    {"d", BATCH_NORM_OF_BATCH, BATCH_NORM_RUNNING},
                    {"e", BATCH_NORM_RUNNING, BATCH_NORM_OF_BATCH}};
    struct clr_net_spec *spec[2];
    struct graph *train = must_make(&spec[0], BOTH_PHASES, PHASE_TRAIN),
                 *test = must_make(&spec[1], BOTH_PHASES, PHASE_TEST);

    for (size_t i = 0; i < MEM_COUNT(expected); i++) {
        const struct op_desc *a = &find(train, expected[i].layer)->desc,
                             *b = &find(test, expected[i].layer)->desc;
        ck_assert_int_eq(a->u.batch_norm.statistics, expected[i].train);
        ck_assert_int_eq(b->u.batch_norm.statistics, expected[i].test);
        ck_assert(a->backward && !a->need_dx && !b->backward); /* nothing is learned before it */
    }
    ck_assert_uint_eq(train->param_count, 5 * 3 + 2 + 1 + 2);
    ck_assert_uint_eq(test->param_count, train->param_count);
    for (size_t p = 0; p < train->param_count; p++) {
        const struct graph_param *a = &train->params[p];
        ck_assert_str_eq(a->name, test->params[p].name);
        ck_assert_int_eq(a->state, p < 15);
    }
    ck_assert_str_eq(train->params[0].name, "a.running_mean");
    ck_assert_str_eq(train->params[1].name, "a.running_var");
    ck_assert_str_eq(train->params[2].name, "a.num_batches_tracked");
    ck_assert_int_eq(train->params[2].rank, 0);
    ck_assert(train->params[0].filler.value == 0.0 && train->params[1].filler.value == 1.0);
    ck_assert_str_eq(train->params[15].name, "s.weight");
    ck_assert(train->params[15].filler.value == 1.0 && train->params[16].filler.value == 0.0);
    ck_assert_str_eq(train->params[17].name, "t.bias");
    ck_assert(train->params[17].filler.value == 3.0);
    graph_destroy(train);
    graph_destroy(test);
    clr_net_destroy(spec[0]);
    clr_net_destroy(spec[1]);
}
END_TEST

/* ------------------------------------------------------------------ what files may say */

#define WITH_TOP(name, type, top)                                                                            \
    "layer { name: '" name "' type: '" type "' bottom: 'a' bottom: 'label' top: '" top "' }\n"

START_TEST(test_graph__errors)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {DATA CONV("c", "data", "num_output: 4 kernel_size: 1") ELTWISE("e", B("c") B("data"), ""),
         "layer 'e': its bottom 'data' is 3×6×5, but 'c' is 4×6×5; it takes equal shapes"},
        {DATA LAYER("e", "Exp", B("data"), "exp_param { base: 0 }"),
         "'base' 0 is not above 0, and not 1; -1 means e"},
        {DATA LAYER("l", "Log", B("data"), "log_param { base: 1 }"),
         "'base' 1 is not above 0, and not 1; -1 means e"},
        {DATA LAYER("e", "ELU", B("data"), "elu_param { engine: CAFFE }"), "unknown field 'engine'"},
        {DATA ELTWISE("e", B("data"), ""), "layer 'e' has 1 'bottom'; type Eltwise has 2 or more"},
        {DATA ELTWISE("e", B("data") B("label"), ""), "layer 'e': its bottom 'label' is the labels"},
        {DATA ELTWISE("e", B("data") B("data"), "coeff: 1"), "1 'coeff' for 2 bottoms: give one for each"},
        {DATA ELTWISE("e", B("data") B("data"), "operation: MAX coeff: 1 coeff: 1"),
         "'coeff' is for operation SUM"},
        {DATA ELTWISE("e", B("data") B("data"), "operation: MIN"), "SUM, PROD, MAX"},
        {DATA ELTWISE("e", B("a") B("a") B("a") B("a") B("a") B("a") B("a") B("a") B("a"), ""),
         "more than 8 'bottom' of one layer"},
        {DATA CONV("c", "data",
                   "num_output: 3 kernel_size: 1") "layer { name: 'e' type: 'Eltwise' bottom: 'c' bottom: "
                                                   "'data' top: 'c' }",
         "layer 'e': a layer of type Eltwise cannot work in place"},
        {DATA CONV("c", "data", "num_output: 4 kernel_size: 3") CONCAT("k", B("c") B("data"), ""),
         "layer 'k': its bottom 'data' is 3×6×5, but 'c' is 4×4×3; height and width must be equal"},
        {DATA CONCAT("k", B("data") B("data"), "axis: 0"), "'axis: 0' is not supported, only 1 is"},
        {DATA CONCAT("k", B("data") B("data"), "concat_dim: 2"),
         "'concat_dim: 2' is not supported, only 1 is"},
        {DATA CONCAT("k", "", ""), "layer 'k' has 0 'bottom'; type Concat has 1 or more"},
        {DATA SHARED_CONV("c1", "data", NAMED("w"), "num_output: 3 kernel_size: 3")
             SHARED_CONV("c2", "c1", NAMED("w"), "num_output: 4 kernel_size: 3"),
         "layer 'c2': its weight is not of the shape of 'c1.weight', with which it shares 'w'"},
        {DATA SHARED_CONV("c1", "data", NAMED("w") NAMED("w"), "num_output: 3 kernel_size: 3"),
         "layer 'c1': its bias is not of the shape of 'c1.weight', with which it shares 'w'"},
        {DATA SHARED_CONV("c1", "data", "param { name: 'w' lr_mult: 1 } ", "num_output: 3 kernel_size: 1")
             LAYER("c2", "Convolution", B("c1"),
                   "param { name: 'w' lr_mult: 2 } convolution_param { num_output: 3 kernel_size: 1 }"),
         "layer 'c2': its weight has lr_mult 2 and decay_mult 1, but 'c1.weight', with which it shares 'w', "
         "1 and 1"},
        {DATA DENSE("a", "data", "num_output: 3") DENSE("b", "data", "num_output: 4") WEIGHTED("l1", "a", "1")
             WEIGHTED("l2", "b", "1"),
         "layer 'l2': its bottom 'b' has 4 logits"},
        {DATA DENSE("a", "data", "num_output: 3") WEIGHTED("l1", "a", "0"),
         "no loss layer in the TRAIN phase has a loss_weight other than 0"},
        {DATA DENSE("a", "data", "num_output: 3") WEIGHTED("l", "a", "1") DENSE("b", "l", "num_output: 3"),
         "layer 'b': its bottom 'l' is the result of layer 'l', of type SoftmaxWithLoss, which no layer can"},
        {DATA DENSE("a", "data", "num_output: 3") WITH_TOP("l1", "SoftmaxWithLoss", "a"),
         "layer 'l1': its top 'a' is the top of another layer already"},
        {DATA DENSE("a", "data", "num_output: 3") WITH_TOP("l1", "SoftmaxWithLoss", "r")
             WITH_TOP("l2", "SoftmaxWithLoss", "r"),
         "layer 'l2': its top 'r' is the top of another layer already"},
        {DATA DENSE("a", "data", "num_output: 3") WITH_TOP("l1", "Accuracy", "b")
             DENSE("b", "a", "num_output: 3"),
         "layer 'b': its top 'b' is the top of another layer already"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct clr_net_spec *spec;
        struct graph *g;
        struct clr_error err = {0};
        ck_assert_msg(make(&g, &spec, cases[i].text, PHASE_TRAIN, &err) == CLR_EINPUT, "accepted: %s",
                      cases[i].text);
        ck_assert_msg(strstr(err.message, cases[i].message), "'%s' gives '%s'", cases[i].text, err.message);
        clr_net_destroy(spec);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("graph");
    TCase *tc = tcase_create("graph");

    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, test_graph__a_split_for_those_that_send_gradients_back);
    tcase_add_test(tc, test_graph__joined_channels_add_up);
    tcase_add_test(tc, test_graph__a_split_masks);
    tcase_add_test(tc, test_graph__nothing_is_split_for_the_images);
    tcase_add_test(tc, test_graph__many_readers_get_a_chain_of_splits);
    tcase_add_test(tc, test_graph__parameters_of_one_name_are_one);
    tcase_add_test(tc, test_graph__losses_add_up);
    tcase_add_loop_test(tc, test_graph__gradients_are_those_of_the_loss, 0, sizeof nets / sizeof *nets);
    tcase_add_test(tc, test_graph__accuracy_is_of_the_last_loss);
    tcase_add_test(tc, test_graph__rounding_changes_what_cancels);
    tcase_add_test(tc, test_graph__batch_norm_by_phase);
    tcase_add_test(tc, test_graph__errors);
    suite_add_tcase(s, tc);
    return support_run(s, true);
}
