/* Conformance on hostile shapes and values: a table of small networks, each with a few kinds of values, on every PE. It
 * may refuse beforehand; if it does not, it has to give what the reference engine gives, twice. */
#include <math.h>

#include "unit/test_onnx_support.h" /* cmocka and what it needs come first */

#include "base/stats.h"
#include "conformance.h"
#include "support/engines.h"

#define N_BACKENDS (sizeof(conformance_backends) / sizeof(conformance_backends[0]))

static test_engine engines[N_BACKENDS];
static bool present[N_BACKENDS];
static int taken[N_BACKENDS];

/* Models as test_onnx_support.h reads them. */
typedef struct hostile {
    const char *name, *text;
} hostile;

/* clang-format off: a row each */
static const hostile table[] = {
    {"Conv, batch of 3", "input x 3x8x6x5\nweight w 16x8x3x3\nweight b 16\nConv x,w,b -> y strides=[1,1] "
                         "dilations=[1,1] pads=[1,1,1,1] group=1\noutput y"},
    {"Conv, 1x1 input", "input x 1x8x1x1\nweight w 8x8x1x1\nweight b 8\nConv x,w,b -> y strides=[1,1] dilations=[1,1] "
                        "pads=[0,0,0,0] group=1\noutput y"},
    {"Conv, 1x1 input, padded", "input x 2x8x1x1\nweight w 16x8x3x3\nConv x,w -> y strides=[1,1] dilations=[1,1] "
                                "pads=[1,1,1,1] group=1\noutput y"},
    {"Conv, one channel each",
     "input x 1x1x5x5\nweight w 1x1x3x3\nConv x,w -> y strides=[1,1] dilations=[1,1] pads=[1,1,1,1] group=1\noutput y"},
    {"Conv, stride 3 that leaves a rest", "input x 1x8x11x8\nweight w 8x8x3x3\nConv x,w -> y strides=[3,3] "
                                          "dilations=[1,1] pads=[0,0,0,0] group=1\noutput y"},
    {"Conv, stride beyond the kernel",
     "input x 1x8x9x9\nweight w 8x8x1x1\nConv x,w -> y strides=[4,4] dilations=[1,1] pads=[0,0,0,0] group=1\noutput y"},
    {"Conv, strides 1 and 5",
     "input x 1x4x7x13\nweight w 8x4x3x3\nweight b 8\nConv x,w,b -> y strides=[1,5] pads=[1,1,1,1]\noutput y"},
    {"Conv, padded at the end only",
     "input x 1x8x6x6\nweight w 8x8x3x3\nweight b 8\nConv x,w,b -> y strides=[2,2] pads=[0,0,1,1]\noutput y"},
    {"Conv, four different pads",
     "input x 2x5x7x6\nweight w 7x5x3x4\nweight b 7\nConv x,w,b -> y strides=[1,2] pads=[0,3,2,1]\noutput y"},
    {"Conv, padded wider than the kernel", "input x 1x4x3x3\nweight w 4x4x3x3\nweight b 4\nConv x,w,b -> y "
                                           "strides=[1,1] dilations=[1,1] pads=[4,4,4,4] group=1\noutput y"},
    {"Conv, dilated by 2 and 3",
     "input x 1x8x12x13\nweight w 8x8x3x3\nweight b 8\nConv x,w,b -> y dilations=[2,3] pads=[2,3,2,3]\noutput y"},
    {"Conv, dilated with stride", "input x 1x8x12x12\nweight w 8x8x3x3\nweight b 8\nConv x,w,b -> y strides=[2,2] "
                                  "dilations=[2,2] pads=[1,1,1,1] group=1\noutput y"},
    {"Conv, kernel as large as the input",
     "input x 1x8x7x7\nweight w 9x8x7x7\nConv x,w -> y strides=[1,1] dilations=[1,1] pads=[0,0,0,0] group=1\noutput y"},
    {"Conv, even kernel", "input x 1x8x7x7\nweight w 8x8x4x4\nweight b 8\nConv x,w,b -> y strides=[1,1] "
                          "dilations=[1,1] pads=[1,1,1,1] group=1\noutput y"},
    {"Conv, 13 to 19 channels", "input x 1x13x6x6\nweight w 19x13x3x3\nweight b 19\nConv x,w,b -> y strides=[1,1] "
                                "dilations=[1,1] pads=[1,1,1,1] group=1\noutput y"},
    {"Conv, 17 to 33 channels", "input x 2x17x5x4\nweight w 33x17x1x1\nweight b 33\nConv x,w,b -> y strides=[1,1] "
                                "dilations=[1,1] pads=[0,0,0,0] group=1\noutput y"},
    {"Conv, depthwise of 13", "input x 2x13x6x6\nweight w 13x1x3x3\nweight b 13\nConv x,w,b -> y strides=[1,1] "
                              "dilations=[1,1] pads=[1,1,1,1] group=13\noutput y"},
    {"Conv, depthwise, two for each", "input x 1x6x6x6\nweight w 12x1x3x3\nConv x,w -> y strides=[2,2] dilations=[1,1] "
                                      "pads=[1,1,1,1] group=6\noutput y"},
    {"Conv, groups of 3", "input x 1x9x6x6\nweight w 15x3x3x3\nweight b 15\nConv x,w,b -> y strides=[1,1] "
                          "dilations=[1,1] pads=[1,1,1,1] group=3\noutput y"},
    {"Conv, one axis",
     "input x 2x5x11\nweight w 7x5x3\nweight b 7\nConv x,w,b -> y strides=[2] dilations=[2] pads=[1,2]\noutput y"},
    {"Conv, three axes",
     "input x 1x3x4x5x4\nweight w 5x3x2x3x2\nConv x,w -> y strides=[1,2,1] pads=[0,1,1,1,1,0]\noutput y"},
    {"Conv, empty batch", "input x 0x8x6x6\nweight w 8x8x3x3\nweight b 8\nConv x,w,b -> y strides=[1,1] "
                          "dilations=[1,1] pads=[1,1,1,1] group=1\noutput y"},
    {"Conv, weights that vary", "input x 1x4x5x5\ninput w 6x4x3x3\nConv x,w -> y pads=[1,1,1,1]\noutput y"},
    {"Conv, Relu, Add",
     "input x 2x8x5x5\nweight w 8x8x3x3\nConv x,w -> a pads=[1,1,1,1]\nAdd a,x -> b\nRelu b -> y\noutput y"},
    {"ConvTranspose, stride 2",
     "input x 2x5x4x3\nweight w 5x7x3x3\nConvTranspose x,w -> y strides=[2,2] pads=[1,0,0,1]\noutput y"},
    {"MaxPool, batch of 3", "input x 3x13x7x6\nMaxPool x -> y kernel_shape=[2,2] strides=[2,2]\noutput y"},
    {"MaxPool, padded by one",
     "input x 1x13x9x9\nMaxPool x -> y kernel_shape=[3,3] strides=[2,2] pads=[1,1,1,1]\noutput y"},
    {"MaxPool, padded on one side",
     "input x 1x8x6x6\nMaxPool x -> y kernel_shape=[3,2] strides=[2,1] pads=[1,0,0,1]\noutput y"},
    {"MaxPool, stride 5", "input x 1x8x11x12\nMaxPool x -> y kernel_shape=[3,3] strides=[5,5]\noutput y"},
    {"MaxPool, ceiling", "input x 1x8x8x8\nMaxPool x -> y kernel_shape=[3,3] strides=[2,2] ceil_mode=1\noutput y"},
    {"MaxPool, 1x1 input", "input x 1x8x1x1\nMaxPool x -> y kernel_shape=[3,3] pads=[1,1,1,1]\noutput y"},
    {"MaxPool, empty batch", "input x 0x8x6x6\nMaxPool x -> y kernel_shape=[2,2] strides=[2,2]\noutput y"},
    {"GlobalMaxPool, 13 channels", "input x 2x13x5x3\nGlobalMaxPool x -> y\noutput y"},
    {"GlobalMaxPool, 1x1 input", "input x 1x13x1x1\nGlobalMaxPool x -> y\noutput y"},
    {"AveragePool, batch of 3", "input x 3x13x7x6\nAveragePool x -> y kernel_shape=[2,2] strides=[2,2]\noutput y"},
    {"AveragePool, padded by one",
     "input x 1x13x9x9\nAveragePool x -> y kernel_shape=[3,3] strides=[2,2] pads=[1,1,1,1]\noutput y"},
    {"AveragePool, padded on one side",
     "input x 1x8x6x6\nAveragePool x -> y kernel_shape=[3,2] strides=[2,1] pads=[1,0,0,1]\noutput y"},
    {"AveragePool, stride 5", "input x 1x8x11x12\nAveragePool x -> y kernel_shape=[3,3] strides=[5,5]\noutput y"},
    {"AveragePool, ceiling",
     "input x 1x8x8x8\nAveragePool x -> y kernel_shape=[3,3] strides=[2,2] ceil_mode=1\noutput y"},
    {"AveragePool, 1x1 input", "input x 1x8x1x1\nAveragePool x -> y kernel_shape=[3,3] pads=[1,1,1,1]\noutput y"},
    {"AveragePool, empty batch", "input x 0x8x6x6\nAveragePool x -> y kernel_shape=[2,2] strides=[2,2]\noutput y"},
    {"GlobalAveragePool, 13 channels", "input x 2x13x5x3\nGlobalAveragePool x -> y\noutput y"},
    {"GlobalAveragePool, 1x1 input", "input x 1x13x1x1\nGlobalAveragePool x -> y\noutput y"},
    {"MaxPool, dilated", "input x 1x8x9x9\nMaxPool x -> y kernel_shape=[3,3] dilations=[2,2]\noutput y"},
    {"AveragePool, padding counted",
     "input x 1x8x6x6\nAveragePool x -> y kernel_shape=[3,3] pads=[1,1,1,1] count_include_pad=1\noutput y"},
    {"Relu, odd size", "input x 3x7\nRelu x -> y\noutput y"},
    {"LeakyRelu, odd size", "input x 3x7\nLeakyRelu x -> y\noutput y"},
    {"Sigmoid, odd size", "input x 3x7\nSigmoid x -> y\noutput y"},
    {"Tanh, odd size", "input x 3x7\nTanh x -> y\noutput y"},
    {"Exp, odd size", "input x 3x7\nExp x -> y\noutput y"},
    {"Abs, odd size", "input x 3x7\nAbs x -> y\noutput y"},
    {"Neg, odd size", "input x 3x7\nNeg x -> y\noutput y"},
    {"Sqrt, odd size", "input x 3x7\nSqrt x -> y\noutput y"},
    {"Erf, odd size", "input x 3x7\nErf x -> y\noutput y"},
    {"Elu, odd size", "input x 3x7\nElu x -> y\noutput y"},
    {"HardSigmoid, odd size", "input x 3x7\nHardSigmoid x -> y\noutput y"},
    {"Floor, odd size", "input x 3x7\nFloor x -> y\noutput y"},
    {"Ceil, odd size", "input x 3x7\nCeil x -> y\noutput y"},
    {"Round, odd size", "input x 3x7\nRound x -> y\noutput y"},
    {"Log, odd size", "input x 3x7\nLog x -> y\noutput y"},
    {"Reciprocal, odd size", "input x 3x7\nReciprocal x -> y\noutput y"},
    {"Softplus, odd size", "input x 3x7\nSoftplus x -> y\noutput y"},
    {"Identity, odd size", "input x 3x7\nIdentity x -> y\noutput y"},
    {"Relu, scalar", "input x\nRelu x -> y\noutput y"},
    {"Relu, five axes", "input x 2x3x2x1x3\nRelu x -> y\noutput y"},
    {"Relu, empty", "input x 2x0x3\nRelu x -> y\noutput y"},
    {"Sigmoid, empty", "input x 0x7\nSigmoid x -> y\noutput y"},
    {"Clip, bounds missing", "input x 3x7\nClip x -> y\noutput y"},
    {"Add, a row", "input x 2x5x3x7\nweight w 7\nAdd x,w -> y\noutput y"},
    {"Sub, a row", "input x 2x5x3x7\nweight w 7\nSub x,w -> y\noutput y"},
    {"Mul, a row", "input x 2x5x3x7\nweight w 7\nMul x,w -> y\noutput y"},
    {"Div, a row", "input x 2x5x3x7\nweight w 7\nDiv x,w -> y\noutput y"},
    {"Max, a row", "input x 2x5x3x7\nweight w 7\nMax x,w -> y\noutput y"},
    {"Min, a row", "input x 2x5x3x7\nweight w 7\nMin x,w -> y\noutput y"},
    {"Add, two that vary", "input x 2x5x1x7\ninput w 5x3x1\nAdd x,w -> y\noutput y"},
    {"Add, with itself", "input x 3x5\nAdd x,x -> y\noutput y"},
    {"Add, empty", "input x 2x0x7\nweight w 7\nAdd x,w -> y\noutput y"},
    {"Softmax, 13", "input x 2x3x13\nSoftmax x -> y axis=-1\noutput y"},
    {"Softmax, channels", "input x 2x13x3x2\nSoftmax x -> y axis=1\noutput y"},
    {"Softmax, axis of 1", "input x 5x1\nSoftmax x -> y axis=-1\noutput y"},
    {"Softmax, empty", "input x 0x5\nSoftmax x -> y axis=-1\noutput y"},
    {"MatMul, one row", "input x 1x13\nweight w 13x7\nMatMul x,w -> y\noutput y"},
    {"MatMul, batch", "input x 3x2x5x13\nweight w 13x9\nMatMul x,w -> y\noutput y"},
    {"MatMul, two that vary", "input x 3x1x5x4\ninput w 2x4x3\nMatMul x,w -> y\noutput y"},
    {"MatMul, nothing to sum", "input x 3x0\ninput w 0x5\nMatMul x,w -> y\noutput y"},
    {"Gemm, transposed",
     "input x 13x3\nweight w 7x13\nweight b 7\nGemm x,w,b -> y transA=1 transB=1 alpha=f:0.5\noutput y"},
    {"Transpose", "input x 2x3x5x7\nTranspose x -> y perm=[0,3,1,2]\noutput y"},
    {"Transpose, channels to the end and back",
     "input x 2x5x4x3\nRelu x -> a\nTranspose a -> b perm=[0,2,3,1]\nTranspose b -> c perm=[0,3,1,2]\nAdd c,x -> y\n"
     "output y"},
    {"Transpose, few of many",
     "input x 2x300x3\nRelu x -> a\nTranspose a -> b perm=[0,2,1]\nTranspose b -> y perm=[1,0,2]\noutput y"},
    {"Gather, one of the last axis", "input x 2x3x5x7\nints i 4\nGather x,i -> y axis=3\noutput y"},
    {"Gather, the last channels", "input x 2x6x5x4\nints i -2,-1\nGather x,i -> y axis=1\noutput y"},
    {"Gather, one channel without its axis", "input x 2x6x5x4\nint i -2\nGather x,i -> y axis=1\noutput y"},
    {"Gather, half of a reshaped tensor",
     "input x 1x8x3x4\nRelu x -> r\nints s 1,4,2,3,4\nReshape r,s -> a\nTranspose a -> b perm=[0,2,1,3,4]\nint i 1\n"
     "Gather b,i -> c axis=1\nNeg c -> y\noutput y"},
    {"Gather, a run of rows", "input x 5x7\nints i 1,2,3\nGather x,i -> a axis=0\nNeg a -> y\noutput y"},
    {"Gather, out of order", "input x 5x7\nints i 3,0,3\nGather x,i -> y axis=0\noutput y"},
    {"Split, then joined", "input x 2x6x3x4\nSplit x -> a,b axis=1\nMul a,b -> y\noutput y"},
    {"Concat, odd channels", "input x 2x3x5x4\ninput w 2x6x5x4\nConcat x,w -> y axis=1\noutput y"},
    {"Concat, one empty", "input x 2x3x5x4\ninput w 2x0x5x4\nConcat x,w -> y axis=1\noutput y"},
    {"ReduceMean", "input x 3x13x5x4\nReduceMean x -> y axes=[2,3] keepdims=1\noutput y"},
    {"BatchNormalization, 13", "input x 2x13x3x3\nweight w 13\nBatchNormalization x,w,w,w,w -> y\noutput y"},
    {"Slice, steps back",
     "input x 5x7\nints s 4,6\nints e 0,1\nints a 0,1\nints t -1,-2\nSlice x,s,e,a,t -> y\noutput y"},
    {"Pad, borders", "input x 1x3x4x5\nints p 0,1,2,0,0,0,0,3\nPad x,p -> y\noutput y"},
};
/* clang-format on */

