/* Tensors, graph inputs and outputs, and how layers hang together: unique names, one producer each,
 * layers in a topological order. */
#include <math.h>
#include <string.h>

#include "core/graph.h"
#include "core/profile_reader.h"

/* A tensor of the list that nothing has produced so far. */
#define NO_PRODUCER (-2)

static mae_error *read_shape(mae_reader *r, const mae_place *at, mae_profile_tensor *tensor)
{
    const char *dtype = NULL;
    json_t *shape;
    MAE_TRY(mae_reader_value(r, at, "shape", JSON_ARRAY, false, &shape));
    MAE_TRY(mae_reader_string(r, at, "dtype", false, &dtype));
    if (dtype)
        tensor->shape.dtype = mae_dtype_parse(dtype);
    if (!shape)
        return NULL;
    tensor->has_shape = true;
    return mae_reader_dims(r, at, shape, &tensor->shape);
}

/* Adds a tensor of that name; `at` and `key` are where it stands in the file. */
static mae_error *add_tensor(mae_reader *r, const char *name, int producer, int *ret_index)
{
    mae_profile *p = r->profile;
    int index = (int)p->n_tensors;
    if (index >= MAE_PROFILE_MAX_TENSORS)
        return mae_json_error(r->json, "layers", "more than %d tensors are absurd", MAE_PROFILE_MAX_TENSORS);
    r->tensors[index].name = mae_arena_strdup(r->arena, name);
    r->tensors[index].producer = producer;
    if (!r->tensors[index].name)
        return mae_error_nomem();
    MAE_TRY(mae_names_put(&r->tensor_names, r->tensors[index].name, index));
    p->n_tensors++;
    *ret_index = index;
    return NULL;
}

static mae_error *read_tensors(mae_reader *r, json_t *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        mae_place at = {.list = "tensors", .index = (long)i, .object = json_array_get(list, i)};
        const char *name;
        int index;
        MAE_TRY(mae_reader_object(r, &at));
        MAE_TRY(mae_reader_string(r, &at, "name", true, &name));
        if (mae_names_find(&r->tensor_names, name) >= 0)
            return mae_reader_error(r, &at, "name", "there is another tensor \"%s\"", name);
        MAE_TRY(add_tensor(r, name, NO_PRODUCER, &index));
        MAE_TRY(mae_reader_number(r, &at, "bytes", true, MAE_PROFILE_MAX_BYTES, &r->tensors[index].bytes));
        MAE_TRY(read_shape(r, &at, &r->tensors[index]));
    }
    return NULL;
}

/* The name at list[k], a string without zero bytes. */
static mae_error *name_of(mae_reader *r, const mae_place *at, const char *key, json_t *list, size_t k,
                          const char **ret_name)
{
    json_t *value = json_array_get(list, k);
    if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
        return mae_reader_error(r, at, key, "entry %zu is not a name", k);
    *ret_name = json_string_value(value);
    return NULL;
}

/* Declares every tensor of list `key` as produced by `producer` (-1: a graph input). */
static mae_error *read_produced(mae_reader *r, const mae_place *at, const char *key, json_t *list, int producer,
                                const int **ret_tensors, size_t *ret_n)
{
    size_t n = json_array_size(list);
    int *tensors = mae_arena_array(r->arena, n, sizeof *tensors);
    if (!tensors)
        return mae_error_nomem();
    for (size_t k = 0; k < n; k++) {
        const char *name;
        MAE_TRY(name_of(r, at, key, list, k, &name));
        tensors[k] = mae_names_find(&r->tensor_names, name);
        if (tensors[k] < 0)
            MAE_TRY(add_tensor(r, name, producer, &tensors[k]));
        else if (r->tensors[tensors[k]].producer != NO_PRODUCER)
            return mae_reader_error(r, at, key, "tensor \"%s\" has another producer", name);
        r->tensors[tensors[k]].producer = producer;
    }
    *ret_tensors = tensors;
    *ret_n = n;
    return NULL;
}

/* What layer `layer` reads must have been produced by then. A tensor named twice counts once. */
static mae_error *read_consumed(mae_reader *r, const mae_place *at, json_t *list, int layer)
{
    size_t n = json_array_size(list), kept = 0;
    int *tensors = mae_arena_array(r->arena, n, sizeof *tensors);
    if (!tensors)
        return mae_error_nomem();
    for (size_t k = 0; k < n; k++) {
        const char *name;
        MAE_TRY(name_of(r, at, "inputs", list, k, &name));
        int t = mae_names_find(&r->tensor_names, name);
        if (t < 0 || r->tensors[t].producer == NO_PRODUCER)
            return mae_reader_error(r, at, "inputs", "tensor \"%s\" has no producer", name);
        if (r->tensors[t].producer >= layer)
            return mae_reader_error(r, at, "inputs",
                                    "tensor \"%s\" is produced by this or a later layer: a cycle, or not in a "
                                    "topological order",
                                    name);
        size_t seen = 0;
        while (seen < kept && tensors[seen] != t)
            seen++;
        if (seen == kept)
            tensors[kept++] = t;
    }
    r->layers[layer].inputs = tensors;
    r->layers[layer].n_inputs = kept;
    return NULL;
}

