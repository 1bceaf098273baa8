#include "blocked.h"

#include <string.h>

#include "core/graph.h"
#include "core/layout.h"
#include "proto.h"

#define DOMAIN "com.microsoft.nchwc"

static bool is_blocked(const mae_ort_laid *laid, size_t input)
{
    return laid->borders->inputs[input] != MAE_LAYOUT_DENSE;
}

bool mae_ort_blocked_is_wanted(const mae_ort_laid *laid)
{
    if (!laid->borders || laid->layout == MAE_LAYOUT_DENSE)
        return false;
    for (size_t i = 0; i < laid->segment->n_inputs; i++)
        if (is_blocked(laid, i))
            return true;
    for (size_t i = 0; i < laid->segment->n_outputs; i++)
        if (laid->borders->offers[i] & MAE_LAYOUT_BIT(laid->layout))
            return true;
    return false;
}

/* -- stand-ins -- */

/* A one for each channel. */
static mae_error *add_ones(const mae_ort_laid *laid, int64_t channels, char *name, Onnx__GraphProto *graph)
{
    Onnx__TensorProto *tensor = mae_arena_alloc(laid->arena, sizeof *tensor);
    int64_t *dims = mae_arena_array(laid->arena, 4, sizeof *dims);
    float *ones = mae_arena_array(laid->arena, (size_t)channels, sizeof *ones);
    if (!tensor || !dims || !ones)
        return mae_error_nomem();
    for (int64_t c = 0; c < channels; c++)
        ones[c] = 1.0f;
    dims[0] = channels;
    dims[1] = dims[2] = dims[3] = 1;
    onnx__tensor_proto__init(tensor);
    tensor->name = name;
    tensor->has_data_type = true;
    tensor->data_type = MAE_F32;
    tensor->n_dims = 4;
    tensor->dims = dims;
    tensor->has_raw_data = true;
    tensor->raw_data = (ProtobufCBinaryData){(size_t)channels * sizeof *ones, (uint8_t *)ones};
    graph->initializer[graph->n_initializer++] = tensor;
    return NULL;
}

/* A convolution of each channel by itself. */
static mae_error *add_convolution(const mae_ort_laid *laid, int64_t channels, char *from, char *ones, char *to,
                                  Onnx__GraphProto *graph)
{
    Onnx__NodeProto *node = mae_arena_alloc(laid->arena, sizeof *node);
    Onnx__AttributeProto *group = mae_arena_alloc(laid->arena, sizeof *group);
    Onnx__AttributeProto **attributes = mae_arena_array(laid->arena, 1, sizeof(void *));
    char **names = mae_arena_array(laid->arena, 3, sizeof(void *));
    if (!node || !group || !attributes || !names)
        return mae_error_nomem();
    onnx__attribute_proto__init(group);
    group->name = (char *)"group";
    group->has_type = true;
    group->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
    group->has_i = true;
    group->i = channels;
    attributes[0] = group;
    names[0] = from;
    names[1] = ones;
    names[2] = to;
    onnx__node_proto__init(node);
    node->op_type = (char *)"Conv";
    node->name = from;
    node->n_input = 2;
    node->input = names;
    node->n_output = 1;
    node->output = names + 2;
    node->n_attribute = 1;
    node->attribute = attributes;
    graph->node[graph->n_node++] = node;
    return NULL;
}

static char *stand_in_name(const mae_ort_laid *laid, size_t input)
{
    return mae_arena_printf(laid->arena, "mae-border-%zu", input);
}

static Onnx__ValueInfoProto *renamed(const mae_ort_laid *laid, const Onnx__ValueInfoProto *info, const char *name)
{
    Onnx__ValueInfoProto *copy = mae_arena_copy(laid->arena, info, sizeof *info);
    if (copy)
        copy->name = (char *)name;
    return copy;
}

