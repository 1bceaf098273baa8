#include "support/sim_bench.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/cost.h"

static void succeed(mae_error *error)
{
    if (error)
        fail_msg("%s (%s)", mae_error_message(error), mae_error_origin(error));
}

/* A figure as somebody measured it, with the half-width that belongs to that error. */
static double measured(mae_rng *rng, double truth, double noise)
{
    double value = truth * (1 + noise * mae_rng_normal(rng));
    return value > 0 ? value : 0;
}

static void tell(sim_bench *bench, const sim_bench_spec *spec)
{
    const mae_profile *truth = bench->world.profile;
    succeed(mae_profile_clone(truth, &bench->told));
    for (size_t i = 0; i < truth->n_layers * truth->n_pes; i++) {
        mae_cost cost = truth->costs[i];
        cost.energy_mj =
            spec->static_w >= 0 && cost.supported ? cost.time_ms * (1 + 4 * mae_rng_uniform(&bench->rng)) : 0;
        cost.time_ms = measured(&bench->rng, cost.time_ms, spec->profile_noise);
        cost.spread_ms = 1.96 * spec->profile_noise * truth->costs[i].time_ms;
        mae_profile_set_cost(bench->told, (int)(i / truth->n_pes), (int)(i % truth->n_pes), &cost);
    }
    if (spec->static_w >= 0)
        succeed(mae_profile_set_soc(bench->told, "virtual", "", spec->static_w, MAE_ENERGY_MODEL));
}

static void open_pes(sim_bench *bench, const sim_bench_spec *spec)
{
    char noise[32], seed[32];
    snprintf(noise, sizeof noise, "%.6f", spec->noise);
    const mae_backend *backend = mae_module_backend(bench->world.module);
    for (size_t p = 0; p < bench->world.n_pes; p++) {
        snprintf(seed, sizeof seed, "%d", (int)(spec->world.seed * 17 + p + 1));
        const mae_option options[] = {{"noise", noise}, {"seed", seed}};
        sim_world_open_pe(&bench->world, (int)p, options, 2);
        const char *name = bench->world.names[p];
        bench->infos[p] = (mae_pe_info){.name = name,
                                        .resource = bench->world.profile->pes[p].resource,
                                        .backend = "sim",
                                        .precision = "f32",
                                        .engine = "virtual"};
        bench->pes[p] = (mae_context_pe){.pe = bench->world.pes[p], .backend = backend};
    }
}

void sim_bench_open(const sim_bench_spec *spec, sim_bench *bench)
{
    *bench = (sim_bench){.rng = {spec->world.seed * 1000 + 7}};
    sim_world_make(&spec->world, &bench->world);
    open_pes(bench, spec);
    bench->context = (mae_context){.threads = 1,
                                   .n_pes = bench->world.n_pes,
                                   .infos = bench->infos,
                                   .pes = bench->pes,
                                   .reference = bench->world.pes[0], /* the first PE runs everything */
                                   .clock = bench->world.clock};
    bench->model = (mae_model){.context = &bench->context, .graph = (mae_graph *)bench->world.graph};
    tell(bench, spec);
}

void sim_bench_close(sim_bench *bench)
{
    mae_profile_destroy(bench->told);
    sim_world_finish(&bench->world);
}

double sim_bench_true_ms(const sim_bench *bench, const int *mapping)
{
    mae_prediction cost;
    succeed(mae_eval(bench->world.profile, mapping, 0, &cost));
    return cost.latency_ms;
}

double sim_bench_best_single_ms(const sim_bench *bench)
{
    const mae_profile *truth = bench->world.profile;
    int *mapping = calloc(truth->n_layers, sizeof *mapping);
    assert_non_null(mapping);
    double best = INFINITY;
    for (size_t p = 0; p < truth->n_pes; p++) {
        bool complete = true;
        for (size_t l = 0; l < truth->n_layers; l++) {
            mapping[l] = (int)p;
            complete = complete && truth->costs[l * truth->n_pes + p].supported;
        }
        if (complete)
            best = fmin(best, sim_bench_true_ms(bench, mapping));
    }
    free(mapping);
    return best;
}
