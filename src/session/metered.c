/* What those of the final rounds draw, by the SoC's meter.
 *
 * Each in turn is looped for long enough that the meter can tell, with idleness between. All rails that PEs have are
 * read together, so that what a mapping makes another PE's rail draw counts too. A loop gives mean power above idle;
 * that, times what a frame took in the final rounds, is its energy (docs/meters.md, docs/formats.md section 2).
 */
#include <math.h>

#include "core/goal.h"
#include "power/heat.h"
#include "profile/loads.h"
#include "session/bench.h"

#define LEAST_ROUNDS 3
#define WANTED_ROUNDS 8
#define LEAST_FRAMES 3  /* in a turn */
#define MOST_OVERTIME 3 /* times the race's seconds, for a slow meter */
#define SPARE 1.2       /* beyond the span that the meter needs at the least */
#define STATIC_S 0.2
#define NUDGE 1e-3 /* relative, of a power: to see how J follows it */

typedef struct metering {
    mae_bench_work *work;
    const mae_energy_options *options;
    mae_arena *arena;
    mae_loads loads;
    mae_idle *rails, *static_of; /* the latter NULL: stated */
    mae_contender *const *finalists;
    size_t n, rounds;
    double seconds, span_s, begin_s;
} metering;

/* ---- what follows from it ---- */

static double energy_at(const mae_bench_work *work, double latency_ms, double watts)
{
    return watts * latency_ms + work->meter.static_w * fmax(latency_ms, work->options->goal.period_ms);
}

static mae_prediction cost_at(const mae_bench_work *work, double latency_ms, double watts)
{
    return (mae_prediction){latency_ms, energy_at(work, latency_ms, watts), 0};
}

static double value_at(const mae_bench_work *work, double latency_ms, double watts)
{
    mae_prediction cost = cost_at(work, latency_ms, watts);
    return mae_goal_objective(&work->options->goal, &cost, work->scale_latency, work->scale_energy);
}

double mae_bench_energy_of(const mae_bench_work *work, const mae_contender *contender, double latency_ms)
{
    if (contender->draw.rounds)
        return energy_at(work, latency_ms, contender->draw.mean_w);
    return mae_bench_energy(work, latency_ms, contender->dynamic_mj);
}

mae_error *mae_bench_measured_energy(const mae_bench_work *work, const mae_contender *contender, mae_interval *ret_mj)
{
    const mae_bench_draw *draw = &contender->draw;
    mae_interval time;
    MAE_TRY(mae_median_of(contender->frames_ms, contender->rounds, &time));
    double mj = energy_at(work, time.median, draw->mean_w);
    double by_meter = hypot(draw->scatter_w, draw->meter_w) * time.median;
    by_meter = hypot(by_meter, work->static_half_w * fmax(time.median, work->options->goal.period_ms));
    *ret_mj = (mae_interval){mj, mj - hypot(mj - energy_at(work, time.low, draw->mean_w), by_meter),
                             mj + hypot(energy_at(work, time.high, draw->mean_w) - mj, by_meter)};
    return NULL;
}

/* How the logarithm of J follows the power, per watt, at the frame's median time. */
static double slope_of(const mae_bench_work *work, const mae_contender *contender)
{
    mae_interval time;
    mae_error *error = mae_median_of(contender->frames_ms, contender->rounds, &time);
    double watts = contender->draw.mean_w;
    mae_error_free(error);
    double value = error ? 0 : value_at(work, time.median, watts);
    if (!(value > 0) || !(watts > 0))
        return 0;
    return log(value_at(work, time.median, watts * (1 + NUDGE)) / value) / (NUDGE * watts);
}

/* 95 % of Student's distribution, two-sided; a little more than that beyond the table. */
static double student(size_t freedom)
{
    static const double table[] = {INFINITY, 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262};
    return freedom < sizeof table / sizeof *table ? table[freedom] : 1.96 + 2.7 / (double)freedom;
}

