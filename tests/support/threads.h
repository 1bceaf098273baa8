/* The threads of the test's own process, as the kernel lists them. */
#ifndef MAE_TESTS_SUPPORT_THREADS_H
#define MAE_TESTS_SUPPORT_THREADS_H

#include <stdbool.h>
#include <stddef.h>

#define TEST_MOST_THREADS 256

size_t test_threads_list(int *tids); /* room for TEST_MOST_THREADS */
bool test_threads_have(const int *list, size_t n, int value);

/* May the thread use no other processors than these? A thread that has just ended may. */
bool test_thread_is_within(int tid, const int *cores, size_t n);

#endif
