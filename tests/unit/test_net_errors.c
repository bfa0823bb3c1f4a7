/* Files of nets that are refused, each with its place and its reason. No device. */
#include "nets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <clr/log.h>

/* The message after "…/net.prototxt:". */
static const char *behind_path(const struct clr_error *err)
{
    const char *p = strstr(err->message, "net.prototxt:");

    return p ? p + strlen("net.prototxt:") : err->message;
}

/* ------------------------------------------------------------------ refusals */

#define LAYER(type, more) "layer {\n  name: 'x' type: '" type "' bottom: 'data' top: 'x'\n  " more "\n}"

START_TEST(test_net__bad_files_are_refused_with_their_place)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", " there is no 'layer { … }' in it"},
        {"nmae: 'x'", "1:1: unknown field 'nmae' in the file: did you mean 'name'?"},
        {"foo { }",
         "1:1: unknown field 'foo' in the file; there are name, input, input_dim, input_shape, state, layer"},
        {"layer: 3", "1:1: field 'layer' is '3'; it takes a block"},
        {"layer { name: 'a' }", "1:1: the layer has no 'type'"},
        {"layer { name: 'a\\n' type: 'ReLU' }", "1:9: field 'name' has a control character in it"},
        {"layer { name: 'r\xe9' type: 'ReLU' }", "1:9: field 'name' is not UTF-8"},
        {"layer { name: '' type: 'ReLU' }", "1:9: field 'name' has 0 bytes; a name has 1 to 63"},
        {LAYER("Convolutoin", ""), "1:1: unknown layer type 'Convolutoin': did you mean 'Convolution'?"},
        {LAYER("Recurrent", ""), "1:1: unknown layer type 'Recurrent'; there are"},
        {LAYER("ReLU", "botom: 'data'"), "3:3: unknown field 'botom' in layer: did you mean 'bottom'?"},
        {LAYER("ReLU", "bottom: 'data'"), "1:1: layer 'x' has 2 'bottom'; type ReLU has 1"},
        {LAYER("ReLU", "top: 'y'"), "1:1: layer 'x' has 2 'top'; type ReLU has 1"},
        {LAYER("ReLU", "loss_weight: 1"), "3:3: field 'loss_weight' is not supported in layer"},
        {LAYER("ReLU", "param { lr_mult: 1 }"), "3:3: 1 'param', but this layer has 0 parameters"},
        {LAYER("BatchNorm", "param { lr_mult: 1 }"), "3:3: 'lr_mult' is 1 for a running statistic, which"},
        {LAYER("BatchNorm", "param { lr_mult: 0 } param { decay_mult: 0 }"),
         "3:24: 'lr_mult' is 1 for a running statistic, which"},
        {LAYER("BatchNorm", "param { } param { } param { } param { }"),
         "3:33: 4 'param', but this layer has 3 parameters"},
        {LAYER("BatchNorm", "param { lr_mult: 0 name: 'm' }"), "3:3: a running statistic has no 'name'"},
        {LAYER("BatchNorm", "batch_norm_param { moving_average_fraction: 1.5 }"),
         "3:22: field 'moving_average_fraction' is '1.5'"},
        {"layer { name: 'd' type: 'DummyData' top: 'd' }", "1:1: layer 'd' has no 'dummy_data_param'"},
        {"layer { name: 'd' type: 'DummyData' top: 'd' dummy_data_param { data_filler { type: 'msra' } } }",
         "1:46: 'data_filler' of another type than constant is not supported"},
        {"layer { name: 'd' type: 'DummyData' top: 'd' dummy_data_param { shape { dim: 1 } shape { dim: 2 } "
         "} }",
         "1:82: a second 'shape'"},
        {LAYER("Slice", "slice_param { slice_point: 1 }"), "3:3: 1 'slice_point' for 1 tops"},
        {LAYER("Slice", "top: 'y' top: 'z' slice_param { slice_point: 3 slice_point: 2 }"),
         "3:21: 'slice_point' 2 comes after 3"},
        {LAYER("Slice", "slice_param { axis: 0 }"), "3:17: 'axis: 0' is not supported, only 1 is"},
        {LAYER("Reshape", ""), "1:1: layer 'x' has no 'reshape_param'"},
        {LAYER("Reshape", "reshape_param { }"), "3:3: 'shape' is missing"},
        {LAYER("Reshape", "reshape_param { shape { dim: 0 dim: -1 dim: -1 } }"),
         "3:19: 2 dimensions are -1; one can be inferred"},
        {LAYER("Reshape", "reshape_param { shape { dim: 64 dim: -1 } }"),
         "3:19: the first 'dim' is the images"},
        {LAYER("Flatten", "flatten_param { axis: 2 }"), "3:19: 'axis: 2' is not supported, only 1 is"},
        {LAYER("Silence", ""), "1:1: layer 'x' has 1 'top'; type Silence has 0"},
        {LAYER("Scale", "scale_param { axis: 2 }"), "3:17: 'axis: 2' is not supported, only 1 is"},
        {LAYER("Bias", "param { } param { }"), "3:13: 2 'param', but this layer has 1 parameter"},
        {LAYER("ReLU", "include { phase: TRIAN }"),
         "3:13: field 'phase' is 'TRIAN'; it takes one of: TRAIN, TEST"},
        {LAYER("ReLU", "include { phase: 2 }"), "3:13: field 'phase' is '2'; it takes one of: TRAIN, TEST"},
        {LAYER("Pooling", "pooling_param { kernel_size: 1 stride_h: 1 }"),
         "3:3: 'stride_h' and 'stride_w' must be given together"},
        {LAYER("Pooling", "pooling_param { kernel_size: 1 ceil_mode: true round_mode: CEIL }"),
         "3:50: give 'round_mode' or 'ceil_mode', not both"},
        {LAYER("ReLU", "include { } exclude { }"), "1:1: a layer has 'include' or 'exclude', not both"},
        {LAYER("ReLU", "relu_param { negative_slope: -1 }"),
         "3:16: field 'negative_slope' is '-1'; it takes"},
        {LAYER("Convolution", ""), "1:1: layer 'x' has no 'convolution_param'"},
        {LAYER("Convolution", "convolution_parm { }"),
         "3:3: unknown field 'convolution_parm' in layer: did you mean"},
        {LAYER("Convolution", "convolution_param { kernel_size: 1 }"), "3:3: 'num_output' is missing"},
        {LAYER("Convolution", "convolution_param { num_output: 1 }"), "3:3: 'kernel_size' is missing"},
        {LAYER("Convolution", "convolution_param { num_output: 1 kernal_size: 1 }"),
         "3:37: unknown field 'kernal_size' in convolution_param: did you mean 'kernel_size'?"},
        {LAYER("Convolution", "convolution_param { num_output: 0 }"),
         "3:23: field 'num_output' is '0'; it takes"},
        {LAYER("Convolution", "convolution_param { num_output: 1 kernel_size: 1 strde: 2 }"),
         "3:52: unknown field 'strde' in convolution_param: did you mean 'stride'?"},
        {LAYER("Convolution", "convolution_param { num_output: 1 kernel_h: 1 }"),
         "3:3: 'kernel_h' and 'kernel_w' must be given together"},
        {LAYER("Convolution", "convolution_param { num_output: 1 kernel_size: 1 kernel_h: 1 kernel_w: 1 }"),
         "3:3: give 'kernel_size', or 'kernel_h' and 'kernel_w', not both"},
        {LAYER("Convolution", "convolution_param { num_output: 1 kernel_size: [1, 2, 3] }"),
         "3:37: field 'kernel_size' is given more than 2 times"},
        {LAYER("Convolution", "convolution_param { num_output: 1 kernel_size: 1 axis: 2 }"),
         "3:52: 'axis: 2' is not supported, only 1 is"},
        {LAYER("Convolution",
               "convolution_param { num_output: 1 kernel_size: 1 weight_filler { type: 'xaver' } }"),
         "3:52: field 'type' is 'xaver': did you mean 'xavier'?"},
        {LAYER("Convolution",
               "convolution_param { num_output: 1 kernel_size: 1 weight_filler { type: 'gaussian' std: "
               "-1 } }"),
         "3:52: std -1 is below 0"},
        {LAYER("Convolution",
               "convolution_param { num_output: 1 kernel_size: 1 weight_filler { type: 'uniform' min: 2 "
               "} }"),
         "3:52: min 2 is above max 1"},
        {LAYER("Convolution",
               "convolution_param { num_output: 1 kernel_size: 1 weight_filler { sparse: 0 } }"),
         "3:68: field 'sparse' is '0'; it takes a whole number from 1"},
        {LAYER("Convolution",
               "convolution_param { num_output: 1 kernel_size: 1 weight_filler { spars: 3 } }"),
         "3:68: unknown field 'spars' in weight_filler: did you mean 'sparse'"},
        {LAYER("Convolution",
               "param { share_mode: STRICT } convolution_param { num_output: 1 kernel_size: 1 }"),
         "3:11: field 'share_mode' is not supported in param"},
        {LAYER("Convolution", "param { name: '' } convolution_param { num_output: 1 kernel_size: 1 }"),
         "3:11: field 'name' has 0 bytes; a name has 1 to 63"},
        {LAYER("Convolution", "param { lr_mult: nan } convolution_param { num_output: 1 kernel_size: 1 }"),
         "3:11: field 'lr_mult' is 'nan'; it takes a number"},
        {LAYER("Convolution",
               "param { } param { } convolution_param { num_output: 1 kernel_size: 1 bias_term: false }"),
         "3:13: 2 'param', but this layer has 1 parameter"},
        {LAYER("Pooling", "pooling_param { pool: STOCHASTIC kernel_size: 2 }"),
         "3:19: field 'pool' is 'STOCHASTIC'; it takes one of: MAX, AVE"},
        {LAYER("Pooling", "pooling_param { pool: MAX }"), "3:3: 'kernel_size' is missing"},
        {LAYER("Pooling", "pooling_param { global_pooling: true kernel_size: 2 }"),
         "3:3: 'global_pooling' covers"},
        {LAYER("LRN", "lrn_param { local_size: 4 }"), "3:3: 'local_size' is 4: it must be odd"},
        {LAYER("InnerProduct", "inner_product_param { num_output: 1 transpose: true }"),
         "3:39: 'transpose: true' is not supported"},
        {LAYER("Dropout", "dropout_param { dropout_ratio: 1 }"),
         "3:19: field 'dropout_ratio' is '1'; it takes"},
        {LAYER("Accuracy", "bottom: 'label' accuracy_param { ignore_label: 1.5 }"),
         "3:36: field 'ignore_label' is '1.5'"},
        {LAYER("SoftmaxWithLoss", "bottom: 'label' loss_param { label_smoothing: 1.5 }"),
         "3:32: field 'label_smoothing' is '1.5'"},
        {LAYER("SoftmaxWithLoss", "bottom: 'label' loss_param { normalization: MEAN }"),
         "3:32: field 'normalization' is 'MEAN'; it takes one of: FULL, VALID, BATCH_SIZE, NONE"},
        {"layer { name: 'd' type: 'Data' top: 'd' transform_param { scale: 1e-50 } }",
         "1:59: field 'scale' is 1e-50, which is 0 in float32"},
        {DATA
         "layer { name: 'l' type: 'SoftmaxWithLoss' bottom: 'data' bottom: 'label' loss_weight: -1e-50 }",
         "field 'loss_weight' is -1e-50, which is 0 in float32"},
        {"layer { name: 'd' type: 'Data' top: 'd' transform_param { crop_size: -1 } }",
         "1:59: field 'crop_size' is '-1'"},
        {"layer { name: 'd' type: 'Data' top: 'd' transform_param { mean_file: 'm' mean_value: 3 } }",
         "1:41: give 'mean_file' or 'mean_value', not both"},
        {"layer { name: 'd' type: 'Data' top: 'd' data_param { batch_size: 0 } }",
         "1:54: field 'batch_size' is '0'"},
        {"layer { name: 'd' type: 'Input' top: 'd' }", "1:1: an Input layer needs 'input_param"},
        {"layer { name: 'd' type: 'Input' top: 'd' input_param { shape { dim: 1 dim: 3 } } }",
         "1:56: 2 dimensions; images have four"},
        {"input: 'data'", "1:1: 'input' has no shape"},
        {DATA DATA, "2:1: a layer 'data' is there already, in line 1"},
        {DATA DENSE("ip", "data") "layer { name: 'ip' type: 'Scale' bottom: 'ip' top: 'ip' }",
         "3:1: a layer 'ip' is there already, in line 2"},
    };
    struct clr_net_spec *spec = NULL;
    struct clr_error err;

    for (size_t i = 0; i < MEM_COUNT(cases); i++) {
        ck_assert_msg(load(&spec, cases[i].text, &err) == CLR_EINPUT, "accepted: %s", cases[i].text);
        ck_assert_msg(strstr(err.message, cases[i].message), "'%s' gives '%s'", cases[i].text, err.message);
        ck_assert_ptr_null(spec);
    }
}
END_TEST

