/* Plain types that users and backends share. */
#ifndef MAE_TYPES_H
#define MAE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAE_MAX_RANK 8

/* Element types; the values are those of ONNX's TensorProto.DataType. */
typedef enum mae_dtype {
    MAE_DTYPE_NONE = 0,
    MAE_F32 = 1,
    MAE_U8 = 2,
    MAE_I8 = 3,
    MAE_U16 = 4,
    MAE_I16 = 5,
    MAE_I32 = 6,
    MAE_I64 = 7,
    MAE_STRING = 8,
    MAE_BOOL = 9,
    MAE_F16 = 10,
    MAE_F64 = 11,
    MAE_U32 = 12,
    MAE_U64 = 13,
    MAE_BF16 = 16
} mae_dtype;

/* Element type and dense row-major shape. A rank of 0 is a scalar. */
typedef struct mae_shape {
    mae_dtype dtype;
    int rank;
    int64_t dims[MAE_MAX_RANK];
} mae_shape;

#endif
