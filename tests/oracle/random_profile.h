/* Random profiles from a seed, as text, so that the reader is part of what is tested. */
#ifndef MAE_TESTS_ORACLE_RANDOM_PROFILE_H
#define MAE_TESTS_ORACLE_RANDOM_PROFILE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/stats.h"
#include "core/profile.h"

typedef struct random_shape {
    size_t n_layers, n_pes;
    bool chain;  /* each layer reads the one before */
    bool extras; /* holes, rows, limits, self rows, hosts, ... */
    bool coarse; /* costs of few digits: many ties */
} random_shape;

static inline int rnd(mae_rng *rng, int n)
{
    return (int)(mae_rng_uniform(rng) * n);
}

static inline bool chance(mae_rng *rng, double p)
{
    return mae_rng_uniform(rng) < p;
}

static inline json_t *random_cost(mae_rng *rng, bool coarse, double scale)
{
    double value = coarse ? (1 + rnd(rng, 8)) / 8.0 : 0.05 + mae_rng_uniform(rng);
    return json_real(scale * value);
}

static inline json_t *random_pes(mae_rng *rng, const random_shape *shape)
{
    /* Not in the order of their names: ties are broken by names, not by numbers. */
    static const char *const names[] = {"npu", "cpu", "gpu", "dla", "dsp", "big", "mid", "vpu"};
    json_t *pes = json_array();
    for (size_t p = 0; p < shape->n_pes; p++) {
        json_t *pe = json_pack("{s:s, s:s}", "name", names[p], "resource", names[p]);
        if (shape->extras && chance(rng, 0.3))
            json_object_set_new(pe, "max_segments", json_integer(1 + rnd(rng, 3)));
        if (shape->extras && chance(rng, 0.5)) {
            json_object_set_new(pe, "segment_ms", random_cost(rng, shape->coarse, 0.25));
            json_object_set_new(pe, "segment_mj", random_cost(rng, shape->coarse, 0.25));
        }
        json_array_append_new(pes, pe);
    }
    return pes;
}

static inline const char *pe_name(const json_t *root, size_t p)
{
    return json_string_value(json_object_get(json_array_get(json_object_get(root, "pes"), p), "name"));
}

static inline json_t *random_costs(mae_rng *rng, const random_shape *shape, const json_t *root)
{
    json_t *costs = json_object();
    size_t always = (size_t)rnd(rng, (int)shape->n_pes);
    for (size_t p = 0; p < shape->n_pes; p++) {
        if (shape->extras && p != always && chance(rng, 0.12))
            continue;
        json_t *cost = json_object();
        json_object_set_new(cost, "time_ms", random_cost(rng, shape->coarse, 1));
        json_object_set_new(cost, "energy_mj", random_cost(rng, shape->coarse, 2));
        json_object_set_new(costs, pe_name(root, p), cost);
    }
    return costs;
}

static inline void add_name(json_t *list, const char *name)
{
    size_t i;
    json_t *value;
    json_array_foreach (list, i, value)
        if (strcmp(json_string_value(value), name) == 0)
            return;
    json_array_append_new(list, json_string(name));
}

static inline void random_layers(mae_rng *rng, const random_shape *shape, json_t *root)
{
    json_t *layers = json_array(), *tensors = json_array(), *made = json_array();
    size_t n_inputs = shape->chain ? 1 : 1 + (size_t)rnd(rng, 2);
    for (size_t i = 0; i < n_inputs; i++)
        json_array_append_new(made, json_sprintf("in%zu", i));
    json_object_set_new(root, "inputs", json_deep_copy(made));
    json_t *outputs = json_array();
    for (size_t l = 0; l < shape->n_layers; l++) {
        json_t *inputs = json_array(), *outs = json_array();
        size_t n = json_array_size(made), reads = shape->chain ? 1 : 1 + (size_t)rnd(rng, 3);
        for (size_t k = 0; k < reads; k++) {
            size_t back = shape->chain ? 1 : 1 + (size_t)rnd(rng, chance(rng, 0.7) ? 2 : 5);
            add_name(inputs, json_string_value(json_array_get(made, back > n ? 0 : n - back)));
        }
        size_t writes = shape->chain || chance(rng, 0.8) ? 1 : 2;
        for (size_t k = 0; k < writes; k++) {
            json_t *name = json_sprintf("t%zu_%zu", l, k);
            json_array_append(outs, name);
            json_array_append(made, name);
            if (l + 1 == shape->n_layers || (shape->extras && chance(rng, 0.1)))
                json_array_append(outputs, name);
            json_array_append_new(tensors, json_pack("{s:O, s:i}", "name", name, "bytes", 1024 * rnd(rng, 2048)));
            json_decref(name);
        }
        json_array_append_new(layers,
                              json_pack("{s:o, s:s, s:o, s:o, s:o}", "name", json_sprintf("l%zu", l), "op", "Conv",
                                        "inputs", inputs, "outputs", outs, "cost", random_costs(rng, shape, root)));
    }
    json_decref(made);
    json_object_set_new(root, "layers", layers);
    json_object_set_new(root, "tensors", tensors);
    json_object_set_new(root, "outputs", outputs);
}

