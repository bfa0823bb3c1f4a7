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

int32_t session_image(const struct session *s, const struct graph *g, const struct clr_images *images,
                      const int32_t *list, int count, int i, uint32_t epoch, double *out)
{
    const struct shape *y = &g->values[g->images].shape;
    const struct batch_view view = replica_view(g, s->o->data);
    const struct batch_key key = {s->o->seed, epoch, 0, count};
    const int32_t number[2] = {list[i], list[view.pairs ? batch_partner(&key, list[i]) : i]};
    const size_t size = (size_t)view.image.c * (size_t)y->h * (size_t)y->w;

    for (int k = 0; k < 1 + view.pairs; k++) {
        const uint8_t *bytes = images->pixels + (size_t)number[k] * format_image_size(s->o->data);
        for (size_t e = 0; e < size; e++) {
            const size_t at = batch_place(&view, y, &key, number[k], e);
            out[(size_t)k * size + e] = ((double)bytes[at] - (double)s->mean[at]) * s->scale;
        }
    }
    return view.pairs ? images->labels[number[0]] == images->labels[number[1]] : images->labels[number[0]];
}
