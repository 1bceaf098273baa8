/* hwmon: power sensors of the kernel (INA3221, INA2xx and their like; amdgpu, ...).
 *
 *     sys/class/hwmon/hwmon*                                    JetPack 5 and newer, and any other board
 *         energyN_input (uJ), else powerN_input or _average (uW), else inN_input (mV) x currN_input (mA)
 *     sys/bus/i2c/drivers/ina3221x/ * /iio:device*              JetPack 4
 *         rail_name_N, in_powerN_input (mW)
 *
 * A channel is named by its label, else by its file. An INA3221's channel 7 ("sum of shunt voltages") is no rail, nor
 * is one labelled NC (not connected).
 */
#ifndef MAE_METERS_HWMON_H
#define MAE_METERS_HWMON_H

#include "mae/meter.h"

extern const mae_meter_driver mae_meter_hwmon;

#endif
