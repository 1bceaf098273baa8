#include "proto.h"

#include <stdlib.h>

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
