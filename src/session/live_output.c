/* The network's outputs as a reading that rules look at: what it sees decides how it is mapped next. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/graph.h"
#include "session/live_frame.h"

#define MOST_NAMES 512 /* of a message's characters */

/* By its name, or its number where no output has that name: names may hold what no rule can. -1: none. */
static int find_output(const mae_graph *graph, const char *word)
{
    char *end;
    for (size_t i = 0; i < graph->n_outputs; i++)
        if (strcmp(graph->tensors[graph->outputs[i]].name, word) == 0)
            return graph->outputs[i];
    long number = strtol(word, &end, 10);
    return *word && !*end && number >= 0 && (size_t)number < graph->n_outputs ? graph->outputs[number] : -1;
}

static mae_error *refuse(const mae_graph *graph, const mae_rule *rule)
{
    char names[MOST_NAMES] = "";
    for (size_t i = 0, n = 0; i < graph->n_outputs && n < sizeof names - 1; i++)
        n += (size_t)snprintf(names + n, sizeof names - n, "%s%s", i ? ", " : "",
                              graph->tensors[graph->outputs[i]].name);
    return mae_error_new(MAE_ERR_INPUT, "rule of line %d: the network has no output \"%s\", only: %s", rule->line,
                         rule->word, names);
}

static bool is_number(mae_dtype dtype)
{
    return dtype == MAE_F32 || dtype == MAE_F64 || dtype == MAE_I32 || dtype == MAE_I64 || dtype == MAE_I8 ||
           dtype == MAE_U8 || dtype == MAE_BOOL;
}

static mae_error *check(const mae_graph *graph, const mae_rule *rule)
{
    int index = find_output(graph, rule->word);
    if (index < 0)
        return refuse(graph, rule);
    const mae_tensor *tensor = &graph->tensors[index];
    if (!is_number(tensor->shape.dtype))
        return mae_error_new(MAE_ERR_INPUT,
                             "rule of line %d: values of output \"%s\" are no numbers a rule can look at", rule->line,
                             tensor->name);
    size_t n = tensor->bytes / mae_dtype_size(tensor->shape.dtype);
    if (tensor->is_static && (size_t)rule->index >= n)
        return mae_error_new(MAE_ERR_INPUT, "rule of line %d: output \"%s\" has %zu values, and none with number %lld",
                             rule->line, tensor->name, n, (long long)rule->index);
    return NULL;
}

mae_error *live_output_check(const mae_graph *graph, const mae_rules *rules)
{
    for (size_t i = 0; rules && i < rules->n_rules; i++)
        if (rules->rules[i].when == MAE_WHEN_OUTPUT)
            MAE_TRY(check(graph, &rules->rules[i]));
    return NULL;
}

static double number_at(mae_dtype dtype, const void *data, size_t i)
{
    switch (dtype) {
    case MAE_F32:
        return (double)((const float *)data)[i];
    case MAE_F64:
        return ((const double *)data)[i];
    case MAE_I32:
        return ((const int32_t *)data)[i];
    case MAE_I64:
        return (double)((const int64_t *)data)[i];
    case MAE_I8:
        return ((const int8_t *)data)[i];
    default:
        return ((const uint8_t *)data)[i];
    }
}

/* NAN where the output is shorter this time. */
static double value_of(const mae_live *live, const mae_rule *rule)
{
    int index = find_output(live->graph, rule->word);
    const mae_tensor *tensor = &live->graph->tensors[index];
    const mae_buffer *buffer = live_pool_buffer(&live->pool, index);
    const void *data = tensor->is_constant ? tensor->data : buffer ? buffer->host : NULL;
    const mae_shape *shape = tensor->is_constant || !buffer ? &tensor->shape : &buffer->shape;
    int64_t n = 1;
    for (int d = 0; d < shape->rank; d++)
        n *= shape->dims[d];
    return data && rule->index < n ? number_at(shape->dtype, data, (size_t)rule->index) : NAN;
}

void live_output_read(mae_live *live)
{
    const mae_rules *rules = &live->plan->rules;
    for (size_t i = 0; i < rules->n_rules; i++)
        live->outputs[i] = rules->rules[i].when == MAE_WHEN_OUTPUT ? value_of(live, &rules->rules[i]) : NAN;
}
