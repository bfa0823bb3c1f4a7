/*
 * Whole nets on a device against the reference net (verify/refnet.h) in double precision: losses, correct
 * images and every gradient. Each net is run joined by all rules of fusing, as it trains. The reference net
 * keeps each value in memory of its own, so equal numbers show that sharing memory, working in place and the
 * choice of layouts change nothing. One channel block for each net, in turn. CLR_TEST_LONG: in all blocks;
 * also unfused and joined by all rules but one, which must not change a bit; and more nets, with the layers
 * of the others in another order. CLR_TEST_DEVICE chooses the device. An argument: only nets whose names
 * contain it; --half 0 or --half 1: every other net, so that two processes share the work.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <clr/clr.h>

#include "support.h"

#include "base/fs.h"
#include "base/rng.h"
#include "verify/refnet.h"
#include "net/net.h"

enum { BATCH = 7, CLASSES = 5, SEED = 11, LABELS_AT = 2, LOSS_AT = 3, HIT_AT = 1 };

#define ITERATION 77u

static const int blocks[] = {4, 16, 8};
static struct clr_device device;
static struct ocl_context *ctx;

/* ------------------------------------------------------------------ nets */

#define LAYER(name, type, bottom, top, more)                                                                 \
    "layer { name: '" name "' type: '" type "' bottom: '" bottom "' top: '" top "' " more " }\n"
#define CONV(name, x, more)       LAYER(name, "Convolution", x, name, "convolution_param { " more " }")
#define POOL(name, x, more)       LAYER(name, "Pooling", x, name, "pooling_param { " more " }")
#define LRN(name, x, more)        LAYER(name, "LRN", x, name, "lrn_param { " more " }")
#define DENSE(name, x, more)      LAYER(name, "InnerProduct", x, name, "inner_product_param { " more " }")
#define JOIN(name, type, x, more) LAYER(name, type, x, name, more)
#define AND(x)                    " bottom: '" x "' "
#define RELU(name, x, y)          LAYER(name, "ReLU", x, y, "")
#define DROP(name, x, y)          LAYER(name, "Dropout", x, y, "dropout_param { dropout_ratio: 0.4 }")
#define DATA                      "layer { name: 'data' type: 'Data' top: 'data' top: 'label' }\n"
#define LOSS(x)                   LAYER("loss", "SoftmaxWithLoss", x, "loss", "bottom: 'label'")
#define HITS(x)                   LAYER("accuracy", "Accuracy", x, "accuracy", "bottom: 'label'")
#define SCORES(x)                 DENSE("scores", x, "num_output: 5")
#define ONLY_TEST                 " include { phase: TEST }"

