/* A data set of random bytes: see random_data.h. */
#include "verify/random_data.h"

#include "base/rng.h"
#include "data/format.h"

#define MOST_IMAGES 50000
#define MOST_BYTES  ((size_t)160 * 1000 * 1000)

static void fill(struct clr_images *images, size_t one, int classes, uint32_t stream)
{
    const size_t size = (size_t)images->count * one;

    for (size_t i = 0; i < size; i += 16) {
        uint32_t words[4];
        rng_philox(RANDOM_DATA_SEED, RNG_TEST, stream, i / 16, words);
        memcpy(images->pixels + i, words, size - i < sizeof words ? size - i : sizeof words);
    }
    for (int i = 0; i < images->count; i++)
        images->labels[i] =
            (int32_t)rng_below(RANDOM_DATA_SEED, RNG_TEST, stream + 1, (uint64_t)i, (uint32_t)classes);
}

int random_data_create(struct clr_dataset **out, struct clr_image_shape shape, int classes, int batch,
                       struct clr_error *err)
{
    const size_t one = (size_t)shape.channels * (size_t)shape.height * (size_t)shape.width;
    struct clr_dataset *ds = NULL;
    size_t count = MOST_BYTES / one;
    int rc = mem_new(&ds, 1, sizeof *ds, "random images", err);

    if (rc < 0)
        return rc;
    count = count > MOST_IMAGES ? MOST_IMAGES : count;
    count = count < (size_t)batch ? (size_t)batch : count;
    str_copy(ds->name, sizeof ds->name, "random");
    str_copy(ds->format, sizeof ds->format, "random bytes");
    ds->channels = shape.channels;
    ds->height = shape.height;
    ds->width = shape.width;
    ds->classes = classes;
    for (size_t c = 0; c < MEM_COUNT(ds->channel_mean); c++)
        ds->channel_mean[c] = 127.5;
    rc = format_new_images(&ds->train, ds, count, "random", err);
    if (rc == 0)
        rc = format_new_images(&ds->test, ds, (size_t)batch, "random", err);
    if (rc < 0) {
        clr_dataset_destroy(ds);
        return rc;
    }
    fill(&ds->train, one, classes, 100);
    fill(&ds->test, one, classes, 102);
    *out = ds;
    return 0;
}
