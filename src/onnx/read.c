/* Reading a model file. Weights are most of a model, and unpacking would copy them: so what protobuf-c
 * gets is a copy of the file without the raw values of the graph's initializers, which are then pointed at
 * where they stand in the file. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "onnx/model.h"
#include "onnx/sha256.h"
#include "onnx/wire.h"

/* Numbers of fields in onnx.proto. */
enum { MODEL_GRAPH = 7, GRAPH_INITIALIZER = 5, TENSOR_RAW_DATA = 9 };

#define MAX_FILE_BYTES ((size_t)INT_MAX) /* protobuf's own limit: larger models keep weights outside */

static void *arena_alloc(void *arena, size_t size)
{
    return mae_arena_alloc(arena, size);
}

static void arena_free(void *arena, void *data)
{
    (void)arena;
    (void)data;
}

ProtobufCAllocator mae_onnx_allocator(mae_arena *arena)
{
    return (ProtobufCAllocator){arena_alloc, arena_free, arena};
}

void mae_onnx_model_destroy(mae_onnx_model *model)
{
    if (!model)
        return;
    free(model->file);
    mae_arena_destroy(model->arena); /* which the model itself lives in */
}

/* ---- the copy without weights. The file is known to be well-formed by now. ---- */

/* The field at *at, which then is behind it; false at the end. */
static bool next_field(const uint8_t **at, const uint8_t *end, mae_wire_field *ret_field)
{
    if (*at >= end || mae_wire_field_read(*at, end, ret_field))
        return false;
    *at = ret_field->end;
    return true;
}

static bool is_initializer(const mae_wire_field *field)
{
    return field->id == GRAPH_INITIALIZER && field->type == MAE_WIRE_LENGTH;
}

static bool is_raw_data(const mae_wire_field *field)
{
    return field->id == TENSOR_RAW_DATA && field->type == MAE_WIRE_LENGTH;
}

static size_t length_of(const mae_wire_field *field)
{
    return (size_t)(field->end - field->begin);
}

static uint8_t *copy_field(uint8_t *to, const mae_wire_field *field)
{
    memcpy(to, field->begin, length_of(field));
    return to + length_of(field);
}

static size_t stripped_tensor_bytes(const mae_wire_field *tensor)
{
    size_t bytes = 0;
    const uint8_t *at = tensor->value;
    mae_wire_field field;
    while (next_field(&at, tensor->end, &field))
        bytes += is_raw_data(&field) ? 0 : length_of(&field);
    return bytes;
}

static size_t stripped_graph_bytes(const mae_wire_field *graph)
{
    size_t bytes = 0;
    const uint8_t *at = graph->value;
    mae_wire_field field;
    while (next_field(&at, graph->end, &field)) {
        size_t inner = is_initializer(&field) ? stripped_tensor_bytes(&field) : 0;
        bytes += is_initializer(&field) ? 1 + mae_wire_varint_size(inner) + inner : length_of(&field);
    }
    return bytes;
}

static uint8_t *begin_message(uint8_t *to, uint32_t id, size_t bytes)
{
    return mae_wire_varint_write(mae_wire_varint_write(to, id << 3 | MAE_WIRE_LENGTH), bytes);
}

static uint8_t *copy_tensor(uint8_t *to, const mae_wire_field *tensor, ProtobufCBinaryData *ret_raw)
{
    to = begin_message(to, GRAPH_INITIALIZER, stripped_tensor_bytes(tensor));
    const uint8_t *at = tensor->value;
    mae_wire_field field;
    while (next_field(&at, tensor->end, &field)) {
        if (is_raw_data(&field))
            *ret_raw = (ProtobufCBinaryData){(size_t)(field.end - field.value), (uint8_t *)field.value};
        else
            to = copy_field(to, &field);
    }
    return to;
}

static uint8_t *copy_graph(uint8_t *to, const mae_wire_field *graph, ProtobufCBinaryData *raw)
{
    to = begin_message(to, MODEL_GRAPH, stripped_graph_bytes(graph));
    const uint8_t *at = graph->value;
    mae_wire_field field;
    while (next_field(&at, graph->end, &field))
        to = is_initializer(&field) ? copy_tensor(to, &field, raw++) : copy_field(to, &field);
    return to;
}

