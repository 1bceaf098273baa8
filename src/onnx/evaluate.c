/* One run of the whole model, every tensor an output: its shapes are the shapes, and what is
 * constant has its value. The engine's word on both is the only one that counts.
 *
 * That run takes zeros, or ones; some models can take neither. The shape that a Reshape gives is an input; an If hangs
 * on one, and the branch that any numbers lead to does not fit the shapes of the others (a network for two sampling
 * rates takes frames of two lengths). Then all is run but what hangs on the values of inputs, whose shapes would not be
 * known anyway, and the types of that are those that the model declares. */
#include <string.h>

#include "onnx/write.h"

typedef struct run {
    mae_onnx_model *model;
    const char **names; /* of the outputs wanted */
    int *tensors;
    size_t n;
    const bool *needed; /* per tensor: keep the value */
    bool fixed_only;    /* leave out nodes whose outputs are not static */
} run;

static bool is_left_out(const run *r, int node)
{
    const mae_onnx_node *n = &r->model->nodes[node];
    for (size_t i = 0; r->fixed_only && i < n->n_outputs; i++)
        if (n->outputs[i] >= 0 && !r->model->tensors[n->outputs[i]].is_static)
            return true;
    return false;
}

bool mae_onnx_node_stays(const mae_onnx_model *model, const mae_onnx_node *node)
{
    if (!node->is_constant)
        return true;
    for (size_t i = 0; i < node->n_outputs; i++)
        if (node->outputs[i] >= 0 && model->tensors[node->outputs[i]].is_output)
            return true;
    return false;
}

/* Constants that a node which stays reads. */
static bool *find_needed(const mae_onnx_model *model)
{
    bool *needed = mae_arena_array(model->arena, model->n_tensors, sizeof *needed);
    for (size_t n = 0; needed && n < model->n_nodes; n++) {
        const mae_onnx_node *node = &model->nodes[n];
        for (size_t i = 0; i < node->n_inputs + node->n_captures; i++)
            if (node->inputs[i] >= 0 && mae_onnx_node_stays(model, node))
                needed[node->inputs[i]] = true;
    }
    return needed;
}

static mae_error *list_outputs(run *r)
{
    mae_onnx_model *model = r->model;
    r->names = mae_arena_array(model->arena, model->n_tensors, sizeof *r->names);
    r->tensors = mae_arena_array(model->arena, model->n_tensors, sizeof *r->tensors);
    if (!r->names || !r->tensors)
        return mae_error_nomem();
    for (size_t i = 0; i < model->n_tensors; i++) {
        int producer = model->tensors[i].producer;
        if (producer < 0 || model->tensors[i].is_other || is_left_out(r, producer))
            continue;
        r->names[r->n] = model->tensors[i].name;
        r->tensors[r->n++] = (int)i;
    }
    return NULL;
}

static mae_error *write_parts(const run *r, mae_onnx_writer *writer)
{
    const mae_onnx_model *model = r->model;
    for (size_t i = 0; i < model->n_nodes; i++)
        if (!is_left_out(r, (int)i))
            MAE_TRY(mae_onnx_writer_node(writer, model->nodes[i].proto, NULL, 0, NULL));
    for (size_t i = 0; i < model->n_inputs; i++) {
        const mae_onnx_tensor *input = &model->tensors[model->inputs[i]];
        MAE_TRY(mae_onnx_writer_input(writer, input->name, &input->shape, true));
    }
    for (size_t i = 0; i < r->n; i++)
        MAE_TRY(mae_onnx_writer_output(writer, r->names[i], NULL, false));
    for (size_t i = 0; i < model->n_tensors; i++) {
        const mae_onnx_tensor *tensor = &model->tensors[i];
        if (!tensor->proto)
            continue;
        mae_onnx_constant constant = {tensor->name, &tensor->shape, tensor->data, tensor->bytes, tensor->proto};
        MAE_TRY(mae_onnx_writer_constant(writer, &constant));
    }
    return NULL;
}

static mae_error *write_model(const run *r, mae_onnx_blob *ret_blob)
{
    const mae_onnx_model *model = r->model;
    mae_onnx_room room = {model->n_nodes, model->n_inputs, r->n, model->n_tensors};
    mae_onnx_writer writer;
    MAE_TRY(mae_onnx_writer_begin(&writer, model->proto, &room));
    mae_error *error = write_parts(r, &writer);
    if (!error)
        error = mae_onnx_writer_finish(&writer, ret_blob);
    if (error)
        mae_onnx_writer_abandon(&writer);
    return error;
}

