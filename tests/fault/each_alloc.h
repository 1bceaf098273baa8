/* Does something with its first, second, third ... allocation failing, alone and with all that follow, until it does
 * not come that far. Each time there is an error that says so, or the work is done all the same; nothing stays
 * allocated. */
#ifndef MAE_TESTS_EACH_ALLOC_H
#define MAE_TESTS_EACH_ALLOC_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "failing_malloc.h"
#include "mae/error.h"

typedef mae_error *each_alloc_work(void *ctx);

typedef struct each_alloc_count {
    long tried, survived;
} each_alloc_count;

/* False: it came to its end before the k-th allocation. */
static inline bool each_alloc_fail(const char *name, each_alloc_work *work, void *ctx, long k, bool for_good,
                                   each_alloc_count *count)
{
    long before = failing_malloc_blocks();
    failing_malloc_arm(k, for_good);
    mae_error *error = work(ctx);
    bool fired = failing_malloc_disarm();
    if (error && !fired)
        fail_msg("%s: %s", name, mae_error_message(error));
    if (error && mae_error_code(error) != MAE_ERR_NOMEM)
        fail_msg("%s, allocation %ld%s: not out of memory, but \"%s\" (%s)", name, k, for_good ? " and all others" : "",
                 mae_error_message(error), mae_error_origin(error));
    if (error && !strstr(mae_error_message(error), "out of memory"))
        fail_msg("%s, allocation %ld: \"%s\"", name, k, mae_error_message(error));
    count->tried += fired;
    count->survived += fired && !error;
    mae_error_free(error);
    if (failing_malloc_blocks() != before)
        fail_msg("%s, allocation %ld%s: %ld blocks stay", name, k, for_good ? " and all others" : "",
                 failing_malloc_blocks() - before);
    return fired;
}

/* Every step-th allocation. */
static inline void each_alloc(const char *name, each_alloc_work *work, void *ctx, long step)
{
    each_alloc_count count = {0, 0};
    for (int i = 0; i < 2; i++) { /* what is made once stays */
        mae_error *error = work(ctx);
        if (error)
            fail_msg("%s: %s", name, mae_error_message(error));
    }
    for (int for_good = 0; for_good < 2; for_good++)
        for (long k = 1; each_alloc_fail(name, work, ctx, k, for_good, &count); k += step)
            ;
    print_message("%s: %ld failed allocations, %ld of them did no harm\n", name, count.tried, count.survived);
    assert_true(count.tried > count.survived);
}

#endif
