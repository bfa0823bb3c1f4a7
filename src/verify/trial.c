/* Buffers that are watched: see trial.h. */
#include "verify/trial.h"

#include <math.h>
#include <stdarg.h>

#define GARBAGE 0x42f6e979u /* 123.456f: scratch before the second run */

/* Those after the first of several have no name of their own. */
static const char *const slot_names[S_COUNT] = {[S_X] = "x",           [S_Y] = "y",
                                                [S_DX] = "dx",         [S_DY] = "dy",
                                                [S_W] = "w",           [S_W + 1] = "b",
                                                [S_DW] = "dw",         [S_DW + 1] = "db",
                                                [S_V] = "v",           [S_S] = "s",
                                                [S_SAVED] = "saved",   [S_WORK] = "workspace",
                                                [S_LABELS] = "labels", [S_INDEX] = "sample index",
                                                [S_SAMPLE] = "sample"};

static const char *slot_name(int slot)
{
    while (!slot_names[slot])
        slot--;
    return slot_names[slot];
}

void trial_result_init(struct verify_result *r)
{
    memset(r, 0, sizeof *r);
    r->ok = true;
    for (int i = 0; i < VERIFY_OUTPUT_COUNT; i++)
        r->nmse[i] = -1.0;
}

/* ------------------------------------------------------------------ verdict */

void trial_fault(struct trial *t, const char *format, ...)
{
    struct verify_result *r = t->result;
    va_list ap;
    int n;

    if (!r->ok)
        return; /* the first one is the one to read */
    r->ok = false;
    n = snprintf(r->text, sizeof r->text, "%s, batch %d of %d: ", t->title, t->batch, t->planned);
    if (n < 0 || (size_t)n >= sizeof r->text)
        return;
    va_start(ap, format);
    (void)vsnprintf(r->text + n, sizeof r->text - (size_t)n, format, ap);
    va_end(ap);
}

static float as_float(uint32_t bits)
{
    float f;

    memcpy(&f, &bits, sizeof f);
    return f;
}

static uint32_t as_bits(double value)
{
    float f = (float)value;
    uint32_t bits;

    memcpy(&bits, &f, sizeof bits);
    return bits;
}

/* ------------------------------------------------------------------ buffers */

int trial_buffer(struct trial *t, int slot, size_t bytes, bool scratch, struct clr_error *err)
{
    struct slot *s = &t->slots[slot];
    size_t total;
    int rc;

    s->words = (bytes + 3) / 4;
    s->guard = t->guard;
    s->scratch = scratch;
    total = s->words + s->guard;
    rc = mem_new(&s->before, total, sizeof *s->before, "buffer to verify", err);
    if (rc == 0)
        rc = mem_new(&s->after, total, sizeof *s->after, "buffer to verify", err);
    if (rc == 0)
        rc = mem_new(&s->first, total, sizeof *s->first, "buffer to verify", err);
    if (rc == 0)
        rc = mem_new(&s->writable, total, 1, "buffer to verify", err);
    if (rc == 0)
        rc = ocl_buffer_create(&s->mem, t->ctx, total * 4, slot_name(slot), err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < total; i++)
        s->before[i] = TRIAL_SENTINEL;
    if (scratch)
        memset(s->writable, 1, s->words);
    t->at[slot] = s;
    return 0;
}

/* Where element i of (N,C,H,W) lies. */
static size_t element(const struct tensor *t, size_t i)
{
    const struct shape *s = &t->shape;
    const size_t h = (size_t)s->h, w = (size_t)s->w, c = (size_t)s->c, v = (size_t)t->layout.block;
    const size_t halo_h = (size_t)t->layout.halo_h, halo_w = (size_t)t->layout.halo_w;
    const size_t rows = h + 2 * halo_h, columns = w + 2 * halo_w;
    const size_t x = i % w + halo_w, y = i / w % h + halo_h;
    const size_t channel = i / (h * w) % c, n = i / (h * w * c);
    const size_t row = (n * ((c + v - 1) / v) + channel / v) * rows + y;

    return (row * columns + x) * v + channel % v;
}

