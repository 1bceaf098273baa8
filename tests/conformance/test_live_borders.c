/* A live session hands tensors over as mae run does: for the same mapping they lie in the same layouts between the same
 * segments, on the engines that are here, and the outputs are the same. Networks are the tests' own and, where they
 * are, those of ../shared/models. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/stats.h"
#include "core/profile.h"
#include "mae/mae.h"
#include "session/live.h"

#define MAPPINGS 4
#define MOST_POINTS 60

static void done(mae_error *error)
{
    if (error)
        fail_msg("%s (%s)", mae_error_message(error), mae_error_origin(error));
}

typedef struct scene {
    mae_context *context;
    mae_model *model;
    const mae_graph *graph;
    int *mapping;
    mae_profile *profile;
    mae_frame_runner *runner; /* as mae run has it */
    mae_live *live;
} scene;

/* Stretches of one to five layers on an engine, where it supports them. */
static void random_mapping(scene *s, uint64_t seed)
{
    mae_rng rng = {seed};
    size_t left = 0;
    int pe = 0;
    for (size_t l = 0; l < s->graph->n_layers; l++, left--) {
        if (left == 0) {
            pe = 1 - pe;
            left = 1 + mae_rng_next(&rng) % 5;
        }
        s->mapping[l] = mae_model_supports(s->model, pe, (int)l, NULL) ? pe : 1 - pe;
    }
}

/* By what we say, only this mapping is quick; or (`wide`) one PE is quick and the other lean, here more, there less, so
 * that there are many good mappings. */
static mae_cost cost_of(const scene *s, size_t layer, int p, bool wide)
{
    mae_rng rng = {layer * 2 + (size_t)p + 1};
    mae_cost cost = {.supported = mae_model_supports(s->model, p, (int)layer, NULL), .time_ms = 1000};
    if (s->mapping[layer] == p)
        cost.time_ms = 1;
    if (wide) {
        cost.time_ms = (p ? 2 : 1) * (0.5 + mae_rng_uniform(&rng));
        cost.energy_mj = (p ? 1 : 2) * (0.5 + mae_rng_uniform(&rng));
    }
    return cost;
}

static void make_profile(scene *s, bool wide)
{
    const mae_pe_info *infos;
    mae_profile_pe pes[2];
    assert_int_equal(mae_context_pes(s->context, &infos), 2);
    for (int p = 0; p < 2; p++)
        pes[p] = (mae_profile_pe){
            .name = infos[p].name, .resource = infos[p].resource, .backend = infos[p].backend, .precision = "f32"};
    done(mae_profile_create(s->graph, pes, 2, &s->profile));
    for (size_t l = 0; l < s->graph->n_layers; l++)
        for (int p = 0; p < 2; p++) {
            const mae_cost cost = cost_of(s, l, p, wide);
            if (cost.supported)
                mae_profile_set_cost(s->profile, (int)l, p, &cost);
        }
    for (int p = 0; p < 2; p++) {
        const mae_transfer row = {.crossable = true, .fixed_ms = 0.001};
        mae_profile_set_transfer(s->profile, p, 1 - p, &row);
    }
    if (wide)
        done(mae_profile_set_soc(s->profile, "desk", "", 0, MAE_ENERGY_MODEL));
}

static void open_scene(scene *s, const char *path, uint64_t seed, bool wide)
{
    const mae_context_options options = {.threads = 1, .pes = "cpu/ort,cpu/onednn"};
    mae_policy_params params = MAE_POLICY_PARAMS_INIT;
    *s = (scene){.live = NULL};
    done(mae_context_create(&options, &s->context));
    done(mae_model_open(s->context, path, NULL, 0, &s->model));
    s->graph = mae_model_graph(s->model);
    s->mapping = calloc(s->graph->n_layers, sizeof *s->mapping);
    random_mapping(s, seed);
    make_profile(s, wide);
    done(mae_runner_create(s->context, s->graph, s->mapping, &s->runner));
    params.drift_alarm = 1e9; /* the figures are ours, and stay */
    params.margin = 0;
    const mae_live_options live = {.params = &params, .timeout_ms = 20000, .keep_bytes = wide ? 1e12 : 1};
    done(mae_live_open(s->context, s->model, s->profile, &live, &s->live));
}

static void close_scene(scene *s)
{
    mae_live_close(s->live);
    mae_runner_destroy(s->runner);
    mae_profile_destroy(s->profile);
    free(s->mapping);
    mae_model_close(s->model);
    mae_context_destroy(s->context);
}

static void run_both(scene *s, uint64_t seed)
{
    for (size_t i = 0; i < s->graph->n_inputs; i++) {
        const mae_tensor *tensor = &s->graph->tensors[s->graph->inputs[i]];
        void *data = malloc(tensor->bytes + 1);
        done(mae_tensor_fill(tensor, seed, data));
        done(mae_live_set_input(s->live, i, data, tensor->bytes));
        done(mae_runner_set_input(s->runner, i, data, tensor->bytes));
        free(data);
    }
    done(mae_live_run(s->live, 0, 0));
    done(mae_program_run(s->runner->program, NULL));
}

