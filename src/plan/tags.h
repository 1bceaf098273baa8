/* How the open segment began, where segment rows make that matter. A tag is 0 (it does not matter), 1 + row (a
 * segment that began like this row and must not end like it or its fellows: their cost would be the row's), or
 * 1 + n_rows + row (the row itself, its cost paid in advance). */
#ifndef MAE_PLAN_TAGS_H
#define MAE_PLAN_TAGS_H

#include "plan/model.h"

/* The row of a tag, NULL for 0; *ret_committed: it is paid. */
const mae_model_row *mae_tag_row(const mae_model *m, uint64_t tag, bool *ret_committed);

/* Of a segment of `pe` that begins at `layer` and is not to be a row. */
uint64_t mae_tag_pending(const mae_model *m, int layer, int pe);

/* May the segment open at boundary `b` end there, or go on there? */
void mae_tag_allowed(const mae_model *m, uint64_t tag, int b, bool *ret_end, bool *ret_on);

/* The tag behind `layer` where the segment goes on over it. */
uint64_t mae_tag_going_on(const mae_model *m, uint64_t tag, int layer);

#endif
