#include "core/layout.h"

int64_t mae_layout_block(mae_layout layout)
{
    switch (layout) {
    case MAE_LAYOUT_BLOCKED8:
        return 8;
    case MAE_LAYOUT_BLOCKED16:
        return 16;
    case MAE_LAYOUT_DENSE:
        break;
    }
    return 0;
}

mae_layout mae_layout_of_block(int64_t block)
{
    for (mae_layout layout = MAE_LAYOUT_BLOCKED8; layout <= MAE_LAYOUT_BLOCKED16; layout++)
        if (mae_layout_block(layout) == block)
            return layout;
    return MAE_LAYOUT_DENSE;
}

unsigned mae_layouts_of(const mae_tensor *tensor)
{
    const mae_shape *shape = &tensor->shape;
    unsigned layouts = 0;
    if (!tensor->is_static || shape->dtype != MAE_F32 || shape->rank != 4 || tensor->bytes == 0)
        return 0;
    for (mae_layout layout = MAE_LAYOUT_BLOCKED8; layout <= MAE_LAYOUT_BLOCKED16; layout++)
        if (shape->dims[1] % mae_layout_block(layout) == 0)
            layouts |= MAE_LAYOUT_BIT(layout);
    return layouts;
}

void mae_layout_unblock(mae_layout layout, const mae_shape *shape, const float *blocked, float *dense)
{
    size_t block = (size_t)mae_layout_block(layout);
    size_t plane = (size_t)(shape->dims[2] * shape->dims[3]);
    size_t n_blocks = (size_t)(shape->dims[0] * shape->dims[1]) / block;
    for (size_t b = 0; b < n_blocks; b++, blocked += block * plane, dense += block * plane)
        for (size_t c = 0; c < block; c++)
            for (size_t i = 0; i < plane; i++)
                dense[c * plane + i] = blocked[i * block + c];
}
