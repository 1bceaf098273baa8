#include "backends/sim/sim.h"

#include <stdlib.h>
#include <string.h>

#include "backends/sim/pe.h"
#include "core/graph.h"

const mae_backend *mae_backend_entry(void);

/* ---- options ---- */

static mae_error *read_fault(const sim_options *options, sim_fault *fault)
{
    static const char *const events[] = {"compile", "bind", "run"};
    const char *layer = options->text[SIM_KEY_FAIL_LAYER];
    int at = SIM_RUN;
    double after = 0;
    MAE_TRY(sim_options_word(options, SIM_KEY_FAIL_AT, events, 3, &at));
    MAE_TRY(sim_options_number(options, SIM_KEY_FAIL_AFTER, 0, 1e9, &after));
    fault->armed = options->text[SIM_KEY_FAIL_AT] || options->text[SIM_KEY_FAIL_AFTER] || layer;
    fault->at = (sim_event)at;
    fault->after = (int)after;
    if (layer && !(fault->layer = strdup(layer)))
        return mae_error_nomem();
    return NULL;
}

/* PEs with the same seed still have noise of their own; so have time and power. */
static mae_error *read_noise(const sim_options *options, sim_pe *pe)
{
    double seed = 1;
    MAE_TRY(sim_options_number(options, SIM_KEY_NOISE, 0, 1, &pe->noise));
    MAE_TRY(sim_options_number(options, SIM_KEY_POWER_NOISE, 0, 1, &pe->power_noise));
    MAE_TRY(sim_options_number(options, SIM_KEY_SEED, 0, 1e15, &seed));
    pe->time_rng.state = (uint64_t)seed + (uint64_t)pe->index * 0xd1342543de82ef95u;
    pe->power_rng.state = ~pe->time_rng.state;
    return NULL;
}

static mae_error *read_outputs(const sim_options *options, const mae_pe_config *config, sim_pe *pe)
{
    static const char *const outputs[] = {"tags", "reference"};
    const char *backend = options->text[SIM_KEY_REFERENCE];
    int output = 0;
    MAE_TRY(sim_options_word(options, SIM_KEY_OUTPUTS, outputs, 2, &output));
    if (output == 0 && backend)
        return mae_error_new(MAE_ERR_USAGE, "option reference of a virtual PE needs outputs to be reference");
    if (output == 0)
        return NULL;
    MAE_TRY(sim_reference_open(backend ? backend : "ort", config, &pe->reference));
    pe->base.abs_tolerance = pe->reference.pe->abs_tolerance;
    pe->base.rel_tolerance = pe->reference.pe->rel_tolerance;
    return NULL;
}

/* ---- the PE ---- */

mae_error *sim_pe_event(sim_pe *pe, sim_event event, const mae_graph *graph, const mae_segment *segment)
{
    sim_fault *fault = &pe->fault;
    MAE_TRY(event == SIM_RUN ? sim_soc_attempt(pe->soc, pe->index) : sim_soc_check(pe->soc, pe->index));
    if (fault->armed && !fault->lost && event == fault->at) {
        bool counts = !fault->layer;
        for (int l = segment->first; l <= segment->last && !counts; l++)
            counts = strcmp(graph->layers[l].name, fault->layer) == 0;
        fault->lost = counts && fault->after-- <= 0;
    }
    if (fault->lost)
        return mae_error_new(MAE_ERR_LOST, "the virtual device is gone");
    return NULL;
}

static bool is_plain(const mae_tensor *tensor)
{
    return tensor->is_static && mae_dtype_size(tensor->shape.dtype) > 0;
}

