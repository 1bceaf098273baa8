/* What do two processors have in common? What borders between engines with several threads cost beside the work: waking
 * a thread on another processor, and reading what that one has written.
 *
 *     bench_wake [FIRST SECOND]     (processors, default 0 1)
 *
 * Wakes: from the call that wakes to the thread's first instruction, with the second processor halted, and kept awake
 * by a thread of least priority. Memory: one pass over what the same processor, and what the other one, has written
 * last. */
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/stats.h"
#include "base/thread.h"
#include "rounds.h"

#define WAKES 500
#define PASSES 50
#define PAUSE_US 300 /* in which the second processor halts */
#define BUSY_NS 30000

typedef enum task { TASK_NONE, TASK_WRITE, TASK_ANSWER, TASK_END } task;

static struct {
    _Atomic uint32_t word;    /* waited for asleep */
    _Atomic uint64_t woke_at; /* by the clock; 0: not yet */
    _Atomic int go, done;     /* waited for awake */
    _Atomic bool stop;
    task task;
    float *memory;
    size_t n;
} shared;

static void go_to(int processor)
{
    if (!fine(mae_thread_bind(&processor, 1)))
        exit(1);
}

static void sleeper_sleep(uint32_t seen)
{
    while (atomic_load(&shared.word) == seen)
        syscall(SYS_futex, &shared.word, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
}

static void *sleep_and_wake(void *processor)
{
    go_to(*(int *)processor);
    for (uint32_t seen = 0; !atomic_load(&shared.stop); seen++) {
        sleeper_sleep(seen);
        atomic_store(&shared.woke_at, mae_clock_now_ns());
        for (uint64_t until = mae_clock_now_ns() + BUSY_NS; mae_clock_now_ns() < until;)
            ;
    }
    return NULL;
}

static void *stay_awake(void *processor)
{
    const struct sched_param none = {0};
    go_to(*(int *)processor);
    if (sched_setscheduler(0, SCHED_IDLE, &none) != 0)
        perror("bench_wake: SCHED_IDLE");
    while (!atomic_load(&shared.stop))
        ;
    return NULL;
}

static void begin(pthread_t *thread, void *(*body)(void *), int *processor)
{
    if (pthread_create(thread, NULL, body, processor) != 0) {
        fprintf(stderr, "bench_wake: no thread\n");
        exit(1);
    }
}

static void print(const char *what, double *values, size_t n, const char *unit)
{
    const mae_stats_median m = mae_stats_median_of(values, n);
    printf("%-52s %8.2f [%.2f, %.2f] %s, %zu times\n", what, m.median, m.low, m.high, unit, n);
}

static void wakes(const char *what, bool awake, int second)
{
    pthread_t sleeper, keeper;
    double us[WAKES];

    atomic_store(&shared.stop, false);
    atomic_store(&shared.word, 0);
    begin(&sleeper, sleep_and_wake, &second);
    if (awake)
        begin(&keeper, stay_awake, &second);
    for (size_t i = 0; i < WAKES; i++) {
        usleep(PAUSE_US);
        atomic_store(&shared.woke_at, 0);
        uint64_t at = mae_clock_now_ns();
        atomic_fetch_add(&shared.word, 1);
        syscall(SYS_futex, &shared.word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
        while (atomic_load(&shared.woke_at) == 0)
            ;
        us[i] = (double)(shared.woke_at - at) * 1e-3;
    }
    atomic_store(&shared.stop, true);
    atomic_fetch_add(&shared.word, 1);
    syscall(SYS_futex, &shared.word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    pthread_join(sleeper, NULL);
    if (awake)
        pthread_join(keeper, NULL);
    print(what, us, WAKES, "us");
}

static void write_all(void)
{
    for (size_t i = 0; i < shared.n; i++)
        shared.memory[i] += 1;
}

static float read_all(void)
{
    float sums[16] = {0}, sum = 0;
    for (size_t i = 0; i + 16 <= shared.n; i += 16)
        for (size_t k = 0; k < 16; k++)
            sums[k] += shared.memory[i + k];
    for (size_t k = 0; k < 16; k++)
        sum += sums[k];
    return sum;
}

/* Does what it is told, waiting awake. */
static void *serve(void *processor)
{
    go_to(*(int *)processor);
    for (int seen = 0;;) {
        while (atomic_load(&shared.go) == seen)
            ;
        seen++;
        if (shared.task == TASK_END)
            return NULL;
        if (shared.task == TASK_WRITE)
            write_all();
        atomic_store(&shared.done, seen);
    }
}

static void tell(task what)
{
    shared.task = what;
    int turn = atomic_fetch_add(&shared.go, 1) + 1;
    while (what != TASK_END && atomic_load(&shared.done) != turn)
        ;
}

static void memory(size_t bytes)
{
    double own[PASSES], other[PASSES], answers[PASSES];
    char what[64];
    volatile float sink = 0;

    shared.n = bytes / sizeof(float);
    shared.memory = calloc(shared.n, sizeof(float));
    if (!shared.memory)
        exit(1);
    for (size_t i = 0; i < PASSES; i++) {
        write_all();
        uint64_t at = mae_clock_now_ns();
        sink += read_all();
        own[i] = (double)(mae_clock_now_ns() - at) * 1e-3;
        tell(TASK_WRITE);
        at = mae_clock_now_ns();
        sink += read_all();
        other[i] = (double)(mae_clock_now_ns() - at) * 1e-3;
        at = mae_clock_now_ns();
        for (int k = 0; k < 100; k++)
            tell(TASK_ANSWER);
        answers[i] = (double)(mae_clock_now_ns() - at) / 100;
    }
    snprintf(what, sizeof what, "reading %zu KiB written by itself", bytes >> 10);
    print(what, own, PASSES, "us");
    snprintf(what, sizeof what, "reading %zu KiB written by the other", bytes >> 10);
    print(what, other, PASSES, "us");
    if (bytes >> 10 == 256)
        print("a question and its answer, both awake", answers, PASSES, "ns");
    free(shared.memory);
}

int main(int argc, char **argv)
{
    int first = argc == 3 ? (int)strtol(argv[1], NULL, 10) : 0, second = argc == 3 ? (int)strtol(argv[2], NULL, 10) : 1;
    pthread_t server;

    go_to(first);
    wakes("waking a thread on a halted processor", false, second);
    wakes("waking a thread on a processor that is awake", true, second);
    begin(&server, serve, &second);
    memory((size_t)256 << 10);
    memory((size_t)1 << 20);
    tell(TASK_END);
    pthread_join(server, NULL);
    return 0;
}
