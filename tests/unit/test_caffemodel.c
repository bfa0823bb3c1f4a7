/* Caffe's weights: each version of its layers is read, and hostile files are refused. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "net/caffemodel.h"
#include "net/spec.h"
#include "train/weights.h"

/* ------------------------------------------------------------------ writing protocol buffers */

static void put_number(struct str *s, uint64_t v)
{
    do {
        const unsigned char byte = (unsigned char)((v & 127) | (v > 127 ? 128 : 0));
        str_append_bytes(s, &byte, 1);
        v >>= 7;
    } while (v);
}

static void put_bytes(struct str *s, unsigned field, const void *bytes, size_t size)
{
    put_number(s, field << 3 | 2);
    put_number(s, size);
    str_append_bytes(s, bytes, size);
}

/* A message within one; it is cleared. */
static void put_message(struct str *s, unsigned field, struct str *message)
{
    put_bytes(s, field, str_text(message), message->length);
    str_clear(message);
}

static void put_text(struct str *s, unsigned field, const char *text)
{
    put_bytes(s, field, text, strlen(text));
}

/* How a blob has its shape and its numbers. */
enum form { NOW, OLD, DOUBLE };

/* A blob of these dimensions (the first that is 0 ends them), with the numbers first, first + 1, … */
static struct str blob(enum form form, const uint64_t dims[4], float first)
{
    struct str b = {0}, values = {0}, shape = {0};
    uint64_t count = 1;
    int rank = 0;

    for (; rank < 4 && dims[rank]; rank++)
        count *= dims[rank];
    for (int i = 0; i < rank && form != OLD; i++)
        put_number(&shape, dims[i]);
    for (unsigned i = 0; i < 4 && form == OLD; i++) { /* leading ones */
        put_number(&b, (i + 1) << 3);
        put_number(&b, (int)i < 4 - rank ? 1 : dims[(int)i - (4 - rank)]);
    }
    for (uint64_t i = 0; i < count; i++) {
        const float v = first + (float)i;
        const double d = (double)v;
        str_append_bytes(&values, form == DOUBLE ? (const void *)&d : &v, form == DOUBLE ? 8 : 4);
    }
    if (form != OLD) {
        struct str message = {0};
        put_message(&message, 1, &shape);
        put_message(&b, 7, &message);
    }
    put_message(&b, form == DOUBLE ? 8 : 5, &values);
    return b;
}

/* Where a version has layers, and the name and the blobs of one. */
struct version {
    unsigned layers, name, blobs;
    bool nested;
};

static const struct version now = {100, 1, 7, false}, v1 = {2, 4, 6, false}, v0 = {2, 1, 50, true};

/* A layer with one blob, or two. Fields that are not read are there, too. */
static void put_layer(struct str *net, const struct version *v, const char *name, struct str first,
                      struct str second)
{
    struct str layer = {0}, outer = {0};

    put_text(&layer, v->name, name);
    put_text(&layer, 90, "not read");
    put_message(&layer, v->blobs, &first);
    if (second.length > 0)
        put_message(&layer, v->blobs, &second);
    if (v->nested) {
        put_message(&outer, 1, &layer);
        layer = outer;
    }
    put_message(net, v->layers, &layer);
}

/* ------------------------------------------------------------------ nets */

#define DIMS(...) ((const uint64_t[4]){__VA_ARGS__})

static struct graph_param g_params[] = {
    {.name = "conv1.weight", .blob = 0, .rank = 4, .dims = {2, 1, 3, 3}, .count = 18},
    {.name = "conv1.bias", .blob = 1, .rank = 1, .dims = {2}, .count = 2},
    {.name = "ip1.weight", .blob = 0, .rank = 2, .dims = {1, 4}, .count = 4},
};
static struct layer_spec g_shared = {.name = "ip1_again"};
static struct graph_node g_nodes[] = {{.layer = &g_shared, .param = {2}, .param_count = 1}};
static const struct graph g_graph = {
    .params = g_params, .param_count = MEM_COUNT(g_params), .nodes = g_nodes, .node_count = 1};

/* All that g_graph needs. */
static struct str whole_net(const struct version *v, enum form form)
{
    struct str net = {0};
    const struct str none = {0};

