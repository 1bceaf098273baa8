/* Uniting two profiles of one network. Whether they fit together is seen in the structs; they are united as JSON, so
 * that keys this version does not know are united too. */
#include <stdlib.h>
#include <string.h>

#include "core/profile_priv.h"

/* ---- do they fit together? ---- */

static mae_error *differ(const char *what, const char *older, const char *newer)
{
    return mae_error_new(MAE_ERR_INPUT, "profiles that do not fit together: %s: %s in the older one, %s in the newer",
                         what, older, newer);
}

/* What one of them does not state fits everything. */
static mae_error *check_text(const char *what, const char *older, const char *newer)
{
    return !*older || !*newer || strcmp(older, newer) == 0 ? NULL : differ(what, older, newer);
}

static bool same_tensors(const mae_profile *a, const int *of_a, size_t n_a, const mae_profile *b, const int *of_b,
                         size_t n_b)
{
    for (size_t k = 0; k < n_a && n_a == n_b; k++) {
        const mae_profile_tensor *x = &a->tensors[of_a[k]], *y = &b->tensors[of_b[k]];
        if (strcmp(x->name, y->name) != 0 || x->bytes != y->bytes)
            return false;
    }
    return n_a == n_b;
}

static mae_error *check_network(const mae_profile *a, const mae_profile *b)
{
    MAE_TRY(check_text("sha256 of the model", a->model_sha256, b->model_sha256));
    if (a->n_layers != b->n_layers)
        return mae_error_new(MAE_ERR_INPUT,
                             "profiles that do not fit together: %zu layers in the older one, %zu in the newer",
                             a->n_layers, b->n_layers);
    bool same = same_tensors(a, a->inputs, a->n_inputs, b, b->inputs, b->n_inputs) &&
                same_tensors(a, a->outputs, a->n_outputs, b, b->outputs, b->n_outputs);
    if (!same)
        return mae_error_new(MAE_ERR_INPUT, "profiles that do not fit together: other inputs or outputs, or of other "
                                            "sizes");
    for (size_t l = 0; l < a->n_layers; l++) {
        const mae_profile_layer *x = &a->layers[l], *y = &b->layers[l];
        MAE_TRY(check_text("name of a layer", x->name, y->name));
        if (!same_tensors(a, x->inputs, x->n_inputs, b, y->inputs, y->n_inputs) ||
            !same_tensors(a, x->outputs, x->n_outputs, b, y->outputs, y->n_outputs))
            return mae_error_new(MAE_ERR_INPUT,
                                 "profiles that do not fit together: tensors of layer \"%s\", or their sizes", x->name);
    }
    return NULL;
}

static mae_error *check_pes(const mae_profile *a, const mae_profile *b)
{
    for (size_t p = 0; p < a->n_pes; p++) {
        int q = mae_profile_find_pe(b, a->pes[p].name);
        if (q < 0)
            continue;
        const mae_profile_pe *x = &a->pes[p], *y = &b->pes[q];
        mae_error *error = check_text("resource", x->resource, y->resource);
        if (!error)
            error = check_text("backend", x->backend, y->backend);
        if (!error)
            error = check_text("precision", x->precision, y->precision);
        MAE_TRY(mae_error_wrap(error, "PE \"%s\"", x->name));
    }
    return NULL;
}

/* What the figures depend on beside the PE, where the provenance of both states it. */
static mae_error *check_provenance(const json_t *older, const json_t *newer)
{
    static const char *const keys[] = {"machine", "threads", "cores"};
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
        const json_t *x = json_object_get(older, keys[k]), *y = json_object_get(newer, keys[k]);
        if (!x || !y || json_equal(x, y))
            continue;
        char *was = json_dumps(x, JSON_ENCODE_ANY | JSON_COMPACT), *is = json_dumps(y, JSON_ENCODE_ANY | JSON_COMPACT);
        mae_error *error = was && is ? differ(keys[k], was, is) : mae_error_nomem();
        free(was);
        free(is);
        return error;
    }
    return NULL;
}

static mae_error *check(const mae_profile *a, const mae_profile *b)
{
    static const char *const sources[] = {"none", "meter", "model"};
    MAE_TRY(check_network(a, b));
    MAE_TRY(check_text("name of the SoC", a->soc_name, b->soc_name));
    MAE_TRY(check_text("mode of the SoC", a->soc_mode, b->soc_mode));
    /* Costs with and without energy cannot stand in one file, and joules of two sources do not compare. */
    MAE_TRY(check_text("energy_source", sources[a->energy], sources[b->energy]));
    MAE_TRY(check_pes(a, b));
    return check_provenance(json_object_get(mae_profile_private(a)->kept, "provenance"),
                            json_object_get(mae_profile_private(b)->kept, "provenance"));
}

/* ---- uniting: `older` becomes the union; false when out of memory ---- */

/* A figure is replaced whole: what the newer one leaves out is unstated, not the older one's. */
static bool replace(json_t *older, json_t *newer)
{
    static const char *const optional[] = {"n",          "spread_ms",  "residual_ms", "source",
                                           "segment_ms", "segment_mj", "spread"};
    for (size_t k = 0; k < sizeof optional / sizeof *optional; k++)
        json_object_del(older, optional[k]);
    return json_object_update(older, newer) == 0;
}

static bool replace_row(json_t *older, json_t *newer, const mae_profile *other)
{
    (void)other;
    return replace(older, newer);
}

/* A PE's own figures belong to its costs: of a PE that `other` only names, they are the older ones. A limit of the
 * device is no figure: measuring does not lift it. */
