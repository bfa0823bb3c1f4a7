/* What a graph takes from tuning records, and what a run saves of it: see graph.h and ops/tuned.h. */
#include "net/graph.h"

#include <string.h>

void graph_tune(struct graph *g, const struct tunedb *db, const struct clr_device *device)
{
    for (size_t i = 0; i < g->node_count; i++)
        op_tuned(&g->nodes[i].desc, g->nodes[i].origin, db, device, g->block);
}

void graph_chosen(const struct graph *g, const struct clr_device *device,
                  void (*tell)(void *user, const char *label, const char *pass, const char *variant),
                  void *user)
{
    for (size_t i = 0; i < g->node_count; i++) {
        const struct op_desc *desc = &g->nodes[i].desc;
        for (int pass = 0; pass < OP_PASS_COUNT; pass++) {
            char text[TUNEDB_VARIANT];
            if (op_chosen(text, sizeof text, desc, (enum op_pass)pass, device, g->block))
                tell(user, desc->label, op_pass_name((enum op_pass)pass), text);
        }
    }
}

bool graph_keep(struct graph *g, const struct clr_device *device,
                const char *(*find)(void *user, const char *label, const char *pass), void *user,
                const char **missing)
{
    for (size_t i = 0; i < g->node_count; i++) {
        struct graph_node *node = &g->nodes[i];
        for (int pass = 0; pass < OP_PASS_COUNT; pass++) {
            const char *text = find(user, node->desc.label, op_pass_name((enum op_pass)pass));
            node->origin[pass] = text ? OP_ORIGIN_KEPT : OP_ORIGIN_NONE;
            if (text && !op_keep(&node->desc, (enum op_pass)pass, text, device, g->block)) {
                *missing = node->desc.label;
                return false;
            }
        }
    }
    return true;
}

void graph_replaced(const struct graph *g, const struct tunedb *db, const struct clr_device *device,
                    void (*tell)(void *user, const char *label, const char *pass,
                                 const struct tunedb_entry *failure, const char *by),
                    void *user)
{
    for (size_t i = 0; i < g->node_count; i++) {
        const struct op_desc *desc = &g->nodes[i].desc;
        for (int pass = 0; pass < OP_PASS_COUNT; pass++) {
            const struct tunedb_entry *f = op_replaced(desc, (enum op_pass)pass, db, device, g->block);
            char by[TUNEDB_VARIANT];
            if (f && op_chosen(by, sizeof by, desc, (enum op_pass)pass, device, g->block) &&
                strcmp(f->variant, by) != 0)
                tell(user, desc->label, op_pass_name((enum op_pass)pass), f, by);
        }
    }
}
