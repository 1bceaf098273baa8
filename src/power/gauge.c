#include "power/gauge.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/stats.h"

#define LEAST_TICKS 10       /* samples or renewals within a span */
#define COUNTER_TICK_S 1.0   /* how often counters are looked at */
#define SHORTEST_TICK_S 1e-3 /* reading a sensor over I2C takes about so long */
#define MOST_BAD_SHARE 0.1

typedef struct gauge_rail {
    size_t index;
    mae_rail info;
    double last; /* reading: joules or watts */
    double joules;
    uint64_t last_ns;
    /* of powers: */
    size_t n;
    double mean_w, squares; /* Welford */
} gauge_rail;

struct mae_gauge {
    mae_meter *meter;
    mae_gauge_clock clock;
    size_t n;
    gauge_rail *rails;
    double tick_s;
    mae_rng rng;
    bool running, virtual_clock;
    uint64_t begin_ns;
    size_t looked, bad;
    mae_error *first_bad;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stop;
    bool stopping;
};

uint64_t mae_gauge_clock_now_ns(const mae_gauge_clock *clock)
{
    return clock->now_ns ? clock->now_ns(clock->ctx) : mae_clock_now_ns();
}

void mae_gauge_clock_wait_ns(const mae_gauge_clock *clock, uint64_t ns)
{
    if (clock->wait_ns) {
        clock->wait_ns(clock->ctx, ns);
        return;
    }
    struct timespec left = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
}

/* ---- what is read ---- */

static mae_error *read_rail(mae_gauge *gauge, const gauge_rail *rail, double *ret_value)
{
    mae_reading reading;
    MAE_TRY(gauge->meter->driver->read(gauge->meter, rail->index, &reading));
    *ret_value = rail->info.kind == MAE_RAIL_ENERGY ? reading.energy_j : reading.power_w;
    return NULL;
}

static mae_error *count(gauge_rail *rail, double value)
{
    double used = value - rail->last;
    if (used < 0 && rail->info.range_j > 0)
        used += rail->info.range_j;
    if (used < 0)
        return mae_error_new(MAE_ERR_FAILED, "%s: the energy counter went back by %g J", rail->info.path, -used);
    rail->joules += used;
    return NULL;
}

/* The mean of two neighbours over the time between them. */
static void integrate(gauge_rail *rail, double watts, uint64_t now_ns)
{
    rail->joules += 0.5 * (rail->last + watts) * (double)(now_ns - rail->last_ns) * 1e-9;
    rail->n++;
    double off = watts - rail->mean_w;
    rail->mean_w += off / (double)rail->n;
    rail->squares += off * (watts - rail->mean_w);
}

static mae_error *look_at(mae_gauge *gauge, gauge_rail *rail, uint64_t now_ns)
{
    double value;
    MAE_TRY(read_rail(gauge, rail, &value));
    if (rail->info.kind == MAE_RAIL_ENERGY)
        MAE_TRY(count(rail, value));
    else
        integrate(rail, value, now_ns);
    rail->last = value;
    rail->last_ns = now_ns;
    return NULL;
}

/* All rails, now. A sensor may stumble now and then. */
static void look(mae_gauge *gauge, uint64_t now_ns)
{
    for (size_t i = 0; i < gauge->n; i++) {
        mae_error *error = look_at(gauge, &gauge->rails[i], now_ns);
        gauge->looked++;
        if (!error)
            continue;
        gauge->bad++;
        if (gauge->first_bad && mae_error_code(gauge->first_bad) != MAE_ERR_LOST) {
            mae_error_free(gauge->first_bad);
            gauge->first_bad = error;
        } else if (!gauge->first_bad) {
            gauge->first_bad = error;
        } else {
            mae_error_free(error);
        }
    }
}

/* ---- when ---- */

/* At random about the tick: what repeats while it is measured must not fall into step with the samples. */
static uint64_t next_tick_ns(mae_gauge *gauge)
{
    return (uint64_t)(gauge->tick_s * (0.5 + mae_rng_uniform(&gauge->rng)) * 1e9) + 1;
}

