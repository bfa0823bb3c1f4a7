/*
 * What is verified, shared by doctor and tests: the cases of every operator (its row has them), of the
 * optimisers, and of batches.
 */
#include "verify/verify.h"

#include "ops/op_class.h"

/* ------------------------------------------------------------------ updates and batches */

/* Update and batches, which have interfaces of their own. */
struct other_row {
    enum verify_what what;
    enum clr_optimizer optimizer;
    bool caffe, l1;
    bool usual;         /* momenta of 0.9 and 0.999, which float has not exactly */
    size_t count;       /* of the first parameter; around and beyond what one work-item handles */
    struct shape shape; /* batches */
    bool small;
};

static const struct other_row other_rows[] = {
    {VERIFY_CASE_UPDATE, CLR_OPTIMIZER_SGD, false, false, false, 1, {0}, true},
    {VERIFY_CASE_UPDATE, CLR_OPTIMIZER_SGD, false, false, false, 2049, {0}, true},
    {VERIFY_CASE_UPDATE, CLR_OPTIMIZER_SGD, true, false, false, 1, {0}, true},
    {VERIFY_CASE_UPDATE, CLR_OPTIMIZER_SGD, true, false, false, 5000, {0}, true},
    {VERIFY_CASE_UPDATE, CLR_OPTIMIZER_SGD, false, true, false, 33, {0}, true},
    {VERIFY_CASE_UPDATE, CLR_OPTIMIZER_NESTEROV, false, false, false, 33, {0}, true},
    {VERIFY_CASE_UPDATE, CLR_OPTIMIZER_NESTEROV, true, false, false, 1025, {0}, true},
    {VERIFY_CASE_UPDATE, CLR_OPTIMIZER_ADAM, false, false, false, 1025, {0}, true},
    {VERIFY_CASE_UPDATE, CLR_OPTIMIZER_ADAM, true, false, false, 33, {0}, true},
    {VERIFY_CASE_UPDATE, CLR_OPTIMIZER_ADAM, true, true, false, 2, {0}, true},
    {VERIFY_CASE_UPDATE, CLR_OPTIMIZER_RMSPROP, false, false, false, 1025, {0}, true},
    {VERIFY_CASE_UPDATE, CLR_OPTIMIZER_RMSPROP, true, true, false, 33, {0}, true},
    {VERIFY_CASE_UPDATE, CLR_OPTIMIZER_ADAMW, false, false, false, 1025, {0}, true},
    {VERIFY_CASE_UPDATE, CLR_OPTIMIZER_ADAMW, false, true, false, 33, {0}, true},
#define ROW(kind, name)                                                                                      \
    {VERIFY_CASE_UPDATE, kind, false, false, true, 17, {0}, true},                                           \
        {VERIFY_CASE_UPDATE, kind, true, false, true, 17, {0}, true},
#include "ops/optimizers.h"
#undef ROW
    {VERIFY_CASE_BATCH, CLR_OPTIMIZER_SGD, false, false, false, 0, {4, 3, 5, 7}, true},
    {VERIFY_CASE_BATCH, CLR_OPTIMIZER_SGD, false, false, false, 0, {7, 1, 28, 28}, false},
    {VERIFY_CASE_BATCH, CLR_OPTIMIZER_SGD, false, false, false, 0, {1, 2, 3, 1}, false},
};

static void other_case(struct verify_case *out, int row)
{
    const struct other_row *r = &other_rows[row];

    out->what = r->what;
    out->optimizer = (struct optimizer_settings){r->optimizer, r->caffe, r->l1, r->usual ? 0.999 : 0.96875,
                                                 r->usual ? 1e-8 : 0.0009765625};
    out->momentum = r->usual ? 0.9 : VERIFY_MOMENTUM;
    out->count = r->count;
    out->small = r->small;
    out->desc.x[0] = r->shape;
    if (r->what == VERIFY_CASE_UPDATE)
        (void)snprintf(out->name, sizeof out->name, "%s %s%s%s, a parameter of %zu",
                       clr_optimizer_name(r->optimizer), clr_momentum_convention_names()[r->caffe],
                       r->l1 ? " l1" : "", r->usual ? " at 0.9" : "", r->count);
    else
        (void)snprintf(out->name, sizeof out->name, "batch %dx%dx%dx%d", r->shape.n, r->shape.c, r->shape.h,
                       r->shape.w);
}

