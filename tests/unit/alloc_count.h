/* Every allocation of the process counted, by whose code asked for it: an engine's library, or anything else, which is
 * mae's. The C library and the C++ one ask for others: who called them counts. Linked in, it is the process's malloc.
 */
#ifndef MAE_TESTS_ALLOC_COUNT_H
#define MAE_TESTS_ALLOC_COUNT_H

#include <stdbool.h>
#include <stddef.h>

typedef struct alloc_counts {
    size_t own, engines;
    size_t own_bytes;
    char first_own[256]; /* where the first of mae's own came from; "": there was none */
} alloc_counts;

/* Not under a sanitizer, whose malloc has to stay, nor without glibc. */
bool alloc_count_works(void);

void alloc_count_begin(void);
alloc_counts alloc_count_end(void);

#endif