    put_text(&net, 1, "a net");
    put_layer(&net, v, "conv1", blob(form, DIMS(2, 1, 3, 3), 1.0f), blob(form, DIMS(2), 50.0f));
    put_layer(&net, v, "ip1", blob(form, DIMS(1, 4), 100.0f), none);
    return net;
}

static const char *net_file(const char *bytes, size_t size)
{
    static char path[128];

    if (!path[0])
        (void)snprintf(path, sizeof path, "%s/net.caffemodel", support_temp_dir());
    ck_assert_int_eq(fs_write_atomic(path, bytes, size, NULL), 0);
    return path;
}

/* Read what is cleared. */
static int read_net(struct st_file *out, struct str *net, bool partial, struct clr_error *err)
{
    const char *path = net_file(str_text(net), net->length);

    str_clear(net);
    return weights_read(out, path, &g_graph, partial, "a hint", err);
}

/* ------------------------------------------------------------------ tests */

START_TEST(test_caffemodel__all_versions_are_read)
{
    const struct version *versions[] = {&now, &v1, &v0};
    struct clr_error err;

    for (size_t i = 0; i < MEM_COUNT(versions); i++)
        for (int form = NOW; form <= DOUBLE; form++) {
            struct str net = whole_net(versions[i], (enum form)form);
            const struct str none = {0};
            struct st_file f;
            const struct st_tensor *t;
            put_layer(&net, versions[i], "ip1_again", blob(NOW, DIMS(1, 4), 0.0f), none); /* it is shared */
            ck_assert_msg(read_net(&f, &net, false, &err) == 0, "%s", err.message);
            ck_assert_uint_eq(f.count, 3);
            t = safetensors_find(&f, "conv1.weight");
            ck_assert(t && t->count == 18 && t->data[0] == 1.0f && t->data[17] == 18.0f);
            t = safetensors_find(&f, "conv1.bias");
            ck_assert(t && t->rank == 1 && t->dims[0] == 2 && t->data[1] == 51.0f);
            t = safetensors_find(&f, "ip1.weight");
            ck_assert(t && t->rank == 2 && t->dims[0] == 1 && t->dims[1] == 4 && t->data[3] == 103.0f);
            safetensors_clear(&f);
        }
}
END_TEST

START_TEST(test_caffemodel__another_net_is_refused)
{
    const struct str none = {0};
    struct str net = {0}, twice = {0}, other = {0};
    struct clr_error err;
    struct st_file f;

    put_layer(&net, &now, "conv1", blob(NOW, DIMS(3, 1, 3, 3), 0.0f), blob(NOW, DIMS(2), 0.0f));
    put_layer(&net, &now, "fc8", blob(NOW, DIMS(5), 0.0f), none);
    str_append_bytes(&other, net.text, net.length);
    ck_assert_int_eq(read_net(&f, &net, false, &err), CLR_EINPUT);
    ck_assert_msg(strstr(err.message,
                         "net.caffemodel does not fit the net; 'fc8 blob 0' is not in the net; "
                         "'conv1.weight' is 3×1×3×3, the net's is 2×1×3×3; 'ip1.weight' (1×4) is "
                         "missing (a hint)"),
                  "%s", err.message);
    ck_assert_int_eq(read_net(&f, &other, true, &err), 0);
    ck_assert(safetensors_find(&f, "conv1.bias") && !safetensors_find(&f, "conv1.weight"));
    safetensors_clear(&f);
    for (int i = 0; i < 2; i++)
        put_layer(&twice, &now, "ip1", blob(NOW, DIMS(1, 4), 0.0f), none);
    ck_assert_int_eq(read_net(&f, &twice, true, &err), CLR_EINPUT);
    ck_assert_msg(strstr(err.message, "layer 'ip1' is there twice"), "%s", err.message);
}
END_TEST

