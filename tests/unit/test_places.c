/* A pool of as many threads as there are processors: each of its threads stays on one of its own, the caller goes where
 * it may go, and comes back from the processor of another. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/thread.h"
#include "session/internal.h"
#include "support/threads.h"

static int cores[2]; /* all that this process may use, from set_up() on */

static void succeed(mae_error *error)
{
    if (error)
        fail_msg("%s (%s)", mae_error_message(error), mae_error_origin(error));
}

static void bind_to(const int *list, size_t n)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    for (size_t i = 0; i < n; i++)
        CPU_SET((size_t)list[i], &set);
    assert_int_equal(sched_setaffinity(0, sizeof set, &set), 0);
}

static int set_up(void **state)
{
    (void)state;
    cpu_set_t set;
    size_t n = 0;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return -1;
    for (int i = 0; i < CPU_SETSIZE && n < 2; i++)
        if (CPU_ISSET((size_t)i, &set))
            cores[n++] = i;
    if (n < 2)
        exit(77);
    bind_to(cores, 2);
    return 0;
}

static void test_rule(void **state)
{
    (void)state;
    const int given[] = {3, 5};
    int places[4] = {-1, -1, -1, -1};
    assert_true(mae_thread_places(given, 2, 2, places, 4));
    assert_true(places[0] == 3 && places[1] == 5);
    assert_false(mae_thread_places(given, 2, 1, places, 4)); /* no pool */
    assert_false(mae_thread_places(given, 2, 3, places, 4)); /* two would share */
    assert_false(mae_thread_places(given, 1, 2, places, 4));
    assert_false(mae_thread_places(given, 2, 2, places, 1)); /* no room */
    assert_true(mae_thread_places(NULL, 0, 2, places, 4));
    assert_true(places[0] == cores[0] && places[1] == cores[1]);
    assert_false(mae_thread_places(NULL, 0, 3, places, 4));
}

static void test_coming(void **state)
{
    (void)state;
    cpu_set_t before, after;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    for (int i = 0; i < 20; i++) {
        bind_to(&cores[i % 2], 1); /* stays where it is when it may leave again, mostly */
        bind_to(cores, 2);
        mae_thread_come_to(cores[0]);
        assert_int_equal(sched_getaffinity(0, sizeof after, &after), 0);
        assert_true(CPU_EQUAL(&before, &after));
    }
    bind_to(&cores[1], 1);
    mae_thread_come_to(cores[0]); /* not allowed: nothing */
    assert_int_equal(sched_getcpu(), cores[1]);
    bind_to(cores, 2);
}

/* All threads that come with the PE stay on the second processor; the first is the caller's. */
static void check_pe(mae_context *context, mae_model *model, size_t pe, const int *before, size_t n_before)
{
    int mapping[64], now[TEST_MOST_THREADS];
    mae_frame_runner *runner = NULL;
    for (size_t l = 0; l < model->graph->n_layers; l++)
        mapping[l] = (int)pe;
    succeed(mae_runner_create(context, model->graph, mapping, &runner));
    succeed(mae_runner_fill(runner, 5));
    for (int i = 0; i < 5; i++)
        succeed(mae_program_run(runner->program, NULL));
    size_t n_new = 0, outside = 1;
    for (int k = 0; outside > 0 && k < 1000; k++) { /* one that has ended stays in the list for a moment */
        size_t n = test_threads_list(now);
        n_new = outside = 0;
        for (size_t i = 0; i < n; i++) {
            bool is_new = !test_threads_have(before, n_before, now[i]);
            n_new += is_new;
            outside += is_new && !test_thread_is_within(now[i], &cores[1], 1);
        }
        if (outside > 0)
            usleep(1000);
    }
    if (outside > 0)
        fail_msg("%s: %zu of %zu threads may leave processor %d", context->infos[pe].name, outside, n_new, cores[1]);
    print_message("%s: %zu threads, all on processor %d\n", context->infos[pe].name, n_new, cores[1]);
    assert_true(n_new >= 1 || strcmp(context->infos[pe].name, "cpu/onednn") == 0); /* built without OpenMP? */
    mae_runner_destroy(runner);
}

static void test_pools(void **state)
{
    (void)state;
    const mae_context_options options = {.threads = 2};
    char path[4096];
    mae_context *context = NULL;
    mae_model *model = NULL;
    int before[TEST_MOST_THREADS];
    succeed(mae_context_create(&options, &context)); /* ONNX Runtime's own thread, which computes nothing */
    mae_context_destroy(context);
    size_t n_before = test_threads_list(before);
    succeed(mae_context_create(&options, &context));
    snprintf(path, sizeof path, "%s/tests/data/models/tiny.onnx", getenv("MAE_SOURCE_DIR"));
    succeed(mae_model_open(context, path, NULL, 0, &model));
    for (size_t p = 0; p < context->n_pes; p++)
        check_pe(context, model, p, before, n_before);
    mae_model_close(model);
    mae_context_destroy(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rule), cmocka_unit_test(test_coming),
                                       cmocka_unit_test(test_pools)};
    return cmocka_run_group_tests(tests, set_up, NULL);
}