/* clang-format off */
static const struct test_net {
    const char *name;
    enum { ALWAYS, LONG } when; /* LONG: with CLR_TEST_LONG only, since other nets have what it tests */
    struct clr_image_shape image;
    const char *text;
} nets[] = {
    {"in place: relu after lrn, dropout and relu after each other",
     ALWAYS, {6, 9, 8}, DATA
     CONV("c1", "data", "num_output: 6 kernel_size: 3 pad: 1")
     LRN("n1", "c1", "local_size: 3 alpha: 0.8 norm_region: WITHIN_CHANNEL")
     RELU("r1", "n1", "n1")
     DROP("d1", "n1", "n1")
     CONV("c2", "n1", "num_output: 6 kernel_size: 3 pad: 1")
     DROP("d2", "c2", "c2")
     RELU("r2", "c2", "c2")
     LRN("n2", "c2", "local_size: 5 alpha: 0.5 beta: 0.6")
     RELU("r3", "n2", "n2")
     SCORES("n2")
     RELU("r4", "scores", "scores")
     DROP("d3", "scores", "scores")
     DROP("d4", "scores", "scores")
     DENSE("ip2", "scores", "num_output: 5")
     HITS("ip2")
     LOSS("ip2")},
    {"layers in place beside other readers, also of evaluation alone",
     ALWAYS, {3, 8, 8}, DATA
     CONV("c1", "data", "num_output: 6 kernel_size: 3")
     POOL("p1", "c1", "kernel_size: 2 stride: 2")
     LAYER("side1", "Pooling", "c1", "side1", "pooling_param { kernel_size: 2 stride: 2 }" ONLY_TEST)
     RELU("r1", "c1", "c1")
     DROP("d1", "c1", "c1")
     LAYER("side2", "Pooling", "c1", "side2", "pooling_param { kernel_size: 2 stride: 2 }" ONLY_TEST)
     LAYER("side3", "ReLU", "side2", "side2", ONLY_TEST)
     POOL("p2", "c1", "pool: AVE kernel_size: 2 stride: 2")
     RELU("r2", "p1", "p1")
     JOIN("s", "Eltwise", "p1", AND("p2"))
     LAYER("g", "Sigmoid", "s", "s", "")
     JOIN("k", "Concat", "s", AND("p1"))
     RELU("r3", "k", "k")
     SCORES("k")
     HITS("scores")
     RELU("r4", "scores", "scores")
     LOSS("scores")},
    {"sharing: full blocks and no halo",
     ALWAYS, {16, 6, 6}, DATA
     CONV("c1", "data", "num_output: 16 kernel_size: 1")
     RELU("r1", "c1", "y1")
     CONV("c2", "y1", "num_output: 16 kernel_size: 1")
     RELU("r2", "c2", "c2")
     POOL("p2", "c2", "pool: MAX kernel_size: 2")
     LRN("n2", "p2", "local_size: 3 alpha: 0.3")
     DROP("d2", "n2", "y2")
     POOL("p3", "y2", "pool: AVE kernel_size: 5")
     DENSE("ip1", "p3", "num_output: 16")
     RELU("r4", "ip1", "y4")
     DENSE("ip2", "y4", "num_output: 16")
     DENSE("scores", "ip2", "num_output: 16")
     HITS("scores")
     LOSS("scores")},
    {"groups, dilation, stride above kernel, kernels larger than the image",
     ALWAYS, {6, 13, 11}, DATA
     CONV("c1", "data", "num_output: 10 kernel_size: 3 group: 2 pad: 1")
     CONV("c2", "c1", "num_output: 7 kernel_size: 3 dilation: 2 pad: 3")
     RELU("r2", "c2", "c2")
     CONV("c3", "c2", "num_output: 9 kernel_h: 2 kernel_w: 1 stride: 3 bias_term: false")
     CONV("c4", "c3", "num_output: 3 kernel_size: 3 pad: 1 group: 3")
     CONV("c5", "c4", "num_output: 4 kernel_h: 7 kernel_w: 5 pad_h: 2 pad_w: 1")
     RELU("r5", "c5", "c5")
     SCORES("c5")
     LOSS("scores")},
    {"first convolution with its pool, rectified",
     ALWAYS, {3, 9, 8}, DATA
     CONV("c1", "data", "num_output: 20 kernel_size: 3 pad: 1")
     POOL("p1", "c1", "pool: MAX kernel_size: 3 stride: 2")
     RELU("r1", "p1", "p1")
     SCORES("p1")
     HITS("scores")
     LOSS("scores")},
    {"dropout, relu and lrn on the images",
     ALWAYS, {3, 6, 6}, DATA
     DROP("d0", "data", "data")
     RELU("r0", "data", "data")
     LRN("n0", "data", "local_size: 3")
     CONV("c1", "n0", "num_output: 4 kernel_size: 3")
     SCORES("c1")
     LOSS("scores")},
    {"dense on the images",
     ALWAYS, {3, 5, 4}, DATA
     DENSE("ip1", "data", "num_output: 11 bias_term: false")
     RELU("r1", "ip1", "ip1")
     DENSE("ip2", "ip1", "num_output: 17")
     SCORES("ip2")
     HITS("scores")
     LOSS("scores")},
    {"one dense layer on vectors",
     ALWAYS, {9, 1, 1}, DATA
     SCORES("data")
     LOSS("scores")},
    {"convolution to a vector, then dense",
     ALWAYS, {3, 6, 6}, DATA
     CONV("c1", "data", "num_output: 6 kernel_size: 3")
     RELU("r1", "c1", "c1")
     CONV("c2", "c1", "num_output: 7 kernel_size: 4")
     RELU("r2", "c2", "c2")
     SCORES("c2")
     LOSS("scores")},
    {"dense, then padded convolution",
     ALWAYS, {2, 4, 4}, DATA
     DENSE("ip1", "data", "num_output: 6")
     RELU("r1", "ip1", "ip1")
     CONV("c1", "ip1", "num_output: 7 kernel_size: 3 pad: 2")
     CONV("c2", "c1", "num_output: 5 kernel_size: 3 pad: 1")
     POOL("p2", "c2", "pool: AVE global_pooling: true")
     LOSS("p2")},
    {"sigmoid and softmax, of pixels and of rows, in place and not, on channels that fill no block",
     ALWAYS, {3, 7, 6}, DATA
     CONV("c1", "data", "num_output: 6 kernel_size: 3 pad: 1")
     LAYER("g1", "Sigmoid", "c1", "c1", "")
     CONV("c2", "c1", "num_output: 5 kernel_size: 3")
     LAYER("g2", "Sigmoid", "c2", "y2", "")
     LAYER("s1", "Softmax", "y2", "y2", "")
     DENSE("ip1", "y2", "num_output: 13")
     LAYER("g3", "Sigmoid", "ip1", "ip1", "")
     LAYER("s2", "Softmax", "ip1", "z2", "softmax_param { axis: 1 engine: CAFFE }")
     SCORES("z2")
     HITS("scores")
     LOSS("scores")},
    {"hyperbolic tangents",
     ALWAYS, {2, 5, 6}, DATA
     CONV("c1", "data", "num_output: 5 kernel_size: 3")
     LAYER("t1", "TanH", "c1", "y1", "")
     CONV("c2", "y1", "num_output: 7 kernel_size: 3")
     LAYER("t2", "TanH", "c2", "c2", "")
     SCORES("c2")
     LOSS("scores")},
    {"functions, in place and not",
     ALWAYS, {2, 6, 7}, DATA
     CONV("c1", "data", "num_output: 5 kernel_size: 3")
     LAYER("f0", "PReLU", "c1", "c1", "prelu_param { channel_shared: true }")
     LAYER("f1", "ELU", "c1", "c1", "elu_param { alpha: 0.5 }")
     LAYER("f2", "Swish", "c1", "c1", "")
     LAYER("f3", "GELU", "c1", "y3", "")
     CONV("c2", "y3", "num_output: 6 kernel_size: 3")
     LAYER("f4", "BNLL", "c2", "c2", "")
     LAYER("f5", "Exp", "c2", "c2", "exp_param { scale: -0.5 }")
     LAYER("f6", "Power", "c2", "c2", "power_param { power: 2 shift: 0.5 }")
     LAYER("f7", "Log", "c2", "c2", "log_param { base: 2 shift: 1 }")
     LAYER("f8", "AbsVal", "c2", "c2", "")
     SCORES("c2")
     LOSS("scores")},
    {"residual blocks",
     ALWAYS, {3, 9, 8}, DATA
     CONV("c1", "data", "num_output: 6 kernel_size: 3 pad: 1")
     RELU("r1", "c1", "c1")
     CONV("a1", "c1", "num_output: 6 kernel_size: 3 pad: 1")
     RELU("ra", "a1", "a1")
     CONV("a2", "a1", "num_output: 6 kernel_size: 3 pad: 1")
     JOIN("s1", "Eltwise", "a2", AND("c1"))
     RELU("r2", "s1", "s1")
     CONV("b0", "s1", "num_output: 7 kernel_size: 1 stride: 2")
     CONV("b1", "s1", "num_output: 7 kernel_size: 3 pad: 1 stride: 2")
     RELU("rb", "b1", "y1")
     JOIN("s2", "Eltwise", "b0", AND("y1") "eltwise_param { coeff: 0.5 coeff: -2 }")
     RELU("r3", "s2", "s2")
     POOL("p", "s2", "pool: AVE kernel_size: 2 stride: 2")
     SCORES("p")
     HITS("scores")
     LOSS("scores")},
    {"batch normalization, of the images too, once for each phase, and in residual blocks",
     ALWAYS, {3, 9, 8}, DATA
     LAYER("n0", "BatchNorm", "data", "n0", "")
     CONV("c1", "n0", "num_output: 6 kernel_size: 3 pad: 1 bias_term: false")
     LAYER("n1", "BatchNorm", "c1", "c1",
         "include { phase: TRAIN } batch_norm_param { use_global_stats: false moving_average_fraction: 0.9 }")
     LAYER("n1", "BatchNorm", "c1", "c1",
         "include { phase: TEST } batch_norm_param { use_global_stats: true }")
     LAYER("s1", "Scale", "c1", "c1", "scale_param { bias_term: true }")
     RELU("r1", "c1", "c1")
     CONV("a1", "c1", "num_output: 6 kernel_size: 3 pad: 1 bias_term: false")
     LAYER("na", "BatchNorm", "a1", "a1", "")
     LAYER("sa", "Scale", "a1", "a1", "")
     RELU("ra", "a1", "a1")
     CONV("a2", "a1", "num_output: 6 kernel_size: 3 pad: 1 bias_term: false")
     LAYER("nb", "BatchNorm", "a2", "y2", "batch_norm_param { eps: 0.01 }")
     LAYER("sb", "Scale", "y2", "y2", "scale_param { bias_term: true }")
     JOIN("e", "Eltwise", "y2", AND("c1"))
     RELU("re", "e", "e")
     LAYER("nf", "BatchNorm", "e", "yf", "batch_norm_param { use_global_stats: true }")
     LAYER("b", "Bias", "yf", "yf", "")
     LAYER("pr", "PReLU", "yf", "yf", "")
     POOL("p", "yf", "pool: AVE global_pooling: true")
     SCORES("p")
     HITS("scores")
     LOSS("scores")},
    {"sums, products and maxima, of the images too, and more readers than a split has outputs",
     ALWAYS, {4, 6, 5}, DATA
     CONV("c1", "data", "num_output: 4 kernel_size: 1")
     RELU("r1", "c1", "c1")
     CONV("c2", "c1", "num_output: 4 kernel_size: 3 pad: 1")
     RELU("r2", "c2", "c2")
     JOIN("e1", "Eltwise", "c1", AND("c1") AND("c1") AND("c2"))
     JOIN("e2", "Eltwise", "c1", AND("data") AND("c1") "eltwise_param { operation: PROD }")
     JOIN("e3", "Eltwise", "c1", AND("c1") AND("c1") AND("c2") AND("e2"))
     JOIN("e4", "Eltwise", "e3", AND("e1") AND("data") "eltwise_param { operation: MAX }")
     LAYER("side", "ReLU", "c1", "side", "")
     SCORES("e4")
     HITS("scores")
     LOSS("scores")},
    {"constants, as channels of a shortcut and as a factor",
     ALWAYS, {3, 9, 8}, DATA
     CONV("c1", "data", "num_output: 5 kernel_size: 3 pad: 1")
     RELU("r1", "c1", "c1")
     "layer { name: 'zeros' type: 'DummyData' top: 'zeros' "
     "dummy_data_param { shape { dim: 125 dim: 3 dim: 9 dim: 8 } } }\n"
     JOIN("k", "Concat", "c1", AND("zeros"))
     CONV("c2", "k", "num_output: 8 kernel_size: 3 pad: 1")
     JOIN("e", "Eltwise", "c2", AND("k"))
     RELU("r2", "e", "e")
     "layer { name: 'h' type: 'DummyData' top: 'h' dummy_data_param { num: 1 channels: 8 height: 9 width: 8 "
     "data_filler { value: 0.5 } } }\n"
     JOIN("m", "Eltwise", "e", AND("h") "eltwise_param { operation: PROD }")
     SCORES("m")
     HITS("scores")
     LOSS("scores")},
    {"parts of channels, other shapes and other names",
     ALWAYS, {4, 6, 8}, DATA
     "layer { name: 's0' type: 'Slice' bottom: 'data' top: 'd1' top: 'd2' slice_param { slice_point: 1 } }\n"
     CONV("c1", "d1", "num_output: 7 kernel_size: 3 pad: 1")
     CONV("c2", "d2", "num_output: 9 kernel_size: 3 pad: 1")
     "layer { name: 'p' type: 'Split' bottom: 'c1' top: 'p1' top: 'p2' }\n"
     RELU("r1", "p1", "p1")
     JOIN("k", "Concat", "p1", AND("c2") AND("p2"))
     "layer { name: 's' type: 'Slice' bottom: 'k' top: 'a' top: 'b' top: 'c' "
     "slice_param { slice_point: 8 slice_point: 16 } }\n"
     "layer { name: 'q' type: 'Silence' bottom: 'c' bottom: 'label' }\n"
     JOIN("e", "Eltwise", "a", AND("b"))
     LAYER("h", "Reshape", "e", "h", "reshape_param { shape { dim: 0 dim: 16 dim: -1 dim: 0 } }")
     CONV("c3", "h", "num_output: 3 kernel_size: 3")
     LAYER("f", "Flatten", "c3", "f", "")
     LAYER("g", "Sigmoid", "f", "f", "")
     LAYER("f2", "Flatten", "h", "f2", "")
     DENSE("i1", "f2", "num_output: 6")
     JOIN("k2", "Concat", "f", AND("i1"))
     SCORES("k2")
     HITS("scores")
     LOSS("scores")},
    {"inception, on the images too, and dense layers joined",
     ALWAYS, {3, 9, 8}, DATA
     CONV("c0", "data", "num_output: 7 kernel_size: 3 pad: 1 stride: 2")
     POOL("p0", "data", "kernel_size: 3 stride: 2 pad: 1 round_mode: FLOOR")
     JOIN("k0", "Concat", "p0", AND("c0"))
     CONV("a", "k0", "num_output: 5 kernel_size: 1")
     RELU("ra", "a", "a")
     CONV("b0", "k0", "num_output: 3 kernel_size: 1")
     RELU("rb0", "b0", "b0")
     CONV("b", "b0", "num_output: 16 kernel_size: 3 pad: 1")
     RELU("rb", "b", "b")
     POOL("p", "k0", "kernel_size: 3 stride: 1 pad: 1")
     JOIN("k1", "Concat", "b", AND("a") AND("p") AND("a"))
     RELU("rk", "k1", "k1")
     DENSE("i1", "k1", "num_output: 9")
     RELU("r1", "i1", "i1")
     DENSE("i2", "i1", "num_output: 16")
     JOIN("k2", "Concat", "i2", AND("i1"))
     SCORES("k2")
     HITS("scores")
     LOSS("scores")},
    {"shared parameters",
     ALWAYS, {4, 7, 6}, DATA
     LAYER("c1", "Convolution", "data", "c1",
         "param { name: 'w' } param { name: 'b' } convolution_param { num_output: 4 kernel_size: 3 pad: 1 }")
     RELU("r1", "c1", "c1")
     LAYER("c2", "Convolution", "c1", "c2",
         "param { name: 'w' } param { } convolution_param { num_output: 4 kernel_size: 3 pad: 1 }")
     LAYER("c3", "Convolution", "c2", "c3",
         "param { name: 'w' } param { name: 'b' } convolution_param { num_output: 4 kernel_size: 3 }")
     LAYER("i1", "InnerProduct", "c3", "i1", "inner_product_param { num_output: 5 }")
     LAYER("i2", "InnerProduct", "i1", "i2",
         "param { name: 'v' } inner_product_param { num_output: 5 bias_term: false }")
     LAYER("i3", "InnerProduct", "i2", "i3", "param { name: 'v' } inner_product_param { num_output: 5 }")
     HITS("i3")
     LOSS("i3")},
    {"two losses, a third of the same scores, which get two gradients, and a head that is off",
     ALWAYS, {3, 7, 6}, DATA
     CONV("c1", "data", "num_output: 6 kernel_size: 3")
     RELU("r1", "c1", "c1")
     LAYER("h", "InnerProduct", "c1", "h", "param { name: 'v' } inner_product_param { num_output: 5 }")
     DENSE("off", "h", "num_output: 5")
     DENSE("side", "c1", "num_output: 5")
     LAYER("l1", "SoftmaxWithLoss", "side", "l1", "bottom: 'label' loss_weight: 0.3")
     LAYER("l0", "SoftmaxWithLoss", "off", "l0", "bottom: 'label' loss_weight: 0")
     LAYER("i1", "InnerProduct", "c1", "i1", "param { name: 'v' } inner_product_param { num_output: 5 }")
     LAYER("s1", "Sigmoid", "i1", "s1", "")
     JOIN("scores", "Eltwise", "s1", AND("i1"))
     HITS("scores")
     LOSS("scores")
     LAYER("l3", "SoftmaxWithLoss", "scores", "l3", "bottom: 'label' loss_weight: -0.5")},
    {"labels that do not count, and a smooth target",
     ALWAYS, {2, 5, 4}, DATA
     DENSE("i1", "data", "num_output: 6")
     LAYER("s1", "TanH", "i1", "s1", "")
     SCORES("s1")
     LAYER("hits", "Accuracy", "scores", "hits", "bottom: 'label' include { phase: TEST } "
           "accuracy_param { ignore_label: 3 }")
     LAYER("l1", "SoftmaxWithLoss", "scores", "l1", "bottom: 'label' loss_param { ignore_label: 2 }")
     LAYER("l2", "SoftmaxWithLoss", "scores", "l2", "bottom: 'label' loss_weight: 0.2 "
           "loss_param { ignore_label: 0 normalization: NONE label_smoothing: 0.1 }")},
    {"hinge losses",
     ALWAYS, {2, 5, 4}, DATA
     DENSE("i1", "data", "num_output: 6")
     LAYER("s1", "TanH", "i1", "s1", "")
     SCORES("s1")
     HITS("scores")
     LAYER("l1", "HingeLoss", "scores", "l1", "bottom: 'label'")
     LAYER("l2", "HingeLoss", "scores", "l2",
           "bottom: 'label' loss_weight: 0.2 hinge_loss_param { norm: L2 }")},
    {"an autoencoder: two losses against the images, one of them off",
     ALWAYS, {2, 5, 4}, DATA
     DENSE("e1", "data", "num_output: 9")
     LAYER("s1", "Sigmoid", "e1", "s1", "")
     DENSE("d1", "s1", "num_output: 40")
     LAYER("l1", "SigmoidCrossEntropyLoss", "d1", "l1", "bottom: 'data'")
     LAYER("s2", "Sigmoid", "d1", "s2", "")
     LAYER("l2", "EuclideanLoss", "s2", "l2", "bottom: 'data' loss_weight: 0")},
    {"contrastive losses",
     ALWAYS, {2, 5, 4}, DATA
     LAYER("a", "InnerProduct", "data", "a", "param { name: 'w' } inner_product_param { num_output: 3 }")
     DENSE("h", "data", "num_output: 6")
     LAYER("s", "TanH", "h", "s", "")
     DENSE("b", "s", "num_output: 3")
     LAYER("l1", "ContrastiveLoss", "a", "l1",
           "bottom: 'b' bottom: 'label' contrastive_loss_param { margin: 7 }")
     LAYER("l2", "ContrastiveLoss", "b", "l2", "bottom: 'a' bottom: 'label' loss_weight: 0.1 "
           "contrastive_loss_param { margin: 20 legacy_version: true }")},
    {"losses of several kinds",
     ALWAYS, {3, 6, 5}, DATA
     CONV("c1", "data", "num_output: 3 kernel_size: 3 pad: 1")
     RELU("r1", "c1", "c1")
     LAYER("l1", "EuclideanLoss", "c1", "l1", "bottom: 'data' loss_weight: 0.1")
     CONV("c2", "c1", "num_output: 4 kernel_size: 3")
     CONV("c3", "c1", "num_output: 4 kernel_size: 3")
     LAYER("l2", "SigmoidCrossEntropyLoss", "c2", "l2",
           "bottom: 'c3' loss_weight: 0.2 loss_param { normalization: FULL }")
     LAYER("l3", "EuclideanLoss", "c3", "l3", "bottom: 'c2' loss_weight: -0.05")
     DENSE("n", "c2", "num_output: 1")
     LAYER("l4", "EuclideanLoss", "n", "l4", "bottom: 'label' loss_weight: 0.3")
     SCORES("c3")
     LOSS("scores")},
    {"pooling on the images",
     LONG, {3, 9, 9}, DATA
     POOL("p1", "data", "pool: MAX kernel_size: 3 stride: 2 pad: 1")
     CONV("c1", "p1", "num_output: 4 kernel_size: 3")
     POOL("p2", "c1", "pool: AVE kernel_size: 2 stride: 3")
     SCORES("p2")
     LOSS("scores")},
    {"convolution to a vector, then the loss",
     LONG, {3, 4, 3}, DATA
     CONV("c1", "data", "num_output: 16 kernel_size: 2")
     CONV("c2", "c1", "num_output: 6 kernel_h: 3 kernel_w: 2")
     HITS("c2")
     LOSS("c2")},
    {"dense block",
     LONG, {3, 8, 7}, DATA
     CONV("c0", "data", "num_output: 16 kernel_size: 3 pad: 1")
     RELU("r0", "c0", "c0")
     CONV("c1", "c0", "num_output: 4 kernel_size: 3 pad: 1")
     RELU("r1", "c1", "c1")
     JOIN("k1", "Concat", "c0", AND("c1"))
     CONV("c2", "k1", "num_output: 4 kernel_size: 3 pad: 1")
     RELU("r2", "c2", "y2")
     JOIN("k2", "Concat", "k1", AND("y2"))
     CONV("c3", "k2", "num_output: 8 kernel_size: 1")
     POOL("p3", "c3", "pool: AVE kernel_size: 2 stride: 2")
     SCORES("p3")
     HITS("scores")
     LOSS("scores")},
    {"global pooling, then dense",
     LONG, {3, 7, 6}, DATA
     CONV("c1", "data", "num_output: 16 kernel_size: 3 pad: 1")
     POOL("p1", "c1", "pool: MAX global_pooling: true")
     SCORES("p1")
     LOSS("scores")},
};
/* clang-format on */