static mae_error *read_outputs(mae_reader *r)
{
    json_t *list;
    size_t n;
    mae_place root = {.object = r->root};
    MAE_TRY(mae_reader_list(r, "outputs", true, MAE_PROFILE_MAX_TENSORS, &list, &n));
    int *outputs = mae_arena_array(r->arena, n, sizeof *outputs);
    if (!outputs)
        return mae_error_nomem();
    for (size_t k = 0; k < n; k++) {
        const char *name;
        MAE_TRY(name_of(r, &root, "outputs", list, k, &name));
        outputs[k] = mae_names_find(&r->tensor_names, name);
        if (outputs[k] < 0 || r->tensors[outputs[k]].producer == NO_PRODUCER)
            return mae_reader_error(r, &root, "outputs", "tensor \"%s\" has no producer", name);
        if (r->tensors[outputs[k]].is_output)
            return mae_reader_error(r, &root, "outputs", "tensor \"%s\" is named twice", name);
        r->tensors[outputs[k]].is_output = true;
    }
    r->profile->outputs = outputs;
    r->profile->n_outputs = n;
    return NULL;
}

/* Upper bound of the tensors: listed, graph inputs, outputs of layers. */
static mae_error *make_room(mae_reader *r, size_t n_listed, size_t n_inputs)
{
    size_t n = n_listed + n_inputs;
    for (size_t i = 0; i < r->n_layers; i++) {
        mae_place at = {.list = "layers", .index = (long)i, .object = json_array_get(r->layer_list, i)};
        json_t *inputs, *outputs;
        MAE_TRY(mae_reader_object(r, &at));
        MAE_TRY(mae_reader_value(r, &at, "inputs", JSON_ARRAY, true, &inputs));
        MAE_TRY(mae_reader_value(r, &at, "outputs", JSON_ARRAY, true, &outputs));
        n += json_array_size(outputs);
    }
    r->layers = mae_arena_array(r->arena, r->n_layers, sizeof *r->layers);
    r->tensors = mae_arena_array(r->arena, n, sizeof *r->tensors);
    if (!r->layers || !r->tensors)
        return mae_error_nomem();
    mae_names_init(&r->tensor_names, r->arena);
    r->profile->layers = r->layers;
    r->profile->n_layers = r->n_layers;
    r->profile->tensors = r->tensors;
    return NULL;
}

mae_error *mae_reader_graph(mae_reader *r)
{
    json_t *tensors, *inputs;
    size_t n_tensors, n_inputs;
    mae_place root = {.object = r->root};
    MAE_TRY(mae_reader_list(r, "tensors", false, MAE_PROFILE_MAX_TENSORS, &tensors, &n_tensors));
    MAE_TRY(mae_reader_list(r, "inputs", true, MAE_PROFILE_MAX_TENSORS, &inputs, &n_inputs));
    MAE_TRY(mae_reader_list(r, "layers", true, MAE_PROFILE_MAX_LAYERS, &r->layer_list, &r->n_layers));
    if (r->n_layers == 0)
        return mae_json_error(r->json, "layers", "there is no layer");
    MAE_TRY(make_room(r, n_tensors, n_inputs));
    MAE_TRY(read_tensors(r, tensors, n_tensors));
    MAE_TRY(read_produced(r, &root, "inputs", inputs, -1, &r->profile->inputs, &r->profile->n_inputs));
    for (size_t i = 0; i < r->n_layers; i++) {
        json_t *layer = json_array_get(r->layer_list, i);
        mae_place at = {.list = "layers", .index = (long)i, .object = layer};
        MAE_TRY(read_produced(r, &at, "outputs", json_object_get(layer, "outputs"), (int)i, &r->layers[i].outputs,
                              &r->layers[i].n_outputs));
    }
    for (size_t i = 0; i < r->n_layers; i++) {
        json_t *layer = json_array_get(r->layer_list, i);
        mae_place at = {.list = "layers", .index = (long)i, .object = layer};
        MAE_TRY(read_consumed(r, &at, json_object_get(layer, "inputs"), (int)i));
    }
    MAE_TRY(read_outputs(r));
    for (size_t t = 0; t < r->profile->n_tensors; t++)
        if (r->tensors[t].producer == NO_PRODUCER)
            r->tensors[t].producer = -1;
    return NULL;
}
