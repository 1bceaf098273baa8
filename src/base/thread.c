#include "base/thread.h"

#include <ctype.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CORES CPU_SETSIZE

int mae_thread_cores_allowed(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    int n = CPU_COUNT(&set);
    return n > 0 ? n : 1;
}

/* One "3" or "0-3" at *text; moves *text behind it. */
static bool parse_range(const char **text, long *ret_low, long *ret_high)
{
    char *end;
    if (!isdigit((unsigned char)**text))
        return false;
    long low = strtol(*text, &end, 10), high = low;
    if (*end == '-') {
        if (!isdigit((unsigned char)end[1]))
            return false;
        high = strtol(end + 1, &end, 10);
    }
    *text = end;
    *ret_low = low;
    *ret_high = high;
    return low <= high && high < MAX_CORES;
}

mae_error *mae_thread_parse_cores(const char *text, int **ret_cores, size_t *ret_n)
{
    bool wanted[MAX_CORES] = {false};
    const char *at = text;
    size_t n = 0;
    for (;;) {
        long low, high;
        if (!parse_range(&at, &low, &high))
            return mae_error_new(MAE_ERR_USAGE, "cores \"%s\": expected a list like 0-3,6", text);
        for (long core = low; core <= high; core++) {
            n += !wanted[core];
            wanted[core] = true;
        }
        if (*at == 0)
            break;
        if (*at++ != ',')
            return mae_error_new(MAE_ERR_USAGE, "cores \"%s\": expected a list like 0-3,6", text);
    }
    int *cores = malloc(n * sizeof *cores);
    if (!cores)
        return mae_error_nomem();
    size_t filled = 0;
    for (int core = 0; core < MAX_CORES; core++)
        if (wanted[core])
            cores[filled++] = core;
    *ret_cores = cores;
    *ret_n = n;
    return NULL;
}

mae_error *mae_thread_bind(const int *cores, size_t n)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    for (size_t i = 0; i < n; i++)
        CPU_SET((size_t)cores[i], &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0)
        return mae_error_new(MAE_ERR_USAGE, "cannot bind to the cores asked for: %s", strerror(errno));
    return NULL;
}
