/* Values on the virtual SoC: tags that tell when a layer was left out or given the wrong input, and the reference
 * engine's when asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/graph.h"
#include "support/engines.h"
#include "support/sim_world.h"

#define LAYERS 24

static const int first_pe[LAYERS] = {0};

/* Every layer a segment of its own. */
static mae_program *all_cut(const sim_world *world)
{
    bool cuts[LAYERS];
    for (int l = 0; l < LAYERS; l++)
        cuts[l] = true;
    return sim_world_program(world, first_pe, cuts);
}

/* All outputs of the network, one after the other. */
static unsigned char *outputs_of(const mae_graph *graph, mae_program *program, size_t *ret_size)
{
    size_t size = 0, used = 0;
    for (size_t i = 0; i < graph->n_outputs; i++)
        size += graph->tensors[graph->outputs[i]].bytes;
    unsigned char *bytes = malloc(size);
    assert_non_null(bytes);
    for (size_t i = 0; i < graph->n_outputs; i++) {
        const void *data;
        mae_shape shape;
        size_t n = graph->tensors[graph->outputs[i]].bytes;
        test_ok(mae_program_read(program, graph->outputs[i], &data, &shape));
        memcpy(bytes + used, data, n);
        used += n;
    }
    *ret_size = size;
    return bytes;
}

static void run_unit(mae_program *program, size_t i)
{
    mae_unit *unit = mae_program_unit(program, i);
    test_ok(unit->pe->ops->run(unit));
}

/* Do the outputs equal those of a frame that went as it should? */
static bool are_right(const sim_world *world, mae_program *program, const unsigned char *right)
{
    size_t size;
    unsigned char *values = outputs_of(world->graph, program, &size);
    bool equal = memcmp(values, right, size) == 0;
    free(values);
    return equal;
}

static void tags_tell_what_went_wrong(void **state)
{
    (void)state;
    sim_world_spec spec = {.seed = 21, .layers = LAYERS, .pes = 1};
    sim_world world;
    sim_world_make(&spec, &world);
    sim_world_open_all(&world, NULL, 0);
    mae_program *program = all_cut(&world);
    test_ok(mae_program_fill(program, 2));
    test_ok(mae_program_run(program, NULL));
    size_t size;
    unsigned char *right = outputs_of(world.graph, program, &size);
    assert_int_equal(mae_program_n_segments(program), LAYERS);
    for (size_t wrong = 0; wrong < LAYERS; wrong++) {
        /* A frame with another input, then one with a layer left out. */
        test_ok(mae_program_fill(program, 3));
        test_ok(mae_program_run(program, NULL));
        test_ok(mae_program_fill(program, 2));
        for (size_t i = 0; i < LAYERS; i++)
            if (i != wrong)
                run_unit(program, i);
        assert_false(are_right(&world, program, right));
        /* Only a frame without the mistake puts it right. */
        test_ok(mae_program_run(program, NULL));
        assert_true(are_right(&world, program, right));
        /* One element of one of the layer's inputs has changed. */
        for (size_t i = 0; i < LAYERS; i++) {
            const mae_layer *layer = &world.graph->layers[wrong];
            mae_buffer *buffer = mae_program_buffer(program, layer->inputs[layer->n_inputs - 1]);
            assert_non_null(buffer);
            if (i == wrong)
                ((unsigned char *)buffer->host)[0] ^= 1;
            run_unit(program, i);
            if (i == wrong)
                ((unsigned char *)buffer->host)[0] ^= 1;
        }
        assert_false(are_right(&world, program, right));
        test_ok(mae_program_run(program, NULL));
    }
    free(right);
    mae_program_destroy(program);
    sim_world_finish(&world);
}

/* Values cannot tell a layer that ran twice on the same inputs; counts can. */
static void runs_of_layers_are_counted(void **state)
{
    (void)state;
    sim_world_spec spec = {.seed = 22, .layers = LAYERS, .pes = 2};
    sim_world world;
    sim_world_make(&spec, &world);
    sim_world_open_all(&world, NULL, 0);
    mae_program *program = all_cut(&world);
    int mapping[LAYERS];
    for (int l = 0; l < LAYERS; l++)
        mapping[l] = l > 5 && l < 11;
    mae_program *mixed = sim_world_program(&world, mapping, NULL);
    for (int i = 0; i < 3; i++)
        test_ok(mae_program_run(program, NULL));
    test_ok(mae_program_run(mixed, NULL));
    for (int l = 0; l < LAYERS; l++)
        assert_int_equal(world.service->layer_runs(world.pes[l % 2], l), 4);
    run_unit(program, 7);
    for (int l = 0; l < LAYERS; l++)
        assert_int_equal(world.service->layer_runs(world.pes[0], l), 4 + (l == 7));
    mae_program_destroy(program);
    mae_program_destroy(mixed);
    sim_world_finish(&world);
}

/* ---- the reference's values ---- */

