/* Where things live on this machine: see paths.h. */
#include "base/paths.h"

#include <stdlib.h>

static const char *variable(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

static int xdg(char **out, const char *name, const char *fallback, struct clr_error *err)
{
    const char *base = variable(name), *home = variable("HOME");
    struct str s = {0};

    if (base && base[0] == '/')
        str_append(&s, "%s/clr-cl", base);
    else if (home)
        str_append(&s, "%s/%s/clr-cl", home, fallback);
    *out = NULL;
    return s.length == 0 ? str_check(&s, err) : str_take(out, &s, err);
}

int paths_cache(char **out, struct clr_error *err)
{
    return xdg(out, "XDG_CACHE_HOME", ".cache", err);
}

int paths_data(char **out, struct clr_error *err)
{
    return xdg(out, "XDG_DATA_HOME", ".local/share", err);
}

const char *paths_datasets(void)
{
    return variable("CLR_DATA");
}
