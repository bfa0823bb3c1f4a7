/**
 * Training, evaluation, the range test.
 */
#ifndef CLR_TRAIN_H
#define CLR_TRAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <clr/dataset.h>
#include <clr/device.h>
#include <clr/error.h>
#include <clr/net.h>
#include <clr/optimizer.h>
#include <clr/range.h>
#include <clr/schedule.h>

/** What clr_train_options.progress is called with. */
struct clr_progress {
    uint64_t iteration, iterations; /**< done, and in all */
    double loss;                    /**< of the last update that was read back; NaN: none yet */
    double lr;
    double val_loss;         /**< last evaluation; NaN: none yet */
    double val_acc;          /**< likewise, 0…1; NaN also where the net has none */
    double iterations_per_s; /**< since the first update, without evaluations; 0: not known */
    double seconds_left;     /**< estimate, with evaluations; < 0: not known */
    bool evaluating;         /**< an evaluation begins */
    bool evaluated;          /**< this call follows an evaluation: its results are new */
};

/**
 * Options of a run. clr_train_options_init() sets all of them; then the caller sets what is to differ. What
 * the fields point to is borrowed: it must live as long as the call, or as the trainer (clr/trainer.h). The
 * texts go into run.json, and must be UTF-8.
 */
struct clr_train_options {
    size_t size;                    /**< of this struct: that of another version of the library is refused */
    const struct clr_net_spec *net; /**< must be given, as data and device must */
    const char *net_name;           /**< for run.json and the weights' metadata; UTF-8. clr_train() and
                                         clr_range_test() need net_name, data_name and out, too */
    const struct clr_dataset *data;
    const char *data_name; /**< for run.json; UTF-8 */
    const struct clr_device *device;
    const char *out;              /**< run folder; must not hold a run yet, unless `resume` */
    const char *command_line;     /**< for run.json; may be NULL */
    const char *const *arguments; /**< NULL-terminated, for run.json, from which a program may read them to
                                     resume the run; may be NULL */
    struct clr_schedule schedule;
    uint64_t iterations; /**< 1 … 2³¹ − 1 */
    int batch;           /**< 1 … training images */
    uint64_t seed;
    double weight_decay;
    double clip_gradients; /**< longest norm of all gradients together, which are shortened to it; 0: any */
    bool l1;               /**< decay by λ·sign(w) rather than λw */
    /** D of an exponential moving average of the weights, e ← De + (1 − D)w after each update, which begins
     * with the first weights; 0: none. clr_train() evaluates it beside the weights and saves it. */
    double ema;
    enum clr_optimizer optimizer;
    double momentum2, epsilon; /**< of the squares (NaN: the usual one), and what is added to their root */
    enum clr_momentum_convention convention;
    enum clr_order order;
    enum clr_last_batch last_batch;
    int mean;              /**< enum clr_mean; −1: the net's */
    const char *mean_file; /**< of Caffe (.binaryproto), to subtract instead; NULL: none */
    double scale;          /**< factor on the 0–255 bytes; NaN: the net's */
    const char *init;      /**< safetensors or caffemodel to start from, or NULL */
    uint64_t
        refresh_statistics;  /**< of clr_eval(): so many batches that running statistics are computed from; 0:
                                  those of the weights */
    bool init_partial;       /**< use the tensors that match, ignore the others */
    uint64_t validate_every; /**< 0: at the first and last iteration only */
    int validation;          /**< training images held out; 0: evaluate on the test set */
    uint64_t log_every;      /**< iterations between rows of loss.csv, ≥ 1 */
    /** A checkpoint every so many iterations; 0: only at the end and when stopped. */
    uint64_t checkpoint_every;
    /** When a loss or a weight is not finite, continue from the newest good checkpoint with half the rates,
     * up to CLR_TRAIN_BACKOFFS times. The results then depend on where checkpoints are: on
     * checkpoint_every, and on where the run was stopped. */
    bool backoff;
    /** Save the weights at the end of each cycle of the schedule, as minimum-N.safetensors. */
    bool keep_minima;
    /** Continue the run in `out` from its newest good checkpoint, or, without one, from the beginning. All
     * other options must be as they were, except iterations, checkpoint_every and backoff; init is not read
     * again. */
    bool resume;
    /** A resumed run may have another schedule and other iterations, with the same momentum, as Caffe
     * continues under another solver. */
    bool continues;
    /** Do not compare the device with the reference before the first run on it: for pretended devices, and
     * drivers that are known to be wrong. */
    bool unchecked;
    bool profile; /**< measure the times of kernels, for clr_train_result.profile */
    /** Called once, after everything has been checked that can be refused before the device is used; may be
     * NULL. */
    void (*begin)(void *user);
    /** Called about five times a second, before and after each evaluation; may be NULL. */
    void (*progress)(void *user, const struct clr_progress *p);
    void *user; /**< passed to begin and progress */
    /** Set to non-zero, by a signal handler or another thread, to stop after the current iteration or
     * within an evaluation, which a resumed run repeats; may be NULL. */
    const volatile int *stop;
};