static size_t count_initializers(const mae_wire_field *graph)
{
    size_t n = 0;
    const uint8_t *at = graph->value;
    mae_wire_field field;
    while (next_field(&at, graph->end, &field))
        n += is_initializer(&field);
    return n;
}

/* Writes the copy to `to`, which has room for the whole file, and notes the raw values left out. */
static mae_error *strip(mae_onnx_model *model, uint8_t *to, size_t *ret_size, ProtobufCBinaryData **ret_raw)
{
    const uint8_t *begin = to, *file = model->file, *at = file;
    ProtobufCBinaryData *raw = NULL;
    mae_wire_field field;
    while (next_field(&at, file + model->file_size, &field)) {
        if (field.id != MODEL_GRAPH) {
            to = copy_field(to, &field);
            continue;
        }
        if (raw)
            return mae_onnx_wrong(model, "byte %zu: a second graph", (size_t)(field.begin - file));
        raw = mae_arena_array(model->arena, count_initializers(&field) + 1, sizeof *raw);
        if (!raw)
            return mae_error_nomem();
        to = copy_graph(to, &field, raw);
    }
    if (!raw)
        return mae_onnx_wrong(model, "no graph in it: not an ONNX model");
    *ret_size = (size_t)(to - begin);
    *ret_raw = raw;
    return NULL;
}

static mae_error *unpack(mae_onnx_model *model, const uint8_t *data, size_t size, const ProtobufCBinaryData *raw)
{
    ProtobufCAllocator allocator = mae_onnx_allocator(model->arena);
    model->proto = onnx__model_proto__unpack(&allocator, size, data);
    if (!model->proto || !model->proto->graph)
        return mae_onnx_wrong(model, "not an ONNX model");
    Onnx__GraphProto *graph = model->proto->graph;
    for (size_t i = 0; i < graph->n_initializer; i++) {
        graph->initializer[i]->has_raw_data = raw[i].data != NULL;
        graph->initializer[i]->raw_data = raw[i];
    }
    return NULL;
}

static mae_error *parse(mae_onnx_model *model)
{
    MAE_TRY(mae_wire_check(model->path, &onnx__model_proto__descriptor, model->file, model->file_size));
    uint8_t *copy = malloc(model->file_size + 1);
    if (!copy)
        return mae_error_nomem();
    size_t size = 0;
    ProtobufCBinaryData *raw = NULL;
    mae_error *error = strip(model, copy, &size, &raw);
    if (!error)
        error = unpack(model, copy, size, raw);
    free(copy);
    MAE_TRY(error);
    mae_sha256_text(model->file, model->file_size, model->sha256);
    return mae_onnx_load_external(model);
}

static mae_onnx_model *model_create(const char *path)
{
    mae_arena *arena = mae_arena_create();
    mae_onnx_model *model = arena ? mae_arena_alloc(arena, sizeof *model) : NULL;
    if (model) {
        model->arena = arena;
        model->path = mae_arena_strdup(arena, path);
    }
    if (!model || !model->path) {
        mae_arena_destroy(arena);
        return NULL;
    }
    return model;
}

mae_error *mae_onnx_model_parse(const char *path, void *data, size_t size, mae_onnx_model **ret_model)
{
    mae_onnx_model *model = model_create(path);
    if (!model) {
        free(data);
        return mae_error_nomem();
    }
    model->file = data;
    model->file_size = size;
    mae_error *error = parse(model);
    if (error) {
        mae_onnx_model_destroy(model);
        return error;
    }
    *ret_model = model;
    return NULL;
}

mae_error *mae_onnx_model_read(const char *path, mae_onnx_model **ret_model)
{
    void *data = NULL;
    size_t size = 0;
    MAE_TRY(mae_file_read(path, MAX_FILE_BYTES, &data, &size));
    return mae_onnx_model_parse(path, data, size, ret_model);
}
