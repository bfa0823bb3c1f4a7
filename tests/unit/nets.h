/* Layers as texts, and nets of them in a file, for the tests of nets. */
#ifndef TESTS_NETS_H
#define TESTS_NETS_H

#include <stdio.h>
#include <string.h>

#include "support.h"

#include "base/fs.h"
#include "net/graph.h"

#define DATA     "layer { name: 'data' type: 'Data' top: 'data' top: 'label' }\n"
#define LOSS(x)  "layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: '" x "' bottom: 'label' }\n"
#define LOSS2(x) "layer { name: 'loss2' type: 'SoftmaxWithLoss' bottom: '" x "' bottom: 'label' }\n"
#define DENSE(name, x)                                                                                       \
    "layer { name: '" name "' type: 'InnerProduct' bottom: '" x "' top: '" name                              \
    "' inner_product_param { num_output: 3 } }\n"
#define CONV(name, x, more)                                                                                  \
    "layer { name: '" name "' type: 'Convolution' bottom: '" x "' top: '" name                               \
    "' convolution_param { num_output: 4 " more " } }\n"

static const struct clr_image_shape k_small = {3, 9, 7};

/* Load a net from text; messages name it FOLDER/net.prototxt. */
static inline int load(struct clr_net_spec **out, const char *text, struct clr_error *err)
{
    static const char *dir;
    char path[128];

    if (!dir)
        dir = support_temp_dir();
    (void)snprintf(path, sizeof path, "%s/net.prototxt", dir);
    ck_assert_int_eq(fs_write_atomic(path, text, strlen(text), err), 0);
    return clr_net_load(out, path, err);
}

#endif
