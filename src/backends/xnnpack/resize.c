/* Resize and Upsample.
 *
 * ONNX has dozens of combinations of coordinates and rounding. Instead of reasoning about each, the source positions
 * are computed for every output position by ONNX's formulas and by the library's, and compared. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backends/xnnpack/lower.h"

typedef struct sampled {
    int64_t in, out;
    double scale;
    const char *coordinates, *rounding;
} sampled;

/* Where output position `o` lies in the input, by the operator's coordinate_transformation_mode. */
static bool source_position(const sampled *a, int64_t o, double *ret_x)
{
    const char *mode = a->coordinates;
    double x = (double)o;

    if (!strcmp(mode, "asymmetric"))
        *ret_x = x / a->scale;
    else if (!strcmp(mode, "half_pixel") || (!strcmp(mode, "pytorch_half_pixel") && a->out > 1))
        *ret_x = (x + 0.5) / a->scale - 0.5;
    else if (!strcmp(mode, "pytorch_half_pixel"))
        *ret_x = 0.0;
    else if (!strcmp(mode, "align_corners"))
        *ret_x = a->out == 1 ? 0.0 : x * (double)(a->in - 1) / (double)(a->out - 1);
    else
        return false;
    return true;
}

static double clamp(double x, int64_t in)
{
    return fmin(fmax(x, 0.0), (double)(in - 1));
}

/* The library's ways to sample linearly, by its flags. */
static const uint32_t ways[] = {0, XNN_FLAG_ALIGN_CORNERS, XNN_FLAG_TENSORFLOW_LEGACY_MODE};

static double library_position(const sampled *a, uint32_t way, int64_t o)
{
    double ratio = (double)a->in / (double)a->out;

    if (way == XNN_FLAG_ALIGN_CORNERS)
        return a->out == 1 ? 0.0 : (double)o * (double)(a->in - 1) / (double)(a->out - 1);
    return way ? (double)o * ratio : ((double)o + 0.5) * ratio - 0.5;
}

static bool linear_fits(const sampled *a, uint32_t way)
{
    double theirs;

    for (int64_t o = 0; o < a->out; o++)
        if (!source_position(a, o, &theirs) || fabs(clamp(library_position(a, way, o), a->in) - clamp(theirs, a->in)) >=
                                                   1e-6 * (double)(a->in < 10 ? 10 : a->in))
            return false;
    return true;
}

static double round_position(const char *rounding, double x)
{
    if (!strcmp(rounding, "floor"))
        return floor(x);
    if (!strcmp(rounding, "ceil"))
        return ceil(x);
    if (!strcmp(rounding, "round_prefer_ceil"))
        return floor(x + 0.5);
    return ceil(x - 0.5); /* round_prefer_floor */
}

/* Is every element repeated as often, in order? A position too near to a rounding border is relied on only where it is
 * a whole number, which is exact. */
static bool nearest_fits(const sampled *a)
{
    if (a->out % a->in != 0)
        return false;
    for (int64_t o = 0; o < a->out; o++) {
        double x;
        if (!source_position(a, o, &x))
            return false;
        double low = clamp(round_position(a->rounding, x - 1e-4), a->in);
        double high = clamp(round_position(a->rounding, x + 1e-4), a->in);
        double own = clamp(round_position(a->rounding, x), a->in);
        int64_t nearest = o / (a->out / a->in);
        if (own != (double)nearest || (x != floor(x) && low != high))
            return false;
    }
    return true;
}

/* The scale of an axis: as given, else the ratio of the sizes. */
static bool read_scales(const mae_xnn_build *b, const mae_node *node, double *scales)
{
    const mae_shape *x = mae_xnn_shape(b, node->inputs[0]), *y = mae_xnn_shape(b, node->outputs[0]);
    bool old = !strcmp(node->op, "Upsample") || node->opset < 11;
    int input = mae_node_input(node, old ? 1 : 2);
    const mae_attr *attr = mae_node_attr(node, "scales");
    size_t n = 0;

    for (int i = 0; i < x->rank; i++)
        scales[i] = (double)y->dims[i] / (double)x->dims[i];
    if (input >= 0 && (!mae_xnn_tensor(b, input)->is_constant || !mae_shape_count(mae_xnn_shape(b, input), &n)))
        return false;
    if (input >= 0 && n > 0) {
        if (n != (size_t)x->rank || !mae_graph_is_weight(b->graph, input))
            return false;
        for (size_t i = 0; i < n; i++)
            scales[i] = mae_tensor_f64(mae_xnn_tensor(b, input), i);
    } else if (attr && input < 0) {
        if (attr->n != (size_t)x->rank || attr->type != MAE_ATTR_FLOATS)
            return false;
        for (int i = 0; i < x->rank; i++)
            scales[i] = (double)attr->floats[i];
    }
    return true;
}

typedef struct bilinear {
    size_t height, width, to_height, to_width;
    uint32_t flags;
} bilinear;

static enum xnn_status create(const mae_xnn_unit *unit, const mae_xnn_step *step, xnn_operator_t *ret_op)
{
    const bilinear *r = step->params;
    const mae_xnn_value *x = mae_xnn_value_of(unit, step->in[0]), *y = mae_xnn_value_of(unit, step->out);
    return xnn_create_resize_bilinear2d_nhwc_f32(x->channels, x->stride, y->stride, r->flags, ret_op);
}