static bool sim_supports(mae_pe *base, const mae_graph *graph, int layer, const char **ret_reason)
{
    sim_pe *pe = (sim_pe *)base;
    const mae_profile *profile = sim_soc_profile(pe->soc);
    const mae_layer *l = &graph->layers[layer];
    const char *reason = NULL;
    int known = mae_profile_find_layer(profile, l->name);
    if (known < 0)
        reason = "the profile has no layer of this name";
    else if (known != layer)
        reason = "the profile has its layers in another order";
    else if (!profile->costs[(size_t)known * profile->n_pes + (size_t)pe->index].supported)
        reason = "by the profile, this PE cannot run it";
    for (size_t i = 0; i < l->n_inputs; i++)
        if (!is_plain(&graph->tensors[l->inputs[i]]))
            reason = "an input has no fixed size";
    for (size_t i = 0; i < l->n_outputs; i++)
        if (!is_plain(&graph->tensors[l->outputs[i]]))
            reason = "an output has no fixed size";
    if (!reason && pe->reference.pe)
        return pe->reference.pe->ops->supports(pe->reference.pe, graph, layer, ret_reason);
    if (reason && ret_reason)
        *ret_reason = reason;
    return !reason;
}

static void sim_close(mae_pe *base)
{
    sim_pe *pe = (sim_pe *)base;
    if (!pe)
        return;
    sim_soc_close(pe->soc);
    sim_reference_close(&pe->reference);
    free(pe->fault.layer);
    free(pe->name);
    free(pe);
}

/* Is the profile's PE this one, or one of its operating points? */
static bool is_level(const sim_pe *pe, const char *name)
{
    size_t length = strlen(pe->name);
    return strncmp(name, pe->name, length) == 0 && (!name[length] || name[length] == '@');
}

static mae_error *sim_set_level(mae_pe *base, const char *level)
{
    sim_pe *pe = (sim_pe *)base;
    const mae_profile *profile = sim_soc_profile(pe->soc);
    size_t length = strlen(pe->name);
    int index = level ? -1 : pe->opened_as;
    for (size_t p = 0; p < profile->n_pes && index < 0; p++)
        if (is_level(pe, profile->pes[p].name) && profile->pes[p].name[length] &&
            strcmp(profile->pes[p].name + length + 1, level) == 0)
            index = (int)p;
    if (index < 0)
        return mae_error_new(MAE_ERR_USAGE, "the profile has no PE %s@%s", pe->name, level);
    pe->index = index;
    return NULL;
}

static const mae_pe_ops ops = {.supports = sim_supports,
                               .compile = sim_compile,
                               .bind = sim_bind,
                               .run = sim_run,
                               .discard = sim_discard,
                               .close = sim_close,
                               .layer_ns = sim_layer_ns,
                               .set_level = sim_set_level};

static const mae_pe_ops ops_without_times = {.supports = sim_supports,
                                             .compile = sim_compile,
                                             .bind = sim_bind,
                                             .run = sim_run,
                                             .discard = sim_discard,
                                             .close = sim_close,
                                             .set_level = sim_set_level};

/* The PE of that name, or its first operating point; options hold for all of them. */
static mae_error *find_levels(sim_pe *pe, const sim_options *options)
{
    const mae_profile *profile = sim_soc_profile(pe->soc);
    pe->opened_as = mae_profile_find_pe(profile, pe->name);
    for (size_t p = profile->n_pes; p-- > 0;) {
        if (!is_level(pe, profile->pes[p].name))
            continue;
        MAE_TRY(sim_soc_set_pe(pe->soc, (int)p, options));
        if (pe->opened_as < 0 || profile->pes[pe->opened_as].name[strlen(pe->name)])
            pe->opened_as = (int)p;
    }
    if (pe->opened_as < 0)
        return mae_error_new(MAE_ERR_USAGE, "%s has no PE %s", options->text[SIM_KEY_PROFILE], pe->name);
    pe->index = pe->opened_as;
    return sim_soc_set_idle(pe->soc, pe->index, options);
}

static mae_error *set_up(sim_pe *pe, const sim_options *options, const mae_pe_config *config)
{
    static const char *const answers[] = {"no", "yes"};
    int times = 1;
    MAE_TRY(sim_options_word(options, SIM_KEY_LAYER_NS, answers, 2, &times));
    MAE_TRY(read_fault(options, &pe->fault));
    pe->base.ops = times ? &ops : &ops_without_times;
    pe->name = strdup(options->text[SIM_KEY_PE]);
    if (!pe->name)
        return mae_error_nomem();
    MAE_TRY(sim_soc_open(options, &pe->soc));
    MAE_TRY(find_levels(pe, options));
    MAE_TRY(read_noise(options, pe));
    return read_outputs(options, config, pe);
}

