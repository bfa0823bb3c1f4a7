/* A mean of images as Caffe writes it. */
#include "fuzz.h"

#include <math.h>

#include "net/caffemodel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct st_file file = {0};
    struct clr_error err;

    fuzz_write("mean.binaryproto", data, size);
    if (!fuzz_worked(caffemodel_read_mean(&file, fuzz_path("mean.binaryproto"), &err), &err)) {
        FUZZ_CHECK(!file.tensors);
        return 0;
    }
    const struct st_tensor *t = &file.tensors[0];
    FUZZ_CHECK(file.count == 1 && t->rank == 3 && t->count == t->dims[0] * t->dims[1] * t->dims[2]);
    for (size_t i = 0; i < t->count; i++)
        FUZZ_CHECK(isfinite(t->data[i]));
    safetensors_clear(&file);
    return 0;
}