/** How clr_train_options.backoff is written: "stop" for false, "backoff" for true; NULL-terminated. */
CLR_API const char *const *clr_on_divergence_names(void);

/** How often the rates of a run are halved before it ends as diverged. */
#define CLR_TRAIN_BACKOFFS 10

/**
 * As in the published run: batch 100, SGD with momentum 0.9 in PyTorch's convention, L2 weight decay 0.004,
 * seed 1, shuffled images without an epoch's last batch that is not full, validation and checkpoints every
 * 1,000, log_every 100; epsilon 1e-8; mean and scale of the net. The caller must set net, data and device,
 * and for clr_train() and clr_range_test() also net_name, data_name, out, iterations and the schedule.
 *
 * @param size  sizeof *o
 */
CLR_API void clr_train_options_init(struct clr_train_options *o, size_t size);

struct clr_train_result {
    uint64_t iterations; /**< done */
    /** Accuracies are fractions; NaN where nothing was evaluated, and accuracies where the net has none. */
    double val_loss, val_acc, best_acc;
    double best_loss; /**< lowest val_loss; only where the net has no accuracy, else NaN */
    uint64_t best_iteration;
    double ema_loss, ema_acc; /**< val_loss and val_acc with the average of the weights; NaN: there is none */
    double seconds;
    int backoffs;  /**< how often the rates were halved */
    char *profile; /**< with o->profile the table of kernels; else NULL; free with free() */
    /** Iteration whose loss, or the loss evaluated after it, is not finite; 0: none. */
    uint64_t diverged_at;
};

/**
 * Train.
 *
 * Writes into o->out: run.json, history.csv, loss.csv, timing.csv, checkpoint-N.clr (the two newest),
 * final.safetensors, with ema ema.safetensors, and with keep_minima minimum-N.safetensors. However often a
 * run is resumed, history.csv, loss.csv, final.safetensors and ema.safetensors are in the end the same bytes
 * as if it had not been stopped, if device, driver and program are the same.
 *
 * @param result  filled on failure too, as far as the run went; free result->profile in any case
 * @return 0; CLR_EDIVERGED: a loss, of a batch or of an evaluation, or a weight at the end is not finite
 *         (the history up to there is saved, weights are not); CLR_EINTERRUPTED: *o->stop was set (the
 *         weights are in interrupted-N.safetensors, and a checkpoint is saved); CLR_EDEVMEM: it does not
 *         fit on the device, which is checked before anything is allocated; CLR_EUSAGE: `out` has a run
 *         already, or one with other settings, or an option is out of range; CLR_EINPUT: the net or `init`
 *         does not fit the data, or a file in `out` is damaged; CLR_EFAILED: a file cannot be written,
 *         another process uses `out`, or the device computes this net wrong; CLR_ECL, CLR_ENOMEM
 */
