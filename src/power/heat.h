/* How hot the machine is, and whether it slows itself down for that. */
#ifndef MAE_POWER_HEAT_H
#define MAE_POWER_HEAT_H

#include <stdbool.h>

typedef struct mae_heat {
    bool known;       /* a thermal zone could be read */
    double celsius;   /* of the hottest zone */
    char zone[64];    /* its type */
    double cooling;   /* cooling devices at work: their states, summed */
    double throttles; /* times a processor has throttled since it was started (x86) */
} mae_heat;

/* sys/class/thermal and sys/devices/system/cpu below `root`; what is not there is unknown or 0. */
void mae_heat_look(const char *root, mae_heat *ret_heat);

/* Was the machine slowed down between the two looks? */
bool mae_heat_throttled(const mae_heat *before, const mae_heat *after);

#endif
