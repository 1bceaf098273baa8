#include "cli/mapping.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/args.h"
#include "cli/message.h"
#include "cli/table.h"

/* ---- segments ---- */

static void cost_segment(const mae_profile *profile, cli_segment *s)
{
    s->sum_ms = 0;
    for (int l = s->first; l <= s->last; l++)
        s->sum_ms += profile->costs[(size_t)l * profile->n_pes + (size_t)s->pe].time_ms;
    s->measured = false;
    s->time_ms = s->sum_ms + profile->pes[s->pe].segment_ms;
    for (size_t i = 0; i < profile->n_segments; i++) {
        const mae_segment_cost *row = &profile->segments[i];
        if (row->pe == s->pe && row->first == s->first && row->last == s->last) {
            s->measured = true;
            s->time_ms = row->time_ms;
        }
    }
}

static void find_segments(cli_mapping *m)
{
    for (size_t l = 0; l < m->profile->n_layers; l++) {
        if (l == 0 || m->pe[l] != m->pe[l - 1])
            m->segments[m->n_segments++] = (cli_segment){.pe = m->pe[l], .first = (int)l};
        m->segments[m->n_segments - 1].last = (int)l;
    }
    for (size_t s = 0; s < m->n_segments; s++)
        cost_segment(m->profile, &m->segments[s]);
}

/* ---- moves ---- */

static const mae_transfer_override *find_override(const mae_profile *profile, int tensor, int from, int to)
{
    for (size_t i = 0; i < profile->n_overrides; i++) {
        const mae_transfer_override *o = &profile->overrides[i];
        if (o->tensor == tensor && o->from == from && o->to == to)
            return o;
    }
    return NULL;
}

static const mae_transfer *transfer_of(const mae_profile *profile, int from, int to)
{
    return &profile->transfers[(size_t)from * profile->n_pes + (size_t)to];
}

static double transfer_ms(const mae_profile *profile, int tensor, int from, int to)
{
    const mae_transfer_override *o = find_override(profile, tensor, from, to);
    const mae_transfer *t = transfer_of(profile, from, to);
    return o ? o->time_ms : t->fixed_ms + t->ms_per_mib * profile->tensors[tensor].bytes / 1048576;
}

static int home_of(const cli_mapping *m, int tensor)
{
    int producer = m->profile->tensors[tensor].producer;
    return producer >= 0 ? m->pe[producer] : m->profile->host;
}

static int segment_of(const cli_mapping *m, int layer)
{
    int s = 0;
    while (m->segments[s].last < layer)
        s++;
    return s;
}

/* Is the tensor handed to that layer's PE? To a later segment of its own PE, only if that has a price. */
static bool is_handed(const cli_mapping *m, int tensor, int layer)
{
    int home = home_of(m, tensor), producer = m->profile->tensors[tensor].producer, pe = m->pe[layer];
    if (home < 0 || pe != home)
        return home >= 0;
    return producer >= 0 && segment_of(m, producer) != segment_of(m, layer) &&
           (transfer_of(m->profile, home, home)->crossable || find_override(m->profile, tensor, home, home));
}

/* Each tensor goes once to each PE it is handed to, and to the host if it is an output made elsewhere. */
static void find_moves(cli_mapping *m, bool *wanted)
{
    const mae_profile *p = m->profile;
    size_t n = p->n_pes;
    for (size_t l = 0; l < p->n_layers; l++) {
        for (size_t i = 0; i < p->layers[l].n_inputs; i++) {
            int tensor = p->layers[l].inputs[i];
            wanted[(size_t)tensor * n + (size_t)m->pe[l]] |= is_handed(m, tensor, (int)l);
        }
    }
    for (size_t t = 0; t < p->n_tensors; t++) {
        int home = home_of(m, (int)t);
        if (p->tensors[t].is_output && p->tensors[t].producer >= 0 && p->host >= 0 && p->host != home)
            wanted[t * n + (size_t)p->host] = true;
        for (size_t to = 0; to < n; to++) {
            if (wanted[t * n + to])
                m->moves[m->n_moves++] = (cli_move){(int)t, home, (int)to, transfer_ms(p, (int)t, home, (int)to)};
        }
    }
}

int cli_mapping_of_plan(const mae_plan *plan, const mae_profile *profile, cli_mapping *ret_mapping)
{
    size_t cells = profile->n_tensors * profile->n_pes;
    cli_mapping m = {.profile = profile};
    m.pe = calloc(profile->n_layers + 1, sizeof *m.pe);
    m.segments = calloc(profile->n_layers + 1, sizeof *m.segments);
    m.moves = calloc(cells + 1, sizeof *m.moves);
    bool *wanted = calloc(cells + 1, sizeof *wanted);
    int status = m.pe && m.segments && m.moves && wanted ? 0 : cli_nomem();
    if (!status)
        status = cli_report(mae_plan_mapping(plan, profile, m.pe));
    if (!status) {
        find_segments(&m);
        find_moves(&m, wanted);
        *ret_mapping = m;
    } else {
        cli_mapping_clear(&m);
    }
    free(wanted);
    return status;
}

void cli_mapping_clear(cli_mapping *mapping)
{
    free(mapping->pe);
    free(mapping->segments);
    free(mapping->moves);
    *mapping = (cli_mapping){0};
}

/* ---- lists of PEs in words ---- */

int cli_list_next(const char *command, const char *option, cli_list *list, char **ret_item)
{
    if (!list->rest) {
        *ret_item = NULL;
        return 0;
    }
    size_t n = strcspn(list->rest, ",");
    list->position++;
    if (n == 0)
        return cli_usage(command, "--%s: entry %zu is empty", option, list->position);
    char *item = strndup(list->rest, n);
    if (!item)
        return cli_nomem();
    list->rest = list->rest[n] ? list->rest + n + 1 : NULL;
    *ret_item = item;
    return 0;
}