static inline void random_transfers(mae_rng *rng, const random_shape *shape, json_t *root)
{
    json_t *transfers = json_array(), *overrides = json_array(), *tensor;
    double scale = chance(rng, 0.3) ? 0.02 : 0.3;
    for (size_t from = 0; from < shape->n_pes; from++)
        for (size_t to = 0; to < shape->n_pes; to++) {
            if (from == to ? !shape->extras || chance(rng, 0.6) : shape->extras && chance(rng, 0.08))
                continue;
            json_t *row = json_pack("{s:s, s:s}", "from", pe_name(root, from), "to", pe_name(root, to));
            json_object_set_new(row, "fixed_ms", random_cost(rng, shape->coarse, scale));
            json_object_set_new(row, "ms_per_mib", shape->coarse ? json_real(0) : random_cost(rng, false, scale));
            json_object_set_new(row, "fixed_mj", random_cost(rng, shape->coarse, scale));
            json_array_append_new(transfers, row);
        }
    size_t i;
    json_array_foreach (json_object_get(root, "tensors"), i, tensor) {
        if (!shape->extras || !chance(rng, 0.2))
            continue;
        size_t from = (size_t)rnd(rng, (int)shape->n_pes), to = (size_t)rnd(rng, (int)shape->n_pes);
        json_t *energy_mj = random_cost(rng, shape->coarse, scale);
        json_t *time_ms = random_cost(rng, shape->coarse, chance(rng, 0.5) ? 0 : scale);
        json_array_append_new(overrides, json_pack("{s:O, s:s, s:s, s:o, s:o}", "tensor",
                                                   json_object_get(tensor, "name"), "from", pe_name(root, from), "to",
                                                   pe_name(root, to), "time_ms", time_ms, "energy_mj", energy_mj));
    }
    json_object_set_new(root, "transfers", transfers);
    json_object_set_new(root, "transfer_overrides", overrides);
}

/* Rows over layers that the PE supports, each segment once. */
static inline void random_rows(mae_rng *rng, const random_shape *shape, json_t *root)
{
    json_t *rows = json_array(), *layers = json_object_get(root, "layers"), *seen = json_object();
    for (int tries = rnd(rng, 6); tries > 0; tries--) {
        size_t p = (size_t)rnd(rng, (int)shape->n_pes), first = (size_t)rnd(rng, (int)shape->n_layers);
        size_t last = first + (size_t)rnd(rng, (int)(shape->n_layers - first));
        bool can = true;
        for (size_t l = first; l <= last; l++)
            can = can && json_object_get(json_object_get(json_array_get(layers, l), "cost"), pe_name(root, p));
        json_t *key = json_sprintf("%zu %zu %zu", p, first, last);
        if (can && !json_object_get(seen, json_string_value(key))) {
            json_object_set_new(seen, json_string_value(key), json_true());
            json_t *energy_mj = random_cost(rng, shape->coarse, (double)(last - first + 1));
            json_t *time_ms = random_cost(rng, shape->coarse, (double)(last - first + 1));
            json_array_append_new(rows, json_pack("{s:s, s:O, s:O, s:o, s:o}", "pe", pe_name(root, p), "first",
                                                  json_object_get(json_array_get(layers, first), "name"), "last",
                                                  json_object_get(json_array_get(layers, last), "name"), "time_ms",
                                                  time_ms, "energy_mj", energy_mj));
        }
        json_decref(key);
    }
    json_decref(seen);
    json_object_set_new(root, "segments", rows);
}

/* Where there is no energy, no layer, row or override states one. */
static inline void without_energy(json_t *root)
{
    size_t i;
    const char *pe;
    json_t *entry, *cost;
    json_array_foreach (json_object_get(root, "layers"), i, entry)
        json_object_foreach (json_object_get(entry, "cost"), pe, cost)
            json_object_del(cost, "energy_mj");
    json_array_foreach (json_object_get(root, "segments"), i, entry)
        json_object_del(entry, "energy_mj");
    json_array_foreach (json_object_get(root, "transfer_overrides"), i, entry)
        json_object_del(entry, "energy_mj");
}

static inline mae_profile *random_profile(uint64_t seed, const random_shape *shape)
{
    mae_rng rng = {seed};
    bool energy = !shape->extras || chance(&rng, 0.9);
    json_t *root = json_pack("{s:s, s:i, s:s, s:o}", "format", "mae-profile", "version", 1, "energy_source",
                             energy ? "meter" : "none", "pes", random_pes(&rng, shape));
    if (shape->extras && chance(&rng, 0.5))
        json_object_set_new(root, "host", json_string(pe_name(root, (size_t)rnd(&rng, (int)shape->n_pes))));
    json_object_set_new(root, "soc", json_pack("{s:f}", "static_w", chance(&rng, 0.5) ? 0.0 : 0.5));
    random_layers(&rng, shape, root);
    random_transfers(&rng, shape, root);
    if (shape->extras)
        random_rows(&rng, shape, root);
    if (!energy)
        without_energy(root);
    char *text = json_dumps(root, JSON_REAL_PRECISION(17));
    mae_json *json = NULL;
    mae_profile *profile = NULL;
    mae_error *error = mae_json_parse("random", text, strlen(text), &json);
    if (!error)
        error = mae_profile_from_json(json, &profile);
    if (error)
        fail_msg("seed %llu: %s", (unsigned long long)seed, mae_error_message(error));
    mae_json_destroy(json);
    free(text);
    json_decref(root);
    return profile;
}

#endif
