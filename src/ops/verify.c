/* One operator against its oracle on a device: see verify.h. */
#include "ops/verify.h"

#include <math.h>
#include <stdarg.h>

#include "ops/verify_oracle.h"

#define SENTINEL    0x7fc0deadu /* a NaN that nobody computes */
#define GARBAGE     0x42f6e979u /* 123.456f: scratch before the second run */
#define GUARD_WORDS 64

static const char *const arrangement_names[VERIFY_ARRANGEMENT_COUNT] = {
    "exact halos", "wide halos", "input in one channel block", "in place", "inference"};

static const char *const output_names[VERIFY_OUTPUT_COUNT] = {"y", "dx", "dw", "db", "sample", "w", "v"};

/* One buffer: words uploaded, downloaded after each run, and which of them may have been written. */
struct slot {
    cl_mem mem;
    size_t words, guard; /* without the guard behind */
    uint32_t *before, *after, *first;
    unsigned char *writable;
    bool scratch;
};

enum slot_name {
    S_X,
    S_Y,
    S_DX,
    S_DY,
    S_W,
    S_B,
    S_DW,
    S_DB,
    S_SAVED,
    S_WORK,
    S_LABELS,
    S_INDEX,
    S_SAMPLE,
    S_COUNT
};

static const char *const slot_names[S_COUNT] = {
    "x", "y", "dx", "dy", "w", "b", "dw", "db", "saved", "workspace", "labels", "sample index", "sample"};

/* One operator in one arrangement. */
struct trial {
    struct ocl_context *ctx;
    enum verify_arrangement arrangement;
    struct op_desc desc;
    struct op_needs needs;
    struct op_io io;
    const struct oracle *oracle;
    struct slot slots[S_COUNT];
    struct slot *at[S_COUNT]; /* in place, y is x's */
    struct verify_result *result;
};

const char *verify_output_name(enum verify_output output)
{
    return output_names[output];
}

double verify_tolerance(enum op_kind kind, enum verify_output output)
{
    switch (kind) {
    case OP_CONV:
    case OP_DENSE:
        return 1e-12;
    case OP_LRN:
        return 1e-11; /* pow() is the driver's: OpenCL allows it 16 ulp */
    case OP_SOFTMAX_LOSS:
        return output == VERIFY_SAMPLE ? 1e-12 : 1e-11;
    case OP_POOL:
    case OP_DROPOUT:
        return 1e-13;
    case OP_RELU:
        return 1e-14;
    case OP_ACCURACY:
    case OP_RELAYOUT:
    case OP_KIND_COUNT:
        break;
    }
    return 0.0; /* nothing is computed */
}

/* ------------------------------------------------------------------ verdict */

