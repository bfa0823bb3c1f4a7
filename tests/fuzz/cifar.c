/* CIFAR-10 and CIFAR-100: the input is every file of both. */
#include "fuzz.h"

#include "base/mem.h"
#include "data.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"ten/data_batch_1.bin", "ten/test_batch.bin", "hundred/train.bin",
                                        "hundred/test.bin"};

    for (size_t i = 0; i < MEM_COUNT(names); i++)
        fuzz_write(names[i], data, size);
    fuzz_data("ten");
    fuzz_data("hundred");
    return 0;
}