/* Per border tensor of every segment. Returns how many lie blocked. */
static size_t compare_layouts(const scene *s)
{
    size_t blocked = 0;
    const mae_program *program = s->runner->program;
    assert_int_equal(s->live->n_last_units, mae_program_n_segments(program));
    for (size_t k = 0; k < s->live->n_last_units; k++) {
        const live_unit *unit = s->live->last_units[k];
        const mae_segment *segment = mae_program_segment(program, k);
        assert_true(unit->order.first == segment->first && unit->order.last == segment->last);
        assert_int_equal(unit->order.pe, mae_program_pe(program, k));
        for (size_t i = 0; i < segment->n_inputs; i++) {
            mae_layout layout = mae_program_buffer(program, segment->inputs[i])->layout;
            assert_int_equal(unit->inputs[i]->layout, layout);
            blocked += layout != MAE_LAYOUT_DENSE;
        }
        for (size_t i = 0; i < segment->n_outputs; i++)
            assert_int_equal(unit->outputs[i]->layout, mae_program_buffer(program, segment->outputs[i])->layout);
    }
    return blocked;
}

static void compare_outputs(scene *s, double tolerance)
{
    for (size_t i = 0; i < s->graph->n_outputs; i++) {
        const void *a, *b;
        mae_shape shape;
        done(mae_live_output(s->live, i, &a, &shape));
        done(mae_runner_output(s->runner, i, &b, &shape));
        if (shape.dtype != MAE_F32)
            continue;
        size_t n = s->graph->tensors[s->graph->outputs[i]].bytes / sizeof(float);
        for (size_t k = 0; k < n; k++) {
            double x = (double)((const float *)a)[k], y = (double)((const float *)b)[k];
            if (!(fabs(x - y) <= tolerance * (1 + fabs(y))))
                fail_msg("output %zu, value %zu: %g, not %g", i, k, x, y);
        }
    }
}

/* Two engines on this processor at least have a layout in common that is not the dense one. */
static bool can_block(const scene *s)
{
    unsigned seen = 0, common = 0;
    for (size_t p = 0; p < s->context->n_pes; p++) {
        unsigned layouts = mae_pe_layouts(s->context->pes[p].pe);
        common |= seen & layouts;
        seen |= layouts;
    }
    return common != 0;
}

/* `ret_can`: set where tensors could be handed over blocked. */
static size_t compare_network(const char *path, bool *ret_can)
{
    size_t blocked = 0;
    for (uint64_t seed = 1; seed <= MAPPINGS; seed++) {
        scene s;
        open_scene(&s, path, seed, false);
        *ret_can = *ret_can || can_block(&s);
        for (int frame = 0; frame < 3; frame++) {
            run_both(&s, seed * 10 + (uint64_t)frame);
            blocked += frame == 0 ? compare_layouts(&s) : 0;
            compare_outputs(&s, 1e-6);
        }
        close_scene(&s);
    }
    return blocked;
}

static void own_network(void **state)
{
    (void)state;
    char path[4096];
    snprintf(path, sizeof path, "%s/tests/data/models/tiny.onnx", getenv("MAE_SOURCE_DIR"));
    bool can = false;
    compare_network(path, &can);
}

static void trained_networks(void **state)
{
    (void)state;
    static const char *const names[] = {"dronet", "fastestdet", "mobilenet_v1_025_128"};
    size_t blocked = 0, n = 0;
    bool can = false;
    for (size_t i = 0; i < 3; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/../shared/models/%s/model.onnx", getenv("MAE_SOURCE_DIR"), names[i]);
        if (access(path, R_OK) != 0)
            continue;
        size_t here = compare_network(path, &can);
        print_message("%s: %zu tensors handed over blocked in %d mappings\n", names[i], here, MAPPINGS);
        blocked += here;
        n++;
    }
    if (n == 0) {
        print_message("skipped: no networks in ../shared/models\n");
        skip();
    }
    /* ONNX Runtime and oneDNN have none on Arm. */
    assert_int_equal(blocked > 0, can);
}

/* Mappings that share layers: a segment that lies otherwise in another mapping is compiled for it as well, and going
 * from mapping to mapping leaves no values behind. */
static void from_mapping_to_mapping(void **state)
{
    (void)state;
    char path[4096];
    snprintf(path, sizeof path, "%s/../shared/models/fastestdet/model.onnx", getenv("MAE_SOURCE_DIR"));
    if (access(path, R_OK) != 0)
        skip();
    scene s;
    open_scene(&s, path, 3, true);
    live_plan *plan = s.live->plan;
    size_t n = mae_policy_n_points(plan->policy), twice = 0, ran = 0;
    for (size_t round = 0; round < 2; round++)
        for (size_t k = 0; k < n && k < MOST_POINTS; k++) {
            live_point *point = &plan->points[k];
            live_order order;
            bool any = true;
            for (;;) {
                done(live_point_next(&s.live->pool, point, &any, &order));
                if (!any)
                    break;
                live_unit *unit;
                done(live_unit_compile(s.graph, &order, s.context->pes[order.pe].pe, false, &unit));
                done(live_pool_adopt(&s.live->pool, unit));
            }
            run_both(&s, round * 100 + k);
            for (size_t i = 0; i < point->n; i++)
                done(live_unit_run(point->units[i]));
            compare_outputs(&s, 1e-3); /* other engines */
            ran++;
        }
    for (live_unit *a = s.live->pool.units; a; a = a->next)
        for (live_unit *b = a->next; b; b = b->next)
            twice += a->order.pe == b->order.pe && a->order.first == b->order.first && a->order.last == b->order.last;
    print_message("%zu frames on %zu mappings, %zu segments compiled for another layout as well\n", ran, n, twice);
    assert_true(n >= 10 && twice > 0);
    live_plan_look(plan, &s.live->pool);
    close_scene(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(own_network), cmocka_unit_test(trained_networks),
                                       cmocka_unit_test(from_mapping_to_mapping)};
    return cmocka_run_group_tests_name("live borders", tests, NULL, NULL);
}
