/*
 * What the tests of whole runs share: a tiny net on a tiny data set, and reading the files of a run.
 */
#ifndef DEVICE_RUNS_H
#define DEVICE_RUNS_H

#include <clr/clr.h>

#include "support.h"

#include "base/fs.h"

extern const char *root; /* of the sources */
extern struct clr_device device;
extern struct clr_net_spec *net;
extern struct clr_dataset *data;
extern const char *dir; /* parent of the folders of all runs */

/* Before the first test: set the above. −1: something is missing, as was printed. */
int runs_prepare(void);
/* After the last test; keep(NULL, NULL) frees the paths. */
void runs_finish(void);

/* dir/name; free with free(). */
char *join(const char *a, const char *b);
/* A path that outlives the test: runs borrow their paths. */
char *keep(const char *a, const char *b);

/* A run of 23 iterations in dir/name: batches of 12, evaluated every 10. */
struct clr_train_options options(const char *name);
void must_train(const struct clr_train_options *o, struct clr_train_result *r);

/* A file's text; free with free(). */
char *slurp(const char *folder, const char *name, size_t *size);
bool equal_files(const char *a, const char *b, const char *name);
bool there(const char *folder, const char *name);

#endif
