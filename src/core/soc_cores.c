#include "core/soc_cores.h"

#include <stdlib.h>

#include "base/thread.h"

mae_error *mae_soc_name_cluster(const char *list, mae_arena *arena, const char **ret_resource)
{
    int *cores;
    size_t n;
    char text[256];
    MAE_TRY(mae_thread_parse_cores(list, &cores, &n));
    mae_thread_cores_text(cores, n, text, sizeof text);
    free(cores);
    const char *resource = mae_arena_printf(arena, "cpu:%s", text);
    if (!resource)
        return mae_error_nomem();
    *ret_resource = resource;
    return NULL;
}

mae_error *mae_soc_common_core(const char *a, const char *b, int *ret_core)
{
    int *left, *right, core = -1;
    size_t n, m;
    MAE_TRY(mae_thread_parse_cores(a, &left, &n));
    mae_error *error = mae_thread_parse_cores(b, &right, &m);
    if (error) {
        free(left);
        return error;
    }
    for (size_t i = 0, k = 0; i < n && k < m && core < 0;) {
        if (left[i] == right[k])
            core = left[i];
        else if (left[i] < right[k])
            i++;
        else
            k++;
    }
    free(left);
    free(right);
    *ret_core = core;
    return NULL;
}
