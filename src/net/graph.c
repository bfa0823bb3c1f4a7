/*
 * Shape inference and the graph of one phase: see graph.h. Layers come in an order in which everything is
 * made before it is read (Caffe demands that of the file), so one pass forward finds shapes and parameters,
 * and one pass backward finds what the loss needs gradients of.
 */
#include "net/graph.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops/op_class.h"

struct builder {
    struct graph *g;
    const struct clr_net_spec *spec;
    struct clr_image_shape input;
    const struct layer_spec *layer; /* the one being added */
    int labels;                     /* value of the labels, −1: none */
    bool has_data;
    struct clr_error *err;
};

static int CLR_PRINTF(3, 4)
    layer_error(const struct builder *b, const struct layer_spec *layer, const char *format, ...)
{
    char text[700];
    va_list ap;

    va_start(ap, format);
    (void)vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    return clr_error_set(b->err, CLR_EINPUT, "%.200s:%d: layer '%s': %s", b->spec->file, layer->line,
                         layer->name, text);
}

/* Context in front of an error that a geometry_…() set. */
static int layer_prefix(const struct builder *b)
{
    return clr_error_prefix(b->err, "%.200s:%d: layer '%s'", b->spec->file, b->layer->line, b->layer->name);
}

/* ------------------------------------------------------------------ values */

/* The latest value of that name; −1: none. */
static int find_value(const struct graph *g, const char *name)
{
    for (size_t i = g->value_count; i > 0; i--) {
        if (strcmp(g->values[i - 1].name, name) == 0)
            return (int)(i - 1);
    }
    return -1;
}

/* Arrays were made large enough at the start: values never move, nodes' labels point into them. */
static int add_value(struct builder *b, const char *name, const struct shape *shape, int producer, int *out)
{
    struct graph_value *v = &b->g->values[b->g->value_count];
    size_t count;

    if (!shape_count(shape, &count) || count / (size_t)shape->n > INT_MAX || count > SIZE_MAX / 8)
        return layer_error(b, b->layer, "'%s' would have %d×%d×%d×%d values, which is too many", name,
                           shape->n, shape->c, shape->h, shape->w);
    str_copy(v->name, sizeof v->name, name);
    v->shape = *shape;
    v->producer = producer;
    *out = (int)b->g->value_count++;
    return 0;
}

static int read_bottom(struct builder *b, int i, int *out)
{
    const char *name = b->layer->bottom[i];
    int value = find_value(b->g, name);

    if (value < 0)
        return layer_error(b, b->layer, "its bottom '%s' is the top of no layer in front of it (%s phase)",
                           name, b->g->phase == PHASE_TRAIN ? "TRAIN" : "TEST");
    b->g->values[value].consumer_count++;
    *out = value;
    return 0;
}

/* The layer's top, new or in place. */
static int write_top(struct builder *b, int node)
{
    struct graph_node *n = &b->g->nodes[node];
    const char *name = b->layer->top[0];
    bool exists = find_value(b->g, name) >= 0;

    n->in_place = strcmp(name, b->layer->bottom[0]) == 0;
    if (n->in_place && b->layer->kind != LAYER_RELU && b->layer->kind != LAYER_DROPOUT)
        return layer_error(b, b->layer, "a layer of type %s cannot work in place: give it a top of its own",
                           spec_layer_type(b->layer->kind));
    if (exists && !n->in_place)
        return layer_error(b, b->layer, "its top '%s' is the top of another layer already", name);
    return add_value(b, name, &n->desc.y, node, &n->y);
}

/* ------------------------------------------------------------------ parameters */

static int add_param(struct builder *b, const char *suffix, int rank, const int dims[4],
                     const struct filler *filler, const struct param_spec *mult, int *out)
{
    struct graph_param *p = &b->g->params[b->g->param_count];
    size_t count = 1;

    for (int i = 0; i < rank; i++) {
        p->dims[i] = dims[i];
        if (!clr_mul_size(&count, count, (size_t)dims[i]) || count > INT_MAX)
            return layer_error(b, b->layer, "more than %d weights", INT_MAX);
    }
    (void)snprintf(p->name, sizeof p->name, "%s.%s", b->layer->name, suffix);
    p->rank = rank;
    p->count = count;
    p->fan_in = (int)(count / (size_t)dims[0]);
    p->fan_out = rank > 1 ? (int)(count / (size_t)dims[1]) : (int)count;
    p->mult = *mult;
    p->filler = *filler;
    *out = (int)b->g->param_count++;
    return 0;
}

