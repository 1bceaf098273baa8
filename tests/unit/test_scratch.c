/* Memory taken for a run: the same again, another for whoever runs at the same time, never two at once. */
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "base/heap.h"
#include "base/scratch.h"

#define THREADS 24 /* more than there are slots */
#define ROUNDS 400

static void again(void **state)
{
    (void)state;
    mae_scratch first = mae_scratch_take(1000, -1);
    assert_non_null(first.memory);
    assert_true(first.slot >= 0);
    assert_int_equal((uintptr_t)first.memory % MAE_HEAP_ALIGNMENT, 0);
    memset(first.memory, 1, 1000);
    mae_scratch_give(first);
    for (size_t bytes = 0; bytes <= 1000; bytes += 100) { /* what is smaller fits, too */
        mae_scratch next = mae_scratch_take(bytes, first.slot);
        assert_ptr_equal(next.memory, first.memory);
        assert_int_equal(next.slot, first.slot);
        mae_scratch_give(next);
    }
    mae_scratch_trim();
}

static void at_the_same_time(void **state)
{
    mae_scratch s[THREADS];
    (void)state;
    for (int i = 0; i < THREADS; i++) {
        s[i] = mae_scratch_take(4096, 0); /* all wish for the same */
        assert_non_null(s[i].memory);
        memset(s[i].memory, i, 4096);
    }
    assert_int_equal(s[THREADS - 1].slot, -1);
    for (int i = 0; i < THREADS; i++)
        for (int k = 0; k < 4096; k++)
            assert_int_equal(((unsigned char *)s[i].memory)[k], i);
    for (int i = 0; i < THREADS; i++)
        for (int k = 0; k < i; k++)
            assert_true(s[i].slot < 0 || s[i].slot != s[k].slot);
    mae_scratch last = s[3];
    for (int i = 0; i < THREADS; i++)
        mae_scratch_give(s[i]);
    mae_scratch next = mae_scratch_take(4096, last.slot);
    assert_ptr_equal(next.memory, last.memory);
    mae_scratch_give(next);
    mae_scratch_trim();
}

/* What has been taken stays where it is, whatever others need. */
static void grows(void **state)
{
    (void)state;
    mae_scratch small = mae_scratch_take(64, -1), large = mae_scratch_take(1 << 20, -1);
    assert_non_null(small.memory);
    assert_non_null(large.memory);
    memset(small.memory, 7, 64);
    mae_scratch_trim();
    memset(large.memory, 8, 1 << 20);
    for (int k = 0; k < 64; k++)
        assert_int_equal(((unsigned char *)small.memory)[k], 7);
    mae_scratch_give(small);
    mae_scratch larger = mae_scratch_take(2 << 20, small.slot);
    assert_int_equal(larger.slot, small.slot);
    memset(larger.memory, 9, 2 << 20);
    assert_int_equal(((unsigned char *)large.memory)[1000], 8);
    mae_scratch_give(larger);
    mae_scratch_give(large);
    mae_scratch_trim();
    assert_int_equal(mae_heap_used(mae_heap_common()), 0);
}

static void too_much(void **state)
{
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    skip(); /* it ends the program */
#endif
    assert_null(mae_scratch_take(SIZE_MAX / 2, -1).memory);
    mae_scratch fine = mae_scratch_take(10, -1);
    assert_non_null(fine.memory);
    mae_scratch_give(fine);
    mae_scratch_trim();
}

static mae_error *count_moves(void *ctx)
{
    int *moves = ctx;
    return ++*moves == 2 ? mae_error_new(MAE_ERR_FAILED, "the second time") : NULL;
}

/* Addresses are set where the memory is other memory, and again where that failed. */
static void moves(void **state)
{
    (void)state;
    mae_scratch mine = {NULL, 0};
    int n = 0;
    for (int i = 0; i < 3; i++) {
        assert_null(mae_scratch_take_again(&mine, 1000, count_moves, &n));
        mae_scratch_give(mine);
    }
    assert_int_equal(n, 1);
    mae_scratch other = mae_scratch_take(1000, mine.slot); /* so that there is another one for it */
    mae_error *error = mae_scratch_take_again(&mine, 1000, count_moves, &n);
    assert_non_null(error);
    mae_error_free(error);
    assert_null(mae_scratch_take_again(&mine, 1000, count_moves, &n));
    assert_int_equal(n, 3);
    assert_ptr_not_equal(mine.memory, other.memory);
    mae_scratch_give(mine);
    mae_scratch_give(other);
    mae_scratch_trim();
    assert_int_equal(mae_heap_used(mae_heap_common()), 0);
}

static void *run(void *which)
{
    unsigned char mine = (unsigned char)(uintptr_t)which;
    int slot = -1;
    for (int round = 0; round < ROUNDS; round++) {
        size_t bytes = 100 + (size_t)(round * 37 + mine) % 3000;
        mae_scratch s = mae_scratch_take(bytes, slot);
        if (!s.memory)
            return which;
        memset(s.memory, mine, bytes);
        for (size_t k = 0; k < bytes; k++)
            if (((unsigned char *)s.memory)[k] != mine)
                return which;
        slot = s.slot;
        mae_scratch_give(s);
        if (round % 50 == 0)
            mae_scratch_trim();
    }
    return NULL;
}

static void many_threads(void **state)
{
    pthread_t threads[THREADS];
    void *wrong;
    (void)state;
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run, (void *)(i + 1)), 0);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_null(wrong);
    }
    mae_scratch_trim();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(again), cmocka_unit_test(at_the_same_time),
        cmocka_unit_test(grows), cmocka_unit_test(too_much),
        cmocka_unit_test(moves), cmocka_unit_test(many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
