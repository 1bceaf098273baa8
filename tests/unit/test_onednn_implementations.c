/* All of oneDNN's implementations of a convolution are found, also those behind one that has been made already: its
 * iterator comes by the same one again for every place of the iteration that its cache of primitives knows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#ifndef MAE_HAVE_DNNL

int main(void)
{
    printf("skipped: built without oneDNN\n");
    return 77;
}

#else

#include "backends/onednn/api.h"

#define MOST 16
#define NAME 64

typedef struct world {
    dnnl_engine_t engine;
    dnnl_primitive_attr_t attr;
    mae_dnn_pool pool;
    mae_dnn_conv_desc conv;
} world;

static void begin(world *w, dnnl_dim_t kernel)
{
    const dnnl_dims_t src = {1, 64, 28, 28}, dst = {1, 32, 28, 28}, weights = {32, 64, kernel, kernel};

    memset(w, 0, sizeof *w);
    assert_int_equal(dnnl_engine_create(&w->engine, dnnl_cpu, 0), dnnl_success);
    assert_int_equal(dnnl_primitive_attr_create(&w->attr), dnnl_success);
    assert_null(mae_dnn_pool_init(&w->pool));
    w->conv.src = mae_dnn_layout_any(&w->pool, 4, src);
    w->conv.dst = mae_dnn_layout_any(&w->pool, 4, dst);
    w->conv.weights = mae_dnn_layout_any(&w->pool, 4, weights);
    for (int i = 0; i < 2; i++) {
        w->conv.strides[i] = 1;
        w->conv.pad_low[i] = w->conv.pad_high[i] = kernel / 2;
    }
}

static void end(world *w)
{
    mae_dnn_pool_finish(&w->pool);
    dnnl_primitive_attr_destroy(w->attr);
    dnnl_engine_destroy(w->engine);
}

/* Their names, in order, and primitives of all but reference implementations, which takes them into the cache. */
static size_t list(world *w, char names[MOST][NAME])
{
    dnnl_primitive_desc_t pd;
    size_t n = 0;

    while (n < MOST &&
           mae_dnn_pd_conv_nth(w->engine, &w->conv, dnnl_convolution_direct, (int)n, w->attr, &pd) == dnnl_success) {
        dnnl_primitive_t made;
        const char *name = NULL;
        assert_int_equal(dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, (void *)&name), dnnl_success);
        snprintf(names[n++], NAME, "%s", name);
        assert_int_equal(dnnl_primitive_create(&made, pd), dnnl_success);
        dnnl_primitive_destroy(made);
        dnnl_primitive_desc_destroy(pd);
    }
    return n;
}

static void each_once(void **state)
{
    (void)state;
    for (dnnl_dim_t kernel = 1; kernel <= 3; kernel += 2) {
        char first[MOST][NAME], again[MOST][NAME];
        world w;
        begin(&w, kernel);
        size_t n = list(&w, first);
        assert_true(n >= 2); /* there is always the reference beside what is fast */
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < i; j++)
                assert_string_not_equal(first[i], first[j]);
        for (int round = 0; round < 3; round++) { /* with ever more of them in the cache */
            assert_int_equal(list(&w, again), n);
            for (size_t i = 0; i < n; i++)
                assert_string_equal(again[i], first[i]);
        }
        end(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
