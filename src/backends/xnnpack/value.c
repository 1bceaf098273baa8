/* Values: which tensors exist in which order. */
#include <stdlib.h>
#include <string.h>

#include "backends/xnnpack/build.h"

bool mae_xnn_is_flat(const mae_shape *shape)
{
    return shape->rank >= 3 && (shape->dims[1] == 1 || mae_xnn_span(shape, 2, shape->rank) == 1);
}

/* Tensors of less than three axes have no channels that could be elsewhere. */
static bool lies_last(const mae_shape *shape, mae_xnn_order order)
{
    return shape->rank >= 3 && (order == MAE_XNN_LAST || mae_xnn_is_flat(shape));
}

mae_xnn_order mae_xnn_order_of(const mae_xnn_build *b, int tensor)
{
    int head = b->heads[tensor];

    if (head >= 0)
        return b->unit->values[head].last ? MAE_XNN_LAST : MAE_XNN_DENSE;
    return lies_last(mae_xnn_shape(b, tensor), MAE_XNN_DENSE) ? MAE_XNN_LAST : MAE_XNN_DENSE;
}

bool mae_xnn_has_last(const mae_xnn_build *b, int tensor)
{
    for (int i = b->heads[tensor]; i >= 0; i = b->unit->values[i].next)
        if (b->unit->values[i].last)
            return true;
    return false;
}

static mae_error *add_storage(mae_xnn_build *b, mae_xnn_storage storage, int *ret_storage)
{
    mae_xnn_unit *unit = b->unit;

    if (unit->n_storages == b->room_storages) {
        size_t room = b->room_storages ? b->room_storages * 2 : 32;
        mae_xnn_storage *grown = realloc(unit->storages, room * sizeof(*grown));
        if (!grown)
            return mae_error_nomem();
        unit->storages = grown;
        b->room_storages = room;
    }
    unit->storages[unit->n_storages] = storage;
    *ret_storage = (int)unit->n_storages++;
    return NULL;
}

/* A value of a tensor comes behind those it has already. */
static mae_error *add_value(mae_xnn_build *b, mae_xnn_value value, int *ret_value)
{
    mae_xnn_unit *unit = b->unit;

    if (unit->n_values == b->room_values) {
        size_t room = b->room_values ? b->room_values * 2 : 32;
        mae_xnn_value *grown = realloc(unit->values, room * sizeof(*grown));
        if (!grown)
            return mae_error_nomem();
        unit->values = grown;
        b->room_values = room;
    }
    int index = (int)unit->n_values++;
    value.next = -1;
    unit->values[index] = value;
    if (value.tensor >= 0) {
        int *link = &b->heads[value.tensor];
        while (*link >= 0)
            link = &unit->values[*link].next;
        *link = index;
    }
    *ret_value = index;
    return NULL;
}

static mae_xnn_value describe(const mae_xnn_build *b, int tensor, mae_xnn_order order)
{
    const mae_shape *s = mae_xnn_shape(b, tensor);
    mae_xnn_value v = {.tensor = tensor, .last = lies_last(s, order)};
    int axis = v.last ? 1 : s->rank - 1;

    v.channels = s->rank ? (size_t)s->dims[axis] : 1;
    v.rows = mae_xnn_span(s, 0, s->rank) / v.channels;
    v.stride = v.channels;
    return v;
}

mae_error *mae_xnn_value_new(mae_xnn_build *b, int tensor, mae_xnn_order order, bool compact, int *ret_value)
{
    mae_xnn_value v = describe(b, tensor, order);

    v.compact = compact;
    MAE_TRY(add_storage(b, (mae_xnn_storage){.place = MAE_XNN_ARENA, .bytes = mae_xnn_tensor(b, tensor)->bytes},
                        &v.storage));
    return add_value(b, v, ret_value);
}

mae_error *mae_xnn_value_scratch(mae_xnn_build *b, size_t rows, size_t channels, int *ret_value)
{
    mae_xnn_value v = {.tensor = -1, .compact = true, .rows = rows, .channels = channels, .stride = channels};

    MAE_TRY(add_storage(b, (mae_xnn_storage){.place = MAE_XNN_ARENA, .bytes = rows * channels * sizeof(float)},
                        &v.storage));
    return add_value(b, v, ret_value);
}

mae_error *mae_xnn_value_view(mae_xnn_build *b, int value, int tensor, mae_xnn_order order, size_t offset,
                              size_t stride, int *ret_value)
{
    mae_xnn_value v = describe(b, tensor, order);

    v.storage = b->unit->values[value].storage;
    v.offset = b->unit->values[value].offset + offset * sizeof(float);
    v.stride = stride;
    b->unit->values[value].compact = true; /* what is seen in it relies on where it lies */
    return add_value(b, v, ret_value);
}

mae_error *mae_xnn_value_part(mae_xnn_build *b, int whole, size_t offset, size_t channels, int *ret_value)
{
    mae_xnn_value v = b->unit->values[whole];

    v.tensor = -1;
    v.offset += offset * sizeof(float);
    v.channels = channels;
    v.compact = true;
    return add_value(b, v, ret_value);
}

mae_error *mae_xnn_value_constant(mae_xnn_build *b, float *numbers, size_t n, int *ret_value)
{
    mae_xnn_value v = {.tensor = -1, .compact = true, .rows = 1, .channels = n, .stride = n};
    mae_error *error = add_storage(
        b, (mae_xnn_storage){.place = MAE_XNN_CONSTANT, .bytes = n * sizeof(float), .data = numbers}, &v.storage);

    if (error) {
        mae_xnn_free(numbers);
        return error;
    }
    return add_value(b, v, ret_value);
}

