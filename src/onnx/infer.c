/* Which tensors are static (their shape does not depend on the values of the inputs) and which constant
 * (their value does not either), told from the operators alone, before anything runs.
 *
 * Control flow is looked into: an If is static when its condition is constant and both branches are, a Scan
 * when its body is. A Loop is not. */
#include <string.h>

#include "onnx/model.h"

typedef struct state {
    bool is_static, is_constant;
    bool is_other; /* a sequence, a map, an optional */
    bool is_text;  /* strings: their values cannot be folded */
} state;

/* What names mean, innermost graph first; the outermost scope is the model's own tensors. */
typedef struct scope {
    const struct scope *outer;
    const mae_onnx_model *model;
    mae_names names;
    size_t n;
    state *states;
} scope;

/* The output's shape hangs on data. */
static const char *const dynamic_ops[] = {"NonZero",
                                          "NonMaxSuppression",
                                          "Unique",
                                          "Loop",
                                          "StringSplit",
                                          "StringNormalizer",
                                          "ImageDecoder",
                                          "SequenceAt",
                                          "ConcatFromSequence",
                                          "OptionalGetElement",
                                          "OptionalHasElement",
                                          NULL};
/* The output's shape hangs on the values of inputs behind the first. */
static const char *const shaped_by_rest[] = {"Reshape",
                                             "Expand",
                                             "Slice",
                                             "Tile",
                                             "Pad",
                                             "Resize",
                                             "Upsample",
                                             "OneHot",
                                             "TopK",
                                             "Squeeze",
                                             "Unsqueeze",
                                             "Split",
                                             "Compress",
                                             "MaxUnpool",
                                             "AffineGrid",
                                             "CenterCropPad",
                                             "Col2Im",
                                             "DFT",
                                             "STFT",
                                             "ReduceSum",
                                             "ReduceMean",
                                             "ReduceMax",
                                             "ReduceMin",
                                             "ReduceProd",
                                             "ReduceL1",
                                             "ReduceL2",
                                             "ReduceLogSum",
                                             "ReduceLogSumExp",
                                             "ReduceSumSquare",
                                             NULL};
/* ... or on the values of all of them. */
static const char *const shaped_by_all[] = {
    "Range", "ConstantOfShape", "BlackmanWindow", "HannWindow", "HammingWindow", "MelWeightMatrix", NULL};
/* The value hangs on the shape of the input alone. */
static const char *const shape_readers[] = {"Shape", "Size", "EyeLike", NULL};
static const char *const random_ops[] = {
    "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli", NULL};
static const char *const sequence_ops[] = {"SequenceConstruct", "SequenceEmpty", "SequenceInsert", "SequenceErase",
                                           "SplitToSequence",   "SequenceMap",   "Optional",       NULL};
/* Of domain ai.onnx.ml. */
static const char *const map_ops[] = {"ZipMap", "CastMap", "DictVectorizer", NULL};

static const state of_constant = {.is_static = true, .is_constant = true};

static state state_of(const scope *s, const char *name)
{
    if (!*name)
        return of_constant; /* an input left out is the operator's default */
    for (; s->outer; s = s->outer) {
        int i = mae_names_find(&s->names, name);
        if (i >= 0)
            return s->states[i];
    }
    int i = mae_names_find(&s->model->names, name);
    if (i < 0)
        return (state){0};
    const mae_onnx_tensor *tensor = &s->model->tensors[i];
    return (state){tensor->is_static, tensor->is_constant, tensor->is_other, tensor->shape.dtype == MAE_STRING};
}

/* All inputs from `first` on: static, constant; any of them: text, other. */
static state all_inputs(const scope *s, const Onnx__NodeProto *node, size_t first)
{
    state all = of_constant;
    for (size_t i = first; i < node->n_input; i++) {
        state one = state_of(s, node->input[i]);
        all.is_static &= one.is_static;
        all.is_constant &= one.is_constant;
        all.is_text |= one.is_text;
        all.is_other |= one.is_other;
    }
    return all;
}

static bool is_random(const Onnx__NodeProto *node);

static bool graph_is_random(const Onnx__GraphProto *graph)
{
    for (size_t i = 0; i < graph->n_node; i++)
        if (is_random(graph->node[i]))
            return true;
    return false;
}

/* Dropout is random while training only, which its third input says; a Dropout so far left in is not
 * worth telling apart. */
static bool is_random(const Onnx__NodeProto *node)
{
    const char *op = mae_onnx_text(node->op_type);
    if (mae_onnx_op_in(op, random_ops) || (strcmp(op, "Dropout") == 0 && node->n_input > 2))
        return true;
    for (size_t i = 0; i < node->n_attribute; i++)
        if (node->attribute[i]->g && graph_is_random(node->attribute[i]->g))
            return true;
    return false;
}

