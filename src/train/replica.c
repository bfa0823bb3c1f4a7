/* What one device has of a run: see replica.h. */
#include "train/replica.h"

#include <jansson.h>

#include "data/format.h"
#include "net/init.h"
#include "train/session.h"

/* ------------------------------------------------------------------ planning */

/* A layer's variant for a pass, from {LAYER: {PASS: VARIANT}}. */
static const char *kept_variant(void *user, const char *label, const char *pass)
{
    return json_string_value(json_object_get(json_object_get(user, label), pass));
}

static int plan_phase(struct phase *p, const struct replica *r, const json_t *kept, const char *name,
                      struct clr_error *err)
{
    const char *missing = NULL;

    graph_fuse_for(p->graph, r->device);
    if (!kept)
        graph_tune(p->graph, r->records, r->device);
    else if (!graph_keep(p->graph, r->device, kept_variant, json_object_get(kept, name), &missing))
        return clr_error_set(err, CLR_EINPUT,
                             "the checkpoint names a variant of layer '%s' that this program does not have",
                             missing);
    return net_plan(&p->net, p->graph, r->device, p->graph->block, err);
}

int replica_plan(struct replica *r, unsigned sets, const json_t *kept, struct clr_error *err)
{
    int rc = r->records ? 0 : tunedb_open(&r->records, NULL, r->device, err);

    if (rc == 0)
        rc = plan_phase(&r->test, r, kept, "test", err);
    if (rc == 0 && r->train.graph)
        rc = plan_phase(&r->train, r, kept, "train", err);
    if (rc < 0)
        return rc;
    return params_plan(&r->params, r->train.graph ? r->train.graph : r->test.graph, r->device, sets, err);
}

size_t replica_net_bytes(const struct replica *r)
{
    return net_bytes(r->test.net) + (r->train.net ? net_bytes(r->train.net) : 0);
}

/* ------------------------------------------------------------------ starting */

static int start_images(struct replica *r, const struct session *s, struct clr_error *err)
{
    const struct clr_dataset *d = s->o->data;
    const size_t image = format_image_size(d);
    const bool held_out = s->o->validation > 0;
    int rc = 0;

    if (r->train.net || held_out)
        rc = device_images_create(&r->train_images, r->ctx, &d->train, image, err);
    if (rc == 0 && !held_out)
        rc = device_images_create(&r->test_images, r->ctx, &d->test, image, err);
    r->train.images = &r->train_images;
    r->test.images = held_out ? &r->train_images : &r->test_images;
    return rc;
}

static int start_parameters(struct replica *r, const struct session *s, struct clr_error *err)
{
    const struct params *p = &r->params;
    float *values = NULL;
    int rc = params_build(&r->params, r->ctx, err);

    if (rc == 0)
        rc = mem_new(&values, p->floats, sizeof *values, "the parameters", err);
    for (size_t i = 0; i < p->count && rc == 0; i++) {
        const struct graph_param *info = &p->info[i];
        const struct st_tensor *given = safetensors_find(&s->init, info->name);
        if (given)
            memcpy(values + p->offset[i], given->data, info->count * sizeof *values);
        else
            rc = init_fill(values + p->offset[i], info, (int)i, s->o->seed, err);
    }
    if (rc == 0)
        rc = ocl_write(r->ctx, p->all[PARAMS_W], 0, p->floats * sizeof *values, values, err);
    if (rc == 0 && params_has(p, PARAMS_E))
        rc = ocl_write(r->ctx, p->all[PARAMS_E], 0, p->learned * sizeof *values, values, err);
    free(values);
    return rc;
}

static int start_lists(struct replica *r, const struct session *s, struct clr_error *err)
{
    const size_t eval = (size_t)s->eval_count, train = (size_t)s->order_count;
    const size_t losses = r->train.net ? session_loss_stride(s) * r->train.graph->loss_count : 0;
    const struct {
        cl_mem *out;
        size_t size;
        const char *what;
    } lists[] = {
        {&r->test.index, eval * sizeof(cl_int), "the evaluation's images"},
        {&r->test.losses, eval * r->test.graph->loss_count * sizeof(float), "the evaluation's losses"},
        {&r->test.hits, eval * sizeof(float), "the evaluation's correct images"},
        {&r->train.index, train * sizeof(cl_int), "an epoch's order"},
        {&r->train.losses, losses * sizeof(float), "the losses"}};
    const size_t count = r->train.net ? 5 : 3;
    int rc = 0;

    for (size_t i = 0; i < count && rc == 0; i++)
        rc = ocl_buffer_create(lists[i].out, r->ctx, lists[i].size, lists[i].what, err);
    return rc < 0 ? rc : ocl_write(r->ctx, r->test.index, 0, eval * sizeof(cl_int), s->eval_order, err);
}

