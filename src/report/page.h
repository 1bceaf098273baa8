/* The sections of a page; each draws nothing where its data is not there. */
#ifndef MAE_REPORT_PAGE_H
#define MAE_REPORT_PAGE_H

#include "report/chart.h"
#include "report/report.h"

typedef struct mae_page {
    mae_html *out;
    const mae_report *report;
} mae_page;

void mae_page_head(const mae_page *page);
void mae_page_measured(const mae_page *page);   /* bench: predicted beside measured */
void mae_page_throughput(const mae_page *page); /* frames a second, loads of stages */
void mae_page_mapping(const mae_page *page);    /* layers x PE, segments, transfers */
void mae_page_network(const mae_page *page);    /* the graph */
void mae_page_choices(const mae_page *page);    /* front and cloud */
void mae_page_character(const mae_page *page);  /* kinds of layers, rooflines */
void mae_page_timeline(const mae_page *page);
void mae_page_scenario(const mae_page *page);
void mae_page_sources(const mae_page *page);

/* The page's figures as the text of a JSON object, safe within <script>; freed with free(). */
MAE_MUST_CHECK mae_error *mae_page_figures(const mae_report *report, char **ret_text);

/* ---- what sections share ---- */

/* <section> with its heading and what it says first. `origin`: "measured", "predicted", ... */
void mae_section_open(const mae_page *page, const char *id, const char *title, const char *origin);
void mae_section_close(const mae_page *page);
void mae_origin(mae_html *out, const char *origin); /* a badge */

/* A key of colours: the PEs by name. */
void mae_pe_key(const mae_page *page);
#define MAE_N_COLOURS 8
/* The number of a PE's colour. */
int mae_pe_colour(const mae_report *report, const char *name);

/* "3.21 ms [3.10, 3.40]" without the unit; a dash where there is none. */
void mae_put_value(mae_html *out, const mae_report_value *value);

/* The tables behind the heat maps: every layer, the segments, the transfers. */
void mae_layers_table(const mae_page *page);
void mae_segments_table(const mae_page *page);
void mae_transfers_table(const mae_page *page);

/* What was raced for frames a second, as the head's table; for a bench that has them. */
void mae_throughput_beside(const mae_page *page);

/* "measured", "recorded", ...; "" where the file does not say. */
const char *mae_source_words(mae_cost_source source);
/* Where most of the profile's times (or energies) come from, for a badge. */
const char *mae_profile_origin(const mae_profile *profile, bool energy);

/* Is there energy in the profile? */
bool mae_report_has_energy(const mae_report *report);

/* A key of the plan's file, which may leave out what it predicts; NULL: it has none, or there is no such file. */
json_t *mae_plan_states(const mae_report *report, const char *key);

const char *mae_goal_words(const mae_goal *goal, char text[static 256]);

extern const char mae_report_css[], mae_report_js[]; /* made from report.css and report.js */

#endif
