/**
 * Reading learning-rate range tests (L. N. Smith, arXiv:1506.01186, section 3.3). No OpenCL.
 */
#ifndef CLR_RANGE_H
#define CLR_RANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <clr/error.h>

/** Rules of other tools on the training loss, as src/range/rules.h has them; in this order. */
enum { CLR_RANGE_STEEPEST, CLR_RANGE_MINIMUM, CLR_RANGE_VALLEY, CLR_RANGE_SLIDE, CLR_RANGE_RULES };

/** "steepest", "minimum/10", "valley", "slide". */
CLR_API const char *clr_range_rule_name(int rule);

#define CLR_RANGE_IMAGES 100 /**< fewest evaluated images: their accuracy has a standard error of 5 % */
#define CLR_RANGE_POINTS 6   /**< fewest evaluations */
/** Fewest updates with rates up to the upper bound: twice what momentum 0.9 remembers. */
#define CLR_RANGE_UPDATES 20
#define CLR_RANGE_TESTS   100 /**< most tests that are read as one */

/** The outcome of a reading. All but CLR_RANGE_READ: no bounds, and the reason. */
enum clr_range_verdict {
    CLR_RANGE_READ,       /**< both bounds were read */
    CLR_RANGE_FEW_IMAGES, /**< fewer than CLR_RANGE_IMAGES were evaluated */
    CLR_RANGE_FEW_POINTS, /**< fewer than CLR_RANGE_POINTS evaluations before the test ended */
    CLR_RANGE_LOSS_GREW,  /**< the loss grew, or was no longer finite, before the net had learned anything */
    CLR_RANGE_TOO_SHORT,  /**< the accuracy never left chance, while the training loss fell */
    CLR_RANGE_AT_CHANCE,  /**< the accuracy never left chance, and the training loss did not fall */
    CLR_RANGE_FALLS,      /**< the accuracy is highest at the first rates, and falls */
    CLR_RANGE_FLAT,       /**< the accuracy is above chance, and the same at all rates */
    CLR_RANGE_NARROW, /**< the net begins to learn where the accuracy is highest, or the test soon fails */
    CLR_RANGE_VERDICTS
};

/** Why bounds that were read are not to be trained with yet. */
enum clr_range_doubt {
    CLR_RANGE_SURE,        /**< nothing speaks against them */
    CLR_RANGE_OPEN,        /**< the accuracy was highest at the last rates: the best ones are higher */
    CLR_RANGE_FEW_UPDATES, /**< fewer than CLR_RANGE_UPDATES came before the upper bound */
    CLR_RANGE_WIDE         /**< the interval of the upper bound reaches over more than a factor of 10 */
};

/** What max_lr_low and max_lr_high are. */
enum clr_range_interval {
    CLR_RANGE_OF_TEST, /**< the 95 % interval of a single test */
    CLR_RANGE_UNION,   /**< of two tests: all that the 95 % intervals of both have */
    CLR_RANGE_SPREAD,  /**< of three or more: the lowest and the highest of their upper bounds */
    CLR_RANGE_COMBINED /**< of three or more: from the standard errors of the tests, where that is wider */
};

/** "read", "few images", … as in range.json. */
CLR_API const char *clr_range_verdict_name(enum clr_range_verdict verdict);

struct clr_range_result {
    int tests;           /**< read as one; of several, the other counts are the least of any */
    uint64_t iterations; /**< done */
    uint64_t points;     /**< evaluations */
    int classes, images; /**< images: evaluated each time */
    double untrained;    /**< accuracy before the first update; mean of the tests */
    /** Of a net without accuracy: its loss before the first update, or the mean of the tests. What is called
     * accuracy here is then the fall of the loss, 1 − loss/untrained_loss, at least 0. Else 0. */
    double untrained_loss;
    bool diverged;
    uint64_t diverged_at; /**< iteration of the first loss that was not finite */
    double diverged_lr;
    double baseline, standard_error; /**< max(chance, untrained net's accuracy), and its standard error */
    double noise;     /**< standard deviation of one accuracy near the top of the curve; NaN: not known */
    double threshold; /**< accuracy above which the net has learned */
    enum clr_range_verdict verdict;
    bool has_range;        /**< verdict is CLR_RANGE_READ: there is a range to train in */
    double min_lr, max_lr; /**< the range to train in: min_lr < max_lr */
    double learns_lr;      /**< where the net begins to learn: the last rate before the accuracy exceeds
                                threshold; min_lr where it is well below max_lr */
    bool quartered;        /**< it is not: min_lr is a quarter of max_lr */
    double max_lr_low, max_lr_high; /**< max_lr lies between */
    bool low_cut; /**< max_lr_low is the first rate that was evaluated: max_lr may be lower */
    enum clr_range_interval interval;
    enum clr_range_doubt doubt;
    double last_lr;   /**< rate of the last evaluation; of several tests, the highest */
    uint64_t updates; /**< with rates up to max_lr; of several tests, the fewest. 0: not known */
    bool from_start;  /**< learns_lr is the first rate of the sweep: the net may begin to learn below it */
    bool fell;   /**< false: the accuracy had not fallen at the end of the sweep; of several tests: it had,
                          or the loss diverged, in most of them */
    bool halved; /**< max_lr is half the rate at which the test failed: see src/range/reading.h */
    double top_accuracy, top_lr; /**< the highest mean of three neighbouring points, and its rate; of several
                                      tests, the mean, and the median of the rates. NaN: no curve */
    char explanation[512];       /**< how the bounds were read, or why there are none, in words */
    double rules[CLR_RANGE_RULES]; /**< on the training loss, for comparison; NaN: no rate */
};

/** What was read: "accuracy" or "fall of the loss". */
CLR_API const char *clr_range_measure(const struct clr_range_result *result);

/**
 * Read range tests from the folders that they wrote (range.csv, loss.csv, range.json). Several are read as
 * one: the median of their bounds. This is the one reading that range-test, figures and experiments show.
 *
 * @param result  untouched on failure
 * @param count   1 … CLR_RANGE_TESTS
 * @return 0; CLR_EINPUT: "FILE:LINE: …" for what is missing or damaged; CLR_EUSAGE: none, or too many;
 * CLR_EFAILED, CLR_ENOMEM
 */
CLR_API int clr_range_read(struct clr_range_result *result, const char *const *folders, size_t count,
                           struct clr_error *err);

/**
 * What range.json has of a result, as JSON with 17 digits.
 *
 * @param text  new, free with free()
 * @return 0; CLR_ENOMEM
 */
CLR_API int clr_range_json(char **text, const struct clr_range_result *result, struct clr_error *err);

#endif
