/* Random networks on the oneDNN backend. */
#define NET_BACKEND "onednn"

#include "net_random.h"

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(net_random_networks)};
    return cmocka_run_group_tests(tests, open_engine, close_engine);
}