static void *sampler(void *arg)
{
    mae_gauge *gauge = arg;
    uint64_t next_ns = mae_clock_now_ns() + next_tick_ns(gauge);
    pthread_mutex_lock(&gauge->lock);
    while (!gauge->stopping) {
        struct timespec until = {(time_t)(next_ns / 1000000000u), (long)(next_ns % 1000000000u)};
        if (pthread_cond_timedwait(&gauge->stop, &gauge->lock, &until) != ETIMEDOUT)
            continue;
        look(gauge, mae_gauge_clock_now_ns(&gauge->clock));
        uint64_t now_ns = mae_clock_now_ns(), tick_ns = next_tick_ns(gauge);
        next_ns = next_ns + tick_ns > now_ns ? next_ns + tick_ns : now_ns + tick_ns;
    }
    pthread_mutex_unlock(&gauge->lock);
    return NULL;
}

static uint64_t on_alarm(void *ctx, uint64_t now_ns)
{
    mae_gauge *gauge = ctx;
    look(gauge, now_ns);
    return now_ns + next_tick_ns(gauge);
}

static mae_error *start_sampler(mae_gauge *gauge)
{
    gauge->stopping = false;
    if (pthread_create(&gauge->thread, NULL, sampler, gauge) != 0)
        return mae_error_new(MAE_ERR_FAILED, "no thread to read the %s meter on", gauge->meter->driver->name);
    return NULL;
}

static void stop(mae_gauge *gauge)
{
    if (!gauge->running)
        return;
    gauge->running = false;
    if (gauge->virtual_clock) {
        gauge->clock.set_alarm(gauge->clock.ctx, 0, NULL, NULL);
        return;
    }
    pthread_mutex_lock(&gauge->lock);
    gauge->stopping = true;
    pthread_cond_signal(&gauge->stop);
    pthread_mutex_unlock(&gauge->lock);
    pthread_join(gauge->thread, NULL);
}

/* ---- the gauge ---- */

static mae_error *init_rails(mae_gauge *gauge, const size_t *rails)
{
    const mae_rail *infos;
    size_t known = gauge->meter->driver->rails(gauge->meter, &infos);
    gauge->tick_s = COUNTER_TICK_S;
    for (size_t i = 0; i < gauge->n; i++) {
        if (rails[i] >= known)
            return mae_error_new(MAE_ERR_USAGE, "the %s meter has no rail %zu", gauge->meter->driver->name, rails[i]);
        gauge->rails[i] = (gauge_rail){.index = rails[i], .info = infos[rails[i]]};
        double period = infos[rails[i]].period_s;
        if (infos[rails[i]].kind == MAE_RAIL_POWER && period < gauge->tick_s)
            gauge->tick_s = fmax(period, SHORTEST_TICK_S);
    }
    return NULL;
}

mae_error *mae_gauge_create(mae_meter *meter, const size_t *rails, size_t n, mae_gauge_clock clock,
                            mae_gauge **ret_gauge)
{
    if (n == 0)
        return mae_error_new(MAE_ERR_USAGE, "a gauge of no rails");
    mae_gauge *gauge = calloc(1, sizeof *gauge);
    gauge_rail *own = calloc(n, sizeof *own);
    if (!gauge || !own) {
        free(gauge);
        free(own);
        return mae_error_nomem();
    }
    *gauge = (mae_gauge){.meter = meter, .clock = clock, .n = n, .rails = own};
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&gauge->stop, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&gauge->lock, NULL);
    mae_error *error = init_rails(gauge, rails);
    if (error) {
        mae_gauge_destroy(gauge);
        return error;
    }
    *ret_gauge = gauge;
    return NULL;
}

void mae_gauge_destroy(mae_gauge *gauge)
{
    if (!gauge)
        return;
    stop(gauge);
    pthread_mutex_destroy(&gauge->lock);
    pthread_cond_destroy(&gauge->stop);
    mae_error_free(gauge->first_bad);
    free(gauge->rails);
    free(gauge);
}

double mae_gauge_least_s(const mae_gauge *gauge)
{
    double least = 0;
    for (size_t i = 0; i < gauge->n; i++) {
        const mae_rail *rail = &gauge->rails[i].info;
        double tick = rail->kind == MAE_RAIL_POWER ? fmax(gauge->tick_s, rail->period_s) : rail->period_s;
        least = fmax(least, LEAST_TICKS * tick);
    }
    return least;
}