static int take_priority(const char *command, const mae_profile *profile, const cli_list *list, const char *item,
                         int *order, size_t *n)
{
    int pe = mae_profile_find_pe(profile, item);
    if (pe < 0)
        return cli_usage(command, "--priority: entry %zu: the profile has no PE '%s'", list->position, item);
    for (size_t i = 0; i < *n; i++)
        if (order[i] == pe)
            return cli_usage(command, "--priority: entry %zu: '%s' stands there twice", list->position, item);
    order[(*n)++] = pe;
    return 0;
}

int cli_priority_parse(const char *command, const mae_profile *profile, const char *text, int *ret_order, size_t *ret_n)
{
    cli_list list = {.rest = text};
    *ret_n = 0;
    for (;;) {
        char *item;
        CLI_TRY(cli_list_next(command, "priority", &list, &item));
        if (!item)
            return 0;
        int status = take_priority(command, profile, &list, item, ret_order, ret_n);
        free(item);
        CLI_TRY(status);
    }
}

/* ---- tables ---- */

/* What the segment's layers would take on a PE, one by one; the PE chosen is marked. */
static void add_sum(cli_table *table, const cli_mapping *m, const cli_segment *s, size_t pe)
{
    double sum = 0;
    bool supported = true;
    for (int l = s->first; l <= s->last; l++) {
        const mae_cost *cost = &m->profile->costs[(size_t)l * m->profile->n_pes + pe];
        supported = supported && cost->supported;
        sum += cost->time_ms;
    }
    bool chosen = (int)pe == s->pe;
    if (supported)
        cli_table_cell(table, chosen ? CLI_GREEN : CLI_PLAIN, "%.4f%s", sum, chosen ? " *" : "  ");
    else
        cli_table_cell(table, CLI_DIM, "-  ");
}

static void add_segment(cli_table *table, const cli_mapping *m, size_t i)
{
    const cli_segment *s = &m->segments[i];
    const mae_profile_layer *layers = m->profile->layers;
    cli_table_cell(table, CLI_PLAIN, "%zu", i + 1);
    cli_table_cell(table, CLI_PLAIN, "%s", m->profile->pes[s->pe].name);
    cli_table_cell(table, CLI_PLAIN, "%d", s->last - s->first + 1);
    if (s->last == s->first)
        cli_table_cell(table, CLI_PLAIN, "%.24s", layers[s->first].name);
    else
        cli_table_cell(table, CLI_PLAIN, "%.24s .. %.24s", layers[s->first].name, layers[s->last].name);
    for (size_t pe = 0; pe < m->profile->n_pes; pe++)
        add_sum(table, m, s, pe);
    cli_table_cell(table, CLI_PLAIN, "%.4f", s->time_ms);
    cli_table_cell(table, CLI_DIM, "%s", s->measured ? "measured whole" : "sum of its layers");
}

int cli_mapping_print_segments(const cli_mapping *m)
{
    static const char *const heading[] = {"#", "PE", "layers", "first .. last"};
    size_t n = m->profile->n_pes;
    char *align = malloc(n + 7);
    if (!align)
        return cli_nomem();
    memcpy(align, "rlrl", 4);
    memset(align + 4, 'r', n + 1);
    strcpy(align + 4 + n + 1, "l");
    cli_table *table = cli_table_create(align);
    for (size_t i = 0; i < sizeof heading / sizeof *heading; i++)
        cli_table_cell(table, CLI_BOLD, "%s", heading[i]);
    for (size_t pe = 0; pe < n; pe++)
        cli_table_cell(table, CLI_BOLD, "%s  ", m->profile->pes[pe].name);
    cli_table_cell(table, CLI_BOLD, "predicted ms");
    cli_table_cell(table, CLI_PLAIN, "%s", "");
    for (size_t i = 0; i < m->n_segments; i++)
        add_segment(table, m, i);
    int status = cli_table_finish(table);
    free(align);
    return status;
}

int cli_mapping_print_moves(const cli_mapping *m)
{
    if (m->n_moves == 0) {
        printf("No tensor is handed over.\n");
        return 0;
    }
    static const char *const heading[] = {"transfer", "tensors", "KiB", "predicted ms"};
    size_t n = m->profile->n_pes;
    cli_table *table = cli_table_create("lrrr");
    for (size_t i = 0; i < sizeof heading / sizeof *heading; i++)
        cli_table_cell(table, CLI_BOLD, "%s", heading[i]);
    for (size_t pair = 0; pair < n * n; pair++) {
        size_t count = 0;
        double bytes = 0, time_ms = 0;
        for (size_t i = 0; i < m->n_moves; i++) {
            if ((size_t)m->moves[i].from * n + (size_t)m->moves[i].to != pair)
                continue;
            count++;
            bytes += m->profile->tensors[m->moves[i].tensor].bytes;
            time_ms += m->moves[i].time_ms;
        }
        if (count == 0)
            continue;
        cli_table_cell(table, CLI_PLAIN, "%s -> %s%s", m->profile->pes[pair / n].name, m->profile->pes[pair % n].name,
                       pair / n == pair % n ? " (later segment)" : "");
        cli_table_cell(table, CLI_PLAIN, "%zu", count);
        cli_table_cell(table, CLI_PLAIN, "%.1f", bytes / 1024);
        cli_table_cell(table, CLI_PLAIN, "%.4f", time_ms);
    }
    return cli_table_finish(table);
}