/* The tensor is made an output, too, so that the engine fuses nothing into the stand-in. */
static mae_error *add_stand_in(const mae_ort_laid *laid, size_t input, Onnx__GraphProto *graph)
{
    const mae_tensor *tensor = &laid->graph->tensors[laid->segment->inputs[input]];
    char *from = stand_in_name(laid, input), *ones = mae_arena_printf(laid->arena, "mae-ones-%zu", input);
    char *to = mae_arena_strdup(laid->arena, tensor->name);
    Onnx__ValueInfoProto *info = renamed(laid, graph->input[input], from);
    if (!from || !ones || !to || !info)
        return mae_error_nomem();
    graph->output[graph->n_output++] = graph->input[input];
    graph->input[input] = info;
    MAE_TRY(add_ones(laid, tensor->shape.dims[1], ones, graph));
    return add_convolution(laid, tensor->shape.dims[1], from, ones, to, graph);
}

/* The list with room for `more` entries, in the arena. */
static void *grown(const mae_ort_laid *laid, const void *list, size_t n, size_t more)
{
    void *copy = mae_arena_array(laid->arena, n + more + 1, sizeof(void *));
    if (copy && n > 0)
        memcpy(copy, list, n * sizeof(void *));
    return copy;
}

mae_error *mae_ort_blocked_extend(const mae_ort_laid *laid, Onnx__GraphProto *graph)
{
    size_t n = laid->segment->n_inputs, n_nodes = graph->n_node;
    Onnx__NodeProto **nodes = graph->node;
    graph->input = grown(laid, graph->input, graph->n_input, 0);
    graph->output = grown(laid, graph->output, graph->n_output, n);
    graph->initializer = grown(laid, graph->initializer, graph->n_initializer, n);
    graph->node = grown(laid, NULL, 0, n_nodes + n);
    if (!graph->input || !graph->output || !graph->initializer || !graph->node)
        return mae_error_nomem();
    graph->n_node = 0;
    for (size_t i = 0; i < n; i++)
        if (is_blocked(laid, i))
            MAE_TRY(add_stand_in(laid, i, graph));
    memcpy(graph->node + graph->n_node, nodes, n_nodes * sizeof(void *));
    graph->n_node += n_nodes;
    return NULL;
}

/* -- and off again -- */

static bool is_blocked_op(const Onnx__NodeProto *node, const char *op)
{
    return node->domain && node->op_type && strcmp(node->domain, DOMAIN) == 0 && strcmp(node->op_type, op) == 0;
}

static bool is_reorder(const Onnx__NodeProto *node, const char *op)
{
    if (!is_blocked_op(node, op) || node->n_input != 1 || node->n_output != 1)
        return false;
    for (size_t i = 0; i < node->n_attribute; i++)
        if (strcmp(node->attribute[i]->name, "channels_last") == 0 && node->attribute[i]->i != 0)
            return false;
    return true;
}

/* The only node that reads a tensor; -1: there is another number of them, or nobody knows. */
static int only_reader(const Onnx__GraphProto *graph, const char *name)
{
    int reader = -1;
    for (size_t n = 0; n < graph->n_node; n++) {
        if (mae_ort_proto_has_subgraph(graph->node[n]))
            return -1;
        for (size_t i = 0; i < graph->node[n]->n_input; i++) {
            if (strcmp(graph->node[n]->input[i], name) != 0)
                continue;
            if (reader >= 0)
                return -1;
            reader = (int)n;
        }
    }
    return reader;
}

static bool is_read(const Onnx__GraphProto *graph, const char *name)
{
    for (size_t n = 0; n < graph->n_node; n++) {
        if (mae_ort_proto_has_subgraph(graph->node[n]))
            return true;
        for (size_t i = 0; i < graph->node[n]->n_input; i++)
            if (strcmp(graph->node[n]->input[i], name) == 0)
                return true;
    }
    return false;
}

static int maker(const Onnx__GraphProto *graph, const char *name)
{
    for (size_t n = 0; n < graph->n_node; n++)
        for (size_t i = 0; i < graph->node[n]->n_output; i++)
            if (strcmp(graph->node[n]->output[i], name) == 0)
                return (int)n;
    return -1;
}

static Onnx__ValueInfoProto **find_info(Onnx__ValueInfoProto **list, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i]->name, name) == 0)
            return &list[i];
    return NULL;
}