static bool declared_other(const Onnx__ValueInfoProto *info)
{
    return info->type && info->type->value_case != ONNX__TYPE_PROTO__VALUE__NOT_SET &&
           info->type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
}

/* Does any body of this node say that it gives something other than tensors? */
static bool body_gives_other(const Onnx__NodeProto *node)
{
    for (size_t i = 0; i < node->n_attribute; i++) {
        const Onnx__GraphProto *body = node->attribute[i]->g;
        for (size_t k = 0; body && k < body->n_output; k++)
            if (declared_other(body->output[k]))
                return true;
    }
    return false;
}

static mae_error *body_is_static(const scope *outer, mae_arena *arena, const Onnx__GraphProto *body, bool *ret_static);

/* Are the bodies of this node static, all of them? */
static mae_error *bodies_are_static(const scope *s, mae_arena *arena, const Onnx__NodeProto *node, bool *ret_static)
{
    bool all = true;
    for (size_t i = 0; i < node->n_attribute && all; i++)
        if (node->attribute[i]->g)
            MAE_TRY(body_is_static(s, arena, node->attribute[i]->g, &all));
    *ret_static = all;
    return NULL;
}

/* Strings and sparse values, which cannot be taken out of a run. */
static bool makes_text(const Onnx__NodeProto *node)
{
    const Onnx__AttributeProto *to = mae_onnx_attr(node, "to");
    const char *op = mae_onnx_text(node->op_type);
    if (strcmp(op, "Cast") == 0)
        return to && to->i == MAE_STRING;
    return strcmp(op, "Constant") == 0 && (mae_onnx_attr(node, "value_string") ||
                                           mae_onnx_attr(node, "value_strings") || mae_onnx_attr(node, "sparse_value"));
}

static bool has_body(const Onnx__NodeProto *node)
{
    for (size_t i = 0; i < node->n_attribute; i++)
        if (node->attribute[i]->g || node->attribute[i]->n_graphs)
            return true;
    return false;
}

/* Calls in the graph itself are unfolded by now; what one in a body does is not looked into. */
static bool calls_function(const Onnx__ModelProto *model, const Onnx__NodeProto *node)
{
    for (size_t i = 0; i < model->n_functions; i++)
        if (strcmp(mae_onnx_text(model->functions[i]->name), mae_onnx_text(node->op_type)) == 0)
            return true;
    return false;
}

/* Whether shapes depend on values that are not constant. */
static mae_error *is_static_node(const scope *s, mae_arena *arena, const Onnx__NodeProto *node, bool *ret_static)
{
    const char *op = mae_onnx_text(node->op_type);
    bool fixed = !mae_onnx_op_in(op, dynamic_ops) && !calls_function(s->model->proto, node);
    if (fixed && mae_onnx_op_in(op, shaped_by_rest))
        fixed = all_inputs(s, node, 1).is_constant;
    if (fixed && mae_onnx_op_in(op, shaped_by_all))
        fixed = all_inputs(s, node, 0).is_constant;
    if (fixed && strcmp(op, "If") == 0)
        fixed = all_inputs(s, node, 0).is_constant;
    if (fixed && has_body(node))
        MAE_TRY(bodies_are_static(s, arena, node, &fixed));
    *ret_static = fixed;
    return NULL;
}

/* What the outputs of a node are. `captures_constant`: what its subgraphs read from outside is constant. */
static mae_error *node_state(const scope *s, mae_arena *arena, const Onnx__NodeProto *node, bool captures_constant,
                             state *ret_state)
{
    const char *op = mae_onnx_text(node->op_type);
    state in = all_inputs(s, node, 0), out = {0};
    MAE_TRY(is_static_node(s, arena, node, &out.is_static));
    out.is_other = mae_onnx_op_in(op, sequence_ops) || mae_onnx_op_in(op, map_ops) || body_gives_other(node) ||
                   (in.is_other && strcmp(op, "Identity") == 0);
    /* A tensor taken out of something else: nothing is known of it. */
    out.is_static = out.is_static && in.is_static && !in.is_other && !out.is_other;
    out.is_text = makes_text(node) || (in.is_text && strcmp(op, "LabelEncoder") != 0);
    out.is_constant =
        in.is_constant && captures_constant && !in.is_other && !out.is_other && !out.is_text && !is_random(node);
    if (mae_onnx_op_in(op, shape_readers) && in.is_static)
        out.is_constant = true;
    if (out.is_constant) /* the run tells its shape, whatever the operator */
        out.is_static = true;
    *ret_state = out;
    return NULL;
}

