/* What the tests of the importer share: models made from a few lines of text, and an engine to import with.
 *
 *     input x 1x3x8x8          graph input, f32; "?" is a dynamic dimension; "input:7 x 2" is an i64 one
 *     weight w 4x3x3x3         initializer, f32, raw
 *     ints s 1,-1              initializer, i64, one-dimensional
 *     int s -1                 initializer, i64, a scalar
 *     Conv x,w -> a pads=[1,1,1,1] group=1 alpha=f:0.5
 *     output a
 */
#ifndef MAE_TEST_ONNX_SUPPORT_H
#define MAE_TEST_ONNX_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "onnx/import.h"
#include "pe/module.h"

/* ---- protobuf bytes ---- */

typedef struct bytes {
    size_t n, room;
    uint8_t *at;
} bytes;

static inline void put_raw(bytes *b, const void *data, size_t n)
{
    if (b->n + n > b->room) {
        b->room = 2 * (b->n + n);
        b->at = realloc(b->at, b->room);
        assert_non_null(b->at);
    }
    if (n)
        memcpy(b->at + b->n, data, n);
    b->n += n;
}

static inline void put_varint(bytes *b, uint64_t value)
{
    uint8_t byte;
    for (; value >= 0x80; value >>= 7) {
        byte = (uint8_t)(value | 0x80);
        put_raw(b, &byte, 1);
    }
    byte = (uint8_t)value;
    put_raw(b, &byte, 1);
}

static inline void put_int(bytes *b, unsigned field, int64_t value)
{
    put_varint(b, field << 3);
    put_varint(b, (uint64_t)value);
}

static inline void put_float(bytes *b, unsigned field, float value)
{
    put_varint(b, field << 3 | 5);
    put_raw(b, &value, sizeof value);
}

static inline void put_data(bytes *b, unsigned field, const void *data, size_t n)
{
    put_varint(b, field << 3 | 2);
    put_varint(b, n);
    put_raw(b, data, n);
}

static inline void put_text(bytes *b, unsigned field, const char *text)
{
    put_data(b, field, text, strlen(text));
}

/* Puts `part` into `b` and frees it. */
static inline void put_message(bytes *b, unsigned field, bytes *part)
{
    put_data(b, field, part->at, part->n);
    free(part->at);
    *part = (bytes){0};
}

/* ---- parts of a model; field numbers are those of onnx.proto ---- */

static inline void put_value_info(bytes *graph, unsigned field, const char *name, int dtype, const char *dims)
{
    bytes shape = {0}, tensor = {0}, type = {0}, info = {0};
    for (const char *d = dims; d && *d; d += strcspn(d, "x"), d += *d == 'x') {
        bytes dim = {0};
        if (*d == '?')
            put_text(&dim, 2, "");
        else
            put_int(&dim, 1, strtoll(d, NULL, 10));
        put_message(&shape, 1, &dim);
    }
    put_text(&info, 1, name);
    if (dims) {
        put_int(&tensor, 1, dtype);
        put_message(&tensor, 2, &shape);
        put_message(&type, 1, &tensor);
        put_message(&info, 2, &type);
    }
    put_message(graph, field, &info);
}

static inline void put_weight(bytes *graph, const char *name, const char *dims)
{
    bytes tensor = {0};
    size_t n = 1;
    for (const char *d = dims; *d; d += strcspn(d, "x"), d += *d == 'x') {
        n *= (size_t)strtoll(d, NULL, 10);
        put_int(&tensor, 1, strtoll(d, NULL, 10));
    }
    put_int(&tensor, 2, MAE_F32);
    put_text(&tensor, 8, name);
    float *values = calloc(n, sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < n; i++)
        values[i] = (float)(i % 7) * 0.25f + 0.5f;
    put_data(&tensor, 9, values, n * sizeof *values);
    free(values);
    put_message(graph, 5, &tensor);
}

static inline void put_ints(bytes *graph, const char *name, const char *list, bool scalar)
{
    bytes tensor = {0}, values = {0};
    size_t n = 0;
    for (const char *v = list; *v; v += strcspn(v, ","), v += *v == ',', n++)
        put_varint(&values, (uint64_t)strtoll(v, NULL, 10));
    if (!scalar)
        put_int(&tensor, 1, (int64_t)n);
    put_int(&tensor, 2, MAE_I64);
    put_message(&tensor, 7, &values);
    put_text(&tensor, 8, name);
    put_message(graph, 5, &tensor);
}