static void *new_array(size_t count, size_t size)
{
    void *p = NULL;

    ck_assert_int_eq(mem_new(&p, count, size, "a test", NULL), 0);
    return p;
}

static size_t elements(const struct shape *s)
{
    return (size_t)s->c * (size_t)s->h * (size_t)s->w;
}

/* Random numbers that a float holds exactly. */
static void fill(double *out, size_t count, double scale, uint32_t stream)
{
    for (size_t i = 0; i < count; i++)
        out[i] = (double)(float)(scale * rng_normal(SEED, RNG_TEST, stream, i));
}

static struct refnet *new_refnet(const struct graph *g)
{
    struct refnet *c;

    ck_assert_int_eq(refnet_create(&c, g, BATCH, NULL), 0);
    c->seed = SEED;
    c->iteration = ITERATION;
    for (size_t p = 0; p < g->param_count; p++) {
        fill(c->w[p], g->params[p].count, 1.2 / sqrt(g->params[p].fan_in), 100 + (uint32_t)p);
        for (size_t k = 0; g->params[p].state && k < g->params[p].count;
             k++) /* it may be a variance, or a count */
            c->w[p][k] = 0.5 + fabs(c->w[p][k]);
    }
    return c;
}

static void run_refnet(struct refnet *c, int n, uint32_t stream)
{
    const struct graph *g = c->g;

    fill(c->value[g->images], (size_t)n * elements(&g->values[g->images].shape), 1.0, stream);
    for (int i = 0; i < n; i++) {
        c->labels[i] = (int32_t)rng_below(SEED, RNG_TEST, stream + 1, (uint64_t)i, CLASSES);
        c->index[i] = (int32_t)rng_below(SEED, RNG_TEST, stream + 2, (uint64_t)i, 50000);
    }
    refnet_run(c, n);
}

