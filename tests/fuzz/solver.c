/* Caffe's solver files. They may name a net to read, and nothing to write. */
#include "fuzz.h"

#include <string.h>

#include "net/solver.h"

static const char net[] =
    "layer { name: 'data' type: 'Data' top: 'data' top: 'label' data_param { batch_size: 100 } }\n"
    "layer { name: 'ip' type: 'InnerProduct' bottom: 'data' top: 'ip'\n"
    "  inner_product_param { num_output: 10 } }\n"
    "layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: 'ip' bottom: 'label' top: 'loss' }\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct solver solver;
    struct clr_error err;

    fuzz_write_text("net.prototxt", net);
    fuzz_write("solver.prototxt", data, size);
    if (fuzz_worked(solver_read(&solver, fuzz_path("solver.prototxt"), true, &err), &err)) {
        FUZZ_CHECK(solver.count > 0 && solver.count <= SOLVER_MAX_OPTIONS);
        for (size_t i = 0; i < solver.count; i++) {
            FUZZ_CHECK(solver.options[i].name && solver.options[i].value && solver.options[i].value[0]);
            FUZZ_CHECK(strcmp(solver.options[i].name, "out") != 0);
        }
    }
    solver_clear(&solver);
    return 0;
}
