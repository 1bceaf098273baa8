#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "onnx/model.h"
#include "onnx/wire.h"

#define MAX_TENSOR_FILE_BYTES ((size_t)1 << 31)

static mae_error *read_shape(const Onnx__TensorProto *proto, mae_shape *ret_shape)
{
    mae_shape shape = {.dtype = (mae_dtype)proto->data_type};
    if (shape.dtype != MAE_STRING && !mae_dtype_size(shape.dtype))
        return mae_error_new(MAE_ERR_UNSUPPORTED, "elements of ONNX type %d are not supported", (int)proto->data_type);
    if (proto->n_dims > MAE_MAX_RANK)
        return mae_error_new(MAE_ERR_UNSUPPORTED, "%zu dimensions, more than %d", proto->n_dims, MAE_MAX_RANK);
    shape.rank = (int)proto->n_dims;
    for (size_t i = 0; i < proto->n_dims; i++)
        shape.dims[i] = proto->dims[i];
    size_t bytes;
    if (!mae_shape_bytes(&shape, &bytes) || bytes > PTRDIFF_MAX)
        return mae_error_new(MAE_ERR_INPUT, "impossible dimensions");
    *ret_shape = shape;
    return NULL;
}

/* Where a TensorProto keeps values that are not raw, by element type (onnx.proto). */
static const void *typed_values(const Onnx__TensorProto *proto, mae_dtype dtype, size_t *ret_n, size_t *ret_size)
{
    switch (dtype) {
    case MAE_F32:
        *ret_n = proto->n_float_data;
        *ret_size = sizeof *proto->float_data;
        return proto->float_data;
    case MAE_F64:
        *ret_n = proto->n_double_data;
        *ret_size = sizeof *proto->double_data;
        return proto->double_data;
    case MAE_I64:
        *ret_n = proto->n_int64_data;
        *ret_size = sizeof *proto->int64_data;
        return proto->int64_data;
    case MAE_U32:
    case MAE_U64:
        *ret_n = proto->n_uint64_data;
        *ret_size = sizeof *proto->uint64_data;
        return proto->uint64_data;
    default:
        *ret_n = proto->n_int32_data;
        *ret_size = sizeof *proto->int32_data;
        return proto->int32_data;
    }
}

static mae_error *read_typed(const Onnx__TensorProto *proto, const mae_shape *shape, size_t elements, mae_arena *arena,
                             const void **ret_data)
{
    size_t n, stride, size = mae_dtype_size(shape->dtype);
    const uint8_t *values = typed_values(proto, shape->dtype, &n, &stride);
    if (n != elements)
        return mae_error_new(MAE_ERR_INPUT, "%zu values where the shape has %zu elements", n, elements);
    if (size == stride && n) {
        *ret_data = values;
        return NULL;
    }
    /* Narrow types are stored wide; a little-endian number's low bytes come first. */
    uint8_t *data = mae_arena_array(arena, n, size);
    if (!data)
        return mae_error_nomem();
    for (size_t i = 0; i < n; i++)
        memcpy(data + i * size, values + i * stride, size);
    *ret_data = data;
    return NULL;
}

mae_error *mae_onnx_tensor_unpack(const Onnx__TensorProto *proto, mae_arena *arena, mae_shape *ret_shape,
                                  const void **ret_data, size_t *ret_bytes)
{
    mae_shape shape;
    size_t elements = 0, bytes = 0;
    MAE_TRY(read_shape(proto, &shape));
    if (!mae_shape_count(&shape, &elements) || !mae_shape_bytes(&shape, &bytes))
        return mae_error_new(MAE_ERR_INPUT, "impossible dimensions");
    if (proto->segment)
        return mae_error_new(MAE_ERR_UNSUPPORTED, "stored in segments");
    if (proto->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL)
        return mae_error_new(MAE_ERR_INPUT, "its values lie in another file");
    const void *data = NULL;
    if (shape.dtype == MAE_STRING) {
        if (proto->n_string_data != elements)
            return mae_error_new(MAE_ERR_INPUT, "%zu strings where the shape has %zu elements", proto->n_string_data,
                                 elements);
    } else if (proto->has_raw_data && (proto->raw_data.len || !elements)) {
        if (proto->raw_data.len != bytes)
            return mae_error_new(MAE_ERR_INPUT, "%zu bytes of values where the shape has %zu", proto->raw_data.len,
                                 bytes);
        data = bytes ? proto->raw_data.data : mae_arena_alloc(arena, 0);
        if (!data)
            return mae_error_nomem();
    } else {
        MAE_TRY(read_typed(proto, &shape, elements, arena, &data));
    }
    *ret_shape = shape;
    *ret_data = data;
    *ret_bytes = bytes;
    return NULL;
}

/* ---- tensor files ---- */

static mae_error *unpack_file(const char *path, const void *file, size_t size, mae_arena *arena, char **ret_name,
                              mae_shape *ret_shape, void **ret_data, size_t *ret_bytes)
{
    ProtobufCAllocator allocator = mae_onnx_allocator(arena);
    MAE_TRY(mae_wire_check(path, &onnx__tensor_proto__descriptor, file, size));
    const Onnx__TensorProto *proto = onnx__tensor_proto__unpack(&allocator, size, file);
    if (!proto)
        return mae_error_new(MAE_ERR_INPUT, "%s: not an ONNX tensor", path);
    mae_shape shape;
    const void *values = NULL;
    size_t bytes = 0;
    MAE_TRY(mae_error_wrap(mae_onnx_tensor_unpack(proto, arena, &shape, &values, &bytes), "%s", path));
    char *name = strdup(mae_onnx_text(proto->name));
    void *data = values ? malloc(bytes ? bytes : 1) : NULL;
    if (!name || (values && !data)) {
        free(name);
        free(data);
        return mae_error_nomem();
    }
    if (values)
        memcpy(data, values, bytes);
    *ret_name = name;
    *ret_shape = shape;
    *ret_data = data;
    *ret_bytes = bytes;
    return NULL;
}

mae_error *mae_onnx_read_tensor(const char *path, char **ret_name, mae_shape *ret_shape, void **ret_data,
                                size_t *ret_bytes)
{
    void *file = NULL;
    size_t size = 0;
    MAE_TRY(mae_file_read(path, MAX_TENSOR_FILE_BYTES, &file, &size));
    mae_arena *arena = mae_arena_create();
    mae_error *error =
        arena ? unpack_file(path, file, size, arena, ret_name, ret_shape, ret_data, ret_bytes) : mae_error_nomem();
    mae_arena_destroy(arena);
    free(file);
    return error;
}
