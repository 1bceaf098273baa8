#include "cli/tensor.h"

#include <inttypes.h>
#include <stdio.h>

#include "mae/mae.h"

void cli_tensor_clear(cli_tensor *tensor)
{
    free(tensor->name);
    free(tensor->data);
    *tensor = (cli_tensor){0};
}

size_t cli_dtype_size(mae_dtype dtype)
{
    switch (dtype) {
    case MAE_U8:
    case MAE_I8:
    case MAE_BOOL:
        return 1;
    case MAE_U16:
    case MAE_I16:
    case MAE_F16:
    case MAE_BF16:
        return 2;
    case MAE_F32:
    case MAE_I32:
    case MAE_U32:
        return 4;
    case MAE_F64:
    case MAE_I64:
    case MAE_U64:
        return 8;
    default:
        return 0;
    }
}

bool cli_shape_bytes(const mae_shape *shape, size_t *ret_bytes)
{
    size_t bytes = cli_dtype_size(shape->dtype);
    if (bytes == 0 || shape->rank < 0 || shape->rank > MAE_MAX_RANK)
        return false;
    for (int i = 0; i < shape->rank; i++) {
        if (shape->dims[i] < 0 || __builtin_mul_overflow(bytes, (uint64_t)shape->dims[i], &bytes))
            return false;
    }
    *ret_bytes = bytes;
    return true;
}

const char *cli_shape_text(const mae_shape *shape, char text[static 256])
{
    int n = snprintf(text, 256, "%s [", mae_dtype_text(shape->dtype));
    for (int i = 0; i < shape->rank && i < MAE_MAX_RANK; i++)
        n += snprintf(text + n, 256 - (size_t)n, "%s%" PRId64, i ? ", " : "", shape->dims[i]);
    snprintf(text + n, 256 - (size_t)n, "]");
    return text;
}
