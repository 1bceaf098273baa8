/* Finding devices: cheaply at first, thoroughly when one is opened. */
#include "backends/opencl/device.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/opencl/program.h"

#define ON_REQUEST                                                                                                     \
    "it computes on the processor's own cores, where the engines made for them are faster; used when named with --pes"

typedef struct device {
    cl_device_id id;
    bool cpu;
    char pe_name[24], resource[24], engine[256];
} device;

/* Filled once; what is in it stays. */
static struct {
    pthread_mutex_t lock;
    bool listed; /* `devices` are those there are */
    size_t n;
    device devices[MAE_CL_MOST_DEVICES];
    mae_pe_found found[MAE_CL_MOST_DEVICES];
    mae_cl_context *contexts;
} all = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void describe(size_t i)
{
    device *d = &all.devices[i];
    char number[12] = "";

    if (i > 0)
        snprintf(number, sizeof number, "%u", (unsigned)i + 1);
    snprintf(d->pe_name, sizeof d->pe_name, "gpu/opencl%s", number);
    snprintf(d->resource, sizeof d->resource, "%s%s", d->cpu ? "cpu" : "gpu", d->cpu ? "" : number);
    all.found[i] = (mae_pe_found){.name = d->pe_name,
                                  .resource = d->resource,
                                  .precision = "f32",
                                  .engine = d->engine,
                                  .on_request = d->cpu ? ON_REQUEST : NULL};
}

static void text_of_device(cl_device_id id, cl_device_info what, char *text, size_t size)
{
    if (clGetDeviceInfo(id, what, size, text, NULL) != CL_SUCCESS)
        snprintf(text, size, "?");
    text[size - 1] = '\0';
}

/* Is it "OpenCL 1.2 ..." or later? */
static bool is_recent(const char *version)
{
    static const char name[] = "OpenCL ";
    if (strncmp(version, name, strlen(name)) != 0)
        return false;
    char *dot, *end = NULL;
    long major = strtol(version + strlen(name), &dot, 10);
    long minor = *dot == '.' ? strtol(dot + 1, &end, 10) : -1;
    return minor >= 0 && end > dot + 1 && (major > 1 || (major == 1 && minor >= 2));
}

static bool is_usable(cl_device_id id)
{
    cl_bool available = CL_FALSE, compiler = CL_FALSE;
    char version[256];

    text_of_device(id, CL_DEVICE_VERSION, version, sizeof version);
    return clGetDeviceInfo(id, CL_DEVICE_AVAILABLE, sizeof available, &available, NULL) == CL_SUCCESS && available &&
           clGetDeviceInfo(id, CL_DEVICE_COMPILER_AVAILABLE, sizeof compiler, &compiler, NULL) == CL_SUCCESS &&
           compiler && is_recent(version);
}

static void add_device(cl_device_id id, cl_device_type type)
{
    char name[128], version[256], driver[64];

    if (all.n == MAE_CL_MOST_DEVICES || !is_usable(id))
        return;
    device *d = &all.devices[all.n];
    d->id = id;
    d->cpu = type == CL_DEVICE_TYPE_CPU;
    text_of_device(id, CL_DEVICE_NAME, name, sizeof name);
    text_of_device(id, CL_DEVICE_VERSION, version, sizeof version);
    text_of_device(id, CL_DRIVER_VERSION, driver, sizeof driver);
    if (strncmp(version, "OpenCL ", 7) == 0) /* "OpenCL 3.0 what the vendor adds" */
        version[7 + strcspn(version + 7, " ")] = '\0';
    snprintf(d->engine, sizeof d->engine, "%.16s, CLBlast on %s%s (driver %s)", version, d->cpu ? "the CPU " : "", name,
             driver);
    describe(all.n++);
}

static void add_platform(cl_platform_id platform, cl_device_type type)
{
    cl_device_id ids[MAE_CL_MOST_DEVICES];
    cl_uint n = 0;

    if (clGetDeviceIDs(platform, type, MAE_CL_MOST_DEVICES, ids, &n) != CL_SUCCESS)
        return;
    for (cl_uint i = 0; i < n && i < MAE_CL_MOST_DEVICES; i++)
        add_device(ids[i], type);
}

static mae_error *list_devices(void)
{
    static const cl_device_type types[] = {CL_DEVICE_TYPE_GPU, CL_DEVICE_TYPE_ACCELERATOR, CL_DEVICE_TYPE_CPU};
    cl_platform_id platforms[MAE_CL_MOST_ICDS];
    cl_uint n = 0;

    if (all.listed)
        return NULL;
    all.n = 0;
    int status = clGetPlatformIDs(MAE_CL_MOST_ICDS, platforms, &n);
    if (status != CL_SUCCESS || n == 0)
        return mae_error_new(MAE_ERR_FAILED, "no OpenCL platform: its loader finds no driver that works");
    for (size_t t = 0; t < sizeof types / sizeof *types; t++)
        for (cl_uint i = 0; i < n && i < MAE_CL_MOST_ICDS; i++)
            add_platform(platforms[i], types[t]);
    if (all.n == 0)
        return mae_error_new(MAE_ERR_FAILED, "no OpenCL device: none of version 1.2 or newer that compiles");
    all.listed = true;
    return NULL;
}

