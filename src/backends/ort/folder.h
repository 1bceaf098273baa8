/* A private folder for the engine's files. */
#ifndef MAE_BACKENDS_ORT_FOLDER_H
#define MAE_BACKENDS_ORT_FOLDER_H

#include <limits.h>

#include "base/error.h"

typedef struct mae_ort_folder {
    char path[PATH_MAX]; /* "": none */
} mae_ort_folder;

/* Below $TMPDIR. */
MAE_MUST_CHECK mae_error *mae_ort_folder_make(mae_ort_folder *folder);

/* The path of a file in it, of PATH_MAX bytes. */
MAE_MUST_CHECK mae_error *mae_ort_folder_join(const mae_ort_folder *folder, const char *name, char *path);

/* Removes it with everything in it. */
void mae_ort_folder_remove(mae_ort_folder *folder);

#endif
