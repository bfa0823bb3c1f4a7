/*
 * A graph compiled into operators: layouts from ops/layout.h, memory by lifetimes, one operator per node.
 * See net.h. Steps are numbered for the lifetimes: node i runs forward at step i and backward at step 2·nodes
 * − i.
 */
#include "net/net.h"

#include "ops/layout.h"
#include "ops/op_class.h"

struct net_value {
    int root;          /* value whose memory this one uses: itself, or the one it was made from in place */
    int gradient_root; /* the same of its gradient; the outputs of a split have gradients of their own */
    struct layout layout, gradient_layout;
    bool has_gradient;
    int memory, gradient; /* arena requests of roots, −1: none */
    struct tensor t, dt;  /* filled by net_build() */
};

struct net_node {
    struct op *op;
    struct op_needs needs;
    int saved;         /* arena request, −1: none */
    int dw[OP_PARAMS]; /* the same, of the gradient of a parameter that another node uses before this one */
};

struct net {
    const struct graph *graph;
    struct net_value *values;
    struct net_node *nodes;
    struct arena *arena;
    int workspace, labels; /* arena requests */
    struct op *add;        /* adds gradients of shared parameters; NULL: there are none */
    struct op *accuracy;   /* of a net that has no such layer; NULL: it has */
    struct op_desc accuracy_desc;
    const struct params *params;
};

/* ------------------------------------------------------------------ planning */

static int last_step(const struct net *net)
{
    return 2 * (int)net->graph->node_count + 1;
}

static int backward_step(const struct net *net, int node)
{
    return last_step(net) - 1 - node;
}

/* May node i write its output over its input? Only as its only reader, where nothing needs the old value. */
static bool runs_in_place(const struct net *net, int i)
{
    const struct graph *g = net->graph;
    const struct graph_node *node = &g->nodes[i];
    const int producer = g->values[node->x[0]].producer;

    return node->in_place && net->nodes[i].needs.in_place && producer >= 0 &&
           g->values[node->x[0]].consumer_count == 1 &&
           !(node->desc.backward && net->nodes[producer].needs.keeps_y);
}

static int plan_nodes(struct net *net, const struct clr_device *device, int block, struct clr_error *err)
{
    const struct graph *g = net->graph;
    int rc = 0;

    for (size_t i = 0; i < g->node_count && rc == 0; i++) {
        net->nodes[i].saved = -1;
        rc = op_plan(&net->nodes[i].needs, &g->nodes[i].desc, device, block, err);
    }
    return rc;
}

/* Does node i read value v? *needs_dx: and sends a gradient back to it. */
static bool reads(const struct graph *g, size_t i, size_t v, bool *needs_dx)
{
    const struct graph_node *node = &g->nodes[i];

    for (int j = 0; j < node->desc.x_count; j++)
        if (node->x[j] == (int)v) {
            *needs_dx = node->desc.need_dx >> j & 1;
            return true;
        }
    return false;
}

static void widen(struct layout *a, const struct layout *b)
{
    a->halo_h = b->halo_h > a->halo_h ? b->halo_h : a->halo_h;
    a->halo_w = b->halo_w > a->halo_w ? b->halo_w : a->halo_w;
}

static void set_roots(struct net *net, int v)
{
    struct net_value *value = &net->values[v];
    const int producer = net->graph->values[v].producer;
    const struct net_value *from = producer >= 0 ? &net->values[net->graph->nodes[producer].x[0]] : NULL;
    const bool in_place = from && runs_in_place(net, producer);

    value->root = in_place || (from && net->nodes[producer].needs.y_is_x) ? from->root : v;
    value->gradient_root = in_place ? from->gradient_root : v;
}