static mae_error *find(void)
{
    size_t n;

    if (all.n > 0)
        return NULL;
    bool only_pocl = mae_cl_only_pocl(&n);
    if (n == 0)
        return mae_error_new(MAE_ERR_FAILED, "no OpenCL driver is installed");
    if (!only_pocl)
        return list_devices();
    all.n = 1;
    all.devices[0].cpu = true;
    snprintf(all.devices[0].engine, sizeof all.devices[0].engine, "CLBlast on the CPU, through PoCL's OpenCL");
    describe(0);
    return NULL;
}

mae_error *mae_cl_find(const mae_pe_found **ret_found, size_t *ret_n)
{
    pthread_mutex_lock(&all.lock);
    mae_error *error = find();
    if (!error) {
        *ret_found = all.found;
        *ret_n = all.n;
    }
    pthread_mutex_unlock(&all.lock);
    return error;
}

/* ---- contexts ---- */

/* A CPU device of fewer compute units than it has; the whole where it cannot be divided. */
static mae_error *divide(mae_cl_context *c)
{
    const cl_device_partition_property parts[] = {CL_DEVICE_PARTITION_BY_COUNTS, (cl_device_partition_property)c->units,
                                                  CL_DEVICE_PARTITION_BY_COUNTS_LIST_END, 0};

    c->device = c->whole;
    if (c->units == 0 || clCreateSubDevices(c->whole, parts, 1, &c->device, NULL) == CL_SUCCESS)
        return NULL;
    c->device = c->whole;
    return NULL;
}

static void read_properties(mae_cl_context *c)
{
    cl_bool unified = CL_FALSE;
    size_t group = 64;

    text_of_device(c->whole, CL_DEVICE_NAME, c->name, sizeof c->name);
    clGetDeviceInfo(c->device, CL_DEVICE_HOST_UNIFIED_MEMORY, sizeof unified, &unified, NULL);
    clGetDeviceInfo(c->device, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof group, &group, NULL);
    c->unified = unified;
    c->group = group < 64 ? group : 64;
}

static void context_destroy(mae_cl_context *c)
{
    if (c->program)
        clReleaseProgram(c->program);
    if (c->context)
        clReleaseContext(c->context);
    if (c->device && c->device != c->whole)
        clReleaseDevice(c->device);
    free(c);
}

static mae_error *context_fill(mae_cl_context *c)
{
    cl_int status;

    MAE_TRY(divide(c));
    read_properties(c);
    c->context = clCreateContext(NULL, 1, &c->device, NULL, NULL, &status);
    MAE_TRY(mae_cl_check(status, c->name, "clCreateContext"));
    return mae_cl_program_get(c->context, c->device, c->name, &c->program);
}

static mae_error *context_make(const device *d, cl_uint units, mae_cl_context **ret_context)
{
    mae_cl_context *c = calloc(1, sizeof *c);

    if (!c)
        return mae_error_nomem();
    c->whole = d->id;
    c->units = units;
    mae_error *error = context_fill(c);
    if (error) {
        context_destroy(c);
        return error;
    }
    c->next = all.contexts;
    all.contexts = c;
    *ret_context = c;
    return NULL;
}

static mae_error *choose(const char *pe_name, const char *wanted, const device **ret_device)
{
    for (size_t i = 0; i < all.n && !wanted; i++)
        if (strcmp(all.devices[i].pe_name, pe_name) == 0) {
            *ret_device = &all.devices[i];
            return NULL;
        }
    for (size_t i = 0; i < all.n && wanted; i++)
        if (strstr(all.devices[i].engine, wanted)) {
            *ret_device = &all.devices[i];
            return NULL;
        }
    if (wanted)
        return mae_error_new(MAE_ERR_USAGE, "no OpenCL device is called \"%s\"; the first is: %s", wanted,
                             all.devices[0].engine);
    *ret_device = &all.devices[0];
    return NULL;
}

static mae_error *get(const char *pe_name, const char *wanted, int threads, mae_cl_context **ret_context)
{
    const device *d;
    cl_uint units = 0;

    MAE_TRY(list_devices());
    MAE_TRY(choose(pe_name, wanted, &d));
    clGetDeviceInfo(d->id, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof units, &units, NULL);
    units = d->cpu && threads > 0 && (cl_uint)threads < units ? (cl_uint)threads : 0;
    for (mae_cl_context *c = all.contexts; c; c = c->next)
        if (c->whole == d->id && c->units == units && !c->lost) {
            *ret_context = c;
            return NULL;
        }
    return context_make(d, units, ret_context);
}

mae_error *mae_cl_context_get(const char *pe_name, const char *wanted, int threads, mae_cl_context **ret_context)
{
    pthread_mutex_lock(&all.lock);
    mae_error *error = get(pe_name, wanted, threads, ret_context);
    pthread_mutex_unlock(&all.lock);
    return error;
}

void mae_cl_context_lose(mae_cl_context *context)
{
    pthread_mutex_lock(&all.lock);
    context->lost = true;
    pthread_mutex_unlock(&all.lock);
}
