/* Which node of the engine's optimised model belongs to which layer.
 *
 * Nodes the engine fuses keep a name derived from one of theirs, convolutions and pools it brings into
 * its blocked layout (NCHWc) are named after the tensor they made, and layout changes it puts in belong
 * to the tensor they make, or else to who reads what they make. */
#include "timing.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto.h"

#define MARK "mae-layer-"

/* -- tensors by name -- */

typedef struct named {
    const char *name;
    int value;
} named;

typedef struct name_index {
    named *entries;
    size_t n;
} name_index;

static int compare_named(const void *a, const void *b)
{
    return strcmp(((const named *)a)->name, ((const named *)b)->name);
}

static int find(const name_index *names, const char *name)
{
    named key = {.name = name};
    const named *hit = names->n ? bsearch(&key, names->entries, names->n, sizeof(key), compare_named) : NULL;
    return hit ? hit->value : MAE_ORT_NOWHERE;
}

/* What is asked of the segment's tensors: who makes them, and where they cross its border. */
typedef struct border {
    name_index makers;  /* -> layer of the segment */
    name_index inputs;  /* -> place */
    name_index outputs; /* -> place */
} border;

static bool init_index(name_index *names, size_t capacity)
{
    names->entries = calloc(capacity + 1, sizeof(*names->entries));
    return names->entries != NULL;
}

static void put(name_index *names, const char *name, int value)
{
    names->entries[names->n++] = (named){name, value};
}

static void sort_index(name_index *names)
{
    qsort(names->entries, names->n, sizeof(*names->entries), compare_named);
}

static void finish_border(border *b)
{
    free(b->makers.entries);
    free(b->inputs.entries);
    free(b->outputs.entries);
}

static mae_error *init_border(border *b, const mae_graph *graph, const mae_segment *segment)
{
    if (!init_index(&b->makers, graph->n_tensors) || !init_index(&b->inputs, segment->n_inputs) ||
        !init_index(&b->outputs, segment->n_outputs))
        return mae_error_nomem();
    int n_layers = segment->last - segment->first + 1;
    for (size_t i = 0; i < graph->n_tensors; i++) {
        const mae_tensor *t = &graph->tensors[i];
        if (t->producer_layer >= segment->first && t->producer_layer <= segment->last)
            put(&b->makers, t->name, t->producer_layer - segment->first);
    }
    for (size_t i = 0; i < segment->n_inputs; i++)
        put(&b->inputs, graph->tensors[segment->inputs[i]].name, n_layers + (int)i);
    for (size_t i = 0; i < segment->n_outputs; i++)
        put(&b->outputs, graph->tensors[segment->outputs[i]].name, n_layers + (int)(segment->n_inputs + i));
    sort_index(&b->makers);
    sort_index(&b->inputs);
    sort_index(&b->outputs);
    return NULL;
}

/* -- marking -- */

static int maker_of_outputs(const border *b, const Onnx__NodeProto *node)
{
    for (size_t i = 0; i < node->n_output; i++) {
        int layer = find(&b->makers, node->output[i]);
        if (layer >= 0)
            return layer;
    }
    return MAE_ORT_NOWHERE;
}

static mae_error *mark_nodes(const Onnx__GraphProto *graph, const border *b)
{
    char text[64];
    for (size_t i = 0; i < graph->n_node; i++) {
        Onnx__NodeProto *node = graph->node[i];
        snprintf(text, sizeof(text), MARK "%d.%zu", maker_of_outputs(b, node), i);
        char *name = strdup(text);
        if (!name)
            return mae_error_nomem();
        if (node->name != protobuf_c_empty_string)
            free(node->name);
        node->name = name;
    }
    return NULL;
}

mae_error *mae_ort_places_mark(const mae_onnx_blob *model, const mae_graph *graph, const mae_segment *segment,
                               void **ret_data, size_t *ret_size)
{
    Onnx__ModelProto *proto;
    MAE_TRY(mae_ort_proto_unpack(model->data, model->size, "a segment's model", &proto));
    border b = {0};
    mae_error *error = init_border(&b, graph, segment);
    if (!error)
        error = mark_nodes(proto->graph, &b);
    if (!error)
        error = mae_ort_proto_pack(proto, ret_data, ret_size);
    finish_border(&b);
    onnx__model_proto__free_unpacked(proto, NULL);
    return error;
}

/* -- reading the optimised model -- */

static int layer_in_name(const char *name)
{
    const char *mark = strstr(name, MARK);
    char *end = NULL;
    long layer = mark ? strtol(mark + strlen(MARK), &end, 10) : -1;
    return layer >= 0 && layer <= INT_MAX && *end == '.' && end > mark + strlen(MARK) ? (int)layer : MAE_ORT_NOWHERE;
}

/* "<tensor>_nchwc", perhaps with a number behind it. */
static int layer_of_blocked(const border *b, const char *name)
{
    const char *end = NULL;
    for (const char *at = strstr(name, "_nchwc"); at; at = strstr(at + 1, "_nchwc"))
        end = at;
    if (!end)
        return MAE_ORT_NOWHERE;
    char *tensor = strndup(name, (size_t)(end - name));
    int layer = tensor ? find(&b->makers, tensor) : MAE_ORT_NOWHERE;
    free(tensor);
    return layer;
}

/* A change of layout or type that the engine put in. */
static bool is_inserted_move(const Onnx__NodeProto *node)
{
    static const char *const ops[] = {"ReorderInput", "ReorderOutput", "Transpose", "Cast"};
    if (strstr(node->name, MARK))
        return false;
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
        if (strcmp(node->op_type, ops[i]) == 0)
            return true;
    }
    return false;
}

