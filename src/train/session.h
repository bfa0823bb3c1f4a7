/*
 * What a run holds: the images and their order, what is subtracted from them, and a replica of the net on
 * the device (replica.h). All state of a run is struct run_state plus the contents of the replica's
 * parameters but for the gradients: what a checkpoint (resume.h) saves, beside what was recorded.
 *
 * In two steps: session_plan() reads and checks everything that can be checked without touching the device,
 * the memory included (plan.c); session_start() allocates and compiles. Then come updates (step.c) and
 * evaluations (evaluate.c); weights.c saves what was trained.
 */
#ifndef TRAIN_SESSION_H
#define TRAIN_SESSION_H

#include <clr/train.h>

#include "net/safetensors.h"
#include "train/checkpoint.h"
#include "train/replica.h"

enum {
    SESSION_EVAL_BATCH = 100, /* images evaluated at once: results do not depend on it */
    SESSION_LOSSES = 64,      /* updates whose losses wait on the device to be read */
};

struct session {
    const struct clr_train_options *o;
    struct run_state state;
    struct replica replica; /* on o->device */

    struct st_file init; /* --init, read and matched to the parameters */
    enum clr_mean mean_kind;
    double scale;
    float *mean; /* (C,H,W), 0…255 */

    int32_t *base_order, *order; /* training images in ascending order; this epoch's order */
    int order_count;
    int32_t *eval_order;
    int eval_count;

    uint64_t first_unread;        /* first update whose loss is still on the device */
    int counts[SESSION_LOSSES];   /* images of the batches whose losses wait */
    double rates[SESSION_LOSSES]; /* and the rates of their updates, as the optimizer had them */
    double rate;                  /* of the last update; before the first one: that it will have */
};

/* CLR_EUSAGE, with the field's name, where one that must be given is NULL; run: also those of a run, which
 * must be in range. */
int session_check_given(const struct clr_train_options *o, bool run, struct clr_error *err);

/*
 * train: with training net, gradients and momenta; else evaluation only. from: the checkpoint that the run
 * will go on from, whose variants are taken, and o->init is not read; NULL: none.
 */
int session_plan(struct session *s, const struct clr_train_options *o, bool train,
                 const struct checkpoint *from, struct clr_error *err);

/* Clear a planned or started session and plan it once more, with the records that it has: what tunedb_avoid()
 * told them holds. */
int session_plan_anew(struct session *s, const struct checkpoint *from, struct clr_error *err);
/* After all that can refuse the run: tells o->begin, and how faster variants are found where nothing is known
 * of the device. */
void session_begin(const struct session *s);
int session_start(struct session *s, struct clr_error *err);

/* What the options ask of the optimiser. */
struct optimizer_settings session_optimizer(const struct clr_train_options *o);
void session_clear(struct session *s);

/* Enqueue one update with that rate and momentum. At most SESSION_LOSSES updates between two reads. */
int session_update(struct session *s, double rate, double momentum, struct clr_error *err);

/* What an update came to: the mean loss of its batch, and the rate that the optimizer was given. */
struct session_update_result {
    double loss, rate;
};

/*
 * Wait, and read the results of the updates since the last read: out[0 … *count) of updates *first + 1 ….
 * out has room for SESSION_LOSSES.
 */
int session_read_updates(struct session *s, uint64_t *first, struct session_update_result *out, int *count,
                         struct clr_error *err);

/* Image `number` of a set as it goes into the nets, (C,H,W): what cl/batch.cl makes, in double precision. */
void session_image(const struct session *s, const struct clr_images *images, int32_t number, double *out);

/* Set *state, as a checkpoint has it, and what follows from it on the device. */
int session_go_to(struct session *s, const struct run_state *state, struct clr_error *err);

/*
 * Evaluate on the evaluation images. confusion: classes × classes counts to add to, or NULL.
 * CLR_EINTERRUPTED: *o->stop asked for the end before all images were evaluated; *loss and *accuracy are as
 * they were.
 */
int session_evaluate(struct session *s, double *loss, double *accuracy, int *confusion,
                     struct clr_error *err);

/*
 * The values of PARAMS_W, PARAMS_V or PARAMS_S, one array for each parameter; give them back with
 * session_free_parameters(). CLR_EDIVERGED, and nothing, where one is not finite: a loss can be finite
 * without it.
 */
int session_read_parameters(struct session *s, int set, float ***out, struct clr_error *err);
void session_free_parameters(const struct session *s, float **values);

/*
 * Weights as safetensors, with what eval and predict need to know (net, what is subtracted) as metadata.
 * CLR_EDIVERGED, and no file, where a weight is not finite.
 */
int session_save_weights(struct session *s, const char *path, struct clr_error *err);

/* The same into o->out, as file KIND-N.safetensors; number 0: KIND.safetensors. */
int session_save_numbered(struct session *s, const char *kind, uint64_t number, struct clr_error *err);

#endif
