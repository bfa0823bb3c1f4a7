/**
 * How fast is this device?
 */
#ifndef CLR_BENCH_H
#define CLR_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <clr/device.h>
#include <clr/error.h>
#include <clr/net.h>
#include <clr/plot.h>

/** Smallest, middle and largest of `count` measurements; count 0: not measured. */
struct clr_bench_spread {
    int count;
    double min, median, max;
};

/** What a part of the training step does. */
enum clr_bench_pass {
    CLR_BENCH_BATCH,    /**< making the batch from the bytes of the data set */
    CLR_BENCH_FORWARD,  /**< forward */
    CLR_BENCH_DATA,     /**< gradient of the layer's input */
    CLR_BENCH_WEIGHTS,  /**< gradients of its parameters */
    CLR_BENCH_BACKWARD, /**< both, or a layer without parameters */
    CLR_BENCH_UPDATE,   /**< update of the parameters */
    CLR_BENCH_OTHER,    /**< kernels whose label names no pass */
    CLR_BENCH_PASSES
};

/** "forward", "data gradient", …: static storage. */
CLR_API const char *clr_bench_pass_name(enum clr_bench_pass pass);

#define CLR_BENCH_NAME 96
#define CLR_BENCH_FILE 256

/** One layer and pass: time of its kernels in one training step, by the device's clock. */
struct clr_bench_row {
    char layer[CLR_BENCH_NAME]; /**< "conv1"; "" for what belongs to no layer */
    char kind[32];              /**< "convolution"; "" for what belongs to no layer */
    enum clr_bench_pass pass;
    double gflop; /**< 10⁹ multiplications and additions by the layer's formula, of the whole batch; 0: not
                       counted */
    bool fewer;   /**< the layer's variant needs fewer multiplications than the formula has (Winograd) */
    struct clr_bench_spread ms;
};

/** One operator of what was timed, against its reference. */
struct clr_bench_check {
    char layer[CLR_BENCH_NAME], kind[32], variant[96];
    bool ok;
    double worst_nmse; /**< NaN: none could be measured */
    char detail[400];  /**< what is wrong */
};

/** A variant that does not work on the device, and what training takes instead, which was measured. */
struct clr_bench_replaced {
    char layer[CLR_BENCH_NAME], pass[32];
    char variant[64], by[64];
    char why[16];      /**< "wrong", "crashed", "hung", "failed" */
    double worst_nmse; /**< of the one that is wrong; 0: not known */
};

/** What `clr-cl bench` measures on one device. */
struct clr_bench_report {
    char source[CLR_BENCH_FILE]; /**< file that it was read from, without ".json", or the end of that; "" */
    char created[32];            /**< "2026-11-24T07:00:00Z" */
    char program[32], git_id[64], compiler[128];
    char kernel_options[64]; /**< of every program, besides macros */
    char host_cpu[128], host_os[128];
    char net[CLR_BENCH_NAME], net_sha256[65]; /**< name, and checksum of its prototxt */
    struct clr_image_shape input;
    int batch;
    char data[96]; /**< what the net was trained on */
    char device[128], type[16], vendor[128], device_version[128], driver[128];
    char platform[128], platform_version[128];
    int compute_units, clock_mhz, float_width;

    struct clr_bench_spread peak_gflops;   /**< fused multiply-adds on registers; the limit is `max` */
    struct clr_bench_spread bandwidth_gb;  /**< 10⁹ bytes per second of a[i] + s·b[i] → c[i] */
    uint64_t triad_bytes;                  /**< size of each of the three arrays */
    struct clr_bench_spread step_ms;       /**< batch, forward, backward, update; in a row, not profiled */
    struct clr_bench_spread inference_ms;  /**< one batch: forward with loss and accuracy, read back */
    struct clr_bench_spread warm_start_s;  /**< context … end of the first step, compiled kernels on disk */
    struct clr_bench_spread first_start_s; /**< the same, nothing compiled */
    int programs_compiled;                 /**< in it */
    uint64_t device_memory_bytes;          /**< planned there for both nets and parameters; 0: not known */
    uint64_t peak_memory_bytes;            /**< resident in the process up to the warm starts; 0: not known */
    bool peak_memory_compiler;             /**< kernels were compiled before: it is included */

    struct clr_bench_row *rows; /**< in the order of the step; no layer and pass twice */
    size_t row_count;           /**< 0: the driver's times of kernels are of no use */
    struct clr_bench_check *checks;
    size_t check_count;
    int wrong; /**< how many checks are not ok */
    struct clr_bench_replaced *replaced;
    size_t replaced_count;
    char tuned[400];   /**< their names: "conv1, conv2"; "": none, or not known */
    int tuned_layers;  /**< layers that have another variant than the program's own choice, by the records of
                            `clr-cl tune`; -1: not known */
    char refused[400]; /**< why clr_train() refuses the device with this net; "": it does not */
    /** What was being measured when options->stop was set: that and what comes after it are missing (count
     * 0). "": the device was measured to the end. */
    char stopped[64];
};

struct clr_bench_options {
    size_t size; /**< of this struct: that of another version of the library is refused */
    const struct clr_net_spec *net;
    const char *net_name; /**< UTF-8 */
    int batch;            /**< 1 … 65536 */
    /** Called before each part of the measurement: what is measured, the `part`-th of `parts`, and about how
     * many seconds that takes (0: not known). May be NULL. */
    void (*progress)(void *user, const char *what, int part, int parts, double seconds);
    /** Called before each sample, start or check of that part: how many of `all` are done. May be NULL. */
    void (*step)(void *user, int done, int all);
    void *user;
    /** Not 0: end before the next of them. May be NULL. */
    const volatile int *stop;
};

