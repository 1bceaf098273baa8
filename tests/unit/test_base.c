/* base: errors, arena, files, clock, statistics, processors. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/stats.h"
#include "base/thread.h"

static mae_error *fails(void)
{
    return mae_error_new(MAE_ERR_INPUT, "layer %d\nis broken", 7);
}

static mae_error *passes_on(int *reached)
{
    MAE_TRY(NULL);
    MAE_TRY(mae_error_wrap(fails(), "model.onnx"));
    *reached = 1;
    return NULL;
}

static void test_error(void **state)
{
    (void)state;
    int reached = 0;
    mae_error *error = passes_on(&reached);
    assert_int_equal(reached, 0);
    assert_string_equal(mae_error_message(error), "model.onnx: layer 7 is broken");
    assert_int_equal(mae_error_code(error), MAE_ERR_INPUT);
    assert_int_equal(mae_error_exit_status(error), 3);
    assert_non_null(strstr(mae_error_origin(error), "test_base.c:"));
    error = mae_error_recode(error, MAE_ERR_LOST);
    assert_int_equal(mae_error_exit_status(error), 1);
    mae_error_free(error);
    mae_error_free(NULL);
    assert_int_equal(mae_error_code(NULL), MAE_OK);
    assert_null(mae_error_wrap(NULL, "nothing"));
}

static void test_arena(void **state)
{
    (void)state;
    mae_arena *arena = mae_arena_create();
    mae_rng rng = {1};
    unsigned char *blocks[300];
    size_t sizes[300];
    for (size_t i = 0; i < 300; i++) {
        sizes[i] = mae_rng_next(&rng) % (i % 50 == 0 ? 100000 : 200);
        blocks[i] = mae_arena_alloc(arena, sizes[i]);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % 16, 0);
        for (size_t b = 0; b < sizes[i]; b++)
            assert_int_equal(blocks[i][b], 0);
        memset(blocks[i], (int)i, sizes[i]);
    }
    for (size_t i = 0; i < 300; i++) /* nobody wrote over anybody */
        for (size_t b = 0; b < sizes[i]; b++)
            assert_int_equal(blocks[i][b], (unsigned char)i);
    assert_string_equal(mae_arena_printf(arena, "%s-%d", "a", 12), "a-12");
    assert_string_equal(mae_arena_strndup(arena, "abcdef", 3), "abc");
    assert_null(mae_arena_array(arena, SIZE_MAX / 2, 3));
    mae_arena_destroy(arena);
    mae_arena_destroy(NULL);
}

static char folder[] = "/tmp/mae-base-XXXXXX";

static int files_in_folder(void)
{
    char command[128];
    snprintf(command, sizeof command, "ls -A %s | wc -l", folder);
    FILE *pipe = popen(command, "r");
    int n = -1;
    assert_int_equal(fscanf(pipe, "%d", &n), 1);
    pclose(pipe);
    return n;
}

static void test_file(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    char path[64];
    snprintf(path, sizeof path, "%s/a", folder);
    assert_null(mae_file_write(path, "hello", 5));
    assert_null(mae_file_write(path, "hi", 2));
    void *data;
    size_t size;
    assert_null(mae_file_read(path, 10, &data, &size));
    assert_int_equal(size, 2);
    assert_string_equal(data, "hi");
    assert_int_equal((uintptr_t)data % 64, 0);
    free(data);
    assert_int_equal(files_in_folder(), 1);

    mae_error *error = mae_file_read(path, 1, &data, &size);
    assert_int_equal(mae_error_code(error), MAE_ERR_INPUT);
    mae_error_free(error);
    error = mae_file_read(folder, 100, &data, &size);
    assert_non_null(strstr(mae_error_message(error), "not a regular file"));
    mae_error_free(error);
    error = mae_file_write(folder, "x", 1);
    assert_int_equal(mae_error_code(error), MAE_ERR_FAILED);
    mae_error_free(error);
    error = mae_file_write("/nowhere/at/all", "x", 1);
    assert_non_null(strstr(mae_error_message(error), "/nowhere/at/all"));
    mae_error_free(error);
    assert_null(mae_file_write("/dev/null", "x", 1));
    error = mae_file_write("/dev/full", "x", 1);
    assert_int_equal(mae_error_code(error), MAE_ERR_FAILED);
    mae_error_free(error);
    assert_int_equal(files_in_folder(), 1);
    unlink(path);
    rmdir(folder);
}

