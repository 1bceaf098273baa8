#include "support/threads.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"

size_t test_threads_list(int *tids)
{
    size_t n = 0;
    DIR *dir = opendir("/proc/self/task");
    if (!dir)
        return 0;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL && n < TEST_MOST_THREADS;)
        if (isdigit((unsigned char)entry->d_name[0]))
            tids[n++] = atoi(entry->d_name);
    closedir(dir);
    return n;
}

bool test_threads_have(const int *list, size_t n, int value)
{
    for (size_t i = 0; i < n; i++)
        if (list[i] == value)
            return true;
    return false;
}

bool test_thread_is_within(int tid, const int *cores, size_t n)
{
    char path[64], line[4096];
    int *allowed = NULL;
    size_t n_allowed = 0;
    snprintf(path, sizeof path, "/proc/self/task/%d/status", tid);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file)) {
        if (strncmp(line, "Cpus_allowed_list:", 18) != 0)
            continue;
        line[strcspn(line, "\n")] = 0;
        mae_error *error = mae_thread_parse_cores(line + 18 + strspn(line + 18, " \t"), &allowed, &n_allowed);
        if (error) {
            mae_error_free(error);
            fclose(file);
            return false;
        }
    }
    if (file)
        fclose(file);
    bool within = true;
    for (size_t i = 0; i < n_allowed; i++)
        within = within && test_threads_have(cores, n, allowed[i]);
    free(allowed);
    return within;
}
