/* The front as a mae-front file. */
#include "base/json.h"
#include "core/json_writer.h"
#include "mae/plan.h"

static json_t *write_segments(mae_json_writer *out, const mae_profile *profile, const int *mapping)
{
    json_t *list = json_array();
    size_t n = profile->n_layers;
    for (size_t first = 0, last; first < n; first = last + 1) {
        for (last = first; last + 1 < n && mapping[last + 1] == mapping[first];)
            last++;
        json_t *segment = json_object();
        mae_json_put(out, segment, "pe", json_string(profile->pes[mapping[first]].name));
        mae_json_put(out, segment, "first", json_string(profile->layers[first].name));
        mae_json_put(out, segment, "last", json_string(profile->layers[last].name));
        mae_json_append(out, list, segment);
    }
    return list;
}

static json_t *write_front(mae_json_writer *out, const mae_profile *profile, const mae_front *front)
{
    json_t *root = json_object(), *model = json_object(), *soc = json_object(), *points = json_array();
    mae_json_put(out, root, "format", json_string("mae-front"));
    mae_json_put(out, root, "version", json_integer(1));
    mae_json_put_string(out, model, "name", profile->model_name);
    mae_json_put_string(out, model, "sha256", profile->model_sha256);
    mae_json_put(out, root, "model", model);
    mae_json_put_string(out, soc, "name", profile->soc_name);
    mae_json_put_string(out, soc, "mode", profile->soc_mode);
    mae_json_put(out, root, "soc", soc);
    for (size_t i = 0; i < front->n_points; i++) {
        const mae_prediction *cost = &front->points[i].cost;
        bool energy = profile->energy != MAE_ENERGY_NONE;
        json_t *point = json_object();
        mae_json_put(out, point, "latency_ms", json_real(cost->latency_ms));
        mae_json_put(out, point, "energy_mj", energy ? json_real(cost->energy_mj) : json_null());
        mae_json_put(out, point, "switches", json_integer(cost->switches));
        mae_json_put(out, point, "segments", write_segments(out, profile, front->points[i].mapping));
        mae_json_append(out, points, point);
    }
    mae_json_put(out, root, "points", points);
    mae_json_put(out, root, "exact", json_boolean(front->exact));
    if (!front->exact)
        mae_json_put(out, root, "epsilon", json_real(front->epsilon));
    return root;
}

mae_error *mae_front_write(const mae_profile *profile, const mae_front *front, const char *path)
{
    mae_json_writer out = {0};
    json_t *root = write_front(&out, profile, front);
    mae_error *error = out.failed ? mae_error_nomem() : mae_json_write(root, path);
    json_decref(root);
    return error;
}
