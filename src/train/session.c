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

void session_image(const struct session *s, const struct clr_images *images, int32_t number, double *out)
{
    const struct clr_dataset *d = s->o->data;
    const size_t size = format_image_size(d);
    const uint8_t *bytes = images->pixels + (size_t)number * size;

    for (size_t i = 0; i < size; i++)
        out[i] = ((double)bytes[i] - (double)s->mean[i]) * s->scale;
}
