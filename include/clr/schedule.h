/**
 * Learning rate policies: pure functions of the number of updates done. They use no device and have no state.
 *
 * With t = updates already done (t = 0 for the first), s = step_size, c = floor(1 + t/2s),
 * x = |t/s − 2c + 1|, u = max(0, 1 − x):
 *
 *   fixed        lr
 *   multistep    lr·γ^(milestones m with m ≤ t)
 *   triangular   min + (max − min)·u
 *   triangular2  min + (max − min)·u / 2^(c−1)
 *   exp_range    γ^t·(min + (max − min)·u)      (BOUNDS: the paper's wording, both bounds decline)
 *                min + (max − min)·u·γ^t        (AMPLITUDE: PyTorch's CyclicLR)
 *   decay        t ≤ s: max − (t/s)(max − min); then min
 *   exp          lr·γ^t
 *   step         lr·γ^floor(t/s)
 *   inv          lr·(1 + γt)^(−power)
 *   poly         lr·(1 − t/iterations)^power, 0 from t = iterations on
 *   sigmoid      lr / (1 + exp(−γ(t − s)))      (γ < 0: it declines)
 *   1cycle       with N = iterations, a phase from rate a at update b to rate c at update d has
 *                a + (c − a)·A(p), p = (t − b)/(d − b), A(p) = (1 − cos πp)/2 or p:
 *                max/div → max in updates 0 … pct_start·N − 1, then → max/(div·final_div) at N − 1;
 *                with three phases, → max/div at 2·pct_start·N − 2 in between
 *   1cycle_smith t ≤ s: min + (max − min)·t/s; then the higher of max·(2 − t/s) and min/1000
 *   sgdr         min + (max − min)·(1 + cos(πk/T))/2, k updates into a period of T: the first period
 *                has s updates, each later one t_mult times as many as the one before
 *
 * Sources: L. N. Smith, "Cyclical Learning Rates for Training Neural Networks", arXiv:1506.01186; step, inv,
 * poly and sigmoid are Caffe's, src/caffe/solvers/sgd_solver.cpp, GetLearningRate(); 1cycle is PyTorch's
 * OneCycleLR, torch/optim/lr_scheduler.py, after L. N. Smith and N. Topin, arXiv:1708.07120; 1cycle_smith
 * is "1cycle" of Smith's version of Caffe, as the logs of arXiv:1803.09820 have its rates; sgdr is
 * I. Loshchilov and F. Hutter, arXiv:1608.03983, PyTorch's CosineAnnealingWarmRestarts. `linear` and `log`
 * are the sweeps of the range test: from min to max over step_size − 1 updates.
 */
#ifndef CLR_SCHEDULE_H
#define CLR_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <clr/error.h>

enum clr_policy {
    CLR_POLICY_FIXED,
    CLR_POLICY_MULTISTEP,
    CLR_POLICY_TRIANGULAR,
    CLR_POLICY_TRIANGULAR2,
    CLR_POLICY_EXP_RANGE,
    CLR_POLICY_DECAY,
    CLR_POLICY_EXP,
    CLR_POLICY_STEP,
    CLR_POLICY_INV,
    CLR_POLICY_POLY,
    CLR_POLICY_SIGMOID,
    CLR_POLICY_1CYCLE,
    CLR_POLICY_SGDR,
    CLR_POLICY_1CYCLE_SMITH,
    CLR_POLICY_SWEEP_LINEAR, /**< range test only: has no name on the command line */
    CLR_POLICY_SWEEP_LOG,    /**< range test only */
};

enum clr_exp_range { CLR_EXP_RANGE_BOUNDS, CLR_EXP_RANGE_AMPLITUDE };
enum clr_anneal { CLR_ANNEAL_COS, CLR_ANNEAL_LINEAR };

/** "bounds", "amplitude", by the values of the enum, as options and run.json have them; NULL-terminated,
 * static storage. */
CLR_API const char *const *clr_exp_range_names(void);

/** The same of enum clr_anneal: "cos", "linear". */
CLR_API const char *const *clr_anneal_names(void);

#define CLR_MAX_MILESTONES 64

struct clr_schedule {
    size_t size; /**< of this struct: that of another version of the library is refused */
    enum clr_policy policy;
    enum clr_exp_range exp_range;
    double lr;           /**< all but the cyclic policies, decay, sweeps; NaN: not given */
    double min_lr;       /**< cyclic policies, decay, sweeps; NaN: not given */
    double max_lr;       /**< likewise, and 1cycle */
    double gamma;        /**< NaN: not given */
    double power;        /**< inv, poly; NaN: not given */
    uint64_t step_size;  /**< half a cycle, a step, or sgdr's first period, in iterations; 0: not given */
    uint64_t iterations; /**< poly, 1cycle: of the whole run; 0: not given */
    uint64_t t_mult;     /**< sgdr, ≥ 1 */
    double pct_start;    /**< 1cycle: part of the run in which the rate rises, 0 … 1 */
    double div_factor, final_div_factor;     /**< 1cycle: highest rate / first, first / last */
    enum clr_anneal anneal;                  /**< 1cycle */
    bool three_phase;                        /**< 1cycle */
    uint64_t milestones[CLR_MAX_MILESTONES]; /**< ascending */
    size_t milestone_count;
    double momentum;                                /**< constant, or the value at the lowest rate */
    double cycle_momentum_low, cycle_momentum_high; /**< momentum at the highest / the lowest rate of a cycle;
                             both NaN: constant `momentum` */
    /** 0: the momentum moves as the rate of the policy does. Else it has a cycle of its own, whatever the
     * policy, as `cyclical_momentum` in solver files: down in so many updates and up in as many, half as far
     * in each cycle as in the one before. */
    uint64_t cycle_momentum_step;
};

