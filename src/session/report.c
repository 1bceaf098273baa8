/* Reports (mae/report.h): the page is rendered below; what the planner says of a profile is added here. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/stats.h"
#include "core/cost.h"
#include "core/profile.h"
#include "mae/mae.h"
#include "report/report.h"

#define SEED 1
#define N_SAMPLES 2000
#define MOST_WORK 40000000 /* layers costed for samples: so a network of many layers gets fewer */
#define MOST_EXACT 400     /* layers; the front of more is solved within: */
#define FRONT_EPSILON 0.002

mae_error *mae_report_create(mae_report **ret_report)
{
    return mae_report_alloc(ret_report);
}

void mae_report_destroy(mae_report *report)
{
    mae_report_release(report);
}

mae_error *mae_report_add_file(mae_report *report, const char *path)
{
    mae_json *json = NULL;
    MAE_TRY(mae_json_read(path, MAE_REPORT_MAX_FILE_BYTES, &json));
    return mae_report_take(report, path, json);
}

mae_error *mae_report_add_text(mae_report *report, const char *name, const char *text, size_t size)
{
    mae_json *json = NULL;
    if (size > MAE_REPORT_MAX_FILE_BYTES)
        return mae_error_new(MAE_ERR_INPUT, "%s: %zu bytes, more than the limit of %u", name, size,
                             MAE_REPORT_MAX_FILE_BYTES);
    MAE_TRY(mae_json_parse(name, text, size, &json));
    return mae_report_take(report, name, json);
}

mae_error *mae_report_add_profile(mae_report *report, const char *name, const mae_profile *profile)
{
    json_t *value = NULL;
    char *text = NULL;
    MAE_TRY(mae_profile_to_json(profile, &value));
    mae_error *error = mae_json_text(value, &text);
    json_decref(value);
    if (!error)
        error = mae_report_add_text(report, name, text, strlen(text));
    free(text);
    return error;
}

/* ---- what the planner says ---- */

typedef struct reckoning {
    mae_report *report;
    const mae_profile *profile;
    mae_report_reckoned *to;
    mae_cost_index index;
    int *mapping; /* to work with */
} reckoning;

/* An error that says something of the profile becomes a text; others are handed up. */
static mae_error *reason_of(reckoning *r, mae_error *error, const char **ret_reason)
{
    mae_code code = mae_error_code(error);
    if (code != MAE_ERR_INFEASIBLE && code != MAE_ERR_UNSUPPORTED && code != MAE_ERR_FAILED)
        return error;
    *ret_reason = mae_arena_strdup(r->report->arena, mae_error_message(error));
    mae_error_free(error);
    return *ret_reason ? NULL : mae_error_nomem();
}

static mae_error *cost_choice(reckoning *r, const char *name, mae_error *error, mae_report_choice *choice)
{
    choice->name = name;
    choice->reason = "";
    if (!error)
        error = mae_cost_of(&r->index, r->mapping, r->to->period_ms, &choice->cost);
    choice->allowed = !error;
    return error ? reason_of(r, error, &choice->reason) : NULL;
}

static mae_error *cost_singles(reckoning *r)
{
    const mae_profile *profile = r->profile;
    mae_report_choice *single = mae_arena_array(r->report->arena, profile->n_pes, sizeof *single);
    if (!single)
        return mae_error_nomem();
    for (size_t pe = 0; pe < profile->n_pes; pe++) {
        for (size_t l = 0; l < profile->n_layers; l++)
            r->mapping[l] = (int)pe;
        MAE_TRY(cost_choice(r, profile->pes[pe].name, NULL, &single[pe]));
    }
    r->to->single = single;
    r->to->n_single = profile->n_pes;
    return cost_choice(r, "greedy", mae_greedy(profile, NULL, 0, r->mapping), &r->to->greedy);
}