static void test_median(void **state)
{
    (void)state;
    double values[] = {9, 1, 8, 2, 7, 3, 6, 4, 5, 10};
    mae_stats_median m = mae_stats_median_of(values, 10);
    assert_true(fabs(m.median - 5.5) < 1e-12);
    /* n = 10: ranks 2 and 9 enclose the median with 97.9 %, 3 and 8 with only 89.1 %. */
    assert_true(m.low == 2 && m.high == 9);
    double few[] = {3, 1, 2};
    m = mae_stats_median_of(few, 3);
    assert_true(m.low == 1 && m.median == 2 && m.high == 3);
    m = mae_stats_median_of(NULL, 0);
    assert_int_equal(m.n, 0);
    /* All ten enclose it with 99.8 %: enough for 99.7 %, and no ten values are for 99.9 %. */
    assert_true(mae_stats_median_at(values, 10, 0.997, &m));
    assert_true(m.low == 1 && m.high == 10 && fabs(m.median - 5.5) < 1e-12);
    assert_false(mae_stats_median_at(values, 10, 0.999, &m));
    assert_true(m.low == 1 && m.high == 10);
    assert_true(mae_stats_median_at(values, 10, 0.5, &m));
    assert_true(m.low == 4 && m.high == 7);
    assert_false(mae_stats_median_at(NULL, 0, 0.95, &m));
}

/* The 95 % interval holds the true median in about 95 of 100 experiments. */
static void test_median_coverage(void **state)
{
    (void)state;
    mae_rng rng = {42};
    int covered = 0;
    for (int i = 0; i < 2000; i++) {
        double sample[25];
        for (size_t k = 0; k < 25; k++)
            sample[k] = mae_rng_normal(&rng);
        mae_stats_median m = mae_stats_median_of(sample, 25);
        covered += m.low <= 0 && m.high >= 0;
    }
    assert_in_range(covered, 1880, 1980);
}

static void test_line(void **state)
{
    (void)state;
    double x[] = {1, 2, 3, 4}, y[] = {5, 7, 9, 11}, falling[] = {4, 3, 2, 1}, below[] = {1, 3, 5, 7};
    mae_stats_line line = mae_stats_fit_line(x, y, NULL, 4);
    assert_true(fabs(line.a - 3) < 1e-9 && fabs(line.b - 2) < 1e-9 && line.residual < 1e-9);
    line = mae_stats_fit_line(x, falling, NULL, 4);
    assert_true(line.b == 0 && fabs(line.a - 2.5) < 1e-9);
    line = mae_stats_fit_line(x, below, NULL, 4); /* y = 2x - 1: a may not be negative */
    assert_true(line.a == 0 && line.b > 1.5 && line.b < 2);
    double same[] = {2, 2, 2, 2};
    line = mae_stats_fit_line(same, y, NULL, 4);
    assert_true(fabs(line.a + 2 * line.b - 8) < 1e-9);
}

static void test_cores(void **state)
{
    (void)state;
    int *cores;
    size_t n;
    assert_true(mae_thread_cores_allowed() >= 1);
    assert_null(mae_thread_parse_cores("3,0-1,1", &cores, &n));
    assert_int_equal(n, 3);
    assert_true(cores[0] == 0 && cores[1] == 1 && cores[2] == 3);
    free(cores);
    const char *bad[] = {"", "a", "1-", "3-1", "1,,2", "1,", "-1", "99999", "1 2"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mae_error *error = mae_thread_parse_cores(bad[i], &cores, &n);
        assert_int_equal(mae_error_code(error), MAE_ERR_USAGE);
        mae_error_free(error);
    }
}

static void test_clock(void **state)
{
    (void)state;
    uint64_t before = mae_clock_now_ns();
    mae_clock_sleep_until_ns(before + 300000);
    assert_true(mae_clock_now_ns() >= before + 300000);
    mae_clock_sleep_until_ns(before); /* in the past: returns at once */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error),  cmocka_unit_test(test_arena),           cmocka_unit_test(test_file),
        cmocka_unit_test(test_median), cmocka_unit_test(test_median_coverage), cmocka_unit_test(test_line),
        cmocka_unit_test(test_cores),  cmocka_unit_test(test_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
