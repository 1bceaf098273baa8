/* Changes of layout: the library has none at this version, so these are copies of ours, on the threads of its pool. */
#include <string.h>

#include "backends/xnnpack/build.h"

#define TILE 16

/* The axes of the two innermost loops: `inner` runs side by side in what is written, `across` in what is read. */
typedef struct plan {
    const float *from;
    float *to;
    const mae_xnn_move *move;
    int inner, across;
    size_t n_outer;
    int outer[MAE_XNN_AXES];
} plan;

static void offsets(const plan *p, size_t index, size_t *ret_from, size_t *ret_to)
{
    const mae_xnn_move *m = p->move;

    *ret_from = *ret_to = 0;
    for (size_t i = p->n_outer; i-- > 0;) {
        int axis = p->outer[i];
        size_t at = index % m->dims[axis];
        index /= m->dims[axis];
        *ret_from += at * m->from[axis];
        *ret_to += at * m->to[axis];
    }
}

static void copy_row(float *restrict to, const float *restrict from, size_t n, size_t step_to, size_t step_from)
{
    if (step_to == 1 && step_from == 1) {
        memcpy(to, from, n * sizeof(*to));
        return;
    }
    for (size_t i = 0; i < n; i++)
        to[i * step_to] = from[i * step_from];
}

/* A tile of full size, by way of a buffer that fits into registers or the nearest cache. */
static void copy_tile(float *restrict to, const float *restrict from, size_t to_stride, size_t from_stride)
{
    float part[TILE][TILE];

    for (size_t a = 0; a < TILE; a++)
        for (size_t i = 0; i < TILE; i++)
            part[i][a] = from[i * from_stride + a];
    for (size_t a = 0; a < TILE; a++)
        for (size_t i = 0; i < TILE; i++)
            to[a * to_stride + i] = part[i][a];
}

/* One piece of the outer loops, and a stripe along `across`. */
static void run_piece(void *ctx, size_t outer, size_t start, size_t n)
{
    const plan *p = ctx;
    const mae_xnn_move *m = p->move;
    size_t from, to, inner = m->dims[p->inner];
    size_t ia = m->from[p->inner], oa = m->to[p->inner], ib = m->from[p->across], ob = m->to[p->across];

    offsets(p, outer, &from, &to);
    const float *x = p->from + from;
    float *y = p->to + to;
    if (p->inner == p->across) {
        copy_row(y + start * oa, x + start * ia, n, oa, ia);
        return;
    }
    if (inner < TILE / 2) { /* a few long rows are quicker than many short ones */
        for (size_t i = 0; i < inner; i++)
            copy_row(y + start * ob + i * oa, x + start * ib + i * ia, n, ob, ib);
        return;
    }
    if (n < TILE / 2) {
        for (size_t k = start; k < start + n; k++)
            copy_row(y + k * ob, x + k * ib, inner, oa, ia);
        return;
    }
    for (size_t a = start; a < start + n; a += TILE) {
        size_t width = start + n - a < TILE ? start + n - a : TILE;
        for (size_t i = 0; i < inner; i += TILE) {
            size_t height = inner - i < TILE ? inner - i : TILE;
            if (width == TILE && height == TILE && oa == 1 && ib == 1) {
                copy_tile(y + a * ob + i, x + i * ia + a, ob, ia);
                continue;
            }
            for (size_t k = a; k < a + width; k++)
                copy_row(y + k * ob + i * oa, x + k * ib + i * ia, height, oa, ia);
        }
    }
}

/* The axis with the smallest step, of several the longest. */
static int innermost(const mae_xnn_move *m, const size_t *strides)
{
    int best = 0;

    for (int i = 1; i < m->n; i++)
        if (m->dims[best] == 1 || (m->dims[i] > 1 && (strides[i] < strides[best] ||
                                                      (strides[i] == strides[best] && m->dims[i] > m->dims[best]))))
            best = i;
    return best;
}

void mae_xnn_move_run(pthreadpool_t pool, const mae_xnn_move *m, const float *from, float *to)
{
    plan p = {.from = from + m->from_offset, .to = to + m->to_offset, .move = m};
    size_t pieces = 1, n;

    p.inner = innermost(m, m->to);
    p.across = innermost(m, m->from);
    for (int i = 0; i < m->n; i++) {
        if (i != p.inner && i != p.across) {
            p.outer[p.n_outer++] = i;
            pieces *= m->dims[i];
        }
    }
    n = m->dims[p.across];
    size_t stripe = p.inner == p.across ? n : (n / 8 + TILE - 1) / TILE * TILE;
    pthreadpool_parallelize_2d_tile_1d(pool, run_piece, &p, pieces, n, stripe ? stripe : TILE, 0);
}

static void run_move(const mae_xnn_unit *unit, const mae_xnn_step *step)
{
    mae_xnn_move_run(mae_xnn_pool(unit), step->params, mae_xnn_at(unit, step->in[0]), mae_xnn_at(unit, step->out));
}

static const mae_xnn_kind move_kind = {.move = run_move, .name = "move"};

/* Axes of one element go; axes that lie together in both are one. */
static mae_xnn_move simplify(const mae_xnn_move *m)
{
    mae_xnn_move s = {.from_offset = m->from_offset, .to_offset = m->to_offset};

    for (int i = 0; i < m->n; i++) {
        int last = s.n - 1;
        if (m->dims[i] == 1)
            continue;
        if (last >= 0 && s.from[last] == m->dims[i] * m->from[i] && s.to[last] == m->dims[i] * m->to[i]) {
            s.dims[last] *= m->dims[i];
            s.from[last] = m->from[i];
            s.to[last] = m->to[i];
            continue;
        }
        s.dims[s.n] = m->dims[i];
        s.from[s.n] = m->from[i];
        s.to[s.n++] = m->to[i];
    }
    if (s.n == 0) {
        s.n = 1;
        s.dims[0] = s.from[0] = s.to[0] = 1;
    }
    return s;
}

mae_error *mae_xnn_add_move(mae_xnn_build *b, const mae_xnn_move *move, int in, int out)
{
    mae_xnn_move simple = simplify(move);

    b->unit->values[in].compact = b->unit->values[out].compact = true; /* the strides are fixed now */
    return mae_xnn_step_add(b, &move_kind, &simple, sizeof(simple), (int[]){in, -1}, out, NULL);
}

static enum xnn_status create_copy(const mae_xnn_unit *unit, const mae_xnn_step *step, xnn_operator_t *ret_op)
{
    const mae_xnn_value *x = mae_xnn_value_of(unit, step->in[0]), *y = mae_xnn_value_of(unit, step->out);
    return xnn_create_copy_nc_x32(x->channels, x->stride, y->stride, 0, ret_op);
}

static enum xnn_status setup_copy(const mae_xnn_unit *unit, const mae_xnn_step *step)
{
    const mae_xnn_value *x = mae_xnn_value_of(unit, step->in[0]);
    return xnn_setup_copy_nc_x32(step->op, x->rows, mae_xnn_at(unit, step->in[0]), mae_xnn_at(unit, step->out),
                                 mae_xnn_pool(unit));
}

static const mae_xnn_kind copy_kind = {create_copy, setup_copy, NULL, "copy"};

mae_error *mae_xnn_copy_rows(mae_xnn_build *b, int in, int out)
{
    return mae_xnn_step_add(b, &copy_kind, NULL, 0, (int[]){in, -1}, out, NULL);
}
