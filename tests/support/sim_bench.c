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
#include "meters/hwmon/hwmon.h"
#include "meters/powercap/powercap.h"

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
        if (!spec->meter)
            cost.energy_mj =
                spec->static_w >= 0 && cost.supported ? cost.time_ms * (1 + 4 * mae_rng_uniform(&bench->rng)) : 0;
        cost.time_ms = measured(&bench->rng, cost.time_ms, spec->profile_noise);
        cost.spread_ms = 1.96 * spec->profile_noise * truth->costs[i].time_ms;
        mae_profile_set_cost(bench->told, (int)(i / truth->n_pes), (int)(i % truth->n_pes), &cost);
    }
    if (spec->static_w >= 0 && !spec->meter)
        succeed(mae_profile_set_soc(bench->told, "virtual", "", spec->static_w, MAE_ENERGY_MODEL));
}

static void open_pes(sim_bench *bench, const sim_bench_spec *spec)
{
    char noise[32], seed[32], power_noise[32];
    snprintf(noise, sizeof noise, "%.6f", spec->noise);
    snprintf(power_noise, sizeof power_noise, "%.6f", spec->power_noise);
    const mae_backend *backend = mae_module_backend(bench->world.module);
    for (size_t p = 0; p < bench->world.n_pes; p++) {
        snprintf(seed, sizeof seed, "%d", (int)(spec->world.seed * 17 + p + 1));
        const mae_option options[] = {{"noise", noise},
                                      {"seed", seed},
                                      {"power_noise", power_noise},
                                      {"meter_root", bench->tree.root},
                                      {"meter", spec->meter},
                                      {"rails", spec->one_rail ? "one" : "per-pe"},
                                      {"meter_period_ms", spec->meter_period_ms ? spec->meter_period_ms : "1"}};
        sim_world_open_pe(&bench->world, (int)p, options, spec->meter ? 7 : 3);
        const char *name = bench->world.names[p];
        bench->infos[p] = (mae_pe_info){.name = name,
                                        .resource = bench->world.profile->pes[p].resource,
                                        .backend = "sim",
                                        .precision = "f32",
                                        .engine = "virtual"};
        bench->pes[p] = (mae_context_pe){.pe = bench->world.pes[p], .backend = backend};
    }
}

/* As contexts have it: their clocks are asked with the context itself. */
static uint64_t context_now_ns(void *ctx)
{
    const mae_context *context = ctx;
    return context->clock_service->now_ns(context->clock_pe);
}

static size_t find_rail(const sim_bench *bench, const char *name, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(bench->rails[i], name) == 0)
            return i;
    fail_msg("no rail %s", name);
    return 0;
}

static void open_meter(sim_bench *bench, const sim_bench_spec *spec)
{
    const mae_meter_driver *driver = strcmp(spec->meter, "powercap") == 0 ? &mae_meter_powercap : &mae_meter_hwmon;
    mae_context *context = &bench->context;
    const mae_rail *rails;
    context->arena = mae_arena_create();
    assert_non_null(context->arena);
    succeed(driver->open(bench->tree.root, &context->meter));
    size_t n = driver->rails(context->meter, &rails);
    assert_true(n <= SIM_WORLD_MOST_PES + 1);
    for (size_t i = 0; i < n; i++)
        bench->rails[i] = rails[i].name;
    for (size_t p = 0; p < bench->world.n_pes; p++) {
        const char *name = spec->one_rail ? "VDD_IN" : bench->infos[p].resource;
        bench->rails_of[p] = find_rail(bench, name, n);
        bench->pes[p].rails = &bench->rails_of[p];
        bench->pes[p].n_rails = 1;
    }
    bench->soc = (mae_soc){.file = "virtual",
                           .name = "virtual",
                           .mode = "",
                           .meter = driver->name,
                           .meter_root = bench->tree.root,
                           .static_w = -1,
                           .n_static_rails = n,
                           .static_rails = bench->rails};
    context->soc = &bench->soc;
    context->clock_pe = bench->world.pes[0];
    context->clock_service = mae_module_backend(bench->world.module)->service(MAE_CLOCK_SERVICE);
    context->clock = (mae_program_clock){context_now_ns, context};
}

void sim_bench_open(const sim_bench_spec *spec, sim_bench *bench)
{
    *bench = (sim_bench){.rng = {spec->world.seed * 1000 + 7}};
    sim_world_make(&spec->world, &bench->world);
    if (spec->meter)
        tree_make(&bench->tree);
    open_pes(bench, spec);
    bench->context = (mae_context){.threads = 1,
                                   .n_pes = bench->world.n_pes,
                                   .infos = bench->infos,
                                   .pes = bench->pes,
                                   .reference = bench->world.pes[0], /* the first PE runs everything */
                                   .clock = bench->world.clock};
    bench->model = (mae_model){.context = &bench->context, .graph = (mae_graph *)bench->world.graph};
    if (spec->meter)
        open_meter(bench, spec);
    tell(bench, spec);
}

void sim_bench_close(sim_bench *bench)
{
    mae_profile_destroy(bench->told);
    if (bench->context.meter)
        bench->context.meter->driver->close(bench->context.meter);
    mae_arena_destroy(bench->context.arena);
    sim_world_finish(&bench->world);
    if (*bench->tree.root)
        tree_finish(&bench->tree);
}

mae_prediction sim_bench_truth(const sim_bench *bench, const int *mapping, double period_ms)
{
    mae_prediction cost;
    succeed(mae_eval(bench->world.profile, mapping, period_ms, &cost));
    return cost;
}

double sim_bench_true_ms(const sim_bench *bench, const int *mapping)
{
    return sim_bench_truth(bench, mapping, 0).latency_ms;
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
