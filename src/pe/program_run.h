/* Running a program's segments one by one: for whoever runs them otherwise than serially, and for what they record. */
#ifndef MAE_PE_PROGRAM_RUN_H
#define MAE_PE_PROGRAM_RUN_H

#include "mae/recorder.h"
#include "pe/program.h"

/* Every frame from now on is recorded; NULL: none. `resources` and `names` are per PE of the program; `of` says what
 * this program is in a recorder of several, NULL: nothing. */
MAE_MUST_CHECK mae_error *mae_program_record(mae_program *program, mae_recorder *recorder, const char *const *resources,
                                             const char *const *names, const char *of);

/* The number of the frame that begins, for mae_program_run_segment(). */
uint64_t mae_program_next_frame(const mae_program *program);

/* One segment: its inputs brought to the PE, its unit run, its outputs brought back. `stamp` may be NULL. Segments may
 * run at the same time on several threads as long as no two are of one PE, and what one reads has been made. */
MAE_MUST_CHECK mae_error *mae_program_run_segment(mae_program *program, size_t segment, uint64_t frame,
                                                  mae_program_stamp *stamp);

/* Does segment `reader` read a tensor that segment `maker` makes? */
bool mae_program_depends(const mae_program *program, size_t reader, size_t maker);

#endif
