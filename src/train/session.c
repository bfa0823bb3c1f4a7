/* The session of a run: see session.h. */
#include "train/session.h"

#include "data/format.h"

int session_start(struct session *s, struct clr_error *err)
{
    return replica_start(&s->replica, s, err);
}

void session_clear(struct session *s)
{
    replica_clear(&s->replica);
    tunedb_close(s->replica.records);
    safetensors_clear(&s->init);
    free(s->mean);
    free(s->base_order);
    free(s->order);
    free(s->eval_order);
    memset(s, 0, sizeof *s);
}

void session_image(const struct session *s, const struct graph *g, const struct clr_images *images,
                   int32_t number, uint32_t epoch, double *out)
{
    const struct shape *y = &g->values[g->images].shape;
    const struct batch_view view = replica_view(g, s->o->data);
    const struct batch_key key = {s->o->seed, epoch};
    const uint8_t *bytes = images->pixels + (size_t)number * format_image_size(s->o->data);
    const size_t size = (size_t)y->c * (size_t)y->h * (size_t)y->w;

    for (size_t i = 0; i < size; i++) {
        const size_t at = batch_place(&view, y, &key, number, i);
        out[i] = ((double)bytes[at] - (double)s->mean[at]) * s->scale;
    }
}
