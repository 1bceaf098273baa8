#include "support/sim_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int below(mae_rng *rng, int n)
{
    return (int)(mae_rng_uniform(rng) * n);
}

static bool chance(mae_rng *rng, double p)
{
    return mae_rng_uniform(rng) < p;
}

/* ---- the profile as text ---- */

/* ", "KEY": an energy", or nothing in a world without; multiples of 1/64 mJ add up exactly. */
static void write_mj(FILE *file, const sim_world_spec *spec, const char *key, int a, int b)
{
    unsigned hash = ((unsigned)spec->seed * 31u + (unsigned)a * 7u + (unsigned)b * 13u) * 2654435761u;
    if (spec->energy)
        fprintf(file, ", \"%s\": %.6f", key, (1 + (hash >> 8) % 500) / 64.0);
}

/* A transfer whose cost is whole nanoseconds for any multiple of 64 bytes. */
static void write_transfers(FILE *file, mae_rng *rng, const sim_world_spec *spec)
{
    int pes = spec->pes;
    fprintf(file, "\"transfers\": [");
    for (int from = 0; from < pes; from++) {
        for (int to = 0; to < pes; to++) {
            double ms_per_mib = 16.384 * (1 + below(rng, 9)), fixed_ms = 0.001 * (5 + below(rng, 40));
            fprintf(file, "%s{\"from\": \"pe%d\", \"to\": \"pe%d\", \"fixed_ms\": %.3f, \"ms_per_mib\": %.3f",
                    from || to ? ", " : "", from, to, fixed_ms, ms_per_mib);
            write_mj(file, spec, "fixed_mj", from, to + 10);
            write_mj(file, spec, "mj_per_mib", from, to + 20);
            fprintf(file, "}");
        }
    }
    fprintf(file, "],\n");
}

static int resource_of(const sim_world_spec *spec, int pe)
{
    return spec->shared ? 0 : spec->pairs ? pe / 2 : pe;
}

/* From 1 to 2.75 in quarters, by the seed alone. */
static void write_contention(FILE *file, const sim_world_spec *spec)
{
    const char *comma = "";
    fprintf(file, "\"contention\": [");
    for (int pe = 0; pe < spec->pes; pe++)
        for (int with = 0; with < spec->pes; with++) {
            unsigned hash = ((unsigned)spec->seed * 29u + (unsigned)pe * 5u + (unsigned)with * 11u) * 2654435761u;
            if (resource_of(spec, pe) == resource_of(spec, with))
                continue;
            fprintf(file, "%s{\"pe\": \"pe%d\", \"with\": \"pe%d\", \"factor\": %.2f}", comma, pe, with,
                    1 + (hash >> 8) % 8 / 4.0);
            comma = ", ";
        }
    fprintf(file, "],\n");
}

static void write_pes(FILE *file, mae_rng *rng, const sim_world_spec *spec)
{
    fprintf(file, "\"pes\": [");
    for (int p = 0; p < spec->pes; p++) {
        fprintf(file, "%s{\"name\": \"pe%d\", \"resource\": \"r%d\", \"backend\": \"sim\", \"segment_ms\": %.3f",
                p ? ", " : "", p, resource_of(spec, p), 0.001 * (3 + below(rng, 30)));
        write_mj(file, spec, "segment_mj", p, 30);
        fprintf(file, "}");
    }
    fprintf(file, "],\n");
}

