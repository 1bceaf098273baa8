/* A PE that is not running takes no processor time from one that is: no pool of threads keeps spinning. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "mae/mae.h"

#define MODEL "/usr/share/libonnx-testdata/data/pytorch-converted/test_Conv2d_groups/model.onnx"
#define FRAMES 50
#define SLEEP_MS 400
/* Of one processor, while all are idle. A pool that spins takes all of one; clearing up after a run, next to none. */
#define MOST_AWAKE 0.15

static double process_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec * 1e-6;
}

static void done(mae_error *error)
{
    if (error)
        fail_msg("%s", mae_error_message(error));
}

static void test_idle(void **state)
{
    (void)state;
    mae_context *context;
    mae_context_options options = {.threads = 2};
    done(mae_context_create(&options, &context));
    mae_model *model;
    done(mae_model_open(context, MODEL, NULL, 0, &model));
    const mae_pe_info *pes;
    size_t n = mae_context_pes(context, &pes);
    assert_true(n >= 1 && n <= 8);
    mae_session *sessions[8];
    const mae_graph *graph = mae_model_graph(model);
    for (size_t pe = 0; pe < n; pe++) {
        const char *layer = graph->layers[0].name;
        assert_int_equal(graph->n_layers, 1);
        mae_plan_segment segment = {pes[pe].name, 1, &layer};
        mae_plan plan = {.model_name = "", .model_sha256 = "", .n_segments = 1, .segments = &segment};
        done(mae_session_open(context, model, &plan, &sessions[pe]));
        done(mae_session_fill_inputs(sessions[pe], 1));
    }
    for (int frame = 0; frame < FRAMES; frame++)
        for (size_t pe = 0; pe < n; pe++)
            done(mae_session_run(sessions[pe]));
    double before_ms = process_ms();
    struct timespec pause = {0, SLEEP_MS * 1000000L};
    nanosleep(&pause, NULL);
    double awake = (process_ms() - before_ms) / SLEEP_MS;
    print_message("awake for %.1f %% of a processor while idle\n", awake * 100);
    assert_true(awake < MOST_AWAKE);
    for (size_t pe = 0; pe < n; pe++)
        mae_session_close(sessions[pe]);
    mae_model_close(model);
    mae_context_destroy(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_idle)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