bool mae_xnn_value_is_free(const mae_xnn_build *b, int value)
{
    const mae_xnn_value *v = &b->unit->values[value];
    const mae_xnn_storage *s = &b->unit->storages[v->storage];

    if (s->place != MAE_XNN_ARENA || v->offset || v->compact || v->stride != v->channels ||
        s->bytes != v->rows * v->channels * sizeof(float))
        return false;
    for (size_t i = 0; i < b->unit->n_values; i++)
        if ((int)i != value && b->unit->values[i].storage == v->storage)
            return false;
    return true;
}

mae_error *mae_xnn_numbers(mae_xnn_build *b, size_t n, float **ret_numbers)
{
    float *numbers = NULL;

    if (!b->trial && n > SIZE_MAX / sizeof(float))
        return mae_error_nomem();
    if (!b->trial && !(numbers = mae_xnn_alloc(n * sizeof(float))))
        return mae_error_nomem();
    *ret_numbers = numbers;
    return NULL;
}

mae_error *mae_xnn_weights(mae_xnn_build *b, int tensor, float **ret_numbers)
{
    const mae_tensor *t = mae_xnn_tensor(b, tensor);

    MAE_TRY(mae_xnn_numbers(b, t->bytes / sizeof(float), ret_numbers));
    if (*ret_numbers)
        memcpy(*ret_numbers, t->data, t->bytes);
    return NULL;
}

/* The first value of a tensor that is a bound input or a constant. */
static mae_error *source(mae_xnn_build *b, int tensor, int *ret_value)
{
    mae_xnn_value v = describe(b, tensor, MAE_XNN_DENSE);
    mae_xnn_storage s = {.place = MAE_XNN_INPUT, .bytes = mae_xnn_tensor(b, tensor)->bytes};

    v.compact = true;
    if (mae_graph_is_weight(b->graph, tensor)) {
        float *numbers;
        MAE_TRY(mae_xnn_weights(b, tensor, &numbers));
        s.place = MAE_XNN_CONSTANT;
        s.data = numbers;
    } else {
        while (s.border < b->segment->n_inputs && b->segment->inputs[s.border] != tensor)
            s.border++;
        if (s.border == b->segment->n_inputs)
            return mae_xnn_unsupported(b, "an operand that is not f32");
    }
    mae_error *error = add_storage(b, s, &v.storage);
    if (error) {
        mae_xnn_free(s.data);
        return error;
    }
    return add_value(b, v, ret_value);
}

/* From one order into the other. */
static mae_error *reorder(mae_xnn_build *b, int from, int to)
{
    const mae_xnn_value *x = &b->unit->values[from], *y = &b->unit->values[to];
    const mae_shape *shape = mae_xnn_shape(b, y->tensor);
    const mae_xnn_value *last = x->last ? x : y;
    size_t area = mae_xnn_span(shape, 2, shape->rank), channels = last->channels;
    mae_xnn_move move = {.n = 3, .dims = {(size_t)shape->dims[0], channels, area}};
    size_t *rows = x->last ? move.from : move.to, *planes = x->last ? move.to : move.from;

    rows[0] = area * last->stride;
    rows[1] = 1;
    rows[2] = last->stride;
    planes[0] = area * channels;
    planes[1] = area;
    planes[2] = 1;
    return mae_xnn_add_move(b, &move, from, to);
}

/* A move of a bound input belongs to that input, of which there is one however many layers read it. */
static mae_error *owned_reorder(mae_xnn_build *b, int from, int to)
{
    const mae_xnn_storage *s = &b->unit->storages[b->unit->values[from].storage];
    mae_xnn_owner owner = b->owner;
    size_t index = b->owner_index;

    if (s->place == MAE_XNN_INPUT && b->unit->values[from].tensor == b->segment->inputs[s->border]) {
        b->owner = MAE_XNN_OF_INPUT;
        b->owner_index = s->border;
    }
    mae_error *error =
        b->unit->values[from].last == b->unit->values[to].last ? mae_xnn_copy_rows(b, from, to) : reorder(b, from, to);
    b->owner = owner;
    b->owner_index = index;
    return error;
}

static int find(const mae_xnn_build *b, int tensor, mae_xnn_order order, bool compact)
{
    bool last = lies_last(mae_xnn_shape(b, tensor), order);

    for (int i = b->heads[tensor]; i >= 0; i = b->unit->values[i].next) {
        const mae_xnn_value *v = &b->unit->values[i];
        if ((order == MAE_XNN_EITHER || v->last == last) && (!compact || v->stride == v->channels))
            return i;
    }
    return -1;
}

mae_error *mae_xnn_value_get(mae_xnn_build *b, int tensor, mae_xnn_order order, bool compact, int *ret_value)
{
    int first = b->heads[tensor];

    if (first < 0)
        MAE_TRY(source(b, tensor, &first));
    int found = find(b, tensor, order, compact);
    if (found < 0) {
        mae_xnn_order wanted = order == MAE_XNN_EITHER ? mae_xnn_order_at(b, first) : order;
        MAE_TRY(mae_xnn_value_new(b, tensor, wanted, compact, &found));
        MAE_TRY(owned_reorder(b, first, found));
    }
    if (compact)
        b->unit->values[found].compact = true;
    *ret_value = found;
    return NULL;
}
