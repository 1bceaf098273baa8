/* Random networks on the XNNPACK backend. */
#define NET_BACKEND "xnnpack"

#include "net_random.h"

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(net_random_networks)};
    return cmocka_run_group_tests(tests, open_engine, close_engine);
}
