/* Pad on the XNNPACK backend: of nothing, which costs nothing, and of something. */
#define NET_BACKEND "xnnpack"

#include "net_engine.h"

static int add_pad(net *n, int x, const int64_t pads[8])
{
    const mae_shape *s = &n->tensors[x].shape;
    int64_t dims[4];
    for (int i = 0; i < 4; i++)
        dims[i] = s->dims[i] + pads[i] + pads[4 + i];
    return net_output_of(n, net_node(n, "Pad", false, 2, (int[]){x, net_ints(n, 8, pads)}), 4, dims);
}

/* Behind a convolution, whose result lies with channels last, and behind an input; read once and twice; wanted. */
static void pads(void **state)
{
    static const int64_t of[][8] = {{0}, {0, 0, 1, 2, 0, 0, 0, 1}, {0, 2, 0, 0, 0, 1, 0, 0}, {1, 0, 0, 0, 0, 0, 0, 3}};
    (void)state;
    NEED_ENGINE();
    for (int which = 0; which < 16; which++) {
        net n;
        net_begin(&n, (uint64_t)which);
        int x = net_input(&n, NET_DIMS(1, 5, 6, 7));
        if (which % 2)
            x = net_simple_conv(&n, x, 5, 3, 1, 1);
        int y = add_pad(&n, x, of[which / 4]);
        net_want(&n, net_pool(&n, "AveragePool", y, 2, 2, 0));
        if (which / 2 % 2) {
            net_want(&n, y);
            net_want(&n, net_unary(&n, "Relu", false, x));
        }
        net_check(&n, &engine);
        net_end(&n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pads)};
    return cmocka_run_group_tests(tests, open_engine, close_engine);
}
