/* What the conformance tests share: which backends and tests are wanted, skips, counts. */
#ifndef MAE_TESTS_CONFORMANCE_H
#define MAE_TESTS_CONFORMANCE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "run/compare.h"
#include "support/engines.h"

/* Backends that compute. One that is named and not among them stands in the first one's place: then no other is
 * wanted. */
static const char *conformance_backends[] = {"ort", "onednn", "xnnpack", "opencl"};

static struct {
    const char *backend; /* NULL: all */
    const char *only;    /* NULL: all */
    bool verbose;
    bool foreign; /* the backend is none of those above */
} conformance_options;

/* A backend that is named has to be there: without it nothing would be tested. */
static inline void conformance_take_backend(const char *backend)
{
    mae_module *module = NULL;
    bool known = false;
    for (size_t i = 0; i < sizeof(conformance_backends) / sizeof(conformance_backends[0]); i++)
        known = known || strcmp(conformance_backends[i], backend) == 0;
    mae_error *error = mae_module_load(backend, &module);
    if (error) {
        fprintf(stderr, "%s\n", mae_error_message(error));
        exit(1);
    }
    mae_module_close(module);
    conformance_options.foreign = !known;
    if (!known)
        conformance_backends[0] = backend;
}

static inline void conformance_arguments(int argc, char **argv)
{
    conformance_options.backend = getenv("MAE_CONFORMANCE_BACKEND");
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--backend") == 0 && i + 1 < argc)
            conformance_options.backend = argv[++i];
        else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc)
            conformance_options.only = argv[++i];
        else if (strcmp(argv[i], "--verbose") == 0)
            conformance_options.verbose = true;
        else {
            fprintf(stderr, "usage: %s [--backend NAME] [--only TEXT] [--verbose]\n", argv[0]);
            exit(2);
        }
    }
    if (conformance_options.backend)
        conformance_take_backend(conformance_options.backend);
}

static inline bool conformance_wants_backend(const char *backend)
{
    return !conformance_options.backend || strcmp(conformance_options.backend, backend) == 0;
}

static inline bool conformance_wants(const char *test)
{
    return !conformance_options.only || strstr(test, conformance_options.only);
}

#define conformance_say(...)                                                                                           \
    do {                                                                                                               \
        if (conformance_options.verbose)                                                                               \
            printf(__VA_ARGS__);                                                                                       \
    } while (0)

typedef struct conformance_counts {
    int passed, failed, skipped, unsupported;
} conformance_counts;

/* The tests that an engine is known not to pass, with the reasons: skips.json, read once. "*" stands for every backend,
 * because the importer or the test is at fault. */
static inline const json_t *conformance_skips(void)
{
    static mae_json *skips;
    char path[4096];
    const char *source = getenv("MAE_SOURCE_DIR");
    if (!skips) {
        snprintf(path, sizeof(path), "%s/tests/conformance/skips.json", source ? source : ".");
        test_ok(mae_json_read(path, 1 << 20, &skips));
    }
    return mae_json_root(skips);
}

static inline const char *conformance_skip_reason(const char *backend, const char *test)
{
    const json_t *skips = conformance_skips();
    for (size_t i = 0; i < json_array_size(skips); i++) {
        const char *of = NULL, *name = NULL, *reason = NULL;
        json_unpack(json_array_get(skips, i), "{s:s,s:s,s:s}", "backend", &of, "test", &name, "reason", &reason);
        if (!of || !name || !reason || !reason[0]) {
            fprintf(stderr, "skips.json: row %zu has not a backend, a test and a reason\n", i + 1);
            abort();
        }
        if (strcmp(name, test) == 0 && (strcmp(of, backend) == 0 || strcmp(of, "*") == 0))
            return reason;
    }
    return NULL;
}

/* Counts one test of something the backend says it supports. */
static inline void conformance_count(conformance_counts *counts, const char *backend, const char *test,
                                     const mae_error *error, bool close)
{
    const char *reason = conformance_skip_reason(backend, test);
    if (!error && close) {
        counts->passed++;
        if (reason)
            printf("%s passes %s, which is in the table of skips (%s)\n", backend, test, reason);
        return;
    }
    if (reason) {
        counts->skipped++;
        return;
    }
    counts->failed++;
    printf("FAILED: %s, %s: %s\n", backend, test, error ? mae_error_message(error) : "wrong values");
}

static inline void conformance_report(const char *what, const char *pe, const conformance_counts *counts)
{
    printf("%s on %s: %d passed, %d failed, %d skipped, %d not supported\n", what, pe, counts->passed, counts->failed,
           counts->skipped, counts->unsupported);
}

#endif