static inline void put_attribute(bytes *node, char *text)
{
    bytes attribute = {0};
    char *value = strchr(text, '=');
    assert_non_null(value);
    *value++ = 0;
    put_text(&attribute, 1, text);
    if (*value == '[') {
        put_int(&attribute, 20, 7);
        for (char *v = value + 1; *v && *v != ']'; v += strcspn(v, ",]"), v += *v == ',')
            put_int(&attribute, 8, strtoll(v, NULL, 10));
    } else if (strncmp(value, "f:", 2) == 0) {
        put_int(&attribute, 20, 1);
        put_float(&attribute, 2, strtof(value + 2, NULL));
    } else {
        put_int(&attribute, 20, 2);
        put_int(&attribute, 3, strtoll(value, NULL, 10));
    }
    put_message(node, 5, &attribute);
}

/* "a,b" as repeated strings. */
static inline void put_names(bytes *node, unsigned field, const char *list)
{
    while (strcmp(list, "-") != 0) {
        size_t n = strcspn(list, ",");
        put_data(node, field, list, n == 1 && *list == '-' ? 0 : n);
        if (!list[n])
            break;
        list += n + 1;
    }
}

static inline void put_node(bytes *graph, char *line)
{
    char *save = NULL, op[64], in[512], out[512];
    int used = 0;
    bytes node = {0};
    assert_int_equal(sscanf(line, "%63s %511s -> %511s%n", op, in, out, &used), 3);
    put_names(&node, 1, in);
    put_names(&node, 2, out);
    put_text(&node, 3, out);
    put_text(&node, 4, op);
    for (char *a = strtok_r(line + used, " ", &save); a; a = strtok_r(NULL, " ", &save))
        put_attribute(&node, a);
    put_message(graph, 1, &node);
}

static inline void put_line(bytes *graph, char *line)
{
    char name[512], rest[512] = "";
    int dtype = MAE_F32;
    if (sscanf(line, "input:%d %511s %511s", &dtype, name, rest) >= 2 ||
        sscanf(line, "input %511s %511s", name, rest) >= 1)
        put_value_info(graph, 11, name, dtype, rest);
    else if (sscanf(line, "output %511s", name) == 1)
        put_value_info(graph, 12, name, 0, NULL);
    else if (sscanf(line, "weight %511s %511s", name, rest) >= 1)
        put_weight(graph, name, rest);
    else if (sscanf(line, "ints %511s %511s", name, rest) == 2)
        put_ints(graph, name, rest, false);
    else if (sscanf(line, "int %511s %511s", name, rest) == 2)
        put_ints(graph, name, rest, true);
    else
        put_node(graph, line);
}

/* The model as file bytes; the caller frees `at`. */
static inline bytes model_bytes(const char *text)
{
    bytes graph = {0}, opset = {0}, model = {0};
    char *copy = strdup(text), *save = NULL;
    assert_non_null(copy);
    for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
        put_line(&graph, line);
    free(copy);
    put_text(&graph, 2, "test");
    put_int(&model, 1, 8);
    put_message(&model, 7, &graph);
    put_text(&opset, 1, "");
    put_int(&opset, 2, 13);
    put_message(&model, 8, &opset);
    return model;
}

/* ---- engines ---- */

/* The real one, or NULL if it is not installed. */
static inline const mae_onnx_evaluator *find_engine(void)
{
    static mae_module *module;
    if (!module) {
        mae_module_prepare_environment();
        mae_error *error = mae_module_load("ort", &module);
        if (error) {
            print_message("%s\n", mae_error_message(error));
            mae_error_free(error);
            return NULL;
        }
    }
    return mae_module_backend(module)->service(MAE_ONNX_EVALUATOR_SERVICE);
}

static inline mae_error *give_small(void *ctx, const mae_onnx_blob *model, const mae_onnx_value *inputs,
                                    size_t n_inputs, const char *const *outputs, size_t n_outputs,
                                    mae_error *(*sink)(void *sink_ctx, size_t output, const mae_onnx_value *value),
                                    void *sink_ctx)
{
    static const float zeros[4];
    (void)ctx, (void)model, (void)inputs, (void)n_inputs;
    for (size_t i = 0; i < n_outputs; i++) {
        mae_onnx_value value = {outputs[i], {MAE_F32, 2, {2, 2}}, zeros, sizeof zeros};
        mae_error *error = sink(sink_ctx, i, &value);
        if (error)
            return error;
    }
    return NULL;
}

