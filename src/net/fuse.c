/* Fewer, larger steps: see graph_fuse() in graph.h. */
#include "net/graph.h"

#include <assert.h>
#include <string.h>

#include "ops/elementwise.h"
#include "ops/layout.h"
#include "ops/op_class.h"

/* ------------------------------------------------------------------ taking a node out */

/* The readers of what node i makes read what it was made from instead; the node is removed. */
static void bypass(struct graph *g, int i)
{
    const int x = g->nodes[i].x[0], y = g->nodes[i].y[0];

    g->values[x].consumer_count += g->values[y].consumer_count - 1;
    g->values[y].consumer_count = 0;
    g->values[y].producer = GRAPH_GONE;
    g->logits = g->logits == y ? x : g->logits;
    memmove(&g->nodes[i], &g->nodes[i + 1], (g->node_count - (size_t)i - 1) * sizeof *g->nodes);
    g->node_count--;
    g->accuracy_node -= g->accuracy_node > i;
    for (size_t v = 0; v < g->value_count; v++)
        g->values[v].producer -= g->values[v].producer > i;
    for (size_t k = 0; k < g->node_count; k++) {
        struct graph_node *n = &g->nodes[k];
        for (int j = 0; j < n->desc.x_count; j++) {
            n->x[j] = n->x[j] == y ? x : n->x[j];
            n->desc.x[j] = g->values[n->x[j]].shape;
        }
    }
}

/* ------------------------------------------------------------------ rules */

/* What a graph is fused for. */
struct target {
    const struct clr_device *device;
    int block;
};

/* Do all readers of value v read (N,C,H,W) as its numbers in a row? */
static bool are_flat(const struct graph *g, int v)
{
    for (size_t k = 0; k < g->node_count; k++)
        for (int j = 0; j < g->nodes[k].desc.x_count; j++)
            if (g->nodes[k].x[j] == v && !op_is(&g->nodes[k].desc, OP_READS_MAPS))
                return false;
    return v != g->logits;
}

/* A flattening before dense layers, which read (N,C,H,W) as well. That of the images stays: a batch has the
 * layout that its readers need, and for a dense layer those are blocks, which would be mostly padding. */
static bool is_needless_copy(struct graph *g, int i, const struct target *t)
{
    (void)t;
    return op_is(&g->nodes[i].desc, OP_FLATTENS) && g->values[g->nodes[i].x[0]].producer >= 0 &&
           are_flat(g, g->nodes[i].y[0]);
}

/* The node that sends a gradient back to value v, and as which of its inputs it reads it; NULL: none. */
static struct graph_node *gradient_reader(struct graph *g, int v, unsigned *input)
{
    for (size_t k = 0; k < g->node_count; k++)
        for (int j = 0; j < g->nodes[k].desc.x_count; j++) {
            *input = 1u << j;
            if (g->nodes[k].x[j] == v && (g->nodes[k].desc.need_dx & *input))
                return &g->nodes[k];
        }
    return NULL;
}

static bool takes_relu(const struct op_desc *d)
{
    const struct op_class *class = op_class(d->kind);

    return (class->flags & OP_TAKES_RELU) && (!class->can_relu || class->can_relu(d));
}

/* Let the node before rectifier i do its work, and the one after it the mask; false: they cannot. */
static bool join_relu(struct graph *g, int i, const struct target *t)
{
    const struct graph_node *n = &g->nodes[i];
    const int maker = g->values[n->x[0]].producer;
    struct graph_node *before = maker >= 0 ? &g->nodes[maker] : NULL, *reader;
    unsigned input;

    (void)t;
    if (!elementwise_is_rectifier(&n->desc) || !before || g->values[n->x[0]].consumer_count != 1 ||
        !takes_relu(&before->desc))
        return false;
    if (!op_is(&before->desc, OP_MASKS_DY)) {
        reader = gradient_reader(g, n->y[0], &input);
        if (reader && !op_is(&reader->desc, OP_MASKS_DX))
            return false;
        if (reader)
            reader->desc.mask_dx |= input;
    }
    before->desc.relu = true;
    return true;
}