/* ---- Values ---- */

typedef enum kind { NORMAL, DENORMAL, LARGE, INFINITE, NOT_NUMBERS, ZEROS, N_KINDS } kind;

static const char *const kinds[N_KINDS] = {
    "", ", denormals", ", of 1e30", ", infinities", ", not-a-numbers", ", zeros of both signs"};

/* Some values become of the kind; the others stay, so that what leaks from one to the next is seen. */
static void make_hostile(float *values, size_t n, kind of, float not_number)
{
    for (size_t i = 0; i < n; i++) {
        float sign = values[i] < 0 ? -1.0F : 1.0F;
        if (of == DENORMAL) /* all, else they vanish beside the others */
            values[i] *= 1e-40F;
        else if (of == ZEROS && i % 2 == 0)
            values[i] = sign * 0.0F;
        else if (of == LARGE && i % 3 == 0)
            values[i] = sign * 1e30F;
        else if (of == INFINITE && i % 29 == 3)
            values[i] = sign * INFINITY;
        else if (of == NOT_NUMBERS && i % 29 == 3)
            values[i] = not_number;
    }
}

/* ---- Networks ---- */

enum { MOST_INPUTS = 2 };

typedef struct subject {
    char name[160];
    kind of;
    mae_graph *graph;
    test_value inputs[MOST_INPUTS];
    test_reference reference;
    bool *settled; /* per element of the output: every PE has to give what the reference gives */
} subject;

