/* Caffe's binary files: see caffemodel.h. protobuf-c reads them, and this file alone uses it. */
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
    const char *path;
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
    return clr_error_set(in->err, CLR_EINPUT, "'%.200s' is not a usable caffemodel: %s", in->path, text);
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
        return damaged(in, "layer '%.80s' has a blob of %zu dimensions, more than %zu", layer, rank,
                       MEM_COUNT(t->dims));
    t->rank = (int)rank;
    t->count = 1;
    for (size_t i = 0; i < rank; i++) {
        if (dims[i] < 0 || !clr_mul_size(&t->count, t->count, (size_t)dims[i]))
            return damaged(in, "layer '%.80s' has a blob of an impossible shape", layer);
        t->dims[i] = (uint64_t)dims[i];
    }
    return 0;
}

static int read_values(struct cm_reading *in, struct st_tensor *t, const Caffe__Blob *b, const char *layer)
{
    const size_t has = b->n_data + b->n_double_data;

    if (has != t->count || (b->n_data > 0 && b->n_double_data > 0))
        return damaged(in, "layer '%.80s' has a blob of %zu numbers where its shape needs %zu", layer, has,
                       t->count);
    t->data = in->file.widened + in->floats;
    in->floats += t->count;
    if (b->n_data > 0)
        memcpy(t->data, b->data, t->count * sizeof *t->data);
    for (size_t i = 0; i < b->n_double_data; i++) {
        if (isfinite(b->double_data[i]) && fabs(b->double_data[i]) > (double)FLT_MAX)
            return damaged(in, "layer '%.80s' has the number %.6g, more than float32 can have", layer,
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

int caffemodel_read(struct st_file *out, const char *path, const struct graph *g, struct clr_error *err)
{
    struct cm_reading in = {.path = path, .graph = g, .err = err};
    struct budget budget;
    ProtobufCAllocator allocator = {budget_alloc, budget_free, &budget};
    Caffe__Net *net;
    char *bytes = NULL;
    size_t size;
    int rc = fs_read(path, LIMIT_FILE, &bytes, &size, err);

    if (rc < 0)
        return rc;
    budget = budget_for(size);
    net = caffe__net__unpack(&allocator, size, (const uint8_t *)bytes);
    free(bytes);
    if (net)
        rc = read_net(&in, net);
    else if (budget.out_of_memory)
        rc = clr_error_set(err, CLR_ENOMEM, "out of memory for '%.200s'", path);
    else
        rc = damaged(&in, budget.exceeded ? "it has too many small parts"
                                          : "it is damaged, or no file of protocol buffers");
    caffe__net__free_unpacked(net, &allocator);
    if (rc < 0)
        safetensors_clear(&in.file);
    else
        *out = in.file;
    return rc;
}
