/* The frames of a live session (live_frame.c), for live.c. */
#ifndef MAE_SESSION_LIVE_FRAME_H
#define MAE_SESSION_LIVE_FRAME_H

#include "session/live.h"

/* Compiles what the first frame is likely to want, and has the rest of what is to stay compiled built. */
MAE_MUST_CHECK mae_error *live_frame_ready(mae_live *live);

/* live_lost.c: PEs that are taken out and tried again. */
/* Takes over `why`. `hung`: the unit's call has not come back; it may be NULL else. */
MAE_MUST_CHECK mae_error *live_lost_take_out(mae_live *live, int pe, live_unit *unit, bool hung, mae_error *why);
/* Tries those whose time has come. */
MAE_MUST_CHECK mae_error *live_lost_retry(mae_live *live);
/* Of a call of this unit, which should take so long. */
uint64_t live_lost_timeout_ns(const mae_live *live, const live_unit *unit, double expected_ms);

/* live_output.c: the network's outputs as a reading of rules. */
/* Do those that rules look at exist? MAE_ERR_INPUT. */
MAE_MUST_CHECK mae_error *live_output_check(const mae_graph *graph, const mae_rules *rules);
/* Takes in what the frame that has just run says. */
void live_output_read(mae_live *live);

/* live_change.c: the plan, and what is compiled. */
/* What the last frames say of each PE's times. */
void live_change_measure(mae_live *live);
/* Has a plan made for live->factor, now or beside the frames. */
MAE_MUST_CHECK mae_error *live_change_plan_anew(mae_live *live);
/* Takes what was built and planned beside the frames; has built what is to stay compiled, or is wanted. */
MAE_MUST_CHECK mae_error *live_change_take_built(mae_live *live);
MAE_MUST_CHECK mae_error *live_change_order_kept(mae_live *live);
MAE_MUST_CHECK mae_error *live_change_want(mae_live *live, int wanted);
/* Here and now. A PE that cannot is taken out; *ret_done says whether all could. */
MAE_MUST_CHECK mae_error *live_change_compile(mae_live *live, int point, bool *ret_done);

/* live_check.c: a PE that was found slow and is not used any more is timed before a frame, now and then, where there is
 * time for it. */
MAE_MUST_CHECK mae_error *live_check_idle(mae_live *live, double period_ms, double deadline_ms);

#endif
