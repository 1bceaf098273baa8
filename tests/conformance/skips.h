/* Tests that an engine is known not to pass, with the reason: data, not code. */
#ifndef MAE_TESTS_SKIPS_H
#define MAE_TESTS_SKIPS_H

typedef struct skip_row {
    const char *backend; /* "*": of every backend, because the importer or the test is at fault */
    const char *test;    /* a folder of libonnx-testdata, or "network:layer" */
    const char *reason;
} skip_row;

static const skip_row skip_rows[] = {
    {"*", "none yet", "keeps the table from being empty"},
};

#endif