/* Hostile is what comes first; a second input is like weights. */
static void make_inputs(subject *s, float not_number)
{
    for (size_t i = 0; i < s->graph->n_inputs; i++) {
        const mae_tensor *tensor = &s->graph->tensors[s->graph->inputs[i]];
        mae_rng rng = {5 + i};
        size_t n = tensor->bytes / sizeof(float);
        float *values = s->inputs[i].data ? s->inputs[i].data : malloc(tensor->bytes + 1);
        assert_true(values && tensor->is_static && tensor->shape.dtype == MAE_F32);
        for (size_t k = 0; k < n; k++)
            values[k] = (float)mae_rng_normal(&rng);
        if (i == 0)
            make_hostile(values, n, s->of, not_number);
        s->inputs[i] = (test_value){.shape = tensor->shape, .data = values, .bytes = tensor->bytes};
    }
}

/* Engines agree about the elements that no not-a-number goes into. What they make of one differs, ONNX Runtime's own
 * optimised kernels from the others: XNNPACK drops it as it clamps, MaxPool, Max and Relu take it for small or for
 * large. So these elements have only to leave the others alone. They are found by putting numbers in its place. */
static void find_settled(subject *s)
{
    static const float instead[] = {NAN, 1000, -1000}; /* the first again, so that the inputs end as they were */
    const test_value *wanted = &s->reference.values[s->graph->outputs[0]];
    size_t n = wanted->bytes / sizeof(float);
    s->settled = malloc(n + 1);
    assert_non_null(s->settled);
    for (size_t i = 0; i < n; i++)
        s->settled[i] = !isnan(((const float *)wanted->data)[i]) || s->of < INFINITE;
    for (size_t k = sizeof(instead) / sizeof(instead[0]); s->of == NOT_NUMBERS && k-- > 0;) {
        test_reference other;
        make_inputs(s, instead[k]);
        test_ok(test_reference_make(s->graph, s->inputs, s->graph->n_inputs, &other));
        const float *values = other.values[s->graph->outputs[0]].data;
        for (size_t i = 0; i < n; i++)
            s->settled[i] = s->settled[i] && values[i] == ((const float *)wanted->data)[i];
        test_reference_finish(&other);
    }
}

