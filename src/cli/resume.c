#include "cli/resume.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/message.h"

/* ---- does the profile fit? Said before the time is spent that measuring takes. ---- */

static bool same_layers(const mae_profile *old, const mae_graph *graph)
{
    if (*old->model_sha256 && *graph->sha256 && strcmp(old->model_sha256, graph->sha256) != 0)
        return false;
    for (size_t l = 0; l < old->n_layers && old->n_layers == graph->n_layers; l++)
        if (strcmp(old->layers[l].name, graph->layers[l].name) != 0)
            return false;
    return old->n_layers == graph->n_layers && old->n_inputs == graph->n_inputs;
}

static bool same_sizes(const mae_profile *old, const mae_graph *graph)
{
    for (size_t i = 0; i < old->n_inputs; i++)
        if (old->tensors[old->inputs[i]].bytes != (double)graph->tensors[graph->inputs[i]].bytes)
            return false;
    return true;
}

static int check_pes(const cli_resume *resume, const mae_pe_info *infos, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int known = mae_profile_find_pe(resume->old, infos[i].name);
        if (known < 0)
            continue;
        const mae_profile_pe *pe = &resume->old->pes[known];
        if (strcmp(pe->resource, infos[i].resource) != 0 || strcmp(pe->backend, infos[i].backend) != 0)
            return cli_error(MAE_ERR_INPUT, "%s: its %s is %s on %s, the one here %s on %s", resume->path, pe->name,
                             pe->backend, pe->resource, infos[i].backend, infos[i].resource);
    }
    return 0;
}

static int check(const cli_resume *resume, const mae_context *context, const mae_model *model, const json_t *provenance)
{
    const mae_graph *graph = mae_model_graph(model);
    const json_t *threads = json_object_get(provenance, "threads");
    const mae_pe_info *infos;
    size_t n = mae_context_pes(context, &infos);
    if (!same_layers(resume->old, graph))
        return cli_error(MAE_ERR_INPUT, "%s: a profile of another network", resume->path);
    if (!same_sizes(resume->old, graph))
        return cli_error(MAE_ERR_INPUT, "%s: a profile for inputs of other sizes (--shape)", resume->path);
    if (json_is_integer(threads) && json_integer_value(threads) != mae_context_threads(context))
        return cli_error(MAE_ERR_USAGE, "%s: measured with %d threads, not %d (--threads)", resume->path,
                         (int)json_integer_value(threads), mae_context_threads(context));
    return check_pes(resume, infos, n);
}

/* ---- what is to be measured ---- */

typedef struct chooser {
    const cli_resume *resume;
    const mae_model *model;
    const json_t *engines;
    const mae_pe_info *infos;
    size_t n;
    char why[512];
} chooser;

static bool lacks_transfers(const mae_profile *profile, int p, int q)
{
    return !profile->transfers[(size_t)p * profile->n_pes + (size_t)q].crossable ||
           !profile->transfers[(size_t)q * profile->n_pes + (size_t)p].crossable;
}

/* Does the old profile lack anything about this PE? `why` says what. Transfers are measured in pairs: a PE that has
 * none to another one is measured with it. */
static bool lacks(chooser *c, size_t pe)
{
    const mae_profile *old = c->resume->old;
    int known = mae_profile_find_pe(old, c->infos[pe].name);
    const char *engine = json_string_value(json_object_get(c->engines, c->infos[pe].backend));
    snprintf(c->why, sizeof c->why, "it is not in %s", c->resume->path);
    if (known < 0)
        return true;
    snprintf(c->why, sizeof c->why, "%s has it by %s %s", c->resume->path, c->infos[pe].backend, engine ? engine : "");
    if (engine && strcmp(engine, c->infos[pe].engine) != 0)
        return true;
    for (size_t l = 0; l < old->n_layers; l++) {
        snprintf(c->why, sizeof c->why, "%s lacks layer %s of it", c->resume->path, old->layers[l].name);
        if (mae_model_supports(c->model, (int)pe, (int)l, NULL) &&
            !old->costs[l * old->n_pes + (size_t)known].supported)
            return true;
    }
    for (size_t i = 0; i < c->n; i++) {
        int other = mae_profile_find_pe(old, c->infos[i].name);
        snprintf(c->why, sizeof c->why, "%s has no transfers between it and %s", c->resume->path, c->infos[i].name);
        if (i != pe && (other < 0 || lacks_transfers(old, known, other)))
            return true;
    }
    return false;
}

