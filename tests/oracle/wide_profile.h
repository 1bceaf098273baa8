/* Networks that are wide: many tensors live at once. From a seed. */
#ifndef MAE_TESTS_ORACLE_WIDE_PROFILE_H
#define MAE_TESTS_ORACLE_WIDE_PROFILE_H

#include "random_profile.h"

#include <math.h>

/* Which earlier layer's tensors (t0 is the graph's input, layer l makes t<l + 1>) a layer reads. */
typedef struct wide_net {
    size_t n_layers;
    json_t *inputs; /* per layer an array of names */
} wide_net;

static inline void wide_layer(wide_net *net, size_t first, size_t last)
{
    json_t *names = json_array();
    for (size_t t = first; t <= last; t++)
        json_array_append_new(names, json_sprintf("t%zu", t));
    json_array_append_new(net->inputs, names);
    net->n_layers++;
}

/* As DenseNet-121: a stem, then blocks in which each layer reads the block's input and all before it, and a
 * transition behind each that reads them all. Up to 25 tensors are live. */
static inline wide_net wide_densenet(void)
{
    static const size_t blocks[] = {6, 12, 24, 16};
    wide_net net = {0, json_array()};
    wide_layer(&net, 0, 0);
    for (size_t b = 0; b < 4; b++) {
        size_t begin = net.n_layers;
        for (size_t l = 0; l <= blocks[b]; l++)
            wide_layer(&net, begin, net.n_layers);
    }
    return net;
}

/* Layers that read one to three of the last `width` tensors, each tensor read at least once while it is among
 * them: so many tensors are live at once. */
static inline wide_net wide_random(mae_rng *rng, size_t n_layers, size_t width)
{
    wide_net net = {0, json_array()};
    bool *read = calloc(n_layers + 1, sizeof *read);
    assert_non_null(read);
    for (size_t l = 0; l < n_layers; l++) {
        size_t oldest = l >= width ? l - width + 1 : 0;
        json_t *names = json_array();
        for (size_t t = oldest; t <= l; t++) {
            bool last_chance = t + width == l + 1 || l + 1 == n_layers;
            bool take = chance(rng, 1.5 / (double)width) || (last_chance && !read[t]);
            take |= t == l && json_array_size(names) == 0;
            if (take)
                json_array_append_new(names, json_sprintf("t%zu", t));
            read[t] |= take;
        }
        json_array_append_new(net.inputs, names);
        net.n_layers++;
    }
    free(read);
    return net;
}

/* PEs that differ in speed and power as those of a phone do, each layer better or worse on each of them; moving a
 * tensor costs about as much as a layer. */
static inline mae_profile *wide_profile(mae_rng *rng, wide_net *net, size_t n_pes, double move_scale)
{
    static const char *const names[] = {"cpu", "dla", "gpu", "npu", "dsp", "vpu", "big", "mid"};
    json_t *pes = json_array(), *layers = json_array(), *tensors = json_array(), *transfers = json_array();
    for (size_t p = 0; p < n_pes; p++)
        json_array_append_new(pes,
                              json_pack("{s:s, s:f, s:f}", "name", names[p], "segment_ms", 0.02, "segment_mj", 0.03));
    for (size_t l = 0; l < net->n_layers; l++) {
        json_t *costs = json_object();
        double work = 0.1 + mae_rng_uniform(rng);
        for (size_t p = 0; p < n_pes; p++) {
            double ms = work * exp(0.5 * mae_rng_normal(rng)),
                   watts = (1 + (double)p) * (0.8 + 0.4 * mae_rng_uniform(rng));
            ms *= 1.5 / (1 + 0.3 * (double)p);
            json_object_set_new(costs, names[p], json_pack("{s:f, s:f}", "time_ms", ms, "energy_mj", ms * watts));
        }
        json_array_append_new(layers, json_pack("{s:o, s:O, s:[o], s:o}", "name", json_sprintf("layer%zu", l), "inputs",
                                                json_array_get(net->inputs, l), "outputs", json_sprintf("t%zu", l + 1),
                                                "cost", costs));
    }
    for (size_t t = 0; t <= net->n_layers; t++)
        json_array_append_new(tensors, json_pack("{s:o, s:I}", "name", json_sprintf("t%zu", t), "bytes",
                                                 (json_int_t)((0.1 + mae_rng_uniform(rng)) * (1 << 20))));
    for (size_t pair = 0; pair < n_pes * n_pes; pair++) {
        if (pair / n_pes == pair % n_pes)
            continue;
        double mj_per_mib = 0.2 * mae_rng_uniform(rng), ms_per_mib = 0.1 + 0.1 * mae_rng_uniform(rng),
               fixed_ms = 0.02 + 0.03 * mae_rng_uniform(rng);
        json_array_append_new(transfers, json_pack("{s:s, s:s, s:f, s:f, s:f, s:f}", "from", names[pair / n_pes], "to",
                                                   names[pair % n_pes], "fixed_ms", move_scale * fixed_ms, "ms_per_mib",
                                                   move_scale * ms_per_mib, "fixed_mj", move_scale * 0.02, "mj_per_mib",
                                                   move_scale * mj_per_mib));
    }
    json_t *root =
        json_pack("{s:s, s:i, s:s, s:o, s:[s], s:[o], s:o, s:o, s:o, s:s}", "format", "mae-profile", "version", 1,
                  "energy_source", "model", "pes", pes, "inputs", "t0", "outputs", json_sprintf("t%zu", net->n_layers),
                  "layers", layers, "transfers", transfers, "tensors", tensors, "host", "cpu");
    char *text = json_dumps(root, JSON_REAL_PRECISION(17));
    mae_json *json = NULL;
    mae_profile *profile = NULL;
    assert_non_null(text);
    assert_null(mae_json_parse("wide", text, strlen(text), &json));
    assert_null(mae_profile_from_json(json, &profile));
    mae_json_destroy(json);
    json_decref(root);
    json_decref(net->inputs);
    free(text);
    return profile;
}

#endif
