/* Followers that an operator computes itself: constants per channel in its weights, and a clamp of its results. */
#include <math.h>
#include <string.h>

#include "backends/xnnpack/lower.h"

/* A bound of Clip: an input since opset 11, an attribute before. */
static bool bound(const mae_xnn_build *b, const mae_node *node, size_t i, const char *name, float otherwise,
                  float *ret_bound)
{
    double number;
    int input = mae_node_input(node, i);

    if (input >= 0 && !mae_graph_is_weight(b->graph, input))
        return false;
    if (!mae_node_number(b->graph, node, i, name, (double)otherwise, &number))
        return false;
    *ret_bound = (float)number;
    return !isnan(number);
}

bool mae_xnn_is_clamp(const mae_xnn_build *b, int index, float *ret_low, float *ret_high)
{
    const mae_node *node = &b->graph->nodes[index];

    if (node->domain[0] || node->n_inputs == 0 || node->n_captures)
        return false;
    if (!strcmp(node->op, "Relu")) {
        *ret_low = 0.0f;
        *ret_high = INFINITY;
        return true;
    }
    return !strcmp(node->op, "Clip") && bound(b, node, 1, "min", -INFINITY, ret_low) &&
           bound(b, node, 2, "max", INFINITY, ret_high) && *ret_low < *ret_high;
}

/* A clamp behind the one there is; false if nothing but one number would be left, which the library refuses. */
static bool take_clamp(mae_xnn_tail *tail, float low, float high)
{
    float new_low = fminf(fmaxf(tail->low, low), high), new_high = fmaxf(fminf(tail->high, high), low);

    if (new_low >= new_high)
        return false;
    tail->low = new_low;
    tail->high = new_high;
    return true;
}

static mae_error *affine_room(mae_xnn_build *b, int64_t channels, mae_affine *affine)
{
    if (affine->n)
        return NULL;
    affine->n = (size_t)channels;
    affine->scale = mae_arena_array(b->unit->arena, affine->n, sizeof(double));
    affine->shift = mae_arena_array(b->unit->arena, affine->n, sizeof(double));
    if (!affine->scale || !affine->shift)
        return mae_error_nomem();
    for (size_t i = 0; i < affine->n; i++)
        affine->scale[i] = 1.0;
    return NULL;
}

mae_error *mae_xnn_tail_grow(mae_xnn_build *b, int out, int axis, int64_t channels, mae_xnn_tail *ret_tail)
{
    mae_xnn_tail tail = {.out = out, .low = -INFINITY, .high = INFINITY};
    bool clamped = false;

    for (int reader = mae_xnn_only_reader(b, out); reader >= 0; reader = mae_xnn_only_reader(b, tail.out)) {
        float low, high;
        if (axis >= 0 && !clamped && mae_fold(b->graph, reader, tail.out, axis, channels, NULL)) {
            MAE_TRY(affine_room(b, channels, &tail.affine));
            mae_fold(b->graph, reader, tail.out, axis, channels, &tail.affine);
        } else if (mae_xnn_is_clamp(b, reader, &low, &high) && take_clamp(&tail, low, high))
            clamped = true;
        else
            break;
        mae_xnn_done(b, reader);
        tail.out = b->graph->nodes[reader].outputs[0];
    }
    *ret_tail = tail;
    return NULL;
}
