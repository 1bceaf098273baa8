/* A profile as JSON. What this version knows is written anew; keys it does not know are taken over
 * from the file the profile was read from, object by object, found by what identifies the object. */
#include "core/graph.h"
#include "core/json_writer.h"
#include "core/profile_priv.h"

typedef struct writer {
    const mae_profile *profile;
    json_t *kept;
    mae_json_writer out;
} writer;

static const char *const sources[] = {"", "measured", "differenced", "modelled", "recorded"};

static void put_real(writer *w, json_t *object, const char *key, double value)
{
    mae_json_put(&w->out, object, key, json_real(value));
}

static void put_energy(writer *w, json_t *object, const char *key, double value)
{
    if (w->profile->energy != MAE_ENERGY_NONE)
        put_real(w, object, key, value);
}

/* An index of a kept list of objects by the strings at up to three keys. */
static json_t *index_kept(writer *w, const char *list, const char *const keys[3])
{
    json_t *index = json_object(), *object;
    size_t i;
    if (!index)
        w->out.failed = true;
    json_array_foreach (json_object_get(w->kept, list), i, object) {
        json_t *name = json_sprintf("%s\n%s\n%s", json_string_value(json_object_get(object, keys[0])),
                                    keys[1] ? json_string_value(json_object_get(object, keys[1])) : "",
                                    keys[2] ? json_string_value(json_object_get(object, keys[2])) : "");
        if (!name || json_object_set(index, json_string_value(name), object) != 0)
            w->out.failed = true;
        json_decref(name);
    }
    return index;
}

static json_t *find_kept(const json_t *index, const char *a, const char *b, const char *c)
{
    json_t *name = json_sprintf("%s\n%s\n%s", a, b, c);
    json_t *found = name ? json_object_get(index, json_string_value(name)) : NULL;
    json_decref(name);
    return found;
}

static void write_header(writer *w, json_t *root)
{
    static const char *const model_keys[] = {"name", "sha256", NULL};
    static const char *const soc_keys[] = {"name", "mode", "static_w", NULL};
    static const char *const kinds[] = {"none", "meter", "model"};
    const mae_profile *p = w->profile;
    json_t *model = json_object(), *soc = json_object();
    mae_json_put(&w->out, root, "format", json_string("mae-profile"));
    mae_json_put(&w->out, root, "version", json_integer(1));
    mae_json_put_string(&w->out, model, "name", p->model_name);
    mae_json_put_string(&w->out, model, "sha256", p->model_sha256);
    mae_json_graft(&w->out, model, json_object_get(w->kept, "model"), model_keys);
    mae_json_put(&w->out, root, "model", model);
    mae_json_put_string(&w->out, soc, "name", p->soc_name);
    mae_json_put_string(&w->out, soc, "mode", p->soc_mode);
    put_real(w, soc, "static_w", p->static_w);
    mae_json_graft(&w->out, soc, json_object_get(w->kept, "soc"), soc_keys);
    mae_json_put(&w->out, root, "soc", soc);
    mae_json_put(&w->out, root, "energy_source", json_string(kinds[p->energy]));
    if (p->host >= 0)
        mae_json_put(&w->out, root, "host", json_string(p->pes[p->host].name));
}

static json_t *write_pes(writer *w)
{
    static const char *const known[] = {"name",         "resource",   "backend",    "precision",
                                        "max_segments", "segment_ms", "segment_mj", NULL};
    json_t *list = json_array(), *index = index_kept(w, "pes", (const char *const[3]){"name"});
    for (size_t i = 0; i < w->profile->n_pes; i++) {
        const mae_profile_pe *pe = &w->profile->pes[i];
        json_t *object = json_object();
        mae_json_put(&w->out, object, "name", json_string(pe->name));
        mae_json_put_string(&w->out, object, "resource", pe->resource);
        mae_json_put_string(&w->out, object, "backend", pe->backend);
        mae_json_put_string(&w->out, object, "precision", pe->precision);
        mae_json_put(&w->out, object, "max_segments", json_integer(pe->max_segments));
        mae_json_put_optional(&w->out, object, "segment_ms", pe->segment_ms);
        mae_json_put_optional(&w->out, object, "segment_mj", pe->segment_mj);
        mae_json_graft(&w->out, object, find_kept(index, pe->name, "", ""), known);
        mae_json_append(&w->out, list, object);
    }
    json_decref(index);
    return list;
}

