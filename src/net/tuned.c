/* What a graph takes from tuning records: see graph.h and ops/tuned.h. */
#include "net/graph.h"

void graph_tune(struct graph *g, const struct tunedb *db, const struct clr_device *device, int block)
{
    for (size_t i = 0; i < g->node_count; i++)
        op_tuned(&g->nodes[i].desc, g->nodes[i].origin, db, device, block);
}