/* Layout of each value from its readers; values that share memory share the widest halo. */
static int choose_layouts(struct net *net, int block, struct clr_error *err)
{
    const struct graph *g = net->graph;
    const struct op_needs **readers = NULL;
    int rc = mem_new(&readers, g->node_count, sizeof *readers, "a list of layers", err);

    if (rc < 0)
        return rc;
    for (size_t v = 0; v < g->value_count; v++) {
        const int producer = g->values[v].producer;
        struct net_value *value = &net->values[v];
        size_t count = 0;
        bool back;
        for (size_t i = 0; i < g->node_count; i++)
            if (reads(g, i, v, &back)) {
                readers[count++] = &net->nodes[i].needs;
                value->has_gradient |= back;
            }
        value->layout = layout_activation(g->values[v].shape.c, block, readers, count, producer < 0);
        value->gradient_layout =
            layout_gradient(&value->layout, producer >= 0 ? &net->nodes[producer].needs : NULL);
        set_roots(net, (int)v);
    }
    for (int pass = 0; pass < 2; pass++) /* children widen their root, then take what it has */
        for (size_t v = 0; v < g->value_count; v++) {
            struct net_value *value = &net->values[v], *root = &net->values[value->root],
                             *gradient_root = &net->values[value->gradient_root];
            widen(&root->layout, &value->layout);
            widen(&gradient_root->gradient_layout, &value->gradient_layout);
            value->layout = root->layout;
            value->gradient_layout = gradient_root->gradient_layout;
        }
    free(readers);
    return 0;
}

/* Memory with zeros that are written once (halo, lanes beyond C) is never shared. */
static bool shareable(const struct layout *l, int channels)
{
    return l->halo_h == 0 && l->halo_w == 0 && channels % l->block == 0;
}

/* Steps that a memory has to last: first and last. */
struct life {
    int first, last;
};

static int request_tensor(struct net *net, int *id, const struct shape *shape, const struct layout *l,
                          struct life life, struct clr_error *err)
{
    const bool share = shareable(l, shape->c);
    size_t floats;

    if (!tensor_floats(shape, l, &floats) || floats > SIZE_MAX / sizeof(float))
        return clr_error_set(err, CLR_EDEVMEM,
                             "an activation is too large for any memory: try a smaller `batch`");
    return arena_request(net->arena, id, floats * sizeof(float), share ? life.first : 0,
                         share ? life.last : ARENA_ALWAYS, "an activation", err);
}

/* Backward step of the producer of a value; the last step if it has none. */
static int producer_step(const struct net *net, int producer)
{
    return producer < 0 ? last_step(net) : backward_step(net, producer);
}

/* Of the values in one memory. The producer of a value may read it in its backward pass. */
static struct life value_life(const struct net *net, int root)
{
    const struct graph *g = net->graph;
    const bool train = g->phase == PHASE_TRAIN;
    struct life l = {last_step(net), 0};
    bool back;

    for (size_t v = 0; v < g->value_count; v++) {
        const int producer = g->values[v].producer;
        if (net->values[v].root != root)
            continue;
        l.first = op_min(op_max(producer, 0), l.first);
        l.last = op_max(producer, l.last);
        if ((int)v == g->logits)
            l.last = last_step(net);
        if (train)
            l.last = op_max(producer_step(net, producer), l.last);
        for (size_t i = 0; i < g->node_count; i++)
            if (reads(g, i, v, &back))
                l.last = op_max(train ? backward_step(net, (int)i) : (int)i, l.last);
    }
    return l;
}

/* Of their gradients: from the first that is made to the last that is read. */
static struct life gradient_life(const struct net *net, int root)
{
    const struct graph *g = net->graph;
    struct life l = {last_step(net), 0};
    bool back;

    for (size_t v = 0; v < g->value_count; v++) {
        const int producer = g->values[v].producer;
        if (net->values[v].gradient_root != root)
            continue;
        l.last = op_max(producer_step(net, producer), l.last);
        for (size_t i = 0; i < g->node_count; i++)
            if (reads(g, i, v, &back))
                l.first = op_min(net->nodes[i].needs.early_dx ? (int)i : backward_step(net, (int)i), l.first);
    }
    return l;
}

