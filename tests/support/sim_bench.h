/* A bench on a virtual SoC whose truth is known: what the bench is told of it is the truth with measurement errors. */
#ifndef MAE_TESTS_SIM_BENCH_H
#define MAE_TESTS_SIM_BENCH_H

#include "session/bench.h"
#include "support/sim_world.h"
#include "support/tree.h"

typedef struct sim_bench_spec {
    sim_world_spec world;
    double noise;         /* of a run: relative standard deviation */
    double profile_noise; /* of the figures that the bench is told */
    double static_w;      /* with energies: of the platform; below 0: the profile has no energy */
    /* A world with energies (world.energy, world.static_w) may have a meter: "hwmon", "energy", "powercap". What is
     * told are then the true energies. */
    const char *meter, *meter_period_ms;
    bool one_rail;
    double power_noise;
} sim_bench_spec;

typedef struct sim_bench {
    sim_world world; /* its profile is the truth */
    mae_context context;
    mae_model model;
    mae_pe_info infos[SIM_WORLD_MOST_PES];
    mae_context_pe pes[SIM_WORLD_MOST_PES];
    mae_profile *told;
    mae_rng rng;
    /* with a meter: */
    test_tree tree;
    mae_soc soc;
    const char *rails[SIM_WORLD_MOST_PES + 1]; /* all there are */
    size_t rails_of[SIM_WORLD_MOST_PES + 1];   /* per PE; then unused */
} sim_bench;

void sim_bench_open(const sim_bench_spec *spec, sim_bench *bench);
void sim_bench_close(sim_bench *bench);

/* What a mapping truly costs; J of a goal by the truth. */
double sim_bench_true_ms(const sim_bench *bench, const int *mapping);
mae_prediction sim_bench_truth(const sim_bench *bench, const int *mapping, double period_ms);
/* The best single PE that runs everything: its J; infinity if there is none. */
double sim_bench_best_single_ms(const sim_bench *bench);

#endif