START_TEST(test_caffemodel__hostile_files_are_refused)
{
    static const struct {
        uint64_t dims[4];
        size_t numbers;
        const char *message;
    } cases[] = {
        {{2}, 3, "a blob of 3 numbers where its shape needs 2"},
        {{UINT64_C(1) << 40, UINT64_C(1) << 40}, 1, "an impossible shape"},
        {{UINT64_MAX}, 1, "an impossible shape"}, /* −1 */
        {{UINT64_C(1) << 62}, 1, "1 numbers where its shape needs"},
    };
    const float zeros[4] = {0};
    const struct str none = {0};
    struct clr_error err;
    struct st_file f;
    struct str net = {0};

    for (size_t i = 0; i < MEM_COUNT(cases); i++) {
        struct str b = {0}, shape = {0}, dims = {0};
        for (int k = 0; cases[i].dims[k]; k++)
            put_number(&dims, cases[i].dims[k]);
        put_message(&shape, 1, &dims);
        put_message(&b, 7, &shape);
        put_bytes(&b, 5, zeros, cases[i].numbers * 4);
        put_layer(&net, &now, "conv1", b, none);
        ck_assert_int_eq(read_net(&f, &net, false, &err), CLR_EINPUT);
        ck_assert_msg(strstr(err.message, cases[i].message) && strstr(err.message, "'conv1'"), "%s",
                      err.message);
    }
    for (int i = 0; i < 1 << 20; i++)
        str_append_bytes(&net, "\xa2\x06\0", 3); /* a million empty layers */
    ck_assert_int_eq(read_net(&f, &net, false, &err), CLR_EINPUT);
    ck_assert_msg(strstr(err.message, "too many small parts"), "%s", err.message);
    ck_assert_int_eq(read_net(&f, &net, false, &err), CLR_EINPUT);
    ck_assert_msg(strstr(err.message, "no layer in it has weights"), "%s", err.message);
}
END_TEST

START_TEST(test_caffemodel__every_truncation_is_refused)
{
    struct str net = whole_net(&now, NOW);
    struct clr_error err;
    struct st_file f;

    for (size_t n = 0; n < net.length; n++) {
        const char *path = net_file(net.text, n);
        ck_assert_msg(weights_read(&f, path, &g_graph, false, "a hint", &err) == CLR_EINPUT, "%zu bytes", n);
    }
    str_clear(&net);
    ck_assert_int_eq(caffemodel_read(&f, "no-such.caffemodel", &g_graph, &err), CLR_EINPUT);
}
END_TEST

/* Sums with the factor s become means, and s the number of batches. */
START_TEST(test_caffemodel__statistics_of_batch_norm)
{
    static const struct {
        float fraction, s, mean, var, batches;
    } cases[] = {
        {0.5f, 1.75f, 8.0f, 4.0f, 3.0f}, /* 1 + 1/2 + 1/4 */
        {0.999f, 999.98f, 3.5f, 2.0f, 10000.0f}, {0.999f, 1024.0f, 3.5f, 2.0f, 1e6f},
        {1.0f, 7.0f, 2.0f, 1.0f, 7.0f},          {0.999f, 0.0f, 0.0f, 1.0f, 0.0f},
    };
    struct graph_param params[] = {
        {.name = "bn.running_mean", .blob = 0, .rank = 1, .dims = {1}, .count = 1, .state = true},
        {.name = "bn.running_var", .blob = 1, .rank = 1, .dims = {1}, .count = 1, .state = true},
        {.name = "bn.num_batches_tracked", .blob = 2, .count = 1, .state = true}};
    struct graph_node node = {
        .desc = {.kind = OP_BATCH_NORM, .label = "bn"}, .param = {0, 1, 2}, .param_count = 3};
    const struct graph g = {.params = params, .param_count = 3, .nodes = &node, .node_count = 1};
    struct clr_error err;
    struct st_file f;

    for (size_t i = 0; i <= MEM_COUNT(cases); i++) {
        const bool wrong = i == MEM_COUNT(cases);
        const float s = wrong ? -1.0f : cases[i].s;
        struct str net = {0}, layer = {0};
        put_text(&layer, 1, "bn");
        for (int k = 0; k < 3; k++) {
            struct str b = blob(NOW, DIMS(1), wrong || k == 2 ? s : s * (k ? cases[i].var : cases[i].mean));
            put_message(&layer, 7, &b);
        }
        put_message(&net, 100, &layer);
        node.desc.u.batch_norm.fraction = wrong ? 0.9f : cases[i].fraction;
        const int rc = weights_read(&f, net_file(net.text, net.length), &g, false, "a hint", &err);
        str_clear(&net);
        if (wrong) {
            ck_assert_int_eq(rc, CLR_EINPUT);
            ck_assert_msg(strstr(err.message, "layer 'bn' has the factor -1"), "%s", err.message);
            break;
        }
        ck_assert_msg(rc == 0, "%s", err.message);
        ck_assert_float_eq_tol(safetensors_find(&f, "bn.running_mean")->data[0], cases[i].mean, 1e-6f);
        ck_assert_float_eq_tol(safetensors_find(&f, "bn.running_var")->data[0], cases[i].var, 1e-6f);
        ck_assert_msg(
            fabsf(safetensors_find(&f, "bn.num_batches_tracked")->data[0] / cases[i].batches - 1.0f) < 0.1f ||
                cases[i].batches == 0.0f,
            "case %zu: %g", i, (double)safetensors_find(&f, "bn.num_batches_tracked")->data[0]);
        ck_assert(safetensors_find(&f, "bn.num_batches_tracked")->rank == 0);
        safetensors_clear(&f);
    }
}
END_TEST

