/* What does changing the mapping cost? A live session on two engines whose goal changes with every frame, beside the
 * same frames without a change: the time from the call to the first segment, state and decision included.
 *
 *     bench_switch MODEL [FRAMES]
 *
 * By what it is told the first PE is quick and the second needs little energy, so that both are wanted in turn. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/stats.h"
#include "core/profile.h"
#include "mae/mae.h"

static bool fine(mae_error *error)
{
    if (error)
        fprintf(stderr, "bench_switch: %s\n", mae_error_message(error));
    bool good = error == NULL;
    mae_error_free(error);
    return good;
}

static bool make_profile(mae_context *context, mae_model *model, mae_profile **ret_profile)
{
    const mae_graph *graph = mae_model_graph(model);
    const mae_pe_info *infos;
    size_t n = mae_context_pes(context, &infos);
    mae_profile_pe pes[2];
    if (n != 2)
        return false;
    for (size_t p = 0; p < n; p++)
        pes[p] = (mae_profile_pe){
            .name = infos[p].name, .resource = infos[p].resource, .backend = infos[p].backend, .precision = "f32"};
    if (!fine(mae_profile_create(graph, pes, 2, ret_profile)))
        return false;
    for (size_t l = 0; l < graph->n_layers; l++)
        for (int p = 0; p < 2; p++) {
            const mae_cost cost = {.supported = mae_model_supports(model, p, (int)l, NULL),
                                   .time_ms = p ? 100 : 1,
                                   /* so far apart that live times change nothing */ .energy_mj = p ? 1 : 5};
            if (cost.supported)
                mae_profile_set_cost(*ret_profile, (int)l, p, &cost);
        }
    for (int p = 0; p < 2; p++) {
        const mae_transfer row = {.crossable = true, .fixed_ms = 0.1, .fixed_mj = 0.1};
        mae_profile_set_transfer(*ret_profile, p, 1 - p, &row);
    }
    return fine(mae_profile_set_soc(*ret_profile, "desk", "", 0, MAE_ENERGY_MODEL));
}

static bool run(mae_live *live, bool change, size_t i, double *ret_us)
{
    mae_goal goal = MAE_GOAL_INIT;
    goal.minimize = i % 2 ? MAE_MIN_ENERGY : MAE_MIN_LATENCY;
    if (change && !fine(mae_live_set_goal(live, &goal)))
        return false;
    if (!fine(mae_live_run(live, 0, 0)))
        return false;
    *ret_us = mae_live_last(live)->decide_ms * 1e3;
    return true;
}

/* Until both mappings are compiled. */
static bool warm_up(mae_live *live)
{
    double us;
    size_t switches = 0;
    for (size_t i = 0; i < 20000 && switches < 20; i++) {
        if (!run(live, true, i / 8, &us))
            return false;
        switches += mae_live_last(live)->switched;
        usleep(500);
    }
    return switches == 20;
}

static bool measure(mae_live *live, size_t frames)
{
    double *changed = calloc(frames, sizeof *changed), *kept = calloc(frames, sizeof *kept);
    bool good = changed && kept;
    size_t switches = 0;
    for (size_t i = 0; i < frames && good; i++) {
        good = run(live, true, i, &changed[switches]);
        switches += mae_live_last(live)->switched; /* others do not count */
        good = good && run(live, false, i, &kept[i]);
    }
    if (good) {
        mae_stats_median a = mae_stats_median_of(changed, switches), b = mae_stats_median_of(kept, frames);
        printf("with a change: %.2f us (%.2f to %.2f), without: %.2f us (%.2f to %.2f); 99th percentile %.2f and %.2f "
               "us; %zu of %zu frames on another mapping\n",
               a.median, a.low, a.high, b.median, b.low, b.high, mae_stats_quantile(changed, switches, 0.99),
               mae_stats_quantile(kept, frames, 0.99), switches, frames);
    }
    free(changed);
    free(kept);
    return good;
}

int main(int argc, char **argv)
{
    mae_context *context = NULL;
    mae_model *model = NULL;
    mae_profile *profile = NULL;
    mae_live *live = NULL;
    if (argc < 2)
        return 2;
    const mae_context_options options = {.threads = 1, .pes = "cpu/ort,cpu/onednn"};
    mae_policy_params params = MAE_POLICY_PARAMS_INIT;
    params.drift_alarm = 1e9; /* the figures are made up, and stay */
    const mae_live_options live_options = {.params = &params, .timeout_ms = 10000, .root = "/"};
    size_t frames = argc > 2 ? (size_t)atoi(argv[2]) : 1000;
    bool good = fine(mae_context_create(&options, &context)) &&
                fine(mae_model_open(context, argv[1], NULL, 0, &model)) && make_profile(context, model, &profile) &&
                fine(mae_live_open(context, model, profile, &live_options, &live)) && warm_up(live) &&
                measure(live, frames);
    mae_live_close(live);
    mae_profile_destroy(profile);
    mae_model_close(model);
    mae_context_destroy(context);
    return good ? 0 : 1;
}