/* The mapping of the bench or the plan's file; false: there is neither. */
static bool stated_mapping(reckoning *r, int *mapping)
{
    const mae_plan_segment *segments;
    size_t n = mae_report_segments(r->report, &segments), layer = 0;
    for (size_t s = 0; s < n; s++)
        for (size_t i = 0; i < segments[s].n_layers; i++)
            mapping[layer++] = mae_profile_find_pe(r->profile, segments[s].pe);
    return n > 0;
}

/* Without a stated one: the mapping of least latency, and what its plan says of it. */
static mae_error *plan_here(reckoning *r, int *mapping)
{
    mae_goal goal = MAE_GOAL_INIT;
    MAE_TRY(mae_plan_solve(r->profile, &goal, &r->report->plan));
    r->to->planned_here = true;
    return mae_plan_mapping(r->report->plan, r->profile, mapping);
}

static mae_error *find_mapping(reckoning *r)
{
    int *mapping = mae_arena_array(r->report->arena, r->profile->n_layers, sizeof *mapping);
    if (!mapping)
        return mae_error_nomem();
    mae_error *error = stated_mapping(r, mapping) ? NULL : plan_here(r, mapping);
    if (!error)
        error = mae_cost_of(&r->index, mapping, r->to->period_ms, &r->to->cost);
    if (error)
        return reason_of(r, error, &r->to->reason);
    r->to->mapping = mapping;
    return NULL;
}

/* ---- the front ---- */

/* "gpu: group0 to group7; dla: ...", as far as anybody reads. */
static const char *mapping_text(reckoning *r, const int *mapping)
{
    const mae_profile *profile = r->profile;
    char text[240] = "";
    size_t used = 0;
    for (size_t first = 0, last; first < profile->n_layers && used < sizeof text; first = last + 1) {
        for (last = first; last + 1 < profile->n_layers && mapping[last + 1] == mapping[first];)
            last++;
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%.40s \xC3\x97 %zu", first ? ", " : "",
                                 profile->pes[mapping[first]].name, last - first + 1);
    }
    return mae_arena_strdup(r->report->arena, text);
}

static mae_error *copy_front(reckoning *r, const mae_front *front)
{
    mae_report_front *copy = mae_arena_alloc(r->report->arena, sizeof *copy);
    mae_report_point *points = mae_arena_array(r->report->arena, front->n_points, sizeof *points);
    if (!copy || !points)
        return mae_error_nomem();
    for (size_t i = 0; i < front->n_points; i++) {
        points[i] = (mae_report_point){front->points[i].cost, mapping_text(r, front->points[i].mapping)};
        if (!points[i].mapping)
            return mae_error_nomem();
    }
    copy->points = points;
    copy->n = front->n_points;
    copy->has_energy = r->profile->energy != MAE_ENERGY_NONE;
    copy->exact = front->exact;
    copy->epsilon = front->epsilon;
    r->to->front = copy;
    return NULL;
}

/* Without energy a front is one point, and says nothing; a file's front needs no other beside it. */
static mae_error *find_front(reckoning *r)
{
    mae_goal goal = MAE_GOAL_INIT;
    mae_front *front = NULL;
    if (r->profile->energy == MAE_ENERGY_NONE || r->report->front)
        return NULL;
    goal.period_ms = r->to->period_ms;
    mae_error *error =
        mae_front_solve(r->profile, &goal, r->profile->n_layers > MOST_EXACT ? FRONT_EPSILON : 0, &front);
    if (error)
        return reason_of(r, error, &r->to->front_reason);
    error = copy_front(r, front);
    mae_front_destroy(front);
    return error;
}

/* ---- the cloud ---- */

/* Any PE that supports the layer, each as likely; -1: none does. */
static int any_pe(reckoning *r, mae_rng *rng, size_t layer)
{
    int found = -1;
    double n = 0;
    for (size_t pe = 0; pe < r->profile->n_pes; pe++) {
        if (!r->profile->costs[layer * r->profile->n_pes + pe].supported)
            continue;
        n++;
        if (mae_rng_uniform(rng) * n < 1)
            found = (int)pe;
    }
    return found;
}

