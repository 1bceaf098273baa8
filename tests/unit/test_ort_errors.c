/* What becomes of the engine's statuses: which kind of error, and one line that users can read. And how the engine's
 * environment is shared with an application that uses it, too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#ifdef MAE_HAVE_ORT

#include "backends/ort/ort.h"

#define DEVICE_RESET ((OrtErrorCode)15)

static void expect(OrtErrorCode code, const char *message, mae_code wanted, const char *text)
{
    const mae_ort *ort;
    assert_null(mae_ort_get(&ort));
    mae_error *error = mae_ort_check(ort, ort->api->CreateStatus(code, message));
    assert_int_equal(mae_error_code(error), wanted);
    assert_string_equal(mae_error_message(error), text);
    mae_error_free(error);
}

static void nothing_wrong(void **state)
{
    (void)state;
    const mae_ort *ort;
    assert_null(mae_ort_get(&ort));
    assert_null(mae_ort_check(ort, NULL));
}

static void devices_that_are_gone(void **state)
{
    (void)state;
    expect(DEVICE_RESET, "reset", MAE_ERR_LOST, "ONNX Runtime: reset");
    expect(ORT_ENGINE_ERROR, "the NPU crashed", MAE_ERR_LOST, "ONNX Runtime: the NPU crashed");
    expect(ORT_FAIL, "WebGPU device lost (2): gone", MAE_ERR_LOST, "ONNX Runtime: WebGPU device lost (2): gone");
    expect(ORT_EP_FAIL, "The Device is Lost", MAE_ERR_LOST, "ONNX Runtime: The Device is Lost");
    const mae_ort *ort;
    assert_null(mae_ort_get(&ort));
    mae_error *error = mae_ort_check(ort, ort->api->CreateStatus(DEVICE_RESET, "reset"));
    assert_int_equal(mae_error_exit_status(error), 1);
    mae_error_free(error);
}

static void what_fails_otherwise(void **state)
{
    (void)state;
    expect(ORT_FAIL, "no", MAE_ERR_FAILED, "ONNX Runtime: no");
    expect(ORT_EP_FAIL, "engine build failed", MAE_ERR_FAILED, "ONNX Runtime: engine build failed");
    expect(ORT_NOT_IMPLEMENTED, "no kernel", MAE_ERR_UNSUPPORTED, "ONNX Runtime: no kernel");
    expect(
        ORT_FAIL,
        "This session contains graph nodes that are assigned to the default CPU EP, but fallback to CPU EP has been "
        "explicitly disabled by the user.",
        MAE_ERR_UNSUPPORTED,
        "ONNX Runtime: This session contains graph nodes that are assigned to the default CPU EP, but fallback to CPU "
        "EP has been explicitly disabled by the user.");
}

static void lines_for_users(void **state)
{
    (void)state;
    expect(ORT_FAIL, "", MAE_ERR_FAILED, "ONNX Runtime: no reason given");
    expect(ORT_FAIL, "\nfirst\nsecond", MAE_ERR_FAILED, "ONNX Runtime: first");
    expect(ORT_FAIL, "/src/a.cc:12 Provider& Get() [ONNXRuntimeError] : 1 : FAIL : no library x", MAE_ERR_FAILED,
           "ONNX Runtime: no library x");
    expect(ORT_FAIL, "/src/a.cc:12 void F(int) status == ok was false. No adapter", MAE_ERR_FAILED,
           "ONNX Runtime: No adapter");
    expect(ORT_FAIL, "/src/a.cc:12 C n::F(const O&) Invalid layout", MAE_ERR_FAILED, "ONNX Runtime: Invalid layout");
    expect(ORT_FAIL, "/a/file (here) is gone", MAE_ERR_FAILED, "ONNX Runtime: /a/file (here) is gone");
    expect(ORT_FAIL, "/src/a.cc:12 F()", MAE_ERR_FAILED, "ONNX Runtime: /src/a.cc:12 F()");
}

static OrtMemoryInfo *info_of_application;

static void *ORT_API_CALL application_takes(OrtAllocator *allocator, size_t bytes)
{
    (void)allocator;
    return malloc(bytes);
}

static void ORT_API_CALL application_frees(OrtAllocator *allocator, void *block)
{
    (void)allocator;
    free(block);
}

static const OrtMemoryInfo *ORT_API_CALL application_tells(const OrtAllocator *allocator)
{
    (void)allocator;
    return info_of_application;
}

/* In a process of its own, since there is one environment in each. 0: as it should be. */
static int open_after_the_application(bool has_allocator)
{
    static OrtAllocator own = {
        .version = MAE_ORT_API, .Alloc = application_takes, .Free = application_frees, .Info = application_tells};
    const OrtApi *api = OrtGetApiBase()->GetApi(MAE_ORT_API);
    OrtEnv *env;
    const mae_ort *ort;
    if (api->CreateEnv(ORT_LOGGING_LEVEL_ERROR, "application", &env) ||
        api->CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, &info_of_application) ||
        (has_allocator && api->RegisterAllocator(env, &own)))
        return 1;
    mae_error *error = mae_ort_get(&ort);
    if (error)
        return 2;
    /* Whether another one may take its place is the version's business: 1.30 lets it. */
    return has_allocator || ort->has_memory ? 0 : 3;
}

static void allocators_of_applications_hinder_nothing(void **state)
{
    (void)state;
    for (int has_allocator = 0; has_allocator < 2; has_allocator++) {
        int status = 0;
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            _exit(open_after_the_application(has_allocator));
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (status != 0)
            fail_msg("with %d allocators of its own: status %#x", has_allocator, (unsigned)status);
    }
}

int main(void)
{
    /* The first one needs a process that has not opened the engine. */
    const struct CMUnitTest tests[] = {cmocka_unit_test(allocators_of_applications_hinder_nothing),
                                       cmocka_unit_test(nothing_wrong), cmocka_unit_test(devices_that_are_gone),
                                       cmocka_unit_test(what_fails_otherwise), cmocka_unit_test(lines_for_users)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
    printf("skipped: built without ONNX Runtime\n");
    return 77;
}

#endif
