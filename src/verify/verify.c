/* One operator against its oracle on a device: see verify.h. */
#include "verify/verify.h"

#include <math.h>

#include "verify/oracle.h"
#include "verify/trial.h"

#define GUARD_WORDS 64     /* after every buffer of the wide arrangement */
#define SHORT_SUM   1000.0 /* so many terms more raise a limit by itself once more */

static const char *const arrangement_names[VERIFY_ARRANGEMENT_COUNT] = {
    "exact halos", "wide halos",        "input in one channel block", "in place", "no gradient of the input",
    "inference",   "inference with NaN"};

static const char *const output_names[VERIFY_OUTPUT_COUNT] = {"y", "dx", "dw", "db",   "sample",
                                                              "w", "v",  "s",  "state"};

/* One operator in one arrangement. */
struct op_trial {
    struct trial base;
    enum verify_arrangement arrangement;
    struct op_desc desc;
    struct op_needs needs;
    struct op_io io;
    const struct oracle *oracle;
    double nmse[OP_PASS_COUNT]; /* op_nmse() */
};

const char *verify_output_name(enum verify_output output)
{
    return output_names[output];
}

/* ------------------------------------------------------------------ arrangement */

static void set_layouts(struct op_trial *t, int block)
{
    struct op_io *io = &t->io;
    const struct op_needs *n = &t->needs;
    bool wide = t->arrangement == VERIFY_WIDE;
    int eh = wide ? 1 : 0, ew = wide ? 2 : 0; /* unequal, so that mixing them up shows */

    for (int j = 0; j < OP_MOST; j++) { /* of several, every other one still wider */
        const int more = wide ? j % 2 : 0;
        io->x[j].layout = (struct layout){block, n->x_halo_h + eh + more, n->x_halo_w + ew};
        io->y[j].layout = (struct layout){block, ew, eh + more};
        io->dx[j].layout = (struct layout){block, 2 * eh + more, ew};
        io->dy[j].layout = (struct layout){block, n->dy_halo_h + ew + more, n->dy_halo_w + eh};
    }
    for (int j = 0; j < OP_MOST && n->y_is_x; j++)
        io->y[j].layout = io->x[0].layout;
    if (t->arrangement == VERIFY_IN_PLACE) {
        io->y[0].layout = io->x[0].layout;
        io->dx[0].layout = io->dy[0].layout;
    }
    if (t->arrangement == VERIFY_ONE_BLOCK || op_is(&t->desc, OP_ONE_X_BLOCK))
        io->x[0].layout.block = t->desc.x[0].c;
    if (op_is(&t->desc, OP_ANY_LAYOUT) && !wide)
        io->y[0].layout.block = io->dy[0].layout.block = block == 1 ? 8 : 1;
}

/* Which gradients this arrangement needs. */
static void set_desc(struct op_trial *t, const struct op_desc *desc)
{
    const bool forward = t->arrangement == VERIFY_INFERENCE || t->arrangement == VERIFY_NAN;

    t->desc = *desc;
    if (t->arrangement == VERIFY_ONE_BLOCK || t->arrangement == VERIFY_NO_DX || forward)
        t->desc.need_dx = 0;
    if (forward)
        t->desc.backward = false;
}

static bool applies(const struct op_trial *t, int block)
{
    switch (t->arrangement) {
    case VERIFY_ONE_BLOCK:
        return t->needs.x_any_block && t->desc.x[0].c != block && t->desc.x[0].c <= 16 &&
               !op_is(&t->desc, OP_ROWS | OP_ANY_LAYOUT);
    case VERIFY_IN_PLACE:
        return t->needs.in_place;
    case VERIFY_NO_DX:
        return t->oracle->w_size[0] > 0;
    default:
        return true;
    }
}

static int create_tensors(struct op_trial *t, struct clr_error *err)
{
    const struct oracle *o = t->oracle;
    struct op_io *io = &t->io;
    const struct op_desc *d = &t->desc;
    const bool in_place = t->arrangement == VERIFY_IN_PLACE;
    int rc = 0;

    for (int j = 0; j < d->x_count && rc == 0; j++) {
        rc = trial_tensor(&t->base, S_X + j, &io->x[j], o->x[j], in_place, err);
        if (rc == 0 && (d->need_dx >> j & 1) && !in_place)
            rc = trial_tensor(&t->base, S_DX + j, &io->dx[j], NULL, false, err);
    }
    for (int j = 0; j < d->y_count && rc == 0; j++) {
        if (t->needs.y_is_x) {
            t->base.at[S_Y + j] = t->base.at[S_X];
            io->y[j].mem = io->x[0].mem;
        } else if (!in_place)
            rc = trial_tensor(&t->base, S_Y + j, &io->y[j], NULL, false, err);
        if (rc == 0 && d->backward)
            rc = trial_tensor(&t->base, S_DY + j, &io->dy[j], o->dy[j], in_place && d->need_dx, err);
    }
    if (rc < 0 || !in_place)
        return rc;
    t->base.at[S_Y] = t->base.at[S_X];
    io->y[0].mem = io->x[0].mem;
    if (d->need_dx) {
        t->base.at[S_DX] = t->base.at[S_DY];
        io->dx[0].mem = io->dy[0].mem;
    }
    return 0;
}

