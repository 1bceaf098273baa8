#include "session/level.h"

#include <stdlib.h>
#include <string.h>

#include "power/sysfs.h"

#define MOST_RESOURCES 48

/* A file that a level has written, and what was in it. */
typedef struct saved_file {
    struct saved_file *next;
    const char *path, *text;
} saved_file;

/* A piece of hardware, and the level it has now; NULL: its own. */
typedef struct hardware {
    const char *resource;
    const mae_soc_level *level;
    mae_pe *pe; /* the last that set its level by itself; NULL: files did */
} hardware;

struct mae_levels {
    mae_arena *arena;
    const char *root;
    saved_file *saved;
    size_t n;
    hardware devices[MOST_RESOURCES];
};

typedef struct level_pe {
    mae_pe base;
    mae_pe_ops ops; /* those that the inner PE has */
    mae_pe *inner;
    struct mae_levels *levels;
    hardware *device;
    const mae_soc_level *level;
} level_pe;

typedef struct level_unit {
    mae_unit base;
    mae_unit *inner;
} level_unit;

/* ---- changing ---- */

static mae_error *save(struct mae_levels *levels, const char *path)
{
    for (const saved_file *file = levels->saved; file; file = file->next)
        if (strcmp(file->path, path) == 0)
            return NULL;
    char text[MAE_SYSFS_MOST_TEXT];
    MAE_TRY(mae_sysfs_text(path, text));
    saved_file *file = mae_arena_alloc(levels->arena, sizeof *file);
    if (!file)
        return mae_error_nomem();
    *file = (saved_file){levels->saved, mae_arena_strdup(levels->arena, path), mae_arena_strdup(levels->arena, text)};
    if (!file->path || !file->text)
        return mae_error_nomem();
    levels->saved = file;
    return NULL;
}

static mae_error *write_files(const level_pe *pe)
{
    for (size_t i = 0; i < pe->level->n_files; i++) {
        const char *root = pe->levels->root;
        size_t length = strlen(root);
        char path[4096];
        if (length + strlen(pe->level->files[i].path) >= sizeof path)
            return mae_error_new(MAE_ERR_USAGE, "%s: the path is too long", pe->level->files[i].path);
        strcpy(path, root);
        strcpy(path + (length && root[length - 1] == '/' ? length - 1 : length), pe->level->files[i].path);
        MAE_TRY(save(pe->levels, path));
        MAE_TRY(mae_sysfs_write(path, pe->level->files[i].text));
    }
    return NULL;
}

static mae_error *change(level_pe *pe)
{
    hardware *device = pe->device;
    if (device->level == pe->level)
        return NULL;
    mae_error *error = NULL;
    if (pe->level->n_files)
        error = write_files(pe);
    else
        error = pe->inner->ops->set_level(pe->inner, pe->level->name);
    if (error)
        return mae_error_wrap(error, "level %s of %s", pe->level->name, device->resource);
    device->level = pe->level;
    device->pe = pe->level->n_files ? NULL : pe->inner;
    return NULL;
}

void mae_levels_restore(mae_context *context)
{
    struct mae_levels *levels = context->levels;
    /* What cannot be put back now cannot be put back at all: nobody is left to be told. */
    for (const saved_file *file = levels ? levels->saved : NULL; file; file = file->next)
        mae_error_free(mae_sysfs_write(file->path, file->text));
    for (size_t i = 0; levels && i < levels->n; i++)
        if (levels->devices[i].pe)
            mae_error_free(levels->devices[i].pe->ops->set_level(levels->devices[i].pe, NULL));
}

/* ---- the PE ---- */

static level_unit *wrap(mae_pe *pe)
{
    level_unit *unit = calloc(1, sizeof *unit);
    if (unit)
        unit->base.pe = pe;
    return unit;
}

static mae_pe *inner_of(mae_pe *pe)
{
    return ((level_pe *)pe)->inner;
}

static bool level_supports(mae_pe *pe, const mae_graph *graph, int layer, const char **ret_reason)
{
    return inner_of(pe)->ops->supports(inner_of(pe), graph, layer, ret_reason);
}

static mae_error *finish_unit(level_unit *unit, mae_error *error, mae_unit **ret_unit)
{
    if (error) {
        free(unit);
        return error;
    }
    *ret_unit = &unit->base;
    return NULL;
}

static mae_error *level_compile(mae_pe *pe, const mae_graph *graph, const mae_segment *segment, unsigned flags,
                                mae_unit **ret_unit)
{
    mae_pe *inner = inner_of(pe);
    level_unit *unit = wrap(pe);
    if (!unit)
        return mae_error_nomem();
    return finish_unit(unit, inner->ops->compile(inner, graph, segment, flags, &unit->inner), ret_unit);
}