/* A profile of the graph on two PEs that run everything, in a file. */
static void write_profile(const mae_graph *graph, char *path)
{
    static const mae_profile_pe pes[2] = {{.name = "a", .resource = "a", .backend = "sim", .precision = ""},
                                          {.name = "b", .resource = "b", .backend = "sim", .precision = ""}};
    mae_profile *profile = NULL;
    test_ok(mae_profile_create(graph, pes, 2, &profile));
    const mae_transfer move = {.crossable = true, .fixed_ms = 0.1};
    mae_profile_set_transfer(profile, 0, 1, &move);
    mae_profile_set_transfer(profile, 1, 0, &move);
    for (int l = 0; l < (int)graph->n_layers; l++) {
        for (int p = 0; p < 2; p++) {
            const mae_cost cost = {.supported = true, .time_ms = 1 + p};
            mae_profile_set_cost(profile, l, p, &cost);
        }
    }
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    test_ok(mae_profile_write(profile, path));
    mae_profile_destroy(profile);
}

static mae_pe *open_sim(const mae_backend *backend, const char *path, const char *name)
{
    const mae_option options[] = {{"profile", path}, {"clock", "virtual"}, {"outputs", "reference"}};
    const mae_pe_config config = {.name = name, .resource = name, .threads = 1, .options = options, .n_options = 3};
    mae_pe *pe = NULL;
    test_ok(backend->open(&config, &pe));
    return pe;
}

/* The same cuts on the reference engine itself and on the virtual SoC: the same bits. */
static void compare_with_reference(const mae_graph *graph, mae_pe *ort, mae_pe *const *pes)
{
    int *mapping = calloc(graph->n_layers, sizeof *mapping), *zeros = calloc(graph->n_layers, sizeof *zeros);
    bool *cuts = calloc(graph->n_layers, sizeof *cuts);
    assert_true(mapping && zeros && cuts);
    for (size_t l = 0; l < graph->n_layers; l++) {
        mapping[l] = (int)(l / 2 % 2);
        cuts[l] = l % 2 == 0;
    }
    mae_program *programs[2];
    for (int i = 0; i < 2; i++) {
        mae_program_spec spec = {.graph = graph,
                                 .pes = i ? pes : &ort,
                                 .mapping = i ? mapping : zeros,
                                 .cuts = cuts,
                                 .last = (int)graph->n_layers - 1};
        test_ok(mae_program_create(&spec, &programs[i]));
        test_ok(mae_program_fill(programs[i], 5));
        test_ok(mae_program_run(programs[i], NULL));
    }
    size_t size, other_size;
    unsigned char *expected = outputs_of(graph, programs[0], &size);
    unsigned char *values = outputs_of(graph, programs[1], &other_size);
    assert_int_equal(size, other_size);
    assert_memory_equal(values, expected, size);
    for (size_t i = 0; i < size && expected[i] == 0; i++)
        assert_true(i + 1 < size); /* they are not all zero */
    free(expected);
    free(values);
    for (int i = 0; i < 2; i++)
        mae_program_destroy(programs[i]);
    free(mapping);
    free(zeros);
    free(cuts);
}

static void reference_outputs_are_the_reference_s(void **state)
{
    (void)state;
    static const char *const models[] = {"tiny.onnx", "two_inputs.onnx"};
    test_engine ort;
    if (!test_engine_open("ort", 1, &ort))
        skip();
    mae_module *module = NULL;
    test_ok(mae_module_load("sim", &module));
    const mae_sim_service *service = mae_module_backend(module)->service(MAE_SIM_SERVICE);
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        char path[512], profile[] = "/tmp/mae-values-XXXXXX";
        snprintf(path, sizeof path, "%s/tests/data/models/%s", getenv("MAE_SOURCE_DIR"), models[i]);
        mae_graph *graph = test_import(path);
        write_profile(graph, profile);
        mae_pe *pes[2] = {open_sim(mae_module_backend(module), profile, "a"),
                          open_sim(mae_module_backend(module), profile, "b")};
        assert_true(pes[0]->rel_tolerance == ort.pe->rel_tolerance);
        compare_with_reference(graph, ort.pe, pes);
        assert_true(service->now_ns(pes[0]) >= 1000000); /* and time has passed */
        for (int p = 0; p < 2; p++)
            pes[p]->ops->close(pes[p]);
        mae_onnx_graph_destroy(graph);
        unlink(profile);
    }
    mae_module_close(module);
    test_engine_close(&ort);
}

static void references_that_are_none_are_refused(void **state)
{
    (void)state;
    sim_world_spec spec = {.seed = 23, .layers = 3, .pes = 1};
    sim_world world;
    sim_world_make(&spec, &world);
    const char *const names[] = {"sim", "no-such-engine"};
    const mae_code codes[] = {MAE_ERR_USAGE, MAE_ERR_FAILED};
    for (int i = 0; i < 2; i++) {
        const mae_option options[] = {{"profile", world.path}, {"outputs", "reference"}, {"reference", names[i]}};
        const mae_pe_config config = {.name = "pe0", .resource = "r", .threads = 1, .options = options, .n_options = 3};
        mae_pe *pe = NULL;
        test_error(mae_module_backend(world.module)->open(&config, &pe), codes[i]);
    }
    sim_world_finish(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tags_tell_what_went_wrong),
        cmocka_unit_test(runs_of_layers_are_counted),
        cmocka_unit_test(reference_outputs_are_the_reference_s),
        cmocka_unit_test(references_that_are_none_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
