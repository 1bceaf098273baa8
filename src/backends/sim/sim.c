#include "backends/sim/sim.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backends/sim/pe.h"
#include "core/graph.h"

const mae_backend *mae_backend_entry(void);

/* ---- options ---- */

typedef struct settings {
    const char *profile, *pe, *clock, *soc, *slow, *noise, *seed, *layer_ns, *fail_at, *fail_after, *fail_layer;
} settings;

static const char **setting_of(settings *s, const char *key)
{
    const struct {
        const char *key;
        const char **value;
    } known[] = {{"profile", &s->profile},
                 {"pe", &s->pe},
                 {"clock", &s->clock},
                 {"soc", &s->soc},
                 {"slow", &s->slow},
                 {"noise", &s->noise},
                 {"seed", &s->seed},
                 {"layer_ns", &s->layer_ns},
                 {"fail_at", &s->fail_at},
                 {"fail_after", &s->fail_after},
                 {"fail_layer", &s->fail_layer}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].key, key) == 0)
            return known[i].value;
    return NULL;
}

static mae_error *read_settings(const mae_pe_config *config, settings *s)
{
    for (size_t i = 0; i < config->n_options; i++) {
        const char **value = setting_of(s, config->options[i].key);
        if (!value)
            return mae_error_new(MAE_ERR_USAGE, "a virtual PE has no option %s", config->options[i].key);
        *value = config->options[i].value;
    }
    if (!s->profile)
        return mae_error_new(MAE_ERR_USAGE, "a virtual PE needs the option profile");
    s->pe = s->pe ? s->pe : config->name;
    s->soc = s->soc ? s->soc : s->profile;
    return NULL;
}

static mae_error *parse_number(const char *key, const char *text, double least, double most, double *number)
{
    if (!text)
        return NULL;
    char *end = NULL;
    double value = strtod(text, &end);
    if (end == text || *end || !(value >= least && value <= most))
        return mae_error_new(MAE_ERR_USAGE, "option %s of a virtual PE is \"%s\", not a number from %g to %g", key,
                             text, least, most);
    *number = value;
    return NULL;
}

/* The place of `text` in `words`. */
static mae_error *parse_word(const char *key, const char *text, const char *const *words, size_t n, int *ret_word)
{
    for (size_t i = 0; text && i < n; i++) {
        if (strcmp(text, words[i]) == 0) {
            *ret_word = (int)i;
            return NULL;
        }
    }
    if (text)
        return mae_error_new(MAE_ERR_USAGE, "option %s of a virtual PE cannot be \"%s\"", key, text);
    return NULL;
}

static mae_error *parse_fault(const settings *s, sim_fault *fault)
{
    static const char *const events[] = {"compile", "bind", "run"};
    int at = SIM_RUN;
    double after = 0;
    MAE_TRY(parse_word("fail_at", s->fail_at, events, 3, &at));
    MAE_TRY(parse_number("fail_after", s->fail_after, 0, 1e9, &after));
    fault->armed = s->fail_at || s->fail_after || s->fail_layer;
    fault->at = (sim_event)at;
    fault->after = (int)after;
    if (s->fail_layer && !(fault->layer = strdup(s->fail_layer)))
        return mae_error_nomem();
    return NULL;
}

/* ---- the PE ---- */

mae_error *sim_pe_event(sim_pe *pe, sim_event event, const mae_graph *graph, const mae_segment *segment)
{
    sim_fault *fault = &pe->fault;
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
    else if (!profile->costs[(size_t)known * profile->n_pes + (size_t)pe->index].supported)
        reason = "by the profile, this PE cannot run it";
    for (size_t i = 0; i < l->n_inputs; i++)
        if (!is_plain(&graph->tensors[l->inputs[i]]))
            reason = "an input has no fixed size";
    for (size_t i = 0; i < l->n_outputs; i++)
        if (!is_plain(&graph->tensors[l->outputs[i]]))
            reason = "an output has no fixed size";
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
    free(pe->fault.layer);
    free(pe);
}

static const mae_pe_ops ops = {.supports = sim_supports,
                               .compile = sim_compile,
                               .bind = sim_bind,
                               .run = sim_run,
                               .discard = sim_discard,
                               .close = sim_close,
                               .layer_ns = sim_layer_ns};

static const mae_pe_ops ops_without_times = {.supports = sim_supports,
                                             .compile = sim_compile,
                                             .bind = sim_bind,
                                             .run = sim_run,
                                             .discard = sim_discard,
                                             .close = sim_close};

static mae_error *set_up(sim_pe *pe, const settings *s)
{
    static const char *const clocks[] = {"real", "virtual"}, *const answers[] = {"no", "yes"};
    int clock = 0, times = 1;
    double seed = 1;
    pe->slow = 1;
    MAE_TRY(parse_word("clock", s->clock, clocks, 2, &clock));
    MAE_TRY(parse_word("layer_ns", s->layer_ns, answers, 2, &times));
    MAE_TRY(parse_number("slow", s->slow, 1e-6, 1e6, &pe->slow));
    MAE_TRY(parse_number("noise", s->noise, 0, 1, &pe->noise));
    MAE_TRY(parse_number("seed", s->seed, 0, 1e15, &seed));
    MAE_TRY(parse_fault(s, &pe->fault));
    pe->rng.state = (uint64_t)seed;
    pe->base.ops = times ? &ops : &ops_without_times;
    MAE_TRY(sim_soc_open(s->soc, s->profile, clock == 1, &pe->soc));
    pe->index = mae_profile_find_pe(sim_soc_profile(pe->soc), s->pe);
    if (pe->index < 0)
        return mae_error_new(MAE_ERR_USAGE, "%s has no PE %s", s->profile, s->pe);
    return NULL;
}

static mae_error *sim_open(const mae_pe_config *config, mae_pe **ret_pe)
{
    settings s = {.profile = NULL};
    MAE_TRY(read_settings(config, &s));
    sim_pe *pe = calloc(1, sizeof *pe);
    if (!pe)
        return mae_error_nomem();
    pe->base.backend = mae_backend_entry();
    mae_error *error = set_up(pe, &s);
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

static uint64_t now_ns(mae_pe *pe)
{
    return sim_soc_now_ns(((sim_pe *)pe)->soc);
}

static const void *sim_service(const char *name)
{
    static const mae_sim_service service = {now_ns};
    return strcmp(name, MAE_SIM_SERVICE) == 0 ? &service : NULL;
}

MAE_API const mae_backend *mae_backend_entry(void)
{
    static const mae_backend backend = {
        .abi = MAE_BACKEND_ABI, .name = "sim", .probe = sim_probe, .open = sim_open, .service = sim_service};
    return &backend;
}
