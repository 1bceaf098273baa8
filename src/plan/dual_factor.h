/* One tensor's part of the relaxation of dual.h: bringing it to every PE that has a consumer of it costs a move
 * each, and what the layers are charged for their PEs comes on top. The PEs it is brought to are a set, so that
 * the least cost is a minimum over sets, each consumer then taking its cheapest PE of the set. */
#ifndef MAE_PLAN_DUAL_FACTOR_H
#define MAE_PLAN_DUAL_FACTOR_H

#include "plan/model.h"

#define MAE_DUAL_MAX_PES 8

typedef struct mae_dual_factor {
    const mae_model *m;
    const mae_model_tensor *tensor;
    double big;       /* stands for what cannot be; finite, so that differences make sense */
    bool paired;      /* its first consumer is the layer behind its producer: both are charged together */
    size_t first;     /* the first consumer with a charge of its own: 0, or 1 if paired */
    uint64_t heads;   /* PEs it may be produced on */
    double *step;     /* [home * P + pe]: bringing it to one PE */
    double *move;     /* [home << P | set] */
    double *head;     /* charges of the home: [home], or if paired [home * P + pe of the first consumer] */
    double *charge;   /* [use * P + pe] */
    double *cheapest; /* [use << P | set]: the least charge in the set */
    double *sum;      /* [set]: of `cheapest` over all uses that have charges */
    double *homes;    /* [set]: the least over homes of moves and the home's charge */
} mae_dual_factor;

/* Weights of lat and en. false: out of memory. */
bool mae_dual_factor_init(mae_dual_factor *f, mae_arena *arena, const mae_model *m, int tensor, const double line[2],
                          double big);

/* The least cost by PE of one consumer; `big` or more where it cannot be. */
void mae_dual_factor_consumer(const mae_dual_factor *f, size_t use, double *ret_least);
/* The least cost by home, or if paired by home * P + PE of the first consumer. */
void mae_dual_factor_head(const mae_dual_factor *f, double *ret_least);
double mae_dual_factor_least(const mae_dual_factor *f);

/* Adds to charges. */
void mae_dual_factor_charge(mae_dual_factor *f, size_t use, const double *more);
void mae_dual_factor_charge_head(mae_dual_factor *f, const double *more);

/* Sums anew what _charge() has kept up to date by differences. */
void mae_dual_factor_renew(mae_dual_factor *f);

/* What consumers use, use + 1, ... cost at least by [home << P | set], the tensor being free on the PEs of the set. */
void mae_dual_factor_tail(const mae_dual_factor *f, size_t use, double *ret_tail);

#endif
