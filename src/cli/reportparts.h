/* SPDX-License-Identifier: MIT */
/* reportparts.h - a report before it is text: what was found out, the sentences that say it, and
 * the three forms it is printed in.
 */
#ifndef ML_CLI_REPORTPARTS_H
#define ML_CLI_REPORTPARTS_H

#include <stdbool.h>
#include <stdio.h>

#include "reading/damage.h"
#include "reading/findings.h"
#include "reading/forecast.h"
#include "reading/survey.h"
#include "stats/fields.h"

struct ml_report {
    const char *file;
    const struct ml_survey *survey;
    const struct ml_study *study; /* the run that it is about */
    struct ml_damage damage;
    struct ml_limit limit;
    struct ml_forecast forecast;
    struct ml_findings findings;
    bool lists_runs; /* each one has a line */
};

/* The trend that the verdict is about. */
const struct ml_trend *ml_report_trend(const struct ml_report *report);
const char *ml_report_column(const struct ml_report *report); /* its column */

/* ---- words (reportwords.c) ---- */

enum ml_topic {
    ML_TOPIC_VERDICT,
    ML_TOPIC_TREND,
    ML_TOPIC_FINDING,
    ML_TOPIC_LIMIT,
    ML_TOPIC_RUNS,
    ML_TOPIC_ADVICE
};
/* Each sentence in turn; it is the callee's until it returns. */
void ml_report_say(const struct ml_report *report,
                   void (*say)(void *context, enum ml_topic topic, const char *sentence),
                   void *context);
/* One word for the whole: "growing". */
const char *ml_report_word(const struct ml_report *report);
const char *ml_finding_word(enum ml_finding_kind kind); /* "leak_by_number" */

/* ---- values (reportvalues.c): into the caller's text, which is returned ---- */

enum { ML_VALUE_BYTES = 40 };
/* In the unit of the column of that name: "12.3 MiB", "1234", "2026-11-21 08:00:00". */
const char *ml_value_text(const char *column, double value, char *text);
/* The same of what was reckoned and not counted: "107.9 million". */
const char *ml_growth_text(const char *column, double value, char *text);
const char *ml_rough_text(double count, char *text);
const char *ml_moment_text(int64_t time_ns, char *text); /* local time */
const char *ml_span_text(double seconds, char *text);    /* "3 d 2 h" */
const char *ml_rate_text(double bytes, char *text);      /* with its sign: "1.2 MiB" */
const char *ml_percent_text(double share, char *text);   /* "99 %"; never 100 */
bool ml_column_is_total(const char *column);
bool ml_column_is_moment(const char *column); /* such as LastGC */

/* ---- forms ---- */

void ml_report_text(const struct ml_report *report, FILE *to);
void ml_report_markdown(const struct ml_report *report, FILE *to);
void ml_report_json(const struct ml_report *report, FILE *to);

#endif
