/**
 * @file optimizer.h
 * Optimizers: how weights are updated from their gradients.
 *
 * With d = g + λw (or, with L1, g + λ·sign(w)), rate η, momentum μ, momentum of the squares μ₂.
 */
#ifndef CLR_OPTIMIZER_H
#define CLR_OPTIMIZER_H

#include <stdbool.h>

#include <clr/error.h>

enum clr_momentum_convention {
    CLR_MOMENTUM_PYTORCH, /**< v ← μv + d; w ← w − ηv */
    CLR_MOMENTUM_CAFFE,   /**< v ← μv + ηd; w ← w − v */
};

/** "pytorch", "caffe", by the values of the enum; NULL-terminated. */
CLR_API const char *const *clr_momentum_convention_names(void);

/** How clr_train_options.l1 is written: "l2" for false, "l1" for true; NULL-terminated. */
CLR_API const char *const *clr_regularization_names(void);

enum clr_optimizer {
    CLR_OPTIMIZER_SGD,      /**< with momentum */
    CLR_OPTIMIZER_NESTEROV, /**< PyTorch: w ← w − η(d + μv); Caffe: w ← w − ((1 + μ)v − μv_before) */
    CLR_OPTIMIZER_ADAM, /**< v ← μv + (1 − μ)d; s ← μ₂s + (1 − μ₂)d²; w ← w − ηv/(√s + ε), corrected */
    CLR_OPTIMIZER_RMSPROP, /**< s ← μ₂s + (1 − μ₂)d²; then as SGD with d/(√s + ε); usually μ is 0 */
    CLR_OPTIMIZER_ADAMW,    /**< w ← w − ηλw; then as Adam with d = g */
    CLR_OPTIMIZER_ADAGRAD,  /**< v ← v + d²; w ← w − ηd/(√v + ε); no momentum */
    CLR_OPTIMIZER_ADADELTA, /**< s ← μ₂s + (1 − μ₂)d²; u = d√((v + ε)/(s + ε)); w ← w − ηu;
                               v ← μ₂v + (1 − μ₂)u²; no momentum */
};

/** "sgd", "nesterov", …: its name in options and run.json; static storage. */
CLR_API const char *clr_optimizer_name(enum clr_optimizer optimizer);

/**
 * The names of all of them, in the order of the enum.
 *
 * @return NULL-terminated; static storage
 */
CLR_API const char *const *clr_optimizer_names(void);

/** The usual momentum of an optimizer: 0.9, or 0 if its authors use none; NaN: there is no such
 * optimizer. */
CLR_API double clr_optimizer_momentum(enum clr_optimizer optimizer);

/** Does the optimizer take a momentum other than 0, in that convention? Caffe's rmsprop takes none. */
CLR_API bool clr_optimizer_takes_momentum(enum clr_optimizer optimizer,
                                          enum clr_momentum_convention convention);

/** The usual momentum of the squares; NaN: the optimizer does not use it. */
CLR_API double clr_optimizer_momentum2(enum clr_optimizer optimizer);

/** Does the optimizer use ε? */
CLR_API bool clr_optimizer_uses_epsilon(enum clr_optimizer optimizer);

/** How an optimizer is written in PyTorch. */
struct clr_optimizer_torch {
    const char *name;      /**< its class in torch.optim */
    const char *more;      /**< an argument that makes it this one, ", nesterov=True"; "": none */
    const char *momentum;  /**< the argument for the momentum; NULL: there is none */
    const char *momentum2; /**< the same of momentum2; NULL, with a momentum2: both are `momentum` */
    double epsilon;        /**< the default of `eps`; 0: there is none */
};

/** Static storage; NULL: there is no such optimizer. */
CLR_API const struct clr_optimizer_torch *clr_optimizer_pytorch(enum clr_optimizer optimizer);

#endif
