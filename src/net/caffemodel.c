/* Caffe's weights: see caffemodel.h. protobuf-c reads and writes them, and this file alone uses it. */
#include "net/caffemodel.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <net/proto/caffe.pb-c.h>

#include "base/fs.h"
#include "net/layer.h"

#define LIMIT_FILE  ((size_t)1 << 30)
#define LIMIT_SMALL ((size_t)1 << 20)

#define MANY_BATCHES 1e6f /* all weigh the same to float32, whatever is added */
#define ROUNDING     1e-6 /* of a sum of weights in float32 */

/* ------------------------------------------------------------------ memory of protobuf-c */

/* A message of two bytes becomes a struct of a hundred. */
struct budget {
    size_t left;
    bool exceeded, out_of_memory;
};

static void *budget_alloc(void *data, size_t size)
{
    struct budget *b = data;
    void *p;

    if (size > b->left) {
        b->exceeded = true;
        return NULL;
    }
    b->left -= size;
    p = calloc(1, size > 0 ? size : 1);
    b->out_of_memory = b->out_of_memory || !p;
    return p;
}

static void budget_free(void *data, void *p)
{
    (void)data;
    free(p);
}

/* Enough for any real file: 16 times its size, and for large ones, which consist of numbers, 1 GiB more. */
static struct budget budget_for(size_t size)
{
    return (struct budget){.left = LIMIT_SMALL + size + (size < LIMIT_FILE / 15 ? 15 * size : LIMIT_FILE)};
}

/* ------------------------------------------------------------------ reading */

struct cm_reading {
    const char *path, *what; /* of messages: the file, "caffemodel" or another kind */
    const struct graph *graph;
    struct st_file file;
    size_t floats; /* of the tensors so far */
    struct clr_error *err;
};

static int CLR_PRINTF(2, 3) damaged(const struct cm_reading *in, const char *format, ...)
{
    char text[400];
    va_list ap;

    va_start(ap, format);
    (void)vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    return clr_error_set(in->err, CLR_EINPUT, "'%.200s' is not a usable %s: %s", in->path, in->what, text);
}

/* A layer, of whichever version. */
struct cm_layer {
    const char *name; /* not NULL */
    Caffe__Blob **blobs;
    size_t count;
};

static size_t layer_count(const Caffe__Net *net)
{
    return net->n_layers + net->n_layer;
}

static struct cm_layer layer_at(const Caffe__Net *net, size_t i)
{
    struct cm_layer l;

    if (i >= net->n_layers) {
        const Caffe__Layer *now = net->layer[i - net->n_layers];
        l = (struct cm_layer){now->name, now->blobs, now->n_blobs};
    } else if (net->layers[i]->layer) {
        const Caffe__LayerV0 *v0 = net->layers[i]->layer;
        l = (struct cm_layer){v0->name, v0->blobs, v0->n_blobs};
    } else {
        const Caffe__LayerV1 *v1 = net->layers[i];
        l = (struct cm_layer){v1->name, v1->blobs, v1->n_blobs};
    }
    l.name = l.name ? l.name : "";
    return l;
}

static int read_shape(const struct cm_reading *in, struct st_tensor *t, const Caffe__Blob *b,
                      const char *layer)
{
    const int64_t old[] = {b->num, b->channels, b->height, b->width};
    const int64_t *dims = b->shape ? b->shape->dim : old;
    const size_t rank = b->shape ? b->shape->n_dim : MEM_COUNT(old);

    if (rank > MEM_COUNT(t->dims))
        return damaged(in, "'%.80s' has a blob of %zu dimensions, more than %zu", layer, rank,
                       MEM_COUNT(t->dims));
    t->rank = (int)rank;
    t->count = 1;
    for (size_t i = 0; i < rank; i++) {
        if (dims[i] < 0 || !clr_mul_size(&t->count, t->count, (size_t)dims[i]))
            return damaged(in, "'%.80s' has a blob of an impossible shape", layer);
        t->dims[i] = (uint64_t)dims[i];
    }
    return 0;
}

