#include "plan/live.h"

uint64_t mae_live_forget(uint64_t status, uint64_t wanted)
{
    if (status == MAE_LIVE_EVERYWHERE || (status & wanted) == wanted)
        return MAE_LIVE_EVERYWHERE;
    uint64_t home = status >> MAE_LIVE_HOME_SHIFT & 0xff;
    bool fresh = (status & MAE_LIVE_FRESH) && (wanted >> home & 1) && !(status >> home & 1);
    return (status & wanted) | home << MAE_LIVE_HOME_SHIFT | (fresh ? MAE_LIVE_FRESH : 0);
}

uint64_t mae_live_produced(const mae_model *m, const mae_model_tensor *tensor, int home)
{
    uint64_t status = (uint64_t)home << MAE_LIVE_HOME_SHIFT | MAE_LIVE_FRESH;
    for (int p = 0; p < m->n_pes; p++) {
        mae_pair move = tensor->move[home * m->n_pes + p];
        if ((move.lat == 0 && move.en == 0) || (tensor->to_host && p == m->host && p != home))
            status |= (uint64_t)1 << p;
    }
    return status;
}

/* Pays for having a tensor on `pe`; false if it cannot be brought there. */
bool mae_live_consume(const mae_model *m, const mae_model_tensor *tensor, int pe, uint64_t *status, mae_pair *cost)
{
    if (*status == MAE_LIVE_EVERYWHERE || (*status >> pe & 1))
        return true;
    int home = (int)(*status >> MAE_LIVE_HOME_SHIFT & 0xff);
    if (pe == home && (*status & MAE_LIVE_FRESH))
        return true;
    mae_pair move = tensor->move[home * m->n_pes + pe];
    if (move.lat == MAE_NEVER)
        return false;
    *cost = mae_pair_add(*cost, move);
    *status |= (uint64_t)1 << pe;
    return true;
}

bool mae_live_pay_outputs(const mae_model *m, int layer, int pe, mae_pair *cost)
{
    const mae_model_layer *l = &m->layers[layer];
    for (size_t k = 0; k < l->n_outputs; k++) {
        const mae_model_tensor *tensor = &m->tensors[l->outputs[k]];
        if (!tensor->to_host || pe == m->host)
            continue;
        mae_pair move = tensor->move[pe * m->n_pes + m->host];
        if (move.lat == MAE_NEVER)
            return false;
        *cost = mae_pair_add(*cost, move);
    }
    return true;
}