static mae_error *level_compile_laid(mae_pe *pe, const mae_graph *graph, const mae_segment *segment, unsigned flags,
                                     const mae_borders *borders, mae_unit **ret_unit)
{
    mae_pe *inner = inner_of(pe);
    level_unit *unit = wrap(pe);
    if (!unit)
        return mae_error_nomem();
    return finish_unit(unit, inner->ops->compile_laid(inner, graph, segment, flags, borders, &unit->inner), ret_unit);
}

static mae_unit *inner_unit(mae_unit *unit)
{
    return ((level_unit *)unit)->inner;
}

static mae_error *level_bind(mae_unit *unit, mae_buffer *const *inputs, mae_buffer *const *outputs)
{
    return inner_of(unit->pe)->ops->bind(inner_unit(unit), inputs, outputs);
}

static mae_error *level_run(mae_unit *unit)
{
    MAE_TRY(change((level_pe *)unit->pe));
    return inner_of(unit->pe)->ops->run(inner_unit(unit));
}

static void level_discard(mae_unit *unit)
{
    if (!unit)
        return;
    inner_of(unit->pe)->ops->discard(inner_unit(unit));
    free(unit);
}

static void level_close(mae_pe *pe)
{
    if (!pe)
        return;
    inner_of(pe)->ops->close(inner_of(pe));
    free(pe);
}

static mae_error *level_alloc(mae_pe *pe, mae_buffer *buffer)
{
    return inner_of(pe)->ops->alloc(inner_of(pe), buffer);
}

static void level_release(mae_pe *pe, mae_buffer *buffer)
{
    inner_of(pe)->ops->release(inner_of(pe), buffer);
}

static mae_error *level_read(mae_pe *pe, const mae_buffer *buffer, void *host)
{
    return inner_of(pe)->ops->read(inner_of(pe), buffer, host);
}

static mae_error *level_write(mae_pe *pe, mae_buffer *buffer, const void *host)
{
    return inner_of(pe)->ops->write(inner_of(pe), buffer, host);
}

static mae_error *level_layer_ns(mae_unit *unit, size_t skip, mae_layer_times *times)
{
    return inner_of(unit->pe)->ops->layer_ns(inner_unit(unit), skip, times);
}

static unsigned level_layouts(mae_pe *pe)
{
    return inner_of(pe)->ops->layouts(inner_of(pe));
}

/* Optional slots are there where the inner PE has them. */
static mae_pe_ops ops_over(const mae_pe_ops *inner)
{
    return (mae_pe_ops){.supports = level_supports,
                        .compile = level_compile,
                        .bind = level_bind,
                        .run = level_run,
                        .discard = level_discard,
                        .close = level_close,
                        .alloc = inner->alloc ? level_alloc : NULL,
                        .release = inner->release ? level_release : NULL,
                        .read = inner->read ? level_read : NULL,
                        .write = inner->write ? level_write : NULL,
                        .layer_ns = inner->layer_ns ? level_layer_ns : NULL,
                        .layouts = inner->layouts ? level_layouts : NULL,
                        .compile_laid = inner->compile_laid ? level_compile_laid : NULL};
}

static mae_error *find_device(mae_context *context, const char *resource, hardware **ret_device)
{
    if (!context->levels) {
        context->levels = mae_arena_alloc(context->arena, sizeof *context->levels);
        if (!context->levels)
            return mae_error_nomem();
        context->levels->arena = context->arena;
        context->levels->root = context->soc->meter_root;
    }
    struct mae_levels *levels = context->levels;
    size_t i = 0;
    while (i < levels->n && strcmp(levels->devices[i].resource, resource) != 0)
        i++;
    if (i == MOST_RESOURCES)
        return mae_error_new(MAE_ERR_FAILED, "more than %d resources", MOST_RESOURCES);
    if (i == levels->n)
        levels->devices[levels->n++] = (hardware){.resource = resource};
    *ret_device = &levels->devices[i];
    return NULL;
}

mae_error *mae_level_create(mae_context *context, mae_pe *inner, const char *resource, const mae_soc_level *level,
                            mae_pe **ret_pe)
{
    hardware *device;
    if (level->n_files == 0 && !inner->ops->set_level)
        return mae_error_new(MAE_ERR_USAGE, "level %s: backend %s knows no levels, so it needs \"sysfs\"", level->name,
                             inner->backend->name);
    MAE_TRY(find_device(context, resource, &device));
    level_pe *pe = calloc(1, sizeof *pe);
    if (!pe)
        return mae_error_nomem();
    *pe = (level_pe){.base = *inner, .inner = inner, .levels = context->levels, .device = device, .level = level};
    pe->ops = ops_over(inner->ops);
    pe->base.ops = &pe->ops;
    *ret_pe = &pe->base;
    return NULL;
}
