/* Variants that are wrong or do not run: see refusals.h. */
#include "train/refusals.h"

#include <math.h>

#include "base/log.h"
#include "train/selfcheck.h"
#include "verify/verify.h"

enum {
    LAYER_IMAGES = 2, /* a layer by itself is checked with: the references are slow */
    ROUND_MOST = 64,  /* variants that are refused in one round */
};

/* Has it been refused in this round? */
static bool is_refused(const struct refusals *r, const struct tunedb_entry *f)
{
    for (int i = r->first; i < r->count; i++)
        if (strcmp(r->refused[i].key.operator, f->key.operator) == 0 &&
            strcmp(r->refused[i].key.shape, f->key.shape) == 0 &&
            strcmp(r->refused[i].variant, f->variant) == 0)
            return true;
    return false;
}

/* A variant that cannot be recorded is found again by the next run: that is no error. */
static void keep_failure(struct refusals *r, const struct session *s, const struct tunedb_entry *failure)
{
    struct clr_error why = {0};

    if (tunedb_store(s->replica.records, failure, &why) == 0)
        return;
    if (!r->unrecorded)
        log_line(CLR_LOG_WARNING,
                 "wrong variants cannot be recorded, and will be found again by the next run: %s",
                 why.message);
    r->unrecorded = true;
}

/* Are both of one algorithm, with any tile sizes, and did both fail, or were both wrong? */
static bool is_alike(const struct refused *a, const struct refused *b)
{
    return a->failed == b->failed && str_same_word(a->variant, b->variant);
}

static bool is_first_alike(const struct refusals *r, const struct refused *one)
{
    for (const struct refused *before = r->refused; before < one; before++)
        if (is_alike(before, one))
            return false;
    return true;
}

/* Those that are like the i-th, which is the first of them. */
static void log_alike(const struct session *s, const struct refusals *r, int i, int alike)
{
    const struct refused *one = &r->refused[i];
    const char *list = r->unrecorded ? "" : tunedb_path(s->replica.records);

    if (alike == 1)
        log_line(CLR_LOG_WARNING,
                 "this device %s the %s of layer '%s' %swith variant '%s' (%s): it is not used here again",
                 one->failed ? "cannot run" : "computes", one->pass, one->layer, one->failed ? "" : "wrong ",
                 one->variant, one->why);
    else
        log_line(CLR_LOG_WARNING,
                 "this device %s variant '%.*s': the %s of layer '%s' (%s), and %d other case%s "
                 "(layers, passes, tiles); none of these is used here again%s%s%s",
                 one->failed ? "cannot run" : "computes wrong with", (int)str_word(one->variant),
                 one->variant, one->pass, one->layer, one->why, alike - 1, alike > 2 ? "s" : "",
                 list[0] ? "; the list is in '" : "", list, list[0] ? "'" : "");
}

void refusals_log(const struct session *s, const struct refusals *r)
{
    for (int i = 0; i < r->count; i++) {
        int alike = 0;
        for (int k = 0; k < r->count; k++)
            alike += is_alike(&r->refused[i], &r->refused[k]);
        if (is_first_alike(r, &r->refused[i]))
            log_alike(s, r, i, alike);
    }
}

/* The worst NMSE of a pass; NaN if any is NaN. */
static double worst_nmse(const struct verify_result *r, enum op_pass pass)
{
    static const enum verify_output first[OP_PASS_COUNT] = {VERIFY_Y, VERIFY_DX, VERIFY_DW},
                                    last[OP_PASS_COUNT] = {VERIFY_Y, VERIFY_DX, VERIFY_DB};
    double worst = pass == OP_FORWARD ? r->nmse[VERIFY_SAMPLE] : -1.0;

    for (int o = (int)first[pass]; o <= (int)last[pass]; o++)
        if (!isnan(worst) && !(r->nmse[o] <= worst))
            worst = r->nmse[o];
    return worst;
}

/* Record the variant of a pass as wrong by *r, or, if r is NULL, as one that does not run. *done: the pass
 * may have another variant. */
static int refuse(bool *done, struct refusals *to, struct session *s, const struct graph_node *node,
                  enum op_pass pass, int block, const struct verify_result *r, const char *why,
                  struct clr_error *err)
{
    const double nmse = r ? worst_nmse(r, pass) : 0.0;
    const bool failed = !r;
    struct refused *one;
    struct tunedb_entry failure = {.nmse = isfinite(nmse) ? nmse : 0.0};
    int rc;

