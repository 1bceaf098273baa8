/* The heap in huge pages: blocks never overlap, keep what is written, and come back to the system. */
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/heap.h"
#include "base/stats.h"
#include "mae/backend.h"

#define BLOCKS 300
#define STEPS 20000

typedef struct held {
    unsigned char *at;
    size_t bytes;
    unsigned char mark;
} held;

static bool in_pages(mae_heap *heap)
{
    void *block = mae_heap_alloc(heap, 1);
    bool yes = mae_heap_bytes(heap) > 0;
    mae_heap_free(heap, block);
    return yes;
}

static size_t draw_bytes(mae_rng *rng)
{
    double exponent = mae_rng_uniform(rng) * 20;
    return (size_t)(mae_rng_uniform(rng) * (double)((size_t)1 << (int)exponent));
}

static void check(const held *h)
{
    if (h->at && h->bytes > 0) {
        assert_int_equal(h->at[0], h->mark);
        assert_int_equal(h->at[h->bytes / 2], h->mark);
        assert_int_equal(h->at[h->bytes - 1], h->mark);
    }
}

/* Takes and gives back at random; every block is filled, and looked at before it goes. */
static void use(mae_heap *heap, uint64_t seed)
{
    mae_rng rng = {seed};
    held *all = calloc(BLOCKS, sizeof *all);
    assert_non_null(all);
    for (size_t step = 0; step < STEPS; step++) {
        held *h = &all[(size_t)(mae_rng_uniform(&rng) * BLOCKS)];
        check(h);
        mae_heap_free(heap, h->at);
        *h = (held){NULL, draw_bytes(&rng), (unsigned char)(seed + step)};
        if (mae_rng_uniform(&rng) < 0.4)
            continue;
        h->at = mae_heap_alloc(heap, h->bytes);
        assert_non_null(h->at);
        assert_int_equal((uintptr_t)h->at % MAE_HEAP_ALIGNMENT, 0);
        memset(h->at, h->mark, h->bytes);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        check(&all[i]);
        mae_heap_free(heap, all[i].at);
    }
    free(all);
}

static void test_random_blocks(void **state)
{
    (void)state;
    mae_heap *heap = mae_heap_create();
    assert_non_null(heap);
    for (uint64_t seed = 1; seed <= 8; seed++)
        use(heap, seed);
    assert_int_equal(mae_heap_used(heap), 0);
    /* All free neighbours have joined: what is there is as good as new. */
    size_t bytes = mae_heap_bytes(heap);
    mae_heap_trim(heap);
    assert_true(mae_heap_bytes(heap) <= (size_t)16 << 20);
    assert_true(mae_heap_bytes(heap) <= bytes);
    mae_heap_destroy(heap);
}

static void *use_in_thread(void *heap)
{
    use(heap, (uint64_t)(uintptr_t)pthread_self());
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    pthread_t threads[4];
    mae_heap *heap = mae_heap_create();
    assert_non_null(heap);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use_in_thread, heap), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(mae_heap_used(heap), 0);
    mae_heap_destroy(heap);
}

/* What comes and goes with every frame asks the system for nothing, however often. */
static void test_frames_stay(void **state)
{
    (void)state;
    const size_t frame[] = {4000000, 64, 300000, 12, 900000, 4000000};
    mae_heap *heap = mae_heap_create();
    assert_non_null(heap);
    void *weights = mae_heap_alloc(heap, 5000000), *blocks[6];
    size_t bytes = 0;
    for (int f = 0; f < 1000; f++) {
        for (size_t i = 0; i < 6; i++)
            assert_non_null(blocks[i] = mae_heap_alloc(heap, frame[i]));
        for (size_t i = 0; i < 6; i++)
            mae_heap_free(heap, blocks[(i * 5 + 1) % 6]);
        bytes = f == 0 ? mae_heap_bytes(heap) : bytes;
        assert_int_equal(mae_heap_bytes(heap), bytes);
    }
    mae_heap_free(heap, weights);
    mae_heap_destroy(heap);
}

static void test_trim_gives_back(void **state)
{
    (void)state;
    mae_heap *heap = mae_heap_create();
    assert_non_null(heap);
    if (!in_pages(heap)) {
        mae_heap_destroy(heap);
        skip();
    }
    char *small = mae_heap_alloc(heap, 100), *large = mae_heap_alloc(heap, (size_t)100 << 20);
    assert_non_null(large);
    assert_non_null(small);
    assert_true(mae_heap_used(heap) >= ((size_t)100 << 20) + 100);
    strcpy(small, "kept");
    mae_heap_trim(heap);
    assert_true(mae_heap_bytes(heap) > (size_t)100 << 20);
    mae_heap_free(heap, large);
    mae_heap_trim(heap);
    assert_true(mae_heap_bytes(heap) < (size_t)40 << 20);
    assert_string_equal(small, "kept");
    mae_heap_free(heap, small);
    mae_heap_destroy(heap);
}

static void test_refusals(void **state)
{
    (void)state;
    mae_heap *heap = mae_heap_create();
    assert_non_null(heap);
    assert_null(mae_heap_alloc(heap, SIZE_MAX));
    assert_null(mae_heap_alloc(heap, SIZE_MAX - 100));
    assert_null(mae_heap_alloc(NULL, 100));
    mae_heap_free(heap, NULL);
    mae_heap_trim(NULL);
    assert_int_equal(mae_heap_used(NULL), 0);
    assert_int_equal(mae_heap_bytes(NULL), 0);
    void *nothing = mae_heap_alloc(heap, 0), *more = mae_heap_alloc(heap, 0);
    assert_non_null(nothing);
    assert_ptr_not_equal(nothing, more);
    mae_heap_free(heap, nothing);
    mae_heap_free(heap, more);
    mae_heap_destroy(heap);
    mae_heap_destroy(NULL);
}

static void test_switched_off(void **state)
{
    (void)state;
    setenv("MAE_HUGE_PAGES", "0", 1);
    mae_heap *heap = mae_heap_create();
    unsetenv("MAE_HUGE_PAGES");
    assert_non_null(heap);
    assert_false(in_pages(heap));
    use(heap, 3);
    assert_int_equal(mae_heap_used(heap), 0);
    mae_heap_trim(heap);
    mae_heap_destroy(heap);
}

static void test_service(void **state)
{
    (void)state;
    const mae_memory_service *memory = mae_heap_service(MAE_MEMORY_SERVICE);
    assert_non_null(memory);
    assert_null(mae_heap_service(MAE_CLOCK_SERVICE));
    size_t before = memory->held();
    void *block = mae_heap_alloc(mae_heap_common(), 5000);
    assert_non_null(block);
    if (in_pages(mae_heap_common()))
        assert_in_range(memory->held(), before + 5000, before + 5000 + 4 * MAE_HEAP_ALIGNMENT);
    mae_heap_free(mae_heap_common(), block);
    assert_int_equal(memory->held(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_blocks),   cmocka_unit_test(test_threads),  cmocka_unit_test(test_frames_stay),
        cmocka_unit_test(test_trim_gives_back), cmocka_unit_test(test_refusals), cmocka_unit_test(test_switched_off),
        cmocka_unit_test(test_service),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
