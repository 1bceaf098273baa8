#include "base/clock.h"

#include <errno.h>
#include <time.h>

#define AWAKE_NS 60000u

uint64_t mae_clock_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void mae_clock_sleep_until_ns(uint64_t deadline_ns)
{
    uint64_t now = mae_clock_now_ns();
    if (deadline_ns > now + AWAKE_NS) {
        uint64_t wake = deadline_ns - AWAKE_NS;
        struct timespec until = {(time_t)(wake / 1000000000u), (long)(wake % 1000000000u)};
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
            continue;
    }
    while (mae_clock_now_ns() < deadline_ns)
        continue;
}
