/* A file of its own for a test that writes one. */
#ifndef MAE_TESTS_CLI_SCRATCH_H
#define MAE_TESTS_CLI_SCRATCH_H

#include <stdlib.h>
#include <unistd.h>

static char scratch[] = "/tmp/mae-test-XXXXXX";

/* For cmocka_run_group_tests(). */
static inline int scratch_make(void **state)
{
    (void)state;
    int fd = mkstemp(scratch);
    return fd < 0 ? -1 : close(fd);
}

static inline int scratch_remove(void **state)
{
    (void)state;
    return unlink(scratch);
}

#endif
