/* Nets: prototxt to layers, shapes of both phases, and the plan of memory on a device. */
#include "fuzz.h"

#include <clr/net.h>

#include <stdlib.h>

#include "net/net.h"

#define BATCH 100

static void plan(const struct clr_net_spec *spec, struct clr_image_shape input, unsigned phase,
                 const struct clr_device *device)
{
    struct clr_error err;
    struct params params;
    struct graph *graph;
    struct net *net;

    if (!fuzz_worked(graph_create(&graph, spec, phase, input, BATCH, &err), &err))
        return;
    graph_fuse_for(graph, device);
    FUZZ_CHECK(graph->block >= 1);
    if (fuzz_worked(params_plan(&params, graph, device, PARAMS_EVERY, &err), &err)) {
        FUZZ_CHECK(params_bytes(&params) <= PARAMS_SETS * device->max_allocation);
        params_clear(&params);
    }
    if (fuzz_worked(net_plan(&net, graph, device, graph->block, &err), &err)) {
        FUZZ_CHECK(net_bytes(net) > 0);
        net_destroy(net);
    }
    graph_destroy(graph);
}

static void show(const struct clr_net_spec *spec, struct clr_image_shape input)
{
    struct clr_error err;
    char *text;

    if (fuzz_worked(clr_net_show(&text, spec, input, BATCH, &err), &err)) {
        fuzz_readable(text);
        free(text);
    }
    if (fuzz_worked(clr_net_show_json(&text, spec, input, BATCH, &err), &err)) {
        fuzz_readable(text);
        free(text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct clr_net_spec *spec = NULL;
    struct clr_image_shape input;
    struct clr_error err;

    fuzz_write("net.prototxt", data, size);
    if (!fuzz_worked(clr_net_load(&spec, fuzz_path("net.prototxt"), &err), &err)) {
        FUZZ_CHECK(!spec);
        return 0;
    }
    input = clr_net_input(spec);
    if (!input.channels)
        input = (struct clr_image_shape){3, 32, 32};
    show(spec, input);
    for (size_t i = 0; i < MEM_COUNT(fuzz_devices); i++) {
        plan(spec, input, PHASE_TRAIN, &fuzz_devices[i]);
        plan(spec, input, PHASE_TEST, &fuzz_devices[i]);
    }
    clr_net_destroy(spec);
    return 0;
}