static int read_values(struct cm_reading *in, struct st_tensor *t, const Caffe__Blob *b, const char *layer)
{
    const size_t has = b->n_data + b->n_double_data;

    if (has != t->count || (b->n_data > 0 && b->n_double_data > 0))
        return damaged(in, "'%.80s' has a blob of %zu numbers where its shape needs %zu", layer, has,
                       t->count);
    t->data = in->file.widened + in->floats;
    in->floats += t->count;
    if (b->n_data > 0)
        memcpy(t->data, b->data, t->count * sizeof *t->data);
    for (size_t i = 0; i < b->n_double_data; i++) {
        if (isfinite(b->double_data[i]) && fabs(b->double_data[i]) > (double)FLT_MAX)
            return damaged(in, "'%.80s' has the number %.6g, more than float32 can have", layer,
                           b->double_data[i]);
        t->data[i] = (float)b->double_data[i];
    }
    return 0;
}

static const struct graph_param *find_param(const struct graph *g, const char *layer, size_t blob)
{
    const size_t length = strlen(layer);

    for (size_t i = 0; i < g->param_count; i++) {
        const struct graph_param *p = &g->params[i];
        if ((size_t)p->blob == blob && strncmp(p->name, layer, length) == 0 &&
            strrchr(p->name, '.') == p->name + length)
            return p;
    }
    return NULL;
}

/* Has the layer that blob from another one? Files have it again with each. */
static bool is_shared(const struct graph *g, const char *layer, size_t blob)
{
    for (size_t i = 0; i < g->node_count; i++)
        if ((size_t)g->nodes[i].param_count > blob && strcmp(g->nodes[i].layer->name, layer) == 0)
            return true;
    return false;
}

/* The parameter's shape, where the two differ in leading ones alone. */
static void adopt_shape(struct st_tensor *t, const struct graph_param *p)
{
    int own = 0, had = 0;

    while (own < p->rank && p->dims[own] == 1)
        own++;
    while (had < t->rank && t->dims[had] == 1)
        had++;
    if (p->rank - own != t->rank - had)
        return;
    for (int i = 0; own + i < p->rank; i++)
        if (t->dims[had + i] != (uint64_t)p->dims[own + i])
            return;
    t->rank = p->rank;
    for (int i = 0; i < p->rank; i++)
        t->dims[i] = (uint64_t)p->dims[i];
}

static int read_blob(struct cm_reading *in, const struct cm_layer *l, size_t k)
{
    struct st_tensor *t = &in->file.tensors[in->file.count];
    const struct graph_param *p = find_param(in->graph, l->name, k);
    char layer[81];
    int rc;

    str_copy(layer, sizeof layer, l->name);
    str_make_utf8(layer);
    if (p)
        str_copy(t->name, sizeof t->name, p->name);
    else if (is_shared(in->graph, l->name, k))
        return 0;
    else
        (void)snprintf(t->name, sizeof t->name, "%s blob %zu", layer, k);
    if (p && safetensors_find(&in->file, t->name))
        return damaged(in, "layer '%s' is there twice", layer);
    rc = read_shape(in, t, l->blobs[k], layer);
    if (rc == 0)
        rc = read_values(in, t, l->blobs[k], layer);
    if (rc < 0)
        return rc;
    if (p)
        adopt_shape(t, p);
    in->file.count++;
    return 0;
}

/* ------------------------------------------------------------------ statistics of a BatchNorm */

/* The number of batches whose weights 1, f, f², … add up to s. */
static float batches_of(double s, double f)
{
    const double left = 1.0 - s * (1.0 - f);

    if (f == 1.0)
        return (float)s;
    return left > ROUNDING ? (float)round(log(left) / log(f)) : MANY_BATCHES;
}

/* The reverse, a power of two, by which numbers are multiplied without rounding. */
static float factor_of(double batches, double f)
{
    const double s = f == 1.0 ? batches : (1.0 - pow(f, batches)) / (1.0 - f);

    return s > 1.0 ? (float)exp2(round(log2(s))) : 1.0f;
}

/* The tensor of the node's state k; NULL: it is not in the file, or of another size. */
static struct st_tensor *state_of(const struct cm_reading *in, const struct graph_node *n, int k)
{
    const struct graph_param *p = &in->graph->params[n->param[k]];
    const struct st_tensor *t = safetensors_find(&in->file, p->name);

    return t && t->count == p->count ? &in->file.tensors[t - in->file.tensors] : NULL;
}

