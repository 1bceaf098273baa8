#include <string.h>

#include "onnx/write.h"

#define EMBEDDED_BYTES 1024       /* constants up to here are inside the model */
#define LEAST_IR 4                /* from here on initializers need not be graph inputs */
#define WEIGHT_LOCATION "weights" /* ONNX wants a location of external data; nothing is read from it */

mae_error *mae_onnx_writer_begin(mae_onnx_writer *writer, const Onnx__ModelProto *source, const mae_onnx_room *room)
{
    mae_onnx_writer w = {.arena = mae_arena_create()};
    if (!w.arena)
        return mae_error_nomem();
    onnx__model_proto__init(&w.model);
    onnx__graph_proto__init(&w.graph);
    w.model.has_ir_version = true;
    w.model.ir_version = source->ir_version < LEAST_IR ? LEAST_IR : source->ir_version;
    w.model.n_opset_import = source->n_opset_import;
    w.model.opset_import = source->opset_import;
    w.model.n_functions = source->n_functions;
    w.model.functions = source->functions;
    w.model.producer_name = (char *)"mae";
    w.graph.name = (char *)"part";
    w.graph.node = mae_arena_array(w.arena, room->nodes, sizeof *w.graph.node);
    w.graph.input = mae_arena_array(w.arena, room->inputs, sizeof *w.graph.input);
    w.graph.output = mae_arena_array(w.arena, room->outputs, sizeof *w.graph.output);
    w.graph.initializer = mae_arena_array(w.arena, room->constants, sizeof *w.graph.initializer);
    w.weights = mae_arena_array(w.arena, room->constants, sizeof *w.weights);
    if (!w.graph.node || !w.graph.input || !w.graph.output || !w.graph.initializer || !w.weights) {
        mae_arena_destroy(w.arena);
        return mae_error_nomem();
    }
    *writer = w;
    return NULL;
}

void mae_onnx_writer_abandon(mae_onnx_writer *writer)
{
    mae_arena_destroy(writer->arena);
    writer->arena = NULL;
}

mae_error *mae_onnx_writer_node(mae_onnx_writer *writer, const Onnx__NodeProto *node, char **inputs, size_t n_inputs,
                                char **outputs)
{
    Onnx__NodeProto *copy = mae_arena_copy(writer->arena, node, sizeof *node);
    if (!copy)
        return mae_error_nomem();
    if (inputs) {
        copy->input = inputs;
        copy->n_input = n_inputs;
    }
    if (outputs)
        copy->output = outputs;
    copy->doc_string = NULL;
    writer->graph.node[writer->graph.n_node++] = copy;
    return NULL;
}

static mae_error *make_shape(mae_arena *arena, const mae_shape *shape, Onnx__TensorShapeProto **ret_shape)
{
    Onnx__TensorShapeProto *proto = mae_arena_alloc(arena, sizeof *proto);
    Onnx__TensorShapeProto__Dimension *dims = mae_arena_array(arena, (size_t)shape->rank, sizeof *dims);
    Onnx__TensorShapeProto__Dimension **list = mae_arena_array(arena, (size_t)shape->rank, sizeof *list);
    if (!proto || !dims || !list)
        return mae_error_nomem();
    onnx__tensor_shape_proto__init(proto);
    for (int i = 0; i < shape->rank; i++) {
        onnx__tensor_shape_proto__dimension__init(&dims[i]);
        dims[i].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
        dims[i].dim_value = shape->dims[i];
        list[i] = &dims[i];
    }
    proto->n_dim = (size_t)shape->rank;
    proto->dim = list;
    *ret_shape = proto;
    return NULL;
}

