#include "profile/machine.h"

#include <stdio.h>
#include <string.h>

/* Where a value stands: behind "key : ", or in the first line where there is no key. */
typedef struct place {
    const char *path, *key, *prefix;
} place;

/* Kernels for Arm name no processor in /proc/cpuinfo; boards have a device tree, servers and virtual machines DMI. Two
 * boards whose profiles must not be merged are told apart by this, so any word is better than none. */
static const place names[] = {
    {"/proc/cpuinfo", "model name", ""},
    {"/proc/device-tree/model", "", ""},
    {"/sys/class/dmi/id/product_name", "", ""},
    {"/proc/cpuinfo", "CPU part", "processor with cores of part number "},
};

static const place governor = {"/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "", ""};

/* The value in this line, or NULL. A device tree's text ends with a zero instead of a line's end. */
static const char *value_in(const char *line, const char *key)
{
    const char *colon = strchr(line, ':');
    if (*key && (strncmp(line, key, strlen(key)) != 0 || !colon))
        return NULL;
    const char *value = *key ? colon + 1 : line;
    return value + strspn(value, " \t");
}

/* The text goes into JSON, and firmware may hold any bytes. */
static void make_printable(char *text)
{
    for (; *text; text++)
        if (*text < ' ' || *text > '~')
            *text = '?';
}

static void find(const char *root, const place *at, char *text, size_t size)
{
    char line[512], path[4096];
    snprintf(path, sizeof path, "%s%s", root, at->path);
    FILE *file = fopen(path, "r");
    text[0] = 0;
    while (file && !text[0] && fgets(line, sizeof line, file)) {
        const char *value = value_in(line, at->key);
        int length = value ? (int)strcspn(value, "\n") : 0;
        if (length > 0)
            snprintf(text, size, "%s%.*s", at->prefix, length, value);
    }
    if (file)
        fclose(file);
    make_printable(text);
}

void mae_machine_name(const char *root, char *text, size_t size)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        find(root, &names[i], text, size);
        if (text[0])
            return;
    }
    snprintf(text, size, "unknown");
}

void mae_machine_governor(const char *root, char *text, size_t size)
{
    find(root, &governor, text, size);
    if (!text[0])
        snprintf(text, size, "unknown");
}