static int add_params(struct builder *b, int node, int rank, const int dims[4])
{
    const struct layer_spec *l = b->layer;
    struct graph_node *n = &b->g->nodes[node];
    int rc;

    if (l->phases != (PHASE_TRAIN | PHASE_TEST))
        return layer_error(b, l,
                           "it has parameters and must be in both phases: take the include or exclude away");
    rc = add_param(b, "weight", rank, dims, &l->weight_filler, &l->param[0], &n->weight);
    if (rc >= 0 && l->bias_term)
        rc = add_param(b, "bias", 1, dims, &l->bias_filler, &l->param[1], &n->bias);
    return rc;
}

/* ------------------------------------------------------------------ nodes */

static int new_node(struct builder *b, enum op_kind kind, const char *label, int x)
{
    int number = (int)b->g->node_count++;
    struct graph_node *n = &b->g->nodes[number];

    n->layer = b->layer;
    n->desc.kind = kind;
    n->desc.label = label;
    n->desc.x = b->g->values[x].shape;
    n->desc.y = n->desc.x;
    n->x = x;
    n->y = n->weight = n->bias = -1;
    return number;
}

static int add_conv(struct builder *b, int x)
{
    int number = new_node(b, OP_CONV, b->layer->name, x), rc;
    struct graph_node *n = &b->g->nodes[number];
    struct conv_geometry *g = &n->desc.u.conv;
    const struct shape *s = &n->desc.x;

    *g = b->layer->u.conv;
    g->c = s->c;
    g->h = s->h;
    g->w = s->w;
    if (geometry_conv(g, b->err) < 0)
        return layer_prefix(b);
    n->desc.bias = b->layer->bias_term;
    n->desc.y = (struct shape){s->n, g->oc, g->oh, g->ow};
    n->madds = (double)g->oc * g->oh * g->ow * (g->c / g->group) * g->kh * g->kw;
    rc = add_params(b, number, 4, (const int[4]){g->oc, g->c / g->group, g->kh, g->kw});
    return rc < 0 ? rc : write_top(b, number);
}

static int add_pool(struct builder *b, int x)
{
    int number = new_node(b, OP_POOL, b->layer->name, x);
    struct graph_node *n = &b->g->nodes[number];
    struct pool_geometry *g = &n->desc.u.pool;
    const struct shape *s = &n->desc.x;

    *g = b->layer->u.pool.g;
    g->c = s->c;
    g->h = s->h;
    g->w = s->w;
    if (b->layer->u.pool.global) {
        g->kh = s->h;
        g->kw = s->w;
    }
    if (geometry_pool(g, b->err) < 0)
        return layer_prefix(b);
    n->desc.y = (struct shape){s->n, s->c, g->oh, g->ow};
    return write_top(b, number);
}

static int add_lrn(struct builder *b, int x)
{
    int number = new_node(b, OP_LRN, b->layer->name, x);
    struct graph_node *n = &b->g->nodes[number];

    n->desc.u.lrn = b->layer->u.lrn;
    n->desc.u.lrn.c = n->desc.x.c;
    n->desc.u.lrn.h = n->desc.x.h;
    n->desc.u.lrn.w = n->desc.x.w;
    if (geometry_lrn(&n->desc.u.lrn, b->err) < 0)
        return layer_prefix(b);
    return write_top(b, number);
}

