/* Times per step: by the device's own clock, read at marks between the steps, which wait for nothing.
 *
 * How many runs the caller will leave out is only known at the end, so the first ones are kept one by one. */
#include <stdlib.h>

#include "backends/opencl/unit.h"

#define KEPT_RUNS 128

struct mae_cl_timer {
    size_t n_steps, runs;
    cl_event *marks; /* n_steps + 1 */
    double *kept;    /* KEPT_RUNS rows of all steps and the total */
    double *sum;
};

mae_error *mae_cl_timer_create(size_t n_steps, mae_cl_timer **ret_timer)
{
    mae_cl_timer *t = calloc(1, sizeof *t);

    if (!t)
        return mae_error_nomem();
    t->n_steps = n_steps;
    t->marks = calloc(n_steps + 1, sizeof *t->marks);
    t->kept = calloc(KEPT_RUNS * (n_steps + 1), sizeof *t->kept);
    t->sum = calloc(n_steps + 1, sizeof *t->sum);
    if (!t->marks || !t->kept || !t->sum) {
        mae_cl_timer_destroy(t);
        return mae_error_nomem();
    }
    *ret_timer = t;
    return NULL;
}

void mae_cl_timer_destroy(mae_cl_timer *t)
{
    if (!t)
        return;
    if (t->marks)
        mae_cl_timer_forget(t);
    free(t->marks);
    free(t->kept);
    free(t->sum);
    free(t);
}

void mae_cl_timer_forget(mae_cl_timer *t)
{
    for (size_t i = 0; i <= t->n_steps; i++) {
        if (t->marks[i])
            clReleaseEvent(t->marks[i]);
        t->marks[i] = NULL;
    }
}

int mae_cl_timer_mark(mae_cl_timer *t, cl_command_queue queue, int step)
{
    return clEnqueueMarkerWithWaitList(queue, 0, NULL, &t->marks[step + 1]);
}

int mae_cl_timer_note(mae_cl_timer *t, double total_ns)
{
    cl_ulong last = 0, now = 0;
    int status = CL_SUCCESS;
    double *row = t->kept + (t->runs < KEPT_RUNS ? t->runs : 0) * (t->n_steps + 1);

    for (size_t i = 0; i <= t->n_steps && status == CL_SUCCESS; i++, last = now) {
        status = clGetEventProfilingInfo(t->marks[i], CL_PROFILING_COMMAND_END, sizeof now, &now, NULL);
        if (i == 0 || status != CL_SUCCESS)
            continue;
        double ns = now > last ? (double)(now - last) : 0.0;
        t->sum[i - 1] += ns;
        if (t->runs < KEPT_RUNS)
            row[i - 1] = ns;
    }
    mae_cl_timer_forget(t);
    t->sum[t->n_steps] += total_ns;
    if (t->runs < KEPT_RUNS)
        row[t->n_steps] = total_ns;
    t->runs++;
    return status;
}

static double mean(const mae_cl_timer *t, size_t column, size_t skip)
{
    double sum = t->sum[column];

    for (size_t i = 0; i < skip; i++)
        sum -= t->kept[i * (t->n_steps + 1) + column];
    return sum > 0.0 ? sum / (double)(t->runs - skip) : 0.0;
}

static void clear(double *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        values[i] = 0.0;
}

mae_error *mae_cl_layer_ns(mae_unit *base, size_t skip, mae_layer_times *times)
{
    const mae_cl_unit *unit = (const mae_cl_unit *)base;
    const mae_cl_timer *t = unit->timer;
    double spent = 0.0;

    if (!t)
        return mae_error_new(MAE_ERR_USAGE, "the unit was not compiled with MAE_COMPILE_TIMED");
    if (skip >= t->runs || skip > KEPT_RUNS)
        return mae_error_new(MAE_ERR_USAGE, "cannot leave out %zu of %zu runs", skip, t->runs);
    clear(times->layer_ns, unit->n_layers);
    clear(times->input_ns, unit->n_inputs);
    clear(times->output_ns, unit->n_outputs);
    for (size_t i = 0; i < unit->n_steps; i++) {
        const mae_cl_step *step = &unit->steps[i];
        double ns = mean(t, i, skip);
        (step->of_output ? times->output_ns : times->layer_ns)[step->owner] += ns;
        spent += ns;
    }
    times->total_ns = mean(t, t->n_steps, skip);
    /* The device's clock and the host's may disagree by a little; the host's is what counts. */
    times->other_ns = times->total_ns - spent;
    if (times->other_ns < 0.0) {
        times->other_ns = 0.0;
        times->total_ns = spent;
    }
    times->runs = t->runs - skip;
    return NULL;
}
