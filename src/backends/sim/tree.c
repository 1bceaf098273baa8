#include "backends/sim/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"

#define RAILS_PER_CHIP 3 /* an INA3221 has three channels */

typedef enum value {
    RAIL_MA = 0,
    RAIL_UJ,
    RAIL_UJ_WRAPPED,
    BATTERY_UWH,
    BATTERY_UW,
    BATTERY_PERCENT,
    MILLICELSIUS
} value;

/* A file whose number changes. */
typedef struct live_file {
    struct live_file *next;
    int fd;
    value what;
    int rail;
    int64_t shown;
    size_t length;
} live_file;

/* What has been made, the newest first: taken away in this order. */
typedef struct made {
    struct made *next;
    const char *path;
    bool folder;
} made;

struct sim_tree {
    const sim_power *power;
    const sim_settings *settings;
    mae_arena *arena;
    live_file *live;
    made *made;
    int failed;
};

/* ---- making ---- */

static mae_error *remember(sim_tree *tree, const char *path, bool folder)
{
    made *entry = mae_arena_alloc(tree->arena, sizeof *entry);
    if (!entry)
        return mae_error_nomem();
    *entry = (made){tree->made, path, folder};
    tree->made = entry;
    return NULL;
}

static mae_error *make_folder(sim_tree *tree, const char *path)
{
    const char *full = mae_arena_printf(tree->arena, "%s/%s", tree->settings->meter_root, path);
    if (!full)
        return mae_error_nomem();
    if (mkdir(full, 0755) == 0)
        return remember(tree, full, true);
    return errno == EEXIST ? NULL : mae_error_new(MAE_ERR_FAILED, "%s: %s", full, strerror(errno));
}

