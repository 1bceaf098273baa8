/* The page as a whole, and what its sections share. */
#include "report/page.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void mae_origin(mae_html *out, const char *origin)
{
    mae_putf(out, "<span class=\"origin\">%s</span>", origin);
}

void mae_section_open(const mae_page *page, const char *id, const char *title, const char *origin)
{
    mae_putf(page->out, "<section id=\"%r\" aria-labelledby=\"%r-title\">\n<h2 id=\"%r-title\">%s ", id, id, id, title);
    mae_origin(page->out, origin);
    mae_put(page->out, "</h2>\n");
}

void mae_section_close(const mae_page *page)
{
    mae_put(page->out, "</section>\n");
}

int mae_pe_colour(const mae_report *report, const char *name)
{
    int pe = mae_report_pe(report, name);
    return pe < 0 ? MAE_N_COLOURS - 1 : pe % MAE_N_COLOURS;
}

void mae_pe_key(const mae_page *page)
{
    mae_put(page->out, "<ul class=\"key\">");
    for (size_t i = 0; i < page->report->n_pes; i++)
        mae_putf(page->out,
                 "<li><svg width=\"16\" height=\"12\" aria-hidden=\"true\"><rect class=\"fill pe%d\" width=\"16\" "
                 "height=\"12\" rx=\"3\"/></svg> %s</li>",
                 mae_pe_colour(page->report, page->report->pes[i]), page->report->pes[i]);
    mae_put(page->out, "</ul>\n");
}

void mae_put_value(mae_html *out, const mae_report_value *value)
{
    if (!value->exists)
        mae_put(out, "\xE2\x80\x93");
    else if (value->has_interval)
        mae_putf(out, "%n <span class=\"interval\">[%n, %n]</span>", value->value, value->low, value->high);
    else
        mae_putf(out, "%n", value->value);
}

bool mae_report_has_energy(const mae_report *report)
{
    return report->profile && report->profile->energy != MAE_ENERGY_NONE;
}

json_t *mae_plan_states(const mae_report *report, const char *key)
{
    const mae_report_file *file = mae_report_find(report, MAE_REPORT_PLAN);
    return file ? json_object_get(mae_json_root(file->json), key) : NULL;
}

const char *mae_goal_words(const mae_goal *goal, char text[static 256])
{
    static const char *const names[] = {"least latency", "least energy", "least energy \xC3\x97 latency", "weighted",
                                        "most frames a second"};
    int n = snprintf(text, 256, "%s", names[goal->minimize]);
    if (goal->minimize == MAE_MIN_WEIGHTED)
        n += snprintf(text + n, 256 - (size_t)n, " (%g latency, %g energy)", goal->weight, 1 - goal->weight);
    if (goal->max_latency_ms > 0)
        n += snprintf(text + n, 256 - (size_t)n, ", latency \xE2\x89\xA4 %g ms", goal->max_latency_ms);
    if (goal->max_energy_mj > 0)
        n += snprintf(text + n, 256 - (size_t)n, ", energy \xE2\x89\xA4 %g mJ", goal->max_energy_mj);
    if (goal->max_power_w > 0)
        n += snprintf(text + n, 256 - (size_t)n, ", power \xE2\x89\xA4 %g W", goal->max_power_w);
    if (goal->period_ms > 0)
        n += snprintf(text + n, 256 - (size_t)n, ", a frame every %g ms", goal->period_ms);
    if (goal->max_switches >= 0)
        snprintf(text + n, 256 - (size_t)n, ", at most %d switches", goal->max_switches);
    return text;
}

/* ---- where everything comes from ---- */

static void put_provenance(const mae_page *page)
{
    const mae_report_file *file = mae_report_find(page->report, MAE_REPORT_PROFILE);
    json_t *provenance = file ? json_object_get(mae_json_root(file->json), "provenance") : NULL, *value;
    const char *key, *engine;
    json_object_foreach (provenance, key, value) {
        if (json_is_string(value))
            mae_putf(page->out, "<dt>%s</dt><dd>%s</dd>", key, json_string_value(value));
        else if (json_is_number(value))
            mae_putf(page->out, "<dt>%s</dt><dd>%n</dd>", key, json_number_value(value));
        else if (json_is_object(value) && strcmp(key, "engines") == 0) {
            json_t *version;
            mae_put(page->out, "<dt>engines</dt><dd>");
            json_object_foreach (value, engine, version)
                mae_putf(page->out, "<span class=\"item\">%s %s</span> ", engine,
                         json_is_string(version) ? json_string_value(version) : "");
            mae_put(page->out, "</dd>");
        }
    }
    json_t *note = file ? json_object_get(mae_json_root(file->json), "note") : NULL;
    if (json_is_string(note))
        mae_putf(page->out, "<dt>note of the profile</dt><dd>%s</dd>", json_string_value(note));
}

