/*
 * What only some layers have: `convolution_param { … }`, `pooling_param { … }` and so on. One function for
 * each kind of layer, called through the table in spec_layers.c.
 */
#include "net/spec_layers.h"

#include <float.h>
#include <string.h>

#include "base/log.h"

/* ------------------------------------------------------------------ fillers */

static int filler_kind(struct layer_reading *in, struct pt_reader *r, struct filler *f)
{
    static const char *const kinds[] = {"constant", "uniform", "gaussian", "xavier", "msra", NULL};
    const char *type = "constant", *nearest;
    int rc = pt_text(r, "type", &type, in->err);

    if (rc < 0)
        return rc;
    for (int i = 0; kinds[i]; i++) {
        if (strcmp(type, kinds[i]) == 0) {
            f->kind = (enum filler_kind)i;
            return 0;
        }
    }
    nearest = str_nearest(type, kinds);
    return pt_error(
        in->doc, r->message, in->err,
        "filler type '%.60s' is not supported%s%s%s (there are constant, uniform, gaussian, xavier and "
        "msra)",
        type, nearest ? ": did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

static int read_filler(struct layer_reading *in, struct pt_reader *parent, const char *name,
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
    int norm = FILLER_FAN_IN, given = pt_message(parent, name, &r, in->err), rc;

    if (given <= 0)
        return given;
    rc = filler_kind(in, &r, &f);
    for (size_t i = 0; i < MEM_COUNT(numbers) && rc >= 0; i++) {
        rc = pt_double(&r, numbers[i], -FLT_MAX, FLT_MAX, targets[i], in->err);
        if (rc > 0 && !used[f.kind][i] && spec_first_time(in, SAID_FILLER))
            log_line(CLR_LOG_INFO, "%s:%d: '%s' has no effect on this kind of %s", in->doc->file,
                     r.message->line, numbers[i], name);
    }
    if (rc >= 0)
        rc = pt_word(&r, "variance_norm", norms, &norm, in->err);
    if (rc >= 0)
        rc = pt_close(&r, unsupported, in->err);
    if (rc < 0)
        return rc;
    f.norm = (enum filler_norm)norm;
    if (f.min > f.max)
        return pt_error(in->doc, r.message, in->err, "min %g is above max %g", f.min, f.max);
    if (f.std < 0.0)
        return pt_error(in->doc, r.message, in->err, "std %g is below 0", f.std);
    *out = f;
    return 0;
}

/* num_output, bias_term and both fillers: what convolutions and dense layers share. */
static int read_weights(struct layer_reading *in, struct pt_reader *r, int *outputs)
{
    struct layer_spec *l = in->layer;
    int rc;

    l->bias_term = true;
    rc = pt_int(r, "num_output", 1, GEOMETRY_MAX, outputs, in->err);
    if (rc >= 0)
        rc = pt_bool(r, "bias_term", &l->bias_term, in->err);
    if (rc >= 0)
        rc = read_filler(in, r, "weight_filler", &l->weight_filler);
    if (rc >= 0)
        rc = read_filler(in, r, "bias_filler", &l->bias_filler);
    return rc < 0 ? rc : 0;
}

/* ------------------------------------------------------------------ windows: kernel, stride, pad, dilation
 */

/*
 * `all` (once: both dimensions, twice: height and width) or the pair h, w (NULL: has none). Absent:
 * untouched. *given tells whether anything was there.
 */
static int read_pair(struct layer_reading *in, struct pt_reader *r, const char *all, const char *h,
                     const char *w, int min, int *out_h, int *out_w, bool *given)
{
    int values[2] = {0, 0}, count = 0, has_h = 0, has_w = 0;
    int rc = pt_ints(r, all, min, GEOMETRY_MAX, values, 2, &count, in->err);

    if (rc >= 0 && h)
        rc = has_h = pt_int(r, h, min, GEOMETRY_MAX, out_h, in->err);
    if (rc >= 0 && w)
        rc = has_w = pt_int(r, w, min, GEOMETRY_MAX, out_w, in->err);
    if (rc < 0)
        return rc;
    if (count > 0 && (has_h || has_w))
        return pt_error(in->doc, r->message, in->err, "give '%s', or '%s' and '%s', not both", all, h, w);
    if (has_h != has_w)
        return pt_error(in->doc, r->message, in->err, "'%s' and '%s' must be given together", h, w);
    if (count > 0) {
        *out_h = values[0];
        *out_w = values[count - 1];
    }
    *given = count > 0 || has_h;
    return 0;
}

int spec_read_convolution(struct layer_reading *in)
{
    struct conv_geometry *g = &in->layer->u.conv;
    bool kernel, ignored;
    struct pt_reader r;
    int rc = pt_message(&in->r, "convolution_param", &r, in->err);

    if (rc == 0)
        return spec_missing_block(in, "convolution_param");
    if (rc < 0)
        return rc;
    g->sh = g->sw = g->dh = g->dw = g->group = 1;
    rc = read_weights(in, &r, &g->oc);
    if (rc >= 0)
        rc = read_pair(in, &r, "kernel_size", "kernel_h", "kernel_w", 1, &g->kh, &g->kw, &kernel);
    if (rc >= 0)
        rc = read_pair(in, &r, "stride", "stride_h", "stride_w", 1, &g->sh, &g->sw, &ignored);
    if (rc >= 0)
        rc = read_pair(in, &r, "pad", "pad_h", "pad_w", 0, &g->ph, &g->pw, &ignored);
    if (rc >= 0)
        rc = read_pair(in, &r, "dilation", NULL, NULL, 1, &g->dh, &g->dw, &ignored);
    if (rc >= 0)
        rc = pt_int(&r, "group", 1, GEOMETRY_MAX, &g->group, in->err);
    if (rc >= 0)
        rc = spec_only_int(in, &r, "axis", 1);
    if (rc >= 0)
        rc = spec_read_engine(in, &r);
    if (rc >= 0)
        spec_no_effect(in, &r, "force_nd_im2col", SAID_IM2COL, "the table of variants chooses the algorithm");
    if (rc >= 0)
        rc = pt_close(&r, NULL, in->err);
    if (rc < 0)
        return rc;
    if (g->oc == 0)
        return pt_error(in->doc, r.message, in->err, "'num_output' is missing");
    if (!kernel)
        return pt_error(in->doc, r.message, in->err, "'kernel_size' is missing");
    return 0;
}

int spec_read_pooling(struct layer_reading *in)
{
    static const char *const methods[] = {"MAX", "AVE", NULL};
    static const char *const roundings[] = {"CEIL", "FLOOR", NULL};
    struct pool_geometry *g = &in->layer->u.pool.g;
    bool kernel = false, stride = false, pad = false;
    struct pt_reader r;
    int method = POOL_MAX, rounding = POOL_CEIL, rc;

    rc = pt_message(&in->r, "pooling_param", &r, in->err);
    if (rc == 0)
        return spec_missing_block(in, "pooling_param");
    if (rc < 0)
        return rc;
    g->sh = g->sw = 1;
    rc = pt_word(&r, "pool", methods, &method, in->err);
    if (rc >= 0)
        rc = pt_word(&r, "round_mode", roundings, &rounding, in->err);
    if (rc >= 0)
        rc = pt_bool(&r, "global_pooling", &in->layer->u.pool.global, in->err);
    if (rc >= 0)
        rc = read_pair(in, &r, "kernel_size", "kernel_h", "kernel_w", 1, &g->kh, &g->kw, &kernel);
    if (rc >= 0)
        rc = read_pair(in, &r, "stride", "stride_h", "stride_w", 1, &g->sh, &g->sw, &stride);
    if (rc >= 0)
        rc = read_pair(in, &r, "pad", "pad_h", "pad_w", 0, &g->ph, &g->pw, &pad);
    if (rc >= 0)
        rc = spec_read_engine(in, &r);
    if (rc >= 0)
        rc = pt_close(&r, NULL, in->err);
    if (rc < 0)
        return rc;
    g->method = (enum pool_method)method;
    g->rounding = (enum pool_rounding)rounding;
    if (in->layer->u.pool.global && (kernel || g->ph || g->pw || g->sh != 1 || g->sw != 1))
        return pt_error(in->doc, r.message, in->err,
                        "'global_pooling' covers the whole image: no kernel, no padding, stride 1");
    if (!in->layer->u.pool.global && !kernel)
        return pt_error(in->doc, r.message, in->err, "'kernel_size' is missing");
    return 0;
}

/* ------------------------------------------------------------------ the other layers */

int spec_read_relu(struct layer_reading *in)
{
    double slope = 0.0;
    struct pt_reader r;
    int rc = pt_message(&in->r, "relu_param", &r, in->err);

    if (rc <= 0)
        return rc;
    rc = pt_double(&r, "negative_slope", 0.0, 1000.0, &slope, in->err);
    if (rc >= 0)
        rc = spec_read_engine(in, &r);
    in->layer->u.relu.negative_slope = (float)slope;
    return rc < 0 ? rc : pt_close(&r, NULL, in->err);
}

int spec_read_lrn(struct layer_reading *in)
{
    static const char *const regions[] = {"ACROSS_CHANNELS", "WITHIN_CHANNEL", NULL};
    struct lrn_geometry *g = &in->layer->u.lrn;
    double alpha = 1.0, beta = 0.75, k = 1.0;
    struct pt_reader r;
    int region = LRN_ACROSS_CHANNELS, rc;

    *g = (struct lrn_geometry){.size = 5, .alpha = 1.0f, .beta = 0.75f, .k = 1.0f};
    rc = pt_message(&in->r, "lrn_param", &r, in->err);
    if (rc <= 0)
        return rc;
    rc = pt_int(&r, "local_size", 1, GEOMETRY_MAX, &g->size, in->err);
    if (rc >= 0)
        rc = pt_double(&r, "alpha", 0.0, 1e6, &alpha, in->err);
    if (rc >= 0)
        rc = pt_double(&r, "beta", 0.0, 1e3, &beta, in->err);
    if (rc >= 0)
        rc = pt_double(&r, "k", 1e-30, 1e6, &k, in->err);
    if (rc >= 0)
        rc = pt_word(&r, "norm_region", regions, &region, in->err);
    if (rc >= 0)
        rc = spec_read_engine(in, &r);
    if (rc >= 0)
        rc = pt_close(&r, NULL, in->err);
    if (rc < 0)
        return rc;
    if (g->size % 2 == 0)
        return pt_error(in->doc, r.message, in->err, "'local_size' is %d: it must be odd", g->size);
    if (region == LRN_WITHIN_CHANNEL && k != 1.0) {
        spec_no_effect(in, &r, "k", SAID_LRN_K, "it is 1 within channels, as in Caffe");
        k = 1.0;
    }
    g->region = (enum lrn_region)region;
    g->alpha = (float)alpha;
    g->beta = (float)beta;
    g->k = (float)k;
    return 0;
}

int spec_read_dense(struct layer_reading *in)
{
    struct pt_reader r;
    int *outputs = &in->layer->u.dense.num_output;
    int rc = pt_message(&in->r, "inner_product_param", &r, in->err);

    if (rc == 0)
        return spec_missing_block(in, "inner_product_param");
    if (rc < 0)
        return rc;
    rc = read_weights(in, &r, outputs);
    if (rc >= 0)
        rc = spec_only_int(in, &r, "axis", 1);
    if (rc >= 0)
        rc = spec_only_false(in, &r, "transpose");
    if (rc >= 0)
        rc = pt_close(&r, NULL, in->err);
    if (rc < 0)
        return rc;
    if (*outputs == 0)
        return pt_error(in->doc, r.message, in->err, "'num_output' is missing");
    return 0;
}

int spec_read_dropout(struct layer_reading *in)
{
    double ratio = 0.5;
    struct pt_reader r;
    int rc = pt_message(&in->r, "dropout_param", &r, in->err);

    if (rc > 0) {
        rc = pt_double(&r, "dropout_ratio", 0.0, 0.999999, &ratio, in->err);
        if (rc >= 0)
            rc = pt_close(&r, NULL, in->err);
    }
    in->layer->u.dropout.ratio = (float)ratio;
    return rc < 0 ? rc : 0;
}

int spec_read_softmax_loss(struct layer_reading *in)
{
    double weight = 1.0;
    struct pt_reader r;
    int rc = pt_message(&in->r, "softmax_param", &r, in->err);

    if (rc > 0) {
        rc = spec_only_int(in, &r, "axis", 1);
        if (rc >= 0)
            rc = spec_read_engine(in, &r);
        if (rc >= 0)
            rc = pt_close(&r, NULL, in->err);
    }
    if (rc >= 0)
        rc = pt_double(&in->r, "loss_weight", -1e30, 1e30, &weight, in->err);
    if (rc < 0)
        return rc;
    if (weight != 1.0)
        return pt_error(in->doc, in->field, in->err, "'loss_weight' is %g; only 1 is supported", weight);
    return 0;
}

int spec_read_accuracy(struct layer_reading *in)
{
    static const char *const unsupported[] = {"ignore_label", NULL};
    struct pt_reader r;
    int rc = pt_message(&in->r, "accuracy_param", &r, in->err);

    in->layer->u.accuracy.top_k = 1;
    if (rc <= 0)
        return rc;
    rc = pt_int(&r, "top_k", 1, GEOMETRY_MAX, &in->layer->u.accuracy.top_k, in->err);
    if (rc >= 0)
        rc = spec_only_int(in, &r, "axis", 1);
    return rc < 0 ? rc : pt_close(&r, unsupported, in->err);
}
