/* The tables behind the heat maps. */
#include "report/page.h"

#include <stdlib.h>
#include <string.h>

#include "core/cost.h"

static void put_cost_cell(const mae_page *page, size_t layer, size_t pe, bool energy, bool chosen)
{
    const mae_profile *profile = page->report->profile;
    const mae_cost *cost = &profile->costs[layer * profile->n_pes + pe];
    if (!cost->supported) {
        mae_put(page->out, "<td class=\"num\">\xE2\x80\x93</td>");
        return;
    }
    double value = energy ? cost->energy_mj : cost->time_ms, spread = energy ? cost->energy_spread_mj : cost->spread_ms;
    mae_putf(page->out, "<td class=\"num%r\" data-ref=\"/profile/layers/%u/cost/%p/%r\" data-v=\"%v\">%n",
             chosen ? " chosen" : "", layer, profile->pes[pe].name, energy ? "energy_mj" : "time_ms", value, value);
    if (spread > 0)
        mae_putf(page->out, " <span class=\"interval\">\xC2\xB1 %n</span>", spread);
    mae_putf(page->out, "%r</td>", chosen ? "<span class=\"hidden\"> (chosen)</span>" : "");
}

static void put_layer(const mae_page *page, size_t layer)
{
    const mae_profile *profile = page->report->profile;
    const mae_profile_layer *l = &profile->layers[layer];
    const int *mapping = page->report->reckoned ? page->report->reckoned->mapping : NULL;
    mae_putf(page->out, "<tr><td class=\"num\">%u</td><th scope=\"row\" class=\"name\">%s</th><td>%s</td>", layer + 1,
             l->name, *l->kind ? l->kind : l->op);
    for (int energy = 0; energy <= mae_report_has_energy(page->report); energy++)
        for (size_t pe = 0; pe < profile->n_pes; pe++)
            put_cost_cell(page, layer, pe, energy, mapping && mapping[layer] == (int)pe);
    mae_put(page->out, "</tr>\n");
}

void mae_layers_table(const mae_page *page)
{
    const mae_profile *profile = page->report->profile;
    mae_putf(page->out,
             "<details><summary>All %u layers as a table</summary>\n<div class=\"scroll\"><table><caption>Cost of each "
             "layer on each PE; the chosen one is bold</caption><thead><tr><th scope=\"col\" "
             "class=\"num\">#</th><th scope=\"col\">layer</th><th scope=\"col\">kind</th>",
             profile->n_layers);
    for (int energy = 0; energy <= mae_report_has_energy(page->report); energy++)
        for (size_t pe = 0; pe < profile->n_pes; pe++)
            mae_putf(page->out, "<th scope=\"col\" class=\"num\">%s %r</th>", profile->pes[pe].name,
                     energy ? "mJ" : "ms");
    mae_put(page->out, "</tr></thead><tbody>\n");
    for (size_t i = 0; i < profile->n_layers; i++)
        put_layer(page, i);
    mae_put(page->out, "</tbody></table></div></details>\n");
}

/* ---- segments ---- */

/* What the profile says of a segment: its row, or the sum of its layers. */
static double segment_ms(const mae_profile *profile, const mae_cost_index *index, int pe, int first, int last,
                         const char **ret_origin)
{
    const mae_segment_cost *row = mae_cost_row(index, pe, first, last);
    double sum = profile->pes[pe].segment_ms;
    for (int i = first; i <= last; i++)
        sum += profile->costs[(size_t)i * profile->n_pes + (size_t)pe].time_ms;
    *ret_origin = row ? "measured as a segment" : "sum of its layers";
    return row ? row->time_ms : sum;
}

static void put_segment(const mae_page *page, size_t i, const char *pe, size_t n, const char *first, const char *last)
{
    mae_putf(page->out,
             "<tr><td class=\"num\">%u</td><th scope=\"row\" class=\"one\"><i class=\"dot pe%d\" "
             "aria-hidden=\"true\"></i>%s</th><td "
             "class=\"num\">%u</td><td class=\"name\">%s%r%s</td>",
             i + 1, mae_pe_colour(page->report, pe), pe, n, first, n > 1 ? " \xE2\x80\xA6 " : "", n > 1 ? last : "");
}

static void open_segments(const mae_page *page, bool times)
{
    mae_putf(page->out,
             "<div class=\"scroll\"><table><caption><b>Segments</b>: runs of layers on one PE, each compiled as a "
             "unit</caption><thead><tr><th scope=\"col\" class=\"num\">#</th><th scope=\"col\">PE</th><th "
             "scope=\"col\" class=\"num\">layers</th><th scope=\"col\">first \xE2\x80\xA6 last</th>%r"
             "</tr></thead><tbody>\n",
             times ? "<th scope=\"col\" class=\"num\">predicted ms</th><th scope=\"col\">from</th>" : "");
}

static void segments_of_profile(const mae_page *page, const mae_cost_index *index)
{
    const mae_profile *profile = page->report->profile;
    const int *mapping = page->report->reckoned->mapping;
    int n = (int)profile->n_layers;
    size_t count = 0;
    open_segments(page, true);
    for (int first = 0, last; first < n; first = last + 1) {
        for (last = first; last + 1 < n && mapping[last + 1] == mapping[first];)
            last++;
        const char *origin;
        double ms = segment_ms(profile, index, mapping[first], first, last, &origin);
        put_segment(page, count++, profile->pes[mapping[first]].name, (size_t)(last - first) + 1,
                    profile->layers[first].name, profile->layers[last].name);
        mae_putf(page->out, "<td class=\"num\">%n</td><td>%r</td></tr>\n", ms, origin);
    }
    mae_put(page->out, "</tbody></table></div>\n");
}