static const char *const kind_says[MAE_REPORT_KINDS] = {"profile: what each layer costs on each PE",
                                                        "plan: predicted by a profile",
                                                        "front: predicted by a profile",
                                                        "bench: measured, turn by turn",
                                                        "scenario: played on a virtual SoC",
                                                        "trace: recorded as frames ran"};

void mae_page_sources(const mae_page *page)
{
    mae_put(page->out,
            "<section id=\"sources\" aria-labelledby=\"sources-title\">\n<h2 id=\"sources-title\">What this page was "
            "made from</h2>\n<dl class=\"sources\">");
    for (size_t i = 0; i < page->report->n_files; i++)
        mae_putf(page->out, "<dt><code>%s</code></dt><dd>%r</dd>", page->report->files[i].name,
                 kind_says[page->report->files[i].kind]);
    put_provenance(page);
    mae_put(page->out,
            "</dl>\n<dl class=\"words\"><dt>measured</dt><dd>run on the machine and timed, or metered; with a 95 % "
            "interval "
            "where one is shown in brackets</dd><dt>differenced</dt><dd>the difference of two measured runs</dd>"
            "<dt>recorded</dt><dd>taken from elsewhere, as the file's note says; or, of a trace, noted as it "
            "ran</dd><dt>modelled</dt><dd>computed from stated figures, such as watts</dd><dt>predicted</dt><dd>summed "
            "from "
            "a profile's costs for a mapping that need not have run</dd><dt>virtual</dt><dd>played on a virtual SoC, "
            "paced by "
            "a profile</dd></dl>\n</section>\n");
}

/* ---- the page ---- */

static const char policy[] =
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src "
    "'nonce-mae'; base-uri 'none'; form-action 'none'\">\n";

static const char *title_of(const mae_report *report)
{
    const char *names[] = {
        report->profile ? report->profile->model_name : "", report->bench ? report->bench->model_name : "",
        report->plan ? report->plan->model_name : "",       report->front ? report->front->model_name : "",
        report->scenario ? report->scenario->model : "",    report->trace ? report->trace->model : ""};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i] && *names[i])
            return names[i];
    return "a network";
}

static void put_begin(const mae_page *page)
{
    mae_html *out = page->out;
    const char *title = title_of(page->report);
    const char *soc = page->report->profile    ? page->report->profile->soc_name
                      : page->report->plan     ? page->report->plan->soc_name
                      : page->report->scenario ? page->report->scenario->soc
                                               : "";
    const char *mode = page->report->profile ? page->report->profile->soc_mode : "";
    mae_put(out, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    mae_put(out, policy);
    mae_put(out,
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" "
            "content=\"light dark\">\n<meta name=\"generator\" content=\"mae " MAE_VERSION "\">\n");
    mae_putf(out, "<title>%s: multi-accelerator execution report</title>\n<style>\n%r</style>\n</head>\n<body>\n",
             title, mae_report_css);
    mae_put(
        out,
        "<a class=\"skip\" href=\"#main\">Skip to the figures</a>\n<header>\n<p class=\"eyebrow\">Multi-accelerator "
        "execution report</p>\n");
    mae_putf(out, "<h1>%s%r%s%r</h1>\n", title, soc && *soc ? " <span>on " : "", soc ? soc : "",
             soc && *soc ? "</span>" : "");
    if (mode && *mode)
        mae_putf(out, "<p class=\"mode\">%s</p>\n", mode);
}

static void put_end(const mae_page *page, const char *figures)
{
    mae_putf(page->out,
             "<footer><p>Written by mae " MAE_VERSION
             ". This page is whole in itself: it asks nothing of any network. Its "
             "figures are also in it as JSON, in the element <code>mae-figures</code>.</p></footer>\n<div id=\"tip\" "
             "aria-hidden=\"true\"></div>\n<script type=\"application/json\" id=\"mae-figures\">%r</script>\n<script "
             "nonce=\"mae\">\n%r</script>\n</body>\n</html>\n",
             figures, mae_report_js);
}

mae_error *mae_report_render(const mae_report *report, char **ret_text)
{
    mae_html out = {0};
    mae_page page = {&out, report};
    char *figures = NULL;
    MAE_TRY(mae_page_figures(report, &figures));
    put_begin(&page);
    mae_page_head(&page);
    mae_put(&out, "</header>\n<main id=\"main\">\n");
    mae_page_measured(&page);
    mae_page_throughput(&page);
    mae_page_mapping(&page);
    mae_page_network(&page);
    mae_page_choices(&page);
    mae_page_character(&page);
    mae_page_timeline(&page);
    mae_page_scenario(&page);
    mae_page_sources(&page);
    mae_put(&out, "</main>\n");
    put_end(&page, figures);
    free(figures);
    if (out.failed) {
        free(out.text);
        return mae_error_nomem();
    }
    *ret_text = out.text;
    return NULL;
}