static void fault(struct trial *t, const char *format, ...) CLR_PRINTF(2, 3);
static void fault(struct trial *t, const char *format, ...)
{
    struct verify_result *r = t->result;
    va_list ap;
    int n;

    if (!r->ok)
        return; /* the first one is the one to read */
    r->ok = false;
    n = snprintf(r->text, sizeof r->text, "%s, batch %d of %d: ", arrangement_names[t->arrangement],
                 t->io.batch, t->desc.x.n);
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

static int slot_create(struct trial *t, enum slot_name name, size_t bytes, bool scratch,
                       struct clr_error *err)
{
    struct slot *s = &t->slots[name];
    size_t total;
    int rc;

    s->words = (bytes + 3) / 4;
    s->guard = t->arrangement == VERIFY_WIDE ? GUARD_WORDS : 0;
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
        rc = ocl_buffer_create(&s->mem, t->ctx, total * 4, slot_names[name], err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < total; i++)
        s->before[i] = SENTINEL;
    if (scratch)
        memset(s->writable, 1, s->words);
    t->at[name] = s;
    return 0;
}

static size_t element(const struct tensor *t, int n, int c, int h, int w)
{
    size_t v = (size_t)t->layout.block, blocks = ((size_t)t->shape.c + v - 1) / v;
    size_t hp = (size_t)(t->shape.h + 2 * t->layout.halo_h), wp = (size_t)(t->shape.w + 2 * t->layout.halo_w);
    size_t row = ((size_t)n * blocks + (size_t)c / v) * hp + (size_t)(h + t->layout.halo_h);

    return (row * wp + (size_t)(w + t->layout.halo_w)) * v + (size_t)c % v;
}

/* The next element in logical order; false behind the last one of image `images` − 1. */
struct place {
    int n, c, h, w;
};

static bool next_place(struct place *p, const struct shape *s, int images)
{
    if (++p->w < s->w)
        return true;
    p->w = 0;
    if (++p->h < s->h)
        return true;
    p->h = 0;
    if (++p->c < s->c)
        return true;
    p->c = 0;
    return ++p->n < images;
}

/*
 * A tensor's buffer: halo and lanes beyond C zero, slack NaN. Values (of the batch; NaN beyond it) or, where
 * values is NULL, NaN everywhere and the batch's elements writable.
 */
static int tensor_create(struct trial *t, enum slot_name name, struct tensor *tensor, const double *values,
                         struct clr_error *err)
{
    struct place p = {0};
    size_t floats, i = 0;
    struct slot *s;
    int rc;

    if (!tensor_floats(&tensor->shape, &tensor->layout, &floats))
        return clr_error_set(err, CLR_ENOMEM, "the tensor %s to verify overflows", slot_names[name]);
    rc = slot_create(t, name, floats * 4, false, err);
    if (rc < 0)
        return rc;
    s = t->at[name];
    memset(s->before, 0, (floats - TENSOR_SLACK) * 4);
    do {
        size_t at = element(tensor, p.n, p.c, p.h, p.w);
        bool in_batch = p.n < t->io.batch;
        s->before[at] = values && in_batch ? as_bits(values[i]) : SENTINEL;
        s->writable[at] = !values && in_batch;
        i++;
    } while (next_place(&p, &tensor->shape, tensor->shape.n));
    tensor->mem = s->mem;
    return 0;
}

/* A parameter (values) or its gradient (NULL). */
static int array_create(struct trial *t, enum slot_name name, cl_mem *mem, size_t count, const double *values,
                        struct clr_error *err)
{
    int rc;

    if (count == 0)
        return 0;
    rc = slot_create(t, name, count * 4, false, err);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (values)
            t->at[name]->before[i] = as_bits(values[i]);
        else
            t->at[name]->writable[i] = 1;
    }
    if (rc == 0)
        *mem = t->at[name]->mem;
    return rc;
}

/* Integers per image behind `offset` others; entries beyond the batch are zero, so that reading them is
 * harmless. */
static int ints_create(struct trial *t, enum slot_name name, cl_mem *mem, const int32_t *values, int offset,
                       struct clr_error *err)
{
    int rc = slot_create(t, name, (size_t)(offset + t->desc.x.n) * 4, false, err);

    if (rc < 0)
        return rc;
    for (int i = 0; i < t->desc.x.n; i++)
        t->at[name]->before[offset + i] = i < t->io.batch ? (uint32_t)values[i] : 0;
    *mem = t->at[name]->mem;
    return 0;
}

/* ------------------------------------------------------------------ arrangement */

static bool is_loss(enum op_kind kind)
{
    return kind == OP_SOFTMAX_LOSS || kind == OP_ACCURACY;
}

/* Rows of features: never a halo. */
static bool is_rows(enum op_kind kind)
{
    return is_loss(kind) || kind == OP_DENSE;
}

static void set_layouts(struct trial *t, int block)
{
    struct op_io *io = &t->io;
    const struct op_needs *n = &t->needs;
    bool wide = t->arrangement == VERIFY_WIDE && !is_rows(t->desc.kind);
    int eh = wide ? 1 : 0, ew = wide ? 2 : 0; /* unequal, so that mixing them up shows */

    io->x.layout = (struct layout){block, n->x_halo_h + eh, n->x_halo_w + ew};
    io->y.layout = (struct layout){block, ew, eh};
    io->dx.layout = (struct layout){block, 2 * eh, ew};
    io->dy.layout = (struct layout){block, n->dy_halo_h + ew, n->dy_halo_w + eh};
    if (t->arrangement == VERIFY_IN_PLACE) {
        io->y.layout = io->x.layout;
        io->dx.layout = io->dy.layout;
    }
    if (t->arrangement == VERIFY_ONE_BLOCK)
        io->x.layout.block = t->desc.x.c;
    if (t->desc.kind == OP_RELAYOUT && !wide)
        io->y.layout.block = io->dy.layout.block = block == 1 ? 8 : 1;
}

