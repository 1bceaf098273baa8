/* Programs (pe/program.h) on two made-up PEs: one with host memory, one with its own. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pe/program.h"

/* ---- a network: x -> L0 -> a; L1(a) -> b; L2(a, x) -> c; L3(b, c) -> y; b and y are outputs ---- */

#define N 24

enum { X, A, B, C, Y, N_TENSORS };

static mae_tensor tensors[N_TENSORS];
static const int in0[] = {X}, out0[] = {A}, in1[] = {A}, out1[] = {B}, in2[] = {A, X}, out2[] = {C}, in3[] = {B, C},
                 out3[] = {Y};
static const mae_layer layers[] = {
    {.name = "L0", .n_inputs = 1, .inputs = in0, .n_outputs = 1, .outputs = out0},
    {.name = "L1", .n_inputs = 1, .inputs = in1, .n_outputs = 1, .outputs = out1},
    {.name = "L2", .n_inputs = 2, .inputs = in2, .n_outputs = 1, .outputs = out2},
    {.name = "L3", .n_inputs = 2, .inputs = in3, .n_outputs = 1, .outputs = out3},
};
static const int graph_in[] = {X}, graph_out[] = {B, Y};
static const mae_graph graph = {.name = "tiny",
                                .sha256 = "",
                                .n_tensors = N_TENSORS,
                                .tensors = tensors,
                                .n_layers = 4,
                                .layers = layers,
                                .n_inputs = 1,
                                .inputs = graph_in,
                                .n_outputs = 2,
                                .outputs = graph_out};

static void make_tensors(mae_dtype dtype, bool dynamic_y)
{
    static const char *const names[] = {"x", "a", "b", "c", "y"};
    static const int producers[] = {-1, 0, 1, 2, 3};
    for (int i = 0; i < N_TENSORS; i++) {
        mae_tensor t = {.name = names[i],
                        .shape = {dtype, 1, {N}},
                        .is_static = true,
                        .producer_node = -1,
                        .producer_layer = producers[i]};
        mae_shape_bytes(&t.shape, &t.bytes);
        tensors[i] = t;
    }
    tensors[X].is_input = true;
    tensors[B].is_output = tensors[Y].is_output = true;
    tensors[Y].is_static = !dynamic_y;
    tensors[Y].bytes = dynamic_y ? 0 : tensors[Y].bytes;
}

/* ---- made-up PEs: every layer adds its inputs and its number ---- */

typedef struct fake_pe {
    mae_pe base;
    int compiles, units, allocs, reads, writes, binds, runs;
    int fail_compile, fail_bind, fail_run; /* the how-manieth call fails; 0: none */
} fake_pe;

typedef struct fake_unit {
    mae_unit base;
    const mae_graph *graph;
    mae_segment segment;
    mae_buffer *const *inputs, *const *outputs;
    float values[N_TENSORS][N];
} fake_unit;

static bool fake_supports(mae_pe *pe, const mae_graph *g, int layer, const char **ret_reason)
{
    (void)pe, (void)g, (void)layer, (void)ret_reason;
    return true;
}

static mae_error *fake_compile(mae_pe *base, const mae_graph *g, const mae_segment *segment, unsigned flags,
                               mae_unit **ret_unit)
{
    (void)flags;
    fake_pe *pe = (fake_pe *)base;
    if (++pe->compiles == pe->fail_compile)
        return mae_error_new(MAE_ERR_LOST, "gone");
    fake_unit *unit = calloc(1, sizeof *unit);
    assert_non_null(unit);
    unit->base.pe = base;
    unit->graph = g;
    unit->segment = *segment;
    pe->units++;
    *ret_unit = &unit->base;
    return NULL;
}

static mae_error *fake_bind(mae_unit *base, mae_buffer *const *inputs, mae_buffer *const *outputs)
{
    fake_unit *unit = (fake_unit *)base;
    fake_pe *pe = (fake_pe *)base->pe;
    if (++pe->binds == pe->fail_bind)
        return mae_error_new(MAE_ERR_LOST, "gone");
    unit->inputs = inputs;
    unit->outputs = outputs;
    return NULL;
}

