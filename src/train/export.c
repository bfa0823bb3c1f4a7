/* Weights in other formats: see clr/train.h. */
#include <clr/train.h>

#include <string.h>

#include "base/log.h"
#include "net/caffemodel.h"
#include "train/weights.h"

/* The net that the weights were trained with; *out is to be destroyed. */
static int load_own(struct clr_net_spec **out, const struct st_file *weights, const char *path,
                    struct clr_error *err)
{
    const char *name = safetensors_metadata(weights, "clr.net");
    int rc;

    if (!name)
        return clr_error_set(err, CLR_EINPUT, "'%s' does not say which net it is of: give `net`", path);
    rc = clr_net_load(out, name, err);
    if (rc == CLR_EINPUT)
        clr_error_prefix(err, "the net of '%s'; `net` gives another", path);
    return rc;
}

/* They are scaled, and something is subtracted. */
static void note_images(const struct st_file *weights)
{
    const char *scale = safetensors_metadata(weights, "clr.scale"),
               *values = safetensors_metadata(weights, "clr.mean_values");

    if (scale && values)
        log_line(CLR_LOG_INFO,
                 "note: a caffemodel has neither the scale of the images (%.40s) nor their mean (%s)", scale,
                 strlen(values) > 80 ? "an image" : values);
}

int clr_export_caffemodel(const char *out, const char *weights, const struct clr_net_spec *net,
                          struct clr_error *err)
{
    struct clr_net_spec *own = NULL;
    struct st_file file = {0};
    int rc = mem_check_given(out, "out", err);

    if (rc == 0)
        rc = mem_check_given(weights, "weights", err);
    if (rc == 0)
        rc = weights_open(&file, weights, NULL, err);
    if (rc == 0 && !net)
        rc = load_own(&own, &file, weights, err);
    if (rc == 0)
        rc = caffemodel_write(out, net ? net : own, &file, weights, err);
    if (rc == 0)
        note_images(&file);
    clr_net_destroy(own);
    safetensors_clear(&file);
    return rc;
}
