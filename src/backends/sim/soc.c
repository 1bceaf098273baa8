/* Virtual SoCs: made with their first PE, gone with their last. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backends/sim/soc_impl.h"
#include "base/clock.h"

/* PEs are opened one by one, by text; what makes those of one SoC meet must outlive each of them. */
static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;
static sim_soc *all;

static void destroy(sim_soc *soc)
{
    if (!soc)
        return;
    sim_time_stop(soc);
    sim_tree_destroy(soc->tree);
    sim_power_finish(&soc->power);
    sim_script_finish(&soc->script);
    for (size_t p = 0; soc->pes && p < soc->profile->n_pes; p++)
        free(soc->pes[p].contention);
    mae_profile_destroy(soc->profile);
    free(soc->pes);
    free(soc->places);
    free(soc->first_use);
    free(soc->seen);
    free(soc->layer_runs);
    sim_groups_destroy(soc->groups);
    for (size_t k = 0; k < SIM_N_SOC_KEYS; k++)
        free(soc->text[k]);
    free(soc->name);
    pthread_cond_destroy(&soc->changed);
    pthread_mutex_destroy(&soc->lock);
    free(soc);
}

static mae_error *keep_texts(sim_soc *soc, const sim_options *options)
{
    sim_options own = {{NULL}};
    soc->name = strdup(options->text[SIM_KEY_SOC]);
    bool all_there = soc->name != NULL;
    for (size_t k = 0; k < SIM_N_SOC_KEYS; k++) {
        soc->text[k] = options->text[k] ? strdup(options->text[k]) : NULL;
        all_there = all_there && !options->text[k] == !soc->text[k];
        own.text[k] = soc->text[k];
    }
    return all_there ? sim_settings_read(&own, &soc->settings) : mae_error_nomem();
}

static mae_error *make_pes(sim_soc *soc)
{
    const mae_profile *profile = soc->profile;
    soc->pes = calloc(profile->n_pes, sizeof *soc->pes);
    if (!soc->pes)
        return mae_error_nomem();
    for (size_t p = 0; p < profile->n_pes; p++) {
        int same = 0;
        while (strcmp(profile->pes[same].resource, profile->pes[p].resource) != 0)
            same++;
        soc->pes[p] = (sim_pe_state){.resource = same, .slow = 1, .script_slow = 1, .lie = 1};
    }
    return NULL;
}

static mae_error *fill(sim_soc *soc, const sim_options *options)
{
    soc->pace = 1;
    MAE_TRY(keep_texts(soc, options));
    MAE_TRY(mae_profile_read(soc->text[SIM_KEY_PROFILE], &soc->profile));
    MAE_TRY(make_pes(soc));
    MAE_TRY(sim_places_init(soc));
    if (soc->settings.script)
        MAE_TRY(sim_script_read(soc->settings.script, soc->profile, &soc->script));
    MAE_TRY(sim_power_init(&soc->power, &soc->settings, soc->profile));
    if (soc->settings.meter_root)
        MAE_TRY(sim_tree_create(&soc->power, &soc->tree));
    return sim_time_start(soc);
}

static mae_error *create(const sim_options *options, sim_soc **ret_soc)
{
    sim_soc *soc = calloc(1, sizeof *soc);
    if (!soc)
        return mae_error_nomem();
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&soc->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&soc->lock, NULL);
    mae_error *error = fill(soc, options);
    if (error) {
        destroy(soc);
        return error;
    }
    *ret_soc = soc;
    return NULL;
}

/* A later PE may leave the SoC's options out, but not contradict them. */
static mae_error *check_same(const sim_soc *soc, const sim_options *options)
{
    for (size_t k = 0; k < SIM_N_SOC_KEYS; k++) {
        const char *text = options->text[k], *first = soc->text[k];
        if (text && (!first || strcmp(text, first) != 0))
            return mae_error_new(MAE_ERR_USAGE, "option %s is \"%s\" here and %s%s%s at the first PE of virtual SoC %s",
                                 sim_key_name((sim_key)k), text, first ? "\"" : "", first ? first : "absent",
                                 first ? "\"" : "", soc->name);
    }
    return NULL;
}

