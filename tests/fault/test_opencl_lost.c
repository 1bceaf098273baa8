/* An OpenCL device that fails: at each call the backend makes, one after the other. Every failure is an error that
 * names the device, the call and the status, nothing leaks or crashes, and a PE that has been lost in a frame stays so
 * until it is opened again. */
#include <dlfcn.h>
#include <stdio.h>

#include "unit/net.h"
#include "opencl_shim.h"

#define CL_OUT_OF_RESOURCES (-5)
#define CL_OUT_OF_HOST_MEMORY (-6)
#define CL_DEVICE_NOT_AVAILABLE (-2)

static mae_module *module;
static void (*fail_after)(long after, int status, int for_ever);
static const char *(*what_failed)(void);

static void *symbol(void *handle, const char *name)
{
    void *s = dlsym(handle, name);
    assert_non_null(s);
    return s;
}

static int load(void **state)
{
    (void)state;
    const mae_pe_found *found;
    size_t n;
    char path[512];
    const char *build = getenv("MAE_BUILD_DIR");
    snprintf(path, sizeof path, "%s/tests/faulty", build ? build : ".");
    setenv("MAE_BACKEND_PATH", path, 1);
    mae_error *error = mae_module_load("opencl", &module);
    if (!error)
        error = mae_module_backend(module)->probe(&found, &n);
    if (error) {
        print_message("skipped: %s\n", mae_error_message(error));
        mae_error_free(error);
        mae_module_close(module);
        module = NULL;
        return 0;
    }
    strncat(path, "/mae-opencl.so", sizeof path - strlen(path) - 1);
    void *handle = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
    assert_non_null(handle);
    *(void **)&fail_after = symbol(handle, "opencl_shim_fail");
    *(void **)&what_failed = symbol(handle, "opencl_shim_failed");
    dlclose(handle);
    return 0;
}

static int unload(void **state)
{
    (void)state;
    mae_module_close(module);
    return 0;
}

/* A convolution by a product, one directly, a pooling. */
static void make(net *n)
{
    net_begin(n, 5);
    int x = net_simple_conv(n, net_input(n, NET_DIMS(1, 4, 6, 6)), 8, 3, 1, 1);
    x = net_simple_conv(n, net_pool(n, "MaxPool", x, 2, 2, 0), 8, 3, 1, 8);
    net_want(n, net_unary(n, "Relu", false, x));
    net_make_layers(n);
    net_interpret(n);
}

typedef struct trial {
    mae_pe *pe;
    mae_unit *unit;
    mae_buffer in, out;
    float *values;
    bool in_frame;
} trial;

static mae_error *open_pe(trial *t, const char *memory)
{
    const mae_option option = {"memory", memory};
    const mae_pe_config config = {
        .name = "gpu/opencl", .resource = "gpu", .threads = 2, .options = &option, .n_options = 1};
    return mae_module_backend(module)->open(&config, &t->pe);
}

static mae_error *make_buffer(const trial *t, const net *n, int tensor, mae_buffer *buffer)
{
    const mae_tensor *tn = &n->tensors[tensor];
    *buffer = (mae_buffer){.tensor = tensor, .shape = tn->shape, .bytes = tn->bytes};
    if (t->pe->ops->alloc)
        return t->pe->ops->alloc(t->pe, buffer);
    buffer->host = aligned_alloc(64, (tn->bytes + 63) / 64 * 64);
    assert_non_null(buffer->host);
    return NULL;
}

static mae_error *put(const trial *t, mae_buffer *buffer, const float *values)
{
    if (t->pe->ops->write)
        return t->pe->ops->write(t->pe, buffer, values);
    memcpy(buffer->host, values, buffer->bytes);
    return NULL;
}

static mae_error *get(const trial *t, const mae_buffer *buffer, float *values)
{
    if (t->pe->ops->read)
        return t->pe->ops->read(t->pe, buffer, values);
    memcpy(values, buffer->host, buffer->bytes);
    return NULL;
}

static mae_error *frame(trial *t, const net *n)
{
    MAE_TRY(put(t, &t->in, n->values[t->in.tensor]));
    MAE_TRY(t->pe->ops->run(t->unit));
    return get(t, &t->out, t->values);
}

