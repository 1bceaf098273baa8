/* Going on with a profile: what of it still has to be measured. */
#ifndef MAE_CLI_RESUME_H
#define MAE_CLI_RESUME_H

#include "mae/mae.h"

typedef struct cli_resume {
    const char *path; /* of the profile to go on with */
    mae_profile *old;
    int *pes; /* of the context: what is to be measured */
    size_t n_pes;
} cli_resume;

/* Reads the profile and checks that it is of this network and of as many threads. Of the context's PEs, those that it
 * lacks are to be measured, or `all`; which and why is said on standard output. cli_resume_finish() in any case. */
int cli_resume_begin(cli_resume *resume, const char *path, mae_context *context, const mae_model *model, bool all);
void cli_resume_finish(cli_resume *resume);

/* Says which pairs of PEs a profile has no transfers between. */
void cli_resume_print_gaps(const mae_profile *profile);

#endif
