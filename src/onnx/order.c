/* The order of the groups: topological, with branches kept together. */
#include <string.h>

#include "onnx/model.h"

typedef struct order {
    mae_onnx_model *model;
    size_t *waiting; /* per group: groups it waits for */
    long *fresh;     /* per group: when the newest of its inputs was produced; -1: with the frame */
    int *ready;
    size_t n_ready;
} order;

static int producer_group(const mae_onnx_model *model, int tensor)
{
    int producer = tensor < 0 ? -1 : model->tensors[tensor].producer;
    return producer < 0 ? -1 : model->nodes[producer].group;
}

/* A group waits once for every input that another group gives; release() counts the same way. */
static void count_waiting(order *o)
{
    const mae_onnx_model *model = o->model;
    for (size_t n = 0; n < model->n_nodes; n++) {
        const mae_onnx_node *node = &model->nodes[n];
        for (size_t i = 0; !node->is_gone && i < node->n_inputs + node->n_captures; i++) {
            int from = producer_group(model, node->inputs[i]);
            if (from >= 0 && from != node->group)
                o->waiting[node->group]++;
        }
    }
}

/* How often the node reads the tensor. */
static size_t reads(const mae_onnx_node *node, int tensor)
{
    size_t n = 0;
    for (size_t i = 0; i < node->n_inputs + node->n_captures; i++)
        n += node->inputs[i] == tensor;
    return n;
}

/* Group g is done at `time`: who waits for it no longer? */
static void release(order *o, int g, long time)
{
    const mae_onnx_model *model = o->model;
    const mae_onnx_group *group = &model->groups[g];
    for (size_t k = 0; k < group->n_nodes; k++) {
        const mae_onnx_node *node = &model->nodes[group->nodes[k]];
        for (size_t i = 0; i < node->n_outputs; i++) {
            const mae_onnx_tensor *tensor = node->outputs[i] < 0 ? NULL : &model->tensors[node->outputs[i]];
            for (size_t c = 0; tensor && c < tensor->n_consumers; c++) {
                const mae_onnx_node *reader = &model->nodes[tensor->consumers[c]];
                if (reader->group == g)
                    continue;
                o->fresh[reader->group] = time;
                o->waiting[reader->group] -= reads(reader, node->outputs[i]);
                if (!o->waiting[reader->group])
                    o->ready[o->n_ready++] = reader->group;
            }
        }
    }
}

/* Takes the ready group with the newest input; of several, the one that stands first in the model. */
static int pick(order *o)
{
    size_t best = 0;
    for (size_t i = 1; i < o->n_ready; i++) {
        int a = o->ready[i], b = o->ready[best];
        if (o->fresh[a] > o->fresh[b] || (o->fresh[a] == o->fresh[b] && a < b))
            best = i;
    }
    int group = o->ready[best];
    o->ready[best] = o->ready[--o->n_ready];
    return group;
}

static mae_error *sort_groups(mae_onnx_model *model)
{
    size_t n = model->n_groups, done = 0;
    order o = {model, mae_arena_array(model->arena, n, sizeof *o.waiting),
               mae_arena_array(model->arena, n, sizeof *o.fresh), mae_arena_array(model->arena, n, sizeof *o.ready), 0};
    mae_onnx_group *sorted = mae_arena_array(model->arena, n, sizeof *sorted);
    if (!o.waiting || !o.fresh || !o.ready || !sorted)
        return mae_error_nomem();
    count_waiting(&o);
    for (size_t g = 0; g < n; g++) {
        o.fresh[g] = -1;
        if (!o.waiting[g])
            o.ready[o.n_ready++] = (int)g;
    }
    while (o.n_ready) {
        int g = pick(&o);
        sorted[done] = model->groups[g];
        release(&o, g, (long)done++);
    }
    if (done != n)
        return mae_error_new(MAE_ERR_FAILED, "%s: the layers depend on each other in a circle", model->path);
    model->groups = sorted;
    return NULL;
}

static void number_nodes(mae_onnx_model *model)
{
    for (size_t g = 0; g < model->n_groups; g++)
        for (size_t k = 0; k < model->groups[g].n_nodes; k++)
            model->nodes[model->groups[g].nodes[k]].group = (int)g;
}

/* ---- tensors whose shape hangs on data stay within one layer ---- */

/* joined[g]: group g and the next become one. */
static void mark_joined(const mae_onnx_model *model, bool *joined)
{
    for (size_t i = 0; i < model->n_tensors; i++) {
        const mae_onnx_tensor *tensor = &model->tensors[i];
        int from = producer_group(model, (int)i);
        if (tensor->is_static || from < 0 || model->nodes[tensor->producer].is_gone)
            continue;
        for (size_t c = 0; c < tensor->n_consumers; c++)
            for (int g = from; g < model->nodes[tensor->consumers[c]].group; g++)
                joined[g] = true;
    }
}

/* Makes groups first..last one; its nodes keep the order of the groups. */
static mae_error *join(const mae_onnx_model *model, size_t first, size_t last, mae_onnx_group *ret_group)
{
    mae_onnx_group group = model->groups[first];
    if (first < last) {
        group.kind = MAE_KIND_CONTROL;
        group.n_nodes = 0;
        for (size_t g = first; g <= last; g++)
            group.n_nodes += model->groups[g].n_nodes;
        group.nodes = mae_arena_array(model->arena, group.n_nodes, sizeof *group.nodes);
        if (!group.nodes)
            return mae_error_nomem();
        int *at = group.nodes;
        for (size_t g = first; g <= last; g++) {
            memcpy(at, model->groups[g].nodes, model->groups[g].n_nodes * sizeof *at);
            at += model->groups[g].n_nodes;
        }
    }
    *ret_group = group;
    return NULL;
}

static mae_error *join_dynamic(mae_onnx_model *model)
{
    bool *joined = mae_arena_array(model->arena, model->n_groups, sizeof *joined);
    if (!joined)
        return mae_error_nomem();
    mark_joined(model, joined);
    size_t n = 0;
    for (size_t first = 0, last; first < model->n_groups; first = last + 1) {
        for (last = first; joined[last]; last++)
            ;
        MAE_TRY(join(model, first, last, &model->groups[n++]));
    }
    model->n_groups = n;
    return NULL;
}

mae_error *mae_onnx_order(mae_onnx_model *model)
{
    MAE_TRY(sort_groups(model));
    number_nodes(model);
    MAE_TRY(join_dynamic(model));
    number_nodes(model);
    return NULL;
}