static json_t *write_tensors(writer *w)
{
    static const char *const known[] = {"name", "bytes", "shape", "dtype", NULL};
    json_t *list = json_array(), *index = index_kept(w, "tensors", (const char *const[3]){"name"});
    for (size_t i = 0; i < w->profile->n_tensors; i++) {
        const mae_profile_tensor *tensor = &w->profile->tensors[i];
        json_t *object = json_object();
        mae_json_put(&w->out, object, "name", json_string(tensor->name));
        mae_json_put_count(&w->out, object, "bytes", tensor->bytes);
        if (tensor->has_shape) {
            json_t *shape = json_array();
            for (int d = 0; d < tensor->shape.rank; d++)
                mae_json_append(&w->out, shape, json_integer(tensor->shape.dims[d]));
            mae_json_put(&w->out, object, "shape", shape);
        }
        if (tensor->shape.dtype != MAE_DTYPE_NONE)
            mae_json_put(&w->out, object, "dtype", json_string(mae_dtype_name(tensor->shape.dtype)));
        mae_json_graft(&w->out, object, find_kept(index, tensor->name, "", ""), known);
        mae_json_append(&w->out, list, object);
    }
    json_decref(index);
    return list;
}

static json_t *write_names(writer *w, const int *tensors, size_t n)
{
    json_t *list = json_array();
    for (size_t k = 0; k < n; k++)
        mae_json_append(&w->out, list, json_string(w->profile->tensors[tensors[k]].name));
    return list;
}

static json_t *write_costs(writer *w, size_t layer, json_t *kept)
{
    static const char *const known[] = {"time_ms",          "energy_mj",     "n", "spread_ms", "source", "energy_n",
                                        "energy_spread_mj", "energy_source", NULL};
    json_t *costs = json_object();
    for (size_t i = 0; i < w->profile->n_pes; i++) {
        const mae_cost *cost = &w->profile->costs[layer * w->profile->n_pes + i];
        const char *pe = w->profile->pes[i].name;
        if (!cost->supported)
            continue;
        json_t *object = json_object();
        put_real(w, object, "time_ms", cost->time_ms);
        put_energy(w, object, "energy_mj", cost->energy_mj);
        if (cost->n)
            mae_json_put(&w->out, object, "n", json_integer(cost->n));
        mae_json_put_optional(&w->out, object, "spread_ms", cost->spread_ms);
        mae_json_put_string(&w->out, object, "source", sources[cost->source]);
        if (cost->energy_n)
            mae_json_put(&w->out, object, "energy_n", json_integer(cost->energy_n));
        mae_json_put_optional(&w->out, object, "energy_spread_mj", cost->energy_spread_mj);
        mae_json_put_string(&w->out, object, "energy_source", sources[cost->energy_source]);
        mae_json_graft(&w->out, object, json_object_get(json_object_get(kept, "cost"), pe), known);
        mae_json_put(&w->out, costs, pe, object);
    }
    return costs;
}

