/* Fields that several layers share: weights with their fillers, and the windows of convolutions and pools. */
#include "net/layer.h"

#include <float.h>
#include <string.h>

#include "base/log.h"

/* ------------------------------------------------------------------ weights */

static void filler_kind(struct layer_reading *in, struct pt_reader *r, struct filler *f)
{
    static const char *const kinds[] = {"constant", "uniform", "gaussian", "xavier", "msra", NULL};
    const char *type = "constant";
    char known[STR_KNOWN];

    pt_text(r, "type", &type, in->err);
    for (int i = 0; kinds[i]; i++) {
        if (strcmp(type, kinds[i]) == 0) {
            f->kind = (enum filler_kind)i;
            return;
        }
    }
    r->rc = pt_error(in->doc, r->message, in->err, "filler type '%.60s' is not supported%s", type,
                     str_known(known, type, kinds));
}

static void read_filler(struct layer_reading *in, struct pt_reader *parent, const char *name,
                        struct filler *out)
{
    static const char *const norms[] = {"FAN_IN", "FAN_OUT", "AVERAGE", NULL};
    static const char *const unsupported[] = {"sparse", NULL};
    static const char *const numbers[] = {"value", "min", "max", "mean", "std"};
    /* which of the numbers each kind reads, in enum order */
    static const bool used[][5] = {
        {true}, {false, true, true}, {false, false, false, true, true}, {false}, {false}};
    struct filler f = {.max = 1.0, .std = 1.0};
    double *const targets[] = {&f.value, &f.min, &f.max, &f.mean, &f.std};
    struct pt_reader r;
    int norm = FILLER_FAN_IN;

    if (pt_message(parent, name, &r, in->err) <= 0)
        return;
    filler_kind(in, &r, &f);
    for (size_t i = 0; i < MEM_COUNT(numbers); i++)
        if (pt_double(&r, numbers[i], -FLT_MAX, FLT_MAX, targets[i], in->err) > 0 && !used[f.kind][i] &&
            spec_first_time(in, SAID_FILLER))
            log_line(CLR_LOG_INFO, "%s:%d: '%s' has no effect on this kind of %s", in->doc->file,
                     r.message->line, numbers[i], name);
    pt_word(&r, "variance_norm", norms, &norm, in->err);
    f.norm = (enum filler_norm)norm;
    parent->rc = pt_close(&r, unsupported, in->err);
    if (parent->rc == 0 && f.min > f.max)
        parent->rc = pt_error(in->doc, r.message, in->err, "min %g is above max %g", f.min, f.max);
    if (parent->rc == 0 && f.std < 0.0)
        parent->rc = pt_error(in->doc, r.message, in->err, "std %g is below 0", f.std);
    *out = f;
}

void spec_read_weights(struct layer_reading *in, struct pt_reader *r, int *outputs)
{
    struct layer_spec *l = in->layer;

    l->desc.bias = true;
    pt_int(r, "num_output", 1, GEOMETRY_MAX, outputs, in->err);
    pt_bool(r, "bias_term", &l->desc.bias, in->err);
    read_filler(in, r, "weight_filler", &l->filler[0]);
    read_filler(in, r, "bias_filler", &l->filler[1]);
}

/* ------------------------------------------------------------------ windows */

void spec_read_pair(struct layer_reading *in, struct pt_reader *r, const char *all, const char *h,
                    const char *w, int min, int *out_h, int *out_w, bool *given)
{
    int values[2] = {0, 0}, count = 0, has_h = 0, has_w = 0;

    pt_ints(r, all, min, GEOMETRY_MAX, values, 2, &count, in->err);
    if (h)
        has_h = pt_int(r, h, min, GEOMETRY_MAX, out_h, in->err);
    if (w)
        has_w = pt_int(r, w, min, GEOMETRY_MAX, out_w, in->err);
    if (r->rc == 0 && count > 0 && (has_h || has_w))
        r->rc = pt_error(in->doc, r->message, in->err, "give '%s', or '%s' and '%s', not both", all, h, w);
    if (r->rc == 0 && has_h != has_w)
        r->rc = pt_error(in->doc, r->message, in->err, "'%s' and '%s' must be given together", h, w);
    if (count > 0) {
        *out_h = values[0];
        *out_w = values[count - 1];
    }
    *given = count > 0 || has_h;
}