static void segments_of_plan(const mae_page *page)
{
    const mae_plan_segment *segments;
    size_t n = mae_report_segments(page->report, &segments);
    open_segments(page, false);
    for (size_t i = 0; i < n; i++) {
        put_segment(page, i, segments[i].pe, segments[i].n_layers, segments[i].layers[0],
                    segments[i].layers[segments[i].n_layers - 1]);
        mae_put(page->out, "</tr>\n");
    }
    mae_put(page->out, "</tbody></table></div>\n");
}

/* Is there a mapping whose costs a profile knows? */
static bool has_costs(const mae_report *report)
{
    return report->profile && report->reckoned && report->reckoned->mapping;
}

/* False, and the page failed: out of memory. */
static bool begin_costs(const mae_page *page, mae_cost_index *index)
{
    mae_error *error = mae_cost_index_init(index, page->report->profile);
    if (!error)
        return true;
    mae_error_free(error);
    page->out->failed = true;
    return false;
}

void mae_segments_table(const mae_page *page)
{
    const mae_plan_segment *segments;
    mae_cost_index index;
    if (!has_costs(page->report)) {
        if (mae_report_segments(page->report, &segments))
            segments_of_plan(page);
        return;
    }
    if (!begin_costs(page, &index))
        return;
    segments_of_profile(page, &index);
    mae_cost_index_finish(&index);
}

/* ---- transfers ---- */

typedef struct moves {
    const mae_page *page;
    const mae_cost_index *index;
    const int *mapping;
    size_t n;
    double total_ms, total_mj;
} moves;

static void put_move(moves *m, size_t tensor, int from, int to)
{
    const mae_report *report = m->page->report;
    const mae_profile *profile = report->profile;
    const mae_transfer *row = &profile->transfers[(size_t)from * profile->n_pes + (size_t)to];
    double ms = 0, mj = 0;
    if (!mae_cost_move(m->index, (int)tensor, from, to, &ms, &mj))
        return;
    if (m->n++ == 0)
        mae_putf(
            m->page->out,
            "<div class=\"scroll\"><table><caption><b>Transfers</b>: tensors that the plan hands from one PE's memory "
            "to "
            "another's</caption><thead><tr><th scope=\"col\">tensor</th><th scope=\"col\">from \xE2\x86\x92 to</th><th "
            "scope=\"col\" class=\"num\">KiB</th><th scope=\"col\" class=\"num\">predicted ms</th>%r<th "
            "scope=\"col\">row of the profile</th></tr></thead><tbody>\n",
            mae_report_has_energy(report) ? "<th scope=\"col\" class=\"num\">mJ</th>" : "");
    mae_putf(m->page->out, "<tr><th scope=\"row\" class=\"name\">%s</th><td>%s \xE2\x86\x92 %s</td>",
             profile->tensors[tensor].name, profile->pes[from].name, profile->pes[to].name);
    if (profile->tensors[tensor].bytes > 0)
        mae_putf(m->page->out, "<td class=\"num\">%n</td>", profile->tensors[tensor].bytes / 1024);
    else
        mae_put(m->page->out, "<td class=\"num\">unstated</td>");
    mae_putf(m->page->out, "<td class=\"num\">%n</td>", ms);
    if (mae_report_has_energy(report))
        mae_putf(m->page->out, "<td class=\"num\">%n</td>", mj);
    if (row->n > 0)
        mae_putf(m->page->out, "<td>n = %d</td></tr>\n", row->n);
    else
        mae_put(m->page->out, "<td>as stated</td></tr>\n");
    m->total_ms += ms;
    m->total_mj += mj;
}

/* The PEs that read a tensor, as a mask; the host too where it is an output. */
static uint64_t *find_readers(const mae_profile *profile, const int *mapping)
{
    uint64_t *readers = calloc(profile->n_tensors + 1, sizeof *readers);
    for (size_t l = 0; readers && l < profile->n_layers; l++)
        for (size_t i = 0; i < profile->layers[l].n_inputs; i++)
            readers[profile->layers[l].inputs[i]] |= 1ull << mapping[l];
    for (size_t t = 0; readers && profile->host >= 0 && t < profile->n_tensors; t++)
        if (profile->tensors[t].is_output && profile->tensors[t].producer >= 0)
            readers[t] |= 1ull << profile->host;
    return readers;
}

static void put_moves(moves *m)
{
    const mae_profile *profile = m->page->report->profile;
    uint64_t *readers = find_readers(profile, m->mapping);
    if (!readers) {
        m->page->out->failed = true;
        return;
    }
    for (size_t t = 0; t < profile->n_tensors; t++) {
        int producer = profile->tensors[t].producer, home = producer >= 0 ? m->mapping[producer] : profile->host;
        for (int pe = 0; home >= 0 && pe < (int)profile->n_pes; pe++)
            if (pe != home && readers[t] >> pe & 1)
                put_move(m, t, home, pe);
    }
    free(readers);
}

void mae_transfers_table(const mae_page *page)
{
    const mae_report *report = page->report;
    mae_cost_index index;
    if (!has_costs(report) || !begin_costs(page, &index))
        return;
    moves m = {page, &index, report->reckoned->mapping, 0, 0, 0};
    put_moves(&m);
    if (m.n)
        mae_putf(page->out,
                 "</tbody></table></div>\n<p class=\"sum\">%u transfer%r, %n ms of a predicted %n ms in all.</p>\n",
                 m.n, m.n == 1 ? "" : "s", m.total_ms, report->reckoned->cost.latency_ms);
    else
        mae_put(page->out, "<p class=\"sum\">The plan needs no transfers.</p>\n");
    mae_cost_index_finish(&index);
}