static json_t *write_layers(writer *w)
{
    static const char *const known[] = {"name", "op", "inputs", "outputs", "kind", "flops", "bytes", "cost", NULL};
    json_t *list = json_array(), *index = index_kept(w, "layers", (const char *const[3]){"name"});
    for (size_t i = 0; i < w->profile->n_layers; i++) {
        const mae_profile_layer *layer = &w->profile->layers[i];
        json_t *object = json_object(), *kept = find_kept(index, layer->name, "", "");
        mae_json_put(&w->out, object, "name", json_string(layer->name));
        mae_json_put_string(&w->out, object, "op", layer->op);
        mae_json_put(&w->out, object, "inputs", write_names(w, layer->inputs, layer->n_inputs));
        mae_json_put(&w->out, object, "outputs", write_names(w, layer->outputs, layer->n_outputs));
        mae_json_put_string(&w->out, object, "kind", layer->kind);
        if (layer->flops != 0)
            mae_json_put_count(&w->out, object, "flops", layer->flops);
        if (layer->bytes != 0)
            mae_json_put_count(&w->out, object, "bytes", layer->bytes);
        mae_json_put(&w->out, object, "cost", write_costs(w, i, kept));
        mae_json_graft(&w->out, object, kept, known);
        mae_json_append(&w->out, list, object);
    }
    json_decref(index);
    return list;
}

static json_t *write_transfers(writer *w)
{
    static const char *const known[] = {"from", "to",        "fixed_ms",    "ms_per_mib", "fixed_mj",      "mj_per_mib",
                                        "n",    "spread_ms", "residual_ms", "spread_mj",  "energy_source", NULL};
    const mae_profile *p = w->profile;
    json_t *list = json_array(), *index = index_kept(w, "transfers", (const char *const[3]){"from", "to"});
    for (size_t pair = 0; pair < p->n_pes * p->n_pes; pair++) {
        const mae_transfer *row = &p->transfers[pair];
        const char *from = p->pes[pair / p->n_pes].name, *to = p->pes[pair % p->n_pes].name;
        if (!row->crossable)
            continue;
        json_t *object = json_object();
        mae_json_put(&w->out, object, "from", json_string(from));
        mae_json_put(&w->out, object, "to", json_string(to));
        put_real(w, object, "fixed_ms", row->fixed_ms);
        put_real(w, object, "ms_per_mib", row->ms_per_mib);
        put_energy(w, object, "fixed_mj", row->fixed_mj);
        put_energy(w, object, "mj_per_mib", row->mj_per_mib);
        if (row->n)
            mae_json_put(&w->out, object, "n", json_integer(row->n));
        mae_json_put_optional(&w->out, object, "spread_ms", row->spread_ms);
        mae_json_put_optional(&w->out, object, "residual_ms", row->residual_ms);
        mae_json_put_optional(&w->out, object, "spread_mj", row->spread_mj);
        mae_json_put_string(&w->out, object, "energy_source", sources[row->energy_source]);
        mae_json_graft(&w->out, object, find_kept(index, from, to, ""), known);
        mae_json_append(&w->out, list, object);
    }
    json_decref(index);
    return list;
}

static json_t *write_overrides(writer *w)
{
    static const char *const known[] = {"tensor", "from", "to", "time_ms", "energy_mj", NULL};
    const mae_profile *p = w->profile;
    json_t *list = json_array();
    json_t *index = index_kept(w, "transfer_overrides", (const char *const[3]){"tensor", "from", "to"});
    for (size_t i = 0; i < p->n_overrides; i++) {
        const mae_transfer_override *row = &p->overrides[i];
        const char *tensor = p->tensors[row->tensor].name;
        json_t *object = json_object();
        mae_json_put(&w->out, object, "tensor", json_string(tensor));
        mae_json_put(&w->out, object, "from", json_string(p->pes[row->from].name));
        mae_json_put(&w->out, object, "to", json_string(p->pes[row->to].name));
        put_real(w, object, "time_ms", row->time_ms);
        put_energy(w, object, "energy_mj", row->energy_mj);
        mae_json_graft(&w->out, object, find_kept(index, tensor, p->pes[row->from].name, p->pes[row->to].name), known);
        mae_json_append(&w->out, list, object);
    }
    json_decref(index);
    return list;
}

