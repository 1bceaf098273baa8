/* A program's frames with its resources working at the same time.
 *
 * Each lane runs its segments one after another in layer order, each as soon as what it reads has been made: list
 * scheduling in layer order over resources. The calling thread runs one lane, each of the others has a thread of its
 * own. A lane of a cluster does so on the cluster's thread, where it looks out for what it waits for a while before it
 * sleeps; others sleep at once. Nothing is allocated in a frame. */
#ifndef MAE_PE_OVERLAP_H
#define MAE_PE_OVERLAP_H

#include "pe/program_run.h"

typedef struct mae_overlap mae_overlap;

/* The machine whose clock is driven by who works on it; zero: time passes by itself. */
typedef struct mae_overlap_machine {
    const mae_virtual_service *service;
    mae_pe *pe;
} mae_overlap_machine;

/* `lane_of_pe`: a number from 0 to 63 for every PE of the program; PEs of one lane never run at the same time. The
 * program outlives it, and is run by nothing else meanwhile. On a virtual clock the thread that runs frames is not one
 * that was counted by hold(). */
MAE_MUST_CHECK mae_error *mae_overlap_create(mae_program *program, const int *lane_of_pe, mae_overlap_machine machine,
                                             mae_overlap **ret_overlap);
void mae_overlap_destroy(mae_overlap *overlap); /* takes NULL */

/* How many lanes have segments; with one, frames run serially on the calling thread. */
size_t mae_overlap_n_lanes(const mae_overlap *overlap);

/* One frame. `stamps` (a segment each) may be NULL. When a segment fails, none begins any more, those that run come to
 * their end, and the error is that of the first segment in layer order that failed; what the others wrote is worth
 * nothing, and the next frame may be run. */
MAE_MUST_CHECK mae_error *mae_overlap_run(mae_overlap *overlap, mae_program_stamp *stamps);

#endif
