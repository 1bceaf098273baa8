#include "folder.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static bool join(char *path, const char *folder, const char *name)
{
    int n = snprintf(path, PATH_MAX, "%s/%s", folder, name);
    return n > 0 && n < PATH_MAX;
}

mae_error *mae_ort_folder_make(mae_ort_folder *folder)
{
    const char *tmp = getenv("TMPDIR");
    if (join(folder->path, tmp && *tmp ? tmp : "/tmp", "mae-ort-XXXXXX") && mkdtemp(folder->path))
        return NULL;
    mae_error *error = mae_error_new(MAE_ERR_FAILED, "no temporary folder can be made at %s", folder->path);
    folder->path[0] = 0;
    return error;
}

mae_error *mae_ort_folder_join(const mae_ort_folder *folder, const char *name, char *path)
{
    if (join(path, folder->path, name))
        return NULL;
    return mae_error_new(MAE_ERR_FAILED, "the path of the temporary folder is too long");
}

void mae_ort_folder_remove(mae_ort_folder *folder)
{
    DIR *dir = folder->path[0] ? opendir(folder->path) : NULL;
    if (dir) {
        for (struct dirent *entry; (entry = readdir(dir));)
            unlinkat(dirfd(dir), entry->d_name, 0); /* fails on "." and "..", as it should */
        closedir(dir);
        rmdir(folder->path);
    }
    folder->path[0] = 0;
}
