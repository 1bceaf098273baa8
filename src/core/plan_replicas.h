/* The part of plans that is about frames through several replicas. */
#ifndef MAE_CORE_PLAN_REPLICAS_H
#define MAE_CORE_PLAN_REPLICAS_H

#include "core/json_writer.h"
#include "core/profile_reader.h"
#include "mae/plan.h"

/* plan.c: the segments of a mapping; everything lives in `arena`. False: out of memory. */
bool mae_plan_cut(mae_arena *arena, const mae_profile *profile, const int *mapping,
                  const mae_plan_segment **ret_segments, size_t *ret_n);

/* The key "throughput" of an object, where it is there; of the plan, `throughput` and `has_energy` are set. */
MAE_MUST_CHECK mae_error *mae_plan_read_throughput(const mae_reader *r, const mae_place *of, mae_plan *plan);
/* plan_read.c: a list of segments, called `name` in messages. */
MAE_MUST_CHECK mae_error *mae_plan_read_segments(const mae_reader *r, const char *name, json_t *list,
                                                 const mae_plan_segment **ret_segments, size_t *ret_n);

json_t *mae_plan_write_throughput(mae_json_writer *out, const mae_plan *plan);
/* plan_write.c */
json_t *mae_plan_write_segments(mae_json_writer *out, const mae_plan_segment *segments, size_t n);

#endif
