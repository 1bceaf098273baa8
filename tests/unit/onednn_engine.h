/* The one oneDNN PE, of one thread, that all tests of a program share. */
#ifndef MAE_TESTS_ONEDNN_ENGINE_H
#define MAE_TESTS_ONEDNN_ENGINE_H

#include "onednn_net.h"

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
    present = net_open(&engine, 1);
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
