/* The cache of compiled programs of the OpenCL backend: used, not believed, and not needed. And what listing PEs costs.
 * Each look at it is a process of its own, because a process compiles its kernels once. */
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mae/mae.h"
#include "net.h"

static const mae_pe_config config = {.name = "gpu/opencl", .resource = "gpu", .threads = 2};

static char cache[PATH_MAX]; /* this test's, empty */
static bool present;

/* Runs in a process of its own: 0 if the function returns, which it does not where it asserts. */
static int apart(void (*function)(void))
{
    int status = 0;
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        function();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void compute(void)
{
    net n;
    net_engine engine;
    if (!net_open_backend(&engine, "opencl", &config))
        _exit(77);
    net_begin(&n, 3);
    int x = net_input(&n, NET_DIMS(5, 9));
    net_want(&n, net_unary(&n, "HardSwish", false, x));
    net_check(&n, &engine);
    net_end(&n);
    net_close(&engine);
}

/* The one file of the cache. */
static bool find_file(char *path, struct stat *ret_stat)
{
    char folder[PATH_MAX];
    bool found = false;
    snprintf(folder, sizeof folder, "%.3000s/mae/opencl", cache);
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir && (e = readdir(dir)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        assert_false(found); /* no temporary file is left */
        snprintf(path, PATH_MAX, "%.3500s/%.255s", folder, e->d_name);
        found = stat(path, ret_stat) == 0;
    }
    if (dir)
        closedir(dir);
    return found;
}

/* PoCL keeps its own, which stays where it is: it takes long to fill. */
static void keep_drivers_cache(void)
{
    const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char path[PATH_MAX];
    if (xdg)
        snprintf(path, sizeof path, "%.3000s/pocl/kcache", xdg);
    else
        snprintf(path, sizeof path, "%.3000s/.cache/pocl/kcache", home ? home : "/tmp");
    setenv("POCL_CACHE_DIR", path, 0);
}

static int begin(void **state)
{
    (void)state;
    keep_drivers_cache();
    snprintf(cache, sizeof cache, "/tmp/mae-test-XXXXXX");
    assert_non_null(mkdtemp(cache));
    setenv("XDG_CACHE_HOME", cache, 1);
    present = apart(compute) != 77;
    return 0;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *at)
{
    (void)info, (void)type, (void)at;
    return remove(path);
}

static int end(void **state)
{
    (void)state;
    nftw(cache, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}

static void used_again(void **state)
{
    (void)state;
    if (!present)
        skip();
    char path[PATH_MAX];
    struct stat first, second;
    assert_int_equal(apart(compute), 0);
    assert_true(find_file(path, &first));
    assert_int_equal(apart(compute), 0);
    assert_true(find_file(path, &second));
    assert_true(first.st_ino == second.st_ino); /* what is not taken is compiled and written anew */
}

typedef void damage_fn(const char *path, off_t size);

static void cut(const char *path, off_t size)
{
    assert_int_equal(truncate(path, size / 2), 0);
}

static void empty(const char *path, off_t size)
{
    (void)size;
    assert_int_equal(truncate(path, 0), 0);
}

static void overwrite(const char *path, off_t at, const char *text)
{
    int file = open(path, O_WRONLY);
    assert_true(file >= 0);
    assert_int_equal(pwrite(file, text, strlen(text), at), strlen(text));
    close(file);
}

static void spoil_binary(const char *path, off_t size)
{
    overwrite(path, size - size / 3, "spoilt");
}

/* As of another driver, or another version of the kernels. */
static void spoil_key(const char *path, off_t size)
{
    (void)size;
    overwrite(path, 24, "0123456789abcdef");
}

static void damaged(void **state)
{
    static damage_fn *const damages[] = {cut, empty, spoil_binary, spoil_key};
    (void)state;
    if (!present)
        skip();
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        char path[PATH_MAX];
        struct stat before, after;
        assert_true(find_file(path, &before));
        damages[i](path, before.st_size);
        assert_int_equal(apart(compute), 0);
        assert_true(find_file(path, &after));
        assert_true(before.st_ino != after.st_ino); /* written anew ... */
        assert_int_equal(apart(compute), 0);
        assert_true(find_file(path, &before));
        assert_true(before.st_ino == after.st_ino); /* ... and well */
    }
}

/* A file where the folder should be. */
static void no_place(void **state)
{
    (void)state;
    if (!present)
        skip();
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%.3000s/file", cache);
    int file = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(file >= 0);
    close(file);
    setenv("XDG_CACHE_HOME", path, 1);
    assert_int_equal(apart(compute), 0);
    setenv("XDG_CACHE_HOME", cache, 1);
}

static int count_threads(void)
{
    char line[256];
    int n = -1;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        sscanf(line, "Threads: %d", &n);
    if (file)
        fclose(file);
    return n;
}

/* Listing must not wake a driver that would start threads on the processors others compute on. */
static void list_only(void)
{
    mae_module *module;
    const mae_pe_found *found;
    size_t n;
    int before = count_threads();
    net_ok(mae_module_load("opencl", &module));
    net_ok(mae_module_backend(module)->probe(&found, &n));
    assert_true(n >= 1);
    assert_string_equal(found[0].name, "gpu/opencl");
    assert_string_equal(found[0].resource, found[0].on_request ? "cpu" : "gpu"); /* a CPU is called one */
    if (n == 1 && found[0].on_request)
        assert_int_equal(count_threads(), before);
    mae_module_close(module);
}

static void listing_starts_nothing(void **state)
{
    (void)state;
    if (!present)
        skip();
    assert_int_equal(apart(list_only), 0);
}

/* A device that is the processor is listed with the reason why it is not used, and used when it is named. */
static void choose(void)
{
    const mae_pe_info *pes;
    const mae_spare_pe *spare;
    mae_context *context;
    net_ok(mae_context_create(NULL, &context));
    size_t n = mae_context_pes(context, &pes), n_spare = mae_context_spare(context, &spare), named = 0;
    for (size_t i = 0; i < n; i++)
        assert_false(strcmp(pes[i].backend, "opencl") == 0 && strcmp(pes[i].resource, "cpu") == 0);
    for (size_t i = 0; i < n_spare; i++)
        if (strcmp(spare[i].info.name, "gpu/opencl") == 0) {
            assert_string_equal(spare[i].info.resource, "cpu");
            assert_non_null(strstr(spare[i].reason, "named with --pes"));
            named++;
        }
    mae_context_destroy(context);
    const mae_context_options options = {.threads = 1, .pes = "gpu/opencl"};
    net_ok(mae_context_create(&options, &context));
    assert_int_equal(mae_context_pes(context, &pes), 1);
    assert_string_equal(pes[0].name, "gpu/opencl");
    if (named) /* now that it has been asked, by its own name */
        assert_non_null(strstr(pes[0].engine, "the CPU "));
    mae_context_destroy(context);
}

static void used_when_named(void **state)
{
    (void)state;
    if (!present)
        skip();
    assert_int_equal(apart(choose), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(used_again), cmocka_unit_test(damaged),
                                       cmocka_unit_test(no_place), cmocka_unit_test(listing_starts_nothing),
                                       cmocka_unit_test(used_when_named)};
    return cmocka_run_group_tests(tests, begin, end);
}