/* One that says every tensor is 2x2 zeros: enough to take any model through all of import. */
static const mae_onnx_evaluator small_engine = {NULL, give_small};

/* ---- importing ---- */

static inline mae_error *import_text(const char *text, const mae_onnx_evaluator *engine, mae_graph **ret_graph)
{
    bytes model = model_bytes(text);
    return mae_onnx_import_bytes("test.onnx", model.at, model.n, NULL, 0, engine, ret_graph);
}

/* Checks code and a part of the message of an error, and frees it. */
static inline void expect_error(mae_error *error, mae_code code, const char *part)
{
    assert_non_null(error);
    if (mae_error_code(error) != code || !strstr(mae_error_message(error), part))
        fail_msg("expected %d \"%s\", got %d \"%s\"", code, part, mae_error_code(error), mae_error_message(error));
    mae_error_free(error);
}

static inline void expect_success(mae_error *error)
{
    if (error)
        fail_msg("%s", mae_error_message(error));
}

/* What every imported graph must be, whatever the model. */
static inline void check_graph(const mae_graph *graph)
{
    assert_true(graph->n_layers >= 1);
    int next = 0;
    for (size_t l = 0; l < graph->n_layers; l++) {
        const mae_layer *layer = &graph->layers[l];
        assert_int_equal(layer->first_node, next); /* every node in exactly one layer, in order */
        assert_true(layer->n_nodes >= 1);
        next += layer->n_nodes;
        assert_true(layer->anchor >= layer->first_node && layer->anchor < next);
        assert_true(layer->name && *layer->name && layer->op && layer->kind < MAE_KIND_COUNT);
        assert_true(layer->flops >= 0 && layer->bytes >= 0);
        for (size_t i = 0; i < layer->n_inputs; i++) {
            const mae_tensor *tensor = &graph->tensors[layer->inputs[i]];
            assert_false(tensor->is_constant);
            assert_true(tensor->producer_layer < (int)l); /* topological */
            assert_true(tensor->producer_layer >= 0 || tensor->is_input);
            assert_true(tensor->is_static);
        }
        bool is_merged = false;
        for (int n = layer->first_node; n < next; n++) {
            const mae_node *node = &graph->nodes[n];
            assert_int_equal(node->layer, l);
            for (size_t i = 0; i < node->n_inputs + node->n_captures; i++)
                if (node->inputs[i] >= 0)
                    assert_true(graph->tensors[node->inputs[i]].producer_node < n);
            for (size_t i = 0; i < node->n_outputs; i++)
                is_merged |= node->outputs[i] >= 0 && !graph->tensors[node->outputs[i]].is_static;
        }
        /* One visible tensor beside the merged layers and operators with several outputs of their own. */
        if (layer->n_nodes > 1 && !is_merged)
            assert_int_equal(layer->n_outputs, 1);
        for (size_t i = 0; i < layer->n_outputs; i++) {
            const mae_tensor *tensor = &graph->tensors[layer->outputs[i]];
            assert_int_equal(tensor->producer_layer, l);
            assert_true(tensor->is_static || tensor->is_output);
        }
    }
    assert_int_equal(next, graph->n_nodes);
    for (size_t i = 0; i < graph->n_tensors; i++) {
        const mae_tensor *tensor = &graph->tensors[i];
        size_t size = 0;
        assert_false(tensor->is_constant && tensor->producer_node >= 0);
        if (tensor->is_static)
            assert_true(mae_shape_bytes(&tensor->shape, &size) && size == tensor->bytes);
        if (tensor->is_constant && tensor->shape.dtype != MAE_STRING)
            assert_non_null(tensor->data);
    }
    for (size_t i = 0; i < graph->n_outputs; i++)
        assert_true(graph->tensors[graph->outputs[i]].is_output);
    for (size_t i = 0; i < graph->n_inputs; i++)
        assert_true(graph->tensors[graph->inputs[i]].is_input);
}

#endif
