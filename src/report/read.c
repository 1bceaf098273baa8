/* What the readers share, and the readers of fronts and scenario results. */
#include "report/read.h"

#include <math.h>
#include <string.h>

#include "report/html.h"

mae_error *mae_report_read_real(const mae_reader *r, const mae_place *at, const char *key, bool *ret_exists,
                                double *ret_number)
{
    json_t *value = json_object_get(at->object, key);
    *ret_exists = false;
    if (!value || json_is_null(value))
        return NULL;
    if (!json_is_number(value) || !isfinite(json_number_value(value)))
        return mae_reader_error(r, at, key, "is not a number");
    *ret_exists = true;
    *ret_number = json_number_value(value);
    return NULL;
}

static mae_error *read_pair(const mae_reader *r, const mae_place *at, const char *key, mae_report_value *value)
{
    json_t *pair = json_object_get(at->object, key);
    if (!pair || json_is_null(pair))
        return NULL;
    json_t *low = json_array_get(pair, 0), *high = json_array_get(pair, 1);
    if (json_array_size(pair) != 2 || !json_is_number(low) || !json_is_number(high))
        return mae_reader_error(r, at, key, "is not a pair of numbers");
    value->has_interval = true;
    value->low = json_number_value(low);
    value->high = json_number_value(high);
    if (!(value->low <= value->high))
        return mae_reader_error(r, at, key, "its ends are not in order");
    return NULL;
}

mae_error *mae_report_read_value(const mae_reader *r, const mae_place *at, const char *key, const char *interval_key,
                                 mae_report_value *ret_value)
{
    mae_report_value value = {0};
    MAE_TRY(mae_report_read_real(r, at, key, &value.exists, &value.value));
    if (value.exists)
        MAE_TRY(read_pair(r, at, interval_key, &value));
    *ret_value = value;
    return NULL;
}

mae_error *mae_report_read_object(const mae_reader *r, const char *key, bool required, mae_place *ret_place)
{
    mae_place root = {.object = r->root}, at = {.list = key, .index = -1};
    MAE_TRY(mae_reader_value(r, &root, key, JSON_OBJECT, required, &at.object));
    *ret_place = at;
    return NULL;
}

/* ---- fronts ---- */

/* "gpu, group0 to group3; dla, ..." */
static mae_error *mapping_text(const mae_reader *r, const mae_place *at, json_t *list, const char **ret_text)
{
    mae_html text = {0};
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *pe = NULL, *first = NULL, *last = NULL;
        if (json_unpack(json_array_get(list, i), "{s:s,s:s,s:s}", "pe", &pe, "first", &first, "last", &last)) {
            free(text.text);
            return mae_reader_error(r, at, "segments", "entry %zu lacks pe, first or last", i);
        }
        mae_put(&text, i ? "; " : "");
        mae_put(&text, pe);
        mae_put(&text, ": ");
        mae_put(&text, first);
        if (strcmp(first, last) != 0) {
            mae_put(&text, " to ");
            mae_put(&text, last);
        }
    }
    char *copy = text.failed ? NULL : mae_arena_strdup(r->arena, text.text ? text.text : "");
    free(text.text);
    *ret_text = copy;
    return copy ? NULL : mae_error_nomem();
}

static mae_error *read_point(const mae_reader *r, const mae_place *at, mae_report_point *point, bool *has_energy)
{
    json_t *segments;
    double switches = 0;
    MAE_TRY(mae_reader_object(r, at));
    MAE_TRY(mae_reader_number(r, at, "latency_ms", true, HUGE_VAL, &point->cost.latency_ms));
    MAE_TRY(mae_report_read_real(r, at, "energy_mj", has_energy, &point->cost.energy_mj));
    MAE_TRY(mae_reader_number(r, at, "switches", true, 1e9, &switches));
    MAE_TRY(mae_reader_value(r, at, "segments", JSON_ARRAY, true, &segments));
    point->cost.switches = (int)switches;
    return mapping_text(r, at, segments, &point->mapping);
}

static mae_error *read_points(const mae_reader *r, mae_report_front *front)
{
    json_t *list;
    MAE_TRY(mae_reader_list(r, "points", true, MAE_REPORT_MAX_ENTRIES, &list, &front->n));
    if (front->n == 0)
        return mae_json_error(r->json, "points", "is empty");
    front->points = mae_arena_array(r->arena, front->n, sizeof *front->points);
    if (!front->points)
        return mae_error_nomem();
    for (size_t i = 0; i < front->n; i++) {
        mae_place at = {.list = "points", .index = (long)i, .object = json_array_get(list, i)};
        bool has_energy = false;
        MAE_TRY(read_point(r, &at, &front->points[i], &has_energy));
        if (i > 0 && has_energy != front->has_energy)
            return mae_reader_error(r, &at, "energy_mj", "is there in some points and missing in others");
        front->has_energy = has_energy;
    }
    return NULL;
}

