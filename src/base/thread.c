#include "base/thread.h"

#include <ctype.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
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

mae_error *mae_thread_allowed(int **ret_cores, size_t *ret_n)
{
    cpu_set_t set;
    size_t n = 0;
    int *cores = malloc(MAX_CORES * sizeof *cores);
    if (!cores)
        return mae_error_nomem();
    if (sched_getaffinity(0, sizeof set, &set) != 0) {
        free(cores);
        return mae_error_new(MAE_ERR_FAILED, "the processors of this process are not to be known: %s", strerror(errno));
    }
    for (int i = 0; i < MAX_CORES; i++)
        if (CPU_ISSET((size_t)i, &set))
            cores[n++] = i;
    *ret_cores = cores;
    *ret_n = n;
    return NULL;
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

void mae_thread_cores_text(const int *cores, size_t n, char *text, size_t size)
{
    size_t at = 0;
    if (size)
        *text = 0;
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && cores[end] == cores[end - 1] + 1; end++)
            ;
        int wrote =
            snprintf(text + at, size - at, end > i + 1 ? "%s%d-%d" : "%s%d", i ? "," : "", cores[i], cores[end - 1]);
        if (wrote < 0 || (size_t)wrote >= size - at)
            return;
        at += (size_t)wrote;
    }
}

/* The kernel leaves out what is not here without a word. */
static mae_error *not_here(int core, const cpu_set_t *here)
{
    int cores[MAX_CORES];
    size_t n = 0;
    char text[256];
    for (int i = 0; i < MAX_CORES; i++)
        if (CPU_ISSET((size_t)i, here))
            cores[n++] = i;
    mae_thread_cores_text(cores, n, text, sizeof text);
    return mae_error_new(MAE_ERR_USAGE, "there is no processor %d here, or it may not be used: there %s %s", core,
                         n == 1 ? "is" : "are", text);
}

mae_error *mae_thread_bind(const int *cores, size_t n)
{
    cpu_set_t before, wanted, all, got;
    CPU_ZERO(&wanted);
    for (size_t i = 0; i < n; i++)
        CPU_SET((size_t)cores[i], &wanted);
    memset(&all, 0xff, sizeof all);
    if (sched_getaffinity(0, sizeof before, &before) != 0 || sched_setaffinity(0, sizeof all, &all) != 0 ||
        sched_getaffinity(0, sizeof got, &got) != 0)
        return mae_error_new(MAE_ERR_FAILED, "cannot bind to processors: %s", strerror(errno));
    for (size_t i = 0; i < n; i++)
        if (!CPU_ISSET((size_t)cores[i], &got)) {
            (void)sched_setaffinity(0, sizeof before, &before);
            return not_here(cores[i], &got);
        }
    if (sched_setaffinity(0, sizeof wanted, &wanted) != 0)
        return mae_error_new(MAE_ERR_FAILED, "cannot bind to processors: %s", strerror(errno));
    return NULL;
}

static size_t find_allowed(int *ret_cores, size_t most)
{
    cpu_set_t set;
    size_t n = 0;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 0;
    for (int i = 0; i < MAX_CORES && n < most; i++)
        if (CPU_ISSET((size_t)i, &set))
            ret_cores[n++] = i;
    return n;
}

bool mae_thread_places(const int *cores, size_t n_cores, int threads, int *ret_cores, size_t most)
{
    int all[MAX_CORES];
    size_t n = n_cores;
    if (n == 0) {
        n = find_allowed(all, MAX_CORES);
        cores = all;
    }
    if (threads < 2 || (size_t)threads != n || n > most)
        return false;
    memcpy(ret_cores, cores, n * sizeof *cores);
    return true;
}

void mae_thread_come_to(int core)
{
    cpu_set_t before, here;
    if (sched_getcpu() == core || sched_getaffinity(0, sizeof before, &before) != 0 ||
        !CPU_ISSET((size_t)core, &before))
        return;
    CPU_ZERO(&here);
    CPU_SET((size_t)core, &here);
    if (sched_setaffinity(0, sizeof here, &here) == 0)
        (void)!sched_setaffinity(0, sizeof before, &before);
}