static int place_at_border(const border *b, const Onnx__NodeProto *node)
{
    if (!is_inserted_move(node))
        return MAE_ORT_NOWHERE;
    if (node->n_output > 0 && find(&b->outputs, node->output[0]) >= 0)
        return find(&b->outputs, node->output[0]);
    /* An input that comes in another layout has its name where it has been reordered. */
    if (node->n_output > 0 && find(&b->inputs, node->output[0]) >= 0)
        return find(&b->inputs, node->output[0]);
    return node->n_input > 0 ? find(&b->inputs, node->input[0]) : MAE_ORT_NOWHERE;
}

/* A sum of two convolutions is computed behind one of them, and not always behind the one whose layer it belongs to. */
static int place_of_convolution(const Onnx__NodeProto *node)
{
    bool is_one = strcmp(node->op_type, "Conv") == 0 || strcmp(node->op_type, "FusedConv") == 0;
    return is_one ? layer_in_name(node->name) : MAE_ORT_NOWHERE;
}

static int place_of(const border *b, const Onnx__NodeProto *node)
{
    int place = place_at_border(b, node);
    if (place == MAE_ORT_NOWHERE)
        place = place_of_convolution(node);
    if (place == MAE_ORT_NOWHERE)
        place = maker_of_outputs(b, node);
    if (place == MAE_ORT_NOWHERE)
        place = layer_in_name(node->name);
    return place == MAE_ORT_NOWHERE ? layer_of_blocked(b, node->name) : place;
}

/* Nodes stand in topological order, so going backwards meets every reader before its writer.
 * `readers` holds, for each tensor read so far, the first layer that reads it. */
static int place_by_readers(const name_index *readers, const Onnx__NodeProto *node)
{
    int place = MAE_ORT_NOWHERE;
    for (size_t i = 0; i < node->n_output; i++) {
        for (size_t k = 0; k < readers->n; k++) {
            int value = readers->entries[k].value;
            if (strcmp(readers->entries[k].name, node->output[i]) == 0 && (place < 0 || value < place))
                place = value;
        }
    }
    return place;
}

static mae_error *place_nodes(const Onnx__GraphProto *graph, const border *b, int n_layers, name_index *readers,
                              mae_ort_places *places)
{
    for (size_t k = graph->n_node; k-- > 0;) {
        const Onnx__NodeProto *node = graph->node[k];
        mae_ort_place *entry = &places->entries[k];
        entry->name = strdup(node->name);
        if (!entry->name)
            return mae_error_nomem();
        entry->place = place_of(b, node);
        if (entry->place == MAE_ORT_NOWHERE)
            entry->place = place_by_readers(readers, node);
        entry->nests = mae_ort_proto_has_subgraph(node);
        for (size_t i = 0; entry->place >= 0 && entry->place < n_layers && i < node->n_input; i++)
            put(readers, node->input[i], entry->place);
    }
    return NULL;
}

static int compare_places(const void *a, const void *b)
{
    return strcmp(((const mae_ort_place *)a)->name, ((const mae_ort_place *)b)->name);
}

/* Nodes of one name cannot be told apart in the profile: of different places, they have none. */
static void settle_doubles(mae_ort_places *places)
{
    qsort(places->entries, places->n, sizeof(*places->entries), compare_places);
    for (size_t first = 0, end; first < places->n; first = end) {
        bool agree = true;
        for (end = first; end < places->n && compare_places(&places->entries[first], &places->entries[end]) == 0; end++)
            agree = agree && places->entries[end].place == places->entries[first].place;
        for (size_t i = first; !agree && i < end; i++)
            places->entries[i].place = MAE_ORT_NOWHERE;
    }
}

static mae_error *read_graph(const Onnx__GraphProto *graph, const mae_graph *ours, const mae_segment *segment,
                             mae_ort_places *places)
{
    border b = {0};
    name_index readers = {0};
    size_t n_reads = 0;
    for (size_t i = 0; i < graph->n_node; i++)
        n_reads += graph->node[i]->n_input;
    places->entries = calloc(graph->n_node + 1, sizeof(*places->entries));
    places->n = graph->n_node;
    mae_error *error = places->entries && init_index(&readers, n_reads) ? NULL : mae_error_nomem();
    if (!error)
        error = init_border(&b, ours, segment);
    if (!error)
        error = place_nodes(graph, &b, segment->last - segment->first + 1, &readers, places);
    if (!error)
        settle_doubles(places);
    finish_border(&b);
    free(readers.entries);
    return error;
}

mae_error *mae_ort_places_read(const void *data, size_t size, const mae_graph *graph, const mae_segment *segment,
                               mae_ort_places *ret_places)
{
    Onnx__ModelProto *proto;
    MAE_TRY(mae_ort_proto_unpack(data, size, "ONNX Runtime's optimised model", &proto));
    mae_ort_places places = {0};
    mae_error *error = read_graph(proto->graph, graph, segment, &places);
    onnx__model_proto__free_unpacked(proto, NULL);
    if (error) {
        mae_ort_places_finish(&places);
        return error;
    }
    *ret_places = places;
    return NULL;
}

const mae_ort_place *mae_ort_places_find(const mae_ort_places *places, const char *name, size_t length)
{
    size_t low = 0, high = places->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const char *other = places->entries[middle].name;
        int order = strncmp(other, name, length);
        if (order == 0 && other[length])
            order = 1;
        if (order == 0)
            return &places->entries[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

void mae_ort_places_finish(mae_ort_places *places)
{
    for (size_t i = 0; places->entries && i < places->n; i++)
        free(places->entries[i].name);
    free(places->entries);
    *places = (mae_ort_places){0};
}
