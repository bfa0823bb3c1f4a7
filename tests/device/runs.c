/* What the tests of whole runs share: see runs.h. */
#include "runs.h"

const char *root;
struct clr_device device;
struct clr_net_spec *net;
struct clr_dataset *data;
const char *dir;

char *join(const char *a, const char *b)
{
    char *path = NULL;

    ck_assert_int_eq(fs_join(&path, a, b, NULL), 0);
    return path;
}

char *keep(const char *a, const char *b)
{
    static char *paths[256];
    static size_t count;

    if (!a) {
        while (count > 0)
            free(paths[--count]);
        return NULL;
    }
    ck_assert_uint_lt(count, MEM_COUNT(paths));
    paths[count] = join(a, b);
    return paths[count++];
}

/* Hundreds of runs of one net: the first one saves its kernels, however short it is. */
bool __wrap_device_binaries_are_slow(const struct clr_device *d);
bool __wrap_device_binaries_are_slow(const struct clr_device *d)
{
    (void)d;
    return false;
}

struct clr_train_options options(const char *name)
{
    struct clr_train_options o;

    clr_train_options_init(&o, sizeof o);
    o.net = net;
    o.net_name = "tiny-within";
    o.data = data;
    o.data_name = "tiny-data";
    o.device = &device;
    o.out = keep(dir, name);
    o.schedule.policy = CLR_POLICY_TRIANGULAR;
    o.schedule.min_lr = 0.05;
    o.schedule.max_lr = 0.2;
    o.schedule.step_size = 5;
    o.iterations = 23;
    o.batch = 12;
    o.validate_every = 10;
    o.log_every = 1;
    return o;
}

void must_train(const struct clr_train_options *o, struct clr_train_result *r)
{
    struct clr_error err;

    ck_assert_msg(clr_train(o, r, &err) == 0, "%s", err.message);
    free(r->profile);
    r->profile = NULL;
}

char *slurp(const char *folder, const char *name, size_t *size)
{
    char *path = join(folder, name), *text = NULL;
    struct clr_error err;

    ck_assert_msg(fs_read(path, 1 << 24, &text, size, &err) == 0, "%s", err.message);
    free(path);
    return text;
}

bool equal_files(const char *a, const char *b, const char *name)
{
    size_t na, nb;
    char *ta = slurp(a, name, &na), *tb = slurp(b, name, &nb);
    const bool equal = na == nb && memcmp(ta, tb, na) == 0;

    free(ta);
    free(tb);
    return equal;
}

bool there(const char *folder, const char *name)
{
    char *path = join(folder, name);
    const bool yes = fs_exists(path);

    free(path);
    return yes;
}

int runs_prepare(void)
{
    struct clr_error err;
    char *net_path = NULL, *data_path = NULL;

    if (!support_device(&device))
        return -1;
    root = getenv("CLR_SOURCE_ROOT");
    if (!root)
        root = ".";
    dir = support_temp_dir();
    if (fs_join(&net_path, root, "tests/golden/tiny-within/net.prototxt", &err) < 0 ||
        fs_join(&data_path, root, "tests/golden/tiny-data", &err) < 0 ||
        clr_net_load(&net, net_path, &err) < 0 || clr_dataset_open(&data, data_path, &err) < 0) {
        printf("%s\n0 passed, 1 failed, 0 skipped\n", err.message);
        return -1;
    }
    free(net_path);
    free(data_path);
    return 0;
}

void runs_finish(void)
{
    (void)keep(NULL, NULL);
    clr_net_destroy(net);
    clr_dataset_destroy(data);
}
