/* The virtual SoC (backends/sim/sim.h): its time is the cost formula's, its values are the mapping's not. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "core/cost.h"
#include "support/sim_world.h"

#define MOST_LAYERS 40

static double formula_ms(const sim_world *world, const int *mapping)
{
    mae_cost_index index;
    mae_prediction cost;
    assert_null(mae_cost_index_init(&index, world->profile));
    assert_null(mae_cost_of(&index, mapping, 0, &cost));
    mae_cost_index_finish(&index);
    return cost.latency_ms;
}

static void times_are_the_cost_formula(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 24; seed++) {
        sim_world_spec spec = {.seed = seed,
                               .layers = 8 + (int)seed,
                               .pes = 2 + (int)(seed % 3),
                               .unsupported = 0.2,
                               .chain = seed % 5 == 0,
                               .host = seed % 2,
                               .rows = seed % 3 == 0,
                               .overrides = seed % 4 == 0};
        sim_world world;
        sim_world_make(&spec, &world);
        sim_world_open_all(&world, NULL, 0);
        mae_rng rng = {seed};
        for (int i = 0; i < 10; i++) {
            int mapping[MOST_LAYERS];
            sim_world_mapping(&world, &rng, mapping);
            mae_program *program = sim_world_program(&world, mapping, NULL);
            double expected = formula_ms(&world, mapping);
            for (int frame = 0; frame < 3; frame++)
                assert_true(fabs(sim_world_frame_ms(&world, program) - expected) <= 3e-6 + 1e-9 * expected);
            mae_program_destroy(program);
        }
        sim_world_finish(&world);
    }
}

/* All outputs of the network, one after the other. */
static unsigned char *outputs_of(const sim_world *world, mae_program *program, size_t *ret_size)
{
    size_t size = 0;
    for (size_t i = 0; i < world->graph->n_outputs; i++)
        size += world->graph->tensors[world->graph->outputs[i]].bytes;
    unsigned char *bytes = malloc(size);
    assert_non_null(bytes);
    size_t used = 0;
    for (size_t i = 0; i < world->graph->n_outputs; i++) {
        const void *data;
        mae_shape shape;
        size_t n = world->graph->tensors[world->graph->outputs[i]].bytes;
        assert_null(mae_program_read(program, world->graph->outputs[i], &data, &shape));
        memcpy(bytes + used, data, n);
        used += n;
    }
    *ret_size = size;
    return bytes;
}

static void values_do_not_depend_on_the_mapping(void **state)
{
    (void)state;
    for (uint64_t seed = 100; seed < 105; seed++) {
        sim_world_spec spec = {.seed = seed, .layers = 30, .pes = 3, .unsupported = 0.3};
        sim_world world;
        sim_world_make(&spec, &world);
        sim_world_open_all(&world, NULL, 0);
        int mapping[MOST_LAYERS] = {0};
        mae_program *program = sim_world_program(&world, mapping, NULL);
        sim_world_frame_ms(&world, program);
        size_t size, other_size;
        unsigned char *reference = outputs_of(&world, program, &size);
        mae_rng rng = {seed};
        for (int i = 0; i < 50; i++) {
            bool cuts[MOST_LAYERS];
            for (int l = 0; l < MOST_LAYERS; l++)
                cuts[l] = mae_rng_uniform(&rng) < 0.2;
            sim_world_mapping(&world, &rng, mapping);
            mae_program *mixed = sim_world_program(&world, mapping, cuts);
            sim_world_frame_ms(&world, mixed);
            unsigned char *values = outputs_of(&world, mixed, &other_size);
            assert_int_equal(size, other_size);
            assert_memory_equal(values, reference, size);
            free(values);
            mae_program_destroy(mixed);
        }
        /* They do depend on the inputs. */
        assert_null(mae_program_fill(program, 2));
        sim_world_frame_ms(&world, program);
        unsigned char *changed = outputs_of(&world, program, &other_size);
        assert_memory_not_equal(changed, reference, size);
        free(changed);
        free(reference);
        mae_program_destroy(program);
        sim_world_finish(&world);
    }
}