static int read_mean(struct st_file *out, struct str b, struct clr_error *err)
{
    const char *path = net_file(str_text(&b), b.length);

    str_clear(&b);
    return caffemodel_read_mean(out, path, err);
}

START_TEST(test_caffemodel__means_are_images)
{
    struct clr_error err;
    struct st_file f;

    for (int form = NOW; form <= DOUBLE; form++) {
        ck_assert_msg(read_mean(&f, blob((enum form)form, DIMS(1, 3, 2, 4), 5.0f), &err) == 0, "%s",
                      err.message);
        ck_assert(f.count == 1 && f.tensors[0].rank == 3 && f.tensors[0].count == 24);
        ck_assert(f.tensors[0].dims[0] == 3 && f.tensors[0].dims[1] == 2 && f.tensors[0].dims[2] == 4);
        ck_assert(f.tensors[0].data[23] == 28.0f);
        safetensors_clear(&f);
    }
    ck_assert_int_eq(read_mean(&f, blob(NOW, DIMS(2, 3, 2, 4), 5.0f), &err), CLR_EINPUT);
    ck_assert_msg(strstr(err.message, "is not a usable mean of images: it has not the shape of one image"),
                  "%s", err.message);
    ck_assert_int_eq(read_mean(&f, blob(NOW, DIMS(3, 1, 1), INFINITY), &err), CLR_EINPUT);
    ck_assert_msg(strstr(err.message, "number 0 is not finite"), "%s", err.message);
}
END_TEST

/* ------------------------------------------------------------------ writing */

static const char g_text[] =
    "name: 'round'\n"
    "layer { name: 'data' type: 'Data' top: 'data' top: 'label' }\n"
    "layer { name: 'conv' type: 'Convolution' bottom: 'data' top: 'conv'\n"
    "  convolution_param { num_output: 2 kernel_size: 3 } }\n"
    "layer { name: 'bn' type: 'BatchNorm' bottom: 'conv' top: 'bn'\n"
    "  batch_norm_param { moving_average_fraction: 0.9 } }\n"
    "layer { name: 'scale' type: 'Scale' bottom: 'bn' top: 'scale' scale_param { bias_term: true } }\n"
    "layer { name: 'ip1' type: 'InnerProduct' bottom: 'scale' top: 'ip1' param { name: 'w' }\n"
    "  inner_product_param { num_output: 8 bias_term: false } }\n"
    "layer { name: 'ip2' type: 'InnerProduct' bottom: 'ip1' top: 'ip2' param { name: 'w' }\n"
    "  inner_product_param { num_output: 8 } }\n"
    "layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: 'ip2' bottom: 'label' top: 'loss' }\n";

struct round {
    struct clr_net_spec *spec;
    struct graph *graph;
    struct st_file weights; /* odd numbers for every parameter */
    float values[256];
    char path[128];
};

static void round_begin(struct round *r)
{
    struct clr_error err;
    size_t floats = 0;

    memset(r, 0, sizeof *r);
    ck_assert_msg(clr_net_from_text(&r->spec, "round.prototxt", g_text, &err) == 0, "%s", err.message);
    ck_assert_msg(graph_create(&r->graph, r->spec, PHASE_TEST, (struct clr_image_shape){1, 4, 4}, 2, &err) ==
                      0,
                  "%s", err.message);
    ck_assert_int_eq(mem_grow(&r->weights.tensors, &r->weights.capacity, r->graph->param_count,
                              sizeof *r->weights.tensors, "tensors", NULL),
                     0);
    for (size_t i = 0; i < r->graph->param_count; i++) {
        weights_tensor(&r->weights.tensors[i], &r->graph->params[i], "", r->values + floats);
        floats += r->graph->params[i].count;
        ck_assert_uint_le(floats, MEM_COUNT(r->values));
    }
    for (size_t k = 0; k < floats; k++)
        r->values[k] = 0.1f + 1.0f / (float)(k + 3);
    r->weights.count = r->graph->param_count;
    (void)snprintf(r->path, sizeof r->path, "%s/round.caffemodel", support_temp_dir());
}