/* ONNX Runtime's own reciprocal refines an estimate, on Arm, and infinity comes out of that with the other sign. What
 * other PEs make of these numbers is compared with what is right. */
static void set_signs(subject *s)
{
    const test_value *x = &s->inputs[0], *y = &s->reference.values[s->graph->outputs[0]];
    if (strcmp(s->graph->nodes[0].op, "Reciprocal") != 0)
        return;
    for (size_t i = 0; i < y->bytes / sizeof(float); i++) {
        float *value = (float *)y->data + i;
        *value = isinf(*value) ? copysignf(*value, ((const float *)x->data)[i]) : *value;
    }
}

/* The reference's values are the engine's own, unoptimised, node by node. */
static void make_subject(subject *s, const hostile *h, kind of)
{
    *s = (subject){.of = of};
    snprintf(s->name, sizeof(s->name), "%s%s", h->name, kinds[of]);
    test_ok(import_text(h->text, test_evaluator(), &s->graph));
    assert_in_range(s->graph->n_inputs, 1, MOST_INPUTS);
    assert_true(s->graph->n_layers > 0 && s->graph->n_outputs == 1);
    make_inputs(s, NAN);
    test_ok(test_reference_make(s->graph, s->inputs, s->graph->n_inputs, &s->reference));
    set_signs(s);
    find_settled(s);
}