static void layer_times_are_the_profile(void **state)
{
    (void)state;
    sim_world_spec spec = {.seed = 7, .layers = 12, .pes = 2};
    sim_world world;
    sim_world_make(&spec, &world);
    static const mae_option slow[] = {{"slow", "2"}};
    sim_world_open_all(&world, slow, 1);
    int mapping[MOST_LAYERS] = {0};
    mae_program *program = sim_world_program(&world, mapping, NULL);
    for (int i = 0; i < 5; i++)
        sim_world_frame_ms(&world, program);
    double layers[MOST_LAYERS], in[1], out[MOST_LAYERS];
    mae_layer_times times = {.layer_ns = layers, .input_ns = in, .output_ns = out};
    mae_unit *unit = mae_program_unit(program, 0);
    assert_null(world.pes[0]->ops->layer_ns(unit, 2, &times));
    assert_int_equal(times.runs, 3);
    double sum = times.other_ns;
    for (int l = 0; l < 12; l++) {
        assert_true(fabs(layers[l] - 2e6 * world.profile->costs[l * 2].time_ms) < 1e-3);
        sum += layers[l];
    }
    assert_true(fabs(times.other_ns - 2e6 * world.profile->pes[0].segment_ms) < 1e-3);
    assert_true(fabs(sum - times.total_ns) < 1e-3); /* no host: nothing moves */
    mae_error *error = world.pes[0]->ops->layer_ns(unit, 5, &times);
    assert_int_equal(mae_error_code(error), MAE_ERR_USAGE);
    mae_error_free(error);
    mae_program_destroy(program);
    sim_world_finish(&world);
}

static void noise_is_as_asked_and_reproducible(void **state)
{
    (void)state;
    sim_world_spec spec = {.seed = 8, .layers = 10, .pes = 1};
    double first[2] = {0};
    for (int again = 0; again < 2; again++) {
        sim_world world;
        sim_world_make(&spec, &world);
        static const mae_option noisy[] = {{"noise", "0.1"}, {"seed", "5"}};
        sim_world_open_all(&world, noisy, 2);
        int mapping[MOST_LAYERS] = {0};
        mae_program *program = sim_world_program(&world, mapping, NULL);
        double expected = formula_ms(&world, mapping), sum = 0, squares = 0;
        for (int i = 0; i < 2000; i++) {
            double d = sim_world_frame_ms(&world, program) / expected - 1;
            first[again] = i == 0 ? d : first[again];
            sum += d;
            squares += d * d;
        }
        assert_true(fabs(sum / 2000) < 0.01); /* 4.5 standard errors */
        assert_true(fabs(sqrt(squares / 2000) - 0.1) < 0.01);
        mae_program_destroy(program);
        sim_world_finish(&world);
    }
    assert_true(first[0] == first[1] && first[0] != 0);
}

static void real_clock_takes_its_time(void **state)
{
    (void)state;
    sim_world_spec spec = {.seed = 9, .layers = 10, .pes = 2};
    sim_world world;
    sim_world_make(&spec, &world);
    mae_option options[] = {{"profile", world.path}};
    for (int p = 0; p < 2; p++) {
        mae_pe_config config = {
            .name = world.names[p], .resource = "r", .threads = 1, .options = options, .n_options = 1};
        assert_null(mae_module_backend(world.module)->open(&config, &world.pes[p]));
    }
    world.clock.now_ns = NULL;
    int mapping[MOST_LAYERS] = {0, 0, 0, 1, 1, 1, 1, 0, 0, 0};
    mae_program *program = sim_world_program(&world, mapping, NULL);
    double expected = formula_ms(&world, mapping);
    mae_program_stamp stamps[3];
    assert_null(mae_program_run(program, stamps));
    assert_true((double)(stamps[2].end_ns - stamps[0].begin_ns) >= expected * 1e6); /* no sooner */
    mae_program_destroy(program);
    sim_world_finish(&world);
}

