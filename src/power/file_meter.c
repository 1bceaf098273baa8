#include "power/file_meter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_RAILS 1024

struct mae_file_meter {
    mae_meter base;
    mae_arena *arena;
    size_t n, room;
    mae_file_rail *files;
    mae_rail *rails; /* the same rails, for who asks */
};

mae_error *mae_file_meter_create(const mae_meter_driver *driver, mae_file_meter **ret_meter)
{
    mae_arena *arena = mae_arena_create();
    mae_file_meter *meter = arena ? mae_arena_alloc(arena, sizeof *meter) : NULL;
    if (!meter) {
        mae_arena_destroy(arena);
        return mae_error_nomem();
    }
    meter->base.driver = driver;
    meter->arena = arena;
    *ret_meter = meter;
    return NULL;
}

mae_arena *mae_file_meter_arena(mae_file_meter *meter)
{
    return meter->arena;
}

mae_meter *mae_file_meter_base(mae_file_meter *meter)
{
    return &meter->base;
}

static bool grow(mae_file_meter *meter)
{
    size_t room = meter->room ? 2 * meter->room : 16;
    mae_file_rail *files = mae_arena_array(meter->arena, room, sizeof *files);
    mae_rail *rails = mae_arena_array(meter->arena, room, sizeof *rails);
    if (!files || !rails)
        return false;
    for (size_t i = 0; i < meter->n; i++) {
        files[i] = meter->files[i];
        rails[i] = meter->rails[i];
    }
    meter->files = files;
    meter->rails = rails;
    meter->room = room;
    return true;
}

mae_error *mae_file_meter_add(mae_file_meter *meter, const mae_file_rail *rail)
{
    if (meter->n == MOST_RAILS)
        return NULL; /* no machine has so many; whatever this is, it is not read to its end */
    if (!rail->files[0] || !rail->rail.name || !rail->rail.device || (meter->n == meter->room && !grow(meter)))
        return mae_error_nomem();
    meter->files[meter->n] = *rail;
    meter->files[meter->n].rail.path = rail->files[0];
    meter->rails[meter->n] = meter->files[meter->n].rail;
    meter->n++;
    return NULL;
}

void mae_file_meter_set_period(mae_meter *base, double period_s)
{
    mae_file_meter *meter = (mae_file_meter *)base;
    for (size_t i = 0; i < meter->n; i++) {
        meter->rails[i].period_s = meter->files[i].rail.period_s = period_s;
        meter->rails[i].period_told = meter->files[i].rail.period_told = 1;
    }
}

size_t mae_file_meter_rails(const mae_meter *base, const mae_rail **ret_rails)
{
    const mae_file_meter *meter = (const mae_file_meter *)base;
    *ret_rails = meter->rails;
    return meter->n;
}

mae_error *mae_file_meter_read(mae_meter *base, size_t rail, mae_reading *ret_reading)
{
    const mae_file_rail *file = &((const mae_file_meter *)base)->files[rail];
    double value, other = 1;
    MAE_TRY(mae_sysfs_number(file->files[0], &value));
    if (file->files[1])
        MAE_TRY(mae_sysfs_number(file->files[1], &other));
    value *= other * file->scale;
    value = file->either_sign ? fabs(value) : file->falls ? -value : value;
    mae_reading reading = {0, 0};
    *(file->rail.kind == MAE_RAIL_ENERGY ? &reading.energy_j : &reading.power_w) = value;
    *ret_reading = reading;
    return NULL;
}

void mae_file_meter_close(mae_meter *base)
{
    if (base)
        mae_arena_destroy(((mae_file_meter *)base)->arena);
}

mae_error *mae_file_meter_finish(mae_file_meter *meter, mae_error *error, const char *nothing, mae_meter **ret_meter)
{
    if (!error && meter->n == 0)
        error = mae_error_new(MAE_ERR_FAILED, "%s", nothing);
    if (error) {
        mae_file_meter_close(&meter->base);
        return error;
    }
    *ret_meter = &meter->base;
    return NULL;
}
