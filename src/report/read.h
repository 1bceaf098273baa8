/* Reading the files that only reports read. Everything read lives in the report's arena. */
#ifndef MAE_REPORT_READ_H
#define MAE_REPORT_READ_H

#include "core/profile_reader.h"
#include "report/report.h"

MAE_MUST_CHECK mae_error *mae_report_read_front(const mae_reader *r, mae_report_front **ret_front);
MAE_MUST_CHECK mae_error *mae_report_read_bench(const mae_reader *r, mae_report_bench **ret_bench);
/* What `mae bench --throughput` adds; NULL without it. `plan` is the bench's. */
MAE_MUST_CHECK mae_error *mae_report_read_throughput(const mae_reader *r, const mae_place *plan,
                                                     mae_report_throughput **ret);
MAE_MUST_CHECK mae_error *mae_report_read_scenario(const mae_reader *r, mae_report_scenario **ret_scenario);
MAE_MUST_CHECK mae_error *mae_report_read_trace(const mae_reader *r, mae_report_trace **ret_trace);

/* A number of any sign; null and absence leave *ret_exists false. */
MAE_MUST_CHECK mae_error *mae_report_read_real(const mae_reader *r, const mae_place *at, const char *key,
                                               bool *ret_exists, double *ret_number);
/* The value at `key` with the pair at `interval_key` beside it; both may be absent or null. */
MAE_MUST_CHECK mae_error *mae_report_read_value(const mae_reader *r, const mae_place *at, const char *key,
                                                const char *interval_key, mae_report_value *ret_value);
/* The object at `key` of the root; absent and not required: at->object is NULL. */
MAE_MUST_CHECK mae_error *mae_report_read_object(const mae_reader *r, const char *key, bool required,
                                                 mae_place *ret_place);

#endif
