/* Layouts of activations: see layout.h. */
#include "ops/layout.h"

#include "ops/op_impl.h"

int layout_block(const struct clr_device *device)
{
    const int width = device->native_float_width;

    if (device->type != CLR_DEVICE_CPU)
        return 4;
    return width >= 16 ? 16 : width >= 8 ? 8 : 4;
}

int layout_blocks(int out[2], const struct clr_device *device)
{
    out[0] = layout_block(device);
    out[1] = 8;
    return out[0] == 16 ? 2 : 1;
}

struct layout layout_activation(int channels, int block, const struct op_needs *const *readers, size_t count,
                                bool any_producer)
{
    struct layout l = {.block = block};
    bool any = any_producer && count > 0;

    for (size_t i = 0; i < count; i++) {
        l.halo_h = op_max(l.halo_h, readers[i]->x_halo_h);
        l.halo_w = op_max(l.halo_w, readers[i]->x_halo_w);
        any = any && readers[i]->x_any_block;
    }
    if (any && channels < block) /* few input channels: no lanes of zeros to multiply */
        l.block = channels;
    return l;
}

struct layout layout_gradient(const struct layout *value, const struct op_needs *producer)
{
    struct layout l = {.block = value->block};

    if (producer) {
        l.halo_h = producer->dy_halo_h;
        l.halo_w = producer->dy_halo_w;
    }
    return l;
}
