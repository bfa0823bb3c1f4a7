/**
 * Nets in Caffe's prototxt format: the five built in, or a file.
 */
#ifndef CLR_NET_H
#define CLR_NET_H

#include <stddef.h>

#include <clr/error.h>

struct clr_net_spec; /**< a parsed and checked net, before shapes */

/** Names of the built-in nets, NULL-terminated: "quick", "full", "caffe-quick", "caffe-full", "lenet". */
CLR_API const char *const *clr_net_names(void);

/**
 * Read a net. It may be shared by several threads.
 *
 * @param out   new; free with clr_net_destroy()
 * @param name  a built-in name or the path of a prototxt file (anything with a '/' or a '.'): of a net, or of
 *              a Caffe solver, whose net is read
 * @return 0; CLR_EINPUT: "FILE:LINE:COLUMN: …" names the field or layer that is unknown, misspelled (with
 *         the nearest known name), of the wrong type, out of range or unsupported; CLR_ENOMEM
 */
CLR_API int clr_net_load(struct clr_net_spec **out, const char *name, struct clr_error *err);

/** NULL is fine. */
CLR_API void clr_net_destroy(struct clr_net_spec *spec);

struct clr_image_shape {
    int channels, height, width;
};

/** The same of the text of such a file, in memory; `file` is what errors call it. Both are copied.
 * What has no effect is not logged, and a mean_file is not opened: it stands for "image". CLR_EINPUT also:
 * the text names nets of other files. CLR_EUSAGE: one is NULL. */
CLR_API int clr_net_from_text(struct clr_net_spec **out, const char *file, const char *text,
                              struct clr_error *err);

/** The text of the net's file, also of a built-in net, or of a solver the text of its nets; owned by the
 * spec. */
CLR_API const char *clr_net_text(const struct clr_net_spec *spec);

/** Images of a training batch that the file gives (`batch_size` of a Data layer of the TRAIN phase), or 0. */
CLR_API int clr_net_batch(const struct clr_net_spec *spec);

/** Shape of one input image; all 0 if the net has none of its own, and takes that of the data. */
CLR_API struct clr_image_shape clr_net_input(const struct clr_net_spec *spec);

/**
 * The text of `clr-cl net layers`: the types of layers that a net's file may have, a line each, and the
 * fields of every layer; or of one type, its fields with what they take and their defaults.
 *
 * @param text  out, new, free with free()
 * @param type  as in `type:` of a file; NULL: all
 * @return 0; CLR_EUSAGE: there is no such type; CLR_ENOMEM
 */
CLR_API int clr_net_layers(char **text, const char *type, struct clr_error *err);

/** Type of layer i, as in `type:` of a file; NULL: there are no more. */
CLR_API const char *clr_net_layer_type(size_t i);

/**
 * The table of `clr-cl net show`: layers, output shapes, parameters, multiply-adds per image, memory for a
 * training batch.
 *
 * @param text   out, new, free with free()
 * @param input  shape of one image; all 0: the net's own
 * @param batch  images of a batch, for the memory column: 1 … 65,536
 * @return 0; CLR_EINPUT: the net does not fit images of that shape or has none of its own, or batch is out of
 *         range; CLR_ENOMEM
 */
CLR_API int clr_net_show(char **text, const struct clr_net_spec *spec, struct clr_image_shape input,
                         int batch, struct clr_error *err);

/** The same as JSON. */
CLR_API int clr_net_show_json(char **text, const struct clr_net_spec *spec, struct clr_image_shape input,
                              int batch, struct clr_error *err);

#endif
