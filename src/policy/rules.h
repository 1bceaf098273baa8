/* What the reader and the writer of rules share. */
#ifndef MAE_POLICY_RULES_H
#define MAE_POLICY_RULES_H

#include "mae/policy.h"

#define MAE_RULES_MAX_FILE_BYTES (1u << 20)

/* Where a rule says nothing: it holds at least so long, and a threshold is left so far behind it. */
#define MAE_RULE_HOLD_S 0.5
#define MAE_RULE_LEAST_HOLD_S 0.1
#define MAE_RULE_BATTERY_BAND 5.0
#define MAE_RULE_TEMPERATURE_BAND 5.0
#define MAE_RULE_POWER_BAND 0.1  /* of the threshold */
#define MAE_RULE_OUTPUT_BAND 0.1 /* of the threshold */

/* The words for what a threshold looks at: its name and its unit. */
typedef struct mae_rule_quantity {
    mae_when when;
    const char *name, *unit; /* unit "": a number alone */
    double least, most;
} mae_rule_quantity;

/* NULL: `when` has no threshold. */
const mae_rule_quantity *mae_rule_quantity_of(mae_when when);

#endif
