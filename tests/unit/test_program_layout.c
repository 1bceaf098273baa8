/* Layouts of the tensors between segments: who may have which, on made-up PEs that understand one and that do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/layout.h"
#include "pe/program.h"

/* ---- a network: x -> L0 -> a; L1(a) -> b; L2(a, x) -> c; L3(b, c) -> y ---- */

#define N 48 /* 1 x 16 x 1 x 3 */
#define C_OF(i) ((i) / 3)

enum { X, A, B, C, Y, N_TENSORS };

static const int in0[] = {X}, out0[] = {A}, in1[] = {A}, out1[] = {B}, in2[] = {A, X}, out2[] = {C}, in3[] = {B, C},
                 out3[] = {Y};
static const mae_layer layers[] = {
    {.name = "L0", .n_inputs = 1, .inputs = in0, .n_outputs = 1, .outputs = out0},
    {.name = "L1", .n_inputs = 1, .inputs = in1, .n_outputs = 1, .outputs = out1},
    {.name = "L2", .n_inputs = 2, .inputs = in2, .n_outputs = 1, .outputs = out2},
    {.name = "L3", .n_inputs = 2, .inputs = in3, .n_outputs = 1, .outputs = out3},
};
static const int graph_in[] = {X}, graph_out[] = {Y};

static void make_graph(mae_tensor *tensors, mae_graph *graph)
{
    static const char *const names[] = {"x", "a", "b", "c", "y"};
    static const int producers[] = {-1, 0, 1, 2, 3};
    for (int i = 0; i < N_TENSORS; i++)
        tensors[i] = (mae_tensor){.name = names[i],
                                  .shape = {MAE_F32, 4, {1, 16, 1, 3}},
                                  .bytes = N * sizeof(float),
                                  .is_static = true,
                                  .is_input = i == X,
                                  .is_output = i == Y,
                                  .producer_node = -1,
                                  .producer_layer = producers[i]};
    *graph = (mae_graph){.name = "tiny",
                         .sha256 = "",
                         .n_tensors = N_TENSORS,
                         .tensors = tensors,
                         .n_layers = 4,
                         .layers = layers,
                         .n_inputs = 1,
                         .inputs = graph_in,
                         .n_outputs = 1,
                         .outputs = graph_out};
}

/* ---- made-up PEs: every layer adds its inputs and its number; one layer a segment ---- */

typedef struct fake_pe {
    mae_pe base;
    unsigned layouts;
    bool gives; /* blocked what it may */
} fake_pe;

typedef struct fake_unit {
    mae_unit base;
    const mae_layer *layer;
    mae_layout inputs_lie[2], output_lies;
    mae_buffer *const *inputs, *const *outputs;
} fake_unit;

static bool fake_supports(mae_pe *pe, const mae_graph *graph, int layer, const char **ret_reason)
{
    (void)pe, (void)graph, (void)layer, (void)ret_reason;
    return true;
}

static mae_layout first_of(unsigned layouts)
{
    mae_layout layout = MAE_LAYOUT_BLOCKED8;
    while (layouts && !(layouts & MAE_LAYOUT_BIT(layout)))
        layout++;
    return layouts ? layout : MAE_LAYOUT_DENSE;
}

static mae_error *fake_compile_laid(mae_pe *base, const mae_graph *graph, const mae_segment *segment, unsigned flags,
                                    const mae_borders *borders, mae_unit **ret_unit)
{
    const fake_pe *pe = (const fake_pe *)base;
    fake_unit *unit = calloc(1, sizeof *unit);
    (void)flags;
    assert_non_null(unit);
    assert_int_equal(segment->first, segment->last);
    unit->base.pe = base;
    unit->layer = &graph->layers[segment->first];
    for (size_t i = 0; borders && i < segment->n_inputs; i++) {
        unit->inputs_lie[i] = borders->inputs[i];
        if (borders->inputs[i] != MAE_LAYOUT_DENSE)
            assert_true(pe->layouts & MAE_LAYOUT_BIT(borders->inputs[i]));
    }
    if (borders) {
        assert_int_equal(borders->outputs[0], MAE_LAYOUT_DENSE);
        assert_int_equal(borders->offers[0] & ~pe->layouts, 0);
        borders->outputs[0] = unit->output_lies = pe->gives ? first_of(borders->offers[0]) : MAE_LAYOUT_DENSE;
    }
    *ret_unit = &unit->base;
    return NULL;
}

