/* The old formats of nets: each gives the same net as the present one, and errors name its own fields. */
#include "net_texts.h"

#include <stdlib.h>
#include <string.h>

#include "net/graph.h"
#include "net/layer.h"

/* Layers, shapes, parameters with their multipliers, and what is done to the images. */
static void check_equal(const char *one, const char *other)
{
    struct clr_net_spec *a = must_load(one), *b = must_load(other);
    struct clr_error err;
    char *text_a, *text_b;

    ck_assert_uint_eq(a->layer_count, b->layer_count);
    for (size_t i = 0; i < a->layer_count; i++) {
        const struct source_spec *s = &a->layers[i].source, *t = &b->layers[i].source;
        ck_assert(a->layers[i].phases == b->layers[i].phases);
        ck_assert(a->layers[i].class == b->layers[i].class);
        ck_assert_int_eq(s->batch_size, t->batch_size);
        ck_assert(s->transform.mean == t->transform.mean && s->transform.scale == t->transform.scale);
        for (int k = 0; k < OP_PARAMS; k++) {
            ck_assert_str_eq(a->layers[i].param[k].name, b->layers[i].param[k].name);
            ck_assert_int_eq(a->layers[i].filler[k].kind, b->layers[i].filler[k].kind);
        }
    }
    ck_assert_int_eq(clr_net_show_json(&text_a, a, (struct clr_image_shape){3, 16, 16}, 10, &err), 0);
    ck_assert_int_eq(clr_net_show_json(&text_b, b, (struct clr_image_shape){3, 16, 16}, 10, &err), 0);
    ck_assert_str_eq(text_a, text_b);
    free(text_a);
    free(text_b);
    clr_net_destroy(a);
    clr_net_destroy(b);
}

START_TEST(test_upgrade__v1_is_the_same_net)
{
    check_equal(
        "name: 'n'\n"
        "layers { name: 'data' type: DATA top: 'data' top: 'label'\n"
        "  data_param { source: 's' batch_size: 7 scale: 0.5 mean_file: 'channel' } include { phase: TRAIN } "
        "}\n"
        "layers { name: 'data' type: 5 top: 'data' top: 'label' transform_param { scale: 0.5 }\n"
        "  data_param { batch_size: 9 mean_file: 'channel' } include: { phase: TEST } }\n"
        "layers { bottom: 'data' top: 'c' name: 'c' type: CONVOLUTION blobs_lr: 1 blobs_lr: 2\n"
        "  weight_decay: 250 weight_decay: 0 convolution_param { num_output: 4 kernel_size: 3\n"
        "    weight_filler { type: 'xavier' } } }\n"
        "layers { name: 'r' type: RELU bottom: 'c' top: 'c' }\n"
        "layers { name: 'e' type: ELTWISE bottom: 'c' bottom: 'c' top: 'e' eltwise_param { operation: PROD } "
        "}\n"
        "layers { name: 'ip' type: INNER_PRODUCT bottom: 'e' top: 'ip' param: '' param: 'b' weight_decay: 3\n"
        "  inner_product_param { num_output: 10 } }\n"
        "layers { name: 'loss' type: SOFTMAX_LOSS bottom: 'ip' bottom: 'label' top: 'loss' }\n",
        "name: 'n'\n"
        "layer { name: 'data' type: 'Data' top: 'data' top: 'label' include { phase: TRAIN }\n"
        "  data_param { source: 's' batch_size: 7 } transform_param { scale: 0.5 mean_file: 'channel' } }\n"
        "layer { name: 'data' type: 'Data' top: 'data' top: 'label' include { phase: TEST }\n"
        "  data_param { batch_size: 9 } transform_param { scale: 0.5 mean_file: 'channel' } }\n"
        "layer { name: 'c' type: 'Convolution' bottom: 'data' top: 'c' param { lr_mult: 1 decay_mult: 250 }\n"
        "  param { lr_mult: 2 decay_mult: 0 } convolution_param { num_output: 4 kernel_size: 3\n"
        "    weight_filler { type: 'xavier' } } }\n"
        "layer { name: 'r' type: 'ReLU' bottom: 'c' top: 'c' }\n"
        "layer { name: 'e' type: 'Eltwise' bottom: 'c' bottom: 'c' top: 'e' eltwise_param { operation: PROD "
        "} }\n"
        "layer { name: 'ip' type: 'InnerProduct' bottom: 'e' top: 'ip' param { decay_mult: 3 }\n"
        "  param { name: 'b' } inner_product_param { num_output: 10 } }\n"
        "layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: 'ip' bottom: 'label' top: 'loss' }\n");
}
END_TEST

