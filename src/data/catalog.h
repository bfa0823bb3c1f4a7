/*
 * Names of data sets and the folders they may lie in.
 */
#ifndef DATA_CATALOG_H
#define DATA_CATALOG_H

#include "data/format.h"

/* A data set that has a name. */
struct catalog_entry {
    const char *name;
    const struct data_format *format;
    const char *folders[3];         /* looked for in every root, in this order; NULL-terminated */
    const char *archive;            /* what to download */
    const char *page;               /* from where */
    const char *package;            /* or the Debian package that installs it; NULL: none */
    const char *const *class_names; /* for formats that carry none; NULL: numbers */
};

/* All of them; ends with a row whose name is NULL. */
extern const struct catalog_entry catalog[];

/* The source of that name, or NULL. */
const struct catalog_entry *catalog_find(const char *name);

/*
 * Look for a source in $CLR_DATA, the cache and /usr/share/datasets.
 *
 * @param folder  out, new string; NULL (and the call succeeds) when it is nowhere
 */
int catalog_locate(char **folder, const struct catalog_entry *source, struct clr_error *err);

/* Append a sentence on how to get it: commands with the real paths. */
void catalog_append_how(struct str *out, const struct catalog_entry *source);

/* Append where catalog_locate() looks: "$CLR_DATA (not set), /home/…/clr-cl, /usr/share/datasets". */
void catalog_append_roots(struct str *out);

#endif
