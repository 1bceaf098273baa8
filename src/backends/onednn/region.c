/* Finding nodes that together compute one function of a tensor.
 *
 * Exporters write SiLU, hard swish, GELU and the like out in many ways. Instead of one pattern per way, the
 * nodes are evaluated at sample points, in double precision, and the result is compared with the
 * functions that oneDNN has.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "backends/onednn/chain.h"
#include "backends/onednn/lower.h"

#define FIXED_SAMPLES 43
#define MOST_SAMPLES 96
#define MOST_REGION 10 /* nodes */

static const double fixed_samples[FIXED_SAMPLES] = {
    0.0,  0.01, -0.01, 0.1,  -0.1, 0.3,  -0.3,  0.5,  -0.5,  0.75,  -0.75,  1.0,     -1.0,    1.3,  -1.3,
    1.7,  -1.7, 2.0,   -2.0, 2.4,  -2.4, 2.9,   -2.9, 3.1,   -3.1,  4.0,    -4.0,    5.0,     -5.0, 5.9,
    -5.9, 6.1,  -6.1,  8.0,  -8.0, 11.0, -11.0, 30.0, -30.0, 300.0, -300.0, 20000.0, -20000.0};

/* A tensor of the region with its values at the samples. */
typedef struct node_values {
    int node, tensor;
    double y[MOST_SAMPLES];
} node_values;

typedef struct search {
    const mae_dnn_build *b;
    const mae_layer *layer;
    int tensor;
    bool inside;
    size_t n_samples;
    double x[MOST_SAMPLES];
    size_t n;
    node_values values[MOST_REGION];
} search;

static const double *values_of(const search *s, int tensor)
{
    if (tensor == s->tensor)
        return s->x;
    for (size_t i = 0; i < s->n; i++)
        if (s->values[i].tensor == tensor)
            return s->values[i].y;
    return NULL;
}

static bool in_region(const search *s, int node)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->values[i].node == node)
            return true;
    return false;
}

/* Does anything outside of the region need this tensor? */
static bool leaks(const search *s, int tensor)
{
    for (size_t i = 0; i < s->layer->n_outputs; i++)
        if (s->layer->outputs[i] == tensor)
            return true;
    for (int n = s->layer->first_node; n < s->layer->first_node + s->layer->n_nodes; n++) {
        const mae_node *node = &s->b->graph->nodes[n];
        for (size_t i = 0; i < node->n_inputs + node->n_captures; i++)
            if (node->inputs[i] == tensor && !in_region(s, n))
                return true;
    }
    return false;
}

/* Is the last tensor the only one that leaves the region? */
static bool is_closed(const search *s)
{
    if (s->inside && leaks(s, s->tensor))
        return false;
    for (size_t i = 0; i + 1 < s->n; i++)
        if (leaks(s, s->values[i].tensor))
            return false;
    return true;
}

static double softplus(double x)
{
    return x > 30.0 ? x : log1p(exp(x));
}

/* What oneDNN's documentation defines each function to be. */
static double apply(const mae_dnn_function *f, double x)
{
    double a = f->alpha, b = f->beta;

    switch ((int)f->alg) {
    case dnnl_eltwise_relu:
        return x > 0.0 ? x : a * x;
    case dnnl_eltwise_tanh:
        return tanh(x);
    case dnnl_eltwise_elu:
        return x > 0.0 ? x : a * expm1(x);
    case dnnl_eltwise_square:
        return x * x;
    case dnnl_eltwise_abs:
        return fabs(x);
    case dnnl_eltwise_sqrt:
        return sqrt(x);
    case dnnl_eltwise_linear:
        return a * x + b;
    case dnnl_eltwise_soft_relu:
        return softplus(x);
    case dnnl_eltwise_logistic:
        return 1.0 / (1.0 + exp(-x));
    case dnnl_eltwise_exp:
        return exp(x);
    case dnnl_eltwise_gelu_tanh:
        return 0.5 * x * (1.0 + tanh(sqrt(2.0 / M_PI) * (x + 0.044715 * x * x * x)));
    case dnnl_eltwise_gelu_erf:
        return 0.5 * x * (1.0 + erf(x / M_SQRT2));
    case dnnl_eltwise_swish:
        return x / (1.0 + exp(-a * x));
    case dnnl_eltwise_log:
        return log(x);
    case dnnl_eltwise_clip:
        return fmin(fmax(x, a), b);
    case dnnl_eltwise_pow:
        return a * pow(x, b);
    case dnnl_eltwise_round:
        return nearbyint(x);
    case dnnl_eltwise_mish:
        return x * tanh(softplus(x));
    case dnnl_eltwise_hardswish:
        return x * fmin(fmax(a * x + b, 0.0), 1.0);
    default:
        return NAN;
    }
}

