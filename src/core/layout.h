/* Layouts of buffers (mae/backend.h): which tensors have them, and out of them again. */
#ifndef MAE_CORE_LAYOUT_H
#define MAE_CORE_LAYOUT_H

#include "mae/backend.h"

/* Channels in a block; 0 for the dense layout. */
int64_t mae_layout_block(mae_layout layout);

/* The blocked layout of that many channels; MAE_LAYOUT_DENSE if there is none. */
mae_layout mae_layout_of_block(int64_t block);

/* The layouts beside the dense one that the tensor can lie in, as a set of MAE_LAYOUT_BIT(). */
unsigned mae_layouts_of(const mae_tensor *tensor);

/* Dense values of a tensor of this shape that lies blocked. */
void mae_layout_unblock(mae_layout layout, const mae_shape *shape, const float *blocked, float *dense);

#endif