static mae_error *take_value(void *ctx, size_t output, const mae_onnx_value *value)
{
    run *r = ctx;
    if (output >= r->n)
        return mae_error_new(MAE_ERR_FAILED, "the engine gave an output that nobody asked for");
    mae_onnx_tensor *tensor = &r->model->tensors[r->tensors[output]];
    size_t bytes;
    if (value->shape.rank < 0 || value->shape.rank > MAE_MAX_RANK || !mae_shape_bytes(&value->shape, &bytes))
        return mae_error_new(MAE_ERR_UNSUPPORTED, "tensor \"%s\": a shape that is not supported", tensor->name);
    tensor->shape = value->shape;
    tensor->has_shape = true;
    tensor->bytes = bytes;
    bool is_plain = value->shape.dtype != MAE_DTYPE_NONE;
    if (!is_plain) { /* elements without a type here: such a tensor must not leave its layer */
        tensor->is_other = true;
        tensor->is_static = false;
    }
    if (!tensor->is_constant || !r->needed[r->tensors[output]])
        return NULL;
    if (!is_plain || (!value->data && bytes))
        return mae_error_new(MAE_ERR_UNSUPPORTED, "tensor \"%s\": a constant of type %s cannot be folded", tensor->name,
                             mae_dtype_name(value->shape.dtype));
    tensor->data = mae_arena_copy(r->model->arena, value->data, bytes);
    return tensor->data ? NULL : mae_error_nomem();
}

/* 1 in each element type; floats by their bits. */
static void fill_ones(const mae_shape *shape, uint8_t *data, size_t bytes)
{
    static const float one32 = 1.0f;
    static const double one64 = 1.0;
    static const uint16_t one16 = 0x3c00, brain16 = 0x3f80;
    static const uint64_t integer = 1; /* its first bytes are 1 in every smaller integer type */
    const void *one = shape->dtype == MAE_F32    ? (const void *)&one32
                      : shape->dtype == MAE_F64  ? (const void *)&one64
                      : shape->dtype == MAE_F16  ? (const void *)&one16
                      : shape->dtype == MAE_BF16 ? (const void *)&brain16
                                                 : (const void *)&integer;
    size_t size = mae_dtype_size(shape->dtype);
    for (size_t i = 0; size && i + size <= bytes; i += size)
        memcpy(data + i, one, size);
}

static mae_error *make_inputs(const mae_onnx_model *model, bool ones, mae_arena *arena, mae_onnx_value **ret_inputs)
{
    mae_onnx_value *inputs = mae_arena_array(arena, model->n_inputs, sizeof *inputs);
    if (!inputs)
        return mae_error_nomem();
    for (size_t i = 0; i < model->n_inputs; i++) {
        const mae_onnx_tensor *input = &model->tensors[model->inputs[i]];
        bool is_text = input->shape.dtype == MAE_STRING;
        uint8_t *data = is_text ? NULL : mae_arena_alloc(arena, input->bytes);
        if (!is_text && !data)
            return mae_error_nomem();
        if (ones && data)
            fill_ones(&input->shape, data, input->bytes);
        inputs[i] = (mae_onnx_value){input->name, input->shape, data, input->bytes};
    }
    *ret_inputs = inputs;
    return NULL;
}

static mae_error *run_on(run *r, bool ones, const mae_onnx_evaluator *evaluator, const mae_onnx_blob *blob)
{
    mae_arena *arena = mae_arena_create(); /* inputs may be large, and are not needed for long */
    if (!arena)
        return mae_error_nomem();
    mae_onnx_value *inputs = NULL;
    mae_error *error = make_inputs(r->model, ones, arena, &inputs);
    if (!error)
        error = evaluator->run(evaluator->ctx, blob, inputs, r->model->n_inputs, r->names, r->n, take_value, r);
    mae_arena_destroy(arena);
    return error;
}

/* Zeros; where a model cannot take those (a divisor, a step, a number of classes among its inputs), ones. */
static mae_error *run_once(run *r, const mae_onnx_evaluator *evaluator, const mae_onnx_blob *blob)
{
    mae_error *error = run_on(r, false, evaluator, blob);
    if (mae_error_code(error) != MAE_ERR_INPUT || !r->model->n_inputs)
        return error;
    mae_error *again = run_on(r, true, evaluator, blob);
    mae_error_free(again ? again : error);
    return again ? error : NULL;
}