/* ------------------------------------------------------------------ the device */

struct trial {
    const char *name;
    int block;
    const struct graph *g; /* unfused; the net may be made of a fused one */
    struct net *net;
    struct params params;
    struct refnet *refnet;
    cl_mem loss, hit, index;
    float *seen; /* every number that was compared */
    size_t seen_count, seen_capacity;
};

static void must(int rc, const struct trial *t, const struct clr_error *err)
{
    ck_assert_msg(rc == 0, "%s, channel block %d: %s", t->name, t->block, err->message);
}

static float *as_floats(const double *values, size_t count)
{
    float *f = new_array(count, sizeof *f);

    for (size_t i = 0; i < count; i++)
        f[i] = (float)values[i];
    return f;
}

static void write_floats(const struct trial *t, cl_mem mem, const double *values, size_t count)
{
    float *f = as_floats(values, count);
    struct clr_error err = {0};

    must(ocl_write(ctx, mem, 0, count * sizeof *f, f, &err), t, &err);
    free(f);
}

/* The batch's images in the layout of the net, its halo and the lanes beyond C zero. */
static void write_images(const struct trial *t, const float *images)
{
    const struct tensor *x = net_images(t->net);
    const struct shape *s = &x->shape;
    const int v = x->layout.block, cb = (s->c + v - 1) / v;
    const int hp = s->h + 2 * x->layout.halo_h, wp = s->w + 2 * x->layout.halo_w;
    const size_t count = (size_t)t->refnet->n * (size_t)cb * (size_t)hp * (size_t)wp * (size_t)v;
    float *padded = NULL;
    struct clr_error err = {0};

    must(mem_new(&padded, count, sizeof *padded, "images", &err), t, &err);
    for (int i = 0; i < t->refnet->n * s->c * s->h * s->w; i++) {
        const int column = i % s->w + x->layout.halo_w, row = i / s->w % s->h + x->layout.halo_h;
        const int c = i / s->w / s->h % s->c, n = i / s->w / s->h / s->c;
        padded[(size_t)((((n * cb + c / v) * hp + row) * wp + column) * v + c % v)] = images[i];
    }
    must(ocl_write(ctx, x->mem, 0, count * sizeof *padded, padded, &err), t, &err);
    free(padded);
}