static enum xnn_status setup(const mae_xnn_unit *unit, const mae_xnn_step *step)
{
    const bilinear *r = step->params;
    size_t batch = mae_xnn_value_of(unit, step->in[0])->rows / (r->height * r->width);

    return xnn_setup_resize_bilinear2d_nhwc_f32(step->op, batch, r->height, r->width, r->to_height, r->to_width,
                                                mae_xnn_at(unit, step->in[0]), mae_xnn_at(unit, step->out),
                                                mae_xnn_pool(unit));
}

static const mae_xnn_kind kind = {create, setup, NULL, "bilinear resize"};

static mae_error *add_bilinear(mae_xnn_build *b, const mae_node *node, uint32_t way)
{
    const mae_shape *x = mae_xnn_shape(b, node->inputs[0]), *y = mae_xnn_shape(b, node->outputs[0]);
    bilinear r = {(size_t)x->dims[2], (size_t)x->dims[3], (size_t)y->dims[2], (size_t)y->dims[3], way};
    int in, out;

    for (int i = 2; i < 4; i++) /* the library computes positions in single precision */
        if (x->dims[i] >= 1 << 20 || y->dims[i] >= 1 << 20)
            return mae_xnn_unsupported(b, "a resize of so many elements");
    MAE_TRY(mae_xnn_value_get(b, node->inputs[0], MAE_XNN_LAST, false, &in));
    MAE_TRY(mae_xnn_value_new(b, node->outputs[0], MAE_XNN_LAST, false, &out));
    return mae_xnn_step_add(b, &kind, &r, sizeof(r), (int[]){in, -1}, out, NULL);
}

/* Repeating elements is multiplying them by ones that are broadcast: height, times, width, times, channels. */
static mae_error *add_repeat(mae_xnn_build *b, const mae_node *node)
{
    const mae_shape *x = mae_xnn_shape(b, node->inputs[0]), *y = mae_xnn_shape(b, node->outputs[0]);
    size_t high = (size_t)(y->dims[2] / x->dims[2]), wide = (size_t)(y->dims[3] / x->dims[3]);
    size_t from[6] = {(size_t)x->dims[0], (size_t)x->dims[2], 1, (size_t)x->dims[3], 1, (size_t)x->dims[1]};
    size_t by[6] = {1, 1, high, 1, wide, 1};
    const size_t *dims[2] = {from, by};
    int in, ones, out;
    float *numbers;

    MAE_TRY(mae_xnn_value_get(b, node->inputs[0], MAE_XNN_LAST, true, &in));
    MAE_TRY(mae_xnn_value_new(b, node->outputs[0], MAE_XNN_LAST, true, &out));
    MAE_TRY(mae_xnn_numbers(b, high * wide, &numbers));
    for (size_t i = 0; numbers && i < high * wide; i++)
        numbers[i] = 1.0f;
    MAE_TRY(mae_xnn_value_constant(b, numbers, high * wide, &ones));
    return mae_xnn_add_arithmetic(b, MAE_XNN_MUL, (int[]){in, ones}, dims, (int[]){6, 6}, out, -INFINITY, INFINITY);
}

mae_error *mae_xnn_lower_resize(mae_xnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    const mae_shape *x = mae_xnn_shape(b, node->inputs[0]), *y = mae_xnn_shape(b, node->outputs[0]);
    const char *mode = mae_node_string(node, "mode", "nearest");
    bool old = !strcmp(node->op, "Upsample") || node->opset < 11, nearest = !strcmp(mode, "nearest");
    bool fits[1 + sizeof(ways) / sizeof(ways[0])] = {true, true, true, true};
    double scales[MAE_MAX_RANK];

    if (!nearest && strcmp(mode, "linear") != 0 && strcmp(mode, "bilinear") != 0)
        return mae_xnn_unsupported(b, "a resize of this mode");
    if (x->rank != 4 || y->rank != 4 || mae_node_int(node, "antialias", 0) || mae_node_attr(node, "axes") ||
        !read_scales(b, node, scales) || x->dims[0] != y->dims[0] || x->dims[1] != y->dims[1] ||
        fabs(scales[0] - 1.0) > 1e-6 || fabs(scales[1] - 1.0) > 1e-6)
        return mae_xnn_unsupported(b, "a resize of this form");
    for (int i = 2; i < 4; i++) {
        sampled a = {x->dims[i], y->dims[i], scales[i],
                     old ? "asymmetric" : mae_node_string(node, "coordinate_transformation_mode", "half_pixel"),
                     old ? "floor" : mae_node_string(node, "nearest_mode", "round_prefer_floor")};
        for (size_t way = 0; !nearest && way < sizeof(ways) / sizeof(ways[0]); way++)
            fits[way] = fits[way] && linear_fits(&a, ways[way]) && !(old && a.scale < 1.0);
        fits[3] = fits[3] && nearest && nearest_fits(&a);
    }
    if (nearest && fits[3])
        return add_repeat(b, node);
    for (size_t way = 0; !nearest && way < sizeof(ways) / sizeof(ways[0]); way++)
        if (fits[way])
            return add_bilinear(b, node, ways[way]);
    return mae_xnn_unsupported(b, "a resize whose sampling XNNPACK does not have");
}
