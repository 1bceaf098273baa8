/* What the subgraphs of a node read from outside: names that nothing within defines. */
#include "onnx/model.h"

/* The names a graph defines, and the graph it stands in. */
typedef struct scope {
    const struct scope *outer;
    mae_names names;
} scope;

typedef struct collector {
    mae_arena *arena;
    mae_names seen;
    size_t n, room;
    const char **names;
} collector;

static mae_error *define(scope *s, const Onnx__GraphProto *graph)
{
    for (size_t i = 0; i < graph->n_input; i++)
        MAE_TRY(mae_names_put(&s->names, mae_onnx_text(graph->input[i]->name), 0));
    for (size_t i = 0; i < graph->n_initializer; i++)
        MAE_TRY(mae_names_put(&s->names, mae_onnx_text(graph->initializer[i]->name), 0));
    for (size_t i = 0; i < graph->n_sparse_initializer; i++)
        if (graph->sparse_initializer[i]->values)
            MAE_TRY(mae_names_put(&s->names, mae_onnx_text(graph->sparse_initializer[i]->values->name), 0));
    for (size_t i = 0; i < graph->n_node; i++)
        for (size_t k = 0; k < graph->node[i]->n_output; k++)
            MAE_TRY(mae_names_put(&s->names, graph->node[i]->output[k], 0));
    return NULL;
}

static mae_error *use(collector *c, const scope *s, const char *name)
{
    for (; s; s = s->outer)
        if (mae_names_find(&s->names, name) >= 0)
            return NULL;
    if (!*name || mae_names_find(&c->seen, name) >= 0)
        return NULL;
    if (c->n == c->room) {
        size_t room = c->room ? 2 * c->room : 8;
        const char **names = mae_arena_array(c->arena, room, sizeof *names);
        if (!names)
            return mae_error_nomem();
        for (size_t i = 0; i < c->n; i++)
            names[i] = c->names[i];
        c->names = names;
        c->room = room;
    }
    c->names[c->n++] = name;
    return mae_names_put(&c->seen, name, 0);
}

static mae_error *collect_graph(collector *c, const scope *outer, const Onnx__GraphProto *graph);

static mae_error *collect_subgraphs(collector *c, const scope *s, const Onnx__NodeProto *node)
{
    for (size_t i = 0; i < node->n_attribute; i++) {
        const Onnx__AttributeProto *attribute = node->attribute[i];
        if (attribute->g)
            MAE_TRY(collect_graph(c, s, attribute->g));
        for (size_t k = 0; k < attribute->n_graphs; k++)
            MAE_TRY(collect_graph(c, s, attribute->graphs[k]));
    }
    return NULL;
}

static mae_error *collect_graph(collector *c, const scope *outer, const Onnx__GraphProto *graph)
{
    scope s = {.outer = outer};
    mae_names_init(&s.names, c->arena);
    MAE_TRY(define(&s, graph));
    for (size_t i = 0; i < graph->n_node; i++) {
        for (size_t k = 0; k < graph->node[i]->n_input; k++)
            MAE_TRY(use(c, &s, graph->node[i]->input[k]));
        MAE_TRY(collect_subgraphs(c, &s, graph->node[i]));
    }
    for (size_t i = 0; i < graph->n_output; i++)
        MAE_TRY(use(c, &s, mae_onnx_text(graph->output[i]->name)));
    return NULL;
}

mae_error *mae_onnx_captures(const Onnx__NodeProto *node, mae_arena *arena, const char ***ret_names, size_t *ret_n)
{
    collector c = {.arena = arena};
    mae_names_init(&c.seen, arena);
    MAE_TRY(collect_subgraphs(&c, NULL, node));
    *ret_names = c.names;
    *ret_n = c.n;
    return NULL;
}
