/* Tensors of the engine and ours. */
#include "ort.h"

/* Both follow TensorProto.DataType, so no table is needed. */
_Static_assert((int)MAE_F32 == (int)ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, "f32");
_Static_assert((int)MAE_STRING == (int)ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING, "string");
_Static_assert((int)MAE_U64 == (int)ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64, "u64");
_Static_assert((int)MAE_BF16 == (int)ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16, "bf16");

mae_error *mae_ort_value_wrap(const mae_ort *ort, const mae_shape *shape, void *data, size_t bytes,
                              OrtValue **ret_value)
{
    OrtValue *value = NULL;
    MAE_TRY(mae_ort_check(
        ort, ort->api->CreateTensorWithDataAsOrtValue(ort->cpu, data, bytes, shape->dims, (size_t)shape->rank,
                                                      (ONNXTensorElementDataType)shape->dtype, &value)));
    *ret_value = value;
    return NULL;
}

static mae_error *read_shape(const mae_ort *ort, const OrtTensorTypeAndShapeInfo *info, mae_shape *ret_shape)
{
    ONNXTensorElementDataType type;
    size_t rank;
    MAE_TRY(mae_ort_check(ort, ort->api->GetTensorElementType(info, &type)));
    MAE_TRY(mae_ort_check(ort, ort->api->GetDimensionsCount(info, &rank)));
    if (rank > MAE_MAX_RANK)
        return mae_error_new(MAE_ERR_UNSUPPORTED, "a tensor of %zu dimensions; %d are supported", rank, MAE_MAX_RANK);
    mae_shape shape = {.dtype = (mae_dtype)type, .rank = (int)rank};
    MAE_TRY(mae_ort_check(ort, ort->api->GetDimensions(info, shape.dims, rank)));
    *ret_shape = shape;
    return NULL;
}

mae_error *mae_ort_value_shape(const mae_ort *ort, const OrtValue *value, mae_shape *ret_shape)
{
    enum ONNXType kind;
    int present;
    MAE_TRY(mae_ort_check(ort, ort->api->GetValueType(value, &kind)));
    MAE_TRY(mae_ort_check(ort, ort->api->HasValue(value, &present)));
    if (kind != ONNX_TYPE_TENSOR || !present) {
        *ret_shape = (mae_shape){.dtype = MAE_DTYPE_NONE};
        return NULL;
    }
    OrtTensorTypeAndShapeInfo *info = NULL;
    MAE_TRY(mae_ort_check(ort, ort->api->GetTensorTypeAndShape(value, &info)));
    mae_error *error = read_shape(ort, info, ret_shape);
    ort->api->ReleaseTensorTypeAndShapeInfo(info);
    return error;
}