static mae_error *open_file(sim_tree *tree, const char *path, int *ret_fd)
{
    const char *full = mae_arena_printf(tree->arena, "%s/%s", tree->settings->meter_root, path);
    if (!full)
        return mae_error_nomem();
    int fd = open(full, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return mae_error_new(MAE_ERR_FAILED, "%s: %s", full, strerror(errno));
    mae_error *error = remember(tree, full, false);
    if (error) {
        close(fd);
        return error;
    }
    *ret_fd = fd;
    return NULL;
}

/* Over a line of `*length` bytes, which becomes the new one's. */
static int write_line(int fd, const char *text, size_t *length)
{
    size_t before = *length;
    *length = strlen(text);
    if (pwrite(fd, text, *length, 0) != (ssize_t)*length)
        return errno ? errno : EIO;
    /* Behind the first line a reader never looks: the order of these two does not matter. */
    return *length >= before || ftruncate(fd, (off_t)*length) == 0 ? 0 : errno;
}

static mae_error *constant(sim_tree *tree, const char *text, const char *format, ...) MAE_PRINTF(3, 4);
static mae_error *constant(sim_tree *tree, const char *text, const char *format, ...)
{
    char path[PATH_MAX], line[256];
    va_list args;
    va_start(args, format);
    vsnprintf(path, sizeof path, format, args);
    va_end(args);
    snprintf(line, sizeof line, "%s\n", text);
    int fd = -1;
    MAE_TRY(open_file(tree, path, &fd));
    size_t length = 0;
    int failed = write_line(fd, line, &length);
    close(fd);
    return failed ? mae_error_new(MAE_ERR_FAILED, "%s/%s: %s", tree->settings->meter_root, path, strerror(failed))
                  : NULL;
}

static mae_error *live(sim_tree *tree, value what, int rail, const char *format, ...) MAE_PRINTF(4, 5);
static mae_error *live(sim_tree *tree, value what, int rail, const char *format, ...)
{
    char path[PATH_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(path, sizeof path, format, args);
    va_end(args);
    live_file *file = mae_arena_alloc(tree->arena, sizeof *file);
    if (!file)
        return mae_error_nomem();
    *file = (live_file){tree->live, -1, what, rail, INT64_MIN, 0};
    MAE_TRY(open_file(tree, path, &file->fd));
    tree->live = file;
    return NULL;
}

static mae_error *make_interval(sim_tree *tree, const char *folder)
{
    char ms[32];
    snprintf(ms, sizeof ms, "%g", tree->settings->period_ms);
    return constant(tree, ms, "%s/update_interval", folder);
}

/* JetPack 5: hwmonN/{name,inK_label,inK_input,currK_input}, K from 1 to 3; 7 is the chip's own sum. */
static mae_error *make_ina3221(sim_tree *tree, int chip, int n)
{
    char folder[64], millivolts[32];
    snprintf(folder, sizeof folder, "sys/class/hwmon/hwmon%d", chip);
    snprintf(millivolts, sizeof millivolts, "%.0f", tree->settings->rail_v * 1e3);
    MAE_TRY(make_folder(tree, folder));
    MAE_TRY(constant(tree, "ina3221", "%s/name", folder));
    MAE_TRY(make_interval(tree, folder));
    char shunt[32]; /* a step of the chip is 40 uV over it */
    snprintf(shunt, sizeof shunt, "%.0f", 40.0 / tree->settings->lsb_ma * 1e3);
    for (int k = 1; k <= RAILS_PER_CHIP; k++) {
        int rail = chip * RAILS_PER_CHIP + k - 1;
        const char *label = k <= n ? tree->power->rails[rail].label : "NC";
        MAE_TRY(constant(tree, label, "%s/in%d_label", folder, k));
        MAE_TRY(constant(tree, k <= n ? millivolts : "0", "%s/in%d_input", folder, k));
        MAE_TRY(constant(tree, shunt, "%s/shunt%d_resistor", folder, k));
        if (k <= n)
            MAE_TRY(live(tree, RAIL_MA, rail, "%s/curr%d_input", folder, k));
        else
            MAE_TRY(constant(tree, "0", "%s/curr%d_input", folder, k));
    }
    MAE_TRY(constant(tree, "sum of shunt voltages", "%s/in7_label", folder));
    return constant(tree, "0", "%s/in7_input", folder);
}

static mae_error *make_hwmon(sim_tree *tree)
{
    int n = (int)tree->power->n_rails;
    MAE_TRY(make_folder(tree, "sys/class/hwmon"));
    for (int chip = 0; chip * RAILS_PER_CHIP < n; chip++) {
        int left = n - chip * RAILS_PER_CHIP;
        MAE_TRY(make_ina3221(tree, chip, left < RAILS_PER_CHIP ? left : RAILS_PER_CHIP));
    }
    return NULL;
}

static mae_error *make_energy(sim_tree *tree)
{
    MAE_TRY(make_folder(tree, "sys/class/hwmon"));
    MAE_TRY(make_folder(tree, "sys/class/hwmon/hwmon0"));
    MAE_TRY(constant(tree, "virtual_energy", "sys/class/hwmon/hwmon0/name"));
    MAE_TRY(make_interval(tree, "sys/class/hwmon/hwmon0"));
    for (int r = 0; r < (int)tree->power->n_rails; r++) {
        MAE_TRY(constant(tree, tree->power->rails[r].label, "sys/class/hwmon/hwmon0/energy%d_label", r + 1));
        MAE_TRY(live(tree, RAIL_UJ, r, "sys/class/hwmon/hwmon0/energy%d_input", r + 1));
    }
    return NULL;
}

static mae_error *make_powercap(sim_tree *tree)
{
    char range[32];
    snprintf(range, sizeof range, "%.0f", tree->settings->range_uj);
    MAE_TRY(make_folder(tree, "sys/class/powercap"));
    for (int r = 0; r < (int)tree->power->n_rails; r++) {
        char folder[64];
        snprintf(folder, sizeof folder, "sys/class/powercap/intel-rapl:%d", r);
        MAE_TRY(make_folder(tree, folder));
        MAE_TRY(constant(tree, tree->power->rails[r].label, "%s/name", folder));
        MAE_TRY(constant(tree, range, "%s/max_energy_range_uj", folder));
        MAE_TRY(live(tree, RAIL_UJ_WRAPPED, r, "%s/energy_uj", folder));
    }
    return NULL;
}

static mae_error *make_battery(sim_tree *tree)
{
    static const char folder[] = "sys/class/power_supply/BAT0";
    char full[32];
    snprintf(full, sizeof full, "%.0f", tree->settings->battery_wh * 1e6);
    MAE_TRY(make_folder(tree, "sys/class/power_supply"));
    MAE_TRY(make_folder(tree, folder));
    MAE_TRY(constant(tree, "Battery", "%s/type", folder));
    MAE_TRY(constant(tree, "1", "%s/present", folder));
    MAE_TRY(constant(tree, "Discharging", "%s/status", folder));
    MAE_TRY(constant(tree, full, "%s/energy_full", folder));
    MAE_TRY(constant(tree, full, "%s/energy_full_design", folder));
    MAE_TRY(live(tree, BATTERY_UWH, -1, "%s/energy_now", folder));
    MAE_TRY(live(tree, BATTERY_UW, -1, "%s/power_now", folder));
    return live(tree, BATTERY_PERCENT, -1, "%s/capacity", folder);
}

static mae_error *make_zone(sim_tree *tree)
{
    MAE_TRY(make_folder(tree, "sys/class/thermal"));
    MAE_TRY(make_folder(tree, "sys/class/thermal/thermal_zone0"));
    MAE_TRY(constant(tree, "soc-thermal", "sys/class/thermal/thermal_zone0/type"));
    return live(tree, MILLICELSIUS, -1, "sys/class/thermal/thermal_zone0/temp");
}

static mae_error *check_empty(const char *root)
{
    DIR *folder = opendir(root);
    if (!folder && errno == ENOMEM)
        return mae_error_nomem();
    if (!folder)
        return mae_error_new(MAE_ERR_USAGE, "option meter_root of a virtual PE: %s: %s", root, strerror(errno));
    bool empty = true;
    for (const struct dirent *entry; empty && (entry = readdir(folder));)
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    closedir(folder);
    if (!empty)
        return mae_error_new(MAE_ERR_USAGE,
                             "option meter_root of a virtual PE: %s is not empty: it may belong to "
                             "another virtual SoC, or be left by one that was killed",
                             root);
    return NULL;
}

static mae_error *make_all(sim_tree *tree)
{
    MAE_TRY(check_empty(tree->settings->meter_root));
    MAE_TRY(make_folder(tree, "sys"));
    MAE_TRY(make_folder(tree, "sys/class"));
    if (tree->settings->meter == SIM_METER_HWMON)
        MAE_TRY(make_hwmon(tree));
    if (tree->settings->meter == SIM_METER_ENERGY)
        MAE_TRY(make_energy(tree));
    if (tree->settings->meter == SIM_METER_POWERCAP)
        MAE_TRY(make_powercap(tree));
    if (tree->settings->battery_wh > 0)
        MAE_TRY(make_battery(tree));
    MAE_TRY(make_zone(tree));
    sim_tree_write(tree);
    return tree->failed ? mae_error_new(MAE_ERR_FAILED, "%s: %s", tree->settings->meter_root, strerror(tree->failed))
                        : NULL;
}

mae_error *sim_tree_create(const sim_power *power, sim_tree **ret_tree)
{
    mae_arena *arena = mae_arena_create();
    sim_tree *tree = arena ? mae_arena_alloc(arena, sizeof *tree) : NULL;
    if (!tree) {
        mae_arena_destroy(arena);
        return mae_error_nomem();
    }
    *tree = (sim_tree){.power = power, .settings = power->settings, .arena = arena};
    mae_error *error = make_all(tree);
    if (error) {
        sim_tree_destroy(tree);
        return error;
    }
    *ret_tree = tree;
    return NULL;
}

/* ---- showing ---- */

static int64_t number_of(const sim_tree *tree, const live_file *file)
{
    const sim_settings *s = tree->settings;
    const sim_power *power = tree->power;
    double ma;
    switch (file->what) {
    case RAIL_MA:
        ma = sim_power_mean_w(power, file->rail) / s->rail_v * 1e3;
        return llround(round(ma / s->lsb_ma) * s->lsb_ma);
    case RAIL_UJ:
        return (int64_t)floor(sim_power_read_mj(power, file->rail) * 1e3);
    case RAIL_UJ_WRAPPED:
        return (int64_t)fmod(floor(sim_power_read_mj(power, file->rail) * 1e3), floor(s->range_uj));
    case BATTERY_UWH:
        return llround(sim_power_battery_wh(power) * 1e6);
    case BATTERY_UW:
        return llround(sim_power_mean_w(power, -1) * 1e6);
    case BATTERY_PERCENT:
        return llround(sim_power_battery_wh(power) / s->battery_wh * 100);
    case MILLICELSIUS:
        return llround(power->celsius * 1e3);
    }
    return 0;
}

void sim_tree_write(sim_tree *tree)
{
    for (live_file *file = tree->live; file; file = file->next) {
        int64_t number = number_of(tree, file);
        if (number == file->shown)
            continue;
        char line[32];
        snprintf(line, sizeof line, "%" PRId64 "\n", number);
        int failed = write_line(file->fd, line, &file->length);
        tree->failed = tree->failed ? tree->failed : failed;
        file->shown = number;
    }
}

int sim_tree_errno(const sim_tree *tree)
{
    return tree->failed;
}

void sim_tree_destroy(sim_tree *tree)
{
    if (!tree)
        return;
    for (live_file *file = tree->live; file; file = file->next)
        close(file->fd);
    for (const made *entry = tree->made; entry; entry = entry->next) {
        if (entry->folder)
            rmdir(entry->path);
        else
            unlink(entry->path);
    }
    mae_arena_destroy(tree->arena);
}