/* Half of the 95 % interval of the mean. */
static double scatter_of(const double *values, size_t n)
{
    double mean = 0, squares = 0;
    for (size_t i = 0; i < n; i++)
        mean += values[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        squares += (values[i] - mean) * (values[i] - mean);
    return n > 1 ? student(n - 1) * sqrt(squares / (double)(n - 1) / (double)n) : INFINITY;
}

double mae_bench_meter_half(const mae_bench_work *work, const mae_contender *contender)
{
    const mae_bench_draw *draw = &contender->draw;
    return draw->rounds ? slope_of(work, contender) * hypot(draw->scatter_w, draw->meter_w) : 0;
}

/* Round by round, so that what changes for all of them does not count. */
double mae_bench_meter_half_of_ratio(const mae_bench_work *work, const mae_contender *a, const mae_contender *b)
{
    double differences[MAE_BENCH_MOST_METERED];
    if (!a->draw.rounds || !b->draw.rounds)
        return 0;
    double of_a = slope_of(work, a), of_b = slope_of(work, b);
    for (size_t i = 0; i < a->draw.rounds; i++)
        differences[i] = of_a * a->draw.watts[i] - of_b * b->draw.watts[i];
    double by_meter = hypot(of_a * a->draw.meter_w, of_b * b->draw.meter_w);
    return hypot(scatter_of(differences, a->draw.rounds), by_meter);
}

void mae_bench_widen(mae_interval *interval, double half)
{
    if (!(half > 0) || !(interval->low > 0))
        return;
    interval->low = interval->median * exp(-hypot(log(interval->median / interval->low), half));
    interval->high = interval->median * exp(hypot(log(interval->high / interval->median), half));
}

/* ---- can it be? ---- */

static mae_error *refuse(metering *m, const char *why)
{
    m->work->meter = (mae_bench_meter){.reason = mae_arena_strdup(m->arena, why)};
    return m->work->meter.reason ? NULL : mae_error_nomem();
}

/* The first PE of a finalist that has no rail; n_pes if there is none. */
static size_t unmetered_pe(const metering *m)
{
    const mae_context *context = m->work->context;
    for (size_t i = 0; i < m->n; i++)
        for (size_t l = 0; l < m->work->graph->n_layers; l++) {
            size_t pe = (size_t)m->finalists[i]->runner->mapping[l];
            if (!context->pes[pe].n_rails)
                return pe;
        }
    return context->n_pes;
}

static mae_error *find_rails(metering *m)
{
    mae_context *context = m->work->context;
    for (size_t p = 0; p < context->n_pes; p++) {
        const mae_context_pe *pe = &context->pes[p];
        if (pe->n_rails)
            MAE_TRY(mae_loads_idle(&m->loads, pe->rails, pe->n_rails, m->rails ? m->rails->rails : NULL,
                                   m->rails ? m->rails->n : 0, &m->rails));
    }
    if (m->options->static_w >= 0)
        return NULL;
    m->static_of = m->rails;
    if (m->options->n_static_rails)
        return mae_loads_idle(&m->loads, m->options->static_rails, m->options->n_static_rails, NULL, 0, &m->static_of);
    return NULL;
}

static mae_error *prepare(metering *m)
{
    mae_context *context = m->work->context;
    int *pes = mae_arena_array(m->arena, context->n_pes, sizeof *pes);
    m->loads = (mae_loads){.arena = m->arena, .idles_room = context->n_pes + 1};
    m->loads.idles = mae_arena_array(m->arena, m->loads.idles_room, sizeof *m->loads.idles);
    if (!pes || !m->loads.idles)
        return mae_error_nomem();
    for (size_t p = 0; p < context->n_pes; p++)
        pes[p] = (int)p;
    MAE_TRY(mae_context_energy(context, pes, context->n_pes, m->arena, &m->options));
    m->loads.options = m->options;
    return find_rails(m);
}

/* ---- rounds ---- */

static double now_s(const metering *m)
{
    return (double)mae_gauge_clock_now_ns(&m->options->clock) * 1e-9;
}

static double turn_s(const metering *m, double span_s)
{
    return 2 * (span_s + m->rails->settle_s);
}

/* As long as the time allows for the rounds that are wanted, never shorter than the meter needs; a slow meter takes
 * longer than the race, up to a limit. */
static mae_error *find_time(metering *m)
{
    double shortest_s = SPARE * mae_gauge_least_s(m->rails->gauge), least_s = 0;
    for (size_t i = 0; i < m->n; i++) {
        mae_interval time;
        MAE_TRY(mae_median_of(m->finalists[i]->frames_ms, m->finalists[i]->rounds, &time));
        least_s += LEAST_ROUNDS * turn_s(m, fmax(shortest_s, LEAST_FRAMES * time.median * 1e-3));
    }
    if (least_s > MOST_OVERTIME * m->seconds) {
        m->loads.refusal = mae_arena_printf(
            m->arena, "the meter needs %.3g s for %d turns of each, more than %d times the race's %.3g s", least_s,
            LEAST_ROUNDS, MOST_OVERTIME, m->seconds);
        return m->loads.refusal ? NULL : mae_error_nomem();
    }
    m->seconds = fmax(m->seconds, least_s);
    m->span_s = fmax(shortest_s, m->seconds / (WANTED_ROUNDS * (double)m->n + 1) / 2 - m->rails->settle_s);
    return NULL;
}

static mae_error *take_turn(metering *m, mae_contender *contender)
{
    mae_load load;
    double part = fmin(1, (now_s(m) - m->begin_s) / m->seconds);
    MAE_TRY(mae_bench_report(m->work, "measuring energy", 0.75 + 0.25 * part, m->seconds * (1 - part)));
    MAE_TRY(mae_load_block(&m->loads, m->rails, contender->runner->program, m->span_s, &load));
    contender->draw.watts[m->rounds] = load.watts;
    contender->draw.half_w[m->rounds] = load.half_w;
    return NULL;
}

/* Is there no time for a further round as long as those before? */
static bool is_over(const metering *m)
{
    double spent = now_s(m) - m->begin_s, rounds = (double)m->rounds;
    return m->rounds == MAE_BENCH_MOST_METERED ||
           (m->rounds >= LEAST_ROUNDS && spent * (rounds + 1) / rounds > m->seconds);
}

static mae_error *run_rounds(metering *m)
{
    m->begin_s = now_s(m);
    MAE_TRY(find_time(m));
    if (m->static_of && !m->loads.refusal)
        MAE_TRY(mae_idle_watch(&m->loads, m->static_of, STATIC_S));
    while (!m->loads.refusal && !is_over(m)) {
        for (size_t k = 0; k < m->n && !m->loads.refusal; k++)
            MAE_TRY(take_turn(m, m->finalists[(k + m->rounds) % m->n]));
        m->rounds++;
    }
    if (m->static_of && !m->loads.refusal)
        MAE_TRY(mae_idle_watch(&m->loads, m->static_of, STATIC_S));
    return NULL;
}

/* ---- the result ---- */

static void summarise(mae_bench_draw *draw, size_t rounds)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < rounds; i++) {
        sum += draw->watts[i];
        squares += draw->half_w[i] * draw->half_w[i];
    }
    draw->mean_w = sum / (double)rounds;
    draw->scatter_w = scatter_of(draw->watts, rounds);
    draw->meter_w = sqrt(squares) / (double)rounds;
}

