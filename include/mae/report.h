/* Reports: one HTML page of what mae found, whole in itself (docs/report.md).
 *
 *     mae_report_create       an empty report
 *     mae_report_add_file     any of the files that mae writes, in any order
 *     mae_report_write        the page
 *
 * A report takes one profile, plan, front, bench result, scenario result and trace each, or fewer, and shows what it
 * can from what it has. With a profile it also costs, by section 2 of docs/formats.md, every single PE, the greedy
 * choice, the front and mappings drawn at random, so that one sees what planning buys; and where nothing has a plan, it
 * shows the one of least latency. Names in the files are anybody's text: on the page they are escaped.
 */
#ifndef MAE_REPORT_H
#define MAE_REPORT_H

#include <stddef.h>

#include "mae/error.h"
#include "mae/profile.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mae_report mae_report;

MAE_API MAE_MUST_CHECK mae_error *mae_report_create(mae_report **ret_report);
MAE_API void mae_report_destroy(mae_report *report); /* takes NULL */

/* A file that mae wrote, known by its "format" (a trace by its "traceEvents"). MAE_ERR_INPUT, naming file, place and
 * reason: it cannot be read, is none of these, is broken, or is of another network than the others (by sha256; a plan
 * or a bench whose layers or PEs are not the profile's). MAE_ERR_USAGE: there is one of its kind. After an error the
 * report can only be destroyed. */
MAE_API MAE_MUST_CHECK mae_error *mae_report_add_file(mae_report *report, const char *path);
/* The same for `size` bytes of text in memory; `name` stands for the file on the page and in messages. Copied. */
MAE_API MAE_MUST_CHECK mae_error *mae_report_add_text(mae_report *report, const char *name, const char *text,
                                                      size_t size);
/* The same for a profile in memory; copied. */
MAE_API MAE_MUST_CHECK mae_error *mae_report_add_profile(mae_report *report, const char *name,
                                                         const mae_profile *profile);

/* The page as text, zero-terminated; the caller frees it with free(). The same files give the same bytes.
 * MAE_ERR_USAGE: nothing was added. */
MAE_API MAE_MUST_CHECK mae_error *mae_report_to_html(mae_report *report, char **ret_text);
/* Writes it to a temporary file beside `path`, then renames: whole or not at all. */
MAE_API MAE_MUST_CHECK mae_error *mae_report_write(mae_report *report, const char *path);

#ifdef __cplusplus
}
#endif
#endif
