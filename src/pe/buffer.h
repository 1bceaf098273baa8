/* Host memory of buffers. */
#ifndef MAE_PE_BUFFER_H
#define MAE_PE_BUFFER_H

#include "base/error.h"
#include "mae/backend.h"

/* At least so many bytes of zeroed memory, aligned to 64; what there was is kept if it is enough, else gone. `bytes` of
 * the buffer becomes its capacity. Fits mae_buffer.grow. */
MAE_MUST_CHECK mae_error *mae_buffer_reserve(mae_buffer *buffer, size_t bytes);

/* Gives up what was reserved. */
void mae_buffer_release(mae_buffer *buffer);

/* Whether a tensor can lie in a buffer at a segment's border; MAE_ERR_UNSUPPORTED for strings. */
MAE_MUST_CHECK mae_error *mae_buffer_check(const mae_tensor *tensor);

#endif