mae_error *mae_gauge_begin(mae_gauge *gauge)
{
    if (gauge->running)
        return mae_error_new(MAE_ERR_USAGE, "the gauge has begun already");
    gauge->looked = gauge->bad = 0;
    mae_error_free(gauge->first_bad);
    gauge->first_bad = NULL;
    for (size_t i = 0; i < gauge->n; i++) {
        gauge_rail *rail = &gauge->rails[i];
        *rail = (gauge_rail){.index = rail->index, .info = rail->info};
        MAE_TRY(read_rail(gauge, rail, &rail->last));
        rail->last_ns = mae_gauge_clock_now_ns(&gauge->clock);
    }
    gauge->begin_ns = mae_gauge_clock_now_ns(&gauge->clock);
    uint64_t first_ns = gauge->begin_ns + next_tick_ns(gauge);
    gauge->virtual_clock =
        gauge->clock.set_alarm && gauge->clock.set_alarm(gauge->clock.ctx, first_ns, on_alarm, gauge);
    if (!gauge->virtual_clock)
        MAE_TRY(start_sampler(gauge));
    gauge->running = true;
    return NULL;
}

/* A counter stands still between renewals, and moves in steps; at both ends. */
static double counter_uncertainty(const gauge_rail *rail, double seconds)
{
    return rail->info.resolution + rail->joules / seconds * rail->info.period_s;
}

/* What samples scatter, and the sensor's steps: these average out only where the scatter reaches over them. */
static double power_uncertainty(const gauge_rail *rail, double seconds)
{
    double deviation = rail->n > 1 ? sqrt(rail->squares / (double)(rail->n - 1)) : 0;
    /* Looking more often than the sensor is renewed says nothing more. */
    double n = fmin((double)rail->n, 1 + seconds / fmax(rail->info.period_s, 1e-9));
    double step = rail->info.resolution / 2;
    double steps = deviation >= step ? step / sqrt(n) : step;
    /* A sensor's reading is about its last period: at both ends that is not quite the span. */
    return seconds * (2 * deviation / sqrt(n) + steps) + 2 * deviation * rail->info.period_s;
}

static mae_error *check(const mae_gauge *gauge, const gauge_rail *rail, double seconds)
{
    double ticks = rail->info.kind == MAE_RAIL_POWER ? (double)rail->n : seconds / fmax(rail->info.period_s, 1e-9);
    if (rail->info.kind == MAE_RAIL_POWER)
        ticks = fmin(ticks, seconds / fmax(rail->info.period_s, 1e-9) + 1);
    if (ticks >= LEAST_TICKS * 0.8)
        return NULL;
    return mae_error_new(MAE_ERR_FAILED,
                         "rail %s of the %s meter is renewed about every %g ms: too slow for a span of %.3g ms",
                         rail->info.name, gauge->meter->driver->name, rail->info.period_s * 1e3, seconds * 1e3);
}

mae_error *mae_gauge_end(mae_gauge *gauge, mae_gauge_energy *ret_energy)
{
    if (!gauge->running)
        return mae_error_new(MAE_ERR_USAGE, "the gauge has not begun");
    stop(gauge);
    uint64_t end_ns = mae_gauge_clock_now_ns(&gauge->clock);
    look(gauge, end_ns);
    if (gauge->first_bad && (mae_error_code(gauge->first_bad) == MAE_ERR_LOST ||
                             (double)gauge->bad > MOST_BAD_SHARE * (double)gauge->looked)) {
        mae_error *error = gauge->first_bad;
        gauge->first_bad = NULL;
        return error;
    }
    mae_gauge_energy energy = {.seconds = (double)(end_ns - gauge->begin_ns) * 1e-9};
    for (size_t i = 0; i < gauge->n; i++) {
        const gauge_rail *rail = &gauge->rails[i];
        MAE_TRY(check(gauge, rail, energy.seconds));
        bool counts = rail->info.kind == MAE_RAIL_ENERGY;
        energy.joules += rail->joules;
        energy.uncertain_j +=
            counts ? counter_uncertainty(rail, energy.seconds) : power_uncertainty(rail, energy.seconds);
        energy.samples += rail->n;
    }
    *ret_energy = energy;
    return NULL;
}
