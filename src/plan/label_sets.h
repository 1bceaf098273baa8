/* The labels of one state: merged from its predecessors', dominated and hopeless ones left out. */
#ifndef MAE_PLAN_LABEL_SETS_H
#define MAE_PLAN_LABEL_SETS_H

#include "plan/labels.h"

typedef struct mae_label {
    mae_pair cost;
    uint64_t counts;   /* segments of tracked PEs, packed */
    uint32_t switches; /* segments so far */
    uint32_t trace;    /* of the label itself, or, while it is being merged, of its parent */
} mae_label;

/* A predecessor's labels, and the arc they come by. */
typedef struct mae_label_list {
    const mae_label *labels;
    size_t n;
    mae_pair shift;
    uint64_t count;
    uint32_t opens;
} mae_label_list;

/* The envelope of what is wanted at one state: from this lat on, en = at - slope * lat. */
typedef struct mae_piece {
    double from, at, slope;
} mae_piece;

typedef struct mae_label_work {
    const mae_search *search;
    const mae_labels *traces;
    mae_cutoff cutoff;
    size_t state; /* whose labels are being made */
    mae_label_list *lists;
    size_t n_lists, list_room;
    mae_label *a, *b; /* buffers */
    size_t a_room, b_room;
    mae_piece *pieces;
    size_t n_pieces;
    double *score;
    size_t score_room;
} mae_label_work;

/* false: out of memory. */
bool mae_label_work_init(mae_label_work *work, const mae_search *search, const mae_labels *traces);
void mae_label_work_finish(mae_label_work *work);

void mae_label_begin(mae_label_work *work);
/* false: out of memory. The labels must stay until _finish. */
bool mae_label_add_list(mae_label_work *work, const mae_label *labels, size_t n, const mae_arc *arc);

/* The labels of `state`, in the work's memory until the next _begin. Lowers *dropped to the least J that the
 * cap may have cut off. false: out of memory. */
bool mae_label_finish(mae_label_work *work, size_t state, mae_label **ret_labels, size_t *ret_n, double *dropped);

#endif
