#include "plan/dual_ascent.h"

#include <math.h>

#define MAX_SWEEPS 400
#define MAX_WORK 4e8 /* elementary steps: some tenths of a second */
#define SETTLED 1e-6 /* relative gain of LOOK_BACK sweeps that is not worth more of them */
#define LOOK_BACK 10

static inline double smaller(double a, double b)
{
    return a < b ? a : b;
}

/* ---- the chain ---- */

static void forward(mae_dual_parts *d, int layer)
{
    int P = d->m->n_pes;
    double *before = &d->before[layer * P];
    for (int to = 0; to < P; to++) {
        before[to] = layer == 0 ? 0 : INFINITY;
        for (int from = 0; from < P && layer > 0; from++) {
            if (!(d->m->can[layer - 1] >> from & 1))
                continue;
            double cost = d->before[(layer - 1) * P + from] + d->unary[(layer - 1) * P + from];
            before[to] = smaller(before[to], cost + d->pair[(layer * P + from) * P + to]);
        }
    }
}

static void backward(mae_dual_parts *d, int layer)
{
    int P = d->m->n_pes;
    double *after = &d->after[layer * P];
    for (int from = 0; from < P; from++) {
        after[from] = layer == d->m->n - 1 ? 0 : INFINITY;
        for (int to = 0; to < P && layer < d->m->n - 1; to++) {
            if (!(d->m->can[layer + 1] >> to & 1))
                continue;
            double cost = d->after[(layer + 1) * P + to] + d->unary[(layer + 1) * P + to];
            after[from] = smaller(after[from], cost + d->pair[((layer + 1) * P + from) * P + to]);
        }
    }
}

/* ---- blocks: all parts that know of a layer get the same share of its least costs ---- */

static void balance_layer(mae_dual_parts *d, int layer)
{
    int P = d->m->n_pes;
    const mae_dual_touch *touches = &d->touches[d->first_touch[layer]];
    size_t n = d->first_touch[layer + 1] - d->first_touch[layer];
    double total[MAE_DUAL_MAX_PES], least = INFINITY, more[MAE_DUAL_MAX_PES];
    for (int pe = 0; pe < P; pe++)
        total[pe] = d->before[layer * P + pe] + d->unary[layer * P + pe] + d->after[layer * P + pe];
    for (size_t i = 0; i < n; i++) {
        if (touches[i].use == SIZE_MAX)
            mae_dual_factor_head(touches[i].factor, &d->least[i * (size_t)P]);
        else
            mae_dual_factor_consumer(touches[i].factor, touches[i].use, &d->least[i * (size_t)P]);
        for (int pe = 0; pe < P; pe++)
            total[pe] += d->least[i * (size_t)P + (size_t)pe];
    }
    for (int pe = 0; pe < P; pe++)
        if (d->m->can[layer] >> pe & 1)
            least = smaller(least, total[pe]);
    for (size_t i = 0; i < n; i++) {
        for (int pe = 0; pe < P; pe++) {
            bool can = d->m->can[layer] >> pe & 1;
            more[pe] = can ? (total[pe] - least) / (double)(n + 1) - d->least[i * (size_t)P + (size_t)pe] : 0;
            d->unary[layer * P + pe] -= more[pe];
        }
        if (touches[i].use == SIZE_MAX)
            mae_dual_factor_charge_head(touches[i].factor, more);
        else
            mae_dual_factor_charge(touches[i].factor, touches[i].use, more);
    }
}

/* The same for a layer and the one before together, with the tensors that go from one to the other. */
static void balance_pair(mae_dual_parts *d, int layer)
{
    int P = d->m->n_pes;
    size_t begin = d->first_paired[layer], n = d->first_paired[layer + 1] - begin, cells = (size_t)P * (size_t)P;
    double total[MAE_DUAL_MAX_PES * MAE_DUAL_MAX_PES], least = INFINITY, more[MAE_DUAL_MAX_PES * MAE_DUAL_MAX_PES];
    double *pair = &d->pair[layer * P * P];
    for (int from = 0; from < P && n > 0; from++)
        for (int to = 0; to < P; to++) {
            double cost = d->before[(layer - 1) * P + from] + d->unary[(layer - 1) * P + from];
            cost += pair[from * P + to] + d->unary[layer * P + to] + d->after[layer * P + to];
            total[from * P + to] = cost;
        }
    for (size_t i = 0; i < n; i++) {
        mae_dual_factor_head(d->paired[begin + i].factor, &d->least[i * cells]);
        for (size_t c = 0; c < cells; c++)
            total[c] += d->least[i * cells + c];
    }
    for (size_t c = 0; c < cells && n > 0; c++)
        if ((d->m->can[layer - 1] >> c / (size_t)P & 1) && (d->m->can[layer] >> c % (size_t)P & 1))
            least = smaller(least, total[c]);
    for (size_t i = 0; i < n; i++) {
        for (size_t c = 0; c < cells; c++) {
            bool can = (d->m->can[layer - 1] >> c / (size_t)P & 1) && (d->m->can[layer] >> c % (size_t)P & 1);
            more[c] = can ? (total[c] - least) / (double)(n + 1) - d->least[i * cells + c] : 0;
            pair[c] -= more[c];
        }
        mae_dual_factor_charge_head(d->paired[begin + i].factor, more);
    }
}

/* ---- sweeps ---- */

static void sweep(mae_dual_parts *d)
{
    int n = d->m->n;
    for (size_t i = 0; i < d->n_factors; i++)
        mae_dual_factor_renew(&d->factors[i]);
    for (int layer = 0; layer < n; layer++) {
        if (layer > 0)
            balance_pair(d, layer);
        forward(d, layer);
        balance_layer(d, layer);
    }
    for (int layer = n - 1; layer >= 0; layer--) {
        if (layer < n - 1)
            balance_pair(d, layer + 1);
        backward(d, layer);
        balance_layer(d, layer);
    }
}

double mae_dual_parts_bound(const mae_dual_parts *d)
{
    double bound = INFINITY;
    for (int pe = 0; pe < d->m->n_pes; pe++)
        if (d->m->can[0] >> pe & 1)
            bound = smaller(bound, d->unary[pe] + d->after[pe]);
    for (size_t i = 0; i < d->n_factors; i++)
        bound += mae_dual_factor_least(&d->factors[i]);
    return bound;
}

void mae_dual_parts_ascend(mae_dual_parts *d)
{
    double steps = 0, history[LOOK_BACK] = {0};
    for (int layer = d->m->n - 1; layer >= 0; layer--)
        backward(d, layer);
    for (size_t i = 0; i < d->n_factors; i++)
        steps += 4 * (double)d->factors[i].tensor->n_uses * (double)d->m->n_pes * (double)(1 << d->m->n_pes);
    for (int i = 0; i < MAX_SWEEPS && d->n_factors > 0 && (i < 2 || i * steps < MAX_WORK); i++) {
        sweep(d);
        double bound = mae_dual_parts_bound(d), *old = &history[i % LOOK_BACK];
        if (i >= LOOK_BACK && bound - *old <= SETTLED * fabs(bound))
            break;
        *old = bound;
    }
}
