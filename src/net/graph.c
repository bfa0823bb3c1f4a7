/*
 * Shape inference and the graph of one phase: see graph.h. Layers come in an order in which everything is
 * made before it is read (Caffe demands that of the file), so one pass forward finds shapes and parameters,
 * and one pass backward finds what the loss needs gradients of.
 */
#include "net/layer.h"

#include <assert.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops/op_class.h"

int build_error(const struct builder *b, const char *format, ...)
{
    char text[700];
    va_list ap;

    va_start(ap, format);
    (void)vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    return clr_error_set(b->err, CLR_EINPUT, "%.200s:%d: layer '%s': %s", b->layer->file, b->layer->line,
                         b->layer->name, text);
}

int build_unlike(const struct builder *b, const struct graph_node *n, int j, const char *wanted)
{
    const struct shape *s = &n->desc.x[j], *first = &n->desc.x[0];

    return build_error(b, "its bottom '%s' is %d×%d×%d, but '%s' is %d×%d×%d; %s", b->layer->bottom[j], s->c,
                       s->h, s->w, b->layer->bottom[0], first->c, first->h, first->w, wanted);
}

int build_prefix(const struct builder *b, int rc)
{
    if (rc < 0)
        clr_error_prefix(b->err, "%.200s:%d: layer '%s'", b->layer->file, b->layer->line, b->layer->name);
    return rc;
}

/* ------------------------------------------------------------------ values */

bool graph_is_inserted(const struct graph_node *n)
{
    return n->desc.label != n->layer->name;
}

static bool is_inserted(const struct graph *g, const struct graph_value *v)
{
    return v->producer >= 0 && graph_is_inserted(&g->nodes[v->producer]);
}

/* The latest value of that name that a layer of the file makes; −1: none. */
static int find_value(const struct builder *b, const char *name)
{
    const struct graph *g = b->g;
    size_t after = 0;
    int found = -1;

    for (size_t i = 0; i < b->alias_count; i++)
        if (strcmp(b->aliases[i].name, name) == 0) {
            found = b->aliases[i].value;
            after = b->aliases[i].after;
        }
    for (size_t i = g->value_count; i > after; i--)
        if (strcmp(g->values[i - 1].name, name) == 0 && !is_inserted(g, &g->values[i - 1]))
            return (int)(i - 1);
    return found;
}

/* reserve() has made room: values never move, nodes' labels point into them. */
int build_value(struct builder *b, const char *name, const struct shape *shape, int producer, int *out)
{
    struct graph_value *v = &b->g->values[b->g->value_count];
    size_t count;

    assert(b->g->value_count < b->g->value_capacity);
    if (!shape_count(shape, &count) || count / (size_t)shape->n > INT_MAX || count > SIZE_MAX / 8)
        return build_error(b, "'%s' would have %d×%d×%d×%d values, which is too many", name, shape->n,
                           shape->c, shape->h, shape->w);
    str_copy(v->name, sizeof v->name, name);
    v->shape = *shape;
    v->producer = producer;
    *out = (int)b->g->value_count++;
    return 0;
}

/* The layer before this one that has that top, if it is a loss or an accuracy, whose tops are names alone;
 * NULL: none. */
static const struct layer_spec *find_result(const struct builder *b, const char *name)
{
    for (const struct layer_spec *l = b->spec->layers; l < b->layer; l++)
        for (int i = 0; (l->phases & b->g->phase) && (l->class->flags & LAYER_RESULT) && i < l->top_count;
             i++)
            if (strcmp(l->top[i], name) == 0)
                return l;
    return NULL;
}

/* Why a layer may be missing: where rules left some out. */
static const char *left_out(const struct clr_net_spec *spec)
{
    return spec->left_out > 0 ? ". Layers were left out by their rules: 'state { stage: … }' in the file "
                                "gives the net the stages that they ask for"
                              : "";
}

static int read_bottom(struct builder *b, int i, int *out)
{
    const char *name = b->layer->bottom[i];
    const struct layer_spec *result = find_result(b, name);
    int value = find_value(b, name);

    if (result)
        return build_error(b,
                           "its bottom '%s' is the result of layer '%s', of type %s, which no layer can read",
                           name, result->name, result->class->type);
    if (value < 0)
        return build_error(b, "its bottom '%s' is the top of no layer before it (%s phase)%s", name,
                           b->g->phase == PHASE_TRAIN ? "TRAIN" : "TEST", left_out(b->spec));
    b->g->values[value].consumer_count++;
    *out = value;
    return 0;
}