static bool unite_pe(json_t *older, json_t *newer, const mae_profile *other)
{
    if (json_integer_value(json_object_get(newer, "max_segments")) == 0)
        json_object_del(newer, "max_segments");
    int pe = mae_profile_find_pe(other, json_string_value(json_object_get(newer, "name")));
    for (size_t l = 0; l < other->n_layers; l++)
        if (other->costs[l * other->n_pes + (size_t)pe].supported)
            return replace(older, newer);
    return json_object_update_missing(older, newer) == 0;
}

static bool unite_layer(json_t *older, json_t *newer, const mae_profile *other)
{
    (void)other;
    json_t *costs = json_incref(json_object_get(older, "cost")), *cost, *known;
    const char *pe;
    bool ok = true;
    json_object_foreach (json_object_get(newer, "cost"), pe, cost) {
        known = json_object_get(costs, pe);
        ok = ok && (known ? replace(known, cost) : json_object_set(costs, pe, cost) == 0);
    }
    ok = ok && json_object_update(older, newer) == 0 && json_object_set(older, "cost", costs) == 0;
    json_decref(costs);
    return ok;
}

typedef struct row_list {
    const char *key, *names[3]; /* of the list; of what tells its rows apart */
    bool (*unite)(json_t *older, json_t *newer, const mae_profile *other);
} row_list;

static const row_list lists[] = {
    {"pes", {"name"}, unite_pe},
    {"tensors", {"name"}, replace_row},
    {"layers", {"name"}, unite_layer},
    {"transfers", {"from", "to"}, replace_row},
    {"transfer_overrides", {"tensor", "from", "to"}, replace_row},
    {"segments", {"pe", "first", "last"}, replace_row},
    {"contention", {"pe", "with"}, replace_row},
};

/* The name of a row, unlike that of any other: lengths keep "a" "bc" apart from "ab" "c". */
static json_t *name_row(const json_t *row, const row_list *list)
{
    const char *part[3] = {"", "", ""};
    for (size_t k = 0; k < 3 && list->names[k]; k++)
        part[k] = json_string_value(json_object_get(row, list->names[k]));
    return json_sprintf("%zu %zu %s%s%s", strlen(part[0]), strlen(part[1]), part[0], part[1], part[2]);
}

static bool unite_list(json_t *older, json_t *newer, const row_list *list, const mae_profile *other)
{
    json_t *index = json_object(), *row;
    size_t i;
    bool ok = index != NULL;
    json_array_foreach (older, i, row) {
        json_t *name = name_row(row, list);
        ok = ok && name && json_object_set(index, json_string_value(name), row) == 0;
        json_decref(name);
    }
    json_array_foreach (newer, i, row) {
        json_t *name = name_row(row, list);
        json_t *known = name ? json_object_get(index, json_string_value(name)) : NULL;
        ok = ok && name && (known ? list->unite(known, row, other) : json_array_append(older, row) == 0);
        json_decref(name);
    }
    json_decref(index);
    return ok;
}

/* Where a profile comes from, as entries of "merged". */
static bool add_origin(json_t *merged, json_t *provenance)
{
    json_t *before = json_object_get(provenance, "merged");
    if (!provenance)
        return true;
    if (json_is_array(before))
        return json_array_extend(merged, before) == 0;
    return json_array_append_new(merged, json_deep_copy(provenance)) == 0;
}

static bool unite_provenance(json_t *older, json_t *newer)
{
    json_t *was = json_object_get(older, "provenance"), *is = json_object_get(newer, "provenance");
    json_t *merged = json_array(), *provenance = json_is_object(was) ? json_copy(was) : json_object();
    if (!was && !is) {
        json_decref(merged);
        json_decref(provenance);
        return true;
    }
    bool ok = merged && provenance && add_origin(merged, was) && add_origin(merged, is) &&
              (!json_is_object(is) || json_object_update_recursive(provenance, is) == 0) &&
              json_object_set(provenance, "merged", merged) == 0 &&
              json_object_set(older, "provenance", provenance) == 0;
    json_decref(merged);
    json_decref(provenance);
    json_object_del(newer, "provenance");
    return ok;
}

/* An idle draw of 0 is one that nobody stated. */
static bool unite_header(json_t *older, json_t *newer)
{
    static const char *const keys[] = {"model", "soc"};
    json_t *soc = json_object_get(newer, "soc");
    bool ok = true;
    if (json_number_value(json_object_get(soc, "static_w")) == 0)
        json_object_del(soc, "static_w");
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
        ok = ok && json_object_update(json_object_get(older, keys[k]), json_object_get(newer, keys[k])) == 0;
        json_object_del(newer, keys[k]);
    }
    return ok;
}

/* Takes `newer` to pieces. */
static bool unite(json_t *older, json_t *newer, const mae_profile *other)
{
    bool ok = unite_header(older, newer) && unite_provenance(older, newer);
    for (size_t k = 0; k < sizeof lists / sizeof *lists; k++) {
        ok = ok &&
             unite_list(json_object_get(older, lists[k].key), json_object_get(newer, lists[k].key), &lists[k], other);
        json_object_del(newer, lists[k].key);
    }
    return ok && json_object_update(older, newer) == 0;
}

mae_error *mae_profile_merge(const mae_profile *base, const mae_profile *other, mae_profile **ret_profile)
{
    json_t *older = NULL, *newer = NULL;
    MAE_TRY(check(base, other));
    MAE_TRY(mae_profile_to_json(base, &older));
    mae_error *error = mae_profile_to_json(other, &newer);
    if (!error && !unite(older, newer, other))
        error = mae_error_nomem();
    if (!error)
        error = mae_profile_from_value("the merged profile", older, ret_profile);
    json_decref(older);
    json_decref(newer);
    return error;
}
