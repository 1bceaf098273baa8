/* What machine this is, as its kernel tells: where measured costs come from. */
#ifndef MAE_PROFILE_MACHINE_H
#define MAE_PROFILE_MACHINE_H

#include <stddef.h>

/* The processor's name, or where the kernel has none (Arm) the board's; "unknown" where it tells nothing. Files are
 * looked for below `root`, "" for those of this machine. */
void mae_machine_name(const char *root, char *text, size_t size);

/* What sets the clocks of the first core, or "unknown". */
void mae_machine_governor(const char *root, char *text, size_t size);

#endif