static void supports_follows_the_profile(void **state)
{
    (void)state;
    sim_world_spec spec = {.seed = 10, .layers = 30, .pes = 2, .unsupported = 0.5};
    sim_world world;
    sim_world_make(&spec, &world);
    sim_world_open_all(&world, NULL, 0);
    int refused = -1;
    for (int l = 0; l < 30; l++) {
        const char *reason = NULL;
        bool supported = world.pes[1]->ops->supports(world.pes[1], world.graph, l, &reason);
        assert_int_equal(supported, world.profile->costs[l * 2 + 1].supported);
        assert_int_equal(supported, reason == NULL);
        refused = supported ? refused : l;
    }
    assert_true(refused >= 0);
    int mapping[MOST_LAYERS] = {0};
    mapping[refused] = 1;
    mae_program_spec program_spec = {
        .graph = world.graph, .pes = world.pes, .mapping = mapping, .first = 0, .last = 29, .pe_names = world.names};
    mae_program *program = NULL;
    mae_error *error = mae_program_create(&program_spec, &program);
    assert_int_equal(mae_error_code(error), MAE_ERR_UNSUPPORTED);
    mae_error_free(error);
    sim_world_finish(&world);
}

static void refuse_options(sim_world *world, const char *key, const char *value, const char *name)
{
    mae_option options[] = {{"profile", world->path}, {"clock", "virtual"}, {key, value}};
    mae_pe_config config = {.name = name, .resource = "r", .threads = 1, .options = options, .n_options = 3};
    mae_pe *pe = NULL;
    mae_error *error = mae_module_backend(world->module)->open(&config, &pe);
    assert_int_equal(mae_error_code(error), MAE_ERR_USAGE);
    assert_null(pe);
    mae_error_free(error);
}

static void bad_options_are_refused(void **state)
{
    (void)state;
    sim_world_spec spec = {.seed = 11, .layers = 3, .pes = 1};
    sim_world world;
    sim_world_make(&spec, &world);
    refuse_options(&world, "colour", "red", "pe0");
    refuse_options(&world, "clock", "sundial", "pe0");
    refuse_options(&world, "slow", "fast", "pe0");
    refuse_options(&world, "slow", "0", "pe0");
    refuse_options(&world, "noise", "nan", "pe0");
    refuse_options(&world, "fail_at", "night", "pe0");
    refuse_options(&world, "pe", "pe7", "pe0");
    refuse_options(&world, "seed", "1", "nobody");
    sim_world_open_all(&world, NULL, 0);
    refuse_options(&world, "clock", "real", "pe0"); /* its SoC is open with a virtual one */
    sim_world other;
    spec.seed = 12;
    sim_world_make(&spec, &other);
    refuse_options(&other, "soc", world.path, "pe0"); /* and with another profile */
    sim_world_finish(&other);

    const mae_backend *backend = mae_module_backend(world.module);
    mae_pe_config config = {.name = "pe0", .resource = "r", .threads = 1};
    mae_pe *pe = NULL;
    mae_error *error = backend->open(&config, &pe);
    assert_int_equal(mae_error_code(error), MAE_ERR_USAGE);
    mae_error_free(error);
    mae_option missing[] = {{"profile", "/nonexistent/profile.json"}};
    config.options = missing;
    config.n_options = 1;
    error = backend->open(&config, &pe);
    assert_int_equal(mae_error_code(error), MAE_ERR_INPUT);
    mae_error_free(error);
    const mae_pe_found *found = NULL;
    size_t n = 0;
    error = backend->probe(&found, &n);
    assert_int_equal(mae_error_code(error), MAE_ERR_FAILED);
    mae_error_free(error);
    assert_null(backend->service("no such service"));
    sim_world_finish(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_the_cost_formula),  cmocka_unit_test(values_do_not_depend_on_the_mapping),
        cmocka_unit_test(layer_times_are_the_profile), cmocka_unit_test(noise_is_as_asked_and_reproducible),
        cmocka_unit_test(real_clock_takes_its_time),   cmocka_unit_test(supports_follows_the_profile),
        cmocka_unit_test(bad_options_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
