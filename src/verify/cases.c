/*
 * What is verified, shared by doctor and tests: the cases of every operator (its row has them), of the
 * optimisers, and of batches.
 */
#include "verify/verify.h"

#include "ops/op_class.h"

/* ------------------------------------------------------------------ updates and batches */

/* Update and batches, which have interfaces of their own. */
struct update_row {
    enum clr_optimizer optimizer;
    bool caffe, l1;
    bool usual;   /* momenta of 0.9 and 0.999, which float has not exactly */
    size_t count; /* of the first parameter; around and beyond what one work-item handles */
    bool small;
    double clip; /* 0: gradients are not clipped */
};

static const struct update_row update_rows[] = {
    {CLR_OPTIMIZER_SGD, false, false, false, 1, true, 0.0},
    {CLR_OPTIMIZER_SGD, false, false, false, 2049, true, 0.0},
    {CLR_OPTIMIZER_SGD, true, false, false, 1, true, 0.0},
    {CLR_OPTIMIZER_SGD, true, false, false, 5000, true, 0.0},
    {CLR_OPTIMIZER_SGD, false, true, false, 33, true, 0.0},
    {CLR_OPTIMIZER_SGD, false, false, false, 33, true, 0.5},
    {CLR_OPTIMIZER_SGD, true, false, false, 33, true, 1000.0},
    {CLR_OPTIMIZER_SGD, false, false, false, 300001, false, 3.0},
    {CLR_OPTIMIZER_NESTEROV, false, false, false, 33, true, 0.0},
    {CLR_OPTIMIZER_NESTEROV, true, false, false, 1025, true, 0.0},
    {CLR_OPTIMIZER_ADAM, false, false, false, 1025, true, 0.0},
    {CLR_OPTIMIZER_ADAM, true, false, false, 33, true, 0.0},
    {CLR_OPTIMIZER_ADAM, true, true, false, 2, true, 0.0},
    {CLR_OPTIMIZER_RMSPROP, false, false, false, 1025, true, 0.0},
    {CLR_OPTIMIZER_RMSPROP, true, true, false, 33, true, 0.0},
    {CLR_OPTIMIZER_ADAMW, false, false, false, 1025, true, 0.0},
    {CLR_OPTIMIZER_ADAMW, false, true, false, 33, true, 0.0},
    {CLR_OPTIMIZER_ADAGRAD, false, false, false, 1025, true, 0.0},
    {CLR_OPTIMIZER_ADAGRAD, true, true, false, 33, true, 0.0},
    {CLR_OPTIMIZER_ADADELTA, false, false, false, 1025, true, 0.0},
    {CLR_OPTIMIZER_ADADELTA, true, true, false, 33, true, 0.0},
#define ROW(kind, name) {kind, false, false, true, 17, true, 0.0}, {kind, true, false, true, 17, true, 0.0},
#include "ops/optimizers.h"
#undef ROW
};

/* Batches: their shape, and what of which images they are. */
static const struct {
    struct shape shape;
    struct batch_view view;
    bool small;
} batch_rows[] = {
    {{4, 3, 5, 7}, {{1, 3, 5, 7}, false, false, false}, true},
    {{7, 1, 28, 28}, {{1, 1, 28, 28}, false, false, false}, false},
    {{1, 2, 3, 1}, {{1, 2, 3, 1}, false, false, false}, false},
    {{9, 3, 5, 7}, {{1, 3, 5, 7}, true, true, false}, true},
    {{11, 3, 4, 4}, {{1, 3, 7, 9}, true, false, false}, true},
    {{5, 3, 6, 6}, {{1, 3, 9, 6}, false, true, false}, false},
    {{20, 1, 8, 8}, {{1, 1, 9, 10}, true, true, false}, false},
    {{8, 2, 5, 4}, {{1, 1, 5, 4}, false, false, true}, true},
    {{13, 6, 4, 6}, {{1, 3, 7, 6}, true, true, true}, false},
};

static void update_case(struct verify_case *out, int row)
{
    const struct update_row *r = &update_rows[row];

    out->what = VERIFY_CASE_UPDATE;
    out->optimizer = (struct optimizer_settings){
        r->optimizer, r->caffe, r->l1, r->usual ? 0.999 : 0.96875, r->usual ? 1e-8 : 0.0009765625, r->clip};
    out->momentum = r->usual ? 0.9 : VERIFY_MOMENTUM;
    out->count = r->count;
    out->small = r->small;
    (void)snprintf(out->name, sizeof out->name, "%s %s%s%s%s, a parameter of %zu",
                   clr_optimizer_name(r->optimizer), clr_momentum_convention_names()[r->caffe],
                   r->l1 ? " l1" : "", r->usual ? " at 0.9" : "", r->clip > 0.0 ? " clipped" : "", r->count);
}

static void batch_case(struct verify_case *out, int row)
{
    const struct shape *s = &batch_rows[row].shape;
    const struct batch_view *view = &batch_rows[row].view;

    out->what = VERIFY_CASE_BATCH;
    out->view = *view;
    out->small = batch_rows[row].small;
    out->desc.x[0] = *s;
    (void)snprintf(out->name, sizeof out->name, "batch %dx%dx%dx%d of %dx%d%s%s%s", s->n, s->c, s->h, s->w,
                   view->image.h, view->image.w, view->anywhere ? ", anywhere" : "",
                   view->mirror ? ", mirrored" : "", view->pairs ? ", in pairs" : "");
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
    return op_cases() + (int)(MEM_COUNT(update_rows) + MEM_COUNT(batch_rows));
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
    i -= op_cases();
    if (i < (int)MEM_COUNT(update_rows))
        update_case(out, i);
    else
        batch_case(out, i - (int)MEM_COUNT(update_rows));
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
        return verify_batch(ctx, &c->desc.x[0], &c->view, block, batch, seed, out, err);
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
