/* Which drivers the OpenCL loader would load, without loading any. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "backends/opencl/device.h"

#define FOLDER "/etc/OpenCL/vendors"

static bool ends_in_icd(const char *name)
{
    size_t length = strlen(name);
    return length > 4 && strcmp(name + length - 4, ".icd") == 0;
}

static bool is_set(const char *variable)
{
    const char *value = getenv(variable);
    return value && *value;
}

/* Loaders can be sent elsewhere, by more ways than are worth following. */
static bool is_elsewhere(void)
{
    return is_set("OCL_ICD_VENDORS") || is_set("OPENCL_VENDOR_PATH") || is_set("OCL_ICD_FILENAMES");
}

bool mae_cl_only_pocl(size_t *ret_n)
{
    bool only = true;
    size_t n = 0;

    *ret_n = 1;
    if (is_elsewhere())
        return false;
    DIR *dir = opendir(FOLDER);
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;) {
        if (!ends_in_icd(entry->d_name))
            continue;
        n++;
        only = only && strncmp(entry->d_name, "pocl", 4) == 0;
    }
    if (dir)
        closedir(dir);
    *ret_n = n;
    return only && n > 0;
}
