/* Replays the corpora of the program's readers of inputs, and of its control socket's words. */
#include "replay.h"

static void arrays(void **state)
{
    (void)state;
    replay_corpus("npy", fuzz_npy, 5, 3);
}

static void tensors(void **state)
{
    (void)state;
    replay_corpus("pb", fuzz_pb, 5, 3);
}

static void images(void **state)
{
    (void)state;
    replay_corpus("image", fuzz_image, 5, 3);
}

static void control(void **state)
{
    (void)state;
    replay_corpus("control", fuzz_control, 8, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays),
        cmocka_unit_test(tensors),
        cmocka_unit_test(images),
        cmocka_unit_test(control),
    };
    return cmocka_run_group_tests_name("fuzz corpora of the program", tests, NULL, NULL);
}
