/*
 * The runs of an experiment in two files, which may replace their folders once all are finished:
 * histories.csv, a row for each evaluation of each run, and runs.json, what is in their run.json and
 * range.json. Where there is no folder DIR/NAME-seed-N, its files are read from DIR/histories.csv and
 * DIR/runs.json, which may be all that is left of the run. So nothing but a finished or diverged run in a
 * folder of its name replaces a run there, and a file that cannot be read is an error, never a run that is
 * missing.
 *
 * histories.csv  run,seed,iteration,trn_loss,lr,val_loss,val_acc,seconds
 * runs.json      {"format": 1, "runs": {"NAME-seed-N": {…run.json…, "range": {…range.json…}}}}
 */
#ifndef BASE_ARCHIVE_H
#define BASE_ARCHIVE_H

#include "base/csv.h"
#include "base/json.h"
#include "base/str.h"

#define ARCHIVE_TABLE  "histories.csv"
#define ARCHIVE_RUNS   "runs.json"
#define ARCHIVE_FORMAT 1
#define ARCHIVE_HEADER "run,seed,iteration,trn_loss,lr,val_loss,val_acc,seconds"

/* Where "-seed-N", with which a run's folder ends, begins in its path; the path's end: it does not. */
const char *archive_seed(const char *folder);

/* Is the folder not there, and the run in such files? */
int archive_holds(bool *out, const char *folder, struct clr_error *err);

/* Is that file (run.json, range.json, history.csv, range.csv, timing.csv) in the folder, or in those two
 * files? */
int archive_has(bool *out, const char *folder, const char *name, struct clr_error *err);

/* csv_read() of a table in the folder, or of what is kept of it: history.csv, range.csv, timing.csv. */
int archive_table(struct csv *out, const char *folder, const char *name, const struct csv_column *columns,
                  size_t count, struct clr_error *err);

/* json_read_run() of run.json or range.json in the folder, or of what is kept of it. */
int archive_json(json_t **out, const char *folder, const char *name, struct clr_error *err);

/* Called for a run: the path of its folder, and whether it is a range test. */
typedef int archive_tell(void *user, const char *folder, bool range_test, struct clr_error *err);

/* Call tell() for each run of DIR's files. */
int archive_each(const char *dir, archive_tell *tell, void *user, struct clr_error *err);

/* CLR_EINPUT: one of DIR's files is damaged, or one has a run without a folder and the other one does not. */
int archive_check(const char *dir, struct clr_error *err);

/*
 * Write DIR's files: what they have, and each of these runs (paths of folders in DIR) as its folder has it,
 * where it has one. Paths of this machine, the command and the net's text are left out. A table that is not
 * there has no rows; a time that is not there stays empty. Nothing is written after an error of
 * archive_check().
 */
int archive_write(const char *dir, const char *const *folders, size_t count, struct clr_error *err);

/* Is that argument of a run the one that the files have of it? Of a path that begins with '/' they have the
 * last part. */
bool archive_same_argument(const char *kept, const char *argument);

#endif
