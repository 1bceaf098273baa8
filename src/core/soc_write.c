#include "core/json_writer.h"
#include "core/soc.h"

static void put_names(mae_json_writer *out, json_t *object, const char *key, const char *const *names, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        mae_json_append(out, list, json_string(names[i]));
    if (n)
        mae_json_put(out, object, key, list);
    else
        json_decref(list);
}

static void put_stated(mae_json_writer *out, json_t *object, const char *key, double value)
{
    if (value >= 0)
        mae_json_put(out, object, key, json_real(value));
}

static json_t *write_level(mae_json_writer *out, const mae_soc_level *level)
{
    json_t *object = json_object(), *files = json_object();
    mae_json_put(out, object, "name", json_string(level->name));
    for (size_t i = 0; i < level->n_files; i++)
        mae_json_put(out, files, level->files[i].path, json_string(level->files[i].text));
    mae_json_put(out, object, "sysfs", files);
    put_stated(out, object, "watts", level->watts);
    mae_json_put_optional(out, object, "segment_ms", level->segment_ms);
    mae_json_put_optional(out, object, "segment_mj", level->segment_mj);
    return object;
}

static json_t *write_pe(mae_json_writer *out, const mae_soc_pe *pe)
{
    json_t *object = json_object(), *options = json_object(), *levels = json_array();
    mae_json_put(out, object, "name", json_string(pe->name));
    mae_json_put(out, object, "backend", json_string(pe->backend));
    mae_json_put(out, object, "resource", json_string(pe->resource));
    mae_json_put_string(out, object, "precision", pe->precision);
    for (size_t i = 0; i < pe->n_options; i++)
        mae_json_put(out, options, pe->options[i].key, json_string(pe->options[i].value));
    mae_json_put(out, object, "options", options);
    if (pe->threads)
        mae_json_put(out, object, "threads", json_integer(pe->threads));
    if (pe->cores)
        mae_json_put(out, object, "cores", json_string(pe->cores));
    put_names(out, object, "rails", pe->rails, pe->n_rails);
    put_stated(out, object, "watts", pe->watts);
    put_stated(out, object, "abs_tolerance", pe->abs_tolerance);
    put_stated(out, object, "rel_tolerance", pe->rel_tolerance);
    if (pe->max_segments)
        mae_json_put(out, object, "max_segments", json_integer(pe->max_segments));
    mae_json_put_optional(out, object, "segment_ms", pe->segment_ms);
    mae_json_put_optional(out, object, "segment_mj", pe->segment_mj);
    for (size_t i = 0; i < pe->n_levels; i++)
        mae_json_append(out, levels, write_level(out, &pe->levels[i]));
    mae_json_put(out, object, "levels", levels);
    return object;
}

mae_error *mae_soc_to_json(const mae_soc *soc, json_t **ret_json)
{
    mae_json_writer out = {false};
    json_t *root = json_object(), *pes = json_array();
    mae_json_put(&out, root, "format", json_string("mae-soc"));
    mae_json_put(&out, root, "version", json_integer(1));
    mae_json_put(&out, root, "name", json_string(soc->name));
    mae_json_put_string(&out, root, "mode", soc->mode);
    if (*soc->meter) {
        json_t *meter = json_object();
        mae_json_put(&out, meter, "driver", json_string(soc->meter));
        mae_json_put(&out, meter, "root", json_string(soc->meter_root));
        mae_json_put_optional(&out, meter, "period_ms", soc->meter_period_ms);
        mae_json_put(&out, root, "meter", meter);
    }
    put_stated(&out, root, "static_w", soc->static_w);
    put_names(&out, root, "static_rails", soc->static_rails, soc->n_static_rails);
    put_names(&out, root, "rails", soc->rails, soc->n_rails);
    for (size_t i = 0; i < soc->n_pes; i++)
        mae_json_append(&out, pes, write_pe(&out, &soc->pes[i]));
    mae_json_put(&out, root, "pes", pes);
    if (out.failed) {
        json_decref(root);
        return mae_error_nomem();
    }
    *ret_json = root;
    return NULL;
}
