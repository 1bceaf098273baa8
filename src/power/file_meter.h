/* Meters whose rails are files: a driver says which, the rest is here. */
#ifndef MAE_POWER_FILE_METER_H
#define MAE_POWER_FILE_METER_H

#include "base/arena.h"
#include "base/error.h"
#include "mae/meter.h"
#include "power/sysfs.h"

/* How a rail's value comes out of its files. */
typedef struct mae_file_rail {
    mae_rail rail;        /* path is filled in from `files` */
    const char *files[2]; /* the second, if any, is multiplied by the first: volts by amperes */
    double scale;         /* to joules or watts */
    bool falls;           /* a store that empties: what is gone from it is what was used */
    bool either_sign;     /* which way it flows does not matter */
} mae_file_rail;

typedef struct mae_file_meter mae_file_meter;

/* An empty meter of this driver. */
MAE_MUST_CHECK mae_error *mae_file_meter_create(const mae_meter_driver *driver, mae_file_meter **ret_meter);
mae_arena *mae_file_meter_arena(mae_file_meter *meter); /* where strings of rails live */
MAE_MUST_CHECK mae_error *mae_file_meter_add(mae_file_meter *meter, const mae_file_rail *rail);
mae_meter *mae_file_meter_base(mae_file_meter *meter);

/* All rails are renewed so often, whatever the sensor says. */
void mae_file_meter_set_period(mae_meter *meter, double period_s);

/* The slots of a driver. */
size_t mae_file_meter_rails(const mae_meter *meter, const mae_rail **ret_rails);
MAE_MUST_CHECK mae_error *mae_file_meter_read(mae_meter *meter, size_t rail, mae_reading *ret_reading);
void mae_file_meter_close(mae_meter *meter);

/* What `open` ends with: the meter, or, when nothing was found, MAE_ERR_FAILED with `nothing`. Takes over `error`
 * and the meter. */
MAE_MUST_CHECK mae_error *mae_file_meter_finish(mae_file_meter *meter, mae_error *error, const char *nothing,
                                                mae_meter **ret_meter);

#endif