    str_copy(failure.why, sizeof failure.why, failed ? "failed" : "wrong");
    if (!op_chosen(failure.variant, sizeof failure.variant, &node->desc, pass, s->o->device, block) ||
        !op_tune_key(&failure.key, &node->desc, pass, block) || to->count - to->first == ROUND_MOST)
        return 0;
    if (is_refused(to, &failure)) {
        *done = true;
        return 0;
    }
    if (tunedb_failed(s->replica.records, &failure.key, failure.variant)) {
        *done = *done || to->kept;
        return 0; /* if it was not a checkpoint's, no other variant is left */
    }
    rc = mem_grow(&to->refused, &to->capacity, (size_t)to->count + 1, sizeof *to->refused, "what is wrong",
                  err);
    if (rc == 0)
        rc = tunedb_avoid(s->replica.records, &failure, err);
    if (rc < 0)
        return rc;
    keep_failure(to, s, &failure);
    one = &to->refused[to->count++];
    *one = (struct refused){.key = failure.key, .pass = op_pass_name(pass), .failed = failed};
    str_copy(one->layer, sizeof one->layer, node->desc.label);
    str_copy(one->variant, sizeof one->variant, failure.variant);
    str_copy(one->why, sizeof one->why, why);
    if (is_first_alike(to, one))
        log_line(CLR_LOG_INFO, "layer '%s': the %s %s with variant '%s'", one->layer, one->pass,
                 failed ? "fails" : "is wrong", one->variant);
    *done = true;
    return 0;
}

bool refusals_may_help(const struct clr_error *why)
{
    return why->code == CLR_ECL &&
           (why->cl_status == CL_BUILD_PROGRAM_FAILURE || why->cl_status == CL_INVALID_WORK_GROUP_SIZE ||
            why->cl_status == CL_INVALID_WORK_ITEM_SIZE);
}

/* A layer by itself. The limits are looser than the doctor's: a little more rounding is no reason to
 * refuse. */
static int check_node(int *refused, struct refusals *to, struct session *s, const struct graph *g,
                      const struct graph_node *node, struct clr_error *err)
{
    const unsigned arrangements = 1u << VERIFY_EXACT | 1u << VERIFY_WIDE;
    const int n = selfcheck_images(s, node->desc.x[0].n, LAYER_IMAGES);
    struct verify_result r;
    struct clr_error why = {0};
    const bool failed = verify_op_as(s->replica.ctx, &node->desc, g->block, n, 1, arrangements, &r, &why) < 0;
    bool wrong = failed, done = false;

    if (failed && selfcheck_stopped(s, err) < 0) /* a signal may have ended the driver's compiler, too */
        return CLR_EINTERRUPTED;
    if (failed && !refusals_may_help(&why)) {
        if (err)
            *err = why;
        return why.code;
    }
    for (int pass = 0; pass < OP_PASS_COUNT; pass++) {
        int rc;
        if (!failed && worst_nmse(&r, (enum op_pass)pass) <= SELFCHECK_NMSE)
            continue;
        wrong = true;
        rc = refuse(&done, to, s, node, (enum op_pass)pass, g->block, failed ? NULL : &r,
                    failed ? why.message : r.text, err);
        if (rc < 0)
            return rc;
    }
    if (wrong && !done)
        return clr_error_set(err, CLR_EFAILED,
                             "%s %s layer '%s' %s(%s), and there is no other variant: nothing is trained on "
                             "it. Another driver may "
                             "be correct; 'clr-cl doctor' reports everything that is wrong",
                             s->o->device->name, failed ? "cannot run" : "computes", node->desc.label,
                             failed ? "" : "wrong ", failed ? why.message : r.text);
    *refused += done;
    return 0;
}

int refusals_find(int *count, struct refusals *to, struct session *s, struct clr_error *err)
{
    const struct graph *graphs[] = {s->replica.train.graph, s->replica.test.graph};
    int rc = 0;

    to->first = to->count;
    for (size_t k = 0; k < MEM_COUNT(graphs); k++)
        for (size_t i = 0; graphs[k] && i < graphs[k]->node_count && rc == 0; i++) {
            rc = selfcheck_stopped(s, err);
            if (rc == 0 && graph_runs(graphs[k], i))
                rc = check_node(count, to, s, graphs[k], &graphs[k]->nodes[i], err);
        }
    return rc;
}

void refusals_clear(struct refusals *r)
{
    free(r->refused);
    memset(r, 0, sizeof *r);
}
