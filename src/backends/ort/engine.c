/* The engine: its API table, its environment, its errors. */
#include "ort.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The one state of the module: the process-wide environment, made by whoever comes first and kept,
 * because the engine does not survive being unloaded. */
static struct {
    pthread_mutex_t lock;
    bool ready;
    mae_ort ort;
} engine = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* The engine writes to standard error unless it is given somewhere else to write. What matters comes
 * back as a status. */
static void ORT_API_CALL drop_message(void *param, OrtLoggingLevel severity, const char *category, const char *logid,
                                      const char *location, const char *message)
{
    (void)param, (void)severity, (void)category, (void)logid, (void)location, (void)message;
}

/* 1.30 is the first version of which it is known; those before ignore the setting, and spin for long. */
static bool is_at_least(const char *version, long major, long minor)
{
    char *end;
    long a = strtol(version, &end, 10), b = *end == '.' ? strtol(end + 1, NULL, 10) : 0;
    return a > major || (a == major && b >= minor);
}

static mae_error *open_engine(mae_ort *ort)
{
    const OrtApiBase *base = OrtGetApiBase();
    ort->api = base->GetApi(MAE_ORT_API);
    if (!ort->api)
        return mae_error_new(MAE_ERR_FAILED, "ONNX Runtime %s is too old: its C API has no version %d",
                             base->GetVersionString(), MAE_ORT_API);
    ort->takes_spin_duration = is_at_least(base->GetVersionString(), 1, 30);
    snprintf(ort->text, sizeof(ort->text), "ONNX Runtime %s", base->GetVersionString());
    MAE_TRY(mae_ort_check(
        ort, ort->api->CreateEnvWithCustomLogger(drop_message, NULL, ORT_LOGGING_LEVEL_ERROR, "mae", &ort->env)));
    mae_error *error =
        mae_ort_check(ort, ort->api->CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, &ort->cpu));
    if (error)
        ort->api->ReleaseEnv(ort->env);
    else
        ort->has_memory = mae_ort_memory_register(ort);
    return error;
}

mae_error *mae_ort_get(const mae_ort **ret_ort)
{
    mae_error *error = NULL;
    pthread_mutex_lock(&engine.lock);
    if (!engine.ready) {
        mae_ort ort = {0};
        error = open_engine(&ort);
        if (!error) {
            engine.ort = ort;
            engine.ort.found =
                (mae_pe_found){.name = "cpu/ort", .resource = "cpu", .precision = "f32", .engine = engine.ort.text};
            engine.ready = true;
        }
    }
    pthread_mutex_unlock(&engine.lock);
    if (error)
        return error;
    *ret_ort = &engine.ort;
    return NULL;
}

/* What failed inside the engine comes with the source file, the function and the condition in front of the reason. */
static const char *reason_in(const char *message)
{
    static const char nested[] = "[ONNXRuntimeError]", condition[] = " was false. ";
    if (*message != '/')
        return message;
    for (const char *at; (at = strstr(message, nested)) != NULL;) {
        message = at + strlen(nested);
        for (int i = 0; i < 3 && (at = strstr(message, " : ")) != NULL; i++)
            message = at + 3;
    }
    const char *at = strstr(message, condition);
    if (at)
        return at + strlen(condition);
    at = *message == '/' ? strstr(message, ".cc:") : NULL;
    at = at ? strstr(at, ") ") : NULL;
    return at && at[2] ? at + 2 : message;
}

/* The first line of the engine's message that says anything. */
static void shorten(const char *message, char *text, size_t size)
{
    message = reason_in(message);
    size_t n = strcspn(message, "\n");
    /* An empty first line happens with multi-line protobuf messages. */
    while (n == 0 && *message) {
        message += 1;
        n = strcspn(message, "\n");
    }
    if (n >= size)
        n = size - 1;
    for (size_t i = 0; i < n; i++)
        text[i] = (unsigned char)message[i] < ' ' ? ' ' : message[i];
    text[n] = 0;
    if (n == 0)
        snprintf(text, size, "no reason given");
}

/* The engine has one code for several failures; what is said about operators it lacks is in the text. */
static bool is_missing_operator(OrtErrorCode code, const char *message)
{
    static const char *const phrases[] = {"is not a registered function/op", "No Op registered for",
                                          "Could not find an implementation for", "No opset import for domain",
                                          "fallback to CPU EP has been explicitly disabled"};
    if (code == ORT_NOT_IMPLEMENTED)
        return true;
    for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
        if (strstr(message, phrases[i]))
            return true;
    }
    return false;
}

/* Of 1.30 and later, after which a session is of no use. */
#define DEVICE_RESET 15

static bool is_lost(OrtErrorCode code, const char *message)
{
    static const char *const phrases[] = {"device lost", "device is lost", "device was lost", "device removed"};
    if (code == ORT_ENGINE_ERROR || (int)code == DEVICE_RESET)
        return true;
    for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
        if (strcasestr(message, phrases[i]))
            return true;
    }
    return false;
}

mae_error *mae_ort_check_at(const mae_ort *ort, OrtStatus *status, const char *file, int line)
{
    if (!status)
        return NULL;
    const char *message = ort->api->GetErrorMessage(status);
    OrtErrorCode why = ort->api->GetErrorCode(status);
    mae_code code = is_lost(why, message)               ? MAE_ERR_LOST
                    : is_missing_operator(why, message) ? MAE_ERR_UNSUPPORTED
                                                        : MAE_ERR_FAILED;
    char text[320];
    shorten(message, text, sizeof(text));
    mae_error *error = mae_error_make(code, file, line, "ONNX Runtime: %s", text);
    ort->api->ReleaseStatus(status);
    return error;
}