static void round_end(struct round *r)
{
    safetensors_clear(&r->weights);
    graph_destroy(r->graph);
    clr_net_destroy(r->spec);
}

static struct st_tensor *find(struct round *r, const char *name)
{
    return (struct st_tensor *)(uintptr_t)safetensors_find(&r->weights, name);
}

START_TEST(test_caffemodel__what_is_written_is_read_to_the_bit)
{
    float before[MEM_COUNT(((struct round *)NULL)->values)];
    struct clr_error err;
    struct st_file f;
    struct round r;

    round_begin(&r);
    find(&r, "bn.num_batches_tracked")->data[0] = 10.0f; /* the factor is 6.5: 8 */
    memcpy(before, r.values, sizeof before);
    ck_assert_msg(caffemodel_write(r.path, r.spec, &r.weights, "a file", &err) == 0, "%s", err.message);
    ck_assert_float_eq(find(&r, "bn.running_mean")->data[0], 8.0f * before[20]);
    ck_assert_msg(weights_read(&f, r.path, r.graph, false, "a hint", &err) == 0, "%s", err.message);
    ck_assert_uint_eq(f.count, r.weights.count);
    for (size_t i = 0; i < f.count; i++) {
        const struct st_tensor *t = &r.weights.tensors[i], *u = safetensors_find(&f, t->name);
        ck_assert_msg(u && u->rank == t->rank && u->count == t->count, "%s", t->name);
        if (strcmp(t->name, "bn.num_batches_tracked") == 0)
            ck_assert_float_eq(u->data[0], 15.0f); /* of 8: log 0.2 / log 0.9 */
        else
            ck_assert_mem_eq(u->data, before + (t->data - r.values), t->count * sizeof *t->data);
    }
    safetensors_clear(&f);
    round_end(&r);
}
END_TEST

START_TEST(test_caffemodel__tensors_that_do_not_fit_are_not_written)
{
    struct clr_error err;
    struct round r;

    round_begin(&r);
    str_copy(find(&r, "ip2.bias")->name, sizeof r.weights.tensors->name, "ip3.bias");
    ck_assert_int_eq(caffemodel_write(r.path, r.spec, &r.weights, "a file", &err), CLR_EINPUT);
    ck_assert_str_eq(
        err.message,
        "a file does not fit the net 'round'; 'ip2.bias' is missing; 'ip3.bias' is not in the net");
    round_end(&r);
    round_begin(&r);
    find(&r, "bn.num_batches_tracked")->data[0] = 10.0f;
    find(&r, "bn.running_var")->data[1] = 3e38f;
    ck_assert_int_eq(caffemodel_write(r.path, r.spec, &r.weights, "a file", &err), CLR_EINPUT);
    ck_assert_msg(strstr(err.message, "; Caffe's sums in 'bn' would be infinite"), "%s", err.message);
    ck_assert(!fs_exists(r.path));
    round_end(&r);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("caffemodel");
    TCase *tc = tcase_create("caffemodel");

    tcase_add_test(tc, test_caffemodel__all_versions_are_read);
    tcase_add_test(tc, test_caffemodel__another_net_is_refused);
    tcase_add_test(tc, test_caffemodel__hostile_files_are_refused);
    tcase_add_test(tc, test_caffemodel__every_truncation_is_refused);
    tcase_add_test(tc, test_caffemodel__statistics_of_batch_norm);
    tcase_add_test(tc, test_caffemodel__means_are_images);
    tcase_add_test(tc, test_caffemodel__what_is_written_is_read_to_the_bit);
    tcase_add_test(tc, test_caffemodel__tensors_that_do_not_fit_are_not_written);
    suite_add_tcase(s, tc);
    return support_run(s, true);
}
