/* The shapes of the graph inputs: as declared, as asked for, and a batch of one where nobody says. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "onnx/model.h"

/* Values of symbolic dimensions ("N", "width"): one name means one number everywhere. */
typedef struct symbols {
    mae_names names;
    int64_t *values;
    size_t n;
} symbols;

typedef const Onnx__TensorShapeProto__Dimension dimension;

static const char *symbol_of(dimension *dim)
{
    return dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM ? mae_onnx_text(dim->dim_param) : "";
}

/* The declared size; -1: dynamic. */
static int64_t declared_size(dimension *dim)
{
    bool fixed = dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE && dim->dim_value >= 0;
    return fixed ? dim->dim_value : -1;
}

static mae_error *learn(symbols *s, dimension *dim, int64_t size)
{
    const char *name = symbol_of(dim);
    if (!*name || mae_names_find(&s->names, name) >= 0)
        return NULL;
    s->values[s->n] = size;
    return mae_names_put(&s->names, name, (int)s->n++);
}

/* "1,?,640,640": what a --shape for this input would look like. */
static const char *shape_hint(const Onnx__TensorShapeProto *shape, char *text, size_t size)
{
    size_t used = 0;
    *text = 0;
    for (size_t i = 0; i < shape->n_dim && used < size; i++) {
        int64_t fixed = declared_size(shape->dim[i]);
        if (fixed < 0)
            used += (size_t)snprintf(text + used, size - used, "%s?", i ? "," : "");
        else
            used += (size_t)snprintf(text + used, size - used, "%s%" PRId64, i ? "," : "", fixed);
    }
    return text;
}

static mae_error *check_input(const mae_onnx_model *model, mae_onnx_tensor *input,
                              const Onnx__TensorShapeProto **ret_shape)
{
    const Onnx__TypeProto *type = input->info->type;
    if (!type || type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE || !type->tensor_type)
        return mae_onnx_cannot(model, "input \"%s\" is not a tensor", input->name);
    input->shape.dtype = (mae_dtype)type->tensor_type->elem_type;
    if (input->shape.dtype != MAE_STRING && !mae_dtype_size(input->shape.dtype))
        return mae_onnx_cannot(model, "input \"%s\": elements of ONNX type %d are not supported", input->name,
                               (int)type->tensor_type->elem_type);
    const Onnx__TensorShapeProto *shape = type->tensor_type->shape;
    if (shape && shape->n_dim > MAE_MAX_RANK)
        return mae_onnx_cannot(model, "input \"%s\" has %zu dimensions, more than %d", input->name, shape->n_dim,
                               MAE_MAX_RANK);
    *ret_shape = shape;
    return NULL;
}

static mae_error *apply(const mae_onnx_model *model, mae_onnx_tensor *input, const Onnx__TensorShapeProto *declared,
                        const mae_onnx_shape *asked, symbols *s)
{
    if (asked->rank < 0 || asked->rank > MAE_MAX_RANK || (declared && (size_t)asked->rank != declared->n_dim))
        return mae_error_new(MAE_ERR_USAGE, "%s: --shape %s: %d dimensions, but the input has %zu", model->path,
                             input->name, asked->rank, declared ? declared->n_dim : (size_t)MAE_MAX_RANK);
    for (int i = 0; i < asked->rank; i++) {
        int64_t fixed = declared ? declared_size(declared->dim[i]) : -1;
        if (asked->dims[i] < 0 || (fixed >= 0 && fixed != asked->dims[i]))
            return mae_error_new(MAE_ERR_USAGE,
                                 "%s: --shape %s: dimension %d cannot be %" PRId64 ", the model fixes it", model->path,
                                 input->name, i, asked->dims[i]);
        input->shape.dims[i] = asked->dims[i];
        if (declared)
            MAE_TRY(learn(s, declared->dim[i], asked->dims[i]));
    }
    input->shape.rank = asked->rank;
    input->has_shape = true;
    return NULL;
}

static mae_error *complete(const mae_onnx_model *model, mae_onnx_tensor *input, const Onnx__TensorShapeProto *declared,
                           symbols *s)
{
    char hint[160] = "...";
    if (!declared)
        return mae_error_new(MAE_ERR_USAGE, "%s: input \"%s\" has no shape in the model; give it by --shape %s=%s",
                             model->path, input->name, input->name, hint);
    for (size_t i = 0; i < declared->n_dim; i++) {
        int64_t size = declared_size(declared->dim[i]);
        int known = mae_names_find(&s->names, symbol_of(declared->dim[i]));
        if (size < 0 && known >= 0)
            size = s->values[known];
        if (size < 0 && i == 0) {
            size = 1;
            MAE_TRY(learn(s, declared->dim[i], 1));
        }
        if (size < 0)
            return mae_error_new(MAE_ERR_USAGE, "%s: input \"%s\" has dynamic dimensions; fix them by --shape %s=%s",
                                 model->path, input->name, input->name, shape_hint(declared, hint, sizeof hint));
        input->shape.dims[i] = size;
    }
    input->shape.rank = (int)declared->n_dim;
    input->has_shape = true;
    return NULL;
}

static mae_error *check_names(const mae_onnx_model *model, const mae_onnx_shape *shapes, size_t n_shapes)
{
    for (size_t i = 0; i < n_shapes; i++) {
        int tensor = mae_names_find(&model->names, shapes[i].input);
        if (tensor < 0 || !model->tensors[tensor].is_input)
            return mae_error_new(MAE_ERR_USAGE, "%s: --shape %s: the model has no such input (its first is \"%s\")",
                                 model->path, shapes[i].input,
                                 model->n_inputs ? model->tensors[model->inputs[0]].name : "");
    }
    return NULL;
}

static const mae_onnx_shape *asked_for(const mae_onnx_tensor *input, const mae_onnx_shape *shapes, size_t n_shapes)
{
    for (size_t i = 0; i < n_shapes; i++)
        if (strcmp(shapes[i].input, input->name) == 0)
            return &shapes[i];
    return NULL;
}

mae_error *mae_onnx_fix_inputs(mae_onnx_model *model, const mae_onnx_shape *shapes, size_t n_shapes)
{
    symbols s = {.values = mae_arena_array(model->arena, model->n_inputs * MAE_MAX_RANK, sizeof *s.values)};
    if (!s.values)
        return mae_error_nomem();
    mae_names_init(&s.names, model->arena);
    MAE_TRY(check_names(model, shapes, n_shapes));
    /* What is asked for comes first, so that it fixes the symbols of the others. */
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < model->n_inputs; i++) {
            mae_onnx_tensor *input = &model->tensors[model->inputs[i]];
            const mae_onnx_shape *asked = asked_for(input, shapes, n_shapes);
            const Onnx__TensorShapeProto *declared = NULL;
            MAE_TRY(check_input(model, input, &declared));
            if (asked && pass == 0)
                MAE_TRY(apply(model, input, declared, asked, &s));
            if (!asked && pass == 1)
                MAE_TRY(complete(model, input, declared, &s));
        }
    for (size_t i = 0; i < model->n_inputs; i++) {
        mae_onnx_tensor *input = &model->tensors[model->inputs[i]];
        if (!mae_shape_bytes(&input->shape, &input->bytes) || input->bytes > PTRDIFF_MAX)
            return mae_onnx_wrong(model, "input \"%s\": impossible dimensions", input->name);
    }
    return NULL;
}