/* Which gradients this arrangement wants. */
static void set_desc(struct trial *t, const struct op_desc *desc)
{
    t->desc = *desc;
    if (t->arrangement == VERIFY_ONE_BLOCK || t->arrangement == VERIFY_INFERENCE)
        t->desc.need_dx = false;
    if (t->arrangement == VERIFY_INFERENCE)
        t->desc.backward = false;
}

static bool applies(const struct trial *t, int block)
{
    switch (t->arrangement) {
    case VERIFY_ONE_BLOCK:
        return t->needs.x_any_block && t->desc.x.c != block && t->desc.x.c <= 16 && !is_rows(t->desc.kind) &&
               t->desc.kind != OP_RELAYOUT;
    case VERIFY_IN_PLACE:
        return t->needs.in_place;
    default:
        return true;
    }
}

static int create_tensors(struct trial *t, struct clr_error *err)
{
    const struct oracle *o = t->oracle;
    struct op_io *io = &t->io;
    bool in_place = t->arrangement == VERIFY_IN_PLACE, loss = is_loss(t->desc.kind);
    int rc = tensor_create(t, S_X, &io->x, o->x, err);

    if (rc == 0 && !loss && !in_place)
        rc = tensor_create(t, S_Y, &io->y, NULL, err);
    if (rc == 0 && t->desc.backward && !loss)
        rc = tensor_create(t, S_DY, &io->dy, o->dy, err);
    if (rc == 0 && t->desc.need_dx && !in_place)
        rc = tensor_create(t, S_DX, &io->dx, NULL, err);
    if (rc < 0 || !in_place)
        return rc;
    t->at[S_Y] = t->at[S_X];
    io->y.mem = io->x.mem;
    if (t->desc.need_dx) {
        t->at[S_DX] = t->at[S_DY];
        io->dx.mem = io->dy.mem;
    }
    for (int s = S_X; s <= S_DY; s++) { /* the inputs' elements are written now */
        if (t->at[s])
            for (size_t i = 0; i < t->at[s]->words - TENSOR_SLACK; i++)
                t->at[s]->writable[i] = t->at[s]->before[i] != 0 && t->at[s]->before[i] != SENTINEL;
    }
    return 0;
}

static int create_arrays(struct trial *t, struct clr_error *err)
{
    const struct oracle *o = t->oracle;
    struct op_io *io = &t->io;
    bool backward = t->desc.backward;
    int rc = array_create(t, S_W, &io->w, o->w_count, o->w, err);

    if (rc == 0)
        rc = array_create(t, S_B, &io->b, o->b_count, o->b, err);
    if (rc == 0 && backward)
        rc = array_create(t, S_DW, &io->dw, o->w_count, NULL, err);
    if (rc == 0 && backward)
        rc = array_create(t, S_DB, &io->db, o->b_count, NULL, err);
    if (rc == 0 && is_loss(t->desc.kind)) {
        rc = ints_create(t, S_LABELS, &io->labels, o->labels, 0, err);
        io->sample_offset = 3;
        if (rc == 0)
            rc = slot_create(t, S_SAMPLE, (size_t)(io->sample_offset + t->desc.x.n) * 4, false, err);
        if (rc == 0) {
            memset(t->at[S_SAMPLE]->writable + io->sample_offset, 1, (size_t)io->batch);
            io->sample = t->at[S_SAMPLE]->mem;
        }
    }
    if (rc == 0 && t->desc.kind == OP_DROPOUT) {
        io->index_offset = 5;
        rc = ints_create(t, S_INDEX, &io->index, o->index, io->index_offset, err);
    }
    if (rc == 0 && t->needs.saved_bytes > 0)
        rc = slot_create(t, S_SAVED, t->needs.saved_bytes, true, err);
    if (rc == 0 && t->needs.workspace_bytes > 0)
        rc = slot_create(t, S_WORK, t->needs.workspace_bytes, true, err);
    if (rc == 0) {
        io->saved = t->slots[S_SAVED].mem;
        io->workspace = t->slots[S_WORK].mem;
    }
    return rc;
}