/* Whoever draws nothing that the meter can tell has no energy by it, and then nobody has. */
static bool all_draw(const metering *m)
{
    for (size_t i = 0; i < m->n; i++) {
        mae_bench_draw *draw = &m->finalists[i]->draw;
        summarise(draw, m->rounds);
        if (!(draw->mean_w > 0))
            return false;
    }
    return true;
}

static mae_error *name_rails(metering *m)
{
    mae_bench_meter *meter = &m->work->meter;
    const mae_rail *infos;
    m->options->meter->driver->rails(m->options->meter, &infos);
    const char **names = mae_arena_array(m->arena, m->rails->n, sizeof *names);
    if (!names)
        return mae_error_nomem();
    for (size_t i = 0; i < m->rails->n; i++) {
        names[i] = mae_arena_strdup(m->arena, infos[m->rails->rails[i]].name);
        if (!names[i])
            return mae_error_nomem();
    }
    meter->meter = mae_arena_strdup(m->arena, m->options->meter->driver->name);
    meter->n_rails = m->rails->n;
    meter->rails = names;
    return meter->meter ? NULL : mae_error_nomem();
}

/* A frame's energy goes with its time, as its power was measured. */
static void revalue(const mae_bench_work *work, mae_contender *contender, size_t rounds)
{
    contender->draw.rounds = rounds;
    for (size_t i = 0; i < contender->rounds; i++) {
        mae_prediction cost = cost_at(work, contender->frames_ms[i], contender->draw.mean_w);
        contender->values[i] = value_at(work, contender->frames_ms[i], contender->draw.mean_w);
        contender->misses[i] = mae_bench_miss_of(work, &cost);
    }
}

static mae_error *accept(metering *m, bool throttled)
{
    const mae_idle *idle = m->static_of;
    double static_w = idle ? (idle->first_w + idle->last_w) / 2 : m->options->static_w;
    m->work->meter = (mae_bench_meter){.measured = true,
                                       .rounds = m->rounds,
                                       .span_s = m->span_s,
                                       .static_w = static_w,
                                       .static_stated = !idle,
                                       .throttled = throttled};
    m->work->static_half_w = idle ? idle->half_w : 0;
    for (size_t i = 0; i < m->n; i++)
        revalue(m->work, m->finalists[i], m->rounds);
    return name_rails(m);
}

static mae_error *measure(metering *m)
{
    mae_heat before, after;
    MAE_TRY(prepare(m));
    mae_heat_look(m->options->root, &before);
    MAE_TRY(run_rounds(m));
    mae_heat_look(m->options->root, &after);
    if (m->loads.refusal)
        return refuse(m, m->loads.refusal);
    if (!all_draw(m))
        return refuse(m, "the meter cannot tell the frames' power from idleness");
    return accept(m, mae_heat_throttled(&before, &after));
}

mae_error *mae_bench_measure_energy(mae_bench_work *work, mae_contender *const *finalists, size_t n, double seconds,
                                    mae_arena *arena)
{
    const mae_context *context = work->context;
    metering m = {.work = work, .arena = arena, .finalists = finalists, .n = n, .seconds = seconds};
    if (!context->meter)
        return context->meter_refusal ? refuse(&m, context->meter_refusal) : NULL;
    size_t lacking = unmetered_pe(&m);
    if (lacking < context->n_pes) {
        const char *why = mae_arena_printf(arena, "%s has no rail of the meter", context->infos[lacking].name);
        return why ? refuse(&m, why) : mae_error_nomem();
    }
    if (n == 0)
        return NULL;
    mae_error *error = measure(&m);
    mae_loads_finish(&m.loads);
    return error;
}
