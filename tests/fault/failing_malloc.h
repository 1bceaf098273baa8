/* Memory that runs out: the k-th allocation of the process fails, once or from then on. Everything that is called is
 * subject to it, the libraries that were not made here included; in builds with sanitizers, which have a malloc of
 * their own, only what calls from this tree. */
#ifndef MAE_TESTS_FAILING_MALLOC_H
#define MAE_TESTS_FAILING_MALLOC_H

#include <stdbool.h>
#include <stddef.h>

void failing_malloc_arm(long k, bool for_good);
/* Nothing fails any more; did anything? */
bool failing_malloc_disarm(void);
/* Blocks that are allocated and not freed; 0 where nobody counts. */
long failing_malloc_blocks(void);

#endif
