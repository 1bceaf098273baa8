/* Timing a unit: the folder for the engine's files, and the means over its runs. */
#include "timing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/stats.h"
#include "folder.h"

/* Weights stay out of the optimised model, whose graph is all that is wanted. */
#define WEIGHTS_FILE "weights.bin"
#define MODEL_LIMIT ((size_t)1 << 30)

struct mae_ort_timing {
    mae_ort_folder folder;
    char prefix[PATH_MAX];
    char model[PATH_MAX];
    char weights[PATH_MAX];
    mae_ort_places places;
    mae_ort_runs runs; /* n_places is 0 until they are read */
    size_t n_layers, n_inputs, n_outputs;
};

mae_error *mae_ort_timing_create(mae_ort_session_config *config, mae_ort_timing **ret_timing)
{
    mae_ort_timing *t = calloc(1, sizeof(*t));
    if (!t)
        return mae_error_nomem();
    mae_error *error = mae_ort_folder_make(&t->folder);
    if (!error)
        error = mae_ort_folder_join(&t->folder, "profile", t->prefix);
    if (!error)
        error = mae_ort_folder_join(&t->folder, "model.onnx", t->model);
    if (!error)
        error = mae_ort_folder_join(&t->folder, WEIGHTS_FILE, t->weights);
    if (error) {
        mae_ort_timing_destroy(t);
        return error;
    }
    config->profile_prefix = t->prefix;
    config->optimised_path = t->model;
    config->optimised_weights = WEIGHTS_FILE;
    *ret_timing = t;
    return NULL;
}

void mae_ort_timing_destroy(mae_ort_timing *t)
{
    if (!t)
        return;
    mae_ort_folder_remove(&t->folder);
    mae_ort_places_finish(&t->places);
    mae_ort_runs_finish(&t->runs);
    free(t);
}

static void forget_places(mae_ort_timing *t, const mae_segment *segment)
{
    mae_ort_places_finish(&t->places);
    t->n_layers = (size_t)(segment->last - segment->first) + 1;
    t->n_inputs = segment->n_inputs;
    t->n_outputs = segment->n_outputs;
}

mae_error *mae_ort_timing_read_model(mae_ort_timing *t, const mae_graph *graph, const mae_segment *segment)
{
    void *data;
    size_t size;
    forget_places(t, segment);
    mae_error *error = mae_file_read(t->model, MODEL_LIMIT, &data, &size);
    if (error)
        return mae_error_recode(error, MAE_ERR_FAILED);
    error = mae_ort_places_read(data, size, graph, segment, &t->places);
    free(data);
    unlink(t->model); /* they may be large */
    unlink(t->weights);
    return error;
}

mae_error *mae_ort_timing_take_model(mae_ort_timing *t, const mae_graph *graph, const mae_segment *segment,
                                     const void *data, size_t size)
{
    forget_places(t, segment);
    return mae_ort_places_read(data, size, graph, segment, &t->places);
}

mae_error *mae_ort_timing_stop(mae_ort_timing *t, const mae_ort *ort, OrtSession *session)
{
    OrtAllocator *allocator;
    char *path = NULL;
    if (t->runs.n_places > 0)
        return mae_error_new(MAE_ERR_USAGE, "the times of a unit are asked for twice");
    MAE_TRY(mae_ort_check(ort, ort->api->GetAllocatorWithDefaultOptions(&allocator)));
    MAE_TRY(mae_ort_check(ort, ort->api->SessionEndProfiling(session, allocator, &path)));
    t->runs.n_places = t->n_layers + t->n_inputs + t->n_outputs;
    mae_error *error = mae_ort_runs_read(path, &t->places, &t->runs);
    allocator->Free(allocator, path);
    return error;
}

size_t mae_ort_timing_runs(const mae_ort_timing *t)
{
    return t->runs.n;
}

/* -- means -- */

/* Runs much slower than the median are left out: something else had the processor. */
#define SLOW 1.15

/* Sorts. */
static double slowest_counted(double *total_ns, size_t n)
{
    mae_stats_sort(total_ns, n);
    return SLOW * mae_stats_quantile(total_ns, n, 0.5);
}

static double plain_mean(double *plain_ns, size_t n)
{
    double limit = slowest_counted(plain_ns, n), sum = 0.0;
    size_t counted = 0;
    while (counted < n && plain_ns[counted] <= limit)
        sum += plain_ns[counted++];
    return sum / (double)counted;
}