START_TEST(test_upgrade__v0_is_the_same_net)
{
    check_equal(
        "layers { layer { name: 'data' type: 'data' source: 's' meanfile: 'channel' scale: 0.5 batchsize: 7 "
        "}\n"
        "  top: 'data' top: 'label' }\n"
        "layers { layer { name: 'pad1' type: 'padding' pad: 2 } bottom: 'data' top: 'pad1' }\n"
        "layers { layer { name: 'c' type: 'conv' num_output: 4 kernelsize: 5 stride: 2 group: 1 biasterm: "
        "true\n"
        "  weight_filler { type: 'gaussian' std: 0.1 } bias_filler { value: 1 } blobs_lr: 1. blobs_lr: 2.\n"
        "  weight_decay: 1. weight_decay: 0. } bottom: 'pad1' top: 'c' }\n"
        "layers { layer { name: 'r' type: 'relu' } bottom: 'c' top: 'c' }\n"
        "layers { layer { name: 'pad2' type: 'padding' pad: 1 } bottom: 'c' top: 'pad2' }\n"
        "layers { layer { name: 'p' type: 'pool' pool: AVE kernelsize: 3 stride: 2 } bottom: 'pad2' top: 'p' "
        "}\n"
        "layers { layer { name: 'q' type: 'pool' pool: MAX kernelsize: 3 stride: 2 } bottom: 'pad2' top: 'q' "
        "}\n"
        "layers { layer { name: 'k' type: 'concat' concat_dim: 1 } bottom: 'p' bottom: 'q' top: 'k' }\n"
        "layers { layer { name: 'n' type: 'lrn' local_size: 3 alpha: 0.5 beta: 0.25 } bottom: 'k' top: 'n' "
        "}\n"
        "layers { layer { name: 'd' type: 'dropout' dropout_ratio: 0.25 } bottom: 'n' top: 'n' }\n"
        "layers { layer { name: 'ip' type: 'innerproduct' num_output: 10 biasterm: false } bottom: 'n'\n"
        "  top: 'ip' }\n"
        "layers { layer { name: 'loss' type: 'softmax_loss' } bottom: 'ip' bottom: 'label' }\n",
        "layer { name: 'data' type: 'Data' top: 'data' top: 'label' data_param { source: 's' batch_size: 7 "
        "}\n"
        "  transform_param { mean_file: 'channel' scale: 0.5 } }\n"
        "layer { name: 'c' type: 'Convolution' bottom: 'data' top: 'c' param { lr_mult: 1 decay_mult: 1 }\n"
        "  param { lr_mult: 2 decay_mult: 0 } convolution_param { num_output: 4 kernel_size: 5 stride: 2 "
        "pad: 2\n"
        "    weight_filler { type: 'gaussian' std: 0.1 } bias_filler { value: 1 } } }\n"
        "layer { name: 'r' type: 'ReLU' bottom: 'c' top: 'c' }\n"
        "layer { name: 'p' type: 'Pooling' bottom: 'c' top: 'p'\n"
        "  pooling_param { pool: AVE kernel_size: 3 stride: 2 pad: 1 } }\n"
        "layer { name: 'q' type: 'Pooling' bottom: 'c' top: 'q'\n"
        "  pooling_param { pool: MAX kernel_size: 3 stride: 2 pad: 1 } }\n"
        "layer { name: 'k' type: 'Concat' bottom: 'p' bottom: 'q' top: 'k' }\n"
        "layer { name: 'n' type: 'LRN' bottom: 'k' top: 'n' lrn_param { local_size: 3 alpha: 0.5 beta: 0.25 "
        "} }\n"
        "layer { name: 'd' type: 'Dropout' bottom: 'n' top: 'n' dropout_param { dropout_ratio: 0.25 } }\n"
        "layer { name: 'ip' type: 'InnerProduct' bottom: 'n' top: 'ip'\n"
        "  inner_product_param { num_output: 10 bias_term: false } }\n"
        "layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: 'ip' bottom: 'label' }\n");
}
END_TEST

