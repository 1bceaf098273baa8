/* How much energy a set of rails takes between two instants, and how far that can be trusted.
 *
 * Counters are read at both ends, and now and then between so that none wraps twice unseen; powers are sampled at
 * their own rate and integrated. With this machine's clock a thread does so; a virtual clock calls when it is time.
 */
#ifndef MAE_POWER_GAUGE_H
#define MAE_POWER_GAUGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "mae/backend.h"
#include "mae/meter.h"

/* A clock to live by: see mae_clock_service. All NULL: this machine's. */
typedef struct mae_gauge_clock {
    uint64_t (*now_ns)(void *ctx);
    void (*wait_ns)(void *ctx, uint64_t ns);
    bool (*set_alarm)(void *ctx, uint64_t first_ns, mae_clock_alarm *alarm, void *alarm_ctx);
    void *ctx;
} mae_gauge_clock;

uint64_t mae_gauge_clock_now_ns(const mae_gauge_clock *clock);
void mae_gauge_clock_wait_ns(const mae_gauge_clock *clock, uint64_t ns);

typedef struct mae_gauge mae_gauge;

typedef struct mae_gauge_energy {
    double joules;      /* all rails together */
    double uncertain_j; /* half of the interval it lies in: the meter's steps and rate, and 95 % of what its samples
                           scatter */
    double seconds;
    size_t samples; /* of powers, all rails; 0: counters only */
} mae_gauge_energy;

/* The meter outlives the gauge. `rails` are its indices, at least one. */
MAE_MUST_CHECK mae_error *mae_gauge_create(mae_meter *meter, const size_t *rails, size_t n, mae_gauge_clock clock,
                                           mae_gauge **ret_gauge);
void mae_gauge_destroy(mae_gauge *gauge); /* takes NULL; ends what has begun */

/* The shortest span that the meter's rate allows an answer for. */
double mae_gauge_least_s(const mae_gauge *gauge);

MAE_MUST_CHECK mae_error *mae_gauge_begin(mae_gauge *gauge);
/* MAE_ERR_FAILED when the span was too short for the meter's rate, a counter went backwards or too much of what a
 * sensor said was no number; MAE_ERR_LOST when it is gone. */
MAE_MUST_CHECK mae_error *mae_gauge_end(mae_gauge *gauge, mae_gauge_energy *ret_energy);

#endif
