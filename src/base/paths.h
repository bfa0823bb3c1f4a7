/*
 * Where things live on this machine. One of the three files that read the environment (the others are
 * src/ocl/source.c and src/cli/common.c): XDG_CACHE_HOME, XDG_DATA_HOME, HOME, CLR_DATA.
 */
#ifndef BASE_PATHS_H
#define BASE_PATHS_H

#include "base/str.h"

/*
 * $XDG_CACHE_HOME/clr-cl, else $HOME/.cache/clr-cl; not created. *out is NULL (and the call succeeds) when
 * neither variable is set: then there is no cache. Free with free().
 */
int paths_cache(char **out, struct clr_error *err);

/* $XDG_DATA_HOME/clr-cl, else $HOME/.local/share/clr-cl; NULL as above. */
int paths_data(char **out, struct clr_error *err);

/* $CLR_DATA or NULL; borrowed from the environment. */
const char *paths_datasets(void);

#endif
