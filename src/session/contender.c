/* Compiled mappings measured turn by turn. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "session/bench.h"

#define UNCOUNTED_FRAMES 2
#define MOST_COUNTED_FRAMES 6
#define TURN_MS 5.0
/* Of frames that come one by one, with a pause in which threads fall asleep and caches go to others. */
#define UNCOUNTED_PACED_FRAMES 1
#define MOST_COUNTED_PACED_FRAMES 3

static mae_error *allocate(mae_contender *contender, size_t most_rounds)
{
    size_t n = mae_program_n_segments(contender->runner->program);
    contender->frames_ms = calloc(most_rounds, sizeof *contender->frames_ms);
    contender->values = calloc(most_rounds, sizeof *contender->values);
    contender->misses = calloc(most_rounds, sizeof *contender->misses);
    contender->segments_ms = calloc(n + 1, sizeof *contender->segments_ms);
    contender->stamps = calloc(n + 1, sizeof *contender->stamps);
    if (!contender->frames_ms || !contender->values || !contender->misses || !contender->segments_ms ||
        !contender->stamps)
        return mae_error_nomem();
    for (size_t s = 0; s < n; s++) {
        contender->segments_ms[s] = calloc(most_rounds, sizeof **contender->segments_ms);
        if (!contender->segments_ms[s])
            return mae_error_nomem();
    }
    return NULL;
}

mae_error *mae_contender_create(const mae_context *context, const mae_graph *graph, const int *mapping,
                                mae_frame_runner *inputs_of, size_t most_rounds, mae_contender **ret_contender)
{
    mae_contender *contender = calloc(1, sizeof *contender);
    if (!contender)
        return mae_error_nomem();
    contender->context = context;
    mae_error *error = mae_runner_create(context, graph, mapping, &contender->runner);
    if (!error)
        error = mae_runner_copy_inputs(contender->runner, inputs_of);
    if (!error)
        error = allocate(contender, most_rounds);
    if (error) {
        mae_contender_destroy(contender);
        return error;
    }
    *ret_contender = contender;
    return NULL;
}

void mae_contender_destroy(mae_contender *contender)
{
    if (!contender)
        return;
    size_t n = contender->runner ? mae_program_n_segments(contender->runner->program) : 0;
    for (size_t s = 0; contender->segments_ms && s < n; s++)
        free(contender->segments_ms[s]);
    free(contender->segments_ms);
    free(contender->frames_ms);
    free(contender->values);
    free(contender->misses);
    free(contender->stamps);
    mae_runner_destroy(contender->runner);
    free(contender);
}

/* Adds one frame's times to this round's sums. Segments of an overlapped frame are timed in a serial one behind it:
 * beside others they take longer than what a profile says of them, which is of a segment alone. */
static mae_error *count_frame(mae_contender *contender, size_t round)
{
    mae_frame_runner *runner = contender->runner;
    MAE_TRY(mae_runner_run(runner, contender->stamps));
    contender->frames_ms[round] += mae_runner_frame_ms(runner, contender->stamps);
    if (runner->overlap)
        MAE_TRY(mae_program_run(runner->program, contender->stamps));
    size_t n = mae_program_n_segments(runner->program);
    for (size_t s = 0; s < n; s++) {
        bool follows = s > 0 && !runner->overlap;
        uint64_t begin = follows ? contender->stamps[s - 1].end_ns : contender->stamps[s].begin_ns;
        contender->segments_ms[s][round] += (double)(contender->stamps[s].end_ns - begin) * 1e-6;
    }
    return NULL;
}

/* Until the next frame of this period is due, if frames have one and it is later. */
static void await_frame(const mae_contender *contender, double period_ms, uint64_t *begin_ns)
{
    const mae_program *program = contender->runner->program;
    const mae_context *context = contender->context;
    uint64_t due_ns = *begin_ns + (uint64_t)(period_ms * 1e6), now_ns = mae_program_now_ns(program);
    if (period_ms > 0 && due_ns > now_ns && context->clock_service)
        context->clock_service->wait_ns(context->clock_pe, due_ns - now_ns);
    else if (period_ms > 0 && !context->clock.now_ns)
        mae_clock_sleep_until_ns(due_ns);
    *begin_ns = mae_program_now_ns(program);
}

/* Frames that are not counted, because the first ones after another network ran find that one's weights in
 * the caches, then frames whose mean counts: several where they are short, for the clock's and the caches' sake. */
mae_error *mae_contender_take_turn(mae_contender *contender, double period_ms, size_t round)
{
    bool paced = period_ms > 0;
    int uncounted = paced ? UNCOUNTED_PACED_FRAMES : UNCOUNTED_FRAMES;
    int most = paced ? MOST_COUNTED_PACED_FRAMES : MOST_COUNTED_FRAMES;
    size_t n = mae_program_n_segments(contender->runner->program);
    uint64_t begin_ns = mae_program_now_ns(contender->runner->program);
    contender->frames_ms[round] = 0;
    for (size_t s = 0; s < n; s++)
        contender->segments_ms[s][round] = 0;
    for (int i = 0; i < uncounted; i++) {
        await_frame(contender, period_ms, &begin_ns);
        MAE_TRY(mae_runner_run(contender->runner, NULL));
    }
    int frames = 0;
    do {
        await_frame(contender, period_ms, &begin_ns);
        MAE_TRY(count_frame(contender, round));
        frames++;
    } while (frames < most && contender->frames_ms[round] < TURN_MS);
    contender->frames_ms[round] /= frames;
    for (size_t s = 0; s < n; s++)
        contender->segments_ms[s][round] /= frames;
    return NULL;
}

static mae_error *interval_of(double *values, size_t n, mae_interval *ret_interval)
{
    if (!values)
        return mae_error_nomem();
    mae_stats_median median = mae_stats_median_of(values, n);
    free(values);
    *ret_interval = (mae_interval){median.median, median.low, median.high};
    return NULL;
}

mae_error *mae_median_of(const double *samples, size_t n, mae_interval *ret_interval)
{
    double *copy = malloc((n + 1) * sizeof *copy);
    if (copy)
        memcpy(copy, samples, n * sizeof *copy);
    return interval_of(copy, n, ret_interval);
}

mae_error *mae_ratio_of(const double *a, const double *b, size_t n, mae_interval *ret_interval)
{
    double *ratios = malloc((n + 1) * sizeof *ratios);
    for (size_t i = 0; ratios && i < n; i++)
        ratios[i] = b[i] > 0 ? a[i] / b[i] : 1;
    return interval_of(ratios, n, ret_interval);
}