/**
 * Measure a device with a net, on random images, with the variants of kernels that clr_train() takes there:
 * the device is checked as clr_train() does it, and what is wrong is replaced and recorded. What was timed is
 * verified against the references. Of what takes more than two seconds three samples are taken, not five or
 * more.
 *
 * @param out  filled on success, with out->wrong > 0 where something computes wrongly, and out->refused where
 * clr_train() would not train there; free what it holds with clr_bench_clear().
 * Also filled, with out->stopped, where options->stop was set after whole steps, inference and warm starts
 * were measured and verified
 * @return 0; CLR_EINPUT: the net does not have the size of its images, or does not fit; CLR_EDEVMEM;
 *         CLR_EDIVERGED: a loss was not finite; CLR_EFAILED: a multiply-add or a copy went wrong;
 *         CLR_EINTERRUPTED: options->stop; CLR_ECL, CLR_ENOMEM, CLR_ENODEVICE
 */
CLR_API int clr_bench_run(struct clr_bench_report *out, const struct clr_device *device,
                          const struct clr_bench_options *options, struct clr_error *err);

/** Free what a report holds; it is empty after. NULL is fine. */
CLR_API void clr_bench_clear(struct clr_bench_report *report);

/** Clear `count` reports and free the array; NULL is fine. */
CLR_API void clr_bench_destroy(struct clr_bench_report *reports, size_t count);

/** Share (0…1) of the kernels' time in a step that is not spent in convolutions; NaN: nothing was timed. */
CLR_API double clr_bench_not_convolution(const struct clr_bench_report *report);

/**
 * What `clr-cl bench` prints about a device.
 *
 * @param text  new string, ends with a newline; free with free()
 * @return 0; CLR_ENOMEM
 */
CLR_API int clr_bench_table(char **text, const struct clr_bench_report *report, struct clr_error *err);

/**
 * Write reports of one net and batch as JSON (docs/benchmarking.md describes it), atomically.
 *
 * @return 0; CLR_EFAILED: cannot write; CLR_EINPUT: a name that is not UTF-8, or no memory to take it;
 * CLR_ENOMEM
 */
CLR_API int clr_bench_write(const char *path, const struct clr_bench_report *reports, size_t count,
                            struct clr_error *err);

/**
 * Read such a file.
 *
 * @param out    new array, at least one report; free with clr_bench_destroy()
 * @return 0; CLR_EINPUT: missing, damaged, of another version; with file and member; CLR_ENOMEM
 */
CLR_API int clr_bench_read(struct clr_bench_report **out, size_t *count, const char *path,
                           struct clr_error *err);

/**
 * Read several files into one array, and make sure that they can be compared: one net, image size and batch,
 * and nothing in them that computed wrongly.
 *
 * @return as clr_bench_read(); CLR_EINPUT also where they cannot be compared, and why
 */
CLR_API int clr_bench_read_all(struct clr_bench_report **out, size_t *count, const char *const *paths,
                               size_t path_count, struct clr_error *err);

/**
 * Add the reports that come with the program and can be compared with the first of *reports: they are of the
 * same net, image size and batch. The others are named in log messages (clr/log.h).
 *
 * @param reports  array of at least one report, as clr_bench_read_all() gives it
 * @return 0; CLR_ENOMEM, then *reports may have grown
 */
CLR_API int clr_bench_add_known(struct clr_bench_report **reports, size_t *count, struct clr_error *err);

/** How a comparison is written. */
enum clr_bench_form {
    CLR_BENCH_TEXT,     /**< what `clr-cl bench compare` prints */
    CLR_BENCH_MARKDOWN, /**< the same as tables in Markdown */
    CLR_BENCH_CSV,      /**< a line for each number */
    CLR_BENCH_JSON
};

/**
 * Reports side by side: speed, limits and starts of each device, times of each layer and pass, and how they
 * stand against the first report's ("68× faster"; "about equal" below 5 %, "unclear" in one range;
 * "~2.0× slower" where another run may not confirm it), and what of it is not the same work: layers that are
 * within others,
 * variants that were replaced.
 *
 * @param text  new string, ends with a newline; free with free()
 * @return 0; CLR_ENOMEM, as JSON also where a name is not UTF-8
 */
CLR_API int clr_bench_compare(char **text, const struct clr_bench_report *reports, size_t count,
                              enum clr_bench_form form, struct clr_error *err);

/** Was the machine busy? A whole step takes the same time again and again, unless something else runs: one
 * took more than twice as long as another. */
CLR_API bool clr_bench_is_busy(const struct clr_bench_report *report);

/** Did the device compute everything correctly that was timed? Else its times do not count: no comparison and
 * no figure takes them. */
CLR_API bool clr_bench_is_correct(const struct clr_bench_report *report);

/**
 * Bars: time of each layer and pass, reports side by side.
 *
 * @param path     .png, .svg or .pdf; written atomically
 * @param options  may be NULL; without a height the figure is as high as the bars need
 * @return 0; CLR_EUSAGE: unknown extension, a size out of range, more than 8 reports; CLR_EFAILED: cannot
 *         write; CLR_EINPUT: nothing to draw; CLR_ENOMEM
 */
CLR_API int clr_bench_plot(const char *path, const struct clr_bench_report *reports, size_t count,
                           const struct clr_plot_options *options, struct clr_error *err);

#endif
