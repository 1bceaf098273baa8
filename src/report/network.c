/* The network as a graph, coloured by PE, in lines like those of a text. */
#include "report/page.h"

#include <math.h>

#include "report/net.h"

#define MOST_DRAWN 2000 /* layers */
#define LANE 26.0
#define NODE_WIDTH 28.0
#define NAMED_WIDTH 96.0 /* where a few layers leave room for their names */
#define MOST_NAMED 40
#define NODE_HEIGHT 18.0

typedef struct drawing {
    const mae_page *page;
    const mae_net *net;
    const mae_view *view;
    size_t per_line;    /* ranks */
    double step;        /* from rank to rank */
    double *tops;       /* of each line: what is added to y * LANE */
    double margin, box; /* box: the width of a layer's */
} drawing;

static size_t line_of(const drawing *d, int rank)
{
    return (size_t)rank / d->per_line;
}

static double x_of(const drawing *d, const mae_net_node *node)
{
    return d->margin + ((double)((size_t)node->rank % d->per_line) + 0.5) * d->step;
}

static double y_of(const drawing *d, const mae_net_node *node)
{
    return d->tops[line_of(d, node->rank)] + node->y * LANE;
}

/* Lines below each other, each as high as its nodes need; the height of all. */
static double stack_lines(drawing *d)
{
    double top = 0;
    for (size_t line = 0; line * d->per_line < d->net->n_ranks; line++) {
        mae_range range = MAE_RANGE_INIT;
        size_t end = (line + 1) * d->per_line < d->net->n_ranks ? (line + 1) * d->per_line : d->net->n_ranks;
        for (size_t i = d->net->first[line * d->per_line]; i < d->net->first[end]; i++)
            mae_range_add(&range, d->net->nodes[d->net->order[i]].y);
        d->tops[line] = top - range.low * LANE + 16;
        top += (range.high - range.low) * LANE + 40;
    }
    return top;
}

static double half_width(const drawing *d, const mae_net_node *node)
{
    return node->layer >= 0 ? d->box / 2 : 0;
}

static void put_edge(const drawing *d, const mae_net_edge *edge)
{
    mae_html *out = d->page->out;
    const mae_net_node *from = &d->net->nodes[edge->from], *to = &d->net->nodes[edge->to];
    const mae_report_reckoned *reckoned = d->page->report->reckoned;
    const int *mapping = reckoned ? reckoned->mapping : NULL;
    double x = x_of(d, from) + half_width(d, from), y = y_of(d, from), u = x_of(d, to) - half_width(d, to),
           v = y_of(d, to);
    mae_putf(out, "<path class=\"edge%r\" d=\"M%c %c",
             mapping && mapping[edge->source] != mapping[edge->target] ? " move" : "", x, y);
    if (line_of(d, from->rank) == line_of(d, to->rank))
        mae_putf(out, "C%c %c %c %c %c %c\"/>", (x + u) / 2, y, (x + u) / 2, v, u, v);
    else /* as a line of text goes on in the next */
        mae_putf(out, "H%cM%c %cH%c\"/>", d->view->width - 3, 3.0, v, u);
}

/* A long edge's ends, each with the number of the other. */
static void put_stub(const drawing *d, const mae_net_stub *stub)
{
    const mae_net_node *from = &d->net->nodes[stub->source], *to = &d->net->nodes[stub->target];
    double x = x_of(d, from) + 4, y = y_of(d, from) + NODE_HEIGHT / 2, u = x_of(d, to) - 4,
           v = y_of(d, to) - NODE_HEIGHT / 2;
    mae_putf(d->page->out,
             "<path class=\"edge\" d=\"M%c %cv4M%c %cv-4\"/><text class=\"stub mid\" x=\"%c\" "
             "y=\"%c\">\xE2\x86\x92%d</text><text "
             "class=\"stub mid\" x=\"%c\" y=\"%c\">%d\xE2\x86\x92</text>",
             x, y, u, v, x, y + 11, stub->target + 1, u, v - 5, stub->source + 1);
}

