/**
 * For clr-cl itself, and not installed: this header changes whenever the command does.
 *
 * What a file is, by its first bytes: to read it accordingly, and for messages about a file that was given in
 * the place of another.
 */
#ifndef CLR_FILE_KIND_H
#define CLR_FILE_KIND_H

#include <clr/error.h>

enum clr_file_kind {
    CLR_FILE_UNKNOWN, /* also: not there, cannot be read */
    CLR_FILE_NET,     /* of prototxt files, by their fields */
    CLR_FILE_SOLVER,
    CLR_FILE_EXPERIMENT,
    CLR_FILE_SAFETENSORS,
    CLR_FILE_CHECKPOINT, /* of clr-cl */
    CLR_FILE_CAFFEMODEL, /* weights of Caffe: binary protocol buffers */
    CLR_FILE_PYTORCH,    /* of torch.save() */
    CLR_FILE_HDF5,
    CLR_FILE_RUN /* a folder with a run.json */
};

/** Reads its first bytes, and a prototxt file whole. */
CLR_API enum clr_file_kind clr_file_kind(const char *path);

#endif
