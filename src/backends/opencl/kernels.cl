/* What CLBlast does not have. Tensors are row-major f32; an element is one work-item's. Global sizes are rounded up, so
 * every kernel is told how many elements there are. Elements of a tensor number fewer than 2^31. */

float one(int function, float x, float a, float b)
{
    switch (function) {
    case MAE_CL_RELU:
        return x < 0.0f ? 0.0f : x;
    case MAE_CL_LEAKY_RELU:
        return x < 0.0f ? x * a : x;
    case MAE_CL_CLIP: {
        float low = x < a ? a : x;
        return low > b ? b : low;
    }
    case MAE_CL_SIGMOID:
        return 1.0f / (1.0f + exp(-x));
    case MAE_CL_TANH:
        return tanh(x);
    case MAE_CL_HARD_SIGMOID:
        return fmin(fmax(x * a + b, 0.0f), 1.0f);
    case MAE_CL_HARD_SWISH:
        return x * fmin(fmax(x / 6.0f + 0.5f, 0.0f), 1.0f);
    case MAE_CL_ELU:
        return x < 0.0f ? a * expm1(x) : x;
    case MAE_CL_SELU:
        return b * (x < 0.0f ? a * expm1(x) : x);
    case MAE_CL_EXP:
        return exp(x);
    case MAE_CL_LOG:
        return log(x);
    case MAE_CL_SQRT:
        return sqrt(x);
    case MAE_CL_ABS:
        return fabs(x);
    case MAE_CL_NEG:
        return -x;
    case MAE_CL_RECIPROCAL:
        return 1.0f / x;
    case MAE_CL_ERF:
        return erf(x);
    case MAE_CL_SOFTPLUS:
        return fmax(x, 0.0f) + log1p(exp(-fabs(x)));
    case MAE_CL_FLOOR:
        return floor(x);
    case MAE_CL_CEIL:
        return ceil(x);
    default:
        return x;
    }
}

float two(int function, float a, float b)
{
    switch (function) {
    case MAE_CL_ADD:
        return a + b;
    case MAE_CL_SUB:
        return a - b;
    case MAE_CL_MUL:
        return a * b;
    case MAE_CL_DIV:
        return a / b;
    case MAE_CL_MAX: /* of a NaN: NaN */
        return a > b || isnan(a) ? a : b;
    case MAE_CL_MIN:
        return a < b || isnan(a) ? a : b;
    case MAE_CL_POW:
        return pow(a, b);
    default:
        return a < 0.0f ? a * b : a;
    }
}

kernel void unary(int n, global const float *x, global float *y, int function, float a, float b)
{
    int i = get_global_id(0);
    if (i < n)
        y[i] = one(function, x[i], a, b);
}

/* Where element i of a tensor with these dimensions lies, the strides being `stride`. */
int place(int i, int rank, int8 dims, int8 stride)
{
    int d[8], s[8], at = 0;
    vstore8(dims, 0, d);
    vstore8(stride, 0, s);
    for (int axis = rank - 1; axis >= 0; axis--) {
        at += i % d[axis] * s[axis];
        i /= d[axis];
    }
    return at;
}

/* Strides are 0 along the axes that are broadcast. */
kernel void binary(int n, int rank, int8 dims, int8 stride_p, int8 stride_q, global const float *p,
                   global const float *q, global float *y, int operation, int function, float a, float b)
{
    int i = get_global_id(0);
    if (i >= n)
        return;
    int ip = rank == 1 ? i * stride_p.s0 : place(i, rank, dims, stride_p);
    int iq = rank == 1 ? i * stride_q.s0 : place(i, rank, dims, stride_q);
    y[i] = one(function, two(operation, p[ip], q[iq]), a, b);
}

/* Copies a block of these dimensions from one tensor into another. */
kernel void move(int n, int rank, int8 dims, int8 stride_x, int8 stride_y, int offset_x, int offset_y,
                 global const float *x, global float *y)
{
    int i = get_global_id(0);
    if (i >= n)
        return;
    int ix = rank == 1 ? i * stride_x.s0 : place(i, rank, dims, stride_x);
    int iy = rank == 1 ? i * stride_y.s0 : place(i, rank, dims, stride_y);
    y[offset_y + iy] = x[offset_x + ix];
}

kernel void fill(int n, global float *y, float value)
{
    int i = get_global_id(0);
    if (i < n)
        y[i] = value;
}

/* In place, behind a product of matrices: y = function(y + bias[channel]). */
kernel void finish(int inner, int channels, global float *y, global const float *bias, int function, float a, float b)
{
    int i = get_global_id(0), plane = get_global_id(1);
    if (i < inner)
        y[plane * inner + i] = one(function, y[plane * inner + i] + bias[plane % channels], a, b);
}

/* y = function(x * scale[channel] + shift[channel]) */
kernel void affine(int inner, int channels, global const float *x, global const float *scale,
                   global const float *shift, global float *y, int function, float a, float b)
{
    int i = get_global_id(0), plane = get_global_id(1), c = plane % channels;
    if (i < inner)
        y[plane * inner + i] = one(function, x[plane * inner + i] * scale[c] + shift[c], a, b);
}

