/* An ONNX model: imported, and its layers written one by one and all at once. */
#include "targets.h"

#include <stdlib.h>
#include <string.h>

#include "onnx/import.h"

/* An engine that says every tensor is 2x2 zeros, so that any model goes through all of import. */
static mae_error *fuzz_evaluate(void *ctx, const mae_onnx_blob *model, const mae_onnx_value *inputs, size_t n_inputs,
                                const char *const *outputs, size_t n_outputs,
                                mae_error *(*sink)(void *sink_ctx, size_t output, const mae_onnx_value *value),
                                void *sink_ctx)
{
    static const float zeros[4];
    (void)ctx, (void)model, (void)inputs, (void)n_inputs;
    for (size_t i = 0; i < n_outputs; i++) {
        mae_onnx_value value = {outputs[i], {MAE_F32, 2, {2, 2}}, zeros, sizeof zeros};
        MAE_TRY(sink(sink_ctx, i, &value));
    }
    return NULL;
}

/* Writes the graph's layers one by one and all at once; false if something went wrong that may not. */
static int fuzz_write(const mae_graph *graph)
{
    mae_arena *arena = mae_arena_create();
    int ok = arena != NULL;
    for (int l = 0; ok && l <= (int)graph->n_layers; l++) {
        int all = l == (int)graph->n_layers;
        mae_segment segment;
        mae_onnx_blob blob;
        mae_error *error = mae_segment_make(graph, all ? 0 : l, all ? (int)graph->n_layers - 1 : l, arena, &segment);
        if (!error)
            error = mae_onnx_write_segment(graph, &segment, &blob);
        if (!error)
            mae_onnx_blob_free(&blob);
        ok = !error;
        mae_error_free(error);
    }
    mae_arena_destroy(arena);
    return ok;
}

int fuzz_onnx(const uint8_t *data, size_t size)
{
    static const mae_onnx_evaluator engine = {NULL, fuzz_evaluate};
    uint8_t *copy = malloc(size + 1);
    mae_graph *graph = NULL;
    if (!copy)
        return -1;
    if (size)
        memcpy(copy, data, size);
    mae_error *error = mae_onnx_import_bytes("fuzz.onnx", copy, size, NULL, 0, &engine, &graph);
    if (error) {
        mae_error_free(error);
        return 0;
    }
    int result = fuzz_write(graph) ? 1 : -1;
    mae_onnx_graph_destroy(graph);
    return result;
}
