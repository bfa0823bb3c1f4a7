/* What there is to tune in a net: see items.h. */
#include "tune/items.h"

#include <stdlib.h>
#include <string.h>

#include "train/session.h"

/* The item of that key, NULL: none yet. */
static struct tune_item *find(const struct tune_items *t, const struct tunedb_key *key)
{
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->items[i].key.operator, key->operator) == 0 &&
            strcmp(t->items[i].key.shape, key->shape) == 0)
            return &t->items[i];
    return NULL;
}

static int add_pass(struct tune_items *t, const struct graph *g, const struct graph_node *node,
                    enum op_pass pass, const struct clr_device *device, struct clr_error *err)
{
    const int block = g->block;
    struct op_variant some[2];
    struct tune_item item = {.desc = node->desc,
                             .pass = pass,
                             .block = block,
                             .from_images = g->values[node->x[0]].producer < 0,
                             .uses = g == t->train};
    struct tune_item *known;
    int rc;

    if (op_candidates(some, 2, &item.desc, pass, device, block) < 2 ||
        !op_tune_key(&item.key, &item.desc, pass, block))
        return 0;
    known = find(t, &item.key);
    if (known) {
        known->uses += item.uses;
        return 0;
    }
    item.desc.backward = pass != OP_FORWARD;
    item.desc.need_dx = pass == OP_BACKWARD_DATA;
    rc = mem_grow(&t->items, &t->capacity, t->count + 1, sizeof *t->items, "a list of operators", err);
    if (rc == 0)
        t->items[t->count++] = item;
    return rc;
}

/* The operators that a run would have, joined with their neighbours; of each the first `passes`. */
static int add_graph(struct tune_items *t, struct graph *g, int passes, const struct clr_device *device,
                     struct clr_error *err)
{
    int rc = 0;

    graph_fuse_for(g, device);
    for (size_t i = 0; i < g->node_count && rc == 0; i++)
        for (int pass = 0; pass < passes && rc == 0; pass++)
            rc = add_pass(t, g, &g->nodes[i], (enum op_pass)pass, device, err);
    return rc;
}

int tune_items_init(struct tune_items *t, const struct clr_tune_options *o, struct clr_error *err)
{
    int rc;

    memset(t, 0, sizeof *t);
    rc = graph_create(&t->train, o->net, PHASE_TRAIN, o->input, o->batch, err);
    if (rc == 0)
        rc = graph_create(&t->test, o->net, PHASE_TEST, o->input, SESSION_EVAL_BATCH, err);
    if (rc == 0)
        rc = add_graph(t, t->train, OP_PASS_COUNT, o->device, err);
    if (rc == 0)
        rc = add_graph(t, t->test, OP_FORWARD + 1, o->device, err); /* evaluation has no gradients */
    if (rc < 0)
        tune_items_clear(t);
    return rc;
}

void tune_items_clear(struct tune_items *t)
{
    free(t->items);
    graph_destroy(t->train);
    graph_destroy(t->test);
    memset(t, 0, sizeof *t);
}