static void trial_clear(struct trial *t)
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

static int upload(struct trial *t, int run, struct clr_error *err)
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

static int download(struct trial *t, int run, struct clr_error *err)
{
    int rc = 0;

    for (int i = 0; i < S_COUNT && rc == 0; i++) {
        struct slot *s = &t->slots[i];
        if (s->mem)
            rc = ocl_read(t->ctx, s->mem, 0, (s->words + s->guard) * 4, run == 0 ? s->first : s->after, err);
    }
    return rc;
}

static int run_once(struct trial *t, struct op *op, int run, struct clr_error *err)
{
    int rc = upload(t, run, err);

    if (rc == 0)
        rc = op_forward(op, &t->io, err);
    if (rc == 0 && t->desc.backward)
        rc = op_backward(op, &t->io, err);
    if (rc == 0)
        rc = ocl_finish(t->ctx, err);
    if (rc == 0)
        rc = download(t, run, err);
    return rc;
}

/* ------------------------------------------------------------------ checking */

/* Squares of error and reference, and what was not finite. */
struct sums {
    double error, power;
    size_t count, bad;
};

static void sums_add(struct sums *s, uint32_t got, double expected)
{
    double value = (double)as_float(got), d = value - expected;

    s->count++;
    if (!isfinite(value)) {
        s->bad++;
        return;
    }
    s->error += d * d;
    s->power += expected * expected;
}

static void judge(struct trial *t, enum verify_output output, const struct sums *s)
{
    double nmse = s->power > 0.0 ? s->error / s->power : s->error,
           limit = verify_tolerance(t->desc.kind, output);
    double *worst = &t->result->nmse[output];

    if (s->bad > 0) {
        nmse = INFINITY;
        fault(t, "%s: %zu of %zu values not written or not finite", output_names[output], s->bad, s->count);
    }
    if (!(nmse <= limit))
        fault(t, "%s: NMSE %.2e, limit %.2e", output_names[output], nmse, limit);
    if (!(nmse <= *worst))
        *worst = nmse;
}

static void check_tensor(struct trial *t, enum verify_output output, enum slot_name name,
                         const struct tensor *tensor, const double *expected)
{
    struct place p = {0};
    struct sums s = {0};
    size_t i = 0;

    do {
        sums_add(&s, t->at[name]->first[element(tensor, p.n, p.c, p.h, p.w)], expected[i++]);
    } while (next_place(&p, &tensor->shape, t->io.batch));
    judge(t, output, &s);
}

static void check_array(struct trial *t, enum verify_output output, enum slot_name name, size_t offset,
                        size_t count, const double *expected)
{
    struct sums s = {0};

    for (size_t i = 0; i < count; i++)
        sums_add(&s, t->at[name]->first[offset + i], expected[i]);
    judge(t, output, &s);
}

static void check_values(struct trial *t)
{
    const struct oracle *o = t->oracle;

    if (t->at[S_Y])
        check_tensor(t, VERIFY_Y, S_Y, &t->io.y, o->y);
    if (t->at[S_DX])
        check_tensor(t, VERIFY_DX, S_DX, &t->io.dx, o->dx);
    if (t->at[S_DW])
        check_array(t, VERIFY_DW, S_DW, 0, o->w_count, o->dw);
    if (t->at[S_DB])
        check_array(t, VERIFY_DB, S_DB, 0, o->b_count, o->db);
    if (t->at[S_SAMPLE])
        check_array(t, VERIFY_SAMPLE, S_SAMPLE, (size_t)t->io.sample_offset, (size_t)t->io.batch, o->sample);
}

/* Where in its buffer a word that must not change has changed: the sentence's end. */
static const char *region(const struct slot *s, size_t at)
{
    if (at >= s->words)
        return "behind its end";
    if (s->before[at] == 0)
        return "in its halo or in lanes beyond the last channel";
    if (s->before[at] == SENTINEL)
        return "in its slack, beyond the batch or before the offset";
    return "in an input";
}

