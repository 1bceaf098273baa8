/* Replays the fuzzer's corpus, each file also cut short and with flipped bits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <dirent.h>

#include "base/file.h"
#include "base/stats.h"
#include "fuzz_onnx.h"

static size_t replay(const char *path)
{
    void *data = NULL;
    size_t size = 0, imported = 0;
    mae_error *error = mae_file_read(path, 1 << 20, &data, &size);
    if (error)
        fail_msg("%s", mae_error_message(error));
    int result = fuzz_onnx(data, size);
    assert_true(result >= 0);
    imported += result > 0;
    for (size_t n = 0; n < size; n += 1 + size / 50)
        assert_true(fuzz_onnx(data, n) >= 0);
    mae_rng rng = {size};
    uint8_t *bytes = data;
    for (int i = 0; size && i < 100; i++) {
        size_t at = mae_rng_next(&rng) % size;
        uint8_t bit = (uint8_t)(1u << mae_rng_next(&rng) % 8);
        bytes[at] ^= bit;
        assert_true(fuzz_onnx(data, size) >= 0);
        bytes[at] ^= bit;
    }
    free(data);
    return imported;
}

static void replays_the_corpus(void **state)
{
    (void)state;
    char path[1024];
    size_t files = 0, imported = 0;
    const char *source = getenv("MAE_SOURCE_DIR");
    if (!source)
        skip();
    snprintf(path, sizeof path, "%s/tests/fuzz/corpus/onnx", source);
    DIR *folder = opendir(path);
    assert_non_null(folder);
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/tests/fuzz/corpus/onnx/%s", source, entry->d_name);
        imported += replay(path);
        files++;
    }
    closedir(folder);
    assert_true(files >= 10);
    assert_true(imported >= 5); /* not only refusals are replayed */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replays_the_corpus),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