static void finish_subject(subject *s)
{
    for (size_t i = 0; i < s->graph->n_inputs; i++)
        free(s->inputs[i].data);
    free(s->settled);
    test_reference_finish(&s->reference);
    mae_onnx_graph_destroy(s->graph);
}

/* ---- Runs ---- */

/* The settled elements, as the PE's tolerance says. */
static bool is_close(const mae_pe *pe, const subject *s, const mae_shape *shape, const void *data)
{
    const test_value *wanted = &s->reference.values[s->graph->outputs[0]];
    if (!mae_shape_equal(shape, &wanted->shape))
        return false;
    float *values = malloc(wanted->bytes + 1);
    assert_non_null(values);
    memcpy(values, data, wanted->bytes);
    for (size_t i = 0; i < wanted->bytes / sizeof(float); i++) {
        if (!s->settled[i])
            values[i] = ((const float *)wanted->data)[i];
    }
    bool close = mae_compare(shape, values, wanted->data, pe->abs_tolerance, pe->rel_tolerance).ok;
    free(values);
    return close;
}

static mae_error *run_twice(const test_engine *engine, const subject *s, bool *ret_close)
{
    mae_program *program = NULL;
    const void *data;
    mae_shape shape;
    int output = s->graph->outputs[0];
    mae_error *error = test_segment(engine, s->graph, 0, (int)s->graph->n_layers - 1, 0, &program);
    for (size_t i = 0; !error && i < s->graph->n_inputs; i++)
        error = mae_program_write(program, s->graph->inputs[i], s->inputs[i].data, s->inputs[i].bytes);
    *ret_close = true;
    for (int round = 0; !error && round < 2; round++) {
        error = mae_program_run(program, NULL);
        if (!error)
            error = mae_program_read(program, output, &data, &shape);
        if (!error)
            *ret_close = is_close(engine->pe, s, &shape, data) && *ret_close;
    }
    mae_program_destroy(program);
    return error;
}

