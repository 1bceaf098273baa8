#include "plan/dual_factor.h"

#include <math.h>

static inline size_t sets(const mae_dual_factor *f)
{
    return (size_t)1 << f->m->n_pes;
}

/* fmin() without its rules for NaN: these loops are what the relaxation spends its time in. */
static inline double smaller(double a, double b)
{
    return a < b ? a : b;
}

static double weigh(const mae_dual_factor *f, const double line[2], mae_pair cost)
{
    return cost.lat == MAE_NEVER ? f->big : line[0] * (double)cost.lat + line[1] * (double)cost.en;
}

/* A tensor that goes to the host anyway is free there. */
static void fill_moves(mae_dual_factor *f, const double line[2])
{
    const mae_model *m = f->m;
    int P = m->n_pes;
    for (int home = 0; home < P; home++) {
        double *move = &f->move[(size_t)home << P];
        for (int pe = 0; pe < P; pe++) {
            bool there = f->tensor->to_host && pe == m->host && pe != home;
            f->step[home * P + pe] = there ? 0 : weigh(f, line, f->tensor->move[home * P + pe]);
        }
        for (size_t set = 1; set < sets(f); set++) {
            int pe = __builtin_ctzl(set);
            move[set] = move[set & (set - 1)] + (pe == home ? 0 : f->step[home * P + pe]);
        }
    }
}

static void renew_use(mae_dual_factor *f, size_t use)
{
    int P = f->m->n_pes;
    uint64_t can = f->m->can[f->tensor->uses[use]];
    double *cheapest = &f->cheapest[use << P];
    cheapest[0] = f->big;
    for (size_t set = 1; set < sets(f); set++) {
        int pe = __builtin_ctzl(set);
        double alone = can >> pe & 1 ? f->charge[use * (size_t)P + (size_t)pe] : f->big;
        cheapest[set] = smaller(cheapest[set & (set - 1)], alone);
    }
}

/* What the home is charged at least where the tensor is brought to this set. */
static double charged(const mae_dual_factor *f, int home, size_t set)
{
    int P = f->m->n_pes;
    if (!f->paired)
        return f->head[home];
    double least = f->big;
    for (uint64_t left = set & f->m->can[f->tensor->uses[0]]; left; left &= left - 1)
        least = smaller(least, f->head[home * P + __builtin_ctzl(left)]);
    return least;
}

static void renew_homes(mae_dual_factor *f)
{
    for (size_t set = 0; set < sets(f); set++) {
        f->homes[set] = INFINITY;
        for (uint64_t left = f->heads; left; left &= left - 1) {
            size_t home = (size_t)__builtin_ctzl(left);
            double cost = f->move[home << f->m->n_pes | set] + charged(f, (int)home, set);
            f->homes[set] = smaller(f->homes[set], cost);
        }
    }
}

void mae_dual_factor_renew(mae_dual_factor *f)
{
    for (size_t set = 0; set < sets(f); set++) {
        f->sum[set] = 0;
        for (size_t use = f->first; use < f->tensor->n_uses; use++)
            f->sum[set] += f->cheapest[use << f->m->n_pes | set];
    }
}

bool mae_dual_factor_init(mae_dual_factor *f, mae_arena *arena, const mae_model *m, int tensor, const double line[2],
                          double big)
{
    const mae_model_tensor *from = &m->tensors[tensor];
    size_t P = (size_t)m->n_pes, n_sets = (size_t)1 << P;
    *f = (mae_dual_factor){.m = m, .tensor = from, .big = big};
    f->paired = from->producer >= 0 && from->uses[0] == from->producer + 1;
    f->first = f->paired;
    f->heads = from->producer >= 0 ? m->can[from->producer] : (uint64_t)1 << m->host;
    size_t room = 2 * P * P + P * n_sets + from->n_uses * (P + n_sets) + 2 * n_sets;
    double *all = mae_arena_array(arena, room, sizeof *all);
    if (!all)
        return false;
    f->step = all;
    f->head = f->step + P * P;
    f->move = f->head + P * P;
    f->charge = f->move + P * n_sets;
    f->cheapest = f->charge + from->n_uses * P;
    f->sum = f->cheapest + from->n_uses * n_sets;
    f->homes = f->sum + n_sets;
    fill_moves(f, line);
    for (size_t use = f->first; use < from->n_uses; use++)
        renew_use(f, use);
    renew_homes(f);
    mae_dual_factor_renew(f);
    return true;
}

void mae_dual_factor_consumer(const mae_dual_factor *f, size_t use, double *ret_least)
{
    int P = f->m->n_pes;
    const double *cheapest = &f->cheapest[use << P];
    double others[(size_t)1 << MAE_DUAL_MAX_PES];
    for (size_t set = 0; set < sets(f); set++)
        others[set] = f->homes[set] + f->sum[set] - cheapest[set];
    for (int pe = 0; pe < P; pe++) {
        double least = INFINITY;
        for (size_t set = 1; set < sets(f); set++)
            if (set >> pe & 1)
                least = smaller(least, others[set]);
        ret_least[pe] = least + f->charge[use * (size_t)P + (size_t)pe];
    }
}

void mae_dual_factor_head(const mae_dual_factor *f, double *ret_least)
{
    int P = f->m->n_pes, n = f->paired ? P : 1;
    for (int home = 0; home < P; home++)
        for (int pe = 0; pe < n; pe++) {
            double least = INFINITY;
            for (size_t set = 1; set < sets(f); set++)
                if (!f->paired || (set >> pe & 1))
                    least = smaller(least, f->move[(size_t)home << P | set] + f->sum[set]);
            ret_least[home * n + pe] = least + f->head[home * n + pe];
        }
}

double mae_dual_factor_least(const mae_dual_factor *f)
{
    double least = INFINITY;
    for (size_t set = 1; set < sets(f); set++)
        least = smaller(least, f->homes[set] + f->sum[set]);
    return least;
}

void mae_dual_factor_charge(mae_dual_factor *f, size_t use, const double *more)
{
    int P = f->m->n_pes;
    double *cheapest = &f->cheapest[use << P];
    for (size_t set = 0; set < sets(f); set++)
        f->sum[set] -= cheapest[set];
    for (int pe = 0; pe < P; pe++)
        f->charge[use * (size_t)P + (size_t)pe] += more[pe];
    renew_use(f, use);
    for (size_t set = 0; set < sets(f); set++)
        f->sum[set] += cheapest[set];
}

void mae_dual_factor_charge_head(mae_dual_factor *f, const double *more)
{
    int P = f->m->n_pes, n = f->paired ? P * P : P;
    for (int i = 0; i < n; i++)
        f->head[i] += more[i];
    renew_homes(f);
}

void mae_dual_factor_tail(const mae_dual_factor *f, size_t use, double *ret_tail)
{
    int P = f->m->n_pes;
    for (int home = 0; home < P; home++) {
        double *tail = &ret_tail[(size_t)home << P];
        for (size_t set = sets(f); set-- > 0;) {
            tail[set] = use == 0 && f->paired ? charged(f, home, set) : 0;
            for (size_t k = use > f->first ? use : f->first; k < f->tensor->n_uses; k++)
                tail[set] += f->cheapest[k << P | set];
            for (int pe = 0; pe < P; pe++)
                if (!(set >> pe & 1))
                    tail[set] = smaller(tail[set], f->step[home * P + pe] + tail[set | (size_t)1 << pe]);
        }
    }
}
