/*
 * Names of data sets and the folders that they may be in: see catalog.h.
 */
#include "data/catalog.h"

#include "base/fs.h"
#include "base/paths.h"

#define SYSTEM_ROOT   "/usr/share/datasets"
#define CIFAR10       "cifar10"
#define CIFAR100      "cifar100"
#define MNIST         "mnist"
#define FASHION_MNIST "fashion-mnist"

/* Class names of Fashion-MNIST: its README, section "Labels". The files have numbers only. */
static const char *const fashion[] = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                                      "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};

const struct catalog_entry catalog[] = {
    {.name = CIFAR10,
     .format = &format_cifar10,
     .folders = {"cifar-10-batches-bin", "cifar10"},
     .archive = "cifar-10-binary.tar.gz",
     .page = "https://www.cs.toronto.edu/~kriz/cifar.html"},
    {.name = CIFAR100,
     .format = &format_cifar100,
     .folders = {"cifar-100-binary", "cifar100"},
     .archive = "cifar-100-binary.tar.gz",
     .page = "https://www.cs.toronto.edu/~kriz/cifar.html"},
    /* PyTorch's mirror; the original page has no files since 2025: github.com/pytorch/pytorch/pull/164238 */
    {.name = MNIST,
     .format = &format_idx,
     .folders = {"mnist"},
     .page = "https://ossci-datasets.s3.amazonaws.com/mnist/"},
    {.name = FASHION_MNIST,
     .format = &format_idx,
     .folders = {"fashion-mnist"},
     .page = "https://github.com/zalandoresearch/fashion-mnist",
     .package = "dataset-fashion-mnist",
     .class_names = fashion},
    {.name = NULL},
};

const struct catalog_entry *catalog_find(const char *name)
{
    for (const struct catalog_entry *s = catalog; s->name; s++)
        if (strcmp(s->name, name) == 0)
            return s;
    return NULL;
}

const char *const *clr_dataset_names(void)
{
    static const char *const names[] = {CIFAR10, CIFAR100, MNIST, FASHION_MNIST, NULL};

    return names;
}

/* *out: the folder of the source in one root, or NULL. */
static int locate_in(char **out, const char *root, const struct catalog_entry *source, struct clr_error *err)
{
    *out = NULL;
    for (size_t i = 0; root && source->folders[i]; i++) {
        char *folder;
        int rc = fs_join(&folder, root, source->folders[i], err);
        if (rc < 0)
            return rc;
        if (source->format->matches(folder)) {
            *out = folder;
            return 0;
        }
        free(folder);
    }
    return 0;
}

int catalog_locate(char **folder, const struct catalog_entry *source, struct clr_error *err)
{
    char *cache = NULL, *found = NULL;
    int rc = paths_cache(&cache, err);
    const char *const roots[] = {paths_datasets(), cache, SYSTEM_ROOT};

    for (size_t i = 0; i < MEM_COUNT(roots) && rc == 0 && !found; i++)
        rc = locate_in(&found, roots[i], source, err);
    if (rc == 0)
        *folder = found;
    free(cache);
    return rc;
}

void catalog_append_how(struct str *out, const struct catalog_entry *source)
{
    const char *root = paths_datasets();
    char *cache = NULL;

    (void)paths_cache(&cache, NULL);
    if (!root)
        root = cache ? cache : SYSTEM_ROOT;
    if (source->package)
        str_append(out, "apt install %s; or ", source->package);
    if (source->archive)
        str_append(out, "download %s from %s, then: mkdir -p '%s' && tar -xzf %s -C '%s'", source->archive,
                   source->page, root, source->archive, root);
    else
        str_append(out,
                   "download {train,t10k}-images-idx3-ubyte.gz and {train,t10k}-labels-idx1-ubyte.gz from %s "
                   "into '%s/%s'",
                   source->page, root, source->folders[0]);
    free(cache);
}

void catalog_append_roots(struct str *out)
{
    const char *data = paths_datasets();
    char *cache = NULL;

    (void)paths_cache(&cache, NULL);
    str_append(out, "$CLR_DATA (%s), ", data ? data : "not set");
    if (cache)
        str_append(out, "the cache (%s), ", cache);
    str_append(out, "%s", SYSTEM_ROOT);
    free(cache);
}