/* (N,C,H,W) → (N,C·H·W,1,1) in front of a dense layer. */
static int add_flatten(struct builder *b, int *x)
{
    int number = new_node(b, OP_RELAYOUT, NULL, *x), rc;
    struct graph_node *n = &b->g->nodes[number];
    const struct shape *s = &n->desc.x;
    char name[SPEC_NAME + 16];

    (void)snprintf(name, sizeof name, "%s.flatten", b->layer->name);
    n->desc.y = (struct shape){s->n, s->c * s->h * s->w, 1, 1};
    rc = add_value(b, name, &n->desc.y, number, &n->y);
    if (rc < 0)
        return rc;
    n->desc.label = b->g->values[n->y].name;
    b->g->values[n->y].consumer_count = 1;
    *x = n->y;
    return 0;
}

static int add_dense(struct builder *b, int x)
{
    const struct shape *s = &b->g->values[x].shape;
    int outputs = b->layer->u.dense.num_output, number, rc;
    struct graph_node *n;

    if ((long long)s->c * s->h * s->w > GEOMETRY_MAX)
        return layer_error(b, b->layer, "%d×%d×%d inputs are more than the %d a dense layer can have", s->c,
                           s->h, s->w, GEOMETRY_MAX);
    if (s->h * s->w > 1) {
        rc = add_flatten(b, &x);
        if (rc < 0)
            return rc;
    }
    number = new_node(b, OP_DENSE, b->layer->name, x);
    n = &b->g->nodes[number];
    n->desc.bias = b->layer->bias_term;
    n->desc.y = (struct shape){n->desc.x.n, outputs, 1, 1};
    n->madds = (double)outputs * n->desc.x.c;
    rc = add_params(b, number, 2, (const int[4]){outputs, n->desc.x.c});
    return rc < 0 ? rc : write_top(b, number);
}

/* ReLU and Dropout: y has x's shape. */
static int add_elementwise(struct builder *b, int x)
{
    bool relu = b->layer->kind == LAYER_RELU;
    int number = new_node(b, relu ? OP_RELU : OP_DROPOUT, b->layer->name, x);
    struct graph_node *n = &b->g->nodes[number];

    if (relu) {
        n->desc.u.relu.negative_slope = b->layer->u.relu.negative_slope;
    } else {
        n->desc.backward = b->g->phase == PHASE_TRAIN; /* also where nothing is learned in front of it */
        n->desc.u.dropout.ratio = b->layer->u.dropout.ratio;
        n->desc.u.dropout.layer = (int)(b->layer - b->spec->layers);
    }
    return write_top(b, number);
}

/* SoftmaxWithLoss and Accuracy: scores and labels. */
static int add_judge(struct builder *b, int x)
{
    const struct shape *s = &b->g->values[x].shape;
    bool loss = b->layer->kind == LAYER_SOFTMAX_LOSS;
    int labels = -1, number, rc = read_bottom(b, 1, &labels);
    struct graph_node *n;

    if (rc < 0)
        return rc;
    if (labels != b->labels)
        return layer_error(b, b->layer, "its second bottom '%s' is not the labels", b->layer->bottom[1]);
    if (x == b->g->images)
        return layer_error(b, b->layer,
                           "its first bottom is the images; it takes the scores of the last layer");
    if (s->h * s->w > 1)
        return layer_error(b, b->layer,
                           "its bottom '%s' is %d×%d×%d; it takes one score for each class (N×1×1)",
                           b->layer->bottom[0], s->c, s->h, s->w);
    if (loss && b->g->logits >= 0)
        return layer_error(b, b->layer, "a second loss is not supported");
    if (!loss && b->layer->u.accuracy.top_k > s->c)
        return layer_error(b, b->layer, "top_k %d, but there are %d classes", b->layer->u.accuracy.top_k,
                           s->c);
    number = new_node(b, loss ? OP_SOFTMAX_LOSS : OP_ACCURACY, b->layer->name, x);
    n = &b->g->nodes[number];
    n->uses_labels = true;
    if (loss) {
        b->g->logits = x;
    } else {
        n->desc.u.accuracy.top_k = b->layer->u.accuracy.top_k;
        if (b->g->accuracy_node < 0)
            b->g->accuracy_node = number;
    }
    return 0;
}

