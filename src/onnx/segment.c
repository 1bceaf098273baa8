/* A segment of a frozen graph as a model of its own. */
#include <string.h>

#include "onnx/write.h"

typedef struct segment_writer {
    const mae_graph *graph;
    const mae_segment *segment;
    mae_onnx_writer writer;
    bool *written; /* per tensor: constants written already */
} segment_writer;

static mae_error *names_of(segment_writer *w, const int *list, size_t n, char ***ret_names)
{
    char **names = mae_arena_array(w->writer.arena, n, sizeof *names);
    if (!names)
        return mae_error_nomem();
    for (size_t i = 0; i < n; i++)
        names[i] = (char *)(list[i] < 0 ? "" : w->graph->tensors[list[i]].name);
    *ret_names = names;
    return NULL;
}

static mae_error *write_constant(segment_writer *w, int number)
{
    const mae_tensor *tensor = number < 0 ? NULL : &w->graph->tensors[number];
    if (!tensor || !tensor->is_constant || w->written[number])
        return NULL;
    w->written[number] = true;
    mae_onnx_constant constant = {tensor->name, &tensor->shape, tensor->data, tensor->bytes, tensor->proto};
    return mae_onnx_writer_constant(&w->writer, &constant);
}

static mae_error *write_node(segment_writer *w, const mae_node *node)
{
    char **inputs = NULL, **outputs = NULL;
    MAE_TRY(names_of(w, node->inputs, node->n_inputs, &inputs));
    MAE_TRY(names_of(w, node->outputs, node->n_outputs, &outputs));
    MAE_TRY(mae_onnx_writer_node(&w->writer, node->proto, inputs, node->n_inputs, outputs));
    for (size_t i = 0; i < node->n_inputs + node->n_captures; i++)
        MAE_TRY(write_constant(w, node->inputs[i]));
    return NULL;
}

static void node_range(const mae_graph *graph, const mae_segment *segment, int *ret_first, int *ret_end)
{
    const mae_layer *last = &graph->layers[segment->last];
    *ret_first = graph->layers[segment->first].first_node;
    *ret_end = last->first_node + last->n_nodes;
}

/* Engines work shapes out through all branches, taken or not, and refuse the model where one does not fit what goes in.
 * Without shapes they do so when they run, through the branch that is taken. */
static bool hides_shapes(const segment_writer *w, int first, int end)
{
    const mae_onnx_model *model = w->graph->source;
    for (int n = first; model->is_open && n < end; n++) {
        const mae_node *node = &w->graph->nodes[n];
        if (strcmp(node->op, "If") == 0 && node->outputs[0] >= 0 && !w->graph->tensors[node->outputs[0]].is_static)
            return true;
    }
    return false;
}

static mae_error *write_parts(segment_writer *w)
{
    const mae_segment *segment = w->segment;
    int first, end;
    node_range(w->graph, segment, &first, &end);
    w->written = mae_arena_array(w->writer.arena, w->graph->n_tensors, sizeof *w->written);
    if (!w->written)
        return mae_error_nomem();
    bool hide = hides_shapes(w, first, end);
    for (size_t i = 0; i < segment->n_inputs; i++) {
        const mae_tensor *tensor = &w->graph->tensors[segment->inputs[i]];
        MAE_TRY(mae_onnx_writer_input(&w->writer, tensor->name, &tensor->shape, tensor->is_static && !hide));
    }
    for (size_t i = 0; i < segment->n_outputs; i++) {
        const mae_tensor *tensor = &w->graph->tensors[segment->outputs[i]];
        MAE_TRY(mae_onnx_writer_output(&w->writer, tensor->name, &tensor->shape, tensor->is_static));
    }
    for (int n = first; n < end; n++)
        MAE_TRY(write_node(w, &w->graph->nodes[n]));
    return NULL;
}

mae_error *mae_onnx_write_segment(const mae_graph *graph, const mae_segment *segment, mae_onnx_blob *ret_blob)
{
    const mae_onnx_model *model = graph->source;
    segment_writer w = {.graph = graph, .segment = segment};
    if (!model)
        return mae_error_new(MAE_ERR_USAGE, "the network was not read from an ONNX file");
    int first, end;
    node_range(graph, segment, &first, &end);
    mae_onnx_room room = {(size_t)(end - first), segment->n_inputs, segment->n_outputs, graph->n_tensors};
    MAE_TRY(mae_onnx_writer_begin(&w.writer, model->proto, &room));
    mae_error *error = write_parts(&w);
    if (!error)
        error = mae_onnx_writer_finish(&w.writer, ret_blob);
    if (error)
        mae_onnx_writer_abandon(&w.writer);
    return error;
}
