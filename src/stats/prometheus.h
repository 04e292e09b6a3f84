/* SPDX-License-Identifier: MIT */
/* prometheus.h - the statistics as Prometheus and what speaks like it read them. Pure. */
#ifndef ML_STATS_PROMETHEUS_H
#define ML_STATS_PROMETHEUS_H

#include <stdbool.h>

#include "base/format.h"
#include "memlog_stats.h"
#include "os/account.h"
#include "stats/fields.h"

/* What to answer with; the second where the client's Accept names application/openmetrics-text. */
#define ML_PROMETHEUS_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define ML_OPENMETRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

struct ml_prometheus {
    const struct memlog_memstats *stats;
    const struct memlog_extra *extra;
    const struct ml_os_account *process; /* NULL: nothing is told of the process as such */
    const char *version;                 /* of memlog; without quotes, backslashes, line ends */
    bool open_metrics;                   /* OpenMetrics 1.0 instead of the classic text 0.0.4 */
    bool go_names;                       /* the numbers again, as a Go program's are called */
};

/* 160 numbers and two for each size class in use, 12 to 24 KiB; with go_names 34 more. */
void ml_prometheus_write(struct ml_text *text, const struct ml_prometheus *input);

/* --- the parts of the above for numbers that were counted at another time -------------- */

/* What stands before a family's numbers in OpenMetrics. name is theirs: a total's ends in _total. */
void ml_openmetrics_family(struct ml_text *text, const char *name, enum ml_field_kind kind,
                           const char *help);
/* The number of that field (ml_field_is_one_number), which is at value with the field's type. */
void ml_prometheus_number(struct ml_text *text, const struct ml_field *field, const void *value);

#endif
