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

/* Enqueue the forward pass of the next batch, which becomes *b. */
static int forward(struct session *s, struct net_batch *b, struct clr_error *err)
{
    const int slot = (int)(s->state.iteration % SESSION_LOSSES), left = s->order_count - s->state.place;
    int rc = s->state.place == 0 ? load_order(s, err) : 0;

    *b = (struct net_batch){.count = left < s->o->batch ? left : s->o->batch,
                            .loss_offset = slot * s->o->batch,
                            .loss_stride = (int)session_loss_stride(s),
                            .index_offset = s->state.place,
                            .others = s->order_count,
                            .seed = s->o->seed,
                            .iteration = (uint32_t)s->state.iteration,
                            .epoch = (uint32_t)s->state.epoch};
    return rc < 0 ? rc : replica_forward(&s->replica.train, b, err);
}

/* To the batch after one of so many images. */
static void advance(struct session *s, int count)
{
    s->state.iteration++;
    s->state.place += count;
    if (s->state.place >= s->order_count ||
        (s->o->last_batch == CLR_LAST_BATCH_DROP && s->order_count - s->state.place < s->o->batch)) {
        s->state.place = 0;
        s->state.epoch++;
    }
}

int session_update(struct session *s, double rate, double momentum, struct clr_error *err)
{
    const int slot = (int)(s->state.iteration % SESSION_LOSSES);
    struct replica *r = &s->replica;
    cl_mem *all = r->params.all;
    const struct optimizer_buffers buffers = {all[PARAMS_W], all[PARAMS_V], all[PARAMS_G], all[PARAMS_S]};
    struct net_batch b;
    int rc = forward(s, &b, err);

    if (rc == 0)
        rc = net_backward(r->train.net, &b, err);
    /* with several replicas, their gradients would be summed here */
    if (rc == 0)
        rc = optimizer_update(r->optimizer, &buffers, rate, momentum, s->state.iteration, err);
    if (rc == 0 && r->average)
        rc = average_update(r->average, all[PARAMS_E], all[PARAMS_W], err);
    s->state.last_rate = s->rates[slot] = rate;
    if (rc < 0)
        return rc;
    s->counts[slot] = b.count;
    advance(s, b.count);
    return 0;
}

/* The first batch is to be the only one: of no batches before it, the values have no weight. */
static int forget_batches(struct session *s, struct clr_error *err)
{
    const struct params *p = &s->replica.params;
    const float none = 0.0f;
    int rc = 0;

    for (size_t i = 0; i < p->count && rc == 0; i++)
        if (p->info[i].state && p->info[i].rank == 0)
            rc = ocl_write(s->replica.ctx, p->w[i], 0, sizeof none, &none, err);
    return rc;
}

int session_refresh_statistics(struct session *s, uint64_t batches, struct clr_error *err)
{
    struct net_batch b;
    int rc = forget_batches(s, err);

    for (uint64_t i = 0; i < batches && rc == 0; i++) {
        if (s->o->stop && *s->o->stop)
            return clr_error_set(err, CLR_EINTERRUPTED, "stopped before the evaluation");
        rc = forward(s, &b, err);
        advance(s, b.count);
        if (rc == 0 && i % SESSION_LOSSES == SESSION_LOSSES - 1) /* the queue does not grow without bounds */
            rc = ocl_finish(s->replica.ctx, err);
    }
    return rc;
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
