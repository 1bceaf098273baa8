/* Fronts as mae-front files (docs/formats.md, section 3). */
#include "base/json.h"
#include "core/json_writer.h"
#include "mae/plan.h"

static json_t *write_segments(mae_json_writer *out, const mae_profile *profile, const int *mapping)
{
    json_t *list = json_array();
    for (size_t first = 0, last; first < profile->n_layers; first = last + 1) {
        last = first;
        while (last + 1 < profile->n_layers && mapping[last + 1] == mapping[first])
            last++;
        json_t *segment = json_object();
        mae_json_put(out, segment, "pe", json_string(profile->pes[mapping[first]].name));
        mae_json_put(out, segment, "first", json_string(profile->layers[first].name));
        mae_json_put(out, segment, "last", json_string(profile->layers[last].name));
        mae_json_append(out, list, segment);
    }
    return list;
}

static json_t *write_points(mae_json_writer *out, const mae_profile *profile, const mae_front *front)
{
    json_t *list = json_array();
    for (size_t i = 0; i < front->n_points; i++) {
        const mae_front_point *point = &front->points[i];
        json_t *object = json_object();
        bool has_energy = profile->energy != MAE_ENERGY_NONE;
        mae_json_put(out, object, "latency_ms", json_real(point->cost.latency_ms));
        mae_json_put(out, object, "energy_mj", has_energy ? json_real(point->cost.energy_mj) : json_null());
        mae_json_put(out, object, "switches", json_integer(point->cost.switches));
        mae_json_put(out, object, "segments", write_segments(out, profile, point->mapping));
        mae_json_append(out, list, object);
    }
    return list;
}

static json_t *write_front(mae_json_writer *out, const mae_profile *profile, const mae_front *front)
{
    json_t *root = json_object(), *model = json_object(), *soc = json_object();
    mae_json_put_string(out, model, "name", profile->model_name);
    mae_json_put_string(out, model, "sha256", profile->model_sha256);
    mae_json_put_string(out, soc, "name", profile->soc_name);
    mae_json_put_string(out, soc, "mode", profile->soc_mode);
    mae_json_put(out, root, "format", json_string("mae-front"));
    mae_json_put(out, root, "version", json_integer(1));
    mae_json_put(out, root, "model", model);
    mae_json_put(out, root, "soc", soc);
    mae_json_put(out, root, "points", write_points(out, profile, front));
    mae_json_put(out, root, "exact", json_boolean(front->exact));
    if (!front->exact)
        mae_json_put(out, root, "epsilon", json_real(front->epsilon));
    return root;
}

mae_error *mae_front_write(const mae_profile *profile, const mae_front *front, const char *path)
{
    mae_json_writer out = {false};
    json_t *root = write_front(&out, profile, front);
    mae_error *error = root && !out.failed ? mae_json_write(root, path) : mae_error_nomem();
    json_decref(root);
    return error;
}