static mae_error *check_all_seen(const run *r)
{
    for (size_t i = 0; i < r->model->n_outputs; i++)
        if (r->model->tensors[r->model->outputs[i]].is_other)
            return mae_error_new(MAE_ERR_UNSUPPORTED,
                                 "graph output \"%s\" has elements of a type that is not supported",
                                 r->model->tensors[r->model->outputs[i]].name);
    for (size_t i = 0; i < r->n; i++) {
        const mae_onnx_tensor *tensor = &r->model->tensors[r->tensors[i]];
        if (!tensor->has_shape && (tensor->is_static || tensor->is_constant))
            return mae_error_new(MAE_ERR_FAILED, "the engine did not give tensor \"%s\"", tensor->name);
    }
    return NULL;
}

static mae_error *evaluate(run *r, const mae_onnx_evaluator *evaluator)
{
    mae_onnx_blob blob;
    MAE_TRY(list_outputs(r));
    if (r->fixed_only && r->n == 0)
        return NULL;
    MAE_TRY(write_model(r, &blob));
    mae_error *error = run_once(r, evaluator, &blob);
    mae_onnx_blob_free(&blob);
    return error ? error : check_all_seen(r);
}

/* ---- models that neither zeros nor ones fit ---- */

static bool hangs_on_values(const mae_onnx_model *model)
{
    for (size_t i = 0; i < model->n_tensors; i++)
        if (model->tensors[i].producer >= 0 && !model->tensors[i].is_static)
            return true;
    return false;
}

/* What a branch of an If says of the output that becomes this one of the node's. */
static const Onnx__ValueInfoProto *branch_declaration(const Onnx__NodeProto *node, const char *output)
{
    for (size_t i = 0; i < node->n_attribute; i++) {
        const Onnx__GraphProto *body = node->attribute[i]->g;
        for (size_t k = 0; body && k < body->n_output && k < node->n_output; k++)
            if (strcmp(node->output[k], output) == 0 && body->output[k]->type)
                return body->output[k];
    }
    return NULL;
}

static const Onnx__ValueInfoProto *declaration(const mae_onnx_model *model, const mae_onnx_tensor *tensor)
{
    const Onnx__GraphProto *graph = model->proto->graph;
    const mae_onnx_node *producer = &model->nodes[tensor->producer];
    for (size_t i = 0; !tensor->info && i < graph->n_value_info; i++)
        if (strcmp(mae_onnx_text(graph->value_info[i]->name), tensor->name) == 0)
            return graph->value_info[i];
    if (!tensor->info && mae_onnx_node_is(producer, "If"))
        return branch_declaration(producer->proto, tensor->name);
    return tensor->info;
}

/* The types of what has not been run. */
static mae_error *take_declared_types(const run *r)
{
    for (size_t i = 0; i < r->model->n_tensors; i++) {
        mae_onnx_tensor *tensor = &r->model->tensors[i];
        if (tensor->producer < 0 || tensor->is_other || !is_left_out(r, tensor->producer) ||
            tensor->shape.dtype == MAE_STRING)
            continue;
        const Onnx__ValueInfoProto *info = declaration(r->model, tensor);
        if (!info || !info->type || info->type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE)
            return mae_error_new(MAE_ERR_INPUT, "tensor \"%s\" has no declared type", tensor->name);
        tensor->shape.dtype = (mae_dtype)info->type->tensor_type->elem_type;
        if (!mae_dtype_size(tensor->shape.dtype))
            return mae_error_new(MAE_ERR_INPUT, "tensor \"%s\" is declared to be of no type known", tensor->name);
    }
    return NULL;
}

/* Says yes where this has helped. */
static bool evaluate_fixed(mae_onnx_model *model, const mae_onnx_evaluator *evaluator, const bool *needed)
{
    run r = {.model = model, .needed = needed, .fixed_only = true};
    mae_error *error = evaluate(&r, evaluator);
    if (!error)
        error = take_declared_types(&r);
    bool done = !error;
    mae_error_free(error);
    return done;
}

mae_error *mae_onnx_evaluate(mae_onnx_model *model, const mae_onnx_evaluator *evaluator)
{
    run r = {.model = model, .needed = find_needed(model)};
    if (!r.needed)
        return mae_error_nomem();
    mae_error *error = evaluate(&r, evaluator);
    if (mae_error_code(error) == MAE_ERR_INPUT && hangs_on_values(model) &&
        evaluate_fixed(model, evaluator, r.needed)) {
        mae_error_free(error);
        model->is_open = true;
        return NULL;
    }
    return mae_error_wrap(error, "%s", model->path);
}