static json_t *write_segments(writer *w)
{
    static const char *const known[] = {"pe", "first", "last", "time_ms", "energy_mj", "n", "spread_ms", NULL};
    const mae_profile *p = w->profile;
    json_t *list = json_array();
    json_t *index = index_kept(w, "segments", (const char *const[3]){"pe", "first", "last"});
    for (size_t i = 0; i < p->n_segments; i++) {
        const mae_segment_cost *row = &p->segments[i];
        const char *first = p->layers[row->first].name, *last = p->layers[row->last].name;
        json_t *object = json_object();
        mae_json_put(&w->out, object, "pe", json_string(p->pes[row->pe].name));
        mae_json_put(&w->out, object, "first", json_string(first));
        mae_json_put(&w->out, object, "last", json_string(last));
        put_real(w, object, "time_ms", row->time_ms);
        put_energy(w, object, "energy_mj", row->energy_mj);
        if (row->n)
            mae_json_put(&w->out, object, "n", json_integer(row->n));
        mae_json_put_optional(&w->out, object, "spread_ms", row->spread_ms);
        mae_json_graft(&w->out, object, find_kept(index, p->pes[row->pe].name, first, last), known);
        mae_json_append(&w->out, list, object);
    }
    json_decref(index);
    return list;
}

static json_t *write_contention(writer *w)
{
    static const char *const known[] = {"pe", "with", "factor", "n", "spread", NULL};
    const mae_profile *p = w->profile;
    json_t *list = json_array(), *index = index_kept(w, "contention", (const char *const[3]){"pe", "with"});
    for (size_t pair = 0; pair < p->n_pes * p->n_pes; pair++) {
        const mae_contention *row = &p->contention[pair];
        const char *pe = p->pes[pair / p->n_pes].name, *with = p->pes[pair % p->n_pes].name;
        if (row->factor == 0)
            continue;
        json_t *object = json_object();
        mae_json_put(&w->out, object, "pe", json_string(pe));
        mae_json_put(&w->out, object, "with", json_string(with));
        put_real(w, object, "factor", row->factor);
        if (row->n)
            mae_json_put(&w->out, object, "n", json_integer(row->n));
        mae_json_put_optional(&w->out, object, "spread", row->spread);
        mae_json_graft(&w->out, object, find_kept(index, pe, with, ""), known);
        mae_json_append(&w->out, list, object);
    }
    json_decref(index);
    return list;
}

mae_error *mae_profile_to_json(const mae_profile *profile, json_t **ret_json)
{
    static const char *const known[] = {
        "format", "version", "model",  "soc",       "energy_source",      "host",     "pes",        "tensors",
        "inputs", "outputs", "layers", "transfers", "transfer_overrides", "segments", "contention", NULL};
    writer w = {.profile = profile, .kept = mae_profile_private(profile)->kept};
    json_t *root = json_object();
    write_header(&w, root);
    mae_json_put(&w.out, root, "pes", write_pes(&w));
    mae_json_put(&w.out, root, "tensors", write_tensors(&w));
    mae_json_put(&w.out, root, "inputs", write_names(&w, profile->inputs, profile->n_inputs));
    mae_json_put(&w.out, root, "outputs", write_names(&w, profile->outputs, profile->n_outputs));
    mae_json_put(&w.out, root, "layers", write_layers(&w));
    mae_json_put(&w.out, root, "transfers", write_transfers(&w));
    mae_json_put(&w.out, root, "transfer_overrides", write_overrides(&w));
    mae_json_put(&w.out, root, "segments", write_segments(&w));
    mae_json_put(&w.out, root, "contention", write_contention(&w));
    mae_json_graft(&w.out, root, w.kept, known);
    if (w.out.failed) {
        json_decref(root);
        return mae_error_nomem();
    }
    *ret_json = root;
    return NULL;
}

mae_error *mae_profile_write(const mae_profile *profile, const char *path)
{
    json_t *json = NULL;
    MAE_TRY(mae_profile_to_json(profile, &json));
    mae_error *error = mae_json_write(json, path);
    json_decref(json);
    return error;
}