static int check_new_top(const struct builder *b, const char *name)
{
    return find_value(b, name) >= 0 || find_result(b, name)
               ? build_error(b, "its top '%s' is the top of another layer already", name)
               : 0;
}

/* The layer's top j, which is y[j] of the node. */
static int new_top(struct builder *b, struct graph_node *n, int j)
{
    const char *name = b->layer->top[j];
    int rc = check_new_top(b, name);

    return rc < 0 ? rc : build_value(b, name, &n->desc.y[j], (int)(n - b->g->nodes), &n->y[j]);
}

/* The layer's top, new or in place. */
static int write_top(struct builder *b, struct graph_node *n)
{
    const char *name = b->layer->top[0];

    n->in_place = strcmp(name, b->layer->bottom[0]) == 0;
    if (n->in_place && !(b->layer->class->flags & LAYER_IN_PLACE))
        return build_error(b, "a layer of type %s cannot work in place: give it a top of its own",
                           b->layer->class->type);
    return n->in_place ? build_value(b, name, &n->desc.y[0], (int)(n - b->g->nodes), &n->y[0])
                       : new_top(b, n, 0);
}

int build_tops(struct builder *b, struct graph_node *n)
{
    int rc = 0;

    for (int j = 0; j < n->desc.y_count && rc == 0; j++)
        rc = new_top(b, n, j);
    return rc;
}

int build_aliases(struct builder *b, int x)
{
    int rc = 0;

    for (int j = 0; j < b->layer->top_count && rc == 0; j++) {
        rc = check_new_top(b, b->layer->top[j]);
        if (rc == 0)
            rc = mem_grow(&b->aliases, &b->alias_capacity, b->alias_count + 1, sizeof *b->aliases, "names",
                          b->err);
        if (rc == 0)
            b->aliases[b->alias_count++] = (struct build_alias){b->layer->top[j], x, b->g->value_count};
    }
    return rc;
}

/* ------------------------------------------------------------------ parameters */

/* The parameter of that name in another layer; −1: none has it yet. */
static int find_shared(const struct graph *g, const char *name)
{
    for (size_t i = 0; name[0] && i < g->param_count; i++)
        if (strcmp(g->params[i].mult.name, name) == 0)
            return (int)i;
    return -1;
}

/* Layers that share a parameter have to agree on it: a multiplier may be given by any of them, and the first
 * one's filler makes the values, as in Caffe. */
static int share(struct builder *b, struct graph_param *p, const struct op_param *of,
                 const struct param_spec *spec)
{
    if (p->rank != of->rank || memcmp(p->dims, of->dims, (size_t)of->rank * sizeof *of->dims) != 0)
        return build_error(b, "its %s is not of the shape of '%s', with which it shares '%s'", of->name,
                           p->name, spec->name);
    if ((spec->gives_lr_mult && p->mult.gives_lr_mult && spec->lr_mult != p->mult.lr_mult) ||
        (spec->gives_decay_mult && p->mult.gives_decay_mult && spec->decay_mult != p->mult.decay_mult))
        return build_error(
            b, "its %s has lr_mult %g and decay_mult %g, but '%s', with which it shares '%s', %g and %g",
            of->name, spec->lr_mult, spec->decay_mult, p->name, spec->name, p->mult.lr_mult,
            p->mult.decay_mult);
    if (spec->gives_lr_mult) {
        p->mult.lr_mult = spec->lr_mult;
        p->mult.gives_lr_mult = true;
    }
    if (spec->gives_decay_mult) {
        p->mult.decay_mult = spec->decay_mult;
        p->mult.gives_decay_mult = true;
    }
    return 0;
}

/* Has the new parameter a shape that its filler can fill? */
static int check_filler(struct builder *b, const struct graph_param *p, const char *name)
{
    if (p->filler.kind == FILLER_ORTHOGONAL && p->rank < 2)
        return build_error(b, "its %s is a list, and the filler 'orthogonal' fills a matrix", name);
    if (p->filler.kind == FILLER_DIRAC && p->rank != 4)
        return build_error(b, "the filler 'dirac' fills kernels, and its %s has none", name);
    if (p->filler.kind == FILLER_BILINEAR && (p->rank != 4 || p->dims[2] != p->dims[3]))
        return build_error(b, "the filler 'bilinear' fills square kernels, and its %s has none", name);
    return 0;
}