static mae_error *make_info(mae_arena *arena, const char *name, const mae_shape *shape, bool is_static,
                            Onnx__ValueInfoProto **ret_info)
{
    Onnx__ValueInfoProto *info = mae_arena_alloc(arena, sizeof *info);
    Onnx__TypeProto *type = mae_arena_alloc(arena, sizeof *type);
    Onnx__TypeProto__Tensor *tensor = mae_arena_alloc(arena, sizeof *tensor);
    if (!info || !type || !tensor)
        return mae_error_nomem();
    onnx__value_info_proto__init(info);
    onnx__type_proto__init(type);
    onnx__type_proto__tensor__init(tensor);
    info->name = (char *)name;
    if (shape && shape->dtype != MAE_DTYPE_NONE) {
        info->type = type;
        type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
        type->tensor_type = tensor;
        tensor->has_elem_type = true;
        tensor->elem_type = (int32_t)shape->dtype;
        if (is_static)
            MAE_TRY(make_shape(arena, shape, &tensor->shape));
    }
    *ret_info = info;
    return NULL;
}

mae_error *mae_onnx_writer_input(mae_onnx_writer *writer, const char *name, const mae_shape *shape, bool is_static)
{
    return make_info(writer->arena, name, shape, is_static, &writer->graph.input[writer->graph.n_input++]);
}

mae_error *mae_onnx_writer_output(mae_onnx_writer *writer, const char *name, const mae_shape *shape, bool is_static)
{
    return make_info(writer->arena, name, shape, is_static, &writer->graph.output[writer->graph.n_output++]);
}

static mae_error *mark_external(mae_arena *arena, Onnx__TensorProto *proto)
{
    Onnx__StringStringEntryProto *entry = mae_arena_alloc(arena, sizeof *entry);
    Onnx__StringStringEntryProto **list = mae_arena_alloc(arena, sizeof *list);
    if (!entry || !list)
        return mae_error_nomem();
    onnx__string_string_entry_proto__init(entry);
    entry->key = (char *)"location";
    entry->value = (char *)WEIGHT_LOCATION;
    list[0] = entry;
    proto->n_external_data = 1;
    proto->external_data = list;
    proto->has_data_location = true;
    proto->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    return NULL;
}

mae_error *mae_onnx_writer_constant(mae_onnx_writer *writer, const mae_onnx_constant *constant)
{
    const mae_shape *shape = constant->shape;
    Onnx__TensorProto *proto = mae_arena_alloc(writer->arena, sizeof *proto);
    int64_t *dims = mae_arena_copy(writer->arena, shape->dims, (size_t)shape->rank * sizeof *dims);
    if (!proto || !dims)
        return mae_error_nomem();
    onnx__tensor_proto__init(proto);
    proto->name = (char *)constant->name;
    proto->has_data_type = true;
    proto->data_type = (int32_t)shape->dtype;
    proto->n_dims = (size_t)shape->rank;
    proto->dims = dims;
    if (shape->dtype == MAE_STRING && constant->proto) {
        proto->n_string_data = constant->proto->n_string_data;
        proto->string_data = constant->proto->string_data;
    } else if (constant->bytes <= EMBEDDED_BYTES) {
        proto->has_raw_data = true;
        proto->raw_data = (ProtobufCBinaryData){constant->bytes, (uint8_t *)constant->data};
    } else {
        MAE_TRY(mark_external(writer->arena, proto));
        writer->weights[writer->n_weights++] =
            (mae_onnx_weight){constant->name, shape, constant->data, constant->bytes};
    }
    writer->graph.initializer[writer->graph.n_initializer++] = proto;
    return NULL;
}

mae_error *mae_onnx_writer_finish(mae_onnx_writer *writer, mae_onnx_blob *ret_blob)
{
    writer->model.graph = &writer->graph;
    size_t size = onnx__model_proto__get_packed_size(&writer->model);
    uint8_t *data = mae_arena_alloc(writer->arena, size);
    if (!data)
        return mae_error_nomem();
    onnx__model_proto__pack(&writer->model, data);
    *ret_blob = (mae_onnx_blob){data, size, writer->n_weights, writer->weights, writer->arena};
    return NULL;
}

void mae_onnx_blob_free(mae_onnx_blob *blob)
{
    mae_arena_destroy(blob->arena);
    *blob = (mae_onnx_blob){0};
}
