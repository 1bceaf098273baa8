/* Loading backends: what is found, and what is refused and why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "pe/module.h"

/* A folder of shared objects made for the test by the compiler that also made it. */
typedef struct world {
    char folder[64];
    char *path; /* MAE_BACKEND_PATH as it was */
} world;

#define TABLE(name, abi)                                                                                               \
    "#include <mae/backend.h>\n"                                                                                       \
    "static mae_error *probe(const mae_pe_found **f, size_t *n) { (void)f; *n = 0; return 0; }\n"                      \
    "static mae_error *open_pe(const mae_pe_config *c, mae_pe **p) { (void)c; (void)p; return 0; }\n"                  \
    "MAE_API const mae_backend *mae_backend_entry(void);\n"                                                            \
    "const mae_backend *mae_backend_entry(void) { static const mae_backend b = { " abi ", \"" name                     \
    "\", probe, open_pe, 0 }; return &b; }\n"

static const struct {
    const char *name, *source;
} modules[] = {
    {"good", TABLE("good", "MAE_BACKEND_ABI")},
    {"newer", TABLE("newer", "MAE_BACKEND_ABI + 1")},
    {"liar", TABLE("other", "MAE_BACKEND_ABI")},
    {"noentry", "int nothing;\n"},
    {"nulltable", "const void *mae_backend_entry(void);\nconst void *mae_backend_entry(void) { return 0; }\n"},
    {"unlinked", "void not_anywhere(void);\nvoid f(void);\nvoid f(void) { not_anywhere(); }\n"},
};

/* For the machine that the tests run on, emulated or not. */
static const char *compiler(void)
{
    const char *stated = getenv("MAE_CC");
    return stated ? stated : "cc";
}

static bool is_compiler_there(void)
{
    char command[1024];
    snprintf(command, sizeof(command), "%s --version > /dev/null 2>&1", compiler());
    return system(command) == 0;
}

static void make_module(const world *w, const char *name, const char *source)
{
    char file[256], command[1024];
    snprintf(file, sizeof(file), "%s/%s.c", w->folder, name);
    FILE *f = fopen(file, "w");
    assert_non_null(f);
    fputs(source, f);
    assert_int_equal(fclose(f), 0);
    snprintf(command, sizeof(command), "%s -shared -fPIC -I'%s/include' -o '%s/mae-%s.so' '%s'", compiler(),
             getenv("MAE_SOURCE_DIR"), w->folder, name, file);
    assert_int_equal(system(command), 0);
}

static int make_world(void **state)
{
    static world w;
    const char *path = getenv("MAE_BACKEND_PATH");
    snprintf(w.folder, sizeof(w.folder), "/tmp/mae-test-module-XXXXXX");
    w.path = path ? strdup(path) : NULL;
    if (!mkdtemp(w.folder))
        return -1;
    *state = &w;
    if (!getenv("MAE_SOURCE_DIR") || !is_compiler_there())
        return 0;
    for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++)
        make_module(&w, modules[i].name, modules[i].source);
    char list[256];
    snprintf(list, sizeof(list), "/nonexistent:%s::", w.folder);
    return setenv("MAE_BACKEND_PATH", list, 1);
}

static int remove_world(void **state)
{
    world *w = *state;
    char command[128];
    snprintf(command, sizeof(command), "rm -r '%s'", w->folder);
    int status = system(command);
    if (w->path)
        setenv("MAE_BACKEND_PATH", w->path, 1);
    free(w->path);
    return status;
}

static void need_modules(const world *w)
{
    char file[256];
    snprintf(file, sizeof(file), "%s/mae-good.so", w->folder);
    if (access(file, R_OK) == 0)
        return;
    print_message("skipped: there is no compiler \"%s\" to make modules with\n", compiler());
    skip();
}

/* Loading must fail with this code and say this. */
static void refuse(const char *name, mae_code code, const char *text)
{
    mae_module *module = NULL;
    mae_error *error = mae_module_load(name, &module);
    assert_non_null(error);
    assert_null(module);
    assert_int_equal(mae_error_code(error), code);
    if (!strstr(mae_error_message(error), text))
        fail_msg("\"%s\" is not in: %s", text, mae_error_message(error));
    mae_error_free(error);
}

static void test_load(void **state)
{
    need_modules(*state);
    for (int round = 0; round < 3; round++) {
        mae_module *module = NULL;
        assert_null(mae_module_load("good", &module));
        assert_string_equal(mae_module_backend(module)->name, "good");
        mae_module_close(module);
    }
    mae_module_close(NULL);
}

static void test_missing(void **state)
{
    (void)state;
    refuse("missing", MAE_ERR_FAILED, "backend \"missing\": mae-missing.so is not in");
    refuse("missing", MAE_ERR_FAILED, "/backends");
}

static void test_names(void **state)
{
    (void)state;
    refuse("", MAE_ERR_USAGE, "no name");
    refuse("../good", MAE_ERR_USAGE, "no name");
    refuse("a b", MAE_ERR_USAGE, "no name");
}

static void test_refused(void **state)
{
    need_modules(*state);
    refuse("newer", MAE_ERR_FAILED, "made for backend interface");
    refuse("liar", MAE_ERR_FAILED, "it calls itself \"other\"");
    refuse("noentry", MAE_ERR_FAILED, "not a backend of mae");
    refuse("nulltable", MAE_ERR_FAILED, "it offers no backend");
    refuse("unlinked", MAE_ERR_FAILED, "not_anywhere");
}

static void test_damaged(void **state)
{
    const world *w = *state;
    char file[256], list[256];
    snprintf(file, sizeof(file), "%s/mae-damaged.so", w->folder);
    snprintf(list, sizeof(list), "%s", w->folder);
    setenv("MAE_BACKEND_PATH", list, 1);
    FILE *f = fopen(file, "w");
    assert_non_null(f);
    fputs("no shared object\n", f);
    assert_int_equal(fclose(f), 0);
    refuse("damaged", MAE_ERR_FAILED, "mae-damaged.so");
}

/* What the user has set is kept. */
static void test_environment(void **state)
{
    (void)state;
    unsetenv("OMP_WAIT_POLICY");
    unsetenv("GOMP_SPINCOUNT");
    mae_module_prepare_environment();
    assert_non_null(getenv("GOMP_SPINCOUNT"));
    setenv("GOMP_SPINCOUNT", "7", 1);
    mae_module_prepare_environment();
    assert_string_equal(getenv("GOMP_SPINCOUNT"), "7");
    unsetenv("GOMP_SPINCOUNT");
    setenv("OMP_WAIT_POLICY", "active", 1);
    mae_module_prepare_environment();
    assert_null(getenv("GOMP_SPINCOUNT"));
    assert_string_equal(getenv("OMP_WAIT_POLICY"), "active");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_load),    cmocka_unit_test(test_missing), cmocka_unit_test(test_names),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_damaged), cmocka_unit_test(test_environment),
    };
    return cmocka_run_group_tests(tests, make_world, remove_world);
}
