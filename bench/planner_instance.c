#include "planner_instance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/stats.h"
#include "core/profile.h"

static json_t *layers_of(mae_rng *rng, size_t n_layers, size_t n_pes)
{
    json_t *layers = json_array();
    for (size_t l = 0; l < n_layers; l++) {
        json_t *costs = json_object();
        double size = 0.2 + mae_rng_uniform(rng);
        for (size_t p = 0; p < n_pes; p++) {
            double speed = 0.5 + mae_rng_uniform(rng) + 0.25 * (double)p;
            double power = speed * speed * (0.5 + mae_rng_uniform(rng));
            char name[32];
            snprintf(name, sizeof name, "pe%zu", p);
            json_object_set_new(costs, name,
                                json_pack("{s:f, s:f}", "time_ms", size / speed, "energy_mj", size / speed * power));
        }
        json_array_append_new(layers, json_pack("{s:o, s:[o], s:[o], s:o}", "name", json_sprintf("layer%zu", l),
                                                "inputs", json_sprintf("t%zu", l), "outputs",
                                                json_sprintf("t%zu", l + 1), "cost", costs));
    }
    return layers;
}

static json_t *transfers_of(mae_rng *rng, size_t n_pes)
{
    json_t *transfers = json_array();
    for (size_t pair = 0; pair < n_pes * n_pes; pair++)
        if (pair / n_pes != pair % n_pes)
            json_array_append_new(
                transfers,
                json_pack("{s:o, s:o, s:f, s:f, s:f, s:f}", "from", json_sprintf("pe%zu", pair / n_pes), "to",
                          json_sprintf("pe%zu", pair % n_pes), "fixed_ms", 0.01 + 0.05 * mae_rng_uniform(rng),
                          "ms_per_mib", 0.04, "fixed_mj", 0.01 + 0.05 * mae_rng_uniform(rng), "mj_per_mib", 0.02));
    return transfers;
}

static json_t *tensors_of(mae_rng *rng, size_t n_layers)
{
    json_t *tensors = json_array();
    for (size_t l = 0; l <= n_layers; l++)
        json_array_append_new(tensors, json_pack("{s:o, s:I}", "name", json_sprintf("t%zu", l), "bytes",
                                                 (json_int_t)(mae_rng_uniform(rng) * (1 << 20))));
    return tensors;
}

mae_error *bench_chain(uint64_t seed, size_t n_layers, size_t n_pes, mae_profile **ret_profile)
{
    mae_rng rng = {seed};
    json_t *pes = json_array();
    for (size_t p = 0; p < n_pes; p++)
        json_array_append_new(pes, json_pack("{s:o}", "name", json_sprintf("pe%zu", p)));
    json_t *layers = layers_of(&rng, n_layers, n_pes), *transfers = transfers_of(&rng, n_pes);
    json_t *root =
        json_pack("{s:s, s:i, s:s, s:o, s:[s], s:[o], s:o, s:o, s:o}", "format", "mae-profile", "version", 1,
                  "energy_source", "model", "pes", pes, "inputs", "t0", "outputs", json_sprintf("t%zu", n_layers),
                  "layers", layers, "transfers", transfers, "tensors", tensors_of(&rng, n_layers));
    char *text = json_dumps(root, JSON_REAL_PRECISION(17));
    mae_json *json = NULL;
    json_decref(root);
    if (!text)
        return mae_error_nomem();
    mae_error *error = mae_json_parse("instance", text, strlen(text), &json);
    if (!error)
        error = mae_profile_from_json(json, ret_profile);
    mae_json_destroy(json);
    free(text);
    return error;
}