/* All that is wrong in a file is reported at once, in as many lines as there is room for. */
START_TEST(test_net__all_problems_at_once)
{
    static const char text[] =
        "layer { name: 'd' type: 'Data' top: 'd' data_param { batch_size: 0 } transform_param { scale: 0 x: "
        "1 "
        "} }\n"
        "layer { name: 'b' type: 'Batch\\nNormal' bottom: 'd' top: 'b' }\n"
        "layer { name: 'c' type: 'Convolution' botom: 'b' top: 'c' convolution_param { stride: x } }\n"
        "layer { name: 'o' type: 'Dropout' dropout_param { dropout_ratio: 2 } bottom: 'c' top: 'o' }\n"
        "foo: 1\n";
    static const char *const expected[] = {
        "1:54: field 'batch_size' is '0'",
        "1:97: unknown field 'x' in transform_param",
        "2:1: unknown layer type 'Batch Normal'",
        "3:39: unknown field 'botom' in layer: did you mean 'bottom'?",
        "3:79: field 'stride' is 'x'",
        "3:59: 'num_output' is missing",
        "3:59: 'kernel_size' is missing",
        "3:1: layer 'c' has 0 'bottom'; type Convolution has 1",
        "4:51: field 'dropout_ratio' is '2'",
        "5:1: unknown field 'foo' in the file",
    };
    struct clr_net_spec *spec = NULL;
    const char *line, *end;
    struct str many = {0};
    struct clr_error err;
    int lines = 0, more = 0;

    ck_assert_int_eq(load(&spec, text, &err), CLR_EINPUT);
    for (size_t i = 0; i < MEM_COUNT(expected); i++)
        ck_assert_msg(strstr(err.message, expected[i]), "'%s' is not in '%s'", expected[i], err.message);
    for (int i = 0; i < 1000; i++)
        str_append(&many, "layer { name: '%d' type: 'T%d' }\n", i, i);
    ck_assert_int_eq(load(&spec, str_text(&many), &err), CLR_EINPUT);
    for (line = err.message; (end = strchr(line, '\n')); line = end + 1, lines++)
        ck_assert_msg(strstr(line, "unknown layer type"), "%s", line);
    ck_assert_int_eq(sscanf(line, "and %d more", &more), 1);
    ck_assert_int_eq(lines + more, 1000);
    str_clear(&many);
}
END_TEST

