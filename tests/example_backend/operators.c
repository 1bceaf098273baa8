/* What the example computes, and how. */
#include <float.h>
#include <string.h>

#include "example_backend/example.h"

static const mae_shape *shape_of(const example_step *step, int tensor)
{
    return &step->graph->tensors[tensor].shape;
}

static size_t count_of(const mae_shape *shape)
{
    size_t n = 0;
    return mae_shape_count(shape, &n) ? n : 0; /* import has seen that it fits */
}

/* Which element of a tensor stands against element `i` of a result that it is broadcast to. */
static size_t against(const mae_shape *shape, const mae_shape *result, size_t i)
{
    size_t element = 0, stride = 1;
    for (int k = shape->rank - 1, d = result->rank - 1; k >= 0; k--, d--) {
        size_t place = i % (size_t)result->dims[d];
        i /= (size_t)result->dims[d];
        element += shape->dims[k] == 1 ? 0 : place * stride;
        stride *= (size_t)shape->dims[k];
    }
    return element;
}

/* ---- Relu ---- */

static void relu(const example_step *step, float *const *at)
{
    const float *x = at[step->node->inputs[0]];
    float *y = at[step->node->outputs[0]];
    size_t n = count_of(shape_of(step, step->node->outputs[0]));
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] < 0.0f ? 0.0f : x[i];
}

static const char *read_relu(example_step *step)
{
    step->compute = relu;
    return NULL;
}

/* ---- Add ---- */

static void add(const example_step *step, float *const *at)
{
    int a = step->node->inputs[0], b = step->node->inputs[1], y = step->node->outputs[0];
    const mae_shape *result = shape_of(step, y);
    size_t n = count_of(result);
    for (size_t i = 0; i < n; i++)
        at[y][i] = at[a][against(shape_of(step, a), result, i)] + at[b][against(shape_of(step, b), result, i)];
}

static const char *read_add(example_step *step)
{
    step->compute = add;
    return step->node->opset < 7 ? "broadcasting by the rules before opset 7" : NULL;
}

/* ---- MaxPool ---- */

/* The largest element of the window at row `i`, column `j` of the result; what lies in the padding does not count. */
static float largest(const mae_window *w, const mae_shape *in, const float *plane, int64_t i, int64_t j)
{
    float most = -FLT_MAX;
    for (int64_t k = 0; k < w->kernel[0]; k++)
        for (int64_t l = 0; l < w->kernel[1]; l++) {
            int64_t row = i * w->strides[0] + k * w->dilations[0] - w->pads_low[0];
            int64_t column = j * w->strides[1] + l * w->dilations[1] - w->pads_low[1];
            if (row < 0 || row >= in->dims[2] || column < 0 || column >= in->dims[3])
                continue;
            float value = plane[row * in->dims[3] + column];
            most = value > most ? value : most;
        }
    return most;
}

static void max_pool(const example_step *step, float *const *at)
{
    const mae_shape *in = shape_of(step, step->node->inputs[0]), *out = shape_of(step, step->node->outputs[0]);
    const float *x = at[step->node->inputs[0]];
    float *y = at[step->node->outputs[0]];
    for (int64_t plane = 0; plane < out->dims[0] * out->dims[1]; plane++)
        for (int64_t i = 0; i < out->dims[2]; i++)
            for (int64_t j = 0; j < out->dims[3]; j++)
                *y++ = largest(&step->window, in, x + plane * in->dims[2] * in->dims[3], i, j);
}

static const char *read_max_pool(example_step *step)
{
    const mae_node *node = step->node;
    const mae_shape *in = shape_of(step, node->inputs[0]);
    step->compute = max_pool;
    if (node->n_outputs > 1 && node->outputs[1] >= 0)
        return "the indices of a MaxPool";
    if (in->rank != 4 || !mae_window_read(node, in, NULL, &step->window))
        return "a MaxPool of other than two spatial axes";
    return NULL;
}

/* ---- Gemm ---- */

static void gemm(const example_step *step, float *const *at)
{
    const mae_node *node = step->node;
    const mae_shape *shape = shape_of(step, node->inputs[0]), *result = shape_of(step, node->outputs[0]);
    const float *a = at[node->inputs[0]], *b = at[node->inputs[1]];
    int c = mae_node_input(node, 2);
    size_t m = (size_t)result->dims[0], n = (size_t)result->dims[1], k = (size_t)shape->dims[step->turned[0] ? 0 : 1];
    for (size_t i = 0; i < m * n; i++) {
        size_t row = i / n, column = i % n;
        float sum = 0.0f;
        for (size_t l = 0; l < k; l++)
            sum +=
                a[step->turned[0] ? l * m + row : row * k + l] * b[step->turned[1] ? column * k + l : l * n + column];
        float added = c < 0 ? 0.0f : step->beta * at[c][against(shape_of(step, c), result, i)];
        at[node->outputs[0]][i] = step->alpha * sum + added;
    }
}

static const char *read_gemm(example_step *step)
{
    step->compute = gemm;
    step->alpha = mae_node_float(step->node, "alpha", 1.0f);
    step->beta = mae_node_float(step->node, "beta", 1.0f);
    step->turned[0] = mae_node_int(step->node, "transA", 0) != 0;
    step->turned[1] = mae_node_int(step->node, "transB", 0) != 0;
    return step->node->opset < 7 ? "broadcasting by the rules before opset 7" : NULL;
}

/* ---- all of them ---- */

static const struct entry {
    const char *op;
    const char *(*read)(example_step *step);
} entries[] = {{"Relu", read_relu}, {"Add", read_add}, {"MaxPool", read_max_pool}, {"Gemm", read_gemm}};

/* Every loop above counts on numbers of 32 bits in shapes that are known. */
static bool is_plain(const mae_graph *graph, const int *tensors, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const mae_tensor *tensor = tensors[i] < 0 ? NULL : &graph->tensors[tensors[i]];
        if (tensor && (!tensor->is_static || tensor->shape.dtype != MAE_F32))
            return false;
    }
    return true;
}

const char *example_read(const mae_graph *graph, const mae_node *node, example_step *ret_step)
{
    *ret_step = (example_step){.graph = graph, .node = node};
    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        if (node->domain[0] || strcmp(node->op, entries[i].op) != 0)
            continue;
        if (!is_plain(graph, node->inputs, node->n_inputs) || !is_plain(graph, node->outputs, 1))
            return "another type than f32, or a shape that is not fixed";
        return entries[i].read(ret_step);
    }
    return "an operator that the example does not have";
}
