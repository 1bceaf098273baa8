/* What a profile says, for people. */
#ifndef MAE_CLI_SUMMARY_H
#define MAE_CLI_SUMMARY_H

#include "mae/profile.h"

/* By kind of layer, what each PE achieves; then the transfers, and how well all is known. To standard output. */
int cli_summary_print(const mae_profile *profile);

/* The provenance of a profile's file: whole-network times, engines, date. Prints nothing if it has none. */
int cli_provenance_print(const char *path);

#endif