/* A gradient before it is written: NaN; 0, and so it stays, where no layer writes it. */
static uint32_t unwritten(const struct graph *g, size_t p)
{
    for (size_t i = 0; i < g->node_count; i++)
        for (int k = 0; g->nodes[i].desc.backward && k < g->nodes[i].param_count; k++)
            if (g->nodes[i].param[k] == (int)p)
                return 0x7fc00000u;
    return 0;
}

static void upload(const struct trial *t)
{
    const struct refnet *c = t->refnet;
    float *images =
        as_floats(c->value[t->g->images], (size_t)c->n * elements(&t->g->values[t->g->images].shape));
    const size_t ints = (size_t)c->n * sizeof(int32_t);
    struct clr_error err = {0};

    write_images(t, images);
    must(ocl_write(ctx, net_labels(t->net), 0, ints, c->labels, &err), t, &err);
    must(ocl_write(ctx, t->index, LABELS_AT * sizeof(int32_t), ints, c->index, &err), t, &err);
    for (size_t p = 0; p < t->params.count; p++) {
        const size_t count = t->params.info[p].count;
        write_floats(t, t->params.w[p], c->w[p], count);
        if (t->params.g && t->params.g[p])
            must(ocl_fill(ctx, t->params.g[p], 0, count * sizeof(float), unwritten(t->g, p), &err), t, &err);
    }
    free(images);
}