/* Planes of up to three axes: x, y, z of the vectors. `counted`: padding counts in an average. */
kernel void pool(int n, int largest, int counted, int4 in, int4 out, int4 size, int4 stride, int4 dilation, int4 pad,
                 global const float *x, global float *y)
{
    int i = get_global_id(0);
    if (i >= n)
        return;
    int4 at = (int4)(i / (out.z * out.y) % out.x, i / out.z % out.y, i % out.z, 0) * stride - pad;
    global const float *plane = x + i / (out.z * out.y * out.x) * (in.x * in.y * in.z);
    float best = -INFINITY, sum = 0.0f;
    int taken = 0;
    for (int u = 0; u < size.x; u++)
        for (int v = 0; v < size.y; v++)
            for (int w = 0; w < size.z; w++) {
                int d = at.x + u * dilation.x, h = at.y + v * dilation.y, k = at.z + w * dilation.z;
                if (d < 0 || d >= in.x || h < 0 || h >= in.y || k < 0 || k >= in.z)
                    continue;
                float value = plane[(d * in.y + h) * in.z + k];
                best = two(MAE_CL_MAX, value, best);
                sum += value;
                taken++;
            }
    y[i] = largest ? best : sum / (float)(counted ? size.x * size.y * size.z : taken);
}

/* Direct convolution, for what makes poor products of matrices: few channels a group, three axes. `groups` holds
 * channels of a group in, channels of a group out, channels in, channels out. */
kernel void conv(int n, int4 groups, int4 in, int4 out, int4 size, int4 stride, int4 dilation, int4 pad,
                 global const float *x, global const float *weights, global const float *bias, global float *y,
                 int function, float a, float b)
{
    int i = get_global_id(0);
    if (i >= n)
        return;
    int4 at = (int4)(i / (out.z * out.y) % out.x, i / out.z % out.y, i % out.z, 0) * stride - pad;
    int plane = i / (out.z * out.y * out.x), channel = plane % groups.w, volume = in.x * in.y * in.z;
    global const float *from = x + (plane / groups.w * groups.z + channel / groups.y * groups.x) * volume;
    global const float *factor = weights + channel * groups.x * (size.x * size.y * size.z);
    float sum = bias[channel];
    for (int c = 0; c < groups.x; c++, from += volume)
        for (int u = 0; u < size.x; u++)
            for (int v = 0; v < size.y; v++)
                for (int w = 0; w < size.z; w++, factor++) {
                    int d = at.x + u * dilation.x, h = at.y + v * dilation.y, k = at.z + w * dilation.z;
                    if (d >= 0 && d < in.x && h >= 0 && h < in.y && k >= 0 && k < in.z)
                        sum += from[(d * in.y + h) * in.z + k] * *factor;
                }
    y[i] = one(function, sum, a, b);
}

/* Over the middle of three axes: n results, of `length` elements each, `inner` apart. */
kernel void reduce(int n, int length, int inner, global const float *x, global float *y, int operation, float factor)
{
    int i = get_global_id(0);
    if (i >= n)
        return;
    global const float *from = x + i / inner * length * inner + i % inner;
    float result = from[0];
    for (int k = 1; k < length; k++)
        result = two(operation, result, from[k * inner]);
    y[i] = result * factor;
}

kernel void softmax(int n, int length, int inner, global const float *x, global float *y, int logarithm)
{
    int i = get_global_id(0);
    if (i >= n)
        return;
    int start = i / inner * length * inner + i % inner;
    float largest = x[start], sum = 0.0f;
    for (int k = 1; k < length; k++)
        largest = fmax(largest, x[start + k * inner]);
    for (int k = 0; k < length; k++)
        sum += exp(x[start + k * inner] - largest);
    for (int k = 0; k < length; k++) {
        float value = x[start + k * inner] - largest;
        y[start + k * inner] = logarithm ? value - log(sum) : exp(value) / sum;
    }
}

/* Three axes, each with a table of three numbers a place: the places before and behind in the input, and the share of the
 * latter. What has no share is not read: it may be infinite. */
kernel void resize(int n, int4 in, int4 out, global const float *x, global const float *table, global float *y)
{
    int i = get_global_id(0);
    if (i >= n)
        return;
    global const float *u = table + 3 * (i / (out.z * out.y) % out.x);
    global const float *v = table + 3 * (out.x + i / out.z % out.y);
    global const float *w = table + 3 * (out.x + out.y + i % out.z);
    global const float *plane = x + i / (out.z * out.y * out.x) * (in.x * in.y * in.z);
    float sum = 0.0f;
    for (int corner = 0; corner < 8; corner++) {
        int a = corner >> 2, b = corner >> 1 & 1, c = corner & 1;
        float share = (a ? u[2] : 1.0f - u[2]) * (b ? v[2] : 1.0f - v[2]) * (c ? w[2] : 1.0f - w[2]);
        if (share != 0.0f)
            sum += share * plane[((int)u[a] * in.y + (int)v[b]) * in.z + (int)w[c]];
    }
    y[i] = sum;
}