struct batch_view replica_view(const struct graph *g, const struct clr_dataset *d)
{
    return (struct batch_view){
        {1, d->channels, d->height, d->width}, g->phase == PHASE_TRAIN, g->transform.mirror, g->pairs};
}

static int start_phase(struct phase *p, struct replica *r, const struct session *s, struct clr_error *err)
{
    const struct batch_view view = replica_view(p->graph, s->o->data);
    int rc = net_build(p->net, r->ctx, &r->params, err);

    if (rc == 0)
        rc = batch_create(&p->batch, r->ctx, net_images(p->net), &view, s->mean, (float)s->scale, err);
    return rc;
}

static int start_optimizer(struct replica *r, const struct session *s, struct clr_error *err)
{
    const struct params *p = &r->params;
    const struct optimizer_settings settings = session_optimizer(s->o);
    struct optimizer_param *list = NULL;
    size_t count = 0;
    int rc = mem_new(&list, p->count, sizeof *list, "the optimizer", err);

    for (size_t i = 0; i < p->count && rc == 0; i++)
        if (!p->info[i].state)
            list[count++] =
                (struct optimizer_param){.offset = p->offset[i],
                                         .count = p->info[i].count,
                                         .lr_mult = p->info[i].mult.lr_mult,
                                         .decay = s->o->weight_decay * p->info[i].mult.decay_mult};
    if (rc == 0)
        rc = optimizer_create(&r->optimizer, r->ctx, &settings, list, count, err);
    free(list);
    return rc;
}

int replica_start(struct replica *r, const struct session *s, struct clr_error *err)
{
    int rc = ocl_context_create(&r->ctx, r->device, &r->ocl, err);

    if (rc == 0)
        rc = start_images(r, s, err);
    if (rc == 0)
        rc = start_parameters(r, s, err);
    if (rc == 0)
        rc = start_lists(r, s, err);
    if (rc == 0)
        rc = start_phase(&r->test, r, s, err);
    if (rc == 0 && r->train.net)
        rc = start_phase(&r->train, r, s, err);
    if (rc == 0 && r->train.net)
        rc = start_optimizer(r, s, err);
    if (rc == 0 && params_has(&r->params, PARAMS_E))
        rc = average_create(&r->average, r->ctx, s->o->ema, r->params.learned, err);
    return rc;
}

/* ------------------------------------------------------------------ the end */

static void clear_phase(struct phase *p)
{
    batch_destroy(p->batch);
    net_destroy(p->net);
    graph_destroy(p->graph);
    ocl_release(&p->index);
    ocl_release(&p->losses);
    ocl_release(&p->hits);
}

void replica_clear(struct replica *r)
{
    struct tunedb *records = r->records;

    if (r->ctx)
        (void)ocl_finish(r->ctx, NULL);
    clear_phase(&r->train);
    clear_phase(&r->test);
    optimizer_destroy(r->optimizer);
    average_destroy(r->average);
    params_clear(&r->params);
    device_images_clear(&r->train_images);
    device_images_clear(&r->test_images);
    ocl_context_destroy(r->ctx);
    memset(r, 0, sizeof *r);
    r->records = records;
}

/* ------------------------------------------------------------------ batches */

int replica_forward(const struct phase *p, struct net_batch *b, struct clr_error *err)
{
    const struct batch_key key = {b->seed, b->epoch, 0, b->others};
    int rc = batch_gather(p->batch, net_images(p->net), net_labels(p->net), p->images, p->index,
                          b->index_offset, b->count, &key, err);

    b->index = p->index;
    b->loss = p->losses;
    b->hit = p->hits;
    return rc < 0 ? rc : net_forward(p->net, b, err);
}
