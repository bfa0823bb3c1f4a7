/*
 * IDX files, plain (FUZZ_END "") or gzipped (".gz"): the input as the images, with as many labels as it
 * announces, then as the labels of two images.
 */
#include "fuzz.h"

#include <stdio.h>

#include "data.h"

#define MOST 65536 /* labels at most */

static void write_both(const char *what, const void *data, size_t size)
{
    char name[64];

    (void)snprintf(name, sizeof name, "idx/train-%s-ubyte" FUZZ_END, what);
    fuzz_write(name, data, size);
    (void)snprintf(name, sizeof name, "idx/t10k-%s-ubyte" FUZZ_END, what);
    fuzz_write(name, data, size);
}

static void write_labels(size_t count)
{
    static uint8_t labels[8 + MOST] = {0, 0, 8, 1};

    for (int i = 0; i < 4; i++)
        labels[4 + i] = (uint8_t)(count >> (24 - 8 * i) & 255);
    write_both("labels-idx1", labels, 8 + count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t images[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 10, 20};
    size_t count = 2;

    if (size >= 8 && data[0] == 0)
        count = (size_t)data[4] << 24 | (size_t)data[5] << 16 | (size_t)data[6] << 8 | data[7];
    write_both("images-idx3", data, size);
    write_labels(count <= MOST ? count : 2);
    fuzz_data("idx");
    write_both("images-idx3", images, sizeof images);
    write_both("labels-idx1", data, size);
    fuzz_data("idx");
    return 0;
}
