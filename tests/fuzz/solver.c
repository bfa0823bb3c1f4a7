/* Caffe's solver files. They may name a net to read, but no file to write. */
#include "fuzz.h"

#include <stdbool.h>
#include <string.h>

#include <clr/solver.h>

static const char net[] =
    "layer { name: 'data' type: 'Data' top: 'data' top: 'label' data_param { batch_size: 100 } }\n"
    "layer { name: 'ip' type: 'InnerProduct' bottom: 'data' top: 'ip'\n"
    "  inner_product_param { num_output: 10 } }\n"
    "layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: 'ip' bottom: 'label' top: 'loss' }\n";

/* Is it the name that *user has? */
static bool is_name(const void *user, const char *option)
{
    return strcmp(option, user) == 0;
}

/* given: an option that is given beside the file. */
static void read_solver(const char *given, bool sweep)
{
    const struct clr_solver_use use = {is_name, given, sweep};
    struct solver solver;
    struct clr_error err;

    if (fuzz_worked(clr_solver_read(&solver, fuzz_path("solver.prototxt"), &use, &err), &err)) {
        FUZZ_CHECK(solver.count > 0 && solver.count <= SOLVER_MAX_OPTIONS);
        for (size_t i = 0; i < solver.count; i++) {
            FUZZ_CHECK(solver.options[i].name && solver.options[i].value && solver.options[i].value[0]);
            FUZZ_CHECK(strcmp(solver.options[i].name, "out") != 0);
            FUZZ_CHECK(strcmp(given, "net") != 0 || strcmp(solver.options[i].name, "net") != 0);
        }
    }
    clr_solver_clear(&solver);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_write_text("net.prototxt", net);
    fuzz_write("solver.prototxt", data, size);
    read_solver("net", false);
    read_solver("momentum", false);
    read_solver("", false);
    read_solver("net", true);
    return 0;
}