static int create_arrays(struct op_trial *t, struct clr_error *err)
{
    const struct oracle *o = t->oracle;
    struct op_io *io = &t->io;
    bool backward = t->desc.backward;
    int rc = 0;

    for (int k = 0; k < OP_PARAMS && rc == 0; k++) {
        rc = trial_array(&t->base, S_W + k, &io->w[k], o->w_size[k], o->w[k], err);
        if (rc == 0 && o->after[k] && backward)
            memset(t->base.at[S_W + k]->writable, 1, o->w_size[k]);
        if (rc == 0 && backward && !o->after[k])
            rc = trial_array(&t->base, S_DW + k, &io->dw[k], o->w_size[k], NULL, err);
    }
    if (rc == 0 && op_is(&t->desc, OP_NO_Y)) {
        rc = trial_ints(&t->base, S_LABELS, &io->labels, o->labels, 0, err);
        io->sample_offset = 3;
        if (rc == 0)
            rc = trial_buffer(&t->base, S_SAMPLE, (size_t)(io->sample_offset + t->desc.x[0].n) * 4, false,
                              err);
        if (rc == 0) {
            memset(t->base.at[S_SAMPLE]->writable + io->sample_offset, 1, (size_t)io->batch);
            io->sample = t->base.at[S_SAMPLE]->mem;
        }
    }
    if (rc == 0 && op_is(&t->desc, OP_RANDOM)) {
        io->index_offset = 5;
        rc = trial_ints(&t->base, S_INDEX, &io->index, o->index, io->index_offset, err);
    }
    if (rc == 0 && t->needs.saved_bytes > 0)
        rc = trial_buffer(&t->base, S_SAVED, t->needs.saved_bytes, true, err);
    if (rc == 0 && t->needs.workspace_bytes > 0)
        rc = trial_buffer(&t->base, S_WORK, t->needs.workspace_bytes, true, err);
    if (rc == 0) {
        io->saved = t->base.slots[S_SAVED].mem;
        io->workspace = t->base.slots[S_WORK].mem;
    }
    return rc;
}

static int run_once(struct op_trial *t, struct op *op, int run, struct clr_error *err)
{
    int rc = trial_upload(&t->base, run, err);

    if (rc == 0)
        rc = op_forward(op, &t->io, err);
    if (rc == 0 && t->desc.backward)
        rc = op_backward(op, &t->io, err);
    if (rc == 0)
        rc = ocl_finish(t->base.ctx, err);
    if (rc == 0)
        rc = trial_download(&t->base, run, err);
    return rc;
}

/* The largest normalised mean square error that passes: in proportion to the length of long sums, as each
 * addition may round by as much. */
static double limit(const struct op_trial *t, enum verify_output output)
{
    const struct op_class *class = op_class(t->desc.kind);
    const enum op_pass pass = output == VERIFY_Y || output == VERIFY_SAMPLE || output == VERIFY_STATE
                                  ? OP_FORWARD
                              : output == VERIFY_DX ? OP_BACKWARD_DATA
                                                    : OP_BACKWARD_WEIGHTS;
    const double terms = class->terms ? class->terms(&t->desc, pass, t->base.batch) : 0.0,
                 nmse = output == VERIFY_SAMPLE ? class->sample_nmse
                        : t->nmse[pass] > 0.0   ? t->nmse[pass]
                                                : class->nmse;

    return nmse * (1.0 + terms / SHORT_SUM);
}

static void check_values(struct op_trial *t)
{
    const struct oracle *o = t->oracle;

    for (int j = 0; j < OP_MOST; j++) {
        if (t->base.at[S_Y + j])
            trial_check_tensor(&t->base, VERIFY_Y, limit(t, VERIFY_Y), S_Y + j, &t->io.y[j], o->y[j]);
        if (t->base.at[S_DX + j])
            trial_check_tensor(&t->base, VERIFY_DX, limit(t, VERIFY_DX), S_DX + j, &t->io.dx[j], o->dx[j]);
    }
    for (int k = 0; k < OP_PARAMS; k++) {
        const enum verify_output output = k == 0 ? VERIFY_DW : VERIFY_DB;
        if (t->base.at[S_DW + k])
            trial_check_array(&t->base, output, limit(t, output), S_DW + k, 0, o->w_size[k], o->dw[k]);
    }
    for (int k = 0; k < OP_PARAMS; k++)
        if (o->after[k] && t->desc.backward)
            trial_check_array(&t->base, VERIFY_STATE, limit(t, VERIFY_STATE), S_W + k, 0, o->w_size[k],
                              o->after[k]);
    if (t->base.at[S_SAMPLE])
        trial_check_array(&t->base, VERIFY_SAMPLE, limit(t, VERIFY_SAMPLE), S_SAMPLE,
                          (size_t)t->io.sample_offset, (size_t)t->io.batch, o->sample);
}

