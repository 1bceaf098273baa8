/* Statuses of OpenCL and CLBlast, which has the former's numbers and a few of its own. */
#include "backends/opencl/cl.h"

#include <stdio.h>

#define ROW(name)                                                                                                      \
    {                                                                                                                  \
        name, #name                                                                                                    \
    }

static const struct row {
    int status;
    const char *name;
} rows[] = {
    ROW(CL_DEVICE_NOT_FOUND),
    ROW(CL_DEVICE_NOT_AVAILABLE),
    ROW(CL_COMPILER_NOT_AVAILABLE),
    ROW(CL_MEM_OBJECT_ALLOCATION_FAILURE),
    ROW(CL_OUT_OF_RESOURCES),
    ROW(CL_OUT_OF_HOST_MEMORY),
    ROW(CL_PROFILING_INFO_NOT_AVAILABLE),
    ROW(CL_MAP_FAILURE),
    ROW(CL_BUILD_PROGRAM_FAILURE),
    ROW(CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST),
    ROW(CL_INVALID_VALUE),
    ROW(CL_INVALID_DEVICE),
    ROW(CL_INVALID_CONTEXT),
    ROW(CL_INVALID_COMMAND_QUEUE),
    ROW(CL_INVALID_HOST_PTR),
    ROW(CL_INVALID_MEM_OBJECT),
    ROW(CL_INVALID_BINARY),
    ROW(CL_INVALID_BUILD_OPTIONS),
    ROW(CL_INVALID_PROGRAM),
    ROW(CL_INVALID_PROGRAM_EXECUTABLE),
    ROW(CL_INVALID_KERNEL_NAME),
    ROW(CL_INVALID_KERNEL),
    ROW(CL_INVALID_ARG_INDEX),
    ROW(CL_INVALID_ARG_VALUE),
    ROW(CL_INVALID_ARG_SIZE),
    ROW(CL_INVALID_KERNEL_ARGS),
    ROW(CL_INVALID_WORK_DIMENSION),
    ROW(CL_INVALID_WORK_GROUP_SIZE),
    ROW(CL_INVALID_WORK_ITEM_SIZE),
    ROW(CL_INVALID_GLOBAL_OFFSET),
    ROW(CL_INVALID_EVENT_WAIT_LIST),
    ROW(CL_INVALID_EVENT),
    ROW(CL_INVALID_OPERATION),
    ROW(CL_INVALID_BUFFER_SIZE),
    ROW(CL_INVALID_GLOBAL_WORK_SIZE),
    ROW(CL_INVALID_PROPERTY),
    {-1001, "CL_PLATFORM_NOT_FOUND_KHR"},
    {-2050, "CLBlastInsufficientMemoryTemp"},
    {-2039, "CLBlastUnexpectedError"},
    {-2040, "CLBlastUnknownError"},
    {-2041, "CLBlastDatabaseError"},
    {-2044, "CLBlastNoHalfPrecision"},
    {-2045, "CLBlastNoDoublePrecision"},
    {-2046, "CLBlastInvalidLocalMemUsage"},
};

const char *mae_cl_status_name(int status)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].status == status)
            return rows[i].name;
    return NULL;
}

/* Drivers report a device that hangs, is reset or unplugged by any of these, and it does not come back in this context.
 */
static bool is_loss(int status)
{
    return status == CL_DEVICE_NOT_AVAILABLE || status == CL_DEVICE_NOT_FOUND || status == CL_OUT_OF_RESOURCES ||
           status == CL_INVALID_COMMAND_QUEUE || status == CL_INVALID_CONTEXT || status == CL_INVALID_DEVICE ||
           status == CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST;
}

mae_error *mae_cl_check(int status, const char *device, const char *what)
{
    const char *name = mae_cl_status_name(status);
    char number[32];

    if (status == CL_SUCCESS)
        return NULL;
    snprintf(number, sizeof number, "OpenCL status %d", status);
    return mae_error_new(is_loss(status) ? MAE_ERR_LOST : MAE_ERR_FAILED, "%s: %s: %s", device, what,
                         name ? name : number);
}