static int convert_statistics(const struct cm_reading *in, const struct graph_node *n)
{
    struct st_tensor *factor = state_of(in, n, 2);
    const double s = factor ? (double)factor->data[0] : 1.0;

    if (s < 0.0)
        return damaged(in, "layer '%s' has the factor %g, less than 0", n->desc.label, s);
    for (int k = 0; k < 2; k++) {
        struct st_tensor *t = state_of(in, n, k);
        for (size_t i = 0; t && i < t->count; i++) /* before the first batch: a mean of 0, a variance of 1 */
            t->data[i] = s > 0.0 ? (float)((double)t->data[i] / s) : (float)k;
    }
    if (factor && isfinite(s))
        factor->data[0] = batches_of(s, (double)n->desc.u.batch_norm.fraction);
    return 0;
}

/* ------------------------------------------------------------------ a whole file */

static int read_net(struct cm_reading *in, const Caffe__Net *net)
{
    size_t blobs = 0, floats = 0;
    int rc = 0;

    for (size_t i = 0; i < layer_count(net); i++) {
        const struct cm_layer l = layer_at(net, i);
        blobs += l.count;
        for (size_t k = 0; k < l.count; k++) /* what is in memory does not overflow */
            floats += l.blobs[k]->n_data + l.blobs[k]->n_double_data;
    }
    if (blobs == 0)
        return damaged(in, "no layer in it has weights");
    rc = mem_grow(&in->file.tensors, &in->file.capacity, blobs, sizeof *in->file.tensors, "tensors", in->err);
    if (rc == 0)
        rc = mem_new(&in->file.widened, floats, sizeof *in->file.widened, "tensors", in->err);
    for (size_t i = 0; i < layer_count(net); i++) {
        const struct cm_layer l = layer_at(net, i);
        for (size_t k = 0; k < l.count && rc == 0; k++)
            rc = read_blob(in, &l, k);
    }
    for (size_t i = 0; i < in->graph->node_count && rc == 0; i++)
        if (in->graph->nodes[i].desc.kind == OP_BATCH_NORM)
            rc = convert_statistics(in, &in->graph->nodes[i]);
    return rc;
}

/* The message in the file; free with free_message(). */
static int unpack(ProtobufCMessage **out, const struct cm_reading *in,
                  const ProtobufCMessageDescriptor *descriptor)
{
    struct budget budget;
    ProtobufCAllocator allocator = {budget_alloc, budget_free, &budget};
    char *bytes = NULL;
    size_t size;
    int rc = fs_read(in->path, LIMIT_FILE, &bytes, &size, in->err);

    if (rc < 0)
        return rc;
    budget = budget_for(size);
    *out = protobuf_c_message_unpack(descriptor, &allocator, size, (const uint8_t *)bytes);
    free(bytes);
    if (*out)
        return 0;
    if (budget.out_of_memory)
        return clr_error_set(in->err, CLR_ENOMEM, "out of memory for '%.200s'", in->path);
    return damaged(in, budget.exceeded ? "it has too many small parts"
                                       : "it is damaged, or no file of protocol buffers");
}

static void free_message(ProtobufCMessage *message)
{
    ProtobufCAllocator allocator = {budget_alloc, budget_free, NULL};

    if (message)
        protobuf_c_message_free_unpacked(message, &allocator);
}

/* What was read; nothing where it failed. */
static int give(struct st_file *out, struct cm_reading *in, int rc)
{
    if (rc < 0)
        safetensors_clear(&in->file);
    else
        *out = in->file;
    return rc;
}

int caffemodel_read(struct st_file *out, const char *path, const struct graph *g, struct clr_error *err)
{
    struct cm_reading in = {.path = path, .what = "caffemodel", .graph = g, .err = err};
    ProtobufCMessage *net = NULL;
    int rc = unpack(&net, &in, &caffe__net__descriptor);

    if (rc == 0)
        rc = read_net(&in, (const Caffe__Net *)net);
    free_message(net);
    return give(out, &in, rc);
}

