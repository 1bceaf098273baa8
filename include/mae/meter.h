/* The meter interface: what reads energy or power from a machine, rail by rail.
 *
 * A meter is one `static const mae_meter_driver` table. `open` looks below a root folder ("/", or a folder tree
 * that looks like it) and finds rails; `read` reads one of them, now. Counting, sampling, wrap-around and how far
 * a figure can be trusted are the gauge's matter (src/power/gauge.h), not the meter's.
 */
#ifndef MAE_METER_H
#define MAE_METER_H

#include <stddef.h>
#include <stdint.h>

#include "mae/error.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mae_meter mae_meter;

typedef enum mae_rail_kind {
    MAE_RAIL_ENERGY, /* a counter of energy used */
    MAE_RAIL_POWER   /* power at the moment, or a mean over the sensor's own period */
} mae_rail_kind;

typedef struct mae_rail {
    const char *name;   /* "VDD_GPU_SOC" */
    const char *device; /* "ina3221": the chip or domain it belongs to; names need be unique only within it */
    const char *path;   /* the file it is read from; the first, where there are several */
    mae_rail_kind kind;
    double period_s;   /* how often it is renewed */
    int period_told;   /* the sensor tells its period; else it is what such sensors usually have */
    double resolution; /* joules of a counter, watts of a power; 0: not known to be coarse */
    double range_j;    /* a counter begins again behind this; 0: it does not */
} mae_rail;

typedef struct mae_reading {
    double energy_j; /* of a counter */
    double power_w;  /* of a power rail */
} mae_reading;

typedef struct mae_meter_driver {
    const char *name; /* "hwmon" */

    /* Finds the rails below `root`. MAE_ERR_FAILED, with the reason, when there are none. */
    mae_error *(*open)(const char *root, mae_meter **ret_meter);

    size_t (*rails)(const mae_meter *meter, const mae_rail **ret_rails);

    /* MAE_ERR_LOST when the sensor is gone, MAE_ERR_FAILED when what it says is no number; both name the file. */
    mae_error *(*read)(mae_meter *meter, size_t rail, mae_reading *ret_reading);

    void (*close)(mae_meter *meter); /* takes NULL */
} mae_meter_driver;

/* What every meter begins with. */
struct mae_meter {
    const mae_meter_driver *driver;
};

#ifdef __cplusplus
}
#endif
#endif
