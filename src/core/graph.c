#include "core/graph.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct {
    mae_dtype dtype;
    size_t bytes;
    const char *name;
} dtypes[] = {
    {MAE_DTYPE_NONE, 0, "none"}, {MAE_F32, 4, "f32"},   {MAE_U8, 1, "u8"},     {MAE_I8, 1, "i8"},
    {MAE_U16, 2, "u16"},         {MAE_I16, 2, "i16"},   {MAE_I32, 4, "i32"},   {MAE_I64, 8, "i64"},
    {MAE_STRING, 0, "string"},   {MAE_BOOL, 1, "bool"}, {MAE_F16, 2, "f16"},   {MAE_F64, 8, "f64"},
    {MAE_U32, 4, "u32"},         {MAE_U64, 8, "u64"},   {MAE_BF16, 2, "bf16"},
};

static size_t dtype_row(mae_dtype dtype)
{
    for (size_t i = 1; i < sizeof dtypes / sizeof *dtypes; i++)
        if (dtypes[i].dtype == dtype)
            return i;
    return 0;
}

size_t mae_dtype_size(mae_dtype dtype)
{
    return dtypes[dtype_row(dtype)].bytes;
}

const char *mae_dtype_name(mae_dtype dtype)
{
    return dtypes[dtype_row(dtype)].name;
}

mae_dtype mae_dtype_parse(const char *name)
{
    for (size_t i = 1; i < sizeof dtypes / sizeof *dtypes; i++)
        if (strcmp(dtypes[i].name, name) == 0)
            return dtypes[i].dtype;
    return MAE_DTYPE_NONE;
}

const char *mae_kind_name(mae_kind kind)
{
    static const char *const names[MAE_KIND_COUNT] = {
        [MAE_KIND_OTHER] = "other",     [MAE_KIND_CONV1X1] = "conv1x1",     [MAE_KIND_CONV3X3] = "conv3x3",
        [MAE_KIND_CONV] = "conv",       [MAE_KIND_DEPTHWISE] = "depthwise", [MAE_KIND_DECONV] = "deconv",
        [MAE_KIND_GEMM] = "gemm",       [MAE_KIND_POOL] = "pool",           [MAE_KIND_ELTWISE] = "eltwise",
        [MAE_KIND_NORM] = "norm",       [MAE_KIND_SOFTMAX] = "softmax",     [MAE_KIND_REDUCE] = "reduce",
        [MAE_KIND_RESIZE] = "resize",   [MAE_KIND_MOVE] = "move",           [MAE_KIND_RECURRENT] = "recurrent",
        [MAE_KIND_CONTROL] = "control",
    };
    return (unsigned)kind < MAE_KIND_COUNT ? names[kind] : "other";
}

bool mae_shape_count(const mae_shape *shape, size_t *ret_elements)
{
    size_t n = 1;
    for (int i = 0; i < shape->rank; i++) {
        if (shape->dims[i] < 0)
            return false;
        if (__builtin_mul_overflow(n, (size_t)shape->dims[i], &n))
            return false;
    }
    *ret_elements = n;
    return true;
}

bool mae_shape_bytes(const mae_shape *shape, size_t *ret_bytes)
{
    size_t n;
    return mae_shape_count(shape, &n) && !__builtin_mul_overflow(n, mae_dtype_size(shape->dtype), ret_bytes);
}

bool mae_shape_equal(const mae_shape *a, const mae_shape *b)
{
    return a->dtype == b->dtype && a->rank == b->rank &&
           memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims) == 0;
}