/* ------------------------------------------------------------------ the list */

static int op_cases(void)
{
    int count = 0;

    for (int kind = 0; kind < OP_KIND_COUNT; kind++)
        count += op_class((enum op_kind)kind)->cases->count;
    return count;
}

int verify_case_count(void)
{
    return op_cases() + (int)MEM_COUNT(other_rows);
}

static int operator_case(struct verify_case *out, int i, struct clr_error *err)
{
    struct op_case c;
    int kind = 0, rc;

    while (i >= op_class((enum op_kind)kind)->cases->count)
        i -= op_class((enum op_kind)kind++)->cases->count;
    rc = op_case_get(&c, (enum op_kind)kind, i, err);
    str_copy(out->name, sizeof out->name, c.name);
    out->desc = c.desc;
    out->small = c.small;
    return rc;
}

int verify_case_get(struct verify_case *out, int i, struct clr_error *err)
{
    if (i < 0 || i >= verify_case_count())
        return clr_error_set(err, CLR_EUSAGE, "there is no case %d", i);
    memset(out, 0, sizeof *out);
    if (i < op_cases())
        return operator_case(out, i, err);
    other_case(out, i - op_cases());
    return 0;
}

bool verify_case_applies(const struct verify_case *c, const struct clr_device *device, int block)
{
    struct op_needs needs;
    bool requests = false;

    if (c->what != VERIFY_CASE_OP || op_plan(&needs, &c->desc, device, block, NULL) < 0)
        return true;
    for (int pass = 0; pass < OP_PASS_COUNT; pass++) {
        const char *requested = c->desc.variant[pass].algorithm;
        requests = requests || requested[0];
        if (requested[0] && needs.algorithm[pass] && strcmp(requested, needs.algorithm[pass]) == 0)
            return true;
    }
    return !requests;
}

/* The worse of two verdicts: the first that failed, the larger errors. */
static void worse(struct verify_result *a, const struct verify_result *b)
{
    struct verify_result keep = *a;

    if (a->ok && !b->ok)
        *a = *b;
    for (int i = 0; i < VERIFY_OUTPUT_COUNT; i++)
        a->nmse[i] = keep.nmse[i] > b->nmse[i] ? keep.nmse[i] : b->nmse[i];
    a->arrangements = keep.arrangements + b->arrangements;
}

static int run_batch(struct ocl_context *ctx, const struct verify_case *c, int block, unsigned arrangements,
                     int batch, uint64_t seed, struct verify_result *out, struct clr_error *err)
{
    if (c->what == VERIFY_CASE_BATCH)
        return verify_batch(ctx, &c->desc.x[0], block, batch, seed, out, err);
    return verify_op_as(ctx, &c->desc, block, batch, seed, arrangements, out, err);
}

int verify_case_run(struct ocl_context *ctx, const struct verify_case *c, int block, unsigned arrangements,
                    uint64_t seed, struct verify_result *out, struct clr_error *err)
{
    int n = c->desc.x[0].n, rc;

    if (c->what == VERIFY_CASE_UPDATE)
        rc = verify_update(ctx, &c->optimizer, c->momentum, c->count, seed, out, err);
    else
        rc = run_batch(ctx, c, block, arrangements, n, seed, out, err);
    if (rc == 0 && n > 1 && !out->unsupported) {
        struct verify_result part;
        rc = run_batch(ctx, c, block, arrangements, n - 1, seed + 1, &part, err);
        if (rc == 0)
            worse(out, &part);
    }
    if (rc < 0)
        clr_error_prefix(err, "%s, channel block %d", c->name, block);
    return rc;
}
