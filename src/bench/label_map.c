/* From labels of the profile to layers and passes: see measure.h. */
#include "bench/measure.h"

const char *const labels_passes[CLR_BENCH_PASSES] = {
    "batch", "forward", "data gradient", "weight gradient", "backward", "update", "other"};

const char *clr_bench_pass_name(enum clr_bench_pass pass)
{
    return (size_t)pass < MEM_COUNT(labels_passes) ? labels_passes[pass] : "other";
}

/* Does text begin with these words? */
static bool begins(const char *text, const char *words)
{
    const size_t n = strlen(words);

    return strncmp(text, words, n) == 0 && (text[n] == '\0' || text[n] == ' ');
}

enum clr_bench_pass labels_map(const char *label, const char *const *names, size_t count, size_t *layer)
{
    static const struct {
        const char *words;
        enum clr_bench_pass pass;
    } passes[] = {
        {"forward", CLR_BENCH_FORWARD},         {"data gradient", CLR_BENCH_DATA},
        {"weight gradient", CLR_BENCH_WEIGHTS}, {"bias gradient", CLR_BENCH_WEIGHTS},
        {"gradient sum", CLR_BENCH_WEIGHTS},    {"backward", CLR_BENCH_BACKWARD},
        {"update", CLR_BENCH_UPDATE},
    };
    const char *rest = label;
    size_t length = 0;

    *layer = count;
    for (size_t i = 0; i < count; i++) {
        const size_t n = strlen(names[i]);
        if (n > length && begins(label, names[i]) && label[n] == ' ') {
            *layer = i;
            length = n;
            rest = label + n + 1;
        }
    }
    if (*layer == count)
        return begins(label, "batch")    ? CLR_BENCH_BATCH
               : begins(label, "update") ? CLR_BENCH_UPDATE
                                         : CLR_BENCH_OTHER;
    for (size_t k = 0; k < MEM_COUNT(passes); k++)
        if (begins(rest, passes[k].words))
            return passes[k].pass;
    return CLR_BENCH_OTHER;
}