static int new_param(struct builder *b, const struct op_param *of, const struct param_spec *spec,
                     const struct filler *filler)
{
    struct graph_param *p = &b->g->params[b->g->param_count];
    size_t count = 1;

    assert(b->g->param_count < b->g->param_capacity);
    for (int i = 0; i < of->rank; i++) {
        p->dims[i] = of->dims[i];
        if (!clr_mul_size(&count, count, (size_t)of->dims[i]) || count > INT_MAX)
            return build_error(b, "more than %d weights", INT_MAX);
    }
    (void)snprintf(p->name, sizeof p->name, "%s.%s", b->layer->name, of->name);
    p->rank = of->rank;
    p->count = count;
    p->fan_in = of->rank > 0 ? (int)(count / (size_t)of->dims[0]) : 1;
    p->fan_out = of->rank > 1 ? (int)(count / (size_t)of->dims[1]) : (int)count;
    p->mult = *spec;
    p->filler = of->state ? (struct filler){.kind = FILLER_CONSTANT, .value = of->fill} : *filler;
    p->state = of->state;
    p->groups = of->groups > 0 ? of->groups : 1;
    b->g->param_count++;
    return check_filler(b, p, of->name);
}

/* The operator's parameter k: a new one, or one of another layer. */
static int add_param(struct builder *b, struct graph_node *n, int k, const struct op_param *of)
{
    const struct param_spec *spec = &b->layer->param[k];
    int shared = find_shared(b->g, spec->name), rc;

    if (shared >= 0)
        rc = share(b, &b->g->params[shared], of, spec);
    else {
        shared = (int)b->g->param_count;
        rc = new_param(b, of, spec, &b->layer->filler[k]);
    }
    if (rc < 0)
        return rc;
    n->param[k] = shared;
    if (b->g->params[shared].uses == 0) {
        b->g->params[shared].layer_fan_in = b->g->params[n->param[0]].fan_in;
        b->g->params[shared].blob = k;
    }
    n->use[k] = b->g->params[shared].uses++;
    n->param_count = k + 1;
    return 0;
}

static int add_params(struct builder *b, struct graph_node *n)
{
    struct op_param params[OP_PARAMS];
    const int count = op_params(params, &n->desc);
    int rc = 0;

    for (int k = 0; k < count && rc == 0; k++)
        rc = add_param(b, n, k, &params[k]);
    return rc;
}

/* ------------------------------------------------------------------ nodes */

struct graph_node *build_node(struct builder *b, enum op_kind kind, const int *x, int count)
{
    struct graph_node *n = &b->g->nodes[b->g->node_count++];

    assert(b->g->node_count <= b->g->node_capacity);
    n->layer = b->layer;
    n->desc = b->layer->desc;
    n->desc.kind = kind;
    n->desc.label = b->layer->name;
    n->desc.x_count = count;
    n->desc.y_count = op_is(&n->desc, OP_NO_Y) ? 0 : 1;
    if (count > 0)
        n->desc.y[0] = b->g->values[x[0]].shape;
    for (int j = 0; j < count; j++) {
        n->x[j] = x[j];
        n->desc.x[j] = b->g->values[x[j]].shape;
    }
    n->param_count = 0;
    return n;
}

int build_finish(struct builder *b, struct graph_node *n)
{
    int rc = add_params(b, n);

    n->madds = op_madds(&n->desc);
    return rc < 0 ? rc : write_top(b, n);
}

void build_loss(struct builder *b, enum op_kind kind, const int *x, int count)
{
    struct graph *g = b->g;
    struct graph_node *n = build_node(b, kind, x, count);
    const float weight = n->desc.u.loss.weight;
    const bool off = weight == 0.0f && g->phase == PHASE_TRAIN;

    assert(g->loss_count < g->loss_capacity);
    b->has_loss = true;
    n->loss = off ? -1 : (int)g->loss_count;
    if (!off)
        g->losses[g->loss_count++] = (struct graph_loss){b->layer->name, weight};
}

int build_check_logits(struct builder *b, int x)
{
    const struct shape *s = &b->g->values[x].shape;

    if (x == b->g->images)
        return build_error(b, "its first bottom is the images; it takes the logits of the last layer");
    if (s->h * s->w > 1)
        return build_error(b, "its bottom '%s' is %d×%d×%d; it takes one logit for each class (N×1×1)",
                           b->layer->bottom[0], s->c, s->h, s->w);
    return 0;
}

