/* Tuning records and operators: see tuned.h. */
#include "ops/tuned.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "ops/op_class.h"

bool op_defaults_measured(const struct clr_device *device, int block)
{
    return device->type == CLR_DEVICE_CPU && (block == 8 || block == 16);
}

/* ------------------------------------------------------------------ names and keys */

const char *op_pass_name(enum op_pass pass)
{
    static const char *const names[OP_PASS_COUNT] = {"forward", "data gradient", "weight gradient"};

    return names[pass];
}

const char *op_origin_name(enum op_origin origin)
{
    static const char *const names[] = {"", "default", "tuned", "nearest", "kept", "second"};

    return names[origin];
}

bool op_tune_key(struct tunedb_key *out, const struct op_desc *desc, enum op_pass pass, int block)
{
    const struct op_class *class = op_class(desc->kind);
    char geometry[TUNEDB_TEXT - 48], shape[TUNEDB_TEXT - 48];

    if (!class->tune_key)
        return false;
    class->tune_key(geometry, shape, sizeof geometry, desc);
    (void)snprintf(out->operator, sizeof out->operator, "%s %s%s, block %d", class->name, op_pass_name(pass),
                   geometry, block);
    (void)snprintf(out->shape, sizeof out->shape, "%s, batch %d", shape, desc->x[0].n);
    return true;
}

double op_tune_distance(const int *a, const int *b, int count)
{
    double sum = 0.0;

    for (int i = 0; i < count; i++) {
        if (a[i] < 1 || b[i] < 1)
            return INFINITY;
        sum += (i == count - 1 ? 0.5 : 1.0) * fabs(log((double)a[i] / b[i]));
    }
    return sum;
}

/* ------------------------------------------------------------------ looking up */

/* The variants of a pass, its own choice first, and its key. */
struct choices {
    struct op_variant list[OP_CANDIDATES_MAX];
    int count;
    struct tunedb_key key;
};

/* false: there is nothing to choose. */
static bool get_choices(struct choices *c, const struct op_desc *desc, enum op_pass pass,
                        const struct clr_device *device, int block)
{
    c->count = op_candidates(c->list, OP_CANDIDATES_MAX, desc, pass, device, block);
    return c->count > 0 && op_tune_key(&c->key, desc, pass, block);
}

/* Take the variant of that text if it is one of the choices. */
static bool take(struct op_variant *out, const char *text, const struct choices *c)
{
    struct op_variant v;

    if (!text || !op_variant_parse(&v, text))
        return false;
    for (int i = 0; i < c->count; i++)
        if (strcmp(v.algorithm, c->list[i].algorithm) == 0 &&
            memcmp(v.tile, c->list[i].tile, sizeof v.tile) == 0) {
            *out = v;
            return true;
        }
    return false;
}

static void warn_unknown(const struct tunedb *db, const struct tunedb_entry *e)
{
    log_line(CLR_LOG_WARNING,
             "'%s' names the variant '%s' of '%s', %s, which this program does not have: 'clr-cl tune' "
             "finds another one",
             tunedb_path(db), e->variant, e->key.operator, e->key.shape);
}

static const struct tunedb_entry *failure(const struct choices *c, int i, const struct tunedb *db)
{
    char text[TUNEDB_VARIANT];

    op_variant_text(&c->list[i], text, sizeof text);
    return tunedb_failed(db, &c->key, text);
}

/* Did its algorithm compute wrong, if only in other tiles? */
static bool is_doubted(const struct choices *c, int i, const struct tunedb *db)
{
    for (int k = 0; k < c->count; k++) {
        const struct tunedb_entry *e = failure(c, k, db);
        if (e && strcmp(e->why, "wrong") == 0 && strcmp(c->list[k].algorithm, c->list[i].algorithm) == 0)
            return true;
    }
    return false;
}

/*
 * The variant of a pass; db may be NULL. all: as if no variant had failed. Where the operator's own choice
 * failed, the next is the first whose algorithm was never wrong, or else the first that did not fail.
 */
static enum op_origin look_up(struct op_variant *out, const struct choices *c, const struct tunedb *db,
                              bool all)
{
    const struct tunedb_entry *e = db ? tunedb_find(db, &c->key) : NULL;

    if (e && (all || !tunedb_failed(db, &c->key, e->variant))) {
        if (take(out, e->variant, c))
            return OP_ORIGIN_TUNED;
        if (!all)
            warn_unknown(db, e);
    }
    e = db ? tunedb_nearest(db, &c->key, op_tune_distance, OP_TUNE_NEAR) : NULL;
    if (e && (all || !tunedb_failed(db, &c->key, e->variant)) && take(out, e->variant, c))
        return OP_ORIGIN_NEAREST;
    for (int doubted = 0; db && !all && failure(c, 0, db) && doubted < 2; doubted++) {
        for (int i = 1; i < c->count; i++) {
            if (failure(c, i, db) || is_doubted(c, i, db) != (doubted > 0))
                continue;
            *out = c->list[i];
            return OP_ORIGIN_SECOND;
        }
    }
    return OP_ORIGIN_DEFAULT;
}

void op_tuned(struct op_desc *desc, enum op_origin origin[OP_PASS_COUNT], const struct tunedb *db,
              const struct clr_device *device, int block)
{
    for (int pass = 0; pass < OP_PASS_COUNT; pass++) {
        struct choices c;
        origin[pass] = get_choices(&c, desc, (enum op_pass)pass, device, block)
                           ? look_up(&desc->variant[pass], &c, db, false)
                           : OP_ORIGIN_NONE;
    }
}

const struct tunedb_entry *op_replaced(const struct op_desc *desc, enum op_pass pass, const struct tunedb *db,
                                       const struct clr_device *device, int block)
{
    struct choices c;
    struct op_variant v = {0};
    char text[TUNEDB_VARIANT];

    if (!db || !get_choices(&c, desc, pass, device, block))
        return NULL;
    if (look_up(&v, &c, db, true) == OP_ORIGIN_DEFAULT)
        v = c.list[0];
    op_variant_text(&v, text, sizeof text);
    return tunedb_failed(db, &c.key, text);
}

/* ------------------------------------------------------------------ what a run saves */

bool op_chosen(char *out, size_t size, const struct op_desc *desc, enum op_pass pass,
               const struct clr_device *device, int block)
{
    const struct op_variant *v = &desc->variant[pass];
    struct choices c;

    if (!get_choices(&c, desc, pass, device, block))
        return false;
    op_variant_text(v->algorithm[0] ? v : &c.list[0], out, size);
    return true;
}

bool op_keep(struct op_desc *desc, enum op_pass pass, const char *text, const struct clr_device *device,
             int block)
{
    struct choices c;

    return get_choices(&c, desc, pass, device, block) && take(&desc->variant[pass], text, &c);
}