static void check_untouched(struct trial *t)
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
            fault(t, "%s: %zu words written %s (the first at %zu of %zu, %g)", slot_names[i], changed,
                  region(s, where), where, s->words, (double)as_float(s->first[where]));
    }
}

static void check_repeats(struct trial *t)
{
    for (int i = 0; i < S_COUNT; i++) {
        const struct slot *s = &t->slots[i];
        if (s->mem && !s->scratch && memcmp(s->first, s->after, (s->words + s->guard) * 4) != 0)
            fault(t, "%s: a second run on the same input gives other bytes", slot_names[i]);
    }
}

/* ------------------------------------------------------------------ one arrangement */

static int trial_run(struct trial *t, struct clr_error *err)
{
    struct op *op = NULL;
    int rc = create_tensors(t, err);

    if (rc == 0)
        rc = create_arrays(t, err);
    if (rc == 0)
        rc = op_create(&op, t->ctx, &t->desc, &t->io, err);
    if (rc == 0)
        str_copy(t->result->variant, sizeof t->result->variant, op_variant(op));
    for (int run = 0; run < 2 && rc == 0; run++)
        rc = run_once(t, op, run, err);
    if (rc == 0) {
        check_values(t);
        check_untouched(t);
        check_repeats(t);
        t->result->arrangements++;
    }
    op_destroy(op);
    return rc;
}

static int verify_arrangement(struct ocl_context *ctx, const struct op_desc *desc, int block, int batch,
                              enum verify_arrangement arrangement, const struct oracle *oracle,
                              struct verify_result *out, struct clr_error *err)
{
    struct trial *t = NULL;
    int rc = mem_new(&t, 1, sizeof *t, "trial", err);

    if (rc < 0)
        return rc;
    t->ctx = ctx;
    t->arrangement = arrangement;
    t->oracle = oracle;
    t->result = out;
    set_desc(t, desc);
    rc = op_plan(&t->needs, &t->desc, ocl_device(ctx), block, err);
    if (rc == CLR_EINPUT) {
        out->ok = false;
        out->unsupported = true;
        str_copy(out->text, sizeof out->text, err ? err->message : "the geometry is not supported");
        rc = 0;
    } else if (rc == 0 && applies(t, block)) {
        t->io = (struct op_io){.batch = batch, .seed = ORACLE_SEED, .iteration = ORACLE_ITERATION};
        t->io.x.shape = t->io.dx.shape = t->desc.x;
        t->io.y.shape = t->io.dy.shape = t->desc.y;
        set_layouts(t, block);
        rc = trial_run(t, err);
    }
    trial_clear(t);
    free(t);
    return rc;
}

int verify_op(struct ocl_context *ctx, const struct op_desc *desc, int block, int batch, uint64_t seed,
              struct verify_result *out, struct clr_error *err)
{
    return verify_op_as(ctx, desc, block, batch, seed, VERIFY_ALL, out, err);
}

int verify_op_as(struct ocl_context *ctx, const struct op_desc *desc, int block, int batch, uint64_t seed,
                 unsigned arrangements, struct verify_result *out, struct clr_error *err)
{
    struct oracle train = {0}, inference = {0};
    struct clr_error local;
    int rc;

    memset(out, 0, sizeof *out);
    out->ok = true;
    for (int i = 0; i < VERIFY_OUTPUT_COUNT; i++)
        out->nmse[i] = -1.0;
    if (batch < 1 || batch > desc->x.n)
        return clr_error_set(err, CLR_EUSAGE, "batch %d is outside 1…%d", batch, desc->x.n);
    if (!err)
        err = &local;
    rc = oracle_create(&train, desc, batch, true, seed, err);
    if (rc == 0)
        rc = oracle_create(&inference, desc, batch, false, seed, err);
    for (int a = 0; a < VERIFY_ARRANGEMENT_COUNT && rc == 0 && !out->unsupported; a++)
        if (arrangements & 1u << a)
            rc = verify_arrangement(ctx, desc, block, batch, (enum verify_arrangement)a,
                                    a == VERIFY_INFERENCE ? &inference : &train, out, err);
    oracle_clear(&train);
    oracle_clear(&inference);
    return rc;
}
