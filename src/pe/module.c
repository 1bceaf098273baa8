/* Finding and loading backends. */
#include "pe/module.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct mae_module {
    const mae_backend *backend;
    void *handle;
};

/* What has been looked through, for the message when nothing was found. */
typedef struct search {
    const char *name;
    char path[PATH_MAX]; /* of the module, once found */
    char looked[1024];
} search;

/* The name becomes part of a path. */
static bool is_name(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
    return n > 0 && n <= 64 && !name[n];
}

static bool look_in(search *s, const char *folder, size_t length, const char *below)
{
    int n = snprintf(s->path, sizeof(s->path), "%.*s%s/mae-%s.so", (int)length, folder, below, s->name);
    if (n < 0 || (size_t)n >= sizeof(s->path))
        return false;
    if (access(s->path, F_OK) == 0)
        return true;
    size_t used = strlen(s->looked);
    snprintf(s->looked + used, sizeof(s->looked) - used, "%s%.*s%s", used ? ", " : "", (int)length, folder, below);
    return false;
}

static bool look_in_list(search *s, const char *list)
{
    while (list && *list) {
        size_t n = strcspn(list, ":");
        if (n > 0 && n < PATH_MAX && look_in(s, list, n, ""))
            return true;
        list += n + (list[n] == ':');
    }
    return false;
}

/* The file that holds this very function: the library, or a program linked statically. The loader
 * knows a program only by the name it was called by, which may say nothing about its folder. */
static bool own_file(char *ret_path)
{
    Dl_info info;
    if (dladdr((const void *)own_file, &info) && info.dli_fname && strchr(info.dli_fname, '/') &&
        realpath(info.dli_fname, ret_path))
        return true;
    return realpath("/proc/self/exe", ret_path) != NULL;
}

static bool look_beside_us(search *s)
{
    static const char *const below[] = {"" /* of a backend that loads another */, "/backends", "/mae/backends",
                                        "/../lib/mae/backends"};
    char path[PATH_MAX];
    if (!own_file(path))
        return false;
    size_t length = (size_t)(strrchr(path, '/') - path);
    for (size_t i = 0; i < sizeof(below) / sizeof(below[0]); i++) {
        if (look_in(s, path, length, below[i]))
            return true;
    }
    return false;
}

static mae_error *check(const char *path, const char *name, const mae_backend *backend)
{
    if (!backend)
        return mae_error_new(MAE_ERR_FAILED, "%s: it offers no backend", path);
    if (backend->abi != MAE_BACKEND_ABI)
        return mae_error_new(MAE_ERR_FAILED, "%s: made for backend interface %u, this is %d", path, backend->abi,
                             MAE_BACKEND_ABI);
    if (!backend->name || strcmp(backend->name, name) != 0)
        return mae_error_new(MAE_ERR_FAILED, "%s: it calls itself \"%s\"", path, backend->name ? backend->name : "");
    if (!backend->probe || !backend->open)
        return mae_error_new(MAE_ERR_FAILED, "%s: its table lacks probe or open", path);
    return NULL;
}

static mae_error *load(const char *path, const char *name, mae_module *ret_module)
{
    /* NODELETE: engines leave threads and thread-local data behind that must not lose their code. */
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!handle) {
        const char *reason = dlerror();
        return mae_error_new(MAE_ERR_FAILED, "%s", reason ? reason : path);
    }
    mae_backend_entry_fn *entry = NULL;
    void *symbol = dlsym(handle, "mae_backend_entry");
    memcpy(&entry, &symbol, sizeof(entry)); /* ISO C has no cast from a data to a function pointer */
    mae_error *error = entry ? NULL : mae_error_new(MAE_ERR_FAILED, "%s: not a backend of mae", path);
    const mae_backend *backend = entry ? entry() : NULL;
    if (!error)
        error = check(path, name, backend);
    if (error) {
        dlclose(handle);
        return error;
    }
    ret_module->handle = handle;
    ret_module->backend = backend;
    return NULL;
}

static mae_error *find_and_load(const char *name, mae_module *ret_module)
{
    search s = {.name = name};
    if (!look_in_list(&s, getenv("MAE_BACKEND_PATH")) && !look_beside_us(&s))
        return mae_error_new(MAE_ERR_FAILED, "mae-%s.so is not in %s", name, s.looked);
    return load(s.path, name, ret_module);
}

mae_error *mae_module_load(const char *name, mae_module **ret_module)
{
    if (!is_name(name))
        return mae_error_new(MAE_ERR_USAGE, "\"%s\" is no name of a backend", name);
    mae_module *module = calloc(1, sizeof(*module));
    if (!module)
        return mae_error_nomem();
    mae_error *error = find_and_load(name, module);
    if (error) {
        free(module);
        return mae_error_wrap(error, "backend \"%s\"", name);
    }
    *ret_module = module;
    return NULL;
}

const mae_backend *mae_module_backend(const mae_module *module)
{
    return module->backend;
}

void mae_module_close(mae_module *module)
{
    if (!module)
        return;
    dlclose(module->handle);
    free(module);
}

void mae_module_prepare_environment(void)
{
    /* An engine whose threads wait awake takes the processors from the engine that computes; one whose
     * threads sleep at once pays for waking them at every operator. So: awake for some 0.2 ms, then asleep
     * (figures in docs/backends/ort.md). Whoever has set a policy keeps it. */
    if (!getenv("OMP_WAIT_POLICY"))
        setenv("GOMP_SPINCOUNT", "10000", 0);
    setenv("KMP_BLOCKTIME", "0", 0); /* the same for LLVM's OpenMP; its unit is 1 ms */
    /* ONNX Runtime as its makers build it (1.30) keeps a device's id and a database in the home folder and log files in
     * /tmp, to tell them what is run. No file is written but those asked for, and nobody is told. */
    setenv("ORT_DISABLE_TELEMETRY", "1", 0);
}