static mae_error *fake_compile(mae_pe *pe, const mae_graph *graph, const mae_segment *segment, unsigned flags,
                               mae_unit **ret_unit)
{
    return fake_compile_laid(pe, graph, segment, flags, NULL, ret_unit);
}

/* The layouts must be settled by now, on both sides the same. */
static mae_error *fake_bind(mae_unit *base, mae_buffer *const *inputs, mae_buffer *const *outputs)
{
    fake_unit *unit = (fake_unit *)base;
    for (size_t i = 0; i < unit->layer->n_inputs; i++)
        assert_int_equal(inputs[i]->layout, unit->inputs_lie[i]);
    assert_int_equal(outputs[0]->layout, unit->output_lies);
    unit->inputs = inputs;
    unit->outputs = outputs;
    return NULL;
}

/* Where element `i` of the dense tensor lies. */
static size_t place(mae_layout layout, size_t i)
{
    size_t block = (size_t)mae_layout_block(layout);
    return block ? C_OF(i) / block * block * 3 + i % 3 * block + C_OF(i) % block : i;
}

static mae_error *fake_run(mae_unit *base)
{
    fake_unit *unit = (fake_unit *)base;
    float *out = unit->outputs[0]->host;
    for (size_t i = 0; i < N; i++) {
        float sum = (float)(unit->layer - layers + 1);
        for (size_t k = 0; k < unit->layer->n_inputs; k++)
            sum += ((const float *)unit->inputs[k]->host)[place(unit->inputs_lie[k], i)] * (float)(k + 1);
        out[place(unit->output_lies, i)] = sum;
    }
    return NULL;
}

static void fake_discard(mae_unit *unit)
{
    free(unit);
}

static unsigned fake_layouts(mae_pe *pe)
{
    return ((const fake_pe *)pe)->layouts;
}

static const mae_pe_ops plain_ops = {
    .supports = fake_supports, .compile = fake_compile, .bind = fake_bind, .run = fake_run, .discard = fake_discard};
static const mae_pe_ops laid_ops = {.supports = fake_supports,
                                    .compile = fake_compile,
                                    .bind = fake_bind,
                                    .run = fake_run,
                                    .discard = fake_discard,
                                    .layouts = fake_layouts,
                                    .compile_laid = fake_compile_laid};
static const mae_backend fake_backend = {.abi = MAE_BACKEND_ABI, .name = "fake"};

/* ---- programs ---- */

#define BIT8 MAE_LAYOUT_BIT(MAE_LAYOUT_BLOCKED8)
#define BIT16 MAE_LAYOUT_BIT(MAE_LAYOUT_BLOCKED16)

enum { DENSE, EIGHT, SIXTEEN, BOTH, TAKES, N_PES };

static void expect(const int mapping[4], bool dense, const mae_layout wanted[N_TENSORS])
{
    fake_pe fakes[N_PES] = {[DENSE] = {{&plain_ops, &fake_backend, 0, 0}, 0, false},
                            [EIGHT] = {{&laid_ops, &fake_backend, 0, 0}, BIT8, true},
                            [SIXTEEN] = {{&laid_ops, &fake_backend, 0, 0}, BIT16, true},
                            [BOTH] = {{&laid_ops, &fake_backend, 0, 0}, BIT8 | BIT16, true},
                            [TAKES] = {{&laid_ops, &fake_backend, 0, 0}, BIT8, false}};
    mae_pe *pes[N_PES];
    mae_tensor tensors[N_TENSORS];
    mae_graph graph;
    mae_program *program = NULL;
    static const bool cuts[4] = {true, true, true, true};
    float x[N];
    make_graph(tensors, &graph);
    for (int i = 0; i < N_PES; i++)
        pes[i] = &fakes[i].base;
    for (int i = 0; i < N; i++)
        x[i] = (float)i;
    const mae_program_spec spec = {
        .graph = &graph, .pes = pes, .mapping = mapping, .cuts = cuts, .last = 3, .dense = dense};
    assert_null(mae_program_create(&spec, &program));
    assert_null(mae_program_write(program, X, x, sizeof x));
    assert_null(mae_program_run(program, NULL));
    for (int t = 0; t < N_TENSORS; t++)
        assert_int_equal(mae_program_buffer(program, t)->layout, wanted[t]);
    for (int i = 0; i < N; i++) {
        float a = x[i] + 1, b = a + 2, c = a + 2 * x[i] + 3, values[] = {x[i], a, b, c, b + 2 * c + 4};
        for (int t = 0; t < N_TENSORS; t++) {
            const void *data;
            mae_shape shape;
            assert_null(mae_program_read(program, t, &data, &shape));
            assert_true(((const float *)data)[i] == values[t]);
        }
    }
    mae_program_destroy(program);
}