/* ------------------------------------------------------------------ one arrangement */

static int run_trial(struct op_trial *t, struct clr_error *err)
{
    struct op *op = NULL;
    int rc = create_tensors(t, err);

    if (rc == 0)
        rc = create_arrays(t, err);
    if (rc == 0)
        rc = op_create(&op, t->base.ctx, &t->desc, &t->io, err);
    if (rc == 0)
        str_copy(t->base.result->variant, sizeof t->base.result->variant, op_variant(op));
    for (int pass = 0; pass < OP_PASS_COUNT && rc == 0; pass++)
        t->nmse[pass] = op_nmse(op, (enum op_pass)pass);
    for (int run = 0; run < 2 && rc == 0; run++)
        rc = run_once(t, op, run, err);
    if (rc == 0) {
        check_values(t);
        if (t->arrangement != VERIFY_NAN) /* there 0 · NaN may stand in lanes beyond the last channel */
            trial_check_untouched(&t->base);
        trial_check_repeats(&t->base);
        t->base.result->arrangements++;
    }
    op_destroy(op);
    return rc;
}

static int verify_arrangement(struct ocl_context *ctx, const struct op_desc *desc, int block, int batch,
                              enum verify_arrangement arrangement, const struct oracle *oracle,
                              struct verify_result *out, struct clr_error *err)
{
    struct op_trial *t = NULL;
    int rc = mem_new(&t, 1, sizeof *t, "trial", err);

    if (rc < 0)
        return rc;
    t->base = (struct trial){.ctx = ctx,
                             .title = arrangement_names[arrangement],
                             .batch = batch,
                             .planned = desc->x[0].n,
                             .guard = arrangement == VERIFY_WIDE ? GUARD_WORDS : 0,
                             .only_nans = arrangement == VERIFY_NAN && !op_is(desc, OP_METRIC),
                             .result = out};
    t->arrangement = arrangement;
    t->oracle = oracle;
    set_desc(t, desc);
    rc = op_plan(&t->needs, &t->desc, ocl_device(ctx), block, err);
    if (rc == CLR_EINPUT) {
        out->ok = false;
        out->unsupported = true;
        str_copy(out->text, sizeof out->text, err ? err->message : "the geometry is not supported");
        rc = 0;
    } else if (rc == 0 && applies(t, block)) {
        t->io = (struct op_io){.batch = batch, .seed = ORACLE_SEED, .iteration = ORACLE_ITERATION};
        for (int j = 0; j < OP_MOST; j++) {
            t->io.x[j].shape = t->io.dx[j].shape = t->desc.x[j];
            t->io.y[j].shape = t->io.dy[j].shape = t->desc.y[j];
        }
        set_layouts(t, block);
        rc = run_trial(t, err);
    }
    trial_clear(&t->base);
    free(t);
    return rc;
}

static const enum oracle_kind oracle_of[VERIFY_ARRANGEMENT_COUNT] = {
    ORACLE_TRAINING, ORACLE_TRAINING,  ORACLE_TRAINING, ORACLE_TRAINING,
    ORACLE_TRAINING, ORACLE_INFERENCE, ORACLE_NAN};

int verify_op_as(struct ocl_context *ctx, const struct op_desc *desc, int block, int batch, uint64_t seed,
                 unsigned arrangements, struct verify_result *out, struct clr_error *err)
{
    struct oracle oracles[ORACLE_KINDS];
    struct clr_error local;
    unsigned wanted = 0;
    int rc = 0;

    memset(oracles, 0, sizeof oracles);
    trial_result_init(out);
    if (batch < 1 || batch > desc->x[0].n)
        return clr_error_set(err, CLR_EUSAGE, "batch %d is outside 1…%d", batch, desc->x[0].n);
    if (!err)
        err = &local;
    for (int a = 0; a < VERIFY_ARRANGEMENT_COUNT; a++)
        wanted |= arrangements & 1u << a ? 1u << oracle_of[a] : 0;
    for (int k = 0; k < ORACLE_KINDS && rc == 0; k++)
        if (wanted & 1u << k)
            rc = oracle_create(&oracles[k], desc, batch, (enum oracle_kind)k, seed, err);
    for (int a = 0; a < VERIFY_ARRANGEMENT_COUNT && rc == 0 && !out->unsupported; a++)
        if (arrangements & 1u << a)
            rc = verify_arrangement(ctx, desc, block, batch, (enum verify_arrangement)a,
                                    &oracles[oracle_of[a]], out, err);
    for (int k = 0; k < ORACLE_KINDS; k++)
        oracle_clear(&oracles[k]);
    return rc;
}

bool verify_no_memory(const struct clr_error *why)
{
    return why->code == CLR_ENOMEM || why->code == CLR_EDEVMEM;
}

double verify_worst_nmse(const struct verify_result *r)
{
    double w = NAN;

    for (int i = 0; i < VERIFY_OUTPUT_COUNT; i++)
        if (r->nmse[i] >= 0.0 && !(r->nmse[i] <= w))
            w = r->nmse[i];
    return w;
}
