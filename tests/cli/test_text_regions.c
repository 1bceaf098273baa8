/* The example's boxes around text: where they lie, and what is no text. */
#include "capture.h"

#include <math.h>
#include <stdlib.h>

#include "../../examples/text_regions.c"

#define W 100
#define H 60

static float map[W * H];

static void fill_map(float value, int left, int top, int right, int bottom)
{
    for (int y = top; y <= bottom; y++) {
        for (int x = left; x <= right; x++)
            map[y * W + x] = value;
    }
}

static int clear_map(void **state)
{
    (void)state;
    memset(map, 0, sizeof map);
    return 0;
}

static size_t find_regions(text_region **ret_regions)
{
    size_t n;
    assert_true(text_regions_find(map, W, H, 0.3f, ret_regions, &n));
    return n;
}

static void test_level_boxes(void **state)
{
    (void)state;
    fill_map(0.9f, 10, 10, 49, 14);      /* 40 x 5: grows by 40 * 5 * 1.6 / 90 */
    fill_map(0.8f, 60, 40, 79, 49);      /* 20 x 10 */
    fill_map(0.9f, 5, 50, 6, 51);        /* a speck */
    fill_map(0.9f, 20, 30, 60, 31);      /* a rule, not text */
    fill_map(0.4f, 80, 5, 95, 12);       /* hardly likely */
    fill_map(0.2f, 0, 55, W - 1, H - 1); /* below the threshold */
    text_region *regions;
    assert_int_equal(find_regions(&regions), 2);
    double by = 40 * 5 * 1.6 / 90;
    assert_true(fabs(regions[0].score - 0.9) < 1e-6);
    assert_true(fabs(regions[0].corner[0][0] - (9.5 - by)) < 1e-6);
    assert_true(fabs(regions[0].corner[0][1] - (9.5 - by)) < 1e-6);
    assert_true(fabs(regions[0].corner[2][0] - (49.5 + by)) < 1e-6);
    assert_true(fabs(regions[0].corner[2][1] - (14.5 + by)) < 1e-6);
    assert_true(fabs(regions[1].score - 0.8) < 1e-6);
    free(regions);
}

/* A line that falls by one in five: the box falls with it, instead of holding half the page. */
static void test_slanted_box(void **state)
{
    (void)state;
    for (int x = 5; x < 85; x++)
        fill_map(1, x, 10 + x / 5, x, 16 + x / 5);
    text_region *regions;
    assert_int_equal(find_regions(&regions), 1);
    double dx = regions[0].corner[1][0] - regions[0].corner[0][0];
    double dy = regions[0].corner[1][1] - regions[0].corner[0][1];
    assert_true(dx > 80);
    assert_true(fabs(dy / dx - 0.2) < 0.02);
    double height =
        hypot(regions[0].corner[2][0] - regions[0].corner[1][0], regions[0].corner[2][1] - regions[0].corner[1][1]);
    assert_true(height > 10 && height < 22);
    free(regions);
}

static void test_nothing(void **state)
{
    (void)state;
    text_region *regions;
    assert_int_equal(find_regions(&regions), 0);
    free(regions);
    fill_map(1, 0, 0, W - 1, H - 1); /* all of it: one region, no step outside */
    assert_int_equal(find_regions(&regions), 1);
    free(regions);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_level_boxes, clear_map),
        cmocka_unit_test_setup(test_slanted_box, clear_map),
        cmocka_unit_test_setup(test_nothing, clear_map),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
