/* Replays the corpus of fuzz_profile.c, each file also cut short and with single bytes changed. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/stats.h"
#include "fuzz_profile.c"

#define VARIANTS 60

/* Exactly `size` bytes of their own, so that a sanitizer sees a read beyond them. */
static void run(const char *data, size_t size)
{
    uint8_t *copy = malloc(size + !size);
    assert_non_null(copy);
    memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void run_variants(char *data, size_t size, mae_rng *rng)
{
    run(data, size);
    for (int i = 0; i < VARIANTS && size > 0; i++) {
        size_t at = (size_t)(mae_rng_uniform(rng) * (double)size);
        char kept = data[at];
        run(data, at);
        data[at] = "0-9\"{}[],:e."[(size_t)(mae_rng_uniform(rng) * 12)];
        run(data, size);
        data[at] = kept;
    }
}

static void replay(void **state)
{
    (void)state;
    char folder[4096], path[8192];
    mae_rng rng = {1};
    size_t files = 0;
    snprintf(folder, sizeof folder, "%s/tests/fuzz/corpus/profile", getenv("MAE_SOURCE_DIR"));
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        void *data = NULL;
        size_t size = 0;
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        assert_null(mae_file_read(path, 1 << 20, &data, &size));
        run_variants(data, size, &rng);
        free(data);
        files++;
    }
    closedir(dir);
    assert_true(files >= 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(replay)};
    return cmocka_run_group_tests_name("fuzz corpus of profiles and plans", tests, NULL, NULL);
}