#define D MAE_LAYOUT_DENSE
#define L8 MAE_LAYOUT_BLOCKED8
#define L16 MAE_LAYOUT_BLOCKED16

static void test_between_two(void **state)
{
    (void)state;
    expect((int[]){EIGHT, EIGHT, EIGHT, EIGHT}, false, (mae_layout[]){D, L8, L8, L8, D});
    expect((int[]){SIXTEEN, SIXTEEN, SIXTEEN, SIXTEEN}, false, (mae_layout[]){D, L16, L16, L16, D});
}

/* One reader that does not understand it, and the tensor is dense for all. */
static void test_one_cannot(void **state)
{
    (void)state;
    expect((int[]){EIGHT, DENSE, EIGHT, EIGHT}, false, (mae_layout[]){D, D, D, L8, D});
    expect((int[]){EIGHT, EIGHT, EIGHT, DENSE}, false, (mae_layout[]){D, L8, D, D, D});
    expect((int[]){DENSE, EIGHT, EIGHT, EIGHT}, false, (mae_layout[]){D, D, L8, L8, D});
}

static void test_which_of_them(void **state)
{
    (void)state;
    expect((int[]){BOTH, SIXTEEN, BOTH, EIGHT}, false, (mae_layout[]){D, L16, D, L8, D});
    expect((int[]){BOTH, SIXTEEN, EIGHT, BOTH}, false, (mae_layout[]){D, D, L16, L8, D});
}

/* Giving is a choice, taking is a must. */
static void test_takes_only(void **state)
{
    (void)state;
    expect((int[]){TAKES, EIGHT, TAKES, TAKES}, false, (mae_layout[]){D, D, L8, D, D});
}

static void test_dense_on_demand(void **state)
{
    (void)state;
    expect((int[]){EIGHT, EIGHT, EIGHT, EIGHT}, true, (mae_layout[]){D, D, D, D, D});
}

/* ---- which tensors ---- */

static void test_tensors(void **state)
{
    (void)state;
    mae_tensor t = {.shape = {MAE_F32, 4, {1, 24, 2, 2}}, .bytes = 384, .is_static = true};
    assert_int_equal(mae_layouts_of(&t), BIT8);
    t.shape.dims[1] = 48;
    assert_int_equal(mae_layouts_of(&t), BIT8 | BIT16);
    t.shape.dims[1] = 20;
    assert_int_equal(mae_layouts_of(&t), 0);
    t.shape.dims[1] = 16;
    t.shape.dtype = MAE_F16;
    assert_int_equal(mae_layouts_of(&t), 0);
    t.shape.dtype = MAE_F32;
    t.is_static = false;
    assert_int_equal(mae_layouts_of(&t), 0);
    t.is_static = true;
    t.shape.rank = 3;
    assert_int_equal(mae_layouts_of(&t), 0);
    assert_int_equal(mae_layout_of_block(8), MAE_LAYOUT_BLOCKED8);
    assert_int_equal(mae_layout_of_block(32), MAE_LAYOUT_DENSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_between_two),     cmocka_unit_test(test_one_cannot),
        cmocka_unit_test(test_which_of_them),   cmocka_unit_test(test_takes_only),
        cmocka_unit_test(test_dense_on_demand), cmocka_unit_test(test_tensors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