START_TEST(test_net__unknown_names_and_files)
{
    struct clr_net_spec *spec;
    struct clr_error err;

    ck_assert_int_eq(clr_net_load(&spec, "qiuck", &err), CLR_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "'qiuck'"));
    ck_assert_ptr_nonnull(strstr(err.message, "did you mean 'quick'?"));
    ck_assert_int_eq(clr_net_load(&spec, "resnet50", &err), CLR_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "there are quick, full"));
    ck_assert_int_eq(clr_net_load(&spec, "./absent.prototxt", &err), CLR_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "./absent.prototxt"));
    ck_assert_int_eq(clr_net_load(&spec, "/", &err), CLR_EINPUT);
}
END_TEST

START_TEST(test_net__graphs_that_do_not_fit_are_refused_with_their_place)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {DENSE("ip", "data"), "1: layer 'ip': its bottom 'data' is the top of no layer"},
        {DATA DENSE("ip", "dta") LOSS("ip"), "2: layer 'ip': its bottom 'dta' is the top of no layer"},
        {DATA DENSE("ip", "data") DENSE("y", "ip.flatten") LOSS("y"),
         "3: layer 'y': its bottom 'ip.flatten' is the top of no layer"},
        {DATA CONV("c", "data", "kernel_size: 8") LOSS("c"),
         "2: layer 'c': a kernel that spans 8×8 does not fit"},
        {DATA CONV("c", "data", "kernel_size: 1 group: 2") LOSS("c"),
         "2: layer 'c': group 2 does not divide"},
        {DATA "layer { name: 'p' type: 'Pooling' bottom: 'data' top: 'p' pooling_param { kernel_size: 2 pad: "
              "2 } }" LOSS("p"),
         "2: layer 'p': padding 2×2 is not smaller"},
        {DATA CONV("c", "data", "kernel_size: 3") LOSS("c"),
         "3: layer 'loss': its bottom 'c' is 4×7×5; it takes one"},
        {DATA DENSE("ip", "data"), " no loss layer in the TRAIN phase"},
        {DATA DENSE("ip", "data") "layer { name: 'l' type: 'EuclideanLoss' bottom: 'ip' bottom: 'data' }",
         "3: layer 'l': its bottom 'ip' has 3 numbers for an image, 'data' has 189; they must be as many"},
        {DATA DENSE("ip", "data") "layer { name: 'l' type: 'EuclideanLoss' bottom: 'ip' bottom: 'label' }",
         "3: layer 'l': its bottom 'ip' has 3 numbers for an image; with the labels it takes one"},
        {DATA DENSE("ip", "data") LOSS("ip") "layer { name: 'l' type: 'ContrastiveLoss' bottom: 'ip' bottom: "
                                             "'ip' bottom: 'label' }",
         "3: layer 'loss': it reads classes, but the labels of a net with ContrastiveLoss are of pairs"},
        {DATA DENSE("ip", "data") "layer { name: 'l' type: 'ContrastiveLoss' bottom: 'ip' bottom: 'data' "
                                  "bottom: 'label' }",
         "3: layer 'l': its bottoms 'ip' and 'data' are 3×1×1 and 6×9×7; it takes two of one size C×1×1"},
        {DATA DENSE("ip", "data") "layer { name: 'l' type: 'ContrastiveLoss' bottom: 'ip' bottom: 'ip' "
                                  "bottom: 'data' }",
         "3: layer 'l': its third bottom 'data' is not the labels"},
        {DATA DENSE("ip", "data") "layer { name: 'l' type: 'EuclideanLoss' bottom: 'label' bottom: 'ip' }",
         "3: layer 'l': its bottom 'label' is the labels"},
        {DATA DENSE("ip", "data") "layer { name: 'l' type: 'EuclideanLoss' bottom: 'ip' bottom: 'ip' top: "
                                  "'x' }" DENSE("y", "x"),
         "3: layer 'y': its bottom 'x' is the result of layer 'l', of type EuclideanLoss"},
        {DATA DENSE("ip", "label") LOSS("ip"), "2: layer 'ip': its bottom 'label' is the labels"},
        {DATA DENSE("ip", "data") "layer { name: 'l' type: 'SoftmaxWithLoss' bottom: 'ip' bottom: 'data' }",
         "3: layer 'l': its second bottom 'data' is not the labels"},
        {DATA "layer { name: 'l' type: 'SoftmaxWithLoss' bottom: 'data' bottom: 'label' }",
         "2: layer 'l': its first bottom is the images"},
        {DATA "layer { name: 's' type: 'Slice' bottom: 'data' top: 'a' top: 'b' }" DENSE("ip", "a")
             LOSS("ip"),
         "2: layer 's': 3 channels cannot be cut into 2 equal parts: give 'slice_point'"},
        {DATA
         "layer { name: 's' type: 'Slice' bottom: 'data' top: 'a' top: 'b' slice_param { slice_point: 3 } }",
         "2: layer 's': its last 'slice_point' is 3, and its bottom has 3 channels"},
        {DATA "layer { name: 's' type: 'Slice' bottom: 'data' top: 'a' top: 'data' slice_param { "
              "slice_point: 1 } }",
         "2: layer 's': its top 'data' is the top of another layer already"},
        {DATA "layer { name: 's' type: 'Split' bottom: 'data' top: 'a' top: 'b' }"
              "layer { name: 't' type: 'Split' bottom: 'a' top: 'b' }",
         "2: layer 't': its top 'b' is the top of another layer already"},
        {DATA "layer { name: 'r' type: 'Reshape' bottom: 'data' top: 'r' reshape_param { shape { dim: 0 dim: "
              "5 dim: -1 } "
              "} }",
         "2: layer 'r': its bottom 'data' is 3×9×7, which has no such shape"},
        {DATA DENSE("ip", "data") LOSS("ip") DENSE("ip2", "ip"),
         "4: layer 'ip2': it has parameters, but the loss does not depend on it"},
        {DATA "layer { name: 'ip' type: 'InnerProduct' bottom: 'data' top: 'ip' include { phase: TRAIN } "
              "inner_product_param { num_output: 3 } }\n"
              "layer { name: 'iq' type: 'InnerProduct' bottom: 'data' top: 'ip' include { phase: TEST } "
              "inner_product_param { num_output: 3 } }\n" LOSS("ip"),
         "2: layer 'ip': it has parameters and must be in both phases, at the same place"},
        {DATA DENSE(
             "ip",
             "data") "layer { name: 'iq' type: 'InnerProduct' bottom: 'data' top: 'iq' include { phase: "
                     "TEST } inner_product_param { num_output: 3 } }" LOSS("ip"),
         "3: layer 'iq': it has parameters and must be in both phases, at the same place"},
        {DATA CONV("c", "data", "kernel_size: 1") CONV(
             "data2", "c", "kernel_size: 1") "layer { name: 'e' type: 'LRN' bottom: 'data2' top: 'data2' }",
         "4: layer 'e': a layer of type LRN cannot work in place"},
        {DATA CONV("c", "data", "kernel_size: 1") "layer { name: 'e' type: 'LRN' bottom: 'data' top: 'c' }",
         "3: layer 'e': its top 'c' is the top of another layer already"},
        {DATA "layer { name: 'd2' type: 'Data' top: 'x' }", "2: layer 'd2': a second source of images"},
        {"layer { name: 'd' type: 'Data' top: 'x' top: 'x' }", "1: layer 'd': both its tops are named 'x'"},
        {DATA DENSE("ip", "data") LOSS("ip") "layer { name: 'a' type: 'Accuracy' bottom: 'ip' bottom: "
                                             "'label' top: 'a' top: 'a' }",
         "4: layer 'a': both its tops are named 'a'"},
        {DATA DENSE("ip", "data") LOSS("ip") "layer { name: 'a' type: 'Accuracy' bottom: 'ip' bottom: "
                                             "'label' top: 'a' top: 'each' }" DENSE("ip2", "each"),
         "4: layer 'ip2': its bottom 'each' is the result of layer 'a', of type Accuracy"},
        {"layer { name: 'd' type: 'Data' top: 'x' transform_param { mean_value: 1 mean_value: 2 } }",
         "1: layer 'd': 2 mean_value, but images have 3 channels"},
        {DATA DENSE("ip", "data") LOSS("ip") "layer { name: 'a' type: 'Accuracy' bottom: 'ip' bottom: "
                                             "'label' top: 'a' accuracy_param { top_k: 4 } }",
         "4: layer 'a': top_k 4 is more than the net's 3 logits"},
        {DATA "layer { name: 'c' type: 'Convolution' bottom: 'data' top: 'c' convolution_param { num_output: "
              "65536 "
              "kernel_size: 1 pad: 30000 } }" LOSS("c"),
         "2: layer 'c': 'c' would have 2×65536×60009×60007 values, which is too many"},
        {DATA "layer { name: 'c' type: 'Convolution' bottom: 'data' top: 'c' convolution_param { num_output: "
              "65536 "
              "kernel_size: 9000 pad: 8999 } }" LOSS("c"),
         "2: layer 'c': more than 2147483647 weights"},
        {DATA "layer { name: 'c' type: 'Convolution' bottom: 'data' top: 'c' convolution_param { num_output: "
              "40000 "
              "kernel_size: 3 pad: 1 } }" DENSE("ip", "c") LOSS("ip"),
         "2: layer 'ip': 40000×9×7 inputs are more than the 65536"},
        {DATA "layer { name: 'p' type: 'Pooling' bottom: 'data' top: 'q' pooling_param { kernel_size: 2 } "
              "include { "
              "phase: TRAIN } }"
              "layer { name: 'p2' type: 'Pooling' bottom: 'data' top: 'q' pooling_param { kernel_size: 3 } "
              "include { "
              "phase: TEST } }" DENSE("ip", "q") LOSS("ip"),
         "2: layer 'ip': its parameters have one shape in the TRAIN phase and another"},
        {DATA CONV("c", "data", "kernel_size: 1 bias_filler { type: 'orthogonal' }") LOSS("c"),
         "2: layer 'c': its bias is a list, and the filler 'orthogonal' fills a matrix"},
        {DATA CONV("c", "data", "kernel_h: 1 kernel_w: 2 weight_filler { type: 'bilinear' }") LOSS("c"),
         "2: layer 'c': the filler 'bilinear' fills square kernels, and its weight has none"},
        {DATA CONV("c", "data", "kernel_size: 1 bias_filler { type: 'dirac' }") LOSS("c"),
         "2: layer 'c': the filler 'dirac' fills kernels, and its bias has none"},
    };
    struct clr_net_spec *spec = NULL;
    struct graph *g = NULL;
    struct clr_error err;
    int rc;

    for (size_t i = 0; i < MEM_COUNT(cases); i++) {
        rc = load(&spec, cases[i].text, &err);
        if (rc == 0) {
            rc = graph_create(&g, spec, PHASE_TRAIN, k_small, 2, &err);
            clr_net_destroy(spec);
        }
        ck_assert_msg(rc == CLR_EINPUT, "accepted: %s", cases[i].text);
        ck_assert_msg(strncmp(behind_path(&err), cases[i].message, strlen(cases[i].message)) == 0,
                      "'%s' gives '%s'", cases[i].text, err.message);
        ck_assert_ptr_null(g);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("net errors");
    TCase *tc = tcase_create("net errors");

    tcase_add_test(tc, test_net__bad_files_are_refused_with_their_place);
    tcase_add_test(tc, test_net__all_problems_at_once);
    tcase_add_test(tc, test_net__unknown_names_and_files);
    tcase_add_test(tc, test_net__graphs_that_do_not_fit_are_refused_with_their_place);
    suite_add_tcase(s, tc);
    return support_run(s, true);
}