static float *memory_of(mae_buffer *buffer)
{
    float *memory = buffer->device ? buffer->device : buffer->host;
    assert_int_equal((uintptr_t)memory % 64, 0);
    return memory;
}

static void compute(fake_unit *unit, int layer)
{
    const mae_layer *l = &unit->graph->layers[layer];
    float *out = unit->values[l->outputs[0]];
    for (int i = 0; i < N; i++) {
        out[i] = (float)(layer + 1);
        for (size_t k = 0; k < l->n_inputs; k++)
            out[i] += unit->values[l->inputs[k]][i] * (float)(k + 1);
    }
}

static mae_error *fake_run(mae_unit *base)
{
    fake_unit *unit = (fake_unit *)base;
    fake_pe *pe = (fake_pe *)base->pe;
    if (++pe->runs == pe->fail_run)
        return mae_error_new(MAE_ERR_LOST, "gone");
    for (size_t k = 0; k < unit->segment.n_inputs; k++)
        memcpy(unit->values[unit->segment.inputs[k]], memory_of(unit->inputs[k]), sizeof(float) * N);
    for (int l = unit->segment.first; l <= unit->segment.last; l++)
        compute(unit, l);
    for (size_t k = 0; k < unit->segment.n_outputs; k++) {
        mae_buffer *buffer = unit->outputs[k];
        if (buffer->grow) {
            mae_error *error = buffer->grow(buffer, sizeof(float) * N);
            if (error)
                return error;
            buffer->shape = (mae_shape){MAE_F32, 1, {N}};
        }
        memcpy(memory_of(buffer), unit->values[unit->segment.outputs[k]], sizeof(float) * N);
    }
    return NULL;
}

static void fake_discard(mae_unit *unit)
{
    if (unit)
        ((fake_pe *)unit->pe)->units--;
    free(unit);
}

static mae_error *fake_alloc(mae_pe *base, mae_buffer *buffer)
{
    buffer->device = aligned_alloc(64, (buffer->bytes + 63) / 64 * 64);
    assert_non_null(buffer->device);
    ((fake_pe *)base)->allocs++;
    return NULL;
}

static void fake_release(mae_pe *base, mae_buffer *buffer)
{
    free(buffer->device);
    ((fake_pe *)base)->allocs--;
}

static mae_error *fake_read(mae_pe *base, const mae_buffer *buffer, void *host)
{
    memcpy(host, buffer->device, buffer->bytes);
    ((fake_pe *)base)->reads++;
    return NULL;
}

static mae_error *fake_write(mae_pe *base, mae_buffer *buffer, const void *host)
{
    memcpy(buffer->device, host, buffer->bytes);
    ((fake_pe *)base)->writes++;
    return NULL;
}

static const mae_pe_ops host_ops = {
    .supports = fake_supports, .compile = fake_compile, .bind = fake_bind, .run = fake_run, .discard = fake_discard};
static const mae_pe_ops own_ops = {.supports = fake_supports,
                                   .compile = fake_compile,
                                   .bind = fake_bind,
                                   .run = fake_run,
                                   .discard = fake_discard,
                                   .alloc = fake_alloc,
                                   .release = fake_release,
                                   .read = fake_read,
                                   .write = fake_write};
static const mae_backend fake_backend = {.abi = MAE_BACKEND_ABI, .name = "fake"};

typedef struct world {
    fake_pe host, own;
    mae_pe *pes[2];
} world;

static world make_world(void)
{
    world w = {.host = {.base = {&host_ops, &fake_backend, 0, 0}}, .own = {.base = {&own_ops, &fake_backend, 0, 0}}};
    return w;
}

static mae_program *make_program(world *w, const int *mapping, const bool *cuts, int first, int last)
{
    w->pes[0] = &w->host.base;
    w->pes[1] = &w->own.base;
    mae_program_spec spec = {
        .graph = &graph, .pes = w->pes, .mapping = mapping, .cuts = cuts, .first = first, .last = last};
    mae_program *program = NULL;
    assert_null(mae_program_create(&spec, &program));
    return program;
}

