/* Caffe's weights: read for a small net with every kind of parameter. */
#include "fuzz.h"

#include <string.h>

#include "net/caffemodel.h"
#include "net/spec.h"
#include "train/weights.h"

static void check_read(const char *path, const struct graph *g, bool partial)
{
    struct st_file file = {0};
    struct clr_error err;

    if (!fuzz_worked(weights_read(&file, path, g, partial, "a hint", &err), &err)) {
        FUZZ_CHECK(!file.tensors);
        return;
    }
    for (size_t i = 0; i < file.count; i++) {
        size_t count = 1;
        for (int k = 0; k < file.tensors[i].rank; k++)
            count *= (size_t)file.tensors[i].dims[k];
        FUZZ_CHECK(count == file.tensors[i].count);
    }
    for (size_t i = 0; i < g->param_count; i++) {
        const struct st_tensor *t = safetensors_find(&file, g->params[i].name);
        FUZZ_CHECK(t ? t->count == g->params[i].count : partial || g->params[i].rank == 0);
    }
    safetensors_clear(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct graph_param params[] = {
        {.name = "ip.weight", .rank = 2, .dims = {2, 3}, .count = 6},
        {.name = "ip.bias", .blob = 1, .rank = 1, .dims = {2}, .count = 2},
        {.name = "bn.running_mean", .rank = 1, .dims = {2}, .count = 2, .state = true},
        {.name = "bn.running_var", .blob = 1, .rank = 1, .dims = {2}, .count = 2, .state = true},
        {.name = "bn.num_batches_tracked", .blob = 2, .count = 1, .state = true},
    };
    const struct layer_spec layers[] = {{.name = "again"}, {.name = "bn"}};
    struct graph_node nodes[] = {
        {.layer = &layers[0], .param = {0, 1}, .param_count = 2, .desc = {.kind = OP_DENSE}},
        {.layer = &layers[1],
         .param = {2, 3, 4},
         .param_count = 3,
         .desc = {.kind = OP_BATCH_NORM, .label = "bn"}}};
    const struct graph g = {
        .params = params, .param_count = MEM_COUNT(params), .nodes = nodes, .node_count = MEM_COUNT(nodes)};

    nodes[1].desc.u.batch_norm.fraction = 0.99f;
    fuzz_write("net.caffemodel", data, size);
    check_read(fuzz_path("net.caffemodel"), &g, false);
    check_read(fuzz_path("net.caffemodel"), &g, true);
    return 0;
}