/* ---- bodies ---- */

static mae_error *put(scope *s, const char *name, state value)
{
    s->states[s->n] = value;
    return mae_names_put(&s->names, mae_onnx_text(name), (int)s->n++);
}

static mae_error *scope_of_body(const scope *outer, mae_arena *arena, const Onnx__GraphProto *body, scope *ret_scope)
{
    scope s = {.outer = outer, .model = outer->model};
    mae_names_init(&s.names, arena);
    size_t n = body->n_input + body->n_initializer;
    for (size_t i = 0; i < body->n_node; i++)
        n += body->node[i]->n_output;
    s.states = mae_arena_array(arena, n, sizeof *s.states);
    if (!s.states)
        return mae_error_nomem();
    for (size_t i = 0; i < body->n_input; i++)
        MAE_TRY(put(&s, body->input[i]->name,
                    (state){.is_static = !declared_other(body->input[i]), .is_other = declared_other(body->input[i])}));
    for (size_t i = 0; i < body->n_initializer; i++)
        MAE_TRY(put(&s, body->initializer[i]->name, of_constant));
    *ret_scope = s;
    return NULL;
}

static mae_error *body_is_static(const scope *outer, mae_arena *arena, const Onnx__GraphProto *body, bool *ret_static)
{
    scope s;
    bool all = true;
    MAE_TRY(scope_of_body(outer, arena, body, &s));
    for (size_t i = 0; i < body->n_node; i++) {
        const Onnx__NodeProto *node = body->node[i];
        state out;
        /* Whether what a nested body reads is constant is not looked into. */
        MAE_TRY(node_state(&s, arena, node, !has_body(node), &out));
        for (size_t k = 0; k < node->n_output; k++)
            MAE_TRY(put(&s, node->output[k], out));
    }
    for (size_t i = 0; i < body->n_output; i++)
        all &= state_of(&s, mae_onnx_text(body->output[i]->name)).is_static;
    *ret_static = all;
    return NULL;
}

/* ---- the graph ---- */

static bool captures_constant(const mae_onnx_model *model, const mae_onnx_node *node)
{
    for (size_t i = 0; i < node->n_captures; i++)
        if (!model->tensors[node->inputs[node->n_inputs + i]].is_constant)
            return false;
    return true;
}

static bool captures_static(const mae_onnx_model *model, const mae_onnx_node *node)
{
    for (size_t i = 0; i < node->n_captures; i++)
        if (!model->tensors[node->inputs[node->n_inputs + i]].is_static)
            return false;
    return true;
}

/* Declared types of tensors that are not plain: sequences out of operators not in the lists above. */
static void mark_declared(mae_onnx_model *model)
{
    const Onnx__GraphProto *graph = model->proto->graph;
    for (size_t i = 0; i < graph->n_value_info + graph->n_output; i++) {
        const Onnx__ValueInfoProto *info =
            i < graph->n_value_info ? graph->value_info[i] : graph->output[i - graph->n_value_info];
        int tensor = mae_names_find(&model->names, mae_onnx_text(info->name));
        if (tensor >= 0 && declared_other(info))
            model->tensors[tensor].is_other = true;
    }
}

mae_error *mae_onnx_infer(mae_onnx_model *model)
{
    scope s = {.model = model};
    mark_declared(model);
    for (size_t i = 0; i < model->n_inputs; i++)
        model->tensors[model->inputs[i]].is_static = true;
    for (size_t n = 0; n < model->n_nodes; n++) {
        mae_onnx_node *node = &model->nodes[n];
        state out;
        MAE_TRY(node_state(&s, model->arena, node->proto, captures_constant(model, node), &out));
        node->is_constant = true;
        for (size_t i = 0; i < node->n_outputs; i++) {
            mae_onnx_tensor *tensor = node->outputs[i] < 0 ? NULL : &model->tensors[node->outputs[i]];
            if (!tensor)
                continue;
            tensor->is_other |= out.is_other;
            tensor->is_constant = out.is_constant && !tensor->is_other;
            tensor->is_static = out.is_static && !tensor->is_other && captures_static(model, node);
            node->is_constant &= tensor->is_constant;
            if (out.is_text)
                tensor->shape.dtype = MAE_STRING;
        }
    }
    for (size_t i = 0; i < model->n_outputs; i++)
        if (model->tensors[model->outputs[i]].is_other)
            return mae_onnx_cannot(model, "graph output \"%s\" is not a tensor",
                                   model->tensors[model->outputs[i]].name);
    return NULL;
}
