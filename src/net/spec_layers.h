/* Between spec.c (the file as a whole) and spec_layers.c (one `layer { … }`). */
#ifndef NET_SPEC_LAYERS_H
#define NET_SPEC_LAYERS_H

#include "net/prototxt.h"
#include "net/spec.h"

/* What was already said in the log for this file. */
struct spec_said {
    unsigned topics;
};

/* Read one layer into *out (zeroed by the caller). CLR_EINPUT names place and field. */
int spec_read_layer(struct layer_spec *out, struct prototxt *doc, struct pt_field *field,
                    struct spec_said *said, struct clr_error *err);

/* A name of a layer or blob: 1…limit bytes, no control characters. */
int spec_read_name(char *out, size_t limit, const struct prototxt *doc, const struct pt_field *field,
                   struct clr_error *err);

/* dims N, C, H, W of one or more `dim:` fields of a shape message. */
int spec_read_shape(struct layer_spec *out, struct prototxt *doc, struct pt_field *shape,
                    struct clr_error *err);

#endif
