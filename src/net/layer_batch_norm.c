/*
 * BatchNorm: batch_norm_param. In the TRAIN phase it uses the statistics of the batch, in the TEST phase the
 * running ones. A file may have it twice under one name, once for each phase.
 */
#include "net/layer.h"

static int read_statistics(struct layer_reading *in, struct pt_reader *r)
{
    bool running = false;
    int rc = pt_bool(r, "use_global_stats", &running, in->err);

    if (rc > 0)
        in->layer->desc.u.batch_norm.statistics = running ? BATCH_NORM_RUNNING : BATCH_NORM_OF_BATCH;
    return rc < 0 ? rc : 0;
}

static const struct field fields[] = {
    {"use_global_stats", FIELD_OWN, "use the running statistics", .read = read_statistics,
     .takes = "true or false, default true in the TEST phase"},
    {"moving_average_fraction", FIELD_FLOAT, "how much an older batch counts in the running statistics",
     AT(desc.u.batch_norm.fraction), .usual = 0.999, .most = 1},
    {"eps", FIELD_FLOAT, "added to the variance", AT(desc.u.batch_norm.eps), .usual = 1e-5, .least = 1e-12,
     .most = 1e3},
    FIELD_ENGINE,
    {0},
};

static int build(struct builder *b, const int *bottom)
{
    struct graph_node *n = build_node(b, OP_BATCH_NORM, bottom, 1);
    enum batch_norm_statistics *statistics = &n->desc.u.batch_norm.statistics;

    n->desc.backward = b->g->phase == PHASE_TRAIN; /* also where nothing is learned before it */
    if (*statistics == BATCH_NORM_BY_PHASE)
        *statistics = b->g->phase == PHASE_TRAIN ? BATCH_NORM_OF_BATCH : BATCH_NORM_RUNNING;
    return build_finish(b, n);
}

const struct layer_class layer_batch_norm = {
    .type = "BatchNorm",
    .help = "each channel minus its mean, divided by its standard deviation; no factor, no term",
    .bottoms = 1,
    .flags = LAYER_IN_PLACE,
    .kind = OP_BATCH_NORM,
    .params = "may be given three times, with lr_mult: 0",
    .blocks = {{"batch_norm_param", fields}},
    .build = build,
};
