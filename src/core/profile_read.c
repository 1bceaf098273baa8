/* The validating reader: every refusal names file, line, column, path and reason. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/profile_reader.h"

static mae_error *read_model_and_soc(mae_reader *r)
{
    mae_profile *p = r->profile;
    json_t *model, *soc;
    mae_place root = {.object = r->root};
    MAE_TRY(mae_reader_value(r, &root, "model", JSON_OBJECT, false, &model));
    MAE_TRY(mae_reader_value(r, &root, "soc", JSON_OBJECT, false, &soc));
    mae_place in_model = {.list = "model", .index = -1, .object = model};
    mae_place in_soc = {.list = "soc", .index = -1, .object = soc};
    MAE_TRY(mae_reader_string(r, &in_model, "name", false, &p->model_name));
    MAE_TRY(mae_reader_string(r, &in_model, "sha256", false, &p->model_sha256));
    MAE_TRY(mae_reader_string(r, &in_soc, "name", false, &p->soc_name));
    MAE_TRY(mae_reader_string(r, &in_soc, "mode", false, &p->soc_mode));
    return mae_reader_number(r, &in_soc, "static_w", false, MAE_PROFILE_MAX_COST, &p->static_w);
}

static mae_error *read_header(mae_reader *r)
{
    const char *source;
    mae_place root = {.object = r->root};
    MAE_TRY(mae_reader_format(r, "mae-profile"));
    MAE_TRY(mae_reader_string(r, &root, "energy_source", true, &source));
    if (strcmp(source, "none") == 0)
        r->profile->energy = MAE_ENERGY_NONE;
    else if (strcmp(source, "meter") == 0)
        r->profile->energy = MAE_ENERGY_METER;
    else if (strcmp(source, "model") == 0)
        r->profile->energy = MAE_ENERGY_MODEL;
    else
        return mae_json_error(r->json, "energy_source", "\"%s\" is not \"none\", \"meter\" or \"model\"", source);
    return read_model_and_soc(r);
}

static mae_error *read_pe(mae_reader *r, const mae_place *at, mae_profile_pe *pe)
{
    double max_segments = 0;
    MAE_TRY(mae_reader_string(r, at, "name", true, &pe->name));
    if (!*pe->name)
        return mae_reader_error(r, at, "name", "is empty");
    pe->resource = pe->name;
    MAE_TRY(mae_reader_string(r, at, "resource", false, &pe->resource));
    MAE_TRY(mae_reader_string(r, at, "backend", false, &pe->backend));
    MAE_TRY(mae_reader_string(r, at, "precision", false, &pe->precision));
    MAE_TRY(mae_reader_number(r, at, "max_segments", false, 1e9, &max_segments));
    if (max_segments != floor(max_segments))
        return mae_reader_error(r, at, "max_segments", "is not a whole number");
    pe->max_segments = (int)max_segments;
    MAE_TRY(mae_reader_number(r, at, "segment_ms", false, MAE_PROFILE_MAX_COST, &pe->segment_ms));
    return mae_reader_number(r, at, "segment_mj", false, MAE_PROFILE_MAX_COST, &pe->segment_mj);
}

static mae_error *read_pes(mae_reader *r)
{
    json_t *list;
    size_t n;
    MAE_TRY(mae_reader_list(r, "pes", true, MAE_PROFILE_MAX_PES, &list, &n));
    if (n == 0)
        return mae_json_error(r->json, "pes", "there is no PE");
    mae_profile_pe *pes = mae_arena_array(r->arena, n, sizeof *pes);
    r->profile->transfers = r->transfers = mae_arena_array(r->arena, n * n, sizeof *r->transfers);
    r->profile->contention = r->contention = mae_arena_array(r->arena, n * n, sizeof *r->contention);
    if (!pes || !r->transfers || !r->contention)
        return mae_error_nomem();
    mae_names_init(&r->pe_names, r->arena);
    r->profile->pes = pes;
    r->profile->n_pes = n;
    for (size_t i = 0; i < n; i++) {
        mae_place at = {.list = "pes", .index = (long)i, .object = json_array_get(list, i)};
        pes[i].backend = pes[i].precision = "";
        MAE_TRY(mae_reader_object(r, &at));
        MAE_TRY(read_pe(r, &at, &pes[i]));
        if (mae_names_find(&r->pe_names, pes[i].name) >= 0)
            return mae_reader_error(r, &at, "name", "there is another PE \"%s\"", pes[i].name);
        MAE_TRY(mae_names_put(&r->pe_names, pes[i].name, (int)i));
    }
    mae_place root = {.object = r->root};
    if (json_object_get(r->root, "host"))
        MAE_TRY(mae_reader_index(r, &root, "host", &r->pe_names, "PE", &r->profile->host));
    return NULL;
}

mae_error *mae_reader_source(const mae_reader *r, const mae_place *at, const char *key, mae_cost_source *source)
{
    static const char *const sources[] = {"measured", "differenced", "modelled", "recorded"};
    const char *text = "";
    MAE_TRY(mae_reader_string(r, at, key, false, &text));
    for (size_t k = 0; k < sizeof sources / sizeof *sources; k++)
        if (strcmp(text, sources[k]) == 0)
            *source = (mae_cost_source)(MAE_COST_MEASURED + k);
    return NULL;
}

static mae_error *read_cost(mae_reader *r, const mae_place *at, mae_cost *cost)
{
    double n = 0, energy_n = 0;
    MAE_TRY(mae_reader_object(r, at));
    MAE_TRY(mae_reader_number(r, at, "time_ms", true, MAE_PROFILE_MAX_COST, &cost->time_ms));
    MAE_TRY(mae_reader_energy(r, at, "energy_mj", true, &cost->energy_mj));
    MAE_TRY(mae_reader_number(r, at, "n", false, 1e9, &n));
    MAE_TRY(mae_reader_number(r, at, "spread_ms", false, MAE_PROFILE_MAX_COST, &cost->spread_ms));
    MAE_TRY(mae_reader_source(r, at, "source", &cost->source));
    MAE_TRY(mae_reader_number(r, at, "energy_n", false, 1e9, &energy_n));
    MAE_TRY(mae_reader_number(r, at, "energy_spread_mj", false, MAE_PROFILE_MAX_COST, &cost->energy_spread_mj));
    MAE_TRY(mae_reader_source(r, at, "energy_source", &cost->energy_source));
    cost->n = (int)n;
    cost->energy_n = (int)energy_n;
    cost->supported = true;
    return NULL;
}

static mae_error *read_costs(mae_reader *r, const mae_place *layer, mae_cost *row)
{
    json_t *costs, *value;
    const char *name;
    MAE_TRY(mae_reader_value(r, layer, "cost", JSON_OBJECT, true, &costs));
    json_object_foreach (costs, name, value) {
        mae_place at = *layer;
        at.pe = name;
        at.object = value;
        int pe = mae_names_find(&r->pe_names, name);
        if (pe < 0)
            return mae_reader_error(r, &at, NULL, "there is no PE \"%s\"", name);
        MAE_TRY(read_cost(r, &at, &row[pe]));
    }
    return NULL;
}

static mae_error *read_layers(mae_reader *r)
{
    mae_profile *p = r->profile;
    mae_names *names = &mae_profile_private(p)->layer_names;
    if (r->n_layers * p->n_pes > MAE_PROFILE_MAX_CELLS)
        return mae_json_error(r->json, "layers", "more than %d costs are absurd", MAE_PROFILE_MAX_CELLS);
    mae_cost *costs = mae_arena_array(r->arena, r->n_layers * p->n_pes, sizeof *costs);
    if (!costs)
        return mae_error_nomem();
    mae_names_init(names, r->arena);
    p->costs = costs;
    for (size_t i = 0; i < r->n_layers; i++) {
        mae_profile_layer *layer = &r->layers[i];
        mae_place at = {.list = "layers", .index = (long)i, .object = json_array_get(r->layer_list, i)};
        layer->op = layer->kind = "";
        MAE_TRY(mae_reader_string(r, &at, "name", true, &layer->name));
        if (mae_names_find(names, layer->name) >= 0)
            return mae_reader_error(r, &at, "name", "there is another layer \"%s\"", layer->name);
        MAE_TRY(mae_names_put(names, layer->name, (int)i));
        MAE_TRY(mae_reader_string(r, &at, "op", false, &layer->op));
        MAE_TRY(mae_reader_string(r, &at, "kind", false, &layer->kind));
        MAE_TRY(mae_reader_number(r, &at, "flops", false, 1e30, &layer->flops));
        MAE_TRY(mae_reader_number(r, &at, "bytes", false, 1e30, &layer->bytes));
        MAE_TRY(read_costs(r, &at, &costs[i * p->n_pes]));
    }
    return NULL;
}

static mae_error *read_all(mae_reader *r)
{
    MAE_TRY(read_header(r));
    MAE_TRY(read_pes(r));
    MAE_TRY(mae_reader_graph(r));
    MAE_TRY(read_layers(r));
    MAE_TRY(mae_reader_transfers(r));
    MAE_TRY(mae_reader_contention(r));
    MAE_TRY(mae_reader_overrides(r));
    return mae_reader_segments(r);
}

mae_error *mae_profile_from_json(const mae_json *json, mae_profile **ret_profile)
{
    mae_profile *profile = NULL;
    MAE_TRY(mae_profile_alloc(&profile));
    mae_profile_priv *priv = profile->priv;
    mae_reader reader = {.json = json, .root = mae_json_root(json), .profile = profile, .arena = priv->arena};
    mae_error *error = read_all(&reader);
    if (!error)
        error = mae_reader_keep(&reader, &priv->kept);
    if (error) {
        mae_profile_destroy(profile);
        return error;
    }
    *ret_profile = profile;
    return NULL;
}

mae_error *mae_profile_read(const char *path, mae_profile **ret_profile)
{
    mae_json *json = NULL;
    MAE_TRY(mae_json_read(path, MAE_PROFILE_MAX_FILE_BYTES, &json));
    mae_error *error = mae_profile_from_json(json, ret_profile);
    mae_json_destroy(json);
    return error;
}
