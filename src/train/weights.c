/* Weights as safetensors files: see weights.h. */
#include "train/weights.h"

#include <clr/file_kind.h>
#include <clr/version.h>

#include <float.h>
#include <math.h>

#include "base/fs.h"
#include "base/log.h"
#include "net/caffemodel.h"
#include "train/session.h"

#define FORMAT "1" /* of the metadata */

/* ------------------------------------------------------------------ reading */

/* Other tools write none, and neither did 0.1. */
static int check_format(const struct st_file *file, const char *path, struct clr_error *err)
{
    const char *format = safetensors_metadata(file, "clr.format");

    return !format || strcmp(format, FORMAT) == 0
               ? 0
               : clr_error_set(err, CLR_EINPUT,
                               "'%s' has clr.format %.20s; clr-cl " CLR_VERSION " reads format " FORMAT
                               ": read it with the version that wrote it",
                               path, format);
}

static bool same_shape(const struct st_tensor *a, const struct st_tensor *b)
{
    return a->rank == b->rank && memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims) == 0;
}

static void append_shape(struct str *s, const struct st_tensor *t)
{
    for (int i = 0; i < t->rank; i++)
        str_append(s, "%s%llu", i ? "×" : "", (unsigned long long)t->dims[i]);
}

static bool known(const struct graph *g, const char *name)
{
    for (size_t i = 0; i < g->param_count; i++)
        if (strcmp(g->params[i].name, name) == 0)
            return true;
    return false;
}

/*
 * Append what does not match, as parts of a sentence. Tensors of another shape lose their names, so that
 * they are not found. How many fit.
 */
static size_t drop_misfits(struct str *s, struct st_file *file, const struct graph *g)
{
    size_t fit = 0;

    str_append(s, "%s", str_text(&file->omitted));
    for (size_t i = 0; i < file->count; i++)
        if (!known(g, file->tensors[i].name))
            str_append(s, "; '%s' is %s", file->tensors[i].name,
                       file->tensors[i].count == 0 ? "empty" : "not in the net");
    for (size_t i = 0; i < g->param_count; i++) {
        struct st_tensor own, *t;
        weights_tensor(&own, &g->params[i], "", NULL);
        t = (struct st_tensor *)(uintptr_t)safetensors_find(file, own.name);
        if (t && same_shape(t, &own)) {
            fit++;
            continue;
        }
        if (!t && g->params[i].state && own.rank == 0) /* a count, which other programs may not write */
            continue;
        str_append(s, "; '%s' ", own.name);
        if (!t) {
            str_append(s, "(");
            append_shape(s, &own);
            str_append(s, ") is missing");
        } else {
            str_append(s, "is ");
            append_shape(s, t);
            str_append(s, ", the net's is ");
            append_shape(s, &own);
            t->name[0] = '\0';
        }
    }
    return fit;
}

static int check_finite(const struct st_file *file, const char *path, struct clr_error *err)
{
    for (size_t i = 0; i < file->count; i++)
        for (size_t k = 0; k < file->tensors[i].count; k++)
            if (!isfinite(file->tensors[i].data[k]))
                return clr_error_set(err, CLR_EINPUT, "%s: element %zu of '%s' is not a finite number", path,
                                     k, file->tensors[i].name);
    return 0;
}

int weights_open(struct st_file *out, const char *path, const struct graph *g, struct clr_error *err)
{
    struct st_file file = {0};
    int rc = g && clr_file_kind(path) == CLR_FILE_CAFFEMODEL ? caffemodel_read(&file, path, g, err)
                                                             : safetensors_read(&file, path, err);

    if (rc == 0)
        rc = check_format(&file, path, err);
    if (rc == 0)
        rc = check_finite(&file, path, err);
    if (rc < 0)
        safetensors_clear(&file);
    else
        *out = file;
    return rc;
}

int weights_read(struct st_file *out, const char *path, const struct graph *g, bool partial, const char *hint,
                 struct clr_error *err)
{
    struct st_file file = {0};
    struct str differences = {0};
    size_t fit;
    int rc = weights_open(&file, path, g, err);