int build_classifier(struct builder *b, enum op_kind kind, const int *bottom)
{
    const int before = b->g->logits, classes = b->g->values[bottom[0]].shape.c;
    const bool counts = b->layer->desc.u.loss.weight != 0.0f;
    char logits[STR_COUNT];
    int rc = build_check_logits(b, bottom[0]);

    if (rc < 0)
        return rc;
    if (b->g->pairs)
        return build_error(
            b, "it reads classes, but the labels of a net with ContrastiveLoss are of pairs of images: "
               "whether they are similar");
    if (counts && before >= 0 && b->g->values[before].shape.c != classes)
        return build_error(b, "its bottom '%s' has %s, but that of the loss before it %d",
                           b->layer->bottom[0], str_count(logits, (uint64_t)classes, "logit"),
                           b->g->values[before].shape.c);
    build_loss(b, kind, bottom, 1);
    if (counts)
        b->g->logits = bottom[0];
    return 0;
}

static int add_layer(struct builder *b)
{
    const struct layer_spec *l = b->layer;
    const struct layer_class *class = l->class;
    int bottom[MEM_COUNT(l->bottom)];

    if (l->top_count == 2 && strcmp(l->top[0], l->top[1]) == 0)
        return build_error(b, "both its tops are named '%s'", l->top[0]);
    for (int i = 0; i < b->layer->bottom_count; i++) {
        const bool last = i + 1 == class->bottoms, labels = (class->flags & LAYER_LABELS) && last,
                   target = ((class->flags & LAYER_TARGET) && last) || (class->flags & LAYER_NO_TOP);
        int rc = read_bottom(b, i, &bottom[i]);
        if (rc < 0)
            return rc;
        if (labels && bottom[i] != b->labels)
            return build_error(b, "its %s bottom '%s' is not the labels", i == 1 ? "second" : "third",
                               b->layer->bottom[i]);
        if (!labels && !target && bottom[i] == b->labels)
            return build_error(b, "its bottom '%s' is the labels", b->layer->bottom[i]);
    }
    for (int i = 0; (class->flags & LAYER_RESULT) && i < b->layer->top_count; i++) {
        int rc = check_new_top(b, b->layer->top[i]);
        if (rc < 0)
            return rc;
    }
    return class->build ? class->build(b, bottom) : build_finish(b, build_node(b, class->kind, bottom, 1));
}

/* ------------------------------------------------------------------ gradients */

/* What going back needs to know of a value. */
struct mark {
    bool learned; /* it depends on a parameter */
    bool off;     /* a loss of weight 0 depends on it */
    int readers;  /* that send a gradient back to it */
    int next;     /* where there are several: the value for the next of them */
};

/* Has it a parameter that the optimizer updates? */
static bool learns(const struct graph *g, const struct graph_node *n)
{
    bool any = false;

    for (int k = 0; k < n->param_count; k++)
        any = any || !g->params[n->param[k]].state;
    return any;
}

static void mark_learned(const struct graph *g, struct mark *marks)
{
    for (size_t i = 0; i < g->node_count; i++) {
        const struct graph_node *n = &g->nodes[i];
        bool learned = learns(g, n);
        for (int j = 0; j < n->desc.x_count; j++)
            learned = learned || marks[n->x[j]].learned;
        for (int j = 0; j < n->desc.y_count; j++)
            marks[n->y[j]].learned = learned;
    }
}

/* Accuracy belongs to the logits that the last loss reads, as the classes that are told apart by them do:
 * with several heads or top_k, the layer that computes it, if there is one. */
static int find_accuracy(const struct graph *g)
{
    int found = -1;

    for (size_t i = 0; i < g->node_count; i++)
        if (g->nodes[i].desc.kind == OP_ACCURACY && g->nodes[i].desc.u.accuracy.top_k == 1 &&
            g->nodes[i].x[0] == g->logits)
            found = (int)i;
    return found;
}

/* The first use of a parameter, whose gradient has its place among those of the parameters, is one that has
 * a gradient. */