/* All that a PE is used for, until something fails. */
static mae_error *use(trial *t, net *n, const char *memory, unsigned flags)
{
    const mae_segment segment = {0, (int)n->graph.n_layers - 1, 1, n->inputs, 1, n->outputs};
    mae_buffer *in = &t->in, *out = &t->out;
    MAE_TRY(open_pe(t, memory));
    MAE_TRY(t->pe->ops->compile(t->pe, &n->graph, &segment, flags, &t->unit));
    MAE_TRY(make_buffer(t, n, n->inputs[0], &t->in));
    MAE_TRY(make_buffer(t, n, n->outputs[0], &t->out));
    MAE_TRY(t->pe->ops->bind(t->unit, &in, &out));
    t->values = malloc(t->out.bytes);
    assert_non_null(t->values);
    t->in_frame = true;
    MAE_TRY(frame(t, n));
    return frame(t, n);
}

static void finish(trial *t)
{
    fail_after(-1, 0, 0);
    if (t->unit)
        t->pe->ops->discard(t->unit);
    if (t->pe && t->pe->ops->release) {
        t->pe->ops->release(t->pe, &t->in);
        t->pe->ops->release(t->pe, &t->out);
    }
    free(t->in.host);
    free(t->out.host);
    free(t->values);
    if (t->pe)
        t->pe->ops->close(t->pe);
}

/* An error of this code; it names the device's PE, once there is one, and the status. Frees it. */
static void assert_error(mae_error *error, mae_code code, const char *status)
{
    const char *message = mae_error_message(error);
    if (mae_error_code(error) != code || !strstr(message, status) || strchr(message, '\n'))
        fail_msg("%s failed: %s (%d)", what_failed(), message, mae_error_code(error));
    mae_error_free(error);
}

/* Lost in a frame: whatever is asked of it next, it says so. */
static void stays_lost(trial *t, net *n)
{
    fail_after(-1, 0, 0);
    mae_error *error = frame(t, n);
    assert_int_equal(mae_error_code(error), MAE_ERR_LOST);
    assert_non_null(strstr(mae_error_message(error), "gpu/opencl ("));
    mae_error_free(error);
}

/* Returns how many calls went well; the rest of the test is what follows each that did not. */
static int fail_each(const char *memory, unsigned flags, int status, const char *name, bool for_ever)
{
    int failures = 0;
    for (long after = 0;; after++) {
        trial t = {0};
        net n;
        make(&n);
        fail_after(after, status, for_ever);
        mae_error *error = use(&t, &n, memory, flags);
        bool over = !what_failed();
        if (error) {
            bool lost = t.in_frame || status == CL_OUT_OF_RESOURCES || status == CL_DEVICE_NOT_AVAILABLE;
            assert_error(error, lost ? MAE_ERR_LOST : MAE_ERR_FAILED, name);
            failures++;
            if (t.in_frame)
                stays_lost(&t, &n);
        } else
            assert_true(net_difference(&n, n.outputs[0], t.values) < 1e-4);
        finish(&t);
        net_end(&n);
        if (over)
            return failures;
    }
}

static void every_call(void **state)
{
    static const struct {
        int status;
        const char *name;
        bool for_ever;
    } kinds[] = {{CL_OUT_OF_RESOURCES, "CL_OUT_OF_RESOURCES", false},
                 {CL_DEVICE_NOT_AVAILABLE, "CL_DEVICE_NOT_AVAILABLE", true},
                 {CL_OUT_OF_HOST_MEMORY, "CL_OUT_OF_HOST_MEMORY", false}};
    (void)state;
    if (!module)
        skip();
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (int shared = 0; shared < 2; shared++) {
            int n = fail_each(shared ? "auto" : "own", i == 0 ? MAE_COMPILE_TIMED : 0, kinds[i].status, kinds[i].name,
                              kinds[i].for_ever);
            print_message("%s, %s memory: %d failures\n", kinds[i].name, shared ? "shared" : "own", n);
            assert_true(n > 50);
        }
}

/* The message of a device that is gone in the middle of a frame; a PE opened afterwards computes again. */
static void lost_and_opened_again(void **state)
{
    (void)state;
    if (!module)
        skip();
    net n;
    trial t = {0}, again = {0};
    make(&n);
    net_ok(use(&t, &n, "own", 0));
    fail_after(1, CL_DEVICE_NOT_AVAILABLE, 1);
    mae_error *error = frame(&t, &n);
    assert_int_equal(mae_error_code(error), MAE_ERR_LOST);
    const char *message = mae_error_message(error);
    assert_non_null(strstr(message, "gpu/opencl ("));
    assert_non_null(strstr(message, "CLBlast's im2col: CL_DEVICE_NOT_AVAILABLE"));
    mae_error_free(error);
    finish(&t);
    net_ok(use(&again, &n, "own", 0));
    assert_true(net_difference(&n, n.outputs[0], again.values) < 1e-4);
    finish(&again);
    net_end(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_call), cmocka_unit_test(lost_and_opened_again)};
    return cmocka_run_group_tests(tests, load, unload);
}
