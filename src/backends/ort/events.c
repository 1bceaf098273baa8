/* The profile the engine writes: one JSON object a line, a run's nodes before the run itself. */
#include "timing.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KERNEL "_kernel_time"

typedef struct event {
    double begin_us, duration_us;
    const mae_ort_place *place; /* NULL: of a subgraph, or not known */
} event;

/* The run that is being read. */
typedef struct nodes {
    event *events;
    size_t n, capacity;
    double executor_us;
} nodes;

/* The engine cuts times down to whole microseconds, so half of one is what a duration lacks on average. */
static double duration_ns(double duration_us)
{
    return (duration_us + 0.5) * 1e3;
}

static mae_error *add_node(nodes *run, const mae_ort_places *places, const char *name, double begin_us,
                           double duration_us)
{
    size_t length = strlen(name);
    if (length < strlen(KERNEL) || strcmp(name + length - strlen(KERNEL), KERNEL) != 0)
        return NULL; /* older engines write the waits around a node, too */
    if (run->n == run->capacity) {
        size_t capacity = run->capacity ? 2 * run->capacity : 256;
        event *grown = realloc(run->events, capacity * sizeof(*grown));
        if (!grown)
            return mae_error_nomem();
        run->events = grown;
        run->capacity = capacity;
    }
    const mae_ort_place *place = mae_ort_places_find(places, name, length - strlen(KERNEL));
    run->events[run->n++] = (event){begin_us, duration_us, place};
    return NULL;
}

static mae_error *reserve_run(mae_ort_runs *runs)
{
    if (runs->n < runs->capacity)
        return NULL;
    size_t capacity = runs->capacity ? 2 * runs->capacity : 64;
    mae_ort_run *grown = realloc(runs->runs, capacity * sizeof(*grown));
    if (!grown)
        return mae_error_nomem();
    runs->runs = grown;
    mae_ort_visit *visits = realloc(runs->visits, capacity * (runs->n_places + 1) * sizeof(*visits));
    if (!visits)
        return mae_error_nomem();
    runs->visits = visits;
    runs->capacity = capacity;
    return NULL;
}

/* A node that runs subgraphs is written after their nodes and holds their time: going backwards, what
 * began after it is inside it. */
static mae_error *end_run(mae_ort_runs *runs, nodes *run, double total_us)
{
    MAE_TRY(reserve_run(runs));
    mae_ort_visit *row = runs->visits + runs->n * runs->n_places;
    for (size_t i = 0; i < runs->n_places; i++)
        row[i] = (mae_ort_visit){0};
    double outer_begin_us = -1.0;
    for (size_t i = run->n; i-- > 0;) {
        const event *e = &run->events[i];
        if (outer_begin_us >= 0.0 && e->begin_us >= outer_begin_us)
            continue;
        outer_begin_us = e->place && e->place->nests ? e->begin_us : -1.0;
        if (e->place && e->place->place >= 0) {
            row[e->place->place].ns += duration_ns(e->duration_us);
            row[e->place->place].nodes += 1.0;
        }
    }
    double call_us = total_us - run->executor_us;
    runs->runs[runs->n++] = (mae_ort_run){duration_ns(total_us), call_us > 0.0 ? call_us * 1e3 : 0.0};
    run->n = 0;
    return NULL;
}

static mae_error *read_event(const json_t *object, const mae_ort_places *places, nodes *run, mae_ort_runs *runs)
{
    const char *category = json_string_value(json_object_get(object, "cat"));
    const char *name = json_string_value(json_object_get(object, "name"));
    const json_t *begin = json_object_get(object, "ts"), *duration = json_object_get(object, "dur");
    if (!category || !name || !json_is_number(begin) || !json_is_number(duration))
        return NULL;
    if (strcmp(category, "Node") == 0)
        return add_node(run, places, name, json_number_value(begin), json_number_value(duration));
    if (strcmp(category, "Session") != 0)
        return NULL;
    if (strcmp(name, "SequentialExecutor::Execute") == 0)
        run->executor_us = json_number_value(duration); /* subgraphs have their own, before the graph's */
    return strcmp(name, "model_run") == 0 ? end_run(runs, run, json_number_value(duration)) : NULL;
}

static mae_error *read_lines(FILE *file, const mae_ort_places *places, nodes *run, mae_ort_runs *runs)
{
    char *line = NULL;
    size_t size = 0;
    mae_error *error = NULL;
    for (ssize_t n = 0; !error && (n = getline(&line, &size, file)) > 0;) {
        while (n > 0 && strchr(",\r\n", line[n - 1]))
            n--;
        /* The list's brackets, and names the engine did not escape, are no objects. The time of the
         * latter is found in the run's total. */
        json_t *object = n > 1 ? json_loadb(line, (size_t)n, 0, NULL) : NULL;
        if (object)
            error = read_event(object, places, run, runs);
        json_decref(object);
    }
    free(line);
    if (!error && ferror(file))
        error = mae_error_new(MAE_ERR_FAILED, "ONNX Runtime's profile cannot be read");
    return error;
}

mae_error *mae_ort_runs_read(const char *path, const mae_ort_places *places, mae_ort_runs *runs)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return mae_error_new(MAE_ERR_FAILED, "ONNX Runtime wrote no profile");
    nodes run = {0};
    mae_error *error = read_lines(file, places, &run, runs);
    free(run.events);
    fclose(file);
    return error;
}

void mae_ort_runs_finish(mae_ort_runs *runs)
{
    free(runs->runs);
    free(runs->visits);
}