mae_error *mae_report_read_front(const mae_reader *r, mae_report_front **ret_front)
{
    mae_place root = {.object = r->root}, model, soc;
    mae_report_front *front = mae_arena_alloc(r->arena, sizeof *front);
    if (!front)
        return mae_error_nomem();
    front->model_name = front->model_sha256 = front->soc_name = "";
    MAE_TRY(mae_reader_format(r, "mae-front"));
    MAE_TRY(mae_report_read_object(r, "model", false, &model));
    MAE_TRY(mae_report_read_object(r, "soc", false, &soc));
    MAE_TRY(mae_reader_string(r, &model, "name", false, &front->model_name));
    MAE_TRY(mae_reader_string(r, &model, "sha256", false, &front->model_sha256));
    MAE_TRY(mae_reader_string(r, &soc, "name", false, &front->soc_name));
    MAE_TRY(read_points(r, front));
    front->exact = json_is_true(json_object_get(r->root, "exact"));
    MAE_TRY(mae_reader_number(r, &root, "epsilon", false, HUGE_VAL, &front->epsilon));
    *ret_front = front;
    return NULL;
}

/* ---- scenario results ---- */

static mae_error *read_latencies(const mae_reader *r, const mae_place *of, mae_report_strategy *s)
{
    mae_place at = *of;
    json_t *object;
    MAE_TRY(mae_reader_value(r, of, "latency_ms", JSON_OBJECT, true, &object));
    at.object = object;
    MAE_TRY(mae_reader_number(r, &at, "p50", true, HUGE_VAL, &s->p50_ms));
    MAE_TRY(mae_reader_number(r, &at, "p99", true, HUGE_VAL, &s->p99_ms));
    return mae_reader_number(r, &at, "max", true, HUGE_VAL, &s->max_ms);
}

static mae_error *read_strategy(const mae_reader *r, const mae_place *at, mae_report_strategy *s)
{
    MAE_TRY(mae_reader_object(r, at));
    MAE_TRY(mae_reader_string(r, at, "name", true, &s->name));
    MAE_TRY(mae_reader_number(r, at, "frames", true, 1e15, &s->frames));
    MAE_TRY(mae_reader_number(r, at, "deadline_misses", true, 1e15, &s->misses));
    MAE_TRY(mae_reader_number(r, at, "lost", true, 1e15, &s->lost));
    MAE_TRY(mae_reader_number(r, at, "wrong", true, 1e15, &s->wrong));
    MAE_TRY(mae_reader_number(r, at, "switches", false, 1e15, &s->switches));
    MAE_TRY(mae_report_read_real(r, at, "energy_mj", &s->has_energy, &s->energy_mj));
    s->bound = json_object_get(at->object, "attained") != NULL;
    s->attained = json_is_true(json_object_get(at->object, "attained"));
    return read_latencies(r, at, s);
}

mae_error *mae_report_read_scenario(const mae_reader *r, mae_report_scenario **ret_scenario)
{
    mae_place root = {.object = r->root};
    json_t *list;
    mae_report_scenario *scenario = mae_arena_alloc(r->arena, sizeof *scenario);
    if (!scenario)
        return mae_error_nomem();
    scenario->script = scenario->model = scenario->soc = "";
    MAE_TRY(mae_reader_format(r, "mae-scenario"));
    MAE_TRY(mae_reader_string(r, &root, "script", false, &scenario->script));
    MAE_TRY(mae_reader_string(r, &root, "model", false, &scenario->model));
    MAE_TRY(mae_reader_string(r, &root, "soc", false, &scenario->soc));
    MAE_TRY(mae_reader_number(r, &root, "duration_s", false, HUGE_VAL, &scenario->duration_s));
    MAE_TRY(mae_reader_list(r, "strategies", true, MAE_REPORT_MAX_ENTRIES, &list, &scenario->n));
    if (scenario->n == 0)
        return mae_json_error(r->json, "strategies", "is empty");
    scenario->strategies = mae_arena_array(r->arena, scenario->n, sizeof *scenario->strategies);
    if (!scenario->strategies)
        return mae_error_nomem();
    for (size_t i = 0; i < scenario->n; i++) {
        mae_place at = {.list = "strategies", .index = (long)i, .object = json_array_get(list, i)};
        MAE_TRY(read_strategy(r, &at, &scenario->strategies[i]));
    }
    *ret_scenario = scenario;
    return NULL;
}