static mae_error *sim_open(const mae_pe_config *config, mae_pe **ret_pe)
{
    sim_options options;
    MAE_TRY(sim_options_read(config, &options));
    sim_pe *pe = calloc(1, sizeof *pe);
    if (!pe)
        return mae_error_nomem();
    pe->base.backend = mae_backend_entry();
    mae_error *error = set_up(pe, &options, config);
    if (error) {
        sim_close(&pe->base);
        return error;
    }
    *ret_pe = &pe->base;
    return NULL;
}

static mae_error *sim_probe(const mae_pe_found **ret_found, size_t *ret_n)
{
    (void)ret_found, (void)ret_n;
    return mae_error_new(MAE_ERR_FAILED, "virtual PEs are opened with a profile, not found");
}

/* ---- services ---- */

static sim_soc *soc_of(mae_pe *pe)
{
    return ((sim_pe *)pe)->soc;
}

static uint64_t now_ns(mae_pe *pe)
{
    return sim_soc_now_ns(soc_of(pe));
}

static void wait_ns(mae_pe *pe, uint64_t ns)
{
    const sim_phase phase = {(double)ns, 0};
    sim_job job = {.pe = -1, .n = 1, .phases = &phase, .time_factor = 1};
    sim_soc_submit(soc_of(pe), &job);
    mae_error_free(sim_soc_wait(soc_of(pe), &job)); /* of a meter that cannot be written a run will tell */
}

static bool set_alarm(mae_pe *pe, uint64_t first_ns, mae_clock_alarm *alarm, void *ctx)
{
    return sim_soc_set_alarm(soc_of(pe), first_ns, alarm, ctx);
}

static double energy_mj(mae_pe *pe, const char *rail)
{
    return sim_soc_energy_mj(soc_of(pe), rail);
}

static double celsius(mae_pe *pe)
{
    return sim_soc_celsius(soc_of(pe));
}

static uint64_t layer_runs(mae_pe *pe, int layer)
{
    return sim_soc_layer_runs(soc_of(pe), layer);
}

static void hold(mae_pe *pe, int change)
{
    sim_soc_hold(soc_of(pe), change);
}

static bool is_virtual(mae_pe *pe)
{
    return sim_soc_is_virtual(soc_of(pe));
}

static bool wait_for(mae_pe *pe, uint64_t ns, bool (*done)(void *ctx), void *ctx)
{
    return sim_soc_wait_for(soc_of(pe), (double)ns, done, ctx);
}

static double all_energy_mj(mae_pe *pe)
{
    return sim_soc_energy_mj(soc_of(pe), NULL);
}

static void set_pace(mae_pe *pe, double factor)
{
    sim_soc_set_pace(soc_of(pe), factor);
}

static void set_ambient(mae_pe *pe, double c)
{
    sim_soc_set_ambient(soc_of(pe), c);
}

static bool set_group(mae_pe *pe, int group)
{
    return sim_soc_set_group(soc_of(pe), ((sim_pe *)pe)->index, group);
}

static const void *sim_service(const char *name)
{
    static const mae_virtual_service machine = {is_virtual, hold,        wait_for, all_energy_mj,
                                                set_pace,   set_ambient, set_group};
    static const mae_sim_service service = {now_ns, energy_mj, celsius, layer_runs, hold};
    static const mae_clock_service clock = {now_ns, wait_ns, set_alarm};
    if (strcmp(name, MAE_CLOCK_SERVICE) == 0)
        return &clock;
    if (strcmp(name, MAE_VIRTUAL_SERVICE) == 0)
        return &machine;
    return strcmp(name, MAE_SIM_SERVICE) == 0 ? &service : NULL;
}

MAE_API const mae_backend *mae_backend_entry(void)
{
    static const mae_backend backend = {
        .abi = MAE_BACKEND_ABI, .name = "sim", .probe = sim_probe, .open = sim_open, .service = sim_service};
    return &backend;
}
