/*
 * Names of data sets and the folders they may lie in.
 */
#ifndef DATA_SOURCE_H
#define DATA_SOURCE_H

#include "data/layout.h"

/* A data set that has a name. */
struct source {
    const char *name;
    const struct layout *layout;
    const char *folders[3];         /* looked for in every root, in this order; NULL-terminated */
    const char *archive;            /* what to download */
    const char *page;               /* from where */
    const char *package;            /* or the Debian package that installs it; NULL: none */
    const char *const *class_names; /* for layouts that carry none; NULL: numbers */
};

/* All of them; ends with a row whose name is NULL. */
extern const struct source sources_known[];

/* The source of that name, or NULL. */
const struct source *source_find(const char *name);

/*
 * Look for a source in $CLR_DATA, the cache and /usr/share/datasets.
 *
 * @param folder  out, new string; NULL (and the call succeeds) when it is nowhere
 */
int source_locate(char **folder, const struct source *source, struct clr_error *err);

/* Append a sentence on how to get it: commands with the real paths. */
void source_append_how(struct str *out, const struct source *source);

/* Append where source_locate() looks: "$CLR_DATA (not set), /home/…/clr-cl, /usr/share/datasets". */
void source_append_roots(struct str *out);

#endif