/* The one tensor becomes C,H,W. */
static int read_mean(struct cm_reading *in, const Caffe__Blob *b)
{
    struct st_tensor *t;
    int rc = mem_grow(&in->file.tensors, &in->file.capacity, 1, sizeof *in->file.tensors, "a mean", in->err);

    if (rc == 0)
        rc = mem_new(&in->file.widened, b->n_data + b->n_double_data, sizeof *in->file.widened, "a mean",
                     in->err);
    if (rc < 0)
        return rc;
    t = &in->file.tensors[in->file.count++];
    str_copy(t->name, sizeof t->name, "mean");
    rc = read_shape(in, t, b, t->name);
    if (rc == 0)
        rc = read_values(in, t, b, t->name);
    for (; rc == 0 && t->rank > 3 && t->dims[0] == 1; t->rank--)
        memmove(t->dims, t->dims + 1, (size_t)(t->rank - 1) * sizeof *t->dims);
    if (rc == 0 && (t->rank != 3 || t->count == 0))
        return damaged(in, "it has not the shape of one image");
    for (size_t i = 0; rc == 0 && i < t->count; i++)
        if (!isfinite(t->data[i]))
            return damaged(in, "number %zu is not finite", i);
    return rc;
}

int caffemodel_read_mean(struct st_file *out, const char *path, struct clr_error *err)
{
    struct cm_reading in = {.path = path, .what = "mean of images", .err = err};
    ProtobufCMessage *blob = NULL;
    int rc = unpack(&blob, &in, &caffe__blob__descriptor);

    if (rc == 0)
        rc = read_mean(&in, (const Caffe__Blob *)blob);
    free_message(blob);
    return give(out, &in, rc);
}

/* ------------------------------------------------------------------ writing */

struct cm_blob_out {
    Caffe__Blob blob;
    Caffe__Shape shape;
    int64_t dims[MEM_COUNT(((struct st_tensor *)NULL)->dims)];
    float factor; /* of a BatchNorm: the data */
};

struct cm_layer_out {
    Caffe__Layer layer;
    Caffe__Blob *list[OP_PARAMS];
    struct cm_blob_out blobs[OP_PARAMS];
};

struct cm_writing {
    const struct clr_net_spec *spec;
    struct st_file *weights;
    bool *used; /* of the tensors */
    struct cm_layer_out *layers;
    Caffe__Layer **list;
    size_t count;
    struct str differences; /* "; 'a' is missing; …" */
};

/* The layer, and its parameter *k, that parameter k of layer i is: that of the first layer that shares it. */
static const struct layer_spec *owner(const struct clr_net_spec *spec, size_t i, int *k)
{
    struct op_param params[OP_PARAMS];
    const char *name = spec->layers[i].param[*k].name;

    for (size_t j = 0; name[0] && j < i; j++) {
        const int count = spec_params(params, &spec->layers[j]);
        for (int m = 0; m < count; m++)
            if (strcmp(spec->layers[j].param[m].name, name) == 0) {
                *k = m;
                return &spec->layers[j];
            }
    }
    return &spec->layers[i];
}

/* The tensor of parameter k of layer i; NULL: it is missing. */
static struct st_tensor *tensor_of(struct cm_writing *out, size_t i, int k)
{
    const struct layer_spec *l = owner(out->spec, i, &k);
    struct op_param params[OP_PARAMS];
    char name[SPEC_NAME + 32];
    const struct st_tensor *t;

    (void)spec_params(params, l);
    (void)snprintf(name, sizeof name, "%s.%s", l->name, params[k].name);
    t = safetensors_find(out->weights, name);
    if (t)
        out->used[t - out->weights->tensors] = true;
    else if (!(params[k].state && params[k].rank == 0)) /* a count, which may be missing */
        str_append(&out->differences, "; '%s' is missing", name);
    return t ? &out->weights->tensors[t - out->weights->tensors] : NULL;
}

static void set_blob(struct cm_layer_out *l, int k, int rank, const uint64_t *dims, float *data, size_t count)
{
    struct cm_blob_out *b = &l->blobs[k];

    caffe__blob__init(&b->blob);
    caffe__shape__init(&b->shape);
    for (int i = 0; i < rank; i++)
        b->dims[i] = (int64_t)dims[i];
    b->shape.n_dim = (size_t)rank;
    b->shape.dim = b->dims;
    b->blob.shape = &b->shape;
    b->blob.n_data = count;
    b->blob.data = data;
    l->list[k] = &b->blob;
}

