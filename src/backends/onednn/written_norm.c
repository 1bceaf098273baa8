/* Layer normalization written out: (x - mean(x)) / sqrt(mean((x - mean(x))^2) + e) * scale + shift. */
#include <string.h>

#include "backends/onednn/lower.h"

typedef struct written {
    const mae_dnn_build *b;
    const mae_layer *layer;
    size_t n;
    int nodes[9];
} written;

/* The node that reads `tensor` with this operator, if the tensor has `readers` readers and is seen by nobody outside of
 * the layer; else -1. */
static int reader(const written *w, int tensor, size_t readers, const char *op)
{
    size_t n = 0;
    int found = -1;

    for (size_t i = 0; i < w->layer->n_outputs; i++)
        if (w->layer->outputs[i] == tensor)
            return -1;
    for (int k = w->layer->first_node; k < w->layer->first_node + w->layer->n_nodes; k++) {
        const mae_node *node = &w->b->graph->nodes[k];
        bool reads = false;
        for (size_t i = 0; i < node->n_inputs + node->n_captures; i++)
            reads = reads || node->inputs[i] == tensor;
        n += reads;
        if (reads && !node->domain[0] && !strcmp(node->op, op))
            found = k;
    }
    return n == readers ? found : -1;
}

static const mae_node *at(const written *w, int node)
{
    return &w->b->graph->nodes[node];
}

/* Takes in the reader of what the last node gives. */
static bool next(written *w, int tensor, size_t readers, const char *op)
{
    int node = reader(w, tensor, readers, op);

    if (node < 0)
        return false;
    w->nodes[w->n++] = node;
    return true;
}

static int out(const written *w, size_t i)
{
    return at(w, w->nodes[i])->outputs[0];
}

/* A mean over the last axis, which is kept. */
static bool is_last_mean(const written *w, size_t i)
{
    const mae_node *node = at(w, w->nodes[i]);
    int rank = mae_dnn_tensor(w->b, node->inputs[0])->shape.rank, n;
    int64_t axes[MAE_MAX_RANK];

    return !strcmp(node->op, "ReduceMean") && mae_node_int(node, "keepdims", 1) &&
           mae_dnn_int_list(w->b, node, 1, "axes", MAE_MAX_RANK, axes, &n) && n == 1 &&
           (axes[0] == -1 || axes[0] == rank - 1);
}

/* The square of the difference: by Pow or by Mul. */
static bool take_square(written *w, int difference)
{
    double two;

    if (next(w, difference, 2, "Pow"))
        return at(w, w->nodes[2])->inputs[0] == difference &&
               mae_dnn_is_scalar(w->b, at(w, w->nodes[2])->inputs[1], difference, &two) && two == 2.0;
    return next(w, difference, 2, "Mul") && at(w, w->nodes[2])->n_inputs == 2 &&
           at(w, w->nodes[2])->inputs[0] == difference && at(w, w->nodes[2])->inputs[1] == difference;
}

/* Nodes 0 to 6: mean, difference, square, mean, plus epsilon, root, quotient. */
static bool match(written *w, double *ret_epsilon)
{
    int x = at(w, w->nodes[0])->inputs[0];

    if (!is_last_mean(w, 0) || !next(w, out(w, 0), 1, "Sub") || at(w, w->nodes[1])->inputs[0] != x ||
        !take_square(w, out(w, 1)) || !next(w, out(w, 2), 1, "ReduceMean") || !is_last_mean(w, 3) ||
        !next(w, out(w, 3), 1, "Add"))
        return false;
    const mae_node *add = at(w, w->nodes[4]);
    if (!mae_dnn_is_scalar(w->b, add->inputs[add->inputs[0] == out(w, 3)], x, ret_epsilon) || *ret_epsilon < 0.0)
        return false;
    return next(w, out(w, 4), 1, "Sqrt") && next(w, out(w, 5), 1, "Div") &&
           at(w, w->nodes[6])->inputs[0] == out(w, 1) && at(w, w->nodes[6])->inputs[1] == out(w, 5) &&
           reader(w, out(w, 1), 2, "Div") == w->nodes[6];
}

/* A follower by a constant vector along the last axis. */
static int take_factor(written *w, const char *op)
{
    int tensor = out(w, w->n - 1);
    const mae_shape *x = &mae_dnn_tensor(w->b, tensor)->shape;

    if (!next(w, tensor, 1, op))
        return -1;
    const mae_node *node = at(w, w->nodes[w->n - 1]);
    int factor = node->n_inputs == 2 ? node->inputs[node->inputs[0] == tensor] : -1;
    if (mae_dnn_is_weight(w->b, factor)) {
        const mae_shape *shape = &mae_dnn_tensor(w->b, factor)->shape;
        if (shape->rank == 1 && shape->dims[0] == x->dims[x->rank - 1])
            return factor;
    }
    w->n--;
    return -1;
}

mae_error *mae_dnn_lower_written_norm(mae_dnn_build *b, int index, bool *ret_done)
{
    written w = {.b = b, .layer = &b->graph->layers[b->layer], .n = 1, .nodes = {index}};
    const mae_node *node = &b->graph->nodes[index];
    int factors[2] = {-1, -1};
    double epsilon;

    *ret_done = false;
    if (!match(&w, &epsilon))
        return NULL;
    factors[0] = take_factor(&w, "Mul");
    factors[1] = take_factor(&w, "Add");
    MAE_TRY(mae_dnn_layer_norm(b, node->inputs[0], out(&w, w.n - 1), -1, (float)epsilon, factors));
    for (size_t i = 0; i < w.n; i++)
        b->done[w.nodes[i] - b->first_node] = true;
    *ret_done = true;
    return NULL;
}
