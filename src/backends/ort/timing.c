/* Timing a unit: the folder for the engine's files, and the means over its runs. */
#include "timing.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/stats.h"

/* Weights stay out of the optimised model, whose graph is all that is wanted. */
#define WEIGHTS_FILE "weights.bin"
#define MODEL_LIMIT ((size_t)1 << 30)

struct mae_ort_timing {
    char folder[PATH_MAX];
    char prefix[PATH_MAX];
    char model[PATH_MAX];
    char weights[PATH_MAX];
    mae_ort_places places;
    size_t n_layers, n_inputs, n_outputs;
};

static bool join(char *path, const char *folder, const char *name)
{
    int n = snprintf(path, PATH_MAX, "%s/%s", folder, name);
    return n > 0 && n < PATH_MAX;
}

mae_error *mae_ort_timing_create(mae_ort_session_config *config, mae_ort_timing **ret_timing)
{
    mae_ort_timing *t = calloc(1, sizeof(*t));
    if (!t)
        return mae_error_nomem();
    const char *tmp = getenv("TMPDIR");
    if (!join(t->folder, tmp && *tmp ? tmp : "/tmp", "mae-ort-XXXXXX") || !mkdtemp(t->folder)) {
        mae_error *error = mae_error_new(MAE_ERR_FAILED, "no temporary folder can be made at %s", t->folder);
        free(t);
        return error;
    }
    if (!join(t->prefix, t->folder, "profile") || !join(t->model, t->folder, "model.onnx") ||
        !join(t->weights, t->folder, WEIGHTS_FILE)) {
        mae_ort_timing_destroy(t);
        return mae_error_new(MAE_ERR_FAILED, "the path of the temporary folder is too long");
    }
    config->profile_prefix = t->prefix;
    config->optimised_path = t->model;
    config->optimised_weights = WEIGHTS_FILE;
    *ret_timing = t;
    return NULL;
}

static void empty_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return;
    for (struct dirent *entry; (entry = readdir(dir));)
        unlinkat(dirfd(dir), entry->d_name, 0); /* fails on "." and "..", as it should */
    closedir(dir);
}

void mae_ort_timing_destroy(mae_ort_timing *t)
{
    if (!t)
        return;
    empty_folder(t->folder);
    rmdir(t->folder);
    mae_ort_places_finish(&t->places);
    free(t);
}

mae_error *mae_ort_timing_read_model(mae_ort_timing *t, const mae_graph *graph, const mae_segment *segment)
{
    void *data;
    size_t size;
    t->n_layers = (size_t)(segment->last - segment->first + 1);
    t->n_inputs = segment->n_inputs;
    t->n_outputs = segment->n_outputs;
    mae_error *error = mae_file_read(t->model, MODEL_LIMIT, &data, &size);
    if (error)
        return mae_error_recode(error, MAE_ERR_FAILED);
    error = mae_ort_places_read(data, size, graph, segment, &t->places);
    free(data);
    unlink(t->model); /* they may be large */
    unlink(t->weights);
    return error;
}

/* -- means -- */

/* Runs slower than nine in ten are left out: something else took the processor. */
static double slowest_counted(const mae_ort_runs *runs, size_t skip, mae_error **ret_error)
{
    size_t n = runs->n - skip;
    double *sorted = malloc(n * sizeof(*sorted));
    if (!sorted) {
        *ret_error = mae_error_nomem();
        return 0.0;
    }
    memcpy(sorted, runs->total_ns + skip, n * sizeof(*sorted));
    mae_stats_sort(sorted, n);
    double limit = sorted[n - 1 - n / 10];
    free(sorted);
    return limit;
}

static double take(double *times, const double **place, size_t n, double share)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        double ns = share * *(*place)++;
        times[i] += ns;
        sum += ns;
    }
    return sum;
}

/* Adds one run's share to the means. Where rounding makes the nodes longer than their run, the nodes
 * are believed. */
static void add_run(const mae_ort_timing *t, const double *place_ns, double total_ns, double share,
                    mae_layer_times *times)
{
    double sum = take(times->layer_ns, &place_ns, t->n_layers, share);
    sum += take(times->input_ns, &place_ns, t->n_inputs, share);
    sum += take(times->output_ns, &place_ns, t->n_outputs, share);
    double rest = share * total_ns - sum;
    times->other_ns += rest > 0.0 ? rest : 0.0;
    times->total_ns += rest > 0.0 ? share * total_ns : sum;
}

static mae_error *average(const mae_ort_timing *t, const mae_ort_runs *runs, size_t skip, mae_layer_times *times)
{
    if (runs->n <= skip)
        return mae_error_new(MAE_ERR_USAGE, "%zu runs were timed, of which %zu are to be skipped", runs->n, skip);
    mae_error *error = NULL;
    double limit = slowest_counted(runs, skip, &error);
    if (error)
        return error;
    size_t counted = 0;
    for (size_t i = skip; i < runs->n; i++)
        counted += runs->total_ns[i] <= limit;
    memset(times->layer_ns, 0, t->n_layers * sizeof(double));
    memset(times->input_ns, 0, t->n_inputs * sizeof(double));
    memset(times->output_ns, 0, t->n_outputs * sizeof(double));
    times->other_ns = times->total_ns = 0.0;
    times->runs = counted;
    for (size_t i = skip; i < runs->n; i++) {
        if (runs->total_ns[i] <= limit)
            add_run(t, runs->place_ns + i * runs->n_places, runs->total_ns[i], 1.0 / (double)counted, times);
    }
    return NULL;
}

mae_error *mae_ort_timing_finish(mae_ort_timing *t, const mae_ort *ort, OrtSession *session, size_t skip,
                                 mae_layer_times *times)
{
    OrtAllocator *allocator;
    char *path = NULL;
    MAE_TRY(mae_ort_check(ort, ort->api->GetAllocatorWithDefaultOptions(&allocator)));
    MAE_TRY(mae_ort_check(ort, ort->api->SessionEndProfiling(session, allocator, &path)));
    mae_ort_runs runs = {.n_places = t->n_layers + t->n_inputs + t->n_outputs};
    mae_error *error = mae_ort_runs_read(path, &t->places, &runs);
    allocator->Free(allocator, path);
    if (!error)
        error = average(t, &runs, skip, times);
    mae_ort_runs_finish(&runs);
    return error;
}