/* Layer i is a BatchNorm, which shares nothing: its third blob, and the sums in its other two. */
static void set_factor(struct cm_writing *out, struct cm_layer_out *l, size_t i,
                       const struct st_tensor *batches)
{
    static const uint64_t one = 1;
    const struct layer_spec *spec = &out->spec->layers[i];
    const double t = batches && batches->count == 1 ? (double)batches->data[0] : 0.0;
    float *factor = &l->blobs[2].factor;
    bool finite = true;

    *factor = factor_of(t, (double)spec->desc.u.batch_norm.fraction);
    for (int k = 0; k < 2; k++)
        for (size_t c = 0; c < l->list[k]->n_data; c++) {
            l->list[k]->data[c] *= *factor;
            finite = finite && isfinite(l->list[k]->data[c]);
        }
    if (!finite)
        str_append(&out->differences, "; Caffe's sums in '%s' would be infinite", spec->name);
    set_blob(l, 2, 1, &one, factor, 1);
}

/* Layer i, if it has parameters and no layer before it has its name, as that of the other phase. */
static void add_layer(struct cm_writing *out, size_t i)
{
    const struct layer_spec *spec = &out->spec->layers[i];
    struct cm_layer_out *l = &out->layers[out->count];
    struct op_param params[OP_PARAMS];
    const int count = spec_params(params, spec);
    struct st_tensor *t = NULL;

    if (count == 0)
        return;
    for (size_t j = 0; j < out->count; j++)
        if (strcmp(out->layers[j].layer.name, spec->name) == 0)
            return;
    caffe__layer__init(&l->layer);
    for (int k = 0; k < count; k++) {
        t = tensor_of(out, i, k);
        if (t)
            set_blob(l, k, t->rank, t->dims, t->data, t->count);
        else
            set_blob(l, k, 0, NULL, NULL, 0);
    }
    if (spec->class->kind == OP_BATCH_NORM)
        set_factor(out, l, i, t);
    l->layer.name = (char *)(uintptr_t)spec->name; /* borrowed: writing changes nothing */
    l->layer.type = (char *)(uintptr_t)spec->class->type;
    l->layer.n_blobs = (size_t)count;
    l->layer.blobs = l->list;
    out->list[out->count++] = &l->layer;
}

static int write_net(const struct cm_writing *out, const char *path, struct clr_error *err)
{
    Caffe__Net net = CAFFE__NET__INIT;
    uint8_t *bytes = NULL;
    size_t size;
    int rc;

    net.name = (char *)(uintptr_t)out->spec->name;
    net.n_layer = out->count;
    net.layer = out->list;
    size = caffe__net__get_packed_size(&net);
    if (size > LIMIT_FILE)
        return clr_error_set(err, CLR_EINPUT, "a caffemodel of %zu bytes would be larger than %zu", size,
                             LIMIT_FILE);
    rc = mem_new(&bytes, size, 1, "a caffemodel", err);
    if (rc == 0) {
        (void)caffe__net__pack(&net, bytes);
        rc = fs_write_atomic(path, bytes, size, err);
    }
    free(bytes);
    return rc;
}

int caffemodel_write(const char *path, const struct clr_net_spec *spec, struct st_file *weights,
                     const char *name, struct clr_error *err)
{
    struct cm_writing out = {.spec = spec, .weights = weights};
    int rc = mem_new(&out.used, weights->count, sizeof *out.used, "tensors", err);

    if (rc == 0)
        rc = mem_new(&out.layers, spec->layer_count, sizeof *out.layers, "layers", err);
    if (rc == 0)
        rc = mem_new(&out.list, spec->layer_count, sizeof *out.list, "layers", err);
    for (size_t i = 0; i < spec->layer_count && rc == 0; i++)
        add_layer(&out, i);
    for (size_t i = 0; i < weights->count && rc == 0; i++)
        if (!out.used[i])
            str_append(&out.differences, "; '%s' is not in the net", weights->tensors[i].name);
    if (rc == 0)
        str_append(&out.differences, "%s", str_text(&weights->omitted));
    if (rc == 0)
        rc = str_check(&out.differences, err);
    if (rc == 0 && out.differences.length > 0)
        rc = clr_error_set(err, CLR_EINPUT, "%s does not fit the net '%s'%s", name, spec->name,
                           str_text(&out.differences));
    if (rc == 0)
        rc = write_net(&out, path, err);
    str_clear(&out.differences);
    free(out.list);
    free(out.layers);
    free(out.used);
    return rc;
}
