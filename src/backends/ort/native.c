/* Which layout the engine's blocked one is. */
#include <onnx.pb-c.h>
#include <stdlib.h>

#include "blocked.h"
#include "core/graph.h"
#include "core/layout.h"
#include "proto.h"

#define CHANNELS 32
#define PLANE 2 /* values of a channel */

/* One reordering, whose result has the channels of its input. */
static mae_error *pack_probe(void **ret_data, size_t *ret_size)
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
    own.domain = (char *)"com.microsoft.nchwc";
    own.has_version = true;
    own.version = 1;
    tensor.has_elem_type = true;
    tensor.elem_type = MAE_F32;
    type.value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    type.tensor_type = &tensor;
    x.name = names[0];
    y.name = names[1];
    x.type = y.type = &type;
    node.op_type = (char *)"ReorderInput";
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
    model.n_opset_import = 2;
    model.opset_import = sets;
    model.graph = &graph;
    return mae_ort_proto_pack(&model, ret_data, ret_size);
}

static mae_layout layout_of(const float *blocked)
{
    const mae_shape shape = {MAE_F32, 4, {1, CHANNELS, 1, PLANE}};
    float dense[CHANNELS * PLANE];
    for (mae_layout layout = MAE_LAYOUT_BLOCKED8; layout <= MAE_LAYOUT_BLOCKED16; layout++) {
        mae_layout_unblock(layout, &shape, blocked, dense);
        int i = 0;
        while (i < CHANNELS * PLANE && dense[i] == (float)i)
            i++;
        if (i == CHANNELS * PLANE)
            return layout;
    }
    return MAE_LAYOUT_DENSE;
}

static mae_error *run_probe(const mae_ort *ort, OrtSession *session, mae_layout *ret_layout)
{
    static const mae_shape shape = {MAE_F32, 4, {1, CHANNELS, 1, PLANE}};
    static const char *const input = "x", *const output = "y";
    float values[CHANNELS * PLANE], blocked[CHANNELS * PLANE];
    OrtValue *x = NULL, *y = NULL;
    for (int i = 0; i < CHANNELS * PLANE; i++)
        values[i] = (float)i;
    mae_error *error = mae_ort_value_wrap(ort, &shape, values, sizeof values, &x);
    if (!error)
        error = mae_ort_value_wrap(ort, &shape, blocked, sizeof blocked, &y);
    if (!error)
        error =
            mae_ort_check(ort, ort->api->Run(session, NULL, &input, (const OrtValue *const *)&x, 1, &output, 1, &y));
    if (!error)
        *ret_layout = layout_of(blocked);
    if (x)
        ort->api->ReleaseValue(x);
    if (y)
        ort->api->ReleaseValue(y);
    return error;
}

mae_layout mae_ort_native_layout(const mae_ort *ort)
{
    static const mae_ort_session_config config = {.threads = 1};
    mae_layout layout = MAE_LAYOUT_DENSE;
    OrtSession *session = NULL;
    void *data = NULL;
    mae_onnx_blob model = {0};
    mae_error *error = pack_probe(&data, &model.size);
    model.data = data;
    if (!error)
        error = mae_ort_session_create(ort, &model, &config, &session);
    free(data);
    if (!error)
        error = run_probe(ort, session, &layout);
    if (session)
        ort->api->ReleaseSession(session);
    mae_error_free(error); /* an engine without such operators has no such layout */
    return layout;
}
