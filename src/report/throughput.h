/* What the section of frames a second is made of. */
#ifndef MAE_REPORT_THROUGHPUT_H
#define MAE_REPORT_THROUGHPUT_H

#include "report/page.h"

/* The entries with the offered one first, then what was raced, what ran once, what did not run, the fastest first.
 * Freed with free(); NULL: out of memory. */
const mae_report_entry **mae_throughput_sorted(const mae_report_throughput *t);

/* The loads of the arrangement's stages; nothing where no file has one. */
void mae_page_loads(const mae_page *page);

#endif
