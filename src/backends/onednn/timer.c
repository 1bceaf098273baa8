/* Times per step, summed to times per layer.
 *
 * How many runs the caller will leave out is only known at the end, so the first runs are kept one by
 * one and the others as a sum.
 */
#include <stdlib.h>

#include "backends/onednn/unit.h"
#include "base/clock.h"

#define KEPT_RUNS 128

struct mae_dnn_timer {
    size_t n_columns; /* steps, then the whole run */
    size_t runs;
    double *kept; /* KEPT_RUNS rows */
    double *sum;  /* of all runs */
};

mae_error *mae_dnn_timer_create(size_t n_steps, mae_dnn_timer **ret_timer)
{
    mae_dnn_timer *timer = calloc(1, sizeof(*timer));

    if (!timer)
        return mae_error_nomem();
    timer->n_columns = n_steps + 1;
    timer->kept = calloc(KEPT_RUNS * timer->n_columns, sizeof(double));
    timer->sum = calloc(timer->n_columns, sizeof(double));
    if (!timer->kept || !timer->sum) {
        mae_dnn_timer_destroy(timer);
        return mae_error_nomem();
    }
    *ret_timer = timer;
    return NULL;
}

void mae_dnn_timer_destroy(mae_dnn_timer *timer)
{
    if (!timer)
        return;
    free(timer->kept);
    free(timer->sum);
    free(timer);
}

static void note(mae_dnn_timer *timer, size_t column, double ns)
{
    timer->sum[column] += ns;
    if (timer->runs < KEPT_RUNS)
        timer->kept[timer->runs * timer->n_columns + column] = ns;
}

mae_error *mae_dnn_timer_run(mae_dnn_unit *unit)
{
    const mae_dnn_pe *pe = (const mae_dnn_pe *)unit->base.pe;
    uint64_t begin = mae_clock_now_ns(), last = begin;

    for (size_t i = 0; i < unit->n_steps; i++) {
        MAE_TRY(mae_dnn_check(mae_dnn_step_run(unit, &unit->steps[i]), "execute"));
        MAE_TRY(mae_dnn_check(dnnl_stream_wait(pe->stream), "wait"));
        uint64_t now = mae_clock_now_ns();
        note(unit->timer, i, (double)(now - last));
        last = now;
    }
    note(unit->timer, unit->n_steps, (double)(mae_clock_now_ns() - begin));
    unit->timer->runs++;
    return NULL;
}

/* Mean of a column over all runs but the first `skip`. */
static double mean(const mae_dnn_timer *timer, size_t column, size_t skip)
{
    double sum = timer->sum[column];

    for (size_t i = 0; i < skip; i++)
        sum -= timer->kept[i * timer->n_columns + column];
    return sum > 0.0 ? sum / (double)(timer->runs - skip) : 0.0;
}

mae_error *mae_dnn_layer_ns(mae_unit *base, size_t skip, mae_layer_times *times)
{
    mae_dnn_unit *unit = (mae_dnn_unit *)base;
    const mae_dnn_timer *timer = unit->timer;
    double spent = 0.0;

    if (!timer)
        return mae_error_new(MAE_ERR_USAGE, "the unit was not compiled with MAE_COMPILE_TIMED");
    if (skip >= timer->runs || skip > KEPT_RUNS)
        return mae_error_new(MAE_ERR_USAGE, "cannot leave out %zu of %zu runs", skip, timer->runs);
    for (size_t i = 0; i < unit->n_layers; i++)
        times->layer_ns[i] = 0.0;
    for (size_t i = 0; i < unit->n_inputs; i++)
        times->input_ns[i] = 0.0;
    for (size_t i = 0; i < unit->n_outputs; i++)
        times->output_ns[i] = 0.0;
    for (size_t i = 0; i < unit->n_steps; i++) {
        const mae_dnn_step *step = &unit->steps[i];
        double *target = step->owner == MAE_DNN_OF_LAYER   ? times->layer_ns
                         : step->owner == MAE_DNN_OF_INPUT ? times->input_ns
                                                           : times->output_ns;
        double ns = mean(timer, i, skip);
        target[step->owner_index] += ns;
        spent += ns;
    }
    times->total_ns = mean(timer, unit->n_steps, skip);
    times->other_ns = times->total_ns > spent ? times->total_ns - spent : 0.0;
    times->runs = timer->runs - skip;
    return NULL;
}