/* Gradients of parameters that were used before: to the end, when they are added to the first one's. */
static int plan_shared(struct net *net, size_t i, struct clr_error *err)
{
    const struct graph_node *n = &net->graph->nodes[i];
    int rc = 0;

    for (int k = 0; k < OP_PARAMS && rc == 0; k++) {
        net->nodes[i].dw[k] = -1;
        if (k < n->param_count && n->use[k] > 0 && n->desc.backward)
            rc = arena_request(
                net->arena, &net->nodes[i].dw[k], net->graph->params[n->param[k]].count * sizeof(float),
                backward_step(net, (int)i), last_step(net), "a shared parameter's gradient", err);
    }
    return rc;
}

static int plan_memory(struct net *net, struct clr_error *err)
{
    const struct graph *g = net->graph;
    const struct shape *images = &g->values[g->images].shape;
    size_t workspace = 0;
    int rc = 0;

    for (size_t v = 0; v < g->value_count && rc == 0; v++) {
        const struct graph_value *of = &g->values[v];
        struct net_value *value = &net->values[v];
        value->memory = value->gradient = -1;
        if (of->producer == GRAPH_LABELS || of->producer == GRAPH_GONE)
            continue;
        if (value->root == (int)v)
            rc =
                request_tensor(net, &value->memory, &of->shape, &value->layout, value_life(net, (int)v), err);
        if (rc == 0 && value->gradient_root == (int)v && value->has_gradient)
            rc = request_tensor(net, &value->gradient, &of->shape, &value->gradient_layout,
                                gradient_life(net, (int)v), err);
    }
    for (size_t i = 0; i < g->node_count && rc == 0; i++) {
        const struct op_needs *needs = &net->nodes[i].needs;
        workspace = needs->workspace_bytes > workspace ? needs->workspace_bytes : workspace;
        rc = plan_shared(net, i, err);
        if (rc == 0 && needs->saved_bytes > 0)
            rc = arena_request(net->arena, &net->nodes[i].saved, needs->saved_bytes, (int)i,
                               backward_step(net, (int)i), "a layer's own memory", err);
    }
    if (rc == 0)
        rc = arena_request(net->arena, &net->workspace, workspace, 0, ARENA_ALWAYS, "the workspace", err);
    if (rc == 0)
        rc = arena_request(net->arena, &net->labels, (size_t)images->n * sizeof(cl_int), 0, ARENA_ALWAYS,
                           "the labels", err);
    return rc < 0 ? rc : arena_plan(net->arena, err);
}

int net_plan(struct net **out, const struct graph *graph, const struct clr_device *device, int block,
             struct clr_error *err)
{
    struct net *net = NULL;
    int rc = mem_new(&net, 1, sizeof *net, "a net", err);

    if (rc < 0)
        return rc;
    net->graph = graph;
    rc = mem_new(&net->values, graph->value_count, sizeof *net->values, "a net", err);
    if (rc == 0)
        rc = mem_new(&net->nodes, graph->node_count, sizeof *net->nodes, "a net", err);
    if (rc == 0)
        rc = arena_create(&net->arena, device, err);
    if (rc == 0)
        rc = plan_nodes(net, device, block, err);
    if (rc == 0)
        rc = choose_layouts(net, block, err);
    if (rc == 0)
        rc = plan_memory(net, err);
    if (rc < 0)
        net_destroy(net);
    else
        *out = net;
    return rc;
}

size_t net_bytes(const struct net *net)
{
    return arena_bytes(net->arena);
}

/* ------------------------------------------------------------------ building */