static int add_data(struct builder *b)
{
    const struct layer_spec *l = b->layer;
    const struct clr_image_shape *in = &b->input;
    struct shape images = {b->g->batch, in->channels, in->height, in->width}, labels = {b->g->batch, 1, 1, 1};
    int means = l->u.data.transform.mean_value_count, rc;

    if (b->has_data)
        return layer_error(b, l, "a second source of images in one phase is not supported");
    if (l->kind == LAYER_INPUT && (l->u.data.channels != in->channels || l->u.data.height != in->height ||
                                   l->u.data.width != in->width))
        return layer_error(b, l, "it wants images of %d×%d×%d, these are %d×%d×%d", l->u.data.channels,
                           l->u.data.height, l->u.data.width, in->channels, in->height, in->width);
    if (means > 1 && means != in->channels)
        return layer_error(b, l, "%d mean_value, but images have %d channels", means, in->channels);
    if (l->top_count == 2 && strcmp(l->top[0], l->top[1]) == 0)
        return layer_error(b, l, "both its tops are named '%s'", l->top[0]);
    b->has_data = true;
    b->g->transform = l->u.data.transform;
    rc = add_value(b, l->top[0], &images, GRAPH_IMAGES, &b->g->images);
    if (rc >= 0 && l->top_count == 2)
        rc = add_value(b, l->top[1], &labels, GRAPH_LABELS, &b->labels);
    return rc;
}

static int add_layer(struct builder *b)
{
    int x = -1, rc;

    if (b->layer->kind == LAYER_DATA || b->layer->kind == LAYER_INPUT)
        return add_data(b);
    rc = read_bottom(b, 0, &x);
    if (rc < 0)
        return rc;
    if (x == b->labels)
        return layer_error(b, b->layer, "its bottom '%s' is the labels", b->layer->bottom[0]);
    switch (b->layer->kind) {
    case LAYER_CONVOLUTION:
        return add_conv(b, x);
    case LAYER_POOLING:
        return add_pool(b, x);
    case LAYER_LRN:
        return add_lrn(b, x);
    case LAYER_INNER_PRODUCT:
        return add_dense(b, x);
    case LAYER_RELU:
    case LAYER_DROPOUT:
        return add_elementwise(b, x);
    case LAYER_SOFTMAX_LOSS:
    case LAYER_ACCURACY:
        return add_judge(b, x);
    case LAYER_DATA:
    case LAYER_INPUT:
        break;
    }
    return layer_error(b, b->layer, "not supported");
}

/* ------------------------------------------------------------------ gradients */

/*
 * Which nodes go backward: those with a parameter at or in front of them that lead to the loss.
 * wanted[v]: the loss depends on value v. learned[v]: v depends on a parameter.
 */
static int mark_gradients(struct builder *b, bool *wanted, bool *learned)
{
    struct graph *g = b->g;
    struct graph_node *n;

    for (size_t i = 0; i < g->node_count; i++) {
        n = &g->nodes[i];
        if (n->y >= 0)
            learned[n->y] = n->weight >= 0 || learned[n->x];
    }
    for (size_t i = g->node_count; i > 0; i--) {
        bool leads;
        n = &g->nodes[i - 1];
        leads = op_is(&n->desc, OP_LOSS) || (n->y >= 0 && wanted[n->y]);
        if (!leads && n->weight >= 0)
            return layer_error(b, n->layer, "it has parameters, but the loss does not depend on it");
        if (!leads)
            continue;
        if (wanted[n->x] && learned[n->x])
            return layer_error(
                b, n->layer,
                "'%s' is read by another layer in front of the loss too; a gradient from two layers "
                "is not supported",
                g->values[n->x].name);
        wanted[n->x] = true;
        n->desc.need_dx = learned[n->x];
        n->desc.backward |= n->weight >= 0 || n->desc.need_dx;
    }
    return 0;
}

static int gradients(struct builder *b)
{
    bool *flags;
    int rc;

    if (b->g->logits < 0)
        return clr_error_set(b->err, CLR_EINPUT, "%.200s: no SoftmaxWithLoss layer in the TRAIN phase",
                             b->spec->file);
    rc = mem_new(&flags, 2 * b->g->value_count, sizeof *flags, "gradient marks", b->err);
    if (rc < 0)
        return rc;
    rc = mark_gradients(b, flags, flags + b->g->value_count);
    free(flags);
    return rc;
}

