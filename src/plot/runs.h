/*
 * Reading what is to be drawn: run folders and history files, and finding which of them are repeats.
 */
#ifndef PLOT_RUNS_H
#define PLOT_RUNS_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include <clr/schedule.h>

#include "base/fs.h"
#include "base/history.h"

#define RUNS_LABEL  FS_RUN_NAME
#define RUNS_DEVICE 80

struct plot_run {
    char *csv_path;
    const char *within;     /* path of the folder that stands for it and its repeats, or NULL; borrowed */
    char *folder;           /* NULL: a file was named, and it is in no run's folder */
    bool in_folder;         /* the folder was named, which may be kept as archive.h has it */
    char name[RUNS_LABEL];  /* of the folder or file; of `within` where all that is in there is one group */
    char label[RUNS_LABEL]; /* labels.h */
    char net[64], data[64]; /* names of both, of run.json; "": not in it */
    char topic[RUNS_LABEL]; /* "quick on cifar10", or "" */
    bool scheduled;         /* run.json has a schedule */
    struct clr_schedule schedule;
    char device
        [RUNS_DEVICE];  /* of run.json; "several devices" where it was resumed on another; "" not known */
    bool timed;         /* its times can be compared with the others': runs_read_times() */
    bool known;         /* run.json has settings */
    int backoffs;       /* times that its rates were halved, because its loss was not finite */
    double diverged_at; /* the iteration whose loss was no longer finite, which ended it; NaN: none was */
    bool held_out;      /* accuracy on held-out training images rather than the test set */
    struct csv table;   /* at least one row; iterations ascending */
    struct csv times;   /* of timing.csv; after runs_read_times() */
    void *settings;     /* json_t without seed and out, or NULL */
    char *described;    /* the schedule in words, of run.json; NULL: not in it */
    char *seed;         /* as text, or NULL */
    size_t group;       /* repeats have the same number */
};

struct runs {
    size_t count, groups;
    struct plot_run *run; /* groups are numbered in the order of their first members */
};

/*
 * Read folders (their run.json and `csv_name`) and CSV files; within: as in struct plot_run, for each, or
 * NULL. Folders with equal settings but for seed and out, and different seeds, make a group. Labels of
 * different groups differ. CLR_EINPUT: "FILE:LINE: …"; nothing to read.
 */
int runs_read(struct runs *out, const char *const *inputs, const char *const *within, size_t count,
              const char *csv_name, struct clr_error *err);
void runs_clear(struct runs *runs);

/* The group's run after that one (NULL: its first); NULL: there is none. */
const struct plot_run *runs_next(const struct runs *runs, size_t group, const struct plot_run *before);

/*
 * Choose the device whose times are drawn: that of most runs, the first of equals. The runs that were made on
 * it are marked as timed. Returns its name; NULL: all were made on one.
 */
const char *runs_clock(struct runs *runs);

/*
 * Read the timed runs' timing.csv, after runs_clock(); groups without a timed run are removed, with a
 * warning.
 * CLR_EINPUT: "FILE:LINE: …"; a run that has none, or one without a time for anything that is drawn.
 */
int runs_read_times(struct runs *runs, struct clr_error *err);

/* Seconds from the start of the run to the end of that iteration, between the rows on a straight line; NaN
 * after the last row. */
double runs_seconds(const struct plot_run *run, double iteration);

/* Of a run.json, the iteration whose loss was no longer finite, or the loss evaluated after it; NaN: none.
 * Of an old one without that entry, the iteration after the last one that was done. */
double runs_diverged_at(const json_t *run_json);

/* The first column, the iteration, must ascend. CLR_EINPUT: "FILE:LINE: …". */
int runs_check_ascending(const struct csv *t, struct clr_error *err);

#endif