/* Layer l gives tensor t<l>, and now and then a second one, u<l>. */
static void write_layer(FILE *file, mae_rng *rng, const sim_world_spec *spec, int l, bool *used, bool *second)
{
    fprintf(file, "%s{\"name\": \"layer%d\", \"op\": \"Conv\", \"inputs\": [", l ? ",\n  " : "", l);
    int n = l == 0 || spec->chain ? 1 : 1 + below(rng, 3), taken[3] = {-2, -2, -2};
    for (int i = 0; i < n; i++) {
        int reach = l < 6 ? l + spec->branches : 6,
            from = spec->chain || (i == 0 && !spec->branches) ? l - 1 : l - 1 - below(rng, reach);
        taken[i] = from;
        bool again = false;
        for (int k = 0; k < i; k++)
            again = again || taken[k] == from;
        if (again)
            continue;
        fprintf(file, from < 0 ? "%s\"x\"" : "%s\"t%d\"", i ? ", " : "", from);
        if (from >= 0)
            used[from] = true;
    }
    int other = l > 2 && !spec->chain ? below(rng, l) : -1;
    if (other >= 0 && second[other])
        fprintf(file, ", \"u%d\"", other);
    second[l] = !spec->chain && chance(rng, 0.2);
    fprintf(file,
            second[l] ? "], \"outputs\": [\"t%d\", \"u%d\"], \"cost\": {" : "], \"outputs\": [\"t%d\"], \"cost\": {", l,
            l);
    for (int p = 0; p < spec->pes; p++) {
        if (p > 0 && chance(rng, spec->unsupported))
            continue;
        fprintf(file, "%s\"pe%d\": {\"time_ms\": %.3f", p ? ", " : "", p, 0.001 * (50 + below(rng, 900)));
        write_mj(file, spec, "energy_mj", l + 100, p);
        fprintf(file, "}");
    }
    fprintf(file, "}}");
}

static void write_tensors(FILE *file, mae_rng *rng, int layers, const bool *second)
{
    fprintf(file, "\"tensors\": [{\"name\": \"x\", \"bytes\": 512, \"shape\": [1, 128], \"dtype\": \"f32\"}");
    for (int l = 0; l < layers; l++) {
        fprintf(file, ", {\"name\": \"t%d\", \"bytes\": %d}", l, 64 * (1 + below(rng, 48)));
        if (second[l])
            fprintf(file, ", {\"name\": \"u%d\", \"bytes\": %d}", l, 64 * (1 + below(rng, 8)));
    }
    fprintf(file, "],\n");
}

static void write_extras(FILE *file, mae_rng *rng, const sim_world_spec *spec)
{
    if (spec->rows) {
        fprintf(file,
                "\"segments\": [{\"pe\": \"pe0\", \"first\": \"layer0\", \"last\": \"layer%d\", \"time_ms\": 0.777",
                below(rng, spec->layers));
        write_mj(file, spec, "energy_mj", 1, 40);
        fprintf(file, "}],\n");
    }
    if (spec->overrides) {
        fprintf(file,
                "\"transfer_overrides\": [{\"tensor\": \"t0\", \"from\": \"pe0\", \"to\": \"pe0\", \"time_ms\": 0.111");
        write_mj(file, spec, "energy_mj", 1, 50);
        fprintf(file, "}, {\"tensor\": \"t1\", \"from\": \"pe0\", \"to\": \"pe%d\", \"time_ms\": 0.222",
                1 + below(rng, spec->pes - 1));
        write_mj(file, spec, "energy_mj", 2, 50);
        fprintf(file, "}],\n");
    }
    if (spec->contention)
        write_contention(file, spec);
    if (spec->host)
        fprintf(file, "\"host\": \"pe%d\",\n", below(rng, spec->pes));
}

static void write_outputs(FILE *file, int layers, const bool *used)
{
    fprintf(file, "\"inputs\": [\"x\"], \"outputs\": [");
    bool any = false;
    for (int l = 0; l < layers; l++) {
        if (!used[l])
            fprintf(file, "%s\"t%d\"", any ? ", " : "", l);
        any = any || !used[l];
    }
    fprintf(file, "]}\n");
}

static void write_profile(const char *path, const sim_world_spec *spec)
{
    FILE *file = fopen(path, "w");
    bool *used = calloc((size_t)spec->layers, sizeof *used), *second = calloc((size_t)spec->layers, sizeof *second);
    assert_true(file && used && second);
    mae_rng rng = {spec->seed};
    fprintf(file,
            "{\"format\": \"mae-profile\", \"version\": 1, \"model\": {\"name\": \"random\"}, "
            "\"soc\": {\"name\": \"virtual\", \"static_w\": %g}, \"energy_source\": \"%s\",\n",
            spec->static_w, spec->energy ? "model" : "none");
    write_pes(file, &rng, spec);
    write_transfers(file, &rng, spec);
    write_extras(file, &rng, spec);
    fprintf(file, "\"layers\": [");
    for (int l = 0; l < spec->layers; l++)
        write_layer(file, &rng, spec, l, used, second);
    fprintf(file, "],\n");
    write_tensors(file, &rng, spec->layers, second);
    write_outputs(file, spec->layers, used);
    assert_int_equal(fclose(file), 0);
    free(used);
    free(second);
}