    if (rc < 0)
        return rc;
    fit = drop_misfits(&differences, &file, g);
    rc = str_check(&differences, err);
    if (rc == 0 && partial && fit == 0)
        rc = clr_error_set(err, CLR_EINPUT,
                           "%s does not fit the net: no tensor has the name and the shape of a "
                           "parameter%s",
                           path, str_text(&differences));
    else if (rc == 0 && differences.length > 0 && partial)
        log_line(CLR_LOG_WARNING, "%s fits in part%s", path, str_text(&differences));
    else if (rc == 0 && differences.length > 0)
        rc = clr_error_set(err, CLR_EINPUT, "%s does not fit the net%s (%s)", path, str_text(&differences),
                           hint);
    str_clear(&differences);
    if (rc < 0)
        safetensors_clear(&file);
    else
        *out = file;
    return rc;
}

/* ------------------------------------------------------------------ mean and scale */

/* "1.5,2,…" into one value per channel or per element; false where it is neither. */
static bool parse_values(const char *text, const struct clr_dataset *d, float *mean)
{
    const size_t plane = (size_t)d->height * (size_t)d->width, total = (size_t)d->channels * plane;
    size_t count = 0;

    for (const char *p = text; *p; count++) {
        char *end;
        const double v = strtod(p, &end);
        if (end == p || !(fabs(v) <= FLT_MAX) || count >= total || (*end && *end != ','))
            return false;
        mean[count] = (float)v;
        p = *end ? end + 1 : end;
    }
    if (count == total)
        return true;
    if (count != (size_t)d->channels)
        return false;
    for (size_t c = count; c-- > 0;) /* backwards: the values are in the front of the array that they fill */
        for (size_t i = plane; i-- > 0;)
            mean[c * plane + i] = mean[c];
    return true;
}

int weights_transform(const struct st_file *file, const struct clr_train_options *o, enum clr_mean *kind,
                      double *scale, float *mean, struct clr_error *err)
{
    const char *scale_text = safetensors_metadata(file, "clr.scale"),
               *values = safetensors_metadata(file, "clr.mean_values");
    const char *name = safetensors_metadata(file, "clr.mean");
    const int named = name ? str_index(name, clr_mean_names()) : (int)*kind;
    char known[STR_KNOWN];

    if (scale_text && isnan(o->scale) &&
        !(str_parse_double(scale_text, -1e30, 1e30, scale) && str_fits_float(*scale)))
        return clr_error_set(err, CLR_EINPUT, "%s: clr.scale '%s' is not a number of float32", o->init,
                             scale_text);
    if (!values || o->mean >= 0 || o->mean_file)
        return 0;
    if (named < 0)
        return clr_error_set(err, CLR_EINPUT, "%s: clr.mean '%.40s' is none of this version's%s", o->init,
                             name, str_known(known, name, clr_mean_names()));
    if (!parse_values(values, o->data, mean))
        return clr_error_set(err, CLR_EINPUT, "%s: clr.mean_values does not fit images of %d×%d×%d", o->init,
                             o->data->channels, o->data->height, o->data->width);
    *kind = (enum clr_mean)named;
    return 0;
}

static void append_mean(struct str *s, const struct clr_dataset *d, const float *mean)
{
    const size_t plane = (size_t)d->height * (size_t)d->width, total = (size_t)d->channels * plane;
    bool constant = true;

    for (size_t i = 0; i < total; i++)
        constant = constant && !(mean[i] < mean[i / plane * plane]) && !(mean[i] > mean[i / plane * plane]);
    for (size_t i = 0; i < total; i += constant ? plane : 1)
        str_append(s, "%s%.9g", i ? "," : "", (double)mean[i]);
}

/* ------------------------------------------------------------------ writing */

void weights_tensor(struct st_tensor *out, const struct graph_param *p, const char *suffix, float *values)
{
    (void)snprintf(out->name, sizeof out->name, "%s%s", p->name, suffix);
    out->rank = p->rank;
    for (int k = 0; k < p->rank; k++)
        out->dims[k] = (uint64_t)p->dims[k];
    out->count = p->count;
    out->data = values;
}