/* Elements of that many images. */
static size_t elements(const struct tensor *t, int images)
{
    return (size_t)images * (size_t)t->shape.c * (size_t)t->shape.h * (size_t)t->shape.w;
}

/*
 * A tensor's buffer: halo and lanes beyond C zero, slack NaN. Values (of the batch; NaN beyond it) or, where
 * values is NULL, NaN everywhere and the batch's elements writable.
 */
int trial_tensor(struct trial *t, int slot, struct tensor *tensor, const double *values, bool overwritten,
                 struct clr_error *err)
{
    size_t floats;
    struct slot *s;
    int rc;

    if (!tensor_floats(&tensor->shape, &tensor->layout, &floats))
        return clr_error_set(err, CLR_ENOMEM, "the tensor %s to verify overflows", slot_name(slot));
    rc = trial_buffer(t, slot, floats * 4, false, err);
    if (rc < 0)
        return rc;
    s = t->at[slot];
    memset(s->before, 0, (floats - TENSOR_SLACK) * 4);
    for (size_t i = 0; i < elements(tensor, tensor->shape.n); i++) {
        const size_t at = element(tensor, i);
        const bool in_batch = i < elements(tensor, t->batch);
        s->before[at] = values && in_batch ? as_bits(values[i]) : TRIAL_SENTINEL;
        s->writable[at] = (overwritten || !values) && in_batch;
    }
    tensor->mem = s->mem;
    return 0;
}

/* A parameter (values) or its gradient (NULL). */
int trial_array(struct trial *t, int slot, cl_mem *mem, size_t count, const double *values,
                struct clr_error *err)
{
    int rc;

    if (count == 0)
        return 0;
    rc = trial_buffer(t, slot, count * 4, false, err);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (values)
            t->at[slot]->before[i] = as_bits(values[i]);
        else
            t->at[slot]->writable[i] = 1;
    }
    if (rc == 0)
        *mem = t->at[slot]->mem;
    return rc;
}

/* Integers per image after `offset` others; entries beyond the batch are zero, so that reading them is
 * harmless. */
int trial_ints(struct trial *t, int slot, cl_mem *mem, const int32_t *values, int offset,
               struct clr_error *err)
{
    int rc = trial_buffer(t, slot, (size_t)(offset + t->planned) * 4, false, err);

    if (rc < 0)
        return rc;
    for (int i = 0; i < t->planned; i++)
        t->at[slot]->before[offset + i] = i < t->batch ? (uint32_t)values[i] : 0;
    *mem = t->at[slot]->mem;
    return 0;
}

void trial_clear(struct trial *t)
{
    for (int i = 0; i < S_COUNT; i++) {
        struct slot *s = &t->slots[i];
        ocl_release(&s->mem);
        free(s->before);
        free(s->after);
        free(s->first);
        free(s->writable);
    }
}

/* ------------------------------------------------------------------ running */

int trial_upload(struct trial *t, int run, struct clr_error *err)
{
    int rc = 0;

    for (int i = 0; i < S_COUNT && rc == 0; i++) {
        struct slot *s = &t->slots[i];
        if (!s->mem)
            continue;
        for (size_t k = 0; run > 0 && s->scratch && k < s->words; k++)
            s->before[k] = GARBAGE;
        rc = ocl_write(t->ctx, s->mem, 0, (s->words + s->guard) * 4, s->before, err);
    }
    return rc;
}

int trial_download(struct trial *t, int run, struct clr_error *err)
{
    int rc = 0;

    for (int i = 0; i < S_COUNT && rc == 0; i++) {
        struct slot *s = &t->slots[i];
        if (s->mem)
            rc = ocl_read(t->ctx, s->mem, 0, (s->words + s->guard) * 4, run == 0 ? s->first : s->after, err);
    }
    return rc;
}