/* ---- worlds ---- */

static void succeed(mae_error *error)
{
    if (error)
        fail_msg("%s (%s)", mae_error_message(error), mae_error_origin(error));
}

static uint64_t world_now_ns(void *ctx)
{
    const sim_world *world = ctx;
    return world->service->now_ns(world->pes[0]);
}

static void make_file(size_t pes, sim_world *world)
{
    assert_true(pes <= SIM_WORLD_MOST_PES);
    *world = (sim_world){.path = "/tmp/mae-world-XXXXXX", .n_pes = pes};
    int fd = mkstemp(world->path);
    assert_true(fd >= 0);
    close(fd);
}

static void take_file(sim_world *world)
{
    succeed(mae_profile_read(world->path, &world->profile));
    succeed(mae_profile_graph(world->profile, &world->graph));
    succeed(mae_module_load("sim", &world->module));
    world->service = mae_module_backend(world->module)->service(MAE_SIM_SERVICE);
    assert_non_null(world->service);
    world->clock = (mae_program_clock){world_now_ns, world};
    for (size_t p = 0; p < world->n_pes; p++)
        world->names[p] = world->profile->pes[p].name;
}

void sim_world_make(const sim_world_spec *spec, sim_world *world)
{
    make_file((size_t)spec->pes, world);
    write_profile(world->path, spec);
    take_file(world);
}

void sim_world_of(const mae_profile *profile, sim_world *world)
{
    make_file(profile->n_pes, world);
    succeed(mae_profile_write(profile, world->path));
    take_file(world);
}

void sim_world_open_pe(sim_world *world, int pe, const mae_option *options, size_t n)
{
    mae_option all[16] = {{"profile", world->path}, {"clock", "virtual"}};
    assert_true(n + 2 <= sizeof all / sizeof *all);
    for (size_t i = 0; i < n; i++)
        all[2 + i] = options[i];
    mae_pe_config config = {
        .name = world->names[pe], .resource = "virtual", .threads = 1, .options = all, .n_options = n + 2};
    succeed(mae_module_backend(world->module)->open(&config, &world->pes[pe]));
}

void sim_world_open_all(sim_world *world, const mae_option *options, size_t n)
{
    for (size_t p = 0; p < world->n_pes; p++)
        sim_world_open_pe(world, (int)p, options, n);
}

void sim_world_finish(sim_world *world)
{
    for (size_t p = 0; p < world->n_pes; p++)
        if (world->pes[p])
            world->pes[p]->ops->close(world->pes[p]);
    mae_module_close(world->module);
    mae_profile_graph_destroy(world->graph);
    mae_profile_destroy(world->profile);
    unlink(world->path);
}

void sim_world_mapping(const sim_world *world, mae_rng *rng, int *mapping)
{
    for (size_t l = 0; l < world->profile->n_layers; l++) {
        /* Segments of a few layers, as plans have them. */
        int pe = l && chance(rng, 0.6) ? mapping[l - 1] : below(rng, (int)world->n_pes);
        mapping[l] = world->profile->costs[l * world->n_pes + (size_t)pe].supported ? pe : 0;
    }
}

mae_program *sim_world_program(const sim_world *world, const int *mapping, const bool *cuts)
{
    mae_program_spec spec = {.graph = world->graph,
                             .pes = world->pes,
                             .mapping = mapping,
                             .cuts = cuts,
                             .first = 0,
                             .last = (int)world->graph->n_layers - 1,
                             .pe_names = world->names,
                             .clock = world->clock};
    mae_program *program = NULL;
    succeed(mae_program_create(&spec, &program));
    succeed(mae_program_fill(program, 1));
    return program;
}

double sim_world_frame_ms(const sim_world *world, mae_program *program)
{
    uint64_t begin = world->clock.now_ns(world->clock.ctx);
    succeed(mae_program_run(program, NULL));
    return (double)(world->clock.now_ns(world->clock.ctx) - begin) * 1e-6;
}

mae_prediction sim_world_formula(const sim_world *world, const int *mapping)
{
    mae_prediction cost;
    succeed(mae_eval(world->profile, mapping, 0, &cost));
    return cost;
}
