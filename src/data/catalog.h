/*
 * Names of data sets and the folders that they may be in.
 */
#ifndef DATA_CATALOG_H
#define DATA_CATALOG_H

#include "data/format.h"

/* A data set that has a name. */
struct catalog_entry {
    const char *name;
    const struct data_format *format;
    const char *folders[3];         /* searched for in every root, in this order; NULL-terminated */
    const char *archive;            /* to download; NULL: single files */
    const char *page;               /* to download from */
    const char *package;            /* Debian package that installs it; NULL: none */
    const char *const *class_names; /* if the format has none; NULL: numbers */
};

/* All of them; ends with a row whose name is NULL. */
extern const struct catalog_entry catalog[];

/* The data set of that name, or NULL. */
const struct catalog_entry *catalog_find(const char *name);

/*
 * Search for a data set in $CLR_DATA, the cache and /usr/share/datasets.
 *
 * @param folder  out, new string; NULL: it is in none of them
 */
int catalog_locate(char **folder, const struct catalog_entry *source, struct clr_error *err);

/* Append a sentence on how to get it: commands with the real paths. */
void catalog_append_how(struct str *out, const struct catalog_entry *source);

/* Append where catalog_locate() looks: "$CLR_DATA (not set), /home/…/clr-cl, /usr/share/datasets". */
void catalog_append_roots(struct str *out);

#endif
