/* Tests that an engine is known not to pass, with the reason: data, not code. */
#ifndef MAE_TESTS_SKIPS_H
#define MAE_TESTS_SKIPS_H

typedef struct skip_row {
    const char *backend; /* "*": of every backend, because the importer or the test is at fault */
    const char *test;    /* a folder of libonnx-testdata, or "network:layer" */
    const char *reason;
} skip_row;

static const skip_row skip_rows[] = {
    {"*", "test_bernoulli", "random numbers, which the standard leaves to the engine"},
    {"*", "test_bernoulli_double", "random numbers, which the standard leaves to the engine"},
    {"*", "test_bernoulli_double_expanded", "random numbers, which the standard leaves to the engine"},
    {"*", "test_bernoulli_expanded", "random numbers, which the standard leaves to the engine"},
    {"*", "test_bernoulli_seed", "random numbers, which the standard leaves to the engine"},
    {"*", "test_bernoulli_seed_expanded", "random numbers, which the standard leaves to the engine"},
    {"*", "test_training_dropout", "random numbers, which the standard leaves to the engine"},
    {"*", "test_training_dropout_default", "random numbers, which the standard leaves to the engine"},
    {"*", "test_training_dropout_default_mask", "random numbers, which the standard leaves to the engine"},
    {"*", "test_training_dropout_mask", "random numbers, which the standard leaves to the engine"},
    {"*", "test_castlike_BFLOAT16_to_FLOAT", "the data of input \"like\" has not the shape that the model declares"},
    {"*", "test_castlike_FLOAT_to_BFLOAT16", "the data of input \"like\" has not the shape that the model declares"},
    {"ort", "test_resize_downsample_scales_cubic_align_corners",
     "the engine aligns corners by the rounded size of the output, the data by the exact scale"},
    {"ort", "test_resize_downsample_scales_linear_align_corners",
     "the engine aligns corners by the rounded size of the output, the data by the exact scale"},
};

#endif