static void order_uses(struct graph *g)
{
    for (size_t p = 0; p < g->param_count; p++)
        g->params[p].uses = 0;
    for (int back = 1; back >= 0; back--)
        for (size_t i = 0; i < g->node_count; i++)
            for (int k = 0; g->nodes[i].desc.backward == back && k < g->nodes[i].param_count; k++)
                g->nodes[i].use[k] = g->params[g->nodes[i].param[k]].uses++;
}

/* Is it a loss that is computed, or does one depend on its output? */
static bool leads(const struct graph *g, const struct graph_node *n)
{
    bool any = op_is(&n->desc, OP_LOSS) && n->loss >= 0;

    for (int j = 0; j < n->desc.y_count; j++)
        any = any || g->values[n->y[j]].leads;
    return any;
}

bool graph_runs(const struct graph *g, size_t i)
{
    return leads(g, &g->nodes[i]) || (int)i == g->accuracy_node;
}

float graph_sum_losses(const struct graph *g, const float *losses, size_t stride, size_t i)
{
    float sum = 0.0f;

    for (size_t l = 0; l < g->loss_count; l++)
        if (g->losses[l].weight != 0.0f)
            sum += losses[l * stride + i];
    return sum;
}

static void mark_leads(struct graph *g)
{
    for (size_t i = g->node_count; i-- > 0;)
        for (int j = 0; leads(g, &g->nodes[i]) && j < g->nodes[i].desc.x_count; j++)
            g->values[g->nodes[i].x[j]].leads = true;
}

/* Which nodes go backward: those that lead to the loss and have a parameter, or one before them. */
static int mark_gradients(struct builder *b, struct mark *marks)
{
    struct graph *g = b->g;

    mark_learned(g, marks);
    for (size_t i = g->node_count; i > 0; i--) {
        struct graph_node *n = &g->nodes[i - 1];
        const bool on = leads(g, n);
        bool off = op_is(&n->desc, OP_LOSS);
        b->layer = n->layer; /* for messages */
        for (int j = 0; j < n->desc.y_count; j++) {
            off = off || marks[n->y[j]].off;
            n->desc.no_dy |= (unsigned)(n->desc.y_count > 1 && marks[n->y[j]].readers == 0) << j;
        }
        if (!on && !off && n->param_count > 0)
            return build_error(b, "it has parameters, but the loss does not depend on it");
        for (int j = 0; j < n->desc.x_count; j++) {
            struct mark *m = &marks[n->x[j]];
            m->off = m->off || off;
            m->readers += on && m->learned;
            n->desc.need_dx |= (unsigned)(on && m->learned) << j;
        }
        n->desc.backward |= on && (learns(g, n) || n->desc.need_dx);
    }
    order_uses(g);
    return 0;
}

/* A node after the last one that splits value v in `count`; the values that it makes are the last ones. */
static void add_split(struct graph *g, int v, int count)
{
    struct graph_node *n = &g->nodes[g->node_count];

    assert(g->node_count < g->node_capacity && g->value_count + (size_t)count <= g->value_capacity);
    memset(n, 0, sizeof *n);
    n->layer = n[-1].layer;
    n->desc =
        (struct op_desc){.kind = OP_SPLIT, .x_count = 1, .y_count = count, .need_dx = 1, .backward = true};
    n->x[0] = v;
    n->desc.x[0] = g->values[v].shape;
    g->values[v].consumer_count++;
    for (int j = 0; j < count; j++) {
        struct graph_value *y = &g->values[g->value_count];
        n->y[j] = (int)g->value_count++;
        n->desc.y[j] = g->values[v].shape;
        *y = (struct graph_value){.shape = g->values[v].shape, .producer = (int)g->node_count, .leads = true};
        (void)snprintf(y->name, sizeof y->name, "%.*s.split", (int)sizeof y->name - 7, n[-1].desc.label);
    }
    n->desc.label = g->values[n->y[0]].name;
    g->node_count++;
}

/* Split value v for all readers that send a gradient back. If they are more than OP_MOST, the last output is
 * split again. */
static void split(struct graph *g, struct mark *m, int v)
{
    m->next = (int)g->value_count;
    for (int left = m->readers; left > 1; left -= OP_MOST - 1) {
        add_split(g, v, left < OP_MOST ? left : OP_MOST);
        v = (int)g->value_count - 1;
    }
}

/* The next output of the splits that has no reader yet. */
static int take(struct graph *g, struct mark *m)
{
    while (g->values[m->next].consumer_count > 0)
        m->next++;
    g->values[m->next].consumer_count++;
    return m->next;
}

