/* Kernels over planes: maximum, mean, padding. */
#include "backends/onednn/kernel.h"

#include <math.h>
#include <string.h>

/* What of the window lies inside of the source, along one axis, for result `at`. */
MAE_DNN_BODY void inside(const mae_dnn_planes *p, int axis, int at, int *from, int *first, int *end)
{
    int size = axis ? p->in_width : p->in_height, step = p->dilations[axis];

    *from = at * p->strides[axis] - p->pads[axis];
    *first = 0;
    *end = p->kernel[axis];
    if (*from >= 0 && *from + (*end - 1) * step < size) /* nearly always, and divisions are slow */
        return;
    *first = *from < 0 ? (-*from + step - 1) / step : 0;
    *end = size - 1 - *from < 0 ? 0 : (size - 1 - *from) / step + 1;
    if (*end > p->kernel[axis])
        *end = p->kernel[axis];
}

/* The maximum of eight channels: `rows` x `columns` positions. */
MAE_DNN_BODY void max_of_eight(const float *in, int rows, size_t row_step, int columns, size_t column_step, float *out)
{
    mae_dnn_four low = MAE_DNN_LOAD(in), high = MAE_DNN_LOAD(in + 4);

    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++) {
            const float *at = in + (size_t)i * row_step + (size_t)j * column_step;
            low = MAE_DNN_MAX(MAE_DNN_LOAD(at), low);
            high = MAE_DNN_MAX(MAE_DNN_LOAD(at + 4), high);
        }
    MAE_DNN_STORE(out, low);
    MAE_DNN_STORE(out + 4, high);
}

MAE_DNN_BODY void max_row_of_blocks(const mae_dnn_planes *p, const float *in, int y, float *out)
{
    size_t row = (size_t)p->in_width * p->block, row_step = row * (size_t)p->dilations[0];
    int from_y, first_y, end_y;

    inside(p, 0, y, &from_y, &first_y, &end_y);
    in += (size_t)(from_y + first_y * p->dilations[0]) * row;
    for (int x = 0; x < p->out_width; x++) {
        int from_x, first, end;
        inside(p, 1, x, &from_x, &first, &end);
        const float *at = in + (size_t)(from_x + first * p->dilations[1]) * p->block;
        for (size_t c = 0; c < p->block; c += 8)
            max_of_eight(at + c, end_y - first_y, row_step, end - first, (size_t)p->dilations[1] * p->block,
                         out + (size_t)x * p->block + c);
    }
}

/* One column of the window in one row of the source, for the results that have it inside. */
MAE_DNN_BODY void max_column(const mae_dnn_planes *p, const float *in, int column, float *out)
{
    int at = column * p->dilations[1] - p->pads[1], stride = p->strides[1];
    int x = at < 0 ? (-at + stride - 1) / stride : 0;
    int end = p->in_width - 1 - at < 0 ? 0 : (p->in_width - 1 - at) / stride + 1;

    if (end > p->out_width)
        end = p->out_width;
    for (; stride == 1 && x + 4 <= end; x += 4)
        MAE_DNN_STORE(out + x, MAE_DNN_MAX(MAE_DNN_LOAD(in + x + at), MAE_DNN_LOAD(out + x)));
    for (; x < end; x++)
        out[x] = in[x * stride + at] > out[x] ? in[x * stride + at] : out[x];
}

MAE_DNN_BODY void max_row_of_plane(const mae_dnn_planes *p, const float *in, int y, float *out)
{
    int from, first, end;

    inside(p, 0, y, &from, &first, &end);
    for (int x = 0; x < p->out_width; x++)
        out[x] = -INFINITY;
    for (int i = first; i < end; i++)
        for (int j = 0; j < p->kernel[1]; j++)
            max_column(p, in + (size_t)(from + i * p->dilations[0]) * (size_t)p->in_width, j, out);
}

MAE_DNN_BODY void mae_dnn_kernel_max_pool_body(const void *params, void *const *data, size_t part, size_t parts)
{
    const mae_dnn_planes *p = params;
    size_t rows = (size_t)p->out_height, out_row = (size_t)p->out_width * p->block, begin, end;
    size_t plane = (size_t)p->in_height * (size_t)p->in_width * p->block;

    mae_dnn_share(p->planes * rows, part, parts, &begin, &end);
    for (size_t i = begin; i < end; i++) {
        const float *in = (const float *)data[0] + i / rows * plane;
        float *out = (float *)data[1] + i * out_row;
        if (p->block == 1)
            max_row_of_plane(p, in, (int)(i % rows), out);
        else
            max_row_of_blocks(p, in, (int)(i % rows), out);
    }
}
MAE_DNN_KERNEL(mae_dnn_kernel_max_pool)

MAE_DNN_BODY void mean_of_blocks(const float *in, size_t n, size_t block, float *out)
{
    for (size_t c = 0; c < block; c += 8) {
        mae_dnn_eight sum[4] = {{0}};
        size_t i = 0;
        for (; i + 4 <= n; i += 4)
            for (size_t k = 0; k < 4; k++)
                sum[k] += *(const mae_dnn_eight *)(in + (i + k) * block + c);
        for (; i < n; i++)
            sum[0] += *(const mae_dnn_eight *)(in + i * block + c);
        *(mae_dnn_eight *)(out + c) = ((sum[0] + sum[1]) + (sum[2] + sum[3])) / (float)n;
    }
}

MAE_DNN_BODY void mean_of_plane(const float *in, size_t n, float *out)
{
    float sum[8] = {0}, all = 0.0f;
    size_t i = 0;

    for (; i + 8 <= n; i += 8)
        for (size_t k = 0; k < 8; k++)
            sum[k] += in[i + k];
    for (; i < n; i++)
        all += in[i];
    for (size_t k = 0; k < 8; k++)
        all += sum[k];
    *out = all / (float)n;
}

MAE_DNN_BODY void mae_dnn_kernel_mean_body(const void *params, void *const *data, size_t part, size_t parts)
{
    const mae_dnn_planes *p = params;
    size_t n = (size_t)p->in_height * (size_t)p->in_width, begin, end;

    mae_dnn_share(p->planes, part, parts, &begin, &end);
    for (size_t i = begin; i < end; i++) {
        const float *in = (const float *)data[0] + i * n * p->block;
        float *out = (float *)data[1] + i * p->block;
        if (p->block == 1)
            mean_of_plane(in, n, out);
        else
            mean_of_blocks(in, n, p->block, out);
    }
}
MAE_DNN_KERNEL(mae_dnn_kernel_mean)

MAE_DNN_UNWATCHED void mae_dnn_kernel_pad(const void *params, void *const *data, size_t part, size_t parts)
{
    const mae_dnn_planes *p = params;
    size_t rows = (size_t)p->out_height, begin, end, in_row = (size_t)p->in_width * p->block;
    size_t out_row = (size_t)p->out_width * p->block, left = (size_t)p->pads[1] * p->block;

    mae_dnn_share(p->planes * rows, part, parts, &begin, &end);
    for (size_t i = begin; i < end; i++) {
        int y = (int)(i % rows) - p->pads[0];
        const float *in = (const float *)data[0] + i / rows * (size_t)p->in_height * in_row;
        float *out = (float *)data[1] + i * out_row;
        if (y < 0 || y >= p->in_height) {
            memset(out, 0, out_row * sizeof(float));
            continue;
        }
        memset(out, 0, left * sizeof(float));
        memcpy(out + left, in + (size_t)y * in_row, in_row * sizeof(float));
        memset(out + left + in_row, 0, (out_row - left - in_row) * sizeof(float));
    }
}