static void expected(const float *x, float *b, float *y)
{
    for (int i = 0; i < N; i++) {
        float a = 1 + x[i], c = 3 + a + 2 * x[i];
        b[i] = 2 + a;
        y[i] = 4 + b[i] + 2 * c;
    }
}

static void check_outputs(mae_program *program)
{
    float x[N], b[N], y[N];
    for (int i = 0; i < N; i++)
        x[i] = (float)(i * i) - 7;
    assert_null(mae_program_write(program, X, x, sizeof x));
    assert_null(mae_program_run(program, NULL));
    expected(x, b, y);
    const void *data = NULL;
    mae_shape shape;
    assert_null(mae_program_read(program, B, &data, &shape));
    assert_memory_equal(data, b, sizeof b);
    assert_null(mae_program_read(program, Y, &data, &shape));
    assert_memory_equal(data, y, sizeof y);
    assert_int_equal(shape.dims[0], N);
}

/* ---- tests ---- */

static void every_mapping_gives_the_same(void **state)
{
    (void)state;
    make_tensors(MAE_F32, false);
    for (int code = 0; code < 16 * 8; code++) {
        int mapping[4];
        bool cuts[4] = {false};
        for (int l = 0; l < 4; l++) {
            mapping[l] = code >> l & 1;
            cuts[l] = l && (code >> (3 + l) & 1);
        }
        world w = make_world();
        mae_program *program = make_program(&w, mapping, cuts, 0, 3);
        check_outputs(program);
        check_outputs(program); /* a second frame: nothing is left over from the first */
        mae_program_destroy(program);
        assert_int_equal(w.host.units + w.own.units + w.host.allocs + w.own.allocs, 0);
    }
}

static void moves_are_as_few_as_can_be(void **state)
{
    (void)state;
    make_tensors(MAE_F32, false);
    static const int all_own[] = {1, 1, 1, 1};
    static const bool cuts[] = {false, true, true, true};
    world w = make_world();
    mae_program *program = make_program(&w, all_own, cuts, 0, 3);
    assert_int_equal(mae_program_n_segments(program), 4);
    check_outputs(program);
    assert_int_equal(w.own.writes, 1); /* x, although two segments read it */
    assert_int_equal(w.own.reads, 2);  /* b and y, which are outputs */
    mae_program_destroy(program);

    static const int mixed[] = {0, 1, 1, 1};
    w = make_world();
    program = make_program(&w, mixed, cuts, 0, 3);
    check_outputs(program);
    assert_int_equal(w.own.writes, 2); /* a once, for two segments; x */
    assert_int_equal(w.own.reads, 2);
    mae_program_destroy(program);
}

static void segments_and_lookups(void **state)
{
    (void)state;
    make_tensors(MAE_F32, false);
    static const int mapping[] = {0, 0, 1, 1};
    world w = make_world();
    mae_program *program = make_program(&w, mapping, NULL, 0, 3);
    assert_int_equal(mae_program_n_segments(program), 2);
    assert_int_equal(mae_program_segment(program, 1)->first, 2);
    assert_int_equal(mae_program_segment(program, 1)->last, 3);
    assert_int_equal(mae_program_pe(program, 1), 1);
    assert_ptr_equal(mae_program_unit(program, 1)->pe, &w.own.base);
    assert_non_null(mae_program_buffer(program, A));
    assert_null(mae_program_buffer(program, C)); /* inside a segment */
    assert_null(mae_program_buffer(program, -1));
    mae_error *error = mae_program_write(program, B, "", 1);
    assert_int_equal(mae_error_code(error), MAE_ERR_USAGE);
    mae_error_free(error);
    error = mae_program_write(program, X, "", 1);
    assert_int_equal(mae_error_code(error), MAE_ERR_USAGE);
    mae_error_free(error);
    mae_program_stamp stamps[2] = {{0, 0}, {0, 0}};
    assert_null(mae_program_run(program, stamps));
    assert_true(stamps[0].begin_ns <= stamps[0].end_ns && stamps[0].end_ns <= stamps[1].begin_ns);
    mae_program_destroy(program);
    mae_program_destroy(NULL);
}

