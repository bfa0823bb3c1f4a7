/*
 * Nets in Caffe's formats of 2013 and 2014, translated to the present one before they are read: V1,
 * `layers { type: CONVOLUTION blobs_lr: 1 weight_decay: 0 param: "w" }`, and V0,
 * `layers { layer { type: "conv" kernelsize: 5 } }`, whose padding layers become a field of the layer after
 * them. Fields keep their places in the file and, for messages, their old names.
 */
#ifndef NET_UPGRADE_H
#define NET_UPGRADE_H

#include "net/prototxt.h"

/*
 * Translate the net in message number `net` of *doc (0: the whole file); one in the present format stays as
 * it is. CLR_EINPUT: both formats in one file, a type that Caffe has not, a padding layer that cannot be
 * merged; all of these are problems of *doc. CLR_ENOMEM.
 */
int upgrade_net(struct prototxt *doc, size_t net, struct clr_error *err);

/* Fields of layers that only the old formats have, NULL-terminated. */
extern const char *const upgrade_old_fields[];

#endif
