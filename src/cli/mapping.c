#include "cli/mapping.h"

#include <stdio.h>
#include <stdlib.h>

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

static double transfer_ms(const mae_profile *profile, int tensor, int from, int to)
{
    for (size_t i = 0; i < profile->n_overrides; i++) {
        const mae_transfer_override *o = &profile->overrides[i];
        if (o->tensor == tensor && o->from == from && o->to == to)
            return o->time_ms;
    }
    const mae_transfer *t = &profile->transfers[(size_t)from * profile->n_pes + (size_t)to];
    return t->fixed_ms + t->ms_per_mib * profile->tensors[tensor].bytes / 1048576;
}

static int home_of(const cli_mapping *m, int tensor)
{
    int producer = m->profile->tensors[tensor].producer;
    return producer >= 0 ? m->pe[producer] : m->profile->host;
}

/* Each tensor goes once to each other PE that reads it, and to the host if it is an output. */
static void find_moves(cli_mapping *m, bool *wanted)
{
    const mae_profile *p = m->profile;
    size_t n = p->n_pes;
    for (size_t l = 0; l < p->n_layers; l++) {
        for (size_t i = 0; i < p->layers[l].n_inputs; i++)
            wanted[(size_t)p->layers[l].inputs[i] * n + (size_t)m->pe[l]] = true;
    }
    for (size_t t = 0; t < p->n_tensors; t++) {
        if (p->tensors[t].is_output && p->tensors[t].producer >= 0 && p->host >= 0)
            wanted[t * n + (size_t)p->host] = true;
        int home = home_of(m, (int)t);
        for (size_t to = 0; to < n && home >= 0; to++) {
            if (wanted[t * n + to] && (int)to != home)
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

/* ---- tables ---- */

int cli_mapping_print_segments(const cli_mapping *m)
{
    static const char *const heading[] = {"segment", "PE", "layers", "first .. last", "predicted ms", "from"};
    cli_table *table = cli_table_create("rlrlrl");
    for (size_t i = 0; i < sizeof heading / sizeof *heading; i++)
        cli_table_cell(table, CLI_BOLD, "%s", heading[i]);
    for (size_t i = 0; i < m->n_segments; i++) {
        const cli_segment *s = &m->segments[i];
        const mae_profile_layer *layers = m->profile->layers;
        cli_table_cell(table, CLI_PLAIN, "%zu", i + 1);
        cli_table_cell(table, CLI_PLAIN, "%s", m->profile->pes[s->pe].name);
        cli_table_cell(table, CLI_PLAIN, "%d", s->last - s->first + 1);
        if (s->last == s->first)
            cli_table_cell(table, CLI_PLAIN, "%.40s", layers[s->first].name);
        else
            cli_table_cell(table, CLI_PLAIN, "%.40s .. %.40s", layers[s->first].name, layers[s->last].name);
        cli_table_cell(table, CLI_PLAIN, "%.4f", s->time_ms);
        cli_table_cell(table, CLI_DIM, "%s", s->measured ? "this segment, measured" : "sum of its layers");
    }
    return cli_table_finish(table);
}

int cli_mapping_print_moves(const cli_mapping *m)
{
    if (m->n_moves == 0) {
        printf("No tensor changes its PE.\n");
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
        cli_table_cell(table, CLI_PLAIN, "%s -> %s", m->profile->pes[pair / n].name, m->profile->pes[pair % n].name);
        cli_table_cell(table, CLI_PLAIN, "%zu", count);
        cli_table_cell(table, CLI_PLAIN, "%.1f", bytes / 1024);
        cli_table_cell(table, CLI_PLAIN, "%.4f", time_ms);
    }
    return cli_table_finish(table);
}