static double combine(const char *op, double l, double r)
{
    if (!strcmp(op, "Add"))
        return l + r;
    if (!strcmp(op, "Sub"))
        return l - r;
    if (!strcmp(op, "Mul"))
        return l * r;
    if (!strcmp(op, "Div"))
        return l / r;
    return !strcmp(op, "Max") ? fmax(l, r) : fmin(l, r);
}

static bool is_combination(const char *op)
{
    static const char *const ops[] = {"Add", "Sub", "Mul", "Div", "Max", "Min"};

    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
        if (!strcmp(op, ops[i]))
            return true;
    return false;
}

/* Values of a node all of whose inputs are in the region or scalars; false if it has none. */
static bool evaluate(const search *s, const mae_node *node, int index, double *y)
{
    const double *l = node->n_inputs > 0 && node->inputs[0] >= 0 ? values_of(s, node->inputs[0]) : NULL;
    const double *r = node->n_inputs > 1 && node->inputs[1] >= 0 ? values_of(s, node->inputs[1]) : NULL;
    mae_dnn_function f[2];
    size_t n;

    if ((!l && !r) || node->domain[0] || node->n_outputs != 1 || !mae_dnn_same_shape(s->b, node->outputs[0], s->tensor))
        return false;
    if (l && r && node->n_inputs == 2 && is_combination(node->op)) {
        for (size_t i = 0; i < s->n_samples; i++)
            y[i] = combine(node->op, l[i], r[i]);
        return true;
    }
    if (l && !strcmp(node->op, "Erf")) {
        for (size_t i = 0; i < s->n_samples; i++)
            y[i] = erf(l[i]);
        return true;
    }
    if ((l && r) || !mae_dnn_function_of(s->b, index, node->inputs[l ? 0 : 1], f, &n))
        return false;
    for (size_t i = 0; i < s->n_samples; i++) {
        y[i] = apply(&f[0], l ? l[i] : r[i]);
        y[i] = n > 1 ? apply(&f[1], y[i]) : y[i];
    }
    return true;
}

static void add_sample(search *s, double x)
{
    if (s->n_samples < MOST_SAMPLES && fabs(x) < 1e6)
        s->x[s->n_samples++] = x;
}

/* Samples also stand on both sides of every constant, where bends are. */
static void make_samples(search *s)
{
    double c;

    for (size_t i = 0; i < FIXED_SAMPLES; i++)
        add_sample(s, fixed_samples[i]);
    for (int n = s->layer->first_node; n < s->layer->first_node + s->layer->n_nodes; n++) {
        const mae_node *node = &s->b->graph->nodes[n];
        for (size_t i = 0; i < node->n_inputs; i++) {
            if (!mae_dnn_is_scalar(s->b, node->inputs[i], s->tensor, &c))
                continue;
            add_sample(s, 0.98 * c);
            add_sample(s, 1.02 * c);
            add_sample(s, -0.98 * c);
            add_sample(s, -1.02 * c);
        }
    }
}

static bool same(double a, double b)
{
    if (isnan(a) || isnan(b))
        return isnan(a) && isnan(b);
    return a == b || fabs(a - b) <= 2e-6 * fmax(1.0, fabs(a));
}

static bool matches(const search *s, const double *y, const mae_dnn_function *f, size_t n)
{
    for (size_t i = 0; i < s->n_samples; i++) {
        double x = apply(&f[0], s->x[i]);
        if (!same(y[i], n > 1 ? apply(&f[1], x) : x))
            return false;
    }
    return true;
}