/* Files of images in another form: the data set's images are taken. */
START_TEST(test_upgrade__sources_of_images)
{
#define REST                                                                                                 \
    "layers { name: 'ip' type: INNER_PRODUCT bottom: 'data' top: 'ip' inner_product_param { num_output: 9 "  \
    "} }\n"                                                                                                  \
    "layers { name: 'loss' type: SOFTMAX_LOSS bottom: 'ip' bottom: 'label' }\n"
    static const char *const sources[] = {
        "layers { layer { name: 'data' type: 'images' source: 's' batchsize: 7 scale: 0.5 rand_skip: 3\n"
        "  shuffle_images: true new_height: 32 } top: 'data' top: 'label' }\n",
        "layers { name: 'data' type: IMAGE_DATA top: 'data' top: 'label'\n"
        "  image_data_param { source: 's' batch_size: 7 scale: 0.5 } }\n",
        "layers { name: 'data' type: HDF5_DATA top: 'data' top: 'label' transform_param { scale: 0.5 }\n"
        "  hdf5_data_param { source: 's' batch_size: 7 } }\n",
        "layers { name: 'data' type: MEMORY_DATA top: 'data' top: 'label' transform_param { scale: 0.5 }\n"
        "  memory_data_param { batch_size: 7 channels: 3 height: 16 width: 16 } }\n",
    };
    char text[1024];

    for (size_t i = 0; i < MEM_COUNT(sources); i++) {
        struct clr_net_spec *spec;
        struct graph *g = NULL;
        struct clr_error err;
        (void)snprintf(text, sizeof text, "%s%s", sources[i], REST);
        spec = must_load(text);
        ck_assert_int_eq(clr_net_batch(spec), 7);
        ck_assert_int_eq(graph_create(&g, spec, PHASE_TRAIN, (struct clr_image_shape){3, 16, 16}, 2, &err),
                         0);
        ck_assert(g->transform.scale == 0.5);
        graph_destroy(g);
        ck_assert_int_eq(graph_create(&g, spec, PHASE_TRAIN, (struct clr_image_shape){3, 16, 17}, 2, &err),
                         i == 3 ? CLR_EINPUT : 0);
        if (i < 3)
            graph_destroy(g);
        clr_net_destroy(spec);
    }
}
END_TEST

/* By name and by number; a type that is not here is called by its present name. */
START_TEST(test_upgrade__every_type_of_caffe_is_found)
{
    static const char *const pairs[][2] = {
        {"TANH", "TanH"}, {"POWER", "Power"}, {"SOFTMAX", "Softmax"}, {"CONCAT", "Concat"}, {"23", "TanH"}};
    struct clr_error err;
    char text[512];

    for (size_t i = 0; i < MEM_COUNT(pairs); i++) {
        struct clr_net_spec *spec;
        (void)snprintf(text, sizeof text, "layers { name: 'x' type: %s bottom: 'a' top: 'b' }", pairs[i][0]);
        spec = must_load(text);
        ck_assert_str_eq(spec->layers[0].class->type, pairs[i][1]);
        clr_net_destroy(spec);
    }
    for (int number = 1; number <= 39; number++) {
        struct clr_net_spec *spec = NULL;
        (void)snprintf(text, sizeof text, "layers { name: 'x' type: %d bottom: 'a' top: 'b' }", number);
        if (clr_net_from_text(&spec, "f", text, &err) == 0)
            ck_assert_uint_eq(spec->layer_count, 1);
        else if (strncmp(err.message, "f:1:1: unknown layer type '", 27) == 0)
            ck_assert_msg(err.message[27] >= 'A', "%s", err.message);
        else
            ck_assert_msg(!strstr(err.message, "unknown"), "%s", err.message);
        clr_net_destroy(spec);
    }
}
END_TEST

#define PAD(top, bottom) "layers { layer { type: 'padding' pad: 2 } bottom: '" bottom "' top: '" top "' }\n"
#define V0(type, more, bottom)                                                                               \
    "layers { layer { name: 'x' type: '" type "' " more " } bottom: '" bottom "' top: 'x' }\n"

