/* ModelProto -> tensors and nodes, everything that names something checked. */
#include <limits.h>
#include <string.h>

#include "onnx/model.h"

#define OLDEST_IR 3 /* the first with opset imports */

bool mae_onnx_op_in(const char *op, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(op, *list) == 0)
            return true;
    return false;
}

bool mae_onnx_node_is(const mae_onnx_node *node, const char *op)
{
    return !*node->domain && strcmp(node->op, op) == 0;
}

const Onnx__AttributeProto *mae_onnx_attr(const Onnx__NodeProto *node, const char *name)
{
    for (size_t i = 0; i < node->n_attribute; i++)
        if (strcmp(mae_onnx_text(node->attribute[i]->name), name) == 0)
            return node->attribute[i];
    return NULL;
}

/* "ai.onnx" is the standard domain's other name. */
static const char *domain_of(const char *domain)
{
    return strcmp(mae_onnx_text(domain), "ai.onnx") == 0 ? "" : mae_onnx_text(domain);
}

static mae_error *check_model(const mae_onnx_model *model)
{
    const Onnx__ModelProto *proto = model->proto;
    const Onnx__GraphProto *graph = proto->graph;
    if (!proto->has_ir_version || proto->ir_version < OLDEST_IR)
        return mae_onnx_wrong(model, "ONNX IR version %lld: not an ONNX model, or older than version %d",
                              (long long)proto->ir_version, OLDEST_IR);
    if (!proto->n_opset_import)
        return mae_onnx_wrong(model, "no opset_import");
    if (!graph->n_node)
        return mae_onnx_wrong(model, "the graph has no nodes");
    if (!graph->n_output)
        return mae_onnx_wrong(model, "the graph has no outputs");
    if (graph->n_sparse_initializer)
        return mae_onnx_cannot(model, "sparse initializers are not supported");
    return NULL;
}

/* ---- tensors ---- */

/* Upper bound: every place that could define a name. */
static mae_error *make_room(mae_onnx_model *model)
{
    const Onnx__GraphProto *graph = model->proto->graph;
    size_t n = graph->n_input + graph->n_initializer;
    for (size_t i = 0; i < graph->n_node; i++)
        n += graph->node[i]->n_output;
    if (n > INT_MAX / 4 || graph->n_node > INT_MAX / 4)
        return mae_onnx_wrong(model, "too many tensors");
    model->tensors = mae_arena_array(model->arena, n, sizeof *model->tensors);
    model->nodes = mae_arena_array(model->arena, graph->n_node, sizeof *model->nodes);
    model->inputs = mae_arena_array(model->arena, graph->n_input, sizeof *model->inputs);
    model->outputs = mae_arena_array(model->arena, graph->n_output, sizeof *model->outputs);
    if (!model->tensors || !model->nodes || !model->inputs || !model->outputs)
        return mae_error_nomem();
    mae_names_init(&model->names, model->arena);
    return NULL;
}

static mae_error *add_tensor(mae_onnx_model *model, const char *name, const char *what, int *ret_tensor)
{
    if (!*mae_onnx_text(name))
        return mae_onnx_wrong(model, "%s without a name", what);
    if (mae_names_find(&model->names, name) >= 0)
        return mae_onnx_wrong(model, "tensor \"%s\" is defined twice", name);
    int number = (int)model->n_tensors;
    MAE_TRY(mae_names_put(&model->names, name, number));
    model->tensors[model->n_tensors++] = (mae_onnx_tensor){.name = name, .producer = -1, .alias = -1, .number = -1};
    *ret_tensor = number;
    return NULL;
}

static mae_error *add_constant(mae_onnx_model *model, const Onnx__TensorProto *proto, const char *name)
{
    int number;
    MAE_TRY(add_tensor(model, name, "an initializer", &number));
    mae_onnx_tensor *tensor = &model->tensors[number];
    tensor->proto = proto;
    tensor->is_constant = tensor->is_static = tensor->has_shape = true;
    return mae_error_wrap(mae_onnx_tensor_unpack(proto, model->arena, &tensor->shape, &tensor->data, &tensor->bytes),
                          "%s: initializer \"%s\"", model->path, name);
}

