/* Functions that the model brings along are put where they are called: layers are made of operators. */
#include <string.h>

#include "onnx/model.h"

#define MAX_ROUNDS 64 /* functions that call functions that call ... */
#define MAX_NODES (1u << 20)

static const Onnx__FunctionProto *find_function(const Onnx__ModelProto *model, const Onnx__NodeProto *node)
{
    for (size_t i = 0; i < model->n_functions; i++)
        if (strcmp(mae_onnx_text(model->functions[i]->name), mae_onnx_text(node->op_type)) == 0 &&
            strcmp(mae_onnx_text(model->functions[i]->domain), mae_onnx_text(node->domain)) == 0)
            return model->functions[i];
    return NULL;
}

/* ---- operator sets: the function's must be the model's ---- */

static mae_error *import_opset(mae_onnx_model *model, Onnx__OperatorSetIdProto *opset)
{
    Onnx__ModelProto *proto = model->proto;
    for (size_t i = 0; i < proto->n_opset_import; i++) {
        if (strcmp(mae_onnx_text(proto->opset_import[i]->domain), mae_onnx_text(opset->domain)) != 0)
            continue;
        if (proto->opset_import[i]->version == opset->version)
            return NULL;
        return mae_onnx_cannot(model, "a function of opset %lld in a model of opset %lld", (long long)opset->version,
                               (long long)proto->opset_import[i]->version);
    }
    Onnx__OperatorSetIdProto **list = mae_arena_array(model->arena, proto->n_opset_import + 1, sizeof *list);
    if (!list)
        return mae_error_nomem();
    if (proto->n_opset_import)
        memcpy(list, proto->opset_import, proto->n_opset_import * sizeof *list);
    list[proto->n_opset_import++] = opset;
    proto->opset_import = list;
    return NULL;
}

/* ---- one call ---- */

typedef struct call {
    mae_onnx_model *model;
    const Onnx__NodeProto *node;
    const Onnx__FunctionProto *function;
    mae_names names; /* of the function's tensors, with numbers in `outside` */
    char **outside;
    size_t n;
} call;

static mae_error *name_tensor(call *c, const char *inside, char *outside)
{
    if (!outside)
        return mae_error_nomem();
    c->outside[c->n] = outside;
    return mae_names_put(&c->names, inside, (int)c->n++);
}

/* Inputs and outputs are the caller's; what is in between is named after the call's first output. */
static mae_error *name_tensors(call *c)
{
    const Onnx__FunctionProto *f = c->function;
    const Onnx__NodeProto *node = c->node;
    size_t n = f->n_input + f->n_output;
    for (size_t i = 0; i < f->n_node; i++)
        n += f->node[i]->n_output;
    c->outside = mae_arena_array(c->model->arena, n, sizeof *c->outside);
    if (!c->outside)
        return mae_error_nomem();
    mae_names_init(&c->names, c->model->arena);
    for (size_t i = 0; i < f->n_input; i++)
        MAE_TRY(name_tensor(c, f->input[i], i < node->n_input ? node->input[i] : (char *)""));
    for (size_t i = 0; i < f->n_output; i++)
        if (i < node->n_output && *node->output[i])
            MAE_TRY(name_tensor(c, f->output[i], node->output[i]));
    for (size_t i = 0; i < f->n_node; i++)
        for (size_t k = 0; k < f->node[i]->n_output; k++) {
            const char *inside = f->node[i]->output[k];
            if (*inside && mae_names_find(&c->names, inside) < 0)
                MAE_TRY(
                    name_tensor(c, inside,
                                mae_arena_printf(c->model->arena, "%s/%s",
                                                 node->n_output ? node->output[0] : mae_onnx_text(f->name), inside)));
        }
    return NULL;
}

static mae_error *rename_list(const call *c, char **from, size_t n, char ***ret_list)
{
    char **list = mae_arena_array(c->model->arena, n, sizeof *list);
    if (!list)
        return mae_error_nomem();
    for (size_t i = 0; i < n; i++) {
        int known = mae_names_find(&c->names, from[i]);
        if (*from[i] && known < 0)
            return mae_onnx_wrong(c->model, "function \"%s\" reads tensor \"%s\", which nothing in it defines",
                                  mae_onnx_text(c->function->name), from[i]);
        list[i] = known < 0 ? (char *)"" : c->outside[known];
    }
    *ret_list = list;
    return NULL;
}

