/**
 * Figures: CSV files of runs, range tests and schedules → PNG, SVG or PDF (by extension). No OpenCL.
 */
#ifndef CLR_PLOT_H
#define CLR_PLOT_H

#include <stdbool.h>
#include <stddef.h>

#include <clr/schedule.h>

/** What accuracy or loss is drawn over. */
enum clr_plot_over {
    CLR_PLOT_OVER_ITERATIONS,
    CLR_PLOT_OVER_TIME, /**< of the run so far with its evaluations, from timing.csv; mean of repeats.
                             Points after the end of timing.csv are omitted, with a warning.
                             Of runs on several devices, the times of the one with most runs are drawn, and
                             the axis names it; a curve without a run on it is omitted, with a warning. */
    CLR_PLOT_OVER_RATE, /**< the learning rate, of range tests: loss alone; clr_plot_range() draws accuracy */
};

/** What an input is called in the figure. */
struct clr_plot_label {
    const char *name; /**< the input, or its folder in `folders`, as it is given; or the name of either */
    const char *text;
};

struct clr_plot_options {
    size_t size;       /**< of this struct: that of another version of the library is refused */
    int width, height; /**< pixels at 96 dpi, from 320 × 200; 0: 960 × 600, or what suits the other */
    int dpi;           /**< 0: 96; a larger one scales everything: 192 gives twice the pixels */
    const char *title; /**< NULL: made from the data; "" none */
    const char *command_line; /**< goes into the PNG's tEXt (Command, beside Software); NULL: none */
    enum clr_plot_over over;  /**< of runs */
    bool rates;     /**< of runs: the learning rate as a second panel, from the schedule in run.json */
    bool multiples; /**< of runs and schedules: a small chart for each curve, over the others in grey */
    const double
        *y_min; /**< of runs, range tests: accuracy in percent where the axis begins; NULL: a little below the
                   lowest of all curves after the first fifth of each, or 0 where that shows little more */
    const char *const *names; /**< of runs: what each input is called, repeats alike; NULL: by what differs */
    const char *const *folders; /**< for each input, the folder that stands for it and its repeats, or NULL;
                                     NULL: none */
    const struct clr_plot_label *labels; /**< texts for some of the curves, in place of these */
    size_t label_count;
    const char
        *csv; /**< file for the numbers that are drawn, written atomically after the figure; NULL: none.
                 Columns panel,axis,kind,name,x,y,low,high,line; of bars: layer,pass,device,value,low,high */
};

/** 0: a figure can have that name, which ends in .png, .svg or .pdf; CLR_EUSAGE. */
CLR_API int clr_plot_check_name(const char *path, struct clr_error *err);

/**
 * Accuracy over iterations.
 *
 * @param path    .png, .svg or .pdf; written atomically
 * @param inputs  run folders or history.csv files (columns iteration,trn_loss,lr,val_loss,val_acc). Folders
 *                whose run.json differs in nothing but seed and out are one curve: the mean over the
 *                iterations that all of them evaluated, with a band of ± one sample standard deviation; a
 *                warning names those that it ends early for, and where a loss was no longer finite is marked
 * @return 0; CLR_EINPUT: "FILE:LINE: …" unreadable or damaged input, nothing to draw; CLR_EUSAGE: unknown
 *         extension, a size out of range, a label for nothing or for two curves, more than 24
 *         curves; CLR_EFAILED: cannot write
 *
 * Messages (clr/log.h): of more than seven curves in one chart, the last are grey and are named, with a
 * proposal of small multiples; so are curves of fewer than three points, and those that reach the level of
 * the slowest one without a mark.
 */
CLR_API int clr_plot_run(const char *path, const char *const *inputs, size_t count,
                         const struct clr_plot_options *options, struct clr_error *err);

/** Training loss over iterations, likewise, from run folders or loss.csv files (iteration,trn_loss,lr): a
 * smoothed line over the losses of single batches. The axis is logarithmic where the loss falls to less than
 * a fifth; it ends at twice the largest first loss, with a warning, where one grows beyond ten times that. */
CLR_API int clr_plot_loss(const char *path, const char *const *inputs, size_t count,
                          const struct clr_plot_options *options, struct clr_error *err);

/** Accuracy over learning rate, from range-test folders or range.csv files (the same columns); the bounds
 * that clr_range_read() reads from the folders together are marked, or the legend says why there are none;
 * where a loss was no longer finite is marked, too; of several curves (the first seven), the range of each is
 * a bar above the chart in its colour.
 * The axis goes to the last rate that was asked for; it is logarithmic for sweeps by a factor. */
CLR_API int clr_plot_range(const char *path, const char *const *inputs, size_t count,
                           const struct clr_plot_options *options, struct clr_error *err);

/** Learning rate over iterations, from `schedule --csv` files (iteration,lr,momentum). Momentum as a second
 * panel where it is not constant. A jump stands upright at the first iteration after it. */
CLR_API int clr_plot_schedule(const char *path, const char *const *inputs, size_t count,
                              const struct clr_plot_options *options, struct clr_error *err);

/** The same of a schedule itself, over so many iterations, at least 1. Its title is clr_schedule_title(). Of
 * the options, those of runs and inputs have no effect. CLR_EUSAGE: also clr_schedule_check(). */
CLR_API int clr_plot_rates(const char *path, const struct clr_schedule *schedule, uint64_t iterations,
                           const struct clr_plot_options *options, struct clr_error *err);

#endif