static mae_error *add_inputs(mae_onnx_model *model)
{
    const Onnx__GraphProto *graph = model->proto->graph;
    for (size_t i = 0; i < graph->n_input; i++) {
        const char *name = mae_onnx_text(graph->input[i]->name);
        int number = mae_names_find(&model->names, name);
        /* An initializer among the inputs is a default value, which nobody overrides here. */
        if (number >= 0 && model->tensors[number].is_constant)
            continue;
        MAE_TRY(add_tensor(model, name, "an input", &number));
        model->tensors[number].is_input = true;
        model->tensors[number].info = graph->input[i];
        model->inputs[model->n_inputs++] = number;
    }
    return NULL;
}

static mae_error *mark_outputs(mae_onnx_model *model)
{
    const Onnx__GraphProto *graph = model->proto->graph;
    for (size_t i = 0; i < graph->n_output; i++) {
        const char *name = mae_onnx_text(graph->output[i]->name);
        int number = mae_names_find(&model->names, name);
        if (number < 0)
            return mae_onnx_wrong(model, "graph output \"%s\" is not produced by any node", name);
        if (model->tensors[number].is_output)
            return mae_onnx_wrong(model, "graph output \"%s\" is listed twice", name);
        model->tensors[number].is_output = true;
        if (!model->tensors[number].info)
            model->tensors[number].info = graph->output[i];
        model->outputs[model->n_outputs++] = number;
    }
    return NULL;
}

/* ---- Constant nodes are initializers by another name ---- */

/* The value of a Constant given as numbers in an attribute, as a tensor; NULL: given in some other way. */
static mae_error *number_constant(mae_onnx_model *model, const Onnx__NodeProto *node, Onnx__TensorProto **ret_proto)
{
    static const char *const names[] = {"value_float", "value_floats", "value_int", "value_ints"};
    const Onnx__AttributeProto *value = NULL;
    size_t which = 0;
    for (; which < 4 && !value; which++)
        value = mae_onnx_attr(node, names[which]);
    if (!value)
        return NULL;
    bool is_float = which <= 2, is_list = which % 2 == 0;
    Onnx__TensorProto *proto = mae_arena_alloc(model->arena, sizeof *proto);
    int64_t *dims = mae_arena_alloc(model->arena, sizeof *dims);
    if (!proto || !dims)
        return mae_error_nomem();
    onnx__tensor_proto__init(proto);
    proto->data_type = is_float ? MAE_F32 : MAE_I64;
    proto->has_data_type = true;
    proto->n_float_data = !is_float ? 0 : is_list ? value->n_floats : 1;
    proto->float_data = is_list ? value->floats : (float *)&value->f;
    proto->n_int64_data = is_float ? 0 : is_list ? value->n_ints : 1;
    proto->int64_data = is_list ? value->ints : (int64_t *)&value->i;
    proto->dims = dims;
    proto->n_dims = is_list ? 1 : 0;
    *dims = (int64_t)(is_float ? proto->n_float_data : proto->n_int64_data);
    *ret_proto = proto;
    return NULL;
}

static mae_error *constant_value(mae_onnx_model *model, const Onnx__NodeProto *node, Onnx__TensorProto **ret_proto)
{
    if (strcmp(mae_onnx_text(node->op_type), "Constant") != 0 || *domain_of(node->domain) || node->n_output != 1)
        return NULL;
    const Onnx__AttributeProto *value = mae_onnx_attr(node, "value");
    if (!value || !value->t)
        return number_constant(model, node, ret_proto);
    *ret_proto = value->t;
    return NULL;
}

/* ---- nodes ---- */

static mae_error *opset_of(const mae_onnx_model *model, const char *domain, const char *op, int *ret_opset)
{
    const Onnx__ModelProto *proto = model->proto;
    for (size_t i = 0; i < proto->n_opset_import; i++)
        if (strcmp(domain_of(proto->opset_import[i]->domain), domain) == 0) {
            int64_t version = proto->opset_import[i]->version;
            if (version < 1 || version > INT_MAX)
                break;
            *ret_opset = (int)version;
            return NULL;
        }
    return mae_onnx_wrong(model, "operator %s: the model imports no valid opset of domain \"%s\"", op, domain);
}

