#include "session/watts.h"

#include <stdlib.h>

#include "mae/meter.h"

#define LEAST_PERIOD_S 0.001

typedef struct rail {
    int text;
    double period_s;
    bool seen; /* the next two are set */
    uint64_t last_ns;
    mae_reading last;
} rail;

struct mae_watts {
    mae_context *context;
    mae_recorder *recorder;
    size_t n;
    const mae_rail *rails;
    rail *notes;
};

mae_error *mae_watts_create(mae_context *context, mae_recorder *recorder, mae_watts **ret_watts)
{
    *ret_watts = NULL;
    if (!context->meter)
        return NULL;
    mae_watts *watts = calloc(1, sizeof *watts);
    if (!watts)
        return mae_error_nomem();
    watts->context = context;
    watts->recorder = recorder;
    watts->n = context->meter->driver->rails(context->meter, &watts->rails);
    watts->notes = calloc(watts->n + 1, sizeof *watts->notes);
    mae_error *error = watts->notes ? NULL : mae_error_nomem();
    for (size_t i = 0; i < watts->n && !error; i++) {
        double period_s = watts->rails[i].period_s;
        watts->notes[i].period_s = period_s > LEAST_PERIOD_S ? period_s : LEAST_PERIOD_S;
        error = mae_recorder_text(recorder, watts->rails[i].name, &watts->notes[i].text);
    }
    if (error) {
        mae_watts_destroy(watts);
        return error;
    }
    *ret_watts = watts;
    return NULL;
}

void mae_watts_destroy(mae_watts *watts)
{
    if (!watts)
        return;
    free(watts->notes);
    free(watts);
}

static void take(mae_watts *watts, size_t i, uint64_t now_ns, const mae_reading *reading)
{
    rail *r = &watts->notes[i];
    double seconds = (double)(now_ns - r->last_ns) * 1e-9;
    double used_j = reading->energy_j - r->last.energy_j;
    if (watts->rails[i].kind == MAE_RAIL_POWER)
        mae_recorder_watts(watts->recorder, r->text, now_ns, reading->power_w);
    else if (r->seen && seconds > 0 && used_j >= 0) /* a counter that has begun again is left out */
        mae_recorder_watts(watts->recorder, r->text, now_ns, used_j / seconds);
    r->seen = true;
    r->last_ns = now_ns;
    r->last = *reading;
}

void mae_watts_note(mae_watts *watts)
{
    for (size_t i = 0; watts && i < watts->n; i++) {
        uint64_t now_ns = mae_context_now_ns(watts->context);
        const rail *r = &watts->notes[i];
        mae_reading reading;
        if (r->seen && (double)(now_ns - r->last_ns) * 1e-9 < r->period_s)
            continue;
        mae_error *error = watts->context->meter->driver->read(watts->context->meter, i, &reading);
        if (!error)
            take(watts, i, now_ns, &reading);
        mae_error_free(error);
    }
}