/* ------------------------------------------------------------------ checking */

/* Squares of error and reference, what was not finite; or NaNs expected, and those of them that are not. */
struct sums {
    double error, power;
    size_t count, bad;
    size_t nans, lost;
};

static void sums_add(const struct trial *t, struct sums *s, uint32_t got, double expected)
{
    double value = (double)as_float(got), d = value - expected;

    if (t->only_nans) {
        if (isnan(expected)) {
            s->nans++;
            s->lost += !isnan(value) || got == TRIAL_SENTINEL;
        }
        return;
    }
    s->count++;
    if (!isfinite(value)) {
        s->bad++;
        return;
    }
    s->error += d * d;
    s->power += expected * expected;
}

static void check_sums(struct trial *t, enum verify_output output, double limit, const struct sums *s)
{
    double nmse = s->power > 0.0 ? s->error / s->power : s->error;
    double *worst = &t->result->nmse[output];
    char bad[STR_COUNT], all[STR_COUNT];

    if (s->lost > 0)
        trial_fault(t, "%s: of %zu values that a NaN goes into %zu are numbers, or not written",
                    verify_output_name(output), s->nans, s->lost);
    if (t->only_nans)
        return;
    if (s->bad > 0) {
        nmse = INFINITY;
        trial_fault(t, "%s: %s of %s values not written or not finite", verify_output_name(output),
                    str_count(bad, s->bad, ""), str_count(all, s->count, ""));
    }
    if (!(nmse <= limit))
        trial_fault(t, "%s: NMSE %.2e, limit %.2e", verify_output_name(output), nmse, limit);
    if (!(nmse <= *worst))
        *worst = nmse;
}

void trial_check_tensor(struct trial *t, enum verify_output output, double limit, int slot,
                        const struct tensor *tensor, const double *expected)
{
    struct sums s = {0};

    for (size_t i = 0; i < elements(tensor, t->batch); i++)
        sums_add(t, &s, t->at[slot]->first[element(tensor, i)], expected[i]);
    check_sums(t, output, limit, &s);
}

void trial_check_array(struct trial *t, enum verify_output output, double limit, int slot, size_t offset,
                       size_t count, const double *expected)
{
    struct sums s = {0};

    for (size_t i = 0; i < count; i++)
        sums_add(t, &s, t->at[slot]->first[offset + i], expected[i]);
    check_sums(t, output, limit, &s);
}

/* Where in its buffer a word that must not change has changed: the sentence's end. */
static const char *region(const struct slot *s, size_t at)
{
    if (at >= s->words)
        return "after its end";
    if (s->before[at] == 0)
        return "in its halo or in lanes beyond the last channel";
    if (s->before[at] == TRIAL_SENTINEL)
        return "in its slack, beyond the batch or before the offset";
    return "in an input";
}

void trial_check_untouched(struct trial *t)
{
    for (int i = 0; i < S_COUNT; i++) {
        const struct slot *s = &t->slots[i];
        size_t changed = 0, where = 0;

        for (size_t k = 0; s->mem && k < s->words + s->guard; k++) {
            bool zero = s->before[k] == 0 && s->first[k] == 0x80000000u;
            if (s->writable[k] || s->first[k] == s->before[k] || zero)
                continue;
            if (changed++ == 0)
                where = k;
        }
        if (changed > 0)
            trial_fault(t, "%s: %zu words written %s (the first at %zu of %zu, %g)", slot_name(i), changed,
                        region(s, where), where, s->words, (double)as_float(s->first[where]));
    }
}

void trial_check_repeats(struct trial *t)
{
    for (int i = 0; i < S_COUNT; i++) {
        const struct slot *s = &t->slots[i];
        if (s->mem && !s->scratch && memcmp(s->first, s->after, (s->words + s->guard) * 4) != 0)
            trial_fault(t, "%s: a second run on the same input gives other bytes", slot_name(i));
    }
}