/* a * x + b, held between two bounds: what is left of linear functions, clips and hard sigmoids in a row. */
static bool match_ramp(const search *s, const double *y, mae_dnn_region *region)
{
    double low = y[FIXED_SAMPLES - 1], high = y[FIXED_SAMPLES - 2];
    size_t first = s->n_samples, second = s->n_samples;

    if (low > high || isnan(low) || isnan(high)) /* falling ramps are not worth it */
        return false;
    for (size_t i = 0; i + 2 < FIXED_SAMPLES; i++) {
        if (!(y[i] > low && y[i] < high))
            continue;
        second = first < s->n_samples && second == s->n_samples ? i : second;
        first = first < s->n_samples ? first : i;
    }
    if (second == s->n_samples)
        return false;
    double a = (y[first] - y[second]) / (s->x[first] - s->x[second]), b = y[first] - a * s->x[first];
    bool bounded_low = !same(low, a * s->x[FIXED_SAMPLES - 1] + b);
    bool bounded_high = !same(high, a * s->x[FIXED_SAMPLES - 2] + b);
    mae_dnn_function line = {dnnl_eltwise_linear, (float)a, (float)b};
    mae_dnn_function clip = {dnnl_eltwise_clip, bounded_low ? (float)low : -FLT_MAX,
                             bounded_high ? (float)high : FLT_MAX};
    size_t n = 0;
    if (!(same(a, 1.0) && same(b, 0.0)))
        region->functions[n++] = line;
    if (bounded_low || bounded_high || n == 0)
        region->functions[n++] = clip;
    region->n_functions = n;
    return matches(s, y, region->functions, n);
}

static bool match_known(const search *s, const double *y, mae_dnn_region *region)
{
    static const mae_dnn_function known[] = {
        {dnnl_eltwise_swish, 1.0f, 0.0f},    {dnnl_eltwise_swish, 1.702f, 0.0f},
        {dnnl_eltwise_gelu_erf, 0.0f, 0.0f}, {dnnl_eltwise_gelu_tanh, 0.0f, 0.0f},
        {dnnl_eltwise_mish, 0.0f, 0.0f},     {dnnl_eltwise_hardswish, 1.0f / 6.0f, 0.5f},
        {dnnl_eltwise_square, 0.0f, 0.0f},   {dnnl_eltwise_tanh, 0.0f, 0.0f},
        {dnnl_eltwise_logistic, 0.0f, 0.0f}};

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (!matches(s, y, &known[i], 1))
            continue;
        region->functions[0] = known[i];
        region->n_functions = 1;
        return true;
    }
    return match_ramp(s, y, region);
}

/* Is the region, as it stands, one function? A single node says so itself. */
static bool recognise(const search *s, mae_dnn_region *region)
{
    const node_values *last = &s->values[s->n - 1];

    if (s->n == 1) {
        if (!mae_dnn_function_of(s->b, last->node, s->tensor, region->functions, &region->n_functions))
            return false;
    } else if (!match_known(s, last->y, region)) {
        return false;
    }
    region->out = last->tensor;
    region->n_nodes = s->n;
    for (size_t i = 0; i < s->n; i++)
        region->nodes[i] = s->values[i].node;
    return true;
}

bool mae_dnn_region_find(const mae_dnn_build *b, int tensor, bool inside, mae_dnn_region *ret_region)
{
    search s = {.b = b, .layer = &b->graph->layers[b->layer], .tensor = tensor, .inside = inside};
    mae_dnn_region region;
    bool found = false;

    make_samples(&s);
    for (int n = s.layer->first_node; n < s.layer->first_node + s.layer->n_nodes && s.n < MOST_REGION; n++) {
        const mae_node *node = &b->graph->nodes[n];
        if (b->done[n - b->first_node] || node->n_outputs == 0 || !evaluate(&s, node, n, s.values[s.n].y))
            continue;
        s.values[s.n].node = n;
        s.values[s.n].tensor = node->outputs[0];
        s.n++;
        if (is_closed(&s) && recognise(&s, &region)) {
            *ret_region = region;
            found = true;
        }
    }
    return found;
}
