#include "mae/mae.h"

const char *mae_version(void)
{
    return MAE_VERSION;
}
