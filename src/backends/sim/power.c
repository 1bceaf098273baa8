#include "backends/sim/power.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MJ_PER_WH 3.6e6

/* A rail per resource, so that operating points of one device share its rail; the platform has the rest. */
static void lay_rails(sim_power *power, const mae_profile *profile)
{
    bool one = power->settings->one_rail;
    for (size_t p = 0; p < profile->n_pes && !one; p++) {
        size_t r = 0;
        while (r < power->n_rails && strcmp(power->rails[r].label, profile->pes[p].resource) != 0)
            r++;
        if (r == power->n_rails)
            power->rails[power->n_rails++].label = profile->pes[p].resource;
        power->rail_of[p] = (int)r;
    }
    power->rails[power->n_rails].idle_w = profile->static_w;
    power->rails[power->n_rails++].label = one ? "VDD_IN" : "VDD_SYS";
}

mae_error *sim_power_init(sim_power *power, const sim_settings *settings, const mae_profile *profile)
{
    size_t room = (size_t)settings->window + 1;
    *power = (sim_power){.settings = settings,
                         .rails = calloc(profile->n_pes + 1, sizeof *power->rails),
                         .rail_of = calloc(profile->n_pes, sizeof *power->rail_of),
                         .idle_of = calloc(profile->n_pes, sizeof *power->idle_of),
                         .celsius = settings->ambient_c,
                         .total_history = calloc(room, sizeof(double))};
    if (!power->rails || !power->rail_of || !power->idle_of || !power->total_history)
        return mae_error_nomem();
    lay_rails(power, profile);
    for (size_t r = 0; r < power->n_rails; r++) {
        power->rails[r].history = calloc(room, sizeof(double));
        if (!power->rails[r].history)
            return mae_error_nomem();
    }
    sim_power_read(power);
    return NULL;
}

void sim_power_finish(sim_power *power)
{
    for (size_t r = 0; power->rails && r < power->n_rails; r++)
        free(power->rails[r].history);
    free(power->rails);
    free(power->rail_of);
    free(power->idle_of);
    free(power->total_history);
}

mae_error *sim_power_set_idle(sim_power *power, int pe, double idle_w)
{
    sim_rail *rail = &power->rails[power->rail_of[pe]], *rest = &power->rails[power->n_rails - 1];
    double more_w = idle_w - power->idle_of[pe];
    if (more_w > rest->idle_w)
        return mae_error_new(MAE_ERR_USAGE,
                             "option idle_w of a virtual PE is %g: of the platform's static_w only %g is left", idle_w,
                             rest->idle_w + power->idle_of[pe]);
    rest->idle_w -= more_w;
    rail->idle_w += more_w;
    power->idle_of[pe] = idle_w;
    return NULL;
}

double sim_power_total_mj(const sim_power *power)
{
    double sum = 0;
    for (size_t r = 0; r < power->n_rails; r++)
        sum += power->rails[r].energy_mj;
    return sum;
}

void sim_power_use(sim_power *power, int pe, double mj)
{
    power->rails[power->rail_of[pe]].energy_mj += mj;
    power->step_mj += mj;
}

/* Resistance and capacity: tau dT/dt = ambient + R P - T. */
static void heat(sim_power *power, double mj, double ns)
{
    const sim_settings *s = power->settings;
    if (s->k_per_w <= 0)
        return;
    double tau_ns = s->thermal_s * 1e9;
    if (ns <= 0) { /* all at once */
        power->celsius += s->k_per_w * mj * 1e-3 / s->thermal_s;
        return;
    }
    double end = s->ambient_c + s->k_per_w * mj * 1e6 / ns;
    power->celsius = end + (power->celsius - end) * exp(-ns / tau_ns);
}

void sim_power_step(sim_power *power, double ns)
{
    for (size_t r = 0; r < power->n_rails; r++) {
        double idle_mj = power->rails[r].idle_w * ns * 1e-6;
        power->rails[r].energy_mj += idle_mj;
        power->step_mj += idle_mj;
    }
    power->other_mj += power->settings->other_w * ns * 1e-6;
    heat(power, power->step_mj, ns);
    power->step_mj = 0;
}

static double turning_c(const sim_power *power)
{
    const sim_settings *s = power->settings;
    return power->throttled ? s->throttle_c - s->throttle_hysteresis_k : s->throttle_c;
}

double sim_power_turn_ns(const sim_power *power, double dynamic_w)
{
    const sim_settings *s = power->settings;
    double watts = dynamic_w, to = turning_c(power);
    for (size_t r = 0; r < power->n_rails; r++)
        watts += power->rails[r].idle_w;
    double end = s->ambient_c + s->k_per_w * watts;
    bool reached = power->throttled ? end < to : end > to;
    if (s->k_per_w <= 0 || !reached)
        return INFINITY;
    return fmax(0, s->thermal_s * 1e9 * log((power->celsius - end) / (to - end)));
}

void sim_power_turn(sim_power *power)
{
    /* The instant of crossing was computed: rounding must not put it off. */
    double to = turning_c(power), slack = 1e-9 * (1 + fabs(to));
    bool reached = power->throttled ? power->celsius <= to + slack : power->celsius >= to - slack;
    if (power->settings->k_per_w > 0 && reached)
        power->throttled = !power->throttled;
}

/* ---- readings ---- */

void sim_power_read(sim_power *power)
{
    size_t at = power->readings++ % ((size_t)power->settings->window + 1);
    for (size_t r = 0; r < power->n_rails; r++)
        power->rails[r].history[at] = power->rails[r].energy_mj;
    power->total_history[at] = sim_power_total_mj(power);
    power->other_read_mj = power->other_mj;
}

static const double *history_of(const sim_power *power, int rail)
{
    return rail < 0 ? power->total_history : power->rails[rail].history;
}

double sim_power_mean_w(const sim_power *power, int rail)
{
    const double *history = history_of(power, rail);
    uint64_t room = (uint64_t)power->settings->window + 1, last = power->readings - 1;
    uint64_t back = last < room - 1 ? last : room - 1;
    if (back == 0)
        return 0;
    return (history[last % room] - history[(last - back) % room]) / (power->settings->period_ms * (double)back);
}

double sim_power_read_mj(const sim_power *power, int rail)
{
    return history_of(power, rail)[(power->readings - 1) % ((size_t)power->settings->window + 1)];
}

static double left_wh(const sim_power *power, double used_mj)
{
    return fmax(0, power->settings->battery_wh * power->settings->battery_level - used_mj / MJ_PER_WH);
}

double sim_power_battery_wh(const sim_power *power)
{
    return left_wh(power, sim_power_read_mj(power, -1) + power->other_read_mj);
}

bool sim_power_is_empty(const sim_power *power)
{
    return power->settings->battery_wh > 0 && left_wh(power, sim_power_total_mj(power) + power->other_mj) <= 0;
}
