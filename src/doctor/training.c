/* A short training against the reference: see training.h. */
#include "doctor/training.h"

#include <math.h>
#include <stdlib.h>

#include "ops/optimizer.h"
#include "train/selfcheck.h"
#include "verify/random_data.h"
#include "verify/refnet.h"

enum { BATCH = 8, CLASSES = 10 };
#define RATE     0.01
#define MOMENTUM 0.9

/* The training in double precision. */
struct reference_run {
    struct graph *graph;
    struct refnet *refnet;
    double **first, **momenta; /* weights before the first update; parameters × numbers */
};

static void clear(struct reference_run *t)
{
    for (size_t p = 0; t->graph && p < t->graph->param_count; p++) {
        if (t->first)
            free(t->first[p]);
        if (t->momenta)
            free(t->momenta[p]);
    }
    free(t->first);
    free(t->momenta);
    refnet_destroy(t->refnet);
    graph_destroy(t->graph);
}

/* With the weights that the session has. */
static int make(struct reference_run *t, struct session *s, struct clr_error *err)
{
    const struct clr_dataset *d = s->o->data;
    const struct clr_image_shape image = {d->channels, d->height, d->width};
    float *w = NULL;
    int rc = graph_create(&t->graph, s->o->net, PHASE_TRAIN, image, BATCH, err);

    if (rc == 0)
        rc = refnet_create(&t->refnet, t->graph, BATCH, err);
    if (rc == 0)
        rc = mem_new(&t->first, t->graph->param_count, sizeof *t->first, "weights", err);
    if (rc == 0)
        rc = mem_new(&t->momenta, t->graph->param_count, sizeof *t->momenta, "momenta", err);
    if (rc == 0)
        rc = session_read_parameters(s, PARAMS_W, &w, err);
    for (size_t p = 0; rc == 0 && p < t->graph->param_count; p++) {
        const size_t count = t->graph->params[p].count, offset = s->replica.params.offset[p];
        rc = mem_new(&t->first[p], count, sizeof **t->first, "weights", err);
        if (rc == 0)
            rc = mem_new(&t->momenta[p], count, sizeof **t->momenta, "momenta", err);
        for (size_t i = 0; i < count && rc == 0; i++)
            t->first[p][i] = t->refnet->w[p][i] = (double)w[offset + i];
    }
    free(w);
    return rc;
}

/* The update that the session has done last: of the images from `place` on in this epoch's order. */
static void follow(struct reference_run *t, const struct session *s, int place)
{
    const struct clr_images *images = &s->o->data->train;
    const size_t size = (size_t)3 * 32 * 32;
    struct refnet *c = t->refnet;
    double *x = c->value[t->graph->images];

    for (int i = 0; i < BATCH; i++) {
        c->labels[i] =
            session_image(s, t->graph, images, s->order, s->order_count, place + i, 0, x + (size_t)i * size);
    }
    refnet_run(c, BATCH);
    for (size_t p = 0; p < t->graph->param_count; p++) {
        const struct param_spec *mult = &t->graph->params[p].mult;
        struct optimizer_ref u = {.momentum = MOMENTUM,
                                  .decay = s->o->weight_decay * mult->decay_mult,
                                  .w = c->w[p],
                                  .v = t->momenta[p]};
        optimizer_reference(&u, c->dw[p], t->graph->params[p].count, RATE * mult->lr_mult,
                            s->state.iteration - 1);
    }
}

static int compare(struct doctor_training *out, const struct reference_run *t, struct session *s,
                   struct clr_error *err)
{
    float *w = NULL;
    int rc = session_read_parameters(s, PARAMS_W, &w, err);

    out->worst_nmse = -1.0;
    for (size_t p = 0; rc == 0 && p < t->graph->param_count; p++) {
        const float *is = w + s->replica.params.offset[p];
        double difference = 0.0, moved = 0.0;
        for (size_t i = 0; i < t->graph->params[p].count; i++) {
            const double now = t->refnet->w[p][i], d = (double)is[i] - now, m = now - t->first[p][i];
            difference += d * d;
            moved += m * m;
        }
        if (difference / moved <= out->worst_nmse || isnan(out->worst_nmse))
            continue;
        out->worst_nmse = difference / moved;
        str_copy(out->worst, sizeof out->worst, t->graph->params[p].name);
    }
    free(w);
    return rc;
}

int doctor_train(struct doctor_training *out, const struct clr_device *device, struct clr_error *err)
{
    struct clr_train_options o;
    struct clr_dataset *data = NULL;
    struct clr_net_spec *net = NULL;
    struct session s = {0};
    struct reference_run t = {0};
    int rc = clr_net_load(&net, "quick", err);

    if (rc == 0)
        rc = random_data_create(&data, (struct clr_image_shape){3, 32, 32}, CLASSES, BATCH, err);
    if (rc < 0)
        goto out;
    clr_train_options_init(&o, sizeof o);
    o.net = net;
    o.net_name = "quick";
    o.data = data;
    o.device = device;
    o.batch = BATCH;
    o.iterations = DOCTOR_UPDATES;
    o.schedule.lr = RATE;
    rc = session_plan(&s, &o, true, NULL, err);
    if (rc == 0)
        rc = selfcheck_start(&s, NULL, err);
    if (rc == 0)
        rc = make(&t, &s, err);
    for (int i = 0; i < DOCTOR_UPDATES && rc == 0; i++) {
        const int place = s.state.place;
        rc = session_update(&s, RATE, MOMENTUM, err);
        if (rc == 0)
            follow(&t, &s, place);
    }
    if (rc == 0)
        rc = compare(out, &t, &s, err);
out:
    clear(&t);
    session_clear(&s);
    clr_dataset_destroy(data);
    clr_net_destroy(net);
    return rc;
}
