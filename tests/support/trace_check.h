/* Traces held against their schema and docs/traces.md: spans of one track nest or follow each other, flows go from a
 * frame's first segment through all others to its last. */
#ifndef MAE_TESTS_TRACE_CHECK_H
#define MAE_TESTS_TRACE_CHECK_H

#include <jansson.h>
#include <stddef.h>

typedef struct trace_counts {
    size_t segments, transfers, marks, watts;
    size_t flows;    /* frames that have one */
    size_t tracks;   /* PEs */
    size_t overlaps; /* segments that began while one of another resource ran */
    size_t lost;
} trace_counts;

/* Fails the test, naming the event, where something is wrong. */
trace_counts trace_check_text(const char *text);
trace_counts trace_check_file(const char *path);

#endif