static mae_error *find_or_create(const sim_options *options, sim_soc **ret_soc)
{
    for (sim_soc *soc = all; soc; soc = soc->next) {
        if (strcmp(soc->name, options->text[SIM_KEY_SOC]) != 0)
            continue;
        MAE_TRY(check_same(soc, options));
        *ret_soc = soc;
        return NULL;
    }
    MAE_TRY(create(options, ret_soc));
    (*ret_soc)->next = all;
    all = *ret_soc;
    return NULL;
}

mae_error *sim_soc_open(const sim_options *options, sim_soc **ret_soc)
{
    pthread_mutex_lock(&all_lock);
    mae_error *error = find_or_create(options, ret_soc);
    if (!error)
        (*ret_soc)->users++;
    pthread_mutex_unlock(&all_lock);
    return error;
}

void sim_soc_close(sim_soc *soc)
{
    if (!soc)
        return;
    pthread_mutex_lock(&all_lock);
    if (--soc->users == 0) {
        sim_soc **link = &all;
        while (*link != soc)
            link = &(*link)->next;
        *link = soc->next;
        destroy(soc);
    }
    pthread_mutex_unlock(&all_lock);
}

const mae_profile *sim_soc_profile(const sim_soc *soc)
{
    return soc->profile;
}

double sim_soc_stretch(const sim_soc *soc)
{
    return soc->settings.stretch;
}

/* ---- what a PE's options say ---- */

static mae_error *bad_contention(const char *text)
{
    return mae_error_new(MAE_ERR_USAGE,
                         "option contention of a virtual PE is \"%s\", not a list like gpu=1.2,dla=1.05 of "
                         "PEs of the profile and factors from 1e-6 to 1e6",
                         text);
}

/* "gpu=1.2,dla=1.05" into factors per PE of the profile. */
static mae_error *parse_contention(const mae_profile *profile, const char *text, double *factors)
{
    for (const char *at = text;; at++) {
        const char *equals = strchr(at, '=');
        size_t length = equals ? (size_t)(equals - at) : 0;
        size_t q = 0;
        while (q < profile->n_pes &&
               (strlen(profile->pes[q].name) != length || memcmp(profile->pes[q].name, at, length) != 0))
            q++;
        if (!equals || q == profile->n_pes)
            return bad_contention(text);
        char *end = NULL;
        factors[q] = strtod(equals + 1, &end);
        if (end == equals + 1 || !(factors[q] >= 1e-6 && factors[q] <= 1e6) || (*end && *end != ','))
            return bad_contention(text);
        if (!*end)
            return NULL;
        at = end;
    }
}

/* As the profile says; a list replaces that whole. */
static mae_error *read_contention(const mae_profile *profile, int pe, const char *text, double **ret_factors)
{
    double *factors = calloc(profile->n_pes, sizeof *factors);
    if (!factors)
        return mae_error_nomem();
    for (size_t q = 0; q < profile->n_pes; q++) {
        double stated = profile->contention[(size_t)pe * profile->n_pes + q].factor;
        factors[q] = stated > 0 && !text ? stated : 1;
    }
    mae_error *error = text ? parse_contention(profile, text, factors) : NULL;
    if (error)
        free(factors);
    else
        *ret_factors = factors;
    return error;
}

mae_error *sim_soc_set_pe(sim_soc *soc, int pe, const sim_options *options)
{
    double slow = 1, *contention = NULL;
    MAE_TRY(sim_options_number(options, SIM_KEY_SLOW, 1e-6, 1e6, &slow));
    MAE_TRY(read_contention(soc->profile, pe, options->text[SIM_KEY_CONTENTION], &contention));
    pthread_mutex_lock(&soc->lock);
    sim_events_catch_up(soc);
    free(soc->pes[pe].contention);
    soc->pes[pe].contention = contention;
    soc->pes[pe].slow = slow;
    pthread_mutex_unlock(&soc->lock);
    return NULL;
}

mae_error *sim_soc_set_idle(sim_soc *soc, int pe, const sim_options *options)
{
    if (!options->text[SIM_KEY_IDLE_W])
        return NULL;
    double idle_w = 0;
    MAE_TRY(sim_options_number(options, SIM_KEY_IDLE_W, 0, 1e6, &idle_w));
    pthread_mutex_lock(&soc->lock);
    sim_events_catch_up(soc);
    mae_error *error = sim_power_set_idle(&soc->power, pe, idle_w);
    pthread_mutex_unlock(&soc->lock);
    return error;
}
