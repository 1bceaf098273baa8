#include "proto.h"

#include <stdlib.h>

#include "mae/types.h"

mae_error *mae_ort_proto_unpack(const void *data, size_t size, const char *what, Onnx__ModelProto **ret_model)
{
    Onnx__ModelProto *model = onnx__model_proto__unpack(NULL, size, data);
    if (!model || !model->graph) {
        onnx__model_proto__free_unpacked(model, NULL);
        return mae_error_new(MAE_ERR_FAILED, "%s cannot be read back", what);
    }
    *ret_model = model;
    return NULL;
}

mae_error *mae_ort_proto_pack(const Onnx__ModelProto *model, void **ret_data, size_t *ret_size)
{
    size_t size = onnx__model_proto__get_packed_size(model);
    void *data = malloc(size + 1);
    if (!data)
        return mae_error_nomem();
    onnx__model_proto__pack(model, data);
    *ret_data = data;
    *ret_size = size;
    return NULL;
}

bool mae_ort_proto_has_subgraph(const Onnx__NodeProto *node)
{
    for (size_t i = 0; i < node->n_attribute; i++) {
        if (node->attribute[i]->g || node->attribute[i]->n_graphs > 0)
            return true;
    }
    return false;
}

mae_error *mae_ort_one_node(const char *op, const char *domain, void **ret_data, size_t *ret_size)
{
    Onnx__ModelProto model = ONNX__MODEL_PROTO__INIT;
    Onnx__GraphProto graph = ONNX__GRAPH_PROTO__INIT;
    Onnx__NodeProto node = ONNX__NODE_PROTO__INIT, *nodes[] = {&node};
    Onnx__OperatorSetIdProto standard = ONNX__OPERATOR_SET_ID_PROTO__INIT, own = ONNX__OPERATOR_SET_ID_PROTO__INIT;
    Onnx__OperatorSetIdProto *sets[] = {&standard, &own};
    Onnx__ValueInfoProto x = ONNX__VALUE_INFO_PROTO__INIT, y = ONNX__VALUE_INFO_PROTO__INIT;
    Onnx__ValueInfoProto *inputs[] = {&x}, *outputs[] = {&y};
    Onnx__TypeProto type = ONNX__TYPE_PROTO__INIT;
    Onnx__TypeProto__Tensor tensor = ONNX__TYPE_PROTO__TENSOR__INIT;
    char *names[] = {(char *)"x", (char *)"y"};
    standard.domain = (char *)"";
    standard.has_version = true;
    standard.version = 13;
    own.domain = (char *)domain;
    own.has_version = true;
    own.version = 1;
    tensor.has_elem_type = true;
    tensor.elem_type = MAE_F32;
    type.value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    type.tensor_type = &tensor;
    x.name = names[0];
    y.name = names[1];
    x.type = y.type = &type;
    node.op_type = (char *)op;
    node.domain = own.domain;
    node.n_input = node.n_output = 1;
    node.input = names;
    node.output = names + 1;
    graph.name = (char *)"probe";
    graph.n_node = graph.n_input = graph.n_output = 1;
    graph.node = nodes;
    graph.input = inputs;
    graph.output = outputs;
    model.has_ir_version = true;
    model.ir_version = 7;
    model.n_opset_import = *domain ? 2 : 1;
    model.opset_import = sets;
    model.graph = &graph;
    return mae_ort_proto_pack(&model, ret_data, ret_size);
}