/** Everything "not given", momentum 0.9, PyTorch's defaults of 1cycle: 0.3, 25, 1e4, cos, two phases.
 * `size`: sizeof *s. */
CLR_API void clr_schedule_init(struct clr_schedule *s, size_t size);

/** The policy of that name; CLR_EUSAGE lists the names. */
CLR_API int clr_schedule_parse_policy(enum clr_policy *out, const char *name, struct clr_error *err);

/** "triangular2" …; static storage. */
CLR_API const char *clr_schedule_policy_name(enum clr_policy policy);

/** The names that clr_schedule_parse_policy() takes; NULL-terminated, static storage. */
CLR_API const char *const *clr_schedule_policies(void);

/** Does the policy read that field of struct clr_schedule ("min_lr", or "min-lr" as options have it)? A field
 * that is not read has no effect. */
CLR_API bool clr_schedule_reads(enum clr_policy policy, const char *field);

/** Does the policy read that field, and has no default for it? */
CLR_API bool clr_schedule_needs(enum clr_policy policy, const char *field);

/**
 * Is everything that the policy needs given, finite and in range (rates > 0, min ≤ max, 0 < γ ≤ 1 but for inv
 * (γ > 0) and sigmoid (γ ≠ 0), power ≥ 0, momentum in [0, 1), milestones ascending; the min of a cyclic
 * policy may be 0)? CLR_EUSAGE: a field is missing or wrong, and the message names it, as in "`max_lr`"; or
 * the size is not the library's. All functions below but clr_schedule_write_csv() take schedules that were
 * checked.
 */
CLR_API int clr_schedule_check(const struct clr_schedule *s, struct clr_error *err);

/** Rate of update t (t = 0 for the first). Finite and ≥ 0 for every checked schedule and every t. */
CLR_API double clr_schedule_lr(const struct clr_schedule *s, uint64_t t);

/**
 * Momentum of update t: constant, or moved against the rate as PyTorch's CyclicLR and OneCycleLR do it:
 * high − (high − low)·u with the u of the policy, times the amplitude that remains: 2^(1−c) under
 * triangular2 and 1cycle_smith, γ^t under exp_range; u = (1 + cos(πk/T))/2 under sgdr; under 1cycle in the
 * phases of the rate, and high in the last of three. With cycle_momentum_step: as under triangular2, with
 * that for the step size.
 */
CLR_API double clr_schedule_momentum(const struct clr_schedule *s, uint64_t t);

/** Is it a policy whose rate rises and falls in cycles? */
CLR_API bool clr_schedule_is_cyclic(enum clr_policy policy);

/** Updates after which the cycle of update t ends, where the rate is lowest. UINT64_MAX: it does not end,
 * or the policy is not cyclic. */
CLR_API uint64_t clr_schedule_cycle_end(const struct clr_schedule *s, uint64_t t);

/** Updates of the first `cycles` cycles; UINT64_MAX: too many, or the policy is not cyclic. */
CLR_API uint64_t clr_schedule_cycles(const struct clr_schedule *s, uint64_t cycles);

/** Would a run of that many iterations (≥ 1) end inside a cycle (cyclic policies only)? */
CLR_API bool clr_schedule_ends_in_cycle(const struct clr_schedule *s, uint64_t iterations);

/** One line for people and logs: "triangular 0.0025…0.01, step size 2,000". Cut to fit; empty if out of
 * memory. */
CLR_API void clr_schedule_describe(const struct clr_schedule *s, char *out, size_t size);

/** The same as the title of a figure, with all numbers of sgdr and 1cycle, and a momentum that changes;
 * CLR_ENOMEM. */
CLR_API int clr_schedule_title(const struct clr_schedule *s, char *out, size_t size, struct clr_error *err);

/** The first line of a schedule as CSV, without its end. */
#define CLR_SCHEDULE_HEADER "iteration,lr,momentum"
#define CLR_SCHEDULE_ROW    64

/** The row of update t of a checked schedule: its iteration t + 1, rate and momentum as %.9g, and a line end.
 * Returns out. */
CLR_API const char *clr_schedule_row(char out[CLR_SCHEDULE_ROW], const struct clr_schedule *s, uint64_t t);

/**
 * Write the schedule as CSV: CLR_SCHEDULE_HEADER, then the rows of the first `iterations` updates.
 *
 * @param path  written atomically: on failure it is as before
 * @return 0; CLR_EUSAGE (clr_schedule_check), CLR_EFAILED (cannot write), CLR_ENOMEM
 */
CLR_API int clr_schedule_write_csv(const struct clr_schedule *s, uint64_t iterations, const char *path,
                                   struct clr_error *err);

#endif