/* The first layer that none of the PEs to be measured runs; -1 if there is none. */
static int uncovered_layer(const chooser *c)
{
    for (size_t l = 0; l < c->resume->old->n_layers; l++) {
        bool covered = false;
        for (size_t i = 0; i < c->resume->n_pes && !covered; i++)
            covered = mae_model_supports(c->model, c->resume->pes[i], (int)l, NULL);
        if (!covered)
            return (int)l;
    }
    return -1;
}

static void choose_all(cli_resume *resume, size_t n)
{
    resume->n_pes = n;
    for (size_t i = 0; i < n; i++)
        resume->pes[i] = (int)i;
}

/* Says what becomes of each PE; `layer` is why those are measured that lack nothing (-1: they are not). */
static void explain(chooser *c, int layer)
{
    const mae_profile *old = c->resume->old;
    for (size_t i = 0; i < c->n; i++) {
        const char *pe = c->infos[i].name, *again = mae_profile_find_pe(old, pe) >= 0 ? " again" : "";
        if (lacks(c, i))
            printf("%s: measured%s, since %s\n", pe, again, c->why);
        else if (layer >= 0)
            printf("%s: measured%s, since layer %s needs it or another PE\n", pe, again, old->layers[layer].name);
        else
            printf("%s: not measured again\n", pe);
    }
    putchar('\n');
    fflush(stdout);
}

static void choose(cli_resume *resume, chooser *c)
{
    for (size_t i = 0; i < c->n; i++)
        if (lacks(c, i))
            resume->pes[resume->n_pes++] = (int)i;
    /* Layers are timed in the running network, which takes a PE for each. */
    int layer = resume->n_pes ? uncovered_layer(c) : -1;
    if (layer >= 0)
        choose_all(resume, c->n);
    explain(c, layer);
}

int cli_resume_begin(cli_resume *resume, const char *path, mae_context *context, const mae_model *model, bool all)
{
    const mae_pe_info *infos;
    size_t n = mae_context_pes(context, &infos);
    *resume = (cli_resume){.path = path, .pes = calloc(n + 1, sizeof(int))};
    if (!resume->pes)
        return cli_nomem();
    CLI_TRY(cli_report(mae_profile_read(path, &resume->old)));
    json_t *file = json_load_file(path, 0, NULL), *provenance = json_object_get(file, "provenance");
    int status = check(resume, context, model, provenance);
    if (!status && all) {
        choose_all(resume, n);
    } else if (!status) {
        chooser c = {.resume = resume,
                     .model = model,
                     .engines = json_object_get(provenance, "engines"),
                     .infos = infos,
                     .n = n};
        choose(resume, &c);
    }
    json_decref(file);
    return status;
}

void cli_resume_finish(cli_resume *resume)
{
    mae_profile_destroy(resume->old);
    free(resume->pes);
    *resume = (cli_resume){0};
}

void cli_resume_print_gaps(const mae_profile *profile)
{
    for (int p = 0; p < (int)profile->n_pes; p++)
        for (int q = p + 1; q < (int)profile->n_pes; q++)
            if (lacks_transfers(profile, p, q))
                printf("no transfers between %s and %s: measure them together (--pes %s,%s)\n", profile->pes[p].name,
                       profile->pes[q].name, profile->pes[p].name, profile->pes[q].name);
}