/* Nodes are written again, with splits between them. */
static int insert_splits(struct graph *g, struct mark *marks, struct clr_error *err)
{
    struct graph_node *old = g->nodes, *nodes = NULL;
    const size_t count = g->node_count;
    const int accuracy = g->accuracy_node;
    int rc = mem_new(&nodes, g->node_capacity, sizeof *nodes, "nodes", err);

    if (rc < 0)
        return rc;
    g->nodes = nodes;
    g->node_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct graph_node *n = &g->nodes[g->node_count];
        *n = old[i];
        for (int j = 0; j < n->desc.x_count; j++)
            if ((n->desc.need_dx >> j & 1) && marks[n->x[j]].readers > 1) {
                g->values[n->x[j]].consumer_count--;
                n->x[j] = take(g, &marks[n->x[j]]);
            }
        g->accuracy_node = (int)i == accuracy ? (int)g->node_count : g->accuracy_node;
        for (int j = 0; j < n->desc.y_count; j++)
            g->values[n->y[j]].producer = (int)g->node_count;
        g->node_count++;
        for (int j = 0; j < n->desc.y_count; j++)
            if (marks[n->y[j]].readers > 1)
                split(g, &marks[n->y[j]], n->y[j]);
    }
    free(old);
    return 0;
}

static int gradients(struct builder *b)
{
    struct graph *g = b->g;
    struct mark *marks;
    int rc;

    if (g->loss_count == 0)
        return clr_error_set(b->err, CLR_EINPUT, "%.200s: no loss layer in the TRAIN phase%s", b->spec->file,
                             b->has_loss ? " has a loss_weight other than 0" : ", such as SoftmaxWithLoss");
    rc = mem_new(&marks, g->value_count, sizeof *marks, "gradient marks", b->err);
    if (rc < 0)
        return rc;
    rc = mark_gradients(b, marks);
    if (rc == 0)
        rc = insert_splits(g, marks, b->err);
    free(marks);
    return rc;
}

/* ------------------------------------------------------------------ the whole */

/* What a net without a loss ends with, before a softmax, if that is a number for each class; −1: no. */
static int find_ending(const struct graph *g)
{
    int value = -1;

    for (size_t i = g->node_count; i > 0 && value < 0; i--) {
        const struct graph_node *n = &g->nodes[i - 1];
        value = n->desc.y_count > 0 ? n->y[n->desc.y_count - 1] : -1;
    }
    while (value >= 0 && g->values[value].producer >= 0 &&
           g->nodes[g->values[value].producer].desc.kind == OP_SOFTMAX)
        value = g->nodes[g->values[value].producer].x[0];
    return value < 0 || value == g->images || g->values[value].shape.h * g->values[value].shape.w > 1 ? -1
                                                                                                      : value;
}

/* A net for deployment, or one that has a loss in training alone, is evaluated by that of a softmax. */
static int imply_loss(struct builder *b)
{
    const int logits = find_ending(b->g);

    b->layer = &b->spec->implied_loss;
    return logits < 0 ? 0 : build_classifier(b, OP_SOFTMAX_LOSS, &logits);
}

/* Room for the most that the layers can make: two of each, a split for every bottom, and a loss. */
static int reserve(struct graph *g, const struct clr_net_spec *spec, struct clr_error *err)
{
    size_t layers = spec->layer_count + 1, most = 2 * layers;
    int rc;

    for (size_t i = 0; i < spec->layer_count; i++)
        most += 2 * (size_t)spec->layers[i].bottom_count + (size_t)spec->layers[i].top_count;
    rc = mem_grow(&g->values, &g->value_capacity, most, sizeof *g->values, "values", err);

    if (rc >= 0)
        rc = mem_grow(&g->nodes, &g->node_capacity, most, sizeof *g->nodes, "nodes", err);
    if (rc >= 0)
        rc = mem_grow(&g->losses, &g->loss_capacity, layers, sizeof *g->losses, "losses", err);
    if (rc >= 0)
        rc = mem_grow(&g->params, &g->param_capacity, OP_PARAMS * layers, sizeof *g->params, "parameters",
                      err);
    return rc;
}

