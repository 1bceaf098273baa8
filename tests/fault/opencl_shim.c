/* Between the opencl backend and OpenCL: fails the call it is told to, and all after it if the device is to be gone.
 * Linked into a copy of the module (mae-opencl.so in another folder) by the linker's --wrap, so the backend knows
 * nothing of it. What CLBlast calls by itself is not counted; calls of CLBlast are. */
#include "opencl_shim.h"

#include <stddef.h>

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <clblast_c.h>

static struct {
    long until; /* calls that are still to succeed; negative: all */
    int status;
    int for_ever;
    const char *failed; /* which call was the first to fail */
} plan = {-1, 0, 0, NULL};

__attribute__((visibility("default"))) void opencl_shim_fail(long after, int status, int for_ever)
{
    plan.until = after;
    plan.status = status;
    plan.for_ever = for_ever;
    plan.failed = NULL;
}

__attribute__((visibility("default"))) const char *opencl_shim_failed(void)
{
    return plan.failed;
}

/* The status this call fails with, or CL_SUCCESS. */
static int next(const char *call)
{
    if (plan.until < 0)
        return CL_SUCCESS;
    if (plan.until > 0) {
        plan.until--;
        return CL_SUCCESS;
    }
    if (!plan.for_ever)
        plan.until = -1;
    if (!plan.failed)
        plan.failed = call;
    return plan.status;
}