/* What reads a name after another layer has made it does not read the padding layer. */
START_TEST(test_upgrade__the_name_of_a_padding_may_be_made_again)
{
    struct clr_net_spec *spec =
        must_load(PAD("x", "a") V0("conv", "num_output: 1 kernelsize: 3",
                                   "x") "layers { layer { name: 'r' type: 'relu' } bottom: 'x' top: 'x' }\n"
                                        "layers { layer { name: 'p' type: 'pool' kernelsize: 2 } bottom: 'x' "
                                        "top: 'p' }");

    ck_assert_uint_eq(spec->layer_count, 3);
    ck_assert_str_eq(spec->layers[0].bottom[0], "a");
    ck_assert_int_eq(spec->layers[0].desc.u.conv.ph, 2);
    ck_assert_str_eq(spec->layers[2].bottom[0], "x");
    ck_assert_int_eq(spec->layers[2].desc.u.pool.ph, 0);
    clr_net_destroy(spec);
}
END_TEST

START_TEST(test_upgrade__errors_name_the_fields_of_the_file)
{
    static const struct refused cases[] = {
        {"layers { name: 'x' type: RELU }\nlayer { name: 'y' type: 'ReLU' }",
         "f:2:1: 'layer' is the present format, 'layers' (line 1) an old one: a file has one of them"},
        {"layers: 3", "f:1:1: field 'layers' is '3'; it takes a block"},
        {"layers { }", "f:1:1: the layer has no 'type'"},
        {"layers { layer: 3 }", "f:1:10: field 'layer' is '3'; it takes a block"},
        {"layers { type: CONVOLUTOIN }",
         "f:1:10: unknown layer type 'CONVOLUTOIN': did you mean 'CONVOLUTION'"},
        {"layers { type: 40 }", "f:1:10: unknown layer type '40'; there are ABSVAL,"},
        {"layers { type: 'ReLU' }", "f:1:10: field 'type' takes a word without quotes in 'layers'"},
        {"layers { layer { type: relu } }", "f:1:18: field 'type' takes a string in quotes"},
        {V0("cnov", "", "y"), "f:1:28: unknown layer type 'cnov': did you mean 'conv'"},
        {V0("conv", "num_output: 1 kernelsize: 0", "y"), "f:1:55: field 'kernelsize' is '0'; it takes"},
        {"layers { name: 'x' type: RELU bottom: 'a' top: 'b' blob_lr: 1 }",
         "f:1:52: unknown field 'blob_lr' in layers: did you mean 'blobs_lr'?"},
        {V0("relu", "stride: 2", "y"), "f:1:41: unknown field 'stride' in layers"},
        {V0("pool", "num_output: 2", "y"), "f:1:41: unknown field 'num_output' in pooling_param"},
        {"layers { name: 'x' type: CONVOLUTION bottom: 'a' top: 'b' blobs_lr: -1\n"
         "convolution_param { num_output: 1 kernel_size: 1 } }",
         "f:1:59: field 'blobs_lr' is '-1'; it takes a number from 0"},
        {"layers { name: 'x' type: RELU bottom: 'a' top: 'b' blobs_lr: 1 }",
         "f:1:52: 1 'param', but this layer has 0 parameters"},
        {"layers { name: 'x' type: WINDOW_DATA top: 'b' }", "f:1:1: unknown layer type 'WindowData'"},
        {PAD("p", "a") V0("relu", "", "p"),
         "f:2:1: its bottom 'p' is made by the padding layer in line 1, which only conv and pool can read"},
        {PAD("p", "a") V0("conv", "num_output: 1 kernelsize: 3 pad: 1", "p"),
         "f:2:69: 'pad' is given here and by the padding layer in line 1"},
        {PAD("p", "a") PAD("q", "p"), "f:2:1: its bottom 'p' is padded in line 1 already"},
        {"layers { layer { type: 'padding' pad: -2 } bottom: 'a' top: 'b' }",
         "f:1:34: field 'pad' is '-2'; it takes a whole number from 0"},
        {"layers { layer { type: 'padding' stride: 2 } bottom: 'a' top: 'b' }",
         "f:1:34: unknown field 'stride' in layers"},
    };

    must_refuse(cases, MEM_COUNT(cases));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("upgrade");
    TCase *tc = tcase_create("upgrade");

    tcase_add_test(tc, test_upgrade__v1_is_the_same_net);
    tcase_add_test(tc, test_upgrade__v0_is_the_same_net);
    tcase_add_test(tc, test_upgrade__sources_of_images);
    tcase_add_test(tc, test_upgrade__every_type_of_caffe_is_found);
    tcase_add_test(tc, test_upgrade__the_name_of_a_padding_may_be_made_again);
    tcase_add_test(tc, test_upgrade__errors_name_the_fields_of_the_file);
    suite_add_tcase(s, tc);
    return support_run(s, true);
}