static void a_stretch_of_the_network(void **state)
{
    (void)state;
    make_tensors(MAE_F32, false);
    static const int mapping[] = {0, 0, 1, 0};
    world w = make_world();
    mae_program *program = make_program(&w, mapping, NULL, 2, 3);
    float a[N], b[N], x[N];
    for (int i = 0; i < N; i++) {
        a[i] = (float)i;
        b[i] = 2;
        x[i] = 3;
    }
    assert_null(mae_program_write(program, A, a, sizeof a));
    assert_null(mae_program_write(program, B, b, sizeof b));
    assert_null(mae_program_write(program, X, x, sizeof x));
    assert_null(mae_program_run(program, NULL));
    const void *data = NULL;
    mae_shape shape;
    assert_null(mae_program_read(program, Y, &data, &shape));
    assert_true(((const float *)data)[5] == 4 + 2 + 2 * (3 + 5 + 2 * 3));
    mae_program_destroy(program);
}

static void dynamic_outputs_grow(void **state)
{
    (void)state;
    make_tensors(MAE_F32, true);
    static const int mapping[] = {1, 1, 0, 0};
    world w = make_world();
    mae_program *program = make_program(&w, mapping, NULL, 0, 3);
    check_outputs(program);
    mae_program_destroy(program);

    static const int own[] = {0, 0, 0, 1};
    w = make_world();
    w.pes[0] = &w.host.base;
    w.pes[1] = &w.own.base;
    mae_program_spec spec = {.graph = &graph, .pes = w.pes, .mapping = own, .first = 0, .last = 3};
    mae_error *error = mae_program_create(&spec, &program);
    assert_int_equal(mae_error_code(error), MAE_ERR_UNSUPPORTED);
    assert_non_null(strstr(mae_error_message(error), "tensor y"));
    mae_error_free(error);
    assert_int_equal(w.own.allocs, 0);
}

static void strings_cannot_cross(void **state)
{
    (void)state;
    make_tensors(MAE_F32, false);
    tensors[A].shape.dtype = MAE_STRING;
    static const int mapping[] = {0, 1, 1, 1};
    world w = make_world();
    w.pes[0] = &w.host.base;
    w.pes[1] = &w.own.base;
    mae_program_spec spec = {.graph = &graph, .pes = w.pes, .mapping = mapping, .first = 0, .last = 3};
    mae_program *program = NULL;
    mae_error *error = mae_program_create(&spec, &program);
    assert_int_equal(mae_error_code(error), MAE_ERR_UNSUPPORTED);
    mae_error_free(error);
}

static void failures_name_segment_and_pe(void **state)
{
    (void)state;
    make_tensors(MAE_F32, false);
    static const int mapping[] = {0, 1, 0, 0};
    static const char *const names[] = {"cpu/one", "npu/two"};
    for (int kind = 0; kind < 3; kind++) {
        world w = make_world();
        w.pes[0] = &w.host.base;
        w.pes[1] = &w.own.base;
        int *fail[] = {&w.own.fail_compile, &w.own.fail_bind, &w.own.fail_run};
        *fail[kind] = 1;
        mae_program_spec spec = {
            .graph = &graph, .pes = w.pes, .mapping = mapping, .first = 0, .last = 3, .pe_names = names};
        mae_program *program = NULL;
        mae_error *error = mae_program_create(&spec, &program);
        if (kind == 2) {
            assert_null(error);
            error = mae_program_run(program, NULL);
        }
        assert_int_equal(mae_error_code(error), MAE_ERR_LOST);
        assert_string_equal(mae_error_message(error), "segment 2 of 3 (npu/two), layers L1 to L1: gone");
        mae_error_free(error);
        mae_program_destroy(program);
        assert_int_equal(w.host.units + w.own.units + w.own.allocs, 0);
    }
}