/* ------------------------------------------------------------------ of a run */

static int check_trained(const struct session *s, const struct graph_param *p, const float *values,
                         struct clr_error *err)
{
    for (size_t i = 0; i < p->count; i++)
        if (!isfinite(values[i]))
            return clr_error_set(err, CLR_EDIVERGED,
                                 "after iteration %llu (rate %.4g) element %zu of '%s' is not a finite "
                                 "number: lower the rate. No weights were saved",
                                 (unsigned long long)s->state.iteration, s->state.last_rate, i, p->name);
    return 0;
}

int session_read_parameters(struct session *s, int set, float **out, struct clr_error *err)
{
    const struct params *p = &s->replica.params;
    const size_t floats = set == PARAMS_W ? p->floats : p->learned;
    float *values = NULL;
    int rc = mem_new(&values, floats, sizeof *values, "parameters", err);

    if (rc == 0)
        rc = ocl_read(s->replica.ctx, p->all[set], 0, floats * sizeof *values, values, err);
    for (size_t i = 0; i < p->count && rc == 0; i++)
        if (p->parts[set][i]) /* states are in PARAMS_W alone */
            rc = check_trained(s, &p->info[i], values + p->offset[i], err);
    if (rc < 0)
        free(values);
    else
        *out = values;
    return rc;
}

/* The parameters, with the given values, and the metadata. */
static int write_weights(const struct session *s, const char *path, float *values, struct clr_error *err)
{
    const struct params *params = &s->replica.params;
    struct st_file file = {.count = params->count};
    struct str means = {0};
    char scale[32], *text[12];
    const char *pairs[] = {
        "format",          "pt",        "clr.format", FORMAT,     "clr.net",
        s->o->net_name,    "clr.scale", scale,        "clr.mean", clr_mean_names()[s->mean_kind],
        "clr.mean_values", NULL};
    int rc = mem_new(&file.tensors, params->count, sizeof *file.tensors, "tensors", err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < params->count; i++)
        weights_tensor(&file.tensors[i], &params->info[i], "", values + params->offset[i]);
    (void)snprintf(scale, sizeof scale, "%.17g", s->scale);
    append_mean(&means, s->o->data, s->mean);
    pairs[MEM_COUNT(pairs) - 1] = str_text(&means);
    for (size_t i = 0; i < MEM_COUNT(pairs); i++)
        text[i] = (char *)(uintptr_t)pairs[i]; /* borrowed: writing changes nothing */
    file.metadata = text;
    file.metadata_count = MEM_COUNT(text) / 2;
    rc = str_check(&means, err);
    if (rc == 0)
        rc = safetensors_write(path, &file, err);
    str_clear(&means);
    free(file.tensors);
    return rc;
}

int session_save_weights(struct session *s, const char *path, struct clr_error *err)
{
    float *values = NULL;
    int rc = session_read_parameters(s, PARAMS_W, &values, err);

    if (rc == 0)
        rc = write_weights(s, path, values, err);
    free(values);
    return rc;
}

int session_save_average(struct session *s, struct clr_error *err)
{
    float *values = NULL, *average = NULL;
    char *path = NULL;
    int rc = session_read_parameters(s, PARAMS_W, &values, err);

    if (rc == 0)
        rc = session_read_parameters(s, PARAMS_E, &average, err);
    if (rc == 0)
        rc = fs_join(&path, s->o->out, "ema.safetensors", err);
    if (rc == 0) { /* the states follow what is learned */
        memcpy(values, average, s->replica.params.learned * sizeof *values);
        rc = write_weights(s, path, values, err);
    }
    free(path);
    free(average);
    free(values);
    return rc;
}

int session_save_numbered(struct session *s, const char *kind, uint64_t number, struct clr_error *err)
{
    char name[64], *path = NULL;
    int rc;

    (void)snprintf(name, sizeof name, number > 0 ? "%s-%llu.safetensors" : "%s.safetensors", kind,
                   (unsigned long long)number);
    rc = fs_join(&path, s->o->out, name, err);
    if (rc == 0)
        rc = session_save_weights(s, path, err);
    free(path);
    return rc;
}