/* Calls that return a status. */
#define STATUS(type, name, parameters, arguments)                                                                      \
    type __real_##name parameters;                                                                                     \
    type __wrap_##name parameters;                                                                                     \
    type __wrap_##name parameters                                                                                      \
    {                                                                                                                  \
        int failure = next(#name);                                                                                     \
        return failure ? (type)failure : __real_##name arguments;                                                      \
    }

/* Calls that return an object, and the status through `status`. */
#define OBJECT(type, name, parameters, arguments)                                                                      \
    type __real_##name parameters;                                                                                     \
    type __wrap_##name parameters;                                                                                     \
    type __wrap_##name parameters                                                                                      \
    {                                                                                                                  \
        int failure = next(#name);                                                                                     \
        if (!failure)                                                                                                  \
            return __real_##name arguments;                                                                            \
        *status = failure;                                                                                             \
        return NULL;                                                                                                   \
    }

OBJECT(cl_context, clCreateContext,
       (const cl_context_properties *properties, cl_uint n, const cl_device_id *devices,
        void(CL_CALLBACK *notify)(const char *, const void *, size_t, void *), void *data, cl_int *status),
       (properties, n, devices, notify, data, status))
OBJECT(cl_command_queue, clCreateCommandQueue,
       (cl_context context, cl_device_id device, cl_command_queue_properties properties, cl_int *status),
       (context, device, properties, status))
OBJECT(cl_mem, clCreateBuffer, (cl_context context, cl_mem_flags flags, size_t size, void *host, cl_int *status),
       (context, flags, size, host, status))
OBJECT(cl_program, clCreateProgramWithSource,
       (cl_context context, cl_uint n, const char **texts, const size_t *lengths, cl_int *status),
       (context, n, texts, lengths, status))
OBJECT(cl_program, clCreateProgramWithBinary,
       (cl_context context, cl_uint n, const cl_device_id *devices, const size_t *lengths,
        const unsigned char **binaries, cl_int *loaded, cl_int *status),
       (context, n, devices, lengths, binaries, loaded, status))
OBJECT(cl_kernel, clCreateKernel, (cl_program program, const char *name, cl_int *status), (program, name, status))
OBJECT(void *, clEnqueueMapBuffer,
       (cl_command_queue queue, cl_mem mem, cl_bool blocking, cl_map_flags flags, size_t offset, size_t size, cl_uint n,
        const cl_event *wait, cl_event *event, cl_int *status),
       (queue, mem, blocking, flags, offset, size, n, wait, event, status))

STATUS(cl_int, clBuildProgram,
       (cl_program program, cl_uint n, const cl_device_id *devices, const char *options,
        void(CL_CALLBACK *notify)(cl_program, void *), void *data),
       (program, n, devices, options, notify, data))
STATUS(cl_int, clSetKernelArg, (cl_kernel kernel, cl_uint index, size_t size, const void *value),
       (kernel, index, size, value))
STATUS(cl_int, clEnqueueNDRangeKernel,
       (cl_command_queue queue, cl_kernel kernel, cl_uint n, const size_t *offset, const size_t *global,
        const size_t *local, cl_uint n_wait, const cl_event *wait, cl_event *event),
       (queue, kernel, n, offset, global, local, n_wait, wait, event))
STATUS(cl_int, clEnqueueReadBuffer,
       (cl_command_queue queue, cl_mem mem, cl_bool blocking, size_t offset, size_t size, void *host, cl_uint n,
        const cl_event *wait, cl_event *event),
       (queue, mem, blocking, offset, size, host, n, wait, event))
STATUS(cl_int, clEnqueueWriteBuffer,
       (cl_command_queue queue, cl_mem mem, cl_bool blocking, size_t offset, size_t size, const void *host, cl_uint n,
        const cl_event *wait, cl_event *event),
       (queue, mem, blocking, offset, size, host, n, wait, event))
STATUS(cl_int, clEnqueueUnmapMemObject,
       (cl_command_queue queue, cl_mem mem, void *host, cl_uint n, const cl_event *wait, cl_event *event),
       (queue, mem, host, n, wait, event))
STATUS(cl_int, clEnqueueMarkerWithWaitList, (cl_command_queue queue, cl_uint n, const cl_event *wait, cl_event *event),
       (queue, n, wait, event))
STATUS(cl_int, clGetEventProfilingInfo,
       (cl_event event, cl_profiling_info what, size_t size, void *value, size_t *ret_size),
       (event, what, size, value, ret_size))
STATUS(cl_int, clFinish, (cl_command_queue queue), (queue))

STATUS(CLBlastStatusCode, CLBlastSim2col,
       (const CLBlastKernelMode mode, const size_t channels, const size_t height, const size_t width,
        const size_t kernel_h, const size_t kernel_w, const size_t pad_h, const size_t pad_w, const size_t stride_h,
        const size_t stride_w, const size_t dilation_h, const size_t dilation_w, const cl_mem image,
        const size_t offset_image, cl_mem columns, const size_t offset_columns, cl_command_queue *queue,
        cl_event *event),
       (mode, channels, height, width, kernel_h, kernel_w, pad_h, pad_w, stride_h, stride_w, dilation_h, dilation_w,
        image, offset_image, columns, offset_columns, queue, event))
STATUS(CLBlastStatusCode, CLBlastSgemmWithTempBuffer,
       (const CLBlastLayout layout, const CLBlastTranspose ta, const CLBlastTranspose tb, const size_t m,
        const size_t n, const size_t k, const float alpha, const cl_mem a, const size_t offset_a, const size_t lda,
        const cl_mem b, const size_t offset_b, const size_t ldb, const float beta, cl_mem c, const size_t offset_c,
        const size_t ldc, cl_command_queue *queue, cl_event *event, cl_mem scratch),
       (layout, ta, tb, m, n, k, alpha, a, offset_a, lda, b, offset_b, ldb, beta, c, offset_c, ldc, queue, event,
        scratch))
STATUS(CLBlastStatusCode, CLBlastSGemmTempBufferSize,
       (const CLBlastLayout layout, const CLBlastTranspose ta, const CLBlastTranspose tb, const size_t m,
        const size_t n, const size_t k, const size_t offset_a, const size_t lda, const size_t offset_b,
        const size_t ldb, const size_t offset_c, const size_t ldc, cl_command_queue *queue, size_t *size),
       (layout, ta, tb, m, n, k, offset_a, lda, offset_b, ldb, offset_c, ldc, queue, size))
