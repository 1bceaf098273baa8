/* Resize and Upsample, nearest and linear: for every place along an axis of the result a table says which two places of
 * the input it lies between, and how near to the second. So every way of finding them costs the same, and is exact. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backends/opencl/lower.h"

typedef struct axis {
    int64_t in, out;
    double scale;
    const char *coordinates, *rounding;
    bool linear;
} axis;

/* Where place `o` of the result lies in the input; false for a way that this backend does not know. */
static bool find_source(const axis *a, int64_t o, double *ret_x)
{
    const char *mode = a->coordinates;
    bool half = strcmp(mode, "half_pixel") == 0, pytorch = strcmp(mode, "pytorch_half_pixel") == 0;

    if (pytorch && a->out == 1)
        *ret_x = 0.0;
    else if (half || pytorch)
        *ret_x = ((double)o + 0.5) / a->scale - 0.5;
    else if (strcmp(mode, "asymmetric") == 0)
        *ret_x = (double)o / a->scale;
    else if (strcmp(mode, "align_corners") == 0)
        *ret_x = a->out == 1 ? 0.0 : (double)o * (double)(a->in - 1) / (double)(a->out - 1);
    else
        return false;
    /* What lines up with the last place is said otherwise by the standard and by engines, if the size was rounded. */
    return strcmp(mode, "align_corners") != 0 || fabs(a->scale * (double)a->in - (double)a->out) < 1e-4;
}

static double limit(const axis *a, double x)
{
    return fmin(fmax(x, 0.0), (double)(a->in - 1));
}

static double round_place(const axis *a, double x)
{
    if (strcmp(a->rounding, "floor") == 0)
        return limit(a, floor(x));
    if (strcmp(a->rounding, "ceil") == 0)
        return limit(a, ceil(x));
    if (strcmp(a->rounding, "round_prefer_ceil") == 0)
        return limit(a, floor(x + 0.5));
    return limit(a, ceil(x - 0.5)); /* round_prefer_floor */
}

/* The places before and behind, and the share of the latter. False where engines, which compute in single precision,
 * may round to another place. */
static bool find_places(const axis *a, int64_t o, double *ret_low, double *ret_high, double *ret_share)
{
    double x;

    if (!find_source(a, o, &x))
        return false;
    if (a->linear) {
        *ret_low = floor(limit(a, x));
        *ret_high = limit(a, *ret_low + 1.0);
        *ret_share = limit(a, x) - *ret_low;
        return true;
    }
    *ret_low = *ret_high = round_place(a, x);
    *ret_share = 0.0;
    return x == floor(x) || round_place(a, x - 1e-4) == round_place(a, x + 1e-4);
}

/* Three numbers for each place; `table` NULL: only whether that is possible. */
static bool fill_table(const axis *a, float *table)
{
    double low, high, share;

    for (int64_t o = 0; o < a->out; o++) {
        if (!find_places(a, o, &low, &high, &share))
            return false;
        if (!table)
            continue;
        table[3 * o] = (float)low;
        table[3 * o + 1] = (float)high;
        table[3 * o + 2] = (float)share;
    }
    return true;
}

/* ---- the node ---- */

/* The scale of each axis: as stated, else the ratio of the sizes. */
static bool read_scales(const mae_cl_build *b, const mae_node *node, bool old, double *scales)
{
    const mae_shape *x = mae_cl_shape(b, node->inputs[0]), *y = mae_cl_shape(b, node->outputs[0]);
    int input = mae_node_input(node, old ? 1 : 2);
    const mae_attr *attr = mae_node_attr(node, "scales");
    const mae_tensor *t = input >= 0 ? mae_cl_tensor(b, input) : NULL;
    bool stated = t && !(t->is_constant && t->bytes == 0);

    if (stated && (!mae_graph_is_weight(b->graph, input) || mae_cl_count(b, input) != (size_t)x->rank))
        return false;
    if (!t && attr && (attr->type != MAE_ATTR_FLOATS || attr->n != (size_t)x->rank))
        return false;
    for (int i = 0; i < x->rank; i++) {
        scales[i] = (double)y->dims[i] / (double)x->dims[i];
        if (stated)
            scales[i] = mae_tensor_f64(t, (size_t)i);
        else if (!t && attr)
            scales[i] = (double)attr->floats[i];
    }
    return true;
}

/* The three last axes, the first of which may be missing; NULL, or why not. */
static const char *read_axes(const mae_cl_build *b, const mae_node *node, axis axes[3])
{
    const mae_shape *x = mae_cl_shape(b, node->inputs[0]), *y = mae_cl_shape(b, node->outputs[0]);
    const char *mode = mae_node_string(node, "mode", "nearest");
    bool old = strcmp(node->op, "Upsample") == 0 || node->opset < 11;
    bool linear = strcmp(mode, "linear") == 0 || strcmp(mode, "bilinear") == 0;
    double scales[MAE_MAX_RANK];

    if (!linear && strcmp(mode, "nearest") != 0)
        return "a resize of this mode";
    if (x->rank < 3 || x->rank > 5 || y->rank != x->rank || mae_node_int(node, "antialias", 0) ||
        mae_node_attr(node, "axes") || mae_node_attr(node, "keep_aspect_ratio_policy") ||
        !read_scales(b, node, old, scales))
        return "a resize of this form";
    for (int i = 0; i < x->rank; i++) {
        axis a = {x->dims[i],
                  y->dims[i],
                  scales[i],
                  old ? "asymmetric" : mae_node_string(node, "coordinate_transformation_mode", "half_pixel"),
                  old ? "floor" : mae_node_string(node, "nearest_mode", "round_prefer_floor"),
                  linear};
        if (i < 2 && (a.in != a.out || fabs(a.scale - 1.0) > 1e-6))
            return "a resize of batches or channels";
        if (!(a.scale > 0.0) || (old && a.scale < 1.0) || a.out > 1 << 20 || a.in > 1 << 20 || !fill_table(&a, NULL))
            return "a resize whose places engines do not agree on";
        if (i >= 2)
            axes[3 - x->rank + i] = a;
    }
    return NULL;
}

mae_error *mae_cl_lower_resize(mae_cl_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    static const axis single = {1, 1, 1.0, "asymmetric", "floor", false};
    axis axes[3] = {single, single, single};
    int64_t in[3], out[3];
    int x, y, table, tensor = node->outputs[0];
    const char *reason = read_axes(b, node, axes);

    if (reason)
        return mae_cl_unsupported(b, reason);
    for (int i = 0; i < 3; i++) {
        in[i] = axes[i].in;
        out[i] = axes[i].out;
    }
    size_t n = mae_cl_count(b, tensor), places = (size_t)(out[0] + out[1] + out[2]), at = 0;
    float *values = b->trial ? NULL : malloc(3 * places * sizeof *values);
    if (!values && !b->trial)
        return mae_error_nomem();
    for (int i = 0; values && i < 3; at += 3 * (size_t)out[i++])
        fill_table(&axes[i], values + at);
    MAE_TRY(mae_cl_constant(b, values, 3 * places, &table));
    MAE_TRY(mae_cl_storage_get(b, node->inputs[0], &x));
    MAE_TRY(mae_cl_storage_new(b, n, tensor, &y));
    const mae_cl_arg args[] = {mae_cl_arg_int((int64_t)n), mae_cl_arg_int4(in),   mae_cl_arg_int4(out),
                               mae_cl_arg_mem(x),          mae_cl_arg_mem(table), mae_cl_arg_mem(y)};
    return mae_cl_step_kernel(b, "resize", n, 0, args, 6);
}