static void senseless_specs_are_refused(void **state)
{
    (void)state;
    make_tensors(MAE_F32, false);
    static const int mapping[] = {0, 0, 0, 0}, nowhere[] = {0, -1, 0, 0};
    static const struct {
        const int *mapping;
        int first, last;
    } cases[] = {{mapping, -1, 2}, {mapping, 2, 1}, {mapping, 0, 4}, {nowhere, 0, 3}};
    world w = make_world();
    w.pes[0] = &w.host.base;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mae_program_spec spec = {
            .graph = &graph, .pes = w.pes, .mapping = cases[i].mapping, .first = cases[i].first, .last = cases[i].last};
        mae_program *program = NULL;
        mae_error *error = mae_program_create(&spec, &program);
        assert_int_equal(mae_error_code(error), MAE_ERR_USAGE);
        assert_null(program);
        mae_error_free(error);
    }
}

static void fills_are_reproducible_and_sensible(void **state)
{
    (void)state;
    static const int mapping[] = {0, 0, 0, 0};
    static const mae_dtype dtypes[] = {MAE_F32, MAE_F64, MAE_F16, MAE_BF16, MAE_I64, MAE_U8, MAE_BOOL, MAE_I16};
    for (size_t k = 0; k < sizeof dtypes / sizeof *dtypes; k++) {
        make_tensors(dtypes[k], false);
        world w = make_world();
        mae_program *program = make_program(&w, mapping, NULL, 0, 3);
        assert_null(mae_program_fill(program, 7));
        const mae_tensor values = {.shape = tensors[X].shape, .data = mae_program_buffer(program, X)->host};
        double sum = 0, squares = 0;
        for (size_t i = 0; i < N; i++) {
            double v = mae_tensor_f64(&values, i);
            assert_true(isfinite(v) && fabs(v) < 6);
            if (k >= 4)
                assert_true(v == 0 || v == 1);
            sum += v;
            squares += v * v;
        }
        assert_true(squares > 0.2 * N && squares < 3 * N && fabs(sum) < N);
        char before[N * 8];
        memcpy(before, values.data, tensors[X].bytes);
        assert_null(mae_program_fill(program, 8));
        assert_memory_not_equal(before, values.data, tensors[X].bytes);
        assert_null(mae_program_fill(program, 7));
        assert_memory_equal(before, values.data, tensors[X].bytes);
        mae_program_destroy(program);
    }
}

static uint64_t counted(void *ctx)
{
    return *(uint64_t *)ctx += 5;
}

static void clock_can_be_given(void **state)
{
    (void)state;
    make_tensors(MAE_F32, false);
    static const int mapping[] = {0, 0, 1, 1};
    world w = make_world();
    w.pes[0] = &w.host.base;
    w.pes[1] = &w.own.base;
    uint64_t now = 0;
    mae_program_spec spec = {
        .graph = &graph, .pes = w.pes, .mapping = mapping, .first = 0, .last = 3, .clock = {counted, &now}};
    mae_program *program = NULL;
    assert_null(mae_program_create(&spec, &program));
    mae_program_stamp stamps[2];
    assert_null(mae_program_run(program, stamps));
    assert_int_equal(stamps[0].begin_ns, 5);
    assert_int_equal(stamps[1].end_ns, 20);
    mae_program_destroy(program);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_mapping_gives_the_same),
        cmocka_unit_test(moves_are_as_few_as_can_be),
        cmocka_unit_test(segments_and_lookups),
        cmocka_unit_test(a_stretch_of_the_network),
        cmocka_unit_test(dynamic_outputs_grow),
        cmocka_unit_test(strings_cannot_cross),
        cmocka_unit_test(failures_name_segment_and_pe),
        cmocka_unit_test(senseless_specs_are_refused),
        cmocka_unit_test(fills_are_reproducible_and_sensible),
        cmocka_unit_test(clock_can_be_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