static void put_node(const drawing *d, size_t layer)
{
    const mae_report *report = d->page->report;
    const mae_profile *profile = report->profile;
    const mae_profile_layer *l = &profile->layers[layer];
    const int *mapping = report->reckoned ? report->reckoned->mapping : NULL;
    const mae_net_node *node = &d->net->nodes[layer];
    const char *what = *l->kind ? l->kind : l->op;
    const char *pe = mapping ? profile->pes[mapping[layer]].name : NULL;
    double x = x_of(d, node) - d->box / 2, y = y_of(d, node) - NODE_HEIGHT / 2;
    mae_putf(d->page->out, "<g class=\"m\" role=\"img\" tabindex=\"-1\" aria-label=\"Layer %u, %s%r%s%r", layer + 1,
             l->name, *what ? " (" : "", what, *what ? ")" : "");
    if (pe)
        mae_putf(d->page->out, ", on %s: %n ms", pe,
                 profile->costs[layer * profile->n_pes + (size_t)mapping[layer]].time_ms);
    for (size_t i = 0; i < l->n_outputs; i++)
        if (profile->tensors[l->outputs[i]].bytes > 0)
            mae_putf(d->page->out, "; makes %s, %n KiB", profile->tensors[l->outputs[i]].name,
                     profile->tensors[l->outputs[i]].bytes / 1024);
    mae_put(d->page->out, "\"");
    if (pe)
        mae_putf(d->page->out, " data-ref=\"/computed/plan/mapping/%u\" data-v=\"%q\"", layer, pe);
    int colour = pe ? mae_pe_colour(report, pe) : MAE_N_COLOURS - 1;
    mae_putf(d->page->out,
             "><rect class=\"fill pe%d\" x=\"%c\" y=\"%c\" width=\"%c\" height=\"%c\" rx=\"%c\"/><text class=\"mid "
             "on\" x=\"%c\" y=\"%c\">%u",
             colour, x, y, d->box, NODE_HEIGHT, colour % 2 ? 2.0 : 9.0, x + d->box / 2, y + 13, layer + 1);
    if (d->box > NODE_WIDTH) {
        mae_put(d->page->out, " \xC2\xB7 ");
        mae_put_short(d->page->out, l->name, 8);
    }
    mae_put(d->page->out, "</text></g>");
}

static void put_drawing(const mae_page *page, const mae_net *net, const mae_view *view)
{
    drawing d = {.page = page, .net = net, .view = view, .margin = 12};
    double tops[MOST_DRAWN + 1];
    d.box = page->report->profile->n_layers <= MOST_NAMED ? NAMED_WIDTH : NODE_WIDTH;
    d.per_line = (size_t)((view->width - 24) / (d.box + (d.box > NODE_WIDTH ? 18 : 10)));
    d.step = (view->width - 24) / (double)d.per_line;
    d.tops = tops;
    double height = stack_lines(&d);
    mae_chart_open(page->out, view, height, "The network's layers and the tensors between them, coloured by PE");
    for (size_t i = 0; i < net->n_edges; i++)
        put_edge(&d, &net->edges[i]);
    for (size_t i = 0; i < net->n_stubs; i++)
        put_stub(&d, &net->stubs[i]);
    for (size_t i = 0; i < page->report->profile->n_layers; i++)
        put_node(&d, i);
    mae_chart_close(page->out);
}

void mae_page_network(const mae_page *page)
{
    const mae_profile *profile = page->report->profile;
    mae_net net;
    if (!profile)
        return;
    mae_section_open(page, "network", "The network", "profile");
    if (profile->n_layers > MOST_DRAWN) {
        mae_putf(page->out, "<p>%u layers are too many to draw; the table above has them.</p>\n", profile->n_layers);
        mae_section_close(page);
        return;
    }
    mae_arena *arena = mae_arena_create();
    mae_error *error = arena ? mae_net_layout(profile, arena, &net) : NULL;
    if (!arena || error) {
        mae_error_free(error);
        mae_arena_destroy(arena);
        page->out->failed = true;
        return;
    }
    mae_put(page->out,
            "<p>Each box is a layer with its number, coloured by the PE that the plan gives it to; the drawing goes on "
            "in the next line as a text does. Thick edges cross from one PE to another. A short edge with a number "
            "leads to that layer, or comes from it.</p>\n");
    mae_pe_key(page);
    mae_put(page->out, "<figure>");
    for (size_t v = 0; v < MAE_N_VIEWS; v++)
        put_drawing(page, &net, &mae_views[v]);
    mae_put(page->out, "</figure>\n");
    mae_section_close(page);
    mae_arena_destroy(arena);
}