static void check_on(size_t backend, const subject *s, conformance_counts *counts)
{
    const char *reason = NULL;
    const test_engine *engine = &engines[backend];
    if (!test_supports(engine, s->graph, 0, (int)s->graph->n_layers - 1, &reason)) {
        assert_non_null(reason);
        conformance_say("%s does not support %s: %s\n", engine->name, s->name, reason);
        counts->unsupported++;
        return;
    }
    bool close = false;
    mae_error *error = run_twice(engine, s, &close);
    conformance_count(counts, conformance_backends[backend], s->name, error, close);
    taken[backend]++;
    mae_error_free(error);
}

/* All shapes with values of one kind. */
static void test_kind(void **state)
{
    conformance_counts counts[N_BACKENDS] = {0};
    kind of = *(const kind *)*state;
    int failed = 0;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        subject s;
        if (!conformance_wants(table[i].name))
            continue;
        make_subject(&s, &table[i], of);
        for (size_t b = 0; b < N_BACKENDS; b++) {
            if (present[b])
                check_on(b, &s, &counts[b]);
        }
        finish_subject(&s);
    }
    for (size_t b = 0; b < N_BACKENDS; b++) {
        if (present[b])
            conformance_report(of == NORMAL ? "hostile shapes" : kinds[of] + 2, engines[b].name, &counts[b]);
        failed += counts[b].failed;
    }
    assert_int_equal(failed, 0);
}

static int open_all(void **state)
{
    (void)state;
    for (size_t b = 0; b < N_BACKENDS; b++)
        present[b] = conformance_wants_backend(conformance_backends[b]) &&
                     test_engine_open(conformance_backends[b], 1, &engines[b]);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    for (size_t b = 0; b < N_BACKENDS; b++)
        if (present[b])
            test_engine_close(&engines[b]);
    return 0;
}

/* A PE that refuses everything would pass the rest. */
static void test_taken(void **state)
{
    (void)state;
    if (conformance_options.only)
        skip();
    for (size_t b = 0; b < N_BACKENDS; b++)
        if (present[b])
            assert_true(taken[b] > (conformance_options.foreign ? 0 : 40));
}

int main(int argc, char **argv)
{
    static const kind all[N_KINDS] = {NORMAL, DENORMAL, LARGE, INFINITE, NOT_NUMBERS, ZEROS};
    struct CMUnitTest tests[N_KINDS + 1];
    size_t n = 0;
    conformance_arguments(argc, argv);
    for (size_t i = 0; i < N_KINDS; i++) {
        const char *name = all[i] == NORMAL ? "shapes" : kinds[all[i]] + 2;
        tests[n++] = (struct CMUnitTest){name, test_kind, NULL, NULL, (void *)&all[i]};
    }
    tests[n++] = (struct CMUnitTest){"taken", test_taken, NULL, NULL, NULL};
    return _cmocka_run_group_tests("hostile", tests, n, open_all, close_all);
}