static void compare(struct trial *t, const char *what, cl_mem mem, size_t offset, const double *expected,
                    size_t count, double limit)
{
    float *got = new_array(count, sizeof *got);
    struct clr_error err = {0};
    double nmse;

    must(ocl_read(ctx, mem, offset * sizeof *got, count * sizeof *got, got, &err), t, &err);
    ck_assert_int_eq(
        mem_grow(&t->seen, &t->seen_capacity, t->seen_count + count, sizeof *t->seen, "a test", NULL), 0);
    memcpy(t->seen + t->seen_count, got, count * sizeof *got);
    t->seen_count += count;
    nmse = support_nmse(got, expected, count);
    ck_assert_msg(nmse <= limit, "%s, channel block %d, %s phase, %d images: %s: NMSE %g", t->name, t->block,
                  t->g->phase == PHASE_TRAIN ? "TRAIN" : "TEST", t->refnet->n, what, nmse);
    free(got);
}

static void run(struct trial *t, int n, uint32_t stream)
{
    const bool train = t->g->phase == PHASE_TRAIN;
    struct refnet *c = t->refnet;
    struct clr_error err = {0};
    const struct net_batch b = {.count = n,
                                .loss = t->loss,
                                .loss_offset = LOSS_AT,
                                .loss_stride = BATCH + 1,
                                .hit = t->hit,
                                .hit_offset = HIT_AT,
                                .index = t->index,
                                .index_offset = LABELS_AT,
                                .seed = SEED,
                                .iteration = ITERATION};

    run_refnet(c, n, stream);
    upload(t);
    must(net_forward(t->net, &b, &err), t, &err);
    if (train)
        must(net_backward(t->net, &b, &err), t, &err);
    for (size_t l = 0; l < t->g->loss_count; l++)
        compare(t, t->g->losses[l].name, t->loss, LOSS_AT + l * (BATCH + 1), c->loss + l * BATCH, (size_t)n,
                1e-10);
    if (t->g->accuracy_node >= 0)
        compare(t, "hits", t->hit, HIT_AT, c->correct, (size_t)n, 0.0);
    for (size_t p = 0; train && p < t->params.count; p++)
        compare(t, t->params.info[p].name, t->params.g[p] ? t->params.g[p] : t->params.w[p], 0, c->dw[p],
                t->params.info[p].count, 1e-9);
}