/* A mapping of 1 to n_layers stretches, few as likely as many (their number is drawn by its logarithm): uniform draws
 * layer by layer would all be the same crowd of mappings that switch at every other layer. */
static void draw_mapping(reckoning *r, mae_rng *rng)
{
    size_t n = r->profile->n_layers;
    double stretches = pow((double)n, mae_rng_uniform(rng)), cut = (stretches - 1) / (n > 1 ? (double)(n - 1) : 1);
    int pe = 0;
    for (size_t l = 0; l < n; l++) {
        if (l == 0 || mae_rng_uniform(rng) < cut)
            pe = (int)(mae_rng_uniform(rng) * (double)r->profile->n_pes);
        bool supported = r->profile->costs[l * r->profile->n_pes + (size_t)pe].supported;
        r->mapping[l] = supported ? pe : any_pe(r, rng, l);
    }
}

static mae_error *draw_cloud(reckoning *r)
{
    mae_rng rng = {SEED};
    size_t wanted = MOST_WORK / r->profile->n_layers;
    wanted = wanted < 100 ? 100 : wanted > N_SAMPLES ? N_SAMPLES : wanted;
    mae_prediction *samples = mae_arena_array(r->report->arena, wanted, sizeof *samples);
    if (!samples)
        return mae_error_nomem();
    for (; r->to->n_drawn < 10 * wanted && r->to->n_samples < wanted; r->to->n_drawn++) {
        draw_mapping(r, &rng);
        mae_error *error = mae_cost_of(&r->index, r->mapping, r->to->period_ms, &samples[r->to->n_samples]);
        if (!error)
            r->to->n_samples++;
        else if (mae_error_code(error) != MAE_ERR_INFEASIBLE)
            return error;
        mae_error_free(error);
    }
    r->to->samples = samples;
    r->to->seed = SEED;
    return NULL;
}

static bool every_layer_runs(const mae_profile *profile)
{
    for (size_t l = 0; l < profile->n_layers; l++) {
        bool runs = false;
        for (size_t pe = 0; pe < profile->n_pes; pe++)
            runs = runs || profile->costs[l * profile->n_pes + pe].supported;
        if (!runs)
            return false;
    }
    return true;
}

static mae_error *reckon_with(reckoning *r)
{
    r->to->period_ms = mae_report_goal(r->report)->period_ms;
    r->to->reason = "";
    MAE_TRY(find_mapping(r));
    MAE_TRY(cost_singles(r));
    MAE_TRY(find_front(r));
    return every_layer_runs(r->profile) ? draw_cloud(r) : NULL;
}

static mae_error *reckon(mae_report *report)
{
    reckoning r = {.report = report, .profile = report->profile};
    r.to = mae_arena_alloc(report->arena, sizeof *r.to);
    r.mapping = mae_arena_array(report->arena, report->profile->n_layers, sizeof *r.mapping);
    if (!r.to || !r.mapping)
        return mae_error_nomem();
    MAE_TRY(mae_cost_index_init(&r.index, report->profile));
    mae_error *error = reckon_with(&r);
    mae_cost_index_finish(&r.index);
    if (!error)
        report->reckoned = r.to;
    return error;
}

/* ---- the page ---- */

mae_error *mae_report_to_html(mae_report *report, char **ret_text)
{
    if (report->n_files == 0)
        return mae_error_new(MAE_ERR_USAGE, "a report needs a file to be made from");
    if (report->profile && !report->reckoned)
        MAE_TRY(reckon(report));
    return mae_report_render(report, ret_text);
}

mae_error *mae_report_write(mae_report *report, const char *path)
{
    char *text;
    MAE_TRY(mae_report_to_html(report, &text));
    mae_error *error = mae_file_write(path, text, strlen(text));
    free(text);
    return error;
}
