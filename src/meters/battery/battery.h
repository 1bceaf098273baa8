/* battery: sys/class/power_supply/ * of type Battery.
 *
 * power_now (uW), else voltage_now (uV) x current_now (uA); and, as "BAT0/energy", the charge that is gone: energy_now
 * (uWh), else charge_now (uAh) at the voltage there was first. Which way the current is counted differs between
 * drivers: its sign is ignored, so nothing may be charging. Fuel gauges are renewed every second or ten; they do not
 * tell.
 */
#ifndef MAE_METERS_BATTERY_H
#define MAE_METERS_BATTERY_H

#include "mae/meter.h"

extern const mae_meter_driver mae_meter_battery;

#endif
