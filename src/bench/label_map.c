/* From labels of the profile to layers and passes: see measure.h. */
#include "bench/measure.h"

#include "ops/op_class.h"

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
    static const enum clr_bench_pass passes[] = {
        [OP_STAGE_FORWARD] = CLR_BENCH_FORWARD, [OP_STAGE_DATA] = CLR_BENCH_DATA,
        [OP_STAGE_WEIGHTS] = CLR_BENCH_WEIGHTS, [OP_STAGE_BACKWARD] = CLR_BENCH_BACKWARD,
        [OP_STAGE_NONE] = CLR_BENCH_OTHER,
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
    return begins(rest, "update") ? CLR_BENCH_UPDATE : passes[op_stage(rest)];
}