/* ------------------------------------------------------------------ the whole */

/* Room for the most that the layers can make. */
static int reserve(struct graph *g, size_t layers, struct clr_error *err)
{
    int rc = mem_grow(&g->values, &g->value_capacity, 2 * layers, sizeof *g->values, "values", err);

    if (rc >= 0)
        rc = mem_grow(&g->nodes, &g->node_capacity, 2 * layers, sizeof *g->nodes, "nodes", err);
    if (rc >= 0)
        rc = mem_grow(&g->params, &g->param_capacity, 2 * layers, sizeof *g->params, "parameters", err);
    return rc;
}

static int build(struct graph **out, const struct clr_net_spec *spec, unsigned phase,
                 struct clr_image_shape input, int batch, struct clr_error *err)
{
    struct builder b = {.spec = spec, .input = input, .labels = -1, .err = err};
    int rc = mem_new(&b.g, 1, sizeof *b.g, "graph", err);

    if (rc < 0)
        return rc;
    b.g->phase = phase;
    b.g->batch = batch;
    b.g->images = b.g->logits = b.g->accuracy_node = -1;
    rc = reserve(b.g, spec->layer_count, err);
    for (size_t i = 0; i < spec->layer_count && rc >= 0; i++) {
        b.layer = &spec->layers[i];
        if (b.layer->phases & phase)
            rc = add_layer(&b);
    }
    if (rc >= 0 && !b.has_data)
        rc = clr_error_set(err, CLR_EINPUT, "%.200s: no Data or Input layer in the %s phase", spec->file,
                           phase == PHASE_TRAIN ? "TRAIN" : "TEST");
    if (rc >= 0 && phase == PHASE_TRAIN)
        rc = gradients(&b);
    if (rc < 0) {
        graph_destroy(b.g);
        return rc;
    }
    *out = b.g;
    return 0;
}

/* Both phases have the same layers with parameters; that their inputs have one shape is checked here. */
static int compare_phases(const struct graph *train, const struct clr_net_spec *spec,
                          struct clr_image_shape input, struct clr_error *err)
{
    struct graph *test;
    int rc = build(&test, spec, PHASE_TEST, input, train->batch, NULL);

    if (rc == CLR_ENOMEM)
        return clr_error_set(err, rc, "out of memory for the TEST phase of a net");
    if (rc < 0)
        return 0; /* a file for training only */
    for (size_t i = 0; i < train->param_count && rc == 0; i++) {
        if (memcmp(train->params[i].dims, test->params[i].dims, sizeof train->params[i].dims) != 0)
            rc = clr_error_set(err, CLR_EINPUT,
                               "%.200s: parameter '%s' has one shape in the TRAIN phase and another "
                               "in the TEST phase",
                               spec->file, train->params[i].name);
    }
    graph_destroy(test);
    return rc;
}

int graph_create(struct graph **out, const struct clr_net_spec *spec, unsigned phase,
                 struct clr_image_shape input, int batch, struct clr_error *err)
{
    struct graph *g;
    int rc;

    if (batch < 1 || batch > GEOMETRY_MAX)
        return clr_error_set(err, CLR_EINPUT, "a batch of %d images is outside 1…%d", batch, GEOMETRY_MAX);
    if (input.channels < 1 || input.height < 1 || input.width < 1 || input.channels > GEOMETRY_MAX ||
        input.height > GEOMETRY_MAX || input.width > GEOMETRY_MAX)
        return clr_error_set(err, CLR_EINPUT, "images of %d×%d×%d are outside 1…%d", input.channels,
                             input.height, input.width, GEOMETRY_MAX);
    rc = build(&g, spec, phase, input, batch, err);
    if (rc < 0)
        return rc;
    if (phase == PHASE_TRAIN) {
        rc = compare_phases(g, spec, input, err);
        if (rc < 0) {
            graph_destroy(g);
            return rc;
        }
    }
    *out = g;
    return 0;
}

void graph_destroy(struct graph *g)
{
    if (!g)
        return;
    free(g->values);
    free(g->nodes);
    free(g->params);
    free(g);
}