/* Are the labels, in either phase, those of pairs? */
static bool reads_pairs(const struct clr_net_spec *spec)
{
    bool any = false;

    for (size_t i = 0; i < spec->layer_count; i++)
        any = any || (spec->layers[i].class->flags & LAYER_PAIRS);
    return any;
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
    b.g->images = b.g->logits = -1;
    b.g->pairs = reads_pairs(spec);
    rc = reserve(b.g, spec, err);
    for (size_t i = 0; i < spec->layer_count && rc >= 0; i++) {
        b.layer = &spec->layers[i];
        if (b.layer->phases & phase)
            rc = add_layer(&b);
    }
    if (rc >= 0 && !b.has_data)
        rc = clr_error_set(err, CLR_EINPUT, "%.200s: no Data or Input layer in the %s phase%s", spec->file,
                           phase == PHASE_TRAIN ? "TRAIN" : "TEST", left_out(spec));
    if (rc >= 0 && phase == PHASE_TEST && !b.has_loss && !b.g->pairs)
        rc = imply_loss(&b);
    b.g->accuracy_node = find_accuracy(b.g);
    mark_leads(b.g);
    if (rc >= 0 && phase == PHASE_TRAIN)
        rc = gradients(&b);
    free(b.aliases);
    if (rc < 0) {
        graph_destroy(b.g);
        return rc;
    }
    *out = b.g;
    return 0;
}

/* "FILE:LINE: layer 'NAME'" of the layer that has parameter p of the graph: for the errors here. */
static int phases_differ(const struct graph *g, size_t p, const char *what, struct clr_error *err)
{
    const struct layer_spec *layer = NULL;

    for (size_t i = 0; i < g->node_count && !layer; i++)
        for (int k = 0; k < g->nodes[i].param_count; k++)
            layer = g->nodes[i].param[k] == (int)p ? g->nodes[i].layer : layer;
    assert(layer);
    return clr_error_set(err, CLR_EINPUT, "%.200s:%d: layer '%s': %s", layer->file, layer->line, layer->name,
                         what);
}

/* Both phases have the same parameters, in the same order: a layer may be written twice, once for each. */
static int compare_params(const struct graph *train, const struct graph *test, struct clr_error *err)
{
    for (size_t i = 0; i < train->param_count || i < test->param_count; i++) {
        const struct graph_param *a = &train->params[i], *b = &test->params[i];
        if (i >= test->param_count || i >= train->param_count || strcmp(a->name, b->name) != 0)
            return phases_differ(i < train->param_count ? train : test, i,
                                 "it has parameters and must be in both phases, at the same place", err);
        if (memcmp(a->dims, b->dims, sizeof a->dims) != 0)
            return phases_differ(
                train, i, "its parameters have one shape in the TRAIN phase and another in the TEST phase",
                err);
    }
    return 0;
}

static int compare_phases(const struct graph *train, const struct clr_net_spec *spec,
                          struct clr_image_shape input, struct clr_error *err)
{
    struct graph *test;
    int rc = build(&test, spec, PHASE_TEST, input, train->batch, NULL);

    if (rc == CLR_ENOMEM)
        return clr_error_set(err, rc, "out of memory for the TEST phase of a net");
    if (rc < 0)
        return 0; /* a file for training only */
    rc = compare_params(train, test, err);
    graph_destroy(test);
    return rc;
}

int graph_create(struct graph **out, const struct clr_net_spec *spec, unsigned phase,
                 struct clr_image_shape input, int batch, struct clr_error *err)
{
    struct graph *g = NULL;
    int rc;

    if (batch < 1 || batch > GEOMETRY_MAX)
        return clr_error_set(err, CLR_EINPUT, "a batch of %d images is outside 1…%d", batch, GEOMETRY_MAX);
    if (input.channels < 1 || input.height < 1 || input.width < 1 || input.channels > GEOMETRY_MAX ||
        input.height > GEOMETRY_MAX || input.width > GEOMETRY_MAX)
        return clr_error_set(err, CLR_EINPUT, "images of %d×%d×%d are outside 1…%d", input.channels,
                             input.height, input.width, GEOMETRY_MAX);
    rc = build(&g, spec, phase, input, batch, err);
    if (rc == 0 && phase == PHASE_TRAIN)
        rc = compare_phases(g, spec, input, err);
    if (rc < 0)
        graph_destroy(g);
    else
        *out = g;
    return rc;
}

void graph_destroy(struct graph *g)
{
    if (!g)
        return;
    free(g->values);
    free(g->nodes);
    free(g->params);
    free(g->losses);
    free(g);
}