/* Attributes that refer to the function's own take the call's values; those the call does not give are
 * left to the operator's default. */
static mae_error *bind_attributes(const call *c, Onnx__NodeProto *node)
{
    Onnx__AttributeProto **list = mae_arena_array(c->model->arena, node->n_attribute, sizeof *list);
    if (!list)
        return mae_error_nomem();
    size_t n = 0;
    for (size_t i = 0; i < node->n_attribute; i++) {
        Onnx__AttributeProto *attribute = node->attribute[i];
        if (attribute->g || attribute->n_graphs)
            return mae_onnx_cannot(c->model, "function \"%s\" contains control flow", mae_onnx_text(c->function->name));
        if (*mae_onnx_text(attribute->ref_attr_name)) {
            const Onnx__AttributeProto *given = mae_onnx_attr(c->node, attribute->ref_attr_name);
            Onnx__AttributeProto *copy = given ? mae_arena_copy(c->model->arena, given, sizeof *copy) : NULL;
            if (given && !copy)
                return mae_error_nomem();
            if (copy)
                copy->name = attribute->name;
            attribute = copy;
        }
        if (attribute)
            list[n++] = attribute;
    }
    node->attribute = list;
    node->n_attribute = n;
    return NULL;
}

static mae_error *expand(call *c, Onnx__NodeProto **ret_nodes)
{
    const Onnx__FunctionProto *f = c->function;
    for (size_t i = 0; i < f->n_opset_import; i++)
        MAE_TRY(import_opset(c->model, f->opset_import[i]));
    MAE_TRY(name_tensors(c));
    for (size_t i = 0; i < f->n_node; i++) {
        Onnx__NodeProto *node = mae_arena_copy(c->model->arena, f->node[i], sizeof *node);
        if (!node)
            return mae_error_nomem();
        MAE_TRY(rename_list(c, node->input, node->n_input, &node->input));
        MAE_TRY(rename_list(c, node->output, node->n_output, &node->output));
        MAE_TRY(bind_attributes(c, node));
        node->name = mae_arena_printf(c->model->arena, "%s/%s/%zu", mae_onnx_text(c->node->name),
                                      c->node->n_output ? c->node->output[0] : "", i);
        if (!node->name)
            return mae_error_nomem();
        ret_nodes[i] = node;
    }
    return NULL;
}

/* ---- all calls ---- */

static mae_error *inline_round(mae_onnx_model *model, bool *ret_changed)
{
    Onnx__GraphProto *graph = model->proto->graph;
    size_t n = 0;
    *ret_changed = false;
    for (size_t i = 0; i < graph->n_node; i++) {
        const Onnx__FunctionProto *function = find_function(model->proto, graph->node[i]);
        n += function ? function->n_node : 1;
        *ret_changed |= function != NULL;
    }
    if (!*ret_changed)
        return NULL;
    if (n > MAX_NODES)
        return mae_onnx_wrong(model, "its functions unfold into more than %u nodes", MAX_NODES);
    Onnx__NodeProto **nodes = mae_arena_array(model->arena, n, sizeof *nodes);
    if (!nodes)
        return mae_error_nomem();
    n = 0;
    for (size_t i = 0; i < graph->n_node; i++) {
        call c = {.model = model, .node = graph->node[i], .function = find_function(model->proto, graph->node[i])};
        if (c.function)
            MAE_TRY(expand(&c, nodes + n));
        else
            nodes[n] = graph->node[i];
        n += c.function ? c.function->n_node : 1;
    }
    graph->node = nodes;
    graph->n_node = n;
    return NULL;
}

/* Subgraphs may still call functions; without any, nobody does. */
static bool has_subgraphs(const Onnx__GraphProto *graph)
{
    for (size_t i = 0; i < graph->n_node; i++)
        for (size_t k = 0; k < graph->node[i]->n_attribute; k++)
            if (graph->node[i]->attribute[k]->g || graph->node[i]->attribute[k]->n_graphs)
                return true;
    return false;
}

mae_error *mae_onnx_inline_functions(mae_onnx_model *model)
{
    bool changed = model->proto->n_functions > 0;
    for (int round = 0; changed; round++) {
        if (round == MAX_ROUNDS)
            return mae_onnx_wrong(model, "its functions call each other without end");
        MAE_TRY(inline_round(model, &changed));
    }
    if (!has_subgraphs(model->proto->graph))
        model->proto->n_functions = 0;
    return NULL;
}
