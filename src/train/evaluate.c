/* The evaluation of a run: see session.h. */
#include "train/session.h"

#include "base/clock.h"

#define GROUP_NS 100000000u /* 0.1 s: a person who stops a run does not notice it */

/* Count what each image of a batch was taken for. Scores beyond the data's classes do not compete. */
static int count_confusion(struct session *s, int first, int count, float *scores, int *confusion,
                           struct clr_error *err)
{
    const struct tensor *logits = net_logits(s->replica.test.net);
    const struct clr_images *images = s->o->validation > 0 ? &s->o->data->train : &s->o->data->test;
    const int outputs = logits->shape.c, classes = s->o->data->classes;
    int rc = tensor_read(s->replica.ctx, logits, count, scores, err);

    for (int n = 0; n < count && rc == 0; n++) {
        const float *z = scores + (size_t)n * (size_t)outputs;
        int best = 0;
        for (int k = 1; k < classes; k++)
            if (z[k] > z[best])
                best = k;
        confusion[images->labels[s->eval_order[first + n]] * classes + best]++;
    }
    return rc;
}

/* The batch of the evaluated images from number `first` on: enqueued, unless *confusion wants its scores. */
static int evaluate_batch(struct session *s, int first, int count, float *scores, int *confusion,
                          struct clr_error *err)
{
    struct net_batch b = {.count = count, .loss_offset = first, .hit_offset = first, .index_offset = first};
    int rc = replica_forward(&s->replica.test, &b, err);

    if (rc == 0 && confusion)
        rc = count_confusion(s, first, count, scores, confusion, err);
    return rc;
}

/*
 * All batches, in groups that are waited for, so that a slow device stops soon after *o->stop asks for it.
 * A group has twice the batches of the one before it, unless that took GROUP_NS: a fast device waits a few
 * times in all.
 */
static int evaluate_batches(struct session *s, float *scores, int *confusion, struct clr_error *err)
{
    const int capacity = net_images(s->replica.test.net)->shape.n;
    uint64_t start = clock_ns();
    int group = 1, in_group = 0, rc = 0;

    for (int first = 0; first < s->eval_count && rc == 0; first += capacity) {
        const int left = s->eval_count - first;
        if (s->o->stop && *s->o->stop)
            return clr_error_set(err, CLR_EINTERRUPTED,
                                 "stopped during an evaluation, which is not recorded");
        rc = evaluate_batch(s, first, left < capacity ? left : capacity, scores, confusion, err);
        if (rc == 0 && ++in_group == group) {
            rc = ocl_finish(s->replica.ctx, err);
            group *= clock_ns() - start < GROUP_NS ? 2 : 1;
            in_group = 0;
            start = clock_ns();
        }
    }
    return rc;
}

int session_evaluate(struct session *s, double *loss, double *accuracy, int *confusion, struct clr_error *err)
{
    const size_t n = (size_t)s->eval_count, size = n * sizeof(float);
    float *values = NULL, *scores = NULL;
    double loss_sum = 0.0, hits = 0.0;
    int rc = mem_new(&values, 2 * n, sizeof *values, "an evaluation", err);

    if (rc == 0 && confusion)
        rc = mem_new(&scores,
                     (size_t)net_logits(s->replica.test.net)->shape.n *
                         (size_t)net_logits(s->replica.test.net)->shape.c,
                     sizeof *scores, "scores", err);
    if (rc == 0)
        rc = evaluate_batches(s, scores, confusion, err);
    if (rc == 0)
        rc = ocl_read(s->replica.ctx, s->replica.test.losses, 0, size, values, err);
    if (rc == 0)
        rc = ocl_read(s->replica.ctx, s->replica.test.hits, 0, size, values + n, err);
    for (size_t i = 0; i < n && rc == 0; i++) {
        loss_sum += (double)values[i];
        hits += (double)values[n + i];
    }
    if (rc == 0) {
        *loss = loss_sum / (double)n;
        *accuracy = hits / (double)n;
    }
    free(values);
    free(scores);
    return rc;
}