/* The mean run, place by place. */
typedef struct mean_run {
    mae_ort_visit *visits;
    double call_ns;
    size_t counted;
} mean_run;

static void add_run(const mae_ort_runs *runs, size_t i, mean_run *mean)
{
    const mae_ort_visit *row = runs->visits + i * runs->n_places;
    for (size_t k = 0; k < runs->n_places; k++) {
        mean->visits[k].ns += row[k].ns;
        mean->visits[k].nodes += row[k].nodes;
    }
    mean->call_ns += runs->runs[i].call_ns;
    mean->counted++;
}

static mae_error *mean_of_runs(const mae_ort_runs *runs, size_t skip, mean_run *mean)
{
    double *total = calloc(runs->n - skip, sizeof(*total));
    mean->visits = calloc(runs->n_places + 1, sizeof(*mean->visits));
    if (!total || !mean->visits) {
        free(total);
        return mae_error_nomem();
    }
    for (size_t i = skip; i < runs->n; i++)
        total[i - skip] = runs->runs[i].total_ns;
    double limit = slowest_counted(total, runs->n - skip);
    free(total);
    for (size_t i = skip; i < runs->n; i++) {
        if (runs->runs[i].total_ns <= limit)
            add_run(runs, i, mean);
    }
    for (size_t k = 0; k < runs->n_places; k++) {
        mean->visits[k].ns /= (double)mean->counted;
        mean->visits[k].nodes /= (double)mean->counted;
    }
    mean->call_ns /= (double)mean->counted;
    return NULL;
}

/* The least that is left of a node's time. */
#define LEAST_NS 300.0

/* Being timed makes every node longer, by about as much: the engine writes down its shapes within the time
 * it takes. What the nodes have too much, beside plain runs, is taken off them in equal parts, and the rest
 * scaled to fit where that is more than a node has. */
static void take_off_timing(mean_run *mean, size_t n_places, double plain_ns)
{
    double sum = 0.0, nodes = 0.0, left = 0.0;
    for (size_t k = 0; k < n_places; k++) {
        sum += mean->visits[k].ns;
        nodes += mean->visits[k].nodes;
    }
    double budget = plain_ns - mean->call_ns;
    if (budget < plain_ns / 2) /* a tiny network: do not trust the engine's rounded time of the call */
        budget = plain_ns / 2;
    if (sum <= budget || nodes <= 0.0)
        return;
    for (size_t k = 0; k < n_places; k++) {
        mae_ort_visit *v = &mean->visits[k];
        double ns = v->ns - v->nodes * (sum - budget) / nodes, least = v->nodes * LEAST_NS;
        v->ns = ns > least ? ns : least < v->ns ? least : v->ns;
        left += v->ns;
    }
    for (size_t k = 0; k < n_places; k++)
        mean->visits[k].ns *= budget / left;
}

static const mae_ort_visit *hand_out(double *ret_ns, size_t n, const mae_ort_visit *visits, double *sum)
{
    for (size_t i = 0; i < n; i++) {
        ret_ns[i] = visits[i].ns;
        *sum += visits[i].ns;
    }
    return visits + n;
}

mae_error *mae_ort_timing_average(const mae_ort_timing *t, size_t skip, double *plain_ns, size_t n_plain,
                                  mae_layer_times *times)
{
    mean_run mean = {0};
    if (t->runs.n <= skip || n_plain == 0)
        return mae_error_new(MAE_ERR_USAGE, "%zu runs were timed, of which %zu are to be skipped", t->runs.n, skip);
    mae_error *error = mean_of_runs(&t->runs, skip, &mean);
    if (!error) {
        double total = plain_mean(plain_ns, n_plain), sum = 0.0;
        take_off_timing(&mean, t->runs.n_places, total);
        const mae_ort_visit *rest = hand_out(times->layer_ns, t->n_layers, mean.visits, &sum);
        rest = hand_out(times->input_ns, t->n_inputs, rest, &sum);
        hand_out(times->output_ns, t->n_outputs, rest, &sum);
        times->other_ns = total > sum ? total - sum : 0.0;
        times->total_ns = sum + times->other_ns;
        times->runs = mean.counted;
    }
    free(mean.visits);
    return error;
}
