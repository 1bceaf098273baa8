/* The machine's state: batteries and thermal zones below a root folder, and the meter's power. */
#include <math.h>
#include <string.h>

#include "power/sysfs.h"
#include "session/live.h"

#define GAUGE_S 1.0 /* the least over which a power is told */

static mae_error *find_batteries(live_sensors *s, const char *root)
{
    mae_sysfs_list list;
    MAE_TRY(mae_sysfs_find(s->arena, root, "sys/class/power_supply/*", &list));
    for (size_t i = 0; i < list.n && s->n_batteries < LIVE_MOST_ZONES; i++) {
        const char *type = mae_sysfs_text_or_null(s->arena, list.paths[i], "type");
        if (type && strcmp(type, "Battery") == 0)
            s->batteries[s->n_batteries++] = list.paths[i];
    }
    return NULL;
}

static mae_error *find_zones(live_sensors *s, const char *root)
{
    mae_sysfs_list list;
    MAE_TRY(mae_sysfs_find(s->arena, root, "sys/class/thermal/thermal_zone*", &list));
    for (size_t i = 0; i < list.n && s->n_zones < LIVE_MOST_ZONES; i++)
        s->zones[s->n_zones++] = list.paths[i];
    return NULL;
}

/* All rails that a PE or the platform is measured by, each once. */
static mae_error *open_gauge(mae_context *context, live_sensors *s)
{
    size_t rails[LIVE_MOST_ZONES], n = 0;
    for (size_t p = 0; context->meter && p < context->n_pes; p++)
        for (size_t r = 0; r < context->pes[p].n_rails && n < LIVE_MOST_ZONES; r++) {
            size_t k = 0;
            while (k < n && rails[k] != context->pes[p].rails[r])
                k++;
            if (k == n)
                rails[n++] = context->pes[p].rails[r];
        }
    if (n == 0 || context->clock_pe) /* a machine with a clock of its own is asked by who runs it */
        return NULL;
    MAE_TRY(mae_gauge_create(context->meter, rails, n, (mae_gauge_clock){0}, &s->gauge));
    return mae_gauge_begin(s->gauge);
}

mae_error *live_sensors_open(mae_context *context, const char *root, live_sensors *s)
{
    *s = (live_sensors){.battery = NAN, .celsius = NAN, .power_w = NAN};
    s->arena = mae_arena_create();
    if (!s->arena)
        return mae_error_nomem();
    if (root) {
        MAE_TRY(find_batteries(s, root));
        MAE_TRY(find_zones(s, root));
    }
    return open_gauge(context, s);
}

void live_sensors_close(live_sensors *s)
{
    mae_gauge_destroy(s->gauge);
    mae_arena_destroy(s->arena);
    *s = (live_sensors){.arena = NULL};
}

/* now / full in percent; NAN where they are not there. */
static double share(const char *folder, const char *now, const char *full)
{
    double a = mae_sysfs_number_or(folder, now, NAN), b = mae_sysfs_number_or(folder, full, NAN);
    return b > 0 ? 100 * a / b : NAN;
}

/* The mean of the batteries that tell. */
static double read_battery(const live_sensors *s)
{
    double sum = 0;
    size_t n = 0;
    for (size_t i = 0; i < s->n_batteries; i++) {
        double percent = share(s->batteries[i], "energy_now", "energy_full");
        if (isnan(percent))
            percent = share(s->batteries[i], "charge_now", "charge_full");
        if (isnan(percent))
            percent = mae_sysfs_number_or(s->batteries[i], "capacity", NAN);
        if (isnan(percent))
            continue;
        sum += percent;
        n++;
    }
    return n ? sum / (double)n : NAN;
}

/* The hottest zone. */
static double read_celsius(const live_sensors *s)
{
    double most = NAN;
    for (size_t i = 0; i < s->n_zones; i++) {
        double c = mae_sysfs_number_or(s->zones[i], "temp", NAN) * 1e-3;
        if (!isnan(c) && (isnan(most) || c > most))
            most = c;
    }
    return most;
}

static void read_power(live_sensors *s, uint64_t now_ns)
{
    double span_s = (double)(now_ns - s->gauge_ns) * 1e-9;
    if (s->gauge_ns == 0)
        s->gauge_ns = now_ns;
    if (s->gauge_ns == now_ns || span_s < GAUGE_S || span_s < 2 * mae_gauge_least_s(s->gauge))
        return;
    mae_gauge_energy energy;
    mae_error *error = mae_gauge_end(s->gauge, &energy);
    s->power_w = error ? NAN : energy.joules / energy.seconds;
    mae_error_free(error);
    error = mae_gauge_begin(s->gauge);
    if (error) { /* the meter is gone */
        mae_gauge_destroy(s->gauge);
        s->gauge = NULL;
    }
    mae_error_free(error);
    s->gauge_ns = now_ns;
}

void live_sensors_read(live_sensors *s, uint64_t now_ns)
{
    s->battery = read_battery(s);
    s->celsius = read_celsius(s);
    if (s->gauge)
        read_power(s, now_ns);
}
