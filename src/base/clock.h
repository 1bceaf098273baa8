/* The monotonic clock, and waiting on it. */
#ifndef MAE_BASE_CLOCK_H
#define MAE_BASE_CLOCK_H

#include <stdint.h>

uint64_t mae_clock_now_ns(void);

/* Sleeps until an absolute time of mae_clock_now_ns(); the last 60 microseconds are waited for awake,
 * because the kernel wakes sleepers late. */
void mae_clock_sleep_until_ns(uint64_t deadline_ns);

#endif