/* A whole batch, part of one, a whole one again: what memory held before must not matter. */
static void check_graph(struct trial *t, const struct graph *made_of)
{
    struct clr_error err = {0};
    const size_t room = (BATCH + 4) * sizeof(float), losses = room + t->g->loss_count * room;

    t->refnet = new_refnet(t->g);
    must(params_plan(&t->params, t->g, &device,
                     t->g->phase == PHASE_TRAIN ? PARAMS_TRAINING : PARAMS_EVALUATION, &err),
         t, &err);
    must(params_build(&t->params, ctx, &err), t, &err);
    must(net_plan(&t->net, made_of, &device, t->block, &err), t, &err);
    must(net_build(t->net, ctx, &t->params, &err), t, &err);
    must(ocl_buffer_create(&t->loss, ctx, losses, "losses", &err), t, &err);
    must(ocl_buffer_create(&t->hit, ctx, room, "hits", &err), t, &err);
    must(ocl_buffer_create(&t->index, ctx, room, "numbers of images", &err), t, &err);
    run(t, BATCH, 10);
    run(t, 3, 20);
    run(t, BATCH, 30);
    ocl_release(&t->loss);
    ocl_release(&t->hit);
    ocl_release(&t->index);
    net_destroy(t->net);
    params_clear(&t->params);
    refnet_destroy(t->refnet);
}

