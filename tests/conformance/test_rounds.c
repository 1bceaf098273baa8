/* Opening a PE, compiling, running and closing it all, again and again: each backend that is here. The process must not
 * grow: neither what malloc has given out, nor its resident memory, nor its threads, nor its open files. MAE_LONG makes
 * it a thousand rounds; MAE_ROUNDS so many, and fewer than usual say nothing about growth (tools/valgrind.sh looks
 * itself for what is lost). */
#include <dirent.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "conformance.h"
#include "core/graph.h"
#include "support/engines.h"

#define SHORT_ROUNDS 60
#define LONG_ROUNDS 1000
#define WARM_PART 4 /* the first quarter: caches, pools and the allocator's own arenas */

/* What is lost in each round grows with their number; what an engine keeps does not. A leak of the smallest object of a
 * unit or a PE would be hundreds of bytes a round. */
#define MOST_HEAP_PER_ROUND 32 /* bytes */
#define MOST_HEAP 16384 /* bytes, whatever the number of rounds: free blocks that threads keep count as given out */
/* Pages come and go as threads of a pool touch arenas and stacks of theirs. */
#define MOST_RESIDENT_PER_ROUND 1 /* KiB */
#define MOST_RESIDENT 3072        /* KiB */

typedef struct state {
    long heap_bytes, resident_kib;
    int threads, files;
} state;

static int count_entries(const char *path)
{
    int n = 0;
    DIR *dir = opendir(path);
    assert_non_null(dir);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static long resident_kib(void)
{
    long size = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%ld %ld", &size, &resident), 2);
    fclose(file);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

/* A thread that has been joined stays in the list for a moment: the fewest that are seen. */
static int count_threads(int most)
{
    int n = count_entries("/proc/self/task");
    for (int k = 0; n > most && k < 1000; k++) {
        usleep(1000);
        n = count_entries("/proc/self/task");
    }
    return n;
}

static state look(int threads)
{
    state s = {.threads = count_threads(threads), .files = count_entries("/proc/self/fd")};
    struct mallinfo2 info = mallinfo2();
    s.heap_bytes = (long)(info.uordblks + info.hblkhd);
    s.resident_kib = resident_kib();
    return s;
}

/* The first run of layers that the PE takes. */
static bool find_layers(const test_engine *engine, const mae_graph *graph, int *ret_first, int *ret_last)
{
    int n = (int)graph->n_layers, first = 0;
    while (first < n && !test_supports(engine, graph, first, first, NULL))
        first++;
    int last = first;
    while (last + 1 < n && test_supports(engine, graph, last + 1, last + 1, NULL))
        last++;
    *ret_first = first;
    *ret_last = last;
    return first < n;
}

static void play_round(const char *backend, const mae_graph *graph)
{
    test_engine engine;
    mae_program *program = NULL;
    assert_true(test_engine_open(backend, 2, &engine));
    int first, last;
    assert_true(find_layers(&engine, graph, &first, &last));
    test_ok(test_segment(&engine, graph, first, last, MAE_COMPILE_TIMED, &program));
    test_ok(mae_program_fill(program, 1));
    for (int i = 0; i < 3; i++)
        test_ok(mae_program_run(program, NULL));
    mae_program_destroy(program);
    test_engine_close(&engine);
}

static bool is_here(const char *backend)
{
    test_engine engine;
    if (!conformance_wants_backend(backend) || !test_engine_open(backend, 2, &engine))
        return false;
    test_engine_close(&engine);
    return true;
}

static void check_growth(const char *backend, const state *warm, const state *end, int rounds)
{
    long heap = end->heap_bytes - warm->heap_bytes, resident = end->resident_kib - warm->resident_kib;
    print_message("%s: in %d rounds %+ld bytes of heap, %+ld KiB resident, %+d threads (%d), %+d files\n", backend,
                  rounds, heap, resident, end->threads - warm->threads, end->threads, end->files - warm->files);
    assert_true(heap <= MOST_HEAP + (long)rounds * MOST_HEAP_PER_ROUND);
    const char *emulate = getenv("MAE_EMULATE"); /* an emulator's own memory is counted, too: what it has translated */
    if (!emulate || !emulate[0])
        assert_true(resident <= MOST_RESIDENT + (long)rounds * MOST_RESIDENT_PER_ROUND);
    assert_true(end->threads <= warm->threads);
    assert_true(end->files <= warm->files);
}

static int wanted_rounds(void)
{
    const char *stated = getenv("MAE_ROUNDS");
    return stated ? atoi(stated) : getenv("MAE_LONG") ? LONG_ROUNDS : SHORT_ROUNDS;
}

static void nothing_stays(void **ctx)
{
    const char *backend = conformance_backends[*(const size_t *)*ctx];
    char path[4096];
    int rounds = wanted_rounds();
    state warm = {0};
    if (!is_here(backend))
        skip();
    snprintf(path, sizeof path, "%s/tests/data/models/tiny.onnx", getenv("MAE_SOURCE_DIR"));
    mae_graph *graph = test_import(path);
    for (int i = 0; i < rounds; i++) {
        if (i == rounds / WARM_PART)
            warm = look(0);
        play_round(backend, graph);
        if (conformance_options.verbose && i % (rounds / 20 + 1) == 0) {
            state s = look(warm.threads);
            print_message("%5d: %ld bytes, %ld KiB, %d threads, %d files\n", i, s.heap_bytes, s.resident_kib, s.threads,
                          s.files);
        }
    }
    state end = look(warm.threads);
    if (rounds >= SHORT_ROUNDS)
        check_growth(backend, &warm, &end, rounds - rounds / WARM_PART);
    mae_onnx_graph_destroy(graph);
}

int main(int argc, char **argv)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    print_message("skipped: a sanitizer keeps what is freed\n");
    return 77;
#endif
    static size_t numbers[sizeof(conformance_backends) / sizeof(conformance_backends[0])];
    struct CMUnitTest tests[sizeof(numbers) / sizeof(numbers[0])];
    size_t n = 0;
    conformance_arguments(argc, argv);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        numbers[i] = i;
        if (conformance_wants_backend(conformance_backends[i]))
            tests[n++] = (struct CMUnitTest){conformance_backends[i], nothing_stays, NULL, NULL, &numbers[i]};
    }
    return _cmocka_run_group_tests("rounds", tests, n, NULL, NULL);
}