static void bind_values(struct net *net)
{
    const struct graph *g = net->graph;

    for (size_t v = 0; v < g->value_count; v++) {
        struct net_value *value = &net->values[v];
        const struct net_value *root = &net->values[value->root],
                               *gradient_root = &net->values[value->gradient_root];
        value->t = (struct tensor){.shape = g->values[v].shape, .layout = value->layout};
        value->dt = (struct tensor){.shape = g->values[v].shape, .layout = value->gradient_layout};
        if (root->memory >= 0)
            value->t.mem = arena_part(net->arena, root->memory);
        if (gradient_root->gradient >= 0)
            value->dt.mem = arena_part(net->arena, gradient_root->gradient);
    }
}

/* Everything of a node that does not change from batch to batch. */
static struct op_io node_io(const struct net *net, size_t i)
{
    const struct graph_node *node = &net->graph->nodes[i];
    const struct params *p = net->params;
    struct op_io io = {0};

    for (int j = 0; j < node->desc.x_count; j++) {
        io.x[j] = net->values[node->x[j]].t;
        io.dx[j] = net->values[node->x[j]].dt;
        if (!(node->desc.need_dx >> j & 1))
            io.dx[j].mem = NULL;
    }
    for (int j = 0; j < node->desc.y_count; j++) {
        io.y[j] = net->values[node->y[j]].t;
        io.dy[j] = net->values[node->y[j]].dt;
    }
    for (int k = 0; k < node->param_count; k++) {
        io.w[k] = p->w[node->param[k]];
        io.dw[k] = net->nodes[i].dw[k] >= 0 ? arena_part(net->arena, net->nodes[i].dw[k])
                   : p->g                   ? p->g[node->param[k]]
                                            : NULL;
    }
    if (net->nodes[i].saved >= 0)
        io.saved = arena_part(net->arena, net->nodes[i].saved);
    io.workspace = arena_part(net->arena, net->workspace);
    io.labels = arena_part(net->arena, net->labels);
    return io;
}

/* A net for evaluation that has no Accuracy layer on the logits of the last loss gets one, top 1. */
static int add_accuracy(struct net *net, struct ocl_context *ctx, struct clr_error *err)
{
    const struct graph *g = net->graph;
    struct op_io io = {0};

    if (g->phase != PHASE_TEST || g->accuracy_node >= 0 || g->logits < 0)
        return 0;
    io.x[0] = net->values[g->logits].t;
    net->accuracy_desc = (struct op_desc){
        .kind = OP_ACCURACY, .label = "accuracy", .x_count = 1, .x = {io.x[0].shape}, .u.accuracy.top_k = 1};
    return op_create(&net->accuracy, ctx, &net->accuracy_desc, &io, err);
}

/* Numbers count as images, so that one operator does for parameters of all sizes. */
static int add_adder(struct net *net, struct ocl_context *ctx, struct clr_error *err)
{
    const struct graph *g = net->graph;
    const struct shape one = {1, 1, 1, 1};
    const struct tensor t = {.shape = one, .layout = {.block = 1}};
    const struct op_desc desc = {.kind = OP_ELTWISE,
                                 .label = "shared parameters",
                                 .x_count = 2,
                                 .y_count = 1,
                                 .x = {one, one},
                                 .y = {one},
                                 .u.eltwise = {.operation = ELTWISE_SUM, .coeff = {1.0f, 1.0f}}};
    const struct op_io io = {.x = {t, t}, .y = {t}};
    bool shared = false;

    for (size_t p = 0; p < g->param_count; p++)
        shared = shared || g->params[p].uses > 1;
    return shared && g->phase == PHASE_TRAIN ? op_create(&net->add, ctx, &desc, &io, err) : 0;
}

/* In the order of the file: the gradient of the first use has a place among the parameters' already. */
static int add_shared(struct net *net, struct clr_error *err)
{
    const struct graph *g = net->graph;
    int rc = 0;

    for (size_t i = 0; net->add && i < g->node_count; i++)
        for (int k = 0; k < g->nodes[i].param_count && rc == 0; k++) {
            const int p = g->nodes[i].param[k];
            struct op_io io = {.batch = (int)g->params[p].count};
            if (net->nodes[i].dw[k] < 0)
                continue;
            io.x[0].mem = io.y[0].mem = net->params->g[p];
            io.x[1].mem = arena_part(net->arena, net->nodes[i].dw[k]);
            rc = op_forward(net->add, &io, err);
        }
    return rc;
}

