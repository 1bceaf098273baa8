/* Resize and Upsample, where oneDNN's two ways of sampling are what the node asks for.
 *
 * ONNX has dozens of combinations of coordinates and rounding. Instead of reasoning about each, the
 * source positions are computed for every output position by ONNX's formulas and by oneDNN's, and
 * compared.
 */
#include <math.h>
#include <string.h>

#include "backends/onednn/lower.h"

typedef struct axis {
    int64_t in, out;
    double scale;
    const char *coordinates, *rounding;
    bool linear;
} axis;

/* Where output position `o` lies in the input, by the operator's coordinate_transformation_mode. */
static bool source_position(const axis *a, int64_t o, double *ret_x)
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

/* oneDNN's position, from its documentation: half pixels, with the ratio of the sizes as scale. The library
 * computes in single precision, so a position too near to a rounding border is not relied on. */
static bool same_sample(const axis *a, int64_t o)
{
    double mine = ((double)o + 0.5) * (double)a->in / (double)a->out - 0.5, theirs;

    if (!source_position(a, o, &theirs))
        return false;
    if (a->linear)
        return fabs(clamp(mine, a->in) - clamp(theirs, a->in)) < 1e-5 * (double)(a->in < 10 ? 10 : a->in) * 0.1;
    double low = clamp(floor(mine - 1e-4 + 0.5), a->in), high = clamp(floor(mine + 1e-4 + 0.5), a->in);
    double wanted_low = clamp(round_position(a->rounding, theirs - 1e-4), a->in);
    double wanted_high = clamp(round_position(a->rounding, theirs + 1e-4), a->in);
    double wanted = clamp(round_position(a->rounding, theirs), a->in);
    /* A rounding border is safe only where it is one of whole numbers, which are exact. */
    bool exact = theirs == floor(theirs) || wanted_low == wanted_high;
    return low == high && exact && wanted == low;
}

static bool axis_fits(const axis *a)
{
    for (int64_t o = 0; o < a->out; o++)
        if (!same_sample(a, o))
            return false;
    return true;
}

/* The scale of an axis: as given, else the ratio of the sizes. */
static bool read_scales(const mae_dnn_build *b, const mae_node *node, double *scales)
{
    const mae_shape *x = &mae_dnn_tensor(b, node->inputs[0])->shape, *y = &mae_dnn_tensor(b, node->outputs[0])->shape;
    bool old = !strcmp(node->op, "Upsample") || node->opset < 11;
    int input = mae_dnn_node_input(node, old ? 1 : 2);
    const mae_attr *attr = mae_node_attr(node, "scales");
    size_t n = 0;

    for (int i = 0; i < x->rank; i++)
        scales[i] = (double)y->dims[i] / (double)x->dims[i];
    if (input >= 0 &&
        (!mae_dnn_tensor(b, input)->is_constant || !mae_shape_count(&mae_dnn_tensor(b, input)->shape, &n)))
        return false;
    if (input >= 0 && n > 0) {
        if (n != (size_t)x->rank || !mae_dnn_is_weight(b, input))
            return false;
        for (size_t i = 0; i < n; i++)
            scales[i] = mae_tensor_f64(mae_dnn_tensor(b, input), i);
    } else if (attr && input < 0) {
        if (attr->n != (size_t)x->rank || attr->type != MAE_ATTR_FLOATS)
            return false;
        for (int i = 0; i < x->rank; i++)
            scales[i] = (double)attr->floats[i];
    }
    return true;
}

static mae_error *check(mae_dnn_build *b, const mae_node *node, bool *ret_linear)
{
    const mae_shape *x = &mae_dnn_tensor(b, node->inputs[0])->shape, *y = &mae_dnn_tensor(b, node->outputs[0])->shape;
    const char *mode = mae_node_string(node, "mode", "nearest");
    bool old = !strcmp(node->op, "Upsample") || node->opset < 11;
    double scales[MAE_MAX_RANK];

    *ret_linear = !strcmp(mode, "linear") || !strcmp(mode, "bilinear");
    if (!*ret_linear && strcmp(mode, "nearest") != 0)
        return mae_dnn_unsupported(b, "a resize of this mode");
    if (x->rank < 3 || x->rank > 5 || y->rank != x->rank || mae_node_int(node, "antialias", 0) ||
        mae_node_attr(node, "axes") || !read_scales(b, node, scales))
        return mae_dnn_unsupported(b, "a resize of this form");
    for (int i = 0; i < x->rank; i++) {
        axis a = {x->dims[i],
                  y->dims[i],
                  scales[i],
                  old ? "asymmetric" : mae_node_string(node, "coordinate_transformation_mode", "half_pixel"),
                  old ? "floor" : mae_node_string(node, "nearest_mode", "round_prefer_floor"),
                  *ret_linear};
        if (i < 2 ? a.in != a.out || fabs(a.scale - 1.0) > 1e-6 : !axis_fits(&a) || (old && a.scale < 1.0))
            return mae_dnn_unsupported(b, "a resize whose sampling oneDNN does not have");
    }
    return NULL;
}

mae_error *mae_dnn_lower_resize(mae_dnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    dnnl_primitive_desc_t pd;
    dnnl_dims_t dims;
    bool linear;
    int src, dst, ndims = mae_dnn_dims(b, node->outputs[0], dims);

    MAE_TRY(check(b, node, &linear));
    dnnl_alg_kind_t alg = linear ? dnnl_resampling_linear : dnnl_resampling_nearest;
    mae_dnn_layout any = mae_dnn_layout_any(b->pool, ndims, dims);
    if (!any)
        return mae_error_nomem();
    MAE_TRY(mae_dnn_value_native(b, node->inputs[0], &src));
    if (mae_dnn_pd_resampling(b->pe->engine, alg, mae_dnn_at(b, src)->layout, any, b->pe->attr, &pd) != dnnl_success) {
        MAE_TRY(mae_dnn_value_dense(b, node->inputs[0], &src));
        if (mae_dnn_pd_resampling(b->pe->engine, alg, mae_dnn_at(b, src)->layout, any, b->pe->attr, &pd) !=
            dnnl_success)
            return mae_dnn_unsupported(b, "oneDNN has no such resampling");
    }
    mae_error *error = mae_dnn_value_new(b, mae_dnn_query(pd, dnnl_query_dst_md, 0), node->outputs[0], &dst);
    if (error) {
        dnnl_primitive_desc_destroy(pd);
        return error;
    }
    const mae_dnn_arg args[] = {{DNNL_ARG_SRC, src}, {DNNL_ARG_DST, dst}};
    return mae_dnn_step_add(b, pd, args, 2);
}