/* A pooled first convolution sums its gradient in another order. */
static bool is_pooled(const struct graph *g)
{
    for (size_t i = 0; i < g->node_count; i++)
        if (g->nodes[i].desc.kind == OP_CONV_POOL)
            return true;
    return false;
}

/* The net joined by some rules, unless that leaves `unlike` nodes: it agrees with the references, and
 * with the plain one to the bit where sums have the same order. Returns the number of nodes. */
static size_t check_fused(const struct trial *plain, const struct clr_net_spec *spec,
                          struct clr_image_shape image, unsigned rules, size_t unlike)
{
    struct trial t = {.name = plain->name, .block = plain->block, .g = plain->g};
    struct graph *f = NULL;
    struct clr_error err = {0};
    size_t left;

    must(graph_create(&f, spec, plain->g->phase, image, BATCH, &err), plain, &err);
    graph_fuse(f, rules, &device, plain->block);
    left = f->node_count;
    if (left != unlike) {
        check_graph(&t, f);
        ck_assert_msg(!plain->seen || plain->seen_count == t.seen_count, "%s", t.name);
        ck_assert_msg(!plain->seen || is_pooled(f) ||
                          memcmp(plain->seen, t.seen, plain->seen_count * sizeof(float)) == 0,
                      "%s, channel block %d: with the rules %x, the net gives other bytes", t.name, t.block,
                      rules);
        free(t.seen);
    }
    graph_destroy(f);
    return left;
}

/* Joined by all rules; in the long suite also unfused and by all rules but one: all agree. */
static void check_phase(const struct clr_net_spec *spec, struct clr_image_shape image, const char *name,
                        unsigned phase, int block)
{
    const bool every = getenv("CLR_TEST_LONG") != NULL;
    static const unsigned rules[] = {FUSE_FLATTEN, FUSE_RELU, FUSE_POOL};
    struct trial plain = {.name = name, .block = block};
    struct graph *g = NULL;
    struct clr_error err = {0};
    size_t all;

    must(graph_create(&g, spec, phase, image, BATCH, &err), &plain, &err);
    plain.g = g;
    if (every)
        check_graph(&plain, g);
    all = check_fused(&plain, spec, image, FUSE_ALL, every ? g->node_count : 0);
    for (size_t k = 0; k < MEM_COUNT(rules) && every;
         k++) /* a net that the rule does not change was checked before */
        (void)check_fused(&plain, spec, image, FUSE_ALL & ~rules[k], all);
    free(plain.seen);
    graph_destroy(g);
}

static const struct test_net *chosen[MEM_COUNT(nets)];

START_TEST(test_net__agrees_with_the_oracles)
{
    const struct test_net *t = chosen[_i];
    const size_t choice = support_spares_kernels(&device) ? 1 : MEM_COUNT(blocks);
    const size_t count = getenv("CLR_TEST_LONG") ? choice : 1;
    struct clr_net_spec *spec = NULL;
    struct clr_error err = {0};
    char *path = NULL;

    ck_assert_int_eq(fs_join(&path, support_temp_dir(), "net.prototxt", &err), 0);
    ck_assert_int_eq(fs_write_atomic(path, t->text, strlen(t->text), &err), 0);
    ck_assert_msg(clr_net_load(&spec, path, &err) == 0, "%s: %s", t->name, err.message);
    for (size_t b = 0; b < count; b++) { /* the nets take turns, so that every block is used */
        const int block = blocks[((size_t)(t - nets) + b) % choice];
        check_phase(spec, t->image, t->name, PHASE_TRAIN, block);
        if (b == 0) /* the forward pass of training only */
            check_phase(spec, t->image, t->name, PHASE_TEST, block);
    }
    clr_net_destroy(spec);
    free(path);
}
END_TEST

/* Write the nets to run into chosen[], and return their number. half: −1 (all), or which of every two. */
static int choose(const char *filter, int half)
{
    const bool every = getenv("CLR_TEST_LONG") != NULL;
    int count = 0, seen = 0;

    for (size_t i = 0; i < MEM_COUNT(nets); i++) {
        if (filter ? !strstr(nets[i].name, filter) : nets[i].when == LONG && !every)
            continue;
        if (half < 0 || seen % 2 == half)
            chosen[count++] = &nets[i];
        seen++;
    }
    return count;
}

static int prepare(void)
{
    const struct ocl_options options = {.no_cache = true}; /* PoCL compiles everything twice to cache it */
    struct clr_error err;

    if (!support_device(&device))
        return -1;
    if (ocl_context_create(&ctx, &device, &options, &err) < 0) {
        printf("%s\n0 passed, 1 failed, 0 skipped\n", err.message);
        return -1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    Suite *s = suite_create("net");
    TCase *tc = tcase_create("net");
    const char *filter = NULL;
    int status, half = -1;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--half") == 0 && i + 1 < argc)
            half = strcmp(argv[++i], "0") != 0;
        else
            filter = argv[i];
    }
    if (prepare() < 0)
        return 1;
    tcase_set_timeout(tc, 0);
    tcase_add_loop_test(tc, test_net__agrees_with_the_oracles, 0, choose(filter, half));
    suite_add_tcase(s, tc);
    status = support_run(s, false);
    ocl_context_destroy(ctx);
    return status;
}
