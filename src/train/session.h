/*
 * The session of a run: the images and their order, what is subtracted from them, and a replica of the net
 * on the device (replica.h). The whole state of a run is struct run_state, and the replica's parameters
 * without the gradients: a checkpoint (resume.h) saves these, and what was recorded.
 *
 * session_plan() reads and checks everything that can be checked without using the device, memory included
 * (plan.c); session_start() allocates and compiles. Updates (step.c) and evaluations (evaluate.c) follow;
 * weights.c saves the weights.
 */
#ifndef TRAIN_SESSION_H
#define TRAIN_SESSION_H

#include <clr/train.h>

#include "net/safetensors.h"
#include "train/checkpoint.h"
#include "train/replica.h"

enum {
    SESSION_EVAL_BATCH = 100, /* images that are evaluated at once; results do not depend on it */
    SESSION_LOSSES = 64,      /* updates whose losses may be unread on the device */
};

/* Of a loss of iteration 1 that is not finite. warn_of_first_loss() has said which of the two it may be. */
#define SESSION_FIRST_LOSS                                                                                   \
    "the loss of iteration 1 is not finite. There was no update before it, so a lower rate does not help: "  \
    "the initial weights or the net's inputs are too large"

struct session {
    const struct clr_train_options *o;
    struct run_state state;
    struct replica replica; /* on o->device */

    struct st_file init; /* --init, read and matched to the parameters */
    enum clr_mean mean_kind;
    char mean_name[64]; /* of a mean from a file: what run.json calls it; "": it is of no file */
    double scale;
    float *mean; /* (C,H,W), 0…255 */

    int32_t *base_order, *order; /* training images in ascending order; this epoch's order */
    int order_count;
    int32_t *eval_order;
    int eval_count;

    uint64_t first_unread;        /* first update whose loss is still on the device */
    int counts[SESSION_LOSSES];   /* images of the batches whose losses are unread */
    double rates[SESSION_LOSSES]; /* rates of their updates */
};

enum session_use { SESSION_OF_EVAL, SESSION_OF_TRAINER, SESSION_OF_RUN };

/* CLR_EUSAGE, with the field's name, if one that must be given is NULL; also of the fields that only a run in
 * a folder reads, and if one that only an evaluation reads is given to another. */
int session_check_given(const struct clr_train_options *o, enum session_use use, struct clr_error *err);

/* CLR_EUSAGE, with the field's name, if the optimizer takes no such momentum. */
int session_check_momentum(const struct clr_train_options *o, double momentum, const char *field,
                           struct clr_error *err);

/*
 * @param train  with training net, gradients and momentum buffers; else for evaluation only
 * @param from   the checkpoint that the run is resumed from: its variants are used, and o->init is not read;
 *               NULL: none
 */
int session_plan(struct session *s, const struct clr_train_options *o, bool train,
                 const struct checkpoint *from, struct clr_error *err);

/* Clear a planned or started session and plan it once more with the same records, tunedb_avoid() included. */
int session_plan_anew(struct session *s, const struct checkpoint *from, struct clr_error *err);

/* Call o->begin, and log how the device can be tuned if it is not. Nothing after it refuses the options. */
void session_begin(const struct session *s);
int session_start(struct session *s, struct clr_error *err);
void session_clear(struct session *s);

/* The settings of the optimizer among the options. */
struct optimizer_settings session_optimizer(const struct clr_train_options *o);

/* Enqueue one update with that rate and momentum. At most SESSION_LOSSES updates between two reads. */
int session_update(struct session *s, double rate, double momentum, struct clr_error *err);

/* Compute the running statistics anew from that many batches of the training images: of an evaluation with
 * o->refresh_statistics. CLR_EINTERRUPTED: *o->stop was set. */
int session_refresh_statistics(struct session *s, uint64_t batches, struct clr_error *err);

/* From a loss of the training graph to the next, in the list of losses. */
static inline size_t session_loss_stride(const struct session *s)
{
    return SESSION_LOSSES * (size_t)s->o->batch;
}

/* The mean loss of an update's batch, and the update's rate. */
struct session_update_result {
    uint64_t iteration;
    double loss, rate;
};

/*
 * Wait, and read the results of the updates since the last read: out[0 … *count), which has room for
 * SESSION_LOSSES. They end with the first whose loss is not finite; state.last_loss is the last finite one.
 */
int session_read_updates(struct session *s, struct session_update_result *out, int *count,
                         struct clr_error *err);

/* Image list[i] of a set in an epoch as the input of a phase's net, (C,H,W): as cl/batch.cl, in double
 * precision. Partners of pairs are of the list, too. Returns the label. */
int32_t session_image(const struct session *s, const struct graph *g, const struct clr_images *images,
                      const int32_t *list, int count, int i, uint32_t epoch, double *out);

/* Set the state to that of a checkpoint, and write the epoch's order to the device. */
int session_go_to(struct session *s, const struct run_state *state, struct clr_error *err);

/*
 * Evaluate on the evaluation images. confusion: classes × classes counts to add to, or NULL. losses: of each
 * loss of the test graph, without its weight, or NULL. *accuracy: NaN where no loss reads logits; then
 * confusion must be NULL.
 * CLR_EINTERRUPTED: *o->stop was set before all images were evaluated; *loss and *accuracy are untouched.
 */
int session_evaluate(struct session *s, double *loss, double *accuracy, int *confusion, double *losses,
                     struct clr_error *err);

/* The same of the average of the weights (o->ema), which takes their place meanwhile. States are those of the
 * weights. */
int session_evaluate_average(struct session *s, double *loss, double *accuracy, struct clr_error *err);

/*
 * The values of PARAMS_W, PARAMS_V, PARAMS_S or PARAMS_E: a new array, in which parameter i begins at
 * s->replica.params.offset[i]; free with free(). It ends before the states, except for PARAMS_W.
 * CLR_EDIVERGED: one is not finite, which a loss does not always show.
 */
int session_read_parameters(struct session *s, int set, float **out, struct clr_error *err);

/*
 * Write weights as safetensors, with net, scale and mean as metadata. CLR_EDIVERGED, and no file: a weight
 * is not finite.
 */
int session_save_weights(struct session *s, const char *path, struct clr_error *err);

/* The average of the weights, with the states, as ema.safetensors in o->out. */
int session_save_average(struct session *s, struct clr_error *err);

/* The same of the weights, as file KIND-N.safetensors; number 0: KIND.safetensors. */
int session_save_numbered(struct session *s, const char *kind, uint64_t number, struct clr_error *err);

#endif