static mae_error *add_node(mae_onnx_model *model, const Onnx__NodeProto *proto)
{
    int number = (int)model->n_nodes;
    mae_onnx_node *node = &model->nodes[model->n_nodes++];
    if (!*mae_onnx_text(proto->op_type))
        return mae_onnx_wrong(model, "node \"%s\" without an operator", mae_onnx_text(proto->name));
    *node = (mae_onnx_node){.proto = proto, .op = proto->op_type, .domain = domain_of(proto->domain), .group = -1};
    MAE_TRY(opset_of(model, node->domain, node->op, &node->opset));
    node->n_outputs = proto->n_output;
    node->outputs = mae_arena_array(model->arena, proto->n_output, sizeof *node->outputs);
    if (!node->outputs)
        return mae_error_nomem();
    for (size_t i = 0; i < proto->n_output; i++) {
        node->outputs[i] = -1;
        if (!*proto->output[i])
            continue;
        MAE_TRY(add_tensor(model, proto->output[i], "an output", &node->outputs[i]));
        model->tensors[node->outputs[i]].producer = number;
    }
    return NULL;
}

static mae_error *add_nodes(mae_onnx_model *model)
{
    const Onnx__GraphProto *graph = model->proto->graph;
    for (size_t i = 0; i < graph->n_node; i++) {
        Onnx__TensorProto *value = NULL;
        MAE_TRY(constant_value(model, graph->node[i], &value));
        if (value)
            MAE_TRY(add_constant(model, value, graph->node[i]->output[0]));
        else
            MAE_TRY(add_node(model, graph->node[i]));
    }
    return NULL;
}

static mae_error *find_input(mae_onnx_model *model, const mae_onnx_node *node, const char *name, int *ret_tensor)
{
    *ret_tensor = -1;
    if (!*name)
        return NULL;
    *ret_tensor = mae_names_find(&model->names, name);
    if (*ret_tensor < 0)
        return mae_onnx_wrong(model, "node \"%s\" (%s) reads tensor \"%s\", which nothing defines",
                              mae_onnx_text(node->proto->name), node->op, name);
    return NULL;
}

static mae_error *connect(mae_onnx_model *model, mae_onnx_node *node)
{
    const Onnx__NodeProto *proto = node->proto;
    const char **captures = NULL;
    MAE_TRY(mae_onnx_captures(proto, model->arena, &captures, &node->n_captures));
    node->n_inputs = proto->n_input;
    node->inputs = mae_arena_array(model->arena, node->n_inputs + node->n_captures, sizeof *node->inputs);
    if (!node->inputs)
        return mae_error_nomem();
    for (size_t i = 0; i < node->n_inputs; i++)
        MAE_TRY(find_input(model, node, proto->input[i], &node->inputs[i]));
    for (size_t i = 0; i < node->n_captures; i++) {
        MAE_TRY(find_input(model, node, captures[i], &node->inputs[node->n_inputs + i]));
        model->tensors[node->inputs[node->n_inputs + i]].is_captured = true;
    }
    return NULL;
}

mae_error *mae_onnx_model_build(mae_onnx_model *model)
{
    const Onnx__GraphProto *graph = model->proto->graph;
    MAE_TRY(check_model(model));
    MAE_TRY(make_room(model));
    for (size_t i = 0; i < graph->n_initializer; i++)
        MAE_TRY(add_constant(model, graph->initializer[i], graph->initializer[i]->name));
    MAE_TRY(add_inputs(model));
    MAE_TRY(add_nodes(model));
    MAE_TRY(mark_outputs(model));
    for (size_t i = 0; i < model->n_nodes; i++)
        MAE_TRY(connect(model, &model->nodes[i]));
    return mae_onnx_model_sort(model);
}