const char *mae_shape_text(const mae_shape *shape, char *text, size_t size)
{
    size_t used = 0;
    if (size)
        text[0] = 0;
    for (int i = 0; i < shape->rank && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%" PRId64, i ? "x" : "", shape->dims[i]);
    if (used < size)
        snprintf(text + used, size - used, "%s%s", shape->rank ? " " : "scalar ", mae_dtype_name(shape->dtype));
    return text;
}

const mae_attr *mae_node_attr(const mae_node *node, const char *name)
{
    for (size_t i = 0; i < node->n_attrs; i++)
        if (strcmp(node->attrs[i].name, name) == 0)
            return &node->attrs[i];
    return NULL;
}

int64_t mae_node_int(const mae_node *node, const char *name, int64_t otherwise)
{
    const mae_attr *attr = mae_node_attr(node, name);
    return attr && attr->type == MAE_ATTR_INT ? attr->i : otherwise;
}

float mae_node_float(const mae_node *node, const char *name, float otherwise)
{
    const mae_attr *attr = mae_node_attr(node, name);
    return attr && attr->type == MAE_ATTR_FLOAT ? attr->f : otherwise;
}

const char *mae_node_string(const mae_node *node, const char *name, const char *otherwise)
{
    const mae_attr *attr = mae_node_attr(node, name);
    return attr && attr->type == MAE_ATTR_STRING ? attr->s : otherwise;
}

/* ---- elements of constants; memcpy because weights stand where the model file put them ---- */

static double f16_value(uint16_t bits)
{
    int exponent = bits >> 10 & 31;
    double fraction = bits & 1023, sign = bits & 0x8000 ? -1 : 1;
    if (exponent == 31)
        return fraction != 0 ? (double)NAN : sign * (double)INFINITY;
    return sign * (exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24));
}

static double bf16_value(uint16_t bits)
{
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return (double)value;
}

/* Reads element i of `tensor` as `type` into `variable`. */
#define READ(type, variable)                                                                                           \
    type variable;                                                                                                     \
    memcpy(&(variable), (const char *)tensor->data + i * sizeof(variable), sizeof(variable))

#define RETURN_AS(type, result)                                                                                        \
    do {                                                                                                               \
        READ(type, value_);                                                                                            \
        return (result)value_;                                                                                         \
    } while (0)

int64_t mae_tensor_i64(const mae_tensor *tensor, size_t i)
{
    switch (tensor->shape.dtype) {
    case MAE_U8:
    case MAE_BOOL:
        RETURN_AS(uint8_t, int64_t);
    case MAE_I8:
        RETURN_AS(int8_t, int64_t);
    case MAE_U16:
        RETURN_AS(uint16_t, int64_t);
    case MAE_I16:
        RETURN_AS(int16_t, int64_t);
    case MAE_I32:
        RETURN_AS(int32_t, int64_t);
    case MAE_U32:
        RETURN_AS(uint32_t, int64_t);
    default:
        RETURN_AS(int64_t, int64_t);
    }
}

double mae_tensor_f64(const mae_tensor *tensor, size_t i)
{
    switch (tensor->shape.dtype) {
    case MAE_F32:
        RETURN_AS(float, double);
    case MAE_F64:
        RETURN_AS(double, double);
    case MAE_F16: {
        READ(uint16_t, bits);
        return f16_value(bits);
    }
    case MAE_BF16: {
        READ(uint16_t, bits);
        return bf16_value(bits);
    }
    default:
        return (double)mae_tensor_i64(tensor, i);
    }
}

/* ---- borders ---- */

static bool in_list(const int *list, size_t n, int value)
{
    for (size_t i = 0; i < n; i++)
        if (list[i] == value)
            return true;
    return false;
}

static bool used_after(const mae_graph *graph, int tensor, int last)
{
    if (graph->tensors[tensor].is_output)
        return true;
    for (size_t l = (size_t)last + 1; l < graph->n_layers; l++)
        if (in_list(graph->layers[l].inputs, graph->layers[l].n_inputs, tensor))
            return true;
    return false;
}

mae_error *mae_segment_make(const mae_graph *graph, int first, int last, mae_arena *arena, mae_segment *ret_segment)
{
    size_t most_in = 0, most_out = 0;
    for (int l = first; l <= last; l++) {
        most_in += graph->layers[l].n_inputs;
        most_out += graph->layers[l].n_outputs;
    }
    int *inputs = mae_arena_array(arena, most_in, sizeof *inputs);
    int *outputs = mae_arena_array(arena, most_out, sizeof *outputs);
    if (!inputs || !outputs)
        return mae_error_nomem();
    mae_segment segment = {first, last, 0, inputs, 0, outputs};
    for (int l = first; l <= last; l++) {
        const mae_layer *layer = &graph->layers[l];
        for (size_t i = 0; i < layer->n_inputs; i++) {
            int tensor = layer->inputs[i];
            if (graph->tensors[tensor].producer_layer < first && !in_list(inputs, segment.n_inputs, tensor))
                inputs[segment.n_inputs++] = tensor;
        }
        for (size_t i = 0; i < layer->n_outputs; i++)
            if (used_after(graph, layer->outputs[i], last))
                outputs[segment.n_outputs++] = layer->outputs[i];
    }
    *ret_segment = segment;
    return NULL;
}
