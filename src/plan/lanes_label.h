/* Labels of partial mappings whose segments overlap (lanes_look.c). */
#ifndef MAE_PLAN_LANES_LABEL_H
#define MAE_PLAN_LANES_LABEL_H

#include "plan/lanes.h"

/* A live tensor. */
typedef struct mae_lanes_slot {
    double ready_ms; /* of a closed segment's */
    uint64_t have;   /* PEs it was moved to */
    int home;
    bool inside; /* of the open segment */
    bool handed;
} mae_lanes_slot;

typedef struct mae_lanes_label {
    int pe, first;                                                  /* of the open segment */
    double begin_ms, move_ms, layers_ms, layers_mj, low_ms, low_mj; /* of the open segment; low: with rows, at least */
    double mj;                                                      /* of all else */
    double bound, score;
    int switches;
    uint32_t trace, next; /* next: of the same place in the table */
    uint64_t key;
    bool dead;
    double times[]; /* per lane when it is free, per lane its work so far; then per PE counts, then slots */
} mae_lanes_label;

/* Where labels grow: by this layer, behind which they stand at the next boundary. */
typedef struct mae_lanes_place {
    const mae_lanes *lanes;
    int layer;
    mae_lanes_slot *slots; /* room for those of the label that grows */
    int *slot_of;          /* per tensor that lives before the layer */
} mae_lanes_place;

/* Bytes of a label at a boundary. */
size_t mae_lanes_stride(const mae_lanes *lanes, int boundary);
mae_lanes_slot *mae_lanes_slots(const mae_lanes *lanes, mae_lanes_label *label);

/* `from` with the layer on `pe`; its bound, score and key are set. False where that may not be, or leads to nothing
 * that is wanted. */
bool mae_lanes_grow(mae_lanes_place *at, const mae_lanes_label *from, int pe, mae_lanes_label *ret_label);

bool mae_lanes_same_state(const mae_lanes_place *at, mae_lanes_label *x, mae_lanes_label *y);
/* Of labels of one state, whatever follows, and but for contention: the first is not later, dearer or more cut up. */
bool mae_lanes_dominates(const mae_lanes_place *at, mae_lanes_label *x, mae_lanes_label *y);

#endif
