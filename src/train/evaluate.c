/* The evaluation of a run: see session.h. */
#include "train/session.h"

#include <math.h>

#include "base/clock.h"

#define GROUP_NS 100000000u /* 0.1 s: too short to be noticed by a person who stops a run */

/* The images that are evaluated: `eval_order` has numbers of theirs. */
static const struct clr_images *evaluated(const struct session *s)
{
    return s->o->validation > 0 ? &s->o->data->train : &s->o->data->test;
}

/* Does the accuracy count the i-th of them? */
static bool has_accuracy(const struct session *s, size_t i)
{
    const struct graph *g = s->replica.test.graph;
    const struct op_ignore *ignore =
        g->accuracy_node >= 0 ? &g->nodes[g->accuracy_node].desc.u.accuracy.ignore : NULL;

    return !ignore || !ignore->given || evaluated(s)->labels[s->eval_order[i]] != ignore->label;
}

/* Count the class that each image of a batch was taken for; logits beyond the data's classes are ignored. */
static int count_confusion(struct session *s, int first, int count, int *confusion, struct clr_error *err)
{
    const struct tensor *last = net_logits(s->replica.test.net);
    const struct clr_images *images = evaluated(s);
    const int outputs = last->shape.c, classes = s->o->data->classes;
    float *logits = NULL;
    int rc = mem_new(&logits, (size_t)count * (size_t)outputs, sizeof *logits, "logits", err);

    if (rc == 0)
        rc = tensor_read(s->replica.ctx, last, count, logits, err);
    for (int n = 0; n < count && rc == 0; n++) {
        const float *z = logits + (size_t)n * (size_t)outputs;
        int best = 0;
        if (!has_accuracy(s, (size_t)first + (size_t)n))
            continue;
        for (int k = 1; k < classes; k++)
            if (z[k] > z[best])
                best = k;
        confusion[(size_t)images->labels[s->eval_order[first + n]] * (size_t)classes + (size_t)best]++;
    }
    free(logits);
    return rc;
}

/*
 * All batches, in groups. Each group is waited for, so that a slow device stops soon after *o->stop is set.
 * A group has twice the batches of the one before it, unless that took GROUP_NS: so a fast device waits
 * only a few times.
 */
static int evaluate_batches(struct session *s, int *confusion, struct clr_error *err)
{
    const int capacity = net_images(s->replica.test.net)->shape.n;
    uint64_t start = clock_ns();
    int group = 1, in_group = 0, rc = 0;

    for (int first = 0; first < s->eval_count && rc == 0; first += capacity) {
        const int left = s->eval_count - first, count = left < capacity ? left : capacity;
        struct net_batch b = {.count = count,
                              .loss_offset = first,
                              .loss_stride = s->eval_count,
                              .hit_offset = first,
                              .others = s->eval_count,
                              .index_offset = first,
                              .seed = s->o->seed};
        if (s->o->stop && *s->o->stop)
            return clr_error_set(err, CLR_EINTERRUPTED,
                                 "stopped during an evaluation, which is not recorded");
        rc = replica_forward(&s->replica.test, &b, err);
        if (rc == 0 && confusion)
            rc = count_confusion(s, first, count, confusion, err);
        if (rc == 0 && ++in_group == group) {
            rc = ocl_finish(s->replica.ctx, err);
            group *= clock_ns() - start < GROUP_NS ? 2 : 1;
            in_group = 0;
            start = clock_ns();
        }
    }
    return rc;
}

/* Of n images. */
static double mean_loss(const float *values, size_t n, float weight)
{
    double sum = 0.0;

    for (size_t i = 0; i < n; i++)
        sum += (double)values[i];
    return sum / (double)n / (weight != 0.0f ? (double)weight : 1.0);
}

int session_evaluate(struct session *s, double *loss, double *accuracy, int *confusion, double *losses,
                     struct clr_error *err)
{
    const struct graph *g = s->replica.test.graph;
    const size_t n = (size_t)s->eval_count, all = n * g->loss_count;
    float *values = NULL;
    double loss_sum = 0.0, hits = 0.0, counted = 0.0;
    int rc = mem_new(&values, all + n, sizeof *values, "an evaluation", err);

    if (rc == 0)
        rc = evaluate_batches(s, confusion, err);
    if (rc == 0)
        rc = ocl_read(s->replica.ctx, s->replica.test.losses, 0, all * sizeof *values, values, err);
    if (rc == 0)
        rc = ocl_read(s->replica.ctx, s->replica.test.hits, 0, n * sizeof *values, values + all, err);
    for (size_t i = 0; i < n && rc == 0; i++) {
        loss_sum += (double)graph_sum_losses(g, values, n, i);
        hits += (double)values[all + i];
        counted += has_accuracy(s, i);
    }
    for (size_t l = 0; losses && l < g->loss_count && rc == 0; l++)
        losses[l] = mean_loss(values + l * n, n, g->losses[l].weight);
    if (rc == 0) {
        *loss = loss_sum / (double)n;
        *accuracy = g->logits >= 0 ? hits / counted : NAN;
    }
    free(values);
    return rc;
}

int session_evaluate_average(struct session *s, double *loss, double *accuracy, struct clr_error *err)
{
    const struct replica *r = &s->replica;
    cl_mem w = r->params.all[PARAMS_W], e = r->params.all[PARAMS_E];
    int rc = average_exchange(r->average, e, w, err), back;

    if (rc < 0)
        return rc;
    rc = session_evaluate(s, loss, accuracy, NULL, NULL, err);
    back = average_exchange(r->average, e, w, rc == 0 ? err : NULL);
    return rc < 0 ? rc : back;
}
