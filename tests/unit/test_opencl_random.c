/* Random networks on the OpenCL backend: buffers as the device likes them, then in memory of its own. */
#define NET_BACKEND "opencl"

#include "net_random.h"

static int open_own(void **state)
{
    static const mae_option own = {"memory", "own"};
    const mae_pe_config config = {
        .name = "gpu/opencl", .resource = "gpu", .threads = 2, .options = &own, .n_options = 1};
    (void)state;
    present = net_open_backend(&engine, NET_BACKEND, &config);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(net_random_networks)};
    return cmocka_run_group_tests(tests, open_engine, close_engine) +
           cmocka_run_group_tests(tests, open_own, close_engine);
}
