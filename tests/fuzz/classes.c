/* The names of classes: a text file beside CIFAR's images. */
#include "fuzz.h"

#include "data.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t image[2 + 3 * 32 * 32];

    fuzz_write("ten/data_batch_1.bin", image, sizeof image - 1);
    fuzz_write("ten/test_batch.bin", image, sizeof image - 1);
    fuzz_write("ten/batches.meta.txt", data, size);
    fuzz_data("ten");
    fuzz_write("hundred/train.bin", image, sizeof image);
    fuzz_write("hundred/test.bin", image, sizeof image);
    fuzz_write("hundred/fine_label_names.txt", data, size);
    fuzz_data("hundred");
    return 0;
}
