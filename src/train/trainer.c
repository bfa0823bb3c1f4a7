/* Training step by step: see clr/trainer.h. */
#include <clr/trainer.h>

#include <math.h>

#include "data/format.h"
#include "net/spec.h"
#include "train/selfcheck.h"

struct clr_trainer {
    struct clr_train_options o;
    struct session s;
};

int clr_trainer_create(struct clr_trainer **out, const struct clr_train_options *o, struct clr_error *err)
{
    struct clr_trainer *t = NULL;
    int rc = session_check_given(o, SESSION_OF_TRAINER, err);

    if (rc == 0)
        rc = mem_new(&t, 1, sizeof *t, "a trainer", err);
    if (rc < 0)
        return rc;
    t->o = *o;
    t->o.net_name = o->net_name ? o->net_name : o->net->name;
    t->o.data_name = o->data_name ? o->data_name : o->data->name;
    if (!str_is_utf8(t->o.net_name))
        rc = clr_error_set(err, CLR_EUSAGE, "`net_name` is not UTF-8, which weights files need");
    if (rc == 0)
        rc = session_plan(&t->s, &t->o, true, NULL, err);
    if (rc == 0)
        rc = selfcheck_start(&t->s, NULL, err);
    if (rc < 0)
        clr_trainer_destroy(t);
    else
        *out = t;
    return rc;
}

void clr_trainer_destroy(struct clr_trainer *t)
{
    if (t)
        session_clear(&t->s);
    free(t);
}

/* Read the losses that are still on the device. */
static int read_losses(struct session *s, struct clr_error *err)
{
    struct session_update_result updates[SESSION_LOSSES], *last;
    int count, rc = session_read_updates(s, updates, &count, err);

    last = &updates[count > 0 ? count - 1 : 0];
    if (rc == 0 && count > 0 && !isfinite(last->loss) && last->iteration == 1)
        rc = clr_error_set(err, CLR_EDIVERGED, SESSION_FIRST_LOSS);
    else if (rc == 0 && count > 0 && !isfinite(last->loss))
        rc = clr_error_set(err, CLR_EDIVERGED,
                           "the loss of iteration %llu is not finite (rate %.9g): lower the rate",
                           (unsigned long long)last->iteration, last->rate);
    return rc;
}

int clr_trainer_step(struct clr_trainer *t, double lr, double momentum, double *loss, struct clr_error *err)
{
    struct session *s = &t->s;
    int rc;

    if (!(lr >= 0.0 && str_fits_float(lr)))
        return clr_error_set(err, CLR_EUSAGE, "`lr` %g must be 0, or a number above 0 that a float can be",
                             lr);
    if (!(momentum >= 0.0 && momentum < 1.0))
        return clr_error_set(err, CLR_EUSAGE, "`momentum` %g must be at least 0 and below 1", momentum);
    rc = session_check_momentum(s->o, momentum, "momentum", err);
    if (rc == 0)
        rc = session_update(s, lr, momentum, err);
    if (rc == 0 && (loss || s->state.iteration - s->first_unread >= SESSION_LOSSES))
        rc = read_losses(s, err);
    if (rc == 0 && loss)
        *loss = s->state.last_loss;
    return rc;
}

int clr_trainer_evaluate(struct clr_trainer *t, double *loss, double *accuracy, struct clr_error *err)
{
    double mean, share;
    int rc = session_evaluate(&t->s, &mean, &share, NULL, NULL, err);

    if (rc == 0 && !isfinite(mean))
        rc = clr_error_set(err, CLR_EDIVERGED,
                           "the loss on the evaluated images is not finite: lower the rate");
    if (rc < 0)
        return rc;
    *loss = mean;
    *accuracy = share;
    return 0;
}

int clr_trainer_save(struct clr_trainer *t, const char *path, struct clr_error *err)
{
    return session_save_weights(&t->s, path, err);
}

/* ------------------------------------------------------------------ prediction */

/* The first `classes` values of the softmax of z[outputs]. */
static int softmax(float *out, const float *z, int outputs, int classes, struct clr_error *err)
{
    double largest = (double)z[0], sum = 0.0;

    for (int k = 0; k < outputs; k++) {
        if (!isfinite(z[k]))
            return clr_error_set(err, CLR_EDIVERGED, "an output of the net is not finite");
        largest = fmax(largest, (double)z[k]);
    }
    for (int k = 0; k < outputs; k++)
        sum += exp((double)z[k] - largest);
    for (int k = 0; k < classes; k++)
        out[k] = (float)(exp((double)z[k] - largest) / sum);
    return 0;
}

/* In batches. p: the net; its images and its index, which are of one batch. logits has room for one. */
static int predict(struct session *s, const struct phase *p, const uint8_t *pixels, int count, float *logits,
                   float *probabilities, struct clr_error *err)
{
    const struct tensor *last = net_logits(p->net);
    const int outputs = last->shape.c, classes = s->o->data->classes;
    const size_t size = format_image_size(s->o->data);
    int rc = 0;

    for (int n; count > 0 && rc == 0; count -= n, pixels += (size_t)n * size) {
        struct net_batch b = {.count = count < last->shape.n ? count : last->shape.n};
        n = b.count;
        rc = ocl_write(s->replica.ctx, p->images->pixels, 0, (size_t)n * size, pixels, err);
        if (rc == 0)
            rc = replica_forward(p, &b, err);
        if (rc == 0)
            rc = tensor_read(s->replica.ctx, last, n, logits, err);
        for (int i = 0; i < n && rc == 0; i++, probabilities += classes)
            rc = softmax(probabilities, logits + (size_t)i * (size_t)outputs, outputs, classes, err);
    }
    return rc;
}

int clr_trainer_predict(struct clr_trainer *t, const uint8_t *pixels, int count, float *probabilities,
                        struct clr_error *err)
{
    struct ocl_context *ctx = t->s.replica.ctx;
    struct phase p = t->s.replica.test;
    struct device_images images = {0};
    cl_int order[SESSION_EVAL_BATCH];
    size_t n, outputs;
    float *logits = NULL;
    int rc;

    if (count < 0)
        return clr_error_set(err, CLR_EUSAGE, "`count` %d must be at least 0", count);
    if (p.graph->logits < 0)
        return clr_error_set(err, CLR_EUSAGE, "no loss of the net reads logits: it predicts no classes");
    n = (size_t)net_logits(p.net)->shape.n;
    outputs = (size_t)net_logits(p.net)->shape.c;
    for (int i = 0; i < SESSION_EVAL_BATCH; i++)
        order[i] = i;
    p.images = &images;
    p.index = NULL;
    rc = mem_new(&logits, n * outputs, sizeof *logits, "logits", err);
    if (rc == 0)
        rc = ocl_buffer_create(&images.pixels, ctx, n * format_image_size(t->o.data), "images", err);
    if (rc == 0) /* zeros: the loss is not read */
        rc = ocl_buffer_create(&images.labels, ctx, sizeof order, "labels", err);
    if (rc == 0)
        rc = ocl_buffer_create(&p.index, ctx, sizeof order, "the images' order", err);
    if (rc == 0)
        rc = ocl_write(ctx, p.index, 0, sizeof order, order, err);
    if (rc == 0)
        rc = predict(&t->s, &p, pixels, count, logits, probabilities, err);
    ocl_release(&p.index);
    device_images_clear(&images);
    free(logits);
    return rc;
}
