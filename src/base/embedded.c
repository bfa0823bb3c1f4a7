/* Opening what is built in, or a file: see embedded.h. */
#include "base/embedded.h"

#include "base/fs.h"
#include "base/str.h"

int embedded_open(char **file, char **text, size_t *size, const struct embedded_file *table,
                  const char *const *names, const char *what, const char *name, size_t limit,
                  struct clr_error *err)
{
    const int i = str_index(name, names);
    struct str built_in = {0};
    char known[STR_KNOWN];
    int rc;

    if (i < 0 && !fs_is_path(name))
        return clr_error_set(err, CLR_EINPUT, "no %s '%.100s' (the path of a file has a '.' or a '/')%s",
                             what, name, str_known(known, name, names));
    str_append(&built_in, "%s%s", i >= 0 ? "built-in " : "", name);
    rc = str_take(file, &built_in, err);
    if (rc < 0)
        return rc;
    if (i < 0)
        return fs_read(name, limit, text, size, err);
    *size = table[i].size;
    return str_duplicate(text, table[i].text, err);
}
