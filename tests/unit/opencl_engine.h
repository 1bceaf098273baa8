/* The OpenCL PEs that all tests of a program share: the first device twice, with memory of its own and, where it shares
 * the host's, with that. */
#ifndef MAE_TESTS_OPENCL_ENGINE_H
#define MAE_TESTS_OPENCL_ENGINE_H

#include "net.h"

enum { OWN_MEMORY, SHARED_MEMORY, MOST_ENGINES };
static net_engine engines[MOST_ENGINES];
static int n_engines;

#define NEED_ENGINE()                                                                                                  \
    do {                                                                                                               \
        if (n_engines == 0)                                                                                            \
            skip();                                                                                                    \
    } while (0)

static inline int open_engines(void **state)
{
    static const mae_option own = {"memory", "own"};
    mae_pe_config config = {.name = "gpu/opencl", .resource = "gpu", .threads = 2, .options = &own, .n_options = 1};
    (void)state;
    if (!net_open_backend(&engines[OWN_MEMORY], "opencl", &config))
        return 0;
    assert_non_null(engines[OWN_MEMORY].pe->ops->alloc);
    config.n_options = 0;
    assert_true(net_open_backend(&engines[SHARED_MEMORY], "opencl", &config));
    n_engines = engines[SHARED_MEMORY].pe->ops->alloc ? 1 : 2;
    if (n_engines == 1) /* a device whose memory is its own */
        net_close(&engines[SHARED_MEMORY]);
    return 0;
}

static inline int close_engines(void **state)
{
    (void)state;
    for (int i = 0; i < n_engines; i++)
        net_close(&engines[i]);
    return 0;
}

/* On one of the engines. */
static inline void check_on_one(net *n, int which)
{
    net_make_layers(n);
    net_interpret(n);
    net_check_on(n, &engines[which % n_engines]);
    net_end(n);
}

/* On every engine: all of it at once, and every layer alone. */
static inline void check_all(net *n)
{
    net_make_layers(n);
    net_interpret(n);
    for (int i = 0; i < n_engines; i++)
        net_check_on(n, &engines[i]);
    net_end(n);
}

#endif