/* Two neighbours whose work one operator can do. */
static bool join_pair(struct graph *g, int i, const struct target *t)
{
    struct graph_node *n = &g->nodes[i];
    const int maker = g->values[n->x[0]].producer;
    struct graph_node *before = maker >= 0 ? &g->nodes[maker] : NULL;
    const bool only_images = before && before->x[0] == g->images && g->values[g->images].consumer_count == 1;

    if (!before || g->values[n->x[0]].consumer_count != 1)
        return false;
    for (int kind = 0; kind < OP_KIND_COUNT; kind++) {
        const struct op_class *class = op_class((enum op_kind)kind);
        if (!class->joins || ((class->flags & OP_ONE_X_BLOCK) && !only_images) ||
            !class->joins(&before->desc, &n->desc, t->device, t->block))
            continue;
        before->desc.kind = (enum op_kind)kind;
        before->desc.y[0] = g->values[n->x[0]].shape = n->desc.y[0];
        return true;
    }
    return false;
}

/* Applied in this order, to the nodes from the last to the first. joins(): true if the node's neighbours have
 * taken over its work, so that it is removed. */
static const struct {
    enum fuse_rule rule;
    bool (*joins)(struct graph *g, int i, const struct target *t);
} rules[] = {{FUSE_FLATTEN, is_needless_copy}, {FUSE_RELU, join_relu}, {FUSE_POOL, join_pair}};

#ifndef NDEBUG
/* The contract of relu and mask_dx (struct op_desc): what relies on a masked gradient gets one, and nothing
 * is masked without need. */
static bool masks_agree(struct graph *g)
{
    bool agree = true;

    for (size_t i = 0; i < g->node_count; i++) {
        const struct op_desc *d = &g->nodes[i].desc;
        for (int j = 0; j < d->x_count; j++) {
            const int maker = g->values[g->nodes[i].x[j]].producer;
            const struct op_desc *before = maker >= 0 ? &g->nodes[maker].desc : NULL;
            const bool relies = before && before->relu && !op_is(before, OP_MASKS_DY);
            agree = agree && (d->mask_dx >> j & 1) == (relies && (d->need_dx >> j & 1));
        }
    }
    return agree;
}
#endif

void graph_fuse(struct graph *g, unsigned of, const struct clr_device *device, int block)
{
    const struct target t = {device, block};

    for (size_t k = 0; k < MEM_COUNT(rules); k++)
        for (int i = (int)g->node_count - 1; (of & rules[k].rule) && i >= 0; i--)
            if (rules[k].joins(g, i, &t))
                bypass(g, i);
    assert(masks_agree(g));
}

/* Multiply-adds of an image, lanes beyond the channels included, of the operators that V depends on. */
static double filled(const struct graph *g, int block)
{
    double sum = 0.0;

    for (size_t i = 0; i < g->node_count; i++) {
        const struct op_class *class = op_class(g->nodes[i].desc.kind);
        sum += class->filled ? class->filled(&g->nodes[i].desc, block) : 0.0;
    }
    return sum;
}

/*
 * On a core that does 16 lanes in two halves (Zen 4), a step of quick, whose channels fill them, took 11.5 ms
 * with blocks of 16 and 12.9 with 8; lenet, with half as much again to multiply, 7.7 and 6.0. No core with
 * units for 16 was measured.
 */
static int choose_block(const struct graph *g, const struct clr_device *device)
{
    int blocks[2];

    return layout_blocks(blocks, device) > 1 && filled(g, blocks[0]) > 1.4 * filled(g, blocks[1]) ? blocks[1]
                                                                                                  : blocks[0];
}

void graph_fuse_for(struct graph *g, const struct clr_device *device)
{
    g->block = choose_block(g, device);
    graph_fuse(g, FUSE_ALL, device, g->block);
}
