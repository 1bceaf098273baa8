/* The one PE, of one thread, that all tests of a program share: that of the backend NET_BACKEND. */
#ifndef MAE_TESTS_NET_ENGINE_H
#define MAE_TESTS_NET_ENGINE_H

#include "net.h"

static net_engine engine;
static bool present;

#define NEED_ENGINE()                                                                                                  \
    do {                                                                                                               \
        if (!present)                                                                                                  \
            skip();                                                                                                    \
    } while (0)

static inline int open_engine(void **state)
{
    (void)state;
    present = net_open(&engine, NET_BACKEND, 1);
    return 0;
}

static inline int close_engine(void **state)
{
    (void)state;
    if (present)
        net_close(&engine);
    return 0;
}

#endif