CLR_API int clr_train(const struct clr_train_options *o, struct clr_train_result *result,
                      struct clr_error *err);

enum clr_sweep { CLR_SWEEP_LINEAR, CLR_SWEEP_LOG };

/** "linear", "log", by the values of the enum; NULL-terminated. */
CLR_API const char *const *clr_sweep_names(void);

/**
 * Learning-rate range test: the rate rises from schedule.min_lr to schedule.max_lr over o->iterations.
 * Writes range.csv (iteration,trn_loss,lr,val_loss,val_acc), range.json, range.png and run.json into
 * o->out. Stops at the first loss that is not finite, which is no error. loss.csv has every update,
 * whatever o->log_every is. o->resume is as in clr_train(), but with the same iterations, since the rates
 * depend on them.
 *
 * @return as clr_train(), without CLR_EDIVERGED
 */
CLR_API int clr_range_test(const struct clr_train_options *o, enum clr_sweep sweep,
                           struct clr_range_result *result, struct clr_error *err);

/**
 * Read range tests that differ in the seed together, as clr_range_read() does, and write range.json and
 * range.png (the mean of the curves, with a band) into `out`.
 *
 * @param out           a folder that exists
 * @param folders       of the tests
 * @param command_line  for the figure; may be NULL
 * @return 0; CLR_EFAILED: a file cannot be written; what clr_range_read() and clr_plot_range() return
 */
CLR_API int clr_range_combine(struct clr_range_result *result, const char *out, const char *const *folders,
                              size_t count, const char *command_line, struct clr_error *err);

/** A loss of a net. */
struct clr_eval_loss {
    char layer[64];
    double weight; /**< its loss_weight; 0: it is not trained */
    double loss;   /**< without the weight */
};

struct clr_eval_result {
    int count;
    double loss, accuracy; /**< accuracy: NaN where no loss of the net reads logits */
    /** NULL then; classes × classes, [label][predicted]; free with free(). If the net has more outputs than
     * the data has classes, these count for `accuracy`, but not here. */
    int *confusion;
    struct clr_eval_loss *losses; /**< in the order of the net's file; free with free() */
    int loss_count;
};

/** Evaluate weights (o->init) on the test set, or on the o->validation training images that o->seed chooses,
 * in batches of its own, as training does. Read are net, data, device, init, init_partial, mean, scale (of
 * these two, those that are not given are those of the training, from the metadata of the weights),
 * validation, seed, stop, begin, user, unchecked, profile, refresh_statistics. With these, training images go
 * through the net of the TRAIN phase first, in batches of o->batch, and the means over the batches become the
 * running statistics of its BatchNorm layers: for weights whose statistics are of too few or of too old ones.
 *
 * @return 0; CLR_EUSAGE: no init, an option out of range; CLR_EINPUT: weights that do not fit the net, or the
 *         net the data; CLR_EDIVERGED: the loss is not finite; CLR_EINTERRUPTED: *o->stop was set;
 *         CLR_EFAILED: the device computes this net wrong; CLR_EDEVMEM, CLR_ECL, CLR_ENOMEM
 */
CLR_API int clr_eval(const struct clr_train_options *o, struct clr_eval_result *result,
                     struct clr_error *err);

/**
 * Write trained weights as Caffe's (.caffemodel), for programs that read these. What was done to the images
 * is not part of such a file, and is logged. Statistics of BatchNorm layers become Caffe's sums, whose factor
 * is a power of two: read again, all values are the same to the bit.
 *
 * @param out      the file; one that exists is replaced
 * @param weights  a safetensors file
 * @param net      NULL: the one that the weights name, which a run writes into them
 * @return 0; CLR_EINPUT: the weights or their net cannot be read, or they do not fit `net`; CLR_EFAILED: the
 *         file cannot be written; CLR_EUSAGE: no out, no weights; CLR_ENOMEM
 */
CLR_API int clr_export_caffemodel(const char *out, const char *weights, const struct clr_net_spec *net,
                                  struct clr_error *err);

#endif
