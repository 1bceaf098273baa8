/* powercap: the energy counters of RAPL domains (Intel, AMD), sys/class/powercap/intel-rapl:*.
 *
 * "package-0", and its sub-domains as "package-0/core". A counter begins again behind max_energy_range_uj.
 * Reading them takes root on kernels since 2020: one that may not be read is left out.
 */
#ifndef MAE_METERS_POWERCAP_H
#define MAE_METERS_POWERCAP_H

#include "mae/meter.h"

extern const mae_meter_driver mae_meter_powercap;

#endif
