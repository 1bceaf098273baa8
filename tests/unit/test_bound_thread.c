/* Bound threads: jobs run there, nested ones at once where the processors are the same, on the other's thread else. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "pe/bound_thread.h"

static void succeed(mae_error *error)
{
    if (error)
        fail_msg("%s (%s)", mae_error_message(error), mae_error_origin(error));
}

/* The processors this process may use; skips where there are fewer. */
static void processors(int *cores, size_t wanted)
{
    cpu_set_t set;
    size_t n = 0;
    assert_int_equal(sched_getaffinity(0, sizeof set, &set), 0);
    for (int i = 0; i < CPU_SETSIZE && n < wanted; i++)
        if (CPU_ISSET((size_t)i, &set))
            cores[n++] = i;
    if (n < wanted) {
        print_message("skipped: this process may use %zu processors, not %zu\n", n, wanted);
        skip();
    }
}

/* Who ran it, where; and, where there is another thread, who runs a job that is handed to that one from here. */
typedef struct visit {
    mae_bound_thread *other;
    pthread_t by, then_by;
    int core;
} visit;

static void note(void *ctx)
{
    *(pthread_t *)ctx = pthread_self();
}

static void visit_it(void *ctx)
{
    visit *v = ctx;
    v->by = pthread_self();
    v->core = sched_getcpu();
    if (v->other)
        mae_bound_thread_call(v->other, note, &v->then_by);
}

static void jobs_run_where_they_should(void **state)
{
    (void)state;
    int core;
    mae_bound_thread *thread;
    processors(&core, 1);
    succeed(mae_bound_thread_create(&core, 1, &thread));
    visit v = {.other = thread}; /* a job that calls its own thread does not wait for itself */
    mae_bound_thread_call(thread, visit_it, &v);
    assert_false(pthread_equal(v.by, pthread_self()));
    assert_true(pthread_equal(v.by, v.then_by));
    assert_int_equal(v.core, core);
    assert_false(mae_bound_thread_is_here(thread));
    mae_bound_thread_destroy(thread);
    mae_bound_thread_destroy(NULL);
}

static void equal_processors_are_one_place(void **state)
{
    (void)state;
    int cores[2];
    mae_bound_thread *a, *b, *elsewhere;
    processors(cores, 2);
    succeed(mae_bound_thread_create(&cores[0], 1, &a));
    succeed(mae_bound_thread_create(&cores[0], 1, &b));
    succeed(mae_bound_thread_create(&cores[1], 1, &elsewhere));
    assert_true(mae_bound_thread_are_together(a, b));
    assert_false(mae_bound_thread_are_together(a, elsewhere));

    visit v = {.other = b};
    mae_bound_thread_call(a, visit_it, &v);
    assert_true(pthread_equal(v.by, v.then_by));

    v = (visit){.other = elsewhere};
    mae_bound_thread_call(a, visit_it, &v);
    assert_false(pthread_equal(v.by, v.then_by));
    assert_int_equal(v.core, cores[0]);

    mae_bound_thread_destroy(elsewhere);
    mae_bound_thread_destroy(b);
    mae_bound_thread_destroy(a);
}

static void a_processor_that_is_not_here(void **state)
{
    (void)state;
    const int core = 4000;
    mae_bound_thread *thread = NULL;
    mae_error *error = mae_bound_thread_create(&core, 1, &thread);
    assert_int_equal(mae_error_code(error), MAE_ERR_USAGE);
    assert_null(thread);
    mae_error_free(error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_run_where_they_should),
        cmocka_unit_test(equal_processors_are_one_place),
        cmocka_unit_test(a_processor_that_is_not_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
