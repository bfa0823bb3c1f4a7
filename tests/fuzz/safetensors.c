/* Weights: accepted files are written, read again as the same, and matched to a small net. */
#include "fuzz.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/weights.h"

static void check_same(const struct st_file *a, const struct st_file *b)
{
    FUZZ_CHECK(a->count == b->count && a->metadata_count == b->metadata_count);
    for (size_t i = 0; i < a->count; i++) {
        const struct st_tensor *t = &a->tensors[i], *u = safetensors_find(b, t->name);
        FUZZ_CHECK(u && t->rank == u->rank && t->count == u->count);
        FUZZ_CHECK(memcmp(t->dims, u->dims, (size_t)t->rank * sizeof t->dims[0]) == 0);
        FUZZ_CHECK(t->count == 0 || memcmp(t->data, u->data, t->count * sizeof(float)) == 0);
    }
}

/* Once more through the writer. */
static void check_again(const struct st_file *file)
{
    struct st_file again = {0};
    struct clr_error err;
    char *bytes;
    size_t size;

    if (!fuzz_worked(safetensors_format(&bytes, &size, file, &err), &err))
        fuzz_broken(__FILE__, __LINE__, err.message);
    if (!fuzz_worked(safetensors_parse(&again, "again", bytes, size, &err), &err))
        fuzz_broken(__FILE__, __LINE__, err.message);
    check_same(file, &again);
    safetensors_clear(&again);
}

static void check_match(const char *path, bool partial)
{
    struct graph_param params[] = {
        {.name = "ip.weight", .rank = 2, .dims = {2, 3}, .count = 6},
        {.name = "bn.num_batches_tracked", .count = 1, .state = true},
    };
    const struct graph g = {.params = params, .param_count = MEM_COUNT(params)};
    struct clr_dataset data = {.channels = 3, .height = 2, .width = 2};
    const struct clr_train_options o = {.data = &data, .init = path, .mean = -1, .scale = NAN};
    enum clr_mean kind = CLR_MEAN_NONE;
    struct st_file file = {0};
    struct clr_error err;
    double scale = 1.0;
    float mean[12];

    if (!fuzz_worked(weights_read(&file, path, &g, partial, "a hint", &err), &err)) {
        FUZZ_CHECK(!file.tensors);
        return;
    }
    (void)fuzz_worked(weights_transform(&file, &o, &kind, &scale, mean, &err), &err);
    FUZZ_CHECK(isfinite(scale));
    safetensors_clear(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct st_file file = {0};
    struct clr_error err;

    if (fuzz_worked(safetensors_parse(&file, "the input", fuzz_text(data, size), size, &err), &err))
        check_again(&file);
    safetensors_clear(&file);
    fuzz_write("weights.safetensors", data, size);
    check_match(fuzz_path("weights.safetensors"), false);
    check_match(fuzz_path("weights.safetensors"), true);
    return 0;
}
