/* Updates of a run: see session.h. */
#include "train/session.h"

#include <math.h>

#include "data/order.h"

/* Write the order of the current epoch to the device. */
static int load_order(struct session *s, struct clr_error *err)
{
    const size_t size = (size_t)s->order_count * sizeof *s->order;

    memcpy(s->order, s->base_order, size);
    if (s->o->order == CLR_ORDER_SHUFFLE)
        order_shuffle(s->order, s->order_count, s->o->seed, (uint32_t)s->state.epoch);
    return ocl_write(s->replica.ctx, s->replica.train.index, 0, size, s->order, err);
}

int session_go_to(struct session *s, const struct run_state *state, struct clr_error *err)
{
    s->state = *state;
    s->first_unread = state->iteration;
    if (state->place < 0 || state->place >= s->order_count)
        return clr_error_set(err, CLR_EINPUT, "the checkpoint is at image %d of an epoch of %d", state->place,
                             s->order_count);
    return state->place > 0 ? load_order(s, err) : 0;
}

int session_update(struct session *s, double rate, double momentum, struct clr_error *err)
{
    const int slot = (int)(s->state.iteration % SESSION_LOSSES), left = s->order_count - s->state.place;
    const int count = left < s->o->batch ? left : s->o->batch;
    struct replica *r = &s->replica;
    cl_mem *all = r->params.all;
    const struct optimizer_buffers buffers = {all[PARAMS_W], all[PARAMS_V], all[PARAMS_G], all[PARAMS_S]};
    struct net_batch b = {.count = count,
                          .loss_offset = slot * s->o->batch,
                          .loss_stride = (int)session_loss_stride(s),
                          .index_offset = s->state.place,
                          .seed = s->o->seed,
                          .iteration = (uint32_t)s->state.iteration,
                          .epoch = (uint32_t)s->state.epoch};
    int rc = s->state.place == 0 ? load_order(s, err) : 0;

    if (rc == 0)
        rc = replica_forward(&r->train, &b, err);
    if (rc == 0)
        rc = net_backward(r->train.net, &b, err);
    /* with several replicas, their gradients would be summed here */
    if (rc == 0)
        rc = optimizer_update(r->optimizer, &buffers, rate, momentum, s->state.iteration, err);
    s->state.last_rate = s->rates[slot] = rate;
    if (rc < 0)
        return rc;
    s->counts[slot] = count;
    s->state.iteration++;
    s->state.place += count;
    if (s->state.place >= s->order_count ||
        (s->o->last_batch == CLR_LAST_BATCH_DROP && s->order_count - s->state.place < s->o->batch)) {
        s->state.place = 0;
        s->state.epoch++;
    }
    return 0;
}

/* Of a batch, whose losses begin there. */
static double mean(const struct session *s, const float *losses, int count)
{
    double sum = 0.0;

    for (int k = 0; k < count; k++)
        sum += (double)graph_sum_losses(s->replica.train.graph, losses, session_loss_stride(s), (size_t)k);
    return sum / count;
}

int session_read_updates(struct session *s, struct session_update_result *out, int *count,
                         struct clr_error *err)
{
    const size_t size = session_loss_stride(s) * s->replica.train.graph->loss_count;
    float *values = NULL;
    int rc = mem_new(&values, size, sizeof *values, "the losses", err);

    if (rc < 0)
        return rc;
    rc = ocl_read(s->replica.ctx, s->replica.train.losses, 0, size * sizeof *values, values, err);
    *count = 0;
    for (uint64_t t = s->first_unread; rc == 0 && t < s->state.iteration; t++) {
        const size_t slot = t % SESSION_LOSSES;
        const double loss = mean(s, values + slot * (size_t)s->o->batch, s->counts[slot]);
        out[(*count)++] = (struct session_update_result){t + 1, loss, s->rates[slot]};
        if (!isfinite(loss))
            break;
        s->state.last_loss = loss;
    }
    if (rc == 0)
        s->first_unread = s->state.iteration;
    free(values);
    return rc;
}
