/* Virtual SoCs for tests: random networks with random costs, and PEs that pace them. */
#ifndef MAE_TESTS_SIM_WORLD_H
#define MAE_TESTS_SIM_WORLD_H

#include "backends/sim/sim.h"
#include "base/stats.h"
#include "core/cost.h"
#include "core/profile.h"
#include "pe/module.h"
#include "pe/program.h"

#define SIM_WORLD_MOST_PES 6

typedef struct sim_world_spec {
    uint64_t seed;
    int layers, pes;
    double unsupported; /* chance that a PE does not run a layer; the first PE runs all */
    bool chain;         /* every layer takes the one before it */
    bool branches;      /* not even that: layers depend on any few before them */
    bool host;          /* graph inputs and outputs live on a PE */
    bool rows;          /* some segment rows */
    bool overrides;     /* some transfers of single tensors */
    bool energy;        /* every cost has one */
    double static_w;    /* with energy */
    bool shared;        /* all PEs on one resource */
    bool pairs;         /* two PEs a resource each */
    bool contention;    /* PEs of different resources slow each other down */
} sim_world_spec;

typedef struct sim_world {
    char path[64]; /* of the profile file */
    mae_profile *profile;
    const mae_graph *graph;
    mae_module *module;
    const mae_sim_service *service;
    size_t n_pes;
    mae_pe *pes[SIM_WORLD_MOST_PES];
    const char *names[SIM_WORLD_MOST_PES];
    mae_program_clock clock;
} sim_world;

/* All times are whole nanoseconds, so that the virtual clock loses nothing. PEs are not open yet. */
void sim_world_make(const sim_world_spec *spec, sim_world *world);
/* The same from a profile. */
void sim_world_of(const mae_profile *profile, sim_world *world);
void sim_world_open_pe(sim_world *world, int pe, const mae_option *options, size_t n);
void sim_world_open_all(sim_world *world, const mae_option *options, size_t n);
void sim_world_finish(sim_world *world);

/* A random mapping that the profile allows. */
void sim_world_mapping(const sim_world *world, mae_rng *rng, int *mapping);

/* A program over the whole network; fails the test when there is none. */
mae_program *sim_world_program(const sim_world *world, const int *mapping, const bool *cuts);

/* What the formula of docs/formats.md says a frame of the mapping costs. */
mae_prediction sim_world_formula(const sim_world *world, const int *mapping);

/* Runs one frame; its latency in ms by the world's clock. */
double sim_world_frame_ms(const sim_world *world, mae_program *program);

#endif