int net_build(struct net *net, struct ocl_context *ctx, const struct params *params, struct clr_error *err)
{
    const struct graph *g = net->graph;
    int rc = arena_allocate(net->arena, ctx, err);

    if (rc < 0)
        return rc;
    net->params = params;
    bind_values(net);
    for (size_t i = 0; i < g->node_count && rc == 0; i++) {
        const struct op_io io = node_io(net, i);
        if (graph_runs(g, i))
            rc = op_create(&net->nodes[i].op, ctx, &g->nodes[i].desc, &io, err);
    }
    if (rc == 0)
        rc = add_adder(net, ctx, err);
    return rc < 0 ? rc : add_accuracy(net, ctx, err);
}

void net_destroy(struct net *net)
{
    if (!net)
        return;
    for (size_t i = 0; net->nodes && i < net->graph->node_count; i++)
        op_destroy(net->nodes[i].op);
    op_destroy(net->add);
    op_destroy(net->accuracy);
    arena_destroy(net->arena);
    free(net->nodes);
    free(net->values);
    free(net);
}

/* ------------------------------------------------------------------ running */

const struct tensor *net_images(const struct net *net)
{
    return &net->values[net->graph->images].t;
}

cl_mem net_labels(const struct net *net)
{
    return arena_part(net->arena, net->labels);
}

const struct tensor *net_logits(const struct net *net)
{
    return &net->values[net->graph->logits].t;
}

/* loss: of a loss, its number. */
static void set_batch(struct op_io *io, const struct net_batch *b, bool metric, int loss)
{

    io->batch = b->count;
    io->sample = metric ? b->hit : b->loss;
    io->sample_offset = metric ? b->hit_offset : b->loss_offset + loss * b->loss_stride;
    io->index = b->index;
    io->index_offset = b->index_offset;
    io->seed = b->seed;
    io->iteration = b->iteration;
}

int net_forward(struct net *net, const struct net_batch *b, struct clr_error *err)
{
    int rc = 0;

    for (size_t i = 0; i < net->graph->node_count && rc == 0; i++) {
        const struct op_desc *desc = &net->graph->nodes[i].desc;
        struct op_io io = node_io(net, i);
        set_batch(&io, b, op_is(desc, OP_METRIC), net->graph->nodes[i].loss);
        if (net->nodes[i].op && (b->hit || !op_is(desc, OP_METRIC)))
            rc = op_forward(net->nodes[i].op, &io, err);
    }
    if (rc == 0 && net->accuracy && b->hit) {
        struct op_io io = {.x = {net->values[net->graph->logits].t}, .labels = net_labels(net)};
        set_batch(&io, b, true, 0);
        rc = op_forward(net->accuracy, &io, err);
    }
    return rc;
}

int net_backward(struct net *net, const struct net_batch *b, struct clr_error *err)
{
    int rc = 0;

    for (size_t i = net->graph->node_count; i-- > 0 && rc == 0;) {
        const struct op_desc *desc = &net->graph->nodes[i].desc;
        struct op_io io = node_io(net, i);
        set_batch(&io, b, op_is(desc, OP_METRIC), net->graph->nodes[i].loss);
        if (net->nodes[i].op && desc->backward)
            rc = op_backward(net->nodes[i].op, &io, err);
    }
    return rc < 0 ? rc : add_shared(net, err);
}

void net_variants(const struct net *net, void (*tell)(void *user, const char *layer, const char *variant),
                  void *user)
{
    for (size_t i = 0; i < net->graph->node_count; i++)
        if (net->nodes[i].op && op_variant(net->nodes[i].op)[0])
            tell(user, net->graph->nodes[i].desc.label, op_variant(net->nodes[i].op));
}