/* The lists are the arena's; the messages stay who made them. */
static void drop_node(Onnx__GraphProto *graph, int node)
{
    graph->n_node--;
    memmove(graph->node + node, graph->node + node + 1, (graph->n_node - (size_t)node) * sizeof(void *));
}

static void drop_output(Onnx__GraphProto *graph, const char *name)
{
    Onnx__ValueInfoProto **info = find_info(graph->output, graph->n_output, name);
    if (!info)
        return;
    graph->n_output--;
    memmove(info, info + 1, (size_t)(graph->output + graph->n_output - info) * sizeof(void *));
}

/* What makes the dense tensor of a blocked one goes where nobody needs it. */
static void drop_unread_reorder(Onnx__GraphProto *graph, const char *tensor)
{
    int node = maker(graph, tensor);
    if (node >= 0 && is_reorder(graph->node[node], "ReorderOutput") && !is_read(graph, tensor))
        drop_node(graph, node);
}

static mae_error *strip_input(mae_ort_laid *laid, size_t input, Onnx__GraphProto *graph)
{
    const char *name = laid->graph->tensors[laid->segment->inputs[input]].name;
    char *stand_in = stand_in_name(laid, input);
    if (!stand_in)
        return mae_error_nomem();
    Onnx__ValueInfoProto **info = find_info(graph->input, graph->n_input, stand_in);
    int reorder = only_reader(graph, stand_in);
    int conv = reorder >= 0 && is_reorder(graph->node[reorder], "ReorderInput")
                   ? only_reader(graph, graph->node[reorder]->output[0])
                   : -1;
    if (!info || conv < 0 || !is_blocked_op(graph->node[conv], "Conv") || graph->node[conv]->n_output != 1)
        return mae_error_new(MAE_ERR_UNSUPPORTED, "ONNX Runtime does not block tensor \"%s\"", name);
    laid->inputs[input] = mae_arena_strdup(laid->arena, graph->node[conv]->output[0]);
    *info = renamed(laid, *info, laid->inputs[input]);
    if (!laid->inputs[input] || !*info)
        return mae_error_nomem();
    drop_node(graph, conv > reorder ? conv : reorder);
    drop_node(graph, conv > reorder ? reorder : conv);
    drop_output(graph, name);
    drop_unread_reorder(graph, name);
    return NULL;
}

static mae_error *strip_output(mae_ort_laid *laid, size_t output, Onnx__GraphProto *graph)
{
    const char *name = laid->graph->tensors[laid->segment->outputs[output]].name;
    Onnx__ValueInfoProto **info = find_info(graph->output, graph->n_output, name);
    int node = maker(graph, name);
    if (!info || node < 0 || !is_reorder(graph->node[node], "ReorderOutput"))
        return NULL;
    const char *blocked = graph->node[node]->input[0];
    if (find_info(graph->input, graph->n_input, blocked) || find_info(graph->output, graph->n_output, blocked))
        return NULL;
    laid->outputs[output] = mae_arena_strdup(laid->arena, blocked);
    *info = renamed(laid, *info, laid->outputs[output]);
    if (!laid->outputs[output] || !*info)
        return mae_error_nomem();
    laid->output_layouts[output] = laid->layout;
    drop_unread_reorder(graph, name);
    return NULL;
}

mae_error *mae_ort_blocked_strip(mae_ort_laid *laid, Onnx__GraphProto *graph)
{
    graph->node = grown(laid, graph->node, graph->n_node, 0);
    graph->input = grown(laid, graph->input, graph->n_input, 0);
    graph->output = grown(laid, graph->output, graph->n_output, 0);
    if (!graph->node || !graph->input || !graph->output)
        return mae_error_nomem();
    for (size_t i = 0; i < laid->segment->n_inputs; i++)
        if (is_blocked(laid, i))
            MAE_TRY(strip_input(laid, i, graph));
    for (size_t i = 0; i < laid->segment->n_outputs; i++)
        if (laid->borders->offers[i] & MAE_LAYOUT_BIT(laid->layout))
            MAE_TRY(strip_output(laid, i, graph));
    return NULL;
}
